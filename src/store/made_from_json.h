/* SPDX-License-Identifier: Apache-2.0
 *
 * "made_from": which runs a plan or a choice among points rests on, in documents.
 * docs/plan-schema.md describes it.
 */
#ifndef WTL_STORE_MADE_FROM_JSON_H
#define WTL_STORE_MADE_FROM_JSON_H

#include "codec/json.h"
#include "core/plan.h"

/* NULL: out of memory, or more keys than a document may hold. */
json_t *wtl_made_from_to_json(const struct wtl_made_from *m);

/* The member "made_from" of `parent`; absent or null: nothing is known. -WTL_PARSE with the place.
 */
int wtl_made_from_from_json(struct wtl_arena *arena, const struct wtl_json *parent,
                            struct wtl_made_from *out, struct wtl_error *err);

#endif
