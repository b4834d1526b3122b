/* SPDX-License-Identifier: Apache-2.0
 * The public functions from within: arguments that make no sense, sizes of other versions, what is
 * left alone on failure, and that the documents are the commands' ones. */
#include "support/support.h"

#include "base/file.h"
#include "codec/json.h"
#include "wattle/wattle.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[200];
static char campaign[260];
static char untouched[] = "untouched";
static struct wtl_error err;

static int setup(void **state)
{
    (void)state;
    make_temporary_directory(dir, sizeof dir);
    snprintf(campaign, sizeof campaign, "%s/c.wattle", dir);
    err = (struct wtl_error){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    remove_tree(dir);
    return 0;
}

static void import_shipped(const struct wtl_import_args *args, char **json_out)
{
    const char *path = source_path("data/frequency/runs_v100_a100.csv");
    assert_ok(wtl_import(campaign, &path, 1, args, json_out, &err), &err);
}

static json_t *parsed(char *text)
{
    json_t *root = NULL;
    assert_ok(wtl_json_parse(text, strlen(text), "result", &root, &err), &err);
    wtl_free(text);
    return root;
}

/* ---- Structs of other sizes -------------------------------------------------------------------*/

static void test_size_is_needed(void **state)
{
    (void)state;
    const struct wtl_show_args args = {.gpu = "A100"};
    char *json = untouched;
    assert_int_equal(wtl_show(campaign, &args, &json, &err), -(int)WTL_USAGE);
    assert_string_equal(err.message, "wtl_show_args has the size 0");
    assert_non_null(strstr(err.hint, "sizeof(struct wtl_show_args)"));
    assert_ptr_equal(json, untouched);
}

static void test_newer_struct(void **state)
{
    (void)state;
    struct {
        struct wtl_show_args args;
        const char *later;
    } newer = {.args = {.size = sizeof newer, .gpu = "A100"}};
    char *json = untouched;
    import_shipped(NULL, NULL);
    newer.later = "something";
    assert_int_equal(wtl_show(campaign, &newer.args, &json, &err), -(int)WTL_UNSUPPORTED);
    assert_ptr_equal(json, untouched);
    newer.later = NULL;
    assert_ok(wtl_show(campaign, &newer.args, &json, &err), &err);
    json_t *root = parsed(json);
    assert_int_equal(json_array_size(json_object_get(root, "sets")), 4);
    json_decref(root);
}

/* A caller built against a smaller struct: what lies behind it is not his. */
static void test_older_struct(void **state)
{
    (void)state;
    const struct wtl_show_args args = {.size = offsetof(struct wtl_show_args, gpu),
                                       .gpu = "no such gpu"};
    char *json = NULL;
    import_shipped(NULL, NULL);
    assert_ok(wtl_show(campaign, &args, &json, &err), &err);
    json_t *root = parsed(json);
    assert_int_equal(json_array_size(json_object_get(root, "sets")), 8);
    json_decref(root);
}

/* ---- Refusals ---------------------------------------------------------------------------------*/

static void test_import_refuses(void **state)
{
    (void)state;
    const char *path = source_path("data/frequency/runs_v100_a100.csv");
    const char *missing = NULL;
    const struct wtl_import_args flags = {.size = sizeof flags, .flags = 64};
    const struct wtl_import_args threads = {.size = sizeof threads, .threads = 100000};
    const struct wtl_import_args yaml = {.size = sizeof yaml, .mapping_yaml = "nonsense: ["};
    char *json = untouched;
    assert_int_equal(wtl_import(NULL, &path, 1, NULL, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_import(campaign, NULL, 1, NULL, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_import(campaign, &path, 0, NULL, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_import(campaign, &missing, 1, NULL, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_import(campaign, &path, 1, &flags, &json, &err), -(int)WTL_UNSUPPORTED);
    assert_int_equal(wtl_import(campaign, &path, 1, &threads, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_import(campaign, &path, 1, &yaml, &json, &err), -(int)WTL_PARSE);
    assert_string_equal(err.input_file, "mapping_yaml");
    assert_ptr_equal(json, untouched);
    assert_int_not_equal(access(campaign, F_OK), 0); /* none of them made it */
}

static void test_optimize_refuses(void **state)
{
    (void)state;
    const struct wtl_optimize_args both = {
        .size = sizeof both, .policy = "categories", .policy_yaml = "name: x\n"};
    const struct wtl_optimize_args preset = {.size = sizeof preset, .policy = "no-such-preset"};
    const struct wtl_optimize_args category = {.size = sizeof category, .category = "batch"};
    const struct wtl_optimize_args few = {.size = sizeof few, .replicates = 10};
    const struct wtl_optimize_args gpu = {.size = sizeof gpu, .gpu = "H100"};
    char *json = untouched;
    assert_int_equal(wtl_optimize(campaign, NULL, &json, &err), -(int)WTL_NOTFOUND);
    import_shipped(NULL, NULL);
    assert_int_equal(wtl_optimize(campaign, &both, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_optimize(campaign, &preset, &json, &err), -(int)WTL_NOTFOUND);
    assert_non_null(strstr(err.hint, "published-000"));
    assert_int_equal(wtl_optimize(campaign, &category, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_optimize(campaign, &few, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_optimize(campaign, &gpu, &json, &err), -(int)WTL_NOTFOUND);
    assert_int_equal(wtl_optimize(campaign, NULL, NULL, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_optimize(campaign, &gpu, &json, NULL), -(int)WTL_NOTFOUND);
    assert_ptr_equal(json, untouched);
}

static void test_export_refuses(void **state)
{
    (void)state;
    const struct wtl_export_args table = {.size = sizeof table, .table = "tables"};
    const struct wtl_export_args plans = {.size = sizeof plans, .plan_json = "{\"plans\": []}"};
    char *json = untouched, file[260];
    snprintf(file, sizeof file, "%s/t.csv", dir);
    import_shipped(NULL, NULL);
    assert_int_equal(wtl_export(campaign, NULL, NULL, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_export(campaign, file, &table, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_export(campaign, file, &plans, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_export(NULL, file, &plans, &json, &err), -(int)WTL_USAGE);
    assert_non_null(strstr(err.message, "needs a campaign, not plans"));
    assert_int_equal(wtl_export(NULL, file, NULL, &json, &err), -(int)WTL_USAGE);
    assert_ptr_equal(json, untouched);
    assert_int_not_equal(access(file, F_OK), 0);
}

static void test_fit_refuses(void **state)
{
    (void)state;
    const struct wtl_fit_args baseline = {
        .size = sizeof baseline, .policy_yaml = "name: x\ndefaults: {baseline: default}\n"};
    const struct wtl_fit_args clocks = {
        .size = sizeof clocks, .policy_yaml = "name: x\ndefaults: {clocks: [900, 1380]}\n"};
    const struct wtl_fit_args one = {.size = sizeof one, .gpu = "V100", .workload = "llama"};
    char *model = untouched, *json = untouched;
    assert_int_equal(wtl_fit(NULL, NULL, &model, &json, &err), -(int)WTL_USAGE);
    import_shipped(NULL, NULL);
    assert_int_equal(wtl_fit(campaign, &baseline, &model, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_fit(campaign, &clocks, &model, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_fit(campaign, &one, &model, &json, &err), -(int)WTL_UNDECIDED);
    assert_ptr_equal(model, untouched);
    assert_ptr_equal(json, untouched);
}

static void test_predict_refuses(void **state)
{
    (void)state;
    const struct wtl_predict_args name = {.size = sizeof name, .published = "fgcs-a100"};
    const struct wtl_predict_args bare = {.size = sizeof bare, .published = "fgcs-v100"};
    const struct wtl_predict_args both = {
        .size = sizeof both, .published = "fgcs-v100", .fp = 0.3, .dram = 0.2, .time_s = 1};
    const struct wtl_predict_args share = {
        .size = sizeof share, .published = "fgcs-v100", .fp = 3, .dram = 0.2, .time_s = 1};
    const struct wtl_predict_args at = {.size = sizeof at, .at = "fast"};
    char *json = untouched;
    assert_int_equal(wtl_predict(NULL, campaign, NULL, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_predict(NULL, NULL, &name, &json, &err), -(int)WTL_NOTFOUND);
    assert_int_equal(wtl_predict(NULL, NULL, &bare, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_predict(NULL, campaign, &both, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_predict(NULL, NULL, &share, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_predict("{}", campaign, &both, &json, &err), -(int)WTL_USAGE);
    assert_true(wtl_predict("{}", campaign, &at, &json, &err) < 0);
    assert_true(wtl_predict("{}", campaign, NULL, &json, &err) < 0);
    assert_non_null(strstr(err.message, "model_json"));
    assert_true(wtl_predict("[", campaign, NULL, &json, &err) < 0);
    assert_string_equal(err.input_file, "model_json");
    assert_ptr_equal(json, untouched);
}

static void test_validate_refuses(void **state)
{
    (void)state;
    const struct wtl_optimize_args optimize = {
        .size = sizeof optimize, .gpu = "V100", .workload = "Stable Diffusion", .replicates = 100};
    const struct wtl_validate_args flags = {.size = sizeof flags, .flags = 8};
    const struct wtl_validate_args confidence = {.size = sizeof confidence, .confidence = 95};
    const struct wtl_validate_args margin = {.size = sizeof margin, .margin = 5};
    const struct wtl_validate_args within = {.size = sizeof within, .flags = WTL_VALIDATE_WITHIN};
    char *plan = NULL, *json = untouched, *confirmed = untouched;
    import_shipped(NULL, NULL);
    assert_ok(wtl_optimize(campaign, &optimize, &plan, &err), &err);
    assert_int_equal(wtl_validate(NULL, campaign, NULL, &json, &confirmed, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_validate(plan, NULL, NULL, &json, &confirmed, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_validate(plan, campaign, &flags, &json, &confirmed, &err),
                     -(int)WTL_UNSUPPORTED);
    assert_int_equal(wtl_validate(plan, campaign, &confidence, &json, &confirmed, &err),
                     -(int)WTL_USAGE);
    assert_int_equal(wtl_validate(plan, campaign, &margin, &json, &confirmed, &err),
                     -(int)WTL_USAGE);
    assert_int_equal(wtl_validate(plan, campaign, &within, &json, &confirmed, &err),
                     -(int)WTL_USAGE);
    assert_int_equal(wtl_validate(plan, campaign, NULL, &json, &confirmed, &err), -(int)WTL_USAGE);
    assert_non_null(strstr(err.message, "the very runs that the plan was made from"));
    assert_true(wtl_validate("[]", campaign, NULL, &json, &confirmed, &err) < 0);
    assert_string_equal(err.input_file, "plan_json");
    assert_ptr_equal(json, untouched);
    assert_ptr_equal(confirmed, untouched);
    assert_ok(wtl_validate(plan, campaign, &within, NULL, NULL, &err), &err);
    wtl_free(plan);
}

static void test_compare_and_deploy_refuse(void **state)
{
    (void)state;
    static const char empty[] = "{\"plans\": []}";
    const struct wtl_deploy_args flags = {.size = sizeof flags, .flags = 2};
    const struct wtl_deploy_args memory = {.size = sizeof memory, .memory_clock_mhz = 1215};
    const struct wtl_deploy_args program = {.size = sizeof program, .program = "wattle"};
    char *json = untouched, folder[260], page[300];
    snprintf(folder, sizeof folder, "%s/deploy", dir);
    snprintf(page, sizeof page, "%s/nowhere/c.html", dir);
    const struct wtl_compare_args html = {.size = sizeof html, .html = page};
    assert_int_equal(wtl_compare(empty, NULL, NULL, &json, &err), -(int)WTL_USAGE);
    assert_true(wtl_compare(empty, "{\"plans\": 1}", NULL, &json, &err) < 0);
    assert_string_equal(err.input_file, "plan_b_json");
    assert_true(wtl_compare(empty, empty, &html, &json, &err) < 0);
    assert_int_equal(wtl_deploy(NULL, folder, NULL, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_deploy(empty, NULL, NULL, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_deploy(empty, folder, &flags, &json, &err), -(int)WTL_UNSUPPORTED);
    assert_int_equal(wtl_deploy(empty, folder, &memory, &json, &err), -(int)WTL_USAGE);
    assert_int_equal(wtl_deploy(empty, folder, &program, &json, &err), -(int)WTL_USAGE);
    assert_ptr_equal(json, untouched);
    assert_int_not_equal(access(folder, F_OK), 0); /* none of them made it */
    assert_ok(wtl_compare(empty, empty, NULL, NULL, &err), &err);
}

/* ---- What they do -----------------------------------------------------------------------------*/

struct heard {
    int messages, progress;
    int64_t done, total;
};

static void hear_message(void *ctx, int level, const char *text)
{
    struct heard *h = ctx;
    assert_in_range(level, WTL_MESSAGE_WARNING, WTL_MESSAGE_DEBUG);
    assert_non_null(text);
    h->messages++;
}

static void hear_progress(void *ctx, const char *what, int64_t done, int64_t total, int64_t bytes)
{
    struct heard *h = ctx;
    assert_non_null(what);
    assert_true(bytes >= 0);
    h->progress++;
    h->done = done;
    h->total = total;
}

static void test_optimize_with_policy_text(void **state)
{
    (void)state;
    struct heard heard = {0};
    const struct wtl_observer observer = {
        .size = sizeof observer, .ctx = &heard, .message = hear_message, .progress = hear_progress};
    const struct wtl_optimize_args args = {.size = sizeof args,
                                           .observer = &observer,
                                           .policy_yaml = "name: mine\n"
                                                          "defaults: {objective: ed2p}\n",
                                           .gpu = "A100",
                                           .workload = "Stable Diffusion",
                                           .replicates = 120,
                                           .seed = 7};
    char *json = NULL;
    import_shipped(NULL, NULL);
    assert_ok(wtl_optimize(campaign, &args, &json, &err), &err);
    json_t *root = parsed(json);
    const json_t *plans = json_object_get(root, "plans");
    assert_int_equal(json_array_size(plans), 1);
    const json_t *plan = json_array_get(plans, 0);
    const json_t *policy = json_object_get(plan, "policy");
    assert_string_equal(json_string_value(json_object_get(plan, "objective")), "ed2p");
    assert_int_equal(json_integer_value(json_object_get(policy, "replicates")), 120);
    assert_int_equal(json_integer_value(json_object_get(policy, "seed")), 7);
    assert_true(heard.progress >= 2);
    assert_int_equal(heard.done, 1);
    assert_int_equal(heard.total, 1);
    json_decref(root);
}

/* Six windows of a CPU at two batches, from a table. */
static void test_operating_points(void **state)
{
    (void)state;
    char table[300], text[1600];
    const char *path = table;
    int n = snprintf(text, sizeof text,
                     "gpu,workload,job,seq,clock_mhz,window,unit,energy_method,energy_class,batch,"
                     "work_units,time_s,energy_j\n");
    for (int i = 0; i < 6; i++)
        n += snprintf(text + n, sizeof text - (size_t)n,
                      "cpu,mobilenet,s,%d,,1,images,estimated,D,%d,%d,%.3f,%.2f\n", i + 1,
                      i % 2 ? 8 : 1, 100 + i, 1 + 0.013 * i, (i % 2 ? 20 : 30) + 0.17 * i);
    snprintf(table, sizeof table, "%s/runs.csv", dir);
    assert_ok(wtl_file_write_atomic(table, text, (size_t)n, 0666, &err), &err);
    assert_ok(wtl_import(campaign, &path, 1, NULL, NULL, &err), &err);
    char *json = NULL;
    struct wtl_show_args show = {.size = sizeof show, .at = "batch 8"};
    assert_ok(wtl_show(campaign, &show, &json, &err), &err);
    json_t *root = parsed(json);
    assert_int_equal(json_array_size(json_object_get(root, "sets")), 1);
    json_decref(root);
    json = untouched;
    show.at = "batch 9";
    assert_int_equal(wtl_show(campaign, &show, &json, &err), -(int)WTL_NOTFOUND);
    show.at = "colour=red";
    assert_int_equal(wtl_show(campaign, &show, &json, &err), -(int)WTL_USAGE);
    assert_ptr_equal(json, untouched);
    struct wtl_optimize_args optimize = {.size = sizeof optimize, .baseline_at = "batch 1"};
    assert_ok(wtl_optimize(campaign, &optimize, &json, &err), &err);
    root = parsed(json);
    json_t *choice = json_array_get(json_object_get(root, "operating_points"), 0);
    assert_string_equal(json_string_value(json_object_get(choice, "status")), "ok");
    assert_int_equal(json_array_size(json_object_get(choice, "points")), 2);
    assert_int_equal(json_integer_value(json_object_get(choice, "baseline")), 0);
    assert_int_equal(json_integer_value(json_object_get(choice, "chosen")), 1);
    json_decref(root);
}

static void test_import_twice(void **state)
{
    (void)state;
    const struct wtl_import_args args = {.size = sizeof args, .threads = 2};
    char *json = NULL;
    import_shipped(&args, &json);
    json_t *first = parsed(json);
    json = NULL;
    import_shipped(&args, &json);
    json_t *second = parsed(json);
    const json_t *runs = json_object_get(first, "runs");
    assert_int_equal(json_integer_value(json_object_get(runs, "added")), 1440);
    const json_t *files = json_object_get(second, "files");
    assert_int_equal(json_integer_value(json_object_get(files, "known")), 1);
    assert_int_equal(json_integer_value(json_object_get(files, "read")), 0);
    json_decref(first);
    json_decref(second);
}

static void test_report_from_plan_text(void **state)
{
    (void)state;
    const struct wtl_optimize_args optimize = {
        .size = sizeof optimize, .gpu = "V100", .workload = "llama", .replicates = 100};
    char *plan = NULL, *json = untouched, folder[260];
    snprintf(folder, sizeof folder, "%s/report", dir);
    import_shipped(NULL, NULL);
    assert_ok(wtl_optimize(campaign, &optimize, &plan, &err), &err);
    struct wtl_report_args args = {.size = sizeof args,
                                   .plan_json = "{\"plans\": 3}",
                                   .figures = "none",
                                   .gpu = "V100",
                                   .workload = "llama"};
    assert_true(wtl_report(campaign, folder, &args, &json, &err) < 0);
    assert_string_equal(err.input_file, "plan_json");
    assert_ptr_equal(json, untouched);
    args.plan_json = plan;
    assert_ok(wtl_report(campaign, folder, &args, &json, &err), &err);
    wtl_free(plan);
    json_t *root = parsed(json);
    const json_t *files = json_object_get(root, "files");
    assert_int_equal(json_array_size(files), 3);
    const json_t *path = json_object_get(json_array_get(files, 0), "path");
    assert_int_equal(access(json_string_value(path), R_OK), 0);
    json_decref(root);
}

static void test_documents_in_the_campaign(void **state)
{
    (void)state;
    const struct wtl_optimize_args plain = {.size = sizeof plain, .gpu = "V100", .replicates = 100};
    struct wtl_optimize_args optimize = plain;
    struct wtl_fit_args fit = {.size = sizeof fit, .save = "all"};
    struct wtl_show_args show = {.size = sizeof show, .document = "plan/mine"};
    char *plan = NULL, *kept = untouched, *model = NULL;
    import_shipped(NULL, NULL);
    assert_ok(wtl_optimize(campaign, &plain, &plan, &err), &err);
    assert_int_equal(wtl_show(campaign, &show, &kept, &err), -(int)WTL_NOTFOUND);
    wtl_free(plan);
    plan = untouched;
    optimize.save = "a/b";
    assert_int_equal(wtl_optimize(campaign, &optimize, &plan, &err), -(int)WTL_USAGE);
    assert_ptr_equal(plan, untouched);
    assert_ptr_equal(kept, untouched);
    optimize.save = "mine";
    assert_ok(wtl_optimize(campaign, &optimize, &plan, &err), &err);
    assert_ok(wtl_show(campaign, &show, &kept, &err), &err);
    assert_string_equal(plan, kept);
    wtl_free(plan);
    wtl_free(kept);
    assert_ok(wtl_fit(campaign, &fit, &model, NULL, &err), &err);
    show.document = "predictor/all";
    assert_ok(wtl_show(campaign, &show, &kept, &err), &err);
    assert_string_equal(model, kept);
    wtl_free(model);
    wtl_free(kept);
}

static void test_report_with_documents(void **state)
{
    (void)state;
    const char *const good =
        "{\"format\": \"wattle-verdict\", \"version\": 1, \"tool\": \"t\","
        " \"created\": \"then\", \"verdict\": \"undecided\","
        " \"campaign\": {\"path\": \"f\", \"fingerprint\": \"a\"},"
        " \"plan\": {\"created\": \"\", \"campaign\": \"\", \"fingerprint\": \"\"},"
        " \"confidence\": 0.95, \"margin\": 0.01, \"verdicts\": []}";
    const char *verdicts[] = {good, "{}"};
    char *model = NULL, *json = untouched, folder[260], page[300], *text = NULL;
    size_t size = 0;
    WTL_ARENA(arena);
    snprintf(folder, sizeof folder, "%s/report", dir);
    snprintf(page, sizeof page, "%s/summary.md", folder);
    import_shipped(NULL, NULL);
    assert_ok(wtl_fit(campaign, NULL, &model, NULL, &err), &err);
    const char *const models[] = {model};
    struct wtl_report_args args = {.size = sizeof args,
                                   .figures = "none",
                                   .gpu = "V100",
                                   .workload = "vit",
                                   .verdicts_json = verdicts,
                                   .n_verdicts = 2,
                                   .models_json = models,
                                   .n_models = 1};
    assert_int_equal(wtl_report(campaign, folder, &args, &json, &err), -(int)WTL_CORRUPT);
    assert_non_null(strstr(err.message, "verdicts_json[1]"));
    args.verdicts_json = NULL;
    assert_int_equal(wtl_report(campaign, folder, &args, &json, &err), -(int)WTL_USAGE);
    assert_ptr_equal(json, untouched);
    assert_int_not_equal(access(folder, F_OK), 0);
    args.verdicts_json = verdicts;
    args.n_verdicts = 1;
    assert_ok(wtl_report(campaign, folder, &args, NULL, &err), &err);
    assert_ok(wtl_file_read(&arena, page, 1 << 20, &text, &size, &err), &err);
    assert_non_null(strstr(text, "Fresh runs against the plan"));
    assert_non_null(strstr(text, "| workload | model"));
    wtl_free(model);
}

static void test_version_and_free(void **state)
{
    (void)state;
    assert_int_equal(strspn(wtl_version(), "0123456789."), strlen(wtl_version()));
    assert_true(strlen(wtl_version()) >= 5);
    wtl_free(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_size_is_needed),
        TEST(test_newer_struct),
        TEST(test_older_struct),
        TEST(test_import_refuses),
        TEST(test_optimize_refuses),
        TEST(test_optimize_with_policy_text),
        TEST(test_operating_points),
        TEST(test_import_twice),
        TEST(test_report_from_plan_text),
        TEST(test_version_and_free),
        TEST(test_documents_in_the_campaign),
        TEST(test_report_with_documents),
        TEST(test_export_refuses),
        TEST(test_fit_refuses),
        TEST(test_predict_refuses),
        TEST(test_validate_refuses),
        TEST(test_compare_and_deploy_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
