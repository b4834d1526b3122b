/* SPDX-License-Identifier: Apache-2.0
 * Who uses a device. A client of the MPS server is listed as such, and there alone. */
#include "nvml-sim/impl.h"

struct processes {
    struct wtl_dropin_call call;
    unsigned n;
    struct wtl_sim_process_info items[WTL_SIM_TENANTS];
};

enum kind { COMPUTE, MPS, EITHER };

/* Those of the device: an instance's, or all. */
static int list(struct processes *p, const char *function, const struct nvml_device *d,
                enum kind kind, bool arguments)
{
    int rc =
        wtl_dropin_begin(&p->call, function, d, WTL_DROPIN_ANY | WTL_DROPIN_PROCESSES, arguments);
    if (rc != 0)
        return rc;
    int have = wtl_sim_processes(p->call.gpu, p->items, WTL_SIM_TENANTS);
    p->n = 0;
    for (int i = 0; i < have; i++) {
        const struct wtl_sim_process_info info = p->items[i];
        bool kept = kind == EITHER || info.mps == (kind == MPS);
        if (kept && (p->call.instance < 0 || info.instance == p->call.instance))
            p->items[p->n++] = info;
    }
    return NVML_SUCCESS;
}

static struct nvml_process process_of(const struct processes *p, unsigned i)
{
    const struct wtl_sim_process_info *info = &p->items[i];
    bool in_instance = info->instance >= 0;
    const struct wtl_sim_instance *instance =
        &p->call.gpu->instances[in_instance ? info->instance : 0];
    return (struct nvml_process){
        .pid = info->pid,
        .used_b = info->memory_b,
        .gpu_instance = in_instance ? (uint32_t)instance->gpu_instance : NVML_NO_INSTANCE,
        .compute_instance = in_instance ? (uint32_t)instance->compute_instance : NVML_NO_INSTANCE,
    };
}

static int running(const char *function, const struct nvml_device *d, enum kind kind, unsigned *n,
                   struct nvml_process *out)
{
    struct processes p;
    int rc = list(&p, function, d, kind, n != NULL);
    if (rc == 0)
        rc = wtl_dropin_room(p.n, n, out);
    for (unsigned i = 0; rc == 0 && i < p.n; i++)
        out[i] = process_of(&p, i);
    return rc;
}

static int running_v1(const char *function, const struct nvml_device *d, enum kind kind,
                      unsigned *n, struct nvml_process_v1 *out)
{
    struct processes p;
    int rc = list(&p, function, d, kind, n != NULL);
    if (rc == 0)
        rc = wtl_dropin_room(p.n, n, out);
    for (unsigned i = 0; rc == 0 && i < p.n; i++)
        out[i] = (struct nvml_process_v1){p.items[i].pid, p.items[i].memory_b};
    return rc;
}

#define RUNNING(name, type, how, kind)                                                             \
    int name(struct nvml_device *d, unsigned *n, struct type *processes)                           \
    {                                                                                              \
        return how(__func__, d, kind, n, processes);                                               \
    }
RUNNING(nvmlDeviceGetComputeRunningProcesses, nvml_process_v1, running_v1, COMPUTE)
RUNNING(nvmlDeviceGetComputeRunningProcesses_v2, nvml_process, running, COMPUTE)
RUNNING(nvmlDeviceGetComputeRunningProcesses_v3, nvml_process, running, COMPUTE)
RUNNING(nvmlDeviceGetMPSComputeRunningProcesses, nvml_process_v1, running_v1, MPS)
RUNNING(nvmlDeviceGetMPSComputeRunningProcesses_v2, nvml_process, running, MPS)
RUNNING(nvmlDeviceGetMPSComputeRunningProcesses_v3, nvml_process, running, MPS)

static int no_graphics(const char *function, const struct nvml_device *d, unsigned *n)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, function, d, WTL_DROPIN_ANY, n != NULL);
    if (rc == 0)
        *n = 0;
    return rc;
}

#define GRAPHICS(name, type)                                                                       \
    int name(struct nvml_device *d, unsigned *n, struct type *processes)                           \
    {                                                                                              \
        (void)processes;                                                                           \
        return no_graphics(__func__, d, n);                                                        \
    }
GRAPHICS(nvmlDeviceGetGraphicsRunningProcesses, nvml_process_v1)
GRAPHICS(nvmlDeviceGetGraphicsRunningProcesses_v2, nvml_process)
GRAPHICS(nvmlDeviceGetGraphicsRunningProcesses_v3, nvml_process)

/* ---- Utilisation ----------------------------------------------------------------------------- */

/* Keeps those with a sample later than last_seen_us. NVML_NOT_FOUND: none. */
static int sampled(struct processes *p, const char *function, const struct nvml_device *d,
                   unsigned long long last_seen_us, bool arguments)
{
    int rc = list(p, function, d, EITHER, arguments);
    if (rc == 0 && !(p->call.r.has & WTL_SIM_HAS_UTIL))
        rc = NVML_NOT_SUPPORTED;
    if (rc != 0)
        return rc;
    unsigned n = 0;
    for (unsigned i = 0; i < p->n; i++)
        if (p->items[i].util_t_unix_ns > 0 &&
            wtl_dropin_us(p->items[i].util_t_unix_ns) > last_seen_us)
            p->items[n++] = p->items[i];
    p->n = n;
    return n > 0 ? NVML_SUCCESS : NVML_NOT_FOUND;
}

int nvmlDeviceGetProcessUtilization(struct nvml_device *d, struct nvml_process_util *samples,
                                    unsigned *n, unsigned long long last_seen_us)
{
    struct processes p;
    int rc = sampled(&p, __func__, d, last_seen_us, n != NULL);
    if (rc != 0)
        return rc;
    if (!samples) { /* how many there can be */
        *n = p.n;
        return NVML_INSUFFICIENT_SIZE;
    }
    rc = wtl_dropin_room(p.n, n, samples);
    for (unsigned i = 0; rc == 0 && i < p.n; i++)
        samples[i] = (struct nvml_process_util){
            .pid = p.items[i].pid,
            .timestamp_us = wtl_dropin_us(p.items[i].util_t_unix_ns),
            .sm = p.items[i].sm_util_pct,
            .memory = p.items[i].mem_util_pct,
        };
    return rc;
}

int nvmlDeviceGetProcessesUtilizationInfo(struct nvml_device *d, struct nvml_processes_util *info)
{
    struct processes p;
    int rc = sampled(&p, __func__, d, info ? info->last_seen_us : 0, info != NULL);
    if (rc != 0)
        return rc;
    if (info->version != NVML_STRUCT_VERSION(struct nvml_processes_util, 1))
        return NVML_ARGUMENT_VERSION_MISMATCH;
    if (!info->items) {
        info->n = p.n;
        return NVML_INSUFFICIENT_SIZE;
    }
    rc = wtl_dropin_room(p.n, &info->n, info->items);
    for (unsigned i = 0; rc == 0 && i < p.n; i++)
        info->items[i] = (struct nvml_process_util_info){
            .timestamp_us = wtl_dropin_us(p.items[i].util_t_unix_ns),
            .pid = p.items[i].pid,
            .sm = p.items[i].sm_util_pct,
            .memory = p.items[i].mem_util_pct,
        };
    return rc;
}

/* ---- Accounting: of the processes that are there; finished ones are not kept ------------------
 */

static int accounting(const struct wtl_dropin_call *c, bool *on)
{
    struct wtl_room_state state;
    int rc = wtl_dropin_state(&state);
    if (rc == 0)
        *on = state.accounting >> c->index & 1;
    return rc;
}

int nvmlDeviceGetAccountingMode(struct nvml_device *d, unsigned *mode)
{
    struct wtl_dropin_call c;
    bool on = false;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_BOARD, mode != NULL);
    if (rc == 0)
        rc = accounting(&c, &on);
    if (rc == 0)
        *mode = on;
    return rc;
}

int nvmlDeviceGetAccountingBufferSize(struct nvml_device *d, unsigned *n)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_BOARD, n != NULL);
    if (rc == 0)
        *n = WTL_SIM_TENANTS;
    return rc;
}

int nvmlDeviceGetAccountingPids(struct nvml_device *d, unsigned *n, unsigned *pids)
{
    struct processes p;
    bool on = false;
    int rc = list(&p, __func__, d, EITHER, n != NULL);
    if (rc == 0)
        rc = accounting(&p.call, &on);
    if (rc == 0)
        rc = wtl_dropin_room(on ? p.n : 0, n, pids);
    for (unsigned i = 0; rc == 0 && on && i < p.n; i++)
        pids[i] = p.items[i].pid;
    return rc;
}

int nvmlDeviceGetAccountingStats(struct nvml_device *d, unsigned pid, struct nvml_accounting *stats)
{
    struct wtl_dropin_call c;
    bool on = false;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_PROCESSES, stats != NULL);
    if (rc == 0)
        rc = accounting(&c, &on);
    if (rc != 0)
        return rc;
    const struct wtl_sim_slot *slot = on ? wtl_sim_find(c.gpu, pid) : NULL;
    if (!slot)
        return NVML_NOT_FOUND;
    *stats = (struct nvml_accounting){
        .gpu_util = slot->util_pct,
        .memory_util = slot->mem_util_pct,
        .max_memory_b = (uint64_t)(slot->vram_mib * 1048576.0),
        .start_us = wtl_dropin_us(c.gpu->start_unix_ns + slot->since_ns),
        .running = 1,
    };
    return NVML_SUCCESS;
}
