/* SPDX-License-Identifier: Apache-2.0
 *
 * A recorded trace in memory, as a device to be replayed needs it: rows of one stream (one GPU of
 * the file) in order of time. Any dialect that src/trace reads; the file's time counts from its
 * first row.
 */
#ifndef WTL_DEVICE_REPLAY_RECORDING_H
#define WTL_DEVICE_REPLAY_RECORDING_H

#include "trace/trace.h"

enum {
    /* Rows of one replayed stream: eleven hours at 10 ms. A row takes 100 to 200 bytes. */
    WTL_REPLAY_ROWS_MAX = 4000000,
};

struct wtl_recording {
    struct wtl_trace_stream info;
    size_t n;           /* rows */
    int stride;         /* cells of a row */
    int8_t slot[64];    /* of each metric in a row; -1: none */
    int64_t *offset_ns; /* since the first row, never falling */
    uint64_t *valid;    /* bit m: the row has metric m */
    double *cell;       /* n * stride */
    int64_t period_ns;  /* median step of the rows */
    size_t cap_offset, cap_valid, cap_cell;
};

struct wtl_recordings {
    size_t n, cap;
    struct wtl_recording *stream;
    char dialect[96];
};

/* Reads the whole file. Rows without a time of their own are `period_ns` apart. Streams without
 * power, clock or any other sample are left out.
 * -WTL_PARSE when the file holds no samples, and what wtl_trace_read() says. */
int wtl_recordings_load(struct wtl_arena *arena, const char *path, int64_t period_ns,
                        struct wtl_recordings *out, struct wtl_error *err);

/* The last row at or before `offset_ns`, which is not negative. */
size_t wtl_recording_row(const struct wtl_recording *r, int64_t offset_ns);

/* How long it takes to replay: the last row stands for one period. */
int64_t wtl_recording_length_ns(const struct wtl_recording *r);

#endif
