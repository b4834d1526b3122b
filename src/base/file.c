/* SPDX-License-Identifier: Apache-2.0
 * Files and directories. */
#include "base/file.h"

#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int wtl_fail_errno(struct wtl_error *err, int errno_value, const char *verb, const char *path)
{
    enum wtl_code code = WTL_IO;
    const char *hint = "";
    switch (errno_value) {
    case ENOENT:
    case ENOTDIR:
        code = WTL_NOTFOUND;
        break;
    case EACCES:
    case EPERM:
    case EROFS:
        code = WTL_PERMISSION;
        break;
    case ENOMEM:
        return WTL_FAIL(err, WTL_NOMEM, "out of memory (cannot %s \"%s\")", verb, path);
    case ENOSPC:
    case EDQUOT:
        hint = "free some space and run the same command again; nothing stored was lost";
        break;
    default:
        break;
    }
    int rc = WTL_FAIL(err, code, "cannot %s \"%s\": %s", verb, path, strerror(errno_value));
    if (hint[0])
        wtl_error_hint(err, "%s", hint);
    return rc;
}

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define AUTO_CLOSE __attribute__((cleanup(close_fd))) int

int wtl_file_read(struct wtl_arena *arena, const char *path, size_t max, char **data_out,
                  size_t *size_out, struct wtl_error *err)
{
    bool standard_input = strcmp(path, "-") == 0;
    AUTO_CLOSE fd = standard_input ? dup(0) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return wtl_fail_errno(err, errno, "open", path);
    struct stat st;
    if (fstat(fd, &st) != 0)
        return wtl_fail_errno(err, errno, "look at", path);
    if (S_ISDIR(st.st_mode))
        return wtl_fail_errno(err, EISDIR, "read", path);
    size_t cap = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size + 1 : 65536;
    size_t n = 0;
    char *data = wtl_arena_calloc(arena, 1, cap + 1);
    for (;;) {
        if (!data)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory reading \"%s\"", path);
        ssize_t got = read(fd, data + n, cap - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return wtl_fail_errno(err, errno, "read", path);
        if (got == 0)
            break;
        n += (size_t)got;
        if (n > max)
            return WTL_FAIL(err, WTL_LIMIT, "\"%s\" is larger than %zu bytes", path, max);
        if (n == cap) {
            char *bigger = wtl_arena_calloc(arena, 1, cap * 2 + 1);
            if (bigger)
                memcpy(bigger, data, n);
            data = bigger;
            cap *= 2;
        }
    }
    data[n] = '\0';
    *data_out = data;
    *size_out = n;
    return 0;
}

bool wtl_begins_as_campaign(const char *data, size_t n)
{
    static const char magic[] = "SQLite format 3"; /* its NUL is part of it */
    return n >= sizeof magic && memcmp(data, magic, sizeof magic) == 0;
}

int wtl_make_dirs(const char *path, struct wtl_error *err)
{
    char partial[WTL_LIMIT_PATH];
    int n = snprintf(partial, sizeof partial, "%s", path);
    if (n <= 0 || (size_t)n >= sizeof partial)
        return WTL_FAIL(err, WTL_USAGE, "\"%.80s\" is not a usable directory name", path);
    for (char *p = partial + 1;; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char saved = *p;
        *p = '\0';
        if (mkdir(partial, 0777) != 0 && errno != EEXIST)
            return wtl_fail_errno(err, errno, "create directory", partial);
        *p = saved;
        if (saved == '\0')
            break;
    }
    struct stat st;
    if (stat(path, &st) != 0)
        return wtl_fail_errno(err, errno, "create directory", path);
    return S_ISDIR(st.st_mode) ? 0 : wtl_fail_errno(err, ENOTDIR, "create directory", path);
}

char *wtl_path_join(struct wtl_arena *arena, const char *dir, const char *name)
{
    if (name[0] == '/' || dir[0] == '\0' || strcmp(dir, ".") == 0)
        return wtl_arena_strdup(arena, name);
    bool slash = dir[strlen(dir) - 1] == '/';
    return wtl_arena_printf(arena, "%s%s%s", dir, slash ? "" : "/", name);
}

const char *wtl_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

struct walk {
    wtl_walk_fn fn;
    wtl_walk_denied_fn denied; /* NULL: such a directory ends the walk */
    void *ctx;
    long files;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The visible names of a directory, sorted, in `arena`. */
static int list_names(struct wtl_arena *arena, const char *dir, char ***names_out, size_t *n_out,
                      struct wtl_error *err)
{
    DIR *d = opendir(dir);
    if (!d)
        return wtl_fail_errno(err, errno, "open directory", dir);
    char **names = NULL;
    size_t n = 0;
    size_t cap = 0;
    int rc = 0;
    for (;;) {
        errno = 0;
        struct dirent *e = readdir(d);
        if (!e) {
            rc = errno ? wtl_fail_errno(err, errno, "read directory", dir) : 0;
            break;
        }
        if (e->d_name[0] == '.')
            continue;
        char *name = wtl_arena_strdup(arena, e->d_name);
        if (!name || wtl_grow(arena, &names, n, &cap) != 0) {
            rc = WTL_FAIL(err, WTL_NOMEM, "out of memory listing \"%s\"", dir);
            break;
        }
        names[n++] = name;
    }
    closedir(d);
    if (rc == 0) {
        if (n > 1)
            qsort(names, n, sizeof *names, compare_names);
        *names_out = names;
        *n_out = n;
    }
    return rc;
}

static int visit(struct walk *w, const char *path, int depth, struct wtl_error *err);

static int visit_directory(struct walk *w, const char *path, int depth, struct wtl_error *err)
{
    if (depth >= WTL_LIMIT_DEPTH)
        return WTL_FAIL(err, WTL_LIMIT, "\"%s\" is nested deeper than %d directories", path,
                        WTL_LIMIT_DEPTH);
    WTL_ARENA(arena);
    char **names = NULL;
    size_t n = 0;
    struct wtl_error why = {0};
    int rc = list_names(&arena, path, &names, &n, &why);
    if (rc < 0 && w->denied && depth > 0 && why.code != WTL_NOMEM)
        return w->denied(w->ctx, path, &why, err);
    if (rc < 0 && err)
        *err = why;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        char *child = wtl_path_join(&arena, path, names[i]);
        rc = child ? visit(w, child, depth + 1, err)
                   : WTL_FAIL(err, WTL_NOMEM, "out of memory walking \"%s\"", path);
    }
    return rc;
}

static int visit(struct walk *w, const char *path, int depth, struct wtl_error *err)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return wtl_fail_errno(err, errno, "look at", path);
    if (S_ISLNK(st.st_mode)) {
        if (stat(path, &st) != 0)
            return depth == 0 ? wtl_fail_errno(err, errno, "look at", path) : 0;
        if (S_ISDIR(st.st_mode) && depth > 0)
            return 0;
    }
    if (S_ISDIR(st.st_mode))
        return visit_directory(w, path, depth, err);
    if (!S_ISREG(st.st_mode) && depth > 0)
        return 0;
    if (++w->files > WTL_LIMIT_FILES)
        return WTL_FAIL(err, WTL_LIMIT, "more than %d files", WTL_LIMIT_FILES);
    return w->fn(w->ctx, path, (int64_t)st.st_size, err);
}

int wtl_walk(const char *path, wtl_walk_fn fn, void *ctx, struct wtl_error *err)
{
    return wtl_walk_past(path, fn, NULL, ctx, err);
}

int wtl_walk_past(const char *path, wtl_walk_fn fn, wtl_walk_denied_fn denied, void *ctx,
                  struct wtl_error *err)
{
    struct walk w = {.fn = fn, .denied = denied, .ctx = ctx};
    return visit(&w, path, 0, err);
}
