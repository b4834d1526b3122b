/* SPDX-License-Identifier: Apache-2.0
 *
 * Small dense linear algebra: matrices of doubles, row-major, a[i * cols + j], up to a few thousand
 * rows and a few dozen columns. Summation order is fixed, so that results are the same on every
 * machine. No blocking, no vector library.
 *
 * Least squares goes through Householder QR with column pivoting on equilibrated columns (Golub and
 * Van Loan, Matrix Computations, 4th ed., algorithms 5.1.1 and 5.4.1): columns are first scaled to
 * unit length, so that the numerical rank does not depend on the units of the regressors.
 */
#ifndef WTL_STATS_LINALG_H
#define WTL_STATS_LINALG_H

#include "base/alloc.h"
#include "base/error.h"

#include <stddef.h>

/* y = A x; A is rows x cols. y must not overlap x. */
void wtl_matvec(const double *a, size_t rows, size_t cols, const double *x, double *y_out);

/* y = A^T x; x has `rows` entries, y has `cols`. */
void wtl_matvec_t(const double *a, size_t rows, size_t cols, const double *x, double *y_out);

/* C = A B; A is n x k, B is k x m, C is n x m and overlaps neither. */
void wtl_matmul(const double *a, const double *b, size_t n, size_t k, size_t m, double *c_out);

/* G = A^T W A (cols x cols, symmetric); w: row weights, NULL for ones. */
void wtl_gram(const double *a, const double *w, size_t rows, size_t cols, double *g_out);

double wtl_dot(const double *x, const double *y, size_t n);
double wtl_norm(const double *x, size_t n); /* Euclidean, without overflow */

/* ---- QR ---- */

/* A factorisation A P = Q R of a rows x cols matrix, rows >= cols. */
struct wtl_qr {
    size_t rows, cols;
    size_t rank;  /* numerical; columns beyond it (in pivot order) take no part */
    double *a;    /* R above the diagonal, Householder vectors below */
    double *diag; /* diagonal of R */
    double *tau;
    double *scale; /* length of each original column; 1 for a zero column */
    size_t *pivot; /* pivot[k]: the original column that stands at position k */
    double *work;  /* rows */
};

/* Factors a copy of `a`. -WTL_USAGE when rows < cols or an entry is not finite; -WTL_NOMEM.
 * A deficient rank is no error: look at `rank`. */
int wtl_qr_factor(struct wtl_arena *arena, const double *a, size_t rows, size_t cols,
                  struct wtl_qr **qr_out, struct wtl_error *err);

/* x (cols) minimising |A x - b|; coefficients of columns beyond the rank are 0 (basic solution).
 * Uses qr->work: not for concurrent use of one factorisation. b (rows) may not overlap x. */
void wtl_qr_solve(const struct wtl_qr *qr, const double *b, double *x_out);

/* Diagonal of the hat matrix Q Q^T (rows entries in 0..1, sum = rank). */
void wtl_qr_leverage(const struct wtl_qr *qr, double *h_out);

/* The whole hat matrix A (A^T A)^+ A^T, rows x rows. */
void wtl_qr_hat(const struct wtl_qr *qr, double *hat_out);

/* The matrix S (cols x rows) with x = S b, the pseudo-inverse of the independent columns: for many
 * right-hand sides with one design. Rows of dependent columns are 0. */
void wtl_qr_solver(const struct wtl_qr *qr, double *s_out);

/* (A^T A)^-1, cols x cols; rows and columns of dependent regressors are 0. */
void wtl_qr_inverse_gram(const struct wtl_qr *qr, double *inverse_out);

/* Ratio of the extreme diagonal entries of R after equilibration: a cheap estimate (within a small
 * factor) of the condition number; infinite when the rank is deficient. */
double wtl_qr_condition(const struct wtl_qr *qr);

/* ---- least squares ---- */

struct wtl_lsq {
    size_t rows, cols, rank;
    double *coef;     /* cols */
    double *coef_se;  /* cols; standard errors from the residual variance; 0 when dof is 0 */
    double *fitted;   /* rows */
    double *residual; /* rows: y - fitted, unweighted */
    double *leverage; /* rows */
    double rss;       /* weighted residual sum of squares */
    size_t dof;       /* rows with positive weight - rank */
    double sigma;     /* sqrt(rss / dof); 0 when dof is 0 */
    double condition;
};

/* Minimises sum w (y - X b)^2; w: weights >= 0, NULL for ones (weight 0 leaves a row out but still
 * predicts it). Leverages are of the weighted problem: residual / (1 - leverage) is the error on
 * the left-out row. -WTL_USAGE: fewer rows of positive weight than columns, a negative weight, a
 * value that is not finite. Deficient rank is reported in `rank`, not refused. */
int wtl_least_squares(struct wtl_arena *arena, const double *x, const double *y, const double *w,
                      size_t rows, size_t cols, struct wtl_lsq *fit_out, struct wtl_error *err);

/* ---- symmetric positive definite ---- */

/* a + ridge I = L L^T in place: L in the lower triangle and diagonal, the rest set to 0.
 * -WTL_FAILED when it is not positive definite (a is then undefined), naming the pivot. */
int wtl_cholesky(double *a, size_t n, double ridge, struct wtl_error *err);

/* Solves L L^T x = b in place. */
void wtl_cholesky_solve(const double *l, size_t n, double *b);

/* Solves L z = b in place (whitening: L^-1 b). */
void wtl_cholesky_forward(const double *l, size_t n, double *b);

/* log det(L L^T). */
double wtl_cholesky_logdet(const double *l, size_t n);

/* The full inverse of L L^T, n x n. */
void wtl_cholesky_inverse(const double *l, size_t n, double *inverse_out);

/* Minimises sum w (y - X b)^2 + sum penalty_j (b_j - prior_j)^2: ridge regression towards `prior`
 * (NULL: towards 0), one penalty per coefficient (>= 0; an intercept has 0). Solved as an augmented
 * least-squares problem, never through the normal equations. */
int wtl_ridge(struct wtl_arena *scratch, const double *x, const double *y, const double *w,
              size_t rows, size_t cols, const double *penalty, const double *prior,
              double *coef_out, struct wtl_error *err);

#endif
