/* SPDX-License-Identifier: Apache-2.0
 *
 * nvidia-smi --query-gpu CSV: any list of columns, with or without header and units.
 *
 * Decisions:
 *  - Without a header only the two published layouts are recognised, by their shape: 17 columns,
 * and 15 without application clocks. Other rows before a header are dropped as `no_header`.
 *  - Timestamps are local time without a zone. They are read as if they were UTC: a scale on which
 *    differences are right, except across a change of summer time. A row earlier than the one
 *    before it in its stream is dropped as `bad_time`.
 *  - A stream is what index, UUID, bus address, serial and name together say, and its set of
 *    metrics.
 *  - Where a row has neither index, UUID, bus address nor serial, rows of one timestamp are of
 *    several GPUs: the n-th row of each is one stream. Where their number is not the same at all
 *    times, the GPUs cannot be told apart, and the file is refused. A sampler may repeat a stamp
 *    now and then. Where GPUs take turns under stamps of their own, it is refused
 *    (trace/mixed_rows.h).
 *  - Everything in brackets ("[N/A]", "[Not Supported]", "[GPU requires reset]") is missing.
 *  - A last line without line end is dropped as `truncated_row`: "P1" may have been "P12".
 */
#include "codec/csv.h"
#include "trace/mixed_rows.h"
#include "trace/reader.h"
#include "trace/when.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a column is to us. */
enum role { UNUSED, TIME, INDEX, UUID, BUS, SERIAL, NAME, METRIC, REASON };

struct column {
    enum role role;
    enum wtl_metric metric;
    double multiply, divide; /* of the number without a unit */
    unsigned reason;         /* REASON: its bit in nvidia's mask */
};

struct layout {
    int n;
    struct column column[WTL_LIMIT_COLUMNS];
    uint64_t present;
    bool has_time;
    bool has_mask;    /* a column with the whole mask of reasons */
    bool has_reasons; /* columns of single reasons */
    char names[1024]; /* the header, to tell a repeated one */
};

enum { N_KEYS = NAME - INDEX + 1, KEY_NAME = NAME - INDEX, KEY_BYTES = 64 };

struct source {
    struct wtl_stream stream;
    char key[N_KEYS][KEY_BYTES]; /* by role, from INDEX on */
    int64_t last_ns;
    struct wtl_mixed_rows *mixed; /* NULL: the keys say which GPU it is */
};

/* Rows of one timestamp, where nothing else tells GPUs apart. */
struct group {
    int64_t ns;
    int rows;         /* so far at this time */
    int usual;        /* rows of the first timestamp; 0 before it is over */
    int64_t n;        /* timestamps before this one */
    int64_t odd;      /* of these with another number of rows than usual */
    int64_t odd_line; /* the first row behind an odd one */
    int odd_rows;
};

struct smi {
    struct wtl_reading *r;
    struct wtl_csv csv;
    const char *block;     /* being read */
    struct layout *layout; /* NULL: none yet */
    struct source *sources[WTL_LIMIT_STREAMS];
    int n_sources;
    int last;
    struct group group;
};

/* Names that differ from the ones in core/metric.h: older and longer spellings. */
static const struct {
    const char *name;
    enum wtl_metric metric;
} aliases[] = {
    {"clocks.current.sm", WTL_M_sm_clock_mhz},
    {"clocks.current.memory", WTL_M_mem_clock_mhz},
    {"clocks.current.graphics", WTL_M_gr_clock_mhz},
    {"clocks.applications.gr", WTL_M_app_sm_clock_mhz},
    {"clocks.applications.mem", WTL_M_app_mem_clock_mhz},
    {"clocks_throttle_reasons.active", WTL_M_event_reasons},
    {"power.enforced_limit", WTL_M_power_limit_enforced_w},
};

/* Bits of nvmlClocksEventReasons. */
static const struct {
    const char *name;
    unsigned bit;
} reasons[] = {
    {"gpu_idle", 0x1},
    {"applications_clocks_setting", 0x2},
    {"sw_power_cap", 0x4},
    {"hw_slowdown", 0x8},
    {"sync_boost", 0x10},
    {"sw_thermal_slowdown", 0x20},
    {"hw_thermal_slowdown", 0x40},
    {"hw_power_brake_slowdown", 0x80},
};

static const struct {
    const char *name;
    enum role role;
} identities[] = {
    {"timestamp", TIME}, {"index", INDEX},    {"uuid", UUID},     {"gpu_uuid", UUID},
    {"pci.bus_id", BUS}, {"gpu_bus_id", BUS}, {"serial", SERIAL}, {"gpu_serial", SERIAL},
    {"name", NAME},      {"gpu_name", NAME},
};

static const char published_17[] =
    "timestamp,index,name,power.draw,power.limit,temperature.gpu,utilization.gpu,"
    "utilization.memory,memory.total,memory.free,memory.used,clocks.sm,clocks.mem,clocks.gr,"
    "clocks.applications.graphics,clocks.applications.memory,pstate";
static const char published_15[] =
    "timestamp,index,name,power.draw,power.limit,temperature.gpu,utilization.gpu,"
    "utilization.memory,memory.total,memory.free,memory.used,clocks.sm,clocks.mem,clocks.gr,"
    "pstate";

/* ---- headers ---- */

/* "power.draw [W]" -> "power.draw". */
static struct wtl_view without_unit(struct wtl_view cell)
{
    const char *bracket = memchr(cell.s, '[', cell.n);
    if (bracket && bracket > cell.s)
        cell.n = (size_t)(bracket - cell.s);
    return wtl_view_trim(cell);
}

static unsigned reason_bit(struct wtl_view name)
{
    const char *dot = memchr(name.s, '.', name.n);
    if (!dot)
        return 0;
    struct wtl_view group = {name.s, (size_t)(dot - name.s)};
    struct wtl_view leaf = {dot + 1, name.n - group.n - 1};
    if (!wtl_view_is_nocase(group, "clocks_event_reasons") &&
        !wtl_view_is_nocase(group, "clocks_throttle_reasons"))
        return 0;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (wtl_view_is_nocase(leaf, reasons[i].name))
            return reasons[i].bit;
    return 0;
}

static bool find_metric(struct wtl_view name, enum wtl_metric *out)
{
    for (int m = 0; m < (int)WTL_N_METRICS; m++) {
        const char *known = wtl_metric_info((enum wtl_metric)m)->smi_name;
        if (known[0] && wtl_view_is_nocase(name, known)) {
            *out = (enum wtl_metric)m;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (wtl_view_is_nocase(name, aliases[i].name)) {
            *out = aliases[i].metric;
            return true;
        }
    return false;
}

/* What nvidia-smi prints without a unit is percent, MiB, W and MHz. */
static void set_default_unit(struct column *c)
{
    enum wtl_unit unit = wtl_metric_info(c->metric)->unit;
    c->multiply = unit == WTL_UNIT_BYTE ? 1048576 : 1;
    c->divide = unit == WTL_UNIT_FRACTION ? 100 : 1;
}

/* Factors of the units behind numbers and in headers; 1/100 is exact only as a division. */
static bool unit_factor(struct wtl_view text, enum wtl_unit of, double *multiply, double *divide)
{
    char unit[24];
    double scale;
    if (!wtl_view_copy(text, unit, sizeof unit) || !wtl_unit_scale(unit, of, &scale))
        return false;
    *multiply = scale < 1 ? 1 : scale;
    *divide = scale < 1 ? round(1 / scale) : 1;
    return true;
}

/* "power.draw [mW]" says what its bare cells are in. False: a unit that the metric cannot have. */
static bool set_header_unit(struct column *c, struct wtl_view cell)
{
    const char *open = memchr(cell.s, '[', cell.n);
    if (!open || c->role != METRIC || cell.s[cell.n - 1] != ']')
        return true;
    enum wtl_unit of = wtl_metric_info(c->metric)->unit;
    struct wtl_view unit = {open + 1, cell.n - (size_t)(open - cell.s) - 2};
    return of == WTL_UNIT_NONE || unit_factor(unit, of, &c->multiply, &c->divide);
}

static struct column column_named(struct wtl_view name)
{
    struct column c = {.role = UNUSED};
    for (size_t i = 0; i < sizeof identities / sizeof *identities; i++)
        if (wtl_view_is_nocase(name, identities[i].name))
            c.role = identities[i].role;
    if (c.role != UNUSED)
        return c;
    c.reason = reason_bit(name);
    if (c.reason) {
        c.role = REASON;
        c.metric = WTL_M_event_reasons;
    } else if (find_metric(name, &c.metric)) {
        c.role = METRIC;
        set_default_unit(&c);
    }
    return c;
}

static int add_column(struct smi *s, struct layout *h, const struct wtl_csv_cell *cell,
                      struct wtl_error *err)
{
    struct wtl_reading *r = s->r;
    struct wtl_view name = without_unit(cell->text);
    struct column c = column_named(name);
    if (!set_header_unit(&c, cell->text)) {
        int rc = WTL_FAIL(err, WTL_PARSE, "unit of column \"%.*s\" does not fit it",
                          cell->text.n < 60 ? (int)cell->text.n : 60, cell->text.s);
        wtl_error_input(err, r->name, s->csv.line, cell->column);
        return rc;
    }
    uint64_t bit = UINT64_C(1) << c.metric;
    bool is_mask = c.role == METRIC && c.metric == WTL_M_event_reasons;
    if (c.role == UNUSED)
        wtl_reading_unknown_column(r, name);
    if (c.role == METRIC && (is_mask ? h->has_mask : (h->present & bit) != 0))
        c.role = UNUSED; /* asked for twice: the first one counts */
    if (c.role == METRIC || c.role == REASON)
        h->present |= bit;
    h->has_mask = h->has_mask || is_mask;
    h->has_reasons = h->has_reasons || c.role == REASON;
    h->has_time = h->has_time || c.role == TIME;
    h->column[h->n++] = c;
    return 0;
}

static int set_layout(struct smi *s, const struct wtl_csv_cell *cells, int n, struct wtl_error *err)
{
    struct layout *h = WTL_NEW(s->r->arena, struct layout);
    if (!h)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    size_t used = 0;
    for (int i = 0; i < n; i++) {
        struct wtl_view name = without_unit(cells[i].text);
        int put = snprintf(h->names + used, sizeof h->names - used, "%.*s,", (int)name.n, name.s);
        used += (size_t)put < sizeof h->names - used ? (size_t)put : 0;
        int rc = add_column(s, h, &cells[i], err);
        if (rc != 0)
            return rc;
    }
    if (s->layout && strcmp(s->layout->names, h->names) == 0)
        return 0; /* the header once more */
    s->layout = h;
    wtl_reading_dialect(s->r, "%d columns", n);
    return 0;
}

/* A name that is a metric and that no other dialect has: "power.draw", "pstate". */
static bool is_telling(struct wtl_view name)
{
    enum role role = column_named(name).role;
    return (role == METRIC || role == REASON) &&
           (memchr(name.s, '.', name.n) || wtl_view_is_nocase(name, "pstate"));
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_header(const struct wtl_csv_cell *cells, int n)
{
    if (cells[0].text.n == 0 || !is_letter(cells[0].text.s[0]))
        return false; /* nearly every row */
    for (int i = 0; i < n; i++)
        if (is_telling(without_unit(cells[i].text)))
            return true;
    return false;
}

/* ---- cells ---- */

static bool is_missing(struct wtl_view text)
{
    if (text.n == 0 || (text.s[0] == '[' && text.s[text.n - 1] == ']'))
        return true;
    return wtl_view_is_nocase(text, "N/A") || wtl_view_is_nocase(text, "ERR!") ||
           wtl_view_is_nocase(text, "Not Supported") || wtl_view_is_nocase(text, "Unknown Error");
}

/* "2025/07/09 01:17:36.754": a date and a time of day. */
static bool parse_stamp(struct wtl_view text, int64_t *ns_out)
{
    return text.n >= 19 && (text.s[4] == '/' || text.s[4] == '-') &&
           wtl_parse_time(text, WTL_TIME_ISO, ns_out);
}

static bool parse_hex(struct wtl_view text, double *out)
{
    if (text.n < 3 || text.n > 18 || text.s[0] != '0' || (text.s[1] | 32) != 'x')
        return false;
    uint64_t v = 0;
    for (size_t i = 2; i < text.n; i++) {
        unsigned char c = (unsigned char)text.s[i];
        int lower = c | 32;
        if (c >= '0' && c <= '9')
            v = v << 4 | (uint64_t)(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            v = v << 4 | (uint64_t)(lower - 'a' + 10);
        else
            return false;
    }
    *out = (double)v;
    return true;
}

/* A value in the metric's base unit. */
static bool parse_value(const struct column *c, struct wtl_view text, double *out)
{
    if (c->metric == WTL_M_event_reasons && parse_hex(text, out))
        return true;
    if (c->metric == WTL_M_pstate && text.n > 1 && text.s[0] == 'P') {
        text.s++;
        text.n--;
    }
    double multiply = c->multiply;
    double divide = c->divide;
    const char *blank = memchr(text.s, ' ', text.n);
    if (blank) {
        struct wtl_view unit = {blank, text.n - (size_t)(blank - text.s)};
        text.n = (size_t)(blank - text.s);
        if (!unit_factor(wtl_view_trim(unit), wtl_metric_info(c->metric)->unit, &multiply, &divide))
            return false;
    }
    double v;
    if (!wtl_parse_double(text.s, text.n, &v))
        return false;
    *out = v * multiply / divide;
    return true;
}

/* "Active" and "Not Active" of a single reason, into the mask; false: neither, nor missing. */
static bool take_reason(const struct column *c, struct wtl_view text, unsigned *mask, bool *known)
{
    if (is_missing(text))
        return true;
    bool active = wtl_view_is_nocase(text, "Active");
    if (!active && !wtl_view_is_nocase(text, "Not Active"))
        return false;
    *mask |= active ? c->reason : 0;
    *known = true;
    return true;
}

static bool take_cells(const struct layout *h, struct wtl_stream *s,
                       const struct wtl_csv_cell *cells)
{
    struct wtl_batch *b = s->batch;
    unsigned mask = 0;
    bool mask_known = false;
    for (int i = 0; i < h->n; i++) {
        const struct column *c = &h->column[i];
        if (c->role == REASON && !take_reason(c, cells[i].text, &mask, &mask_known))
            return false;
        if (c->role != METRIC)
            continue;
        if (is_missing(cells[i].text))
            wtl_stream_missing(s, c->metric);
        else if (!parse_value(c, cells[i].text, &b->column[c->metric].value[b->n]))
            return false;
    }
    if (h->has_reasons && !h->has_mask) {
        b->column[WTL_M_event_reasons].value[b->n] = mask;
        if (!mask_known)
            wtl_stream_missing(s, WTL_M_event_reasons);
    }
    return true;
}

/* ---- streams ---- */

/* The identity of a row, cut to what is kept. */
static void read_keys(const struct layout *h, const struct wtl_csv_cell *cells,
                      char key[N_KEYS][KEY_BYTES])
{
    for (int k = 0; k < N_KEYS; k++)
        key[k][0] = '\0';
    for (int i = 0; i < h->n; i++) {
        enum role role = h->column[i].role;
        if (role >= INDEX && role <= NAME && !is_missing(cells[i].text))
            wtl_view_copy(cells[i].text, key[role - INDEX], KEY_BYTES);
    }
}

/* Whether the keys tell the GPU from all others: more than its name is known. */
static bool is_identified(char key[N_KEYS][KEY_BYTES])
{
    for (int k = 0; k < KEY_NAME; k++)
        if (key[k][0])
            return true;
    return false;
}

static int open_source(struct smi *s, char key[N_KEYS][KEY_BYTES], bool identified,
                       struct wtl_error *err)
{
    struct source *src = WTL_NEW(s->r->arena, struct source);
    if (!src || (!identified && !(src->mixed = wtl_mixed_rows_new(s->r->arena))))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    memcpy(src->key, key, sizeof src->key);
    src->last_ns = INT64_MIN;
    struct wtl_trace_stream *info = &src->stream.info;
    static const int by_use[] = {0, BUS - INDEX, UUID - INDEX, SERIAL - INDEX};
    int k = 0;
    while (k < 3 && !key[by_use[k]][0])
        k++;
    snprintf(info->entity, sizeof info->entity, "%.31s", key[by_use[k]]);
    snprintf(info->device, sizeof info->device, "%s",
             key[KEY_NAME][0] ? key[KEY_NAME] : key[UUID - INDEX]);
    snprintf(info->dialect, sizeof info->dialect, "nvidia-smi");
    info->present = s->layout->present;
    info->has_time = s->layout->has_time;
    int rc = wtl_stream_open(s->r, &src->stream, err);
    if (rc != 0)
        return rc;
    s->last = s->n_sources;
    s->sources[s->n_sources++] = src;
    return 0;
}

/* Rows of several GPUs take turns, so the one after the last is tried first. */
static int find_source(struct smi *s, char key[N_KEYS][KEY_BYTES], bool identified,
                       struct source **out, struct wtl_error *err)
{
    for (int i = 1; i <= s->n_sources; i++) {
        int at = (s->last + i) % s->n_sources;
        struct source *src = s->sources[at];
        if (src->stream.info.present == s->layout->present &&
            src->stream.info.has_time == s->layout->has_time &&
            memcmp(src->key, key, sizeof src->key) == 0) {
            s->last = at;
            *out = src;
            return 0;
        }
    }
    int rc = open_source(s, key, identified, err);
    if (rc == 0)
        *out = s->sources[s->last];
    return rc;
}

/* ---- rows ---- */

static bool take_time(const struct layout *h, const struct wtl_csv_cell *cells, struct source *src)
{
    for (int i = 0; i < h->n; i++) {
        int64_t ns;
        if (h->column[i].role != TIME)
            continue;
        if (!parse_stamp(cells[i].text, &ns) || ns < src->last_ns)
            return false;
        src->stream.batch->t_ns[src->stream.batch->n] = ns;
        src->last_ns = ns;
        return true;
    }
    return true;
}

static void close_group(struct smi *s)
{
    struct group *g = &s->group;
    if (g->rows == 0)
        return;
    if (g->usual == 0)
        g->usual = g->rows;
    if (g->rows != g->usual && g->odd++ == 0) {
        g->odd_line = s->csv.line;
        g->odd_rows = g->rows;
    }
    g->n++;
    g->rows = 0;
}

/* Marks the second and further rows of one timestamp in the key of the index. */
static void number_rows(struct smi *s, char *key)
{
    struct group *g = &s->group;
    int64_t ns = 0;
    bool known = false;
    for (int i = 0; i < s->layout->n && !known; i++)
        known = s->layout->column[i].role == TIME && parse_stamp(s->csv.cells[i].text, &ns);
    if (!known)
        return;
    if (ns != g->ns)
        close_group(s);
    g->ns = ns;
    g->rows++;
    if (g->rows > 1 && g->usual != 1)
        snprintf(key, KEY_BYTES, "row %d", g->rows);
}

/* One GPU whose stamps collide now and then is one GPU. */
static const double odd_share_max = 0.1;

static int check_groups(struct smi *s, struct wtl_error *err)
{
    const struct group *g = &s->group; /* the last one may have been cut: it is not closed */
    if (g->odd == 0 || (g->usual == 1 && (double)g->odd <= odd_share_max * (double)g->n))
        return 0;
    int rc = WTL_FAIL(err, WTL_PARSE,
                      "%d rows with one timestamp, %d with others: several GPUs that no column"
                      " tells apart",
                      g->odd_rows, g->usual);
    wtl_error_hint(err, "log with nvidia-smi --query-gpu=timestamp,index,...");
    wtl_error_input(err, s->r->name, g->odd_line, 0);
    return rc;
}

static int check_mixed(struct smi *s, struct wtl_error *err)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < s->n_sources; i++)
        if (s->sources[i]->mixed)
            rc = wtl_mixed_rows_check(s->sources[i]->mixed, s->r->name, err);
    return rc;
}

static int deliver(struct smi *s, struct wtl_error *err)
{
    char key[N_KEYS][KEY_BYTES] = {{0}};
    memset(key, 0, sizeof key); /* keys are compared as memory */
    read_keys(s->layout, s->csv.cells, key);
    bool identified = is_identified(key);
    if (!identified)
        number_rows(s, key[0]);
    struct source *src = NULL;
    int rc = find_source(s, key, identified, &src, err);
    if (rc != 0)
        return rc;
    int64_t before_ns = src->last_ns;
    enum wtl_drop drop = WTL_N_DROPS;
    if (!take_time(s->layout, s->csv.cells, src))
        drop = WTL_DROP_bad_time;
    else if (!take_cells(s->layout, &src->stream, s->csv.cells))
        drop = WTL_DROP_bad_number;
    if (drop == WTL_N_DROPS) {
        if (src->mixed)
            wtl_mixed_rows_add(src->mixed, src->stream.batch, s->csv.line);
        return wtl_stream_push(s->r, &src->stream, err);
    }
    src->last_ns = before_ns;
    wtl_stream_forget(&src->stream);
    wtl_reading_drop(s->r, drop, s->csv.line);
    return 0;
}

/* The published layouts, which came without header from `--format=csv,noheader,nounits`. */
static const char *published_layout(const struct wtl_csv_cell *cells, int n)
{
    int64_t ns;
    int64_t index;
    if ((n != 15 && n != 17) || !parse_stamp(cells[0].text, &ns) ||
        !wtl_parse_int(cells[1].text.s, cells[1].text.n, &index))
        return NULL;
    struct wtl_view last = cells[n - 1].text;
    if (!is_missing(last) && (last.n < 2 || last.s[0] != 'P'))
        return NULL;
    return n == 17 ? published_17 : published_15;
}

static int assume_layout(struct smi *s, const char *names, struct wtl_error *err)
{
    struct wtl_csv csv;
    int rc = wtl_csv_init(&csv, s->r->arena, ',', err);
    if (rc != 0)
        return rc;
    wtl_csv_block(&csv, names, strlen(names));
    (void)wtl_csv_next(&csv);
    wtl_reading_dialect(s->r, "no header");
    return set_layout(s, csv.cells, csv.n, err);
}

/* The line that the cells were cut from (they may be copies). */
static struct wtl_view whole_line(const struct smi *s)
{
    const char *stop = s->csv.unended ? s->csv.end : s->csv.at - 1;
    const char *before =
        stop > s->block ? memrchr(s->block, '\n', (size_t)(stop - s->block)) : NULL;
    const char *line = before ? before + 1 : s->block;
    return (struct wtl_view){line, (size_t)(stop - line)};
}

/* A line that is no row of ours: somebody else's, or lost. */
static int other_line(struct smi *s, enum wtl_drop drop, struct wtl_error *err)
{
    bool taken = false;
    struct wtl_view line = whole_line(s);
    int rc = wtl_reading_hand_over(s->r, line.s, line.n, s->csv.line, &taken, err);
    if (rc == 0 && !taken)
        wtl_reading_drop(s->r, drop, s->csv.line);
    return rc;
}

static int take_row(struct smi *s, struct wtl_error *err)
{
    const struct wtl_csv *csv = &s->csv;
    if (is_header(csv->cells, csv->n))
        return csv->unended ? 0 : set_layout(s, csv->cells, csv->n, err);
    if (!s->layout) {
        const char *names = published_layout(csv->cells, csv->n);
        if (!names)
            return other_line(s, WTL_DROP_no_header, err);
        int rc = assume_layout(s, names, err);
        if (rc != 0 || !s->layout)
            return rc;
    }
    if (csv->unended)
        return other_line(s, WTL_DROP_truncated_row, err);
    if (csv->n == 1 && s->layout->n > 1)
        return other_line(s, WTL_DROP_unknown_row, err);
    if (csv->n != s->layout->n)
        return other_line(
            s, csv->n < s->layout->n ? WTL_DROP_truncated_row : WTL_DROP_too_many_cells, err);
    return deliver(s, err);
}

/* ---- the reader ---- */

static int begin(struct wtl_reading *r, struct wtl_error *err)
{
    struct smi *s = WTL_NEW(r->arena, struct smi);
    if (!s)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_csv_init(&s->csv, r->arena, ',', err);
    if (rc != 0)
        return rc;
    s->r = r;
    r->state = s;
    return 0;
}

static int block(struct wtl_reading *r, const char *data, size_t n, struct wtl_error *err)
{
    struct smi *s = r->state;
    s->block = data;
    s->csv.next_line = r->line;
    s->csv.unended = false; /* single lines are handed over without their neighbours */
    wtl_csv_block(&s->csv, data, n);
    for (;;) {
        int rc = 0;
        switch (wtl_csv_next(&s->csv)) {
        case WTL_CSV_END:
            return 0;
        case WTL_CSV_ROW:
            rc = take_row(s, err);
            break;
        case WTL_CSV_COMMENT:
            if (!wtl_line_is_note(s->csv.cells[0].text))
                rc = other_line(s, WTL_DROP_unknown_row, err);
            break;
        case WTL_CSV_BAD_QUOTE:
            wtl_reading_drop(r, WTL_DROP_unknown_row, s->csv.line);
            break;
        case WTL_CSV_BINARY:
            wtl_reading_drop(r, WTL_DROP_binary, s->csv.line);
            break;
        case WTL_CSV_TOO_MANY:
            wtl_reading_drop(r, WTL_DROP_too_many_cells, s->csv.line);
            break;
        }
        if (rc != 0)
            return rc;
    }
}

static int end(struct wtl_reading *r, bool failed, struct wtl_error *err)
{
    struct smi *s = r->state;
    int bad = s && !failed ? check_groups(s, err) : 0;
    if (s && !failed && !bad)
        bad = check_mixed(s, err);
    if (bad)
        return bad;
    if (s && s->group.usual > 1)
        wtl_reading_dialect(r, "%d GPUs by order of rows", s->group.usual);
    for (int i = 0; s && !failed && i < s->n_sources; i++) {
        int rc = wtl_stream_flush(r, &s->sources[i]->stream, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Splits a line for a look at it, without memory of its own. */
static int peek_cells(struct wtl_view line, struct wtl_csv_cell *cells, int max)
{
    int n = 0;
    const char *at = line.s;
    const char *stop = line.s + line.n;
    while (n < max) {
        const char *comma = memchr(at, ',', (size_t)(stop - at));
        struct wtl_view cell = {at, (size_t)((comma ? comma : stop) - at)};
        cells[n++] = (struct wtl_csv_cell){.text = wtl_view_trim(cell)};
        if (!comma)
            break;
        at = comma + 1;
    }
    return n;
}

/* 95: a header; 90: a row of a published layout; 0: neither. */
static int score_line(struct wtl_view line)
{
    struct wtl_csv_cell cells[WTL_LIMIT_COLUMNS];
    int n = peek_cells(line, cells, WTL_LIMIT_COLUMNS);
    if (published_layout(cells, n))
        return 90;
    return is_header(cells, n) ? 95 : 0;
}

/* A header, or a line whose first cell is a time stamp in nvidia-smi's manner. */
static bool owns_line(const char *line, size_t n)
{
    struct wtl_view text = wtl_view_trim((struct wtl_view){line, n});
    const char *comma = memchr(text.s, ',', text.n);
    int64_t ns;
    if (comma && parse_stamp((struct wtl_view){text.s, (size_t)(comma - text.s)}, &ns))
        return true;
    return text.n && score_line(text) > 0;
}

static int probe(const char *head, size_t n, const struct wtl_trace_options *options)
{
    (void)options;
    const char *stop = head + n;
    for (int lines = 0; head < stop && lines < 8;) {
        const char *newline = memchr(head, '\n', (size_t)(stop - head));
        const char *line_end = newline ? newline : stop;
        struct wtl_view text = wtl_view_trim((struct wtl_view){head, (size_t)(line_end - head)});
        head = line_end + 1;
        if (text.n == 0)
            continue;
        int score = score_line(text);
        if (score)
            return lines == 0 ? score : score - 15;
        lines++;
    }
    return 0;
}

const struct wtl_reader wtl_reader_nvidia_smi = {
    .name = "nvidia-smi",
    .title = "nvidia-smi --query-gpu CSV",
    .probe = probe,
    .begin = begin,
    .block = block,
    .end = end,
    .owns_line = owns_line,
};
