/* SPDX-License-Identifier: Apache-2.0
 * Notes of a plan. */
#include "optimize/notes.h"

#include <stdarg.h>
#include <stdio.h>

void wtl_notes_add(struct wtl_notes *notes, const char *format, ...)
{
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *copy = wtl_arena_strdup(notes->arena, text);
    if (!copy || wtl_grow(notes->arena, &notes->items, notes->n, &notes->cap)) {
        notes->failed = true;
        return;
    }
    notes->items[notes->n++] = copy;
}

int wtl_notes_give(struct wtl_notes *notes, struct wtl_plan *plan, struct wtl_error *err)
{
    if (notes->failed)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for the notes of a plan");
    plan->notes = notes->items;
    plan->n_notes = notes->n;
    return 0;
}
