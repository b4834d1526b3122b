/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples as `wattle record` writes them as JSON lines (trace/samples.h).
 *
 * Decisions:
 *  - The first line names the streams; it may come again (files put one behind the other), and
 *    begins other streams then.
 *  - An object without `t_ns` is no row: gaps, and what others added. It is passed over.
 *  - A line that is no object, or whose row cannot be understood, is dropped; a last line without
 *    line end as `truncated_row`.
 */
#include "codec/json.h"
#include "trace/reader.h"
#include "trace/samples.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct source {
    struct wtl_stream stream;
    int64_t last_ns;
};

struct lines {
    struct source *sources[WTL_LIMIT_STREAMS];
    int n_sources;
    int first; /* of the header that counts */
};

static int add_stream(struct wtl_reading *r, struct lines *x, const struct wtl_json *at,
                      struct wtl_error *err)
{
    struct source *s = WTL_NEW(r->arena, struct source);
    struct wtl_json metrics;
    const char *id = NULL, *name = NULL;
    if (!s)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_json_string(at, "id", &id, err);
    rc = rc ? rc : wtl_json_string(at, "name", &name, err);
    rc = rc ? rc : wtl_json_array(at, "metrics", &metrics, err);
    if (rc)
        return rc;
    struct wtl_trace_stream *info = &s->stream.info;
    snprintf(info->entity, sizeof info->entity, "%.31s", id);
    snprintf(info->device, sizeof info->device, "%.95s", name[0] ? name : id);
    snprintf(info->dialect, sizeof info->dialect, "jsonl");
    info->has_time = true;
    for (size_t i = 0; i < wtl_json_count(&metrics); i++) {
        const char *text = json_string_value(json_array_get(metrics.value, i));
        enum wtl_metric m = text ? wtl_metric_by_name(text) : WTL_N_METRICS;
        if (m < WTL_N_METRICS)
            info->present |= UINT64_C(1) << m;
        else if (text)
            wtl_reading_unknown_column(r, wtl_view_of(text));
    }
    s->last_ns = INT64_MIN;
    rc = wtl_stream_open(r, &s->stream, err);
    if (rc == 0)
        x->sources[x->n_sources++] = s;
    return rc;
}

static int read_header(struct wtl_reading *r, struct lines *x, const struct wtl_json *root,
                       struct wtl_error *err)
{
    struct wtl_json streams;
    int64_t version = 0;
    int rc = wtl_json_integer(root, "version", 1, WTL_SAMPLES_VERSION, &version, err);
    rc = rc ? rc : wtl_json_array(root, "streams", &streams, err);
    x->first = x->n_sources;
    for (size_t i = 0; rc == 0 && i < wtl_json_count(&streams); i++) {
        struct wtl_json item;
        rc = wtl_json_item_object(&streams, i, &item, err);
        rc = rc ? rc : add_stream(r, x, &item, err);
    }
    if (rc == 0)
        wtl_reading_dialect(r, "JSON lines");
    return rc;
}

/* WTL_N_DROPS: the row is taken. */
static enum wtl_drop take_row(struct lines *x, const json_t *o, struct source **out)
{
    const json_t *t = json_object_get(o, "t_ns"), *stream = json_object_get(o, "s");
    json_int_t k = json_is_integer(stream) ? json_integer_value(stream) : -1;
    if (k < 0 || k >= x->n_sources - x->first)
        return WTL_DROP_no_header;
    struct source *s = x->sources[x->first + (int)k];
    if (!json_is_integer(t) || json_integer_value(t) < s->last_ns)
        return WTL_DROP_bad_time;
    for (uint64_t left = s->stream.info.present; left; left &= left - 1) {
        enum wtl_metric m = (enum wtl_metric)__builtin_ctzll(left);
        const json_t *v = json_object_get(o, wtl_metric_info(m)->name);
        bool missing = !v || json_is_null(v);
        if (!missing && !json_is_number(v)) {
            wtl_stream_forget(&s->stream);
            return WTL_DROP_bad_number;
        }
        wtl_stream_put(&s->stream, m, !missing, missing ? 0 : json_number_value(v));
    }
    s->stream.batch->t_ns[s->stream.batch->n] = s->last_ns = json_integer_value(t);
    *out = s;
    return WTL_N_DROPS;
}

static int take_object(struct wtl_reading *r, struct lines *x, const json_t *o, int64_t number,
                       struct wtl_error *err)
{
    if (json_object_get(o, "wattle")) {
        struct wtl_json root = wtl_json_root(o, r->name);
        return read_header(r, x, &root, err);
    }
    if (!json_object_get(o, "t_ns"))
        return 0;
    struct source *s = NULL;
    enum wtl_drop drop = take_row(x, o, &s);
    if (drop == WTL_N_DROPS)
        return wtl_stream_push(r, &s->stream, err);
    wtl_reading_drop(r, drop, number);
    return 0;
}

static int take_line(struct wtl_reading *r, const char *line, size_t n, int64_t number, bool ended,
                     struct wtl_error *err)
{
    json_t *o = NULL;
    if (wtl_view_trim((struct wtl_view){line, n}).n == 0)
        return 0;
    int rc = ended ? wtl_json_parse(line, n, r->name, &o, NULL) : -(int)WTL_PARSE;
    if (rc == -(int)WTL_NOMEM)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (rc < 0 || !json_is_object(o)) {
        wtl_reading_drop(r, ended ? WTL_DROP_unknown_row : WTL_DROP_truncated_row, number);
        rc = 0;
    } else {
        rc = take_object(r, r->state, o, number, err);
    }
    json_decref(o);
    return rc;
}

/* ---- The reader ------------------------------------------------------------------------------ */

/* {"wattle":"samples", with or without blanks. */
static int probe(const char *head, size_t n, const struct wtl_trace_options *options)
{
    static const char mark[] = "{\"wattle\":\"samples\"";
    size_t k = 0;
    (void)options;
    for (size_t i = 0; i < n && mark[k]; i++) {
        if (head[i] == ' ')
            continue;
        if (head[i] != mark[k])
            return 0;
        k++;
    }
    return mark[k] ? 0 : 100;
}

static int begin(struct wtl_reading *r, struct wtl_error *err)
{
    r->state = WTL_NEW(r->arena, struct lines);
    return r->state ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

static int block(struct wtl_reading *r, const char *data, size_t n, struct wtl_error *err)
{
    const char *end = data + n;
    int64_t number = r->line;
    int rc = 0;
    for (const char *line = data; rc == 0 && line < end; number++) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline ? newline : end;
        rc = take_line(r, line, (size_t)(stop - line), number, newline != NULL, err);
        line = stop + 1;
    }
    return rc;
}

static int end(struct wtl_reading *r, bool failed, struct wtl_error *err)
{
    struct lines *x = r->state;
    for (int i = 0; !failed && x && i < x->n_sources; i++) {
        int rc = wtl_stream_flush(r, &x->sources[i]->stream, err);
        if (rc)
            return rc;
    }
    return 0;
}

const struct wtl_reader wtl_reader_samples_json = {
    .name = "samples-jsonl",
    .title = "samples of `wattle record` (JSON lines)",
    .probe = probe,
    .begin = begin,
    .block = block,
    .end = end,
};
