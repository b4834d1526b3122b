/* SPDX-License-Identifier: Apache-2.0
 * Reads bytes as a trace and checks what every reading must keep. */
#include "fuzz/fuzz.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "trace/trace.h"

struct seen {
    int streams;
    struct wtl_trace_stream stream[WTL_LIMIT_STREAMS];
    int64_t rows[WTL_LIMIT_STREAMS];
    int64_t last_ns[WTL_LIMIT_STREAMS];
    int64_t total;
    int64_t cells, missing;
};

void fuzz_check(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken promise: %s\n", what);
    abort();
}

static int on_stream(void *ctx, const struct wtl_trace_stream *stream, struct wtl_error *err)
{
    (void)err;
    struct seen *seen = ctx;
    fuzz_check(seen->streams < WTL_LIMIT_STREAMS, "too many streams");
    fuzz_check(stream->index == seen->streams, "streams are numbered in order");
    fuzz_check(stream->dialect[0] != '\0', "a stream names its dialect");
    fuzz_check(memchr(stream->device, '\0', sizeof stream->device) != NULL, "device is a string");
    seen->last_ns[seen->streams] = INT64_MIN;
    seen->stream[seen->streams++] = *stream;
    return 0;
}

static void check_column(struct seen *seen, const struct wtl_batch *b, enum wtl_metric m)
{
    for (int i = 0; i < WTL_BATCH_ROWS; i++) {
        bool valid = wtl_batch_valid(b, m, i);
        fuzz_check(i < b->n || !valid, "rows beyond the batch are not valid");
        fuzz_check(!valid || isfinite(b->column[m].value[i]), "values are finite");
        seen->cells += i < b->n;
        seen->missing += i < b->n && !valid;
    }
}

static int on_batch(void *ctx, const struct wtl_batch *b, struct wtl_error *err)
{
    (void)err;
    struct seen *seen = ctx;
    fuzz_check(b->n > 0 && b->n <= WTL_BATCH_ROWS, "batch size");
    fuzz_check(b->stream >= 0 && b->stream < seen->streams, "batch of an announced stream");
    fuzz_check(b->first_row == seen->rows[b->stream], "batches are consecutive");
    fuzz_check(b->present == seen->stream[b->stream].present, "metrics as announced");
    for (int m = 0; m < (int)WTL_N_METRICS; m++)
        if (wtl_batch_has(b, (enum wtl_metric)m))
            check_column(seen, b, (enum wtl_metric)m);
    for (int i = 0; b->has_time && i < b->n; i++) {
        fuzz_check(b->t_ns[i] >= seen->last_ns[b->stream], "time does not run backwards");
        seen->last_ns[b->stream] = b->t_ns[i];
    }
    seen->rows[b->stream] += b->n;
    seen->total += b->n;
    return 0;
}

static int on_run(void *ctx, const struct wtl_run *run, struct wtl_error *err)
{
    (void)err;
    struct seen *seen = ctx;
    for (int m = 0; m < (int)WTL_N_RUN_METRICS; m++)
        if (wtl_run_has(run, (enum wtl_run_metric)m))
            fuzz_check(isfinite(run->metric[m]), "figures of a run are finite");
    fuzz_check(memchr(run->workload, '\0', sizeof run->workload) != NULL, "workload is a string");
    seen->total++;
    return 0;
}

static int on_timing(void *ctx, const struct wtl_timing *timing, struct wtl_error *err)
{
    (void)err;
    struct seen *seen = ctx;
    fuzz_check(!timing->has_duration || isfinite(timing->duration_s), "durations are finite");
    seen->total++;
    return 0;
}

static void check_report(const struct seen *seen, const struct wtl_read_report *r)
{
    int64_t dropped = 0;
    for (int d = 0; d < (int)WTL_N_DROPS; d++)
        dropped += r->dropped[d];
    fuzz_check(dropped == r->rows_dropped, "dropped rows add up");
    fuzz_check((dropped > 0) == (r->first_dropped_line > 0), "the first dropped line is named");
    fuzz_check(r->rows == seen->total, "delivered rows are counted");
    fuzz_check(r->n_streams == seen->streams, "streams are counted");
    fuzz_check(r->rows_dropped <= r->lines, "no more dropped rows than lines");
    if (seen->streams) {
        fuzz_check(r->cells == seen->cells, "cells are counted");
        fuzz_check(r->cells_missing == seen->missing, "missing cells are counted");
        fuzz_check(r->cells_sentinel <= r->cells_missing, "blanks are missing cells");
    }
}

void fuzz_trace(const char *reader, const uint8_t *data, size_t size)
{
    struct wtl_trace_options options = {.reader = reader};
    fuzz_trace_options(&options, data, size);
}

void fuzz_trace_options(const struct wtl_trace_options *options, const uint8_t *data, size_t size)
{
    /* One of each for all inputs: states must not leak from file to file, and it is faster. */
    static struct wtl_input *in;
    static struct wtl_trace_scratch *scratch;
    static struct seen seen;
    struct wtl_error err = {0};
    if (!in && wtl_input_new(wtl_alloc_system(), &in, &err) != 0)
        return;
    if (!scratch && wtl_trace_scratch_new(wtl_alloc_system(), &scratch, &err) != 0)
        return;
    memset(&seen, 0, sizeof seen);
    int rc = wtl_input_open_memory(in, "fuzz", data, size, false, &err);
    if (rc == 0) {
        struct wtl_trace_options reused = *options;
        reused.scratch = scratch;
        struct wtl_trace_sink sink = {&seen, on_stream, on_batch, on_run, on_timing};
        struct wtl_read_report report;
        rc = wtl_trace_read(in, &reused, &sink, &report, &err);
        if (rc == 0)
            check_report(&seen, &report);
    }
    fuzz_check(rc <= 0, "codes are negative");
    fuzz_check(rc == 0 || (err.code == (enum wtl_code) - rc && err.message[0]), "errors say why");
}
