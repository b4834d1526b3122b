/* SPDX-License-Identifier: Apache-2.0
 * Knobs and their values as text. */
#include "support/support.h"

#include "core/knob.h"

#include <string.h>

static void check(enum wtl_knob knob, const char *text, double lo, double hi, const char *back)
{
    struct wtl_knob_value v = {0}, again;
    struct wtl_error err = {0};
    assert_int_equal(wtl_knob_parse(knob, text, &v, &err), 0);
    assert_false(v.released);
    assert_true(v.lo == lo && v.hi == hi);
    char buf[WTL_KNOB_TEXT];
    assert_string_equal(wtl_knob_format(knob, v, buf), back);
    assert_int_equal(wtl_knob_parse(knob, buf, &again, &err), 0);
    assert_true(wtl_knob_same(knob, v, again));
}

static void test_values(void **state)
{
    (void)state;
    check(WTL_KNOB_sm_clock_mhz, "1140", 1140, 1140, "1140 MHz");
    check(WTL_KNOB_sm_clock_mhz, "1.14GHz", 1140, 1140, "1140 MHz");
    check(WTL_KNOB_mem_clock_mhz, "300-1140MHz", 300, 1140, "300-1140 MHz");
    check(WTL_KNOB_power_limit_w, "250W", 250, 250, "250 W");
    check(WTL_KNOB_power_limit_w, "0.1525kW", 152.5, 152.5, "152.5 W");
    check(WTL_KNOB_cpu_quota, "1.5", 1.5, 1.5, "1.5 CPUs");
    check(WTL_KNOB_cpu_quota, "1 CPU", 1, 1, "1 CPU");
    struct wtl_knob_value v = {0};
    char buf[WTL_KNOB_TEXT];
    assert_int_equal(wtl_knob_parse(WTL_KNOB_sm_clock_mhz, "released", &v, NULL), 0);
    assert_true(v.released);
    assert_string_equal(wtl_knob_format(WTL_KNOB_sm_clock_mhz, v, buf), "released");
    assert_int_equal(wtl_knob_parse(WTL_KNOB_cpu_clock_mhz, "released (800-3500 MHz)", &v, NULL),
                     0);
    assert_true(v.released);
    assert_near(v.lo, 800, 0);
    assert_near(v.hi, 3500, 0);
    assert_string_equal(wtl_knob_format(WTL_KNOB_cpu_clock_mhz, v, buf), "released (800-3500 MHz)");
}

static void refused(enum wtl_knob knob, const char *text, const char *message)
{
    struct wtl_knob_value v = {.lo = 7, .hi = 9};
    struct wtl_error err = {0};
    assert_int_equal(wtl_knob_parse(knob, text, &v, &err), -WTL_USAGE);
    assert_non_null(strstr(err.message, message));
    assert_true(v.lo == 7 && v.hi == 9 && !v.released);
}

static void test_refused(void **state)
{
    (void)state;
    refused(WTL_KNOB_sm_clock_mhz, "fast", "\"fast\"");
    refused(WTL_KNOB_sm_clock_mhz, "0", "not above 0");
    refused(WTL_KNOB_sm_clock_mhz, "1140-300", "lower end above");
    refused(WTL_KNOB_sm_clock_mhz, "300W", "300W");
    refused(WTL_KNOB_power_limit_w, "100-200W", "100-200W");
    refused(WTL_KNOB_power_limit_w, "", "\"\"");
    refused(WTL_KNOB_power_limit_w, "released (", "released (");
    refused(WTL_KNOB_power_limit_w, "released (200 W", "released (200 W");
    refused(WTL_KNOB_power_limit_w, "released ()", "\"\"");
    refused(WTL_KNOB_power_limit_w, "-5W", "not above 0");
    char longer[200];
    memset(longer, '1', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    refused(WTL_KNOB_power_limit_w, longer, "too long");
}

static void test_same(void **state)
{
    (void)state;
    enum wtl_knob sm = WTL_KNOB_sm_clock_mhz, limit = WTL_KNOB_power_limit_w;
    assert_true(wtl_knob_same(sm, wtl_knob_at(1372.5), wtl_knob_at(1372.1)));
    assert_false(wtl_knob_same(sm, wtl_knob_at(1372), wtl_knob_at(1373)));
    assert_false(wtl_knob_same(limit, wtl_knob_at(250), wtl_knob_at(250.001)));
    assert_false(wtl_knob_same(limit, wtl_knob_at(250), wtl_knob_released()));
    assert_true(wtl_knob_same(limit, wtl_knob_released(), wtl_knob_released()));
    const struct wtl_knob_value off = {true, 200, 200}, other = {true, 150, 150};
    assert_true(wtl_knob_same(limit, off, off));
    assert_true(wtl_knob_same(limit, off, wtl_knob_released()));
    assert_false(wtl_knob_same(limit, off, other));
    assert_false(wtl_knob_same(limit, off, wtl_knob_at(200)));
    struct wtl_knob_value a = {.lo = 300, .hi = 1140}, b = {.lo = 310, .hi = 1140};
    assert_false(wtl_knob_same(sm, a, b));
}

static void test_names(void **state)
{
    (void)state;
    for (int k = 0; k < (int)WTL_N_KNOBS; k++)
        assert_int_equal(wtl_knob_by_name(wtl_knob_info((enum wtl_knob)k)->name), k);
    assert_int_equal(wtl_knob_by_name("sm_clock"), WTL_N_KNOBS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
