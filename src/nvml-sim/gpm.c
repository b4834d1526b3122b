/* SPDX-License-Identifier: Apache-2.0
 * GPM (Hopper and later): averages between two samples. SM activity is exact (the engine integrates
 * it); graphics and memory utilisation are the means of the driver's rings between the samples.
 * Pipes and traffic are not simulated. */
#include "nvml-sim/impl.h"

#include <stdlib.h>
#include <string.h>

struct nvml_gpm_sample {
    bool taken;
    int index;
    uint64_t seed;
    int64_t t_ns, t_unix_ns;
    int n_pids;
    struct {
        uint32_t pid;
        double sm_time_s;
    } pids[WTL_SIM_TENANTS];
    struct wtl_sim_ring gpu_util, mem_util;
};

int nvmlGpmQueryDeviceSupport(struct nvml_device *d, struct nvml_gpm_support *support)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_ANY, support != NULL);
    if (rc == 0 && support->version != NVML_GPM_VERSION)
        rc = NVML_ARGUMENT_VERSION_MISMATCH;
    if (rc == 0)
        support->supported = (c.gpu->board.capabilities & WTL_SIM_GPM) != 0;
    return rc;
}

int nvmlGpmSampleAlloc(struct nvml_gpm_sample **sample)
{
    int rc = wtl_dropin_begin_system(__func__, sample != NULL);
    if (rc != 0)
        return rc;
    struct nvml_gpm_sample *s = calloc(1, sizeof *s);
    if (!s)
        return NVML_MEMORY;
    *sample = s;
    return NVML_SUCCESS;
}

int nvmlGpmSampleFree(struct nvml_gpm_sample *sample)
{
    if (!sample)
        return NVML_INVALID_ARGUMENT;
    free(sample);
    return NVML_SUCCESS;
}

/* SM time of a process until now: flushed, and at the present rate since then. */
static double sm_time_s(const struct wtl_sim_gpu *gpu, int slot)
{
    double since_s = (double)(gpu->tick - gpu->flushed_tick) * WTL_SIM_STEP_MS / 1000.0;
    return gpu->sm_time[slot] + gpu->now.tenant_sm[slot] * since_s;
}

static int take(const char *function, const struct nvml_device *d, struct nvml_gpm_sample *s)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, function, d, WTL_DROPIN_PROCESSES | WTL_DROPIN_RINGS, s != NULL);
    if (rc == 0 && !(c.gpu->board.capabilities & WTL_SIM_GPM))
        rc = NVML_NOT_SUPPORTED;
    if (rc != 0)
        return rc;
    *s = (struct nvml_gpm_sample){.taken = true,
                                  .index = c.index,
                                  .seed = c.gpu->seed,
                                  .t_ns = wtl_sim_gpu_now_ns(c.gpu),
                                  .t_unix_ns = c.r.t_unix_ns,
                                  .n_pids = c.gpu->n_slots,
                                  .gpu_util = c.gpu->sensors.rings[WTL_SIM_RING_GPU_UTIL],
                                  .mem_util = c.gpu->sensors.rings[WTL_SIM_RING_MEM_UTIL]};
    for (int i = 0; i < c.gpu->n_slots; i++) {
        s->pids[i].pid = c.gpu->slots[i].process.pid;
        s->pids[i].sm_time_s = sm_time_s(c.gpu, i);
    }
    return NVML_SUCCESS;
}

int nvmlGpmSampleGet(struct nvml_device *d, struct nvml_gpm_sample *sample)
{
    return take(__func__, d, sample);
}

int nvmlGpmMigSampleGet(struct nvml_device *d, unsigned gpu_instance,
                        struct nvml_gpm_sample *sample)
{
    struct wtl_dropin_call c;
    (void)gpu_instance;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_BOARD, sample != NULL);
    return rc == 0 ? NVML_NOT_SUPPORTED : rc;
}

/* ---- Metrics --------------------------------------------------------------------------------- */

/* Percent of the whole chip's time, of processes that were there at the second sample. */
static double sm_active_pct(const struct nvml_gpm_sample *a, const struct nvml_gpm_sample *b)
{
    double busy_s = 0;
    for (int i = 0; i < b->n_pids; i++) {
        double before_s = 0;
        for (int k = 0; k < a->n_pids; k++)
            if (a->pids[k].pid == b->pids[i].pid && a->pids[k].sm_time_s <= b->pids[i].sm_time_s)
                before_s = a->pids[k].sm_time_s;
        busy_s += b->pids[i].sm_time_s - before_s;
    }
    return 100 * busy_s / ((double)(b->t_ns - a->t_ns) / 1e9);
}

/* Mean of a ring's samples in (a, b]; false without any. */
static bool ring_mean(const struct wtl_sim_ring *ring, int64_t a_ns, int64_t b_ns, double *out)
{
    double sum = 0;
    int n = 0;
    for (uint64_t i = 0; i < WTL_SIM_RING && i < ring->n; i++) {
        const struct wtl_sim_sample *s = &ring->samples[i];
        if (s->t_ns <= a_ns || s->t_ns > b_ns)
            continue;
        sum += s->value;
        n++;
    }
    if (n > 0)
        *out = sum / n;
    return n > 0;
}

static int metric(struct nvml_gpm_metric *m, const struct nvml_gpm_sample *a,
                  const struct nvml_gpm_sample *b)
{
    switch (m->id) {
    case NVML_GPM_GRAPHICS_UTIL:
        return ring_mean(&b->gpu_util, a->t_ns, b->t_ns, &m->value) ? NVML_SUCCESS : NVML_NO_DATA;
    case NVML_GPM_DRAM_BW_UTIL:
        return ring_mean(&b->mem_util, a->t_ns, b->t_ns, &m->value) ? NVML_SUCCESS : NVML_NO_DATA;
    case NVML_GPM_SM_UTIL:
        m->value = sm_active_pct(a, b);
        return NVML_SUCCESS;
    default:
        return m->id == 0 || m->id > NVML_GPM_METRICS_MAX ? NVML_INVALID_ARGUMENT
                                                          : NVML_NOT_SUPPORTED;
    }
}

int nvmlGpmMetricsGet(struct nvml_gpm_metrics *metrics)
{
    int rc = wtl_dropin_begin_system(__func__, metrics != NULL);
    if (rc != 0)
        return rc;
    if (!metrics->sample1 || !metrics->sample2 || metrics->n > NVML_GPM_METRICS_MAX)
        return NVML_INVALID_ARGUMENT;
    if (metrics->version != NVML_GPM_VERSION)
        return NVML_ARGUMENT_VERSION_MISMATCH;
    const struct nvml_gpm_sample *a = metrics->sample1, *b = metrics->sample2;
    if (!a->taken || !b->taken || a->index != b->index || a->seed != b->seed)
        return NVML_INVALID_ARGUMENT;
    if (a->t_ns >= b->t_ns)
        return NVML_NO_DATA;
    for (uint32_t i = 0; i < metrics->n; i++) {
        struct nvml_gpm_metric *m = &metrics->metric[i];
        m->short_name = m->long_name = m->unit = NULL;
        m->value = 0;
        m->ret = metric(m, a, b);
    }
    return NVML_SUCCESS;
}
