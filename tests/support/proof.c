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
                                   .fresh_blocks = 8};
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
                                   .fresh_blocks = 8};
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

/* Fresh runs of the chosen and the baseline clock in turns. */
static int confirm(struct wtl_arena *arena, const struct sim_campaign *c,
                   const struct wtl_plan *plan, int blocks, struct wtl_verdict *verdict,
                   struct wtl_error *err)
{
    struct wtl_workset fresh = {.n_runs = 2 * (size_t)blocks};
    struct wtl_verdict_options options = wtl_verdict_options_default();
    fresh.runs = WTL_NEW_ARRAY(arena, struct wtl_run, fresh.n_runs);
    if (!fresh.runs)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for fresh runs");
    for (size_t i = 0; i < fresh.n_runs; i++) {
        int mhz = i % 2 ? plan->clock_mhz : plan->baseline_clock_mhz;
        fresh.runs[i] = sim_fresh_run(c, mhz, i + 1);
        wtl_run_choose(&fresh.runs[i]);
    }
    return wtl_verdict_make(arena, plan, &fresh, &options, verdict, err);
}

static bool holds(const struct wtl_estimate *e, double truth)
{
    return truth >= e->lo && truth <= e->hi;
}

static void count_fresh(struct proof_result *r, const struct wtl_verdict *v, double saving,
                        double slowdown)
{
    double error = v->saving.fresh.value - saving;
    r->confirmed_saving += holds(&v->saving.fresh, saving);
    r->confirmed_slowdown += holds(&v->slowdown.fresh, slowdown);
    r->fresh_bias += error;
    r->fresh_square += error * error;
    r->verdict[v->kind]++;
    r->wrongly_refuted += v->kind == WTL_VERDICT_REFUTED && saving >= v->saving.limit &&
                          saving > 0 && slowdown <= v->slowdown.limit;
}

static void count_in_sample(struct proof_result *r, const struct wtl_plan *plan, double saving,
                            double slowdown)
{
    double error = plan->saving.value - saving;
    r->n_moved++;
    r->in_sample_saving += holds(&plan->saving, saving);
    r->in_sample_slowdown += holds(&plan->slowdown, slowdown);
    r->in_sample_bias += error;
    r->in_sample_square += error * error;
    r->width += plan->saving.hi - plan->saving.lo;
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
    struct wtl_verdict verdict;
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
    if (plan.status != WTL_PLAN_OK)
        return 0;
    double f_max = c->truth.f_max_mhz;
    double saving = 1 - sim_energy_j(&c->truth, plan.clock_mhz) / sim_energy_j(&c->truth, f_max);
    double slowdown = sim_time_s(&c->truth, plan.clock_mhz) / sim_time_s(&c->truth, f_max) - 1;
    count_choice(r, c, &policy, &plan, slowdown);
    if (plan.clock_mhz == plan.baseline_clock_mhz)
        return 0;
    count_in_sample(r, &plan, saving, slowdown);
    rc = confirm(arena, c, &plan, s->fresh_blocks, &verdict, err);
    if (!rc)
        count_fresh(r, &verdict, saving, slowdown);
    return rc;
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
