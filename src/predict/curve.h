/* SPDX-License-Identifier: Apache-2.0
 *
 * Curves of time and power against clock for one workload on one GPU. Candidates are few-parameter
 * physical forms and a local regression; whichever predicts left-out runs better wins. All are
 * linear smoothers once their one non-linear parameter is fixed, so that a bootstrap replicate
 * costs a few matrix-vector products.
 *
 *   time   t = a + b/f                          compute-bound share scales with the clock
 *          t = a + b max(1/f, 1/f_m)            ... down to a memory-bound floor above f_m
 *   power  P = P0 + c f V(f)^2, V(f) = max(V_min, linear in f): constant voltage below the kink
 *   both   local quadratic regression on log value against clock, tricube kernel, bandwidth by CV
 */
#ifndef WTL_PREDICT_CURVE_H
#define WTL_PREDICT_CURVE_H

#include "base/alloc.h"
#include "base/error.h"

#include <stddef.h>

enum wtl_curve_kind { WTL_CURVE_TIME, WTL_CURVE_POWER };

struct wtl_curve; /* a fitted family: form, its non-linear parameter, hat matrix */

/* Fits y (> 0) against clock. `leave_out` groups runs for cross-validation (equal value: left out
 * together; the clock itself is usual). At least 4 distinct clocks, else -WTL_UNDECIDED. */
int wtl_curve_fit(struct wtl_arena *arena, enum wtl_curve_kind kind, const double *clock_mhz,
                  const double *y, const int *leave_out, size_t n, struct wtl_curve **curve_out,
                  struct wtl_error *err);

double wtl_curve_at(const struct wtl_curve *curve, double clock_mhz);

const char *wtl_curve_form(const struct wtl_curve *curve); /* "t = a + b/f", static */
double wtl_curve_cv_error(const struct wtl_curve *curve);  /* relative RMS on left-out runs */

#endif
