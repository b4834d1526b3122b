/* SPDX-License-Identifier: Apache-2.0
 * The clock level: gathers, fits, resamples, chooses; optimize/answer.c writes it down. */
#include "optimize/clock.h"

#include "base/units.h"
#include "optimize/answer.h"
#include "optimize/slo.h"
#include "stats/distribution.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Fewer replicates leave nothing beyond a 97.5 % quantile. */
enum { MIN_REPLICATES = 100 };

/* Both ends included. */
static int check_range(const char *what, double value, enum wtl_unit unit, double lo, double hi,
                       struct wtl_error *err)
{
    char given[40];
    char least[40];
    char most[40];
    if (value >= lo && value <= hi)
        return 0;
    return WTL_FAIL(err, WTL_USAGE, "%s: %s is outside %s to %s", what,
                    wtl_format_bound(value, unit, given, sizeof given),
                    wtl_format_bound(lo, unit, least, sizeof least),
                    wtl_format_bound(hi, unit, most, sizeof most));
}

#define CHECK(what, value, unit, RANGE)                                                            \
    check_range(what, value, WTL_UNIT_##unit, WTL_##RANGE##_LO, WTL_##RANGE##_HI, err)

static int check_policy(const struct wtl_policy *p, struct wtl_error *err)
{
    int rc = CHECK("confidence", p->confidence, FRACTION, CONFIDENCE);
    if (!rc && (p->replicates < MIN_REPLICATES || p->replicates > WTL_LIMIT_REPLICATES))
        return WTL_FAIL(err, WTL_USAGE, "%d bootstrap replicates: %d to %d are possible",
                        p->replicates, MIN_REPLICATES, WTL_LIMIT_REPLICATES);
    if (!rc && p->has_max_slowdown)
        rc = CHECK("limit of slowdown", p->max_slowdown, FRACTION, MAX_SLOWDOWN);
    if (!rc && p->has_max_energy)
        rc = CHECK("limit of energy", p->max_energy_ratio, FRACTION, MAX_ENERGY);
    if (!rc && p->has_min_saving)
        rc = CHECK("least saving", p->min_saving, FRACTION, MIN_SAVING);
    if (!rc && p->has_max_power)
        rc = CHECK("limit of power", p->max_power_w, WATT, MAX_POWER);
    if (!rc && p->has_min_clock_ratio)
        rc = CHECK("least clock ratio", p->min_clock_ratio, FRACTION, MIN_CLOCK_RATIO);
    if (!rc && p->has_rate)
        rc = CHECK("rate", p->rate_per_s, RATE, RATE);
    if (!rc && p->objective.kind == WTL_OBJECTIVE_ETN)
        rc = check_range("exponent", p->objective.exponent, WTL_UNIT_NONE, -100, 100, err);
    if (!rc && p->objective.kind == WTL_OBJECTIVE_WEIGHTED)
        rc = check_range("weight", p->objective.weight, WTL_UNIT_NONE, 0, 1, err);
    if (!rc && (p->n_slo < 0 || p->n_slo > WTL_SLO_MAX))
        return WTL_FAIL(err, WTL_USAGE, "%d latency objectives, at most %d are taken", p->n_slo,
                        WTL_SLO_MAX);
    for (int i = 0; !rc && i < p->n_slo; i++)
        rc = check_range("latency objective", p->slo[i].seconds, WTL_UNIT_SECOND, 1e-9, 1e9, err);
    return rc;
}

static void add(struct wtl_constraints *set, enum wtl_constraint_kind kind, double limit)
{
    set->item[set->n++] = (struct wtl_constraint){.kind = kind, .limit = limit};
}

/* log(highest / clock): the bound of a clock-ratio constraint is its negative, so that it is an
 * upper limit like the others. */
static int add_clock_ratio(struct wtl_arena *arena, const struct wtl_grid *grid,
                           const struct wtl_policy *p, struct wtl_constraints *set,
                           struct wtl_error *err)
{
    double *bound = WTL_NEW_ARRAY(arena, double, grid->n);
    if (!bound)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for constraints");
    for (size_t e = 0; e < grid->n; e++)
        bound[e] = -log(grid->mhz_d[e] / grid->highest_mhz);
    add(set, WTL_CONSTRAINT_CLOCK_RATIO, -log(p->min_clock_ratio));
    set->item[set->n - 1].bound = bound;
    return 0;
}

static int add_slo(struct wtl_arena *arena, const struct wtl_observations *obs,
                   const struct wtl_grid *grid, const struct wtl_slo *slo,
                   struct wtl_constraints *set, struct wtl_obstacle *obstacle,
                   struct wtl_error *err)
{
    double *bound = WTL_NEW_ARRAY(arena, double, grid->n);
    if (!bound)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for constraints");
    int rc = wtl_slo_bound(arena, obs, grid, slo->percent, set->z, bound, obstacle, err);
    if (rc)
        return rc;
    add(set, WTL_CONSTRAINT_SLO, log(slo->seconds));
    set->item[set->n - 1].bound = bound;
    set->item[set->n - 1].percent = slo->percent;
    return 0;
}

static int make_constraints(struct wtl_arena *arena, const struct wtl_observations *obs,
                            const struct wtl_grid *grid, const struct wtl_policy *p,
                            struct wtl_constraints *set, struct wtl_obstacle *obstacle,
                            struct wtl_error *err)
{
    *set = (struct wtl_constraints){.z = wtl_normal_quantile(0.5 + p->confidence / 2)};
    if (p->has_max_slowdown)
        add(set, WTL_CONSTRAINT_SLOWDOWN, log1p(p->max_slowdown));
    if (p->has_max_energy)
        add(set, WTL_CONSTRAINT_ENERGY, log(p->max_energy_ratio));
    if (p->has_min_saving)
        add(set, WTL_CONSTRAINT_SAVING, log1p(-p->min_saving));
    if (p->has_max_power)
        add(set, WTL_CONSTRAINT_POWER, log(p->max_power_w));
    if (obs->idling.counted) {
        add(set, WTL_CONSTRAINT_RATE, log(obs->idling.period_s));
        set->item[set->n - 1].work = obs->idling.period_s * p->rate_per_s;
    }
    int rc = p->has_min_clock_ratio ? add_clock_ratio(arena, grid, p, set, err) : 0;
    for (int i = 0; !rc && i < p->n_slo; i++)
        rc = add_slo(arena, obs, grid, &p->slo[i], set, obstacle, err);
    return rc;
}

/* Both curves, or the reason why there are none. */
static int fit(struct wtl_arena *arena, const struct wtl_observations *obs, struct wtl_work *w,
               struct wtl_obstacle *obstacle, struct wtl_error *err)
{
    struct wtl_error why = {0};
    int rc =
        wtl_curve_fit(arena, WTL_CURVE_TIME, obs->clock_mhz, obs->time_s, obs->n, &w->time, &why);
    if (!rc)
        rc = wtl_curve_fit(arena, WTL_CURVE_POWER, obs->clock_mhz, obs->power_w, obs->n, &w->power,
                           &why);
    if (rc == -(int)WTL_UNDECIDED) {
        snprintf(obstacle->text, sizeof obstacle->text, "%.200s", why.message);
        return 1;
    }
    return rc ? WTL_FAIL(err, why.code, "%s", why.message) : 0;
}

static int contrast(struct wtl_arena *arena, const struct wtl_policy *policy, struct wtl_work *w,
                    struct wtl_error *err)
{
    struct wtl_contrast_spec spec = {
        .objective = &policy->objective,
        .idling = w->obs.idling,
        .clock_mhz = w->grid.mhz_d,
        .fastest = policy->baseline.kind == WTL_BASELINE_FASTEST,
        .base = w->grid.base,
        .candidate = w->grid.candidate,
        .base_time0 = w->given.time0,
        .base_energy0 = w->given.energy0,
        .base_time = w->given.time,
        .base_energy = w->given.energy,
    };
    return wtl_contrast_make(arena, &w->boot, &spec, &w->contrast, err);
}

/* Everything up to the contrast; 1 when the data carry no answer. */
static int prepare(struct wtl_arena *scratch, const struct wtl_workset *set,
                   const struct wtl_policy *policy, struct wtl_work *w, struct wtl_notes *notes,
                   struct wtl_obstacle *obstacle, struct wtl_error *err)
{
    int rc = wtl_observe(scratch, set, policy, &w->obs, notes, obstacle, err);
    if (!rc)
        rc = wtl_grid_make(scratch, set, policy, &w->obs, &w->grid, notes, obstacle, err);
    if (!rc && policy->baseline.kind == WTL_BASELINE_JOB)
        rc =
            wtl_given_baseline_make(scratch, set, policy, &w->obs.idling, &w->given, obstacle, err);
    if (!rc)
        rc = fit(scratch, &w->obs, w, obstacle, err);
    if (!rc)
        rc = make_constraints(scratch, &w->obs, &w->grid, policy, &w->constraints, obstacle, err);
    if (!rc)
        rc = wtl_bootstrap_run(scratch, w->time, w->power, w->obs.n, w->grid.mhz_d, w->grid.n,
                               (size_t)policy->replicates, policy->seed, &w->boot, err);
    return rc ? rc : contrast(scratch, policy, w, err);
}

static int choose(struct wtl_arena *scratch, const struct wtl_policy *policy, struct wtl_work *w,
                  struct wtl_error *err)
{
    size_t m = w->grid.n;
    w->rule = (struct wtl_rule){.contrast = &w->contrast,
                                .constraints = &w->constraints,
                                .candidate = w->grid.candidate,
                                .prefer = policy->prefer};
    w->feasible = WTL_NEW_ARRAY(scratch, bool, m);
    w->tied = WTL_NEW_ARRAY(scratch, bool, m);
    w->chosen = WTL_NEW_ARRAY(scratch, size_t, w->contrast.n);
    if (!w->feasible || !w->tied || !w->chosen)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for the choice");
    int rc = wtl_tie_factor(scratch, &w->rule, policy->confidence, &w->rule.tie_factor, err);
    if (rc)
        return rc;
    w->choice = wtl_choose(&w->rule, &w->contrast.origin, w->feasible, w->tied);
    wtl_choose_all(&w->rule, w->chosen);
    return 0;
}

static void start_plan(struct wtl_plan *plan, const struct wtl_workset *set,
                       const struct wtl_policy *policy)
{
    memset(plan, 0, sizeof *plan);
    wtl_plan_name(plan, set);
    plan->policy = *policy;
    plan->baseline_kind = policy->baseline.kind;
    for (size_t i = 0; i < set->n_runs; i++) {
        enum wtl_cause cause = wtl_run_main_cause(&set->runs[i]);
        if (cause == WTL_N_CAUSES) {
            plan->n_runs++;
        } else {
            plan->n_rejected++;
            plan->rejected[cause]++;
        }
    }
}

/* The policy's own list belongs to the caller, who may free it. */
static int keep_clock_list(struct wtl_arena *arena, struct wtl_plan *plan, struct wtl_error *err)
{
    if (!plan->policy.clocks_mhz)
        return 0;
    plan->policy.clocks_mhz =
        wtl_arena_memdup(arena, plan->policy.clocks_mhz, plan->policy.n_clocks * sizeof(int));
    if (!plan->policy.clocks_mhz)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for the list of clocks");
    return 0;
}

static int make_plan(struct wtl_arena *arena, struct wtl_arena *scratch,
                     const struct wtl_workset *set, const struct wtl_policy *policy,
                     const char *unusable, struct wtl_plan *plan, struct wtl_error *err)
{
    struct wtl_notes notes = {.arena = arena};
    struct wtl_obstacle obstacle = {""};
    struct wtl_work w;
    memset(&w, 0, sizeof w);
    start_plan(plan, set, policy);
    int rc = keep_clock_list(arena, plan, err);
    if (rc)
        return rc;
    if (unusable) {
        plan->status = WTL_PLAN_UNUSABLE;
        wtl_notes_add(&notes, "%s", unusable);
        return wtl_notes_give(&notes, plan, err);
    }
    rc = prepare(scratch, set, policy, &w, &notes, &obstacle, err);
    if (rc == 1) {
        plan->status = WTL_PLAN_UNUSABLE;
        wtl_notes_add(&notes, "No answer: %s.", obstacle.text);
        return wtl_notes_give(&notes, plan, err);
    }
    if (!rc)
        rc = choose(scratch, policy, &w, err);
    if (!rc)
        rc = wtl_answer(arena, scratch, &w, plan, &notes, err);
    return rc ? rc : wtl_notes_give(&notes, plan, err);
}

int wtl_optimize_clock(struct wtl_arena *arena, const struct wtl_workset *set,
                       const struct wtl_policy *policy, const char *unusable,
                       struct wtl_plan *plan_out, struct wtl_error *err)
{
    if (policy->baseline.kind == WTL_BASELINE_REP)
        return wtl_optimize_clock_published(arena, set, policy, plan_out, err);
    int rc = check_policy(policy, err);
    if (rc)
        return rc;
    struct wtl_plan plan;
    struct wtl_arena scratch;
    wtl_arena_init(&scratch, arena->alloc);
    rc = make_plan(arena, &scratch, set, policy, unusable, &plan, err);
    wtl_arena_fini(&scratch);
    if (rc)
        return rc;
    *plan_out = plan;
    return 0;
}
