/* SPDX-License-Identifier: Apache-2.0
 *
 * Curves of time and power against clock for one workload on one GPU. Candidates are few-parameter
 * physical forms and a local regression; they are weighed by how well they predict left-out runs,
 * exp(-n/2 log CV error), by which a clear winner takes all and close rivals are averaged. All are
 * linear smoothers of log values once their one non-linear parameter is fixed, so that a bootstrap
 * replicate costs one matrix product (predict/refit.h).
 *
 *   time   t = a + b/f                          compute-bound share scales with the clock
 *          t = a + b max(1/f, 1/f_m)            ... down to a memory-bound floor above f_m
 *   power  P = P0 + c f                         constant voltage
 *          P = P0 + c f V(f)^2, V = max(V_min, linear in f): constant voltage below the kink f_k;
 *              the square written out with free coefficients, or its first order only
 *   both   local quadratic regression on log value against clock, tricube kernel, nearest
 *          neighbours (Cleveland 1979), their number by cross-validation
 *
 * No form is believed to the letter: each may be bent by a smooth correction of log y, a cosine
 * series over log f with coefficients of a prior size (a discrepancy in the sense of Kennedy and
 * O'Hagan 2001), which makes the elasticity d log y / d log f uncertain by 0.1 (one standard
 * deviation). Where the runs are few or noisy the form stays as it is, and the uncertainty with it.
 *
 * Nor is every truth smooth: boards move parts of themselves in steps of several clocks, and an
 * optimum chosen on a curve through the middle of a step lies where the curve is too low. Where
 * runs of one clock agree with one another better than with the curve (F test, 1 %), each clock has
 * something of its own of variance tau^2, and the value at a clock with n runs is the best linear
 * prediction, n tau^2 / (n tau^2 + sigma^2) of the way from the curve to their mean (Robinson
 * 1991). Only of runs in random order: in clock order it may be of the place in the order.
 *
 * Noise is taken as proportional to the value: all fitting is least squares of log y, the physical
 * forms by Gauss-Newton. Runs far from the curve are pulled to two robust standard deviations and
 * the rest rescaled (Huber's estimator by pseudo-values), so that the smoother stays linear. Noise
 * may be correlated in run order; where neighbouring runs also have neighbouring clocks (a sweep
 * from the top down), drift looks like a wiggle of the curve, and runs count for less accordingly.
 */
#ifndef WTL_PREDICT_CURVE_H
#define WTL_PREDICT_CURVE_H

#include "base/alloc.h"
#include "base/error.h"

#include <stddef.h>

enum wtl_curve_kind { WTL_CURVE_TIME, WTL_CURVE_POWER };

/* Terms of the correction. */
enum { WTL_CURVE_MODES = 8 };

/* Distinct clocks without which there is no curve. */
enum { WTL_CURVE_MIN_CLOCKS = 4 };

struct wtl_curve; /* a fitted family: forms, their non-linear parameters, hat matrices */

/* Fits y (> 0) against clock (> 0), runs in run order; cross-validation leaves out one clock at a
 * time. At least 4 distinct clocks, else -WTL_UNDECIDED; -WTL_USAGE for a value that is not
 * positive and finite; -WTL_NOMEM. Everything is copied into `arena`. */
int wtl_curve_fit(struct wtl_arena *arena, enum wtl_curve_kind kind, const double *clock_mhz,
                  const double *y, size_t n, struct wtl_curve **curve_out, struct wtl_error *err);

/* The fitted value. Beyond the clocks of the runs it extrapolates: the caller decides how far. */
double wtl_curve_at(const struct wtl_curve *curve, double clock_mhz);

/* The leading form, static: "t = a + b/f", "t = a + b/f, bent" when the runs demand more than the
 * usual correction, "local quadratic". */
const char *wtl_curve_form(const struct wtl_curve *curve);
double wtl_curve_cv_error(const struct wtl_curve *curve); /* relative RMS on left-out runs */

/* The non-linear parameter of the leading form: the floor or kink in MHz, the neighbours of a local
 * regression as a share of all clocks; 0 when the form has none. */
double wtl_curve_parameter(const struct wtl_curve *curve);

/* Parameters used up: the trace of the hat matrix. */
double wtl_curve_parameters(const struct wtl_curve *curve);

/* Robust standard deviation of log y about the curve. */
double wtl_curve_scale(const struct wtl_curve *curve);

/* Standard deviation of what each clock has of its own beside the curve, in log y; 0 where the runs
 * show nothing of it. */
double wtl_curve_effect(const struct wtl_curve *curve);

/* Standard error of log(wtl_curve_at) when runs err independently; of a physical form, what it may
 * miss included. */
double wtl_curve_se(const struct wtl_curve *curve, double clock_mhz);

/* mode_out[k]: the k-th term of the correction at a clock, for a coefficient of one standard
 * deviation. A draw of what the forms may miss is sum_k z_k mode_out[k] with normal z. */
void wtl_curve_modes(const struct wtl_curve *curve, double clock_mhz,
                     double mode_out[WTL_CURVE_MODES]);

/* Correlation of a run's error with that of the next one, 0 or more, corrected for what the curve
 * took of it. Runs must have been given in run order for it to mean anything. */
double wtl_curve_autocorrelation(const struct wtl_curve *curve);

/* The distinct clocks of the runs, ascending. */
size_t wtl_curve_n_cells(const struct wtl_curve *curve);

/* Of run i, in the order given to wtl_curve_fit(): its cell, its share in its own fitted value, and
 * log y - log fit as measured. */
size_t wtl_curve_cell(const struct wtl_curve *curve, size_t run);
double wtl_curve_leverage(const struct wtl_curve *curve, size_t run);
double wtl_curve_residual(const struct wtl_curve *curve, size_t run);

/* The residuals of the pseudo-values in run order, as large as the noise was that left them, for a
 * bootstrap that draws them in blocks of `length` (>= 1) successive runs: each is divided by
 * sqrt(1 - h) and all are centred. h is the share of the variance of a block's sum that the curve
 * took, sum of the hat matrix over the block / length, averaged over the blocks (on a ring) that
 * hold the run; for `length` 1 it is the leverage of the run.
 *
 * Why not always the leverage: in a sweep from the top down a block is a stretch of neighbouring
 * clocks, and a smooth curve follows the mean of such a stretch more closely than any of its runs,
 * `length` times as closely at most. What is left of the noise of single runs then sums up to much
 * less than the noise did. Where successive runs are at distant clocks the two hardly differ.
 * noise_out has one entry per run. -WTL_USAGE unless 1 <= length <= runs; -WTL_NOMEM. */
int wtl_curve_noise(struct wtl_arena *scratch, const struct wtl_curve *curve, size_t length,
                    double *noise_out, struct wtl_error *err);

#endif
