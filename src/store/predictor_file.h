/* SPDX-License-Identifier: Apache-2.0
 *
 * A MODEL file: a fitted predictor as JSON, both ways. docs/methods-predict.md explains the
 * figures. Reals are the shortest decimals that read back the same: a predictor that was saved and
 * loaded predicts the same to the last bit. "checksum" is the SHA-256 of the document without it,
 * on one line: a file that was cut or edited is refused, not believed.
 *
 *   {"format": "wattle-predictor", "version": 1, "tool", "created", "campaign", "fingerprint",
 *    "objective", "max_slowdown", "confidence",
 *    "trained": [{"gpu", "workload", "n_runs", "n_clocks"}],
 *    "heldout": [{"left_out", "method", "n_probes", "n", "regret": {"median", "p90"}, "broken",
 *                 "loss": {"median", "p90", "mean"}, "time_error": {"median", "p90"},
 *                 "power_error": {"median", "p90"}, "coverage"}],
 *    "populations": {"plain": POPULATION, "activity": POPULATION or null},
 *    "checksum"}
 */
#ifndef WTL_STORE_PREDICTOR_FILE_H
#define WTL_STORE_PREDICTOR_FILE_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/file_set.h"
#include "base/text.h"
#include "predict/predictor.h"

#include <jansson.h>

enum { WTL_PREDICTOR_FILE_VERSION = 1 };

struct wtl_predictor_file {
    const char *tool;     /* "wattle 0.1.0" */
    const char *created;  /* "2026-11-21T11:33:00Z" */
    const char *campaign; /* path as given */
    struct wtl_predictor predictor;
};

/* The document; the caller drops the reference. -WTL_FAILED when a figure is not finite. */
int wtl_predictor_to_json(const struct wtl_predictor_file *file, json_t **root_out,
                          struct wtl_error *err);

/* -WTL_PARSE with the place; -WTL_CORRUPT for another format or version, or a checksum that does
 * not fit. `name` is for messages. Everything is copied into `arena`. */
int wtl_predictor_from_json(struct wtl_arena *arena, const char *name, const json_t *root,
                            struct wtl_predictor_file *file_out, struct wtl_error *err);

/* The document as text, appended. */
int wtl_predictor_file_text(const struct wtl_predictor_file *file, struct wtl_buf *out,
                            struct wtl_error *err);
/* The same to a file of a set, or at once. */
int wtl_predictor_file_add(struct wtl_file_set *set, const char *path,
                           const struct wtl_predictor_file *file, struct wtl_error *err);
int wtl_predictor_file_write(const char *path, const struct wtl_predictor_file *file,
                             struct wtl_error *err);
/* "-": standard input. */
int wtl_predictor_file_read(struct wtl_arena *arena, const char *path,
                            struct wtl_predictor_file *file_out, struct wtl_error *err);

#endif
