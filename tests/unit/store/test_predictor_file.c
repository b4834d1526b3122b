/* SPDX-License-Identifier: Apache-2.0
 * Predictors as JSON: round trip to the last bit, and no belief in damaged files. */
#include "store/predictor_fields.h"
#include "store/predictor_file.h"
#include "support/sim_campaign.h"
#include "support/support.h"

#include "base/file.h"
#include "codec/json.h"

#include <stdio.h>
#include <string.h>

enum { WORKS = 4 };

static struct wtl_predictor_file fitted(struct wtl_arena *arena, struct wtl_example *probe_out)
{
    struct wtl_error err = {0};
    static struct wtl_example examples[2 * WORKS];
    const struct wtl_example *pointers[2 * WORKS];
    for (int i = 0; i < 2 * WORKS; i++) {
        struct sim_options o = sim_options_default();
        o.gpu = i / WORKS;
        o.workload = 3 * (i % WORKS);
        o.clock_stride = 8;
        struct sim_campaign c;
        assert_ok(sim_campaign_make(arena, &o, &c, &err), &err);
        assert_ok(wtl_example_from_runs(arena, c.runs, c.n_runs, 0, &examples[i], &err), &err);
        pointers[i] = &examples[i];
    }
    const double top = 1;
    assert_ok(wtl_example_probe(arena, &examples[1], &top, 1, probe_out, &err), &err);
    struct wtl_predictor_file file = {"wattle 0", "2026-01-01T00:00:00Z", "c.wattle", {{0}}};
    assert_ok(wtl_predictor_fit(arena, pointers, 2 * WORKS, &file.predictor, &err), &err);
    static const struct wtl_heldout rows[2] = {
        {WTL_SPLIT_GPU, WTL_METHOD_PLAIN, 3, 8, 0.01, 0.1 / 3, 0.125, 0.01, 0.04, 0.02, true, 0.02,
         0.03, 0.04, 0.05},
        {.split = WTL_SPLIT_WORKLOAD, .method = WTL_METHOD_MAX, .n = 8, .regret_median = 0.2}};
    file.predictor.heldout = rows;
    file.predictor.n_heldout = 2;
    file.predictor.objective = (struct wtl_objective){.kind = WTL_OBJECTIVE_ED2P};
    file.predictor.has_max_slowdown = true;
    file.predictor.max_slowdown = 0.05;
    file.predictor.confidence = 0.95;
    snprintf(file.predictor.fingerprint, sizeof file.predictor.fingerprint, "abc");
    return file;
}

static void what_was_saved_predicts_the_same(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_example probe;
    struct wtl_predictor_file file = fitted(&arena, &probe), back;
    char dir[200], path[300];
    make_temporary_directory(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/model.json", dir);
    assert_ok(wtl_predictor_file_write(path, &file, &err), &err);
    assert_ok(wtl_predictor_file_read(&arena, path, &back, &err), &err);
    remove_tree(dir);
    for (int activity = 0; activity < 2; activity++) {
        struct wtl_posterior a, b;
        bool used;
        assert_ok(wtl_predictor_apply(&arena, &file.predictor, &probe, activity, &a, NULL, &err),
                  &err);
        assert_ok(wtl_predictor_apply(&arena, &back.predictor, &probe, activity, &b, &used, &err),
                  &err);
        assert_memory_equal(a.theta, b.theta, sizeof a.theta);
        assert_memory_equal(a.covariance, b.covariance, sizeof a.covariance);
        assert_int_equal(used, activity);
    }
    const struct wtl_predictor *p = &back.predictor;
    assert_int_equal(p->n_heldout, 2);
    assert_memory_equal(&p->heldout[0].regret_median, &file.predictor.heldout[0].regret_median,
                        6 * sizeof(double));
    assert_int_equal(p->heldout[0].method, WTL_METHOD_PLAIN);
    assert_int_equal(p->heldout[0].split, WTL_SPLIT_GPU);
    assert_true(p->heldout[0].has_error && !p->heldout[1].has_error);
    assert_int_equal(p->n_trained, 2 * WORKS);
    assert_string_equal(p->trained[0].workload, "gemm");
    assert_int_equal(p->objective.kind, WTL_OBJECTIVE_ED2P);
    assert_true(p->has_max_slowdown);
    assert_near(p->max_slowdown, 0.05, 0);
    assert_string_equal(p->fingerprint, "abc");
    assert_string_equal(back.created, "2026-01-01T00:00:00Z");
}

static char *document(struct wtl_arena *arena)
{
    struct wtl_error err = {0};
    struct wtl_example probe;
    struct wtl_predictor_file file = fitted(arena, &probe);
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), 1 << 24);
    assert_ok(wtl_predictor_file_text(&file, &text, &err), &err);
    char *copy = wtl_arena_strdup(arena, wtl_buf_str(&text));
    wtl_buf_fini(&text);
    assert_non_null(copy);
    return copy;
}

static int read_text(struct wtl_arena *arena, const char *text, struct wtl_error *err)
{
    json_t *root = NULL;
    struct wtl_predictor_file out = {.tool = "untouched"};
    int rc = wtl_json_parse(text, strlen(text), "m.json", &root, err);
    if (rc == 0)
        rc = wtl_predictor_from_json(arena, "m.json", root, &out, err);
    json_decref(root);
    if (rc < 0)
        assert_string_equal(out.tool, "untouched");
    return rc;
}

/* Changes one byte of the first match. */
static void edit(char *text, const char *find, size_t at, char to)
{
    char *place = strstr(text, find);
    assert_non_null(place);
    place[at] = to;
}

static void a_changed_digit_is_noticed(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    char *text = document(&arena);
    assert_ok(read_text(&arena, text, &err), &err);
    edit(text, "\"broken\": 0.125", 14, '3');
    assert_int_equal(read_text(&arena, text, &err), -(int)WTL_CORRUPT);
    assert_non_null(strstr(err.message, "checksum"));
    assert_non_null(strstr(err.hint, "wattle fit"));
}

static void other_versions_and_other_documents_are_refused(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    char *text = document(&arena);
    edit(text, "\"version\": 1", 11, '9');
    assert_int_equal(read_text(&arena, text, &err), -(int)WTL_CORRUPT);
    assert_non_null(strstr(err.message, "version 9"));
    assert_int_equal(read_text(&arena, "{\"plans\": []}", &err), -(int)WTL_CORRUPT);
    assert_int_equal(read_text(&arena, "[]", &err), -(int)WTL_CORRUPT);
    text = document(&arena);
    text[strlen(text) / 2] = '\0';
    assert_int_equal(read_text(&arena, text, &err), -(int)WTL_PARSE);
    assert_true(err.input_line > 1);
}

/* Behind a checksum that fits, the structure is still looked at: writes the change and its own
 * checksum, as a program with a mistake would. */
static int read_changed(struct wtl_arena *arena, const char *from, const char *key, json_t *value,
                        struct wtl_error *err)
{
    json_t *root = NULL;
    assert_ok(wtl_json_parse(from, strlen(from), "m.json", &root, err), err);
    json_t *plain = json_object_get(json_object_get(root, "populations"), "plain");
    assert_int_equal(json_object_set_new(plain, key, value), 0);
    struct wtl_predictor_file out;
    char hex[65];
    assert_ok(wtl_predictor_checksum(root, hex, err), err);
    json_object_set_new(root, "checksum", json_string(hex));
    int rc = wtl_predictor_from_json(arena, "m.json", root, &out, err);
    json_decref(root);
    return rc;
}

static void wrong_structure_names_its_place(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    const char *text = document(&arena);
    json_t *zeros = json_array();
    for (int i = 0; i < WTL_FORM_N; i++) {
        json_t *row = json_array();
        for (int j = 0; j < WTL_FORM_N; j++)
            json_array_append_new(row, json_integer(0));
        json_array_append_new(zeros, row);
    }
    assert_int_equal(read_changed(&arena, text, "within", zeros, &err), -(int)WTL_PARSE);
    assert_non_null(strstr(err.message, "populations.plain: within is no covariance"));
    assert_int_equal(read_changed(&arena, text, "coef", json_array(), &err), -(int)WTL_PARSE);
    assert_non_null(strstr(err.message, "populations.plain.coef: has 0 rows, expected 1"));
    json_t *feature = json_array();
    json_array_append_new(feature, json_string("smell"));
    assert_int_equal(read_changed(&arena, text, "features", feature, &err), -(int)WTL_PARSE);
    assert_non_null(strstr(err.message, "features[0]: is no feature"));
    static const struct {
        const char *key, *json, *message;
    } wrong[] = {
        {"parameters", "[\"x\"]", "populations.plain.parameters: expected 7 parameters"},
        {"parameters", "[1, 2, 3, 4, 5, 6, 7]", "populations.plain.parameters[0]: expected \""},
        {"regressor_mean", "[0, 0]", "populations.plain.regressor_mean: has 2 numbers, expected 1"},
        {"regressor_mean", "[\"x\"]", "populations.plain.regressor_mean[0]: "},
        {"regressor_sd", "[0]", "populations.plain: regressor_sd[0] is not positive"},
        {"coef", "[[1, 2]]", "populations.plain.coef[0]: expected 7 numbers"},
        {"coef", "[7]", "populations.plain.coef[0]: expected 7 numbers"},
        {"x_min", "0", "populations.plain: x_min is not positive"},
        {"n_examples", "-1", "populations.plain.n_examples: "},
        {"noise", "{\"time_run\": 0}", "populations.plain.noise: time_run is not positive"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        json_t *value = json_loads(wrong[i].json, JSON_DECODE_ANY, NULL);
        assert_non_null(value);
        assert_int_equal(read_changed(&arena, text, wrong[i].key, value, &err), -(int)WTL_PARSE);
        assert_non_null(strstr(err.message, wrong[i].message));
    }
}

static void figures_that_are_not_finite_are_not_written(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_example probe;
    struct wtl_predictor_file file = fitted(&arena, &probe);
    file.predictor.plain.noise.time_run = 1.0 / 0.0;
    json_t *root = NULL;
    assert_int_equal(wtl_predictor_to_json(&file, &root, &err), -(int)WTL_FAILED);
    assert_null(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_saved_predicts_the_same),
        cmocka_unit_test(a_changed_digit_is_noticed),
        cmocka_unit_test(other_versions_and_other_documents_are_refused),
        cmocka_unit_test(wrong_structure_names_its_place),
        cmocka_unit_test(figures_that_are_not_finite_are_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
