/* SPDX-License-Identifier: Apache-2.0
 *
 * Robust local linear regression on repeated abscissae (several runs at each clock): the level that
 * a value should have at its x, learned from its own group and the neighbouring ones.
 *
 * Start: a repeated-median line (Siegel 1982) through the group medians of a window, so that nearly
 * half of the groups may be wrong. Then tricube and bisquare weights over the single points, as in
 * Cleveland's lowess (1979), for efficiency. Ends of the range are extrapolated linearly.
 */
#ifndef WTL_STATS_LOCAL_H
#define WTL_STATS_LOCAL_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* fit_out[i] is the level at x[i] for all i, from the points with use[i] (NULL: all). `window` is
 * the number of distinct x in a neighbourhood, at least 3. With fewer than 3 distinct used x there
 * is no line: the level is the median of the group. has_out[i] is false where there was nothing to
 * learn from (fit_out[i] is then 0). -WTL_NOMEM. */
int wtl_local_level(struct wtl_arena *scratch, const double *x, const double *y, const bool *use,
                    size_t n, size_t window, double *fit_out, bool *has_out, struct wtl_error *err);

#endif
