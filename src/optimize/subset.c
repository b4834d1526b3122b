/* SPDX-License-Identifier: Apache-2.0
 * Parts of a workset. */
#include "optimize/subset.h"

#include <string.h>

size_t wtl_repetitions(const struct wtl_workset *set, int *rep_out, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < set->n_runs; i++) {
        int rep = set->runs[i].rep;
        size_t at = 0;
        if (rep <= 0 || set->runs[i].causes)
            continue;
        while (at < n && rep_out[at] < rep)
            at++;
        if ((at < n && rep_out[at] == rep) || n == most)
            continue;
        memmove(rep_out + at + 1, rep_out + at, (n - at) * sizeof *rep_out);
        rep_out[at] = rep;
        n++;
    }
    return n;
}

int wtl_subset_by_rep(struct wtl_arena *arena, const struct wtl_workset *set, int rep, bool only,
                      struct wtl_workset *subset_out, struct wtl_error *err)
{
    struct wtl_workset subset = *set;
    subset.cells = NULL;
    subset.n_cells = 0;
    subset.n_runs = 0;
    subset.runs = WTL_NEW_ARRAY(arena, struct wtl_run, set->n_runs + 1);
    if (!subset.runs)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for a part of %zu runs", set->n_runs);
    for (size_t i = 0; i < set->n_runs; i++)
        if ((set->runs[i].rep == rep) == only)
            subset.runs[subset.n_runs++] = set->runs[i];
    *subset_out = subset;
    return 0;
}
