/* SPDX-License-Identifier: Apache-2.0
 * Streams, their batches, and the memory that outlives a file. */
#include "base/limits.h"
#include "trace/reader.h"

#include <string.h>

struct kept_batch {
    struct kept_batch *next;
    struct wtl_batch batch;
};

struct wtl_trace_scratch {
    struct wtl_alloc alloc;
    struct wtl_arena arena;
    struct kept_batch *all;
    struct kept_batch *unused; /* the tail of `all` that this reading has not taken */
};

int wtl_trace_scratch_new(struct wtl_alloc alloc, struct wtl_trace_scratch **scratch_out,
                          struct wtl_error *err)
{
    struct wtl_trace_scratch *s = alloc.resize(alloc.ctx, NULL, sizeof *s);
    if (!s)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *s = (struct wtl_trace_scratch){.alloc = alloc};
    wtl_arena_init(&s->arena, alloc);
    *scratch_out = s;
    return 0;
}

void wtl_trace_scratch_free(struct wtl_trace_scratch *s)
{
    if (!s)
        return;
    struct wtl_alloc alloc = s->alloc;
    while (s->all) {
        struct kept_batch *next = s->all->next;
        alloc.resize(alloc.ctx, s->all, 0);
        s->all = next;
    }
    wtl_arena_fini(&s->arena);
    alloc.resize(alloc.ctx, s, 0);
}

void wtl_trace_scratch_reset(struct wtl_trace_scratch *s)
{
    wtl_arena_reset(&s->arena);
    s->unused = s->all;
}

struct wtl_arena *wtl_trace_scratch_arena(struct wtl_trace_scratch *s)
{
    return &s->arena;
}

struct wtl_batch *wtl_trace_scratch_batch(struct wtl_trace_scratch *s)
{
    struct kept_batch *b = s->unused;
    if (b) {
        s->unused = b->next;
        return &b->batch;
    }
    b = s->alloc.resize(s->alloc.ctx, NULL, sizeof *b);
    if (!b)
        return NULL;
    b->next = s->all; /* taken ones stand before the unused tail */
    s->all = b;
    return &b->batch;
}

/* Every cell of the present columns counts as valid. */
static void clear_batch(struct wtl_batch *b)
{
    b->n = 0;
    for (int m = 0; m < (int)WTL_N_METRICS; m++)
        if (wtl_batch_has(b, (enum wtl_metric)m))
            memset(b->column[m].valid, 0xff, sizeof b->column[m].valid);
}

int wtl_stream_open(struct wtl_reading *r, struct wtl_stream *s, struct wtl_error *err)
{
    if (r->report->n_streams >= WTL_LIMIT_STREAMS) {
        int rc = WTL_FAIL(err, WTL_LIMIT, "more than %d GPUs in one trace", WTL_LIMIT_STREAMS);
        wtl_error_input(err, r->name, r->line, 0);
        return rc;
    }
    s->batch = wtl_trace_scratch_batch(r->scratch);
    if (!s->batch)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    s->info.index = r->report->n_streams++;
    s->batch->stream = s->info.index;
    s->batch->first_row = 0;
    s->batch->has_time = s->info.has_time;
    s->batch->interval = s->info.interval;
    s->batch->present = s->info.present;
    clear_batch(s->batch);
    return r->sink->stream ? r->sink->stream(r->sink->ctx, &s->info, err) : 0;
}

void wtl_stream_forget(struct wtl_stream *s)
{
    struct wtl_batch *b = s->batch;
    for (int m = 0; m < (int)WTL_N_METRICS; m++)
        if (wtl_batch_has(b, (enum wtl_metric)m))
            b->column[m].valid[b->n >> 6] |= UINT64_C(1) << (b->n & 63);
}

/* Clears the validity of rows that do not exist and counts the cells that are missing. */
static int64_t close_validity(struct wtl_batch *b)
{
    int64_t missing = 0;
    for (int m = 0; m < (int)WTL_N_METRICS; m++) {
        if (!wtl_batch_has(b, (enum wtl_metric)m))
            continue;
        uint64_t *valid = b->column[m].valid;
        int64_t there = 0;
        for (int w = 0; w < WTL_BATCH_WORDS; w++) {
            int rows = b->n - 64 * w; /* that fall into this word or later ones */
            if (rows <= 0)
                valid[w] = 0;
            else if (rows < 64)
                valid[w] &= (UINT64_C(1) << rows) - 1;
            there += __builtin_popcountll(valid[w]);
        }
        missing += b->n - there;
    }
    return missing;
}

int wtl_stream_flush(struct wtl_reading *r, struct wtl_stream *s, struct wtl_error *err)
{
    struct wtl_batch *b = s->batch;
    if (b->n == 0)
        return 0;
    r->report->rows += b->n;
    r->report->cells += (int64_t)b->n * __builtin_popcountll(b->present);
    r->report->cells_missing += close_validity(b);
    int rc = r->sink->batch ? r->sink->batch(r->sink->ctx, b, err) : 0;
    b->first_row += b->n;
    clear_batch(b);
    return rc;
}
