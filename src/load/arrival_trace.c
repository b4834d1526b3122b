/* SPDX-License-Identifier: Apache-2.0
 * Tables of arrivals. */
#include "load/arrival_trace.h"

#include "base/limits.h"
#include "codec/csv.h"
#include "codec/input.h"
#include "trace/when.h"

#include <string.h>

enum column { TIME, PROMPT, OUTPUT, N_COLUMNS };

static const char *const names[N_COLUMNS][7] = {
    {"timestamp", "time", "t", "arrival", "arrived_at", NULL},
    {"contexttokens", "prompt_tokens", "input_tokens", "num_prefill_tokens", NULL},
    {"generatedtokens", "output_tokens", "completion_tokens", "num_decode_tokens", NULL},
};

struct reading {
    struct wtl_arena *arena;
    struct wtl_arrival_trace trace;
    size_t cap[N_COLUMNS];
    int at[N_COLUMNS]; /* column of each; -1: the table has none */
    bool headed;       /* the first row is behind us */
    const char *name;
};

/* The first row names the columns, or is the first of a lone column of numbers. */
static int read_header(struct reading *r, const struct wtl_csv *csv, bool *is_data_out,
                       struct wtl_error *err)
{
    int64_t t;
    r->headed = true;
    for (int c = 0; c < N_COLUMNS; c++)
        r->at[c] = -1;
    for (int i = 0; i < csv->n; i++)
        for (int c = 0; c < N_COLUMNS; c++)
            for (int k = 0; names[c][k]; k++)
                if (r->at[c] < 0 && wtl_view_is_nocase(csv->cells[i].text, names[c][k]))
                    r->at[c] = i;
    if (r->at[TIME] >= 0)
        return 0;
    if (csv->n == 1 && wtl_parse_time(csv->cells[0].text, WTL_TIME_SECONDS, &t)) {
        r->at[TIME] = 0;
        *is_data_out = true;
        return 0;
    }
    int rc = WTL_FAIL(err, WTL_PARSE, "the table has no column of arrival times");
    wtl_error_input(err, r->name, csv->line, 0);
    wtl_error_hint(err, "name one of them TIMESTAMP, time or arrived_at");
    return rc;
}

static int bad_cell(const struct reading *r, const struct wtl_csv *csv, int column,
                    const char *what, struct wtl_error *err)
{
    const struct wtl_csv_cell *cell = &csv->cells[column];
    int n = cell->text.n < 40 ? (int)cell->text.n : 40;
    int rc = WTL_FAIL(err, WTL_PARSE, "\"%.*s\" is no %s", n, cell->text.s, what);
    wtl_error_input(err, r->name, csv->line, cell->column);
    return rc;
}

static int add_time(struct reading *r, const struct wtl_csv *csv, struct wtl_error *err)
{
    struct wtl_arrival_trace *t = &r->trace;
    struct wtl_view text = csv->cells[r->at[TIME]].text;
    int64_t ns;
    bool date = text.n > 1 && (memchr(text.s + 1, '-', text.n - 1) || memchr(text.s, '/', text.n) ||
                               memchr(text.s, ':', text.n));
    bool exponent = memchr(text.s, 'e', text.n) || memchr(text.s, 'E', text.n);
    if (!wtl_parse_time(text, date && !exponent ? WTL_TIME_ISO : WTL_TIME_SECONDS, &ns))
        return bad_cell(r, csv, r->at[TIME], "time", err);
    if (t->n > 0 && ns < t->time_ns[t->n - 1]) {
        int rc = WTL_FAIL(err, WTL_PARSE, "this arrival is earlier than the one before it");
        wtl_error_input(err, r->name, csv->line, csv->cells[r->at[TIME]].column);
        wtl_error_hint(err, "sort the table by time");
        return rc;
    }
    int64_t span;
    if (t->n > 0 && __builtin_sub_overflow(ns, t->time_ns[0], &span))
        return bad_cell(r, csv, r->at[TIME], "time of the same century as the first", err);
    if (wtl_grow(r->arena, &t->time_ns, t->n, &r->cap[TIME]) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    t->time_ns[t->n] = ns;
    return 0;
}

static int add_tokens(struct reading *r, const struct wtl_csv *csv, enum column c,
                      uint32_t **tokens, struct wtl_error *err)
{
    if (r->at[c] < 0)
        return 0;
    struct wtl_view text = csv->cells[r->at[c]].text;
    int64_t v;
    if (!wtl_parse_int(text.s, text.n, &v) || v < 0 || v > WTL_LIMIT_TOKENS)
        return bad_cell(r, csv, r->at[c], "number of tokens", err);
    if (wtl_grow(r->arena, tokens, r->trace.n, &r->cap[c]) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    (*tokens)[r->trace.n] = (uint32_t)v;
    return 0;
}

static int read_row(struct reading *r, const struct wtl_csv *csv, struct wtl_error *err)
{
    bool is_data = r->headed;
    int rc = r->headed ? 0 : read_header(r, csv, &is_data, err);
    if (rc < 0 || !is_data)
        return rc;
    for (int c = 0; c < N_COLUMNS; c++)
        if (r->at[c] >= csv->n) {
            rc = WTL_FAIL(err, WTL_PARSE, "row has %d cell%s, expected %d", csv->n,
                          wtl_plural(csv->n), r->at[c] + 1);
            wtl_error_input(err, r->name, csv->line, 0);
            return rc;
        }
    if (r->trace.n >= WTL_LIMIT_ARRIVALS)
        return WTL_FAIL(err, WTL_LIMIT, "more than %d arrivals in %s", WTL_LIMIT_ARRIVALS, r->name);
    rc = add_time(r, csv, err);
    if (rc == 0)
        rc = add_tokens(r, csv, PROMPT, &r->trace.prompt_tokens, err);
    if (rc == 0)
        rc = add_tokens(r, csv, OUTPUT, &r->trace.output_tokens, err);
    r->trace.n += rc == 0;
    return rc;
}

static int read_block(struct reading *r, struct wtl_csv *csv, struct wtl_error *err)
{
    for (;;) {
        int rc = 0;
        switch (wtl_csv_next(csv)) {
        case WTL_CSV_END:
            return 0;
        case WTL_CSV_COMMENT:
            break;
        case WTL_CSV_ROW:
            rc = read_row(r, csv, err);
            break;
        case WTL_CSV_BAD_QUOTE:
        case WTL_CSV_BINARY:
        case WTL_CSV_TOO_MANY:
            rc = WTL_FAIL(err, WTL_PARSE, "this is no row of a table");
            wtl_error_input(err, r->name, csv->line, 0);
            break;
        }
        if (rc < 0)
            return rc;
    }
}

static int read_input(struct reading *r, struct wtl_input *input, struct wtl_error *err)
{
    struct wtl_csv csv;
    const char *data;
    size_t n;
    int rc = wtl_input_next(input, &data, &n, err);
    if (rc == 0) {
        char separator = wtl_csv_detect(data, n);
        rc = wtl_csv_init(&csv, r->arena, separator ? separator : ',', err);
    }
    while (rc == 0 && n > 0) {
        wtl_csv_block(&csv, data, n);
        rc = read_block(r, &csv, err);
        if (rc == 0)
            rc = wtl_input_next(input, &data, &n, err);
    }
    if (rc == 0 && r->trace.n == 0) {
        rc = WTL_FAIL(err, WTL_PARSE, "there are no arrivals in it");
        wtl_error_input(err, r->name, 0, 0);
    }
    return rc;
}

static int finish(struct reading *r, int rc, struct wtl_input *input,
                  struct wtl_arrival_trace *trace_out, struct wtl_error *err)
{
    if (rc == 0)
        rc = read_input(r, input, err);
    wtl_input_free(input);
    if (rc == 0)
        *trace_out = r->trace;
    return rc;
}

int wtl_arrival_trace_read(struct wtl_arena *arena, const char *path,
                           struct wtl_arrival_trace *trace_out, struct wtl_error *err)
{
    struct reading r = {.arena = arena, .name = path};
    struct wtl_input *input = NULL;
    int rc = wtl_input_new(wtl_alloc_system(), &input, err);
    if (rc == 0)
        rc = wtl_input_open(input, path, false, err);
    return finish(&r, rc, input, trace_out, err);
}

int wtl_arrival_trace_parse(struct wtl_arena *arena, const char *name, const void *data, size_t n,
                            struct wtl_arrival_trace *trace_out, struct wtl_error *err)
{
    struct reading r = {.arena = arena, .name = name};
    struct wtl_input *input = NULL;
    int rc = wtl_input_new(wtl_alloc_system(), &input, err);
    if (rc == 0)
        rc = wtl_input_open_memory(input, name, data, n, false, err);
    return finish(&r, rc, input, trace_out, err);
}
