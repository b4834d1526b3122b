/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan, or a choice among measured points, against fresh runs. The fresh runs had no part in the
 * choice, so what they estimate is free of selection: the estimates here are the ones to publish.
 *
 * Test. Candidate and baseline are compared in logs, by blocks where the runs allow it: a block is
 * the shortest stretch of run order that holds both clocks (interleaved runs), or else a repetition
 * of one job. The mean of the block differences with Student's t takes drift between blocks out.
 * Runs that cannot be blocked are compared as two samples (Welch 1947), and a note says so. The
 * estimate of a ratio is exp(mean - se^2/2), which is unbiased (Kennedy 1981); its interval is that
 * of the logarithm.
 *
 * Claims, both at the two-sided confidence of the options (so each one-sided at 97.5 % for 95 %):
 *   saving    at least the lower end of the plan's interval, less the margin
 *   slowdown  at most the policy's limit; without one, the upper end of the plan's interval, plus
 *             the margin
 * A claim holds when the whole fresh interval does, fails when none of it does. The verdict is
 * confirmed when both hold (and, if the plan promises a saving, the interval has no loss in it),
 * refuted when one fails, undecided otherwise.
 */
#ifndef WTL_OPTIMIZE_VERDICT_H
#define WTL_OPTIMIZE_VERDICT_H

#include "base/alloc.h"
#include "base/error.h"
#include "core/point_choice.h"
#include "core/verdict.h"

struct wtl_verdict_options {
    double confidence; /* 0.95 */
    double margin;     /* by which a claim may be missed, 0.01: one point */
};
struct wtl_verdict_options wtl_verdict_options_default(void);

/* `fresh` is judged; its gpu and workload are taken to be the plan's. -WTL_USAGE for a plan without
 * a chosen clock; -WTL_NOMEM. */
int wtl_verdict_make(struct wtl_arena *arena, const struct wtl_plan *plan,
                     const struct wtl_workset *fresh, const struct wtl_verdict_options *options,
                     struct wtl_verdict *verdict_out, struct wtl_error *err);

/* The same of the point that a choice took, against its baseline: by unit of work, where the two
 * may be in different configurations. `fresh` are the sets of its gpu and workload; runs of other
 * points in them are passed over. Runs of both are put in the order in which they were made, so
 * that turns between configurations are seen. A choice that counts idle power (a rate, and runs
 * that are as fast as they go) needs it in the fresh runs as well. -WTL_USAGE for a choice without
 * a point; -WTL_NOMEM. */
int wtl_verdict_of_point(struct wtl_arena *arena, const struct wtl_point_choice *choice,
                         const struct wtl_workset *const *fresh, size_t n_fresh,
                         const struct wtl_verdict_options *options, struct wtl_verdict *verdict_out,
                         struct wtl_error *err);

/* ---- within one campaign ---- */

enum { WTL_FOLDS_MAX = 64 };

/* One repetition left out: the choice of the others, estimated on it. */
struct wtl_fold {
    int rep;
    enum wtl_plan_status status; /* of the choice */
    int clock_mhz;               /* chosen without it, 0: none */
    double claimed_saving;       /* in-sample, by the others */
    bool estimated;              /* the left-out repetition carries a curve */
    double saving, slowdown;     /* on the left-out repetition */
};

struct wtl_cross {
    struct wtl_fold fold[WTL_FOLDS_MAX];
    size_t n_folds, n_estimated;
    struct wtl_estimate saving, slowdown; /* mean over folds, Student's t over folds */
    double optimism; /* mean of claimed less left-out saving: what being in-sample is worth */
};

/* Chooses on all repetitions but one and estimates at that clock on the left-out one, for every
 * repetition. Folds share runs, so the interval is approximate. -WTL_UNDECIDED with fewer than 2
 * repetitions; -WTL_LIMIT; -WTL_NOMEM. */
int wtl_cross_validate(struct wtl_arena *arena, const struct wtl_workset *set,
                       const struct wtl_policy *policy, struct wtl_cross *cross_out,
                       struct wtl_error *err);

#endif
