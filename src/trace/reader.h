/* SPDX-License-Identifier: Apache-2.0
 *
 * What one reader is, for the folder trace/ only. Add a dialect: write trace/NAME.c with one
 * `const struct wtl_reader`, name it in the table of trace.c.
 */
#ifndef WTL_TRACE_READER_H
#define WTL_TRACE_READER_H

#include "trace/trace.h"

/* One reading in progress. */
struct wtl_reading {
    struct wtl_arena *arena; /* lives as long as the reading */
    const struct wtl_trace_options *options;
    const struct wtl_trace_sink *sink;
    struct wtl_read_report *report; /* readers count into it */
    const char *name;               /* of the input, for messages */
    int64_t line;                   /* of the first line of the block being read, from 1 */
    void *state;                    /* the reader's own */
};

struct wtl_reader {
    const char *name;  /* "dcgmi", "nvidia-smi", "runs-table", ... */
    const char *title; /* "DCGM dmon text", for the list in --help and in messages */

    /* How sure the reader is that `head` (the first block) is its dialect: 0 no, 100 certain. */
    int (*probe)(const char *head, size_t n, const struct wtl_trace_options *options);

    /* begin, then block for every block of whole lines, then end (also after a failure of block,
     * with `failed` set: release, deliver nothing). */
    int (*begin)(struct wtl_reading *r, struct wtl_error *err);
    int (*block)(struct wtl_reading *r, const char *data, size_t n, struct wtl_error *err);
    int (*end)(struct wtl_reading *r, bool failed, struct wtl_error *err);
};

/* Counts a dropped row; `line` from 1. */
void wtl_reading_drop(struct wtl_reading *r, enum wtl_drop drop, int64_t line);

extern const struct wtl_reader wtl_reader_dcgmi;
extern const struct wtl_reader wtl_reader_nvidia_smi;
extern const struct wtl_reader wtl_reader_table;      /* runs table and aggregate tables */
extern const struct wtl_reader wtl_reader_timing;     /* timing_summary.log */
extern const struct wtl_reader wtl_reader_experiment; /* experiment_summary.log */
extern const struct wtl_reader wtl_reader_zeus;
extern const struct wtl_reader wtl_reader_perf_stat;
extern const struct wtl_reader wtl_reader_power_meter;
extern const struct wtl_reader wtl_reader_mapped; /* any CSV, through a mapping */

#endif
