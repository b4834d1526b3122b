/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "core/policy.h"

#include <string.h>

static void objectives_read_back(void **state)
{
    (void)state;
    static const char *const texts[] = {"energy",
                                        "time",
                                        "edp",
                                        "ed2p",
                                        "throughput-per-watt",
                                        "E*t^1.5",
                                        "E*t^0.3333333333333333",
                                        "weighted:0.7"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct wtl_objective o;
        struct wtl_error err = {0};
        char buf[64];
        assert_ok(wtl_objective_parse(texts[i], &o, &err), &err);
        assert_string_equal(wtl_objective_format(&o, buf, sizeof buf), texts[i]);
    }
}

static void wrong_objectives_are_refused_and_change_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"",       "EDP ",         "E*t^",         "E*t^-1",
                                        "E*t^17", "weighted:1.1", "weighted:-.1", "edp3p"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct wtl_objective o = {.kind = WTL_OBJECTIVE_TIME, .exponent = 9};
        struct wtl_error err = {0};
        assert_int_equal(wtl_objective_parse(texts[i], &o, &err), -(int)WTL_USAGE);
        assert_int_equal(o.kind, WTL_OBJECTIVE_TIME);
        assert_true(o.exponent == 9);
        assert_non_null(strstr(err.hint, "edp"));
    }
}

static void every_published_metric_is_an_objective(void **state)
{
    (void)state;
    static const char *const names[] = {"response_time",        "throughput_per_watt",
                                        "user_experience",      "energy_per_task",
                                        "inference_efficiency", "balanced"};
    const struct wtl_published_metric *m = wtl_published_metrics();
    for (size_t i = 0; i < 6; i++) {
        struct wtl_objective o;
        struct wtl_error err = {0};
        assert_ok(wtl_objective_parse(names[i], &o, &err), &err);
        assert_string_equal(m[i].name, names[i]);
        assert_int_equal(o.kind, m[i].objective.kind);
        assert_true(strlen(m[i].reason) > 20);
    }
    assert_null(m[6].name);
}

static void baselines_read_back(void **state)
{
    (void)state;
    static const char *const texts[] = {"max",        "default", "fastest",
                                        "clock:1380", "job:a b", "rep:3"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct wtl_baseline b;
        struct wtl_error err = {0};
        char buf[128];
        assert_ok(wtl_baseline_parse(texts[i], &b, &err), &err);
        assert_string_equal(wtl_baseline_format(&b, buf, sizeof buf), texts[i]);
    }
    struct wtl_baseline b;
    assert_int_equal(wtl_baseline_parse("clock:1.38GHz", &b, NULL), 0);
    assert_int_equal(b.clock_mhz, 1380);
}

static void wrong_baselines_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",       "maximum", "rep:0",   "rep:1.5",
                                        "rep:-1", "job:",    "clock:0", "clock:5W"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct wtl_baseline b = {.kind = WTL_BASELINE_REP, .rep = 77};
        assert_int_equal(wtl_baseline_parse(texts[i], &b, NULL), -(int)WTL_USAGE);
        assert_int_equal(b.rep, 77);
    }
}

static void lifting_limits_keeps_the_rest(void **state)
{
    (void)state;
    struct wtl_policy p = wtl_policy_default();
    assert_false(wtl_policy_lift_limits(&p));
    p.has_max_slowdown = p.has_rate = true;
    p.n_slo = 1;
    assert_true(wtl_policy_lift_limits(&p));
    assert_false(p.has_max_slowdown || p.n_slo);
    assert_true(p.has_rate && p.objective.kind == WTL_OBJECTIVE_EDP);
}

static void tie_rules_read_back(void **state)
{
    (void)state;
    for (int p = WTL_PREFER_FASTEST; p <= WTL_PREFER_LOWEST_CLOCK; p++) {
        enum wtl_prefer got = WTL_PREFER_FASTEST;
        assert_int_equal(wtl_prefer_parse(wtl_prefer_name((enum wtl_prefer)p), &got, NULL), 0);
        assert_int_equal(got, p);
    }
    enum wtl_prefer got = WTL_PREFER_BEST;
    assert_int_equal(wtl_prefer_parse("slowest", &got, NULL), -(int)WTL_USAGE);
    assert_int_equal(got, WTL_PREFER_BEST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objectives_read_back),
        cmocka_unit_test(wrong_objectives_are_refused_and_change_nothing),
        cmocka_unit_test(every_published_metric_is_an_objective),
        cmocka_unit_test(baselines_read_back),
        cmocka_unit_test(wrong_baselines_are_refused),
        cmocka_unit_test(lifting_limits_keeps_the_rest),
        cmocka_unit_test(tie_rules_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
