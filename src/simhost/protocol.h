/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests to the host of a virtual machine room: one packet of a SOCK_SEQPACKET Unix socket each
 * way, a fixed struct, host's byte order (both ends are on one machine). Who asks is what the
 * kernel says (SO_PEERCRED), never what the packet says.
 *
 * wtl_room_request_check() is all that stands between a packet and the host: it looks at sizes,
 * ranges, text ends and floating-point numbers, and whatever passes is harmless.
 */
#ifndef WTL_SIMHOST_PROTOCOL_H
#define WTL_SIMHOST_PROTOCOL_H

#include "simhost/room.h"

enum wtl_room_verb {
    WTL_ROOM_HELLO, /* nothing; to see that somebody is there */
    /* What a driver allows root alone: owner of the host, or uid 0. */
    WTL_ROOM_LOCK_SM,
    WTL_ROOM_RESET_SM,
    WTL_ROOM_LOCK_MEM,
    WTL_ROOM_RESET_MEM,
    WTL_ROOM_SET_LIMIT,
    WTL_ROOM_SET_PERSISTENCE,
    WTL_ROOM_SET_COMPUTE_MODE,
    WTL_ROOM_SET_MIG,
    WTL_ROOM_SET_ACCOUNTING,
    /* The machine room's own. */
    WTL_ROOM_LOAD_START, /* anybody; the process is the caller's */
    WTL_ROOM_LOAD_STOP,  /* his own; the owner: any */
    WTL_ROOM_FAULT_ADD,  /* from here on: the owner */
    WTL_ROOM_FAULT_CLEAR,
    WTL_ROOM_GPU_FAULT,
    WTL_ROOM_STOP,
    /* A call of the drop-in library for which there is a fault: anybody. */
    WTL_ROOM_CALL,
    /* The first word of a connection that is an NVML client's: while there is one, the driver is in
     * use. Not answered. Anybody. */
    WTL_ROOM_JOIN,
    WTL_ROOM_N_VERBS
};

/* What can be done to a GPU (WTL_ROOM_GPU_FAULT). */
enum wtl_room_gpu_fault {
    WTL_ROOM_GPU_STALE, /* value: bits of enum wtl_sim_sensor_bit; number: seconds, 0: for good */
    WTL_ROOM_GPU_DROP,  /* number: probability */
    WTL_ROOM_GPU_LOSE,
    WTL_ROOM_GPU_BRAKE,       /* value: 1 on, 0 off */
    WTL_ROOM_GPU_AMBIENT,     /* number: C */
    WTL_ROOM_GPU_OOB,         /* number: W; 0: none */
    WTL_ROOM_GPU_XID,         /* value: its number, 1 to 999 */
    WTL_ROOM_DRIVER_RELOAD,   /* of all GPUs */
    WTL_ROOM_DRIVER_MISMATCH, /* value: 1, 0 */
    WTL_ROOM_N_GPU_FAULTS
};

struct wtl_room_load {
    struct wtl_sim_workload workload; /* on the GPU's board: profiles are read by who asks */
    int32_t pid;                      /* the process that it belongs to; 0: one is made */
    int32_t batch;                    /* 0: the workload's */
    int32_t mps;                      /* not 0: a client of the MPS server */
    int32_t instance;                 /* MIG instance; -1: none */
    double share;                     /* 0 < share <= 1 */
    double rate_per_s;                /* 0: as much as it can */
    double duration_s;                /* 0: until it is stopped */
    struct wtl_sim_pattern pattern;
};

struct wtl_room_request {
    uint32_t version; /* WTL_ROOM_VERSION */
    uint32_t size;    /* of this struct */
    uint32_t verb;
    int32_t gpu; /* index; -1: all, where that makes sense */
    union {
        struct {
            uint32_t min_mhz, max_mhz;
        } lock;
        uint32_t value; /* mW, mode, pid */
        struct {
            uint32_t n;
            int32_t profiles[WTL_SIM_INSTANCES]; /* their ids, see sim/mig.h */
        } mig;                                   /* n = 0: off */
        struct wtl_room_load load;
        struct wtl_room_fault fault;
        struct {
            uint32_t what, value;
            double number;
        } gpu_fault;
        char function[WTL_ROOM_FUNCTION]; /* WTL_ROOM_CALL */
    } u;
};

struct wtl_room_reply {
    uint32_t version, size;
    int32_t code;     /* enum wtl_code */
    int32_t value;    /* LOAD_START: the pid; LOAD_STOP: how many; CALL: NVML's code */
    int32_t delay_ms; /* CALL */
    char message[WTL_ERROR_MESSAGE_MAX];
    char hint[WTL_ERROR_HINT_MAX];
};

/* A request to fill. */
struct wtl_room_request wtl_room_request(enum wtl_room_verb verb, int gpu);

/* Whether `n` bytes are a request that a room of `n_gpus` can serve; *out is then the request, and
 * its texts are terminated. -WTL_USAGE. */
int wtl_room_request_check(const void *bytes, size_t n, unsigned n_gpus,
                           struct wtl_room_request *out, struct wtl_error *err);

/* A reply from a result: `rc` 0 or a negative code with its error. */
void wtl_room_reply_fill(struct wtl_room_reply *reply, int rc, const struct wtl_error *err);

/* The result that a reply of `n` bytes tells: 0, the host's error, or -WTL_IO for no reply. */
int wtl_room_reply_result(const struct wtl_room_reply *reply, size_t n, struct wtl_error *err);

/* Whether `verb` is for uid 0 and the host's owner only. */
bool wtl_room_privileged(enum wtl_room_verb verb);

#endif
