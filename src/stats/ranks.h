/* SPDX-License-Identifier: Apache-2.0
 *
 * Distribution-free intervals of quantiles, by ranks: the number of n independent values below the
 * true quantile of order p is binomial(n, p) whatever they are distributed like, so two order
 * statistics hold the quantile between them with a known probability (Hahn and Meeker 1991,
 * "Statistical Intervals", section 5.2).
 */
#ifndef WTL_STATS_RANKS_H
#define WTL_STATS_RANKS_H

#include <stdint.h>

/* P(B <= k) for B binomial(n, p), 0 < p < 1: the incomplete beta function up to n = 10^4, beyond
 * that the normal distribution with the correction for skewness (Edgeworth, first order), which is
 * within 0.001 where n p (1 - p) >= 20 and is used by wtl_quantile_ranks() alone. */
double wtl_binomial_cdf(int64_t k, int64_t n, double p);

/* The rank (from 1) of the order statistic that estimates the quantile: the smallest value that at
 * least the share p of all n are not above. 0 < p < 1, n >= 1. */
int64_t wtl_quantile_rank(int64_t n, double p);

/* The narrowest ranks with at most (1 - confidence) / 2 outside on either side. *lo_out is 0 where
 * the smallest value is no lower bound yet, *hi_out n + 1 where the largest is no upper one: a 99 %
 * quantile needs 368 values for an upper bound of 97.5 %. */
void wtl_quantile_ranks(int64_t n, double p, double confidence, int64_t *lo_out, int64_t *hi_out);

#endif
