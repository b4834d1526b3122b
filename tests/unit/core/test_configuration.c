/* SPDX-License-Identifier: Apache-2.0
 * Configurations: what tells runs apart, how they are written, and how one is asked for. */
#include "support/support.h"

#include "core/configuration.h"

#include <stdio.h>
#include <string.h>

static struct wtl_run made(const char *variant, double batch, bool window)
{
    struct wtl_run r = {.window = window, .mem_clock_mhz = 1215};
    snprintf(r.point.variant, sizeof r.point.variant, "%s", variant);
    if (batch > 0)
        wtl_point_set(&r.point, WTL_SETTING_batch, batch);
    snprintf(r.unit, sizeof r.unit, "images");
    return r;
}

static int compare(const struct wtl_run *a, const struct wtl_run *b)
{
    struct wtl_configuration x = wtl_configuration_of(a), y = wtl_configuration_of(b);
    int ab = wtl_configuration_compare(&x, &y), ba = wtl_configuration_compare(&y, &x);
    assert_int_equal((ab > 0) - (ab < 0), (ba < 0) - (ba > 0));
    return ab;
}

static void memory_clock_and_unit_count_for_windows(void **state)
{
    (void)state;
    struct wtl_run a = made("fp16", 8, true), b = a;
    assert_int_equal(compare(&a, &b), 0);
    b.clock_mhz = 900; /* what a clock is chosen for has none */
    assert_int_equal(compare(&a, &b), 0);
    b.mem_clock_mhz = 810;
    assert_true(compare(&a, &b) > 0);
    a.window = b.window = false;
    assert_int_equal(compare(&a, &b), 0);
    b.window = true;
    assert_true(compare(&a, &b) < 0);
    a = b;
    snprintf(b.unit, sizeof b.unit, "tokens");
    assert_true(compare(&a, &b) < 0);
    a = made("fp16", 4, true);
    b = made("fp16", 8, true);
    assert_true(compare(&a, &b) < 0);
}

static void plain_runs_are_as_ever(void **state)
{
    (void)state;
    struct wtl_run r = made("", 0, false);
    struct wtl_configuration c = wtl_configuration_of(&r);
    char text[WTL_CONFIGURATION_TEXT], work[20];
    assert_true(wtl_configuration_is_plain(&c));
    assert_string_equal(wtl_configuration_format(&c, text), "");
    assert_string_equal(wtl_configuration_work(&c, work), "run");
    r = made("", 0, true);
    c = wtl_configuration_of(&r);
    assert_false(wtl_configuration_is_plain(&c));
    assert_string_equal(wtl_configuration_format(&c, text), "memory 1215 MHz");
}

static void work_is_said_in_the_singular(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"images", "image"}, {"queries", "query"}, {"tokens", "token"}, {"batches", "batch"},
        {"frames", "frame"}, {"", "unit"},         {"audio", "audio"},  {"boxes", "box"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct wtl_configuration c = {.window = true};
        char work[20];
        snprintf(c.unit, sizeof c.unit, "%s", pairs[i][0]);
        assert_string_equal(wtl_configuration_work(&c, work), pairs[i][1]);
    }
}

/* Whatever is printed can be asked for. */
static void text_reads_back(void **state)
{
    (void)state;
    struct wtl_run r = made("resnet18-fp16", 8, true);
    wtl_point_set(&r.point, WTL_SETTING_replicas, 2);
    wtl_point_set(&r.point, WTL_SETTING_share, 0.5);
    wtl_point_set(&r.point, WTL_SETTING_limit_w, 250);
    wtl_point_set(&r.point, WTL_SETTING_cpu_quota, 1.5);
    wtl_point_set(&r.point, WTL_SETTING_threads, 1);
    struct wtl_configuration c = wtl_configuration_of(&r);
    char text[WTL_CONFIGURATION_TEXT];
    struct wtl_at at;
    struct wtl_error err = {0};
    wtl_configuration_format(&c, text);
    assert_string_equal(text, "resnet18-fp16, batch 8, 2 replicas, share 50 %, 250 W, 1.5 CPUs, 1 "
                              "thread, memory 1215 MHz");
    assert_ok(wtl_at_parse(text, &at, &err), &err);
    assert_int_equal(wtl_point_compare(&at.point, &r.point), 0);
    assert_int_equal(at.mem_clock_mhz, 1215);
    assert_true(wtl_at_matches(&at, &c));
}

static void other_spellings_are_read(void **state)
{
    (void)state;
    struct wtl_run r = made("fp16", 8, true);
    wtl_point_set(&r.point, WTL_SETTING_limit_w, 250);
    wtl_point_set(&r.point, WTL_SETTING_replicas, 1);
    struct wtl_configuration c = wtl_configuration_of(&r);
    static const char *const yes[] = {"batch=8",     "Batch 8",       "batch:8",
                                      "FP16",        "variant fp16",  "variant=fp16,batch=8",
                                      "limit=250W",  "250W",          "power limit 250 W",
                                      "replicas 1",  "1 replica",     "memory=1.215GHz",
                                      "limit_w=250", " fp16 , 250 W "};
    static const char *const no[] = {"batch 4",   "fp32",           "300 W",
                                     "share 50%", "memory 810 MHz", "batch 8, fp32"};
    struct wtl_error err = {0};
    struct wtl_at at;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        assert_ok(wtl_at_parse(yes[i], &at, &err), &err);
        assert_true(wtl_at_matches(&at, &c));
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        assert_ok(wtl_at_parse(no[i], &at, &err), &err);
        assert_false(wtl_at_matches(&at, &c));
    }
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",        "batch",      "batch=",   "batch eight",
                                      "batch 0", "colour=red", "batch 8,", ",",
                                      "share 5", "limit 250 J"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct wtl_error err = {0};
        struct wtl_at at = {.mem_clock_mhz = 7};
        int rc = wtl_at_parse(bad[i], &at, &err);
        if (strcmp(bad[i], "batch") == 0) { /* a word alone is a variant */
            assert_ok(rc, &err);
            continue;
        }
        assert_int_equal(rc, -(int)WTL_USAGE);
        assert_int_equal(at.mem_clock_mhz, 7);
    }
}

static void nothing_is_said_twice(void **state)
{
    (void)state;
    static const char *const bad[] = {"batch 16, batch 8",
                                      "batch=8,batch 8",
                                      "fp16, fp8",
                                      "fp16,variant=fp8",
                                      "memory 810 MHz, mem_clock_mhz=1215",
                                      "250 W,limit_w=300"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct wtl_error err = {0};
        struct wtl_at at = {.mem_clock_mhz = 7};
        assert_int_equal(wtl_at_parse(bad[i], &at, &err), -(int)WTL_USAGE);
        assert_non_null(strstr(err.message, "says again"));
        assert_int_equal(at.mem_clock_mhz, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_clock_and_unit_count_for_windows),
        cmocka_unit_test(plain_runs_are_as_ever),
        cmocka_unit_test(work_is_said_in_the_singular),
        cmocka_unit_test(text_reads_back),
        cmocka_unit_test(other_spellings_are_read),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(nothing_is_said_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
