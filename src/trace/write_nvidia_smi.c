/* SPDX-License-Identifier: Apache-2.0
 * Samples as `nvidia-smi --query-gpu=timestamp,index,uuid,name,... --format=csv` prints them: units
 * in the header and behind the numbers, local time, "[N/A]" for what is missing. nvidia_smi.c reads
 * it. */
#include "trace/write.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static bool holds(enum wtl_metric metric)
{
    return wtl_metric_info(metric)->smi_name[0] != '\0';
}

/* Unit as printed, factor from our base unit, decimals. */
struct form {
    const char *unit;
    double multiply, divide;
    int decimals;
};

static struct form form_of(enum wtl_metric m)
{
    switch ((int)wtl_metric_info(m)->unit) {
    case WTL_UNIT_WATT:
        return (struct form){"W", 1, 1, 2};
    case WTL_UNIT_MHZ:
        return (struct form){"MHz", 1, 1, 0};
    case WTL_UNIT_FRACTION:
        return (struct form){"%", 100, 1, 0};
    case WTL_UNIT_BYTE:
        return (struct form){"MiB", 1, 1048576, 0};
    default: /* temperatures have no unit there */
        return (struct form){"", 1, 1, 0};
    }
}

static void begin(const struct wtl_write *w, struct wtl_buf *out)
{
    wtl_buf_puts(out, "timestamp, index, uuid, name");
    for (uint64_t left = w->columns; left; left &= left - 1) {
        enum wtl_metric m = (enum wtl_metric)__builtin_ctzll(left);
        const char *unit = form_of(m).unit;
        wtl_buf_printf(out, ", %s%s%s%s", wtl_metric_info(m)->smi_name, unit[0] ? " [" : "", unit,
                       unit[0] ? "]" : "");
    }
    wtl_buf_putc(out, '\n');
}

static void cell(const struct wtl_batch *b, enum wtl_metric m, int i, struct wtl_buf *out)
{
    if (!wtl_batch_has(b, m) || !wtl_batch_valid(b, m, i)) {
        wtl_buf_puts(out, ", [N/A]");
        return;
    }
    double v = b->column[m].value[i];
    struct form f = form_of(m);
    if (m == WTL_M_event_reasons)
        wtl_buf_printf(out, ", 0x%016" PRIx64, (uint64_t)v);
    else if (m == WTL_M_pstate)
        wtl_buf_printf(out, ", P%.0f", v);
    else
        wtl_buf_printf(out, ", %.*f%s%s", f.decimals, v * f.multiply / f.divide,
                       f.unit[0] ? " " : "", f.unit);
}

static void row(const struct wtl_write *w, const struct wtl_batch *b, int i, struct wtl_buf *out)
{
    const struct wtl_write_stream *s = &w->streams[b->stream];
    struct tm tm;
    time_t t = (time_t)(b->t_ns[i] / 1000000000 + w->utc_offset_s);
    (void)gmtime_r(&t, &tm);
    wtl_buf_printf(out, "%04d/%02d/%02d %02d:%02d:%02d.%03d, %d, %s, %s", tm.tm_year + 1900,
                   tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                   (int)(b->t_ns[i] / 1000000 % 1000), s->index, s->uuid[0] ? s->uuid : "[N/A]",
                   s->name);
    for (uint64_t left = w->columns; left; left &= left - 1)
        cell(b, (enum wtl_metric)__builtin_ctzll(left), i, out);
    wtl_buf_putc(out, '\n');
}

const struct wtl_writer wtl_writer_nvidia_smi = {
    .name = "nvidia-smi",
    .ending = ".smi",
    .title = "CSV as `nvidia-smi --query-gpu` prints it; GPUs only, local time",
    .gpus_only = true,
    .holds = holds,
    .begin = begin,
    .row = row,
    .gap = wtl_write_gap_line,
};
