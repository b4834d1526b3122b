/* SPDX-License-Identifier: Apache-2.0
 * Samples as DCGM dmon text: header and units every 14 rows, "N/A" for what is missing, doubles
 * with three decimals. Values that are wider than their column are not cut, as dmon does. There is
 * no time: rows are only ordered. dcgmi.c reads it. */
#include "trace/write.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { HEADER_EVERY = 14, FIRST_WIDTH = 16, WIDTH = 14 };

static bool holds(enum wtl_metric metric)
{
    return wtl_metric_info(metric)->dcgm_name[0] != '\0';
}

/* How dmon prints a field (dcgm_fields.h): factor from our base unit, unit, decimals. */
struct form {
    double multiply, divide;
    const char *unit;
    int decimals;
};

static struct form form_of(enum wtl_metric m)
{
    enum wtl_unit unit = wtl_metric_info(m)->unit;
    bool profiling = wtl_metric_info(m)->dcgm_id >= 1000;
    if (m == WTL_M_energy_counter_j)
        return (struct form){1000, 1, "mJ", 0};
    if (unit == WTL_UNIT_WATT)
        return (struct form){1, 1, "W", 3};
    if (unit == WTL_UNIT_FRACTION)
        return profiling ? (struct form){1, 1, "", 3} : (struct form){100, 1, "%", 0};
    if (unit == WTL_UNIT_BYTE)
        return profiling ? (struct form){1, 1, "B", 0} : (struct form){1, 1048576, "MB", 0};
    return (struct form){1, 1,
                         unit == WTL_UNIT_CELSIUS ? "C"
                         : unit == WTL_UNIT_MHZ   ? "MHz"
                                                  : "",
                         0};
}

static void header(const struct wtl_write *w, struct wtl_buf *out)
{
    wtl_buf_printf(out, "%-*s", FIRST_WIDTH, "#Entity");
    for (uint64_t left = w->columns; left; left &= left - 1)
        wtl_buf_printf(out, "%-*s", WIDTH,
                       wtl_metric_info((enum wtl_metric)__builtin_ctzll(left))->dcgm_name);
    wtl_buf_printf(out, "DVNAM\n%-*s", FIRST_WIDTH, "ID");
    for (uint64_t left = w->columns; left; left &= left - 1)
        wtl_buf_printf(out, "%-*s", WIDTH, form_of((enum wtl_metric)__builtin_ctzll(left)).unit);
    wtl_buf_putc(out, '\n');
}

static void begin(const struct wtl_write *w, struct wtl_buf *out)
{
    header(w, out);
}

/* A cell is never glued to the next one: counters of many digits are wider than the column. */
static void cell(const struct wtl_batch *b, enum wtl_metric m, int i, struct wtl_buf *out)
{
    char text[64];
    struct form f = form_of(m);
    if (wtl_batch_has(b, m) && wtl_batch_valid(b, m, i))
        (void)snprintf(text, sizeof text, "%.*f", f.decimals,
                       b->column[m].value[i] * f.multiply / f.divide);
    else
        (void)snprintf(text, sizeof text, "N/A");
    wtl_buf_printf(out, "%-*s ", WIDTH - 1, text);
}

static void row(const struct wtl_write *w, const struct wtl_batch *b, int i, struct wtl_buf *out)
{
    const struct wtl_write_stream *s = &w->streams[b->stream];
    char entity[32];
    if (w->rows > 0 && w->rows % HEADER_EVERY == 0)
        header(w, out);
    (void)snprintf(entity, sizeof entity, "GPU %d", s->index);
    wtl_buf_printf(out, "%-*s", FIRST_WIDTH, entity);
    for (uint64_t left = w->columns; left; left &= left - 1)
        cell(b, (enum wtl_metric)__builtin_ctzll(left), i, out);
    wtl_buf_printf(out, "%s\n", s->name[0] ? s->name : "N/A");
}

const struct wtl_writer wtl_writer_dcgmi = {
    .name = "dcgmi",
    .ending = ".dmon",
    .title = "text as `dcgmi dmon` prints it; GPUs only, no time",
    .gpus_only = true,
    .holds = holds,
    .begin = begin,
    .row = row,
    .gap = wtl_write_gap_line,
};
