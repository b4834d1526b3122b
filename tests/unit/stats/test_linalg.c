/* SPDX-License-Identifier: Apache-2.0
 * Linear algebra against certified and exact values, and against numpy where it is installed. */
#include "support/support.h"

#include "base/random.h"
#include "stats/linalg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NIST StRD, Longley (1967): certified to 15 digits, condition number 4.9e9 before scaling.
 * https://www.itl.nist.gov/div898/strd/lls/data/Longley.shtml */
static const double longley[16][7] = {
    {60323, 83.0, 234289, 2356, 1590, 107608, 1947},
    {61122, 88.5, 259426, 2325, 1456, 108632, 1948},
    {60171, 88.2, 258054, 3682, 1616, 109773, 1949},
    {61187, 89.5, 284599, 3351, 1650, 110929, 1950},
    {63221, 96.2, 328975, 2099, 3099, 112075, 1951},
    {63639, 98.1, 346999, 1932, 3594, 113270, 1952},
    {64989, 99.0, 365385, 1870, 3547, 115094, 1953},
    {63761, 100.0, 363112, 3578, 3350, 116219, 1954},
    {66019, 101.2, 397469, 2904, 3048, 117388, 1955},
    {67857, 104.6, 419180, 2822, 2857, 118734, 1956},
    {68169, 108.4, 442769, 2936, 2798, 120445, 1957},
    {66513, 110.8, 444546, 4681, 2637, 121950, 1958},
    {68655, 112.6, 482704, 3813, 2552, 123366, 1959},
    {69564, 114.2, 502601, 3931, 2514, 125368, 1960},
    {69331, 115.7, 518173, 4806, 2572, 127852, 1961},
    {70551, 116.9, 554894, 4007, 2827, 130081, 1962},
};
static const double longley_coef[7] = {-3482258.63459582, 15.0618722713733,  -0.358191792925910E-01,
                                       -2.02022980381683, -1.03322686717359, -0.511041056535807E-01,
                                       1829.15146461355};
static const double longley_se[7] = {890420.383607373,  84.9149257747669,  0.334910077722432E-01,
                                     0.488399681651699, 0.214274163161675, 0.226073200069370,
                                     455.478499142212};

static void longley_problem(double *x, double *y)
{
    for (size_t i = 0; i < 16; i++) {
        y[i] = longley[i][0];
        x[i * 7] = 1;
        for (size_t j = 1; j < 7; j++)
            x[i * 7 + j] = longley[i][j];
    }
}

static void longley_is_certified(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    double x[16 * 7], y[16];
    longley_problem(x, y);
    struct wtl_lsq fit;
    assert_ok(wtl_least_squares(&arena, x, y, NULL, 16, 7, &fit, &err), &err);
    assert_int_equal(fit.rank, 7);
    assert_int_equal(fit.dof, 9);
    for (size_t j = 0; j < 7; j++) {
        assert_near(fit.coef[j] / longley_coef[j], 1, 1e-9);
        assert_near(fit.coef_se[j] / longley_se[j], 1, 1e-9);
    }
    assert_near(fit.sigma, 304.854073561965, 1e-8);
    assert_near(fit.rss / 836424.055505915, 1, 1e-10);
    assert_true(fit.condition > 1e3 && fit.condition < 1e6);
}

static double hilbert(size_t i, size_t j)
{
    return 1 / (double)(i + j + 1);
}

static double choose(size_t n, size_t k)
{
    double c = 1;
    for (size_t i = 1; i <= k; i++)
        c = c * (double)(n - k + i) / (double)i;
    return c;
}

/* Entry (i, j) of the inverse, exact integers (Choi 1983, doi:10.2307/2975779). */
static double hilbert_inverse(size_t n, size_t i, size_t j)
{
    double sign = (i + j) % 2 ? -1 : 1;
    double c = choose(i + j, i);
    return sign * (double)(i + j + 1) * choose(n + i, n - j - 1) * choose(n + j, n - i - 1) * c * c;
}

static void hilbert_systems_are_solved(void **state)
{
    (void)state;
    enum { N = 6 };
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    double a[N * N], l[N * N], inverse[N * N], b[N], x[N];
    for (size_t i = 0; i < N * N; i++)
        a[i] = l[i] = hilbert(i / N, i % N);
    for (size_t i = 0; i < N; i++) {
        b[i] = 0;
        for (size_t j = 0; j < N; j++)
            b[i] += a[i * N + j] * (double)(j + 1);
    }
    struct wtl_qr *qr;
    assert_ok(wtl_qr_factor(&arena, a, N, N, &qr, &err), &err);
    assert_int_equal(qr->rank, N);
    wtl_qr_solve(qr, b, x);
    for (size_t i = 0; i < N; i++)
        assert_near(x[i], (double)(i + 1), 1e-8); /* condition number 1.5e7 */
    assert_ok(wtl_cholesky(l, N, 0, &err), &err);
    wtl_cholesky_inverse(l, N, inverse);
    for (size_t i = 0; i < N * N; i++)
        assert_near(inverse[i] / hilbert_inverse(N, i / N, i % N), 1, 1e-8);
    /* det H_6 = 5.36729988735869e-18 (OEIS A005249: 186313420339200000). */
    assert_near(wtl_cholesky_logdet(l, N), -log(186313420339200000.0), 1e-8);
}

static void a_hilbert_matrix_too_far_is_deficient(void **state)
{
    (void)state;
    enum { N = 20 };
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    double a[N * N];
    for (size_t i = 0; i < N * N; i++)
        a[i] = hilbert(i / N, i % N);
    struct wtl_qr *qr;
    assert_ok(wtl_qr_factor(&arena, a, N, N, &qr, &err), &err);
    assert_true(qr->rank < N && qr->rank > 8);
    assert_true(isinf(wtl_qr_condition(qr)));
    assert_int_equal(wtl_cholesky(a, N, 0, &err), -(int)WTL_FAILED);
}

static void deficient_columns_get_zero_and_fit_is_kept(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    double x[5 * 3], y[5];
    for (size_t i = 0; i < 5; i++) {
        double t = (double)i;
        x[i * 3] = 1;
        x[i * 3 + 1] = 1e9 * t; /* units must not matter for the rank */
        x[i * 3 + 2] = 1e-9 * t;
        y[i] = 3 + 2 * t;
    }
    struct wtl_lsq fit;
    assert_ok(wtl_least_squares(&arena, x, y, NULL, 5, 3, &fit, &err), &err);
    assert_int_equal(fit.rank, 2);
    assert_int_equal(fit.dof, 3);
    assert_true(fit.coef[1] == 0 || fit.coef[2] == 0);
    for (size_t i = 0; i < 5; i++)
        assert_near(fit.fitted[i], y[i], 1e-12);
}

static void random_problem(struct wtl_rng *rng, double *x, double *y, double *w, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++) {
        x[i * n] = 1;
        for (size_t j = 1; j < n; j++)
            x[i * n + j] = wtl_rng_normal(rng);
        y[i] = wtl_rng_normal(rng);
        w[i] = 0.2 + wtl_rng_uniform(rng);
    }
}

enum { M = 12, N = 4 };

static void leverage_predicts_the_left_out_row(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_rng rng;
    wtl_rng_init(&rng, 7);
    double x[M * N], y[M], w[M];
    random_problem(&rng, x, y, w, M, N);
    struct wtl_lsq all;
    assert_ok(wtl_least_squares(&arena, x, y, w, M, N, &all, &err), &err);
    double sum = 0;
    for (size_t i = 0; i < M; i++) {
        sum += all.leverage[i];
        double kept = w[i];
        w[i] = 0;
        struct wtl_lsq without;
        assert_ok(wtl_least_squares(&arena, x, y, w, M, N, &without, &err), &err);
        assert_near(without.residual[i], all.residual[i] / (1 - all.leverage[i]), 1e-12);
        assert_near(without.leverage[i], 0, 1e-15);
        assert_int_equal(without.dof, M - 1 - N);
        w[i] = kept;
    }
    assert_near(sum, N, 1e-12);
}

static void hat_solver_and_inverse_agree(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_rng rng;
    wtl_rng_init(&rng, 8);
    double x[M * N], y[M], w[M], hat[M * M], solver[N * M], h[M], fitted[M], coef[N];
    random_problem(&rng, x, y, w, M, N);
    struct wtl_lsq fit;
    struct wtl_qr *qr;
    assert_ok(wtl_least_squares(&arena, x, y, NULL, M, N, &fit, &err), &err);
    assert_ok(wtl_qr_factor(&arena, x, M, N, &qr, &err), &err);
    wtl_qr_hat(qr, hat);
    wtl_qr_leverage(qr, h);
    wtl_qr_solver(qr, solver);
    wtl_matvec(hat, M, M, y, fitted);
    wtl_matvec(solver, N, M, y, coef);
    for (size_t i = 0; i < M; i++) {
        assert_near(fitted[i], fit.fitted[i], 1e-12);
        assert_near(hat[i * M + i], h[i], 1e-14);
    }
    double gram[N * N], inverse[N * N], product[N * N];
    wtl_gram(x, NULL, M, N, gram);
    wtl_qr_inverse_gram(qr, inverse);
    wtl_matmul(gram, inverse, N, N, N, product);
    for (size_t j = 0; j < N; j++)
        assert_near(coef[j], fit.coef[j], 1e-12);
    for (size_t i = 0; i < N * N; i++)
        assert_near(product[i], i / N == i % N ? 1 : 0, 1e-12);
}

static void ridge_solves_its_normal_equations(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_rng rng;
    wtl_rng_init(&rng, 9);
    double x[M * N], y[M], w[M], wy[M], coef[N], gram[N * N], right[N];
    random_problem(&rng, x, y, w, M, N);
    const double penalty[N] = {0, 0.5, 3, 1e6}, prior[N] = {0, 1, -2, 0.25};
    assert_ok(wtl_ridge(&arena, x, y, w, M, N, penalty, prior, coef, &err), &err);
    wtl_gram(x, w, M, N, gram);
    for (size_t i = 0; i < M; i++)
        wy[i] = w[i] * y[i];
    wtl_matvec_t(x, M, N, wy, right);
    for (size_t j = 0; j < N; j++) {
        gram[j * N + j] += penalty[j];
        right[j] += penalty[j] * prior[j];
    }
    assert_ok(wtl_cholesky(gram, N, 0, &err), &err);
    wtl_cholesky_solve(gram, N, right);
    for (size_t j = 0; j < N; j++)
        assert_near(coef[j], right[j], 1e-10);
    assert_near(coef[3], 0.25, 1e-4); /* a strong penalty holds the prior */
}

static void fewer_rows_than_columns_need_a_penalty(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    const double x[2] = {1, 2}, y[1] = {5}, one[2] = {1, 1};
    double coef[2];
    struct wtl_lsq fit = {.rows = 99};
    assert_int_equal(wtl_least_squares(&arena, x, y, NULL, 1, 2, &fit, &err), -(int)WTL_USAGE);
    assert_int_equal(fit.rows, 99);
    assert_ok(wtl_ridge(&arena, x, y, NULL, 1, 2, one, NULL, coef, &err), &err);
    assert_near(coef[0], 5.0 / 6, 1e-12); /* x (x'x + 1)^-1 y */
    assert_near(coef[1], 10.0 / 6, 1e-12);
}

static void bad_values_are_refused_and_outputs_untouched(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    double x[3] = {1, 2, 3}, y[3] = {1, (double)NAN, 3}, w[3] = {1, 1, 1}, coef[1] = {42};
    const double bad_penalty[1] = {-1};
    struct wtl_lsq fit = {.rows = 99};
    struct wtl_qr *qr = NULL;
    assert_int_equal(wtl_least_squares(&arena, x, y, w, 3, 1, &fit, &err), -(int)WTL_USAGE);
    assert_non_null(strstr(err.message, "value 2 of 3"));
    y[1] = 2;
    w[2] = -1;
    assert_int_equal(wtl_least_squares(&arena, x, y, w, 3, 1, &fit, &err), -(int)WTL_USAGE);
    assert_non_null(strstr(err.message, "weight 3 is -1"));
    x[0] = HUGE_VAL;
    assert_int_equal(wtl_qr_factor(&arena, x, 3, 1, &qr, &err), -(int)WTL_USAGE);
    x[0] = 1;
    assert_int_equal(wtl_ridge(&arena, x, y, NULL, 3, 1, bad_penalty, NULL, coef, &err),
                     -(int)WTL_USAGE);
    assert_int_equal(fit.rows, 99);
    assert_null(qr);
    assert_near(coef[0], 42, 0);
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    double x[16 * 7], y[16];
    longley_problem(x, y);
    int failed = 0;
    for (long at = 1; at < 20; at++) {
        struct wtl_alloc_failing counter;
        struct wtl_arena arena;
        struct wtl_lsq fit = {.rows = 99};
        wtl_arena_init(&arena, wtl_alloc_failing(&counter, at));
        int rc = wtl_least_squares(&arena, x, y, NULL, 16, 7, &fit, NULL);
        failed += rc == -(int)WTL_NOMEM && fit.rows == 99;
        assert_true(rc == 0 || rc == -(int)WTL_NOMEM);
        wtl_arena_fini(&arena);
    }
    assert_true(failed > 0 && failed < 19);
}

static void norm_does_not_overflow(void **state)
{
    (void)state;
    const double x[2] = {3e200, 4e200}, zero[2] = {0, 0};
    assert_near(wtl_norm(x, 2) / 5e200, 1, 1e-15);
    assert_near(wtl_norm(zero, 2), 0, 0);
}

/* numpy.linalg.lstsq and the hat diagonal on the Longley data with weights 1..16. */
static void agrees_with_numpy(void **state)
{
    (void)state;
    if (system("/usr/bin/python3 -c 'import numpy' 2>/dev/null") != 0) {
        print_message("# skipped: /usr/bin/python3 has no numpy\n");
        skip();
    }
    char script[4096];
    int n =
        snprintf(script, sizeof script, "/usr/bin/python3 -c 'import numpy as np\nd=np.array([");
    for (size_t i = 0; i < 16; i++)
        for (size_t j = 0; j < 7; j++)
            n += snprintf(script + n, sizeof script - (size_t)n, "%.17g,", longley[i][j]);
    snprintf(script + n, sizeof script - (size_t)n,
             "]).reshape(16,7)\ny=d[:,0].copy();x=d.copy();x[:,0]=1;w=np.arange(1,17)**0.5\n"
             "s=np.linalg.norm(x*w[:,None],axis=0);q=x*w[:,None]/s\n"
             "c=np.linalg.lstsq(q,y*w,rcond=None)[0]/s\nh=np.sum(np.linalg.qr(q)[0]**2,axis=1)\n"
             "print(*[\"%%.17g\"%%v for v in [*c,*h]])'");
    FILE *pipe = popen(script, "r");
    assert_non_null(pipe);
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    double x[16 * 7], y[16], w[16], want;
    longley_problem(x, y);
    for (int i = 0; i < 16; i++)
        w[i] = i + 1;
    struct wtl_lsq fit;
    assert_ok(wtl_least_squares(&arena, x, y, w, 16, 7, &fit, &err), &err);
    for (size_t j = 0; j < 7; j++) {
        assert_int_equal(fscanf(pipe, "%lf", &want), 1);
        assert_near(fit.coef[j] / want, 1, 1e-9);
    }
    for (size_t i = 0; i < 16; i++) {
        assert_int_equal(fscanf(pipe, "%lf", &want), 1);
        assert_near(fit.leverage[i], want, 1e-10);
    }
    assert_int_equal(pclose(pipe), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longley_is_certified),
        cmocka_unit_test(hilbert_systems_are_solved),
        cmocka_unit_test(a_hilbert_matrix_too_far_is_deficient),
        cmocka_unit_test(deficient_columns_get_zero_and_fit_is_kept),
        cmocka_unit_test(leverage_predicts_the_left_out_row),
        cmocka_unit_test(hat_solver_and_inverse_agree),
        cmocka_unit_test(ridge_solves_its_normal_equations),
        cmocka_unit_test(fewer_rows_than_columns_need_a_penalty),
        cmocka_unit_test(bad_values_are_refused_and_outputs_untouched),
        cmocka_unit_test(every_failing_allocation_is_reported),
        cmocka_unit_test(norm_does_not_overflow),
        cmocka_unit_test(agrees_with_numpy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
