/* SPDX-License-Identifier: Apache-2.0
 * Sweeps, agreement, stability. */
#include "optimize/sensitivity.h"

#include "optimize/subset.h"

#include <math.h>
#include <string.h>

const double wtl_usual_slowdowns[7] = {0.01, 0.05, 0.10, 0.15, 0.20, 0.30, 0.50};
const double wtl_usual_weights[5] = {0.1, 0.3, 0.5, 0.7, 0.9};

static struct wtl_sweep_point summary(const struct wtl_plan *plan, double value)
{
    return (struct wtl_sweep_point){
        .value = value,
        .status = plan->status,
        .clock_mhz = plan->clock_mhz,
        .best_guess_mhz = plan->best_guess_mhz,
        .n_tied = plan->n_tied,
        .saving = plan->saving,
        .slowdown = plan->slowdown,
    };
}

/* The clocks that a plan holds for tied. */
struct tied {
    int mhz[WTL_LIMIT_CLOCKS];
    size_t n;
};

static bool among(const struct tied *t, int mhz)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->mhz[i] == mhz)
            return true;
    return false;
}

/* One plan; `tied` may be NULL. Its memory is given back. */
static int answer(const struct wtl_arena *arena, const struct wtl_workset *set,
                  const struct wtl_policy *policy, double value, struct wtl_sweep_point *point,
                  struct tied *tied, struct wtl_error *err)
{
    struct wtl_arena scratch;
    struct wtl_plan plan;
    wtl_arena_init(&scratch, arena->alloc);
    int rc = wtl_optimize_clock(&scratch, set, policy, NULL, &plan, err);
    if (!rc) {
        *point = summary(&plan, value);
        if (tied) {
            tied->n = plan.n_tied < WTL_LIMIT_CLOCKS ? plan.n_tied : WTL_LIMIT_CLOCKS;
            if (tied->n)
                memcpy(tied->mhz, plan.tied_clocks_mhz, tied->n * sizeof *tied->mhz);
        }
    }
    wtl_arena_fini(&scratch);
    return rc;
}

/* All points, then the outputs at once. */
static int sweep(struct wtl_arena *arena, const struct wtl_workset *set,
                 const struct wtl_policy *policy, bool weights, const double *value, size_t n,
                 struct wtl_sweep_point *points_out, struct wtl_error *err)
{
    struct wtl_policy p = *policy;
    struct wtl_sweep_point *point = WTL_NEW_ARRAY(arena, struct wtl_sweep_point, n + 1);
    if (!point)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for a sweep of %zu", n);
    for (size_t i = 0; i < n; i++) {
        if (weights) {
            p.objective =
                (struct wtl_objective){.kind = WTL_OBJECTIVE_WEIGHTED, .weight = value[i]};
        } else {
            p.has_max_slowdown = true;
            p.max_slowdown = value[i];
        }
        int rc = answer(arena, set, &p, value[i], &point[i], NULL, err);
        if (rc)
            return rc;
    }
    if (n)
        memcpy(points_out, point, n * sizeof *point);
    return 0;
}

int wtl_sweep_slowdown(struct wtl_arena *arena, const struct wtl_workset *set,
                       const struct wtl_policy *policy, const double *limit, size_t n,
                       struct wtl_sweep_point *points_out, struct wtl_error *err)
{
    return sweep(arena, set, policy, false, limit, n, points_out, err);
}

int wtl_sweep_weight(struct wtl_arena *arena, const struct wtl_workset *set,
                     const struct wtl_policy *policy, const double *weight, size_t n,
                     struct wtl_sweep_point *points_out, struct wtl_error *err)
{
    return sweep(arena, set, policy, true, weight, n, points_out, err);
}

static void extend(int mhz, int *lowest, int *highest)
{
    if (*lowest == 0 || mhz < *lowest)
        *lowest = mhz;
    if (mhz > *highest)
        *highest = mhz;
}

int wtl_agreement(struct wtl_arena *arena, const struct wtl_workset *set,
                  const struct wtl_policy *policy, struct wtl_agreement *agreement_out,
                  struct wtl_error *err)
{
    struct wtl_agreement a = {
        .objective = {{.kind = WTL_OBJECTIVE_ENERGY},
                      {.kind = WTL_OBJECTIVE_EDP},
                      {.kind = WTL_OBJECTIVE_ED2P},
                      {.kind = WTL_OBJECTIVE_WEIGHTED, .weight = 0.5},
                      {.kind = WTL_OBJECTIVE_TIME}},
    };
    struct tied *tied = WTL_NEW_ARRAY(arena, struct tied, WTL_METHODS);
    struct wtl_policy p = *policy;
    int agreeing = 0;
    if (!tied)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for an agreement");
    for (int i = 0; i < WTL_METHODS; i++) {
        p.objective = a.objective[i];
        int rc = answer(arena, set, &p, 0, &a.point[i], &tied[i], err);
        if (rc)
            return rc;
        if (a.point[i].clock_mhz == 0)
            continue;
        extend(a.point[i].clock_mhz, &a.lowest_mhz, &a.highest_mhz);
        for (int j = 0; j < i; j++) {
            if (a.point[j].clock_mhz == 0)
                continue;
            a.n_pairs++;
            agreeing +=
                among(&tied[i], a.point[j].clock_mhz) || among(&tied[j], a.point[i].clock_mhz);
        }
    }
    a.share = a.n_pairs ? (double)agreeing / a.n_pairs : 0;
    *agreement_out = a;
    return 0;
}

static void count(struct wtl_stability *s, const struct wtl_sweep_point *p, const struct tied *all)
{
    if (p->clock_mhz == 0)
        return;
    bool first = s->n_decided == 0;
    s->saving_min = first ? p->saving.value : fmin(s->saving_min, p->saving.value);
    s->saving_max = first ? p->saving.value : fmax(s->saving_max, p->saving.value);
    s->n_decided++;
    s->n_within += among(all, p->clock_mhz);
    extend(p->clock_mhz, &s->lowest_mhz, &s->highest_mhz);
}

int wtl_stability(struct wtl_arena *arena, const struct wtl_workset *set,
                  const struct wtl_policy *policy, struct wtl_stability *stability_out,
                  struct wtl_error *err)
{
    struct wtl_stability s = {.n = 0};
    struct wtl_sweep_point whole;
    struct tied *all = WTL_NEW(arena, struct tied);
    if (!all)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for stability");
    s.n = wtl_repetitions(set, s.rep, WTL_STABILITY_MAX);
    if (s.n < 2)
        return WTL_FAIL(err, WTL_UNDECIDED, "stability needs 2 repetitions, %s on %s has %zu",
                        set->workload, set->gpu, s.n);
    int rc = answer(arena, set, policy, 0, &whole, all, err);
    for (size_t i = 0; !rc && i < s.n; i++) {
        struct wtl_arena scratch;
        struct wtl_workset others;
        wtl_arena_init(&scratch, arena->alloc);
        rc = wtl_subset_by_rep(&scratch, set, s.rep[i], false, &others, err);
        if (!rc)
            rc = answer(arena, &others, policy, s.rep[i], &s.point[i], NULL, err);
        wtl_arena_fini(&scratch);
        if (!rc)
            count(&s, &s.point[i], all);
    }
    if (rc)
        return rc;
    *stability_out = s;
    return 0;
}
