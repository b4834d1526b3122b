/* SPDX-License-Identifier: Apache-2.0 */
#include "runs/reduce.h"
#include "support/frequency_data.h"
#include "support/support.h"

#include <string.h>

static struct wtl_run run_of(const double pairs[][2], size_t n)
{
    struct wtl_run r = {0};
    for (size_t i = 0; i < n; i++)
        wtl_run_set(&r, (enum wtl_run_metric)(int)pairs[i][0], pairs[i][1]);
    wtl_run_choose(&r);
    return r;
}
#define RUN(...)                                                                                   \
    run_of((const double[][2]){__VA_ARGS__}, sizeof(double[][2]){__VA_ARGS__} / sizeof(double[2]))

/* Process time for three workloads, inference time for llama: the published table. */
static void reported_time_counts_only_when_it_covers_the_samples(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    size_t n;
    struct wtl_run *runs = load_frequency_runs(&arena, NULL, NULL, &n);
    assert_int_equal(n, 1440);
    for (size_t i = 0; i < n; i++) {
        struct wtl_run *r = &runs[i];
        wtl_run_choose(r);
        double nominal_s = r->metric[WTL_R_nominal_time_s];
        if (strcmp(r->workload, "llama") == 0) {
            assert_near(r->metric[WTL_R_time_s], nominal_s, 0);
            assert_near(r->metric[WTL_R_energy_j] / r->metric[WTL_R_energy_nominal_j], 1, 2e-4);
        } else {
            assert_near(r->metric[WTL_R_time_s], r->metric[WTL_R_reported_time_s], 0);
            assert_near(r->metric[WTL_R_energy_j] / r->metric[WTL_R_energy_nominal_j], 1.031,
                        0.022);
            assert_near(r->metric[WTL_R_period_s], 0.0515, 0.0013);
        }
        assert_near(r->metric[WTL_R_power_w], r->metric[WTL_R_power_mean_w], 1e-9);
        struct wtl_run again = *r; /* choosing twice changes nothing */
        wtl_run_choose(&again);
        assert_memory_equal(&again, r, sizeof again);
    }
}

/* Naive: reported time x mean power, or nominal time for all. */
static void whole_second_log_is_a_check_where_the_counter_gives_the_period(void **state)
{
    (void)state;
    struct wtl_run r =
        RUN({WTL_R_n_samples, 220}, {WTL_R_period_s, 0.0511}, {WTL_R_span_s, 11.24},
            {WTL_R_energy_counter_j, 1000}, {WTL_R_power_mean_w, 88.9},
            {WTL_R_label_interval_s, 0.05}, {WTL_R_nominal_time_s, 11}, {WTL_R_wrapper_time_s, 13});
    assert_near(r.metric[WTL_R_time_s], 11.24, 0);
    assert_near(r.metric[WTL_R_energy_j], 1000, 0);
}

/* A 25 ms trace under a 50 ms label: the counter says so, or else the log does. */
static void wrong_label(void **state)
{
    (void)state;
    struct wtl_run r =
        RUN({WTL_R_n_samples, 800}, {WTL_R_period_s, 0.0255}, {WTL_R_span_s, 20.4},
            {WTL_R_energy_counter_j, 816}, {WTL_R_power_mean_w, 40}, {WTL_R_nominal_time_s, 40},
            {WTL_R_energy_nominal_j, 1600}, {WTL_R_wrapper_time_s, 21});
    assert_near(r.metric[WTL_R_energy_j], 816, 0);
    r = RUN({WTL_R_n_samples, 800}, {WTL_R_power_mean_w, 40}, {WTL_R_nominal_time_s, 40},
            {WTL_R_energy_nominal_j, 1600}, {WTL_R_wrapper_time_s, 21});
    assert_near(r.metric[WTL_R_time_s], 21, 0);
    assert_near(r.metric[WTL_R_energy_j], 840, 1e-9);
    assert_near(r.metric[WTL_R_period_s], 21.0 / 800, 1e-12);
}

/* The published label of 50 ms on a trace of one second, which the sampler allows: naive readers
 * make a twentieth of the energy. With a log that bears the counter out the factor does not matter.
 */
static void a_counter_far_from_its_label(void **state)
{
    (void)state;
    struct wtl_run r = RUN({WTL_R_n_samples, 600}, {WTL_R_period_s, 1.005}, {WTL_R_span_s, 603},
                           {WTL_R_energy_counter_j, 120600}, {WTL_R_power_mean_w, 200},
                           {WTL_R_nominal_time_s, 30}, {WTL_R_energy_nominal_j, 6000});
    assert_near(r.metric[WTL_R_time_s], 603, 0);
    assert_near(r.metric[WTL_R_energy_j], 120600, 0);
    assert_false(wtl_run_has(&r, WTL_R_energy_ratio));
    r = RUN({WTL_R_n_samples, 60}, {WTL_R_period_s, 10}, {WTL_R_span_s, 600},
            {WTL_R_energy_counter_j, 120000}, {WTL_R_power_mean_w, 200}, {WTL_R_nominal_time_s, 3},
            {WTL_R_wrapper_time_s, 604});
    assert_near(r.metric[WTL_R_time_s], 600, 0);
    assert_near(r.metric[WTL_R_energy_j], 120000, 0);
}

/* Label and log against the counter: two witnesses win, and the ratio names the quarrel. */
static void a_counter_of_something_else_is_overruled(void **state)
{
    (void)state;
    struct wtl_run r = RUN({WTL_R_n_samples, 400}, {WTL_R_period_s, 0.1}, {WTL_R_span_s, 40},
                           {WTL_R_energy_counter_j, 4000}, {WTL_R_power_mean_w, 100},
                           {WTL_R_nominal_time_s, 20}, {WTL_R_wrapper_time_s, 21});
    assert_near(r.metric[WTL_R_time_s], 20, 0);
    assert_near(r.metric[WTL_R_energy_j], 2000, 1e-9);
    assert_near(r.metric[WTL_R_energy_ratio], 2, 1e-9);
    r = RUN({WTL_R_n_samples, 400}, {WTL_R_period_s, 50}, {WTL_R_span_s, 20000},
            {WTL_R_energy_counter_j, 2e6}, {WTL_R_power_mean_w, 100}, {WTL_R_nominal_time_s, 20});
    assert_near(r.metric[WTL_R_time_s], 20, 0); /* absurd: no further witness is needed */
}

/* A trace that stops long before its log keeps its own length (and is judged truncated). */
static void a_short_trace_is_not_stretched(void **state)
{
    (void)state;
    struct wtl_run r = RUN({WTL_R_n_samples, 100}, {WTL_R_power_mean_w, 60},
                           {WTL_R_nominal_time_s, 5}, {WTL_R_wrapper_time_s, 30});
    assert_near(r.metric[WTL_R_time_s], 5, 0);
}

static void tables_without_rows(void **state)
{
    (void)state;
    struct wtl_run r = RUN({WTL_R_reported_time_s, 10}, {WTL_R_power_mean_w, 100});
    assert_near(r.metric[WTL_R_energy_j], 1000, 1e-9);
    r = RUN({WTL_R_reported_time_s, 10}, {WTL_R_energy_counter_j, 900});
    assert_near(r.metric[WTL_R_power_w], 90, 1e-9);
    r = RUN({WTL_R_span_s, 10}, {WTL_R_n_samples, 300}, {WTL_R_power_mean_w, 100});
    assert_near(r.metric[WTL_R_time_s], 10, 0); /* the table's own duration, rows are a remark */
    struct wtl_run again = r;
    wtl_run_choose(&again);
    assert_memory_equal(&again, &r, sizeof r);
    r = RUN({WTL_R_reported_time_s, 10}, {WTL_R_energy_nominal_j, 700});
    assert_near(r.metric[WTL_R_energy_j], 700, 0);
}

static void nothing_usable_clears(void **state)
{
    (void)state;
    struct wtl_run r = {0};
    wtl_run_set(&r, WTL_R_time_s, 5);
    wtl_run_set(&r, WTL_R_energy_j, 5);
    wtl_run_set(&r, WTL_R_power_w, 1);
    wtl_run_set(&r, WTL_R_n_samples, 10);
    wtl_run_choose(&r);
    assert_false(wtl_run_has(&r, WTL_R_time_s));
    assert_false(wtl_run_has(&r, WTL_R_energy_j));
    assert_false(wtl_run_has(&r, WTL_R_power_w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reported_time_counts_only_when_it_covers_the_samples),
        cmocka_unit_test(whole_second_log_is_a_check_where_the_counter_gives_the_period),
        cmocka_unit_test(wrong_label),
        cmocka_unit_test(a_counter_far_from_its_label),
        cmocka_unit_test(a_counter_of_something_else_is_overruled),
        cmocka_unit_test(a_short_trace_is_not_stretched),
        cmocka_unit_test(tables_without_rows),
        cmocka_unit_test(nothing_usable_clears),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
