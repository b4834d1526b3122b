/* SPDX-License-Identifier: Apache-2.0
 * The method of the published EDP framework, reproduced with its defects. */
#include "optimize/clock.h"
#include "optimize/notes.h"
#include "optimize/objective.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Time is rows times the claimed interval, energy mean power times that. */
static bool nominal(const struct wtl_run *r, double *time_s, double *energy_j)
{
    *time_s = wtl_run_get(r, WTL_R_nominal_time_s, 0);
    *energy_j = wtl_run_get(r, WTL_R_energy_nominal_j, 0);
    return *time_s > 0 && *energy_j > 0;
}

struct choice {
    const struct wtl_run *base, *best;
    int n;
    int clock_mhz_min;
};

static struct choice choose(const struct wtl_workset *set, const struct wtl_policy *policy)
{
    struct choice c = {0};
    double least = HUGE_VAL, t, e;
    for (size_t i = 0; i < set->n_runs; i++) {
        const struct wtl_run *r = &set->runs[i];
        if (r->rep != policy->baseline.rep || !nominal(r, &t, &e))
            continue;
        c.n++;
        if (!c.base || r->clock_mhz > c.base->clock_mhz)
            c.base = r;
        if (c.n == 1 || r->clock_mhz < c.clock_mhz_min)
            c.clock_mhz_min = r->clock_mhz;
        double value = wtl_objective_log(&policy->objective, log(e), log(t));
        if (value < least) {
            least = value;
            c.best = r;
        }
    }
    return c;
}

static struct wtl_estimate bare(double value)
{
    return (struct wtl_estimate){
        .value = value, .lo = value, .hi = value, .n = 1, .evidence = WTL_EVIDENCE_NONE};
}

static void describe(struct wtl_plan *plan, const struct choice *c, const struct wtl_policy *policy)
{
    double tb, eb, t, e;
    nominal(c->base, &tb, &eb);
    nominal(c->best, &t, &e);
    plan->clock_mhz = plan->best_guess_mhz = c->best->clock_mhz;
    plan->baseline_clock_mhz = c->base->clock_mhz;
    plan->baseline_time_s = bare(tb);
    plan->baseline_energy_j = bare(eb);
    plan->saving = bare(1 - e / eb);
    plan->slowdown = bare(t / tb - 1);
    double relative = wtl_objective_log(&policy->objective, log(e), log(t)) -
                      wtl_objective_log(&policy->objective, log(eb), log(tb));
    plan->objective_saving = bare(-expm1(relative));
    plan->time_s = bare(t);
    plan->energy_j = bare(e);
    plan->power_w = bare(e / t);
    plan->time_model = plan->power_model = "single runs";
}

static void note_run(struct wtl_notes *notes, const char *what, const struct wtl_run *r)
{
    if (!r->causes)
        return;
    wtl_notes_add(notes, "%s, %d MHz repetition %d, should not count: %s%s%s.", what, r->clock_mhz,
                  r->rep, wtl_cause_text(wtl_run_main_cause(r)), r->reason[0] ? "; " : "",
                  r->reason);
}

static void warn(struct wtl_notes *notes, const struct wtl_plan *plan, const struct choice *c)
{
    wtl_notes_add(notes,
                  "Compatibility mode: the published method, everything within repetition %d. Do "
                  "not act on it.",
                  c->base->rep);
    wtl_notes_add(notes, "The baseline is one single run, the first of its sweep, in which the "
                         "machine is coldest; no run is rejected.");
    note_run(notes, "The baseline run", c->base);
    note_run(notes, "The chosen run", c->best);
    wtl_notes_add(notes,
                  "The optimum is the luckiest of %d single runs: neighbouring clocks differ by "
                  "less than the noise, and no interval is possible.",
                  c->n);
    if (plan->slowdown.value < 0)
        wtl_notes_add(notes,
                      "The published reports read the time change of %+.1f %% as a slowdown; its "
                      "sign says that the run was faster, which is the same artefact as the "
                      "saving.",
                      100 * plan->slowdown.value);
    wtl_notes_add(notes,
                  "Time is rows times 50 ms although the true period is 50.1 to 51.5 ms, and "
                  "includes the start of the process. Constraints are not applied.");
}

static void start(struct wtl_plan *plan, const struct wtl_workset *set,
                  const struct wtl_policy *policy, int n)
{
    memset(plan, 0, sizeof *plan);
    wtl_plan_name(plan, set);
    plan->policy = *policy;
    plan->policy.clocks_mhz = NULL; /* not looked at, and not ours to point to */
    plan->policy.n_clocks = 0;
    plan->baseline_kind = WTL_BASELINE_REP;
    plan->n_runs = n;
}

int wtl_optimize_clock_published(struct wtl_arena *arena, const struct wtl_workset *set,
                                 const struct wtl_policy *policy, struct wtl_plan *plan_out,
                                 struct wtl_error *err)
{
    struct wtl_plan plan;
    struct wtl_notes notes = {.arena = arena};
    struct choice c = choose(set, policy);
    start(&plan, set, policy, c.n);
    if (!c.base) {
        plan.status = WTL_PLAN_UNUSABLE;
        wtl_notes_add(&notes,
                      "No answer: no run of repetition %d has the nominal time and energy that the "
                      "published method uses.",
                      policy->baseline.rep);
    } else if (c.clock_mhz_min == c.base->clock_mhz) {
        plan.status = WTL_PLAN_UNUSABLE;
        wtl_notes_add(&notes, "No answer: repetition %d holds no other clock than %d MHz.",
                      policy->baseline.rep, c.base->clock_mhz);
    } else {
        int *tied = wtl_arena_memdup(arena, &c.best->clock_mhz, sizeof(int));
        if (!tied)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory for a plan");
        plan.tied_clocks_mhz = tied;
        plan.n_tied = 1;
        describe(&plan, &c, policy);
        warn(&notes, &plan, &c);
    }
    int rc = wtl_notes_give(&notes, &plan, err);
    if (rc)
        return rc;
    *plan_out = plan;
    return 0;
}

void wtl_published_summary(const struct wtl_plan *plans, size_t n, double *mean_out, double *sd_out)
{
    double sum = 0, sum2 = 0, k = 0;
    for (size_t i = 0; i < n; i++)
        if (plans[i].baseline_kind == WTL_BASELINE_REP && plans[i].status == WTL_PLAN_OK) {
            sum += plans[i].saving.value;
            k += 1;
        }
    double mean = k > 0 ? sum / k : 0;
    for (size_t i = 0; i < n; i++)
        if (plans[i].baseline_kind == WTL_BASELINE_REP && plans[i].status == WTL_PLAN_OK)
            sum2 += (plans[i].saving.value - mean) * (plans[i].saving.value - mean);
    *mean_out = mean;
    *sd_out = k > 0 ? sqrt(sum2 / k) : 0;
}
