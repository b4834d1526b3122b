/* SPDX-License-Identifier: Apache-2.0
 *
 * Moving blocks: resampling of a series that is correlated with itself (drift, neighbours, heat).
 * Blocks of consecutive entries are drawn with replacement and laid end to end; the series is
 * closed to a ring, so that every entry is drawn equally often (Kuensch 1989; Politis and Romano
 * 1992, "circular").
 */
#ifndef WTL_STATS_BLOCKS_H
#define WTL_STATS_BLOCKS_H

#include "base/random.h"

#include <stddef.h>

/* Correlation of x with itself `lag` entries later, about its mean; 0 for a constant series. */
double wtl_autocorrelation(const double *x, size_t n, size_t lag);

/* The block length that minimises the error of the variance of a mean: Politis and White 2004 with
 * the correction of Patton, Politis and White 2009, circular case. Never below n^(1/3) (correlation
 * that a short series cannot show), never above n/8, below which
 * too few blocks would tell nothing; at least 1. */
size_t wtl_block_length(const double *x, size_t n);

/* Fills index[0], index[stride] ... index[(n - 1) stride] with concatenated blocks of `length` from
 * a ring of n. */
void wtl_block_draw(struct wtl_rng *rng, size_t n, size_t length, unsigned *index, size_t stride);

#endif
