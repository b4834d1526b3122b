/* SPDX-License-Identifier: Apache-2.0
 *
 * The front of (energy, time), both minimised. A point is dominated when another is no worse in
 * both and better in one.
 */
#ifndef WTL_OPTIMIZE_PARETO_H
#define WTL_OPTIMIZE_PARETO_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* on_front[i]: point i takes part (use[i]) and none that takes part dominates it. Of equal points
 * the first is on the front. O(n log n). -WTL_NOMEM. */
int wtl_pareto_front(struct wtl_arena *scratch, const double *energy, const double *time,
                     const bool *use, size_t n, bool *on_front, struct wtl_error *err);

/* The knee: the point of the front farthest below the chord between its ends, with energy and time
 * scaled to the extent of the front (Das 1999, "On characterizing the knee of the Pareto curve").
 * n when the front has fewer than 3 points or none lies below the chord. */
size_t wtl_pareto_knee(const double *energy, const double *time, const bool *on_front, size_t n);

/* Share of the rectangle (0,0)-(energy_ref, time_ref) that the front dominates: 0..1; points beyond
 * the reference add nothing (Zitzler and Thiele 1998). -WTL_NOMEM. */
int wtl_pareto_hypervolume(struct wtl_arena *scratch, const double *energy, const double *time,
                           const bool *on_front, size_t n, double energy_ref, double time_ref,
                           double *volume_out, struct wtl_error *err);

#endif
