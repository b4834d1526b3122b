/* SPDX-License-Identifier: Apache-2.0
 *
 * Selection-based location and scale. */
#include "stats/robust.h"

#include <math.h>
#include <stdbool.h>

static void swap(double *a, double *b)
{
    double t = *a;
    *a = *b;
    *b = t;
}

/* Median of three as the pivot: sorted and constant input stay linear. */
static double pivot_of(const double *x, size_t lo, size_t hi)
{
    double a = x[lo], b = x[lo + (hi - lo) / 2], c = x[hi];
    if (a > b)
        swap(&a, &b);
    if (b > c)
        swap(&b, &c);
    return a > b ? a : b;
}

/* Moves the values of x[lo..hi) below the pivot (or, with `equal`, up to it) to the front; returns
 * where they end. Always swaps: a branch on data that is in no order costs more. */
static size_t gather(double *x, size_t lo, size_t hi, double pivot, bool equal)
{
    size_t end = lo;
    if (equal) {
        for (size_t i = lo; i < hi; i++) {
            double v = x[i];
            x[i] = x[end];
            x[end] = v;
            end += !(v > pivot);
        }
        return end;
    }
    for (size_t i = lo; i < hi; i++) {
        double v = x[i];
        x[i] = x[end];
        x[end] = v;
        end += v < pivot;
    }
    return end;
}

/* Selection by three parts: afterwards x[k] is the k-th smallest, smaller ones stand before it. */
static double select_kth(double *x, size_t n, size_t k)
{
    size_t lo = 0, hi = n;
    while (hi - lo > 1) {
        double pivot = pivot_of(x, lo, hi - 1);
        size_t above = gather(x, lo, hi, pivot, false);
        if (k < above) {
            hi = above;
            continue;
        }
        lo = gather(x, above, hi, pivot, true); /* the pivot at least: the rest is smaller */
        if (k < lo)
            break;
    }
    return x[k];
}

double wtl_quantile_sorted(const double *sorted, size_t n, double p)
{
    if (n == 0)
        return 0;
    double h = p * (double)(n - 1);
    size_t k = (size_t)h;
    if (k + 1 >= n)
        return sorted[n - 1];
    return sorted[k] + (h - (double)k) * (sorted[k + 1] - sorted[k]);
}

double wtl_quantile(double *x, size_t n, double p)
{
    if (n == 0)
        return 0;
    double h = p * (double)(n - 1);
    size_t k = (size_t)h;
    double low = select_kth(x, n, k);
    double share = h - (double)k;
    if (share <= 0 || k + 1 >= n)
        return low;
    double high = x[k + 1];
    for (size_t i = k + 2; i < n; i++)
        high = x[i] < high ? x[i] : high;
    return low + share * (high - low);
}

double wtl_median(double *x, size_t n)
{
    return wtl_quantile(x, n, 0.5);
}

/* Insertion sort of pairs: weighted medians are taken over a handful of neighbours. */
static void sort_pairs(double *x, double *w, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        double xi = x[i], wi = w[i];
        size_t j = i;
        for (; j > 0 && x[j - 1] > xi; j--) {
            x[j] = x[j - 1];
            w[j] = w[j - 1];
        }
        x[j] = xi;
        w[j] = wi;
    }
}

double wtl_weighted_median(double *x, double *weight, size_t n)
{
    if (n == 0)
        return 0;
    sort_pairs(x, weight, n);
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += weight[i];
    double sum = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        sum += weight[i];
        if (sum > 0.5 * total)
            return x[i];
        if (sum == 0.5 * total)
            return 0.5 * (x[i] + x[i + 1]);
    }
    return x[n - 1];
}

double wtl_mad_factor(size_t n)
{
    static const double small[] = {1, 1, 1.196, 1.495, 1.363, 1.206, 1.200, 1.140, 1.129, 1.107};
    return n < 10 ? small[n] : (double)n / ((double)n - 0.8);
}

double wtl_mad(double *x, size_t n)
{
    if (n < 2)
        return 0;
    double centre = wtl_median(x, n);
    for (size_t i = 0; i < n; i++)
        x[i] = fabs(x[i] - centre);
    return 1.482602218505602 * wtl_mad_factor(n) * wtl_median(x, n);
}

double wtl_pair_scale(double *difference, size_t n_pairs)
{
    /* The lower quartile of |N(0, 2)| is sqrt(2) * 0.3186393639643752. */
    return wtl_quantile(difference, n_pairs, 0.25) / 0.4506241;
}

double wtl_theil_sen(const double *x, const double *y, size_t n, double *slopes)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            if (x[i] != x[j])
                slopes[m++] = (y[j] - y[i]) / (x[j] - x[i]);
    return wtl_median(slopes, m);
}

double wtl_mean(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return n ? sum / (double)n : 0;
}

double wtl_sd(const double *x, size_t n)
{
    if (n < 2)
        return 0;
    double mean = wtl_mean(x, n), sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / (double)(n - 1));
}
