/* SPDX-License-Identifier: Apache-2.0
 *
 * One workload on one GPU as the predictors across workloads see it: mean time and power at each
 * clock, and activity features taken at the highest clock. An example is training material or the
 * probe of a workload that is to be predicted; both are made by the same function.
 */
#ifndef WTL_PREDICT_EXAMPLE_H
#define WTL_PREDICT_EXAMPLE_H

#include "base/alloc.h"
#include "base/error.h"
#include "core/run.h"

#include <stdbool.h>

/* X(name, description): all fractions, 0..1, means over the runs at the highest clock there is. */
#define WTL_FEATURES(X)                                                                            \
    X(busy, "share of time in which the GPU works: gr_active, else gpu_util")                      \
    X(sm, "sm_active")                                                                             \
    X(dram, "dram_active, else mem_util")                                                          \
    X(pipe, "tensor_active + fp64_active + fp32_active + fp16_active")                             \
    X(idle_ratio, "idle power over power at the highest clock")

enum wtl_feature {
#define X(name, text) WTL_FEATURE_##name,
    WTL_FEATURES(X)
#undef X
        WTL_N_FEATURES
};
const char *wtl_feature_name(enum wtl_feature feature);

/* Means at one clock, of logarithms: robust against skew and the same for 1/t as for t. */
struct wtl_cell {
    double clock_mhz;
    double time_s;
    double power_w;
    int n; /* runs behind it */
};

struct wtl_example {
    char gpu[WTL_LIMIT_NAME];
    char workload[WTL_LIMIT_NAME];
    double f_max_mhz;             /* highest clock of the GPU: x = clock / f_max */
    const struct wtl_cell *cells; /* ascending clock */
    size_t n_cells;
    double time_ss, power_ss; /* squared deviations of log time and log power within clocks */
    int dof;                  /* runs minus clocks: behind the two sums */
    unsigned features;        /* bit per feature that is known */
    double feature[WTL_N_FEATURES];
    bool has_fp; /* what fgcs-v100 needs, at the highest clock: fp32_active/2 + fp64_active */
    double fp;
};

/* From the accepted runs (causes == 0) of one workload on one GPU that have time, power and clock;
 * others are passed over. f_max_mhz 0: the highest clock of the runs, rejected ones included.
 * -WTL_UNDECIDED when no run is left; -WTL_NOMEM. */
int wtl_example_from_runs(struct wtl_arena *arena, const struct wtl_run *runs, size_t n,
                          double f_max_mhz, struct wtl_example *example_out, struct wtl_error *err);

/* The cells of `from` that lie nearest to the given ratios of f_max, each cell once: what a probe
 * at these clocks would have seen. Features are kept. */
int wtl_example_probe(struct wtl_arena *arena, const struct wtl_example *from, const double *ratios,
                      size_t n, struct wtl_example *probe_out, struct wtl_error *err);

#endif
