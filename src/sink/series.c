/* SPDX-License-Identifier: Apache-2.0
 * Files that follow one another: their names and numbers. */
#include "sink/sink.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Where the number stands: before an ending that is known. */
static size_t stem_length(const char *path)
{
    size_t n = strlen(path);
    for (int i = 0; wtl_writer_at(i); i++)
        if (wtl_ends_with(path, wtl_writer_at(i)->ending))
            return n - strlen(wtl_writer_at(i)->ending);
    return wtl_ends_with(path, ".wattle") ? n - strlen(".wattle") : n;
}

bool wtl_series_path(const char *path, int64_t number, char *out, size_t size)
{
    size_t stem = stem_length(path);
    int n = snprintf(out, size, "%.*s.%04" PRId64 "%s", (int)stem, path, number, path + stem);
    return n > 0 && (size_t)n < size;
}

/* The number of a file's name in the series of `base`; 0: it is none of it. */
static int64_t number_of(const char *base, const char *name)
{
    size_t stem = stem_length(base), ending = strlen(base + stem), n = strlen(name);
    int64_t number = 0;
    if (n < stem + 5 + ending || strncmp(name, base, stem) != 0 || name[stem] != '.' ||
        strcmp(name + n - ending, base + stem) != 0 ||
        !wtl_parse_int(name + stem + 1, n - stem - 1 - ending, &number))
        return 0;
    return name[stem + 1] >= '0' && name[stem + 1] <= '9' ? number : 0;
}

static DIR *open_dir(const char *path)
{
    char dir[WTL_LIMIT_PATH];
    size_t n = (size_t)(wtl_path_base(path) - path);
    if (n >= sizeof dir)
        return NULL;
    (void)snprintf(dir, sizeof dir, "%.*s", n ? (int)n : 1, n ? path : ".");
    return opendir(dir);
}

int wtl_series_last(const char *path, int64_t *last_out, struct wtl_error *err)
{
    DIR *dir = open_dir(path);
    if (!dir)
        return wtl_fail_errno(err, errno, "look for files beside", path);
    int64_t last = 0;
    for (const struct dirent *e; (e = readdir(dir));) {
        int64_t number = number_of(wtl_path_base(path), e->d_name);
        last = number > last ? number : last;
    }
    (void)closedir(dir);
    *last_out = last;
    return 0;
}

int64_t wtl_series_remove_upto(const char *path, int64_t upto)
{
    DIR *dir = open_dir(path);
    int64_t removed = 0;
    if (!dir)
        return 0;
    for (const struct dirent *e; (e = readdir(dir));) {
        int64_t number = number_of(wtl_path_base(path), e->d_name);
        if (number > 0 && number <= upto && unlinkat(dirfd(dir), e->d_name, 0) == 0)
            removed++;
    }
    (void)closedir(dir);
    return removed;
}
