/* SPDX-License-Identifier: Apache-2.0
 * The shipped runs: the published method to the last digit, and what an honest analysis says. */
#include "make_set.h"

#include "optimize/clock.h"
#include "optimize/sensitivity.h"
#include "optimize/verdict.h"
#include "runs/judge.h"
#include "runs/reduce.h"
#include "support/frequency_data.h"

#include <string.h>

static const char *const gpus[] = {"A100", "V100"};
static const char *const workloads[] = {"llama", "stablediffusion", "vit", "whisper"};

static struct wtl_workset load(struct wtl_arena *arena, const char *gpu, const char *workload)
{
    size_t n = 0, n_sets = 0;
    struct wtl_workset *set = NULL;
    struct wtl_error err = {0};
    struct wtl_run *runs = load_frequency_runs(arena, gpu, workload, &n);
    for (size_t i = 0; i < n; i++)
        wtl_run_choose(&runs[i]);
    assert_ok(wtl_worksets(arena, runs, n, NULL, &set, &n_sets, &err), &err);
    assert_int_equal(n_sets, 1);
    return set[0];
}

static void published_method_to_the_digit(void **state)
{
    (void)state;
    const double mean[] = {0.91647, 0.61952, 0.51330}, sd[] = {0.08110, 0.31377, 0.28484};
    for (int rep = 1; rep <= 3; rep++) {
        WTL_ARENA(arena);
        struct wtl_policy p = wtl_policy_default();
        struct wtl_plan plan[8];
        double got_mean, got_sd;
        p.baseline = (struct wtl_baseline){.kind = WTL_BASELINE_REP, .rep = rep};
        for (int i = 0; i < 8; i++) {
            struct wtl_workset set = load(&arena, gpus[i / 4], workloads[i % 4]);
            assert_ok(wtl_optimize_clock(&arena, &set, &p, NULL, &plan[i], NULL), NULL);
            assert_int_equal(plan[i].saving.evidence, WTL_EVIDENCE_NONE);
            assert_true(has_note(&plan[i], "Compatibility mode"));
        }
        wtl_published_summary(plan, 8, &got_mean, &got_sd);
        assert_near(got_mean, mean[rep - 1], 5e-6);
        assert_near(got_sd, sd[rep - 1], 5e-6);
        assert_true(plan[0].slowdown.value <
                    0); /* "slower" by its own report, faster by its sign */
        assert_true(has_note(&plan[0], "faster"));
    }
    WTL_ARENA(arena);
    struct wtl_policy p = wtl_policy_default();
    struct wtl_plan plan, turned;
    struct wtl_workset set = load(&arena, "A100", "vit");
    p.baseline = (struct wtl_baseline){.kind = WTL_BASELINE_REP, .rep = 1};
    p.objective.kind = WTL_OBJECTIVE_ED2P;
    assert_ok(wtl_optimize_clock(&arena, &set, &p, NULL, &plan, NULL), NULL);
    assert_true(has_note(&plan, "The baseline run, 1410 MHz repetition 1, should not count"));
    for (size_t i = 0; i < set.n_runs / 2; i++) { /* the highest clock, not the first run */
        struct wtl_run run = set.runs[i];
        set.runs[i] = set.runs[set.n_runs - 1 - i];
        set.runs[set.n_runs - 1 - i] = run;
    }
    assert_ok(wtl_optimize_clock(&arena, &set, &p, NULL, &turned, NULL), NULL);
    assert_int_equal(turned.baseline_clock_mhz, 1410);
    assert_true(turned.saving.value == plan.saving.value);
    p.baseline.rep = 9;
    assert_ok(wtl_optimize_clock(&arena, &set, &p, NULL, &plan, NULL), NULL);
    assert_int_equal(plan.status, WTL_PLAN_UNUSABLE);
}

static struct wtl_policy honest_policy(void)
{
    struct wtl_policy p = wtl_policy_default();
    p.has_max_slowdown = true;
    p.max_slowdown = 0.05;
    return p;
}

static struct wtl_plan honest(struct wtl_arena *arena, const struct wtl_workset *set,
                              const struct wtl_policy *policy)
{
    struct wtl_quality quality;
    struct wtl_plan plan;
    assert_ok(wtl_judge_quality(arena, set->runs, set->n_runs, &quality, NULL), NULL);
    assert_ok(
        wtl_optimize_clock(arena, set, policy, quality.usable ? NULL : quality.reason, &plan, NULL),
        NULL);
    return plan;
}

/* The acceptance figures, for several seeds of the bootstrap. */
static void honest_analysis_of_the_same_runs(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        WTL_ARENA(arena);
        struct wtl_policy p = honest_policy();
        p.seed = seed;
        struct wtl_workset set = load(&arena, "V100", "stablediffusion");
        struct wtl_plan plan = honest(&arena, &set, &p);
        assert_int_equal(plan.status, WTL_PLAN_OK);
        assert_in_range(plan.clock_mhz, 1095, 1155);
        assert_true(plan.saving.value > 0.165 && plan.saving.value < 0.20);
        assert_true(plan.baseline_from_curve && plan.baseline_clock_mhz == 1380);
        set = load(&arena, "A100", "stablediffusion");
        plan = honest(&arena, &set, &p);
        assert_int_equal(plan.status, WTL_PLAN_OK);
        assert_in_range(plan.clock_mhz, 1125, 1200);
        assert_true(plan.saving.value > 0.19 && plan.saving.value < 0.25);
        for (int g = 0; g < 2; g++) {
            set = load(&arena, gpus[g], "vit");
            assert_int_equal(honest(&arena, &set, &p).status, WTL_PLAN_UNUSABLE);
            set = load(&arena, gpus[g], "whisper");
            plan = honest(&arena, &set, &p);
            assert_true(plan.status == WTL_PLAN_UNUSABLE || plan.status == WTL_PLAN_UNDECIDED);
            set = load(&arena, gpus[g], "llama");
            plan = honest(&arena, &set, &p);
            assert_true(plan.status == WTL_PLAN_UNDECIDED ||
                        (plan.status == WTL_PLAN_OK && plan.saving.hi - plan.saving.lo >= 0.08));
        }
    }
}

static void the_choice_is_stable_and_holds_on_left_out_repetitions(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_policy p = honest_policy();
    struct wtl_workset set = load(&arena, "V100", "stablediffusion");
    struct wtl_stability stability;
    struct wtl_cross cross;
    struct wtl_agreement agreement;
    struct wtl_sweep_point sweep[7];
    p.replicates = 400;
    assert_ok(wtl_stability(&arena, &set, &p, &stability, NULL), NULL);
    assert_int_equal(stability.n, 3);
    assert_int_equal(stability.n_decided, 3);
    assert_true(stability.lowest_mhz >= 1080 && stability.highest_mhz <= 1185);
    assert_ok(wtl_cross_validate(&arena, &set, &p, &cross, NULL), NULL);
    assert_int_equal(cross.n_estimated, 3);
    assert_true(cross.saving.value > 0.15 && cross.saving.value < 0.21);
    assert_true(fabs(cross.optimism) < 0.02);
    assert_int_equal(cross.saving.evidence, WTL_EVIDENCE_CONFIRMED);
    assert_ok(wtl_sweep_slowdown(&arena, &set, &p, wtl_usual_slowdowns, 7, sweep, NULL), NULL);
    for (int i = 1; i < 7; i++) /* a looser limit never raises the clock */
        assert_true(sweep[i].best_guess_mhz <= sweep[i - 1].best_guess_mhz);
    assert_ok(wtl_agreement(&arena, &set, &p, &agreement, NULL), NULL);
    assert_true(agreement.n_pairs > 0 && agreement.highest_mhz >= 1300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_method_to_the_digit),
        cmocka_unit_test(honest_analysis_of_the_same_runs),
        cmocka_unit_test(the_choice_is_stable_and_holds_on_left_out_repetitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
