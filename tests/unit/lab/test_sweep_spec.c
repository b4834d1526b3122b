/* SPDX-License-Identifier: Apache-2.0
 * Specs of sweeps: what is read, where errors are, which points come of it. */
#include "support/support.h"

#include "lab/points.h"

#include <stdio.h>
#include <string.h>

static struct wtl_arena arena;
static struct wtl_error err;

static int begin(void **state)
{
    (void)state;
    wtl_arena_init(&arena, wtl_alloc_system());
    return 0;
}

static int end(void **state)
{
    (void)state;
    wtl_arena_fini(&arena);
    return 0;
}

static int parse(const char *text, struct wtl_sweep_spec *out)
{
    err = (struct wtl_error){0};
    return wtl_sweep_spec_parse(&arena, text, strlen(text), "s.yaml", out, &err);
}

#define HEAD "devices: virtual:plain\nworkloads:\n  - {name: w, virtual: plain}\n"

static void reads_everything(void **state)
{
    struct wtl_sweep_spec s;
    (void)state;
    assert_ok(parse("name: n\nseed: 9\n" HEAD "points:\n  clocks: every 60MHz\n  batches: [8, 64]\n"
                    "  limits: 200W\n  shares: [50%, 100%]\n  variants: [a, b]\n"
                    "list:\n  - {clock: 1.41GHz, batch: 4}\nbaseline: {clock: 1410, batch: 8}\n"
                    "search: adaptive\nobjective: ed2p\nmax_slowdown: 5%\nno_privilege: yes\n"
                    "protocol: {blocks_min: 3, blocks_max: 4, window_max: 20s, idle: no}\n",
                    &s),
              &err);
    assert_string_equal(s.name, "n");
    assert_int_equal(s.seed, 9);
    assert_int_equal(s.grid.clocks.choice, WTL_CLOCKS_EVERY);
    assert_near(s.grid.clocks.step_mhz, 60, 0);
    assert_int_equal(s.grid.setting[WTL_SETTING_batch].n, 2);
    assert_near(s.grid.setting[WTL_SETTING_share].values[0], 0.5, 0);
    assert_int_equal(s.n_list, 1);
    assert_int_equal(s.list[0].clock_mhz, 1410);
    assert_true(s.has_baseline);
    assert_int_equal(s.search, WTL_SEARCH_ADAPTIVE);
    assert_int_equal(s.objective.kind, WTL_OBJECTIVE_ED2P);
    assert_true(s.has_max_slowdown && s.no_privilege);
    assert_int_equal(s.protocol.blocks_min, 3);
    assert_near(s.protocol.window_max_s, 20, 0);
    assert_near(s.protocol.settle_s, 1, 0);
    assert_false(s.protocol.idle);
}

static void has_defaults(void **state)
{
    struct wtl_sweep_spec s;
    (void)state;
    assert_ok(parse(HEAD, &s), &err);
    assert_int_equal(s.protocol.blocks_min, 5);
    assert_int_equal(s.protocol.blocks_max, 10);
    assert_near(s.protocol.warmup_s, 3, 0);
    assert_int_equal(s.protocol.warmup_iterations, 10);
    assert_near(s.protocol.window_min_s, 2, 0);
    assert_near(s.protocol.window_max_s, 10, 0);
    assert_true(s.protocol.idle && s.protocol.band && s.protocol.keep_samples);
    assert_int_equal(s.objective.kind, WTL_OBJECTIVE_EDP);
}

static void refuses_with_a_place(const char *text, int line, const char *message, const char *hint)
{
    struct wtl_sweep_spec s = {.seed = 77};
    assert_int_equal(parse(text, &s), -(int)WTL_PARSE);
    assert_int_equal(s.seed, 77);
    if (!strstr(err.message, message) || !strstr(err.hint, hint) || err.input_line != line)
        fail_msg("line %lld: %s (hint: %s)", (long long)err.input_line, err.message, err.hint);
}

static void refuses(void **state)
{
    (void)state;
    refuses_with_a_place("devices: x\nworklods: []\n", 2, "worklods", "workloads");
    refuses_with_a_place("devices: x\nworkloads: []\n", 2, "empty list", "");
    refuses_with_a_place("devices: x\nworkloads:\n  - {name: a}\n", 3, "either", "");
    refuses_with_a_place("devices: x\nworkloads:\n  - {name: a, virtual: b}\n"
                         "  - {name: A, virtual: b}\n",
                         4, "two workloads", "");
    refuses_with_a_place(HEAD "points:\n  clocks: [510, fast]\n", 5, "fast", "every 60MHz");
    refuses_with_a_place(HEAD "points:\n  clocks: 1410-510\n", 5, "lower clock", "");
    refuses_with_a_place(HEAD "points:\n  batches: 2.5\n", 5, "whole number", "");
    refuses_with_a_place("devices: x\nworkloads:\n  - name: a\n    command: \"python3 w.py\"\n", 4,
                         "a list of words", "[python3, work.py");
    refuses_with_a_place("devices: x\nworkloads:\n  - name: a\n    command: [\"\", b]\n", 4,
                         "the program is empty", "");
    refuses_with_a_place("devices: x\nworkloads:\n  - name: a\n    virtual: b\n    env: [A=1]\n", 5,
                         "no environment", "");
    refuses_with_a_place(HEAD "protocol:\n  blocks_min: 9\n  blocks_max: 3\n", 5, "blocks_min", "");
    refuses_with_a_place(HEAD "protocol: {warm_up: 3}\n", 4, "warm_up", "3s");
    refuses_with_a_place(HEAD "objective: edpp\n", 4, "edpp", "");
    refuses_with_a_place(HEAD "search: adaptiv\n", 4, "adaptiv", "adaptive");
}

/* ---- Points ---------------------------------------------------------------------------------- */

static const double sm[] = {210, 510, 525, 540, 555, 570, 585, 600, 1410};
static const double mem[] = {405, 1215};
static const struct wtl_legal legal = {.device = "dev",
                                       .sm_mhz = sm,
                                       .n_sm = 9,
                                       .mem_mhz = mem,
                                       .n_mem = 2,
                                       .has_limit = true,
                                       .limit_w_min = 100,
                                       .limit_w_max = 250};

static int points_on(const struct wtl_legal *l, const char *text, struct wtl_lab_points *out)
{
    struct wtl_sweep_spec s;
    char whole[600];
    (void)snprintf(whole, sizeof whole, "%s%s", HEAD, text);
    assert_ok(parse(whole, &s), &err);
    return wtl_lab_points_make(&arena, &s, l, out, &err);
}

static int points(const char *text, struct wtl_lab_points *out)
{
    return points_on(&legal, text, out);
}

static void makes_points(void **state)
{
    struct wtl_lab_points p;
    (void)state;
    assert_ok(points("points: {clocks: all}\n", &p), &err);
    assert_int_equal(p.n, 9);
    assert_int_equal(p.items[p.reference].clock_mhz, 1410);
    assert_ok(points("points: {clocks: 510-600}\n", &p), &err);
    assert_int_equal(p.n, 7);
    assert_ok(points("points: {clocks: 510-600 every 30MHz}\n", &p), &err);
    assert_int_equal(p.n, 4);
    assert_int_equal(p.items[1].clock_mhz, 540);
    assert_ok(points("points: {clocks: [525, 600], batches: [8, 1], limits: [200W, 150W]}\n", &p),
              &err);
    assert_int_equal(p.n, 8);
    const struct wtl_lab_point *r = &p.items[p.reference];
    assert_int_equal(r->clock_mhz, 600);
    assert_near(r->point.value[WTL_SETTING_batch], 8, 0);
    assert_near(r->point.value[WTL_SETTING_limit_w], 200, 0);
    for (size_t i = 1; i < p.n; i++)
        assert_true(wtl_lab_point_compare(&p.items[i - 1], &p.items[i]) < 0);
    assert_ok(points("", &p), &err);
    assert_int_equal(p.n, 1); /* as it is */
    assert_int_equal(p.items[0].clock_mhz, 0);
    assert_ok(points("list:\n  - {clock: 510}\n  - {clock: 600}\nbaseline: {clock: 1410}\n", &p),
              &err);
    assert_int_equal(p.n, 3);
    assert_int_equal(p.items[p.reference].clock_mhz, 1410);
}

static void names_the_nearest_clocks(void **state)
{
    struct wtl_lab_points p = {.n = 42};
    (void)state;
    assert_int_equal(points("points: {clocks: [530]}\n", &p), -(int)WTL_PARSE);
    assert_non_null(strstr(err.message, "530 MHz is no SM clock of dev"));
    assert_non_null(strstr(err.hint, "525 and 540"));
    assert_int_equal(err.input_line, 4);
    assert_int_equal(p.n, 42);
    assert_int_equal(points("points: {clocks: [1500]}\n", &p), -(int)WTL_PARSE);
    assert_non_null(strstr(err.hint, "the nearest is 1410"));
    assert_int_equal(points("points: {mem_clocks: [1200]}\n", &p), -(int)WTL_PARSE);
    assert_int_equal(points("points:\n  limits: [200W,\n    300W]\n", &p), -(int)WTL_USAGE);
    assert_int_equal(err.input_line, 6); /* that value, not the list */
    assert_int_equal(err.input_column, 5);
    assert_int_equal(points("list:\n  - {limit: 200W}\n  - {limit: 99W}\n", &p), -(int)WTL_USAGE);
    assert_int_equal(err.input_line, 6);
    assert_int_equal(points("baseline: {limit: 99W}\n", &p), -(int)WTL_USAGE);
    assert_int_equal(err.input_line, 4);
    assert_int_equal(points("points: {cpu_quota: 2}\n", &p), -(int)WTL_UNSUPPORTED);
    assert_int_equal(err.input_line, 4);
    struct wtl_legal with_quota = legal;
    with_quota.has_quota = true;
    with_quota.quota_max = 64;
    assert_int_equal(points_on(&with_quota, "points: {cpu_quota: [2, 640]}\n", &p),
                     -(int)WTL_USAGE);
    assert_non_null(strstr(err.message, "a CPU quota of 640: the machine has 64 CPUs"));
    assert_int_equal(p.n, 42);
    assert_ok(points_on(&with_quota, "points: {cpu_quota: [2, 64]}\n", &p), &err);
}

static void without_privilege_it_says_what_it_leaves(void **state)
{
    struct wtl_lab_points p;
    (void)state;
    assert_ok(points("no_privilege: yes\npoints: {clocks: all, limits: [200W, 250W], batches: [1,"
                     " 2]}\n",
                     &p),
              &err);
    assert_int_equal(p.n, 2);
    assert_int_equal(p.items[0].clock_mhz, 0);
    assert_string_equal(p.not_varied, "SM clocks, power limits");
}

static void knobs_are_no_part_of_a_load(void **state)
{
    struct wtl_lab_point a = {.clock_mhz = 510}, b = {.clock_mhz = 600};
    (void)state;
    wtl_point_set(&a.point, WTL_SETTING_limit_w, 200);
    assert_true(wtl_lab_point_same_load(&a, &b, 0));
    assert_true(wtl_lab_point_same_load(&a, &b, WTL_PART(WTL_SETTING_batch)));
    /* but for one that was told */
    assert_false(wtl_lab_point_same_load(&a, &b, WTL_PART(WTL_PART_clock_mhz)));
    assert_false(wtl_lab_point_same_load(&a, &b, WTL_PART(WTL_SETTING_limit_w)));
    assert_true(wtl_lab_point_same_load(&a, &b, WTL_PART(WTL_PART_mem_clock_mhz)));
    b.mem_clock_mhz = 1215;
    assert_false(wtl_lab_point_same_load(&a, &b, WTL_PART(WTL_PART_mem_clock_mhz)));
    assert_false(wtl_lab_point_related(&a, &b));
    wtl_point_set(&a.point, WTL_SETTING_batch, 2);
    assert_false(wtl_lab_point_same_load(&a, &b, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_everything),
        cmocka_unit_test(has_defaults),
        cmocka_unit_test(refuses),
        cmocka_unit_test(makes_points),
        cmocka_unit_test(names_the_nearest_clocks),
        cmocka_unit_test(without_privilege_it_says_what_it_leaves),
        cmocka_unit_test(knobs_are_no_part_of_a_load),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
