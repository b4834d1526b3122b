/* SPDX-License-Identifier: Apache-2.0
 * Sinks: whole or not at all, nothing overwritten, files that follow one another. */
#include "support/support.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "sink/sink.h"
#include "store/campaign.h"

static const struct wtl_write_stream stream = {
    .id = "virtual:a", .name = "A100", .gpu = true, .present = UINT64_C(1) << WTL_M_power_w};

static struct wtl_batch batch;
static const struct wtl_batch *const batches[] = {&batch};

static void fill(int n, int64_t from_ns)
{
    batch = (struct wtl_batch){.n = n, .has_time = true, .present = stream.present};
    for (int i = 0; i < n; i++) {
        batch.t_ns[i] = from_ns + i * INT64_C(100000000);
        batch.column[WTL_M_power_w].value[i] = 100 + i;
        batch.column[WTL_M_power_w].valid[i >> 6] |= UINT64_C(1) << (i & 63);
    }
}

static int64_t size_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_failed_put_leaves_nothing_and_can_be_tried_again(void **state)
{
    (void)state;
    struct wtl_sink *sink = NULL;
    struct wtl_error err = {0};
    const char *path = in_test_directory("grow.csv");
    const struct wtl_write_gap gap = {.rows = 5, .from_ns = 1, .to_ns = 2, .why = "because"};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_ok(
        wtl_sink_text_open(wtl_alloc_system(), path, &wtl_writer_csv, &stream, 1, 0, &sink, &err),
        &err);
    fill(100, INT64_C(1763800000000000000));
    assert_ok(wtl_sink_put(sink, batches, 1, NULL, &err), &err);
    int64_t before = size_of(path);
    assert_int_equal(wtl_sink_size(sink), before);
    limit_files((rlim_t)before + 700); /* a part fits */
    assert_int_equal(wtl_sink_put(sink, batches, 1, NULL, &err), -(int)WTL_IO);
    assert_int_equal(size_of(path), before);
    limit_files(RLIM_INFINITY);
    fill(3, INT64_C(1763800100000000000));
    assert_ok(wtl_sink_put(sink, batches, 1, &gap, &err), &err);
    assert_ok(wtl_sink_close(sink, true, &err), &err);
    WTL_ARENA(arena);
    char *text = NULL;
    size_t n = 0;
    assert_ok(wtl_file_read(&arena, path, 1 << 20, &text, &n, &err), &err);
    assert_non_null(strstr(text, "\n# wattle: gap: 5 samples lost from 1970-01-01T00:00:00.000Z"));
    int lines = 0;
    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    assert_int_equal(lines, 1 + 100 + 1 + 3);
}

static void what_is_there_stays(void **state)
{
    (void)state;
    struct wtl_sink *sink = NULL;
    struct wtl_error err = {0};
    const char *path = in_test_directory("mine.csv");
    assert_ok(wtl_file_write_atomic(path, "mine\n", 5, 0600, &err), &err);
    assert_int_equal(
        wtl_sink_text_open(wtl_alloc_system(), path, &wtl_writer_csv, &stream, 1, 0, &sink, &err),
        -(int)WTL_FAILED);
    assert_null(sink);
    assert_int_equal(size_of(path), 5);
}

static void describe(void *ctx, int i, bool ended, struct wtl_run *run)
{
    *(int *)ctx += ended;
    assert_int_equal(i, 0);
    (void)snprintf(run->gpu, sizeof run->gpu, "A100");
    (void)snprintf(run->workload, sizeof run->workload, "w");
}

static int count_rows(void *ctx, const struct wtl_batch *b, struct wtl_error *err)
{
    (void)err;
    *(int *)ctx += b->n;
    return 0;
}

static struct wtl_run stored_run(const char *path, const char *job, int *rows)
{
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_campaign *c = NULL;
    struct wtl_run *runs = NULL;
    size_t n = 0;
    assert_ok(wtl_campaign_open(path, WTL_CAMPAIGN_READ, wtl_clock_system(), &c, &err), &err);
    const struct wtl_run_filter filter = {.job = job};
    assert_ok(wtl_campaign_runs(c, &filter, &arena, &runs, &n, &err), &err);
    assert_int_equal(n, 1);
    *rows = 0;
    assert_ok(wtl_campaign_samples(c, runs[0].id, count_rows, rows, &err), &err);
    wtl_campaign_close(c);
    return runs[0];
}

/* What a kill after a put would leave: a run of all that was put, which says until when that is. */
static void what_is_put_is_told_at_once(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    const char *path = in_test_directory("killed.wattle");
    int ended = 0, rows = 0;
    struct wtl_sink *sink = NULL;
    const struct wtl_sink_campaign_options o = {.path = path,
                                                .clock = wtl_clock_system(),
                                                .streams = &stream,
                                                .n = 1,
                                                .job = "one",
                                                .describe = describe,
                                                .ctx = &ended};
    assert_ok(wtl_sink_campaign_open(wtl_alloc_system(), &o, &sink, &err), &err);
    batch.n = 0;
    assert_ok(wtl_sink_put(sink, batches, 1, NULL, &err), &err);
    assert_non_null(strstr(stored_run(path, o.job, &rows).stated_reason, "nothing is stored yet"));
    for (int k = 0; k < 2; k++) {
        static const char *const until[] = {"2025-11-22T08:26:44Z", "2025-11-22T08:26:54Z"};
        fill(50, INT64_C(1763800000000000000) + k * INT64_C(10000000000));
        assert_ok(wtl_sink_put(sink, batches, 1, NULL, &err), &err);
        struct wtl_run run = stored_run(path, o.job, &rows);
        assert_int_equal(rows, 50 * (k + 1));
        assert_near(wtl_run_get(&run, WTL_R_n_samples, 0), rows, 0);
        assert_near(wtl_run_get(&run, WTL_R_power_mean_w, 0), 124.5, 1e-9);
        assert_true(run.start_ns == INT64_C(1763800000000000000));
        assert_non_null(strstr(run.stated_reason, "did not end"));
        assert_non_null(strstr(run.stated_reason, until[k]));
    }
    assert_ok(wtl_sink_close(sink, false, &err), &err);
    struct wtl_run run = stored_run(path, o.job, &rows);
    assert_non_null(strstr(run.stated_reason, "2025-11-22T08:26:54Z"));
    assert_int_equal(ended, 0);
}

/* Until it is closed as complete, the run says that it does not end here. */
static void a_campaign_has_its_run_from_the_first_put_on(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    const char *path = in_test_directory("c.wattle");
    for (int complete = 0; complete < 2; complete++) {
        int ended = 0, rows = 0;
        struct wtl_sink *sink = NULL;
        const struct wtl_sink_campaign_options o = {.path = path,
                                                    .clock = wtl_clock_system(),
                                                    .streams = &stream,
                                                    .n = 1,
                                                    .job = complete ? "two" : "one",
                                                    .describe = describe,
                                                    .ctx = &ended};
        assert_ok(wtl_sink_campaign_open(wtl_alloc_system(), &o, &sink, &err), &err);
        fill(50, INT64_C(1763800000000000000));
        assert_ok(wtl_sink_put(sink, batches, 1, NULL, &err), &err);
        assert_ok(wtl_sink_close(sink, complete, &err), &err);
        assert_int_equal(ended, complete);
        struct wtl_run run = stored_run(path, o.job, &rows);
        assert_int_equal(run.stated_causes, complete ? 0 : UINT32_C(1) << WTL_CAUSE_truncated);
        assert_near(wtl_run_get(&run, WTL_R_power_mean_w, 0), 124.5, 1e-9);
        assert_int_equal(rows, 50);
    }
}

static void files_are_numbered_and_found_again(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    char path[WTL_LIMIT_PATH];
    int64_t last = -1;
    assert_true(wtl_series_path("a/power.csv", 12, path, sizeof path));
    assert_string_equal(path, "a/power.0012.csv");
    assert_true(wtl_series_path("power", 12345, path, sizeof path));
    assert_string_equal(path, "power.12345");
    assert_false(wtl_series_path("power", 1, path, 10));
    const char *base = in_test_directory("s.csv");
    assert_ok(wtl_series_last(base, &last, &err), &err);
    assert_int_equal(last, 0);
    for (int64_t i = 1; i <= 5; i++) {
        assert_true(wtl_series_path(base, i, path, sizeof path));
        assert_ok(wtl_file_write_atomic(path, "x", 1, 0600, &err), &err);
    }
    assert_ok(wtl_file_write_atomic(in_test_directory("s.notes.csv"), "x", 1, 0600, &err), &err);
    assert_ok(wtl_series_last(base, &last, &err), &err);
    assert_int_equal(last, 5);
    assert_int_equal(wtl_series_remove_upto(base, 3), 3);
    assert_int_equal(wtl_series_remove_upto(base, 3), 0);
    assert_int_equal(access(in_test_directory("s.notes.csv"), F_OK), 0);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(wtl_series_last("/no/such/folder/x", &last, &err), -(int)WTL_NOTFOUND);
    assert_int_equal(last, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_put_leaves_nothing_and_can_be_tried_again),
        cmocka_unit_test(what_is_there_stays),
        cmocka_unit_test(what_is_put_is_told_at_once),
        cmocka_unit_test(a_campaign_has_its_run_from_the_first_put_on),
        cmocka_unit_test(files_are_numbered_and_found_again),
    };
    return cmocka_run_group_tests(tests, make_test_directory, drop_test_directory);
}
