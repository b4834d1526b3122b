/* SPDX-License-Identifier: Apache-2.0
 * Writers: what a reader makes of what they wrote, cut anywhere and with gaps. */
#include "support/support.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "support/collect_trace.h"
#include "trace/write.h"

#define BIT(m) (UINT64_C(1) << WTL_M_##m)

enum { N_STREAMS = 3, ROWS = 300, SEEDS = 40 };

/* Two GPUs of one model, and a CPU whose name needs quotes. */
static const struct wtl_write_stream streams[N_STREAMS] = {
    {.id = "nvml:GPU-0",
     .name = "NVIDIA A100-PCIE-40GB",
     .uuid = "GPU-0",
     .index = 0,
     .gpu = true,
     .present = BIT(power_w) | BIT(energy_counter_j) | BIT(temp_c) | BIT(sm_clock_mhz) |
                BIT(event_reasons) | BIT(pstate) | BIT(gpu_util) | BIT(fb_used_b)},
    {.id = "nvml:GPU-1",
     .name = "NVIDIA A100-PCIE-40GB",
     .uuid = "GPU-1",
     .index = 1,
     .gpu = true,
     .present = BIT(power_w) | BIT(power_instant_w) | BIT(energy_counter_j) | BIT(gpu_util)},
    {.id = "estimate:cpu,tdp=40W",
     .name = "a \"CPU\", estimated",
     .index = -1,
     .present = BIT(power_w) | BIT(cpu_time_s)},
};

struct made {
    struct wtl_batch batch[N_STREAMS];
};

static double uniform(struct wtl_rng *r, double lo, double hi)
{
    return lo + (hi - lo) * wtl_rng_uniform(r);
}

/* Values as sensors give them: many digits, small and large. */
static double value_of(struct wtl_rng *r, enum wtl_metric m)
{
    switch ((int)m) {
    case WTL_M_energy_counter_j:
        return uniform(r, 0, 1e9);
    case WTL_M_temp_c:
        return floor(uniform(r, 20, 95));
    case WTL_M_sm_clock_mhz:
        return floor(uniform(r, 210, 1980));
    case WTL_M_event_reasons:
        return floor(uniform(r, 0, 512));
    case WTL_M_pstate:
        return floor(uniform(r, 0, 13));
    case WTL_M_gpu_util:
        return floor(uniform(r, 0, 101)) / 100;
    case WTL_M_fb_used_b:
        return 1048576 * floor(uniform(r, 0, 81920));
    default:
        return uniform(r, 0, 700);
    }
}

static void make(uint64_t seed, struct made *made)
{
    struct wtl_rng r;
    wtl_rng_init(&r, seed);
    memset(made, 0, sizeof *made);
    for (int s = 0; s < N_STREAMS; s++) {
        struct wtl_batch *b = &made->batch[s];
        b->stream = s;
        b->has_time = true;
        b->present = streams[s].present;
        b->n = 1 + (int)uniform(&r, 0, ROWS - 1);
        int64_t t = INT64_C(1763800000123456789);
        for (int i = 0; i < b->n; i++) {
            t += 1 + (int64_t)uniform(&r, 0, 2e8);
            b->t_ns[i] = t;
            for (uint64_t left = b->present; left; left &= left - 1) {
                int m = __builtin_ctzll(left);
                if (wtl_rng_uniform(&r) < 0.2 && i > 0)
                    continue;
                b->column[m].valid[i >> 6] |= UINT64_C(1) << (i & 63);
                b->column[m].value[i] = value_of(&r, (enum wtl_metric)m);
            }
        }
    }
}

static struct wtl_write start(const struct wtl_writer *writer)
{
    return (struct wtl_write){.writer = writer, .streams = streams, .n = N_STREAMS};
}

static void write_all(const struct wtl_writer *writer, const struct made *made, struct wtl_buf *out)
{
    struct wtl_write w = start(writer);
    const struct wtl_batch *batches[N_STREAMS];
    int64_t want = 0;
    for (int s = 0; s < N_STREAMS; s++) {
        batches[s] = &made->batch[s];
        want += streams[s].gpu || !writer->gpus_only ? batches[s]->n : 0;
    }
    wtl_buf_init(out, wtl_alloc_system(), 1 << 24);
    wtl_write_begin(&w, out);
    assert_int_equal(wtl_write_rows(&w, batches, N_STREAMS, out), want);
    assert_int_equal(w.rows, want);
    assert_false(out->failed);
}

/* What a dialect can tell of a metric, at least; 0: everything. */
static double step_of(const struct wtl_writer *writer, enum wtl_metric m)
{
    bool watts = wtl_metric_info(m)->unit == WTL_UNIT_WATT;
    if (writer == &wtl_writer_dcgmi)
        return 0.001;
    if (writer == &wtl_writer_nvidia_smi)
        return watts ? 0.01 : 1e-9;
    return 0;
}

static const struct collected_stream *find(const struct collected *c, const char *entity)
{
    for (int i = 0; i < c->n_streams; i++)
        if (strcmp(c->streams[i]->info.entity, entity) == 0)
            return c->streams[i];
    fail_msg("no stream \"%s\"", entity);
    abort();
}

static const char *entity_of(const struct wtl_writer *writer, int s)
{
    static const char *const dcgmi[] = {"GPU 0", "GPU 1"}, *const smi[] = {"0", "1"};
    if (writer == &wtl_writer_dcgmi)
        return dcgmi[s];
    return writer == &wtl_writer_nvidia_smi ? smi[s] : streams[s].id;
}

static void compare(const struct wtl_writer *writer, const struct wtl_batch *b,
                    const struct collected_stream *s)
{
    bool exact = !writer->gpus_only;
    int64_t ms = 1000000;
    assert_int_equal(s->n, b->n);
    assert_string_equal(s->info.device, streams[b->stream].name);
    if (exact)
        assert_true(s->info.present == b->present);
    for (int m = 0; m < (int)WTL_N_METRICS; m++) {
        if (!writer->holds((enum wtl_metric)m))
            continue;
        for (int i = 0; i < b->n; i++) {
            bool there =
                wtl_batch_has(b, (enum wtl_metric)m) && wtl_batch_valid(b, (enum wtl_metric)m, i);
            bool got = ((s->info.present >> m) & 1) && s->valid[m][i];
            assert_int_equal(got, there);
            double off = there ? fabs(s->value[m][i] - b->column[m].value[i]) : 0;
            if (off > 0.5001 * step_of(writer, (enum wtl_metric)m))
                fail_msg("%s: %s of row %d is off by %g", writer->name,
                         wtl_metric_info((enum wtl_metric)m)->name, i, off);
        }
    }
    for (int i = 0; s->info.has_time && i < b->n; i++)
        assert_true(exact ? s->t_ns[i] == b->t_ns[i] : s->t_ns[i] == b->t_ns[i] / ms * ms);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const char *const readers[] = {"samples", "samples-jsonl", "nvidia-smi", "dcgmi"};
    struct made *made = test_malloc(sizeof *made);
    for (int k = 0; wtl_writer_at(k); k++)
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            const struct wtl_writer *writer = wtl_writer_at(k);
            struct collected c = {0};
            struct wtl_buf text;
            make(seed, made);
            write_all(writer, made, &text);
            collect_as(&c, wtl_buf_str(&text), readers[k]);
            assert_int_equal(c.report.rows_dropped, 0);
            assert_int_equal(c.n_streams, writer->gpus_only ? 2 : 3);
            for (int s = 0; s < c.n_streams; s++)
                compare(writer, &made->batch[s], find(&c, entity_of(writer, s)));
            collect_free(&c);
            wtl_buf_fini(&text);
        }
    test_free(made);
}

static void a_gap_is_passed_over(void **state)
{
    (void)state;
    const struct wtl_write_gap gap = {.rows = 17,
                                      .from_ns = INT64_C(1763800000000000000),
                                      .to_ns = INT64_C(1763800001500000000),
                                      .why = "No space left on device"};
    struct made *made = test_malloc(sizeof *made);
    for (int k = 0; wtl_writer_at(k); k++) {
        const struct wtl_writer *writer = wtl_writer_at(k);
        struct collected c = {0};
        struct wtl_write w = start(writer);
        struct wtl_buf text;
        make(7, made);
        write_all(writer, made, &text);
        wtl_write_gap(&w, &gap, &text);
        assert_non_null(strstr(wtl_buf_str(&text), "No space left on device"));
        assert_non_null(strstr(wtl_buf_str(&text), "17"));
        struct collected before = {0};
        struct wtl_error err = {0};
        assert_int_equal(collect_text(&c, wtl_buf_str(&text), &err), 0);
        assert_int_equal(c.report.rows_dropped, 0);
        wtl_buf_fini(&text);
        write_all(writer, made, &text);
        assert_int_equal(collect_text(&before, wtl_buf_str(&text), &err), 0);
        assert_int_equal(c.report.rows, before.report.rows);
        collect_free(&c);
        collect_free(&before);
        wtl_buf_fini(&text);
    }
    test_free(made);
}

/* A kill may cut the file anywhere: every whole line but the cut one counts. */
static void a_cut_file_is_read_up_to_the_cut(void **state)
{
    (void)state;
    struct made *made = test_malloc(sizeof *made);
    make(3, made);
    for (int k = 0; wtl_writer_at(k); k++) {
        const struct wtl_writer *writer = wtl_writer_at(k);
        struct wtl_buf text;
        write_all(writer, made, &text);
        const char *second = strchr(strchr(text.data, '\n') + 1, '\n') + 1;
        second = strchr(second, '\n') + 1; /* dmon has two lines of header */
        for (size_t n = (size_t)(second - text.data); n < text.len; n += 1 + text.len / 97) {
            struct collected c = {0};
            struct wtl_error err = {0};
            assert_int_equal(collect_memory(&c, text.data, n, NULL, &err), 0);
            assert_true(c.report.rows_dropped <= 1);
            assert_true(c.report.rows > 0);
            collect_free(&c);
        }
        wtl_buf_fini(&text);
    }
    test_free(made);
}

static void files_put_one_behind_the_other_are_read(void **state)
{
    (void)state;
    struct made *made = test_malloc(sizeof *made);
    static const struct wtl_writer *const own[] = {&wtl_writer_csv, &wtl_writer_json_lines};
    for (int k = 0; k < 2; k++) {
        struct wtl_buf text, more;
        struct collected c = {0};
        struct wtl_error err = {0};
        make(5, made);
        write_all(own[k], made, &text);
        for (int s = 0; s < N_STREAMS; s++)
            for (int i = 0; i < made->batch[s].n; i++)
                made->batch[s].t_ns[i] += INT64_C(1000000000000);
        write_all(own[k], made, &more);
        wtl_buf_add(&text, more.data, more.len);
        assert_int_equal(collect_text(&c, wtl_buf_str(&text), &err), 0);
        assert_int_equal(c.report.rows_dropped, 0);
        assert_int_equal(c.report.rows,
                         2 * (made->batch[0].n + made->batch[1].n + made->batch[2].n));
        collect_free(&c);
        wtl_buf_fini(&text);
        wtl_buf_fini(&more);
    }
    test_free(made);
}

static void blocks_do_not_matter(void **state)
{
    (void)state;
    struct made *made = test_malloc(sizeof *made);
    make(11, made);
    for (int s = 0; s < N_STREAMS; s++)
        made->batch[s].n = made->batch[s].n < 20 ? made->batch[s].n : 20;
    struct wtl_buf text;
    write_all(&wtl_writer_csv, made, &text);
    assert_blocks_do_not_matter(&wtl_reader_samples_csv, wtl_buf_str(&text));
    wtl_buf_fini(&text);
    write_all(&wtl_writer_json_lines, made, &text);
    assert_blocks_do_not_matter(&wtl_reader_samples_json, wtl_buf_str(&text));
    wtl_buf_fini(&text);
    test_free(made);
}

static void local_time_is_shifted_by_what_was_said(void **state)
{
    (void)state;
    struct made *made = test_malloc(sizeof *made);
    struct wtl_write w = start(&wtl_writer_nvidia_smi);
    struct wtl_buf text;
    make(1, made);
    made->batch[0].n = 1;
    made->batch[0].t_ns[0] = INT64_C(1763800000123456789); /* 2025-11-22 08:26:40.123 UTC */
    const struct wtl_batch *b = &made->batch[0];
    w.utc_offset_s = -5 * 3600;
    wtl_buf_init(&text, wtl_alloc_system(), 1 << 20);
    wtl_write_begin(&w, &text);
    wtl_write_rows(&w, &b, 1, &text);
    assert_non_null(strstr(wtl_buf_str(&text), "\n2025/11/22 03:26:40.123, 0, GPU-0, NVIDIA A100"));
    wtl_buf_fini(&text);
    test_free(made);
}

static void bad_lines_are_dropped(void **state)
{
    (void)state;
    struct collected c = {0};
    collect_as(&c,
               "unix_time_s,device,name,power_w,what\n1.5,a,A,100,1\n1.25,a,A,100,1\n"
               "2,a,A,much,1\nx,a,A,1,1\n3,a,A,1\n4,a,A,7,1\n",
               "samples");
    assert_int_equal(c.report.rows, 2);
    assert_int_equal(c.report.rows_dropped, 4); /* two times, a number, a short row */
    assert_int_equal(c.report.dropped[WTL_DROP_bad_time], 2);
    assert_string_equal(c.report.unknown_columns, "what");
    collect_free(&c);
    c = (struct collected){0};
    collect_as(&c,
               "{\"wattle\": \"samples\", \"version\": 1, \"streams\": [{\"id\": \"a\", \"name\": "
               "\"A\", \"metrics\": [\"power_w\", \"what\"]}]}\n{\"t_ns\": 5, \"s\": 0, "
               "\"power_w\": 3}\n{\"t_ns\": 4, \"s\": 0}\n{\"t_ns\": 6, \"s\": 1}\nnonsense\n"
               "{\"summary\": {}}\n{\"t_ns\": 7, \"s\": 0, \"power_w\": \"x\"}\n{\"t_ns\": 8, "
               "\"s\": 0}\n",
               "samples-jsonl");
    assert_int_equal(c.report.rows, 2);
    assert_int_equal(c.report.rows_dropped, 4);
    assert_string_equal(c.report.unknown_columns, "what");
    collect_free(&c);
    assert_bad_text("unix_time_s,device,name,power_w,power_w\n", NULL, 1, 33, "twice");
    assert_bad_text("{\"wattle\": \"samples\", \"version\": 2, \"streams\": []}\n", NULL, 0, 0,
                    "version");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_gap_is_passed_over),
        cmocka_unit_test(a_cut_file_is_read_up_to_the_cut),
        cmocka_unit_test(files_put_one_behind_the_other_are_read),
        cmocka_unit_test(blocks_do_not_matter),
        cmocka_unit_test(local_time_is_shifted_by_what_was_said),
        cmocka_unit_test(bad_lines_are_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
