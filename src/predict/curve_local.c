/* SPDX-License-Identifier: Apache-2.0
 * Local quadratic regression of log values on clock: tricube weights over the nearest clocks
 * (Cleveland 1979, "Robust locally weighted regression", JASA 74; Loader 1999). */
#include "base/limits.h"
#include "base/pair.h"
#include "predict/curve_internal.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Index of the first cell at or above x. */
static size_t lower_bound(const struct curve_cells *cells, double x)
{
    size_t lo = 0, hi = cells->n;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (cells->ghz[mid] < x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The cells [lo, hi) that hold the `neighbours` nearest ones of positive count; returns the
 * distance to the farthest of them. */
static double neighbourhood(const struct curve_cells *cells, const double *count, size_t neighbours,
                            double x, size_t *lo_out, size_t *hi_out)
{
    size_t hi = lower_bound(cells, x), lo = hi, found = 0;
    double far = 0;
    while (found < neighbours && (lo > 0 || hi < cells->n)) {
        double below = lo > 0 ? x - cells->ghz[lo - 1] : HUGE_VAL;
        double above = hi < cells->n ? cells->ghz[hi] - x : HUGE_VAL;
        size_t take = below <= above ? --lo : hi++;
        if (count[take] > 0) {
            far = fmin(below, above);
            found++;
        }
    }
    *lo_out = lo;
    *hi_out = hi;
    return far;
}

/* Whether x lies beyond the cells that count: there a parabola would run away. */
static bool outside(const struct curve_cells *cells, const double *count, double x)
{
    size_t first = 0, last = cells->n - 1;
    while (first < last && !(count[first] > 0))
        first++;
    while (last > first && !(count[last] > 0))
        last--;
    return x < cells->ghz[first] || x > cells->ghz[last];
}

/* Solves the symmetric 3 x 3 system of moments m (m[k] = sum w u^k) for the intercept's row
 * (1, 0, 0); of lower degree when a line is asked for or the clocks carry no quadratic. */
static void intercept_row(const double m[5], bool line, double a[3])
{
    double d01 = m[2] * m[4] - m[3] * m[3];
    double d02 = m[1] * m[4] - m[2] * m[3];
    double d03 = m[1] * m[3] - m[2] * m[2];
    double det = m[0] * d01 - m[1] * d02 + m[2] * d03;
    a[1] = a[2] = 0;
    if (!line && det > 1e-10 * m[0] * m[2] * m[4]) {
        a[0] = d01 / det;
        a[1] = -d02 / det;
        a[2] = d03 / det;
        return;
    }
    double det2 = m[0] * m[2] - m[1] * m[1];
    if (det2 > 1e-10 * m[0] * m[2]) {
        a[0] = m[2] / det2;
        a[1] = -m[1] / det2;
        return;
    }
    a[0] = 1 / m[0];
}

/* A neighbourhood, to an even number of cells: the last one may be a copy of the one before, with
 * count 0. */
struct window {
    size_t n, even;
    double x[WTL_LIMIT_CLOCKS + 1]; /* distance in units of h; gather_cells() refuses more clocks */
    double w[WTL_LIMIT_CLOCKS + 1]; /* weight */
};

/* Tricube weights times counts. Cells that count are within h. */
static void weigh(const double *ghz, const double *count, size_t n, double at, double h,
                  struct window *out)
{
    out->n = n;
    out->even = n + n % 2;
    memcpy(out->x, ghz, n * sizeof *ghz);
    memcpy(out->w, count, n * sizeof *count);
    out->x[out->even - 1] = ghz[n - 1];
    out->w[out->even - 1] = n % 2 ? 0 : count[n - 1];
    for (size_t j = 0; j < out->even; j += 2) {
        wtl_pair u = (wtl_pair_load(out->x + j) - at) / h, a = wtl_pair_abs(u);
        wtl_pair b = 1 - a * a * a;
        wtl_pair_store(out->x + j, u);
        wtl_pair_store(out->w + j, wtl_pair_load(out->w + j) * (b * b * b));
    }
}

/* weight times a[0] + a[1] x + a[2] x^2 */
static void bend(const double a[3], struct window *w)
{
    for (size_t j = 0; j < w->even; j += 2) {
        wtl_pair u = wtl_pair_load(w->x + j);
        wtl_pair_store(w->w + j, wtl_pair_load(w->w + j) * (a[0] + u * (a[1] + u * a[2])));
    }
}

void curve_local_row(const struct curve_cells *cells, const double *count, size_t neighbours,
                     double ghz, double *row)
{
    size_t lo, hi;
    double m[5] = {0}, a[3];
    struct window window;
    /* A little wider, so that the farthest neighbour counts too. */
    double h = 1.05 * neighbourhood(cells, count, neighbours, ghz, &lo, &hi);
    memset(row, 0, cells->n * sizeof *row);
    weigh(cells->ghz + lo, count + lo, hi - lo, ghz, h > 0 ? h : 1, &window);
    for (size_t j = 0; j < hi - lo; j++) {
        double w = window.w[j];
        for (int k = 0; k < 5; k++, w *= window.x[j])
            m[k] += w;
    }
    intercept_row(m, outside(cells, count, ghz), a);
    bend(a, &window);
    memcpy(row + lo, window.w, (hi - lo) * sizeof *row);
}

static double dot(const double *x, const double *y, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += x[i] * y[i];
    return s;
}

void curve_local_fit(struct curve_candidate *c, const struct curve_cells *cells)
{
    for (size_t i = 0; i < cells->n; i++) {
        double *row = c->hat + i * cells->n;
        curve_local_row(cells, cells->count, c->neighbours, cells->ghz[i], row);
        c->fit[i] = dot(row, cells->mean, cells->n);
        c->lever[i] = row[i];
    }
}

double curve_local_at(const struct curve_candidate *c, const struct curve_cells *cells, double ghz,
                      double *row)
{
    curve_local_row(cells, cells->count, c->neighbours, ghz, row);
    return dot(row, cells->mean, cells->n);
}

/* Squared errors of one left-out group; count, sum and mean are scratch over the cells that start
 * and end as those of all runs. */
static double group_error(const struct curve_candidate *c, const struct wtl_curve *curve,
                          const size_t *run, size_t n, double *count, double *mean, double *row)
{
    const struct curve_cells *cells = &curve->cells;
    for (size_t i = 0; i < n; i++) {
        size_t cell = curve->cell[run[i]];
        mean[cell] = mean[cell] * count[cell] - curve->pseudo[run[i]];
        count[cell] -= 1;
        mean[cell] = count[cell] > 0.5 ? mean[cell] / count[cell] : 0;
    }
    double sum = 0, fit = 0;
    size_t fitted = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        size_t cell = curve->cell[run[i]];
        if (cell != fitted) {
            curve_local_row(cells, count, c->neighbours, cells->ghz[cell], row);
            fit = dot(row, mean, cells->n);
            fitted = cell;
        }
        double error = curve->pseudo[run[i]] - fit;
        sum += error * error;
    }
    for (size_t i = 0; i < n; i++) {
        size_t cell = curve->cell[run[i]];
        count[cell] = cells->count[cell];
        mean[cell] = cells->mean[cell];
    }
    return sum;
}

double curve_local_cv(const struct curve_candidate *c, const struct wtl_curve *curve,
                      double *scratch)
{
    size_t m = curve->cells.n;
    double *count = scratch, *mean = scratch + m, *row = scratch + 2 * m;
    memcpy(count, curve->cells.count, m * sizeof *count);
    memcpy(mean, curve->cells.mean, m * sizeof *mean);
    double sum = 0;
    for (size_t g = 0; g < curve->groups.n; g++)
        sum += group_error(c, curve, curve->groups.run + curve->groups.start[g],
                           curve->groups.start[g + 1] - curve->groups.start[g], count, mean, row);
    return sum / (double)curve->n;
}
