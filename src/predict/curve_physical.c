/* SPDX-License-Identifier: Apache-2.0
 * The physical forms of time and power against clock, and their fit. */
#include "predict/curve_internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

static void basis_inverse(double ghz, double parameter, double *x)
{
    (void)parameter;
    x[0] = 1;
    x[1] = 1 / ghz;
}

static void basis_inverse_floor(double ghz, double parameter, double *x)
{
    x[0] = 1;
    x[1] = 1 / fmin(ghz, parameter);
}

static void basis_line(double ghz, double parameter, double *x)
{
    (void)parameter;
    x[0] = 1;
    x[1] = ghz;
}

static void basis_kink(double ghz, double parameter, double *x)
{
    double above = fmax(0, ghz - parameter);
    x[0] = 1;
    x[1] = ghz;
    x[2] = ghz * above;
}

static void basis_kink_square(double ghz, double parameter, double *x)
{
    double above = fmax(0, ghz - parameter);
    basis_kink(ghz, parameter, x);
    x[3] = ghz * above * above;
}

/* first and last keep two clocks on either side of a kink, so that its slopes can be told. */
const struct curve_form curve_forms[] = {
    {"t = a + b/f", WTL_CURVE_TIME, 2, 0, -1, basis_inverse},
    {"t = a + b/f, floor", WTL_CURVE_TIME, 2, 2, 2, basis_inverse_floor},
    {"P = P0 + c f", WTL_CURVE_POWER, 2, 0, -1, basis_line},
    {"P = P0 + c f V^2, V^2 linear above a kink", WTL_CURVE_POWER, 3, 0, 2, basis_kink},
    {"P = P0 + c f V^2, V linear above a kink", WTL_CURVE_POWER, 4, 0, 3, basis_kink_square},
};
const int curve_n_forms = (int)(sizeof curve_forms / sizeof curve_forms[0]);

static double value_at(const struct curve_candidate *c, double ghz)
{
    double x[CURVE_MAX_BASIS], y = 0;
    c->form->basis(ghz, c->parameter, x);
    for (int j = 0; j < c->form->n_basis; j++)
        y += c->beta[j] * x[j];
    return y;
}

double curve_physical_at(const struct curve_candidate *c, double ghz)
{
    return log(fmax(value_at(c, ghz), DBL_MIN));
}

/* Columns of q (n x p) made orthonormal, their triangle into r: modified Gram-Schmidt, twice, which
 * is enough (Giraud et al. 2005). False when they are dependent. */
static bool orthonormalise(double *q, size_t n, int p, double *r)
{
    memset(r, 0, CURVE_MAX_BASIS * CURVE_MAX_BASIS * sizeof *r);
    for (int j = 0; j < p; j++) {
        double before = 0, after = 0;
        for (size_t i = 0; i < n; i++)
            before += q[i * (size_t)p + (size_t)j] * q[i * (size_t)p + (size_t)j];
        for (int k = 0; k < 2 * j; k++) {
            int col = k % j;
            double dot = 0;
            for (size_t i = 0; i < n; i++)
                dot += q[i * (size_t)p + (size_t)col] * q[i * (size_t)p + (size_t)j];
            for (size_t i = 0; i < n; i++)
                q[i * (size_t)p + (size_t)j] -= dot * q[i * (size_t)p + (size_t)col];
            r[col * CURVE_MAX_BASIS + j] += dot;
        }
        for (size_t i = 0; i < n; i++)
            after += q[i * (size_t)p + (size_t)j] * q[i * (size_t)p + (size_t)j];
        if (!(after > 1e-18 * before) || !isfinite(after))
            return false;
        double length = sqrt(after);
        for (size_t i = 0; i < n; i++)
            q[i * (size_t)p + (size_t)j] /= length;
        r[j * CURVE_MAX_BASIS + j] = length;
    }
    return true;
}

/* q = sqrt(weight) tangent, R from it; `at` is the value where the tangent is taken. */
static bool factor(struct curve_candidate *c, const struct curve_cells *cells, const double *weight,
                   const double *at)
{
    int p = c->form->n_basis;
    for (size_t i = 0; i < cells->n; i++) {
        double x[CURVE_MAX_BASIS];
        c->form->basis(cells->ghz[i], c->parameter, x);
        for (int j = 0; j < p; j++)
            c->q[i * (size_t)p + (size_t)j] = sqrt(weight[i]) * x[j] / at[i];
    }
    return orthonormalise(c->q, cells->n, p, c->r);
}

/* step = R^-1 Q^T sqrt(weight) residual. Returns the length of Q^T (...). */
static double solve_step(const struct curve_candidate *c, const struct curve_cells *cells,
                         const double *residual, double *step)
{
    int p = c->form->n_basis;
    double length = 0;
    for (int j = 0; j < p; j++) {
        double s = 0;
        for (size_t i = 0; i < cells->n; i++)
            s += c->q[i * (size_t)p + (size_t)j] * sqrt(cells->count[i]) * residual[i];
        step[j] = s;
        length += s * s;
    }
    for (int j = p - 1; j >= 0; j--) {
        for (int k = j + 1; k < p; k++)
            step[j] -= c->r[j * CURVE_MAX_BASIS + k] * step[k];
        step[j] /= c->r[j * CURVE_MAX_BASIS + j];
    }
    return sqrt(length);
}

static bool positive_everywhere(const struct curve_candidate *c, const struct curve_cells *cells)
{
    for (size_t i = 0; i < cells->n; i++)
        if (!(value_at(c, cells->ghz[i]) > 0))
            return false;
    return true;
}

/* beta += step, halved until the curve is positive at every clock. */
static bool take_step(struct curve_candidate *c, const struct curve_cells *cells,
                      const double *step)
{
    double start[CURVE_MAX_BASIS];
    memcpy(start, c->beta, sizeof start);
    for (double share = 1; share > 1e-3; share /= 2) {
        for (int j = 0; j < c->form->n_basis; j++)
            c->beta[j] = start[j] + share * step[j];
        if (positive_everywhere(c, cells))
            return true;
    }
    return false;
}

/* Fills fit and lever from beta and q. */
static void finish(struct curve_candidate *c, const struct curve_cells *cells)
{
    int p = c->form->n_basis;
    for (size_t i = 0; i < cells->n; i++) {
        double h = 0;
        for (int j = 0; j < p; j++)
            h += c->q[i * (size_t)p + (size_t)j] * c->q[i * (size_t)p + (size_t)j];
        c->lever[i] = h;
        c->fit[i] = log(value_at(c, cells->ghz[i]));
    }
}

bool curve_physical_fit(struct curve_candidate *c, const struct curve_cells *cells)
{
    double *residual = c->lever, *value = c->fit; /* both are overwritten by finish() */
    /* Start: relative least squares, which is one step from the tangent at the means. */
    memset(c->beta, 0, sizeof c->beta);
    for (size_t i = 0; i < cells->n; i++) {
        value[i] = exp(cells->mean[i]);
        residual[i] = 1;
    }
    double step[CURVE_MAX_BASIS];
    if (!factor(c, cells, cells->count, value))
        return false;
    solve_step(c, cells, residual, step);
    memcpy(c->beta, step, (size_t)c->form->n_basis * sizeof *step);
    if (!positive_everywhere(c, cells))
        return false;
    for (int iteration = 0; iteration < 20; iteration++) {
        for (size_t i = 0; i < cells->n; i++) {
            value[i] = value_at(c, cells->ghz[i]);
            residual[i] = cells->mean[i] - log(value[i]);
        }
        if (!factor(c, cells, cells->count, value))
            return false;
        double length = solve_step(c, cells, residual, step);
        if (!isfinite(length) || !take_step(c, cells, step))
            return false;
        if (length < 1e-10)
            break;
    }
    finish(c, cells);
    return true;
}

void curve_physical_row(const struct curve_candidate *c, double ghz, double *row)
{
    int p = c->form->n_basis;
    double x[CURVE_MAX_BASIS], y = fmax(value_at(c, ghz), DBL_MIN);
    c->form->basis(ghz, c->parameter, x);
    for (int j = 0; j < p; j++) { /* row R = x / y, forward substitution */
        double s = x[j] / y;
        for (int k = 0; k < j; k++)
            s -= row[k] * c->r[k * CURVE_MAX_BASIS + j];
        row[j] = s / c->r[j * CURVE_MAX_BASIS + j];
    }
}

/* Solves the p x p system a x = b in place by elimination with pivoting; false when singular. */
static bool solve_small(double *a, double *b, int p)
{
    for (int k = 0; k < p; k++) {
        int best = k;
        for (int i = k + 1; i < p; i++)
            if (fabs(a[i * p + k]) > fabs(a[best * p + k]))
                best = i;
        if (!(fabs(a[best * p + k]) > 1e-9))
            return false;
        for (int j = 0; j < p && best != k; j++) {
            double t = a[k * p + j];
            a[k * p + j] = a[best * p + j];
            a[best * p + j] = t;
        }
        double t = b[k];
        b[k] = b[best];
        b[best] = t;
        for (int i = k + 1; i < p; i++) {
            double ratio = a[i * p + k] / a[k * p + k];
            for (int j = k; j < p; j++)
                a[i * p + j] -= ratio * a[k * p + j];
            b[i] -= ratio * b[k];
        }
    }
    for (int k = p - 1; k >= 0; k--) {
        for (int j = k + 1; j < p; j++)
            b[k] -= a[k * p + j] * b[j];
        b[k] /= a[k * p + k];
    }
    return true;
}

/* Sum of squared errors on the runs of one group when they are left out: with orthonormal rows v,
 * the others' coefficients differ by -(I - sum v v^T)^-1 sum v residual. */
static double group_error(const struct curve_candidate *c, const struct wtl_curve *curve,
                          const size_t *run, size_t n)
{
    int p = c->form->n_basis;
    double a[CURVE_MAX_BASIS * CURVE_MAX_BASIS], b[CURVE_MAX_BASIS] = {0};
    for (int j = 0; j < p * p; j++)
        a[j] = j % (p + 1) == 0;
    for (size_t i = 0; i < n; i++) {
        size_t cell = curve->cell[run[i]];
        double count = curve->cells.count[cell];
        double residual = curve->pseudo[run[i]] - c->fit[cell];
        const double *q = c->q + cell * (size_t)p;
        for (int j = 0; j < p; j++) {
            b[j] += q[j] / sqrt(count) * residual;
            for (int k = 0; k < p; k++)
                a[j * p + k] -= q[j] * q[k] / count;
        }
    }
    if (!solve_small(a, b, p))
        return HUGE_VAL;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        size_t cell = curve->cell[run[i]];
        double error = curve->pseudo[run[i]] - c->fit[cell];
        for (int j = 0; j < p; j++)
            error += c->q[cell * (size_t)p + (size_t)j] / sqrt(curve->cells.count[cell]) * b[j];
        sum += error * error;
    }
    return sum;
}

double curve_physical_cv(const struct curve_candidate *c, const struct wtl_curve *curve)
{
    double sum = 0;
    for (size_t g = 0; g < curve->groups.n; g++)
        sum += group_error(c, curve, curve->groups.run + curve->groups.start[g],
                           curve->groups.start[g + 1] - curve->groups.start[g]);
    return sum / (double)curve->n;
}
