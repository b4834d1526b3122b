/* SPDX-License-Identifier: Apache-2.0
 * The published model: its numbers, and the flaws that its header states. */
#include "predict/fgcs.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

/* By hand from the published coefficients. */
static void gives_the_published_numbers(void **state)
{
    (void)state;
    struct wtl_fgcs m = {.fp = 0.3, .dram = 0.2, .time_max_s = 10};
    double want = exp(-1.0318354343254663 + 0.84864 * 0.3 + 0.09749 * 0.2) * pow(1381, 0.77006) - 1;
    assert_near(wtl_fgcs_power_w(&m, 1380), want, 1e-9);
    assert_near(wtl_fgcs_power_w(&m, 1380), 121.758870, 1e-6);
    assert_near(wtl_fgcs_power_w(&m, 510), 56.090249, 1e-6);
    /* computed from the published coefficients by other means, every term of time in them */
    static const struct {
        double fp, dram, mhz, time_max_s, power_w, time_s;
    } c[] = {
        {0.3, 0.2, 1380, 10, 121.758870348, 14.6125805017},
        {0.6, 0.5, 705, 3, 96.2602986356, 9.60180624443},
        {0.05, 0.8, 135, 120, 16.6657473544, 6452.64832939},
    };
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++) {
        m = (struct wtl_fgcs){.fp = c[i].fp, .dram = c[i].dram, .time_max_s = c[i].time_max_s};
        assert_near(wtl_fgcs_power_w(&m, c[i].mhz) / c[i].power_w, 1, 1e-10);
        assert_near(wtl_fgcs_time_s(&m, c[i].mhz) / c[i].time_s, 1, 1e-10);
    }
}

/* The time that comes back at the clock it was measured at is not the time that went in. */
static void its_time_at_the_maximum_is_not_the_input(void **state)
{
    (void)state;
    struct wtl_fgcs m = {.fp = 0.3, .time_max_s = 10};
    assert_near(wtl_fgcs_time_s(&m, 1380), 14.61, 0.005);
    m.fp = 0.6;
    assert_near(wtl_fgcs_time_s(&m, 1380), 17.83, 0.005);
    m.fp = 0;
    assert_near(wtl_fgcs_time_s(&m, 1380), 10, 1e-4);
}

/* ... and the slowdown of the same work depends on whether time is given in s or in ms. */
static void its_slowdown_depends_on_the_unit(void **state)
{
    (void)state;
    struct wtl_fgcs seconds = {.fp = 0.3, .time_max_s = 0.2}, milliseconds = seconds;
    milliseconds.time_max_s *= 1000;
    double a = wtl_fgcs_at(&seconds, 705, 1380).slowdown;
    double b = wtl_fgcs_at(&milliseconds, 705, 1380).slowdown;
    assert_true(fabs(a - b) > 0.05);
}

static struct wtl_run run_at(int clock_mhz)
{
    struct wtl_run r = {.clock_mhz = clock_mhz};
    wtl_run_set(&r, WTL_R_fp32_active, 0.5);
    wtl_run_set(&r, WTL_R_fp64_active, 0.05);
    wtl_run_set(&r, WTL_R_dram_active, 0.4);
    wtl_run_set(&r, WTL_R_time_s, 20);
    return r;
}

static void takes_its_features_from_a_run(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_fgcs m;
    struct wtl_run r = run_at(1380);
    assert_ok(wtl_fgcs_from_run(&r, &m, &err), &err);
    assert_near(m.fp, 0.3, 1e-15);
    assert_near(m.dram, 0.4, 0);
    assert_near(m.time_max_s, 20, 0);
    r = run_at(900);
    assert_ok(wtl_fgcs_from_run(&r, &m, &err), &err);
    /* T_max such that the ratio of the model's times at 900 and 1380 MHz is kept. */
    double ratio = (1 + wtl_fgcs_time_s(&m, 900)) / (1 + wtl_fgcs_time_s(&m, 1380));
    assert_near(21 / (1 + m.time_max_s), ratio, 1e-12);
}

static void says_what_a_run_lacks(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_fgcs m = {.fp = 42};
    struct wtl_run r = run_at(1380);
    wtl_run_clear(&r, WTL_R_dram_active);
    assert_int_equal(wtl_fgcs_from_run(&r, &m, &err), -(int)WTL_USAGE);
    assert_non_null(strstr(err.message, "dram_active"));
    r = run_at(1380);
    wtl_run_clear(&r, WTL_R_fp32_active);
    wtl_run_clear(&r, WTL_R_fp64_active);
    assert_int_equal(wtl_fgcs_from_run(&r, &m, &err), -(int)WTL_USAGE);
    r = run_at(0);
    assert_int_equal(wtl_fgcs_from_run(&r, &m, &err), -(int)WTL_USAGE);
    assert_near(m.fp, 42, 0);
}

static void predictions_are_relative_to_its_own_maximum(void **state)
{
    (void)state;
    struct wtl_fgcs m = {.fp = 0.3, .dram = 0.2, .time_max_s = 10};
    struct wtl_prediction top = wtl_fgcs_at(&m, 1380, 1380), low = wtl_fgcs_at(&m, 900, 1380);
    assert_near(top.slowdown, 0, 1e-15);
    assert_near(top.saving, 0, 1e-15);
    assert_near(low.energy_j, low.time_s * low.power_w, 1e-9);
    assert_near(1 - low.saving, low.energy_j / top.energy_j, 1e-12);
    assert_near(low.log_slowdown_sd, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_published_numbers),
        cmocka_unit_test(its_time_at_the_maximum_is_not_the_input),
        cmocka_unit_test(its_slowdown_depends_on_the_unit),
        cmocka_unit_test(takes_its_features_from_a_run),
        cmocka_unit_test(says_what_a_run_lacks),
        cmocka_unit_test(predictions_are_relative_to_its_own_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
