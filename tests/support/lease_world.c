/* SPDX-License-Identifier: Apache-2.0
 * Rooms and holders for tests of leases. */
#include "support/lease_world.h"

#include "lease/process.h"
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void remember(void *ctx, enum wtl_log_level level, const char *message)
{
    struct lease_world *w = ctx;
    if (level == WTL_LOG_WARNING)
        snprintf(w->last_warning, sizeof w->last_warning, "%s", message);
}

static int open_room(void *ctx, struct wtl_machine **machine_out, struct wtl_error *err)
{
    struct lease_world *w = ctx;
    return fake_machine_open(w->room, NULL, machine_out, err);
}

static int guard(void *ctx, int fd)
{
    struct lease_world *w = ctx;
    struct wtl_guardian_work work = {.fd = fd,
                                     .state_dir = w->state_dir,
                                     .clock = wtl_clock_system(),
                                     .open = open_room,
                                     .ctx = w};
    work.owner = w->owner;
    return wtl_guardian_run(&work);
}

static int64_t stopped_ns(void *ctx)
{
    return ((const struct lease_world *)ctx)->now_ns;
}

static int64_t stopped_wall_ns(void *ctx)
{
    const struct lease_world *w = ctx;
    return INT64_C(1700000000000000000) + w->now_ns + w->wall_step_ns;
}

static int open_holder(struct lease_world *w, struct wtl_error *err)
{
    w->log = (struct wtl_log){.message = remember, .ctx = w};
    struct wtl_clock stopped = {stopped_ns, stopped_wall_ns, w};
    int rc = wtl_process_self("test", &w->owner, err);
    rc = rc ? rc : fake_machine_open(w->room, &w->watch, &w->machine, err);
    struct wtl_holder_options options = {.machine = w->machine,
                                         .clock = w->stopped ? stopped : wtl_clock_system(),
                                         .log = &w->log,
                                         .state_dir = w->state_dir,
                                         .text = "test",
                                         .guard = guard,
                                         .guard_ctx = w};
    rc = rc ? rc : wtl_holder_open(&w->arena, &options, &w->holder, err);
    if (rc < 0) {
        wtl_machine_close(w->machine);
        w->machine = NULL;
    }
    return rc;
}

bool lease_world_enter(struct lease_world *w, const char *dir, struct wtl_error *err)
{
    char path[600];
    wtl_arena_init(&w->arena, wtl_alloc_system());
    snprintf(w->dir, sizeof w->dir, "%s", dir);
    snprintf(w->state_dir, sizeof w->state_dir, "%s/state", dir);
    snprintf(path, sizeof path, "%s/room", dir);
    w->room = fake_room_map(path, 3);
    if (!w->room)
        return WTL_FAIL(err, WTL_IO, "no room") == 0;
    return open_holder(w, err) == 0;
}

void lease_world_leave(struct lease_world *w)
{
    wtl_holder_close(w->holder);
    wtl_machine_close(w->machine);
    if (w->room)
        fake_room_unmap(w->room);
    wtl_arena_fini(&w->arena);
}

void lease_world_open(struct lease_world *w, int n_boards)
{
    struct wtl_error err = {0};
    char dir[512], path[600];
    make_temporary_directory(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/room", dir);
    struct fake_room *room = fake_room_map(path, n_boards);
    assert_non_null(room);
    fake_room_unmap(room);
    if (!lease_world_enter(w, dir, &err))
        fail_msg("%s", err.message);
}

void lease_world_restart(struct lease_world *w)
{
    struct wtl_error err = {0};
    wtl_holder_close(w->holder);
    wtl_machine_close(w->machine);
    w->holder = NULL;
    w->machine = NULL;
    assert_ok(open_holder(w, &err), &err);
}

void lease_world_close(struct lease_world *w)
{
    char dir[512];
    memcpy(dir, w->dir, sizeof dir);
    lease_world_leave(w);
    remove_tree(dir);
}

int lease_world_take(struct lease_world *w, enum wtl_lease_kind kind, enum wtl_knob knob, int n,
                     struct wtl_lease **out, struct wtl_error *err)
{
    struct wtl_lease_want wants[FAKE_BOARDS];
    for (int i = 0; i < n; i++)
        wants[i] = (struct wtl_lease_want){.device = wtl_machine_device(w->machine, (size_t)i),
                                           .knob = knob};
    struct wtl_lease_request request = {
        .kind = kind, .purpose = "test", .wants = wants, .n_wants = (size_t)n};
    return wtl_lease_acquire(w->holder, &request, out, err);
}

int lease_world_restore(struct lease_world *w, const struct wtl_restore_filter *filter,
                        struct wtl_restore_report *report, struct wtl_error *err)
{
    const struct wtl_restore_filter dead = {0};
    return wtl_lease_restore(w->holder, filter ? filter : &dead, &w->arena, report, err);
}

int lease_world_forget(struct lease_world *w, int64_t id, struct wtl_error *err)
{
    bool forgotten;
    return wtl_lease_forget(w->holder, id, &forgotten, err);
}
