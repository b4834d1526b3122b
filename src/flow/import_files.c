/* SPDX-License-Identifier: Apache-2.0
 * Which files an import looks at. */
#include "flow/import.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct walk {
    struct import_job *job;
    struct wtl_arena *arena;
    size_t cap, cap_denied;
};

/* Names that are never traces. A file that the user names is always looked into. */
static bool is_output(const char *name)
{
    static const char *const endings[] = {
        "_app.out",     "_app.err",
        "-RUN-OUT",     ".yaml",
        ".yml",         ".json",
        ".md",          ".html",
        ".pdf",         ".png",
        ".jpg",         ".jpeg",
        ".svg",         ".gif",
        ".py",          ".sh",
        ".ipynb",       ".pyc",
        ".zip",         ".tar",
        ".tgz",         ".tar.gz",
        ".so",          ".o",
        ".pt",          ".pth",
        ".bin",         ".npy",
        ".npz",         ".parquet",
        ".db",          ".sqlite",
        ".wattle",      ".wattle-journal",
        ".safetensors", ".pickle",
        ".pkl",
    };
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (wtl_ends_with(name, endings[i]))
            return true;
    return false;
}

static bool is_log(const char *name)
{
    static const char *const stems[] = {"timing_summary.log", "experiment_summary.log",
                                        "-perf.csv"};
    static const char *const compressed[] = {"", ".gz", ".zst", ".xz"};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 4; k++) {
            char ending[40];
            snprintf(ending, sizeof ending, "%s%s", stems[i], compressed[k]);
            if (wtl_ends_with(name, ending))
                return true;
        }
    return false;
}

static int add_file(void *ctx, const char *path, int64_t size, struct wtl_error *err)
{
    struct walk *w = ctx;
    struct import_job *job = w->job;
    char *copy = wtl_arena_strdup(w->arena, path);
    if (!copy || wtl_grow(w->arena, &job->files, job->n_files, &w->cap) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory listing \"%s\"", path);
    if (job->n_files >= WTL_LIMIT_FILES)
        return WTL_FAIL(err, WTL_LIMIT, "more than %d files", WTL_LIMIT_FILES);
    const char *name = wtl_path_base(copy);
    struct import_file *f = &job->files[job->n_files++];
    *f = (struct import_file){.path = copy, .size = size};
    f->role = is_log(name) ? IMPORT_LOG : IMPORT_OTHER;
    if (is_output(name))
        f->role = IMPORT_OUTPUT;
    return 0;
}

static int pass_directory(void *ctx, const char *path, const struct wtl_error *why,
                          struct wtl_error *err)
{
    struct walk *w = ctx;
    struct import_job *job = w->job;
    struct import_denied denied = {wtl_arena_strdup(w->arena, path),
                                   wtl_arena_strdup(w->arena, why->message)};
    if (!denied.path || !denied.why ||
        wtl_grow(w->arena, &job->denied, job->n_denied, &w->cap_denied) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory listing \"%s\"", path);
    job->denied[job->n_denied++] = denied;
    return 0;
}

/* Paths are stored absolute and without links, so that a file has one path. */
static int walk_root(struct walk *w, const char *path, struct wtl_error *err)
{
    char *real = realpath(path, NULL);
    if (!real)
        return wtl_fail_errno(err, errno, "import", path);
    size_t before = w->job->n_files;
    bool keep_going = w->job->options->keep_going;
    int rc = wtl_walk_past(real, add_file, keep_going ? pass_directory : NULL, w, err);
    struct import_file *first = before < w->job->n_files ? &w->job->files[before] : NULL;
    if (rc == 0 && first && strcmp(first->path, real) == 0) {
        first->must_read = true;
        if (first->role == IMPORT_OUTPUT)
            first->role = IMPORT_OTHER;
    }
    free(real);
    return rc;
}

static int by_path(const void *a, const void *b)
{
    const struct import_file *x = a;
    const struct import_file *y = b;
    int by = strcmp(x->path, y->path);
    return by ? by : y->must_read - x->must_read;
}

/* A file under two of the paths is one file. */
static void drop_duplicates(struct import_job *job)
{
    size_t n = 0;
    for (size_t i = 0; i < job->n_files; i++)
        if (n == 0 || strcmp(job->files[n - 1].path, job->files[i].path) != 0)
            job->files[n++] = job->files[i];
    job->n_files = n;
}

static int compare_dirs(const void *a, const void *b)
{
    const struct import_dir *x = a;
    const struct import_dir *y = b;
    return strcmp(x->path, y->path);
}

static size_t directory_length(const char *path)
{
    size_t n = (size_t)(wtl_path_base(path) - path);
    return n > 1 ? n - 1 : n;
}

/* Files of one directory are not neighbours in order of path ("a/b", "a/b-c/d", "a/c"), but nearly:
 * a directory is only made anew when the one before differs, and doubles go after sorting. */
static int list_dirs(struct import_job *job, struct wtl_arena *arena, struct wtl_error *err)
{
    size_t cap = 0;
    const char *last = "";
    for (size_t i = 0; i < job->n_files; i++) {
        const char *path = job->files[i].path;
        size_t n = directory_length(path);
        if (strncmp(last, path, n) == 0 && last[n] == '\0')
            continue;
        char *dir = wtl_arena_strndup(arena, path, n);
        if (!dir || wtl_grow(arena, &job->dirs, job->n_dirs, &cap) != 0)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory listing directories");
        job->dirs[job->n_dirs++] = (struct import_dir){.path = dir};
        last = dir;
    }
    if (job->n_dirs > 1)
        qsort(job->dirs, job->n_dirs, sizeof *job->dirs, compare_dirs);
    size_t n = 0;
    for (size_t i = 0; i < job->n_dirs; i++)
        if (n == 0 || strcmp(job->dirs[n - 1].path, job->dirs[i].path) != 0)
            job->dirs[n++] = job->dirs[i];
    job->n_dirs = n;
    return 0;
}

static size_t find_dir(const struct import_job *job, const char *path, size_t n)
{
    size_t lo = 0;
    size_t hi = job->n_dirs;
    while (lo + 1 < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int by = strncmp(job->dirs[mid].path, path, n);
        if (by < 0 || (by == 0 && job->dirs[mid].path[n] == '\0'))
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

int import_list_files(struct import_job *job, struct wtl_arena *arena, struct wtl_error *err)
{
    struct walk w = {.job = job, .arena = arena};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < job->options->n_paths; i++)
        rc = walk_root(&w, job->options->paths[i], err);
    if (rc < 0)
        return rc;
    if (job->n_files > 1)
        qsort(job->files, job->n_files, sizeof *job->files, by_path);
    drop_duplicates(job);
    rc = list_dirs(job, arena, err);
    size_t last = 0;
    for (size_t i = 0; rc == 0 && i < job->n_files; i++) {
        struct import_file *f = &job->files[i];
        size_t n = directory_length(f->path);
        const char *guess = job->dirs[last].path;
        if (strncmp(guess, f->path, n) != 0 || guess[n] != '\0')
            last = find_dir(job, f->path, n);
        f->dir = last;
    }
    return rc;
}
