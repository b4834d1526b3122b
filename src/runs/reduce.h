/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples of one run to the metrics of that run, in one pass and constant memory.
 *
 * Period: from timestamps where there are any; else from the energy counter against the sum of the
 * power samples (delta counter / sum of power, which is exact for a counter that integrates the
 * same sensor); else from a log's duration over the rows; the claimed interval last. Never assumed:
 * a 50 ms label on a 25 ms trace must not double the energy. Energy: counter difference
 * interpolated at its edges where a counter exists, trapezoid on time otherwise; both are kept, and
 * their ratio is the cross-check.
 */
#ifndef WTL_RUNS_REDUCE_H
#define WTL_RUNS_REDUCE_H

#include "base/alloc.h"
#include "base/error.h"
#include "core/run.h"
#include "core/sample.h"

struct wtl_reducer;

/* Reusable from run to run; memory is taken at the start only. */
int wtl_reducer_new(struct wtl_arena *arena, struct wtl_reducer **reducer_out,
                    struct wtl_error *err);
void wtl_reducer_begin(struct wtl_reducer *r);
void wtl_reducer_push(struct wtl_reducer *r, const struct wtl_batch *batch);

/* What is known of the run from outside its trace. */
struct wtl_reduce_context {
    double label_interval_s; /* claimed sampling interval; 0 unknown */
    double wrapper_time_s;   /* 0 unknown */
    double wrapper_resolution_s;
    double reported_time_s; /* 0 unknown */
};

/* Fills the metrics that follow from samples (and clears none that the run already has). */
void wtl_reducer_finish(struct wtl_reducer *r, const struct wtl_reduce_context *context,
                        struct wtl_run *run);

/* Chooses time_s, energy_j and power_w of a run from what it has, by the rules of
 * docs/methods.md; also for runs that came from tables. Clears them when nothing is usable. */
void wtl_run_choose(struct wtl_run *run);

#endif
