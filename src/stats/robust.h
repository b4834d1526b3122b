/* SPDX-License-Identifier: Apache-2.0
 *
 * Robust location and scale of small samples. Every scale is made consistent for the normal
 * distribution at the sample sizes that occur (2, 3, 5 repetitions), so that one threshold in
 * standard deviations means the same everywhere.
 *
 * Functions that select (no `const`) reorder their input; none allocates. n = 0 gives 0.
 */
#ifndef WTL_STATS_ROBUST_H
#define WTL_STATS_ROBUST_H

#include <stddef.h>

/* Quantile 0 <= p <= 1 of an ascending array, linear between order statistics (Hyndman and Fan
 * 1996, type 7: what R and numpy do by default). */
double wtl_quantile_sorted(const double *sorted, size_t n, double p);

/* The same of an unordered array, which it reorders; expected linear time. */
double wtl_quantile(double *x, size_t n, double p);
double wtl_median(double *x, size_t n);

/* The smallest value at which the cumulated weight reaches half of the total; the mean of the two
 * middle values when it is exactly half. Weights >= 0. Reorders both arrays together. */
double wtl_weighted_median(double *x, double *weight, size_t n);

/* Standard deviation estimated by the median absolute deviation from the median, with the
 * small-sample factors of Croux and Rousseeuw (1992), "Time-efficient algorithms for two highly
 * robust estimators of scale", section 4. 0 for n < 2. Replaces x by |x - median|, reordered. */
double wtl_mad(double *x, size_t n);

/* Factor that makes 1.4826 * MAD unbiased for normal samples of size n; 1 for n < 2. */
double wtl_mad_factor(size_t n);

/* Standard deviation within groups, from the absolute differences of all pairs of one group: the
 * lower quartile of the pooled differences over its normal value (the idea of Q_n, Rousseeuw and
 * Croux 1993, taken over groups). Needs no estimate of the groups' centres, so it is unbiased in
 * groups of two, and a quarter of all pairs may be wild on either side.
 * `difference` holds the n_pairs absolute differences and is reordered. 0 for n_pairs = 0. */
double wtl_pair_scale(double *difference, size_t n_pairs);

/* Theil-Sen slope: the median of the pairwise slopes; pairs of equal x are passed over. `slopes` is
 * scratch of n * (n - 1) / 2. 0 when no pair remains. */
double wtl_theil_sen(const double *x, const double *y, size_t n, double *slopes);

/* Moments of clean data. wtl_sd is the sample standard deviation (n - 1), 0 for n < 2. */
double wtl_mean(const double *x, size_t n);
double wtl_sd(const double *x, size_t n);

#endif
