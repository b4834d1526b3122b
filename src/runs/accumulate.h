/* SPDX-License-Identifier: Apache-2.0
 *
 * Constant-memory statistics of one column of samples: moments, and a histogram for quantiles.
 * Internal to runs/.
 */
#ifndef WTL_RUNS_ACCUMULATE_H
#define WTL_RUNS_ACCUMULATE_H

#include "core/sample.h"

/* Count, mean, spread and range. Squares are taken about the first value, so that a small spread
 * on a large mean keeps its digits. */
struct wtl_moments {
    int64_t n;
    double origin; /* the first value */
    double sum;    /* of value - origin */
    double squares;
    double min;
    double max;
    double last;
};
void wtl_moments_add(struct wtl_moments *m, const double *x, int n);
double wtl_moments_mean(const struct wtl_moments *m);
double wtl_moments_sd(const struct wtl_moments *m); /* n - 1 in the denominator; 0 for n < 2 */

/* Counts on a grid of `step` from 0; values outside go to the end bins. Clearing costs only the
 * bins that were touched. */
enum { WTL_HISTOGRAM_BINS = 16384 };
struct wtl_histogram {
    double step;
    int64_t n;
    int lo, hi; /* touched bins; lo > hi: none */
    uint32_t count[WTL_HISTOGRAM_BINS];
};
void wtl_histogram_init(struct wtl_histogram *h, double step);
void wtl_histogram_clear(struct wtl_histogram *h);
void wtl_histogram_add(struct wtl_histogram *h, const double *x, int n);

/* The k-th smallest of order statistics interpolated as in wtl_quantile; bin centres are k * step.
 * 0 when empty. */
double wtl_histogram_quantile(const struct wtl_histogram *h, double p);

/* Share of values in [lo, hi] by bin centre; 0 when empty. */
double wtl_histogram_share(const struct wtl_histogram *h, double lo, double hi);

/* The valid values of a column, in order, into `out` (WTL_BATCH_ROWS long) when some are missing;
 * the column itself when none is. Returns where they stand; *n_out is their number. */
const double *wtl_column_valid(const struct wtl_batch *b, enum wtl_metric m, double *out,
                               int *n_out);

/* The same, restricted to rows whose bit is set in `rows`. */
const double *wtl_column_rows(const struct wtl_batch *b, enum wtl_metric m, const uint64_t *rows,
                              double *out, int *n_out);

#endif
