/* SPDX-License-Identifier: Apache-2.0
 * Moving-block resampling. */
#include "stats/blocks.h"

#include <math.h>

static double mean_of(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += x[i];
    return n ? s / (double)n : 0;
}

static double autocovariance(const double *x, size_t n, size_t lag, double mean)
{
    double s = 0;
    for (size_t i = 0; i + lag < n; i++)
        s += (x[i] - mean) * (x[i + lag] - mean);
    return s / (double)n;
}

double wtl_autocorrelation(const double *x, size_t n, size_t lag)
{
    if (n < 2 || lag >= n)
        return 0;
    double mean = mean_of(x, n);
    double c0 = autocovariance(x, n, 0, mean);
    return c0 > 0 ? autocovariance(x, n, lag, mean) / c0 : 0;
}

/* The lag after which `run` correlations in a row are insignificant. */
static size_t last_significant_lag(const double *x, size_t n, double mean, double c0)
{
    double log_n = log10((double)n);
    double critical = 2 * sqrt(log_n / (double)n);
    size_t run = (size_t)fmax(5, ceil(sqrt(log_n)));
    size_t max_lag = (size_t)ceil(sqrt((double)n)) + run;
    size_t last = 0, quiet = 0;
    for (size_t lag = 1; lag <= max_lag && lag < n && quiet < run; lag++) {
        if (fabs(autocovariance(x, n, lag, mean) / c0) >= critical) {
            last = lag;
            quiet = 0;
        } else {
            quiet++;
        }
    }
    return last;
}

/* The unclamped length; 0 for a series without visible correlation. */
static double optimal_length(const double *x, size_t n)
{
    double mean = mean_of(x, n);
    double c0 = autocovariance(x, n, 0, mean);
    if (c0 <= 0)
        return 0;
    size_t width = 2 * last_significant_lag(x, n, mean, c0);
    double slope = 0, spectrum = c0;
    for (size_t lag = 1; lag <= width && lag < n; lag++) {
        double u = (double)lag / (double)width; /* the flat-top window */
        double window = u <= 0.5 ? 1 : 2 * (1 - u);
        double c = autocovariance(x, n, lag, mean);
        slope += 2 * window * (double)lag * c;
        spectrum += 2 * window * c;
    }
    if (spectrum <= 0)
        return 0;
    return cbrt(2 * slope * slope / (4.0 / 3.0 * spectrum * spectrum) * (double)n);
}

size_t wtl_block_length(const double *x, size_t n)
{
    if (n < 8)
        return 1;
    double length = fmax(optimal_length(x, n), cbrt((double)n));
    length = fmin(length, (double)n / 8);
    return length < 1 ? 1 : (size_t)lround(length);
}

void wtl_block_draw(struct wtl_rng *rng, size_t n, size_t length, unsigned *index, size_t stride)
{
    for (size_t left = n; left > 0;) {
        unsigned from = wtl_rng_below(rng, (uint32_t)n);
        size_t size = length < left ? length : left;
        left -= size;
        while (size > 0) { /* twice where the block runs over the end of the ring */
            size_t part = size < n - from ? size : n - from;
            for (size_t k = 0; k < part; k++, index += stride)
                *index = from + (unsigned)k;
            size -= part;
            from = 0;
        }
    }
}
