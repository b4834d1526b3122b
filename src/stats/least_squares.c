/* SPDX-License-Identifier: Apache-2.0
 * Householder QR with column pivoting, and least squares on it. */
#include "stats/linalg.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Position `k` takes the column with the longest part below row k. Lengths are computed afresh:
 * matrices are narrow, and down-dating loses digits where they matter. */
static size_t longest_column(const struct wtl_qr *qr, size_t k, double *length_out)
{
    size_t best = k;
    *length_out = -1;
    for (size_t j = k; j < qr->cols; j++) {
        for (size_t i = k; i < qr->rows; i++)
            qr->work[i] = qr->a[i * qr->cols + j];
        double length = wtl_norm(qr->work + k, qr->rows - k);
        if (length > *length_out) {
            *length_out = length;
            best = j;
        }
    }
    return best;
}

static void swap_columns(struct wtl_qr *qr, size_t j, size_t k)
{
    if (j == k)
        return;
    for (size_t i = 0; i < qr->rows; i++) {
        double t = qr->a[i * qr->cols + j];
        qr->a[i * qr->cols + j] = qr->a[i * qr->cols + k];
        qr->a[i * qr->cols + k] = t;
    }
    size_t p = qr->pivot[j];
    qr->pivot[j] = qr->pivot[k];
    qr->pivot[k] = p;
}

/* Turns column k into (r_kk, 0, ..., 0) below row k and applies the reflection to the columns to
 * its right. The vector v (v_k = 1) stays below the diagonal, H = I - tau v v^T. */
static void reflect_column(struct wtl_qr *qr, size_t k, double length)
{
    size_t n = qr->cols;
    double *a = qr->a;
    double first = a[k * n + k];
    double r = first > 0 ? -length : length;
    double v0 = first - r;
    for (size_t i = k + 1; i < qr->rows; i++)
        a[i * n + k] /= v0;
    qr->tau[k] = -v0 / r;
    qr->diag[k] = r;
    a[k * n + k] = r;
    for (size_t j = k + 1; j < n; j++) {
        double sum = a[k * n + j];
        for (size_t i = k + 1; i < qr->rows; i++)
            sum += a[i * n + k] * a[i * n + j];
        sum *= qr->tau[k];
        a[k * n + j] -= sum;
        for (size_t i = k + 1; i < qr->rows; i++)
            a[i * n + j] -= sum * a[i * n + k];
    }
}

static void factor(struct wtl_qr *qr)
{
    double tolerance = (double)qr->rows * DBL_EPSILON * 4;
    double largest = 0;
    for (size_t k = 0; k < qr->cols; k++) {
        double length;
        size_t j = longest_column(qr, k, &length);
        if (k == 0)
            largest = length;
        if (length <= tolerance * largest)
            return;
        swap_columns(qr, j, k);
        reflect_column(qr, k, length);
        qr->rank = k + 1;
    }
}

static struct wtl_qr *allocate(struct wtl_arena *arena, size_t rows, size_t cols)
{
    struct wtl_qr *qr = WTL_NEW(arena, struct wtl_qr);
    if (!qr)
        return NULL;
    *qr = (struct wtl_qr){.rows = rows, .cols = cols};
    qr->a = WTL_NEW_ARRAY(arena, double, rows *cols);
    qr->diag = WTL_NEW_ARRAY(arena, double, cols);
    qr->tau = WTL_NEW_ARRAY(arena, double, cols);
    qr->scale = WTL_NEW_ARRAY(arena, double, cols);
    qr->pivot = WTL_NEW_ARRAY(arena, size_t, cols);
    qr->work = WTL_NEW_ARRAY(arena, double, rows);
    if (!qr->a || !qr->diag || !qr->tau || !qr->scale || !qr->pivot || !qr->work)
        return NULL;
    return qr;
}

static void equilibrate(struct wtl_qr *qr, const double *a)
{
    for (size_t j = 0; j < qr->cols; j++) {
        for (size_t i = 0; i < qr->rows; i++)
            qr->work[i] = a[i * qr->cols + j];
        double length = wtl_norm(qr->work, qr->rows);
        qr->scale[j] = length > 0 ? length : 1;
        qr->pivot[j] = j;
        for (size_t i = 0; i < qr->rows; i++)
            qr->a[i * qr->cols + j] = qr->work[i] / qr->scale[j];
    }
}

int wtl_qr_factor(struct wtl_arena *arena, const double *a, size_t rows, size_t cols,
                  struct wtl_qr **qr_out, struct wtl_error *err)
{
    if (cols == 0 || rows < cols)
        return WTL_FAIL(err, WTL_USAGE,
                        "least squares needs at least as many rows as columns, "
                        "not %zu x %zu",
                        rows, cols);
    for (size_t i = 0; i < rows * cols; i++)
        if (!isfinite(a[i]))
            return WTL_FAIL(err, WTL_USAGE, "entry (%zu, %zu) of the matrix is not finite",
                            i / cols + 1, i % cols + 1);
    struct wtl_qr *qr = allocate(arena, rows, cols);
    if (!qr)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for a %zu x %zu matrix", rows, cols);
    equilibrate(qr, a);
    factor(qr);
    *qr_out = qr;
    return 0;
}

/* y := Q^T y, the reflections in order; y := Q y, in reverse. */
static void reflect(const struct wtl_qr *qr, size_t k, double *y)
{
    size_t n = qr->cols;
    double sum = y[k];
    for (size_t i = k + 1; i < qr->rows; i++)
        sum += qr->a[i * n + k] * y[i];
    sum *= qr->tau[k];
    y[k] -= sum;
    for (size_t i = k + 1; i < qr->rows; i++)
        y[i] -= sum * qr->a[i * n + k];
}

/* Solves R z = y for the leading rank x rank triangle, in place. */
static void back_substitute(const struct wtl_qr *qr, double *y)
{
    for (size_t k = qr->rank; k-- > 0;) {
        for (size_t j = k + 1; j < qr->rank; j++)
            y[k] -= qr->a[k * qr->cols + j] * y[j];
        y[k] /= qr->diag[k];
    }
}

void wtl_qr_solve(const struct wtl_qr *qr, const double *b, double *x_out)
{
    memcpy(qr->work, b, qr->rows * sizeof *b);
    for (size_t k = 0; k < qr->rank; k++)
        reflect(qr, k, qr->work);
    back_substitute(qr, qr->work);
    for (size_t k = 0; k < qr->cols; k++)
        x_out[qr->pivot[k]] = k < qr->rank ? qr->work[k] / qr->scale[qr->pivot[k]] : 0;
}

/* Column k of the thin Q in qr->work. */
static void thin_column(const struct wtl_qr *qr, size_t k)
{
    memset(qr->work, 0, qr->rows * sizeof *qr->work);
    qr->work[k] = 1;
    for (size_t r = qr->rank; r-- > 0;)
        reflect(qr, r, qr->work);
}

void wtl_qr_leverage(const struct wtl_qr *qr, double *h_out)
{
    memset(h_out, 0, qr->rows * sizeof *h_out);
    for (size_t k = 0; k < qr->rank; k++) {
        thin_column(qr, k);
        for (size_t i = 0; i < qr->rows; i++)
            h_out[i] += qr->work[i] * qr->work[i];
    }
    for (size_t i = 0; i < qr->rows; i++)
        h_out[i] = fmin(h_out[i], 1);
}

void wtl_qr_hat(const struct wtl_qr *qr, double *hat_out)
{
    size_t m = qr->rows;
    memset(hat_out, 0, m * m * sizeof *hat_out);
    for (size_t k = 0; k < qr->rank; k++) {
        thin_column(qr, k);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < m; j++)
                hat_out[i * m + j] += qr->work[i] * qr->work[j];
    }
}

void wtl_qr_solver(const struct wtl_qr *qr, double *s_out)
{
    size_t m = qr->rows, n = qr->cols;
    memset(s_out, 0, n * m * sizeof *s_out);
    /* Q^T first, in pivoted rows; then R^-1 on every column. */
    for (size_t k = 0; k < qr->rank; k++) {
        thin_column(qr, k);
        memcpy(s_out + qr->pivot[k] * m, qr->work, m * sizeof *s_out);
    }
    for (size_t i = 0; i < m; i++) {
        for (size_t k = 0; k < qr->rank; k++)
            qr->work[k] = s_out[qr->pivot[k] * m + i];
        back_substitute(qr, qr->work);
        for (size_t k = 0; k < qr->rank; k++)
            s_out[qr->pivot[k] * m + i] = qr->work[k] / qr->scale[qr->pivot[k]];
    }
}

void wtl_qr_inverse_gram(const struct wtl_qr *qr, double *inverse_out)
{
    size_t n = qr->cols;
    memset(inverse_out, 0, n * n * sizeof *inverse_out);
    /* (R^T R)^-1 = sum over columns u_k of R^-1 of u_k u_k^T. */
    for (size_t k = 0; k < qr->rank; k++) {
        memset(qr->work, 0, qr->rank * sizeof *qr->work);
        qr->work[k] = 1;
        back_substitute(qr, qr->work);
        for (size_t i = 0; i <= k; i++)
            for (size_t j = 0; j <= k; j++) {
                size_t pi = qr->pivot[i], pj = qr->pivot[j];
                inverse_out[pi * n + pj] +=
                    qr->work[i] / qr->scale[pi] * (qr->work[j] / qr->scale[pj]);
            }
    }
}

double wtl_qr_condition(const struct wtl_qr *qr)
{
    if (qr->rank < qr->cols)
        return HUGE_VAL;
    return fabs(qr->diag[0]) / fabs(qr->diag[qr->cols - 1]);
}

/* ---- least squares ---- */

static int check_values(const double *y, const double *w, size_t rows, size_t cols,
                        size_t *used_out, struct wtl_error *err)
{
    size_t used = 0;
    for (size_t i = 0; i < rows; i++) {
        if (!isfinite(y[i]))
            return WTL_FAIL(err, WTL_USAGE, "value %zu of %zu is not finite", i + 1, rows);
        if (w && !(w[i] >= 0 && isfinite(w[i])))
            return WTL_FAIL(err, WTL_USAGE, "weight %zu is %g, not 0 or more", i + 1, w[i]);
        used += !w || w[i] > 0;
    }
    if (used < cols)
        return WTL_FAIL(err, WTL_USAGE, "%zu values do not determine %zu coefficients", used, cols);
    *used_out = used;
    return 0;
}

static int allocate_fit(struct wtl_arena *arena, struct wtl_lsq *fit, struct wtl_error *err)
{
    fit->coef = WTL_NEW_ARRAY(arena, double, fit->cols);
    fit->coef_se = WTL_NEW_ARRAY(arena, double, fit->cols);
    fit->fitted = WTL_NEW_ARRAY(arena, double, fit->rows);
    fit->residual = WTL_NEW_ARRAY(arena, double, fit->rows);
    fit->leverage = WTL_NEW_ARRAY(arena, double, fit->rows);
    if (!fit->coef || !fit->coef_se || !fit->fitted || !fit->residual || !fit->leverage)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for %zu rows", fit->rows);
    return 0;
}

static void describe(struct wtl_lsq *fit, const struct wtl_qr *qr, const double *x, const double *y,
                     const double *w, double *inverse)
{
    wtl_matvec(x, fit->rows, fit->cols, fit->coef, fit->fitted);
    fit->rss = 0;
    for (size_t i = 0; i < fit->rows; i++) {
        fit->residual[i] = y[i] - fit->fitted[i];
        fit->rss += (w ? w[i] : 1) * fit->residual[i] * fit->residual[i];
    }
    fit->sigma = fit->dof ? sqrt(fit->rss / (double)fit->dof) : 0;
    fit->condition = wtl_qr_condition(qr);
    wtl_qr_leverage(qr, fit->leverage);
    wtl_qr_inverse_gram(qr, inverse);
    for (size_t j = 0; j < fit->cols; j++)
        fit->coef_se[j] = fit->sigma * sqrt(inverse[j * fit->cols + j]);
}

int wtl_least_squares(struct wtl_arena *arena, const double *x, const double *y, const double *w,
                      size_t rows, size_t cols, struct wtl_lsq *fit_out, struct wtl_error *err)
{
    size_t used = 0;
    int rc = check_values(y, w, rows, cols, &used, err);
    if (rc < 0)
        return rc;
    double *wx = WTL_NEW_ARRAY(arena, double, rows *cols + rows + cols * cols);
    if (!wx)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for %zu rows", rows);
    double *wy = wx + rows * cols;
    for (size_t i = 0; i < rows; i++) {
        double root = w ? sqrt(w[i]) : 1;
        wy[i] = root * y[i];
        for (size_t j = 0; j < cols; j++)
            wx[i * cols + j] = root * x[i * cols + j];
    }
    struct wtl_qr *qr = NULL;
    rc = wtl_qr_factor(arena, wx, rows, cols, &qr, err);
    if (rc < 0)
        return rc;
    struct wtl_lsq fit = {.rows = rows, .cols = cols, .rank = qr->rank, .dof = used - qr->rank};
    rc = allocate_fit(arena, &fit, err);
    if (rc < 0)
        return rc;
    wtl_qr_solve(qr, wy, fit.coef);
    describe(&fit, qr, x, y, w, wy + rows);
    *fit_out = fit;
    return 0;
}

int wtl_ridge(struct wtl_arena *scratch, const double *x, const double *y, const double *w,
              size_t rows, size_t cols, const double *penalty, const double *prior,
              double *coef_out, struct wtl_error *err)
{
    size_t all = rows + cols;
    double *ax = WTL_NEW_ARRAY(scratch, double, all *cols);
    double *ay = WTL_NEW_ARRAY(scratch, double, all);
    if (!ax || !ay)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for %zu rows", rows);
    for (size_t i = 0; i < rows; i++) {
        double root = w ? sqrt(w[i]) : 1;
        ay[i] = root * y[i];
        for (size_t j = 0; j < cols; j++)
            ax[i * cols + j] = root * x[i * cols + j];
    }
    for (size_t j = 0; j < cols; j++) {
        if (!(penalty[j] >= 0 && isfinite(penalty[j])))
            return WTL_FAIL(err, WTL_USAGE, "penalty %zu is %g, not 0 or more", j + 1, penalty[j]);
        double root = sqrt(penalty[j]);
        ax[(rows + j) * cols + j] = root;
        ay[rows + j] = root * (prior ? prior[j] : 0);
    }
    for (size_t i = 0; i < all; i++)
        if (!isfinite(ay[i]))
            return WTL_FAIL(err, WTL_USAGE, "value %zu or its weight is not finite", i + 1);
    struct wtl_qr *qr = NULL;
    int rc = wtl_qr_factor(scratch, ax, all, cols, &qr, err);
    if (rc < 0)
        return rc;
    wtl_qr_solve(qr, ay, coef_out);
    return 0;
}
