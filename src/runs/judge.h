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
    double idle_power_w;      /* of this GPU; 0: learned from the runs */
    double idle_margin_w;     /* a run this close to the idle power is idle */
    double idle_active_share; /* ... as is one with less activity than this */
    double clock_match_min;   /* share of active rows at the labelled clock */
    double throttle_share_max;
    double energy_mismatch_max; /* |counter/integral - 1| */
    double work_tolerance;      /* relative */
    double outlier_z;           /* robust z beyond which a run is an outlier */
    double cold_z;              /* ... and beyond which the first runs of a session are cold */
    int cold_stable_runs;       /* warm runs in a row that end a cold start */
};
struct wtl_judge_options wtl_judge_options_default(void);

/* Sets causes and reason of every run, starting from what the import stated; runs must be of one
 * gpu, workload and configuration, in run order (jobs are sessions), and chosen (wtl_run_choose).
 * Windows come back per unit of work (wtl_run_per_unit). They are measured after a warm-up, for as
 * long as it takes: none is a cold start, and their amounts of work may differ. `options` NULL:
 * the defaults. On failure the judgement of the runs is unspecified. -WTL_NOMEM. */
int wtl_judge(struct wtl_arena *scratch, struct wtl_run *runs, size_t n,
              const struct wtl_judge_options *options, struct wtl_error *err);

/* Whole-set findings that no single run shows. A set is unusable when most runs are rejected, when
 * times sit on steps, when time rises with the clock, or when time is unexplained noise while the
 * GPU mostly waits; a noisy set of real work stays usable, and it is the optimiser's part to say
 * that it is undecided. */
struct wtl_quality {
    bool usable; /* false: the set does not measure its workload (reason says why) */
    char reason[200];
    bool quantised;       /* times sit on steps that do not depend on the clock */
    double time_step_s;   /* 0: none; may be a mere timer's while `quantised` is false */
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

/* The same for a set; says so where its runs have times only. */
int wtl_judge_set(struct wtl_arena *scratch, const struct wtl_workset *set,
                  struct wtl_quality *quality_out, struct wtl_error *err);

/* A sentence on the accepted runs of a set whose absolute time and energy rest on the labelled
 * sampling period, because no timestamp, counter or log tells it. False: there are none. */
bool wtl_describe_labelled(const struct wtl_workset *set, char *text, size_t size);

/* A sentence on the accepted runs of a set whose energy was corrected by a gain; says so where they
 * do not compare, as their gains differ or some have none. False: there are none. */
bool wtl_describe_correction(const struct wtl_workset *set, char *text, size_t size);

/* Accepted runs to measurements, one per clock and rate, ascending (closed before rates). Values
 * are geometric means; intervals are Student's t on the logarithms at 95 % with the standard
 * deviation within cells pooled over the set, because a cell of three runs cannot tell its own.
 * They are IN_SAMPLE, or NONE where no cell has two runs; the energy of a single one then has the
 * interval that its sensor gave (energy_rel_error). Latencies are medians over the runs. A
 * cell whose runs are all rejected is there with n = 0. */
int wtl_measure(struct wtl_arena *arena, const struct wtl_run *runs, size_t n,
                struct wtl_measurement **cells_out, size_t *n_out, struct wtl_error *err);

/* Splits runs (any order) into worksets by folded gpu and workload, and by configuration, each in
 * run order, judged and measured; sets in order of their folded names and configurations. The runs
 * are copied. Runs with times only are not judged: see struct wtl_workset. */
int wtl_worksets(struct wtl_arena *arena, const struct wtl_run *runs, size_t n,
                 const struct wtl_judge_options *options, struct wtl_workset **sets_out,
                 size_t *n_out, struct wtl_error *err);

#endif
