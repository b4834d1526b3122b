/* SPDX-License-Identifier: Apache-2.0
 * Ticks: where they stand and how they read. */
#include "support/support.h"

#include "base/random.h"
#include "report/ticks.h"

#include <math.h>
#include <string.h>

static void linear_known_ranges(void **state)
{
    (void)state;
    struct wtl_ticks t;
    wtl_ticks_linear(500, 1400, 9, &t);
    assert_int_equal(t.n, 10);
    assert_near(t.at[0], 500, 1e-9);
    assert_near(t.at[9], 1400, 1e-9);
    assert_int_equal(t.decimals, 0);
    wtl_ticks_linear(0, 0.35, 4, &t);
    assert_int_equal(t.n, 4);
    assert_near(t.at[3], 0.3, 1e-12);
    assert_int_equal(t.decimals, 1);
    wtl_ticks_linear(-1.2, 1.2, 5, &t);
    assert_true(t.at[t.n / 2] == 0); /* exactly, not -1e-17 */
}

static void linear_property(void **state)
{
    (void)state;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 7);
    for (int i = 0; i < 5000; i++) {
        double lo = (wtl_rng_uniform(&rng) - 0.5) * pow(10, 12 * wtl_rng_uniform(&rng) - 6);
        double hi = lo + pow(10, 8 * wtl_rng_uniform(&rng) - 3);
        int want = 2 + (int)wtl_rng_below(&rng, 9);
        struct wtl_ticks t;
        wtl_ticks_linear(lo, hi, want, &t);
        if (t.n == 0)
            continue; /* a range below the resolution of its values */
        double slack = 1e-6 * (hi - lo);
        assert_in_range(t.n, 1, want + 1);
        for (int k = 0; k < t.n; k++) {
            assert_true(t.at[k] >= lo - slack && t.at[k] <= hi + slack);
            assert_true(k == 0 || t.at[k] > t.at[k - 1]);
        }
        for (int k = 0; k < t.n_minor; k++)
            for (int m = 0; m < t.n; m++)
                assert_true(fabs(t.minor[k] - t.at[m]) > 1e-3 * (hi - lo) / want);
    }
}

static void impossible_ranges_give_none(void **state)
{
    (void)state;
    struct wtl_ticks t;
    wtl_ticks_linear(1, 1, 5, &t);
    assert_int_equal(t.n, 0);
    wtl_ticks_linear((double)NAN, 1, 5, &t);
    assert_int_equal(t.n, 0);
    wtl_ticks_linear(0, HUGE_VAL, 5, &t);
    assert_int_equal(t.n, 0);
    wtl_ticks_log(0, 10, 5, &t);
    assert_int_equal(t.n, 0);
}

static void logarithmic(void **state)
{
    (void)state;
    struct wtl_ticks t;
    wtl_ticks_log(0.8, 60, 9, &t);
    static const double want[] = {1, 2, 5, 10, 20, 50};
    assert_int_equal(t.n, 6);
    for (int i = 0; i < 6; i++)
        assert_near(t.at[i], want[i], 1e-9);
    wtl_ticks_log(0.001, 1000, 5, &t); /* too many: decades only */
    assert_int_equal(t.n, 7);
    wtl_ticks_log(3, 4, 5, &t); /* no decade inside: linear */
    assert_true(t.n >= 2);
}

static void ranges(void **state)
{
    (void)state;
    double lo = 10, hi = 20;
    wtl_ticks_range(&lo, &hi, 0.1);
    assert_near(lo, 9, 1e-12);
    assert_near(hi, 21, 1e-12);
    lo = 0.1, hi = 10;
    wtl_ticks_range(&lo, &hi, 0.1); /* does not cross zero */
    assert_near(lo, 0, 1e-12);
    lo = hi = 5;
    wtl_ticks_range(&lo, &hi, 0.1);
    assert_true(lo < 5 && hi > 5);
    lo = HUGE_VAL, hi = -HUGE_VAL;
    wtl_ticks_range(&lo, &hi, 0.1);
    assert_near(lo, 0, 0);
    assert_near(hi, 1, 0);
}

static void formats(void **state)
{
    (void)state;
    char buf[64];
    assert_string_equal(wtl_tick_format(1.25, 2, buf, sizeof buf), "1.25");
    assert_string_equal(wtl_tick_format(-3, 0, buf, sizeof buf), "\xe2\x88\x92"
                                                                 "3");
    assert_string_equal(wtl_tick_format(-0.001, 1, buf, sizeof buf), "0.0"); /* no minus zero */
    assert_string_equal(wtl_tick_format(0.02, -1, buf, sizeof buf), "0.02");
    assert_string_equal(wtl_tick_format(200, -1, buf, sizeof buf), "200");
    const char *prefix;
    assert_near(wtl_si_scale(54321, &prefix), 1e3, 0);
    assert_string_equal(prefix, "k");
    assert_near(wtl_si_scale(9999, &prefix), 1, 0);
    assert_string_equal(prefix, "");
    assert_near(wtl_si_scale(2.5e7, &prefix), 1e6, 0);
    assert_near(wtl_si_scale(0.02, &prefix), 1e-3, 0);
    assert_near(wtl_si_scale(0, &prefix), 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_known_ranges),
        cmocka_unit_test(linear_property),
        cmocka_unit_test(impossible_ranges_give_none),
        cmocka_unit_test(logarithmic),
        cmocka_unit_test(ranges),
        cmocka_unit_test(formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
