/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/file.h"
#include "board/board_file.h"
#include "store/policy_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse(struct wtl_arena *arena, const char *text, struct wtl_policy_file *out,
                 struct wtl_error *err)
{
    return wtl_policy_file_parse(arena, text, strlen(text), "p.yaml", out, err);
}

static struct wtl_policy applied(const struct wtl_policy_file *file, const char *gpu,
                                 const char *workload, const char *category)
{
    struct wtl_policy p = wtl_policy_default();
    struct wtl_error err = {0};
    assert_ok(wtl_policy_file_apply(file, gpu, workload, category, &p, NULL, &err), &err);
    return p;
}

static const char example[] = "name: mine\n"
                              "defaults: {max_slowdown: 20%, min_saving: 5%}\n"
                              "categories:\n"
                              "  - {category: batch, objective: energy, max_slowdown: 50%}\n"
                              "  - {category: live, objective: time, slo: [p99=200ms, p50=50ms]}\n"
                              "workloads:\n"
                              "  - {workload: llama, gpu: A100, max_power: 200W}\n"
                              "  - workload: Llama\n"
                              "    category: live\n"
                              "    max_power: 300W\n"
                              "    clocks: 510-600:15\n"
                              "  - workload: stable_diffusion\n"
                              "    prefer: best\n"
                              "    baseline: clock:1.23GHz\n"
                              "    clocks: [1095, 1110]\n";

static void levels_are_laid_over_one_another(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_policy_file file;
    assert_ok(parse(&arena, example, &file, &err), &err);

    struct wtl_policy p = applied(&file, "A100", "LLAMA", NULL);
    assert_int_equal(p.objective.kind, WTL_OBJECTIVE_TIME);
    assert_near(p.max_slowdown, 0.2, 1e-12);
    assert_near(p.max_power_w, 200, 0); /* the rule that names the GPU is the last word */
    assert_int_equal(p.n_slo, 2);
    assert_int_equal(p.slo[0].percent, 99);
    assert_near(p.slo[1].seconds, 0.05, 1e-12);
    assert_int_equal(p.n_clocks, 7);
    assert_near(applied(&file, "V100", "llama", NULL).max_power_w, 300, 0);

    p = applied(&file, "V100", "StableDiffusion", "batch");
    assert_int_equal(p.objective.kind, WTL_OBJECTIVE_ENERGY);
    assert_near(p.max_slowdown, 0.5, 1e-12);
    assert_int_equal(p.prefer, WTL_PREFER_BEST);
    assert_int_equal(p.baseline.clock_mhz, 1230);
    assert_int_equal(p.clocks_mhz[1], 1110);

    p = applied(&file, "V100", "unheard of", NULL);
    assert_int_equal(p.objective.kind, WTL_OBJECTIVE_EDP);
    assert_near(p.max_slowdown, 0.2, 1e-12);
    assert_near(p.min_saving, 0.05, 1e-12);
    assert_false(p.has_max_power);
}

static void mistakes_have_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
        int line;
    } cases[] = {
        {"name: x\nworkload: []\n", "workload", 2},
        {"name: x\nworkloads:\n  - {workload: a, max_slowdow: 5%}\n", "max_slowdow", 3},
        {"name: x\nworkloads:\n  - {workload: a, objective: edp3p}\n", "edp3p", 3},
        {"name: x\nworkloads:\n  - {workload: a, baseline: rep:0}\n", "rep:0", 3},
        {"name: x\nworkloads:\n  - {workload: a, slo: p98=1s}\n", "p98=1s", 3},
        {"name: x\nworkloads:\n  - {workload: a, clocks: 1-2}\n", "1-2", 3},
        {"name: x\nworkloads:\n  - {workload: a, min_clock_ratio: 1.5}\n", "min_clock_ratio", 3},
        {"name: x\nworkloads:\n  - {workload: a, max_slowdown: 5}\n", "no % sign", 3},
        {"name: x\ndefaults: {max_energy: 90}\n", "no % sign", 2},
        {"name: x\ndefaults: {max_slowdown: -100%}\n", "outside -99 % to 1000 %", 2},
        {"name: x\nworkloads:\n  - {workload: a, category: gone}\n", "gone", 0},
        {"name: x\nworkloads:\n  - {workload: a}\n  - {workload: A}\n", "two rules", 0},
        {"workloads: []\n", "name", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        struct wtl_policy_file file = {.n_workloads = 77};
        assert_int_equal(parse(&arena, cases[i].text, &file, &err), -(int)WTL_PARSE);
        assert_non_null(strstr(err.message, cases[i].message));
        assert_string_equal(err.input_file, "p.yaml");
        assert_int_equal(err.input_line, cases[i].line);
        assert_int_equal(file.n_workloads, 77);
    }
}

static void an_unknown_category_is_refused(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_policy_file file;
    assert_ok(parse(&arena, example, &file, &err), &err);
    struct wtl_policy p = wtl_policy_default();
    assert_int_equal(wtl_policy_file_apply(&file, "a", "b", "night", &p, NULL, &err),
                     -(int)WTL_USAGE);
    assert_non_null(strstr(err.hint, "batch, live"));
}

/* The three published tables, figure by figure. */
static void presets_hold_the_published_limits(void **state)
{
    (void)state;
    static const struct {
        const char *preset, *workload;
        double slowdown, ratio; /* 0: none */
        enum wtl_objective_kind objective;
    } want[] = {
        {"published-000", "llama", 0.05, 0.85, WTL_OBJECTIVE_ED2P},
        {"published-000", "vit", 0.20, 0.70, WTL_OBJECTIVE_THROUGHPUT_PER_WATT},
        {"published-000", "stable_diffusion", 0.10, 0.80, WTL_OBJECTIVE_EDP},
        {"published-000", "Whisper", 0.15, 0.75, WTL_OBJECTIVE_ENERGY},
        {"published-000", "lstm", 0.15, 0.75, WTL_OBJECTIVE_EDP},
        {"published-000", "other", 0.15, 0.75, WTL_OBJECTIVE_WEIGHTED},
        {"published-001", "llama", 0.15, 0, WTL_OBJECTIVE_EDP},
        {"published-001", "stablediffusion", 0.30, 0, WTL_OBJECTIVE_EDP},
        {"published-001", "vit", 0.50, 0, WTL_OBJECTIVE_EDP},
        {"published-001", "whisper", 0.40, 0, WTL_OBJECTIVE_EDP},
        {"published-001", "other", 0, 0, WTL_OBJECTIVE_EDP},
        {"published-config", "llama", 0.05, 0, WTL_OBJECTIVE_EDP},
        {"published-config", "STABLEDIFFUSION", 0.20, 0, WTL_OBJECTIVE_EDP},
        {"published-config", "vit", 0.20, 0, WTL_OBJECTIVE_EDP},
        {"published-config", "whisper", 0.15, 0, WTL_OBJECTIVE_EDP},
        {"published-config", "lstm", 0.10, 0, WTL_OBJECTIVE_EDP},
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        struct wtl_policy_file file;
        assert_ok(wtl_policy_file_read(&arena, want[i].preset, &file, &err), &err);
        struct wtl_policy p = applied(&file, "A100", want[i].workload, NULL);
        assert_near(p.has_max_slowdown ? p.max_slowdown : 0, want[i].slowdown, 1e-12);
        assert_near(p.has_min_clock_ratio ? p.min_clock_ratio : 0, want[i].ratio, 1e-12);
        assert_int_equal(p.objective.kind, want[i].objective);
        assert_true(file.description[0] && file.source[0]);
    }
}

static void presets_are_found_by_name_and_listed(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_policy_file file;
    assert_ok(wtl_policy_file_read(&arena, "categories", &file, &err), &err);
    struct wtl_policy p = applied(&file, "x", "y", "batch");
    assert_int_equal(p.objective.kind, WTL_OBJECTIVE_ENERGY);
    assert_near(p.max_slowdown, 0.3, 1e-12);
    assert_ok(
        wtl_policy_file_read(&arena, source_path("data/policies/categories.yaml"), &file, &err),
        &err);
    assert_int_equal(wtl_policy_file_read(&arena, "no-such", &file, &err), -(int)WTL_NOTFOUND);
    assert_non_null(strstr(err.hint, "published-000, published-001, published-config"));
}

/* Each line of the generated tables stands in the documentation, word for word. */
static void the_documentation_names_every_key(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_buf text;
    char *doc;
    size_t size, lines = 0;
    assert_int_equal(
        wtl_file_read(&arena, source_path("docs/policies.md"), 1 << 20, &doc, &size, NULL), 0);
    wtl_buf_init(&text, wtl_alloc_system(), 1 << 20);
    wtl_policy_file_document(&text);
    char *rest = NULL;
    for (char *line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (line[0] == '|' && !strstr(doc, line))
            fail_msg("docs/policies.md lacks: %s", line);
        lines += line[0] == '|';
    }
    assert_true(lines > 40);
    wtl_buf_fini(&text);
    for (const struct wtl_published_metric *m = wtl_published_metrics(); m->name; m++) {
        char line[300], objective[64];
        snprintf(line, sizeof line, "| `%s` | `%s` | %s |", m->name,
                 wtl_objective_format(&m->objective, objective, sizeof objective), m->reason);
        if (!strstr(doc, line))
            fail_msg("docs/policies.md lacks: %s", line);
    }
}

static void shipped_boards_have_the_published_lists(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_board *boards;
    size_t n;
    assert_ok(wtl_boards_load(&arena, &boards, &n, &err), &err);
    static const struct {
        const char *name;
        size_t clocks;
        int low, high;
        bool locks_memory;
    } want[] = {{"Tesla V100-PCIE-32GB", 167, 135, 1380, false},
                {"NVIDIA A100-PCIE-40GB", 81, 210, 1410, true},
                {"NVIDIA H100 NVL", 97, 345, 1785, true},
                {"v100", 167, 135, 1380, false},
                {"GA100", 81, 210, 1410, true}};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        const struct wtl_board *b = wtl_board_find(boards, n, want[i].name);
        assert_non_null(b);
        assert_int_equal(b->clocks.n, want[i].clocks);
        assert_int_equal(b->clocks.mhz[0], want[i].low);
        assert_int_equal(b->clocks.mhz[b->clocks.n - 1], want[i].high);
        assert_int_equal(b->locks_memory_clock, want[i].locks_memory);
        assert_true(b->source[0]);
    }
    assert_null(wtl_board_find(boards, n, "B200"));
    assert_int_equal(wtl_board_find(boards, n, "V100")->default_clock_mhz, 1230);
}

static void a_short_name_does_not_make_a_board_fit(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_board *boards;
    size_t n;
    assert_ok(wtl_boards_load(&arena, &boards, &n, &err), &err);
    const struct wtl_board *h100 = wtl_board_find(boards, n, "H100");
    static const int nvl[] = {510, 1057, 1785}, sxm[] = {510, 1785, 1980},
                     odd[] = {511, 1057, 1785};
    assert_true(wtl_board_fits(h100, &(struct wtl_clocks){nvl, 3}));
    assert_false(wtl_board_fits(h100, &(struct wtl_clocks){sxm, 3}));
    assert_false(wtl_board_fits(h100, &(struct wtl_clocks){odd, 3}));
    assert_false(wtl_board_fits(h100, &(struct wtl_clocks){NULL, 0}));
}

static void a_board_file_needs_its_clocks_and_its_source(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_board board = {.default_clock_mhz = 77};
    static const char *const bad[] = {"name: x\nclocks: 1-2:1\n", "name: x\nsource: y\n",
                                      "name: x\nclocks: abc\nsource: y\n"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(wtl_board_parse(&arena, bad[i], strlen(bad[i]), "b.yaml", &board, NULL),
                         -(int)WTL_PARSE);
        assert_int_equal(board.default_clock_mhz, 77);
    }
}

int main(void)
{
    setenv("WATTLE_DATA_DIR", source_path("data"), 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_are_laid_over_one_another),
        cmocka_unit_test(mistakes_have_their_place),
        cmocka_unit_test(an_unknown_category_is_refused),
        cmocka_unit_test(presets_hold_the_published_limits),
        cmocka_unit_test(presets_are_found_by_name_and_listed),
        cmocka_unit_test(the_documentation_names_every_key),
        cmocka_unit_test(shipped_boards_have_the_published_lists),
        cmocka_unit_test(a_short_name_does_not_make_a_board_fit),
        cmocka_unit_test(a_board_file_needs_its_clocks_and_its_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
