/* SPDX-License-Identifier: Apache-2.0
 * timing_summary.log, and the headerless `MHz,seconds` logs of the older scripts. */
#include "trace/timing.h"

#include "trace/tabular.h"

#include <math.h>
#include <string.h>

bool wtl_timing_run_id(struct wtl_view text, struct wtl_timing *out)
{
    if (!wtl_view_copy(text, out->run_id, sizeof out->run_id))
        return false;
    const char *bar = memchr(text.s, '_', text.n);
    struct wtl_view head = {text.s, bar ? (size_t)(bar - text.s) : 0};
    struct wtl_view tail = bar ? (struct wtl_view){bar + 1, text.n - head.n - 1} : text;
    int64_t seq = 0;
    int64_t rep = 0;
    if (!wtl_parse_int(tail.s, tail.n, &rep) || rep < 0 || rep > 1000000000)
        return true;
    bool numbered = head.n && wtl_parse_int(head.s, head.n, &seq) && seq >= 0;
    if (head.n && !numbered && !wtl_view_is(head, "baseline"))
        return true;
    out->rep = (int)rep;
    out->seq = numbered ? seq : 0;
    return true;
}

bool wtl_timing_duration(struct wtl_view text, struct wtl_timing *out)
{
    double v;
    if (!wtl_parse_double(text.s, text.n, &v) || !(v >= 0 && v < 1e9))
        return false;
    const char *point = memchr(text.s, '.', text.n);
    size_t decimals = point ? text.n - (size_t)(point - text.s) - 1 : 0;
    out->duration_s = v;
    out->has_duration = true;
    out->resolution_s = pow(10, -(double)(decimals < 9 ? decimals : 9));
    return true;
}

enum wtl_run_status wtl_timing_status(struct wtl_view text)
{
    if (wtl_view_is(text, "success"))
        return WTL_RUN_SUCCESS;
    if (wtl_view_is(text, "failed"))
        return WTL_RUN_FAILED;
    return wtl_view_is(text, "timeout") ? WTL_RUN_TIMEOUT : WTL_RUN_UNKNOWN;
}

int wtl_timing_deliver(struct wtl_reading *r, const struct wtl_timing *timing,
                       struct wtl_error *err)
{
    r->report->rows++;
    return r->sink->timing ? r->sink->timing(r->sink->ctx, timing, err) : 0;
}

/* ---- timing_summary.log -------------------------------------------------------------------- */

enum { ID, CLOCK, DURATION, EXIT_CODE, STATUS, N_CELLS };

static bool clock_cell(struct wtl_view text, int *out)
{
    int64_t v;
    if (!wtl_parse_int(text.s, text.n, &v) || v < 0 || v > 100000)
        return false;
    *out = (int)v;
    return true;
}

static bool parse_row(const struct wtl_csv_cell *cells, struct wtl_timing *out)
{
    struct wtl_view exit_text = cells[EXIT_CODE].text;
    int64_t exit_code;
    if (!wtl_timing_run_id(cells[ID].text, out) || !clock_cell(cells[CLOCK].text, &out->clock_mhz))
        return false;
    if (!wtl_cell_missing(cells[DURATION].text) && !wtl_timing_duration(cells[DURATION].text, out))
        return false;
    if (!wtl_parse_int(exit_text.s, exit_text.n, &exit_code) || exit_code < -1000 ||
        exit_code > 1000)
        return false;
    out->exit_code = (int)exit_code;
    out->status = wtl_timing_status(cells[STATUS].text);
    return true;
}

/* 1 when the first line that is no comment is a row of the log, 0, or -WTL_NOMEM. */
static int first_row_fits(const char *head, size_t n)
{
    WTL_ARENA(arena);
    struct wtl_csv csv;
    if (wtl_csv_init(&csv, &arena, ',', NULL) != 0)
        return -(int)WTL_NOMEM;
    wtl_csv_block(&csv, head, n);
    enum wtl_csv_kind kind;
    while ((kind = wtl_csv_next(&csv)) == WTL_CSV_COMMENT) {
    }
    struct wtl_timing timing = {0};
    return kind == WTL_CSV_ROW && csv.n == N_CELLS && parse_row(csv.cells, &timing);
}

static int probe_timing(const char *head, size_t n, const struct wtl_trace_options *options)
{
    (void)options;
    static const char title[] = "# Run Timing Summary";
    static const char format[] = "# Format: run_id,frequency_mhz,duration_seconds";
    if (memmem(head, n < 4096 ? n : 4096, format, sizeof format - 1) ||
        (n >= sizeof title - 1 && memcmp(head, title, sizeof title - 1) == 0))
        return 95;
    int fits = first_row_fits(head, n);
    return fits > 0 ? 70 : fits;
}

static int begin_csv(struct wtl_reading *r, struct wtl_error *err)
{
    struct wtl_tabular *t = WTL_NEW(r->arena, struct wtl_tabular);
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    r->state = t;
    return wtl_tabular_begin(r, t, ',', err);
}

static int block_timing(struct wtl_reading *r, const char *data, size_t n, struct wtl_error *err)
{
    struct wtl_tabular *t = r->state;
    wtl_tabular_block(r, t, data, n);
    t->n_columns = N_CELLS;
    while (wtl_tabular_next(r, t)) {
        struct wtl_timing timing = {0};
        if (wtl_view_is(t->csv.cells[0].text, "run_id") || !wtl_tabular_fits(r, t))
            continue; /* the format line without its '#' says nothing */
        if (!wtl_tabular_ended(r, t))
            continue;
        if (!parse_row(t->csv.cells, &timing)) {
            wtl_reading_drop(r, WTL_DROP_bad_number, t->csv.line);
            continue;
        }
        int rc = wtl_timing_deliver(r, &timing, err);
        if (rc)
            return rc;
    }
    return 0;
}

const struct wtl_reader wtl_reader_timing = {
    .name = "timing-summary",
    .title = "timing_summary.log of the published scripts",
    .probe = probe_timing,
    .begin = begin_csv,
    .block = block_timing,
};

/* ---- Headerless MHz,seconds ------------------------------------------------------------------ */

struct perf_times {
    struct wtl_tabular tab;
    int64_t rows;
    int clock[WTL_LIMIT_CLOCKS]; /* clocks seen, and how often */
    int count[WTL_LIMIT_CLOCKS];
    int n_clocks;
};

static bool parse_pair(const struct wtl_csv *csv, struct wtl_timing *out)
{
    return csv->n == 2 && clock_cell(csv->cells[0].text, &out->clock_mhz) &&
           out->clock_mhz >= 100 && out->clock_mhz <= 10000 &&
           memchr(csv->cells[1].text.s, '.', csv->cells[1].text.n) &&
           wtl_timing_duration(csv->cells[1].text, out);
}

/* Only a file in which every line is such a pair: the format has no mark of its own. */
static int probe_perf(const char *head, size_t n, const struct wtl_trace_options *options)
{
    (void)options;
    WTL_ARENA(arena);
    struct wtl_csv csv;
    if (wtl_csv_init(&csv, &arena, ',', NULL) != 0)
        return -(int)WTL_NOMEM;
    wtl_csv_block(&csv, head, n);
    int rows = 0;
    for (;;) {
        enum wtl_csv_kind kind = wtl_csv_next(&csv);
        struct wtl_timing timing = {0};
        if (kind == WTL_CSV_END)
            return rows ? 40 : 0;
        if (kind != WTL_CSV_ROW || !parse_pair(&csv, &timing))
            return 0;
        rows++;
    }
}

static int begin_perf(struct wtl_reading *r, struct wtl_error *err)
{
    struct perf_times *p = WTL_NEW(r->arena, struct perf_times);
    if (!p)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    r->state = p;
    return wtl_tabular_begin(r, &p->tab, ',', err);
}

/* Which repetition at its clock this is, from 1; 0 beyond WTL_LIMIT_CLOCKS clocks. */
static int next_rep(struct perf_times *p, int clock_mhz)
{
    int i = 0;
    while (i < p->n_clocks && p->clock[i] != clock_mhz)
        i++;
    if (i == WTL_LIMIT_CLOCKS)
        return 0;
    if (i == p->n_clocks)
        p->clock[p->n_clocks++] = clock_mhz;
    return ++p->count[i];
}

static int block_perf(struct wtl_reading *r, const char *data, size_t n, struct wtl_error *err)
{
    struct perf_times *p = r->state;
    wtl_tabular_block(r, &p->tab, data, n);
    while (wtl_tabular_next(r, &p->tab)) {
        struct wtl_timing timing = {.exit_code = -1};
        if (!wtl_tabular_ended(r, &p->tab))
            continue;
        if (!parse_pair(&p->tab.csv, &timing)) {
            wtl_reading_drop(r, p->tab.csv.n < 2 ? WTL_DROP_truncated_row : WTL_DROP_bad_number,
                             p->tab.csv.line);
            continue;
        }
        timing.seq = ++p->rows;
        timing.rep = next_rep(p, timing.clock_mhz);
        int rc = wtl_timing_deliver(r, &timing, err);
        if (rc)
            return rc;
    }
    return 0;
}

const struct wtl_reader wtl_reader_perf_times = {
    .name = "perf-times",
    .title = "MHz,seconds lines of the older published scripts",
    .probe = probe_perf,
    .begin = begin_perf,
    .block = block_perf,
};
