/* SPDX-License-Identifier: Apache-2.0
 *
 * A verdict document, both ways: what became of every plan of a PLAN when it met fresh runs.
 * docs/verdicts.md describes it. Reals are the shortest decimals that read back the same.
 */
#ifndef WTL_STORE_VERDICT_FILE_H
#define WTL_STORE_VERDICT_FILE_H

#include "base/alloc.h"
#include "base/error.h"
#include "core/verdict.h"

#include <jansson.h>

enum { WTL_VERDICT_FILE_VERSION = 1 };

/* One plan and what became of it. */
struct wtl_verdict_entry {
    struct wtl_verdict verdict; /* gpu and workload always, the rest when judged */
    bool judged;
    const char *why; /* there is no verdict; "" when judged */
    size_t n_known;  /* runs that were left out: the plan was made from them */
};

struct wtl_verdict_file {
    const char *tool;        /* "wattle 0.1.0" */
    const char *created;     /* "2026-11-21T11:33:00Z" */
    const char *campaign;    /* of the fresh runs, path as given */
    const char *fingerprint; /* of the fresh runs */
    const char *plan_created, *plan_campaign, *plan_fingerprint; /* "" unknown */
    double confidence;                                           /* of the intervals */
    double margin; /* by which a claim may be missed */
    struct wtl_verdict_entry *entries;
    size_t n;
};

/* Over all that were judged: refuted if one is, confirmed if all are and there is one, else
 * undecided. */
enum wtl_verdict_kind wtl_verdict_file_overall(const struct wtl_verdict_file *file);

/* The document; the caller drops the reference. NULL when memory is out. */
json_t *wtl_verdict_to_json(const struct wtl_verdict_file *file);

/* -WTL_PARSE with the place; -WTL_CORRUPT for another format or a newer version. `name` is for
 * messages. Everything is copied into `arena`. */
int wtl_verdict_from_json(struct wtl_arena *arena, const char *name, const json_t *root,
                          struct wtl_verdict_file *file_out, struct wtl_error *err);

/* What `wattle validate --json` printed into a file. "-": standard input. */
int wtl_verdict_file_read(struct wtl_arena *arena, const char *path,
                          struct wtl_verdict_file *file_out, struct wtl_error *err);

#endif
