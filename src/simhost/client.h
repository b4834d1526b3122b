/* SPDX-License-Identifier: Apache-2.0
 *
 * A client of a virtual machine room: looks into the shared file, and asks the host for changes.
 * Nothing here needs codec/, so that the drop-in library stays small.
 *
 * Threads: a room may be read by several threads at once; requests are one at a time (the caller
 * locks).
 */
#ifndef WTL_SIMHOST_CLIENT_H
#define WTL_SIMHOST_CLIENT_H

#include "base/limits.h"
#include "simhost/protocol.h"

/* The directory of the running machine room that this process sees: its own RUN/sim, else root's
 * /run/wattle/sim (unless WATTLE_RUN_DIR is set). -WTL_NOTFOUND: no host is running. */
int wtl_room_find(char dir_out[WTL_LIMIT_PATH], struct wtl_error *err);

/* Whether a host holds the room of `dir`. */
bool wtl_room_alive(const char *dir);

struct wtl_room {
    bool open;
    int dir_fd, fd, socket_fd; /* of the directory, the room; -1: not open */
    int owner_pid;             /* that opened the socket: a fork opens its own */
    bool nvml;                 /* the caller's to set: its connections are an NVML client's */
    int answer_ms;             /* how long an answer is waited for; 5000 as opened */
    size_t size;
    const struct wtl_room_head *head;
    int64_t start_unix_ns; /* of the host when the room was opened */
};

/* Maps a room. -WTL_NOTFOUND: no host; -WTL_CORRUPT: of another version. */
int wtl_room_open(const char *dir, struct wtl_room *out, struct wtl_error *err);
void wtl_room_close(struct wtl_room *room); /* of zeros, or twice: fine */

/* Whether the host that writes this map is still there; another one's room is another file. */
bool wtl_room_running(const struct wtl_room *room);

/* What there is of a GPU to look at. What the engine keeps for its way on (rates, energy by step)
 * is in none of them: a copy is not to be advanced. */
enum wtl_room_part {
    WTL_ROOM_STATE = 1 << 0,     /* settings, clocks, physics, what the sensors published last */
    WTL_ROOM_BOARD = 1 << 1,     /* what the board is, which does not change while the host lives */
    WTL_ROOM_PROCESSES = 1 << 2, /* who uses it, with work and SM time */
    WTL_ROOM_RINGS = 1 << 3,     /* the driver's rings of samples */
    WTL_ROOM_EVENTS = 1 << 4,
    WTL_ROOM_ALL = 0x1f,
};

/* A copy that is kept from one look to the next, of one GPU of one room. Begins as zeros. */
struct wtl_room_view {
    unsigned held;     /* parts that are of the state `sequence`; the board: of any */
    uint32_t sequence; /* of the slot */
    struct wtl_sim_gpu gpu;
};

/* Brings `parts` and the state of the copy up to date, all of one moment; what the view has of that
 * moment already is not copied again. Other lists than those asked for may be empty. -WTL_LOST: the
 * host died in the middle of writing; -WTL_USAGE: no such GPU. */
int wtl_room_look(const struct wtl_room *room, unsigned gpu, unsigned parts,
                  struct wtl_room_view *view, struct wtl_error *err);

/* What a driver reads of it now. -WTL_LOST: the host died in the middle of writing, or the GPU is
 * lost; -WTL_USAGE. */
int wtl_room_readings(const struct wtl_room *room, unsigned gpu, struct wtl_sim_readings *out,
                      struct wtl_error *err);

/* A consistent copy of all parts. As wtl_room_look(). */
int wtl_room_copy(const struct wtl_room *room, unsigned gpu, struct wtl_sim_gpu *out,
                  struct wtl_error *err);

/* The part of the head that changes. */
struct wtl_room_state {
    uint32_t driver_loads;
    bool mismatch;
    uint32_t accounting;
    uint32_t n_faults;
    struct wtl_room_fault faults[WTL_ROOM_FAULTS];
};
int wtl_room_state(const struct wtl_room *room, struct wtl_room_state *out, struct wtl_error *err);

/* Whether there is any fault for calls, or the versions do not match; two loads. */
bool wtl_room_any_trouble(const struct wtl_room *room);

/* One word that is another after each start of the host and each driver load. */
enum { WTL_ROOM_EPOCH = 48 };
int wtl_room_epoch(const struct wtl_room *room, char out[WTL_ROOM_EPOCH], struct wtl_error *err);

/* Asks the host and waits for its answer, answer_ms at most. Returns what the host did: 0 or its
 * error. -WTL_LOST: it is gone; -WTL_TIMEOUT: it will not do it later, either. `reply` may be NULL.
 * Connects where there is no connection (yet, any more, of this fork's own). */
int wtl_room_ask(struct wtl_room *room, const struct wtl_room_request *request,
                 struct wtl_room_reply *reply, struct wtl_error *err);

/* Ends a room whatever its version, by SIGTERM to the process behind its socket. -WTL_NOTFOUND,
 * -WTL_LOST: there is none; -WTL_PERMISSION. */
int wtl_room_terminate(const char *dir, int *pid_out, struct wtl_error *err);

/* The drop-in library's path: beside this program or library as installed
 * (LIBDIR/wattle/sim/libnvidia-ml.so.1) or in a build tree. -WTL_NOTFOUND. */
int wtl_room_library(char path_out[WTL_LIMIT_PATH], struct wtl_error *err);

#endif
