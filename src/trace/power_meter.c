/* SPDX-License-Identifier: Apache-2.0
 * Logs of wall power meters and power analysers as CSV: time and watts, energy where there is one.
 * An energy column is taken as a counter that runs on (joules, Wh); a meter that prints energy per
 * interval needs a mapping. Volts, amperes and the like are not kept. */
#include "trace/reader.h"
#include "trace/tabular.h"
#include "trace/when.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TIME, TIME_MS, TIME_US, TIME_NS, DATE, POWER, ENERGY, IDENTITY };

static const struct wtl_alias aliases[] = {
    {"time", TIME, 0},
    {"timestamp", TIME, 0},
    {"datetime", TIME, 0},
    {"date_time", TIME, 0},
    {"time_s", TIME, 0},
    {"timestamp_s", TIME, 0},
    {"elapsed", TIME, 0},
    {"elapsed_s", TIME, 0},
    {"elapsed_time", TIME, 0},
    {"seconds", TIME, 0},
    {"t", TIME, 0},
    {"t_s", TIME, 0},
    {"time_ms", TIME_MS, 0},
    {"timestamp_ms", TIME_MS, 0},
    {"elapsed_ms", TIME_MS, 0},
    {"time_us", TIME_US, 0},
    {"timestamp_us", TIME_US, 0},
    {"time_ns", TIME_NS, 0},
    {"timestamp_ns", TIME_NS, 0},
    {"date", DATE, 0},
    {"watts", POWER, 0},
    {"watt", POWER, 0},
    {"w", POWER, 0},
    {"power", POWER, 0},
    {"power_w", POWER, 0},
    {"power_watts", POWER, 0},
    {"active_power", POWER, 0},
    {"active_power_w", POWER, 0},
    {"real_power", POWER, 0},
    {"p", POWER, 0},
    {"p_w", POWER, 0},
    {"p1", POWER, 0},
    {"p_1", POWER, 0},
    {"power_mw", POWER, 1e-3},
    {"power_kw", POWER, 1e3},
    {"joules", ENERGY, 0},
    {"energy", ENERGY, 0},
    {"energy_j", ENERGY, 0},
    {"energy_joules", ENERGY, 0},
    {"energy_mj", ENERGY, 1e-3},
    {"wh", ENERGY, 3600},
    {"watthrs", ENERGY, 3600},
    {"watt_hours", ENERGY, 3600},
    {"energy_wh", ENERGY, 3600},
    {"kwh", ENERGY, 3.6e6},
    {"energy_kwh", ENERGY, 3.6e6},
};
enum { N_ALIASES = sizeof aliases / sizeof *aliases };

/* Columns that no meter has: such a table is of runs. */
static const struct wtl_alias identities[] = {
    {"gpu", IDENTITY, 0},       {"gpu_type", IDENTITY, 0},      {"arch", IDENTITY, 0},
    {"workload", IDENTITY, 0},  {"application", IDENTITY, 0},   {"app", IDENTITY, 0},
    {"clock_mhz", IDENTITY, 0}, {"frequency", IDENTITY, 0},     {"freq_mhz", IDENTITY, 0},
    {"clock", IDENTITY, 0},     {"frequency_mhz", IDENTITY, 0}, {"execution_time", IDENTITY, 0},
};
enum { N_IDENTITIES = sizeof identities / sizeof *identities };

struct meter {
    struct wtl_tabular tab;
    struct wtl_bound bound[WTL_LIMIT_COLUMNS];
    struct wtl_stream stream;
    int64_t last_ns;
    int time, date, power, energy; /* columns; -1: none */
    enum wtl_time_form form;
    double long_s; /* a time in minutes or hours: seconds in one; 0 others */
};

static enum wtl_unit unit_of(int field)
{
    if (field == POWER)
        return WTL_UNIT_WATT;
    if (field == ENERGY)
        return WTL_UNIT_JOULE;
    return field == TIME ? WTL_UNIT_SECOND : WTL_UNIT_NONE;
}

static int probe(const char *head, size_t n, const struct wtl_trace_options *options)
{
    (void)options;
    uint64_t fields = 0;
    int found = wtl_probe_header(head, n, aliases, N_ALIASES, unit_of, &fields);
    int named = found < 0 ? found : wtl_probe_header(head, n, identities, N_IDENTITIES, NULL, NULL);
    if (named < 0)
        return named;
    bool time = fields & 0xf;
    bool power = fields & (1u << POWER);
    if (!power || named > 0)
        return 0;
    if (time)
        return 60;
    /* A lone "p" or "w" may be anything; "watts" without a time is a meter's. */
    struct wtl_alias plain[N_ALIASES];
    int n_plain = 0;
    for (int i = 0; i < N_ALIASES; i++)
        if (aliases[i].field == POWER && strlen(aliases[i].name) > 3)
            plain[n_plain++] = aliases[i];
    found = wtl_probe_header(head, n, plain, n_plain, NULL, NULL);
    return found > 0 ? 20 : found;
}

static int begin(struct wtl_reading *r, struct wtl_error *err)
{
    struct meter *m = WTL_NEW(r->arena, struct meter);
    if (!m)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    r->state = m;
    return wtl_tabular_begin(r, &m->tab, '\0', err);
}

/* The form of the time column: by its name, or by the unit in brackets behind it. */
static void find_time(struct meter *m)
{
    static const enum wtl_time_form forms[] = {WTL_TIME_AUTO, WTL_TIME_MS, WTL_TIME_US,
                                               WTL_TIME_NS};
    m->time = -1;
    for (int f = TIME; f <= TIME_NS && m->time < 0; f++) {
        m->time = wtl_bound_find(m->bound, m->tab.n_columns, f);
        m->form = forms[f];
    }
    if (m->time < 0)
        return;
    /* A column "time_ms" may carry a unit in brackets, which then counts. */
    double factor = m->bound[m->time].factor;
    m->long_s = factor > 1.5 ? factor : 0;
    if (m->form == WTL_TIME_AUTO && factor < 0.5)
        m->form = factor > 0.5e-3 ? WTL_TIME_MS : factor > 0.5e-6 ? WTL_TIME_US : WTL_TIME_NS;
}

static int read_header(struct wtl_reading *r, struct meter *m, struct wtl_error *err)
{
    int rc = wtl_tabular_header(r, &m->tab, aliases, N_ALIASES, unit_of, m->bound, err);
    if (rc)
        return rc;
    find_time(m);
    m->date = wtl_bound_find(m->bound, m->tab.n_columns, DATE);
    m->power = wtl_bound_find(m->bound, m->tab.n_columns, POWER);
    m->energy = wtl_bound_find(m->bound, m->tab.n_columns, ENERGY);
    if (m->power < 0)
        return wtl_tabular_lacks(r, &m->tab, aliases, N_ALIASES, m->bound, POWER, "the power", err);
    m->last_ns = INT64_MIN;
    m->stream.info = (struct wtl_trace_stream){.entity = "meter",
                                               .dialect = "power-meter",
                                               .has_time = m->time >= 0,
                                               .present = UINT64_C(1) << WTL_M_power_w};
    if (m->energy >= 0)
        m->stream.info.present |= UINT64_C(1) << WTL_M_energy_counter_j;
    wtl_reading_dialect(r, "power meter%s%s", m->time >= 0 ? "" : ", no time",
                        m->energy >= 0 ? ", energy" : "");
    return wtl_stream_open(r, &m->stream, err);
}

/* In files that are not cut by commas a comma is the decimal point. */
static bool number(const struct meter *m, int column, enum wtl_unit unit, double *out)
{
    struct wtl_view v = m->tab.csv.cells[column].text;
    return wtl_cell_value(v, unit, wtl_cell_has_comma(&m->tab.csv, v), m->bound[column].factor,
                          out);
}

/* Minutes and hours come with decimals and from any start: a double has them to the nanosecond. */
static bool long_time(const struct meter *m, struct wtl_view time, int64_t *t_ns)
{
    double value;
    bool comma = wtl_cell_has_comma(&m->tab.csv, time);
    if (!wtl_cell_value(time, WTL_UNIT_SECOND, comma, m->long_s, &value) || !(fabs(value) < 9e9))
        return false;
    *t_ns = llround(value * 1e9);
    return true;
}

static bool row_time(const struct meter *m, int64_t *t_ns)
{
    *t_ns = 0;
    if (m->time < 0)
        return true;
    struct wtl_view time = m->tab.csv.cells[m->time].text;
    char text[80];
    if (m->date >= 0) {
        struct wtl_view date = m->tab.csv.cells[m->date].text;
        int n = snprintf(text, sizeof text, "%.*s %.*s", date.n < 32 ? (int)date.n : 32, date.s,
                         time.n < 32 ? (int)time.n : 32, time.s);
        return wtl_parse_time((struct wtl_view){text, (size_t)n}, WTL_TIME_ISO, t_ns);
    }
    if (m->long_s > 0)
        return long_time(m, time, t_ns);
    if (!wtl_cell_has_comma(&m->tab.csv, time))
        return wtl_parse_time(time, m->form, t_ns);
    if (!wtl_view_copy(time, text, sizeof text))
        return false;
    *strchr(text, ',') = '.';
    return wtl_parse_time((struct wtl_view){text, time.n}, m->form, t_ns);
}

static int read_row(struct wtl_reading *r, struct meter *m, struct wtl_error *err)
{
    const struct wtl_csv_cell *cells = m->tab.csv.cells;
    double watts = 0;
    double joules = 0;
    int64_t t_ns = 0;
    bool has_watts = !wtl_cell_missing(cells[m->power].text);
    bool has_joules = m->energy >= 0 && !wtl_cell_missing(cells[m->energy].text);
    if (!row_time(m, &t_ns) || t_ns < m->last_ns) {
        wtl_reading_drop(r, WTL_DROP_bad_time, m->tab.csv.line);
        return 0;
    }
    if ((has_watts && !number(m, m->power, WTL_UNIT_WATT, &watts)) ||
        (has_joules && !number(m, m->energy, WTL_UNIT_JOULE, &joules))) {
        wtl_reading_drop(r, WTL_DROP_bad_number, m->tab.csv.line);
        return 0;
    }
    m->last_ns = t_ns;
    m->stream.batch->t_ns[m->stream.batch->n] = t_ns;
    wtl_stream_put(&m->stream, WTL_M_power_w, has_watts, watts);
    if (m->energy >= 0)
        wtl_stream_put(&m->stream, WTL_M_energy_counter_j, has_joules, joules);
    return wtl_stream_push(r, &m->stream, err);
}

static int block(struct wtl_reading *r, const char *data, size_t n, struct wtl_error *err)
{
    struct meter *m = r->state;
    if (!m->tab.csv.separator)
        m->tab.csv.separator = wtl_csv_detect(data, n);
    wtl_tabular_block(r, &m->tab, data, n);
    while (wtl_tabular_next(r, &m->tab)) {
        int rc = 0;
        if (!m->tab.n_columns)
            rc = read_header(r, m, err);
        else if (wtl_tabular_ended(r, &m->tab) && wtl_tabular_fits(r, &m->tab))
            rc = read_row(r, m, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int end(struct wtl_reading *r, bool failed, struct wtl_error *err)
{
    struct meter *m = r->state;
    return failed || !m || !m->stream.batch ? 0 : wtl_stream_flush(r, &m->stream, err);
}

const struct wtl_reader wtl_reader_power_meter = {
    .name = "power-meter",
    .title = "log of a power meter (CSV)",
    .probe = probe,
    .begin = begin,
    .block = block,
    .end = end,
};
