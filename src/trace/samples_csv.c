/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples as `wattle record` writes them as CSV (trace/samples.h).
 *
 * Decisions:
 *  - A header may come again (files put one behind the other), with other columns.
 *  - A stream is a device and the header that it stands under. It has the metrics that are not
 *    `nan` in its first row.
 *  - A row earlier than the one before it in its stream is dropped as `bad_time`, a last line
 *    without line end as `truncated_row`.
 */
#include "trace/reader.h"
#include "trace/samples.h"
#include "trace/tabular.h"
#include "trace/when.h"

#include <stdio.h>
#include <string.h>

enum { TIME, DEVICE, NAME, FIRST_METRIC };

struct source {
    struct wtl_stream stream;
    char id[WTL_LIMIT_NAME];
    int header; /* number of the header that it stands under */
    int64_t last_ns;
};

struct samples {
    struct wtl_tabular tab;
    int n_headers;
    enum wtl_metric metric[WTL_LIMIT_COLUMNS]; /* of column FIRST_METRIC + i; WTL_N_METRICS: none */
    char names[2048];                          /* the header, to tell a repeated one */
    struct source *sources[WTL_LIMIT_STREAMS];
    int n_sources, last;
};

static bool is_header(const struct wtl_csv *csv)
{
    return csv->n >= FIRST_METRIC && wtl_view_is(csv->cells[TIME].text, WTL_SAMPLES_TIME) &&
           wtl_view_is(csv->cells[DEVICE].text, WTL_SAMPLES_DEVICE) &&
           wtl_view_is(csv->cells[NAME].text, WTL_SAMPLES_NAME);
}

static int read_header(struct wtl_reading *r, struct samples *x, struct wtl_error *err)
{
    const struct wtl_csv *csv = &x->tab.csv;
    char names[sizeof x->names];
    size_t used = 0;
    for (int i = FIRST_METRIC; i < csv->n; i++) {
        char name[64];
        struct wtl_view text = csv->cells[i].text;
        enum wtl_metric m =
            wtl_view_copy(text, name, sizeof name) ? wtl_metric_by_name(name) : WTL_N_METRICS;
        for (int k = FIRST_METRIC; m < WTL_N_METRICS && k < i; k++)
            if (x->metric[k - FIRST_METRIC] == m)
                return wtl_tabular_fail(r, &x->tab, i, err, "column \"%s\" stands here twice",
                                        name);
        if (m == WTL_N_METRICS)
            wtl_reading_unknown_column(r, text);
        x->metric[i - FIRST_METRIC] = m;
        int put = snprintf(names + used, sizeof names - used, "%s,", name);
        used += (size_t)put < sizeof names - used ? (size_t)put : 0;
    }
    names[used] = '\0';
    if (x->n_headers == 0 || csv->n != x->tab.n_columns || strcmp(names, x->names) != 0)
        x->n_headers++;
    memcpy(x->names, names, used + 1);
    x->tab.n_columns = csv->n;
    if (x->n_headers == 1)
        wtl_reading_dialect(r, "%d columns", csv->n);
    return 0;
}

static int open_source(struct wtl_reading *r, struct samples *x, struct wtl_error *err)
{
    const struct wtl_csv_cell *cells = x->tab.csv.cells;
    struct source *s = WTL_NEW(r->arena, struct source);
    if (!s)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (!wtl_view_copy(cells[DEVICE].text, s->id, sizeof s->id))
        return wtl_tabular_fail(r, &x->tab, DEVICE, err, "name of a device of more than %zu bytes",
                                sizeof s->id - 1);
    s->header = x->n_headers;
    s->last_ns = INT64_MIN;
    struct wtl_trace_stream *info = &s->stream.info;
    wtl_view_copy(cells[DEVICE].text, info->entity, sizeof info->entity);
    wtl_view_copy(cells[NAME].text.n ? cells[NAME].text : cells[DEVICE].text, info->device,
                  sizeof info->device);
    snprintf(info->dialect, sizeof info->dialect, "csv");
    info->has_time = true;
    for (int i = FIRST_METRIC; i < x->tab.n_columns; i++)
        if (x->metric[i - FIRST_METRIC] < WTL_N_METRICS &&
            !wtl_view_is(cells[i].text, WTL_SAMPLES_ABSENT))
            info->present |= UINT64_C(1) << x->metric[i - FIRST_METRIC];
    int rc = wtl_stream_open(r, &s->stream, err);
    if (rc)
        return rc;
    x->last = x->n_sources;
    x->sources[x->n_sources++] = s;
    return 0;
}

/* Devices take turns, so the one after the last is tried first. */
static int find_source(struct wtl_reading *r, struct samples *x, struct source **out,
                       struct wtl_error *err)
{
    struct wtl_view id = x->tab.csv.cells[DEVICE].text;
    for (int i = 1; i <= x->n_sources; i++) {
        int at = (x->last + i) % x->n_sources;
        if (x->sources[at]->header == x->n_headers && wtl_view_is(id, x->sources[at]->id)) {
            x->last = at;
            *out = x->sources[at];
            return 0;
        }
    }
    int rc = open_source(r, x, err);
    if (rc == 0)
        *out = x->sources[x->last];
    return rc;
}

/* False: a cell that is neither a number nor missing. */
static bool take_cells(const struct samples *x, struct wtl_stream *s)
{
    for (int i = FIRST_METRIC; i < x->tab.n_columns; i++) {
        enum wtl_metric m = x->metric[i - FIRST_METRIC];
        struct wtl_view text = x->tab.csv.cells[i].text;
        double value = 0;
        if (m == WTL_N_METRICS || !((s->info.present >> m) & 1))
            continue;
        bool missing = wtl_cell_missing(text);
        if (!missing && !wtl_parse_double(text.s, text.n, &value))
            return false;
        wtl_stream_put(s, m, !missing, value);
    }
    return true;
}

static int read_row(struct wtl_reading *r, struct samples *x, struct wtl_error *err)
{
    struct source *s = NULL;
    int64_t t_ns = 0;
    int rc = find_source(r, x, &s, err);
    if (rc)
        return rc;
    enum wtl_drop drop = WTL_N_DROPS;
    if (!wtl_parse_time(x->tab.csv.cells[TIME].text, WTL_TIME_SECONDS, &t_ns) || t_ns < s->last_ns)
        drop = WTL_DROP_bad_time;
    else if (!take_cells(x, &s->stream))
        drop = WTL_DROP_bad_number;
    if (drop != WTL_N_DROPS) {
        wtl_stream_forget(&s->stream);
        wtl_reading_drop(r, drop, x->tab.csv.line);
        return 0;
    }
    s->stream.batch->t_ns[s->stream.batch->n] = s->last_ns = t_ns;
    return wtl_stream_push(r, &s->stream, err);
}

/* ---- The reader ------------------------------------------------------------------------------ */

static int probe(const char *head, size_t n, const struct wtl_trace_options *options)
{
    static const char mark[] = WTL_SAMPLES_TIME "," WTL_SAMPLES_DEVICE "," WTL_SAMPLES_NAME;
    (void)options;
    return n >= sizeof mark && memcmp(head, mark, sizeof mark - 1) == 0 ? 100 : 0;
}

static int begin(struct wtl_reading *r, struct wtl_error *err)
{
    struct samples *x = WTL_NEW(r->arena, struct samples);
    if (!x)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    r->state = x;
    return wtl_tabular_begin(r, &x->tab, ',', err);
}

static int block(struct wtl_reading *r, const char *data, size_t n, struct wtl_error *err)
{
    struct samples *x = r->state;
    wtl_tabular_block(r, &x->tab, data, n);
    while (wtl_tabular_next(r, &x->tab)) {
        int rc = 0;
        if (!wtl_tabular_ended(r, &x->tab))
            continue;
        if (is_header(&x->tab.csv))
            rc = read_header(r, x, err);
        else if (x->n_headers == 0)
            wtl_reading_drop(r, WTL_DROP_no_header, x->tab.csv.line);
        else if (wtl_tabular_fits(r, &x->tab))
            rc = read_row(r, x, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int end(struct wtl_reading *r, bool failed, struct wtl_error *err)
{
    struct samples *x = r->state;
    for (int i = 0; !failed && x && i < x->n_sources; i++) {
        int rc = wtl_stream_flush(r, &x->sources[i]->stream, err);
        if (rc)
            return rc;
    }
    return 0;
}

const struct wtl_reader wtl_reader_samples_csv = {
    .name = "samples",
    .title = "samples of `wattle record` (CSV)",
    .probe = probe,
    .begin = begin,
    .block = block,
    .end = end,
};
