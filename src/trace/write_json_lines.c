/* SPDX-License-Identifier: Apache-2.0
 * Samples as JSON lines; samples_json.c reads them. */
#include "codec/json.h"
#include "trace/samples.h"
#include "trace/write.h"

#include <inttypes.h>

static bool holds(enum wtl_metric metric)
{
    (void)metric;
    return true;
}

static json_t *stream_json(const struct wtl_write_stream *s)
{
    json_t *metrics = json_array();
    for (uint64_t left = s->present; left; left &= left - 1)
        wtl_json_add(&metrics,
                     json_string(wtl_metric_info((enum wtl_metric)__builtin_ctzll(left))->name));
    json_t *o = json_object();
    wtl_json_put(&o, "id", wtl_json_text(s->id));
    wtl_json_put(&o, "name", wtl_json_text(s->name));
    wtl_json_put(&o, "uuid", wtl_json_text_or_null(s->uuid));
    wtl_json_put(&o, "index", json_integer(s->index));
    wtl_json_put(&o, "metrics", metrics);
    return o;
}

/* Takes `o`; NULL: memory is out. */
static void line(json_t *o, struct wtl_buf *out)
{
    if (!o || !wtl_json_write_line(o, out))
        out->failed = true;
    wtl_buf_putc(out, '\n');
    json_decref(o);
}

static void begin(const struct wtl_write *w, struct wtl_buf *out)
{
    json_t *streams = json_array(), *o = json_object();
    for (int i = 0; i < w->n; i++)
        wtl_json_add(&streams, stream_json(&w->streams[i]));
    wtl_json_put(&o, "wattle", json_string("samples"));
    wtl_json_put(&o, "version", json_integer(WTL_SAMPLES_VERSION));
    wtl_json_put(&o, "streams", streams);
    line(o, out);
}

/* Written by hand: thousands a second. Names of metrics need no escapes. */
static void row(const struct wtl_write *w, const struct wtl_batch *b, int i, struct wtl_buf *out)
{
    char text[WTL_DOUBLE_TEXT];
    wtl_buf_printf(out, "{\"t_ns\":%" PRId64 ",\"s\":%d", b->t_ns[i], b->stream);
    for (uint64_t left = w->columns & b->present; left; left &= left - 1) {
        enum wtl_metric m = (enum wtl_metric)__builtin_ctzll(left);
        if (wtl_batch_valid(b, m, i))
            wtl_buf_printf(out, ",\"%s\":%s", wtl_metric_info(m)->name,
                           wtl_format_double(b->column[m].value[i], text));
    }
    wtl_buf_puts(out, "}\n");
}

static void gap(const struct wtl_write *w, const struct wtl_write_gap *g, struct wtl_buf *out)
{
    (void)w;
    json_t *o = json_object();
    wtl_json_put(&o, "rows", json_integer(g->rows));
    wtl_json_put(&o, "from_ns", json_integer(g->from_ns));
    wtl_json_put(&o, "to_ns", json_integer(g->to_ns));
    wtl_json_put(&o, "why", wtl_json_text(g->why));
    json_t *outer = json_object();
    wtl_json_put(&outer, "gap", o);
    line(outer, out);
}

const struct wtl_writer wtl_writer_json_lines = {
    .name = "jsonl",
    .ending = ".jsonl",
    .title = "JSON lines, an object a row",
    .holds = holds,
    .begin = begin,
    .row = row,
    .gap = gap,
};
