/* SPDX-License-Identifier: Apache-2.0
 *
 * Shares of a GPU for the commands of a sweep, by NVIDIA's MPS. Whose control daemon it is:
 *
 *   1. one that runs in $CUDA_MPS_PIPE_DIRECTORY,
 *   2. one that `wattle mps start` of this user left running,
 *   3. one that runs in /tmp/nvidia-mps, where CUDA programs look by themselves,
 *   4. else our own, for this sweep alone, which is quit at its end.
 *
 * One that was there already is used as it is: its servers are neither started nor ended, and its
 * settings stay; a share is then the environment of the command alone. On our own the server is
 * drained and started anew for each other share, and is gone at points without a share.
 */
#ifndef WTL_LAB_SHARES_H
#define WTL_LAB_SHARES_H

#include "base/log.h"
#include "mps/daemon.h"

struct wtl_shares;

struct wtl_shares_options {
    struct wtl_clock clock;
    const struct wtl_log *log; /* what was left of others and is ended now; may be NULL */
    const char *purpose;       /* who we are: "wattle sweep" */
    const char *devices;       /* UUIDs of GPUs with commas; NULL: all */
    bool look_only;            /* starts nothing, ends nothing */
};

/* Finds the daemon, or starts one; what a killed sweep of this user left is ended first.
 * -WTL_UNSUPPORTED: no MPS here; -WTL_BUSY: somebody is on what is left, or a server of another
 * user is in the daemon's folder; -WTL_TIMEOUT: the daemon hangs. */
int wtl_shares_open(struct wtl_arena *arena, const struct wtl_shares_options *options,
                    struct wtl_shares **out, struct wtl_error *err);

/* Ends what killed commands of this user left running, and says so. As wtl_mps_clean(); a world
 * without a program looks for it. */
int wtl_shares_tidy(const struct wtl_mps_world *world, const struct wtl_log *log,
                    struct wtl_error *err);

/* Whose it is, for people: "/tmp/nvidia-mps, which was there and is left as it is". NULL is fine:
 * "". */
const char *wtl_shares_text(const struct wtl_shares *s);

/* Before commands of this share (0: without MPS) begin, and when none of the last share is left.
 * -WTL_INFEASIBLE: the daemon that was there allows less; -WTL_BUSY: clients that are not ours. */
int wtl_shares_set(struct wtl_shares *s, double share, struct wtl_error *err);

/* Whether a process is a server of the daemon for our user: on a device it is no stranger. */
bool wtl_shares_serves(const struct wtl_shares *s, int64_t pid);

/* Variables of the present share ("NAME=VALUE"), for commands: none for share 0. In the arena.
 * NULL: out of memory. */
const char *const *wtl_shares_variables(const struct wtl_shares *s, struct wtl_arena *arena,
                                        size_t *n_out);

/* The process groups of commands that are about to be killed: their clients are ended first. */
void wtl_shares_terminate(const struct wtl_shares *s, const pid_t *groups, int n);

/* Ends our own daemon. NULL is fine. As wtl_mps_end(). */
int wtl_shares_close(struct wtl_shares *s, struct wtl_error *err);

#endif
