/* SPDX-License-Identifier: Apache-2.0
 *
 * A room of scripted boards, a state directory and a holder: what tests of leases begin with. The
 * guardian is a forked child of the test program over the same room.
 */
#ifndef WTL_TESTS_LEASE_WORLD_H
#define WTL_TESTS_LEASE_WORLD_H

#include "lease/cap.h"
#include "lease/guardian.h"
#include "lease/lease.h"
#include "lease/restore.h"
#include "support/fake_room.h"

struct lease_world {
    char dir[512]; /* temporary: "room" and "state" are in it */
    char state_dir[600];
    struct fake_room *room;
    struct wtl_arena arena;
    struct wtl_machine *machine;
    struct wtl_holder *holder;
    struct fake_watch watch;
    char last_warning[1024];
    int64_t now_ns; /* monotonic, where `stopped` */
    bool stopped;
    int64_t wall_step_ns; /* likewise: what the clock of the machine was set forward by */
    struct wtl_log log;   /* of the holder */
    struct wtl_lease_owner owner;
};

void lease_world_open(struct lease_world *w, int n_boards);
void lease_world_close(struct lease_world *w);

/* Over files that are there; removes nothing at the end. False with err set. */
bool lease_world_enter(struct lease_world *w, const char *dir, struct wtl_error *err);
void lease_world_leave(struct lease_world *w);

/* Another holder, as after a restart. */
void lease_world_restart(struct lease_world *w);

/* Takes a lease on one knob of each of the first n boards. */
int lease_world_take(struct lease_world *w, enum wtl_lease_kind kind, enum wtl_knob knob, int n,
                     struct wtl_lease **out, struct wtl_error *err);

/* Restores everything of the dead, or more by the filter. */
int lease_world_restore(struct lease_world *w, const struct wtl_restore_filter *filter,
                        struct wtl_restore_report *report, struct wtl_error *err);

/* wtl_lease_forget(), whatever it was before. */
int lease_world_forget(struct lease_world *w, int64_t id, struct wtl_error *err);

#endif
