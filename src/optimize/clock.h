/* SPDX-License-Identifier: Apache-2.0
 *
 * The clock level: one plan for one workload on one GPU. Fits the curves of time and power over the
 * accepted runs, applies the constraints at their upper bounds, finds the optimum and everything
 * statistically tied with it, and states saving and slowdown against the baseline with intervals
 * from a bootstrap of the whole select-then-estimate procedure (moving blocks of leverage-corrected
 * residuals in run order).
 */
#ifndef WTL_OPTIMIZE_CLOCK_H
#define WTL_OPTIMIZE_CLOCK_H

#include "base/alloc.h"
#include "base/error.h"
#include "core/plan.h"

/* `set` is judged; `unusable` (may be NULL) is the reason why the set as a whole measures nothing,
 * found by runs/: the plan is then UNUSABLE with it as a note. A baseline of kind REP goes to the
 * published method below.
 * Returns 0 with any plan status: INFEASIBLE and UNUSABLE are answers, not errors. -WTL_USAGE for a
 * policy that makes no sense, -WTL_NOMEM. Everything that the plan points to lives in `arena`. */
int wtl_optimize_clock(struct wtl_arena *arena, const struct wtl_workset *set,
                       const struct wtl_policy *policy, const char *unusable,
                       struct wtl_plan *plan_out, struct wtl_error *err);

/* The published method, defects included, for comparison: everything within one repetition, argmin
 * over single runs, baseline its run at the highest clock; time = nominal_time_s, energy =
 * energy_nominal_j; rejection is ignored. */
int wtl_optimize_clock_published(struct wtl_arena *arena, const struct wtl_workset *set,
                                 const struct wtl_policy *policy, struct wtl_plan *plan_out,
                                 struct wtl_error *err);

/* Mean and population standard deviation of the savings of published-method plans, as the published
 * headline takes them; plans of other kinds and unusable ones are passed over. */
void wtl_published_summary(const struct wtl_plan *plans, size_t n, double *mean_out,
                           double *sd_out);

#endif
