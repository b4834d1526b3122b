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
#define FORM(name, ...)                                                                            \
    {                                                                                              \
        name, name ", bent", __VA_ARGS__                                                           \
    }
const struct curve_form curve_forms[] = {
    FORM("t = a + b/f", WTL_CURVE_TIME, 2, 0, -1, basis_inverse),
    FORM("t = a + b/f, floor", WTL_CURVE_TIME, 2, 2, 2, basis_inverse_floor),
    FORM("P = P0 + c f", WTL_CURVE_POWER, 2, 0, -1, basis_line),
    FORM("P = P0 + c f V^2, V^2 linear above a kink", WTL_CURVE_POWER, 3, 0, 2, basis_kink),
    FORM("P = P0 + c f V^2, V linear above a kink", WTL_CURVE_POWER, 4, 0, 3, basis_kink_square),
};
const int curve_n_forms = (int)(sizeof curve_forms / sizeof curve_forms[0]);

/* The cosines live on a range wider by this share on either side: their slopes are 0 at its ends,
 * but the truth's need not be at the ends of the runs, where the baseline is. */
static const double margin = 0.3;

/* sd_k = a / k^2: smooth, and the mean square of the elasticity, sum (sd_k pi k)^2 / (2 range^2),
 * is elasticity^2. */
void curve_trust_init(struct curve_trust *trust, const struct curve_cells *cells, double elasticity)
{
    double sum = 0;
    double low = log(cells->ghz[0]), high = log(cells->ghz[cells->n - 1]);
    trust->log_low = low - margin * (high - low);
    trust->log_range = (1 + 2 * margin) * (high - low);
    for (int k = 1; k <= WTL_CURVE_MODES; k++)
        sum += 1.0 / (k * k);
    double a = elasticity * trust->log_range / (M_PI * sqrt(sum / 2));
    for (int k = 1; k <= WTL_CURVE_MODES; k++)
        trust->sd[k - 1] = a / (k * k);
}

void curve_modes(const struct curve_trust *trust, double ghz, double *mode)
{
    double x = (log(ghz) - trust->log_low) / trust->log_range;
    for (int k = 1; k <= WTL_CURVE_MODES; k++)
        mode[k - 1] = trust->sd[k - 1] * cos(M_PI * k * x);
}

/* The form alone, without its correction. */
static double value_at(const struct curve_candidate *c, double ghz)
{
    double x[CURVE_MAX_FORM], y = 0;
    c->form->basis(ghz, c->parameter, x);
    for (int j = 0; j < c->form->n_basis; j++)
        y += c->beta[j] * x[j];
    return y;
}

double curve_physical_at(const struct curve_candidate *c, double ghz)
{
    double y = log(fmax(value_at(c, ghz), DBL_MIN));
    if (c->trust) {
        double mode[WTL_CURVE_MODES];
        curve_modes(c->trust, ghz, mode);
        for (int k = 0; k < WTL_CURVE_MODES; k++)
            y += c->beta[c->form->n_basis + k] * mode[k];
    }
    return y;
}

/* The tangent of log y in all coefficients, taken where the form alone has the value `at`. */
static void tangent(const struct curve_candidate *c, double ghz, double at, double *x)
{
    c->form->basis(ghz, c->parameter, x);
    for (int j = 0; j < c->form->n_basis; j++)
        x[j] /= at;
    if (c->trust)
        curve_modes(c->trust, ghz, x + c->form->n_basis);
}

static size_t n_rows(const struct curve_candidate *c, const struct curve_cells *cells)
{
    return cells->n + (c->trust ? WTL_CURVE_MODES : 0);
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

/* q = sqrt(count) tangent and the prior's rows, R from them; `at` is where the tangent is taken. */
static bool factor(struct curve_candidate *c, const struct curve_cells *cells, const double *at)
{
    size_t p = (size_t)c->n_basis, rows = n_rows(c, cells);
    for (size_t i = 0; i < cells->n; i++) {
        double x[CURVE_MAX_BASIS], root = sqrt(cells->count[i]);
        tangent(c, cells->ghz[i], at[i], x);
        for (size_t j = 0; j < p; j++)
            c->q[i * p + j] = root * x[j];
    }
    for (size_t i = cells->n; i < rows; i++)
        for (size_t j = 0; j < p; j++)
            c->q[i * p + j] = j == (size_t)c->form->n_basis + i - cells->n ? c->noise : 0;
    return orthonormalise(c->q, rows, c->n_basis, c->r);
}

/* step = R^-1 Q^T (sqrt(count) residual, prior residual). Returns the length of Q^T (...). */
static double solve_step(const struct curve_candidate *c, const struct curve_cells *cells,
                         const double *residual, double *step)
{
    size_t p = (size_t)c->n_basis, rows = n_rows(c, cells);
    double length = 0;
    for (size_t j = 0; j < p; j++) {
        double s = 0;
        for (size_t i = 0; i < cells->n; i++)
            s += c->q[i * p + j] * sqrt(cells->count[i]) * residual[i];
        for (size_t i = cells->n; i < rows; i++) /* gamma is drawn towards 0 */
            s -= c->q[i * p + j] * c->noise * c->beta[(size_t)c->form->n_basis + i - cells->n];
        step[j] = s;
        length += s * s;
    }
    for (size_t j = p; j-- > 0;) {
        for (size_t k = j + 1; k < p; k++)
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
        for (int j = 0; j < c->n_basis; j++)
            c->beta[j] = start[j] + share * step[j];
        if (positive_everywhere(c, cells))
            return true;
    }
    return false;
}

/* Fills fit and lever from beta and q. */
static void finish(struct curve_candidate *c, const struct curve_cells *cells)
{
    size_t p = (size_t)c->n_basis;
    for (size_t i = 0; i < cells->n; i++) {
        double h = 0;
        for (size_t j = 0; j < p; j++)
            h += c->q[i * p + j] * c->q[i * p + j];
        c->lever[i] = h;
        c->fit[i] = curve_physical_at(c, cells->ghz[i]);
    }
}

/* Relative least squares of the form alone: the tangent at the means, one step. */
static bool start(struct curve_candidate *c, const struct curve_cells *cells)
{
    const struct curve_trust *trust = c->trust;
    double *residual = c->lever, *value = c->fit; /* both are overwritten by finish() */
    memset(c->beta, 0, sizeof c->beta);
    for (size_t i = 0; i < cells->n; i++) {
        value[i] = exp(cells->mean[i]);
        residual[i] = 1;
    }
    c->trust = NULL;
    c->n_basis = c->form->n_basis;
    bool ok = factor(c, cells, value);
    if (ok)
        solve_step(c, cells, residual, c->beta);
    c->trust = trust;
    c->n_basis += trust ? WTL_CURVE_MODES : 0;
    return ok && positive_everywhere(c, cells);
}

bool curve_physical_fit(struct curve_candidate *c, const struct curve_cells *cells)
{
    double *residual = c->lever, *value = c->fit, step[CURVE_MAX_BASIS];
    if (!start(c, cells))
        return false;
    for (int iteration = 0; iteration < 20; iteration++) {
        for (size_t i = 0; i < cells->n; i++) {
            value[i] = value_at(c, cells->ghz[i]);
            residual[i] = cells->mean[i] - curve_physical_at(c, cells->ghz[i]);
        }
        if (!factor(c, cells, value))
            return false;
        double length = solve_step(c, cells, residual, step);
        if (!isfinite(length) || !take_step(c, cells, step))
            return false;
        if (length < 1e-7) /* quadratic convergence: the step just taken is exact to 1e-14 */
            break;
    }
    finish(c, cells);
    return true;
}

void curve_physical_row(const struct curve_candidate *c, double ghz, double *row)
{
    double x[CURVE_MAX_BASIS];
    tangent(c, ghz, fmax(value_at(c, ghz), DBL_MIN), x);
    for (int j = 0; j < c->n_basis; j++) { /* row R = x, forward substitution */
        double s = x[j];
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
    int p = c->n_basis;
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

/* The same for groups that are whole clocks: r + mean(r) h / (1 - h). */
static double cell_errors(const struct curve_candidate *c, const struct wtl_curve *curve)
{
    double sum = 0;
    for (size_t i = 0; i < curve->n; i++) {
        size_t cell = curve->cell[i];
        double h = c->lever[cell], left = 1 - h;
        if (!(left > 1e-9))
            return HUGE_VAL;
        double error =
            curve->pseudo[i] - c->fit[cell] + (curve->cells.mean[cell] - c->fit[cell]) * h / left;
        sum += error * error;
    }
    return sum;
}

double curve_physical_cv(const struct curve_candidate *c, const struct wtl_curve *curve)
{
    double sum = 0;
    if (curve->groups_are_cells)
        return cell_errors(c, curve) / (double)curve->n;
    for (size_t g = 0; g < curve->groups.n; g++)
        sum += group_error(c, curve, curve->groups.run + curve->groups.start[g],
                           curve->groups.start[g + 1] - curve->groups.start[g]);
    return sum / (double)curve->n;
}
