/* SPDX-License-Identifier: Apache-2.0
 *
 * What the runs of one workload say of its points so far: cost and time per unit of work against
 * the reference point, with intervals. For the sweep's own decisions (when a point is known well
 * enough, where to look next, the best so far); the plan is made by `wattle optimize`.
 *
 * Within a block everything is compared with the mean of that block's visits of the reference
 * point, so that what drifts between blocks falls out. The standard deviation of a single visit is
 * pooled over all points and blocks (a point alone has too few), and intervals are Student's t at
 * 95 %. Pure.
 */
#ifndef WTL_LAB_ESTIMATE_H
#define WTL_LAB_ESTIMATE_H

#include "base/alloc.h"
#include "base/error.h"
#include "core/policy.h"

/* One accepted run. */
struct wtl_observation {
    int block, point;
    double log_time, log_energy; /* of a unit of work */
};

struct wtl_point_estimate {
    int n;           /* visits; 0: none, and nothing below is meant */
    double log_cost; /* over the reference's */
    double half;     /* half of its interval; infinite: not known */
    double log_time; /* over the reference's */
    double log_energy;
};

struct wtl_estimates {
    struct wtl_point_estimate *points; /* n_points */
    size_t n_points;
    double sd;  /* of a single visit's log cost */
    double dof; /* behind it */
};

/* The exponent of time in the objective E t^N: 0 for energy, 1 for EDP ... */
double wtl_objective_exponent(const struct wtl_objective *objective);

/* Observations in any order. A block without a visit of the reference is left out. */
int wtl_estimate(struct wtl_arena *arena, const struct wtl_observation *obs, size_t n,
                 size_t n_points, size_t reference, double exponent, struct wtl_estimates *out,
                 struct wtl_error *err);

#endif
