/* SPDX-License-Identifier: Apache-2.0
 *
 * Activity of the GPU's units from GPM (Hopper and newer): two samples of counters, metrics of the
 * time between them. NVIDIA's documentation asks for more than 100 ms between two samples; who
 * reads faster gets the last metrics again. Counters are only read, so profilers are not disturbed.
 */
#include "device/nvml/nvml.h"

#include <math.h>

#define APART_NS (INT64_C(101) * 1000000)

static const struct {
    enum wtl_metric metric;
    uint32_t id;
} table[WTL_NVML_GPM_METRICS] = {
    {WTL_M_gr_active, NVML_GPM_GRAPHICS_UTIL},   {WTL_M_sm_active, NVML_GPM_SM_UTIL},
    {WTL_M_sm_occupancy, NVML_GPM_SM_OCCUPANCY}, {WTL_M_tensor_active, NVML_GPM_ANY_TENSOR_UTIL},
    {WTL_M_dram_active, NVML_GPM_DRAM_BW_UTIL},  {WTL_M_fp64_active, NVML_GPM_FP64_UTIL},
    {WTL_M_fp32_active, NVML_GPM_FP32_UTIL},     {WTL_M_fp16_active, NVML_GPM_FP16_UTIL},
};

uint64_t wtl_nvml_gpm_metrics(void)
{
    uint64_t all = 0;
    for (int i = 0; i < WTL_NVML_GPM_METRICS; i++)
        all |= WTL_METRIC_BIT(table[i].metric);
    return all;
}

int wtl_nvml_probe_gpm(struct wtl_nvml_gpu *g, struct wtl_arena *arena, struct wtl_error *err)
{
    const struct wtl_nvml_api *api = &g->library->api;
    struct wtl_nvml_op op = wtl_nvml_begin(g->library);
    struct nvml_gpm_support support = {.version = NVML_GPM_VERSION};
    struct nvml_device *board = g->parent ? g->parent : g->handle;
    if (!api->nvmlGpmMetricsGet || !api->nvmlGpmSampleFree ||
        (g->parent && !api->nvmlGpmMigSampleGet) ||
        WTL_NVML_CALL(&op, nvmlGpmQueryDeviceSupport, board, &support) != 0 || !support.supported)
        return 0;
    g->gpm.metrics = WTL_NEW(arena, struct nvml_gpm_metrics);
    if (!g->gpm.metrics)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    g->gpm.on = WTL_NVML_CALL(&op, nvmlGpmSampleAlloc, &g->gpm.sample[0]) == 0 &&
                WTL_NVML_CALL(&op, nvmlGpmSampleAlloc, &g->gpm.sample[1]) == 0;
    return 0;
}

void wtl_nvml_gpm_free(struct wtl_nvml_gpu *g)
{
    for (int i = 0; i < 2; i++)
        if (g->gpm.sample[i])
            g->library->api.nvmlGpmSampleFree(g->gpm.sample[i]);
    g->gpm = (struct wtl_nvml_gpm){0};
}

static int take(struct wtl_nvml_op *op, struct wtl_nvml_gpu *g, struct nvml_gpm_sample *sample)
{
    return g->parent ? WTL_NVML_CALL(op, nvmlGpmMigSampleGet, g->parent, g->gpu_instance, sample)
                     : WTL_NVML_CALL(op, nvmlGpmSampleGet, g->handle, sample);
}

static int compute(struct wtl_nvml_op *op, struct wtl_nvml_gpm *gpm)
{
    struct nvml_gpm_metrics *m = gpm->metrics;
    m->version = NVML_GPM_VERSION;
    m->n = WTL_NVML_GPM_METRICS;
    m->sample1 = gpm->sample[!gpm->newest];
    m->sample2 = gpm->sample[gpm->newest];
    for (int i = 0; i < WTL_NVML_GPM_METRICS; i++)
        m->metric[i] = (struct nvml_gpm_metric){.id = table[i].id};
    int code = WTL_NVML_CALL(op, nvmlGpmMetricsGet, m);
    if (code != 0)
        return code;
    for (int i = 0; i < WTL_NVML_GPM_METRICS; i++) {
        bool good = m->metric[i].ret == 0 && isfinite(m->metric[i].value);
        gpm->ret[i] = good || m->metric[i].ret != 0 ? m->metric[i].ret : NVML_NO_DATA;
        gpm->value[i] = good ? m->metric[i].value / 100 : 0;
    }
    gpm->filled = true;
    return 0;
}

/* A new sample if the last one is old enough, and the metrics since; a code. */
static int refresh(struct wtl_nvml_op *op, struct wtl_nvml_gpu *g)
{
    struct wtl_nvml_gpm *gpm = &g->gpm;
    int64_t now_ns = op->clock.monotonic_ns(op->clock.ctx);
    if (gpm->taken && now_ns - gpm->taken_ns < APART_NS)
        return 0;
    int code = take(op, g, gpm->sample[!gpm->newest]);
    if (code != 0)
        return code;
    bool second = gpm->taken;
    gpm->newest = !gpm->newest;
    gpm->taken = true;
    gpm->taken_ns = now_ns;
    return second ? compute(op, gpm) : 0;
}

void wtl_nvml_gpm_read(struct wtl_nvml_op *op, struct wtl_nvml_gpu *g, uint64_t wanted,
                       struct wtl_reading *r)
{
    int code = refresh(op, g);
    if (wtl_nvml_class(code) == WTL_NVML_OFF)
        g->gpm.on = false;
    for (int i = 0; i < WTL_NVML_GPM_METRICS; i++) {
        enum wtl_metric m = table[i].metric;
        if (!(wanted & WTL_METRIC_BIT(m)))
            continue;
        int ret = code != 0 ? code : g->gpm.filled ? g->gpm.ret[i] : NVML_NO_DATA;
        r->absence[m] = (uint8_t)wtl_nvml_absence(ret);
        if (ret == 0) {
            r->value[m] = g->gpm.value[i];
            r->valid |= WTL_METRIC_BIT(m);
        }
    }
}
