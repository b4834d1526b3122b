/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples of a measured span into a file, or into files that follow one another: a thread takes
 * them from the metering of a stat (flow/stat.h) and gives them to a sink (sink/sink.h).
 *
 * It runs for days: its memory is taken at the start. What cannot be stored is kept as long as it
 * fits (512 rows a device), then counted as lost, and the file says so when there is room again.
 * Nothing of that ends the recording.
 */
#ifndef WTL_FLOW_RECORD_H
#define WTL_FLOW_RECORD_H

#include "flow/stat.h"
#include "sink/sink.h"

/* Samples that the metering keeps for us: seconds of the fastest sensors. */
enum { WTL_RECORD_KEEP = 4096 };

struct wtl_record_options {
    const char *path;
    const struct wtl_writer *writer;  /* NULL: a campaign */
    int64_t utc_offset_s;             /* of local time, where the dialect has it */
    int64_t rotate_bytes;             /* begin another file when this one is so large; 0: never */
    int64_t rotate_ns;                /* ... so old; 0: never */
    int64_t keep;                     /* of such files; 0: all */
    const char *workload, *job, *gpu; /* of the runs of a campaign; gpu NULL: the board's */
    bool whole_rows;                  /* leave readings out that are of power and energy alone */
    bool command;                     /* a command from begin to end, not a span of time */
};

struct wtl_recorder;

/* Makes the (first) file. The stat was opened with keep = WTL_RECORD_KEEP, and outlives it. */
int wtl_record_open(const struct wtl_flow *flow, struct wtl_stat *stat,
                    const struct wtl_record_options *options, struct wtl_recorder **recorder_out,
                    struct wtl_error *err);

/* After wtl_stat_begin(): starts the thread. */
int wtl_record_begin(struct wtl_recorder *recorder, struct wtl_error *err);

/* Whether nobody reads any longer what is recorded into a pipe: it may as well end. */
bool wtl_record_deserted(const struct wtl_recorder *recorder);

struct wtl_recorded {
    int64_t rows; /* stored */
    int64_t files;
    int64_t bytes;
    char path[WTL_LIMIT_PATH]; /* of the last file */
    /* Rows that were not stored, and the first error behind that. */
    int64_t lost;
    int64_t lost_from_ns, lost_to_ns; /* Unix time */
    int64_t errors;
    char trouble[WTL_ERROR_MESSAGE_MAX];
};

/* Before wtl_stat_end(), which waits for what sensors have still to say: that is not of the span.
 */
void wtl_record_pause(struct wtl_recorder *recorder);

/* After wtl_stat_end(): stores the rest. `status`: of the command. `document` (borrowed;
 * NULL: memory was out, which is an error of the recording) gets a member "recording", and is
 * stored where the format has a place for it. */
void wtl_record_end(struct wtl_recorder *recorder, const struct wtl_stat_result *result, int status,
                    json_t *document, struct wtl_recorded *recorded_out);

/* Instead of the end, where nothing ran that was to be recorded: takes back what was stored. */
void wtl_record_discard(struct wtl_recorder *recorder);

/* {"path", "files", "bytes", "rows", "lost", ...}; NULL: out of memory. */
json_t *wtl_recorded_json(const struct wtl_recorded *recorded);

/* Frees it; ends the thread where that was not done. NULL is fine. */
void wtl_record_close(struct wtl_recorder *recorder);

#endif
