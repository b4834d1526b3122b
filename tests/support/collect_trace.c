/* SPDX-License-Identifier: Apache-2.0
 * The sink that keeps everything. */
#include "support/support.h"

#include "support/collect_trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int on_stream(void *ctx, const struct wtl_trace_stream *stream, struct wtl_error *err)
{
    (void)err;
    struct collected *c = ctx;
    assert_int_equal(stream->index, c->n_streams);
    assert_true(c->n_streams < COLLECT_STREAMS);
    struct collected_stream *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->info = *stream;
    c->streams[c->n_streams++] = s;
    return 0;
}

static int on_batch(void *ctx, const struct wtl_batch *b, struct wtl_error *err)
{
    struct collected *c = ctx;
    if (c->fail_after && --c->fail_after == 0)
        return WTL_FAIL(err, WTL_IO, "the sink is full");
    assert_in_range(b->n, 1, WTL_BATCH_ROWS);
    assert_in_range(b->stream, 0, c->n_streams - 1);
    struct collected_stream *s = c->streams[b->stream];
    assert_int_equal(b->first_row, s->n);
    assert_true(b->present == s->info.present);
    assert_int_equal(b->has_time, s->info.has_time);
    assert_true(s->n + b->n <= COLLECT_ROWS);
    for (int i = 0; i < b->n; i++) {
        s->t_ns[s->n + i] = b->has_time ? b->t_ns[i] : 0;
        for (int m = 0; m < (int)WTL_N_METRICS; m++) {
            if (!wtl_batch_has(b, (enum wtl_metric)m) || !wtl_batch_valid(b, (enum wtl_metric)m, i))
                continue;
            assert_true(isfinite(b->column[m].value[i]));
            s->valid[m][s->n + i] = true;
            s->value[m][s->n + i] = b->column[m].value[i];
        }
    }
    for (int i = b->n; i < WTL_BATCH_ROWS; i++) /* rows that do not exist are not valid */
        for (int m = 0; m < (int)WTL_N_METRICS; m++)
            if (wtl_batch_has(b, (enum wtl_metric)m))
                assert_false(wtl_batch_valid(b, (enum wtl_metric)m, i));
    s->n += b->n;
    return 0;
}

static int on_run(void *ctx, const struct wtl_run *run, struct wtl_error *err)
{
    (void)err;
    struct collected *c = ctx;
    assert_true(c->n_runs < COLLECT_RUNS);
    c->runs[c->n_runs++] = *run;
    return 0;
}

static int on_timing(void *ctx, const struct wtl_timing *timing, struct wtl_error *err)
{
    (void)err;
    struct collected *c = ctx;
    assert_true(c->n_timings < COLLECT_RUNS);
    c->timings[c->n_timings++] = *timing;
    return 0;
}

static struct wtl_trace_sink prepare(struct collected *c)
{
    int fail_after = c->fail_after;
    *c = (struct collected){.fail_after = fail_after};
    c->runs = calloc(COLLECT_RUNS, sizeof *c->runs);
    c->timings = calloc(COLLECT_RUNS, sizeof *c->timings);
    assert_non_null(c->runs);
    assert_non_null(c->timings);
    return (struct wtl_trace_sink){c, on_stream, on_batch, on_run, on_timing};
}

static void check_counts(const struct collected *c)
{
    const struct wtl_read_report *r = &c->report;
    int64_t rows = c->n_runs + c->n_timings;
    int64_t missing = 0;
    int64_t cells = 0;
    for (int i = 0; i < c->n_streams; i++) {
        rows += c->streams[i]->n;
        for (int m = 0; m < (int)WTL_N_METRICS; m++)
            for (int k = 0; k < c->streams[i]->n; k++)
                if ((c->streams[i]->info.present >> m) & 1) {
                    cells++;
                    missing += !c->streams[i]->valid[m][k];
                }
    }
    assert_int_equal(r->rows, rows);
    assert_int_equal(r->n_streams, c->n_streams);
    if (c->n_streams) {
        assert_int_equal(r->cells, cells);
        assert_int_equal(r->cells_missing, missing);
    }
    int64_t dropped = 0;
    for (int d = 0; d < (int)WTL_N_DROPS; d++)
        dropped += r->dropped[d];
    assert_int_equal(r->rows_dropped, dropped);
    assert_int_equal(r->first_dropped_line > 0, dropped > 0);
}

static int read_input(struct collected *c, struct wtl_input *in,
                      const struct wtl_trace_options *options, struct wtl_error *err)
{
    struct wtl_trace_sink sink = prepare(c);
    int rc = wtl_trace_read(in, options, &sink, &c->report, err);
    if (rc == 0)
        check_counts(c);
    wtl_input_free(in);
    return rc;
}

int collect_memory(struct collected *c, const void *data, size_t n,
                   const struct wtl_trace_options *options, struct wtl_error *err)
{
    struct wtl_input *in = NULL;
    assert_ok(wtl_input_new(wtl_alloc_system(), &in, err), err);
    assert_ok(wtl_input_open_memory(in, "memory", data, n, false, err), err);
    return read_input(c, in, options, err);
}

int collect_text(struct collected *c, const char *text, struct wtl_error *err)
{
    return collect_memory(c, text, strlen(text), NULL, err);
}

int collect_file(struct collected *c, const char *path, struct wtl_error *err)
{
    struct wtl_input *in = NULL;
    assert_ok(wtl_input_new(wtl_alloc_system(), &in, err), err);
    assert_ok(wtl_input_open(in, path, false, err), err);
    return read_input(c, in, NULL, err);
}

/* Whole lines up to `max` bytes, or one line. */
static size_t next_block(const char *text, size_t n, size_t max)
{
    size_t length = 0;
    while (length < n) {
        const char *newline = memchr(text + length, '\n', n - length);
        size_t more = newline ? (size_t)(newline - text) + 1 : n;
        if (length && more > max)
            return length;
        length = more;
    }
    return length;
}

int collect_blocks(struct collected *c, const struct wtl_reader *reader, const char *text,
                   size_t block_bytes, struct wtl_error *err)
{
    struct wtl_trace_sink sink = prepare(c);
    struct wtl_trace_options options = {0};
    struct wtl_trace_scratch *scratch = NULL;
    assert_ok(wtl_trace_scratch_new(wtl_alloc_system(), &scratch, err), err);
    struct wtl_reading r = {.arena = wtl_trace_scratch_arena(scratch),
                            .scratch = scratch,
                            .options = &options,
                            .sink = &sink,
                            .report = &c->report,
                            .name = "blocks",
                            .line = 1};
    int rc = reader->begin(&r, err);
    for (size_t at = 0, n = strlen(text); rc == 0 && at < n;) {
        size_t length = next_block(text + at, n - at, block_bytes);
        /* in its own memory, so that reading beyond the margin is seen by sanitizers */
        char *copy = calloc(1, length + WTL_INPUT_MARGIN);
        assert_non_null(copy);
        memcpy(copy, text + at, length);
        rc = reader->block(&r, copy, length, err);
        for (size_t i = 0; i < length; i++)
            r.line += copy[i] == '\n';
        free(copy);
        at += length;
    }
    rc = wtl_reading_end(reader, &r, rc, err);
    wtl_trace_scratch_free(scratch);
    if (rc == 0)
        check_counts(c);
    return rc;
}

void collect_as(struct collected *c, const char *text, const char *reader)
{
    struct wtl_error err = {0};
    assert_ok(collect_text(c, text, &err), &err);
    assert_string_equal(c->report.reader, reader);
}

void assert_bad_text(const char *text, const char *reader, int line, int column,
                     const char *message)
{
    struct wtl_trace_options options = {.reader = reader};
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_int_equal(collect_memory(&c, text, strlen(text), &options, &err), -(int)WTL_PARSE);
    if (!strstr(err.message, message))
        fail_msg("%s\nis refused with \"%s\", not \"%s\"", text, err.message, message);
    if (line) {
        assert_int_equal(err.input_line, line);
        assert_int_equal(err.input_column, column);
    }
    collect_free(&c);
}

void assert_blocks_do_not_matter(const struct wtl_reader *reader, const char *text)
{
    struct wtl_error err = {0};
    struct collected whole = {0};
    assert_ok(collect_blocks(&whole, reader, text, 1 << 20, &err), &err);
    assert_true(whole.n_runs + whole.n_timings + whole.n_streams > 0);
    size_t n = strlen(text);
    for (size_t bytes = 1; bytes < n + 10; bytes += n < 200 ? 7 : 23) {
        struct collected parts = {0};
        assert_ok(collect_blocks(&parts, reader, text, bytes, &err), &err);
        assert_same_collection(&whole, &parts);
        collect_free(&parts);
    }
    collect_free(&whole);
}

void collect_free(struct collected *c)
{
    for (int i = 0; i < c->n_streams; i++)
        free(c->streams[i]);
    free(c->runs);
    free(c->timings);
    *c = (struct collected){0};
}

void assert_same_collection(const struct collected *a, const struct collected *b)
{
    assert_int_equal(a->n_streams, b->n_streams);
    assert_int_equal(a->n_runs, b->n_runs);
    assert_int_equal(a->n_timings, b->n_timings);
    for (int i = 0; i < a->n_streams; i++) {
        const struct collected_stream *s = a->streams[i];
        const struct collected_stream *t = b->streams[i];
        assert_string_equal(s->info.entity, t->info.entity);
        assert_string_equal(s->info.device, t->info.device);
        assert_string_equal(s->info.dialect, t->info.dialect);
        assert_true(s->info.present == t->info.present);
        assert_int_equal(s->n, t->n);
        assert_memory_equal(s->t_ns, t->t_ns, sizeof s->t_ns);
        assert_memory_equal(s->value, t->value, sizeof s->value);
        assert_memory_equal(s->valid, t->valid, sizeof s->valid);
    }
    for (int i = 0; i < a->n_runs; i++)
        assert_memory_equal(&a->runs[i], &b->runs[i], sizeof a->runs[i]);
    for (int i = 0; i < a->n_timings; i++)
        assert_memory_equal(&a->timings[i], &b->timings[i], sizeof a->timings[i]);
    assert_int_equal(a->report.rows, b->report.rows);
    assert_int_equal(a->report.rows_dropped, b->report.rows_dropped);
    assert_int_equal(a->report.first_dropped_line, b->report.first_dropped_line);
    assert_memory_equal(a->report.dropped, b->report.dropped, sizeof a->report.dropped);
    assert_int_equal(a->report.cells_missing, b->report.cells_missing);
    assert_int_equal(a->report.cells_sentinel, b->report.cells_sentinel);
}

double collected_mean(const struct collected_stream *s, enum wtl_metric m)
{
    double sum = 0;
    int n = 0;
    for (int i = 0; i < s->n; i++)
        if (s->valid[m][i]) {
            sum += s->value[m][i];
            n++;
        }
    return n ? sum / n : 0;
}

double collected_delta(const struct collected_stream *s, enum wtl_metric m)
{
    int first = -1;
    int last = -1;
    for (int i = 0; i < s->n; i++)
        if (s->valid[m][i]) {
            first = first < 0 ? i : first;
            last = i;
        }
    return first < 0 ? 0 : s->value[m][last] - s->value[m][first];
}
