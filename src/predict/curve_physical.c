/* SPDX-License-Identifier: Apache-2.0
 * The physical forms of time and power against clock, and their error on runs left out. */
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

void curve_modes(const struct curve_trust *trust, double ghz, double *mode)
{
    double x = (log(ghz) - trust->log_low) / trust->log_range;
    double c1 = cos(M_PI * x), before = 1, now = c1; /* Chebyshev: cos (k+1)u from the two before */
    for (int k = 0; k < WTL_CURVE_MODES; k++) {
        double next = 2 * c1 * now - before;
        mode[k] = trust->sd[k] * now;
        before = now;
        now = next;
    }
}

/* sd_k = a / k^2: smooth, and the mean square of the elasticity, sum (sd_k pi k)^2 / (2 range^2),
 * is elasticity^2. */
int curve_trust_init(struct wtl_arena *arena, struct curve_trust *trust,
                     const struct curve_cells *cells, double elasticity)
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
    double *mode = WTL_NEW_ARRAY(arena, double, cells->n *WTL_CURVE_MODES);
    double *weighted = WTL_NEW_ARRAY(arena, double, cells->n *WTL_CURVE_MODES);
    if (!mode || !weighted)
        return -(int)WTL_NOMEM;
    memset(trust->gram, 0, sizeof trust->gram);
    for (size_t i = 0; i < cells->n; i++) {
        double *m = mode + i * WTL_CURVE_MODES, *w = weighted + i * WTL_CURVE_MODES;
        curve_modes(trust, cells->ghz[i], m);
        for (int j = 0; j < WTL_CURVE_MODES; j++)
            w[j] = cells->count[i] * m[j];
        for (int j = 0; j < WTL_CURVE_MODES; j++)
            for (int k = j; k < WTL_CURVE_MODES; k++)
                trust->gram[j][k] += w[j] * m[k];
    }
    trust->cell_mode = mode;
    trust->weighted_mode = weighted;
    return 0;
}

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

void curve_physical_row(const struct curve_candidate *c, double ghz, double *row)
{
    double value = fmax(value_at(c, ghz), DBL_MIN);
    c->form->basis(ghz, c->parameter, row);
    for (int j = 0; j < c->form->n_basis; j++)
        row[j] /= value;
    if (c->trust)
        curve_modes(c->trust, ghz, row + c->form->n_basis);
    curve_forward(c->r, c->n_basis, row);
}

/* Of a run when its clock is left out: r + mean(r) h / (1 - h). */
double curve_physical_cv(const struct curve_candidate *c, const struct wtl_curve *curve)
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
    return sum / (double)curve->n;
}
