/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of the judgement one by one, on either side of what they draw the line at: a small
 * clean campaign with known curves, in which single metrics are set. */
#include "runs/judge.h"
#include "runs/reduce.h"
#include "support/support.h"

#include <math.h>
#include <stdio.h>

enum { CLOCKS = 12, REPS = 3, N = CLOCKS * REPS };
static const double idle_w = 60;

static double level_s(int mhz)
{
    return 8 + 12 * 1410.0 / mhz;
}

static double level_w(int mhz)
{
    return idle_w + 140 * pow(mhz / 1410.0, 2.2);
}

/* Run-to-run differences of 0.4 %, of no order. */
static double scatter(int i)
{
    return 1 + 0.004 * sin(12.9898 * i + 78.233 * (double)(i * i % 31));
}

/* Time and mean power; rows, period and counter follow. */
static void set(struct wtl_run *r, double time_s, double power_w)
{
    wtl_run_set(r, WTL_R_span_s, time_s);
    wtl_run_set(r, WTL_R_period_s, 0.051);
    wtl_run_set(r, WTL_R_n_samples, round(time_s / 0.051));
    wtl_run_set(r, WTL_R_power_mean_w, power_w);
    wtl_run_set(r, WTL_R_energy_counter_j, time_s * power_w);
}

static void scale(struct wtl_run *r, double time, double power)
{
    set(r, r->metric[WTL_R_span_s] * time, r->metric[WTL_R_power_mean_w] * power);
}

static struct wtl_run runs[N];

/* Run 3 c + k is repetition k + 1 of clock c, from 1410 MHz down. */
static void campaign(void)
{
    for (int i = 0; i < N; i++) {
        int mhz = 1410 - 45 * (i / REPS);
        runs[i] = (struct wtl_run){
            .gpu = "A100", .workload = "llama", .job = "1", .seq = i + 1, .clock_mhz = mhz};
        runs[i].rep = 1 + i % REPS;
        set(&runs[i], level_s(mhz) * scatter(i), level_w(mhz) * scatter(i + 100));
        wtl_run_set(&runs[i], WTL_R_power_first_w, idle_w * scatter(i + 200));
    }
}

static void judge(size_t n)
{
    WTL_ARENA(scratch);
    struct wtl_error err = {0};
    for (size_t i = 0; i < n; i++)
        wtl_run_choose(&runs[i]);
    assert_ok(wtl_judge(&scratch, runs, n, NULL, &err), &err);
}

/* Bit i: run i is rejected. */
static uint64_t rejected(void)
{
    uint64_t bits = 0;
    for (int i = 0; i < N; i++)
        bits |= (uint64_t)(runs[i].causes != 0) << i;
    return bits;
}

static void only(int i, enum wtl_cause cause)
{
    judge(N);
    for (int k = 0; k < N; k++)
        if (wtl_run_main_cause(&runs[k]) != (k == i ? cause : WTL_N_CAUSES))
            fail_msg("run %d: %s %s", k, wtl_cause_name(wtl_run_main_cause(&runs[k])),
                     runs[k].reason);
}

static void none(void)
{
    only(-1, WTL_N_CAUSES);
}

static void clocks_within_a_bin(void **state)
{
    (void)state;
    campaign();
    for (int i = 0; i < N; i++) {
        wtl_run_set(&runs[i], WTL_R_sm_clock_median_mhz, runs[i].clock_mhz - 15);
        wtl_run_set(&runs[i], WTL_R_sm_clock_match, i == 20 ? 0.55 : 1);
        wtl_run_set(&runs[i], WTL_R_app_clock_mhz, runs[i].clock_mhz + 15);
    }
    none();
    runs[20].metric[WTL_R_sm_clock_match] = 0.45; /* the median at the label, most rows elsewhere */
    only(20, WTL_CAUSE_wrong_clock);
    runs[20].metric[WTL_R_sm_clock_match] = 1;
    runs[20].metric[WTL_R_sm_clock_median_mhz] = runs[20].clock_mhz - 22;
    only(20, WTL_CAUSE_wrong_clock);
    runs[20].metric[WTL_R_sm_clock_median_mhz] = runs[20].clock_mhz;
    runs[20].metric[WTL_R_app_clock_mhz] = runs[20].clock_mhz - 22;
    only(20, WTL_CAUSE_wrong_clock);
}

/* An idle GPU falls back to its lowest clock: that says nothing of the clock that was set. */
static void idle_clocks_say_nothing(void **state)
{
    (void)state;
    campaign();
    for (int i = 0; i < N; i++) {
        wtl_run_set(&runs[i], WTL_R_sm_clock_median_mhz, i == 20 ? 345 : runs[i].clock_mhz);
        wtl_run_set(&runs[i], WTL_R_active_share, i == 20 ? 0.005 : 0.9);
    }
    set(&runs[20], runs[20].metric[WTL_R_span_s], 1.02 * idle_w);
    only(20, WTL_CAUSE_idle_gpu);
    assert_int_equal(runs[20].causes, 1 << WTL_CAUSE_idle_gpu);
}

static void throttled_rows(void **state)
{
    (void)state;
    campaign();
    for (int i = 0; i < N; i++)
        wtl_run_set(&runs[i], WTL_R_throttle_share, 0.04);
    none();
    runs[11].metric[WTL_R_throttle_share] = 0.07;
    only(11, WTL_CAUSE_throttled);
}

/* The application's own time may be shorter than the trace (inference only), never much longer. */
static void reported_time_beyond_the_trace(void **state)
{
    (void)state;
    campaign();
    double span_s = runs[13].metric[WTL_R_span_s];
    for (int i = 0; i < N; i++)
        wtl_run_set(&runs[i], WTL_R_reported_time_s, 0.73 * runs[i].metric[WTL_R_span_s]);
    runs[13].metric[WTL_R_reported_time_s] = 1.05 * span_s + 1.5;
    none();
    runs[13].metric[WTL_R_reported_time_s] = 1.05 * span_s + 2.5;
    only(13, WTL_CAUSE_truncated);
}

/* One log alone is no measure of what logs usually exceed their traces by. */
static void a_single_log(void **state)
{
    (void)state;
    campaign();
    wtl_run_set(&runs[13], WTL_R_wrapper_time_s, runs[13].metric[WTL_R_span_s] + 7);
    none();
    wtl_run_set(&runs[13], WTL_R_wrapper_time_s, runs[13].metric[WTL_R_span_s] + 20);
    only(13, WTL_CAUSE_truncated);
}

/* A sampler that was set to another interval is no quarrel, a counter of another GPU is. */
static void periods_of_one_sampler(void **state)
{
    (void)state;
    campaign();
    wtl_run_set(&runs[7], WTL_R_period_s, 0.102);
    wtl_run_set(&runs[8], WTL_R_period_s, 0.0255);
    none();
    wtl_run_set(&runs[7], WTL_R_period_s, 0.0663);
    only(7, WTL_CAUSE_inconsistent_energy);
    wtl_run_set(&runs[7], WTL_R_period_s, 0.051);
    wtl_run_set(&runs[8], WTL_R_period_s, 0.039);
    only(8, WTL_CAUSE_inconsistent_energy);
}

static void as_many_of_one_board_as_of_another(void **state)
{
    (void)state;
    campaign();
    for (int i = 0; i < N; i++)
        snprintf(runs[i].device, sizeof runs[i].device, "%s",
                 i % 2 ? "NVIDIA A100-PCIE-40GB" : "NVIDIA A100-SXM4-80GB");
    none();
    snprintf(runs[1].device, sizeof runs[1].device, "NVIDIA A100-SXM4-80GB");
    judge(N);
    for (int i = 0; i < N; i++)
        assert_int_equal(wtl_run_main_cause(&runs[i]),
                         i % 2 && i > 1 ? WTL_CAUSE_contaminated : WTL_N_CAUSES);
}

/* Every run of the set at one power, whatever the clock: nobody worked on the metered GPU, and no
 * working run is there to compare with. */
static void a_whole_set_is_idle(void **state)
{
    (void)state;
    campaign();
    for (int i = 0; i < N; i++)
        set(&runs[i], runs[i].metric[WTL_R_span_s], 60.5 + 0.015 * sin(3.0 * i));
    judge(N);
    for (int i = 0; i < N; i++)
        assert_int_equal(wtl_run_main_cause(&runs[i]), WTL_CAUSE_idle_gpu);
    for (int i = 0; i < N; i++) { /* light work, 3 % more at the highest clock */
        double watts = 60.2 + 1.8 * runs[i].clock_mhz / 1410;
        set(&runs[i], runs[i].metric[WTL_R_span_s], watts + 0.015 * sin(3.0 * i));
        wtl_run_set(&runs[i], WTL_R_power_first_w, watts);
        runs[i].causes = 0;
    }
    none();
}

static bool is_idle(int i)
{
    judge(N);
    return (runs[i].causes >> WTL_CAUSE_idle_gpu) & 1;
}

/* Mean power at the idle level is a suspicion; activity, or bursts well above it, clear the run. */
static void what_clears_a_suspect(void **state)
{
    (void)state;
    campaign();
    set(&runs[20], runs[20].metric[WTL_R_span_s], idle_w + 0.5);
    assert_true(is_idle(20));
    wtl_run_set(&runs[20], WTL_R_power_p99_w, idle_w + 2);
    assert_true(is_idle(20));
    wtl_run_set(&runs[20], WTL_R_power_p99_w, idle_w + 40);
    assert_false(is_idle(20));
    wtl_run_clear(&runs[20], WTL_R_power_p99_w);
    for (int i = 0; i < N; i++)
        wtl_run_set(&runs[i], WTL_R_active_share, 0.5);
    assert_false(is_idle(20));
}

/* Cold until three in a row are warm; a session whose first run is warm never was cold. */
static void cold_until_stable(void **state)
{
    (void)state;
    campaign();
    scale(&runs[0], 3, 0.6);
    scale(&runs[2], 1.5, 0.8);
    judge(N);
    assert_int_equal(rejected(), 7); /* the one between as well */
    for (int i = 0; i < 3; i++)
        assert_int_equal(wtl_run_main_cause(&runs[i]), WTL_CAUSE_cold_start);
    campaign();
    scale(&runs[1], 1.5, 0.8);
    judge(N);
    assert_int_equal(rejected(), 2);
    assert_int_not_equal(wtl_run_main_cause(&runs[1]), WTL_CAUSE_cold_start);
}

/* Five clocks far apart: the curve may pass anywhere between them, but four runs of the same clock
 * that agree tell the fifth. */
static void the_runs_of_its_own_clock_tell(void **state)
{
    (void)state;
    campaign();
    for (int i = 0; i < 25; i++) {
        int mhz = 1410 - 225 * (i / 5);
        runs[i].clock_mhz = mhz;
        runs[i].rep = 1 + i % 5;
        set(&runs[i], 20 * 1410.0 / mhz * scatter(i), level_w(mhz) * scatter(i + 100));
    }
    scale(&runs[12], 1.06, 1);
    judge(25);
    for (int i = 0; i < 25; i++)
        assert_int_equal(runs[i].causes != 0, i == 12);
}

/* Run 19 beside one other of its clock, which alone tells nothing of it. Clocks are so near that
 * the spread is what draws the line, and not the next clock. */
static enum wtl_cause judged_19(double time, double power)
{
    campaign();
    for (int i = 0; i < N; i++) {
        int mhz = runs[i].clock_mhz = 1410 - 5 * (i / REPS);
        double t = i == 19 ? time : scatter(i), p = i == 19 ? power : scatter(i + 100);
        set(&runs[i], level_s(mhz) * t, level_w(mhz) * p);
    }
    runs[18].status = WTL_RUN_FAILED;
    judge(N);
    return wtl_run_main_cause(&runs[19]);
}

/* Somewhat slower and somewhat stronger, neither of them much: the energy is far off. */
static void energy_is_judged_as_well(void **state)
{
    (void)state;
    assert_int_equal(judged_19(1.017, 1), WTL_N_CAUSES);
    assert_int_equal(judged_19(1, 1.02), WTL_N_CAUSES);
    assert_int_equal(judged_19(1.017, 1.02), WTL_CAUSE_outlier);
}

/* At the usual power nothing waited: a run of half the time did half the work. */
static void less_work(void **state)
{
    (void)state;
    campaign();
    scale(&runs[19], 0.5, 1);
    only(19, WTL_CAUSE_work_not_constant);
}

/* Where work draws hardly more than idling, power does not tell work from waiting. */
static void slow_at_a_power_near_idle(void **state)
{
    (void)state;
    campaign();
    for (int i = 0; i < N; i++) {
        double watts = (61.7 + 1.2 * runs[i].clock_mhz / 1410.0) * scatter(i + 100);
        set(&runs[i], runs[i].metric[WTL_R_span_s] * (i == 19 ? 1.4 : 1), watts);
    }
    only(19, WTL_CAUSE_outlier);
    for (int i = 0; i < N; i++)
        set(&runs[i], runs[i].metric[WTL_R_span_s], 3 * runs[i].metric[WTL_R_power_mean_w]);
    only(19, WTL_CAUSE_work_not_constant);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_within_a_bin),
        cmocka_unit_test(idle_clocks_say_nothing),
        cmocka_unit_test(throttled_rows),
        cmocka_unit_test(reported_time_beyond_the_trace),
        cmocka_unit_test(a_single_log),
        cmocka_unit_test(periods_of_one_sampler),
        cmocka_unit_test(as_many_of_one_board_as_of_another),
        cmocka_unit_test(a_whole_set_is_idle),
        cmocka_unit_test(what_clears_a_suspect),
        cmocka_unit_test(cold_until_stable),
        cmocka_unit_test(the_runs_of_its_own_clock_tell),
        cmocka_unit_test(energy_is_judged_as_well),
        cmocka_unit_test(less_work),
        cmocka_unit_test(slow_at_a_power_near_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
