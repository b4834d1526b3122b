/* SPDX-License-Identifier: Apache-2.0
 *
 * Which runs a plan was made from, and whether others are the same: so that runs which chose a
 * clock are never taken for fresh ones that confirm it.
 *
 * A run is known again by its source file (the file's SHA-256) or by itself: a hash over what its
 * source says of it, which survives another file around it (rows appended to a table, another
 * compression, an export). What this program derives, and what a timing log adds later, is no part
 * of it.
 */
#ifndef WTL_FLOW_IDENTITY_H
#define WTL_FLOW_IDENTITY_H

#include "flow/flow.h"
#include "store/plan_file.h"

/* Sets `made_from` of plans[i], made from sets[i] of this campaign. */
int wtl_flow_made_from(struct wtl_campaign *c, struct wtl_arena *arena,
                       const struct wtl_workset *sets, size_t n, struct wtl_plan *plans,
                       struct wtl_error *err);

/* The same of choices among points, made from some of these sets. */
int wtl_flow_choices_made_from(struct wtl_campaign *c, struct wtl_arena *arena,
                               const struct wtl_workset *sets, size_t n,
                               struct wtl_point_choice *choices, size_t n_choices,
                               struct wtl_error *err);

/* Parts runs into those that plans and choices were made from and others, both in their order. */
struct wtl_parted_runs {
    const struct wtl_run *fresh;
    size_t n_fresh;
    const struct wtl_run *known;
    size_t n_known;
};
int wtl_flow_part_runs(struct wtl_campaign *c, struct wtl_arena *arena, const struct wtl_run *runs,
                       size_t n, const struct wtl_plan_file *file, struct wtl_parted_runs *out,
                       struct wtl_error *err);

/* The model of board that all runs which tell theirs are of (core/gpu_name.h); "" when none does,
 * or they differ. */
void wtl_runs_board(const struct wtl_run *runs, size_t n, char *buf, size_t size);

#endif
