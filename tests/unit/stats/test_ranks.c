/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/random.h"
#include "stats/ranks.h"

#include <math.h>

/* The sum of the terms themselves. */
static double cdf_by_sum(int64_t k, int64_t n, double p)
{
    int sign;
    double sum = 0;
    for (int64_t i = 0; i <= k; i++)
        sum += exp(lgamma_r((double)n + 1, &sign) - lgamma_r((double)i + 1, &sign) -
                   lgamma_r((double)(n - i) + 1, &sign) + (double)i * log(p) +
                   (double)(n - i) * log1p(-p));
    return sum;
}

static void binomial_equals_its_sum(void **state)
{
    (void)state;
    static const double p[] = {0.5, 0.9, 0.99};
    for (int i = 0; i < 3; i++) {
        for (int64_t n = 1; n <= 400; n += 57)
            for (int64_t k = 0; k < n; k += 1 + n / 9)
                assert_near(wtl_binomial_cdf(k, n, p[i]), cdf_by_sum(k, n, p[i]), 1e-10);
        int64_t middle = (int64_t)(9999 * p[i]);
        for (int64_t k = middle - 50; k <= middle + 50; k += 10) {
            assert_near(wtl_binomial_cdf(k, 9999, p[i]), cdf_by_sum(k, 9999, p[i]), 1e-8);
            assert_near(wtl_binomial_cdf(k, 10001, p[i]), cdf_by_sum(k, 10001, p[i]), 1e-3);
        }
    }
    assert_near(wtl_binomial_cdf(-1, 10, 0.5), 0, 0);
    assert_near(wtl_binomial_cdf(10, 10, 0.5), 1, 0);
}

/* Conover 1999, "Practical Nonparametric Statistics", and by hand: 1 - 0.5^n, 1 - 0.99^n. */
static void known_ranks(void **state)
{
    (void)state;
    int64_t lo, hi;
    wtl_quantile_ranks(6, 0.5, 0.95, &lo, &hi); /* 2 / 2^6 = 0.031 */
    assert_int_equal(lo, 1);
    assert_int_equal(hi, 6);
    wtl_quantile_ranks(5, 0.5, 0.95, &lo, &hi); /* 2 / 2^5 = 0.0625 */
    assert_int_equal(lo, 0);
    assert_int_equal(hi, 6);
    wtl_quantile_ranks(20, 0.5, 0.95, &lo, &hi);
    assert_int_equal(lo, 6);
    assert_int_equal(hi, 15);
    wtl_quantile_ranks(100, 0.5, 0.95, &lo, &hi);
    assert_int_equal(lo, 40);
    assert_int_equal(hi, 61);
    wtl_quantile_ranks(367, 0.99, 0.95, &lo, &hi); /* 0.99^367 = 0.02502 */
    assert_int_equal(hi, 368);
    wtl_quantile_ranks(368, 0.99, 0.95, &lo, &hi);
    assert_int_equal(hi, 368);
    wtl_quantile_ranks(1, 0.5, 0.95, &lo, &hi);
    assert_int_equal(lo, 0);
    assert_int_equal(hi, 2);
}

/* What is promised: never more than 2.5 % outside on a side, and one rank closer would be more. */
static void narrowest_with_their_coverage(void **state)
{
    (void)state;
    static const double p[] = {0.1, 0.5, 0.95, 0.99};
    static const int64_t counts[] = {7, 50, 1000, 9000, 200000};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++) {
            int64_t n = counts[j], lo, hi;
            wtl_quantile_ranks(n, p[i], 0.95, &lo, &hi);
            assert_true(lo >= 0 && lo <= wtl_quantile_rank(n, p[i]));
            assert_true(hi <= n + 1 && hi >= wtl_quantile_rank(n, p[i]));
            assert_true(lo == 0 || wtl_binomial_cdf(lo - 1, n, p[i]) <= 0.025);
            assert_true(wtl_binomial_cdf(lo, n, p[i]) > 0.025);
            assert_true(hi == n + 1 || 1 - wtl_binomial_cdf(hi - 1, n, p[i]) <= 0.025 + 1e-12);
            assert_true(1 - wtl_binomial_cdf(hi - 2, n, p[i]) > 0.025);
        }
}

static void rank_of_the_estimate(void **state)
{
    (void)state;
    assert_int_equal(wtl_quantile_rank(100, 0.07), 7);
    assert_int_equal(wtl_quantile_rank(100, 0.99), 99);
    assert_int_equal(wtl_quantile_rank(101, 0.99), 100);
    assert_int_equal(wtl_quantile_rank(1, 0.5), 1);
    assert_int_equal(wtl_quantile_rank(3, 0.5), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binomial_equals_its_sum),
        cmocka_unit_test(known_ranks),
        cmocka_unit_test(narrowest_with_their_coverage),
        cmocka_unit_test(rank_of_the_estimate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
