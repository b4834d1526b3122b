/* SPDX-License-Identifier: Apache-2.0
 * Plans on predicted curves. */
#include "optimize/predicted.h"

#include "optimize/notes.h"
#include "optimize/pareto.h"
#include "optimize/select.h"
#include "stats/distribution.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int nomem(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory for predicted curves");
}

/* ---- curves ---- */

static int allocate(struct wtl_arena *arena, const int *clocks_mhz, size_t n, size_t n_draws,
                    struct wtl_predicted *p, struct wtl_error *err)
{
    *p = (struct wtl_predicted){
        .clocks_mhz = clocks_mhz, .n_clocks = n, .n_draws = n_draws, .n_runs = 1, .model = ""};
    p->log_time = WTL_NEW_ARRAY(arena, double, n);
    p->log_power = WTL_NEW_ARRAY(arena, double, n);
    p->draw_time = WTL_NEW_ARRAY(arena, double, n *n_draws);
    p->draw_power = WTL_NEW_ARRAY(arena, double, n *n_draws);
    return p->log_time && p->log_power && p->draw_time && p->draw_power ? 0 : nomem(err);
}

int wtl_predicted_from_posterior(struct wtl_arena *arena, const struct wtl_posterior *q,
                                 const int *clocks_mhz, size_t n, size_t n_draws, uint64_t seed,
                                 struct wtl_predicted *out, struct wtl_error *err)
{
    struct wtl_predicted p;
    double *clocks = WTL_NEW_ARRAY(arena, double, n);
    int rc = clocks ? allocate(arena, clocks_mhz, n, n_draws, &p, err) : nomem(err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++) {
        clocks[i] = clocks_mhz[i];
        struct wtl_prediction at = wtl_posterior_at(q, clocks[i]);
        p.log_time[i] = log(at.time_s);
        p.log_power[i] = log(at.power_w);
    }
    rc = wtl_posterior_draws(q, clocks, n, n_draws, seed, p.draw_time, p.draw_power, err);
    if (rc == 0)
        *out = p;
    return rc;
}

/* The central curves as the only draw: every spread is 0. */
static void without_spread(struct wtl_predicted *p)
{
    memcpy(p->draw_time, p->log_time, p->n_clocks * sizeof *p->log_time);
    memcpy(p->draw_power, p->log_power, p->n_clocks * sizeof *p->log_power);
}

int wtl_predicted_from_fgcs(struct wtl_arena *arena, const struct wtl_fgcs *fgcs,
                            const int *clocks_mhz, size_t n, struct wtl_predicted *out,
                            struct wtl_error *err)
{
    struct wtl_predicted p;
    int rc = allocate(arena, clocks_mhz, n, 1, &p, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++) {
        double time_s = wtl_fgcs_time_s(fgcs, clocks_mhz[i]);
        double power_w = wtl_fgcs_power_w(fgcs, clocks_mhz[i]);
        if (!(time_s > 0 && power_w > 0))
            return WTL_FAIL(err, WTL_UNSUPPORTED, "%s gives %g s and %g W at %d MHz", WTL_FGCS_NAME,
                            time_s, power_w, clocks_mhz[i]);
        p.log_time[i] = log(time_s);
        p.log_power[i] = log(power_w);
    }
    without_spread(&p);
    p.model = WTL_FGCS_NAME;
    *out = p;
    return 0;
}

int wtl_predicted_from_values(struct wtl_arena *arena, const int *clocks_mhz, size_t n,
                              const double *time_s, const double *power_w,
                              struct wtl_predicted *out, struct wtl_error *err)
{
    struct wtl_predicted p;
    int rc = allocate(arena, clocks_mhz, n, 1, &p, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++) {
        if (!(time_s[i] > 0 && power_w[i] > 0))
            return WTL_FAIL(err, WTL_USAGE, "time %g s and power %g W at %d MHz", time_s[i],
                            power_w[i], clocks_mhz[i]);
        p.log_time[i] = log(time_s[i]);
        p.log_power[i] = log(power_w[i]);
    }
    without_spread(&p);
    *out = p;
    return 0;
}

/* ---- the choice ---- */

struct work {
    const struct wtl_predicted *curves;
    struct wtl_constraints constraints;
    struct wtl_contrast contrast;
    struct wtl_rule rule;
    struct wtl_choice choice;
    bool *candidate, *feasible, *tied;
    size_t base; /* n_clocks: the fastest */
};

static int find_base(const struct wtl_predicted *p, const struct wtl_policy *policy,
                     size_t *base_out, struct wtl_error *err)
{
    int want = policy->baseline.clock_mhz;
    switch (policy->baseline.kind) {
    case WTL_BASELINE_MAX:
        *base_out = p->n_clocks - 1;
        return 0;
    case WTL_BASELINE_FASTEST:
        *base_out = p->n_clocks;
        return 0;
    case WTL_BASELINE_CLOCK:
    case WTL_BASELINE_DEFAULT:
        break;
    case WTL_BASELINE_JOB:
    case WTL_BASELINE_REP:
        return WTL_FAIL(err, WTL_USAGE, "a prediction has no runs to take as baseline \"%s\"",
                        wtl_baseline_name(policy->baseline.kind));
    }
    if (want == 0)
        return WTL_FAIL(err, WTL_USAGE,
                        "the default clock of this GPU is not known: give it as "
                        "--baseline clock:MHZ");
    for (size_t i = 0; i < p->n_clocks; i++)
        if (p->clocks_mhz[i] == want) {
            *base_out = i;
            return 0;
        }
    return WTL_FAIL(err, WTL_USAGE, "baseline %d MHz is not a clock of this GPU", want);
}

static void add(struct wtl_constraints *set, enum wtl_constraint_kind kind, double limit,
                const double *bound)
{
    set->item[set->n++] = (struct wtl_constraint){.kind = kind, .limit = limit, .bound = bound};
}

static int make_constraints(struct wtl_arena *arena, const struct wtl_predicted *p,
                            const struct wtl_policy *policy, struct wtl_constraints *set,
                            struct wtl_error *err)
{
    set->z = wtl_normal_quantile(0.5 + policy->confidence / 2);
    if (policy->has_rate || policy->n_slo > 0)
        return WTL_FAIL(err, WTL_USAGE, "arrival rates and latency objectives cannot be predicted");
    if (policy->has_max_slowdown)
        add(set, WTL_CONSTRAINT_SLOWDOWN, log1p(policy->max_slowdown), NULL);
    if (policy->has_max_energy)
        add(set, WTL_CONSTRAINT_ENERGY, log(policy->max_energy_ratio), NULL);
    if (policy->has_min_saving)
        add(set, WTL_CONSTRAINT_SAVING, log1p(-policy->min_saving), NULL);
    if (policy->has_max_power)
        add(set, WTL_CONSTRAINT_POWER, log(policy->max_power_w), NULL);
    if (policy->has_min_clock_ratio) {
        double *bound = WTL_NEW_ARRAY(arena, double, p->n_clocks);
        if (!bound)
            return nomem(err);
        for (size_t i = 0; i < p->n_clocks; i++)
            bound[i] = log((double)p->clocks_mhz[p->n_clocks - 1] / p->clocks_mhz[i]);
        add(set, WTL_CONSTRAINT_CLOCK_RATIO, -log(policy->min_clock_ratio), bound);
    }
    return 0;
}

static int compare(struct wtl_arena *arena, const struct wtl_policy *policy, struct work *w,
                   struct wtl_error *err)
{
    const struct wtl_predicted *p = w->curves;
    double *spread = WTL_NEW_ARRAY(arena, double, p->n_draws);
    if (!spread)
        return nomem(err);
    for (size_t r = 0; r < p->n_draws; r++)
        spread[r] = 1; /* draws are all of one posterior */
    struct wtl_bootstrap rows = {.n = p->n_draws,
                                 .n_eval = p->n_clocks,
                                 .time0 = p->log_time,
                                 .power0 = p->log_power,
                                 .spread = spread,
                                 .time = p->draw_time,
                                 .power = p->draw_power};
    struct wtl_contrast_spec spec = {.objective = &policy->objective,
                                     .fastest = w->base == p->n_clocks,
                                     .base = w->base,
                                     .candidate = w->candidate};
    return wtl_contrast_make(arena, &rows, &spec, &w->contrast, err);
}

static int choose(struct wtl_arena *arena, const struct wtl_predicted *p,
                  const struct wtl_policy *policy, struct work *w, struct wtl_error *err)
{
    *w = (struct work){.curves = p};
    if (p->n_clocks == 0)
        return WTL_FAIL(err, WTL_USAGE, "a prediction needs at least one clock");
    w->candidate = WTL_NEW_ARRAY(arena, bool, p->n_clocks);
    w->feasible = WTL_NEW_ARRAY(arena, bool, p->n_clocks);
    w->tied = WTL_NEW_ARRAY(arena, bool, p->n_clocks);
    if (!w->candidate || !w->feasible || !w->tied)
        return nomem(err);
    memset(w->candidate, true, p->n_clocks * sizeof *w->candidate);
    int rc = find_base(p, policy, &w->base, err);
    if (rc == 0)
        rc = make_constraints(arena, p, policy, &w->constraints, err);
    if (rc == 0)
        rc = compare(arena, policy, w, err);
    w->rule = (struct wtl_rule){.contrast = &w->contrast,
                                .constraints = &w->constraints,
                                .candidate = w->candidate,
                                .prefer = policy->prefer};
    if (rc == 0)
        rc = wtl_tie_factor(arena, &w->rule, policy->confidence, &w->rule.tie_factor, err);
    if (rc == 0)
        w->choice = wtl_choose(&w->rule, &w->contrast.origin, w->feasible, w->tied);
    return rc;
}

int wtl_predicted_choose(struct wtl_arena *arena, const struct wtl_predicted *curves,
                         const struct wtl_policy *policy, struct wtl_predicted_choice *out,
                         struct wtl_error *err)
{
    struct work w;
    int rc = choose(arena, curves, policy, &w, err);
    if (rc == 0)
        *out = (struct wtl_predicted_choice){.best = w.choice.best,
                                             .chosen = w.choice.chosen,
                                             .feasible = w.feasible,
                                             .objective = w.contrast.origin.objective};
    return rc;
}

/* ---- the plan ---- */

enum scale { PLAIN, SAVING, SLOWDOWN };

static double rescale(enum scale scale, double log_value)
{
    return scale == SAVING     ? -expm1(log_value)
           : scale == SLOWDOWN ? expm1(log_value)
                               : exp(log_value);
}

static struct wtl_estimate estimate(const struct work *w, enum scale scale, double value, double se)
{
    double z = w->constraints.z;
    bool spread = w->curves->n_draws > 1;
    struct wtl_estimate e = {.value = rescale(scale, value),
                             .n = w->curves->n_runs,
                             .evidence = spread ? WTL_EVIDENCE_PREDICTED : WTL_EVIDENCE_NONE};
    if (spread) {
        double a = rescale(scale, value - z * se), b = rescale(scale, value + z * se);
        e.lo = fmin(a, b);
        e.hi = fmax(a, b);
    }
    return e;
}

/* Standard deviation of the log objective at a clock, which is relative to the baseline. */
static double objective_se(const struct wtl_contrast *c, size_t at)
{
    double sum = 0;
    for (size_t r = 0; r < c->n; r++) {
        double d = c->row[r].objective[at] - c->origin.objective[at];
        sum += d * d;
    }
    return sqrt(sum / (double)c->n);
}

static void fill_estimates(const struct work *w, struct wtl_plan *plan)
{
    const struct wtl_contrast *c = &w->contrast;
    const struct wtl_row *o = &c->origin;
    size_t at = w->choice.chosen;
    plan->saving = estimate(w, SAVING, o->energy[at] - o->base_energy, c->saving_se[at]);
    plan->slowdown = estimate(w, SLOWDOWN, o->time[at] - o->base_time, c->slowdown_se[at]);
    plan->objective_saving = estimate(w, SAVING, o->objective[at], objective_se(c, at));
    plan->time_s = estimate(w, PLAIN, o->time[at], c->time_se[at]);
    plan->energy_j = estimate(w, PLAIN, o->energy[at], c->energy_se[at]);
    plan->power_w = estimate(w, PLAIN, o->power[at], c->power_se[at]);
}

static struct wtl_curve_point make_point(const struct work *w, size_t i, double best)
{
    const struct wtl_contrast *c = &w->contrast;
    double z = w->constraints.z, t = c->origin.time[i], e = c->origin.energy[i];
    double slow = t - c->origin.base_time, ratio = e - c->origin.base_energy;
    return (struct wtl_curve_point){
        .clock_mhz = w->curves->clocks_mhz[i],
        .time_s = exp(t),
        .time_lo = exp(t - z * c->time_se[i]),
        .time_hi = exp(t + z * c->time_se[i]),
        .energy_j = exp(e),
        .energy_lo = exp(e - z * c->energy_se[i]),
        .energy_hi = exp(e + z * c->energy_se[i]),
        .power_w = exp(c->origin.power[i]),
        .slowdown = expm1(slow),
        .slowdown_hi = expm1(slow + z * c->slowdown_se[i]),
        .saving = -expm1(ratio),
        .saving_lo = -expm1(ratio + z * c->saving_se[i]),
        .saving_hi = -expm1(ratio - z * c->saving_se[i]),
        .objective = exp(c->origin.objective[i] - best),
        .legal = true,
        .feasible = w->feasible[i],
        .tied = w->tied[i],
    };
}

static int mark_front(struct wtl_arena *arena, const struct work *w, struct wtl_curve_point *point,
                      struct wtl_plan *plan, struct wtl_error *err)
{
    size_t n = w->curves->n_clocks;
    double *energy = WTL_NEW_ARRAY(arena, double, n), *time = WTL_NEW_ARRAY(arena, double, n);
    bool *front = WTL_NEW_ARRAY(arena, bool, n);
    double slowest = 0;
    if (!energy || !time || !front)
        return nomem(err);
    for (size_t i = 0; i < n; i++) {
        energy[i] = point[i].energy_j;
        time[i] = point[i].time_s;
        slowest = fmax(slowest, time[i]);
    }
    int rc = wtl_pareto_front(arena, energy, time, w->candidate, n, front, err);
    if (rc == 0)
        rc = wtl_pareto_hypervolume(arena, energy, time, front, n, plan->baseline_energy_j.value,
                                    slowest, &plan->hypervolume, err);
    if (rc < 0)
        return rc;
    size_t knee = wtl_pareto_knee(energy, time, front, n);
    for (size_t i = 0; i < n; i++) {
        point[i].pareto = front[i];
        point[i].knee = i == knee;
    }
    plan->knee_clock_mhz = knee < n ? point[knee].clock_mhz : 0;
    return 0;
}

static int write_curve(struct wtl_arena *arena, const struct work *w, struct wtl_plan *plan,
                       struct wtl_error *err)
{
    size_t n = w->curves->n_clocks, n_tied = 0;
    struct wtl_curve_point *point = WTL_NEW_ARRAY(arena, struct wtl_curve_point, n);
    int *tied = WTL_NEW_ARRAY(arena, int, n);
    if (!point || !tied)
        return nomem(err);
    double best = HUGE_VAL;
    for (size_t i = 0; i < n; i++)
        best = fmin(best, w->contrast.origin.objective[i]);
    for (size_t i = 0; i < n; i++) {
        point[i] = make_point(w, i, best);
        if (w->tied[i])
            tied[n_tied++] = point[i].clock_mhz;
    }
    plan->curve = point;
    plan->n_curve = n;
    plan->tied_clocks_mhz = tied;
    plan->n_tied = n_tied;
    return mark_front(arena, w, point, plan, err);
}

static void explain_infeasible(const struct work *w, struct wtl_plan *plan)
{
    int binding = 0;
    double limit = 0;
    size_t clock = 0;
    char option[100];
    plan->status = WTL_PLAN_INFEASIBLE;
    if (!wtl_constraints_relax(&w->constraints, &w->contrast, w->candidate, &binding, &limit,
                               &clock)) {
        snprintf(plan->binding, sizeof plan->binding,
                 "several constraints together: none of them relaxed alone is enough");
        snprintf(plan->relaxation, sizeof plan->relaxation, "relax two or more of the constraints");
        return;
    }
    wtl_constraint_describe(&w->constraints.item[binding], plan->binding, sizeof plan->binding);
    wtl_constraint_option(&w->constraints.item[binding], limit, option, sizeof option);
    plan->best_guess_mhz = w->curves->clocks_mhz[clock];
    snprintf(plan->relaxation, sizeof plan->relaxation, "%s makes %d MHz feasible", option,
             plan->best_guess_mhz);
}

static void decide(const struct work *w, struct wtl_plan *plan, struct wtl_notes *notes)
{
    const struct wtl_estimate *gain = &plan->objective_saving;
    plan->best_guess_mhz = w->curves->clocks_mhz[w->choice.chosen];
    bool moves = w->choice.chosen != w->contrast.base;
    if (moves && gain->evidence != WTL_EVIDENCE_NONE && gain->lo <= 0) {
        plan->status = WTL_PLAN_UNDECIDED;
        wtl_notes_add(notes,
                      "Undecided: at %d MHz the interval of the gain, %.1f to %.1f %% of the "
                      "objective, contains none. Runs at more clocks would tell.",
                      plan->best_guess_mhz, 100 * gain->lo, 100 * gain->hi);
        return;
    }
    plan->status = WTL_PLAN_OK;
    plan->clock_mhz = plan->best_guess_mhz;
    if (!moves)
        wtl_notes_add(notes, "No other clock is predicted to be better within the limits.");
}

static void start_plan(struct wtl_plan *plan, const char *gpu, const char *workload,
                       const struct work *w, const struct wtl_policy *policy)
{
    const struct wtl_contrast *c = &w->contrast;
    *plan = (struct wtl_plan){.policy = *policy,
                              .baseline_kind = policy->baseline.kind,
                              .baseline_clock_mhz = w->curves->clocks_mhz[c->base],
                              .baseline_from_curve = true,
                              .n_runs = w->curves->n_runs};
    snprintf(plan->gpu, sizeof plan->gpu, "%s", gpu);
    snprintf(plan->workload, sizeof plan->workload, "%s", workload);
    plan->policy.clocks_mhz = w->curves->clocks_mhz;
    plan->policy.n_clocks = w->curves->n_clocks;
    plan->baseline_time_s = estimate(w, PLAIN, c->origin.base_time, c->base_time_se);
    plan->baseline_energy_j = estimate(w, PLAIN, c->origin.base_energy, c->base_energy_se);
    plan->time_model = plan->power_model = w->curves->model;
}

int wtl_optimize_predicted(struct wtl_arena *arena, const char *gpu, const char *workload,
                           const struct wtl_predicted *curves, const struct wtl_policy *policy,
                           struct wtl_plan *plan_out, struct wtl_error *err)
{
    struct work w;
    struct wtl_plan plan;
    struct wtl_notes notes = {.arena = arena};
    int rc = choose(arena, curves, policy, &w, err);
    if (rc < 0)
        return rc;
    start_plan(&plan, gpu, workload, &w, policy);
    wtl_notes_add(&notes, "Predicted, not measured: no run of this workload was made at most of "
                          "these clocks. Confirm with runs at the chosen clock and the baseline.");
    if (curves->n_draws == 1)
        wtl_notes_add(&notes, "The predictor states no uncertainty: limits are held at its point "
                              "values only.");
    rc = write_curve(arena, &w, &plan, err);
    if (rc < 0)
        return rc;
    if (w.choice.best == curves->n_clocks) {
        explain_infeasible(&w, &plan);
    } else {
        fill_estimates(&w, &plan);
        decide(&w, &plan, &notes);
    }
    rc = wtl_notes_give(&notes, &plan, err);
    if (rc == 0)
        *plan_out = plan;
    return rc;
}
