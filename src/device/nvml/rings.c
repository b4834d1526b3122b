/* SPDX-License-Identifier: Apache-2.0
 * The driver's own rings of samples: more values than polling gives, at less cost. */
#include "device/nvml/nvml.h"

#include <stdlib.h>

/* Drivers keep about a hundred, and wtl_device_ring() hands on no more than this. */
enum { SAMPLES_MAX = 1024 };

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

/* The place in the table; -1: there is none of this metric, as far as is known without asking. */
static int ring_of(const struct wtl_nvml_gpu *g, enum wtl_metric metric)
{
    if (g->parent || (g->no_rings & WTL_METRIC_BIT(metric)) ||
        /* the samples are of the short window, or one cannot know */
        (metric == WTL_M_power_w && (g->averages_1s || g->architecture == 0)))
        return -1;
    for (int i = 0; i < N_RINGS; i++)
        if (rings[i].metric == metric)
            return i;
    return -1;
}

static int no_ring(const struct wtl_nvml_gpu *g, enum wtl_metric metric, struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_UNSUPPORTED, "the driver keeps no samples of %s for %s",
                    wtl_metric_info(metric)->name, g->id);
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
    struct nvml_sample samples[SAMPLES_MAX];
    int i = ring_of(g, metric);
    if (i < 0)
        return no_ring(g, metric, err);
    struct wtl_nvml_op op = wtl_nvml_begin(g->library);
    uint64_t since_us = since_ns > 0 ? (uint64_t)since_ns / 1000 : 0;
    unsigned type = NVML_VALUE_UINT, n = SAMPLES_MAX;
    int code = WTL_NVML_CALL(&op, nvmlDeviceGetSamples, g->handle, rings[i].kind, since_us, &type,
                             &n, samples);
    if (wtl_nvml_class(code) == WTL_NVML_OFF) {
        g->no_rings |= WTL_METRIC_BIT(metric);
        return no_ring(g, metric, err);
    }
    if (wtl_nvml_class(code) == WTL_NVML_EMPTY)
        n = 0;
    else if (code != 0)
        return wtl_nvml_fail(err, code, "reading the samples of", g->id);
    n = n < SAMPLES_MAX ? n : SAMPLES_MAX;
    sort(samples, n);
    size_t taken = 0;
    for (unsigned k = 0; k < n && taken < max; k++) {
        struct nvml_field_value v = {.type = (int32_t)type, .value = samples[k].value};
        if (samples[k].timestamp_us > since_us) /* an empty place of the ring has time 0 */
            out[taken++] = (struct wtl_ring_sample){
                .t_ns = (int64_t)samples[k].timestamp_us * 1000,
                .value = wtl_nvml_value(&v) * rings[i].scale,
            };
    }
    *n_out = taken;
    return 0;
}
