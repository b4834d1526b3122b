/* SPDX-License-Identifier: Apache-2.0
 * Detection, what is taken out before a reader sees it, mixed files, failures of the sink. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/collect_trace.h"

#define RAW "data/frequency/raw/"

static const char smi_text[] =
    "timestamp, index, name, power.draw [W], clocks.current.sm [MHz]\n"
    "2025/07/09 01:17:36.754, 0, NVIDIA A100-PCIE-40GB, 36.02 W, 210 MHz\n"
    "2025/07/09 01:17:37.754, 0, NVIDIA A100-PCIE-40GB, 36.12 W, 210 MHz\n";

static const char dcgmi_text[] = "#Entity   POWER             TOTEC\n"
                                 "ID        W                 mJ\n"
                                 "GPU 0     62.495            26944097032\n"
                                 "GPU 0     62.498            26944103279\n";

static void chooses_by_content(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, smi_text, &err), &err);
    assert_string_equal(c.report.reader, "nvidia-smi");
    assert_int_equal(c.report.lines, 3);
    collect_free(&c);
    assert_ok(collect_text(&c, dcgmi_text, &err), &err);
    assert_string_equal(c.report.reader, "dcgmi");
    assert_int_equal(c.report.lines, 4);
    assert_int_equal(c.report.rows, 2);
    collect_free(&c);
}

static void a_byte_order_mark_is_passed_over(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct collected c = {0};
    char text[600];
    snprintf(text, sizeof text, "\xef\xbb\xbf%s", smi_text);
    assert_ok(collect_text(&c, text, &err), &err);
    assert_int_equal(c.report.rows, 2);
    assert_true(c.streams[0]->info.has_time);
    collect_free(&c);
}

/* nvidia-smi without header: its columns cannot be known, but what to do can; and it works. */
static void a_log_without_its_header_says_what_to_do(void **state)
{
    (void)state;
    static const char rows[] = "2025/07/09 01:17:36.754, 36.02 W, 210 MHz\n"
                               "2025/07/09 01:17:37.754, 36.12 W, 210 MHz\n";
    struct collected c = {0};
    struct wtl_error err = {0};
    assert_int_equal(collect_text(&c, rows, &err), -(int)WTL_PARSE);
    assert_non_null(strstr(err.hint, "write its --query-gpu list as the first line"));
    collect_free(&c);
    assert_int_equal(collect_text(&c, "2025/07/09 01:17:3", &err), -(int)WTL_PARSE);
    assert_non_null(strstr(err.hint, "readers: "));
    collect_free(&c);
    char text[200];
    snprintf(text, sizeof text, "timestamp,power.draw,clocks.sm\n%s", rows);
    err = (struct wtl_error){0};
    assert_ok(collect_text(&c, text, &err), &err);
    assert_string_equal(c.report.reader, "nvidia-smi");
    assert_near(c.streams[0]->value[WTL_M_power_w][1], 36.12, 0);
    assert_near(c.streams[0]->value[WTL_M_sm_clock_mhz][1], 210, 0);
    collect_free(&c);
}

static void unknown_content_names_the_readers(void **state)
{
    (void)state;
    struct collected c = {0};
    struct wtl_error err = {0};
    assert_int_equal(collect_text(&c, "hello\nworld\n", &err), -(int)WTL_PARSE);
    assert_non_null(strstr(err.hint, "dcgmi, nvidia-smi"));
    assert_non_null(strstr(err.hint, "mapping"));
    assert_string_equal(err.input_file, "memory");
    assert_int_equal(c.n_streams, 0);
    collect_free(&c);
    assert_int_equal(collect_text(&c, "", &err), -(int)WTL_PARSE);
    assert_non_null(strstr(err.message, "empty"));
    collect_free(&c);
    assert_int_equal(collect_memory(&c, "\xff\xfeG\0P\0U\0\n\0", 10, NULL, &err), -(int)WTL_PARSE);
    collect_free(&c);
}

static void a_reader_can_be_forced(void **state)
{
    (void)state;
    struct collected c = {0};
    struct wtl_error err = {0};
    struct wtl_trace_options options = {.reader = "dcgmi"};
    assert_ok(collect_memory(&c, "hello\n", 6, &options, &err), &err);
    assert_int_equal(c.report.dropped[WTL_DROP_unknown_row], 1);
    collect_free(&c);
    options.reader = "dcgm";
    assert_int_equal(collect_memory(&c, "hello\n", 6, &options, &err), -(int)WTL_USAGE);
    assert_non_null(strstr(err.hint, "did you mean \"dcgmi\""));
    collect_free(&c);
}

static void lists_its_readers(void **state)
{
    (void)state;
    const char *name = NULL;
    const char *title = NULL;
    int n = 0;
    while (wtl_trace_reader_at(n, &name, &title)) {
        assert_true(name[0] && title[0]);
        n++;
    }
    assert_true(n >= 2);
    assert_false(wtl_trace_reader_at(-1, &name, &title));
}

static void nul_bytes_cost_their_line_and_no_other(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    const size_t holes[] = {1, 300, 70000, 3 << 20};
    for (size_t h = 0; h < 4; h++) {
        /* hole at the very start, and between two rows */
        for (int where = 0; where < 2; where++) {
            size_t lead = where ? sizeof dcgmi_text - 1 : 0;
            size_t n = lead + holes[h] + sizeof dcgmi_text - 1;
            char *text = calloc(1, n + 8);
            memcpy(text, dcgmi_text, lead);
            memcpy(text + lead + holes[h], "junk\n", 5);
            memcpy(text + lead + holes[h] + 5, dcgmi_text, sizeof dcgmi_text - 1);
            struct collected c = {0};
            assert_ok(collect_memory(&c, text, n + 5, NULL, &err), &err);
            assert_int_equal(c.report.rows, where ? 4 : 2);
            assert_int_equal(c.report.dropped[WTL_DROP_binary], 1);
            assert_int_equal(c.report.rows_dropped, 1);
            assert_int_equal(c.report.first_dropped_line, where ? 5 : 1);
            assert_int_equal(c.report.lines, where ? 9 : 5);
            collect_free(&c);
            free(text);
        }
    }
}

/* The published file into which two jobs wrote. */
static void the_real_mixed_file_is_split(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(
        collect_file(&c, source_path(RAW "GV100-baseline-LSTM-1380-0__626943c__350889ca.gz"), &err),
        &err);
    assert_int_equal(c.n_streams, 2);
    assert_string_equal(c.streams[0]->info.dialect, "nvidia-smi");
    assert_string_equal(c.streams[0]->info.device, "NVIDIA A100-PCIE-40GB");
    assert_int_equal(c.streams[0]->n, 624);
    assert_string_equal(c.streams[1]->info.dialect, "dcgmi-a");
    assert_string_equal(c.streams[1]->info.entity, "GPU 0");
    /* 8 rows stand before the first header, which explains them; the row that is one line with the
     * hole of NUL bytes is lost. */
    assert_int_equal(c.streams[1]->n, 268);
    assert_int_equal(c.report.rows_dropped, 1);
    assert_int_equal(c.report.dropped[WTL_DROP_binary], 1);
    assert_int_equal(c.report.first_dropped_line, 626);
    assert_string_equal(c.report.reader, "nvidia-smi+dcgmi");
    assert_string_equal(c.report.dialect, "15 columns + 17 fields, style A");
    assert_near(c.streams[1]->value[WTL_M_app_sm_clock_mhz][0], 1230, 0);
    collect_free(&c);
}

/* Truly interleaved, line by line, both ways round. */
static void interleaved_samplers_are_split(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        char text[20000];
        size_t n = 0;
        for (int i = 0; i < 60; i++) {
            if (i % 2 == first) {
                if (i < 2)
                    n += (size_t)snprintf(text + n, sizeof text - n, "%s",
                                          "timestamp, index, name, power.draw [W]\n");
                n += (size_t)snprintf(text + n, sizeof text - n,
                                      "2025/07/09 01:17:%02d.754, 0, NVIDIA A100, %d.5 W\n", i, i);
            } else {
                if (i < 2)
                    n += (size_t)snprintf(text + n, sizeof text - n, "%s",
                                          "#Entity   POWER\nID        W\n");
                n += (size_t)snprintf(text + n, sizeof text - n, "GPU 0     %d.250\n", i);
            }
        }
        struct wtl_error err = {0};
        struct collected c = {0};
        assert_ok(collect_memory(&c, text, n, NULL, &err), &err);
        assert_int_equal(c.n_streams, 2);
        assert_int_equal(c.report.rows, 60);
        assert_int_equal(c.report.rows_dropped, 0);
        assert_string_not_equal(c.streams[0]->info.dialect, c.streams[1]->info.dialect);
        collect_free(&c);
    }
}

static void a_refusing_sink_ends_the_reading(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct collected c = {.fail_after = 1};
    assert_int_equal(collect_text(&c, dcgmi_text, &err), -(int)WTL_IO);
    assert_string_equal(err.message, "the sink is full");
    collect_free(&c);
}

static void sinks_may_be_empty(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_input *in = NULL;
    struct wtl_read_report report;
    struct wtl_trace_sink nothing = {0};
    assert_ok(wtl_input_new(wtl_alloc_system(), &in, &err), &err);
    assert_ok(wtl_input_open_memory(in, "x", dcgmi_text, sizeof dcgmi_text - 1, false, &err), &err);
    assert_ok(wtl_trace_read(in, NULL, &nothing, &report, &err), &err);
    assert_int_equal(report.rows, 2);
    wtl_input_free(in);
}

static void drops_have_names(void **state)
{
    (void)state;
    assert_string_equal(wtl_drop_name(WTL_DROP_truncated_row), "truncated_row");
    for (int d = 0; d < (int)WTL_N_DROPS; d++)
        assert_true(wtl_drop_text((enum wtl_drop)d)[0]);
}

/* Found by fuzzing: names that hold the list's separator. */
static void odd_column_names_are_listed_once(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, "#Entity , FOO POWER FOO ,\nGPU 0 1 2 3 4 5\n", &err), &err);
    assert_int_equal(c.report.rows, 1);
    assert_string_equal(c.report.unknown_columns, ",,FOO");
    collect_free(&c);
}

static void more_than_the_limit_of_streams_is_refused(void **state)
{
    (void)state;
    char *text = malloc(1 << 16);
    size_t n = (size_t)sprintf(text, "#Entity   POWER\n");
    for (int i = 0; i <= WTL_LIMIT_STREAMS; i++)
        n += (size_t)sprintf(text + n, "GPU %d     1.250\n", i);
    struct wtl_error err = {0};
    struct wtl_input *in = NULL;
    struct wtl_read_report report;
    struct wtl_trace_sink nothing = {0};
    assert_ok(wtl_input_new(wtl_alloc_system(), &in, &err), &err);
    assert_ok(wtl_input_open_memory(in, "x", text, n, false, &err), &err);
    assert_int_equal(wtl_trace_read(in, NULL, &nothing, &report, &err), -(int)WTL_LIMIT);
    assert_int_equal(err.input_line, WTL_LIMIT_STREAMS + 2);
    wtl_input_free(in);
    free(text);
}

static void one_scratch_serves_many_files(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_trace_scratch *scratch = NULL;
    assert_ok(wtl_trace_scratch_new(wtl_alloc_system(), &scratch, &err), &err);
    struct wtl_trace_options options = {.scratch = scratch};
    for (int i = 0; i < 5; i++) {
        struct collected c = {0};
        const char *text = i & 1 ? smi_text : dcgmi_text;
        assert_ok(collect_memory(&c, text, strlen(text), &options, &err), &err);
        assert_int_equal(c.report.rows, 2);
        collect_free(&c);
    }
    wtl_trace_scratch_free(scratch);
    wtl_trace_scratch_free(NULL);
}

/* Whatever allocation fails, the reading ends with an error and nothing is lost (sanitizers). */
static void out_of_memory_at_every_step(void **state)
{
    (void)state;
    char text[2000];
    snprintf(text, sizeof text, "%sGPU 0  1.000  2\n%s%sGPU 1  3.000  4\n", smi_text, dcgmi_text,
             smi_text);
    struct wtl_error err = {0};
    struct wtl_input *in = NULL;
    assert_ok(wtl_input_new(wtl_alloc_system(), &in, &err), &err);
    bool survived = false;
    for (long fail_at = 1; fail_at < 60 && !survived; fail_at++) {
        struct wtl_alloc_failing failing;
        struct wtl_trace_scratch *scratch = NULL;
        int rc = wtl_trace_scratch_new(wtl_alloc_failing(&failing, fail_at), &scratch, &err);
        assert_true(rc == 0 || !scratch);
        if (rc == 0) {
            struct wtl_trace_options options = {.scratch = scratch};
            struct wtl_trace_sink nothing = {0};
            struct wtl_read_report report;
            assert_ok(wtl_input_open_memory(in, "x", text, strlen(text), false, &err), &err);
            rc = wtl_trace_read(in, &options, &nothing, &report, &err);
            survived = rc == 0 && report.rows == 7; /* one time runs backwards */
        }
        assert_true(survived || rc == -(int)WTL_NOMEM);
        wtl_trace_scratch_free(scratch);
    }
    assert_true(survived);
    wtl_input_free(in);
}

static void a_compressed_trace_reads_like_the_plain_one(void **state)
{
    (void)state;
    const char *path =
        source_path(RAW "GH100-baseline-StableDiffusion-1785-0__66d5611__a0fae634.gz");
    struct wtl_error err = {0};
    struct wtl_input *in = NULL;
    char *plain = malloc(1 << 20);
    size_t size = 0;
    assert_non_null(plain);
    assert_ok(wtl_input_new(wtl_alloc_system(), &in, &err), &err);
    assert_ok(wtl_input_open(in, path, false, &err), &err);
    for (;;) {
        const char *p = NULL;
        size_t n = 0;
        assert_ok(wtl_input_next(in, &p, &n, &err), &err);
        if (n == 0)
            break;
        assert_true(size + n <= 1 << 20);
        memcpy(plain + size, p, n);
        size += n;
    }
    wtl_input_free(in);
    struct collected a = {0};
    struct collected b = {0};
    assert_ok(collect_file(&a, path, &err), &err);
    assert_ok(collect_memory(&b, plain, size, NULL, &err), &err);
    assert_same_collection(&a, &b);
    collect_free(&a);
    collect_free(&b);
    free(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(out_of_memory_at_every_step),
        cmocka_unit_test(a_compressed_trace_reads_like_the_plain_one),
        cmocka_unit_test(chooses_by_content),
        cmocka_unit_test(a_byte_order_mark_is_passed_over),
        cmocka_unit_test(unknown_content_names_the_readers),
        cmocka_unit_test(a_log_without_its_header_says_what_to_do),
        cmocka_unit_test(a_reader_can_be_forced),
        cmocka_unit_test(lists_its_readers),
        cmocka_unit_test(nul_bytes_cost_their_line_and_no_other),
        cmocka_unit_test(the_real_mixed_file_is_split),
        cmocka_unit_test(interleaved_samplers_are_split),
        cmocka_unit_test(a_refusing_sink_ends_the_reading),
        cmocka_unit_test(sinks_may_be_empty),
        cmocka_unit_test(drops_have_names),
        cmocka_unit_test(odd_column_names_are_listed_once),
        cmocka_unit_test(more_than_the_limit_of_streams_is_refused),
        cmocka_unit_test(one_scratch_serves_many_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
