/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading of traces and tables. A reader knows one dialect; it is chosen by content, never by the
 * file's name alone. Readers convert units, keep missing cells missing, drop rows only by counted
 * causes, and hand everything to a sink. They judge nothing: that is the work of runs/.
 */
#ifndef WTL_TRACE_TRACE_H
#define WTL_TRACE_TRACE_H

#include "codec/input.h"
#include "core/run.h"
#include "core/sample.h"

/* A stream: the samples of one GPU (or slice) in one file. */
struct wtl_trace_stream {
    int index;                   /* 0, 1, ... in order of appearance */
    char entity[32];             /* as the dialect says: "GPU 0", "GPU-I 3", "0" */
    char device[WTL_LIMIT_NAME]; /* board name or UUID; "" unknown */
    char dialect[32]; /* "dcgmi-a", "dcgmi-b", "nvidia-smi": streams of a mixed file differ */
    uint64_t present; /* bit m: the stream has metric m */
    bool has_time;
    bool interval; /* has_time, and every row is the interval that ends at its stamp; the first row
                      is the begin, without power */
};

/* One line of a timing log. */
struct wtl_timing {
    char run_id[64];   /* as written: "1_01" */
    int64_t seq;       /* parsed from run_id; 0 unknown */
    int rep;           /* 0 unknown */
    int clock_mhz;     /* 0 unknown */
    double duration_s; /* meant only when has_duration */
    bool has_duration;
    double resolution_s; /* 1 for whole seconds, 0 unknown */
    int exit_code;
    enum wtl_run_status status;
};

/* Where a reader's output goes. Callbacks may be NULL: that kind is then dropped. A callback that
 * returns non-zero (with err set) ends the reading with that code. */
struct wtl_trace_sink {
    void *ctx;
    int (*stream)(void *ctx, const struct wtl_trace_stream *stream, struct wtl_error *err);
    int (*batch)(void *ctx, const struct wtl_batch *batch, struct wtl_error *err);
    int (*run)(void *ctx, const struct wtl_run *run, struct wtl_error *err);
    int (*timing)(void *ctx, const struct wtl_timing *timing, struct wtl_error *err);
};

/* Why rows were dropped. X(name, description) */
#define WTL_DROPS(X)                                                                               \
    X(truncated_row, "row cut short")                                                              \
    X(bad_number, "cell that is neither a number nor a known way to say `missing`")                \
    X(too_many_cells, "row with more cells than the header")                                       \
    X(binary, "NUL bytes or a line over the length limit")                                         \
    X(no_header, "row before any header that explains it")                                         \
    X(unknown_row, "line of no known kind")                                                        \
    X(bad_time, "timestamp that cannot be read or runs backwards")

enum wtl_drop {
#define X(name, text) WTL_DROP_##name,
    WTL_DROPS(X)
#undef X
        WTL_N_DROPS
};
const char *wtl_drop_name(enum wtl_drop drop);
const char *wtl_drop_text(enum wtl_drop drop);

/* What a reading did. */
struct wtl_read_report {
    char reader[32];  /* name of the reader that was chosen; of both in a mixed file: "a+b" */
    char dialect[96]; /* free text: "17 fields, style B" */
    bool empty;       /* there is no byte of text, and no damage that lost it */
    int64_t lines;
    int64_t rows; /* rows delivered (samples, runs or timings) */
    int64_t rows_dropped;
    int64_t dropped[WTL_N_DROPS];
    int64_t first_dropped_line; /* 0: none */
    int64_t cells;              /* cells of delivered rows in known columns */
    int64_t cells_missing;      /* N/A and the like */
    int64_t cells_sentinel;     /* of those: blank sentinels of DCGM */
    int n_streams;
    const char *advice;        /* NULL, or why no reader can know the content (a constant) */
    char unknown_columns[256]; /* header names that map to no metric, comma-separated */
};

/* How to read "any other CSV": loaded from YAML by trace/mapping.h. NULL: none. */
struct wtl_mapping;

/* Memory that is used again from file to file: one a thread. */
struct wtl_trace_scratch;
int wtl_trace_scratch_new(struct wtl_alloc alloc, struct wtl_trace_scratch **scratch_out,
                          struct wtl_error *err);
void wtl_trace_scratch_free(struct wtl_trace_scratch *scratch);

struct wtl_trace_options {
    const struct wtl_mapping *mapping;
    const char *reader;                /* force this reader by name; NULL: detect */
    struct wtl_trace_scratch *scratch; /* NULL: made for each reading */
};

/* The readers, for lists in --help: name and title of number i, false behind the last. */
bool wtl_trace_reader_at(int i, const char **name_out, const char **title_out);

/* Reads one open input to its end. On failure the sink may have been given a part; the caller
 * throws that away. The report is filled in both cases.
 * -WTL_PARSE when no reader knows the content (the hint lists the readers and the mapping). */
int wtl_trace_read(struct wtl_input *input, const struct wtl_trace_options *options,
                   const struct wtl_trace_sink *sink, struct wtl_read_report *report_out,
                   struct wtl_error *err);

#endif
