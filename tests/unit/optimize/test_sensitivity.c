/* SPDX-License-Identifier: Apache-2.0
 * Agreement and stability against plans that are made one by one. */
#include "make_set.h"

#include "optimize/sensitivity.h"
#include "optimize/subset.h"

#include <string.h>

static struct wtl_plan optimise(struct wtl_arena *arena, const struct wtl_workset *set,
                                const struct wtl_policy *policy)
{
    struct wtl_plan plan;
    struct wtl_error err = {0};
    assert_ok(wtl_optimize_clock(arena, set, policy, NULL, &plan, &err), &err);
    return plan;
}

static bool is_tied(const struct wtl_plan *plan, int mhz)
{
    for (size_t i = 0; i < plan->n_tied; i++)
        if (plan->tied_clocks_mhz[i] == mhz)
            return true;
    return false;
}

static struct wtl_policy quick(void)
{
    struct wtl_policy p = wtl_policy_default();
    p.replicates = 200;
    return p;
}

/* With much noise neighbouring objectives agree, with little none does. */
static void agreement_counts_pairs_that_hold_each_other_for_tied(void **state)
{
    (void)state;
    const double noise[] = {0.002, 0.03, 0.06};
    double share[3];
    for (int k = 0; k < 3; k++) {
        WTL_ARENA(arena);
        struct recipe recipe = usual_recipe();
        struct wtl_policy p = quick();
        struct wtl_plan plan[WTL_METHODS];
        struct wtl_agreement a;
        int pairs = 0, agreeing = 0, lowest = 0, highest = 0;
        recipe.noise = noise[k];
        struct wtl_workset set = make_set(&arena, &recipe, 0);
        assert_ok(wtl_agreement(&arena, &set, &p, &a, NULL), NULL);
        for (int i = 0; i < WTL_METHODS; i++) {
            p.objective = a.objective[i];
            plan[i] = optimise(&arena, &set, &p);
            assert_int_equal(plan[i].clock_mhz, a.point[i].clock_mhz);
            int mhz = plan[i].clock_mhz;
            lowest = mhz && (!lowest || mhz < lowest) ? mhz : lowest;
            highest = mhz > highest ? mhz : highest;
            for (int j = 0; j < i; j++) {
                bool both = mhz && plan[j].clock_mhz;
                pairs += both;
                agreeing +=
                    both && (is_tied(&plan[i], plan[j].clock_mhz) || is_tied(&plan[j], mhz));
            }
        }
        assert_int_equal(a.n_pairs, pairs);
        assert_true(pairs > 0);
        share[k] = a.share;
        assert_near(a.share, (double)agreeing / pairs, 1e-12);
        assert_int_equal(a.lowest_mhz, lowest);
        assert_int_equal(a.highest_mhz, highest);
    }
    print_message("# share of agreeing pairs: %.2f, %.2f, %.2f\n", share[0], share[1], share[2]);
    assert_true(fmax(share[1], share[2]) > share[0]);
}

/* One repetition of four is of a machine whose best clock is another. */
static void stability_is_of_the_choices_without_each_repetition(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct recipe recipe = usual_recipe();
    struct wtl_policy p = quick();
    struct wtl_stability s;
    double least = HUGE_VAL, most = -HUGE_VAL;
    size_t decided = 0, within = 0;
    recipe.reps = 4;
    recipe.noise = 0.004;
    struct wtl_workset set = make_set(&arena, &recipe, 0);
    for (size_t i = 0; i < set.n_runs; i++) {
        struct wtl_run *r = &set.runs[i];
        if (r->rep == 2)
            set_run(r, r->clock_mhz, r->rep, r->metric[WTL_R_time_s],
                    r->metric[WTL_R_power_w] * (1 + 0.3 * (1400 - r->clock_mhz) / 800));
    }
    struct wtl_plan whole = optimise(&arena, &set, &p);
    assert_ok(wtl_stability(&arena, &set, &p, &s, NULL), NULL);
    assert_int_equal(s.n, 4);
    for (size_t i = 0; i < s.n; i++) {
        struct wtl_workset others;
        assert_int_equal(s.rep[i], i + 1);
        assert_ok(wtl_subset_by_rep(&arena, &set, s.rep[i], false, &others, NULL), NULL);
        struct wtl_plan plan = optimise(&arena, &others, &p);
        assert_int_equal(plan.clock_mhz, s.point[i].clock_mhz);
        if (!plan.clock_mhz)
            continue;
        decided++;
        within += is_tied(&whole, plan.clock_mhz);
        least = fmin(least, plan.saving.value);
        most = fmax(most, plan.saving.value);
    }
    print_message("# decided %zu, within the tied %zu, saving %.3f to %.3f\n", decided, within,
                  least, most);
    assert_true(decided >= 2 && within < decided && most > least + 0.01);
    assert_int_equal(s.n_decided, decided);
    assert_int_equal(s.n_within, within);
    assert_near(s.saving_min, least, 1e-12);
    assert_near(s.saving_max, most, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agreement_counts_pairs_that_hold_each_other_for_tied),
        cmocka_unit_test(stability_is_of_the_choices_without_each_repetition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
