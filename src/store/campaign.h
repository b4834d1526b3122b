/* SPDX-License-Identifier: Apache-2.0
 *
 * A campaign: one SQLite file (rollback journal, no WAL: campaigns live on NFS) with sources, runs,
 * plans, predictors, verdicts, and samples by reference or in compressed chunks. The only file that
 * knows SQL is under store/.
 *
 * Everything that is written together is written in one transaction: a process killed midway leaves
 * the campaign as it was.
 */
#ifndef WTL_STORE_CAMPAIGN_H
#define WTL_STORE_CAMPAIGN_H

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "core/plan.h"
#include "core/run.h"
#include "core/sample.h"

struct wtl_campaign;

enum wtl_campaign_mode {
    WTL_CAMPAIGN_READ,   /* must exist; never written */
    WTL_CAMPAIGN_WRITE,  /* must exist */
    WTL_CAMPAIGN_CREATE, /* made if it does not exist */
};

/* -WTL_NOTFOUND; -WTL_CORRUPT (not a campaign, or of a newer version; the hint says which);
 * -WTL_BUSY (another writer); -WTL_PERMISSION; -WTL_IO. */
int wtl_campaign_open(const char *path, enum wtl_campaign_mode mode, struct wtl_clock clock,
                      struct wtl_campaign **campaign_out, struct wtl_error *err);
void wtl_campaign_close(struct wtl_campaign *c);
const char *wtl_campaign_path(const struct wtl_campaign *c);

/* One transaction at a time. rollback without begin is fine. */
int wtl_campaign_begin(struct wtl_campaign *c, struct wtl_error *err);
int wtl_campaign_commit(struct wtl_campaign *c, struct wtl_error *err);
void wtl_campaign_rollback(struct wtl_campaign *c);

/* Provenance of one imported file. */
struct wtl_source {
    int64_t id;
    char path[WTL_LIMIT_PATH]; /* absolute */
    char sha256[65];           /* of the bytes on disk */
    int64_t size_bytes;
    char reader[32];
    char dialect[96];
    int64_t rows;
    int64_t rows_dropped;
    char drops[256]; /* "truncated_row 3, binary 1" */
    int64_t cells;
    int64_t cells_missing;
    int64_t cells_sentinel;
    char unknown_columns[256];
    int64_t imported_ns; /* Unix time */
};
int wtl_campaign_add_source(struct wtl_campaign *c, const struct wtl_source *source,
                            int64_t *id_out, struct wtl_error *err);

/* The id of a source with this hash and size, or 0. */
int wtl_campaign_find_source(struct wtl_campaign *c, const char sha256[65], int64_t *id_out,
                             struct wtl_error *err);
int wtl_campaign_sources(struct wtl_campaign *c, struct wtl_arena *arena,
                         struct wtl_source **sources_out, size_t *n_out, struct wtl_error *err);

int wtl_campaign_add_run(struct wtl_campaign *c, const struct wtl_run *run, int64_t *id_out,
                         struct wtl_error *err);

/* Replaces a stored run by id (a timing log imported after its traces). */
int wtl_campaign_update_run(struct wtl_campaign *c, const struct wtl_run *run,
                            struct wtl_error *err);

/* NULL or "" matches everything. Names are compared folded (wtl_fold_name). */
struct wtl_run_filter {
    const char *gpu;
    const char *workload;
    const char *job;
};

/* In order of gpu, workload, job, seq, rep, id. */
int wtl_campaign_runs(struct wtl_campaign *c, const struct wtl_run_filter *filter,
                      struct wtl_arena *arena, struct wtl_run **runs_out, size_t *n_out,
                      struct wtl_error *err);

/* Samples kept inside (--keep-samples): zstd-compressed column chunks. */
int wtl_campaign_add_samples(struct wtl_campaign *c, int64_t run_id, const struct wtl_batch *batch,
                             struct wtl_error *err);
/* Calls `fn` with every stored batch of a run, in order. 0 batches: none stored. */
int wtl_campaign_samples(struct wtl_campaign *c, int64_t run_id,
                         int (*fn)(void *ctx, const struct wtl_batch *batch, struct wtl_error *err),
                         void *ctx, struct wtl_error *err);

/* Documents: plans, predictors, verdicts, drift reports; JSON text under a kind and a name. */
int wtl_campaign_put_document(struct wtl_campaign *c, const char *kind, const char *name,
                              const char *json, struct wtl_error *err);
int wtl_campaign_get_document(struct wtl_campaign *c, struct wtl_arena *arena, const char *kind,
                              const char *name, char **json_out, struct wtl_error *err);

/* SHA-256 over the hashes of all sources in order of hash: names the data that a figure rests on.
 */
int wtl_campaign_fingerprint(struct wtl_campaign *c, char hex_out[65], struct wtl_error *err);

#endif
