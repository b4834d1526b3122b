/* SPDX-License-Identifier: Apache-2.0
 * Samples as CSV of our own; samples_csv.c reads it. */
#include "codec/csv.h"
#include "trace/samples.h"
#include "trace/write.h"

#include <stdint.h>

static bool holds(enum wtl_metric metric)
{
    (void)metric;
    return true;
}

static void begin(const struct wtl_write *w, struct wtl_buf *out)
{
    wtl_buf_puts(out, WTL_SAMPLES_TIME "," WTL_SAMPLES_DEVICE "," WTL_SAMPLES_NAME);
    for (uint64_t left = w->columns; left; left &= left - 1)
        wtl_csv_put(out, false, wtl_metric_info((enum wtl_metric)__builtin_ctzll(left))->name);
    wtl_buf_putc(out, '\n');
}

/* "1795357729.695174590" */
static void put_time(int64_t t_ns, struct wtl_buf *out)
{
    char text[32], *at = text + sizeof text;
    uint64_t left = t_ns < 0 ? -(uint64_t)t_ns : (uint64_t)t_ns;
    for (int digits = 0; left > 0 || digits <= 9; digits++, left /= 10) {
        if (digits == 9)
            *--at = '.';
        *--at = (char)('0' + left % 10);
    }
    if (t_ns < 0)
        *--at = '-';
    wtl_buf_add(out, at, (size_t)(text + sizeof text - at));
}

static void row(const struct wtl_write *w, const struct wtl_batch *b, int i, struct wtl_buf *out)
{
    const struct wtl_write_stream *s = &w->streams[b->stream];
    put_time(b->t_ns[i], out);
    wtl_csv_put(out, false, s->id);
    wtl_csv_put(out, false, s->name);
    for (uint64_t left = w->columns; left; left &= left - 1) {
        enum wtl_metric m = (enum wtl_metric)__builtin_ctzll(left);
        if (!((s->present >> m) & 1))
            wtl_buf_puts(out, "," WTL_SAMPLES_ABSENT);
        else if (wtl_batch_valid(b, m, i))
            wtl_csv_put_number(out, false, b->column[m].value[i]);
        else
            wtl_buf_putc(out, ',');
    }
    wtl_buf_putc(out, '\n');
}

const struct wtl_writer wtl_writer_csv = {
    .name = "csv",
    .ending = ".csv",
    .title = "CSV, a column a sensor, base units",
    .holds = holds,
    .begin = begin,
    .row = row,
    .gap = wtl_write_gap_line,
};
