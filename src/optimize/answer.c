/* SPDX-License-Identifier: Apache-2.0
 * The plan from the computation. */
#include "optimize/answer.h"

#include "base/text.h"
#include "optimize/objective.h"
#include "optimize/pareto.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bounds of the status, in fractions; see answer.h. */
static const double faster_share = 0.02;
static const double negligible_gain = 0.02;
static const double widest_saving = 0.20;
static const double tied_share = 0.9, tied_span = 0.2;
/* Neighbours further apart than so many of the least steps have a gap between them. */
enum { far_steps = 3 };

/* ---- estimates ---- */

static struct wtl_estimate make_estimate(const struct wtl_work *w, double value, double lo,
                                         double hi)
{
    return (struct wtl_estimate){
        .value = value, .lo = lo, .hi = hi, .n = (int)w->obs.n, .evidence = WTL_EVIDENCE_IN_SAMPLE};
}

/* exp(), or 1 - exp() where less is more, or exp() - 1. */
enum scale { SCALE_PLAIN, SCALE_SAVING, SCALE_SLOWDOWN };

static struct wtl_estimate from_log(const struct wtl_work *w, struct wtl_interval i,
                                    enum scale scale)
{
    if (scale == SCALE_SAVING)
        return make_estimate(w, -expm1(i.value), -expm1(i.hi), -expm1(i.lo));
    if (scale == SCALE_SLOWDOWN)
        return make_estimate(w, expm1(i.value), expm1(i.lo), expm1(i.hi));
    return make_estimate(w, exp(i.value), exp(i.lo), exp(i.hi));
}

/* `chosen`: the clock that each replicate takes by the rule that took `at`; NULL: no rule. */
static int estimates_at(struct wtl_arena *scratch, const struct wtl_work *w, size_t at,
                        const size_t *chosen, struct wtl_plan *plan, struct wtl_error *err)
{
    const struct {
        enum wtl_quantity quantity;
        enum scale scale;
        struct wtl_estimate *out;
    } list[] = {
        {WTL_Q_ENERGY, SCALE_SAVING, &plan->saving},
        {WTL_Q_SLOWDOWN, SCALE_SLOWDOWN, &plan->slowdown},
        {WTL_Q_OBJECTIVE, SCALE_SAVING, &plan->objective_saving},
        {WTL_Q_TIME, SCALE_PLAIN, &plan->time_s},
        {WTL_Q_JOULE, SCALE_PLAIN, &plan->energy_j},
        {WTL_Q_POWER, SCALE_PLAIN, &plan->power_w},
    };
    for (size_t k = 0; k < sizeof list / sizeof list[0]; k++) {
        struct wtl_interval i;
        int rc = wtl_honest_interval(scratch, &w->contrast, chosen, at, list[k].quantity,
                                     plan->policy.confidence, &i, err);
        if (rc)
            return rc;
        *list[k].out = from_log(w, i, list[k].scale);
    }
    return 0;
}

/* The fastest clock was searched, and is found where its time errs downwards: the mean error of the
 * replicates at the clocks that they find, in logs, is the luck of the search. */
static void luck_of_fastest(const struct wtl_work *w, double *time_out, double *energy_out)
{
    const struct wtl_contrast *c = &w->contrast;
    for (size_t r = 0; r < c->n; r++) {
        const struct wtl_row *row = &c->row[r];
        size_t at = c->base;
        for (size_t e = 0; e < c->n_eval; e++)
            if (w->grid.candidate[e] && row->time[e] < row->time[at])
                at = e;
        *time_out += (row->time[at] - c->origin.time[at]) / (double)c->n;
        *energy_out += (row->energy[at] - c->origin.energy[at]) / (double)c->n;
    }
}

static void describe_baseline(const struct wtl_work *w, struct wtl_plan *plan)
{
    const struct wtl_contrast *c = &w->contrast;
    double luck_t = 0, luck_e = 0;
    if (plan->baseline_kind == WTL_BASELINE_FASTEST && c->base < c->n_eval)
        luck_of_fastest(w, &luck_t, &luck_e);
    double z = w->constraints.z, t = c->origin.base_time - luck_t;
    double e = c->origin.base_energy - luck_e;
    plan->baseline_time_s = from_log(
        w, (struct wtl_interval){t, t - z * c->base_time_se, t + z * c->base_time_se}, SCALE_PLAIN);
    plan->baseline_energy_j =
        from_log(w, (struct wtl_interval){e, e - z * c->base_energy_se, e + z * c->base_energy_se},
                 SCALE_PLAIN);
    if (c->base < c->n_eval) {
        plan->baseline_clock_mhz = w->grid.mhz[c->base];
        plan->baseline_from_curve = w->grid.base_mhz != 0 && w->grid.base_runs < 2;
    } else {
        plan->baseline_clock_mhz = w->given.clock_mhz;
        plan->baseline_time_s.n = plan->baseline_energy_j.n = (int)w->given.n;
    }
}

/* ---- curve and front ---- */

static struct wtl_curve_point make_point(const struct wtl_work *w, size_t e, double best)
{
    const struct wtl_contrast *c = &w->contrast;
    double z = w->constraints.z;
    double t = c->origin.time[e], j = c->origin.energy[e];
    double slow = t - c->origin.base_time, ratio = j - c->origin.base_energy;
    return (struct wtl_curve_point){
        .clock_mhz = w->grid.mhz[e],
        .time_s = exp(t),
        .time_lo = exp(t - z * c->time_se[e]),
        .time_hi = exp(t + z * c->time_se[e]),
        .energy_j = exp(j),
        .energy_lo = exp(j - z * c->energy_se[e]),
        .energy_hi = exp(j + z * c->energy_se[e]),
        .power_w = exp(c->origin.power[e]),
        .slowdown = expm1(slow),
        .slowdown_hi = expm1(slow + z * c->slowdown_se[e]),
        .saving = -expm1(ratio),
        .saving_lo = -expm1(ratio + z * c->saving_se[e]),
        .saving_hi = -expm1(ratio - z * c->saving_se[e]),
        .objective = exp(c->origin.objective[e] - best),
        .legal = w->grid.legal[e],
        .feasible = w->feasible[e],
        .tied = w->tied[e],
    };
}

static int mark_front(struct wtl_arena *scratch, const struct wtl_work *w,
                      struct wtl_curve_point *point, struct wtl_plan *plan, struct wtl_error *err)
{
    size_t m = w->grid.n;
    double *energy = WTL_NEW_ARRAY(scratch, double, m), *time = WTL_NEW_ARRAY(scratch, double, m);
    bool *front = WTL_NEW_ARRAY(scratch, bool, m);
    double slowest = 0;
    if (!energy || !time || !front)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for the front");
    for (size_t e = 0; e < m; e++) {
        energy[e] = point[e].energy_j;
        time[e] = point[e].time_s;
        if (w->grid.candidate[e])
            slowest = fmax(slowest, time[e]);
    }
    int rc = wtl_pareto_front(scratch, energy, time, w->grid.candidate, m, front, err);
    if (!rc)
        rc = wtl_pareto_hypervolume(scratch, energy, time, front, m, plan->baseline_energy_j.value,
                                    slowest, &plan->hypervolume, err);
    if (rc)
        return rc;
    size_t knee = wtl_pareto_knee(energy, time, front, m);
    for (size_t e = 0; e < m; e++) {
        point[e].pareto = front[e];
        point[e].knee = e == knee;
    }
    plan->knee_clock_mhz = knee < m ? w->grid.mhz[knee] : 0;
    return 0;
}

static int write_curve(struct wtl_arena *arena, struct wtl_arena *scratch, const struct wtl_work *w,
                       struct wtl_plan *plan, struct wtl_error *err)
{
    size_t m = w->grid.n, n_tied = 0;
    struct wtl_curve_point *point = WTL_NEW_ARRAY(arena, struct wtl_curve_point, m);
    int *tied = WTL_NEW_ARRAY(arena, int, m);
    if (!point || !tied)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for the curve");
    double best = HUGE_VAL;
    for (size_t e = 0; e < m; e++)
        if (w->grid.candidate[e])
            best = fmin(best, w->contrast.origin.objective[e]);
    for (size_t e = 0; e < m; e++) {
        point[e] = make_point(w, e, best);
        if (w->tied[e])
            tied[n_tied++] = w->grid.mhz[e];
    }
    plan->curve = point;
    plan->n_curve = m;
    plan->tied_clocks_mhz = tied;
    plan->n_tied = n_tied;
    return mark_front(scratch, w, point, plan, err);
}

static int compare_p99(const void *a, const void *b)
{
    const struct wtl_power_p99 *p = a, *q = b;
    return (p->clock_mhz > q->clock_mhz) - (p->clock_mhz < q->clock_mhz);
}

/* What runs drew at most, clock by clock. */
static int write_power_p99(struct wtl_arena *arena, const struct wtl_observations *obs,
                           struct wtl_plan *plan, struct wtl_error *err)
{
    size_t n = 0, kept = 0;
    struct wtl_power_p99 *p = WTL_NEW_ARRAY(arena, struct wtl_power_p99, obs->n + 1);
    if (!p)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for the power of the runs");
    for (size_t i = 0; i < obs->n; i++)
        if (wtl_run_has(obs->run[i], WTL_R_power_p99_w))
            p[n++] = (struct wtl_power_p99){obs->run[i]->clock_mhz,
                                            obs->run[i]->metric[WTL_R_power_p99_w], 1};
    qsort(p, n, sizeof *p, compare_p99);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || p[i].clock_mhz != p[kept - 1].clock_mhz) {
            p[kept++] = p[i];
            continue;
        }
        p[kept - 1].power_w = fmax(p[kept - 1].power_w, p[i].power_w);
        p[kept - 1].n_runs++;
    }
    plan->power_p99 = p;
    plan->n_power_p99 = kept;
    return 0;
}

/* ---- status ---- */

/* Whether the best feasible clock may be no better than the baseline, and yet may be worth it. */
static bool gain_is_open(const struct wtl_work *w, double *most_out)
{
    const struct wtl_contrast *c = &w->contrast;
    size_t best = w->choice.best;
    double gain = -c->origin.objective[best], se = 0;
    if (c->base < c->n_eval) {
        se = c->tie_se[best * c->n_eval + c->base];
    } else { /* a given run set: spread of the objective itself, which is relative to it */
        for (size_t r = 0; r < c->n; r++) {
            double d = c->row[r].objective[best] - c->origin.objective[best];
            se += d * d / (double)c->n;
        }
        se = sqrt(se);
    }
    *most_out = -expm1(-(gain + w->constraints.z * se));
    return gain <= w->rule.tie_factor * se && *most_out > negligible_gain;
}

static bool everything_tied(const struct wtl_work *w)
{
    size_t feasible = 0, tied = 0, first = w->grid.n, last = 0;
    for (size_t e = 0; e < w->grid.n; e++) {
        feasible += w->feasible[e];
        tied += w->tied[e];
        if (w->tied[e]) {
            first = first < e ? first : e;
            last = e;
        }
    }
    double span = tied ? w->grid.mhz[last] - w->grid.mhz[first] : 0;
    return tied >= 2 && (double)tied >= tied_share * (double)feasible &&
           span >= tied_span * w->grid.highest_mhz;
}

/* The largest gain among clocks that meet every limit by their estimate, though not at its bound:
 * what noise keeps from being used. Returns the clock, n when there is none. */
static size_t withheld(const struct wtl_work *w, double *gain_out)
{
    struct wtl_constraints point = w->constraints;
    size_t best = w->grid.n;
    point.z = 0;
    for (size_t e = 0; e < w->grid.n; e++) {
        double gain = -expm1(w->contrast.origin.objective[e]);
        if (!w->grid.candidate[e] ||
            !wtl_constraints_hold(&point, &w->contrast, &w->contrast.origin, e))
            continue;
        if (best == w->grid.n || gain > *gain_out) {
            best = e;
            *gain_out = gain;
        }
    }
    return best;
}

/* The reasons to be undecided go into the notes. `guess` is the clock that more runs should look at
 * first: where the baseline was taken for lack of proof, the clock that may be better. */
static bool undecided(const struct wtl_work *w, const struct wtl_plan *plan,
                      struct wtl_notes *notes, size_t *guess)
{
    const struct wtl_estimate *s = &plan->saving;
    bool at_base = w->choice.chosen == w->contrast.base;
    double most;
    if (gain_is_open(w, &most)) {
        wtl_notes_add(notes,
                      "Undecided: the baseline is statistically tied with the best clock, %d MHz, "
                      "but up to %.0f %% of the objective may be gained. More runs would tell.",
                      w->grid.mhz[w->choice.best], 100 * most);
        *guess = w->choice.best;
        return true;
    }
    if (everything_tied(w)) {
        wtl_notes_add(notes, "Undecided: %zu clocks, nearly all that are feasible, are tied.",
                      plan->n_tied);
        return true;
    }
    double gain = 0;
    size_t barred = at_base ? withheld(w, &gain) : w->grid.n;
    if (barred < w->grid.n && gain > negligible_gain) {
        wtl_notes_add(notes,
                      "Undecided: %d MHz meets the limits by its estimate and gains %.0f %% of the "
                      "objective, but noise keeps its bounds beyond them.",
                      w->grid.mhz[barred], 100 * gain);
        *guess = barred;
        return true;
    }
    const struct wtl_estimate *o = &plan->objective_saving;
    if (!at_base && o->hi < 0 && w->contrast.base < w->grid.n && w->feasible[w->contrast.base]) {
        wtl_notes_add(notes,
                      "Undecided: which clock is the baseline, %d MHz or another, cannot be told, "
                      "and with it what is gained.",
                      plan->baseline_clock_mhz);
        return true;
    }
    if (!at_base && o->lo <= 0 && o->hi > negligible_gain) {
        wtl_notes_add(notes,
                      "Undecided: at %d MHz the interval of the gain in the objective, %.1f to "
                      "%.1f %%, contains none.",
                      plan->best_guess_mhz, 100 * o->lo, 100 * o->hi);
        return true;
    }
    if (at_base || !wtl_objective_counts_energy(&plan->policy.objective))
        return false;
    if (s->lo <= 0 && s->hi > 0 && plan->best_guess_mhz < plan->baseline_clock_mhz) {
        wtl_notes_add(notes,
                      "Undecided: at %d MHz the interval of the saving, %.1f to %.1f %%, contains "
                      "no saving.",
                      plan->best_guess_mhz, 100 * s->lo, 100 * s->hi);
        return true;
    }
    if (s->hi - s->lo > widest_saving) {
        wtl_notes_add(notes,
                      "Undecided: the interval of the saving, %.1f to %.1f %%, is too wide to act "
                      "on (more than %.0f points).",
                      100 * s->lo, 100 * s->hi, 100 * widest_saving);
        return true;
    }
    return false;
}

static void explain_infeasible(const struct wtl_work *w, struct wtl_plan *plan)
{
    int binding = 0;
    double limit = 0;
    size_t clock = 0;
    if (!wtl_constraints_relax(&w->constraints, &w->contrast, w->grid.candidate, &binding, &limit,
                               &clock)) {
        snprintf(plan->binding, sizeof plan->binding,
                 "several constraints together: none of them relaxed alone is enough");
        snprintf(plan->relaxation, sizeof plan->relaxation, "%s",
                 w->constraints.n ? "relax two or more of the constraints" : "no legal clock");
        return;
    }
    char option[100];
    wtl_constraint_describe(&w->constraints.item[binding], plan->binding, sizeof plan->binding);
    wtl_constraint_option(&w->constraints.item[binding], limit, option, sizeof option);
    snprintf(plan->relaxation, sizeof plan->relaxation, "%s makes %d MHz feasible", option,
             w->grid.mhz[clock]);
    plan->best_guess_mhz = w->grid.mhz[clock];
}

/* Whether the baseline itself keeps the limits, as far as the plan knows it. */
static bool baseline_keeps_limits(const struct wtl_work *w, const struct wtl_plan *plan)
{
    const struct wtl_policy *p = &plan->policy;
    double power_w = plan->baseline_energy_j.value / plan->baseline_time_s.value;
    double ratio = (double)plan->baseline_clock_mhz / w->grid.highest_mhz;
    return !(p->has_max_slowdown && p->max_slowdown < 0) &&
           !(p->has_max_energy && p->max_energy_ratio < 1) &&
           !(p->has_min_saving && p->min_saving > 0) &&
           !(p->has_max_power && power_w > p->max_power_w) &&
           !(p->has_min_clock_ratio && ratio < p->min_clock_ratio) && p->n_slo == 0;
}

/* A choice whose objective is worse than the baseline's: the baseline is not among the allowed
 * clocks, or breaks a limit. True, and infeasible, where leaving things as they are would be better
 * and within every limit; else said. */
static bool worse_than_baseline(const struct wtl_work *w, struct wtl_plan *plan,
                                struct wtl_notes *notes)
{
    const struct wtl_estimate *o = &plan->objective_saving;
    char name[40];
    bool base_is_allowed = w->contrast.base < w->grid.n && w->feasible[w->contrast.base];
    if (w->choice.chosen == w->contrast.base || o->value >= 0 || base_is_allowed)
        return false;
    wtl_objective_format(&plan->policy.objective, name, sizeof name);
    if (o->hi >= 0 || !baseline_keeps_limits(w, plan)) {
        wtl_notes_add(notes,
                      "The objective, %s, is %.1f %% (%.1f to %.1f) more at %d MHz than at the "
                      "baseline, %d MHz, which %s.",
                      name, -100 * o->value, -100 * o->hi, -100 * o->lo, plan->best_guess_mhz,
                      plan->baseline_clock_mhz,
                      baseline_keeps_limits(w, plan) ? "is not among the allowed clocks"
                                                     : "does not keep the limits");
        return false;
    }
    double more = -100 * o->value;
    plan->n_tied = 0;
    plan->saving = plan->slowdown = plan->objective_saving = (struct wtl_estimate){0};
    plan->time_s = plan->energy_j = plan->power_w = (struct wtl_estimate){0};
    snprintf(plan->binding, sizeof plan->binding,
             "the allowed clocks: the best of them, %d MHz, is worse than the baseline, %d MHz, by "
             "%.1f %% in %s",
             plan->best_guess_mhz, plan->baseline_clock_mhz, more, name);
    snprintf(plan->relaxation, sizeof plan->relaxation,
             "stay at the baseline, or allow other clocks (--clocks)");
    return true;
}

/* ---- sentences ---- */

static void note_baseline(const struct wtl_work *w, const struct wtl_plan *plan,
                          struct wtl_notes *notes)
{
    const struct wtl_grid *g = &w->grid;
    if (plan->baseline_from_curve)
        wtl_notes_add(notes,
                      "The baseline is the curve over the accepted runs of neighbouring clocks, "
                      "evaluated at %d MHz: of the %zu run%s there, %zu %s usable.",
                      g->base_mhz, g->base_runs + g->base_rejected,
                      wtl_plural((int64_t)(g->base_runs + g->base_rejected)), g->base_runs,
                      g->base_runs == 1 ? "is" : "are");
    if (plan->baseline_kind == WTL_BASELINE_FASTEST)
        wtl_notes_add(notes,
                      "The fastest clock is that of the curve, %d MHz, and is searched again in "
                      "every replicate: the luck of the fastest run is not in it.",
                      plan->baseline_clock_mhz);
}

static void note_idle(const struct wtl_work *w, const struct wtl_plan *plan, size_t at,
                      struct wtl_notes *notes)
{
    const struct wtl_idling *idling = &w->obs.idling;
    const struct wtl_row *o = &w->contrast.origin;
    if (!idling->counted)
        return;
    wtl_notes_add(notes,
                  "Energy of one run of work with the idle time after it: %.4g J at the baseline, "
                  "of which %.4g idle, and %.4g J at %d MHz, of which %.4g idle.",
                  exp(o->base_energy),
                  wtl_idling_j(idling, plan->baseline_clock_mhz, exp(o->base_time)),
                  exp(o->energy[at]), plan->best_guess_mhz,
                  wtl_idling_j(idling, plan->best_guess_mhz, exp(o->time[at])));
}

static void note_latency(const struct wtl_work *w, const struct wtl_plan *plan, size_t at,
                         struct wtl_notes *notes)
{
    for (int i = 0; i < w->constraints.n; i++) {
        const struct wtl_constraint *k = &w->constraints.item[i];
        if (k->kind == WTL_CONSTRAINT_SLO)
            wtl_notes_add(
                notes, "p%d latency at %d MHz: at most %.4g ms by its bound; limit %.4g ms.",
                k->percent, plan->best_guess_mhz, 1e3 * exp(k->bound[at]), 1e3 * exp(k->limit));
    }
}

/* A lower clock is not faster by itself. Within 2 % it is the noise of a memory-bound workload. */
static void note_faster(const struct wtl_plan *plan, struct wtl_notes *notes)
{
    if (plan->best_guess_mhz >= plan->baseline_clock_mhz || plan->slowdown.hi >= -faster_share)
        return;
    wtl_notes_add(
        notes,
        "The work takes %.1f %% less time at %d MHz than at the baseline, %d MHz, which a "
        "lower clock by itself cannot do: a power cap, heat, other load or the order of "
        "the runs is in these times.",
        -100 * plan->slowdown.value, plan->best_guess_mhz, plan->baseline_clock_mhz);
}

/* The next lower clock of the runs would be better, but breaks a limit, and lies far below: the
 * best within the limits may be one that nobody measured. */
static void note_gap(const struct wtl_work *w, struct wtl_notes *notes)
{
    const struct wtl_grid *g = &w->grid;
    const double *objective = w->contrast.origin.objective;
    const size_t at = w->choice.chosen;
    size_t below = at;
    int step = g->highest_mhz;
    for (size_t e = 1; e < g->n; e++)
        step = g->mhz[e] - g->mhz[e - 1] < step ? g->mhz[e] - g->mhz[e - 1] : step;
    for (size_t e = 0; e < at; e++)
        below = g->candidate[e] ? e : below;
    if (below == at || w->feasible[below] || objective[below] >= objective[at] ||
        g->mhz[at] - g->mhz[below] <= far_steps * step)
        return;
    wtl_notes_add(notes,
                  "There is no run between %d and %d MHz, where a clock may keep the limits and be "
                  "better: measure there (a sweep with the same limits does), or name the legal "
                  "clocks with --clocks for the curves to choose among.",
                  g->mhz[below], g->mhz[at]);
}

static void note_choice(const struct wtl_work *w, const struct wtl_plan *plan,
                        struct wtl_notes *notes)
{
    size_t nothing = 0;
    for (size_t r = 0; r < w->contrast.n; r++)
        nothing += w->chosen[r] == w->contrast.n_eval;
    if (nothing * 20 > w->contrast.n)
        wtl_notes_add(notes,
                      "In %.0f %% of the replicates no clock is feasible: the limits are "
                      "barely met.",
                      100.0 * (double)nothing / (double)w->contrast.n);
    if (plan->status == WTL_PLAN_OK && w->choice.chosen == w->contrast.base)
        wtl_notes_add(notes,
                      "No other clock of the runs is better within the limits: it stays at %d MHz.",
                      plan->baseline_clock_mhz);
    note_gap(w, notes);
    note_faster(plan, notes);
    wtl_notes_add(notes,
                  "Saving and slowdown are in-sample: the runs that chose the clock also estimate "
                  "it (bootstrap of choice and estimate, %zu replicates, blocks of %zu run%s). "
                  "Fresh runs confirm them: wattle validate.",
                  w->contrast.n, w->boot.block_length, wtl_plural((int64_t)w->boot.block_length));
}

static void cover(struct wtl_estimate *e, const struct wtl_estimate *other)
{
    e->lo = fmin(e->lo, other->lo);
    e->hi = fmax(e->hi, other->hi);
}

/* The estimates of an undecided plan, at its guess. Being undecided is a selection too, against the
 * lucky draws that the correction for the choice expects; alone, that correction goes too far (its
 * intervals held the truth in 0.75 to 0.82 of simulated undecided plans). So the values are the
 * curve's own; where the guess is what the rule took, the intervals cover both. */
static int estimates_of_guess(struct wtl_arena *scratch, const struct wtl_work *w, size_t guess,
                              struct wtl_plan *plan, struct wtl_error *err)
{
    struct wtl_plan corrected = *plan;
    int rc = estimates_at(scratch, w, guess, NULL, plan, err);
    plan->best_guess_mhz = w->grid.mhz[guess];
    if (rc || guess != w->choice.chosen)
        return rc;
    cover(&plan->saving, &corrected.saving);
    cover(&plan->slowdown, &corrected.slowdown);
    cover(&plan->objective_saving, &corrected.objective_saving);
    cover(&plan->time_s, &corrected.time_s);
    cover(&plan->energy_j, &corrected.energy_j);
    cover(&plan->power_w, &corrected.power_w);
    return 0;
}

int wtl_answer(struct wtl_arena *arena, struct wtl_arena *scratch, const struct wtl_work *w,
               struct wtl_plan *plan, struct wtl_notes *notes, struct wtl_error *err)
{
    describe_baseline(w, plan);
    plan->time_model = wtl_curve_form(w->time);
    plan->power_model = wtl_curve_form(w->power);
    plan->time_cv_error = wtl_curve_cv_error(w->time);
    plan->power_cv_error = wtl_curve_cv_error(w->power);
    int rc = write_curve(arena, scratch, w, plan, err);
    rc = rc ? rc : write_power_p99(arena, &w->obs, plan, err);
    if (rc)
        return rc;
    note_baseline(w, plan, notes);
    if (w->choice.best == w->grid.n) {
        plan->status = WTL_PLAN_INFEASIBLE;
        explain_infeasible(w, plan);
        return 0;
    }
    plan->best_guess_mhz = w->grid.mhz[w->choice.chosen];
    rc = estimates_at(scratch, w, w->choice.chosen, w->chosen, plan, err);
    if (rc)
        return rc;
    if (worse_than_baseline(w, plan, notes)) {
        plan->status = WTL_PLAN_INFEASIBLE;
        return 0;
    }
    size_t guess = w->choice.chosen;
    plan->status = undecided(w, plan, notes, &guess) ? WTL_PLAN_UNDECIDED : WTL_PLAN_OK;
    if (plan->status == WTL_PLAN_OK)
        plan->clock_mhz = plan->best_guess_mhz;
    else
        rc = estimates_of_guess(scratch, w, guess, plan, err);
    if (rc)
        return rc;
    note_idle(w, plan, guess, notes);
    note_latency(w, plan, guess, notes);
    note_choice(w, plan, notes);
    return 0;
}
