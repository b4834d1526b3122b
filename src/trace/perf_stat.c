/* SPDX-License-Identifier: Apache-2.0
 * Energy logs of `perf stat -I MS`, both as people read them and with -x. Every energy event is a
 * stream: an interval is a sample with the energy since the start as its counter (zero at the
 * start, which is therefore a sample too) and the interval's mean power. Lines of one event at one
 * time (one a socket with --per-socket) are summed. Events that are not energy are not kept. */
#include "trace/reader.h"
#include "trace/tabular.h"
#include "trace/when.h"

#include <stdio.h>
#include <string.h>

struct domain {
    char name[32];
    struct wtl_stream stream;
    double total_j;    /* up to and without the open interval */
    double interval_j; /* of the open interval */
    bool missing;      /* a part of the open interval was not counted */
    bool broken;       /* an interval was missing: the total is no counter any more */
    bool open;
    int64_t open_ns;  /* its end */
    int64_t begin_ns; /* its begin */
};

struct perf_stat {
    struct wtl_tabular tab;
    bool machine; /* -x */
    struct domain *domains[WTL_LIMIT_STREAMS];
    int n_domains;
};

/* One line of the log. */
struct line {
    int64_t t_ns;
    struct wtl_view value;
    struct wtl_view event;
    int cell; /* of the value */
};

/* "power/energy-pkg/", "energy-ram", with what follows the last slash (":u") taken off. */
static bool domain_name(struct wtl_view event, char *name, size_t size)
{
    const char *at = memmem(event.s, event.n, "energy-", 7);
    if (!at || !memmem(event.s, event.n, "power", 5))
        return false;
    struct wtl_view rest = {at, event.n - (size_t)(at - event.s)};
    const char *slash = memchr(rest.s, '/', rest.n);
    if (slash)
        rest.n = (size_t)(slash - rest.s);
    return wtl_view_copy(rest, name, size);
}

static bool find_parts(const struct wtl_csv *csv, bool machine, struct line *out)
{
    int unit = -1;
    for (int i = 1; i < csv->n; i++)
        if (wtl_view_is(csv->cells[i].text, "Joules"))
            unit = i;
    if (unit < 2 || unit + 1 >= csv->n)
        return false;
    *out = (struct line){
        .value = csv->cells[unit - 1].text, .event = csv->cells[unit + 1].text, .cell = unit - 1};
    if (!machine && wtl_view_is(out->value, "counted>")) /* "<not counted>" is two words there */
        out->value = wtl_view_of("<not counted>");
    if (!machine && wtl_view_is(out->value, "supported>"))
        out->value = wtl_view_of("<not supported>");
    return wtl_parse_time(csv->cells[0].text, WTL_TIME_SECONDS, &out->t_ns) && out->t_ns > 0;
}

/* ---- Counts -----------------------------------------------------------------------------------
 */

enum count { COUNT_FINE, COUNT_BAD, COUNT_UNCLEAR };

/* Whether every group behind the sign `mark` has three digits, up to `stop`. */
static bool has_groups_of_three(const char *at, const char *stop, char mark)
{
    for (; at < stop; at++) {
        if (*at != mark)
            continue;
        const char *next = at + 1;
        while (next < stop && *next >= '0' && *next <= '9')
            next++;
        if (next - at != 4)
            return false;
    }
    return true;
}

static size_t count_of(struct wtl_view text, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++)
        n += text.s[i] == c;
    return n;
}

/* Which sign is the decimal one: perf prints counts in the manner of the locale, "1,234.56",
 * "1.234,56" or "1234,56". Of two signs it is the last; a lone comma that three digits follow may
 * be either. '\0': none, all signs part thousands. */
static enum count find_decimal_sign(struct wtl_view text, char *sign_out)
{
    const char *comma = memrchr(text.s, ',', text.n);
    const char *point = memrchr(text.s, '.', text.n);
    size_t commas = count_of(text, ',');
    size_t points = count_of(text, '.');
    if (comma && point) {
        *sign_out = comma > point ? ',' : '.';
        return count_of(text, *sign_out) == 1 ? COUNT_FINE : COUNT_BAD;
    }
    *sign_out = points == 1 ? '.' : commas == 1 ? ',' : '\0';
    bool unclear = commas == 1 && (size_t)(text.s + text.n - comma) == 4 && comma > text.s &&
                   comma - text.s <= 3 && text.s[0] != '0';
    return unclear ? COUNT_UNCLEAR : COUNT_FINE;
}

static enum count parse_joules(struct wtl_view text, double *out)
{
    char sign = '\0';
    char plain[40];
    size_t n = 0;
    enum count count = find_decimal_sign(text, &sign);
    const char *decimal = sign ? memrchr(text.s, sign, text.n) : NULL;
    const char *stop = decimal ? decimal : text.s + text.n;
    if (!has_groups_of_three(text.s, stop, ',') || !has_groups_of_three(text.s, stop, '.'))
        return COUNT_BAD;
    for (size_t i = 0; i < text.n; i++) {
        bool thousands = (text.s[i] == ',' || text.s[i] == '.') && text.s + i != decimal;
        if (thousands)
            continue;
        if (n + 1 >= sizeof plain)
            return COUNT_BAD;
        plain[n++] = text.s + i == decimal ? '.' : text.s[i];
    }
    return wtl_parse_double(plain, n, out) && *out >= 0 ? count : COUNT_BAD;
}

/* With -x, that a count with a decimal comma was cut in two shows in the columns before it: none,
 * "CPU3", or "S0" and a number of CPUs. */
static bool is_cut_by_comma(const struct wtl_csv *csv, int value)
{
    if (csv->separator != ',' || value < 2)
        return false;
    struct wtl_view second = csv->cells[1].text;
    bool digit = second.n && second.s[0] >= '0' && second.s[0] <= '9';
    return value == 2 ? digit : value == 4 && !digit;
}

static int fail_unclear(struct wtl_reading *r, const struct perf_stat *p, int cell,
                        struct wtl_error *err)
{
    bool cut = is_cut_by_comma(&p->tab.csv, cell);
    struct wtl_view v = p->tab.csv.cells[cut ? cell - 1 : cell].text;
    int rc = wtl_tabular_fail(r, &p->tab, cut ? cell - 1 : cell, err,
                              cut ? "count \"%.*s,%.*s\": the comma parts cells and decimals"
                                  : "count \"%.*s\" may be thousands or have decimals%.*s",
                              (int)(v.n < 40 ? v.n : 40), v.s,
                              cut ? (int)p->tab.csv.cells[cell].text.n : 0,
                              p->tab.csv.cells[cell].text.s);
    wtl_error_hint(err, "record with LC_ALL=C perf stat%s", cut ? ", or with -x ';'" : "");
    return rc;
}

/* ---- Domains --------------------------------------------------------------------------------- */

static int push(struct wtl_reading *r, struct domain *d, int64_t t_ns, bool has_total,
                double total_j, bool has_power, double power_w, struct wtl_error *err)
{
    d->stream.batch->t_ns[d->stream.batch->n] = t_ns;
    wtl_stream_put(&d->stream, WTL_M_energy_counter_j, has_total, total_j);
    wtl_stream_put(&d->stream, WTL_M_power_w, has_power, power_w);
    return wtl_stream_push(r, &d->stream, err);
}

static int find_domain(struct wtl_reading *r, struct perf_stat *p, const char *name,
                       struct domain **out, struct wtl_error *err)
{
    for (int i = 0; i < p->n_domains; i++)
        if (strcmp(p->domains[i]->name, name) == 0) {
            *out = p->domains[i];
            return 0;
        }
    struct domain *d = WTL_NEW(r->arena, struct domain);
    if (!d)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    struct wtl_trace_stream *info = &d->stream.info;
    info->present = UINT64_C(1) << WTL_M_energy_counter_j | UINT64_C(1) << WTL_M_power_w;
    info->has_time = true;
    info->interval = true;
    snprintf(info->entity, sizeof info->entity, "%s", name);
    snprintf(info->dialect, sizeof info->dialect, "perf-stat");
    int rc = wtl_stream_open(r, &d->stream, err);
    if (rc)
        return rc;
    snprintf(d->name, sizeof d->name, "%s", name);
    p->domains[p->n_domains++] = d;
    *out = d;
    return push(r, d, 0, true, 0, false, 0, err);
}

static int close_interval(struct wtl_reading *r, struct domain *d, struct wtl_error *err)
{
    if (!d->open)
        return 0;
    double seconds = (double)(d->open_ns - d->begin_ns) * 1e-9;
    d->total_j += d->interval_j;
    d->broken = d->broken || d->missing;
    int rc =
        push(r, d, d->open_ns, !d->broken, d->total_j, !d->missing, d->interval_j / seconds, err);
    d->begin_ns = d->open_ns;
    d->interval_j = 0;
    d->missing = d->open = false;
    return rc;
}

static int take_line(struct wtl_reading *r, struct perf_stat *p, const struct line *line,
                     struct wtl_error *err)
{
    char name[32];
    struct domain *d = NULL;
    double joules = 0;
    if (!domain_name(line->event, name, sizeof name)) {
        wtl_reading_unknown_column(r, line->event);
        return 0;
    }
    bool missing = wtl_cell_missing(line->value);
    enum count count = missing ? COUNT_FINE : parse_joules(line->value, &joules);
    if (!missing && (count == COUNT_UNCLEAR || is_cut_by_comma(&p->tab.csv, line->cell)))
        return fail_unclear(r, p, line->cell, err);
    bool bad = count == COUNT_BAD;
    int rc = find_domain(r, p, name, &d, err);
    if (rc || !d)
        return rc;
    bool late = line->t_ns <= d->begin_ns || (d->open && line->t_ns < d->open_ns);
    if (bad || late)
        wtl_reading_drop(r, bad ? WTL_DROP_bad_number : WTL_DROP_bad_time, p->tab.csv.line);
    if (late)
        return 0;
    if (bad) { /* its interval is not whole */
        missing = true;
        joules = 0;
    }
    if (d->open && line->t_ns > d->open_ns)
        rc = close_interval(r, d, err);
    d->open = true;
    d->open_ns = line->t_ns;
    d->interval_j += joules;
    d->missing = d->missing || missing;
    return rc;
}

/* ---- The reader ------------------------------------------------------------------------------ */

/* What stands before the first unit: blanks in the layout for people. */
static char separator_of(const char *head, size_t n)
{
    static const char text[] = "Joules";
    const char *unit = memmem(head, n, text, sizeof text - 1);
    bool machine = unit && unit > head && unit[-1] != ' ' && unit[-1] != '\t' &&
                   unit + sizeof text - 1 < head + n;
    char c = machine ? unit[-1] : ' ';
    return c == ',' || c == ';' || c == '|' || c == ':' ? c : machine ? '\t' : ' ';
}

static int probe(const char *head, size_t n, const struct wtl_trace_options *options)
{
    (void)options;
    WTL_ARENA(arena);
    struct wtl_csv csv;
    char separator = separator_of(head, n);
    if (!memmem(head, n, "Joules", 6))
        return 0;
    if (wtl_csv_init(&csv, &arena, separator, NULL) != 0)
        return -(int)WTL_NOMEM;
    wtl_csv_block(&csv, head, n);
    for (;;) {
        struct line line;
        char name[32];
        enum wtl_csv_kind kind = wtl_csv_next(&csv);
        if (kind == WTL_CSV_END)
            return 0;
        if (kind == WTL_CSV_ROW && find_parts(&csv, separator != ' ', &line) &&
            domain_name(line.event, name, sizeof name))
            return 90;
    }
}

static int begin(struct wtl_reading *r, struct wtl_error *err)
{
    struct perf_stat *p = WTL_NEW(r->arena, struct perf_stat);
    if (!p)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    r->state = p;
    return wtl_tabular_begin(r, &p->tab, '\0', err);
}

static int block(struct wtl_reading *r, const char *data, size_t n, struct wtl_error *err)
{
    struct perf_stat *p = r->state;
    int64_t skipped = 0;
    if (p->tab.csv.separator == '\0') {
        /* What comes before the first energy line says nothing, whatever it is. */
        const char *first = memmem(data, n, "Joules", 6);
        if (!first)
            return 0;
        const char *newline = memrchr(data, '\n', (size_t)(first - data));
        size_t before = newline ? (size_t)(newline + 1 - data) : 0;
        for (size_t i = 0; i < before; i++)
            skipped += data[i] == '\n';
        data += before;
        n -= before;
        p->tab.csv.separator = separator_of(data, n);
        p->machine = p->tab.csv.separator != ' ';
        wtl_reading_dialect(r, "perf stat -I%s", p->machine ? " -x" : "");
    }
    wtl_tabular_block(r, &p->tab, data, n);
    p->tab.csv.next_line += skipped;
    while (wtl_tabular_next(r, &p->tab)) {
        struct line line;
        int rc = 0;
        if (wtl_tabular_ended(r, &p->tab) && find_parts(&p->tab.csv, p->machine, &line))
            rc = take_line(r, p, &line, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int end(struct wtl_reading *r, bool failed, struct wtl_error *err)
{
    struct perf_stat *p = r->state;
    for (int i = 0; !failed && p && i < p->n_domains; i++) {
        int rc = close_interval(r, p->domains[i], err);
        if (rc == 0)
            rc = wtl_stream_flush(r, &p->domains[i]->stream, err);
        if (rc)
            return rc;
    }
    return 0;
}

const struct wtl_reader wtl_reader_perf_stat = {
    .name = "perf-stat",
    .title = "energy log of `perf stat -I`",
    .probe = probe,
    .begin = begin,
    .block = block,
    .end = end,
};
