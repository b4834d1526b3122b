/* SPDX-License-Identifier: Apache-2.0
 *
 * Which runs count, and why the others do not. Works on all runs of one workload on one GPU, in run
 * order: most causes only show against the neighbours. Nothing is trimmed: every rejected run keeps
 * its causes and the figures behind them. Rules are robust (median and MAD with small-sample
 * factors, pooled over neighbouring clocks), never "n standard deviations of the cell", which
 * cannot fire below n = 6.
 */
#ifndef WTL_RUNS_JUDGE_H
#define WTL_RUNS_JUDGE_H

#include "base/alloc.h"
#include "base/error.h"
#include "core/measurement.h"

struct wtl_judge_options {
    double idle_margin_w;     /* a run this close to the idle power is idle */
    double idle_active_share; /* ... as is one with less activity than this */
    double clock_match_min;   /* share of active rows at the labelled clock */
    double throttle_share_max;
    double energy_mismatch_max; /* |counter/integral - 1| */
    double work_tolerance;      /* relative */
    double outlier_z;           /* robust z beyond which a run is an outlier */
};
struct wtl_judge_options wtl_judge_options_default(void);

/* Sets causes and reason of every run; runs must be of one gpu and workload, in run order. */
int wtl_judge(struct wtl_arena *scratch, struct wtl_run *runs, size_t n,
              const struct wtl_judge_options *options, struct wtl_error *err);

/* Whole-set findings that no single run shows. */
struct wtl_quality {
    bool usable; /* false: the set does not measure its workload (reason says why) */
    char reason[200];
    bool quantised; /* times sit on steps that do not depend on the clock */
    double time_step_s;
    bool order_monotone;  /* clock order equals run order: drift and clock are confounded */
    bool has_drift;       /* estimated from anchors */
    double drift_per_run; /* relative change of time per run */
    double drift_lo, drift_hi;
    int n_clocks, n_clocks_usable;
    double coverage; /* clocks with an accepted run over clocks that were tried */
    double time_cv;  /* pooled within-clock, accepted runs */
    double energy_cv;
    double unexplained; /* share of variance of time that clock does not explain */
};
int wtl_judge_quality(struct wtl_arena *scratch, const struct wtl_run *runs, size_t n,
                      struct wtl_quality *quality_out, struct wtl_error *err);

/* Accepted runs to measurements, one per clock and rate, ascending. */
int wtl_measure(struct wtl_arena *arena, const struct wtl_run *runs, size_t n,
                struct wtl_measurement **cells_out, size_t *n_out, struct wtl_error *err);

/* Splits runs (any order) into worksets by folded gpu and workload, each judged and measured. */
int wtl_worksets(struct wtl_arena *arena, const struct wtl_run *runs, size_t n,
                 const struct wtl_judge_options *options, struct wtl_workset **sets_out,
                 size_t *n_out, struct wtl_error *err);

#endif
