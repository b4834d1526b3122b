/* SPDX-License-Identifier: Apache-2.0
 *
 * Parts of a workset by repetition, for cross-validation and stability.
 */
#ifndef WTL_OPTIMIZE_SUBSET_H
#define WTL_OPTIMIZE_SUBSET_H

#include "base/alloc.h"
#include "base/error.h"
#include "core/measurement.h"

#include <stdbool.h>

/* The distinct repetitions (> 0) with accepted runs, ascending, at most `most`. */
size_t wtl_repetitions(const struct wtl_workset *set, int *rep_out, size_t most);

/* The runs of repetition `rep` alone (`only`), or all but them; runs are copied into `arena`,
 * cells are not made. -WTL_NOMEM. */
int wtl_subset_by_rep(struct wtl_arena *arena, const struct wtl_workset *set, int rep, bool only,
                      struct wtl_workset *subset_out, struct wtl_error *err);

#endif
