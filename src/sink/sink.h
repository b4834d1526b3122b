/* SPDX-License-Identifier: Apache-2.0
 *
 * Where samples go as they come: a text file of one of the dialects of trace/write.h, or a
 * campaign. What is put is stored whole or not at all, so that the caller can try again, or count
 * what was lost and say so with the next that can be stored.
 *
 * A process that is killed leaves a file that its readers accept: text ends in a cut line at worst,
 * a campaign as it was at its last put.
 */
#ifndef WTL_SINK_SINK_H
#define WTL_SINK_SINK_H

#include "base/clock.h"
#include "core/run.h"
#include "trace/write.h"

struct wtl_sink;

struct wtl_sink_class {
    int (*put)(struct wtl_sink *sink, const struct wtl_batch *const *batches, int n,
               const struct wtl_write_gap *gap, struct wtl_error *err);
    int (*sync)(struct wtl_sink *sink, struct wtl_error *err);
    int (*document)(struct wtl_sink *sink, const char *name, const char *json,
                    struct wtl_error *err);
    int64_t (*size)(const struct wtl_sink *sink);
    int (*close)(struct wtl_sink *sink, bool complete, struct wtl_error *err);
    void (*discard)(struct wtl_sink *sink);
};

struct wtl_sink {
    const struct wtl_sink_class *class;
    int64_t put_every_ns; /* more often is waste */
};

/* A new text file. It must not be there, or be empty, or be no regular file (/dev/stdout, a
 * pipe): -WTL_FAILED. `streams` stay the caller's, as long as it is open. */
int wtl_sink_text_open(struct wtl_alloc alloc, const char *path, const struct wtl_writer *writer,
                       const struct wtl_write_stream *streams, int n, int64_t utc_offset_s,
                       struct wtl_sink **sink_out, struct wtl_error *err);

/* Fills in what the samples do not tell of the run of stream i: names, energy, work. Called when a
 * run is stored, again and again; `ended`: for the last time. */
typedef void wtl_sink_describe(void *ctx, int i, bool ended, struct wtl_run *run);

struct wtl_sink_campaign_options {
    const char *path; /* made where it is not there; else runs are added */
    struct wtl_clock clock;
    const struct wtl_write_stream *streams; /* stay the caller's */
    int n;
    const char *job; /* of the runs: one a stream */
    wtl_sink_describe *describe;
    void *ctx;
};
int wtl_sink_campaign_open(struct wtl_alloc alloc, const struct wtl_sink_campaign_options *options,
                           struct wtl_sink **sink_out, struct wtl_error *err);

/* Stores batches (at most one a stream, t_ns ascending within it), all or nothing, and before them
 * that rows are missing, where gap->rows is not 0. They are with the system then: a crash of the
 * machine may still lose them. -WTL_LOST: whoever read it has gone, for good. */
int wtl_sink_put(struct wtl_sink *sink, const struct wtl_batch *const *batches, int n,
                 const struct wtl_write_gap *gap, struct wtl_error *err);

/* What was put outlasts a crash of the machine. */
int wtl_sink_sync(struct wtl_sink *sink, struct wtl_error *err);

/* A document beside the samples, where the format has a place for one; else nothing is done. */
int wtl_sink_document(struct wtl_sink *sink, const char *name, const char *json,
                      struct wtl_error *err);

int64_t wtl_sink_size(const struct wtl_sink *sink);

/* Stores the rest, syncs and frees, whatever comes of it. `complete`: the recording ends here as it
 * should. NULL is fine. */
int wtl_sink_close(struct wtl_sink *sink, bool complete, struct wtl_error *err);

/* Nothing was recorded after all: takes back what was put, removes the file where it was made for
 * that, and frees. NULL is fine. */
void wtl_sink_discard(struct wtl_sink *sink);

/* ---- Files that follow one another ----------------------------------------------------------- */

/* "power.csv" and 12: "power.0012.csv"; a name without one of the endings that a sink has:
 * "power.0012". False: longer than `size`. */
bool wtl_series_path(const char *path, int64_t number, char *out, size_t size);

/* The highest number of the series that is there; 0: none. -WTL_IO. */
int wtl_series_last(const char *path, int64_t *last_out, struct wtl_error *err);

/* Removes those of the series with numbers up to `number`. How many there were. */
int64_t wtl_series_remove_upto(const char *path, int64_t number);

#endif
