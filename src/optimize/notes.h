/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole sentences for the reader of a plan, gathered while it is made.
 */
#ifndef WTL_OPTIMIZE_NOTES_H
#define WTL_OPTIMIZE_NOTES_H

#include "base/alloc.h"
#include "core/plan.h"

#include <stdbool.h>

struct wtl_notes {
    struct wtl_arena *arena;
    const char **items;
    size_t n, cap;
    bool failed; /* out of memory; checked once, by wtl_notes_give() */
};

void wtl_notes_add(struct wtl_notes *notes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Hands the sentences to the plan. -WTL_NOMEM when one of them could not be kept. */
int wtl_notes_give(struct wtl_notes *notes, struct wtl_plan *plan, struct wtl_error *err);

#endif
