/* SPDX-License-Identifier: Apache-2.0
 * Runs to cells and features. */
#include "predict/example.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const names[] = {
#define X(name, text) #name,
    WTL_FEATURES(X)
#undef X
};

const char *wtl_feature_name(enum wtl_feature feature)
{
    return feature < WTL_N_FEATURES ? names[feature] : "";
}

static bool usable(const struct wtl_run *r)
{
    return r->causes == 0 && r->clock_mhz > 0 && wtl_run_get(r, WTL_R_time_s, 0) > 0 &&
           wtl_run_get(r, WTL_R_power_w, 0) > 0;
}

static int by_clock(const void *a, const void *b)
{
    double x = ((const struct wtl_cell *)a)->clock_mhz, y = ((const struct wtl_cell *)b)->clock_mhz;
    return (x > y) - (x < y);
}

/* Sorted single runs to means of logarithms, in place. */
static size_t merge(struct wtl_cell *cells, size_t n, struct wtl_example *e)
{
    size_t kept = 0;
    for (size_t i = 0; i < n;) {
        double time = 0, power = 0;
        size_t j = i;
        for (; j < n && cells[j].clock_mhz == cells[i].clock_mhz; j++) {
            time += log(cells[j].time_s);
            power += log(cells[j].power_w);
        }
        double m = (double)(j - i);
        for (size_t k = i; k < j; k++) {
            e->time_ss += pow(log(cells[k].time_s) - time / m, 2);
            e->power_ss += pow(log(cells[k].power_w) - power / m, 2);
        }
        e->dof += (int)(j - i) - 1;
        cells[kept++] = (struct wtl_cell){.clock_mhz = cells[i].clock_mhz,
                                          .time_s = exp(time / m),
                                          .power_w = exp(power / m),
                                          .n = (int)(j - i)};
        i = j;
    }
    return kept;
}

static bool pipe_activity(const struct wtl_run *r, double *value_out)
{
    static const enum wtl_run_metric pipes[] = {WTL_R_tensor_active, WTL_R_fp64_active,
                                                WTL_R_fp32_active, WTL_R_fp16_active};
    double sum = 0;
    for (size_t i = 0; i < sizeof pipes / sizeof *pipes; i++)
        sum += wtl_run_get(r, pipes[i], 0);
    *value_out = sum;
    /* One pipe alone says little: most work of today runs on the tensor or the FP32 pipe. */
    return wtl_run_has(r, WTL_R_fp32_active) || wtl_run_has(r, WTL_R_tensor_active);
}

static bool either(const struct wtl_run *r, enum wtl_run_metric first, enum wtl_run_metric second,
                   double *value_out)
{
    enum wtl_run_metric m = wtl_run_has(r, first) ? first : second;
    *value_out = wtl_run_get(r, m, 0);
    return wtl_run_has(r, m);
}

static bool feature_of(const struct wtl_run *r, enum wtl_feature feature, double *value_out)
{
    switch (feature) {
    case WTL_FEATURE_busy:
        return either(r, WTL_R_gr_active, WTL_R_gpu_util, value_out);
    case WTL_FEATURE_sm:
        return either(r, WTL_R_sm_active, WTL_R_sm_active, value_out);
    case WTL_FEATURE_dram:
        return either(r, WTL_R_dram_active, WTL_R_mem_util, value_out);
    case WTL_FEATURE_pipe:
        return pipe_activity(r, value_out);
    case WTL_FEATURE_idle_ratio:
        *value_out = wtl_run_get(r, WTL_R_idle_power_w, 0) / wtl_run_get(r, WTL_R_power_w, 1);
        return wtl_run_has(r, WTL_R_idle_power_w);
    case WTL_N_FEATURES:
        break;
    }
    return false;
}

/* Means over the runs at `clock_mhz`; a feature counts when every one of them has it. */
static void take_features(const struct wtl_run *runs, size_t n, double clock_mhz,
                          struct wtl_example *e)
{
    for (int f = 0; f < WTL_N_FEATURES; f++) {
        double sum = 0;
        int have = 0, of = 0;
        for (size_t i = 0; i < n; i++) {
            double value;
            if (!usable(&runs[i]) || runs[i].clock_mhz != (int)clock_mhz)
                continue;
            of++;
            if (feature_of(&runs[i], (enum wtl_feature)f, &value)) {
                have++;
                sum += value;
            }
        }
        if (of > 0 && have == of) {
            e->features |= 1U << f;
            e->feature[f] = sum / have;
        }
    }
}

static void take_fp(const struct wtl_run *runs, size_t n, double clock_mhz, struct wtl_example *e)
{
    int have = 0;
    for (size_t i = 0; i < n; i++) {
        const struct wtl_run *r = &runs[i];
        if (!usable(r) || r->clock_mhz != (int)clock_mhz)
            continue;
        if (!wtl_run_has(r, WTL_R_fp32_active) && !wtl_run_has(r, WTL_R_fp64_active))
            return;
        e->fp += wtl_run_get(r, WTL_R_fp32_active, 0) / 2 + wtl_run_get(r, WTL_R_fp64_active, 0);
        have++;
    }
    e->has_fp = have > 0;
    e->fp = have ? e->fp / have : 0;
}

int wtl_example_from_runs(struct wtl_arena *arena, const struct wtl_run *runs, size_t n,
                          double f_max_mhz, struct wtl_example *example_out, struct wtl_error *err)
{
    struct wtl_example e = {.f_max_mhz = f_max_mhz};
    struct wtl_cell *cells = WTL_NEW_ARRAY(arena, struct wtl_cell, n ? n : 1);
    if (!cells)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for %zu runs", n);
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (f_max_mhz <= 0)
            e.f_max_mhz = fmax(e.f_max_mhz, runs[i].clock_mhz);
        if (usable(&runs[i]))
            cells[used++] = (struct wtl_cell){.clock_mhz = runs[i].clock_mhz,
                                              .time_s = runs[i].metric[WTL_R_time_s],
                                              .power_w = runs[i].metric[WTL_R_power_w]};
    }
    if (used == 0)
        return WTL_FAIL(err, WTL_UNDECIDED, "none of %zu runs is usable (clock, time and power)",
                        n);
    snprintf(e.gpu, sizeof e.gpu, "%s", runs[0].gpu);
    snprintf(e.workload, sizeof e.workload, "%s", runs[0].workload);
    qsort(cells, used, sizeof *cells, by_clock);
    e.cells = cells;
    e.n_cells = merge(cells, used, &e);
    take_features(runs, n, cells[e.n_cells - 1].clock_mhz, &e);
    take_fp(runs, n, cells[e.n_cells - 1].clock_mhz, &e);
    *example_out = e;
    return 0;
}

int wtl_example_probe(struct wtl_arena *arena, const struct wtl_example *from, const double *ratios,
                      size_t n, struct wtl_example *probe_out, struct wtl_error *err)
{
    struct wtl_cell *cells = WTL_NEW_ARRAY(arena, struct wtl_cell, n ? n : 1);
    if (!cells || from->n_cells == 0)
        return WTL_FAIL(err, cells ? WTL_USAGE : WTL_NOMEM, "no probe of an example without runs");
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        const struct wtl_cell *near = &from->cells[0];
        for (size_t k = 1; k < from->n_cells; k++)
            if (fabs(from->cells[k].clock_mhz - ratios[i] * from->f_max_mhz) <=
                fabs(near->clock_mhz - ratios[i] * from->f_max_mhz))
                near = &from->cells[k];
        bool taken = false;
        for (size_t k = 0; k < used; k++)
            taken |= cells[k].clock_mhz == near->clock_mhz;
        if (!taken)
            cells[used++] = *near;
    }
    qsort(cells, used, sizeof *cells, by_clock);
    struct wtl_example probe = *from;
    probe.cells = cells;
    probe.n_cells = used;
    *probe_out = probe;
    return 0;
}
