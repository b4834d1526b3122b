/* SPDX-License-Identifier: Apache-2.0
 *
 * A sweep that holds a plan against fresh runs (`wattle sweep --plan`): only what was chosen and
 * its baselines, clocks of plans and points of choices alike, as a sweep of its own.
 */
#ifndef WTL_LAB_VALIDATION_H
#define WTL_LAB_VALIDATION_H

#include "lab/plan.h"
#include "store/plan_file.h"

/* Another sweep, of the workloads that were planned for: its own name and order, so that none of
 * its runs is one that the plan was made from. The temperature is found as it was, with the first
 * workload of the spec, planned for or not: leakage grows with it, and with it the saving changes.
 * Idle power is measured only for choices that count
 * it. -WTL_LIMIT: the name is too long. */
int wtl_validation_spec(struct wtl_arena *arena, struct wtl_sweep_spec *spec,
                        const struct wtl_plan_file *file, struct wtl_error *err);

/* The points of a sweep become those that `file` (at `path`, for messages) chose for its workloads,
 * and their baselines, for each workload its own; the first baseline is the reference of all.
 * -WTL_USAGE: one of them is no point of the spec, or a workload was planned for other boards than
 * the sweep measures; -WTL_NOTFOUND: nothing was chosen for these
 * workloads. */
int wtl_validation_points(struct wtl_arena *arena, struct wtl_sweep_plan *plan,
                          const struct wtl_plan_file *file, const char *path,
                          struct wtl_error *err);

#endif
