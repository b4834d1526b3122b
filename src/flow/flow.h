/* SPDX-License-Identifier: Apache-2.0
 *
 * The arrows of the loop: import, optimize, fit, validate, analyse, as one function each over a
 * campaign. A flow reads, calls the pure wing, and stores; it holds no method of its own. This is
 * what the commands and the public API (include/wattle/wattle.h) call.
 */
#ifndef WTL_FLOW_FLOW_H
#define WTL_FLOW_FLOW_H

#include "base/log.h"
#include "runs/judge.h"
#include "store/campaign.h"
#include "trace/naming.h"
#include "trace/trace.h"

#include <jansson.h>

/* What all flows are given. */
struct wtl_flow {
    struct wtl_alloc alloc;
    struct wtl_clock clock;
    const struct wtl_log *log; /* may be NULL */
    int threads;               /* 1: this thread only */
};

struct wtl_import_options {
    const char *const *paths;
    size_t n_paths;
    const struct wtl_mapping *mapping; /* may be NULL */
    const struct wtl_naming *naming;   /* may be NULL */
    const char *reader;                /* force; NULL detect */
    const char *gpu;                   /* for files whose name and content say nothing; NULL */
    const char *workload;
    double interval_s; /* claimed sampling interval; 0: 0.05 for the published schemes */
    bool keep_samples;
    bool keep_going; /* a file that cannot be read is counted and passed over */
};

/* Something about one file that people should know. */
struct wtl_import_note {
    const char *path;
    const char *text;
    bool failed; /* the file was passed over (keep_going) */
};

struct wtl_import_set {
    const char *gpu;
    const char *workload;
    int64_t runs; /* added */
};

struct wtl_import_result {
    int64_t files_read;    /* new, stored */
    int64_t files_known;   /* were in the campaign, by hash and size: nothing changed */
    int64_t files_outputs; /* passed over by name: application output, documents, pictures */
    int64_t files_other;   /* passed over: no reader knows the content, and no name calls them
                              traces */
    int64_t files_failed;
    int64_t bytes, rows, rows_dropped, cells, cells_missing; /* of new files */
    int64_t dropped[WTL_N_DROPS];
    int64_t runs_added;
    int64_t runs_updated;        /* learned something from a timing log */
    int64_t runs_duplicate;      /* of the campaign: are there again, and count once */
    int64_t runs_without_clock;  /* added, neither name nor content tells their clock */
    struct wtl_import_set *sets; /* by gpu and workload (folded), ascending */
    size_t n_sets;
    char unknown_columns[400];     /* of new files, nobody knows them: "fan,pstate"; each once */
    struct wtl_import_note *notes; /* in order of path */
    size_t n_notes;
};

/* Imports into an open campaign (mode CREATE or WRITE) in one transaction: all or nothing. What
 * happens is the same for any number of threads: files are read and reduced by `flow->threads`
 * workers, and stored by the caller's thread in order of path.
 *
 * gpu, workload and so on come from the file's name (trace/naming.h), else from its content, else
 * from the options; rows of tables say more than the table's name. A trace whose streams are of
 * different boards or dialects, or not of the board that its name says, is split into its runs,
 * which are stated `contaminated`. A timing log is joined with the traces of its directory by run
 * id, in whichever order and import the two come. */
int wtl_flow_import(const struct wtl_flow *flow, struct wtl_campaign *c,
                    const struct wtl_import_options *options, struct wtl_arena *arena,
                    struct wtl_import_result *result_out, struct wtl_error *err);

/* The result as JSON; `campaign` is the path as given. NULL: out of memory. */
json_t *wtl_import_json(const struct wtl_import_result *r, const char *campaign);

/* The samples of a stored run, in order: from the campaign where they were kept, else read again
 * from the source (-WTL_NOTFOUND when it is gone, -WTL_CORRUPT when its content has changed).
 */
int wtl_flow_samples(const struct wtl_flow *flow, struct wtl_campaign *c, const struct wtl_run *run,
                     int (*fn)(void *ctx, const struct wtl_batch *batch, struct wtl_error *err),
                     void *ctx, struct wtl_error *err);

/* Loads, judges and measures all runs that pass the filter. */
int wtl_flow_worksets(const struct wtl_flow *flow, struct wtl_campaign *c,
                      const struct wtl_run_filter *filter, struct wtl_arena *arena,
                      struct wtl_workset **sets_out, size_t *n_out, struct wtl_error *err);

/* -WTL_NOTFOUND: nothing passes the filter; the hint says what there is. */
int wtl_flow_no_runs(const struct wtl_flow *flow, struct wtl_campaign *c,
                     const struct wtl_run_filter *filter, struct wtl_error *err);

#endif
