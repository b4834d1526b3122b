/* SPDX-License-Identifier: Apache-2.0
 * Lines of markers, taken apart. */
#include "support/support.h"

#include "markers/line.h"

#include <stdio.h>
#include <string.h>

static struct wtl_marker_line line;

static bool parse(const char *text)
{
    return wtl_marker_parse(text, strlen(text), &line);
}

static void test_begin_and_end(void **state)
{
    (void)state;
    assert_true(parse("begin decode"));
    assert_int_equal(line.kind, WTL_MARKER_BEGIN);
    assert_string_equal(line.name, "decode");
    assert_true(line.t_ns == 0 && line.tid == 0 && !line.has_work && !line.reply);
    assert_true(parse("end decode t=123 tid=4 work=2.5 unit=tokens latency=0.25 reply=1\r"));
    assert_int_equal(line.kind, WTL_MARKER_END);
    assert_true(line.t_ns == 123 && line.tid == 4 && line.has_work && line.reply);
    assert_near(line.work, 2.5, 0);
    assert_true(line.has_latency);
    assert_near(line.latency_s, 0.25, 0);
    assert_string_equal(line.unit, "tokens");
    assert_true(parse("end decode later=7")); /* a later version may say more */
    assert_true(parse("begin d\xc3\xa9"
                      "coder"));
    assert_string_equal(line.name, "d\xc3\xa9"
                                   "coder");
    assert_true(parse("begin d\xe9"
                      "code\xff")); /* not UTF-8 */
    assert_string_equal(line.name, "d?code?");
    assert_false(parse("begin \033[31mred"));
    assert_false(parse("begin \xc2\x9b"
                       "31mred")); /* the same in one code point */
    assert_true(parse("end decode reply=0"));
    assert_false(line.reply);
}

static void test_requests(void **state)
{
    (void)state;
    assert_true(parse("end step requests=a:3,chat:cmpl-7:5,b:0"));
    assert_int_equal(line.n, 3);
    assert_string_equal(line.request[1].id, "chat:cmpl-7"); /* the last colon counts */
    assert_near(line.request[1].work, 5, 0);
    assert_false(parse("end step requests="));
    assert_false(parse("end step requests=a"));
    assert_false(parse("end step requests=a:x"));
    assert_false(parse("end step requests=a:-1"));
    assert_false(parse("end step requests=:1"));
    char many[WTL_MARKER_SHARES * 8 + 64];
    size_t n = (size_t)snprintf(many, sizeof many, "end step requests=");
    for (int i = 0; i < WTL_MARKER_SHARES; i++)
        n += (size_t)snprintf(many + n, sizeof many - n, "%sr%d:1", i ? "," : "", i);
    assert_true(parse(many));
    assert_int_equal(line.n, WTL_MARKER_SHARES);
    (void)snprintf(many + n, sizeof many - n, ",one:1");
    assert_false(parse(many));
}

static void test_others(void **state)
{
    (void)state;
    assert_true(parse("ready"));
    assert_int_equal(line.kind, WTL_MARKER_READY);
    assert_true(parse("devices"));
    assert_int_equal(line.kind, WTL_MARKER_DEVICES);
    assert_true(parse("latency 0.1 0.2"));
    assert_int_equal(line.n, 2);
    assert_false(parse("latency"));
    assert_false(parse("latency -1"));
    assert_false(parse("latency nan"));
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",          "   ",        "begin",       "end",
                                      "start x",   "begin x y",  "end x work=", "end x work=-1",
                                      "end x t=0", "end x t=-5", "end x t=1.5", "begin a\x01",
                                      "end x =3",  "end x unit="};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(parse(bad[i]));
    char name[80] = "begin ";
    memset(name + 6, 'n', WTL_MARKER_NAME - 1);
    name[6 + WTL_MARKER_NAME - 1] = '\0';
    assert_true(parse(name));
    strcat(name, "n");
    assert_false(parse(name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_begin_and_end),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
