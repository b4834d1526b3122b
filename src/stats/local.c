/* SPDX-License-Identifier: Apache-2.0
 *
 * Groups of equal x, a robust line per group, then reweighting. */
#include "stats/local.h"

#include "stats/robust.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct group {
    double x;
    double median;   /* of the used points */
    size_t first, n; /* into `order` */
    size_t n_used;
    double level, slope;
};

struct fit {
    const double *x, *y;
    size_t *order; /* used points first within a group */
    struct group *group;
    size_t n_groups;
    struct group **used; /* groups with a used point, ascending x */
    size_t n_used;
    double *a, *b; /* scratch, n long */
    double *pair_slope;
    size_t reach; /* groups in a window */
};

struct indexed {
    double x;
    size_t i;
};

static int by_x(const void *p, const void *q)
{
    const struct indexed *a = p, *b = q;
    if (a->x != b->x)
        return a->x < b->x ? -1 : 1;
    return a->i < b->i ? -1 : a->i > b->i;
}

static int fit_alloc(struct wtl_arena *scratch, struct fit *f, size_t n, struct wtl_error *err)
{
    f->order = WTL_NEW_ARRAY(scratch, size_t, n);
    f->group = WTL_NEW_ARRAY(scratch, struct group, n);
    f->used = WTL_NEW_ARRAY(scratch, struct group *, n);
    f->a = WTL_NEW_ARRAY(scratch, double, n);
    f->b = WTL_NEW_ARRAY(scratch, double, n);
    if (!f->order || !f->group || !f->used || !f->a || !f->b)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    return 0;
}

/* Points in order of x, used ones first within equal x. */
static int group_points(struct wtl_arena *scratch, struct fit *f, const bool *use, size_t n,
                        struct wtl_error *err)
{
    struct indexed *sorted = WTL_NEW_ARRAY(scratch, struct indexed, n);
    if (!sorted)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        sorted[i] = (struct indexed){f->x[i], i};
    qsort(sorted, n, sizeof *sorted, by_x);
    for (size_t lo = 0, hi; lo < n; lo = hi) {
        struct group *g = &f->group[f->n_groups++];
        *g = (struct group){.x = sorted[lo].x, .first = lo};
        for (hi = lo; hi < n && sorted[hi].x == g->x; hi++)
            if (!use || use[sorted[hi].i])
                f->order[lo + g->n_used++] = sorted[hi].i;
        g->n = hi - lo;
        size_t rest = lo + g->n_used;
        for (size_t k = lo; k < hi; k++)
            if (use && !use[sorted[k].i])
                f->order[rest++] = sorted[k].i;
        for (size_t k = 0; k < g->n_used; k++)
            f->a[k] = f->y[f->order[lo + k]];
        g->median = wtl_median(f->a, g->n_used);
        if (g->n_used > 0)
            f->used[f->n_used++] = g;
    }
    return 0;
}

/* The `window` used groups nearest to x are used[lo..hi). */
static void nearest(const struct fit *f, double x, size_t window, size_t *lo_out, size_t *hi_out)
{
    size_t lo = 0, hi = window < f->n_used ? window : f->n_used;
    while (hi < f->n_used && f->used[hi]->x - x < x - f->used[lo]->x) {
        lo++;
        hi++;
    }
    *lo_out = lo;
    *hi_out = hi;
}

/* pair_slope[i * reach + d]: of the line through the medians of used groups i and i + d, for all
 * that can stand in one window. */
static int find_slopes(struct wtl_arena *scratch, struct fit *f, size_t window,
                       struct wtl_error *err)
{
    f->reach = window < f->n_used ? window : f->n_used;
    f->pair_slope = WTL_RAW_ARRAY(scratch, double, f->n_used * f->reach);
    if (!f->pair_slope)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < f->n_used; i++)
        for (size_t d = 1; d < f->reach && i + d < f->n_used; d++)
            f->pair_slope[i * f->reach + d] =
                (f->used[i + d]->median - f->used[i]->median) / (f->used[i + d]->x - f->used[i]->x);
    return 0;
}

/* Repeated-median line through the group medians; level at x. */
static void start_line(struct fit *f, struct group *at, size_t lo, size_t hi)
{
    size_t m = hi - lo;
    for (size_t i = lo; i < hi; i++) {
        for (size_t j = lo; j < i; j++)
            f->b[j - lo] = f->pair_slope[j * f->reach + (i - j)];
        for (size_t j = i + 1; j < hi; j++)
            f->b[j - lo - 1] = f->pair_slope[i * f->reach + (j - i)];
        f->a[i - lo] = wtl_median(f->b, m - 1);
    }
    at->slope = wtl_median(f->a, m);
    for (size_t i = 0; i < m; i++)
        f->a[i] = f->used[lo + i]->median - at->slope * (f->used[lo + i]->x - at->x);
    at->level = wtl_median(f->a, m);
}

static double bisquare(double r, double scale)
{
    double u = r / (6 * scale);
    return fabs(u) < 1 ? (1 - u * u) * (1 - u * u) : 0;
}

/* One weighted line over the points of the window, about the previous fit. */
static void reweigh(const struct fit *f, struct group *at, size_t lo, size_t hi, double scale,
                    const double *residual)
{
    double reach = 1.0001 * fmax(fabs(f->used[lo]->x - at->x), fabs(f->used[hi - 1]->x - at->x));
    double w0 = 0, w1 = 0, w2 = 0, wy = 0, wxy = 0;
    for (size_t g = lo; g < hi; g++) {
        double dx = f->used[g]->x - at->x, u = fabs(dx) / reach;
        double tricube = (1 - u * u * u) * (1 - u * u * u) * (1 - u * u * u);
        for (size_t k = 0; k < f->used[g]->n_used; k++) {
            size_t i = f->order[f->used[g]->first + k];
            double w = tricube * bisquare(residual[i], scale);
            w0 += w;
            w1 += w * dx;
            w2 += w * dx * dx;
            wy += w * f->y[i];
            wxy += w * dx * f->y[i];
        }
    }
    double det = w0 * w2 - w1 * w1;
    if (!(det > 1e-12 * w0 * w2)) /* all weight in one group: keep the robust start */
        return;
    at->level = (w2 * wy - w1 * wxy) / det;
    at->slope = (w0 * wxy - w1 * wy) / det;
}

/* Residuals of the used points about their group's level, and their robust scale. */
static double residual_scale(struct fit *f, double *residual)
{
    size_t m = 0;
    for (size_t u = 0; u < f->n_used; u++) {
        const struct group *g = f->used[u];
        for (size_t k = 0; k < g->n_used; k++) {
            size_t i = f->order[g->first + k];
            residual[i] = f->y[i] - g->level;
            f->a[m++] = fabs(residual[i]);
        }
    }
    return 1.4826 * wtl_median(f->a, m);
}

/* Too few groups for a line: their medians. */
static void fit_medians(struct fit *f)
{
    for (size_t g = 0; g < f->n_groups; g++)
        f->group[g].level = f->group[g].median;
}

static int fit_lines(struct wtl_arena *scratch, struct fit *f, size_t window, double *residual,
                     struct wtl_error *err)
{
    size_t lo, hi;
    int rc = find_slopes(scratch, f, window, err);
    if (rc)
        return rc;
    for (size_t g = 0; g < f->n_groups; g++) {
        nearest(f, f->group[g].x, window, &lo, &hi);
        start_line(f, &f->group[g], lo, hi);
    }
    for (int round = 0; round < 3; round++) {
        double scale = residual_scale(f, residual);
        if (!(scale > 0)) /* more than half lie exactly on their lines */
            return 0;
        for (size_t g = 0; g < f->n_groups; g++) {
            nearest(f, f->group[g].x, window, &lo, &hi);
            reweigh(f, &f->group[g], lo, hi, scale, residual);
        }
    }
    return 0;
}

int wtl_local_level(struct wtl_arena *scratch, const double *x, const double *y, const bool *use,
                    size_t n, size_t window, double *fit_out, bool *has_out, struct wtl_error *err)
{
    if (n == 0)
        return 0;
    struct fit f = {.x = x, .y = y};
    int rc = fit_alloc(scratch, &f, n, err);
    double *residual = rc ? NULL : WTL_NEW_ARRAY(scratch, double, n);
    if (!rc && !residual)
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (!rc)
        rc = group_points(scratch, &f, use, n, err);
    if (!rc && f.n_used < 3)
        fit_medians(&f);
    else if (!rc)
        rc = fit_lines(scratch, &f, window < 3 ? 3 : window, residual, err);
    if (rc)
        return rc;
    for (size_t g = 0; g < f.n_groups; g++)
        for (size_t k = 0; k < f.group[g].n; k++) {
            size_t i = f.order[f.group[g].first + k];
            fit_out[i] = f.group[g].level;
            has_out[i] = f.group[g].n_used > 0 || f.n_used >= 3;
        }
    return 0;
}
