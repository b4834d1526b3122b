/* SPDX-License-Identifier: Apache-2.0
 *
 * The shared file of a virtual machine room, RUN/sim/room: a head and one slot per GPU. The host
 * alone writes it (simhost/host.h), everybody else maps it read-only and copies what he needs
 * (simhost/client.h). Both are of one build: a head of another size or version is another room.
 *
 * Each slot has a sequence lock: odd while the host is at it, and a copy is good when the sequence
 * was even before and is the same afterwards (https://lwn.net/Articles/21379/). The head has one,
 * too, for what changes in it. A host that dies leaves an odd sequence at worst: readers give up
 * when nobody holds the file's lock any more.
 *
 *   RUN/sim/lock    held by the host as long as it lives (an open-file-description write lock):
 *                   one host at a time
 *   RUN/sim/room    this file, put in its place when it is whole, and locked likewise: a client
 *                   knows whether the host of his map lives, whoever has come after it; once it
 *                   is mapped, by wtl_room_head.life
 *   RUN/sim/socket  requests (simhost/protocol.h)
 */
#ifndef WTL_SIMHOST_ROOM_H
#define WTL_SIMHOST_ROOM_H

#include "sim/readings.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WTL_ROOM_LOCK "lock"
#define WTL_ROOM_FILE "room"
#define WTL_ROOM_SOCKET "socket"

/* What the drop-in says that the driver is: tools read the numbers, and pynvml, DCGM and others
 * compare them, so that nothing else may stand there. */
#define WTL_ROOM_DRIVER_VERSION "580.65.06"
#define WTL_ROOM_CUDA_VERSION 13000

enum {
    WTL_ROOM_VERSION = 4,
    WTL_ROOM_GPUS = 32,   /* sim/gpu.h numbers PCI buses so far; a dense node has 16 */
    WTL_ROOM_FAULTS = 32, /* at a time */
    WTL_ROOM_LOADS = 256, /* in the whole room */
    WTL_ROOM_FUNCTION = 64,
    WTL_ROOM_HANG = -1, /* delay_ms: never comes back */
};

#define WTL_ROOM_MAGIC UINT64_C(0x4d4f4f522d4c5457) /* "WTL-ROOM" */

/* Calls of the drop-in library that shall go wrong. */
struct wtl_room_fault {
    char function[WTL_ROOM_FUNCTION]; /* "nvmlDeviceGetPowerUsage", "nvmlDeviceSet*", "*" */
    int32_t gpu;                      /* index; -1: all, and calls that name none */
    int32_t nvml_return;              /* NVML's code; 0: the call works (and is late) */
    uint32_t skip;                    /* that many calls go well first */
    uint32_t every;                   /* of the later ones every n-th is hit; 0 and 1: each */
    uint32_t count;                   /* over after so many hits; 0: never */
    int32_t delay_ms;                 /* before it answers; WTL_ROOM_HANG: it never does */
    uint32_t n_calls, n_hits;         /* counted by the host */
};

struct wtl_room_head {
    uint64_t magic;
    uint32_t version, head_bytes, slot_bytes, n_gpus;
    int64_t start_unix_ns; /* of the host; with driver_loads: the epoch */
    int32_t host_pid;
    uint32_t host_uid;

    /* Held by the host's thread as long as it lives; robust, so that the kernel marks its word when
     * the thread ends without giving it back: to see whether somebody writes here costs a client no
     * system call. `watched`: the word is where we look for it (wtl_room_life()). */
    pthread_mutex_t life;
    uint32_t watched;

    _Atomic uint32_t sequence; /* of what follows */
    uint32_t driver_loads;     /* from 1 */
    uint32_t mismatch;         /* not 0: the library and the driver are of two versions */
    uint32_t accounting;       /* bit i: accounting mode of GPU i is on */
    uint32_t n_faults;
    struct wtl_room_fault faults[WTL_ROOM_FAULTS];
};

/* What most clients want of a GPU, its readings, stand beside the sequence: a few lines of the
 * cache in the place of dozens. */
struct wtl_room_slot {
    _Atomic uint32_t sequence;
    uint32_t lost; /* not 0: there are no readings */
    struct wtl_sim_readings readings;
    struct wtl_sim_gpu gpu;
} __attribute__((aligned(64)));

/* Thread id of who holds `life`, with bits of the kernel's (futex(2)): the first word of a glibc
 * mutex. */
static inline uint32_t wtl_room_life(const struct wtl_room_head *head)
{
    return *(const volatile uint32_t *)(const void *)&head->life;
}

/* Where slot `i` begins. */
static inline size_t wtl_room_offset(uint32_t i)
{
    return (sizeof(struct wtl_room_head) + 63) / 64 * 64 + i * sizeof(struct wtl_room_slot);
}

/* A function that gives back what a client holds, and works whatever else does not: no fault
 * strikes it. */
bool wtl_room_never_fails(const char *function);

/* Whether a fault is meant for a call of `function`; gpu -1: the call names no GPU. */
bool wtl_room_fault_matches(const struct wtl_room_fault *fault, const char *function, int gpu);

/* Counts a call in a matching fault; true when this one is hit. */
bool wtl_room_fault_hits(struct wtl_room_fault *fault);

#endif
