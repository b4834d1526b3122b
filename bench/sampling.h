/* SPDX-License-Identifier: Apache-2.0
 *
 * Sampling of all GPUs here as `wattle stat` and `wattle record` do it, with all that belongs to
 * it: gauges that add up energy, the thread that listens to programs and splits energy by process,
 * and for a recording the thread that writes.
 */
#ifndef WTL_BENCH_SAMPLING_H
#define WTL_BENCH_SAMPLING_H

#include "flow/record.h"

struct bench_sampling {
    struct wtl_arena arena;
    size_t n; /* GPUs */
    struct wtl_stat *stat;
    struct wtl_recorder *recorder; /* NULL: nothing is recorded */
};

/* interval_ms 0: at the rate of the sensors. `output`: where to record to, a format by its ending;
 * NULL: not at all. Returns when the span has begun. */
int bench_sampling_start(double interval_ms, const char *output,
                         struct bench_sampling *sampling_out, struct wtl_error *err);

/* What it has done so far, of all devices. */
struct bench_sampled {
    int64_t readings, cost_ns;
};
struct bench_sampled bench_sampling_done(const struct bench_sampling *sampling);

/* Ends the span and stores the rest. */
int bench_sampling_stop(struct bench_sampling *sampling, struct wtl_error *err);

#endif
