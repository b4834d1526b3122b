/* SPDX-License-Identifier: Apache-2.0
 *
 * A campaign: one SQLite file (rollback journal, no WAL: campaigns live on NFS) with sources, runs,
 * plans, predictors, verdicts, and samples by reference or in compressed chunks. The only folder
 * that knows SQL is store/.
 *
 * Everything that is written together is written in one transaction: a process killed midway leaves
 * the campaign as it was. The schema has a version; a campaign of a newer one is refused, one of an
 * older one is brought up to date by the first writer. Run metrics are columns of the table `run`,
 * made from WTL_RUN_METRICS: a campaign written before a metric existed reads as "not known", and
 * gets the column from its first writer. NULL means not known throughout.
 */
#ifndef WTL_STORE_CAMPAIGN_H
#define WTL_STORE_CAMPAIGN_H

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "core/configuration.h"
#include "core/plan.h"
#include "core/run.h"
#include "core/sample.h"
#include "trace/trace.h"

struct wtl_campaign;

enum wtl_campaign_mode {
    WTL_CAMPAIGN_READ,   /* must exist; its content is never changed */
    WTL_CAMPAIGN_WRITE,  /* must exist */
    WTL_CAMPAIGN_CREATE, /* made if it does not exist, or is an empty file */
};

/* -WTL_NOTFOUND; -WTL_CORRUPT (damaged, not a campaign, or of a newer version: message and hint
 * say which); -WTL_BUSY (another process writes it); -WTL_PERMISSION; -WTL_IO. */
int wtl_campaign_open(const char *path, enum wtl_campaign_mode mode, struct wtl_clock clock,
                      struct wtl_campaign **campaign_out, struct wtl_error *err);

/* Whether the file begins as a campaign does; false for one of another kind. -WTL_NOTFOUND and so
 * on where it cannot be read. */
int wtl_campaign_detect(const char *path, bool *is_out, struct wtl_error *err);

/* Rolls an open transaction back. A campaign that this open made, and into which nothing was ever
 * committed, is removed again. NULL is fine. */
void wtl_campaign_close(struct wtl_campaign *c);
const char *wtl_campaign_path(const struct wtl_campaign *c);

/* One transaction at a time; it locks other writers out from its begin on. rollback without begin
 * is fine. A failed commit has rolled back. Outside a transaction every write is one of its own. */
int wtl_campaign_begin(struct wtl_campaign *c, struct wtl_error *err);
int wtl_campaign_commit(struct wtl_campaign *c, struct wtl_error *err);
void wtl_campaign_rollback(struct wtl_campaign *c);

/* Provenance of one imported file. Quantities are stored in base units (core/metric.h). */
struct wtl_source {
    int64_t id;
    const char *path; /* absolute */
    char sha256[65];  /* of the bytes on disk */
    int64_t size_bytes;

    /* Files are one and the same when hash, size and scope are. The scope is "" for files with
     * data rows; for files whose meaning depends on where they stand (timing logs, traces without
     * any row) it is that place. */
    const char *scope;
    char reader[32];
    char dialect[96];
    int64_t rows;
    int64_t rows_dropped;
    int64_t first_dropped_line; /* 0: none */
    char drops[256];            /* "truncated_row 3, binary 1" */
    int64_t cells;
    int64_t cells_missing;
    int64_t cells_sentinel;
    char unknown_columns[256];
    int64_t imported_ns; /* Unix time; set by add_source */
};

/* -WTL_FAILED when hash, size and scope are there already. */
int wtl_campaign_add_source(struct wtl_campaign *c, const struct wtl_source *source,
                            int64_t *id_out, struct wtl_error *err);

/* Removes a source with its runs, their samples and its timings: its file has grown, or has another
 * name now, and is stored anew. */
int wtl_campaign_remove_source(struct wtl_campaign *c, int64_t id, struct wtl_error *err);

/* The file stands elsewhere now. -WTL_NOTFOUND. */
int wtl_campaign_move_source(struct wtl_campaign *c, int64_t id, const char *path,
                             struct wtl_error *err);

/* The id of the source with this hash, size and scope, or 0. scope NULL: any. */
int wtl_campaign_find_source(struct wtl_campaign *c, const char *sha256, int64_t size_bytes,
                             const char *scope, int64_t *id_out, struct wtl_error *err);

/* In order of id. */
int wtl_campaign_sources(struct wtl_campaign *c, struct wtl_arena *arena,
                         struct wtl_source **sources_out, size_t *n_out, struct wtl_error *err);

/* The one of this id among `n` in order of id; NULL: none. */
const struct wtl_source *wtl_source_find(const struct wtl_source *sources, size_t n, int64_t id);

/* Lines of timing logs, kept so that traces which come later still find them. */
int wtl_campaign_add_timing(struct wtl_campaign *c, int64_t source_id,
                            const struct wtl_timing *timing, struct wtl_error *err);

struct wtl_stored_timing {
    struct wtl_timing timing;
    const char *path; /* of its log */
};

/* Those of all logs that stand in the directory `dir` (absolute, without final '/'), in order of
 * import. */
int wtl_campaign_timings(struct wtl_campaign *c, struct wtl_arena *arena, const char *dir,
                         struct wtl_stored_timing **timings_out, size_t *n_out,
                         struct wtl_error *err);

/* Stores everything but the judgement (causes, reason), which is made anew from the runs. */
int wtl_campaign_add_run(struct wtl_campaign *c, const struct wtl_run *run, int64_t *id_out,
                         struct wtl_error *err);

/* Replaces a stored run by id (a timing log imported after its traces). -WTL_NOTFOUND. */
int wtl_campaign_update_run(struct wtl_campaign *c, const struct wtl_run *run,
                            struct wtl_error *err);

/* NULL or "" matches everything. Names are compared folded (wtl_fold_name); a gpu may also be the
 * model of the board (core/gpu_name.h). */
struct wtl_run_filter {
    const char *gpu;
    const char *workload;
    const char *job;
    const struct wtl_at *at; /* NULL: any configuration */
};

/* In order of gpu, workload (folded), job, seq, rep, id, under the names that the campaign shows
 * them by (store/names.h). filter NULL: all. */
int wtl_campaign_runs(struct wtl_campaign *c, const struct wtl_run_filter *filter,
                      struct wtl_arena *arena, struct wtl_run **runs_out, size_t *n_out,
                      struct wtl_error *err);

/* Runs of sources that stand in the directory `dir`, in order of id, named as their sources name
 * them. */
int wtl_campaign_runs_in(struct wtl_campaign *c, const char *dir, struct wtl_arena *arena,
                         struct wtl_run **runs_out, size_t *n_out, struct wtl_error *err);

/* Runs of one source, likewise. */
int wtl_campaign_runs_of(struct wtl_campaign *c, int64_t source_id, struct wtl_arena *arena,
                         struct wtl_run **runs_out, size_t *n_out, struct wtl_error *err);

/* Samples kept inside (--keep-samples): zstd-compressed column chunks, see store/chunk.h. */
int wtl_campaign_add_samples(struct wtl_campaign *c, int64_t run_id, const struct wtl_batch *batch,
                             struct wtl_error *err);

/* The same for a chunk that was packed elsewhere (by a worker thread). */
int wtl_campaign_add_chunk(struct wtl_campaign *c, int64_t run_id, const void *chunk, size_t size,
                           struct wtl_error *err);

/* Calls `fn` with every stored batch of a run, in order. 0 batches: none stored. */
int wtl_campaign_samples(struct wtl_campaign *c, int64_t run_id,
                         int (*fn)(void *ctx, const struct wtl_batch *batch, struct wtl_error *err),
                         void *ctx, struct wtl_error *err);

/* Documents: plans, predictors, verdicts; JSON text under a kind and a name. put replaces, in one
 * step; get gives NULL when there is none. */
int wtl_campaign_put_document(struct wtl_campaign *c, const char *kind, const char *name,
                              const char *json, struct wtl_error *err);
int wtl_campaign_get_document(struct wtl_campaign *c, struct wtl_arena *arena, const char *kind,
                              const char *name, char **json_out, struct wtl_error *err);

/* *dropped_out: there was one. */
int wtl_campaign_drop_document(struct wtl_campaign *c, const char *kind, const char *name,
                               bool *dropped_out, struct wtl_error *err);

struct wtl_stored_document {
    const char *kind, *name, *json;
    int64_t stored_ns; /* Unix time */
};

/* All of a kind, or of every kind (NULL), in order of kind and name. */
int wtl_campaign_documents(struct wtl_campaign *c, struct wtl_arena *arena, const char *kind,
                           struct wtl_stored_document **documents_out, size_t *n_out,
                           struct wtl_error *err);

/* SHA-256 over the hashes of all sources in order of hash: names the data that a figure rests on.
 */
int wtl_campaign_fingerprint(struct wtl_campaign *c, char hex_out[65], struct wtl_error *err);

#endif
