/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/units.h"

#include <string.h>

static void reads_quantities_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum wtl_unit unit;
        double value;
    } good[] = {
        {"300W", WTL_UNIT_WATT, 300},          {"300", WTL_UNIT_WATT, 300},
        {"250 W", WTL_UNIT_WATT, 250},         {"35mW", WTL_UNIT_WATT, 0.035},
        {"1.41GHz", WTL_UNIT_MHZ, 1410},       {"1410 MHz", WTL_UNIT_MHZ, 1410},
        {"20ms", WTL_UNIT_SECOND, 0.02},       {"2min", WTL_UNIT_SECOND, 120},
        {"5%", WTL_UNIT_FRACTION, 0.05},       {"0.05", WTL_UNIT_FRACTION, 0.05},
        {"-3%", WTL_UNIT_FRACTION, -0.03},     {"1kWh", WTL_UNIT_JOULE, 3.6e6},
        {"2GiB", WTL_UNIT_BYTE, 2147483648.0}, {"600/min", WTL_UNIT_RATE, 10},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        double v = -1;
        struct wtl_error err = {0};
        assert_ok(wtl_parse_quantity(good[i].text, good[i].unit, &v, &err), &err);
        assert_near(v, good[i].value, 1e-12 * (1 + good[i].value));
    }
}

static void refuses_other_units_and_says_which_fit(void **state)
{
    (void)state;
    double v = 7;
    struct wtl_error err = {0};
    assert_int_equal(wtl_parse_quantity("5s", WTL_UNIT_WATT, &v, &err), -(int)WTL_USAGE);
    assert_non_null(strstr(err.message, "\"5s\""));
    assert_non_null(strstr(err.hint, "kW"));
    assert_int_equal(wtl_parse_quantity("W", WTL_UNIT_WATT, &v, NULL), -(int)WTL_USAGE);
    assert_int_equal(wtl_parse_quantity("", WTL_UNIT_NONE, &v, NULL), -(int)WTL_USAGE);
    assert_true(v == 7);
}

static void a_suffix_in_the_wrong_case_is_guessed_where_one_fits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum wtl_unit unit;
        const char *meant; /* NULL: not guessed */
    } cases[] = {{"60Mhz", WTL_UNIT_MHZ, "did you mean 60MHz?"},
                 {" 1.2 ghz ", WTL_UNIT_MHZ, "did you mean 1.2GHz?"},
                 {"200w", WTL_UNIT_WATT, "did you mean 200W?"},
                 {"5mw", WTL_UNIT_WATT, NULL}, /* mW or MW */
                 {"5Volt", WTL_UNIT_WATT, NULL},
                 {"5xHz", WTL_UNIT_MHZ, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wtl_error err = {0};
        double value;
        assert_int_equal(wtl_parse_quantity(cases[i].text, cases[i].unit, &value, &err),
                         -WTL_USAGE);
        const char *guess = strstr(err.hint, "did you mean");
        assert_int_equal(guess != NULL, cases[i].meant != NULL);
        if (cases[i].meant)
            assert_ptr_equal(strstr(err.hint, cases[i].meant), err.hint);
        assert_non_null(strstr(err.hint, "one of these suffixes: "));
    }
}

static void a_setting_without_a_percent_sign_is_a_fraction_below_one(void **state)
{
    (void)state;
    static const char *const refused[] = {"5", "1", "1.0", "100", "-1", "-5", " 90 ", "1.05"};
    static const struct {
        const char *text;
        double value;
    } taken[] = {{"5%", 0.05}, {"500%", 5},      {"100 %", 1},   {"0.05", 0.05},
                 {"0", 0},     {"0.999", 0.999}, {"-3%", -0.03}, {"-0.03", -0.03}};
    double v = 7;
    struct wtl_error err = {0};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_int_equal(wtl_parse_setting(refused[i], WTL_UNIT_FRACTION, &v, &err),
                         -(int)WTL_USAGE);
        assert_true(v == 7);
        assert_non_null(strstr(err.message, refused[i]));
    }
    wtl_parse_setting("5", WTL_UNIT_FRACTION, &v, &err);
    assert_string_equal(err.hint, "did you mean 5%? (500% if you meant 5 times)");
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        assert_ok(wtl_parse_setting(taken[i].text, WTL_UNIT_FRACTION, &v, &err), &err);
        assert_near(v, taken[i].value, 1e-15);
    }
    assert_ok(wtl_parse_setting("300", WTL_UNIT_WATT, &v, &err), &err);
    assert_true(v == 300);
    assert_int_equal(wtl_parse_setting("5s", WTL_UNIT_FRACTION, &v, &err), -(int)WTL_USAGE);
}

static void a_setting_of_time_needs_its_unit(void **state)
{
    (void)state;
    double v = 7;
    struct wtl_error err = {0};
    assert_int_equal(wtl_parse_setting("50", WTL_UNIT_SECOND, &v, &err), -(int)WTL_USAGE);
    assert_true(v == 7);
    assert_string_equal(err.message, "\"50\" is a time without a unit");
    assert_string_equal(err.hint, "did you mean 50ms or 50s?");
    assert_int_equal(wtl_parse_setting("0.05", WTL_UNIT_SECOND, &v, &err), -(int)WTL_USAGE);
    assert_ok(wtl_parse_setting("50ms", WTL_UNIT_SECOND, &v, &err), &err);
    assert_near(v, 0.05, 1e-15);
    assert_ok(wtl_parse_quantity("50", WTL_UNIT_SECOND, &v, &err), &err);
    assert_true(v == 50);
}

static void sizes_have_decimal_and_binary_prefixes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double bytes;
    } sizes[] = {{"7B", 7},        {"5kB", 5000},   {"5KB", 5000}, {"5 KiB", 5120},
                 {"1.5MB", 1.5e6}, {"2GB", 2e9},    {"3TB", 3e12}, {"1MiB", 1048576},
                 {"1GiB", 0x1p30}, {"1TiB", 0x1p40}};
    static const char *const refused[] = {"5K", "5M", "5Mb", "5mb", "5KIB", "kB", "5 k B"};
    double v = 7;
    struct wtl_error err = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_ok(wtl_parse_quantity(sizes[i].text, WTL_UNIT_BYTE, &v, &err), &err);
        assert_true(v == sizes[i].bytes);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(wtl_parse_quantity(refused[i], WTL_UNIT_BYTE, &v, &err), -(int)WTL_USAGE);
}

static void writes_bounds_without_rounding(void **state)
{
    (void)state;
    char buf[32];
    assert_string_equal(wtl_format_bound(0.9999, WTL_UNIT_FRACTION, buf, sizeof buf), "99.99 %");
    assert_string_equal(wtl_format_bound(1e-6, WTL_UNIT_RATE, buf, sizeof buf), "1e-06 /s");
    assert_string_equal(wtl_format_bound(9, WTL_UNIT_NONE, buf, sizeof buf), "9");
}

static void writes_them_back_for_people(void **state)
{
    (void)state;
    char buf[32];
    assert_string_equal(wtl_format_quantity(1410, WTL_UNIT_MHZ, buf, sizeof buf), "1410 MHz");
    assert_string_equal(wtl_format_quantity(0.165, WTL_UNIT_FRACTION, buf, sizeof buf), "16.5 %");
    assert_string_equal(wtl_format_quantity(13230, WTL_UNIT_JOULE, buf, sizeof buf), "13.23 kJ");
    assert_string_equal(wtl_format_quantity(0.02, WTL_UNIT_SECOND, buf, sizeof buf), "20 ms");
    assert_string_equal(wtl_format_quantity(373.5, WTL_UNIT_SECOND, buf, sizeof buf), "373.5 s");
    assert_string_equal(wtl_format_quantity(0, WTL_UNIT_WATT, buf, sizeof buf), "0 W");
    assert_string_equal(wtl_format_quantity(-61.07, WTL_UNIT_WATT, buf, sizeof buf), "-61.07 W");
    assert_string_equal(wtl_format_quantity(999.96, WTL_UNIT_WATT, buf, sizeof buf), "1 kW");
    assert_string_equal(wtl_format_quantity(171, WTL_UNIT_BYTE, buf, sizeof buf), "171 B");
}

static void measured_values_keep_their_zeros(void **state)
{
    (void)state;
    char buf[32];
    assert_string_equal(wtl_format_measured(14, WTL_UNIT_SECOND, buf, sizeof buf), "14.00 s");
    assert_string_equal(wtl_format_measured(9.99996, WTL_UNIT_SECOND, buf, sizeof buf), "10.00 s");
    assert_string_equal(wtl_format_measured(999.96, WTL_UNIT_WATT, buf, sizeof buf), "1.000 kW");
    assert_string_equal(wtl_format_measured(-61.07, WTL_UNIT_WATT, buf, sizeof buf), "-61.07 W");
    assert_string_equal(wtl_format_measured(93999, WTL_UNIT_BYTE, buf, sizeof buf), "94.00 kB");
    assert_string_equal(wtl_format_measured(171, WTL_UNIT_BYTE, buf, sizeof buf), "171 B");
    assert_string_equal(wtl_format_measured(1.5e6, WTL_UNIT_SECOND, buf, sizeof buf), "1.5e+06 s");
    assert_string_equal(wtl_format_measured(0, WTL_UNIT_WATT, buf, sizeof buf), "0 W");
    assert_string_equal(wtl_format_measured(0.165, WTL_UNIT_FRACTION, buf, sizeof buf), "16.5 %");
}

static void knows_where_a_unit_follows(void **state)
{
    (void)state;
    static const char *const yes[] = {"10.74 s", "5 %.", "32 W, it waited", "1410 MHz (x)"};
    static const char *const no[] = {"3 runs", "rep 1: s", "1 share", "s s", "5  %", "1 "};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(wtl_unit_follows(yes[i], strcspn(yes[i], " ")));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_false(wtl_unit_follows(no[i], strcspn(no[i], " ")));
    assert_false(wtl_unit_follows(" s", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_quantities_as_people_write_them),
        cmocka_unit_test(measured_values_keep_their_zeros),
        cmocka_unit_test(knows_where_a_unit_follows),
        cmocka_unit_test(refuses_other_units_and_says_which_fit),
        cmocka_unit_test(a_suffix_in_the_wrong_case_is_guessed_where_one_fits),
        cmocka_unit_test(a_setting_without_a_percent_sign_is_a_fraction_below_one),
        cmocka_unit_test(a_setting_of_time_needs_its_unit),
        cmocka_unit_test(sizes_have_decimal_and_binary_prefixes),
        cmocka_unit_test(writes_bounds_without_rounding),
        cmocka_unit_test(writes_them_back_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
