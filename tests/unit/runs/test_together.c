/* SPDX-License-Identifier: Apache-2.0
 * Metrics of several devices as those of one run. */
#include "support/support.h"

#include "runs/together.h"

static void each_metric_by_its_rule(void **state)
{
    (void)state;
    struct wtl_run a = {.clock_mhz = 1410}, b = {.clock_mhz = 1410}, run = {.clock_mhz = 1410};
    static const struct {
        enum wtl_run_metric metric;
        double a, b, both;
    } rules[] = {
        {WTL_R_power_mean_w, 100, 120, 220},
        {WTL_R_power_sd_w, 3, 4, 5},
        {WTL_R_power_p99_w, 130, 140, 270},
        {WTL_R_power_limit_w, 250, 250, 500},
        {WTL_R_energy_counter_j, 202, 238, 440},
        {WTL_R_energy_integral_j, 200, 240, 440},
        {WTL_R_energy_ratio, 1.01, 0.99, 1},
        {WTL_R_sm_clock_match, 1, 0.9, 0.9},
        {WTL_R_sm_clock_mean_mhz, 1400, 1410, 1405},
        {WTL_R_temp_mean_c, 50, 60, 55},
        {WTL_R_temp_max_c, 52, 63, 63},
        {WTL_R_throttle_share, 0, 0.2, 0.2},
        {WTL_R_n_samples, 40, 41, 81},
        {WTL_R_span_s, 2, 2.01, 2},
        {WTL_R_gpu_util, 0.8, 1, 0.9},
        {WTL_R_active_share, 1, 0.5, 0.5},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        wtl_run_set(&a, rules[i].metric, rules[i].a);
        wtl_run_set(&b, rules[i].metric, rules[i].b);
    }
    const struct wtl_run parts[] = {a, b};
    wtl_run_together(parts, 2, &run);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        assert_true(wtl_run_has(&run, rules[i].metric));
        assert_near(run.metric[rules[i].metric], rules[i].both, 1e-9);
    }
    assert_true(run.valid == a.valid); /* and nothing that neither has */
}

static void a_part_of_a_sum_is_none(void **state)
{
    (void)state;
    struct wtl_run parts[2] = {{0}}, run = {0};
    wtl_run_set(&parts[0], WTL_R_power_mean_w, 100);
    wtl_run_set(&parts[0], WTL_R_temp_mean_c, 50);
    wtl_run_set(&parts[1], WTL_R_energy_counter_j, 5);
    wtl_run_together(parts, 2, &run);
    assert_false(wtl_run_has(&run, WTL_R_power_mean_w));
    assert_false(wtl_run_has(&run, WTL_R_energy_counter_j));
    assert_near(run.metric[WTL_R_temp_mean_c], 50, 0); /* a mean of those that have one */
}

static void one_alone_is_as_it_is(void **state)
{
    (void)state;
    struct wtl_run part = {0}, run = {0};
    for (int m = 0; m < (int)WTL_N_RUN_METRICS; m++)
        wtl_run_set(&part, (enum wtl_run_metric)m, m + 1);
    wtl_run_set(&part, WTL_R_energy_ratio,
                part.metric[WTL_R_energy_counter_j] / part.metric[WTL_R_energy_integral_j]);
    wtl_run_together(&part, 1, &run);
    assert_true(run.valid == part.valid);
    assert_memory_equal(run.metric, part.metric, sizeof run.metric);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_metric_by_its_rule),
        cmocka_unit_test(a_part_of_a_sum_is_none),
        cmocka_unit_test(one_alone_is_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
