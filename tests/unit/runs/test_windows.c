/* SPDX-License-Identifier: Apache-2.0
 * Windows: runs that compare per unit of work, in configurations; and energies with troubles. */
#include "support/support.h"

#include "base/random.h"
#include "runs/judge.h"
#include "runs/reduce.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* 4 ms and 0.8 J an image at 1410 MHz; time goes with 1/f, power with f. */
static struct wtl_run window_at(int clock_mhz, double images, int seq)
{
    struct wtl_run r = {.clock_mhz = clock_mhz,
                        .mem_clock_mhz = 1215,
                        .seq = seq,
                        .window = true,
                        .energy_method = WTL_ENERGY_counter_edges,
                        .energy_class = WTL_CLASS_A};
    double time_s = images * 0.004 * 1410 / clock_mhz;
    snprintf(r.gpu, sizeof r.gpu, "A100");
    snprintf(r.workload, sizeof r.workload, "resnet50");
    snprintf(r.job, sizeof r.job, "sweep");
    snprintf(r.unit, sizeof r.unit, "images");
    wtl_run_set(&r, WTL_R_work_units, images);
    wtl_run_set(&r, WTL_R_time_s, time_s);
    wtl_run_set(&r, WTL_R_energy_j, 200 * time_s * clock_mhz / 1410);
    wtl_run_choose(&r);
    return r;
}

static void batch(struct wtl_run *r, double value)
{
    wtl_point_set(&r->point, WTL_SETTING_batch, value);
}

enum { CLOCKS = 8, PER_CLOCK = 3, N = CLOCKS * PER_CLOCK };

/* Windows of different length, in random order, with 0.5 % of noise. */
static void make_sweep(struct wtl_run *runs, uint64_t seed)
{
    struct wtl_rng rng;
    wtl_rng_init(&rng, seed);
    for (int i = 0; i < N; i++) {
        runs[i] = window_at(1410 - 90 * (i % CLOCKS), 1000 + wtl_rng_below(&rng, 2000), i + 1);
        runs[i].metric[WTL_R_time_s] *= exp(0.005 * wtl_rng_normal(&rng));
        runs[i].metric[WTL_R_energy_j] *= exp(0.005 * wtl_rng_normal(&rng));
        runs[i].metric[WTL_R_power_w] =
            runs[i].metric[WTL_R_energy_j] / runs[i].metric[WTL_R_time_s];
    }
}

static void windows_stand_per_unit_of_work(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_run runs[N];
    struct wtl_workset *sets;
    size_t n;
    make_sweep(runs, 1);
    assert_ok(wtl_worksets(&arena, runs, N, NULL, &sets, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_true(sets->at.window);
    assert_string_equal(sets->at.unit, "images");
    assert_int_equal(sets->at.mem_clock_mhz, 1215);
    assert_int_equal(sets->n_cells, CLOCKS);
    for (size_t i = 0; i < sets->n_runs; i++) /* neither of them: cold, or of different work */
        assert_int_equal(sets->runs[i].causes, 0);
    const struct wtl_measurement *top = &sets->cells[CLOCKS - 1];
    assert_int_equal(top->clock_mhz, 1410);
    assert_near(top->time_s.value, 0.004, 0.00004);
    assert_near(top->energy_j.value, 0.8, 0.008);
    assert_near(top->power_w.value, 200, 2);
    assert_int_equal(top->energy_class, WTL_CLASS_A);
    assert_int_equal(top->energy_method, WTL_ENERGY_counter_edges);
    struct wtl_run whole = sets->runs[0];
    wtl_run_make_whole(&whole);
    assert_true(whole.metric[WTL_R_time_s] == runs[0].metric[WTL_R_time_s]);
    assert_true(whole.metric[WTL_R_energy_j] == runs[0].metric[WTL_R_energy_j]);
    assert_near(wtl_run_measured_s(&sets->runs[0]), runs[0].metric[WTL_R_time_s], 0);
}

/* What was judged once is judged the same again. */
static void judging_twice_divides_once(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_run runs[N];
    struct wtl_workset *once, *twice;
    size_t n;
    make_sweep(runs, 2);
    assert_ok(wtl_worksets(&arena, runs, N, NULL, &once, &n, &err), &err);
    assert_ok(wtl_worksets(&arena, once->runs, once->n_runs, NULL, &twice, &n, &err), &err);
    assert_int_equal(once->n_cells, twice->n_cells);
    for (size_t i = 0; i < once->n_cells; i++)
        assert_true(once->cells[i].energy_j.value == twice->cells[i].energy_j.value);
}

static void a_slow_first_window_is_an_outlier_and_not_cold(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_run runs[N];
    struct wtl_workset *sets;
    size_t n;
    make_sweep(runs, 3);
    runs[0].metric[WTL_R_time_s] *= 1.5;
    runs[0].metric[WTL_R_power_w] /= 1.5;
    assert_ok(wtl_worksets(&arena, runs, N, NULL, &sets, &n, &err), &err);
    for (size_t i = 1; i < sets->n_runs; i++)
        assert_int_equal(sets->runs[i].causes, 0);
    enum wtl_cause cause = wtl_run_main_cause(&sets->runs[0]);
    assert_true(cause == WTL_CAUSE_outlier || cause == WTL_CAUSE_wrong_clock);
    assert_non_null(strstr(sets->runs[0].reason, "ms/image"));
}

static void configurations_are_sets_of_their_own(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_run runs[7];
    for (int i = 0; i < 7; i++)
        runs[i] = window_at(1410, 1000 + 10 * i, i + 1);
    batch(&runs[1], 8);
    batch(&runs[2], 8);
    batch(&runs[3], 16);
    runs[4].mem_clock_mhz = 810;
    runs[5].window = false;
    snprintf(runs[6].gpu, sizeof runs[6].gpu, "a-100");
    struct wtl_workset *sets;
    size_t n;
    assert_ok(wtl_worksets(&arena, runs, 7, NULL, &sets, &n, &err), &err);
    assert_int_equal(n, 5); /* whole run; 810 MHz; 1215 MHz (two spellings); batch 8; batch 16 */
    assert_false(sets[0].at.window);
    assert_int_equal(sets[1].at.mem_clock_mhz, 810);
    assert_int_equal(sets[2].n_runs, 2);
    assert_int_equal(sets[3].n_runs, 2);
    assert_near(sets[3].at.point.value[WTL_SETTING_batch], 8, 0);
    assert_near(sets[4].at.point.value[WTL_SETTING_batch], 16, 0);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sets[i].n_runs; k++)
            assert_int_equal(sets[i].runs[k].causes, 0);
}

/* On a machine that others keep busy an estimate is the same with the work and without it. */
static void estimates_say_nothing_of_idling(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    for (int k = 0; k < 2; k++) {
        struct wtl_run runs[6];
        for (int i = 0; i < 6; i++) {
            runs[i] = window_at(1410, 1000 + i, i + 1);
            runs[i].clock_mhz = 0;
            batch(&runs[i], i % 2 ? 8 : 1);
            runs[i].energy_method = k ? WTL_ENERGY_estimated : WTL_ENERGY_counter_edges;
            wtl_run_set(&runs[i], WTL_R_power_mean_w, 200);
            wtl_run_set(&runs[i], WTL_R_idle_power_w, 199);
        }
        assert_ok(wtl_judge(&arena, runs, 6, NULL, &err), &err);
        for (int i = 0; i < 6; i++)
            assert_int_equal(runs[i].causes, k ? 0 : 1u << WTL_CAUSE_idle_gpu);
    }
}

static void a_window_needs_its_work(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_run runs[2] = {window_at(1410, 1000, 1), window_at(1410, 1000, 2)};
    wtl_run_clear(&runs[1], WTL_R_work_units);
    struct wtl_workset *sets;
    size_t n;
    assert_ok(wtl_worksets(&arena, runs, 2, NULL, &sets, &n, &err), &err);
    assert_int_equal(sets->runs[0].causes, 0);
    assert_int_equal(wtl_run_main_cause(&sets->runs[1]), WTL_CAUSE_no_data);
    assert_non_null(strstr(sets->runs[1].reason, "work"));
}

static void troubles_of_the_sensor_reject(void **state)
{
    (void)state;
    static const struct {
        unsigned trouble;
        enum wtl_cause cause;
    } cases[] = {
        {WTL_TROUBLE(gap), WTL_CAUSE_truncated},
        {WTL_TROUBLE(reset), WTL_CAUSE_inconsistent_energy},
        {WTL_TROUBLE(stale), WTL_CAUSE_inconsistent_energy},
        {WTL_TROUBLE(inconsistent), WTL_CAUSE_inconsistent_energy},
        {WTL_TROUBLE(short_window), WTL_N_CAUSES},
        {WTL_TROUBLE(stale) | WTL_TROUBLE(gap), WTL_CAUSE_truncated},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++)
        for (int whole = 0; whole < 2; whole++) {
            WTL_ARENA(arena);
            struct wtl_error err = {0};
            struct wtl_run run = window_at(1410, 1000, 1);
            struct wtl_workset *sets;
            size_t n;
            run.window = !whole;
            run.energy_troubles = cases[k].trouble;
            assert_ok(wtl_worksets(&arena, &run, 1, NULL, &sets, &n, &err), &err);
            assert_int_equal(wtl_run_main_cause(&sets->runs[0]), cases[k].cause);
            assert_int_equal(sets->cells[0].n, cases[k].cause == WTL_N_CAUSES);
        }
}

/* A limit that is part of the operating point may hold the clock down, and where no clock was asked
 * for the board's own; heat that does it far below the limit may not. */
static void a_chosen_limit_is_no_throttling(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        WTL_ARENA(arena);
        const int k = i % 3;
        const bool clocked = i % 6 < 3;
        const double board_w = i < 6 ? 205 : 300;
        struct wtl_error err = {0};
        struct wtl_run run = window_at(1410, 1000, 1); /* 200 W */
        struct wtl_workset *sets;
        size_t n;
        wtl_run_set(&run, WTL_R_throttle_share, 0.9);
        wtl_run_set(&run, WTL_R_sm_clock_median_mhz, 1200);
        wtl_run_set(&run, WTL_R_sm_clock_match, 0);
        wtl_run_set(&run, WTL_R_power_limit_w, board_w);
        if (!clocked)
            run.clock_mhz = run.mem_clock_mhz = 0;
        if (k > 0)
            wtl_point_set(&run.point, WTL_SETTING_limit_w, k == 1 ? 200 : 300);
        assert_ok(wtl_worksets(&arena, &run, 1, NULL, &sets, &n, &err), &err);
        const bool chosen = k == 1 || (k == 0 && !clocked && board_w < 250);
        assert_int_equal(wtl_run_main_cause(&sets->runs[0]),
                         chosen ? WTL_N_CAUSES : WTL_CAUSE_throttled);
    }
}

static void one_window_has_the_interval_of_its_sensor(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_run runs[2] = {window_at(1410, 1000, 1), window_at(900, 1000, 2)};
    wtl_run_set(&runs[0], WTL_R_energy_rel_error, 0.02);
    runs[1].energy_method = WTL_ENERGY_estimated;
    runs[1].energy_class = WTL_CLASS_D;
    struct wtl_workset *sets;
    size_t n;
    assert_ok(wtl_worksets(&arena, runs, 2, NULL, &sets, &n, &err), &err);
    const struct wtl_measurement *low = &sets->cells[0], *top = &sets->cells[1];
    assert_near(top->energy_j.lo, 0.8 * 0.98, 1e-9);
    assert_near(top->energy_j.hi, 0.8 * 1.02, 1e-9);
    assert_int_equal(top->energy_j.evidence, WTL_EVIDENCE_IN_SAMPLE);
    assert_int_equal(low->energy_j.evidence, WTL_EVIDENCE_NONE);
    assert_int_equal(low->energy_class, WTL_CLASS_D);
}

/* A quota without any clock: a set of one cell at clock 0. */
static void no_clock_is_a_point_as_well(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_run runs[4];
    for (int i = 0; i < 4; i++) {
        runs[i] = window_at(1410, 1000 + i, i + 1);
        runs[i].clock_mhz = runs[i].mem_clock_mhz = 0;
        wtl_point_set(&runs[i].point, WTL_SETTING_cpu_quota, i < 2 ? 0.5 : 1);
    }
    struct wtl_workset *sets;
    size_t n;
    assert_ok(wtl_worksets(&arena, runs, 4, NULL, &sets, &n, &err), &err);
    assert_int_equal(n, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sets[i].n_cells, 1);
        assert_int_equal(sets[i].cells[0].clock_mhz, 0);
        assert_int_equal(sets[i].cells[0].n, 2);
    }
}

/* Time and energy that telemetry measured together stand, whatever else a run has. */
static void what_was_measured_together_is_not_chosen_anew(void **state)
{
    (void)state;
    struct wtl_run r = window_at(1410, 1000, 1);
    double time_s = r.metric[WTL_R_time_s], energy_j = r.metric[WTL_R_energy_j];
    wtl_run_set(&r, WTL_R_n_samples, 100);
    wtl_run_set(&r, WTL_R_power_mean_w, 5);
    wtl_run_set(&r, WTL_R_reported_time_s, 1000);
    wtl_run_choose(&r);
    assert_true(r.metric[WTL_R_time_s] == time_s && r.metric[WTL_R_energy_j] == energy_j);
}

/* An adaptive sweep: a few clocks far apart, many beside the optimum, where power bends. */
static void clocks_that_stand_apart_are_no_outliers(void **state)
{
    static const int clocks[] = {210, 405, 615, 810, 900, 915, 930, 945, 960, 975, 990, 1005, 1410};
    enum { MOST = 200 };
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_run *runs = WTL_NEW_ARRAY(&arena, struct wtl_run, MOST);
    struct wtl_workset *sets;
    struct wtl_rng rng;
    size_t n = 0, n_sets;
    (void)state;
    wtl_rng_init(&rng, 1);
    for (size_t c = 0; c < sizeof clocks / sizeof *clocks; c++)
        for (int k = 0; k < (clocks[c] < 900 ? 1 : clocks[c] == 1410 ? 20 : 5); k++) {
            struct wtl_run *r = &runs[n++];
            *r = window_at(clocks[c], 1000, (int)n);
            /* constant time, and power that rises steeply above 1000 MHz */
            const double x = clocks[c] / 1410.0, above = fmax(0, x - 0.71);
            const double time_s = 4 * (1 + 0.02 / x) * exp(0.001 * wtl_rng_normal(&rng));
            const double power_w = (60 + 10 * x + 400 * above) * exp(0.004 * wtl_rng_normal(&rng));
            r->metric[WTL_R_time_s] = time_s;
            r->metric[WTL_R_energy_j] = time_s * power_w;
            r->metric[WTL_R_power_w] = power_w;
        }
    assert_ok(wtl_worksets(&arena, runs, n, NULL, &sets, &n_sets, &err), &err);
    assert_int_equal(n_sets, 1);
    for (size_t i = 0; i < sets->n_runs; i++)
        if (sets->runs[i].causes)
            fail_msg("%d MHz: %s", sets->runs[i].clock_mhz, sets->runs[i].reason);
}

/* In the midst of steady work the least power of a window is nearly its mean. */
static void steady_windows_are_not_idle(void **state)
{
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_run runs[N];
    struct wtl_workset *sets;
    size_t n;
    (void)state;
    make_sweep(runs, 2);
    for (int i = 0; i < N; i++) {
        runs[i].clock_mhz = 0;
        runs[i].metric[WTL_R_energy_j] = 8 * runs[i].metric[WTL_R_time_s];
        runs[i].metric[WTL_R_power_w] = 8;
        wtl_run_set(&runs[i], WTL_R_power_mean_w, 8);
        wtl_run_set(&runs[i], WTL_R_power_min_w, 7.9);
        wtl_run_set(&runs[i], WTL_R_power_first_w, 7.9);
        wtl_run_set(&runs[i], WTL_R_power_p99_w, 8.1);
    }
    assert_ok(wtl_worksets(&arena, runs, N, NULL, &sets, &n, &err), &err);
    for (size_t i = 0; i < sets->n_runs; i++)
        assert_false((sets->runs[i].causes >> WTL_CAUSE_idle_gpu) & 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_stand_per_unit_of_work),
        cmocka_unit_test(judging_twice_divides_once),
        cmocka_unit_test(a_slow_first_window_is_an_outlier_and_not_cold),
        cmocka_unit_test(configurations_are_sets_of_their_own),
        cmocka_unit_test(clocks_that_stand_apart_are_no_outliers),
        cmocka_unit_test(steady_windows_are_not_idle),
        cmocka_unit_test(estimates_say_nothing_of_idling),
        cmocka_unit_test(a_window_needs_its_work),
        cmocka_unit_test(troubles_of_the_sensor_reject),
        cmocka_unit_test(a_chosen_limit_is_no_throttling),
        cmocka_unit_test(one_window_has_the_interval_of_its_sensor),
        cmocka_unit_test(no_clock_is_a_point_as_well),
        cmocka_unit_test(what_was_measured_together_is_not_chosen_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
