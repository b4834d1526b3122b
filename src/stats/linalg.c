/* SPDX-License-Identifier: Apache-2.0
 * Products and Cholesky; QR and what rests on it is in least_squares.c. */
#include "stats/linalg.h"

#include <math.h>
#include <string.h>

double wtl_dot(const double *x, const double *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

double wtl_norm(const double *x, size_t n)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(x[i]));
    if (largest == 0 || !isfinite(largest))
        return largest;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double r = x[i] / largest;
        sum += r * r;
    }
    return largest * sqrt(sum);
}

void wtl_matvec(const double *a, size_t rows, size_t cols, const double *x, double *y_out)
{
    for (size_t i = 0; i < rows; i++)
        y_out[i] = wtl_dot(a + i * cols, x, cols);
}

void wtl_matvec_t(const double *a, size_t rows, size_t cols, const double *x, double *y_out)
{
    for (size_t j = 0; j < cols; j++)
        y_out[j] = 0;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            y_out[j] += a[i * cols + j] * x[i];
}

void wtl_matmul(const double *a, const double *b, size_t n, size_t k, size_t m, double *c_out)
{
    for (size_t i = 0; i < n; i++)
        wtl_matvec_t(b, k, m, a + i * k, c_out + i * m);
}

void wtl_gram(const double *a, const double *w, size_t rows, size_t cols, double *g_out)
{
    memset(g_out, 0, cols * cols * sizeof *g_out);
    for (size_t i = 0; i < rows; i++) {
        const double *row = a + i * cols;
        double weight = w ? w[i] : 1;
        for (size_t j = 0; j < cols; j++)
            for (size_t k = 0; k <= j; k++)
                g_out[j * cols + k] += weight * row[j] * row[k];
    }
    for (size_t j = 0; j < cols; j++)
        for (size_t k = 0; k < j; k++)
            g_out[k * cols + j] = g_out[j * cols + k];
}

int wtl_cholesky(double *a, size_t n, double ridge, struct wtl_error *err)
{
    for (size_t j = 0; j < n; j++) {
        double *row = a + j * n;
        double own = row[j] + ridge;
        double left = own - wtl_dot(row, row, j);
        /* Below this the pivot is rounding error of the subtraction. */
        if (!(left > 1e-14 * fabs(own)))
            return WTL_FAIL(err, WTL_FAILED, "matrix is not positive definite (pivot %zu is %g)",
                            j + 1, left);
        row[j] = sqrt(left);
        for (size_t i = j + 1; i < n; i++)
            a[i * n + j] = (a[i * n + j] - wtl_dot(a + i * n, row, j)) / row[j];
        for (size_t k = j + 1; k < n; k++)
            row[k] = 0;
    }
    return 0;
}

void wtl_cholesky_forward(const double *l, size_t n, double *b)
{
    for (size_t i = 0; i < n; i++)
        b[i] = (b[i] - wtl_dot(l + i * n, b, i)) / l[i * n + i];
}

void wtl_cholesky_solve(const double *l, size_t n, double *b)
{
    wtl_cholesky_forward(l, n, b);
    for (size_t i = n; i-- > 0;) {
        for (size_t k = i + 1; k < n; k++)
            b[i] -= l[k * n + i] * b[k];
        b[i] /= l[i * n + i];
    }
}

double wtl_cholesky_logdet(const double *l, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += log(l[i * n + i]);
    return 2 * sum;
}

void wtl_cholesky_inverse(const double *l, size_t n, double *inverse_out)
{
    /* The inverse is symmetric: solving for unit vectors row by row fills rows with columns. */
    memset(inverse_out, 0, n * n * sizeof *inverse_out);
    for (size_t i = 0; i < n; i++) {
        inverse_out[i * n + i] = 1;
        wtl_cholesky_solve(l, n, inverse_out + i * n);
    }
}
