/* SPDX-License-Identifier: Apache-2.0
 * Gauss-Newton fits of the physical forms. A plan needs some hundred of them: what does not change
 * between two steps is kept, and the loops over columns have fixed lengths, for the vector units.
 */
#include "predict/curve_internal.h"

#include <math.h>
#include <string.h>

enum { FORM = CURVE_MAX_FORM, MODES = WTL_CURVE_MODES, CELLS_AT_ONCE = 4 };

/* ---- normal equations ---- */

/* The normal equations of one step: gram (upper triangle) and right side. */
struct system {
    double gram[CURVE_MAX_BASIS * CURVE_MAX_BASIS];
    double right[CURVE_MAX_BASIS];
};

/* Their sums over the cells, for columns of the form (FORM of them, absent ones are 0) and of the
 * correction. Products of two columns of the correction are in curve_trust. */
struct sums {
    double form[FORM][FORM], cross[FORM][MODES]; /* of form[j], columns from j on are read */
    double right_form[FORM], right_mode[MODES];
};

static inline void add_form(struct sums *restrict s, int n_form, const double *restrict x,
                            const double *restrict w, double residual)
{
    for (int k = 0; k < FORM; k++)
        s->right_form[k] += w[k] * residual;
    for (int j = 0; j < n_form; j++)
        for (int k = 0; k < FORM; k++)
            s->form[j][k] += w[j] * x[k];
}

static inline void add_modes(struct sums *restrict s, int n_form, const double *restrict w,
                             const double *restrict mode, const double *restrict weighted,
                             double residual)
{
    for (int k = 0; k < MODES; k++)
        s->right_mode[k] += weighted[k] * residual;
    for (int j = 0; j < n_form; j++)
        for (int k = 0; k < MODES; k++)
            s->cross[j][k] += w[j] * mode[k];
}

/* Puts the sums together, without the columns that are absent. */
static void assemble(const struct curve_candidate *c, const struct sums *sums, struct system *s)
{
    int n = c->form->n_basis;
    for (int j = 0; j < n; j++) {
        double *row = s->gram + j * CURVE_MAX_BASIS;
        memcpy(row, sums->form[j], (size_t)n * sizeof *row);
        s->right[j] = sums->right_form[j];
        if (c->trust)
            memcpy(row + n, sums->cross[j], sizeof sums->cross[j]);
    }
    for (int j = 0; c->trust && j < MODES; j++) {
        memcpy(s->gram + (n + j) * CURVE_MAX_BASIS + n, c->trust->gram[j],
               sizeof c->trust->gram[j]);
        s->right[n + j] = sums->right_mode[j];
    }
}

/* The prior of the correction: coefficients of mean 0 and variance 1, beside runs of variance
 * noise^2. */
static void add_prior(struct system *s, const struct curve_candidate *c)
{
    double weight = c->noise * c->noise;
    for (int j = c->form->n_basis; c->trust && j < c->n_basis; j++) {
        s->gram[j * CURVE_MAX_BASIS + j] += weight;
        s->right[j] -= weight * c->beta[j];
    }
}

/* gram = R^T R, by Cholesky with columns brought to unit length first. False when they are
 * dependent. */
static bool factor(const struct system *s, int p, double *r)
{
    double scale[CURVE_MAX_BASIS];
    for (int j = 0; j < p; j++) {
        double d = s->gram[j * CURVE_MAX_BASIS + j];
        if (!(d > 0) || !isfinite(d))
            return false;
        scale[j] = sqrt(d);
    }
    for (int j = 0; j < p; j++)
        for (int k = j; k < p; k++) {
            double v = s->gram[j * CURVE_MAX_BASIS + k] / (scale[j] * scale[k]);
            for (int i = 0; i < j; i++)
                v -= r[i * CURVE_MAX_BASIS + j] * r[i * CURVE_MAX_BASIS + k];
            if (k == j && !(v > 1e-12))
                return false;
            r[j * CURVE_MAX_BASIS + k] = k == j ? sqrt(v) : v / r[j * CURVE_MAX_BASIS + j];
        }
    for (int k = 0; k < p; k++)
        for (int j = 0; j <= k; j++)
            r[j * CURVE_MAX_BASIS + k] *= scale[k];
    return true;
}

void curve_forward(const double *r, int p, double *b)
{
    for (int j = 0; j < p; j++) {
        for (int k = 0; k < j; k++)
            b[j] -= b[k] * r[k * CURVE_MAX_BASIS + j];
        b[j] /= r[j * CURVE_MAX_BASIS + j];
    }
}

/* curve_forward() for CELLS_AT_ONCE right sides. */
static void forward_cells(const double *restrict r, int p, double b[][CELLS_AT_ONCE])
{
    for (int j = 0; j < p; j++) {
        double x[CELLS_AT_ONCE];
        memcpy(x, b[j], sizeof x);
        for (int k = 0; k < j; k++)
            for (int l = 0; l < CELLS_AT_ONCE; l++)
                x[l] -= b[k][l] * r[k * CURVE_MAX_BASIS + j];
        for (int l = 0; l < CELLS_AT_ONCE; l++)
            x[l] /= r[j * CURVE_MAX_BASIS + j];
        memcpy(b[j], x, sizeof x);
    }
}

static void backward(const double *r, int p, double *b)
{
    for (int j = p - 1; j >= 0; j--) {
        for (int k = j + 1; k < p; k++)
            b[j] -= r[j * CURVE_MAX_BASIS + k] * b[k];
        b[j] /= r[j * CURVE_MAX_BASIS + j];
    }
}

/* ---- the form at the cells ---- */

static void set_design(struct curve_candidate *c, const struct curve_cells *cells)
{
    memset(c->design, 0, cells->n * FORM * sizeof *c->design);
    for (size_t i = 0; i < cells->n; i++)
        c->form->basis(cells->ghz[i], c->parameter, c->design + i * FORM);
}

/* value: of the form, at the present coefficients. */
static void set_values(struct curve_candidate *c, const struct curve_cells *cells)
{
    double beta[FORM] = {0};
    memcpy(beta, c->beta, (size_t)c->form->n_basis * sizeof *beta);
    for (size_t i = 0; i < cells->n; i++) {
        const double *x = c->design + i * FORM;
        double y = 0;
        for (int j = 0; j < FORM; j++)
            y += beta[j] * x[j];
        c->value[i] = y;
    }
}

static bool positive_everywhere(const struct curve_candidate *c, const struct curve_cells *cells)
{
    for (size_t i = 0; i < cells->n; i++)
        if (!(c->value[i] > 0))
            return false;
    return true;
}

/* The form's columns of the tangent of log y at a cell where it has the value `at`. */
static inline void form_tangent(const struct curve_candidate *c, size_t i, double at,
                                double *restrict x)
{
    const double *design = c->design + i * FORM;
    for (int j = 0; j < FORM; j++)
        x[j] = design[j] / at;
}

/* ---- steps ---- */

/* beta += step, halved until the curve is positive at every clock. */
static bool take_step(struct curve_candidate *c, const struct curve_cells *cells,
                      const double *step)
{
    double start[CURVE_MAX_BASIS];
    memcpy(start, c->beta, sizeof start);
    for (double share = 1; share > 1e-3; share /= 2) {
        for (int j = 0; j < c->n_basis; j++)
            c->beta[j] = start[j] + share * step[j];
        set_values(c, cells);
        if (positive_everywhere(c, cells))
            return true;
    }
    return false;
}

/* The system at the present coefficients; fit gets the log curve. */
static void linearise(const struct curve_candidate *c, const struct curve_cells *cells,
                      struct system *s)
{
    struct sums sums;
    double x[FORM], w[FORM];
    int n_form = c->form->n_basis;
    const double *gamma = c->beta + n_form;
    memset(&sums, 0, sizeof sums);
    for (size_t i = 0; i < cells->n; i++) {
        const double *mode = c->trust ? c->trust->cell_mode + i * MODES : NULL;
        double y = log(c->value[i]);
        form_tangent(c, i, c->value[i], x);
        for (int k = 0; mode && k < MODES; k++)
            y += gamma[k] * mode[k];
        for (int j = 0; j < FORM; j++)
            w[j] = cells->count[i] * x[j];
        c->fit[i] = y;
        add_form(&sums, n_form, x, w, cells->mean[i] - y);
        if (mode)
            add_modes(&sums, n_form, w, mode, c->trust->weighted_mode + i * MODES,
                      cells->mean[i] - y);
    }
    assemble(c, &sums, s);
    add_prior(s, c);
}

/* Start: relative least squares of the form alone, one step from the tangent at the means. */
static bool start(struct curve_candidate *c, const struct curve_cells *cells)
{
    struct sums sums;
    struct system s;
    double x[FORM], w[FORM];
    int p = c->form->n_basis;
    memset(&sums, 0, sizeof sums);
    set_design(c, cells);
    for (size_t i = 0; i < cells->n; i++) {
        form_tangent(c, i, exp(cells->mean[i]), x);
        for (int j = 0; j < FORM; j++)
            w[j] = cells->count[i] * x[j];
        add_form(&sums, p, x, w, 1);
    }
    assemble(c, &sums, &s);
    if (!factor(&s, p, c->r))
        return false;
    memset(c->beta, 0, sizeof c->beta);
    memcpy(c->beta, s.right, (size_t)p * sizeof *c->beta);
    curve_forward(c->r, p, c->beta);
    backward(c->r, p, c->beta);
    set_values(c, cells);
    return positive_everywhere(c, cells);
}

/* The tangents of CELLS_AT_ONCE cells from `first`, side by side; the last cell again where there
 * are fewer. */
static void gather_tangents(const struct curve_candidate *c, const struct curve_cells *cells,
                            size_t first, double b[][CELLS_AT_ONCE])
{
    int n_form = c->form->n_basis;
    for (size_t l = 0; l < CELLS_AT_ONCE; l++) {
        double x[FORM];
        size_t i = first + l < cells->n ? first + l : cells->n - 1;
        form_tangent(c, i, c->value[i], x);
        for (int j = 0; j < n_form; j++)
            b[j][l] = x[j];
        for (int k = 0; c->trust && k < MODES; k++)
            b[n_form + k][l] = c->trust->cell_mode[i * MODES + (size_t)k];
    }
}

/* q and lever from the last system; fit is in place. */
static void finish(struct curve_candidate *c, const struct curve_cells *cells)
{
    size_t p = (size_t)c->n_basis;
    double b[CURVE_MAX_BASIS][CELLS_AT_ONCE];
    for (size_t first = 0; first < cells->n; first += CELLS_AT_ONCE) {
        gather_tangents(c, cells, first, b);
        forward_cells(c->r, c->n_basis, b);
        for (size_t l = 0; l < CELLS_AT_ONCE && first + l < cells->n; l++) {
            double *q = c->q + (first + l) * p, root = sqrt(cells->count[first + l]), h = 0;
            for (size_t j = 0; j < p; j++) {
                q[j] = b[j][l] * root;
                h += q[j] * q[j];
            }
            c->lever[first + l] = h;
        }
    }
}

/* Gauss-Newton from the present coefficients and their values. The length of a step is that of the
 * change of the curve in all runs together. */
static bool iterate(struct curve_candidate *c, const struct curve_cells *cells)
{
    struct system s;
    double enough = c->trust ? 1e-20 : 1e-12; /* without correction it is but a scan */
    for (int turn = 0; turn < 20; turn++) {
        double step[CURVE_MAX_BASIS], length = 0;
        linearise(c, cells, &s);
        if (!factor(&s, c->n_basis, c->r))
            return false;
        memcpy(step, s.right, sizeof step);
        curve_forward(c->r, c->n_basis, step);
        for (int j = 0; j < c->n_basis; j++)
            length += step[j] * step[j];
        if (!isfinite(length))
            return false;
        if (length < enough) /* fit and factor are those of the present coefficients */
            break;
        backward(c->r, c->n_basis, step);
        if (!take_step(c, cells, step))
            return false;
    }
    finish(c, cells);
    return true;
}

bool curve_physical_fit(struct curve_candidate *c, const struct curve_cells *cells)
{
    return start(c, cells) && iterate(c, cells);
}

bool curve_physical_refit(struct curve_candidate *c, const struct curve_cells *cells)
{
    double before[CURVE_MAX_BASIS];
    memcpy(before, c->beta, sizeof before);
    set_values(c, cells);
    if (iterate(c, cells))
        return true;
    memcpy(c->beta, before, sizeof before);
    return false;
}
