/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's own: what it holds, and how its files divide the work.
 */
#ifndef WTL_SIMHOST_HOST_IMPL_H
#define WTL_SIMHOST_HOST_IMPL_H

#include "simhost/host.h"
#include "simhost/protocol.h"
#include "simhost/title.h"

#include <sys/types.h>

enum {
    WTL_HOST_PEERS = 256,         /* connections at once */
    WTL_HOST_PEERS_PER_USER = 64, /* of one uid that is not privileged */
};

struct wtl_host_peer {
    int fd; /* -1: free */
    uid_t uid;
    gid_t gid;
    bool nvml; /* a client of the drop-in library (WTL_ROOM_JOIN) */
};

struct wtl_host_load {
    int pidfd; /* -1: free */
    pid_t pid;
    uid_t uid; /* who started it */
    int gpu;
    bool ours;       /* the process was made for it */
    int64_t ends_ns; /* monotonic; INT64_MAX: it does not */
};

struct wtl_host {
    const struct wtl_simhost_options *options;
    struct wtl_room_head *head;
    size_t map_bytes;
    int dir_fd, room_fd, socket_fd, timer_fd, epoll_fd;
    int64_t start_ns; /* monotonic */
    uid_t owner;
    bool lives; /* head->life is ours */
    bool stop;
    bool left; /* an NVML client has, and it was not looked yet whether it was the last */
    int64_t swept_ns;
    struct wtl_host_peer peers[WTL_HOST_PEERS];
    struct wtl_host_load loads[WTL_ROOM_LOADS];
    struct wtl_title title; /* for the processes of loads */
};

/* What an event of the loop is about. */
enum wtl_host_source {
    WTL_HOST_STOP,
    WTL_HOST_TIMER,
    WTL_HOST_LISTEN,
    WTL_HOST_PEER, /* with its index */
    WTL_HOST_LOAD,
};

/* ---- host.c ---------------------------------------------------------------------------------- */

int wtl_host_watch(struct wtl_host *h, int fd, enum wtl_host_source source, int index,
                   struct wtl_error *err);
void wtl_host_unwatch(struct wtl_host *h, int fd);

/* The GPU, to be changed: nobody copies it meanwhile. Moves it to the present first. */
struct wtl_sim_gpu *wtl_host_gpu_begin(struct wtl_host *h, unsigned i);
void wtl_host_gpu_end(struct wtl_host *h, unsigned i);

/* The same of the head. */
struct wtl_room_head *wtl_host_head_begin(struct wtl_host *h);
void wtl_host_head_end(struct wtl_host *h);

/* For looking: the host is its only writer. */
const struct wtl_sim_gpu *wtl_host_gpu(const struct wtl_host *h, unsigned i);

/* Persistence mode as the host's options want it. */
void wtl_host_persist(const struct wtl_host *h, struct wtl_sim_gpu *gpu);

/* ---- host_serve.c ---------------------------------------------------------------------------- */

/* Does what a checked request asks for. reply->value and delay_ms are filled where there are any.
 */
int wtl_host_serve(struct wtl_host *h, struct wtl_host_peer *peer,
                   const struct wtl_room_request *request, struct wtl_room_reply *reply,
                   struct wtl_error *err);

/* ---- host_peers.c ---------------------------------------------------------------------------- */

int wtl_host_listen(struct wtl_host *h, struct wtl_error *err);
void wtl_host_accept(struct wtl_host *h);
void wtl_host_read(struct wtl_host *h, int index); /* one request, or the end of the connection */
void wtl_host_hang_up(struct wtl_host *h);         /* all */

/* When a client has left and nothing else waits, not even one that comes back: without persistence
 * mode the driver lets go of a GPU that nobody uses, and forgets what was set. */
void wtl_host_let_go(struct wtl_host *h);

/* ---- host_loads.c ---------------------------------------------------------------------------- */

int wtl_host_load_start(struct wtl_host *h, const struct wtl_host_peer *peer, unsigned gpu,
                        const struct wtl_room_load *load, pid_t *pid_out, struct wtl_error *err);

/* Those with this pid (0: all that the caller may stop) on this GPU (-1: any). Returns how many, or
 * -WTL_NOTFOUND, -WTL_PERMISSION. */
int wtl_host_load_stop(struct wtl_host *h, const struct wtl_host_peer *peer, int gpu, pid_t pid,
                       struct wtl_error *err);

void wtl_host_load_died(struct wtl_host *h, int index);

/* Ends those whose time is up, and those that the GPU has no more. */
void wtl_host_loads_sweep(struct wtl_host *h, int64_t now_ns);
void wtl_host_loads_end(struct wtl_host *h); /* all */

#endif
