/* SPDX-License-Identifier: Apache-2.0
 *
 * A PLAN file: the JSON of `wattle optimize --json`, both ways. docs/plan-schema.md says what each
 * key means; data/schemas/plan.schema.json is the same as a JSON Schema.
 *
 * Figures are fractions, not percent, in base units, as the shortest decimals that read back the
 * same: what was written reads back equal, and writing it again gives the same bytes. A figure that
 * does not exist is null, never 0.
 */
#ifndef WTL_STORE_PLAN_FILE_H
#define WTL_STORE_PLAN_FILE_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/file_set.h"
#include "base/text.h"
#include "core/plan.h"
#include "core/point_choice.h"

#include <jansson.h>

enum { WTL_PLAN_FILE_VERSION = 1 };

/* A document of plans and where they came from. Strings are in the arena or static; "" unknown. */
struct wtl_plan_file {
    const char *tool;        /* "wattle 0.1.0" */
    const char *created;     /* "2026-11-21T11:33:00Z" */
    const char *campaign;    /* path as given */
    const char *fingerprint; /* SHA-256 over the campaign's sources, hex */
    struct wtl_plan *plans;
    size_t n_plans;
    struct wtl_point_choice *choices; /* among measured operating points, of workloads that have
                                       * several */
    size_t n_choices;
};

/* The document; the caller drops the reference. -WTL_FAILED when a figure is not finite or a name
 * is not UTF-8 (the message names the plan and the key). */
int wtl_plan_to_json(const struct wtl_plan_file *file, json_t **root_out, struct wtl_error *err);

/* Reads a document. `name` is for messages. -WTL_PARSE with the place ("plans[0].saving.lo: ...");
 * -WTL_CORRUPT for a document that is no plan, or of a newer version. */
int wtl_plan_from_json(struct wtl_arena *arena, const char *name, const json_t *root,
                       struct wtl_plan_file *file_out, struct wtl_error *err);

/* An estimate as it stands in a plan: {"value", "lo", "hi", "n", "evidence"}; for other documents
 * that hold estimates. What is not finite is null. NULL when memory is out. */
json_t *wtl_estimate_to_json(const struct wtl_estimate *e);

/* The document as text, appended. */
int wtl_plan_file_text(const struct wtl_plan_file *file, struct wtl_buf *out,
                       struct wtl_error *err);

/* The same to a file of a set, or at once. */
int wtl_plan_file_add(struct wtl_file_set *set, const char *path, const struct wtl_plan_file *file,
                      struct wtl_error *err);
int wtl_plan_file_write(const char *path, const struct wtl_plan_file *file, struct wtl_error *err);

/* "-": standard input. */
int wtl_plan_file_read(struct wtl_arena *arena, const char *path, struct wtl_plan_file *file_out,
                       struct wtl_error *err);

/* The plan for this gpu and workload (names folded) in this configuration, or NULL. */
const struct wtl_plan *wtl_plan_file_find(const struct wtl_plan_file *file, const char *gpu,
                                          const char *workload, const struct wtl_configuration *at);

/* Leaves the plans that are in the configurations asked for, and the choices that took a point in
 * one (NULL: all stay). -WTL_NOTFOUND, naming
 * `path` and what it holds, when none is. */
int wtl_plan_file_narrow(struct wtl_arena *arena, const char *path, const struct wtl_at *at,
                         struct wtl_plan_file *file, struct wtl_error *err);

#endif
