/* SPDX-License-Identifier: Apache-2.0
 *
 * Latency objectives: a curve of each demanded latency quantile against clock, and its upper bound.
 */
#ifndef WTL_OPTIMIZE_SLO_H
#define WTL_OPTIMIZE_SLO_H

#include "optimize/problem.h"

/* bound_out[e]: log of the upper confidence bound of the p-th percentile at clock e, `z` standard
 * errors above the curve over the runs' own quantiles, widened for few runs. Returns 0, 1 when the
 * runs do not carry it (`obstacle`), -WTL_NOMEM, -WTL_USAGE for an unknown percentile. */
int wtl_slo_bound(struct wtl_arena *arena, const struct wtl_observations *obs,
                  const struct wtl_grid *grid, int percent, double z, double *bound_out,
                  struct wtl_obstacle *obstacle, struct wtl_error *err);

#endif
