/* SPDX-License-Identifier: Apache-2.0 */
#include "support/proof.h"

#include "base/random.h"
#include "optimize/clock.h"
#include "optimize/verdict.h"
#include "runs/judge.h"
#include "runs/reduce.h"
#include "support/sim_campaign.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double slowdown_limit = 0.05;

struct proof_scenario proof_usual(void)
{
    return (struct proof_scenario){.name = "usual",
                                   .order = -1,
                                   .reps_min = 3,
                                   .reps_max = 3,
                                   .stride_min = 1,
                                   .stride_max = 1,
                                   .time_cv_min = 0.015,
                                   .time_cv_max = 0.015,
                                   .power_cv_min = 0.01,
                                   .power_cv_max = 0.01,
                                   .autocorrelation_max = 0.4,
                                   .fresh_pairs = 10,
                                   .fresh_days = 10};
}

struct proof_scenario proof_hard(void)
{
    return (struct proof_scenario){.name = "hard",
                                   .order = -1,
                                   .reps_min = 2,
                                   .reps_max = 4,
                                   .stride_min = 1,
                                   .stride_max = 4,
                                   .time_cv_min = 0.004,
                                   .time_cv_max = 0.05,
                                   .power_cv_min = 0.004,
                                   .power_cv_max = 0.03,
                                   .autocorrelation_max = 0.5,
                                   .fresh_pairs = 10,
                                   .fresh_days = 10};
}

static int between(struct wtl_rng *rng, int lo, int hi)
{
    return lo + (int)wtl_rng_below(rng, (uint32_t)(hi - lo + 1));
}

static double log_between(struct wtl_rng *rng, double lo, double hi)
{
    return lo * pow(hi / lo, wtl_rng_uniform(rng));
}

static struct sim_options draw_options(const struct proof_scenario *s, uint64_t seed)
{
    struct sim_options o = sim_options_default();
    struct wtl_rng rng;
    wtl_rng_init_stream(&rng, seed, 0x70726f6f66); /* "proof" */
    o.seed = seed;
    o.gpu = between(&rng, 0, 6);
    o.workload = between(&rng, 0, 15);
    o.order = (enum sim_order)(s->order >= 0 ? s->order : between(&rng, 0, 1));
    o.n_reps = between(&rng, s->reps_min, s->reps_max);
    o.clock_stride = between(&rng, s->stride_min, s->stride_max);
    o.time_cv = log_between(&rng, s->time_cv_min, s->time_cv_max);
    o.power_cv = log_between(&rng, s->power_cv_min, s->power_cv_max);
    o.autocorrelation = s->autocorrelation_max * wtl_rng_uniform(&rng);
    o.cold_runs = 3;
    o.outlier_share = 0.02;
    o.idle_share = 0.005;
    return o;
}

/* From the runs as recorded to the plan. */
static int make_plan(struct wtl_arena *arena, const struct sim_campaign *c,
                     const struct wtl_policy *policy, struct wtl_plan *plan, struct wtl_error *err)
{
    struct wtl_workset *set;
    struct wtl_quality quality;
    size_t n_sets;
    for (size_t i = 0; i < c->n_runs; i++)
        wtl_run_choose(&c->runs[i]);
    int rc = wtl_worksets(arena, c->runs, c->n_runs, NULL, &set, &n_sets, err);
    if (!rc)
        rc = wtl_judge_quality(arena, set[0].runs, set[0].n_runs, &quality, err);
    if (rc)
        return rc;
    return wtl_optimize_clock(arena, &set[0], policy, quality.usable ? NULL : quality.reason, plan,
                              err);
}

static bool holds(const struct wtl_estimate *e, double truth)
{
    return truth >= e->lo && truth <= e->hi;
}

/* What is true at the clock in question, as fractions. */
struct truth {
    double saving, slowdown;
};

static struct truth truth_at(const struct sim_campaign *c, int mhz)
{
    const struct sim_truth *t = &c->truth;
    return (struct truth){1 - sim_energy_j(t, mhz) / sim_energy_j(t, t->f_max_mhz),
                          sim_time_s(t, mhz) / sim_time_s(t, t->f_max_mhz) - 1};
}

static void count(struct proof_estimate *p, const struct wtl_estimate *saving,
                  const struct wtl_estimate *slowdown, const struct truth *truth)
{
    double error = saving->value - truth->saving, slow = slowdown->value - truth->slowdown;
    p->n++;
    p->saving += holds(saving, truth->saving);
    p->slowdown += holds(slowdown, truth->slowdown);
    p->width += saving->hi - saving->lo;
    p->bias += error;
    p->square += error * error;
    p->slow_bias += slow;
    p->slow_square += slow * slow;
}

/* One day of fresh runs of the baseline and the chosen clock in turns, judged as `wattle validate`
 * does. */
static int confirm(struct wtl_arena *arena, const struct sim_campaign *c,
                   const struct wtl_plan *plan, size_t n, uint64_t day, struct wtl_verdict *verdict,
                   struct wtl_error *err)
{
    struct wtl_verdict_options options = wtl_verdict_options_default();
    const int clock_mhz[2] = {plan->baseline_clock_mhz, plan->clock_mhz};
    struct wtl_workset *set;
    size_t n_sets;
    struct wtl_run *runs = WTL_NEW_ARRAY(arena, struct wtl_run, n);
    if (!runs)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for fresh runs");
    sim_fresh_turns(c, clock_mhz, n, day, runs);
    for (size_t i = 0; i < n; i++)
        wtl_run_choose(&runs[i]);
    int rc = wtl_worksets(arena, runs, n, NULL, &set, &n_sets, err);
    return rc ? rc : wtl_verdict_make(arena, plan, &set[0], &options, verdict, err);
}

static int count_fresh(const struct proof_scenario *s, const struct sim_campaign *c,
                       const struct wtl_plan *plan, const struct truth *truth,
                       struct proof_result *r, struct wtl_error *err)
{
    double before = r->fresh.bias;
    int days = r->fresh.n;
    for (int day = 0; day < s->fresh_days; day++) {
        WTL_ARENA(arena);
        struct wtl_verdict v;
        int rc = confirm(&arena, c, plan, 2 * (size_t)s->fresh_pairs, (uint64_t)day, &v, err);
        if (rc)
            return rc;
        r->verdict[v.kind]++;
        if (v.method == WTL_METHOD_NONE) {
            r->without_interval++;
            continue;
        }
        count(&r->fresh, &v.saving.fresh, &v.slowdown.fresh, truth);
        if (v.kind == WTL_VERDICT_CONFIRMED)
            count(&r->published, &v.saving.fresh, &v.slowdown.fresh, truth);
        r->wrongly_refuted += v.kind == WTL_VERDICT_REFUTED && truth->saving >= v.saving.limit &&
                              truth->saving > 0 && truth->slowdown <= v.slowdown.limit;
    }
    days = r->fresh.n - days;
    double mean = days ? (r->fresh.bias - before) / days : 0;
    r->fresh_plan_square += mean * mean;
    return 0;
}

struct proof_bias proof_fresh_bias(const struct proof_result *r)
{
    double n = r->fresh.n ? r->fresh.n : 1, plans = r->in_sample.n ? r->in_sample.n : 1;
    double mean = r->fresh.bias / n;
    return (struct proof_bias){
        .value = mean,
        .se = sqrt(fmax(r->fresh_plan_square / plans - mean * mean, 0) / plans),
        .se_1000 = sqrt(fmax(r->fresh.square / n - mean * mean, 0) / 1000),
    };
}

static void count_choice(struct proof_result *r, const struct sim_campaign *c,
                         const struct wtl_policy *policy, const struct wtl_plan *plan,
                         double slowdown)
{
    int best = sim_optimum(c, policy, NULL, 0);
    r->broken += slowdown > slowdown_limit;
    r->regret += sim_objective(c, policy, plan->clock_mhz) / sim_objective(c, policy, best) - 1;
}

static int one_campaign(struct wtl_arena *arena, const struct proof_scenario *s, uint64_t seed,
                        int replicates, struct sim_campaign *c, struct proof_result *r,
                        struct wtl_error *err)
{
    struct sim_options options = draw_options(s, seed);
    struct wtl_policy policy = wtl_policy_default();
    struct wtl_plan plan;
    int rc = sim_campaign_make(arena, &options, c, err);
    policy.has_max_slowdown = true;
    policy.max_slowdown = slowdown_limit;
    policy.replicates = replicates;
    policy.clocks_mhz = c->clocks_mhz;
    policy.n_clocks = c->n_clocks;
    if (!rc)
        rc = make_plan(arena, c, &policy, &plan, err);
    if (rc)
        return rc;
    r->n++;
    r->status[plan.status]++;
    if (plan.status != WTL_PLAN_OK && plan.status != WTL_PLAN_UNDECIDED)
        return 0;
    struct truth truth = truth_at(c, plan.best_guess_mhz);
    if (plan.status == WTL_PLAN_OK)
        count_choice(r, c, &policy, &plan, truth.slowdown);
    if (plan.best_guess_mhz == plan.baseline_clock_mhz)
        return 0;
    count(plan.status == WTL_PLAN_OK ? &r->in_sample : &r->guess, &plan.saving, &plan.slowdown,
          &truth);
    return plan.status == WTL_PLAN_OK ? count_fresh(s, c, &plan, &truth, r, err) : 0;
}

int proof_run(const struct proof_scenario *scenario, uint64_t first, int n, int replicates,
              struct proof_result *result, struct wtl_error *err)
{
    struct sim_campaign *c = malloc(sizeof *c);
    int rc = c ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory for a campaign");
    for (int i = 0; !rc && i < n; i++) {
        WTL_ARENA(arena);
        rc = one_campaign(&arena, scenario, first + (uint64_t)i, replicates, c, result, err);
    }
    free(c);
    return rc;
}
