/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "optimize/cost.h"

static struct wtl_plan plan(void)
{
    return (struct wtl_plan){
        .saving = {0.2, 0.1, 0.3, 50, WTL_EVIDENCE_IN_SAMPLE},
        .baseline_energy_j = {3600, 3500, 3700, 50, WTL_EVIDENCE_IN_SAMPLE},
        .baseline_time_s = {10, 9, 11, 50, WTL_EVIDENCE_IN_SAMPLE},
    };
}

static void a_thousand_runs(void **state)
{
    (void)state;
    struct wtl_plan p = plan();
    const struct wtl_cost_terms terms = {.runs_per_year = 1e6,
                                         .has_price = true,
                                         .price_per_kwh = 0.3,
                                         .has_carbon = true,
                                         .carbon_g_per_kwh = 400};
    struct wtl_cost c;
    assert_true(wtl_cost_of_plan(&p, &terms, &c));
    /* 3600 J = 1 Wh a run: 1000 kWh, of which a fifth is saved */
    assert_near(c.energy_kwh.value, 200, 1e-9);
    assert_near(c.energy_kwh.lo, 100, 1e-9);
    assert_near(c.money.hi, 90, 1e-9);
    assert_near(c.carbon_kg.value, 80, 1e-9);
    assert_int_equal(c.money.evidence, WTL_EVIDENCE_IN_SAMPLE);
}

static void busy_hours_are_runs_at_the_baseline(void **state)
{
    (void)state;
    struct wtl_plan p = plan();
    const struct wtl_cost_terms terms = {.busy_hours_per_year = 8760};
    struct wtl_cost c;
    assert_true(wtl_cost_of_plan(&p, &terms, &c));
    assert_near(c.runs_per_year, 3153600, 1e-6);
    /* 360 W for a year is 3153.6 kWh */
    assert_near(c.energy_kwh.value, 630.72, 1e-9);
    assert_int_equal(c.money.n, 0);
    assert_int_equal(c.carbon_kg.n, 0);
    /* runs that are given count, whatever the hours */
    const struct wtl_cost_terms both = {.busy_hours_per_year = 8760, .runs_per_year = 1e6};
    assert_true(wtl_cost_of_plan(&p, &both, &c));
    assert_near(c.runs_per_year, 1e6, 0);
    assert_near(c.energy_kwh.value, 200, 1e-9);
}

static void a_plan_that_costs_more_says_so(void **state)
{
    (void)state;
    struct wtl_plan p = plan();
    p.saving = (struct wtl_estimate){-0.1, -0.2, 0.05, 9, WTL_EVIDENCE_CONFIRMED};
    const struct wtl_cost_terms terms = {.runs_per_year = 1e6};
    struct wtl_cost c;
    assert_true(wtl_cost_of_plan(&p, &terms, &c));
    assert_near(c.energy_kwh.value, -100, 1e-9);
    assert_near(c.energy_kwh.lo, -200, 1e-9);
}

static void without_work_or_saving_there_is_no_figure(void **state)
{
    (void)state;
    struct wtl_plan p = plan();
    struct wtl_cost c = {.runs_per_year = 77};
    assert_false(wtl_cost_of_plan(&p, &(struct wtl_cost_terms){0}, &c));
    p.baseline_time_s.n = 0;
    assert_false(wtl_cost_of_plan(&p, &(struct wtl_cost_terms){.busy_hours_per_year = 1}, &c));
    p.saving.n = 0;
    assert_false(wtl_cost_of_plan(&p, &(struct wtl_cost_terms){.runs_per_year = 1}, &c));
    assert_near(c.runs_per_year, 77, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_runs),
        cmocka_unit_test(busy_hours_are_runs_at_the_baseline),
        cmocka_unit_test(a_plan_that_costs_more_says_so),
        cmocka_unit_test(without_work_or_saving_there_is_no_figure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
