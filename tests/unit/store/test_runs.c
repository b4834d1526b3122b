/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "made_runs.h"

#include <sqlite3.h>
#include <stdlib.h>

static char dir[200];
static char path[240];
static int64_t wall_ns = INT64_C(1752024000) * WTL_NS_PER_S;
static struct wtl_campaign *c;

static int setup(void **state)
{
    (void)state;
    make_temporary_directory(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/c.wattle", dir);
    return wtl_campaign_open(path, WTL_CAMPAIGN_CREATE, wtl_clock_fixed(&wall_ns), &c, NULL);
}

static int teardown(void **state)
{
    (void)state;
    wtl_campaign_close(c);
    remove_tree(dir);
    return 0;
}

static void runs_come_back_as_they_were(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    enum { N = 50 };
    assert_ok(wtl_campaign_begin(c, &err), &err);
    assert_ok(add_made_runs(c, 0, N, &err), &err);
    assert_ok(wtl_campaign_commit(c, &err), &err);
    WTL_ARENA(arena);
    struct wtl_run *runs;
    size_t n;
    assert_ok(wtl_campaign_runs(c, NULL, &arena, &runs, &n, &err), &err);
    assert_int_equal(n, N);
    bool seen[N] = {false};
    for (size_t i = 0; i < n; i++) {
        int k = (int)runs[i].id - 1;
        assert_in_range(k, 0, N - 1);
        struct wtl_run want = made_run(k);
        assert_true(same_run(&runs[i], &want));
        assert_false(seen[k]);
        seen[k] = true;
        assert_int_equal(runs[i].causes, 0);
    }
}

static void order_is_gpu_workload_job_seq_rep(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    assert_ok(add_made_runs(c, 0, 40, &err), &err);
    WTL_ARENA(arena);
    struct wtl_run *r;
    size_t n;
    assert_ok(wtl_campaign_runs(c, NULL, &arena, &r, &n, &err), &err);
    for (size_t i = 1; i < n; i++) {
        int by = strcmp(r[i - 1].gpu, r[i].gpu);
        by = by ? by : -strcmp(r[i - 1].workload, r[i].workload); /* "Stable..." < "llama" < "st" */
        by = by ? by : strcmp(r[i - 1].job, r[i].job);
        by = by ? by : (r[i - 1].seq > r[i].seq) - (r[i - 1].seq < r[i].seq);
        by = by ? by : r[i - 1].rep - r[i].rep;
        assert_true(by <= 0);
    }
}

static size_t count(const char *gpu, const char *workload, const char *job)
{
    struct wtl_error err = {0};
    struct wtl_run_filter filter = {gpu, workload, job};
    WTL_ARENA(arena);
    struct wtl_run *runs;
    size_t n;
    assert_ok(wtl_campaign_runs(c, &filter, &arena, &runs, &n, &err), &err);
    return n;
}

static void filters_compare_folded_names(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    assert_ok(add_made_runs(c, 0, 60, &err), &err);
    assert_int_equal(count(NULL, NULL, NULL), 60);
    assert_int_equal(count("", "", ""), 60);
    assert_int_equal(count("a100", NULL, NULL), 30);
    assert_int_equal(count("A-100", "stable_diffusion", NULL), 20);
    assert_int_equal(count(NULL, "LLAMA", NULL), 20);
    assert_int_equal(count(NULL, NULL, "20892443"), 30);
    assert_int_equal(count("H100", NULL, NULL), 0);
    assert_int_equal(count("???", NULL, NULL), 0);
}

static void unknown_is_null_in_the_file(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_run run = {.gpu = "A100", .workload = "x"};
    wtl_run_set(&run, WTL_R_time_s, 0);
    int64_t id;
    assert_ok(wtl_campaign_add_run(c, &run, &id, &err), &err);
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT time_s=0, energy_j IS NULL, clock_mhz IS NULL,"
                                        " source_id IS NULL, stated_causes IS NULL FROM run",
                                        -1, &s, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    for (int i = 0; i < 5; i++)
        assert_int_equal(sqlite3_column_int(s, i), 1);
    sqlite3_finalize(s);
    sqlite3_close(db);
}

static void update_replaces_and_needs_the_run(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    assert_ok(add_made_runs(c, 0, 3, &err), &err);
    WTL_ARENA(arena);
    struct wtl_run *runs;
    size_t n;
    struct wtl_run want = made_run(17);
    want.id = 2;
    want.source_id = 2;
    assert_ok(wtl_campaign_update_run(c, &want, &err), &err);
    assert_ok(wtl_campaign_runs_of(c, 2, &arena, &runs, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_true(same_run(&runs[0], &want));
    want.id = 99;
    assert_int_equal(wtl_campaign_update_run(c, &want, &err), -WTL_NOTFOUND);
}

static void directories_select_runs_and_timings(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    assert_ok(add_made_runs(c, 0, 10, &err), &err);
    WTL_ARENA(arena);
    struct wtl_run *runs;
    struct wtl_stored_timing *timings;
    size_t n;
    assert_ok(wtl_campaign_runs_in(c, "/data/sweep1", &arena, &runs, &n, &err), &err);
    assert_int_equal(n, 5);
    assert_ok(wtl_campaign_runs_in(c, "/data", &arena, &runs, &n, &err), &err);
    assert_int_equal(n, 0);
    struct wtl_source log = {.path = "/data/sweep1/timing_summary.log", .scope = "/data/sweep1"};
    memset(log.sha256, 'f', 64);
    struct wtl_timing with = {.run_id = "1_01",
                              .seq = 1,
                              .rep = 1,
                              .clock_mhz = 1410,
                              .duration_s = 114,
                              .has_duration = true,
                              .resolution_s = 1,
                              .exit_code = -9,
                              .status = WTL_RUN_TIMEOUT};
    struct wtl_timing without = {.run_id = "2_01"};
    int64_t id;
    assert_ok(wtl_campaign_add_source(c, &log, &id, &err), &err);
    assert_ok(wtl_campaign_add_timing(c, id, &with, &err), &err);
    assert_ok(wtl_campaign_add_timing(c, id, &without, &err), &err);
    assert_ok(wtl_campaign_timings(c, &arena, "/data/sweep0", &timings, &n, &err), &err);
    assert_int_equal(n, 0);
    assert_ok(wtl_campaign_timings(c, &arena, "/data/sweep1", &timings, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_string_equal(timings[0].timing.run_id, "1_01");
    assert_int_equal(timings[0].timing.clock_mhz, 1410);
    assert_int_equal(timings[0].timing.exit_code, -9);
    assert_int_equal(timings[0].timing.status, WTL_RUN_TIMEOUT);
    assert_true(timings[0].timing.has_duration && timings[0].timing.duration_s == 114);
    assert_false(timings[1].timing.has_duration);
    assert_string_equal(timings[1].path, log.path);
}

static void sources_are_known_by_content_and_scope(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    char text[64];
    struct wtl_source a = made_source(3, text);
    int64_t id = 0;
    int64_t found = -1;
    assert_ok(wtl_campaign_add_source(c, &a, &id, &err), &err);
    assert_ok(wtl_campaign_find_source(c, a.sha256, a.size_bytes, "", &found, &err), &err);
    assert_int_equal(found, id);
    assert_ok(wtl_campaign_find_source(c, a.sha256, a.size_bytes + 1, "", &found, &err), &err);
    assert_int_equal(found, 0);
    assert_ok(wtl_campaign_find_source(c, a.sha256, a.size_bytes, "/x", &found, &err), &err);
    assert_int_equal(found, 0);
    a.scope = "/x";
    int64_t other;
    assert_ok(wtl_campaign_add_source(c, &a, &other, &err), &err);
    assert_ok(wtl_campaign_find_source(c, a.sha256, a.size_bytes, NULL, &found, &err), &err);
    assert_int_equal(found, id);
    int64_t untouched = -5;
    assert_int_equal(wtl_campaign_add_source(c, &a, &untouched, &err), -WTL_FAILED);
    assert_int_equal(untouched, -5);

    WTL_ARENA(arena);
    struct wtl_source *all;
    size_t n;
    assert_ok(wtl_campaign_sources(c, &arena, &all, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_string_equal(all[0].path, a.path);
    assert_string_equal(all[0].dialect, "25 fields, style B");
    assert_string_equal(all[1].scope, "/x");
    assert_int_equal(all[0].cells_missing, 17);
    assert_int_equal(all[0].first_dropped_line, 7);
    assert_true(all[0].imported_ns == wall_ns);
}

static void documents_replace_by_kind_and_name(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    WTL_ARENA(arena);
    char *json;
    struct wtl_stored_document *all;
    size_t n;
    assert_ok(wtl_campaign_get_document(c, &arena, "plan", "a", &json, &err), &err);
    assert_null(json);
    assert_ok(wtl_campaign_put_document(c, "plan", "b", "{\"x\":1}", &err), &err);
    assert_ok(wtl_campaign_put_document(c, "plan", "a", "{}", &err), &err);
    assert_ok(wtl_campaign_put_document(c, "verdict", "a", "[]", &err), &err);
    assert_ok(wtl_campaign_put_document(c, "plan", "a", "{\"x\":2}", &err), &err);
    assert_ok(wtl_campaign_get_document(c, &arena, "plan", "a", &json, &err), &err);
    assert_string_equal(json, "{\"x\":2}");
    assert_ok(wtl_campaign_documents(c, &arena, "plan", &all, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_string_equal(all[0].name, "a");
    assert_string_equal(all[0].json, "{\"x\":2}");
    assert_string_equal(all[1].name, "b");
    assert_true(all[1].stored_ns == wall_ns);
    assert_ok(wtl_campaign_documents(c, &arena, NULL, &all, &n, &err), &err);
    assert_int_equal(n, 3);
    assert_string_equal(all[2].kind, "verdict");
    assert_ok(wtl_campaign_documents(c, &arena, "predictor", &all, &n, &err), &err);
    assert_int_equal(n, 0);
}

static void fingerprint_names_the_set_of_files(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    char none[65];
    char ab[65];
    char ba[65];
    char text[64];
    assert_ok(wtl_campaign_fingerprint(c, none, &err), &err);
    /* SHA-256 of nothing (FIPS 180-4 test vector). */
    assert_string_equal(none, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    int64_t id;
    for (int i = 1; i <= 2; i++) {
        struct wtl_source s = made_source(i, text);
        assert_ok(wtl_campaign_add_source(c, &s, &id, &err), &err);
    }
    assert_ok(wtl_campaign_fingerprint(c, ab, &err), &err);
    teardown(NULL);
    setup(NULL);
    for (int i = 2; i >= 1; i--) {
        struct wtl_source s = made_source(i, text);
        assert_ok(wtl_campaign_add_source(c, &s, &id, &err), &err);
    }
    assert_ok(wtl_campaign_fingerprint(c, ba, &err), &err);
    assert_string_equal(ab, ba);
    assert_string_not_equal(ab, none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(runs_come_back_as_they_were, setup, teardown),
        cmocka_unit_test_setup_teardown(order_is_gpu_workload_job_seq_rep, setup, teardown),
        cmocka_unit_test_setup_teardown(filters_compare_folded_names, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_is_null_in_the_file, setup, teardown),
        cmocka_unit_test_setup_teardown(update_replaces_and_needs_the_run, setup, teardown),
        cmocka_unit_test_setup_teardown(directories_select_runs_and_timings, setup, teardown),
        cmocka_unit_test_setup_teardown(sources_are_known_by_content_and_scope, setup, teardown),
        cmocka_unit_test_setup_teardown(documents_replace_by_kind_and_name, setup, teardown),
        cmocka_unit_test_setup_teardown(fingerprint_names_the_set_of_files, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
