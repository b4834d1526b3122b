/* SPDX-License-Identifier: Apache-2.0
 *
 * The host of a virtual machine room: one process, one thread, that moves its virtual GPUs in real
 * time (a step every 5 ms), shows them in the shared file (simhost/room.h) and serves requests
 * (simhost/protocol.h). It allocates and reads files at the start only.
 *
 * A load is a process: the host makes one that does nothing, with the workload's name and the
 * caller's uid, so that `ps` knows the pid that NVML lists, and killing it ends the load. A load
 * that was given a pid ends with that process. They all end with the host.
 *
 * Settings may be changed by uid 0 and by the user who runs the host; loads are anybody's who gets
 * at the socket (a directory of root's is open to all, anybody else's to nobody).
 */
#ifndef WTL_SIMHOST_HOST_H
#define WTL_SIMHOST_HOST_H

#include "base/clock.h"
#include "simhost/room.h"

struct wtl_simhost_options {
    const char *dir; /* RUN/sim; exists */
    struct wtl_clock clock;
    const struct wtl_sim_board *boards; /* [n] */
    size_t n;
    uint64_t seed;    /* GPU i gets seed + i: UUID, sensor's gain and offset, mismatch */
    bool calibrated;  /* as in struct wtl_sim_options */
    bool persistence; /* persistence mode, set again after each driver load, as
                         nvidia-persistenced does */
    /* Once: the room can be used. */
    void (*ready)(void *ctx);
    void *ctx;
    int stop_fd; /* the host ends when there is something to read */
};

/* Takes the room: -WTL_BUSY when another host has it; one that is just ending is waited for (2 s).
 * The descriptor is the right to it: it may be handed on by fork(), and all copies but the host's
 * must be closed. */
int wtl_simhost_take(const char *dir, int *lock_fd_out, struct wtl_error *err);

/* Runs until stop_fd or a WTL_ROOM_STOP; takes away what it made. `lock_fd` stays open. What a dead
 * host left behind is replaced. */
int wtl_simhost_run(const struct wtl_simhost_options *options, int lock_fd, struct wtl_error *err);

#endif
