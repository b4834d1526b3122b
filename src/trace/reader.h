/* SPDX-License-Identifier: Apache-2.0
 *
 * What one reader is, for the folder trace/ only. Add a dialect: write trace/NAME.c with one
 * `const struct wtl_reader`, name it in the table of trace.c.
 */
#ifndef WTL_TRACE_READER_H
#define WTL_TRACE_READER_H

#include "base/text.h"
#include "trace/trace.h"

#include <string.h>

struct wtl_handover; /* of trace.c */

/* One reading in progress. */
struct wtl_reading {
    struct wtl_arena *arena; /* lives as long as the reading */
    struct wtl_trace_scratch *scratch;
    const struct wtl_trace_options *options;
    const struct wtl_trace_sink *sink;
    struct wtl_read_report *report; /* readers count into it */
    const char *name;               /* of the input, for messages */
    int64_t line;                   /* of the first line of the block being read, from 1 */
    void *state;                    /* the reader's own */
    struct wtl_handover *handover;  /* where lines of another dialect go; NULL: nowhere */
};

enum { WTL_PROBE_CERTAIN = 95 };

struct wtl_reader {
    const char *name;  /* "dcgmi", "nvidia-smi", "runs-table", ... */
    const char *title; /* "DCGM dmon text", for the list in --help and in messages */

    /* How sure the reader is that `head` (the first block) is its dialect: 0 no, 100 certain. From
     * WTL_PROBE_CERTAIN on (a mark that no other dialect has, in the first line) later readers are
     * not asked. -WTL_NOMEM when it cannot look. */
    int (*probe)(const char *head, size_t n, const struct wtl_trace_options *options);

    /* begin, then block for every block of whole lines, then end (also after a failure of block,
     * or begin, with `failed` set: release, deliver nothing).
     * trace.c keeps r->line and report->lines. It passes over a byte order mark and drops lines
     * with NUL bytes and lines over WTL_LIMIT_LINE_BYTES as `binary`: no reader sees them. A block
     * is followed by at least WTL_INPUT_MARGIN readable bytes. Only the last line of the last block
     * may lack its '\n': the file may have been cut there. How lines are shared out to blocks must
     * not matter. `end` may be NULL: nothing is held back, nothing to check. */
    int (*begin)(struct wtl_reading *r, struct wtl_error *err);
    int (*block)(struct wtl_reading *r, const char *data, size_t n, struct wtl_error *err);
    int (*end)(struct wtl_reading *r, bool failed, struct wtl_error *err);

    /* For samplers, whose outputs get mixed up in one file: true when the line (no '\n') is surely
     * of this dialect. NULL: the reader is never handed single lines. */
    bool (*owns_line)(const char *line, size_t n);
};

/* Ends a reading whose begin and blocks came to `rc`. Returns that, else what the end came to. */
int wtl_reading_end(const struct wtl_reader *reader, struct wtl_reading *r, int rc,
                    struct wtl_error *err);

/* Gives a line that this reader does not know to a reader that owns it, if there is one. The line
 * must be part of the current block. *taken_out: somebody did. */
int wtl_reading_hand_over(struct wtl_reading *r, const char *line, size_t n, int64_t number,
                          bool *taken_out, struct wtl_error *err);

/* Adds to report->dialect; parts are joined by " + " and named once. */
void wtl_reading_dialect(struct wtl_reading *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds to report->unknown_columns, each name once. */
void wtl_reading_unknown_column(struct wtl_reading *r, struct wtl_view name);

/* Lines that our own writers put between rows of foreign dialects (trace/write.h): passed over. */
static inline bool wtl_line_is_note(struct wtl_view line)
{
    static const char mark[] = "# wattle: "; /* WTL_WRITE_NOTE */
    return line.n >= sizeof mark - 1 && memcmp(line.s, mark, sizeof mark - 1) == 0;
}

/* Counts a dropped row; `line` from 1. A row is delivered whole or dropped whole. */
void wtl_reading_drop(struct wtl_reading *r, enum wtl_drop drop, int64_t line);

/* A stream being filled: what a sampler's reader keeps of each GPU. Cells of the row to come go to
 * batch->column[m].value[batch->n] for the metrics of info.present; all count as valid until
 * wtl_stream_missing() says otherwise; then the row is either pushed or forgotten. */
struct wtl_stream {
    struct wtl_trace_stream info;
    struct wtl_batch *batch;
};

/* Tells the sink of a new stream; `s->info` is filled in but for the index, which is set here.
 * -WTL_LIMIT beyond WTL_LIMIT_STREAMS. */
int wtl_stream_open(struct wtl_reading *r, struct wtl_stream *s, struct wtl_error *err);

static inline void wtl_stream_missing(struct wtl_stream *s, enum wtl_metric m)
{
    int row = s->batch->n;
    s->batch->column[m].valid[row >> 6] &= ~(UINT64_C(1) << (row & 63));
}

/* One cell of the row to come, or that it is missing. For readers that need no speed. */
static inline void wtl_stream_put(struct wtl_stream *s, enum wtl_metric m, bool known, double value)
{
    if (known)
        s->batch->column[m].value[s->batch->n] = value;
    else
        wtl_stream_missing(s, m);
}

void wtl_stream_forget(struct wtl_stream *s);
int wtl_stream_flush(struct wtl_reading *r, struct wtl_stream *s, struct wtl_error *err);

/* The row is complete. Hands the batch to the sink when it is full; counts rows and cells. */
static inline int wtl_stream_push(struct wtl_reading *r, struct wtl_stream *s,
                                  struct wtl_error *err)
{
    s->batch->n++;
    return s->batch->n == WTL_BATCH_ROWS ? wtl_stream_flush(r, s, err) : 0;
}

/* A batch of unspecified content, for as long as the reading lasts; NULL when memory is out. */
struct wtl_batch *wtl_trace_scratch_batch(struct wtl_trace_scratch *scratch);
struct wtl_arena *wtl_trace_scratch_arena(struct wtl_trace_scratch *scratch);
void wtl_trace_scratch_reset(struct wtl_trace_scratch *scratch);

extern const struct wtl_reader wtl_reader_dcgmi;
extern const struct wtl_reader wtl_reader_nvidia_smi;
extern const struct wtl_reader wtl_reader_table;      /* runs table and aggregate tables */
extern const struct wtl_reader wtl_reader_timing;     /* timing_summary.log */
extern const struct wtl_reader wtl_reader_experiment; /* experiment_summary.log */
extern const struct wtl_reader wtl_reader_perf_times; /* headerless MHz,seconds */
extern const struct wtl_reader wtl_reader_zeus;
extern const struct wtl_reader wtl_reader_perf_stat;
extern const struct wtl_reader wtl_reader_power_meter;
extern const struct wtl_reader wtl_reader_samples_csv;
extern const struct wtl_reader wtl_reader_samples_json;
extern const struct wtl_reader wtl_reader_mapped; /* any CSV, through a mapping */

#endif
