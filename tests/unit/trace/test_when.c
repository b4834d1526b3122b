/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/when.h"

#include "base/clock.h"
#include "base/random.h"
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#define S INT64_C(1000000000)

static void check(enum wtl_time_form form, const char *text, int64_t want)
{
    int64_t t = 7;
    if (!wtl_parse_time(wtl_view_of(text), form, &t))
        fail_msg("\"%s\" is refused", text);
    if (t != want)
        fail_msg("\"%s\" is %lld, expected %lld", text, (long long)t, (long long)want);
}

static void dates(void **state)
{
    (void)state;
    check(WTL_TIME_ISO, "1970-01-01T00:00:00Z", 0);
    check(WTL_TIME_AUTO, "2026-11-21T11:33:00.123Z", 1795260780 * S + 123000000);
    check(WTL_TIME_AUTO, "2026/11/21 11:33:00", 1795260780 * S);
    check(WTL_TIME_AUTO, "2026-11-21 12:33:00+01:00", 1795260780 * S);
    check(WTL_TIME_AUTO, "2026-11-21 06:03:00 -0530", 1795260780 * S);
    check(WTL_TIME_AUTO, " 2026-11-21  11:33 ", 1795260780 * S);
    check(WTL_TIME_AUTO, "2026-11-21", 1795219200 * S);
    check(WTL_TIME_AUTO, "2024-02-29T00:00:00", 1709164800 * S);
    check(WTL_TIME_AUTO, "1969-12-31T23:59:59.5Z", -S / 2);
    check(WTL_TIME_AUTO, "00:01:02.25", 62 * S + 250000000);
    check(WTL_TIME_AUTO, "2023-11-16 18:15:46.6805900", 1700158546 * S + 680590000);
    check(WTL_TIME_ISO, "2023-11-16T18:15:46.1234567899Z", 1700158546 * S + 123456789);
}

static void numbers(void **state)
{
    (void)state;
    check(WTL_TIME_AUTO, "0.5", S / 2);
    check(WTL_TIME_AUTO, "1690000000.123456789", 1690000000 * S + 123456789);
    check(WTL_TIME_AUTO, "1690000000123", 1690000000 * S + 123000000);
    check(WTL_TIME_AUTO, "1690000000123456", 1690000000 * S + 123456000);
    check(WTL_TIME_AUTO, "1690000000123456789", 1690000000 * S + 123456789);
    check(WTL_TIME_AUTO, "1.69e9", 1690000000 * S);
    check(WTL_TIME_SECONDS, "-2.5", -5 * S / 2);
    check(WTL_TIME_SECONDS, ".5", S / 2);
    check(WTL_TIME_SECONDS, "12.", 12 * S);
    check(WTL_TIME_MS, "1500.25", 1500250000);
    check(WTL_TIME_US, "3", 3000);
    check(WTL_TIME_NS, "42", 42);
    check(WTL_TIME_NS, "42.9", 42);
    check(WTL_TIME_MINUTES, "1.5", 90 * S);
    check(WTL_TIME_MINUTES, "0.1", 6 * S);
    check(WTL_TIME_MINUTES, "0.0000000000167", 1);
    check(WTL_TIME_HOURS, "-0.25", -900 * S);
    check(WTL_TIME_HOURS, "0.000000000001", 3);
    check(WTL_TIME_HOURS, "2e-1", 720 * S);
    check(WTL_TIME_HOURS, "0.9999999999999", 3600 * S - 1);
    check(WTL_TIME_DAYS, "1.5", 129600 * S);
    check(WTL_TIME_DAYS, "0.123456789", 10666 * S + 666569600);
}

static void refuses_the_rest(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "abc",
        "2026-13-01",
        "2026-02-29",
        "2026-11-21T25:00:00",
        "2026-11-21T11:61",
        "2026-11-21X11:00",
        "2026-11/21",
        "1e400",
        "99999999999999999999",
        "12:",
        "2026-11-21T11:33:00+2",
        "1.2.3",
        "1000000000000000000000.5",
        "0000-01-01",
        "1500-01-01",
        "--5",
        ".",
        "2026-11-21 11:33:00 CET",
        "+",
        "5s",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t t = 7;
        if (wtl_parse_time(wtl_view_of(bad[i]), WTL_TIME_AUTO, &t))
            fail_msg("\"%s\" is taken as %lld", bad[i], (long long)t);
        assert_int_equal(t, 7);
    }
    int64_t t = 7;
    assert_false(wtl_parse_time(wtl_view_of("9300000000"), WTL_TIME_SECONDS, &t));
    assert_false(wtl_parse_time(wtl_view_of("12:00"), WTL_TIME_MS, &t));
    assert_false(wtl_parse_time(wtl_view_of("110000"), WTL_TIME_DAYS, &t));
    assert_false(wtl_parse_time(wtl_view_of("5 min"), WTL_TIME_MINUTES, &t));
    assert_int_equal(t, 7);
}

static void agrees_with_the_writer(void **state)
{
    (void)state;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 5);
    for (int i = 0; i < 5000; i++) {
        int64_t seconds = (int64_t)wtl_rng_below(&rng, UINT32_MAX) * 2;
        char text[40];
        check(WTL_TIME_AUTO, wtl_format_utc(seconds * S, text, sizeof text), seconds * S);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates),
        cmocka_unit_test(numbers),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(agrees_with_the_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
