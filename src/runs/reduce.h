/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples of one run to the metrics of that run, in one pass and constant memory; and the choice of
 * a run's time, energy and power among its sources. docs/methods-runs.md gives every rule with its
 * reason.
 *
 * Period: the mean spacing of the timestamps where there are any; else from the energy counter
 * against the power samples (joules between two edges of the counter over the sum of the samples
 * between them). Never assumed: a 50 ms label on a 25 ms trace must not double the energy. Energy:
 * counter difference between its edges, carried to the ends of the trace; trapezoid on real
 * timestamps. Both are kept, and their ratio is the cross-check.
 */
#ifndef WTL_RUNS_REDUCE_H
#define WTL_RUNS_REDUCE_H

#include "base/alloc.h"
#include "base/error.h"
#include "core/run.h"
#include "core/sample.h"
#include "runs/energy.h"

struct wtl_reducer;

/* Reusable from run to run; memory is taken at the start only. */
int wtl_reducer_new(struct wtl_arena *arena, struct wtl_reducer **reducer_out,
                    struct wtl_error *err);
void wtl_reducer_begin(struct wtl_reducer *r);
/* Makes `copy` what `r` is, so that one can be finished and the other goes on. */
void wtl_reducer_copy(struct wtl_reducer *copy, const struct wtl_reducer *r);
void wtl_reducer_push(struct wtl_reducer *r, const struct wtl_batch *batch);

/* What is known of the run from outside its trace; 0: unknown. */
struct wtl_reduce_context {
    double label_interval_s; /* claimed sampling interval */
    double wrapper_time_s;
    double wrapper_resolution_s;
    double reported_time_s;
};

/* Sets the metrics that follow from the samples and the context, and clears none. Does not choose:
 * call wtl_run_choose afterwards. `run->clock_mhz` must be set before (for sm_clock_match). */
void wtl_reducer_finish(struct wtl_reducer *r, const struct wtl_reduce_context *context,
                        struct wtl_run *run);

/* True when the rows come from two GPUs that take turns; writes what shows it. After
 * wtl_reducer_finish. */
bool wtl_reducer_mixes(const struct wtl_reducer *r, char *text, size_t size);

/* The energy counter as it stood, after wtl_reducer_finish: for tests and diagnosis. */
struct wtl_counter wtl_reducer_counter(const struct wtl_reducer *r);

/* Chooses time_s, energy_j and power_w of a run from what it has; also for runs that came from
 * tables. Clears them when nothing is usable. Can be called again when the run learns more (a
 * timing log that is imported after its traces). Where the trace itself did not fix its period,
 * sets or clears period_s and span_s as well. A run whose energy has a method keeps what it has:
 * its time and energy were measured together, by telemetry. */
void wtl_run_choose(struct wtl_run *run);

#endif
