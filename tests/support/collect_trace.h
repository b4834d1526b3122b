/* SPDX-License-Identifier: Apache-2.0
 *
 * A sink that keeps everything, for tests of readers, and the ways to read into it.
 */
#ifndef WTL_TESTS_COLLECT_TRACE_H
#define WTL_TESTS_COLLECT_TRACE_H

#include "trace/reader.h"

enum { COLLECT_STREAMS = 8, COLLECT_ROWS = 8192, COLLECT_RUNS = 2048 };

struct collected_stream {
    struct wtl_trace_stream info;
    int n;
    int64_t t_ns[COLLECT_ROWS];
    double value[WTL_N_METRICS][COLLECT_ROWS];
    bool valid[WTL_N_METRICS][COLLECT_ROWS];
};

struct collected {
    int n_streams;
    struct collected_stream *streams[COLLECT_STREAMS];
    int n_runs;
    struct wtl_run *runs;
    int n_timings;
    struct wtl_timing *timings;
    struct wtl_read_report report;
    int fail_after; /* batches until the sink refuses; 0: never */
};

/* Reads bytes (or a file) and checks on the way what every reading must keep: batches in order,
 * values finite, the report's counts. Free with collect_free(). Returns wtl_trace_read()'s rc. */
int collect_memory(struct collected *c, const void *data, size_t n,
                   const struct wtl_trace_options *options, struct wtl_error *err);
int collect_text(struct collected *c, const char *text, struct wtl_error *err);
int collect_file(struct collected *c, const char *path, struct wtl_error *err);

/* Reads through one reader, handing it `text` in blocks of at most `block_bytes` (at least a line).
 */
int collect_blocks(struct collected *c, const struct wtl_reader *reader, const char *text,
                   size_t block_bytes, struct wtl_error *err);

/* Reads text that must be readable, and by this reader without being told. */
void collect_as(struct collected *c, const char *text, const char *reader);

/* Fails unless the text is refused (-WTL_PARSE) by `reader` (NULL: whichever takes it) with this
 * message, at this line and column; line 0: wherever. */
void assert_bad_text(const char *text, const char *reader, int line, int column,
                     const char *message);

/* Fails unless the text reads the same however it is cut into blocks. */
void assert_blocks_do_not_matter(const struct wtl_reader *reader, const char *text);

void collect_free(struct collected *c);

/* Fails unless both hold the same streams, cells, runs, timings and counts. */
void assert_same_collection(const struct collected *a, const struct collected *b);

/* Mean of the valid cells of a metric; last minus first valid cell. */
double collected_mean(const struct collected_stream *s, enum wtl_metric m);
double collected_delta(const struct collected_stream *s, enum wtl_metric m);

#endif
