/* SPDX-License-Identifier: Apache-2.0
 * What all writers share: the table of them, and rows in order of time. */
#include "trace/write.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static const struct wtl_writer *const writers[] = {
    &wtl_writer_csv,
    &wtl_writer_json_lines,
    &wtl_writer_nvidia_smi,
    &wtl_writer_dcgmi,
};
enum { N_WRITERS = sizeof writers / sizeof *writers };

const struct wtl_writer *wtl_writer_at(int i)
{
    return i >= 0 && i < N_WRITERS ? writers[i] : NULL;
}

const struct wtl_writer *wtl_writer_by_name(const char *name)
{
    for (int i = 0; i < N_WRITERS; i++)
        if (strcmp(writers[i]->name, name) == 0)
            return writers[i];
    return NULL;
}

const struct wtl_writer *wtl_writer_by_ending(const char *path)
{
    for (int i = 0; i < N_WRITERS; i++)
        if (wtl_ends_with(path, writers[i]->ending))
            return writers[i];
    return NULL;
}

static bool is_held(const struct wtl_write *w, const struct wtl_batch *b)
{
    return !w->writer->gpus_only || w->streams[b->stream].gpu;
}

void wtl_write_begin(struct wtl_write *w, struct wtl_buf *out)
{
    w->columns = 0;
    w->rows = 0;
    for (int i = 0; i < w->n; i++)
        if (!w->writer->gpus_only || w->streams[i].gpu)
            w->columns |= w->streams[i].present;
    for (int m = 0; m < (int)WTL_N_METRICS; m++)
        if (!w->writer->holds((enum wtl_metric)m))
            w->columns &= ~(UINT64_C(1) << m);
    w->writer->begin(w, out);
}

int64_t wtl_write_rows(struct wtl_write *w, const struct wtl_batch *const *batches, int n,
                       struct wtl_buf *out)
{
    int at[WTL_LIMIT_STREAMS] = {0};
    int64_t written = 0;
    for (;;) {
        int next = -1;
        for (int i = 0; i < n; i++)
            if (at[i] < batches[i]->n && is_held(w, batches[i]) &&
                (next < 0 || batches[i]->t_ns[at[i]] < batches[next]->t_ns[at[next]]))
                next = i;
        if (next < 0)
            return written;
        w->writer->row(w, batches[next], at[next]++, out);
        w->rows++;
        written++;
    }
}

void wtl_write_gap(const struct wtl_write *w, const struct wtl_write_gap *gap, struct wtl_buf *out)
{
    w->writer->gap(w, gap, out);
}

void wtl_write_utc(int64_t t_ns, struct wtl_buf *out)
{
    struct tm tm;
    time_t s = (time_t)(t_ns / 1000000000);
    (void)gmtime_r(&s, &tm);
    wtl_buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(t_ns / 1000000 % 1000));
}

void wtl_write_gap_line(const struct wtl_write *w, const struct wtl_write_gap *gap,
                        struct wtl_buf *out)
{
    (void)w;
    wtl_buf_printf(out, WTL_WRITE_NOTE "gap: %" PRId64 " samples lost from ", gap->rows);
    wtl_write_utc(gap->from_ns, out);
    wtl_buf_puts(out, " to ");
    wtl_write_utc(gap->to_ns, out);
    wtl_buf_printf(out, ": %s\n", gap->why);
}
