/* SPDX-License-Identifier: Apache-2.0
 *
 * The drop-in libnvidia-ml.so.1: NVML as any client knows it, over the virtual GPUs of a running
 * machine room. Every function has the same shape: wtl_dropin_begin() checks what NVML checks first
 * (initialised, handle, pointers), lets a fault strike, and takes a copy of the GPU's
 * readings, or of the GPU; then it is arithmetic on the copy. Setters ask the host.
 *
 * What is not simulated (fans, PCIe traffic, ECC, NVLink, BAR1, application clocks) is "not
 * supported", never made up. No function prints, and none writes an output on failure but counts
 * that NVML itself writes.
 *
 * Threads: all functions may be called at once, as NVML's. The state is in library.c alone.
 */
#ifndef WTL_NVML_SIM_IMPL_H
#define WTL_NVML_SIM_IMPL_H

#include "nvml-abi/nvml_more.h"
#include "sim/readings.h"
#include "simhost/client.h"

#include <stdbool.h>

#define X(name, args) __attribute__((visibility("default"))) int name args;
NVML_FUNCTIONS(X)
NVML_MORE_FUNCTIONS(X)
#undef X
__attribute__((visibility("default"))) const char *nvmlErrorString(int code);
__attribute__((visibility("default"))) nvml_wattle_epoch_fn nvmlWattleEpoch;

/* What a handle points to: a GPU (instance -1) or one of its MIG instances. */
struct nvml_device {
    int gpu, instance;
};

/* Whom a function is for, and which lists of the GPU it looks at: those that it does not name may
 * be empty. */
enum wtl_dropin_scope {
    WTL_DROPIN_BOARD = 0,    /* the GPU alone: power, clocks, limits */
    WTL_DROPIN_ANY = 1 << 0, /* MIG instances, too */
    WTL_DROPIN_PROCESSES = 1 << 1,
    WTL_DROPIN_RINGS = 1 << 2,
    WTL_DROPIN_EVENTS = 1 << 3,
    WTL_DROPIN_READINGS = 1 << 4, /* the board's readings alone: call.gpu is NULL */
};

struct wtl_dropin_call {
    /* This thread's copy, until its next call of that GPU. NULL: WTL_DROPIN_READINGS. */
    const struct wtl_sim_gpu *gpu;
    struct wtl_sim_readings r; /* of the whole board */
    int index;
    int instance; /* -1: the board */
};

/* The beginning of every function about a device. `scope`: of enum wtl_dropin_scope; `arguments`:
 * its pointers are what they must be. Returns a code of NVML. */
int wtl_dropin_begin(struct wtl_dropin_call *call, const char *function,
                     const struct nvml_device *d, unsigned scope, bool arguments);

/* The same for functions that name no device. */
int wtl_dropin_begin_system(const char *function, bool arguments);

/* The shape of nearly all getters: one number of a device `c`, where `condition` says that it has
 * it. */
#define WTL_DROPIN_GETTER(name, type, scope, condition, value)                                     \
    int name(struct nvml_device *d, type *out)                                                     \
    {                                                                                              \
        struct wtl_dropin_call c;                                                                  \
        int rc = wtl_dropin_begin(&c, __func__, d, scope, out != NULL);                            \
        if (rc == 0 && !(condition))                                                               \
            rc = NVML_NOT_SUPPORTED;                                                               \
        if (rc == 0)                                                                               \
            *out = (value);                                                                        \
        return rc;                                                                                 \
    }

/* Asks the host for a change of the call's GPU; a code of NVML. request->gpu is filled in. */
int wtl_dropin_ask(const struct wtl_dropin_call *call, struct wtl_room_request *request);

/* A handle. */
struct nvml_device *wtl_dropin_handle(int gpu, int instance);
unsigned wtl_dropin_count(void);

/* This thread's copy of a GPU, lost or not, with `lists` of enum wtl_dropin_scope; NULL when the
 * host is gone or nothing is initialised. */
const struct wtl_sim_gpu *wtl_dropin_copy(int gpu, unsigned lists);

/* The changing part of the room's head. */
int wtl_dropin_state(struct wtl_room_state *out);

/* A text into a client's buffer: NVML_INSUFFICIENT_SIZE. */
int wtl_dropin_text(const char *from, char *to, unsigned size);

/* "GPU 0: plenty of room" for lists: sets *n to `have`; 0, or NVML_INSUFFICIENT_SIZE when the
 * client's room is less. `items` NULL with room is an invalid argument. */
int wtl_dropin_room(unsigned have, unsigned *n, const void *items);

int wtl_dropin_code(int rc); /* NVML's word for a result of ours */

static inline uint64_t wtl_dropin_us(int64_t unix_ns)
{
    return (uint64_t)unix_ns / 1000;
}

#endif
