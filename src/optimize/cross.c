/* SPDX-License-Identifier: Apache-2.0
 * Cross-validation of a choice between the repetitions of one campaign. */
#include "optimize/clock.h"
#include "optimize/problem.h"
#include "optimize/subset.h"
#include "optimize/verdict.h"
#include "predict/curve.h"
#include "stats/distribution.h"
#include "stats/robust.h"

#include <math.h>

/* Saving and slowdown between two clocks on the curve over one repetition's runs; false when it
 * carries none. */
static int estimate_on(struct wtl_arena *scratch, const struct wtl_workset *part,
                       const struct wtl_policy *policy, const struct wtl_plan *plan,
                       struct wtl_fold *fold, struct wtl_error *err)
{
    struct wtl_observations obs;
    struct wtl_notes notes = {.arena = scratch};
    struct wtl_obstacle obstacle;
    struct wtl_curve *time, *power;
    struct wtl_error why = {0};
    int rc = wtl_observe(scratch, part, policy, &obs, &notes, &obstacle, err);
    if (rc)
        return rc < 0 ? rc : 0;
    rc = wtl_curve_fit(scratch, WTL_CURVE_TIME, obs.clock_mhz, obs.time_s, obs.n, &time, &why);
    if (!rc)
        rc = wtl_curve_fit(scratch, WTL_CURVE_POWER, obs.clock_mhz, obs.power_w, obs.n, &power,
                           &why);
    if (rc == -(int)WTL_UNDECIDED)
        return 0;
    if (rc)
        return WTL_FAIL(err, why.code, "%s", why.message);
    double t = wtl_curve_at(time, plan->clock_mhz),
           tb = wtl_curve_at(time, plan->baseline_clock_mhz);
    double e = t * wtl_curve_at(power, plan->clock_mhz);
    double eb = tb * wtl_curve_at(power, plan->baseline_clock_mhz);
    e += wtl_idling_j(&obs.idling, plan->clock_mhz, t);
    eb += wtl_idling_j(&obs.idling, plan->baseline_clock_mhz, tb);
    fold->estimated = true;
    fold->saving = 1 - e / eb;
    fold->slowdown = t / tb - 1;
    return 0;
}

static int run_fold(struct wtl_arena *scratch, const struct wtl_workset *set,
                    const struct wtl_policy *policy, int rep, struct wtl_fold *fold,
                    struct wtl_error *err)
{
    struct wtl_workset others, part;
    struct wtl_plan plan;
    *fold = (struct wtl_fold){.rep = rep};
    int rc = wtl_subset_by_rep(scratch, set, rep, false, &others, err);
    if (!rc)
        rc = wtl_subset_by_rep(scratch, set, rep, true, &part, err);
    if (!rc)
        rc = wtl_optimize_clock(scratch, &others, policy, NULL, &plan, err);
    if (rc)
        return rc;
    fold->status = plan.status;
    fold->clock_mhz = plan.clock_mhz;
    fold->claimed_saving = plan.saving.value;
    if (plan.clock_mhz == 0 || plan.baseline_clock_mhz == 0)
        return 0;
    return estimate_on(scratch, &part, policy, &plan, fold, err);
}

static struct wtl_estimate over_folds(const double *x, size_t n, double confidence)
{
    struct wtl_estimate e = {.value = wtl_mean(x, n), .n = (int)n};
    e.lo = e.hi = e.value;
    if (n >= 2) {
        double t = wtl_student_quantile(0.5 + confidence / 2, (double)n - 1);
        double half = t * wtl_sd(x, n) / sqrt((double)n);
        e.lo -= half;
        e.hi += half;
        e.evidence = WTL_EVIDENCE_CONFIRMED;
    }
    return e;
}

static void summarise(struct wtl_cross *c, double confidence)
{
    double saving[WTL_FOLDS_MAX], slowdown[WTL_FOLDS_MAX];
    for (size_t i = 0; i < c->n_folds; i++) {
        if (!c->fold[i].estimated)
            continue;
        saving[c->n_estimated] = c->fold[i].saving;
        slowdown[c->n_estimated++] = c->fold[i].slowdown;
        c->optimism += c->fold[i].claimed_saving - c->fold[i].saving;
    }
    if (c->n_estimated == 0)
        return;
    c->optimism /= (double)c->n_estimated;
    c->saving = over_folds(saving, c->n_estimated, confidence);
    c->slowdown = over_folds(slowdown, c->n_estimated, confidence);
}

int wtl_cross_validate(struct wtl_arena *arena, const struct wtl_workset *set,
                       const struct wtl_policy *policy, struct wtl_cross *cross_out,
                       struct wtl_error *err)
{
    int rep[WTL_FOLDS_MAX + 1];
    struct wtl_cross cross = {.n_folds = wtl_repetitions(set, rep, WTL_FOLDS_MAX + 1)};
    if (policy->baseline.kind == WTL_BASELINE_REP)
        return WTL_FAIL(err, WTL_USAGE,
                        "the published method looks at one repetition only: there "
                        "is nothing to cross-validate");
    if (cross.n_folds < 2)
        return WTL_FAIL(err, WTL_UNDECIDED,
                        "cross-validation needs 2 repetitions, %s on %s has %zu", set->workload,
                        set->gpu, cross.n_folds);
    if (cross.n_folds > WTL_FOLDS_MAX)
        return WTL_FAIL(err, WTL_LIMIT, "more than %d repetitions", WTL_FOLDS_MAX);
    int rc = 0;
    for (size_t i = 0; !rc && i < cross.n_folds; i++) {
        struct wtl_arena scratch;
        wtl_arena_init(&scratch, arena->alloc);
        rc = run_fold(&scratch, set, policy, rep[i], &cross.fold[i], err);
        wtl_arena_fini(&scratch);
    }
    if (rc)
        return rc;
    summarise(&cross, policy->confidence);
    *cross_out = cross;
    return 0;
}
