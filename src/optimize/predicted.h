/* SPDX-License-Identifier: Apache-2.0
 *
 * What-if at the clock level: a plan on curves that a predictor gave, by the rules that
 * optimize/clock.h applies to measured ones. Joint draws of the predicted curves take the place of
 * bootstrap replicates: a constraint holds where its upper bound over the draws does, a clock is
 * tied where the draws cannot tell it from the best.
 */
#ifndef WTL_OPTIMIZE_PREDICTED_H
#define WTL_OPTIMIZE_PREDICTED_H

#include "base/alloc.h"
#include "base/error.h"
#include "core/plan.h"
#include "predict/fgcs.h"
#include "predict/posterior.h"

#include <stdbool.h>

/* Curves at the clocks in question, ascending; logs of s and W. */
struct wtl_predicted {
    const int *clocks_mhz;
    size_t n_clocks;
    double *log_time, *log_power;   /* n_clocks: the central curves */
    double *draw_time, *draw_power; /* n_draws x n_clocks */
    size_t n_draws;                 /* 1: a predictor that states no uncertainty */
    int n_runs;                     /* probe runs behind it */
    size_t n_probed;                /* clocks that these were at; 0: unknown */
    const char *model;              /* for people: "fgcs-v100", "population of 12 sets" */
};

/* Draws that a plan rests on: 400 give a bound at 97.5 % a standard error of 0.13 of a standard
 * deviation. */
enum { WTL_PREDICTED_DRAWS = 400 };

/* -WTL_NOMEM; -WTL_FAILED from the draws. clocks_mhz must outlive the result. */
int wtl_predicted_from_posterior(struct wtl_arena *arena, const struct wtl_posterior *posterior,
                                 const int *clocks_mhz, size_t n_clocks, size_t n_draws,
                                 uint64_t seed, struct wtl_predicted *out, struct wtl_error *err);
int wtl_predicted_from_fgcs(struct wtl_arena *arena, const struct wtl_fgcs *fgcs,
                            const int *clocks_mhz, size_t n_clocks, struct wtl_predicted *out,
                            struct wtl_error *err);

/* Curves that are known, as judged against: no uncertainty. time and power in s and W. */
int wtl_predicted_from_values(struct wtl_arena *arena, const int *clocks_mhz, size_t n_clocks,
                              const double *time_s, const double *power_w,
                              struct wtl_predicted *out, struct wtl_error *err);

/* The choice alone. best and chosen are indices of clocks_mhz, n_clocks when nothing is feasible;
 * objective: log, relative to the baseline; feasible and objective live in `arena`. */
struct wtl_predicted_choice {
    size_t best, chosen;
    const bool *feasible;
    const double *objective;
};

/* Baselines max, clock, default (with its clock) and fastest, at clocks of the list. -WTL_USAGE for
 * another baseline, for an arrival rate or a latency objective: nothing predicts those. */
int wtl_predicted_choose(struct wtl_arena *arena, const struct wtl_predicted *curves,
                         const struct wtl_policy *policy, struct wtl_predicted_choice *out,
                         struct wtl_error *err);

/* The plan. Its figures carry the evidence "predicted" (or "none" without uncertainty), its notes
 * say that nothing was measured. Status: infeasible; undecided when the interval of the objective's
 * gain at the chosen clock contains none; ok. time_cv_error and power_cv_error are left 0 for the
 * caller who knows held-out errors. */
int wtl_optimize_predicted(struct wtl_arena *arena, const char *gpu, const char *workload,
                           const struct wtl_predicted *curves, const struct wtl_policy *policy,
                           struct wtl_plan *plan_out, struct wtl_error *err);

#endif
