/* SPDX-License-Identifier: Apache-2.0
 * What the host does for a request. */
#include "simhost/host_impl.h"

#include "sim/mig.h"

#include <string.h>

/* ---- Settings of the driver ------------------------------------------------------------------ */

static int set_gpu(struct wtl_sim_gpu *gpu, const struct wtl_room_request *r, struct wtl_error *err)
{
    switch ((enum wtl_room_verb)r->verb) {
    case WTL_ROOM_LOCK_SM:
        return wtl_sim_lock_sm(gpu, r->u.lock.min_mhz, r->u.lock.max_mhz, err);
    case WTL_ROOM_RESET_SM:
        return wtl_sim_reset_sm(gpu, err);
    case WTL_ROOM_LOCK_MEM:
        return wtl_sim_lock_mem(gpu, r->u.lock.min_mhz, r->u.lock.max_mhz, err);
    case WTL_ROOM_RESET_MEM:
        return wtl_sim_reset_mem(gpu, err);
    case WTL_ROOM_SET_LIMIT:
        return wtl_sim_set_limit(gpu, r->u.value, err);
    case WTL_ROOM_SET_PERSISTENCE:
        return wtl_sim_set_persistence(gpu, r->u.value != 0, err);
    case WTL_ROOM_SET_COMPUTE_MODE:
        return wtl_sim_set_compute_mode(gpu, (enum wtl_sim_compute_mode)r->u.value, err);
    case WTL_ROOM_SET_MIG: {
        int ids[WTL_SIM_INSTANCES];
        memcpy(ids, r->u.mig.profiles, sizeof ids);
        return wtl_sim_set_mig(gpu, ids, (int)r->u.mig.n, err);
    }
    case WTL_ROOM_HELLO:
    case WTL_ROOM_SET_ACCOUNTING:
    case WTL_ROOM_LOAD_START:
    case WTL_ROOM_LOAD_STOP:
    case WTL_ROOM_FAULT_ADD:
    case WTL_ROOM_FAULT_CLEAR:
    case WTL_ROOM_GPU_FAULT:
    case WTL_ROOM_STOP:
    case WTL_ROOM_CALL:
    case WTL_ROOM_JOIN:
    case WTL_ROOM_N_VERBS:
        break;
    }
    return WTL_FAIL(err, WTL_USAGE, "request %u sets nothing", r->verb);
}

static int set_accounting(struct wtl_host *h, unsigned gpu, bool on)
{
    struct wtl_room_head *head = wtl_host_head_begin(h);
    head->accounting = on ? head->accounting | 1u << gpu : head->accounting & ~(1u << gpu);
    wtl_host_head_end(h);
    return 0;
}

/* ---- Faults ---------------------------------------------------------------------------------- */

static void reload_driver(struct wtl_host *h)
{
    for (unsigned i = 0; i < h->options->n; i++) {
        struct wtl_sim_gpu *gpu = wtl_host_gpu_begin(h, i);
        wtl_sim_reload(gpu);
        wtl_host_persist(h, gpu);
        wtl_host_gpu_end(h, i);
    }
    struct wtl_room_head *head = wtl_host_head_begin(h);
    head->driver_loads++;
    head->accounting = 0;
    wtl_host_head_end(h);
    wtl_host_loads_sweep(h, INT64_MIN);
}

static void fault_gpu(struct wtl_sim_gpu *gpu, const struct wtl_room_request *r)
{
    double number = r->u.gpu_fault.number;
    uint32_t value = r->u.gpu_fault.value;
    switch ((enum wtl_room_gpu_fault)r->u.gpu_fault.what) {
    case WTL_ROOM_GPU_STALE:
        wtl_sim_freeze(gpu, value,
                       number > 0 ? wtl_sim_gpu_now_ns(gpu) + (int64_t)(number * 1e9) : INT64_MAX);
        break;
    case WTL_ROOM_GPU_DROP:
        wtl_sim_drop(gpu, number);
        break;
    case WTL_ROOM_GPU_LOSE:
        wtl_sim_lose(gpu);
        break;
    case WTL_ROOM_GPU_BRAKE:
        wtl_sim_brake(gpu, value != 0);
        break;
    case WTL_ROOM_GPU_AMBIENT:
        wtl_sim_ambient(gpu, number);
        break;
    case WTL_ROOM_GPU_OOB:
        wtl_sim_set_oob_limit(gpu, number);
        break;
    case WTL_ROOM_GPU_XID:
        wtl_sim_xid(gpu, value);
        break;
    case WTL_ROOM_DRIVER_RELOAD:
    case WTL_ROOM_DRIVER_MISMATCH:
    case WTL_ROOM_N_GPU_FAULTS:
        break;
    }
}

static int gpu_fault(struct wtl_host *h, const struct wtl_room_request *r)
{
    if (r->u.gpu_fault.what == WTL_ROOM_DRIVER_RELOAD) {
        reload_driver(h);
        return 0;
    }
    if (r->u.gpu_fault.what == WTL_ROOM_DRIVER_MISMATCH) {
        wtl_host_head_begin(h)->mismatch = r->u.gpu_fault.value;
        wtl_host_head_end(h);
        return 0;
    }
    for (unsigned i = 0; i < h->options->n; i++) {
        if (r->gpu >= 0 && r->gpu != (int)i)
            continue;
        fault_gpu(wtl_host_gpu_begin(h, i), r);
        wtl_host_gpu_end(h, i);
    }
    wtl_host_loads_sweep(h, INT64_MIN);
    return 0;
}

static int fault_add(struct wtl_host *h, const struct wtl_room_fault *fault, struct wtl_error *err)
{
    uint32_t n = h->head->n_faults;
    if (n >= WTL_ROOM_FAULTS)
        return WTL_FAIL(err, WTL_LIMIT, "there are %u faults already", n);
    struct wtl_room_head *head = wtl_host_head_begin(h);
    head->faults[n] = *fault;
    head->faults[n].n_calls = head->faults[n].n_hits = 0;
    head->n_faults = n + 1;
    wtl_host_head_end(h);
    return 0;
}

/* Takes away the faults of calls (of one GPU, or all), and what was done to the GPUs. A lost GPU
 * comes back with a driver load only. */
static void fault_clear(struct wtl_host *h, int gpu)
{
    struct wtl_room_head *head = wtl_host_head_begin(h);
    uint32_t n = 0;
    for (uint32_t i = 0; i < head->n_faults; i++)
        if (gpu >= 0 && head->faults[i].gpu != gpu)
            head->faults[n++] = head->faults[i];
    head->n_faults = n;
    head->mismatch = gpu >= 0 ? head->mismatch : 0;
    wtl_host_head_end(h);
    for (unsigned i = 0; i < h->options->n; i++) {
        if (gpu >= 0 && gpu != (int)i)
            continue;
        struct wtl_sim_gpu *g = wtl_host_gpu_begin(h, i);
        wtl_sim_freeze(g, 0, 0);
        wtl_sim_drop(g, 0);
        wtl_sim_brake(g, false);
        wtl_sim_set_oob_limit(g, 0);
        g->last_xid = 0;
        wtl_sim_ambient(g, g->board.thermal.ambient_c);
        wtl_host_gpu_end(h, i);
    }
}

/* A call that may be hit. The first fault that hits it decides. */
static void call(struct wtl_host *h, const struct wtl_room_request *r, struct wtl_room_reply *reply)
{
    struct wtl_room_head *head = wtl_host_head_begin(h);
    for (uint32_t i = 0; i < head->n_faults; i++) {
        struct wtl_room_fault *f = &head->faults[i];
        if (!wtl_room_fault_matches(f, r->u.function, r->gpu) || !wtl_room_fault_hits(f))
            continue;
        reply->value = f->nvml_return;
        reply->delay_ms = f->delay_ms;
        break;
    }
    wtl_host_head_end(h);
}

/* ---- All of them ----------------------------------------------------------------------------- */

static int load_start(struct wtl_host *h, const struct wtl_host_peer *peer,
                      const struct wtl_room_request *r, struct wtl_room_reply *reply,
                      struct wtl_error *err)
{
    pid_t pid = 0;
    int rc = wtl_host_load_start(h, peer, (unsigned)r->gpu, &r->u.load, &pid, err);
    if (rc == 0)
        reply->value = pid;
    return rc;
}

static int load_stop(struct wtl_host *h, const struct wtl_host_peer *peer,
                     const struct wtl_room_request *r, struct wtl_room_reply *reply,
                     struct wtl_error *err)
{
    int n = wtl_host_load_stop(h, peer, r->gpu, (pid_t)r->u.value, err);
    if (n < 0)
        return n;
    reply->value = n;
    return 0;
}

int wtl_host_serve(struct wtl_host *h, struct wtl_host_peer *peer, const struct wtl_room_request *r,
                   struct wtl_room_reply *reply, struct wtl_error *err)
{
    enum wtl_room_verb verb = (enum wtl_room_verb)r->verb;
    if (wtl_room_privileged(verb) && peer->uid != 0 && peer->uid != h->owner)
        return WTL_FAIL(err, WTL_PERMISSION,
                        "only root and user %lu, who runs the machine room, may change it",
                        (unsigned long)h->owner);
    switch (verb) {
    case WTL_ROOM_HELLO:
        return 0;
    case WTL_ROOM_JOIN:
        peer->nvml = true;
        return 0;
    case WTL_ROOM_LOCK_SM:
    case WTL_ROOM_RESET_SM:
    case WTL_ROOM_LOCK_MEM:
    case WTL_ROOM_RESET_MEM:
    case WTL_ROOM_SET_LIMIT:
    case WTL_ROOM_SET_PERSISTENCE:
    case WTL_ROOM_SET_COMPUTE_MODE:
    case WTL_ROOM_SET_MIG: {
        int rc = set_gpu(wtl_host_gpu_begin(h, (unsigned)r->gpu), r, err);
        wtl_host_gpu_end(h, (unsigned)r->gpu);
        return rc;
    }
    case WTL_ROOM_SET_ACCOUNTING:
        return set_accounting(h, (unsigned)r->gpu, r->u.value != 0);
    case WTL_ROOM_LOAD_START:
        return load_start(h, peer, r, reply, err);
    case WTL_ROOM_LOAD_STOP:
        return load_stop(h, peer, r, reply, err);
    case WTL_ROOM_FAULT_ADD:
        return fault_add(h, &r->u.fault, err);
    case WTL_ROOM_FAULT_CLEAR:
        fault_clear(h, r->gpu);
        return 0;
    case WTL_ROOM_GPU_FAULT:
        return gpu_fault(h, r);
    case WTL_ROOM_STOP:
        h->stop = true;
        return 0;
    case WTL_ROOM_CALL:
        call(h, r, reply);
        return 0;
    case WTL_ROOM_N_VERBS:
        break;
    }
    return WTL_FAIL(err, WTL_USAGE, "there is no request %u", r->verb);
}
