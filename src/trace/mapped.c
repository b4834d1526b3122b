/* SPDX-License-Identifier: Apache-2.0
 * Any other CSV, through a mapping that the user gives. */
#include "trace/document.h"
#include "trace/reader.h"

#include <stdio.h>
#include <string.h>

struct stream {
    char key[32];
    struct wtl_stream stream;
    int64_t last_ns;
};

struct mapped {
    const struct wtl_mapping *mapping;
    const struct wtl_mapped_column *columns;
    struct wtl_tabular tab;
    bool bound;      /* columns are found */
    int *cell;       /* per mapped column: its cell, -1 absent */
    int time_cell;   /* -1: none */
    int stream_cell; /* -1: none */
    int cells_needed;
    uint64_t present;
    struct stream *streams[WTL_LIMIT_STREAMS];
    int n_streams;
};

/* ---- Finding the columns ------------------------------------------------------------------- */

static bool is_cell(struct wtl_view text, const char *name)
{
    return wtl_view_is_nocase(text, name);
}

/* The cell of a column in a header row, or by number without one; -1 absent. */
static int find_cell(const struct wtl_mapping *m, const struct wtl_csv *csv, const char *name)
{
    if (name[0] == '\0')
        return -1;
    int64_t number = 0;
    if (!m->header) {
        (void)wtl_parse_int(name, strlen(name), &number);
        return number <= csv->n ? (int)number - 1 : -1;
    }
    for (int i = 0; i < csv->n; i++)
        if (is_cell(csv->cells[i].text, name))
            return i;
    return -1;
}

/* The name of the first required column that the row lacks, or NULL. */
static const char *first_lacking(const struct wtl_mapping *m, const struct wtl_csv *csv)
{
    const struct wtl_mapped_column *columns = m->columns.items;
    for (size_t i = 0; i < m->columns.n; i++)
        if (columns[i].required && find_cell(m, csv, columns[i].column) < 0)
            return columns[i].column;
    if (m->time.column[0] && find_cell(m, csv, m->time.column) < 0)
        return m->time.column;
    if (m->stream[0] && find_cell(m, csv, m->stream) < 0)
        return m->stream;
    return NULL;
}

static void hint_header(const char *const *names, int n, struct wtl_error *err)
{
    char text[200];
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < n && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? ", " : "", names[i]);
    wtl_error_hint(err, "the header has: %s", text);
}

static int lacking(struct wtl_reading *r, const struct mapped *x, const char *name,
                   struct wtl_error *err)
{
    enum { MOST = 64, LONGEST = 64 };
    char names[MOST][LONGEST];
    const char *list[MOST];
    int n = 0;
    for (int i = 0; i < x->tab.csv.n && n < MOST; i++) {
        wtl_view_copy(x->tab.csv.cells[i].text, names[n], LONGEST);
        list[n] = names[n];
        n++;
    }
    if (!x->mapping->header)
        return wtl_tabular_fail(r, &x->tab, 0, err,
                                "the row has %d cells, and the mapping uses "
                                "number %s",
                                x->tab.csv.n, name);
    int rc = wtl_tabular_fail(r, &x->tab, 0, err, "no column \"%s\", which the mapping uses", name);
    const char *near = wtl_did_you_mean(name, list, n);
    if (near)
        wtl_error_hint(err, "did you mean \"%s\"?", near);
    else
        hint_header(list, n, err);
    return rc;
}

static void list_unknown(struct wtl_reading *r, const struct mapped *x)
{
    for (int i = 0; i < x->tab.csv.n; i++) {
        bool used = i == x->time_cell || i == x->stream_cell;
        for (size_t k = 0; k < x->mapping->columns.n; k++)
            used = used || x->cell[k] == i;
        if (!used && x->tab.csv.cells[i].text.n)
            wtl_reading_unknown_column(r, x->tab.csv.cells[i].text);
    }
}

static int max_int(int a, int b)
{
    return a > b ? a : b;
}

static int bind(struct wtl_reading *r, struct mapped *x, struct wtl_error *err)
{
    const struct wtl_mapping *m = x->mapping;
    const struct wtl_csv *csv = &x->tab.csv;
    const char *absent = first_lacking(m, csv);
    if (absent)
        return lacking(r, x, absent, err);
    x->time_cell = find_cell(m, csv, m->time.column);
    x->stream_cell = find_cell(m, csv, m->stream);
    int last = max_int(x->time_cell, x->stream_cell);
    for (size_t i = 0; i < m->columns.n; i++) {
        x->cell[i] = find_cell(m, csv, x->columns[i].column);
        last = max_int(last, x->cell[i]);
        if (x->cell[i] >= 0 && m->rows == WTL_ROWS_SAMPLES)
            x->present |= UINT64_C(1) << x->columns[i].field;
    }
    x->cells_needed = last + 1;
    x->tab.n_columns = csv->n;
    x->bound = true;
    if (m->header)
        list_unknown(r, x);
    wtl_reading_dialect(r, "mapped %s", m->rows == WTL_ROWS_RUNS ? "runs" : "samples");
    return 0;
}

/* ---- Cells -------------------------------------------------------------------------------------
 */

static bool is_missing(const struct wtl_mapping *m, struct wtl_view text)
{
    for (size_t i = 0; i < m->missing.n; i++)
        if (wtl_view_is(text, m->missing.values[i]))
            return true;
    return wtl_cell_missing(text);
}

static bool parse_time(const struct wtl_mapping *m, struct wtl_view text, int64_t *t_ns)
{
    char plain[80];
    if (m->comma && memchr(text.s, ',', text.n)) {
        if (!wtl_view_copy(text, plain, sizeof plain))
            return false;
        *strchr(plain, ',') = '.';
        text = wtl_view_of(plain);
    }
    return wtl_parse_time(text, (enum wtl_time_form)m->time.form, t_ns);
}

/* ---- Samples -----------------------------------------------------------------------------------
 */

static int find_stream(struct wtl_reading *r, struct mapped *x, struct stream **out,
                       struct wtl_error *err)
{
    struct wtl_view key = {"", 0};
    if (x->stream_cell >= 0)
        key = x->tab.csv.cells[x->stream_cell].text;
    for (int i = 0; i < x->n_streams; i++)
        if (wtl_view_is(key, x->streams[i]->key)) {
            *out = x->streams[i];
            return 0;
        }
    struct stream *s = WTL_NEW(r->arena, struct stream);
    if (!s)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (!wtl_view_copy(key, s->key, sizeof s->key))
        return wtl_tabular_fail(r, &x->tab, x->stream_cell, err,
                                "name of a stream is longer than %zu bytes", sizeof s->key - 1);
    s->last_ns = INT64_MIN;
    struct wtl_trace_stream *info = &s->stream.info;
    info->present = x->present;
    info->has_time = x->time_cell >= 0;
    snprintf(info->entity, sizeof info->entity, "%s", s->key);
    snprintf(info->dialect, sizeof info->dialect, "mapped");
    memcpy(info->device, x->mapping->constants.device, sizeof info->device);
    int rc = wtl_stream_open(r, &s->stream, err);
    if (rc)
        return rc;
    x->streams[x->n_streams++] = s;
    *out = s;
    return 0;
}

/* One cell of a sample. WTL_CELL_BAD covers text only; a share above 1 is an error of the mapping
 * and reported as such. */
static int sample_cell(struct wtl_reading *r, const struct mapped *x, size_t i, double *value,
                       enum wtl_cell_result *result, struct wtl_error *err)
{
    const struct wtl_mapped_column *c = &x->columns[i];
    struct wtl_view text = x->tab.csv.cells[x->cell[i]].text;
    enum wtl_unit unit = wtl_metric_info((enum wtl_metric)c->field)->unit;
    *result = WTL_CELL_MISSING;
    if (is_missing(x->mapping, text))
        return 0;
    *result = WTL_CELL_BAD;
    if (!wtl_cell_value(text, unit, x->mapping->comma, c->factor, value))
        return 0;
    *value += c->offset;
    if (unit == WTL_UNIT_FRACTION && (*value > 1 + 1e-9 || *value < 0)) {
        int rc = wtl_tabular_fail(r, &x->tab, x->cell[i], err, "%s: %g is not a share from 0 to 1",
                                  c->as_node->text, *value);
        wtl_error_hint(err, "if the column is in percent, give it unit: \"%%\" in the mapping");
        return rc;
    }
    if (*value > -1e300 && *value < 1e300)
        *result = WTL_CELL_SET;
    return 0;
}

static int read_sample(struct wtl_reading *r, struct mapped *x, struct wtl_error *err)
{
    double values[WTL_N_METRICS] = {0};
    uint64_t set = 0;
    int64_t t_ns = 0;
    if (x->time_cell >= 0 && !parse_time(x->mapping, x->tab.csv.cells[x->time_cell].text, &t_ns)) {
        wtl_reading_drop(r, WTL_DROP_bad_time, x->tab.csv.line);
        return 0;
    }
    for (size_t i = 0; i < x->mapping->columns.n; i++) {
        if (x->cell[i] < 0)
            continue;
        enum wtl_cell_result result;
        int rc = sample_cell(r, x, i, &values[x->columns[i].field], &result, err);
        if (rc)
            return rc;
        if (result == WTL_CELL_BAD) {
            wtl_reading_drop(r, WTL_DROP_bad_number, x->tab.csv.line);
            return 0;
        }
        if (result == WTL_CELL_SET)
            set |= UINT64_C(1) << x->columns[i].field;
    }
    struct stream *s = NULL;
    int rc = find_stream(r, x, &s, err);
    if (rc || !s)
        return rc;
    if (t_ns < s->last_ns) {
        wtl_reading_drop(r, WTL_DROP_bad_time, x->tab.csv.line);
        return 0;
    }
    s->last_ns = t_ns;
    s->stream.batch->t_ns[s->stream.batch->n] = t_ns;
    for (int m = 0; m < (int)WTL_N_METRICS; m++)
        if ((x->present >> m) & 1)
            wtl_stream_put(&s->stream, (enum wtl_metric)m, (set >> m) & 1, values[m]);
    return wtl_stream_push(r, &s->stream, err);
}

/* ---- Runs --------------------------------------------------------------------------------------
 */

static void start_run(const struct wtl_mapping *m, struct wtl_run *run)
{
    const struct wtl_mapped_constants *c = &m->constants;
    *run = (struct wtl_run){.clock_mhz = (int)(c->clock_mhz + 0.5),
                            .mem_clock_mhz = (int)(c->mem_clock_mhz + 0.5)};
    memcpy(run->gpu, c->gpu, sizeof run->gpu);
    memcpy(run->workload, c->workload, sizeof run->workload);
    memcpy(run->job, c->job, sizeof run->job);
    memcpy(run->device, c->device, sizeof run->device);
}

static bool has_column(const void *opaque, int field)
{
    const struct mapped *x = opaque;
    for (size_t i = 0; i < x->mapping->columns.n; i++)
        if (x->cell[i] >= 0 && x->columns[i].field == field)
            return true;
    return false;
}

static int read_run(struct wtl_reading *r, struct mapped *x, struct wtl_error *err)
{
    const struct wtl_csv_cell *cells = x->tab.csv.cells;
    struct wtl_run run;
    start_run(x->mapping, &run);
    if (x->time_cell >= 0 && !parse_time(x->mapping, cells[x->time_cell].text, &run.start_ns))
        return wtl_tabular_fail(r, &x->tab, x->time_cell, err, "this is not a time");
    for (size_t i = 0; i < x->mapping->columns.n; i++) {
        const struct wtl_mapped_column *c = &x->columns[i];
        if (x->cell[i] < 0)
            continue;
        struct wtl_view text = cells[x->cell[i]].text;
        struct wtl_cell_rule rule = {.field = wtl_run_field_as_source(c->field, has_column, x),
                                     .factor = c->factor,
                                     .offset = c->offset,
                                     .comma = x->mapping->comma != 0};
        enum wtl_cell_result result = WTL_CELL_MISSING;
        if (!is_missing(x->mapping, text))
            result = wtl_run_field_set(&run, &rule, text);
        if (result == WTL_CELL_BAD)
            return wtl_tabular_fail(r, &x->tab, x->cell[i], err, "%s: \"%.*s\" is not %s",
                                    c->as_node->text, text.n < 60 ? (int)text.n : 60, text.s,
                                    wtl_run_field_expected(c->field));
        r->report->cells++;
        r->report->cells_missing += result == WTL_CELL_MISSING;
    }
    run.stream = (int)r->report->rows++;
    return r->sink->run ? r->sink->run(r->sink->ctx, &run, err) : 0;
}

/* ---- The reader --------------------------------------------------------------------------------
 */

/* With a header: sure when every column that the mapping needs is there. Without one any file with
 * enough columns may be meant, so every other reader goes first. */
static int probe(const char *head, size_t n, const struct wtl_trace_options *options)
{
    const struct wtl_mapping *m = options->mapping;
    WTL_ARENA(arena);
    struct wtl_csv csv;
    char separator = m ? (char)m->separator : ' ';
    if (m && !separator)
        separator = wtl_csv_detect(head, n);
    if (!m)
        return 0;
    if (wtl_csv_init(&csv, &arena, separator, NULL) != 0)
        return -(int)WTL_NOMEM;
    wtl_csv_block(&csv, head, n);
    enum wtl_csv_kind kind;
    do {
        kind = wtl_csv_next(&csv);
    } while (kind != WTL_CSV_END && (kind != WTL_CSV_ROW || csv.line <= m->skip_lines));
    if (kind != WTL_CSV_ROW || first_lacking(m, &csv))
        return 0;
    return m->header ? 99 : 10;
}

static int begin(struct wtl_reading *r, struct wtl_error *err)
{
    const struct wtl_mapping *m = r->options->mapping;
    if (!m) {
        int rc = WTL_FAIL(err, WTL_USAGE, "the reader \"mapped\" needs a mapping");
        wtl_error_hint(err, "give one as YAML; docs/formats.md has the schema");
        return rc;
    }
    struct mapped *x = WTL_NEW(r->arena, struct mapped);
    int *cell = WTL_NEW_ARRAY(r->arena, int, m->columns.n);
    if (!x || !cell)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    x->mapping = m;
    x->columns = m->columns.items;
    x->cell = cell;
    r->state = x;
    return wtl_tabular_begin(r, &x->tab, (char)m->separator, err);
}

static bool fits(struct wtl_reading *r, struct mapped *x)
{
    if (x->mapping->rows == WTL_ROWS_SAMPLES && !wtl_tabular_ended(r, &x->tab))
        return false;
    if (x->mapping->header)
        return wtl_tabular_fits(r, &x->tab);
    if (x->tab.csv.n >= x->cells_needed)
        return true;
    wtl_reading_drop(r, WTL_DROP_truncated_row, x->tab.csv.line);
    return false;
}

/* Takes the lines that are not looked at off the block; how many these were. */
static int64_t skip_lines(const struct wtl_reading *r, const struct wtl_mapping *m,
                          const char **data, size_t *n)
{
    int64_t skipped = 0;
    while (*n && r->line + skipped <= m->skip_lines) {
        const char *stop = memchr(*data, '\n', *n);
        size_t k = stop ? (size_t)(stop - *data) + 1 : *n;
        *data += k;
        *n -= k;
        skipped++;
    }
    return skipped;
}

static int block(struct wtl_reading *r, const char *data, size_t n, struct wtl_error *err)
{
    struct mapped *x = r->state;
    int64_t skipped = skip_lines(r, x->mapping, &data, &n);
    if (!x->tab.csv.separator)
        x->tab.csv.separator = wtl_csv_detect(data, n);
    wtl_tabular_block(r, &x->tab, data, n);
    x->tab.csv.next_line += skipped;
    while (wtl_tabular_next(r, &x->tab)) {
        int rc = 0;
        bool is_header = !x->bound && x->mapping->header;
        if (!x->bound)
            rc = bind(r, x, err);
        if (rc == 0 && !is_header && fits(r, x))
            rc = x->mapping->rows == WTL_ROWS_RUNS ? read_run(r, x, err) : read_sample(r, x, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int end(struct wtl_reading *r, bool failed, struct wtl_error *err)
{
    struct mapped *x = r->state;
    for (int i = 0; !failed && x && i < x->n_streams; i++) {
        int rc = wtl_stream_flush(r, &x->streams[i]->stream, err);
        if (rc)
            return rc;
    }
    return 0;
}

const struct wtl_reader wtl_reader_mapped = {
    .name = "mapped",
    .title = "any other CSV, through a mapping",
    .probe = probe,
    .begin = begin,
    .block = block,
    .end = end,
};
