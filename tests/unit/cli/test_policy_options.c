/* SPDX-License-Identifier: Apache-2.0
 * Objective and limits from the command line. */
#include "cli/policy_options.h"
#include "support/support.h"

#include <string.h>

struct options {
    bool before; /* the group need not stand first */
    struct wtl_policy_options policy;
};

static const struct wtl_opt opts[] = {WTL_POLICY_OPTS(struct options, policy), {0}};
static const struct wtl_command command = {
    .name = "test", .opts = opts, .options_size = sizeof(struct options), .max_args = 0};

static int parse(struct wtl_arena *arena, int argc, const char *const *argv,
                 struct wtl_overlay *overlay, struct wtl_error *err)
{
    struct wtl_context ctx = {.arena = arena};
    bool help = false;
    int rc = wtl_options_parse(&command, argc, argv, &ctx, &help, err);
    if (rc < 0)
        return rc;
    const struct options *o = ctx.options;
    return wtl_policy_options_read(arena, &o->policy, overlay, err);
}

static void what_is_not_said_is_not_set(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    const char *const argv[] = {"test"};
    struct wtl_overlay overlay;
    assert_ok(parse(&arena, 1, argv, &overlay, &err), &err);
    struct wtl_policy before = wtl_policy_default(), after = before;
    wtl_overlay_apply(&overlay, &after);
    assert_memory_equal(&before, &after, sizeof before);
}

static void everything_arrives(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    const char *const argv[] = {"test",
                                "--objective",
                                "ed2p",
                                "--max-slowdown",
                                "5%",
                                "--max-energy",
                                "0.9",
                                "--min-saving=10%",
                                "--max-power",
                                "0.3kW",
                                "--min-clock-ratio",
                                "0.7",
                                "--clocks",
                                "900-1410:255",
                                "--baseline",
                                "clock:1230",
                                "--prefer",
                                "best",
                                "--confidence",
                                "90%"};
    struct wtl_overlay overlay;
    assert_ok(parse(&arena, (int)(sizeof argv / sizeof *argv), argv, &overlay, &err), &err);
    struct wtl_policy p = wtl_policy_default();
    wtl_overlay_apply(&overlay, &p);
    assert_int_equal(p.objective.kind, WTL_OBJECTIVE_ED2P);
    assert_true(p.has_max_slowdown && p.has_max_energy && p.has_min_saving && p.has_max_power &&
                p.has_min_clock_ratio);
    assert_near(p.max_slowdown, 0.05, 1e-15);
    assert_near(p.max_energy_ratio, 0.9, 1e-15);
    assert_near(p.min_saving, 0.1, 1e-15);
    assert_near(p.max_power_w, 300, 1e-12);
    assert_near(p.min_clock_ratio, 0.7, 1e-15);
    assert_int_equal(p.n_clocks, 3);
    assert_int_equal(p.clocks_mhz[1], 1155);
    assert_int_equal(p.baseline.kind, WTL_BASELINE_CLOCK);
    assert_int_equal(p.baseline.clock_mhz, 1230);
    assert_int_equal(p.prefer, WTL_PREFER_BEST);
    assert_near(p.confidence, 0.9, 1e-15);
}

static void mistakes_name_the_option(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const char *const wrong[][2] = {{"--objective", "edpp"},    {"--baseline", "nowhere"},
                                           {"--prefer", "red"},        {"--clocks", "fast"},
                                           {"--max-slowdown", "much"}, {"--confidence", "2"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct wtl_error err = {0};
        const char *const argv[] = {"test", wrong[i][0], wrong[i][1]};
        struct wtl_overlay overlay = {.objective = true};
        assert_int_equal(parse(&arena, 3, argv, &overlay, &err), -(int)WTL_USAGE);
        assert_non_null(strstr(err.message, wrong[i][0]));
        assert_true(overlay.objective);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_said_is_not_set),
        cmocka_unit_test(everything_arrives),
        cmocka_unit_test(mistakes_name_the_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
