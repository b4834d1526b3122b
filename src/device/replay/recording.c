/* SPDX-License-Identifier: Apache-2.0
 * Reading a trace into memory, and looking up its rows. */
#include "device/replay/recording.h"

#include <stdlib.h>
#include <string.h>

struct loader {
    struct wtl_arena *arena;
    struct wtl_recordings *out;
    int64_t period_ns; /* for rows without time */
};

/* ---- Reading --------------------------------------------------------------------------------- */

static int on_stream(void *ctx, const struct wtl_trace_stream *info, struct wtl_error *err)
{
    struct loader *l = ctx;
    struct wtl_recordings *all = l->out;
    if (wtl_grow(l->arena, &all->stream, all->n, &all->cap))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    struct wtl_recording *r = &all->stream[all->n++];
    *r = (struct wtl_recording){.info = *info};
    for (int m = 0; m < 64; m++)
        r->slot[m] = (info->present >> m & 1) ? (int8_t)r->stride++ : (int8_t)-1;
    return 0;
}

static int make_room(struct loader *l, struct wtl_recording *r, struct wtl_error *err)
{
    if (r->n == WTL_REPLAY_ROWS_MAX)
        return WTL_FAIL(err, WTL_LIMIT, "more than %d rows of one GPU to replay",
                        WTL_REPLAY_ROWS_MAX);
    size_t cells = (r->n + 1) * (size_t)r->stride;
    if (wtl_grow(l->arena, &r->offset_ns, r->n, &r->cap_offset) ||
        wtl_grow(l->arena, &r->valid, r->n, &r->cap_valid))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    while (r->cap_cell < cells)
        if (wtl_grow(l->arena, &r->cell, r->cap_cell, &r->cap_cell))
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    return 0;
}

static void copy_row(struct wtl_recording *r, const struct wtl_batch *b, int row)
{
    double *cell = r->cell + r->n * (size_t)r->stride;
    uint64_t valid = 0;
    for (int m = 0; m < (int)WTL_N_METRICS; m++) {
        if (r->slot[m] < 0 || !wtl_batch_has(b, (enum wtl_metric)m) ||
            !wtl_batch_valid(b, (enum wtl_metric)m, row))
            continue;
        valid |= UINT64_C(1) << m;
        cell[r->slot[m]] = b->column[m].value[row];
    }
    r->valid[r->n] = valid;
}

static int on_batch(void *ctx, const struct wtl_batch *b, struct wtl_error *err)
{
    struct loader *l = ctx;
    struct wtl_recording *r = &l->out->stream[b->stream];
    for (int row = 0; row < b->n; row++) {
        int rc = make_room(l, r, err);
        if (rc < 0)
            return rc;
        copy_row(r, b, row);
        int64_t t = b->has_time ? b->t_ns[row] : (int64_t)r->n * l->period_ns;
        if (r->n > 0 && t < r->offset_ns[r->n - 1])
            t = r->offset_ns[r->n - 1];
        r->offset_ns[r->n++] = t;
    }
    return 0;
}

/* ---- What the rows come to ------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int64_t median_step(struct wtl_arena *arena, const struct wtl_recording *r)
{
    if (r->n < 2)
        return 0;
    int64_t *step = WTL_RAW_ARRAY(arena, int64_t, r->n - 1);
    if (!step)
        return -1;
    for (size_t i = 1; i < r->n; i++)
        step[i - 1] = r->offset_ns[i] - r->offset_ns[i - 1];
    qsort(step, r->n - 1, sizeof *step, by_value);
    return step[(r->n - 1) / 2];
}

/* Time from the first row on, and the period. False: memory is out. */
static bool finish(struct loader *l, struct wtl_recording *r)
{
    int64_t first = r->n ? r->offset_ns[0] : 0;
    for (size_t i = 0; i < r->n; i++)
        r->offset_ns[i] -= first;
    int64_t step = median_step(l->arena, r);
    if (step < 0)
        return false;
    r->period_ns = step > 0 ? step : l->period_ns;
    return true;
}

static int finish_all(struct loader *l, const char *path, struct wtl_error *err)
{
    struct wtl_recordings *all = l->out;
    size_t kept = 0;
    for (size_t i = 0; i < all->n; i++) {
        if (all->stream[i].n == 0)
            continue;
        if (!finish(l, &all->stream[i]))
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        all->stream[kept++] = all->stream[i];
    }
    all->n = kept;
    if (kept > 0)
        return 0;
    int rc = WTL_FAIL(err, WTL_PARSE, "\"%s\" (%s) holds no samples to replay", path,
                      all->dialect[0] ? all->dialect : "empty");
    wtl_error_hint(err, "a sampler's output is needed: dcgmi dmon, nvidia-smi --query-gpu -lms, "
                        "a power meter; `wattle import` reads tables of runs");
    return rc;
}

int wtl_recordings_load(struct wtl_arena *arena, const char *path, int64_t period_ns,
                        struct wtl_recordings *out, struct wtl_error *err)
{
    struct wtl_recordings all = {0};
    struct loader loader = {.arena = arena, .out = &all, .period_ns = period_ns};
    struct wtl_trace_sink sink = {.ctx = &loader, .stream = on_stream, .batch = on_batch};
    struct wtl_trace_options options = {0};
    struct wtl_read_report report;
    struct wtl_input *input = NULL;
    int rc = wtl_input_new(arena->alloc, &input, err);
    if (rc == 0)
        rc = wtl_input_open(input, path, false, err);
    if (rc == 0)
        rc = wtl_trace_read(input, &options, &sink, &report, err);
    wtl_input_free(input);
    if (rc < 0)
        return rc;
    memcpy(all.dialect, report.dialect, sizeof all.dialect);
    rc = finish_all(&loader, path, err);
    if (rc == 0)
        *out = all;
    return rc;
}

size_t wtl_recording_row(const struct wtl_recording *r, int64_t offset_ns)
{
    size_t lo = 0, hi = r->n; /* offset_ns[lo] <= offset_ns < offset_ns[hi] */
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (r->offset_ns[mid] <= offset_ns)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

int64_t wtl_recording_length_ns(const struct wtl_recording *r)
{
    return r->offset_ns[r->n - 1] + r->period_ns;
}
