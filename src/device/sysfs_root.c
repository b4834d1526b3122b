/* SPDX-License-Identifier: Apache-2.0
 * Roots of small files: opening, listing, recording. */
#include "device/sysfs_impl.h"

#include "base/file.h"
#include "base/sort.h"
#include "base/text.h"
#include "codec/input.h"
#include "codec/tar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A gathered machine unpacked: 8 GPUs and 512 CPUs stay under 8 MiB. */
enum { ARCHIVE_MAX = 64 << 20, MEMBERS_MAX = 65536, REFUSALS_MAX = 4096 };

static const char refusals_name[] = "wattle-machine";

/* ---- Archives -------------------------------------------------------------------------------- */

static int compare_members(const void *a, const void *b)
{
    const struct sysfs_member *x = a, *y = b;
    return strcmp(x->path, y->path);
}

/* The first member whose path is not below `path`. */
static size_t lower_bound(const struct wtl_sysfs *files, const char *path)
{
    size_t lo = 0, hi = files->n_members;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(files->members[mid].path, path) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const struct sysfs_member *sysfs_member(const struct wtl_sysfs *files, const char *path)
{
    size_t i = lower_bound(files, path);
    return i < files->n_members && strcmp(files->members[i].path, path) == 0 ? &files->members[i]
                                                                             : NULL;
}

static int read_input(struct wtl_input *input, const char *path, struct wtl_buf *out,
                      struct wtl_error *err)
{
    int rc = wtl_input_open(input, path, false, err);
    for (size_t n = 1; rc == 0 && n > 0;) {
        const char *data = NULL;
        n = 0;
        rc = wtl_input_next(input, &data, &n, err);
        if (rc == 0 && n > 0)
            wtl_buf_add(out, data, n);
        if (rc == 0 && out->failed)
            rc = WTL_FAIL(err, WTL_LIMIT, "\"%s\" holds more than the %d MiB of a machine", path,
                          ARCHIVE_MAX >> 20);
    }
    return rc;
}

static int add_members(struct wtl_sysfs *files, struct wtl_arena *arena, const char *path,
                       const unsigned char *data, size_t n, struct wtl_error *err)
{
    size_t at = 0, cap = 0;
    struct wtl_tar_entry e;
    int rc;
    while ((rc = wtl_tar_next(data, n, &at, &e, err)) == 1) {
        if (files->n_members == MEMBERS_MAX)
            return WTL_FAIL(err, WTL_LIMIT, "more than %d files in one archive", MEMBERS_MAX);
        if (wtl_grow(arena, &files->members, files->n_members, &cap) < 0)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        struct sysfs_member m = {.path = wtl_arena_strdup(arena, e.path),
                                 .data = wtl_arena_memdup(arena, e.data, e.n ? e.n : 1),
                                 .n = e.n};
        if (!m.path || !m.data)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        files->members[files->n_members++] = m;
    }
    if (rc < 0) {
        wtl_error_input(err, path, 0, 0);
        return rc;
    }
    wtl_sort(files->members, files->n_members, sizeof *files->members, compare_members);
    return 0;
}

static int open_archive(struct wtl_sysfs *files, struct wtl_arena *arena, const char *path,
                        struct wtl_error *err)
{
    struct wtl_input *input = NULL;
    struct wtl_buf all;
    wtl_buf_init(&all, arena->alloc, ARCHIVE_MAX);
    int rc = wtl_input_new(arena->alloc, &input, err);
    if (rc == 0)
        rc = read_input(input, path, &all, err);
    if (rc == 0)
        rc =
            add_members(files, arena, path, (const unsigned char *)wtl_buf_str(&all), all.len, err);
    wtl_input_free(input);
    wtl_buf_fini(&all);
    return rc;
}

/* ---- What a recorded tree refuses ------------------------------------------------------------ */

static const struct {
    const char *word;
    int errno_value;
    bool at_open;
} refusal_words[] = {
    {"denied", EACCES, true}, {"EIO", EIO, false},         {"EAGAIN", EAGAIN, false},
    {"EBUSY", EBUSY, false},  {"ENODATA", ENODATA, false}, {"ENODEV", ENODEV, false},
    {"EPERM", EPERM, false},
};
enum { N_WORDS = sizeof refusal_words / sizeof refusal_words[0] };

static int add_refusal(struct wtl_sysfs *files, struct wtl_arena *arena, const char *word,
                       const char *path, size_t *cap, struct wtl_error *err)
{
    int w = 0;
    while (w < N_WORDS && strcmp(refusal_words[w].word, word) != 0)
        w++;
    if (w == N_WORDS || path[0] == '\0' || path[0] == '/')
        return WTL_FAIL(err, WTL_PARSE, "\"%s %s\" is not \"denied PATH\" or \"EIO PATH\"", word,
                        path);
    if (files->n_refusals == REFUSALS_MAX)
        return WTL_FAIL(err, WTL_LIMIT, "more than %d lines", REFUSALS_MAX);
    struct sysfs_refusal r = {wtl_arena_strdup(arena, path), refusal_words[w].errno_value,
                              refusal_words[w].at_open};
    if (!r.path || wtl_grow(arena, &files->refusals, files->n_refusals, cap) < 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    files->refusals[files->n_refusals++] = r;
    return 0;
}

static int parse_refusals(struct wtl_sysfs *files, struct wtl_arena *arena, char *text,
                          struct wtl_error *err)
{
    size_t cap = 0;
    int64_t number = 0;
    int rc = 0;
    for (char *line = text, *next; line && rc == 0; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        number++;
        struct wtl_view v = wtl_view_trim(wtl_view_of(line));
        char word[16] = "";
        size_t n = 0;
        while (n < v.n && v.s[n] != ' ')
            n++;
        if (v.n == 0 || v.s[0] == '#')
            continue;
        wtl_view_copy((struct wtl_view){v.s, n}, word, sizeof word);
        struct wtl_view rest = wtl_view_trim((struct wtl_view){v.s + n, v.n - n});
        char path[SYSFS_PATH] = "";
        wtl_view_copy(rest, path, sizeof path);
        rc = add_refusal(files, arena, word, path, &cap, err);
    }
    if (rc < 0)
        wtl_error_input(err, refusals_name, number, 0);
    return rc;
}

static int read_refusals(struct wtl_sysfs *files, struct wtl_arena *arena, struct wtl_error *err)
{
    const struct wtl_sysfs_dir root = wtl_sysfs_root(files);
    enum { MAX = 1 << 18 };
    char *text = WTL_RAW_ARRAY(arena, char, MAX + 1);
    size_t n = 0;
    if (!text)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    enum wtl_absence absence = wtl_sysfs_bytes(&root, refusals_name, text, MAX, &n);
    if (absence == WTL_ABSENT_UNSUPPORTED)
        return 0;
    if (absence != WTL_PRESENT)
        return WTL_FAIL(err, WTL_PARSE, "%s cannot be read, or is longer than %d KiB",
                        refusals_name, MAX >> 10);
    text[n] = '\0';
    return parse_refusals(files, arena, text, err);
}

/* ---- Roots ----------------------------------------------------------------------------------- */

static int open_root(struct wtl_sysfs *files, struct wtl_arena *arena, const char *root,
                     struct wtl_error *err)
{
    struct stat st;
    if (stat(root, &st) != 0)
        return wtl_fail_errno(err, errno, "open", root);
    if (!S_ISDIR(st.st_mode))
        return open_archive(files, arena, root, err);
    files->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (files->root_fd < 0)
        return wtl_fail_errno(err, errno, "open", root);
    files->live = strcmp(root, "/") == 0;
    return 0;
}

static int new_root(struct wtl_arena *arena, struct wtl_sysfs **files_out, struct wtl_error *err)
{
    struct wtl_sysfs *files = WTL_NEW(arena, struct wtl_sysfs);
    if (!files)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    files->root_fd = -1;
    if (pthread_mutex_init(&files->lock, NULL) != 0)
        return WTL_FAIL(err, WTL_FAILED, "cannot make a lock");
    *files_out = files;
    return 0;
}

/* The end of opening: rc is that of what went before. */
static int finish_root(struct wtl_sysfs *files, struct wtl_arena *arena, int rc,
                       struct wtl_sysfs **files_out, struct wtl_error *err)
{
    if (rc == 0 && !files->live)
        rc = read_refusals(files, arena, err);
    if (rc < 0)
        wtl_sysfs_close(files);
    else
        *files_out = files;
    return rc;
}

int wtl_sysfs_open(struct wtl_arena *arena, const char *root, struct wtl_sysfs **files_out,
                   struct wtl_error *err)
{
    struct wtl_sysfs *files = NULL;
    int rc = new_root(arena, &files, err);
    if (rc < 0)
        return rc;
    return finish_root(files, arena, open_root(files, arena, root, err), files_out, err);
}

int wtl_sysfs_open_archive(struct wtl_arena *arena, const char *name, const void *tar, size_t n,
                           struct wtl_sysfs **files_out, struct wtl_error *err)
{
    struct wtl_sysfs *files = NULL;
    int rc = new_root(arena, &files, err);
    if (rc < 0)
        return rc;
    return finish_root(files, arena, add_members(files, arena, name, tar, n, err), files_out, err);
}

void wtl_sysfs_close(struct wtl_sysfs *files)
{
    if (!files)
        return;
    if (files->root_fd >= 0)
        close(files->root_fd);
    files->root_fd = -1;
    pthread_mutex_destroy(&files->lock);
}

bool wtl_sysfs_live(const struct wtl_sysfs *files)
{
    return files->live;
}

void wtl_sysfs_pretend_live(struct wtl_sysfs *files)
{
    files->live = files->root_fd >= 0;
}

int wtl_sysfs_root_fd(const struct wtl_sysfs *files)
{
    return files->root_fd;
}

/* ---- Directories ----------------------------------------------------------------------------- */

struct wtl_sysfs_dir wtl_sysfs_root(struct wtl_sysfs *files)
{
    return (struct wtl_sysfs_dir){.files = files, .path = "", .fd = files->root_fd};
}

/* Whether an archive has files below `path`. */
static bool has_below(const struct wtl_sysfs *files, const char *path)
{
    char start[SYSFS_PATH];
    int n = snprintf(start, sizeof start, "%s/", path);
    if (n < 0 || n >= (int)sizeof start)
        return false;
    size_t i = lower_bound(files, start);
    return i < files->n_members && wtl_starts_with(files->members[i].path, start);
}

/* 0 where `errno_value` says something of the directory; what this process lacks does not. */
static int unless_out(int errno_value, const char *path, struct wtl_error *err)
{
    bool out = errno_value == ENOMEM || errno_value == EMFILE || errno_value == ENFILE;
    return out ? wtl_fail_errno(err, errno_value, "list", path) : 0;
}

int wtl_sysfs_dir_open(struct wtl_sysfs *files, struct wtl_arena *arena, const char *path,
                       struct wtl_sysfs_dir *dir_out, struct wtl_error *err)
{
    struct wtl_sysfs_dir dir = {.files = files, .fd = -1};
    if (files->root_fd < 0) {
        if (!has_below(files, path))
            return 0;
    } else {
        dir.fd = openat(files->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir.fd < 0)
            return unless_out(errno, path, err);
    }
    dir.path = wtl_arena_strdup(arena, path);
    if (!dir.path) {
        wtl_sysfs_dir_close(&dir);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    *dir_out = dir;
    return 1;
}

void wtl_sysfs_dir_close(struct wtl_sysfs_dir *dir)
{
    if (dir->files && dir->fd >= 0 && dir->fd != dir->files->root_fd)
        close(dir->fd);
    dir->fd = -1;
}

/* ---- Listing --------------------------------------------------------------------------------- */

struct names {
    struct wtl_arena *arena;
    char **items;
    size_t n, cap;
};

static int add_name(struct names *names, const char *name, size_t n, struct wtl_error *err)
{
    if (names->n == WTL_SYSFS_NAMES)
        return WTL_FAIL(err, WTL_LIMIT, "more than %d entries in one directory", WTL_SYSFS_NAMES);
    char *copy = wtl_arena_strndup(names->arena, name, n);
    if (!copy || wtl_grow(names->arena, &names->items, names->n, &names->cap) < 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    names->items[names->n++] = copy;
    return 0;
}

static int list_directory(struct wtl_sysfs *files, const char *path, const char *prefix,
                          struct names *names, struct wtl_error *err)
{
    int fd = openat(files->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    int rc = d ? 0 : unless_out(errno, path, err);
    if (!d) {
        if (fd >= 0)
            close(fd);
        return rc;
    }
    for (struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.' && wtl_starts_with(e->d_name, prefix))
            rc = add_name(names, e->d_name, strlen(e->d_name), err);
    closedir(d);
    return rc;
}

static int list_archive(struct wtl_sysfs *files, const char *path, const char *prefix,
                        struct names *names, struct wtl_error *err)
{
    char start[SYSFS_PATH];
    int n = snprintf(start, sizeof start, "%s/%s", path, prefix);
    if (n < 0 || n >= (int)sizeof start)
        return 0;
    size_t skip = strlen(path) + 1, last = 0;
    const char *previous = NULL;
    int rc = 0;
    for (size_t i = lower_bound(files, start);
         rc == 0 && i < files->n_members && wtl_starts_with(files->members[i].path, start); i++) {
        const char *name = files->members[i].path + skip;
        size_t length = strcspn(name, "/");
        if (previous && length == last && strncmp(name, previous, length) == 0)
            continue;
        previous = name;
        last = length;
        rc = add_name(names, name, length, err);
    }
    return rc;
}

static int compare_names(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

int wtl_sysfs_list(struct wtl_sysfs *files, struct wtl_arena *arena, const char *path,
                   const char *prefix, char ***names_out, size_t *n_out, struct wtl_error *err)
{
    struct names names = {.arena = arena};
    int rc = files->root_fd < 0 ? list_archive(files, path, prefix, &names, err)
                                : list_directory(files, path, prefix, &names, err);
    if (rc < 0)
        return rc;
    wtl_sort(names.items, names.n, sizeof *names.items, compare_names);
    size_t n = 0; /* entries of an archive need not lie together */
    for (size_t i = 0; i < names.n; i++)
        if (n == 0 || strcmp(names.items[n - 1], names.items[i]) != 0)
            names.items[n++] = names.items[i];
    *names_out = names.items;
    *n_out = n;
    return 0;
}

/* ---- Recording ------------------------------------------------------------------------------- */

int wtl_sysfs_record_start(struct wtl_sysfs *files, struct wtl_arena *arena, size_t max_bytes,
                           struct wtl_error *err)
{
    pthread_mutex_lock(&files->lock);
    bool busy = files->recorder.arena != NULL;
    if (!busy)
        files->recorder = (struct sysfs_recorder){.arena = arena, .max_bytes = max_bytes};
    pthread_mutex_unlock(&files->lock);
    return busy ? WTL_FAIL(err, WTL_BUSY, "the machine is being recorded already") : 0;
}

static struct wtl_sysfs_record *find_record(const struct sysfs_recorder *r, const char *path)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->records[i].path, path) == 0)
            return &r->records[i];
    return NULL;
}

/* The record of a path, a new one at the end if there is none; NULL: memory is out. */
static struct wtl_sysfs_record *record_of(struct sysfs_recorder *r, const char *path)
{
    struct wtl_sysfs_record *found = find_record(r, path);
    if (found)
        return found;
    char *copy = wtl_arena_strdup(r->arena, path);
    if (!copy || wtl_grow(r->arena, &r->records, r->n, &r->cap) < 0)
        return NULL;
    r->records[r->n] = (struct wtl_sysfs_record){.path = copy};
    return &r->records[r->n++];
}

static void note(struct sysfs_recorder *r, const char *path, enum wtl_absence absence, bool unread,
                 const void *data, size_t n)
{
    struct wtl_sysfs_record *record = record_of(r, path);
    r->bytes += n;
    if (!record || r->bytes > r->max_bytes) {
        r->failed = true;
        return;
    }
    record->absence = absence;
    record->unread = unread;
    record->n = absence == WTL_PRESENT ? n : 0;
    record->data = wtl_arena_memdup(r->arena, record->n ? data : "", record->n ? record->n : 1);
    r->failed = r->failed || !record->data;
}

void sysfs_note(const struct wtl_sysfs_dir *dir, const char *name, enum wtl_absence absence,
                const void *data, size_t n)
{
    struct wtl_sysfs *files = dir->files;
    char path[SYSFS_PATH];
    if (absence == WTL_ABSENT_UNSUPPORTED)
        return;
    pthread_mutex_lock(&files->lock);
    if (files->recorder.arena && !files->recorder.failed && sysfs_path(dir, name, path))
        note(&files->recorder, path, absence, false, data, n);
    pthread_mutex_unlock(&files->lock);
}

void sysfs_note_unread(const struct wtl_sysfs_dir *dir, const char *name)
{
    struct sysfs_recorder *r = &dir->files->recorder;
    char path[SYSFS_PATH];
    pthread_mutex_lock(&dir->files->lock);
    if (r->arena && !r->failed && sysfs_path(dir, name, path) && !find_record(r, path))
        note(r, path, WTL_ABSENT_NOT_YET, true, NULL, 0);
    pthread_mutex_unlock(&dir->files->lock);
}

static int compare_records(const void *a, const void *b)
{
    const struct wtl_sysfs_record *x = a, *y = b;
    return strcmp(x->path, y->path);
}

bool wtl_sysfs_record_stop(struct wtl_sysfs *files, const struct wtl_sysfs_record **records_out,
                           size_t *n_out)
{
    pthread_mutex_lock(&files->lock);
    struct sysfs_recorder r = files->recorder;
    files->recorder = (struct sysfs_recorder){0};
    pthread_mutex_unlock(&files->lock);
    if (r.failed)
        return false;
    wtl_sort(r.records, r.n, sizeof *r.records, compare_records);
    *records_out = r.records;
    *n_out = r.n;
    return true;
}
