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
    const char *gpu;                   /* for files whose name says nothing; NULL */
    const char *workload;
    double interval_s; /* claimed sampling interval; 0: 0.05 for the published schemes */
    bool keep_samples;
    bool keep_going; /* a file that cannot be read is counted and passed over */
};

struct wtl_import_result {
    int64_t files_read, files_known, files_skipped, files_failed;
    int64_t bytes, rows, rows_dropped, cells, cells_missing;
    int64_t runs_added, runs_updated;
};

/* Imports into an open campaign (mode CREATE or WRITE) in one transaction. */
int wtl_flow_import(const struct wtl_flow *flow, struct wtl_campaign *c,
                    const struct wtl_import_options *options, struct wtl_import_result *result_out,
                    struct wtl_error *err);

/* Loads, judges and measures all runs that pass the filter. */
int wtl_flow_worksets(const struct wtl_flow *flow, struct wtl_campaign *c,
                      const struct wtl_run_filter *filter, struct wtl_arena *arena,
                      struct wtl_workset **sets_out, size_t *n_out, struct wtl_error *err);

#endif
