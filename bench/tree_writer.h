/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes traces as `dcgmi dmon` does (25 columns, left-justified), from a described run: for
 * benchmarks and for tests that need a tree with known truth.
 */
#ifndef WTL_BENCH_TREE_WRITER_H
#define WTL_BENCH_TREE_WRITER_H

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"

/* A run as the board lived through it: idle while it starts, then busy until the end. */
struct tree_run {
    const char *board;  /* "NVIDIA A100-PCIE-40GB" */
    int clock_mhz;      /* as set, and as it ran while busy */
    int idle_clock_mhz; /* as it ran while idle */
    int mem_clock_mhz;
    double limit_w;
    int rows;
    double period_s; /* mean time between rows */
    double first_w;  /* power of the first row */
    double idle_w;
    double mean_w;     /* of all rows; what the counter adds up to */
    double busy_share; /* of the rows */
    double fb_total_mib, fb_used_mib;
};

/* Appends the whole trace to `out`. Mean power and duration come out as given; the seed decides
 * the sensor's noise, the jitter of the sampler and the phase of the counter, which moves every
 * 100 ms only. A row stands for the period that ends with it. The counter in it is that of the last
 * refresh, half a row old on average; its power sample is a mean over one period and half a row
 * late, as on the V100 (docs/methods-runs.md). */
void tree_write_trace(struct wtl_buf *out, const struct tree_run *run, struct wtl_rng *rng);

#endif
