/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing of samples as text, in dialects that the readers of this folder read back: begin, rows, a
 * note where rows are missing, begin again. A writer makes bytes and nothing else; who owns the
 * file (sink/) decides when they are stored and what happens when they cannot be.
 *
 * What comes back is what was written, to the digits that the dialect has:
 *
 *   csv         exactly: shortest decimals, nanoseconds
 *   jsonl       exactly
 *   nvidia-smi  hundredths of watts, whole MHz, degrees, percent and MiB, milliseconds of local
 *               time; no energy counter
 *   dcgmi       thousandths of watts, millijoules, whole MHz, degrees, percent and MiB; no time
 */
#ifndef WTL_TRACE_WRITE_H
#define WTL_TRACE_WRITE_H

#include "base/limits.h"
#include "base/text.h"
#include "core/sample.h"

/* Whose samples a stream is. */
struct wtl_write_stream {
    char id[WTL_LIMIT_NAME];   /* "nvml:GPU-8f3c..." */
    char name[WTL_LIMIT_NAME]; /* of the board */
    char uuid[WTL_LIMIT_NAME]; /* "" none */
    int index;                 /* as the vendor's tools number it */
    bool gpu;                  /* what dialects of GPU tools can hold */
    uint64_t present;          /* bit m: it has metric m */
};

/* Rows that are not there. */
struct wtl_write_gap {
    int64_t rows; /* 0: no gap */
    int64_t from_ns, to_ns;
    char why[160];
};

struct wtl_writer;

/* One text being written. Filled in by the caller but for what wtl_write_begin() sets. */
struct wtl_write {
    const struct wtl_writer *writer;
    const struct wtl_write_stream *streams;
    int n;
    /* For dialects with local time: added to Unix time. It stays the same within a file, so that
     * time does not run backwards when summer ends. */
    int64_t utc_offset_s;

    uint64_t columns; /* union of what the streams have and the dialect can hold */
    int64_t rows;     /* since begin */
};

struct wtl_writer {
    const char *name;   /* "csv" */
    const char *ending; /* ".csv" */
    const char *title;  /* for --help */
    bool gpus_only;     /* rows of other streams are left out */
    bool (*holds)(enum wtl_metric metric);
    void (*begin)(const struct wtl_write *w, struct wtl_buf *out);
    void (*row)(const struct wtl_write *w, const struct wtl_batch *batch, int row,
                struct wtl_buf *out);
    void (*gap)(const struct wtl_write *w, const struct wtl_write_gap *gap, struct wtl_buf *out);
};

/* Number i, NULL behind the last; by name, NULL: none. */
const struct wtl_writer *wtl_writer_at(int i);
const struct wtl_writer *wtl_writer_by_name(const char *name);
/* The one that a file's name ends like; NULL: none. */
const struct wtl_writer *wtl_writer_by_ending(const char *path);

/* The head of a file. */
void wtl_write_begin(struct wtl_write *w, struct wtl_buf *out);

/* Rows of several streams (batch->stream: index in w->streams), merged in order of time. Returns
 * how many are in the text: rows of streams that the dialect cannot hold are not. At most one
 * batch a stream. */
int64_t wtl_write_rows(struct wtl_write *w, const struct wtl_batch *const *batches, int n,
                       struct wtl_buf *out);

/* Where rows are missing: a line that the readers pass over. */
void wtl_write_gap(const struct wtl_write *w, const struct wtl_write_gap *gap, struct wtl_buf *out);

/* What text dialects that are not JSON begin such a line with; readers pass over it. */
#define WTL_WRITE_NOTE "# wattle: "

/* ---- For the writers ------------------------------------------------------------------------- */

/* "2026-11-22T08:39:29.123Z", or with '/' and a blank as nvidia-smi. */
void wtl_write_utc(int64_t t_ns, struct wtl_buf *out);

/* The gap as a line of a text dialect. */
void wtl_write_gap_line(const struct wtl_write *w, const struct wtl_write_gap *gap,
                        struct wtl_buf *out);

extern const struct wtl_writer wtl_writer_csv;
extern const struct wtl_writer wtl_writer_json_lines;
extern const struct wtl_writer wtl_writer_dcgmi;
extern const struct wtl_writer wtl_writer_nvidia_smi;

#endif
