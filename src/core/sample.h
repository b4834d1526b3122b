/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples, as readers deliver them: a batch of consecutive rows of one stream (one GPU of one
 * file), stored by column, each cell with a validity bit. A missing cell is a cleared bit, never
 * NaN or 0; the value behind a cleared bit is unspecified.
 */
#ifndef WTL_CORE_SAMPLE_H
#define WTL_CORE_SAMPLE_H

#include "core/metric.h"

#include <stdbool.h>
#include <stdint.h>

enum { WTL_BATCH_ROWS = 512, WTL_BATCH_WORDS = WTL_BATCH_ROWS / 64 };

struct wtl_column {
    double value[WTL_BATCH_ROWS];
    uint64_t valid[WTL_BATCH_WORDS];
};

struct wtl_batch {
    int n;                        /* rows used, 0..WTL_BATCH_ROWS */
    int stream;                   /* index that the reader announced */
    int64_t first_row;            /* index of row 0 within its stream, from 0 */
    bool has_time;                /* t_ns is meant; else rows are only ordered */
    bool interval;                /* power is the mean since the row before, not a reading */
    int64_t t_ns[WTL_BATCH_ROWS]; /* Unix time (or since an unknown origin), as the file says */
    uint64_t present;             /* bit m: column[m] exists in this stream */
    struct wtl_column column[WTL_N_METRICS]; /* meaningful where `present` */
};

_Static_assert(WTL_N_METRICS <= 64, "`present` is one word");

/* Sets a cell. */
static inline void wtl_batch_set(struct wtl_batch *b, enum wtl_metric m, int row, double value)
{
    b->column[m].value[row] = value;
    b->column[m].valid[row >> 6] |= UINT64_C(1) << (row & 63);
}

static inline bool wtl_batch_has(const struct wtl_batch *b, enum wtl_metric m)
{
    return (b->present >> m) & 1;
}

static inline bool wtl_batch_valid(const struct wtl_batch *b, enum wtl_metric m, int row)
{
    return (b->column[m].valid[row >> 6] >> (row & 63)) & 1;
}

#endif
