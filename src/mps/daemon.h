/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a control daemon of our own: started in folders that nobody else has, its servers
 * restarted for another share, drained, quit. Whatever is done here is done to processes of one
 * record (mps/record.h); a daemon that somebody else started is never passed to these functions.
 *
 *   start -> share(50 %) -> commands run -> share(25 %): drain, restart -> ... -> end
 *
 * A client's share is fixed when it begins (cuInit), so another share takes new clients; the server
 * is restarted with it, so that its own limit is that share, too.
 */
#ifndef WTL_MPS_DAEMON_H
#define WTL_MPS_DAEMON_H

#include "mps/control.h"
#include "mps/record.h"

#include <sys/types.h>

/* What all of these need. */
struct wtl_mps_world {
    struct wtl_clock clock;
    const char *program;   /* wtl_mps_find_program(); NULL: there is none, then only signals end */
    const char *state_dir; /* NULL: the usual */
    int64_t timeout_ns;    /* of one call; 0: 5 s */
    int64_t drain_ns;      /* how long clients are waited for; 0: 10 s */
};

/* Not to be moved: the control points into it. */
struct wtl_mps_daemon {
    struct wtl_mps_world world;
    struct wtl_mps_record record;
    char pipe_dir[WTL_MPS_DIR + 8], log_dir[WTL_MPS_DIR + 8];
    struct wtl_mps_control control;
};

/* Of a record: how its daemon is spoken to. Touches nothing. */
void wtl_mps_daemon_of(const struct wtl_mps_world *world, const struct wtl_mps_record *record,
                       struct wtl_mps_daemon *out);

/* Makes folders and record, starts the daemon, and waits until it answers (10 s at most). Only the
 * GPUs `devices` (CUDA_VISIBLE_DEVICES: UUIDs with commas; NULL: all) are given to it. On failure
 * nothing of it is left. -WTL_FAILED with the daemon's words, -WTL_TIMEOUT. */
int wtl_mps_daemon_start(const struct wtl_mps_world *world, const char *purpose, bool standing,
                         const char *devices, struct wtl_mps_daemon *out, struct wtl_error *err);

/* A server of this share (0 to 1) with nobody on it; share 0: no server. Drains, ends the servers
 * that are there, starts one, and waits until it is ready (20 s at most). -WTL_BUSY: somebody is
 * still on it. */
int wtl_mps_daemon_share(struct wtl_mps_daemon *daemon, double share, struct wtl_error *err);

/* A share as MPS counts it, in percent; without what rounding leaves behind (0.07 is 7). */
double wtl_mps_percent(double share);

/* Whether it has a server of ours that works. */
bool wtl_mps_daemon_serves(struct wtl_mps_daemon *daemon);

/* Waits until nobody is a client of the servers of our user. -WTL_BUSY names who is. */
int wtl_mps_drain(const struct wtl_mps_control *control, int64_t wait_ns, struct wtl_error *err);

/* Ends clients that belong to one of these process groups the way MPS wants it (terminate_client),
 * before they are killed; others are left alone. Says how many. */
int wtl_mps_terminate_groups(const struct wtl_mps_control *control, const pid_t *groups, int n);

/* Ends everything that the record names, and removes its files: commands of ours that are left on
 * it, then quit once nobody is a client; what does not quit gets SIGTERM, then SIGKILL. Nothing
 * else is touched. The record must be dangling, over, or of this process, or of a standing daemon.
 * -WTL_BUSY: somebody else is a client of it, and it runs on, unless `force`; -WTL_PERMISSION: of
 * another user; -WTL_FAILED: something would not end. Then the record stays. */
int wtl_mps_end(const struct wtl_mps_world *world, const struct wtl_mps_record *record, bool force,
                struct wtl_error *err);

/* Ends every record that is dangling or over. *n_out: those that something ran of. The first
 * failure is returned, the others are tried still. */
int wtl_mps_clean(const struct wtl_mps_world *world, bool force, size_t *n_out,
                  struct wtl_error *err);

#endif
