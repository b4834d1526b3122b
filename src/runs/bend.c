/* SPDX-License-Identifier: Apache-2.0
 *
 * A bend of the curve is no outlier. Levels are lines through neighbouring clocks, which cut the
 * corner where power bends (the voltage leaves its floor within one step of the clock), and there
 * every run of a clock lies off the line although all of them are right. */
#include "runs/judging.h"
#include "stats/robust.h"

#include <math.h>

/* Clocks on either side that are looked at, and runs of a clock. */
enum { NEIGHBOURS = 3, RUNS_MAX = 64 };

/* Differences below 1 % are none. */
static const double matters = 0.01;

/* Median of y over the runs of cell c without a cause, and how many there are; *agree: they lie
 * within 4 sigma. */
static double cell_median(const struct wtl_levels *l, const struct wtl_run *runs, const double *y,
                          int c, double sigma, size_t *n_out, bool *agree_out)
{
    double a[RUNS_MAX];
    size_t k = 0;
    for (size_t j = l->first[c]; j < l->n && k < RUNS_MAX; j = l->next[j])
        if (runs[j].causes == 0)
            a[k++] = y[j];
    *n_out = k;
    *agree_out = k > 0 && wtl_quantile(a, k, 1) - wtl_quantile(a, k, 0) <= 4 * sigma;
    return wtl_median(a, k);
}

/* The next cell with runs, above (`up`) or below clock `mhz` in the group of run i; -1: none. */
static int next_cell(const struct wtl_levels *l, const struct wtl_run *runs, size_t i, int mhz,
                     bool up)
{
    int found = -1;
    for (int c = 0; c < l->n_cells; c++) {
        size_t j = l->first[c];
        int at = runs[j].clock_mhz, best = found < 0 ? 0 : runs[l->first[found]].clock_mhz;
        bool beyond = up ? at > mhz : at > 0 && at < mhz;
        bool nearer = found < 0 || (up ? at < best : at > best);
        while (j < l->n && runs[j].causes)
            j = l->next[j];
        if (beyond && nearer && j < l->n && l->group[l->first[c]] == l->group[i])
            found = c;
    }
    return found;
}

/* Whether the medians of y move with the clock as they should, `sign` 1 for rising. */
static bool in_order(const struct wtl_levels *l, const struct wtl_run *runs, size_t i,
                     const double *y, double sigma, double sign)
{
    size_t n;
    bool agree;
    double here = cell_median(l, runs, y, l->cell[i], sigma, &n, &agree);
    double doubt = fmax(matters, 2 * sigma);
    if (n < 2 || !agree)
        return false;
    for (int up = 0; up < 2; up++) {
        int mhz = runs[i].clock_mhz, c = 0;
        for (int k = 0; k < NEIGHBOURS && c >= 0; k++) {
            c = next_cell(l, runs, i, mhz, up);
            if (c < 0 && k == 0)
                return false; /* the end of the sweep: nothing on the other side */
            if (c < 0)
                break;
            mhz = runs[l->first[c]].clock_mhz;
            double there = cell_median(l, runs, y, c, sigma, &n, &agree);
            if ((up ? there - here : here - there) * sign < -doubt)
                return false;
        }
    }
    return true;
}

bool wtl_is_bend(const struct wtl_levels *l, const struct wtl_run *runs, size_t i)
{
    return runs[i].clock_mhz > 0 && in_order(l, runs, i, l->log_t, l->sigma_t, -1) &&
           in_order(l, runs, i, l->log_p, l->sigma_p, 1);
}
