/* SPDX-License-Identifier: Apache-2.0
 *
 * The best monotone curve through the means of the clocks, by pooling adjacent violators (Ayer et
 * al. 1955), and how far the means lie from it. */
#include "runs/quality.h"

#include <math.h>
#include <stdlib.h>

struct clock_mean {
    int mhz;
    double mean, n, squares; /* squares: about the mean */
};

static int by_clock(const void *a, const void *b)
{
    int x = ((const struct clock_mean *)a)->mhz, y = ((const struct clock_mean *)b)->mhz;
    return (x > y) - (x < y);
}

/* Means of the accepted runs of each clock, ascending; how many. */
static size_t gather(const struct wtl_run *runs, const struct wtl_levels *l, const double *y,
                     struct clock_mean *means)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        if (runs[i].causes || runs[i].clock_mhz <= 0)
            continue;
        size_t k = 0;
        while (k < n && means[k].mhz != runs[i].clock_mhz)
            k++;
        if (k == n)
            means[n++] = (struct clock_mean){.mhz = runs[i].clock_mhz};
        struct clock_mean *m = &means[k];
        double off = y[i] - m->mean;
        m->n++;
        m->mean += off / m->n;
        m->squares += off * (y[i] - m->mean);
    }
    qsort(means, n, sizeof *means, by_clock);
    return n;
}

/* The rising curve, a block of equal values after the other: values and weights of the blocks and
 * how many clocks each holds. */
static void pool(const struct clock_mean *means, size_t n, double sign, double *fit)
{
    size_t n_blocks = 0;
    double *value = fit, *weight = fit + n, *held = fit + 2 * n;
    for (size_t i = 0; i < n; i++) {
        double v = sign * means[i].mean, w = means[i].n, h = 1;
        while (n_blocks > 0 && value[n_blocks - 1] > v) {
            n_blocks--;
            v = (v * w + value[n_blocks] * weight[n_blocks]) / (w + weight[n_blocks]);
            w += weight[n_blocks];
            h += held[n_blocks];
        }
        value[n_blocks] = v;
        weight[n_blocks] = w;
        held[n_blocks++] = h;
    }
    for (size_t b = n_blocks, at = n; b-- > 0;) /* backwards: blocks become clocks in place */
        for (double k = held[b]; k > 0; k--)
            fit[--at] = sign * value[b];
}

int wtl_monotone_misfit(struct wtl_arena *scratch, const struct wtl_run *runs,
                        const struct wtl_levels *l, const double *y, double sign,
                        struct wtl_misfit *misfit_out, struct wtl_error *err)
{
    struct clock_mean *means = WTL_NEW_ARRAY(scratch, struct clock_mean, l->n);
    double *fit = WTL_NEW_ARRAY(scratch, double, 3 * l->n);
    if (!means || !fit)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    struct wtl_misfit m = {0};
    size_t n = gather(runs, l, y, means);
    pool(means, n, sign, fit);
    double within = 0, dof = 0, inverse = 0, off = 0;
    for (size_t i = 0; i < n; i++) {
        within += means[i].squares;
        dof += means[i].n - 1;
        inverse += 1 / means[i].n;
        off += (means[i].mean - fit[i]) * (means[i].mean - fit[i]);
    }
    m.n_clocks = (int)n;
    m.rms = n ? sqrt(off / (double)n) : 0;
    m.known_error = dof > 0;
    m.error = dof > 0 ? sqrt(within / dof * inverse / (double)n) : 0;
    *misfit_out = m;
    return 0;
}
