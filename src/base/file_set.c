/* SPDX-License-Identifier: Apache-2.0
 * Writing files in one step: a temporary file beside each, then renames. */
#include "base/file_set.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { REPLACE, WRITE_INTO, REMOVE, MAKE_DIR };
enum { NAMES_TRIED = 1000 };

struct wtl_file_entry {
    enum kind kind;
    const char *path; /* as the user said it; of MAKE_DIR: one level */
    const void *data;
    size_t size;
    unsigned mode;
    char *target;    /* `path` behind links */
    char *temporary; /* to be renamed to it; of MAKE_DIR: the directory that was made here */
};

static int write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t put = write(fd, data, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return errno;
        data += put;
        size -= (size_t)put;
    }
    return 0;
}

static int close_after(int fd, int why)
{
    return close(fd) != 0 && !why ? errno : why;
}

/* --- one file -------------------------------------------------------------------------------- */

/* Where the file really is, and whether it can be replaced there. */
static int find_target(struct wtl_file_entry *e, char target[PATH_MAX])
{
    struct stat st;
    if ((size_t)snprintf(target, PATH_MAX, "%s", e->path) >= PATH_MAX)
        return ENAMETOOLONG;
    if (stat(e->path, &st) != 0)
        return errno == ENOENT ? 0 : errno;
    if (S_ISDIR(st.st_mode))
        return EISDIR;
    if (!S_ISREG(st.st_mode))
        e->kind = WRITE_INTO;
    else if (lstat(e->path, &st) == 0 && S_ISLNK(st.st_mode) && !realpath(e->path, target))
        return errno;
    return 0;
}

/* Campaigns are SQLite files; nothing that is written whole is one. One that is named as an output
 * was meant as the input, and holds what cannot be made again. */
static int spare_campaign(const char *path, const char *target, struct wtl_error *err)
{
    char head[16];
    int fd = open(target, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t got = read(fd, head, sizeof head);
    close(fd);
    if (got < 0 || !wtl_begins_as_campaign(head, (size_t)got))
        return 0;
    int rc = WTL_FAIL(err, WTL_USAGE, "\"%s\" is a campaign: it is not replaced", path);
    wtl_error_hint(err,
                   "name another file; a campaign that is not needed any more is removed by hand");
    return rc;
}

/* A new file beside the target, under a name that was free. */
static int open_temporary(const char *target, unsigned mode, char *name, size_t size, int *fd_out)
{
    for (int i = 0; i < NAMES_TRIED; i++) {
        int n = snprintf(name, size, "%s.%ld-%d.part", target, (long)getpid(), i);
        if (n < 0 || (size_t)n >= size)
            return ENAMETOOLONG;
        wtl_temporary_made(name);
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
        if (fd >= 0) {
            *fd_out = fd;
            return 0;
        }
        int why = errno;
        wtl_temporary_gone(name);
        if (why != EEXIST)
            return why;
    }
    return EEXIST;
}

static void drop_temporary(const char *name)
{
    unlink(name);
    wtl_temporary_gone(name);
}

static int write_temporary(const struct wtl_file_entry *e, const char *target, char *name,
                           size_t size)
{
    int fd = -1;
    int why = open_temporary(target, e->mode, name, size, &fd);
    if (why)
        return why;
    why = write_all(fd, e->data, e->size);
    if (!why && fsync(fd) != 0)
        why = errno;
    why = close_after(fd, why);
    if (why)
        drop_temporary(name);
    return why;
}

static int write_into(const struct wtl_file_entry *e)
{
    int fd = open(e->path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? errno : close_after(fd, write_all(fd, e->data, e->size));
}

static int sync_directory_of(const char *path)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int why = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
    close(fd);
    return why;
}

int wtl_file_write_atomic(const char *path, const void *data, size_t size, unsigned mode,
                          struct wtl_error *err)
{
    char target[PATH_MAX];
    char temporary[PATH_MAX];
    struct wtl_file_entry e = {.path = path, .data = data, .size = size, .mode = mode};
    int why = find_target(&e, target);
    if (!why && e.kind == WRITE_INTO)
        why = write_into(&e);
    else if (!why) {
        int rc = spare_campaign(path, target, err);
        if (rc < 0)
            return rc;
        why = write_temporary(&e, target, temporary, sizeof temporary);
        if (!why && rename(temporary, target) != 0) {
            why = errno;
            drop_temporary(temporary);
        } else if (!why)
            wtl_temporary_gone(temporary);
        if (!why)
            why = sync_directory_of(target);
    }
    return why ? wtl_fail_errno(err, why, "write", path) : 0;
}

/* --- the set --------------------------------------------------------------------------------- */

static int no_memory(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory writing files");
}

void wtl_file_set_init(struct wtl_file_set *set, struct wtl_alloc alloc)
{
    *set = (struct wtl_file_set){.n = 0};
    wtl_arena_init(&set->arena, alloc);
}

static int add(struct wtl_file_set *set, struct wtl_file_entry entry, struct wtl_error *err)
{
    entry.path = wtl_arena_strdup(&set->arena, entry.path);
    if (entry.data)
        entry.data = wtl_arena_memdup(&set->arena, entry.data, entry.size);
    if (!entry.path || (entry.size && !entry.data) ||
        wtl_grow(&set->arena, &set->entries, set->n, &set->cap))
        return no_memory(err);
    set->entries[set->n++] = entry;
    set->prepared = false;
    return 0;
}

int wtl_file_set_add(struct wtl_file_set *set, const char *path, const void *data, size_t size,
                     unsigned mode, struct wtl_error *err)
{
    return add(set,
               (struct wtl_file_entry){
                   .kind = REPLACE, .path = path, .data = data, .size = size, .mode = mode},
               err);
}

int wtl_file_set_remove(struct wtl_file_set *set, const char *path, struct wtl_error *err)
{
    return add(set, (struct wtl_file_entry){.kind = REMOVE, .path = path}, err);
}

int wtl_file_set_add_dir(struct wtl_file_set *set, const char *path, struct wtl_error *err)
{
    char level[PATH_MAX];
    for (size_t n = 1;; n++) {
        if (path[n - 1] == '\0' || n >= sizeof level)
            return WTL_FAIL(err, WTL_USAGE, "\"%.80s\" is not a usable directory name", path);
        if (path[n] != '/' && path[n] != '\0')
            continue;
        snprintf(level, n + 1, "%s", path);
        int rc = add(set, (struct wtl_file_entry){.kind = MAKE_DIR, .path = level}, err);
        if (rc < 0 || path[n] == '\0')
            return rc;
    }
}

static int prepare_dir(struct wtl_file_set *set, struct wtl_file_entry *e, struct wtl_error *err)
{
    struct stat st;
    char *copy = wtl_arena_strdup(&set->arena, e->path);
    if (!copy)
        return no_memory(err);
    if (mkdir(e->path, 0777) == 0)
        e->temporary = copy;
    else if (errno != EEXIST)
        return wtl_fail_errno(err, errno, "create directory", e->path);
    else if (stat(e->path, &st) == 0 && !S_ISDIR(st.st_mode))
        return wtl_fail_errno(err, ENOTDIR, "create directory", e->path);
    return 0;
}

static int prepare_file(struct wtl_file_set *set, struct wtl_file_entry *e, struct wtl_error *err)
{
    char target[PATH_MAX];
    char name[PATH_MAX];
    int why = find_target(e, target);
    if (!why && e->kind == WRITE_INTO)
        return 0;
    int rc = why ? 0 : spare_campaign(e->path, target, err);
    if (rc < 0)
        return rc;
    /* Taken before there is a file to be forgotten. */
    char *temporary = wtl_arena_calloc(&set->arena, strlen(target) + 64, 1);
    e->target = wtl_arena_strdup(&set->arena, target);
    if (!temporary || !e->target)
        return no_memory(err);
    if (!why)
        why = write_temporary(e, target, name, sizeof name);
    if (why)
        return wtl_fail_errno(err, why, "write", e->path);
    snprintf(temporary, strlen(target) + 64, "%s", name);
    e->temporary = temporary;
    return 0;
}

int wtl_file_set_prepare(struct wtl_file_set *set, struct wtl_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < set->n && rc == 0; i++) {
        struct wtl_file_entry *e = &set->entries[i];
        if (e->temporary)
            continue;
        if (e->kind == MAKE_DIR)
            rc = prepare_dir(set, e, err);
        else if (e->kind == REPLACE)
            rc = prepare_file(set, e, err);
    }
    set->prepared = rc == 0;
    return rc;
}

static int put_in_place(struct wtl_file_entry *e)
{
    switch (e->kind) {
    case REPLACE:
        if (rename(e->temporary, e->target) != 0)
            return errno;
        wtl_temporary_gone(e->temporary);
        e->temporary = NULL;
        return 0;
    case WRITE_INTO:
        return write_into(e);
    case REMOVE:
        return unlink(e->path) == 0 || errno == ENOENT ? 0 : errno;
    case MAKE_DIR:
        break;
    }
    return 0;
}

int wtl_file_set_commit(struct wtl_file_set *set, struct wtl_error *err)
{
    int rc = set->prepared ? 0 : wtl_file_set_prepare(set, err);
    for (size_t i = 0; i < set->n && rc == 0; i++) {
        struct wtl_file_entry *e = &set->entries[i];
        int why = put_in_place(e);
        if (why)
            rc = wtl_fail_errno(err, why, e->kind == REMOVE ? "remove" : "write", e->path);
    }
    for (size_t i = 0; i < set->n && rc == 0; i++) {
        int why = set->entries[i].target ? sync_directory_of(set->entries[i].target) : 0;
        if (why)
            rc = wtl_fail_errno(err, why, "sync the directory of", set->entries[i].path);
    }
    set->committed = rc == 0;
    return rc;
}

/* Newest first: directories after what was put into them. */
static void undo(struct wtl_file_set *set)
{
    for (size_t i = set->n; i-- > 0;) {
        const struct wtl_file_entry *e = &set->entries[i];
        if (e->temporary && e->kind == REPLACE)
            drop_temporary(e->temporary);
        else if (e->temporary && e->kind == MAKE_DIR)
            rmdir(e->temporary); /* where others put something in meanwhile, it stays */
    }
}

void wtl_file_set_fini(struct wtl_file_set *set)
{
    if (!set->committed)
        undo(set);
    wtl_arena_fini(&set->arena);
    *set = (struct wtl_file_set){.n = 0};
}
