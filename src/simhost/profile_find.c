/* SPDX-License-Identifier: Apache-2.0
 * Profiles by name. */
#include "simhost/profile.h"

#include "base/data.h"
#include "base/file.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define PLAIN "plain" /* the made-up board and workload of src/sim */

/* The files of one folder of data/sim, read. */
struct found {
    struct wtl_arena *arena;
    struct file {
        char *stem, *path, *text;
        size_t size;
    } * files;
    size_t n, cap;
};

static int read_one(void *ctx, const char *path, int64_t file_size, struct wtl_error *err)
{
    struct found *f = ctx;
    const char *slash = strrchr(path, '/');
    (void)file_size;
    if (!wtl_ends_with(path, ".yaml"))
        return 0;
    if (wtl_grow(f->arena, &f->files, f->n, &f->cap) < 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    struct file *file = &f->files[f->n];
    const char *base = slash ? slash + 1 : path;
    file->stem = wtl_arena_strndup(f->arena, base, strlen(base) - strlen(".yaml"));
    file->path = wtl_arena_strndup(f->arena, path, strlen(path));
    if (!file->stem || !file->path)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_file_read(f->arena, path, 1 << 20, &file->text, &file->size, err);
    if (rc == 0)
        f->n++;
    return rc;
}

static int read_all(struct wtl_arena *arena, const char *folder, struct found *out,
                    struct wtl_error *err)
{
    char *path;
    *out = (struct found){.arena = arena};
    int rc = wtl_data_path(arena, folder, &path, err);
    return rc < 0 ? rc : wtl_walk(path, read_one, out, err);
}

static int nothing_of(const struct found *f, const char *what, const char *name,
                      struct wtl_error *err)
{
    char all[400] = "";
    size_t used = 0;
    for (size_t i = 0; i < f->n && used < sizeof all; i++)
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "",
                                 f->files[i].stem);
    return WTL_FAIL(err, WTL_NOTFOUND, "no %s '%s'; there are %s", what, name, all);
}

int wtl_sim_profile_boards(struct wtl_arena *arena, struct wtl_sim_board **out, size_t *n_out,
                           struct wtl_error *err)
{
    struct found f;
    int rc = read_all(arena, "sim/boards", &f, err);
    if (rc < 0)
        return rc;
    struct wtl_sim_board *boards = WTL_NEW_ARRAY(arena, struct wtl_sim_board, f.n);
    if (!boards && f.n > 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < f.n; i++) {
        rc = wtl_sim_board_parse(arena, f.files[i].text, f.files[i].size, f.files[i].path,
                                 &boards[i], err);
        if (rc < 0)
            return rc;
    }
    *out = boards;
    *n_out = f.n;
    return 0;
}

int wtl_sim_profile_workloads(struct wtl_arena *arena, struct wtl_sim_workload_profile **out,
                              size_t *n_out, struct wtl_error *err)
{
    struct found f;
    int rc = read_all(arena, "sim/workloads", &f, err);
    if (rc < 0)
        return rc;
    struct wtl_sim_workload_profile *all =
        WTL_NEW_ARRAY(arena, struct wtl_sim_workload_profile, f.n);
    if (!all && f.n > 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < f.n; i++) {
        rc = wtl_sim_workload_parse(arena, f.files[i].text, f.files[i].size, f.files[i].path,
                                    &all[i], err);
        if (rc < 0)
            return rc;
    }
    *out = all;
    *n_out = f.n;
    return 0;
}

/* Its short name, with or without the product line ("3080ti"); its file's; the driver's. */
static bool goes_by(const struct wtl_sim_board *board, const char *stem, const char *name)
{
    const char *short_name = board->short_name;
    return wtl_same_name(short_name, name) || wtl_same_name(stem, name) ||
           wtl_same_name(board->name, name) ||
           (wtl_starts_with(short_name, "rtx") && wtl_same_name(short_name + strlen("rtx"), name));
}

int wtl_sim_profile_board(const char *name, struct wtl_sim_board *out, struct wtl_error *err)
{
    if (strcmp(name, PLAIN) == 0) {
        wtl_sim_board_plain(out);
        return 0;
    }
    WTL_ARENA(arena);
    struct found f = {.arena = &arena};
    const bool path = wtl_ends_with(name, ".yaml");
    int rc = path ? read_one(&f, name, 0, err) : read_all(&arena, "sim/boards", &f, err);
    for (size_t i = 0; rc == 0 && i < f.n; i++) {
        struct wtl_sim_board board;
        rc = wtl_sim_board_parse(&arena, f.files[i].text, f.files[i].size, f.files[i].path, &board,
                                 err);
        if (rc == 0 && (path || goes_by(&board, f.files[i].stem, name))) {
            *out = board;
            return 0;
        }
    }
    return rc < 0 ? rc : nothing_of(&f, "virtual board", name, err);
}

int wtl_sim_profile_workload(const char *name, const struct wtl_sim_board *board,
                             struct wtl_sim_workload *out, struct wtl_error *err)
{
    if (strcmp(name, PLAIN) == 0) {
        wtl_sim_workload_plain(out);
        return 0;
    }
    WTL_ARENA(arena);
    struct found f = {.arena = &arena};
    const bool path = wtl_ends_with(name, ".yaml");
    int rc = path ? read_one(&f, name, 0, err) : read_all(&arena, "sim/workloads", &f, err);
    for (size_t i = 0; rc == 0 && i < f.n; i++) {
        struct wtl_sim_workload_profile profile;
        if (!path && !wtl_same_name(f.files[i].stem, name))
            continue;
        rc = wtl_sim_workload_parse(&arena, f.files[i].text, f.files[i].size, f.files[i].path,
                                    &profile, err);
        return rc < 0 ? rc : wtl_sim_workload_on(&profile, board->short_name, out, err);
    }
    return rc < 0 ? rc : nothing_of(&f, "workload", name, err);
}
