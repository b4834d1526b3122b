/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/file.h"
#include "base/random.h"
#include "codec/json.h"
#include "store/plan_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double figure(struct wtl_rng *rng)
{
    return wtl_rng_normal(rng) * 100;
}

static struct wtl_estimate estimate(struct wtl_rng *rng)
{
    struct wtl_estimate e = {.evidence = (enum wtl_evidence)wtl_rng_below(rng, 3)};
    e.n = (int)wtl_rng_below(rng, 200);
    if (e.n == 0)
        e.evidence = WTL_EVIDENCE_NONE;
    else
        e.value = figure(rng);
    if (e.evidence != WTL_EVIDENCE_NONE) {
        e.lo = e.value - 1;
        e.hi = e.value + 1;
    }
    return e;
}

static struct wtl_policy random_policy(struct wtl_rng *rng)
{
    static const int clocks[] = {510, 525, 1380};
    struct wtl_policy p = wtl_policy_default();
    p.objective = (struct wtl_objective){.kind = WTL_OBJECTIVE_ETN, .exponent = 1.0 / 3};
    p.baseline = (struct wtl_baseline){.kind = WTL_BASELINE_REP, .rep = 2};
    p.prefer = WTL_PREFER_BEST;
    p.has_max_slowdown = wtl_rng_below(rng, 2);
    p.max_slowdown = p.has_max_slowdown ? 0.05 : 0;
    p.has_max_energy = wtl_rng_below(rng, 2);
    p.max_energy_ratio = p.has_max_energy ? 0.9 : 0;
    p.has_rate = wtl_rng_below(rng, 2);
    p.rate_per_s = p.has_rate ? 12.5 : 0;
    p.n_slo = 2;
    p.slo[0] = (struct wtl_slo){99, 0.2};
    p.slo[1] = (struct wtl_slo){50, 0.1};
    if (wtl_rng_below(rng, 2)) {
        p.clocks_mhz = clocks;
        p.n_clocks = 3;
    }
    p.seed = INT64_MAX;
    return p;
}

static struct wtl_plan random_plan(struct wtl_arena *arena, uint64_t seed)
{
    static const int tied[] = {1095, 1110, 1125};
    static const char *const notes[] = {"a note", "\xe2\x82\xac \"quoted\"\n"};
    struct wtl_rng rng;
    wtl_rng_init(&rng, seed);
    struct wtl_plan p = {.status = (enum wtl_plan_status)wtl_rng_below(&rng, 4),
                         .policy = random_policy(&rng)};
    snprintf(p.gpu, sizeof p.gpu, "GPU %d", (int)seed);
    snprintf(p.workload, sizeof p.workload, "it's; $(work) \"load\"");
    if (wtl_rng_below(&rng, 2)) {
        snprintf(p.at.point.variant, sizeof p.at.point.variant, "fp16 \"x\"");
        for (int s = 0; s < (int)WTL_N_SETTINGS; s++)
            if (wtl_rng_below(&rng, 2))
                wtl_point_set(&p.at.point, (enum wtl_setting)s, 0.1 + wtl_rng_uniform(&rng));
        p.at.window = wtl_rng_below(&rng, 2);
        p.at.mem_clock_mhz = wtl_rng_below(&rng, 2) ? 1215 : 0;
        snprintf(p.at.unit, sizeof p.at.unit, "%s", wtl_rng_below(&rng, 2) ? "images" : "");
        p.energy_class = (enum wtl_energy_class)wtl_rng_below(&rng, WTL_N_CLASSES);
        if (p.energy_class)
            p.energy_method = (enum wtl_energy_method)wtl_rng_below(&rng, WTL_N_ENERGY_METHODS);
    }
    if (p.status == WTL_PLAN_OK) {
        p.clock_mhz = 1110;
        p.tied_clocks_mhz = tied;
        p.n_tied = 3;
    } else {
        p.best_guess_mhz = 1095;
        p.tied_clocks_mhz = tied;
    }
    p.baseline_kind = WTL_BASELINE_REP;
    p.baseline_clock_mhz = 1380;
    p.baseline_from_curve = wtl_rng_below(&rng, 2);
    struct wtl_estimate *all[] = {
        &p.baseline_time_s, &p.baseline_energy_j, &p.saving, &p.slowdown, &p.objective_saving,
        &p.time_s,          &p.energy_j,          &p.power_w};
    for (size_t i = 0; i < 8; i++)
        *all[i] = estimate(&rng);
    struct wtl_curve_point *curve = WTL_NEW_ARRAY(arena, struct wtl_curve_point, 3);
    for (int i = 0; i < 3; i++)
        curve[i] = (struct wtl_curve_point){.clock_mhz = tied[i],
                                            .time_s = figure(&rng),
                                            .energy_j = figure(&rng),
                                            .power_w = figure(&rng),
                                            .time_lo = figure(&rng),
                                            .time_hi = figure(&rng),
                                            .energy_lo = figure(&rng),
                                            .energy_hi = figure(&rng),
                                            .slowdown = figure(&rng),
                                            .slowdown_hi = figure(&rng),
                                            .saving = figure(&rng),
                                            .saving_lo = figure(&rng),
                                            .saving_hi = figure(&rng),
                                            .objective = figure(&rng),
                                            .legal = i == 0,
                                            .feasible = i == 1,
                                            .tied = i == 2,
                                            .pareto = i != 1,
                                            .knee = i == 2};
    p.curve = curve;
    p.n_curve = 3;
    if (wtl_rng_below(&rng, 2)) {
        struct wtl_power_p99 *p99 = WTL_NEW_ARRAY(arena, struct wtl_power_p99, 2);
        p99[0] = (struct wtl_power_p99){510, 1 + fabs(figure(&rng)), 1};
        p99[1] = (struct wtl_power_p99){1380, 1 + fabs(figure(&rng)), 12};
        p.power_p99 = p99;
        p.n_power_p99 = 2;
    }
    p.hypervolume = figure(&rng);
    p.knee_clock_mhz = 1125;
    if (wtl_rng_below(&rng, 2)) {
        p.time_model = "t = a + b/f";
        p.time_cv_error = figure(&rng);
    }
    p.n_runs = 3;
    p.n_rejected = 4;
    p.rejected[WTL_CAUSE_cold_start] = 3;
    p.rejected[WTL_CAUSE_outlier] = 1;
    if (p.status == WTL_PLAN_INFEASIBLE) {
        strcpy(p.binding, "max_slowdown 5 %");
        strcpy(p.relaxation, "6.1 % would do");
    }
    p.notes = notes;
    p.n_notes = 2;
    if (wtl_rng_below(&rng, 2)) {
        static const uint64_t sources[] = {UINT64_C(0x0a), UINT64_C(0xffffffffffff)};
        static const uint64_t runs[] = {UINT64_C(0x0123456789ab)};
        p.made_from = (struct wtl_made_from){.board = "A100-SXM4-80GB",
                                             .sources = sources,
                                             .n_sources = 2,
                                             .runs = runs,
                                             .n_runs = 1};
    }
    return p;
}

static char *dump(struct wtl_arena *arena, const struct wtl_plan_file *file)
{
    struct wtl_error err = {0};
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), 1 << 24);
    assert_ok(wtl_plan_file_text(file, &text, &err), &err);
    char *copy = wtl_arena_strdup(arena, wtl_buf_str(&text));
    wtl_buf_fini(&text);
    return copy;
}

static int load(struct wtl_arena *arena, const char *text, struct wtl_plan_file *out,
                struct wtl_error *err)
{
    json_auto_t *root = NULL;
    int rc = wtl_json_parse(text, strlen(text), "p.json", &root, err);
    return rc < 0 ? rc : wtl_plan_from_json(arena, "p.json", root, out, err);
}

static void assert_estimates_equal(const struct wtl_estimate *a, const struct wtl_estimate *b)
{
    assert_true(a->value == b->value && a->lo == b->lo && a->hi == b->hi);
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->evidence, b->evidence);
}

static void assert_policies_equal(const struct wtl_policy *a, const struct wtl_policy *b)
{
    assert_memory_equal(&a->objective, &b->objective, sizeof a->objective);
    assert_int_equal(a->baseline.kind, b->baseline.kind);
    assert_int_equal(a->baseline.rep, b->baseline.rep);
    assert_int_equal(a->prefer, b->prefer);
    assert_int_equal(a->has_max_slowdown, b->has_max_slowdown);
    assert_true(a->max_slowdown == b->max_slowdown);
    assert_int_equal(a->has_max_energy, b->has_max_energy);
    assert_true(a->max_energy_ratio == b->max_energy_ratio);
    assert_false(b->has_max_power || b->has_min_saving || b->has_min_clock_ratio);
    assert_int_equal(a->has_rate, b->has_rate);
    assert_int_equal(a->n_slo, b->n_slo);
    assert_int_equal(a->slo[1].percent, b->slo[1].percent);
    assert_true(a->slo[1].seconds == b->slo[1].seconds);
    assert_int_equal(a->n_clocks, b->n_clocks);
    assert_int_equal(a->clocks_mhz == NULL, b->clocks_mhz == NULL);
    if (a->clocks_mhz)
        assert_memory_equal(a->clocks_mhz, b->clocks_mhz, a->n_clocks * sizeof(int));
    assert_int_equal(a->seed, b->seed);
    assert_int_equal(a->replicates, b->replicates);
    assert_true(a->confidence == b->confidence);
}

static void assert_plans_equal(const struct wtl_plan *a, const struct wtl_plan *b)
{
    assert_string_equal(a->gpu, b->gpu);
    assert_string_equal(a->workload, b->workload);
    assert_int_equal(wtl_configuration_compare(&a->at, &b->at), 0);
    assert_string_equal(a->at.unit, b->at.unit);
    assert_int_equal(a->energy_class, b->energy_class);
    assert_int_equal(a->energy_method, b->energy_method);
    assert_int_equal(a->status, b->status);
    assert_policies_equal(&a->policy, &b->policy);
    assert_int_equal(a->clock_mhz, b->clock_mhz);
    assert_int_equal(a->best_guess_mhz, b->best_guess_mhz);
    assert_int_equal(a->n_tied, b->n_tied);
    if (a->n_tied)
        assert_memory_equal(a->tied_clocks_mhz, b->tied_clocks_mhz, a->n_tied * sizeof(int));
    assert_int_equal(a->baseline_kind, b->baseline_kind);
    assert_int_equal(a->baseline_clock_mhz, b->baseline_clock_mhz);
    assert_int_equal(a->baseline_from_curve, b->baseline_from_curve);
    assert_estimates_equal(&a->baseline_time_s, &b->baseline_time_s);
    assert_estimates_equal(&a->baseline_energy_j, &b->baseline_energy_j);
    assert_estimates_equal(&a->saving, &b->saving);
    assert_estimates_equal(&a->slowdown, &b->slowdown);
    assert_estimates_equal(&a->objective_saving, &b->objective_saving);
    assert_estimates_equal(&a->time_s, &b->time_s);
    assert_estimates_equal(&a->energy_j, &b->energy_j);
    assert_estimates_equal(&a->power_w, &b->power_w);
    assert_int_equal(a->n_curve, b->n_curve);
    assert_memory_equal(a->curve, b->curve, a->n_curve * sizeof *a->curve);
    assert_int_equal(a->n_power_p99, b->n_power_p99);
    for (size_t i = 0; i < a->n_power_p99; i++) {
        assert_int_equal(a->power_p99[i].clock_mhz, b->power_p99[i].clock_mhz);
        assert_true(a->power_p99[i].power_w == b->power_p99[i].power_w);
        assert_int_equal(a->power_p99[i].n_runs, b->power_p99[i].n_runs);
    }
    assert_true(a->hypervolume == b->hypervolume);
    assert_int_equal(a->knee_clock_mhz, b->knee_clock_mhz);
    assert_int_equal(a->time_model == NULL, b->time_model == NULL);
    if (a->time_model)
        assert_string_equal(a->time_model, b->time_model);
    assert_true(a->time_cv_error == b->time_cv_error);
    assert_null(b->power_model);
    assert_int_equal(a->n_runs, b->n_runs);
    assert_int_equal(a->n_rejected, b->n_rejected);
    assert_memory_equal(a->rejected, b->rejected, sizeof a->rejected);
    assert_string_equal(a->binding, b->binding);
    assert_string_equal(a->relaxation, b->relaxation);
    assert_int_equal(a->n_notes, b->n_notes);
    for (size_t i = 0; i < a->n_notes; i++)
        assert_string_equal(a->notes[i], b->notes[i]);
    const struct wtl_made_from *x = &a->made_from, *y = &b->made_from;
    assert_string_equal(x->board, y->board);
    assert_int_equal(x->n_sources, y->n_sources);
    assert_int_equal(x->n_runs, y->n_runs);
    for (size_t i = 0; i < x->n_sources; i++)
        assert_true(x->sources[i] == y->sources[i]);
    for (size_t i = 0; i < x->n_runs; i++)
        assert_true(x->runs[i] == y->runs[i]);
}

static struct wtl_measured_point random_point(struct wtl_rng *rng)
{
    struct wtl_measured_point p = {.n_rejected = (int)wtl_rng_below(rng, 3)};
    p.at.window = true;
    wtl_point_set(&p.at.point, WTL_SETTING_batch, 1 + wtl_rng_below(rng, 64));
    p.clock_mhz = wtl_rng_below(rng, 2) ? 1110 : 0;
    p.rate_per_s = wtl_rng_below(rng, 2) ? 12.5 : 0;
    p.n = (int)wtl_rng_below(rng, 5);
    if (p.n) {
        p.time_s = (struct wtl_estimate){0.004, 0.0039, 0.0041, p.n, WTL_EVIDENCE_IN_SAMPLE};
        p.energy_j = estimate(rng);
        p.power_w = estimate(rng);
        p.objective = 1 + wtl_rng_uniform(rng);
        p.saving = figure(rng);
        p.slowdown = figure(rng);
    }
    p.latency_valid = wtl_rng_below(rng, 16);
    for (int q = 0; q < 4; q++)
        p.latency_s[q] = (p.latency_valid >> q) & 1 ? wtl_rng_uniform(rng) : 0;
    p.energy_class = (enum wtl_energy_class)wtl_rng_below(rng, WTL_N_CLASSES);
    p.energy_method = (enum wtl_energy_method)wtl_rng_below(rng, WTL_N_ENERGY_METHODS);
    p.feasible = wtl_rng_below(rng, 2);
    p.tied = wtl_rng_below(rng, 2);
    p.pareto = wtl_rng_below(rng, 2);
    snprintf(p.why, sizeof p.why, "%s", p.feasible ? "" : "slowdown up to 12.0 %");
    return p;
}

static void choices_among_points_read_back_the_same(void **state)
{
    (void)state;
    static const char *const notes[] = {"a note"};
    static const uint64_t run_keys[] = {0x0123456789ab, 0xfedcba987654};
    for (uint64_t seed = 1; seed <= 100; seed++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        struct wtl_rng rng;
        struct wtl_measured_point points[4];
        wtl_rng_init(&rng, seed);
        for (int i = 0; i < 4; i++)
            points[i] = random_point(&rng);
        struct wtl_point_choice choice = {.status = (enum wtl_plan_status)wtl_rng_below(&rng, 4),
                                          .gpu = "cpu",
                                          .workload = "mobilenet",
                                          .unit = "images",
                                          .policy = random_policy(&rng),
                                          .points = points,
                                          .n_points = 4,
                                          .best = 2,
                                          .baseline = 1,
                                          .saving = estimate(&rng),
                                          .notes = notes,
                                          .n_notes = 1};
        choice.chosen = choice.status == WTL_PLAN_OK ? 3 : WTL_NO_POINT;
        choice.made_from =
            (struct wtl_made_from){.board = "A100-SXM4-80GB", .runs = run_keys, .n_runs = seed % 3};
        struct wtl_plan_file file = {.choices = &choice, .n_choices = 1}, back = {0};
        char *text = dump(&arena, &file);
        assert_ok(load(&arena, text, &back, &err), &err);
        assert_int_equal(back.n_plans, 0);
        assert_int_equal(back.n_choices, 1);
        assert_int_equal(back.choices->chosen, choice.chosen);
        assert_int_equal(back.choices->n_points, 4);
        assert_string_equal(back.choices->made_from.board, "A100-SXM4-80GB");
        assert_int_equal(back.choices->made_from.n_runs, seed % 3);
        for (int i = 0; i < 4; i++) {
            const struct wtl_measured_point *p = &back.choices->points[i];
            assert_int_equal(wtl_configuration_compare(&p->at, &points[i].at), 0);
            assert_estimates_equal(&p->energy_j, &points[i].energy_j);
            assert_memory_equal(p->latency_s, points[i].latency_s, sizeof p->latency_s);
            assert_int_equal(p->energy_class, points[i].energy_class);
        }
        assert_string_equal(dump(&arena, &back), text);
    }
}

static void bad_points_name_their_place(void **state)
{
    (void)state;
#define POINTS(text) "{\"plans\":[],\"operating_points\":[" text "]}"
#define CHOICE(status, chosen, points)                                                             \
    POINTS("{\"gpu\":\"a\",\"workload\":\"b\",\"status\":\"" status "\",\"per_run\":false,"        \
           "\"chosen\":" chosen ",\"points\":[" points "],\"notes\":[]}")
    static const char *const bad[][2] = {
        {POINTS("7"), "operating_points[0]"},
        {POINTS("{\"gpu\":\"a\"}"), "workload"},
        {CHOICE("ok", "null", ""), "needs a point"},
        {CHOICE("undecided", "0", ""), "chosen"},
        {CHOICE("fine", "null", ""), "none of ok"},
        {CHOICE("undecided", "null", "{\"n\":1,\"colour\":2}"), "colour"},
        {"{\"plans\":[],\"operating_points\":{}}", "expected an array"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        struct wtl_plan_file file = {.n_plans = 77};
        assert_int_equal(load(&arena, bad[i][0], &file, &err), -(int)WTL_PARSE);
        if (!strstr(err.message, bad[i][1]))
            fail_msg("\"%s\" lacks \"%s\"", err.message, bad[i][1]);
        assert_int_equal(file.n_plans, 77);
    }
}

static void plans_are_found_and_narrowed_by_configuration(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_plan plans[3] = {{.gpu = "A100", .workload = "x"},
                                {.gpu = "A100", .workload = "x"},
                                {.gpu = "A100", .workload = "y"}};
    wtl_point_set(&plans[0].at.point, WTL_SETTING_batch, 1);
    wtl_point_set(&plans[1].at.point, WTL_SETTING_batch, 8);
    wtl_point_set(&plans[2].at.point, WTL_SETTING_batch, 8);
    struct wtl_plan_file file = {.plans = plans, .n_plans = 3};
    struct wtl_at at;
    assert_ptr_equal(wtl_plan_file_find(&file, "a100", "X", &plans[1].at), &plans[1]);
    const struct wtl_configuration plain = {0};
    assert_null(wtl_plan_file_find(&file, "a100", "X", &plain));
    assert_ok(wtl_at_parse("batch 8", &at, &err), &err);
    assert_ok(wtl_plan_file_narrow(&arena, "p.json", &at, &file, &err), &err);
    assert_int_equal(file.n_plans, 2);
    assert_string_equal(file.plans[1].workload, "y");
    assert_ok(wtl_at_parse("batch 16", &at, &err), &err);
    assert_int_equal(wtl_plan_file_narrow(&arena, "p.json", &at, &file, &err), -(int)WTL_NOTFOUND);
    assert_non_null(strstr(err.hint, "batch 8"));
    assert_int_equal(file.n_plans, 2);
}

static void every_plan_reads_back_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        struct wtl_plan plans[2] = {random_plan(&arena, seed), random_plan(&arena, seed + 1000)};
        struct wtl_plan_file file = {.tool = "wattle test",
                                     .created = "2026-11-21T11:33:00Z",
                                     .campaign = "c.wattle",
                                     .fingerprint = "ab",
                                     .plans = plans,
                                     .n_plans = 2};
        struct wtl_plan_file back = {0};
        char *text = dump(&arena, &file);
        assert_ok(load(&arena, text, &back, &err), &err);
        assert_int_equal(back.n_plans, 2);
        assert_string_equal(back.fingerprint, "ab");
        assert_string_equal(back.created, file.created);
        assert_plans_equal(&plans[0], &back.plans[0]);
        assert_plans_equal(&plans[1], &back.plans[1]);
        assert_string_equal(dump(&arena, &back), text);
    }
}

#define HEAD "{\"plans\":[{\"gpu\":\"V100\",\"workload\":\"sd\",\"status\":\"ok\","
#define REST                                                                                       \
    "\"objective\":\"edp\",\"clock_mhz\":1110,\"tied_clocks_mhz\":[1110],"                         \
    "\"baseline\":{\"kind\":\"max\",\"clock_mhz\":1380},"                                          \
    "\"saving\":{\"value\":0.18,\"lo\":0.16,\"hi\":0.2},"                                          \
    "\"slowdown\":{\"value\":0.04,\"lo\":0.03,\"hi\":0.05},\"n_runs\":170,\"n_rejected\":7,"       \
    "\"rejected\":{\"cold_start\":7},\"pareto\":[{\"clock_mhz\":1110,\"time_s\":8,"                \
    "\"energy_j\":900}],\"notes\":[]"

static void the_minimal_form_is_enough(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_plan_file file = {0};
    const struct wtl_configuration plain = {0};
    assert_ok(load(&arena, HEAD REST "}]}", &file, &err), &err);
    const struct wtl_plan *p = wtl_plan_file_find(&file, "v-100", "SD", &plain);
    assert_non_null(p);
    assert_int_equal(p->clock_mhz, 1110);
    assert_near(p->saving.lo, 0.16, 0);
    assert_int_equal(p->saving.evidence, WTL_EVIDENCE_IN_SAMPLE);
    assert_int_equal(p->n_curve, 1);
    assert_true(p->curve[0].pareto && p->curve[0].legal);
    assert_int_equal(p->policy.objective.kind, WTL_OBJECTIVE_EDP);
    assert_null(wtl_plan_file_find(&file, "v100", "vit", &plain));
}

struct bad_case {
    const char *text, *message;
    enum wtl_code code;
};

static void damaged_newer_and_foreign_documents_say_what_is_wrong(void **state)
{
    (void)state;
    static const struct bad_case cases[] = {
        {"[1]", "this JSON is not a plan", WTL_CORRUPT},
        {"{\"runs\":[]}", "this JSON is not a plan", WTL_CORRUPT},
        {"{\"format\":\"other\",\"plans\":[]}", "this JSON is not a plan", WTL_CORRUPT},
        {"{\"version\":2,\"plans\":[]}", "the plan is of version 2, this wattle reads up to 1",
         WTL_CORRUPT},
        {"{\"plans\":{}}", "plans: expected an array", WTL_PARSE},
        {"{\"plans\":[3]}", "plans[0]: expected an object", WTL_PARSE},
        {"{\"plans\":[],\"plan\":1}", "the document: unknown key \"plan\"", WTL_PARSE},
        {HEAD REST ",\"savings\":1}]}", "plans[0]: unknown key \"savings\"", WTL_PARSE},
        {HEAD REST ",\"curve\":[{\"clock_mhz\":1},{\"clock_mhz\":1}]}]}",
         "plans[0].curve: clock 1 MHz stands twice", WTL_PARSE},
        {HEAD REST ",\"curve\":[{\"clock_mhz\":0}]}]}",
         "plans[0].curve[0].clock_mhz: 0 is outside 1 to 100000", WTL_PARSE},
        {HEAD REST ",\"policy\":{\"objective\":\"ed2p\"}}]}",
         "plans[0].objective: \"edp\" contradicts \"ed2p\" in the policy", WTL_PARSE},
        {HEAD REST ",\"policy\":{\"constraints\":{\"min_clock_ratio\":2}}}]}",
         "plans[0].policy.constraints.min_clock_ratio: 2 is outside 0 to 1", WTL_PARSE},
        {HEAD REST ",\"policy\":{\"constraints\":{\"slo\":[{\"percent\":100,\"seconds\":1}]}}}]}",
         "plans[0].policy.constraints.slo[0].percent: 100 is outside 1 to 99", WTL_PARSE},
        {HEAD REST ",\"time_s\":{\"value\":1,\"lo\":2,\"hi\":1}}]}",
         "plans[0].time_s: lo 2 is above hi 1", WTL_PARSE},
        {HEAD REST ",\"time_s\":{\"value\":1,\"lo\":2}}]}",
         "plans[0].time_s: has only one end of its interval", WTL_PARSE},
        {HEAD REST ",\"time_s\":{\"lo\":1,\"hi\":2}}]}",
         "plans[0].time_s: has an interval but no value", WTL_PARSE},
        {HEAD REST ",\"made_from\":{\"runs\":\"0123456789ab 0123\"}}]}",
         "plans[0].made_from.runs: key 2 is not of 12 hexadecimal digits", WTL_PARSE},
        {HEAD REST ",\"made_from\":{\"runs\":\"0123456789ab0123456789ac\"}}]}",
         "plans[0].made_from.runs: key 2 is not of 12 hexadecimal digits", WTL_PARSE},
        {HEAD REST ",\"made_from\":{\"sources\":\"0123456789AB\"}}]}",
         "plans[0].made_from.sources: key 1 is not of 12 hexadecimal digits", WTL_PARSE},
        {HEAD REST ",\"made_from\":{\"sources\":\"0123456789ab 0123456789ab\"}}]}",
         "plans[0].made_from.sources: keys are not ascending", WTL_PARSE},
        {HEAD REST ",\"power_p99\":[{\"clock_mhz\":600,\"power_w\":90,\"n\":1},"
                   "{\"clock_mhz\":600,\"power_w\":90,\"n\":1}]}]}",
         "plans[0].power_p99: clocks are not ascending", WTL_PARSE},
        {HEAD REST ",\"power_p99\":[{\"clock_mhz\":600,\"power_w\":0,\"n\":1}]}]}",
         "plans[0].power_p99[0].power_w: 0 W is no power of a run", WTL_PARSE},
        {HEAD REST ",\"power_p99\":[{\"clock_mhz\":600,\"power_w\":90,\"n\":0}]}]}",
         "plans[0].power_p99[0].n: 0 is outside 1 to 2000000", WTL_PARSE},
        {HEAD REST ",\"power_p99\":[{\"clock_mhz\":600,\"n\":1}]}]}",
         "plans[0].power_p99[0].power_w: is missing (expected a number)", WTL_PARSE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        struct wtl_plan_file file = {.tool = "untouched"};
        assert_int_equal(load(&arena, cases[i].text, &file, &err), -(int)cases[i].code);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.input_file, "p.json");
        assert_string_equal(file.tool, "untouched");
    }
}

/* Every key of the smallest plan, removed or of a wrong type, is an error that names it. */
static void each_required_key_is_required(void **state)
{
    (void)state;
    static const char *const keys[] = {"gpu",      "workload", "status",     "objective",
                                       "baseline", "n_runs",   "n_rejected", "rejected",
                                       "notes",    "clock_mhz"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        for (int wrong = 0; wrong < 2; wrong++) {
            WTL_ARENA(arena);
            struct wtl_error err = {0};
            struct wtl_plan_file file = {0};
            json_t *root = NULL;
            assert_ok(wtl_json_parse(HEAD REST "}]}", strlen(HEAD REST "}]}"), "p", &root, &err),
                      &err);
            json_t *plan = json_array_get(json_object_get(root, "plans"), 0);
            if (wrong)
                json_object_set_new(plan, keys[i], json_true());
            else
                json_object_del(plan, keys[i]);
            assert_int_equal(wtl_plan_from_json(&arena, "p", root, &file, &err), -(int)WTL_PARSE);
            assert_non_null(strstr(err.message, keys[i]));
            json_decref(root);
        }
}

static void a_plan_must_make_sense(void **state)
{
    (void)state;
    static const struct {
        const char *key, *json, *message;
    } cases[] = {
        {"status", "\"undecided\"", "a plan of status undecided cannot have a clock"},
        {"status", "\"maybe\"", "is none of ok, undecided, unusable, infeasible"},
        {"tied_clocks_mhz", "[1095,1125]", "the chosen clock 1110 MHz is not among them"},
        {"tied_clocks_mhz", "[1110,1095]", "not ascending"},
        {"tied_clocks_mhz", "[1110.5]", "expected a clock in MHz"},
        {"rejected", "{\"cold\":1}", "unknown key \"cold\""},
        {"gpu", "\"\"", "is empty"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        struct wtl_plan_file file = {0};
        json_t *root = NULL;
        assert_ok(wtl_json_parse(HEAD REST "}]}", strlen(HEAD REST "}]}"), "p", &root, &err), &err);
        json_t *plan = json_array_get(json_object_get(root, "plans"), 0);
        json_object_set_new(plan, cases[i].key, json_loads(cases[i].json, JSON_DECODE_ANY, NULL));
        assert_int_equal(wtl_plan_from_json(&arena, "p", root, &file, &err), -(int)WTL_PARSE);
        assert_non_null(strstr(err.message, cases[i].message));
        json_decref(root);
    }
}

static void figures_that_are_not_finite_are_not_written(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_plan plan = random_plan(&arena, 1);
    struct wtl_plan_file file = {.plans = &plan, .n_plans = 1};
    json_t *root = NULL;
    plan.saving = (struct wtl_estimate){.value = (double)NAN, .n = 3};
    assert_int_equal(wtl_plan_to_json(&file, &root, &err), -(int)WTL_FAILED);
    assert_non_null(strstr(err.message, "saving is not finite"));
    assert_null(root);
    plan = random_plan(&arena, 1);
    strcpy(plan.gpu, "\xff\xfe");
    assert_int_equal(wtl_plan_to_json(&file, &root, &err), -(int)WTL_FAILED);
    assert_null(root);
}

static void files_are_written_whole_and_read_back(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    char dir[200], path[300];
    struct wtl_error err = {0};
    struct wtl_plan plan = random_plan(&arena, 7);
    struct wtl_plan_file file = {.plans = &plan, .n_plans = 1}, back = {0};
    make_temporary_directory(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/p.json", dir);
    assert_ok(wtl_plan_file_write(path, &file, &err), &err);
    assert_ok(wtl_plan_file_read(&arena, path, &back, &err), &err);
    assert_plans_equal(&plan, &back.plans[0]);
    snprintf(path, sizeof path, "%s/absent.json", dir);
    assert_int_equal(wtl_plan_file_read(&arena, path, &back, &err), -(int)WTL_NOTFOUND);
    remove_tree(dir);
}

/* The schema that is shipped accepts what is written (python3-jsonschema, where it is there). */
static void what_is_written_follows_the_shipped_schema(void **state)
{
    (void)state;
    if (!have_json_schemas())
        skip();
    WTL_ARENA(arena);
    char dir[200], path[300];
    struct wtl_plan plans[40];
    for (uint64_t i = 0; i < 40; i++)
        plans[i] = random_plan(&arena, i);
    struct wtl_plan_file file = {.plans = plans, .n_plans = 40};
    make_temporary_directory(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/p.json", dir);
    assert_int_equal(wtl_plan_file_write(path, &file, NULL), 0);
    assert_true(follows_schema("data/schemas/plan.schema.json", path));
    /* and it can refuse */
    write_text(path, "{\"format\":\"wattle-plan\",\"version\":1,\"plans\":[{\"gpu\":\"x\"}]}");
    assert_false(follows_schema("data/schemas/plan.schema.json", path));
    remove_tree(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_plan_reads_back_the_same),
        cmocka_unit_test(choices_among_points_read_back_the_same),
        cmocka_unit_test(bad_points_name_their_place),
        cmocka_unit_test(plans_are_found_and_narrowed_by_configuration),
        cmocka_unit_test(the_minimal_form_is_enough),
        cmocka_unit_test(damaged_newer_and_foreign_documents_say_what_is_wrong),
        cmocka_unit_test(each_required_key_is_required),
        cmocka_unit_test(a_plan_must_make_sense),
        cmocka_unit_test(figures_that_are_not_finite_are_not_written),
        cmocka_unit_test(files_are_written_whole_and_read_back),
        cmocka_unit_test(what_is_written_follows_the_shipped_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
