/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/file.h"
#include "base/random.h"
#include "codec/json.h"
#include "deploy/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What bash makes of a quoted word. */
static void bash_reads_back(const char *text)
{
    char dir[200], path[300], command[400];
    struct wtl_buf script;
    WTL_ARENA(arena);
    char *got;
    size_t size;
    wtl_buf_init(&script, wtl_alloc_system(), 1 << 16);
    make_temporary_directory(dir, sizeof dir);
    wtl_buf_puts(&script, "printf %s ");
    wtl_quote_shell(text, &script);
    snprintf(path, sizeof path, "%s/s", dir);
    write_text(path, wtl_buf_str(&script));
    snprintf(command, sizeof command, "cd '%s' && bash s >out", dir);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof path, "%s/out", dir);
    assert_int_equal(wtl_file_read(&arena, path, 1 << 16, &got, &size, NULL), 0);
    assert_string_equal(got, text);
    wtl_buf_fini(&script);
    remove_tree(dir);
}

static void shell_words_are_data(void **state)
{
    (void)state;
    static const char *const nasty[] = {"",
                                        "plain",
                                        "it's",
                                        "$(touch x) `touch y` \"; touch z #",
                                        "\\ \\n \n\t\x01\x7f",
                                        "\xc3\xa9\xff",
                                        "-n",
                                        "* ? [a] ~ !x {a,b} <f >g & | (x)"};
    for (size_t i = 0; i < sizeof nasty / sizeof nasty[0]; i++)
        bash_reads_back(nasty[i]);
    struct wtl_rng rng;
    wtl_rng_init(&rng, 7);
    for (int round = 0; round < 20; round++) {
        char text[40];
        size_t n = wtl_rng_below(&rng, sizeof text);
        for (size_t i = 0; i < n; i++)
            text[i] = (char)(1 + wtl_rng_below(&rng, 255));
        text[n] = '\0';
        bash_reads_back(text);
    }
}

static void systemd_programs_are_escaped(void **state)
{
    (void)state;
    struct wtl_buf out;
    wtl_buf_init(&out, wtl_alloc_system(), 1000);
    wtl_quote_systemd_program("/a b/%h\"\\\n$x", &out);
    assert_string_equal(wtl_buf_str(&out), "\"/a b/%%h\\\"\\\\\\x0a$x\"");
    wtl_buf_fini(&out);
}

static struct wtl_estimate figure(double value, double lo, double hi)
{
    return (struct wtl_estimate){value, lo, hi, 100, WTL_EVIDENCE_IN_SAMPLE};
}

static struct wtl_plan ok_plan(const char *gpu, const char *workload, int clock_mhz)
{
    struct wtl_plan p = {.status = WTL_PLAN_OK, .policy = wtl_policy_default()};
    snprintf(p.gpu, sizeof p.gpu, "%s", gpu);
    snprintf(p.workload, sizeof p.workload, "%s", workload);
    p.clock_mhz = clock_mhz;
    p.baseline_clock_mhz = 1410;
    p.saving = figure(0.22, 0.19, 0.25);
    p.slowdown = figure(0.04, 0.03, 0.049);
    p.time_s = figure(10.4, 10.3, 10.5);
    p.energy_j = figure(780, 760, 800);
    p.baseline_time_s = figure(10, 9.9, 10.1);
    p.baseline_energy_j = figure(1000, 990, 1010);
    return p;
}

static const struct wtl_deploy_options with = {.dir = "x", .plan_path = "p", .program = "/w"};

static const struct wtl_deploy_options script = {
    .dir = "x", .plan_path = "p", .program = "/w", .without_wattle = true};

static struct wtl_deployment selected_for(struct wtl_arena *arena, struct wtl_plan_file *file,
                                          const struct wtl_board *board,
                                          const struct wtl_deploy_options *options)
{
    static int64_t now = 1800000000 * INT64_C(1000000000);
    struct wtl_deployment d;
    struct wtl_error err = {0};
    file->tool = file->created = file->campaign = file->fingerprint = "";
    assert_ok(wtl_deploy_select(arena, file, board, board ? 1 : 0, wtl_clock_fixed(&now), options,
                                &d, &err),
              &err);
    return d;
}

static struct wtl_deployment selected(struct wtl_arena *arena, struct wtl_plan_file *file,
                                      const struct wtl_board *board)
{
    return selected_for(arena, file, board, &with);
}

static void names_are_safe_and_distinct(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_plan plans[] = {
        ok_plan("A100", "Stable Diffusion", 1140), ok_plan("a-100", "stable_diffusion", 1140),
        ok_plan("A100", "stablediffusion", 1140), ok_plan("\xe6\x97\xa5", "../../etc", 1140),
        ok_plan("A100", "a very long name of a workload that has no end", 1140)};
    struct wtl_plan_file file = {.plans = plans, .n_plans = 5};
    struct wtl_deployment d = selected(&arena, &file, NULL);
    assert_string_equal(d.items[0].name, "wattle-a100-stablediffusion");
    assert_string_equal(d.items[1].name, "wattle-a100-stablediffusion-2");
    assert_string_equal(d.items[2].name, "wattle-a100-stablediffusion-3");
    assert_string_equal(d.items[3].name, "wattle-gpu-etc");
    assert_string_equal(d.items[4].name, "wattle-a100-averylongnameofaworkload");
    assert_int_equal(d.n_deployed, 5);
}

static void clocks_that_the_gpu_lacks_are_left_out(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const int mhz[] = {1095, 1110, 1125, 1140};
    const struct wtl_board board = {.name = "A100", .clocks = {mhz, 4}};
    static const struct wtl_curve_point curve[] = {{.clock_mhz = 1110, .legal = false}};
    struct wtl_plan plans[] = {ok_plan("A100", "a", 1140), ok_plan("A100", "b", 1057),
                               ok_plan("A100", "c", 1110), ok_plan("unheard of", "d", 1057)};
    plans[2].curve = curve;
    plans[2].n_curve = 1;
    struct wtl_plan_file file = {.plans = plans, .n_plans = 4};
    struct wtl_deployment d = selected(&arena, &file, &board);
    assert_string_equal(d.items[0].left_out, "");
    assert_string_equal(d.items[1].left_out, "1057 MHz is no clock of A100");
    assert_non_null(strstr(d.items[2].left_out, "own curve"));
    assert_string_equal(d.items[3].left_out, "");
}

/* The short name of a board that is known does not stand for one that is not. */
static void a_board_that_the_runs_named_is_that_board(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const int mhz[] = {1095, 1110, 1125, 1140};
    static const char *const also[] = {"A100"};
    const struct wtl_board board = {
        .name = "NVIDIA A100-PCIE-40GB", .also = also, .n_also = 1, .clocks = {mhz, 4}};
    struct wtl_plan plans[] = {ok_plan("A100", "a", 1057), ok_plan("A100", "b", 1057),
                               ok_plan("A100", "c", 1057)};
    strcpy(plans[1].made_from.board, "A100-PCIE-40GB");
    strcpy(plans[2].made_from.board, "A100-SXM4-80GB");
    struct wtl_plan_file file = {.plans = plans, .n_plans = 3};
    struct wtl_deployment d = selected(&arena, &file, &board);
    assert_string_equal(d.items[0].left_out, "1057 MHz is no clock of NVIDIA A100-PCIE-40GB");
    assert_string_equal(d.items[1].left_out, "1057 MHz is no clock of NVIDIA A100-PCIE-40GB");
    assert_string_equal(d.items[2].left_out, "");
}

static void plans_of_the_published_method_are_not_deployed(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_plan plan = ok_plan("A100", "a", 1140);
    plan.baseline_kind = WTL_BASELINE_REP;
    struct wtl_plan_file file = {.plans = &plan, .n_plans = 1};
    struct wtl_deployment d = selected(&arena, &file, NULL);
    assert_int_equal(d.n_deployed, 0);
    assert_non_null(strstr(d.items[0].left_out, "published method"));
}

/* The script looks for boards of one type, and there is no "A100 + V100". */
static void plans_of_several_boards_are_not_for_the_script(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_plan plans[] = {ok_plan("A100 + V100", "a", 1110), ok_plan("2x A100", "b", 1140),
                               ok_plan("A100", "c", 1140)};
    struct wtl_plan_file file = {.plans = plans, .n_plans = 3};
    struct wtl_deployment d = selected_for(&arena, &file, NULL, &script);
    assert_int_equal(d.n_deployed, 1);
    assert_non_null(strstr(d.items[0].left_out, "several boards together"));
    assert_non_null(strstr(d.items[1].left_out, "use wattle apply PLAN"));
    assert_string_equal(d.items[2].left_out, "");
    assert_int_equal(selected(&arena, &file, NULL).n_deployed, 3);
}

static struct wtl_configuration limited_batch(double limit_w, double batch)
{
    struct wtl_configuration at = {.window = true};
    wtl_point_set(&at.point, WTL_SETTING_batch, batch);
    wtl_point_set(&at.point, WTL_SETTING_limit_w, limit_w);
    return at;
}

static const char *readme(const struct wtl_deployment *d, struct wtl_buf *out)
{
    wtl_buf_init(out, wtl_alloc_system(), 1 << 20);
    wtl_deploy_readme(d, out);
    return wtl_buf_str(out);
}

static void what_is_not_set_is_said(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_plan plans[] = {ok_plan("A100", "a", 1140), ok_plan("A100", "b", 1140),
                               ok_plan("A100", "b", 1140), ok_plan("A100", "c", 1140)};
    struct wtl_buf text;
    plans[0].at = limited_batch(150, 16);
    plans[1].at.window = plans[2].at.window = true;
    plans[1].at.mem_clock_mhz = 810;
    plans[2].at.mem_clock_mhz = 1215;
    struct wtl_plan_file file = {.plans = plans, .n_plans = 4};
    struct wtl_deployment d = selected_for(&arena, &file, NULL, &script);
    assert_string_equal(d.items[0].by_hand, "power limit 150 W, batch 16");
    assert_string_equal(d.items[1].by_hand, "memory 810 MHz");
    assert_string_equal(d.items[3].by_hand, "");
    assert_non_null(strstr(readme(&d, &text), "| power limit 150 W, batch 16 |"));
    wtl_buf_fini(&text);
    struct wtl_deploy_options memory = script;
    memory.memory_clock_mhz = 810;
    d = selected_for(&arena, &file, NULL, &memory);
    assert_string_equal(d.items[1].by_hand, "");
    assert_string_equal(d.items[2].by_hand, "memory 1215 MHz");
    d = selected(&arena, &file, NULL); /* `wattle apply` sets the limit */
    assert_string_equal(d.items[0].by_hand, "batch 16");
}

static void chosen_points_are_left_out_unless_a_plan_is_the_same(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_plan plan = ok_plan("A100", "a", 705);
    struct wtl_measured_point points[] = {{.at = limited_batch(150, 16), .clock_mhz = 705},
                                          {.at = limited_batch(200, 8), .clock_mhz = 705}};
    struct wtl_point_choice choice = {
        .gpu = "A100", .workload = "a", .points = points, .n_points = 2, .chosen = 1};
    struct wtl_buf text;
    plan.at = limited_batch(150, 16);
    struct wtl_plan_file file = {.plans = &plan, .n_plans = 1, .choices = &choice, .n_choices = 1};
    struct wtl_deployment d = selected_for(&arena, &file, NULL, &script);
    assert_int_equal(d.n_points, 1);
    assert_string_equal(d.points[0].left_out,
                        "the chosen operating point, batch 8, 200 W, 705 MHz, is not deployed: use "
                        "wattle apply PLAN --point");
    assert_non_null(strstr(readme(&d, &text), "batch 8, 200 W, 705 MHz"));
    wtl_buf_fini(&text);
    choice.chosen = 0;
    d = selected_for(&arena, &file, NULL, &script);
    assert_int_equal(d.n_points, 0);
    assert_true(d.items[0].is_point);
    assert_non_null(strstr(readme(&d, &text), "705 MHz, the chosen operating point |"));
    wtl_buf_fini(&text);
    choice.chosen = WTL_NO_POINT;
    choice.status = WTL_PLAN_UNDECIDED;
    d = selected_for(&arena, &file, NULL, &script);
    assert_string_equal(d.points[0].left_out, "no operating point was chosen: undecided");
}

static json_t *production(const struct wtl_deployment *d)
{
    struct wtl_buf text;
    struct wtl_error err = {0};
    json_t *root = NULL;
    wtl_buf_init(&text, wtl_alloc_system(), 1 << 20);
    assert_ok(wtl_deploy_production(d, &text, &err), &err);
    assert_ok(wtl_json_parse(wtl_buf_str(&text), text.len, "p", &root, &err), &err);
    wtl_buf_fini(&text);
    return root;
}

static const char *category_of(double value, double hi)
{
    static char name[20];
    WTL_ARENA(arena);
    struct wtl_plan plan = ok_plan("A100", "a", 1140);
    plan.slowdown = figure(value, value - 0.01, hi);
    struct wtl_plan_file file = {.plans = &plan, .n_plans = 1};
    struct wtl_deployment d = selected(&arena, &file, NULL);
    json_t *root = production(&d);
    json_t *config = json_object_get(json_object_get(root, "configurations"), "A100+a");
    json_t *performance = json_object_get(config, "performance");
    snprintf(name, sizeof name, "%s", json_string_value(json_object_get(performance, "category")));
    assert_near(json_number_value(json_object_get(performance, "penalty_percent")), 100 * value,
                1e-9);
    json_decref(root);
    return name;
}

/* The published programs took abs() and called a 93 % speed-up "high". */
static void a_faster_run_is_faster_and_classes_go_by_the_bound(void **state)
{
    (void)state;
    assert_string_equal(category_of(-0.93, -0.9), "faster");
    assert_string_equal(category_of(0.02, 0.05), "excellent");
    assert_string_equal(category_of(0.04, 0.06), "good");
    assert_string_equal(category_of(0.04, 0.7), "high");
}

static void figures_of_production(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_plan plan = ok_plan("A100", "a", 1140);
    struct wtl_plan_file file = {.plans = &plan, .n_plans = 1};
    struct wtl_deployment d = selected(&arena, &file, NULL);
    json_t *root = production(&d);
    json_t *config = json_object_get(json_object_get(root, "configurations"), "A100+a");
    json_t *energy = json_object_get(config, "energy");
    assert_near(json_number_value(json_object_get(energy, "savings_percent")), 22, 1e-9);
    /* P = 780/10.4 = 75 W against 100 W */
    assert_near(json_number_value(json_object_get(energy, "power_savings_percent")), 25, 1e-9);
    json_t *command = json_object_get(json_object_get(config, "deployment"), "command");
    assert_int_equal(json_array_size(command), 5);
    assert_true(
        json_is_null(json_object_get(json_object_get(config, "performance"), "acceptable")));
    json_decref(root);
}

static void production_follows_its_schema(void **state)
{
    (void)state;
    if (!have_json_schemas())
        skip();
    WTL_ARENA(arena);
    char dir[200], path[300];
    struct wtl_plan plans[] = {ok_plan("A100", "a", 1140), ok_plan("A100", "a", 1140),
                               ok_plan("V100", "b", 1110)};
    plans[1].saving = plans[1].slowdown = (struct wtl_estimate){0};
    plans[2].status = WTL_PLAN_UNDECIDED;
    plans[0].at = limited_batch(150, 16);
    struct wtl_measured_point point = {.at = limited_batch(200, 8), .clock_mhz = 705};
    struct wtl_point_choice choices[] = {
        {.gpu = "A100", .workload = "a", .points = &point, .n_points = 1},
        {.gpu = "A100", .workload = "b", .status = WTL_PLAN_INFEASIBLE, .chosen = WTL_NO_POINT}};
    struct wtl_plan_file file = {.plans = plans, .n_plans = 3, .choices = choices, .n_choices = 2};
    struct wtl_deployment d = selected(&arena, &file, NULL);
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), 1 << 20);
    assert_int_equal(wtl_deploy_production(&d, &text, NULL), 0);
    make_temporary_directory(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/p.json", dir);
    write_text(path, wtl_buf_str(&text));
    wtl_buf_fini(&text);
    assert_true(follows_schema("data/schemas/production.schema.json", path));
    remove_tree(dir);
}

static void a_template_without_its_marker_is_refused(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_plan plan = ok_plan("A100", "a", 1140);
    struct wtl_plan_file file = {.plans = &plan, .n_plans = 1};
    struct wtl_deployment d = selected(&arena, &file, NULL);
    struct wtl_buf out;
    wtl_buf_init(&out, wtl_alloc_system(), 1 << 20);
    assert_int_equal(wtl_deploy_script(&d, "#!/bin/bash\n", &out, NULL), -(int)WTL_CORRUPT);
    assert_int_equal(wtl_deploy_script(&d, "#!/bin/bash\n# @CONFIG@\necho\n", &out, NULL), 0);
    assert_non_null(strstr(wtl_buf_str(&out), "PLAN_CLOCK=(\n    1140\n)\n"));
    assert_true(wtl_ends_with(wtl_buf_str(&out), "\necho\n"));
    wtl_buf_fini(&out);
}

/* Two plans for one GPU exclude one another, on different GPUs they do not. */
static void units_of_one_gpu_conflict(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_plan plans[] = {ok_plan("A100", "a", 1140), ok_plan("a100", "b", 1140),
                               ok_plan("V100", "c", 1110)};
    struct wtl_plan_file file = {.plans = plans, .n_plans = 3};
    struct wtl_deployment d = selected(&arena, &file, NULL);
    struct wtl_buf out;
    wtl_buf_init(&out, wtl_alloc_system(), 1 << 20);
    wtl_deploy_unit(&d, &d.items[0], &out);
    assert_non_null(strstr(wtl_buf_str(&out), "Conflicts=wattle-a100-b.service\n"));
    assert_null(strstr(wtl_buf_str(&out), "v100"));
    assert_non_null(strstr(wtl_buf_str(&out),
                           "ExecStart=\"/w\" apply /etc/wattle/wattle-a100-a.json "
                           "--standing wattle-a100-a\n"));
    wtl_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shell_words_are_data),
        cmocka_unit_test(systemd_programs_are_escaped),
        cmocka_unit_test(names_are_safe_and_distinct),
        cmocka_unit_test(clocks_that_the_gpu_lacks_are_left_out),
        cmocka_unit_test(a_board_that_the_runs_named_is_that_board),
        cmocka_unit_test(plans_of_the_published_method_are_not_deployed),
        cmocka_unit_test(plans_of_several_boards_are_not_for_the_script),
        cmocka_unit_test(what_is_not_set_is_said),
        cmocka_unit_test(chosen_points_are_left_out_unless_a_plan_is_the_same),
        cmocka_unit_test(a_faster_run_is_faster_and_classes_go_by_the_bound),
        cmocka_unit_test(figures_of_production),
        cmocka_unit_test(production_follows_its_schema),
        cmocka_unit_test(a_template_without_its_marker_is_refused),
        cmocka_unit_test(units_of_one_gpu_conflict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
