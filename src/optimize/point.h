/* SPDX-License-Identifier: Apache-2.0
 *
 * The choice among measured operating points: variants, batches, limits, shares, quotas and clocks
 * of one GPU and workload set side by side, per unit of work. Where the clock level fits curves and
 * may recommend a clock between two that were measured, this assumes nothing between points and
 * takes one that was run.
 *
 *   objective   of each run, in logs (optimize/objective.h); a point's is the mean over its runs
 *   spread      within points, pooled over a configuration that has four degrees of freedom of its
 *               own, else over all: a point of three runs cannot tell its own
 *   tied        points whose objective exceeds the best by less than the one-sided bound of the
 *               difference, simultaneously over all points (multiple comparisons with the best,
 *               Hsu 1981, by Bonferroni's inequality on Student's t, Welch's degrees of freedom)
 *   limits      each at its upper bound, as at the clock level; a latency at that of its mean log
 *   baseline    the fastest point (at an arrival rate the one of least latency): what is run when
 *               nobody asks for energy. A baseline of kind
 *               clock restricts it to that clock, `baseline` to a configuration
 *   saving      against the baseline, with an interval that holds for all points at once, so that
 *               the luck of the choice is within it
 *
 * Points that were measured once, all of them, give a best guess and no decision.
 */
#ifndef WTL_OPTIMIZE_POINT_H
#define WTL_OPTIMIZE_POINT_H

#include "base/alloc.h"
#include "base/error.h"
#include "core/point_choice.h"

/* `sets` are judged, of one GPU and workload, and of windows of one unit or of whole runs; whole
 * runs are taken per unit where all of them say how much work they did. `baseline` NULL: any
 * configuration. A decision that cannot be had is a status with notes, not an error. -WTL_NOMEM. */
int wtl_choose_point(struct wtl_arena *arena, const struct wtl_workset *const *sets, size_t n_sets,
                     const struct wtl_policy *policy, const struct wtl_at *baseline,
                     struct wtl_point_choice *out, struct wtl_error *err);

#endif
