/* SPDX-License-Identifier: Apache-2.0
 * Quantiles by ranks. */
#include "stats/ranks.h"

#include "stats/distribution.h"

#include <math.h>

/* Up to here the continued fraction of the beta function has its terms. */
enum { EXACT = 10000 };

static double edgeworth(int64_t k, int64_t n, double p)
{
    double variance = (double)n * p * (1 - p);
    double z = ((double)k + 0.5 - (double)n * p) / sqrt(variance);
    double skew = (1 - 2 * p) / sqrt(variance);
    double density = exp(-0.5 * z * z) / sqrt(2 * M_PI);
    double value = wtl_normal_cdf(z) - skew * (z * z - 1) * density / 6;
    return value < 0 ? 0 : value > 1 ? 1 : value;
}

double wtl_binomial_cdf(int64_t k, int64_t n, double p)
{
    if (k < 0)
        return 0;
    if (k >= n)
        return 1;
    if (n > EXACT)
        return edgeworth(k, n, p);
    return wtl_beta_inc((double)(n - k), (double)k + 1, 1 - p);
}

int64_t wtl_quantile_rank(int64_t n, double p)
{
    /* p has been rounded: 0.07 * 100 is a little above 7 */
    double rank = ceil((double)n * p * (1 - 1e-12));
    return rank < 1 ? 1 : rank > (double)n ? n : (int64_t)rank;
}

/* The smallest k in -1..n with P(B <= k) >= bound. */
static int64_t smallest(int64_t n, double p, double bound)
{
    int64_t below = -1, at = n;
    while (at - below > 1) {
        int64_t middle = below + (at - below) / 2;
        if (wtl_binomial_cdf(middle, n, p) >= bound)
            at = middle;
        else
            below = middle;
    }
    return at;
}

void wtl_quantile_ranks(int64_t n, double p, double confidence, int64_t *lo_out, int64_t *hi_out)
{
    double tail = (1 - confidence) / 2;
    /* The value of rank l is above the quantile when fewer than l are below it: P(B <= l - 1), at
     * most `tail`. The value of rank u is below it when at least u are: P(B >= u), at most `tail`.
     */
    int64_t k = smallest(n, p, tail);
    *lo_out = wtl_binomial_cdf(k, n, p) > tail ? k : k + 1;
    *hi_out = smallest(n, p, 1 - tail) + 1;
}
