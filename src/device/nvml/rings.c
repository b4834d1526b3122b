/* SPDX-License-Identifier: Apache-2.0
 * The driver's own rings of samples: more values than polling gives, at less cost. */
#include "device/nvml/nvml.h"

#include <stdlib.h>

/* Drivers keep about a hundred; more than this is not taken at once. */
enum { SAMPLES_MIN = 128, SAMPLES_MAX = 8192 };

static const struct {
    enum wtl_metric metric;
    unsigned kind;
    double scale;
} rings[] = {
    {WTL_M_power_instant_w, NVML_SAMPLES_TOTAL_POWER, 1e-3},
    {WTL_M_power_w, NVML_SAMPLES_TOTAL_POWER, 1e-3}, /* where it is the same quantity */
    {WTL_M_gpu_util, NVML_SAMPLES_GPU_UTIL, 0.01},
    {WTL_M_mem_util, NVML_SAMPLES_MEMORY_UTIL, 0.01},
    {WTL_M_enc_util, NVML_SAMPLES_ENC_UTIL, 0.01},
    {WTL_M_dec_util, NVML_SAMPLES_DEC_UTIL, 0.01},
    {WTL_M_sm_clock_mhz, NVML_SAMPLES_PROCESSOR_CLOCK, 1},
    {WTL_M_mem_clock_mhz, NVML_SAMPLES_MEMORY_CLOCK, 1},
};
enum { N_RINGS = sizeof rings / sizeof *rings };

int wtl_nvml_probe_rings(struct wtl_nvml_gpu *g, struct wtl_arena *arena, struct wtl_error *err)
{
    struct wtl_nvml_op op = wtl_nvml_begin(g->library);
    unsigned most = 0;
    for (int i = 0; i < N_RINGS && !g->parent; i++) {
        unsigned type = 0, n = 0;
        if (rings[i].metric == WTL_M_power_w && (g->averages_1s || g->architecture == 0))
            continue; /* the samples are of the short window, or one cannot know */
        int code =
            WTL_NVML_CALL(&op, nvmlDeviceGetSamples, g->handle, rings[i].kind, 0, &type, &n, NULL);
        if (code != 0 && wtl_nvml_class(code) != WTL_NVML_EMPTY)
            continue;
        g->rings |= WTL_METRIC_BIT(rings[i].metric);
        most = n > most ? n : most;
    }
    if (!g->rings)
        return 0;
    g->max_samples = most < SAMPLES_MIN ? SAMPLES_MIN : most > SAMPLES_MAX ? SAMPLES_MAX : most;
    g->samples = WTL_NEW_ARRAY(arena, struct nvml_sample, g->max_samples);
    return g->samples ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

/* In order of time; they nearly always are. */
static void sort(struct nvml_sample *s, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        struct nvml_sample moving = s[i];
        unsigned k = i;
        for (; k > 0 && s[k - 1].timestamp_us > moving.timestamp_us; k--)
            s[k] = s[k - 1];
        s[k] = moving;
    }
}

int wtl_nvml_ring(void *state, enum wtl_metric metric, int64_t since_ns,
                  struct wtl_ring_sample *out, size_t max, size_t *n_out, struct wtl_error *err)
{
    struct wtl_nvml_gpu *g = state;
    int i = 0;
    while (i < N_RINGS && rings[i].metric != metric)
        i++;
    if (i == N_RINGS || !(g->rings & WTL_METRIC_BIT(metric)))
        return WTL_FAIL(err, WTL_UNSUPPORTED, "the driver keeps no samples of %s for %s",
                        wtl_metric_info(metric)->name, g->id);
    struct wtl_nvml_op op = wtl_nvml_begin(g->library);
    uint64_t since_us = since_ns > 0 ? (uint64_t)since_ns / 1000 : 0;
    unsigned type = NVML_VALUE_UINT, n = g->max_samples;
    int code = WTL_NVML_CALL(&op, nvmlDeviceGetSamples, g->handle, rings[i].kind, since_us, &type,
                             &n, g->samples);
    if (wtl_nvml_class(code) == WTL_NVML_OFF)
        g->rings &= ~WTL_METRIC_BIT(metric);
    if (wtl_nvml_class(code) == WTL_NVML_EMPTY)
        n = 0;
    else if (code != 0)
        return wtl_nvml_fail(err, code, "reading the samples of", g->id);
    n = n < g->max_samples ? n : g->max_samples;
    sort(g->samples, n);
    size_t taken = 0;
    for (unsigned k = 0; k < n && taken < max; k++) {
        struct nvml_field_value v = {.type = (int32_t)type, .value = g->samples[k].value};
        if (g->samples[k].timestamp_us > since_us) /* an empty place of the ring has time 0 */
            out[taken++] = (struct wtl_ring_sample){
                .t_ns = (int64_t)g->samples[k].timestamp_us * 1000,
                .value = wtl_nvml_value(&v) * rings[i].scale,
            };
    }
    *n_out = taken;
    return 0;
}
