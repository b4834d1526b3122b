/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"
#include "stats/robust.h"
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void quantiles_of_known_samples(void **state)
{
    (void)state;
    double x[] = {4, 1, 3, 2}; /* R: quantile(1:4, c(.1, .25, .5, .9)) */
    assert_near(wtl_quantile(x, 4, 0.10), 1.3, 1e-12);
    assert_near(wtl_quantile(x, 4, 0.25), 1.75, 1e-12);
    assert_near(wtl_median(x, 4), 2.5, 1e-12);
    assert_near(wtl_quantile(x, 4, 0.90), 3.7, 1e-12);
    assert_near(wtl_quantile(x, 4, 0), 1, 0);
    assert_near(wtl_quantile(x, 4, 1), 4, 0);
    assert_near(wtl_median(x, 0), 0, 0);
}

static void selection_equals_sorting(void **state)
{
    (void)state;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 7);
    for (int round = 0; round < 4000; round++) {
        double x[40], sorted[40];
        size_t n = 1 + wtl_rng_below(&rng, 40);
        uint32_t values = 1 + wtl_rng_below(&rng, 50); /* few: many ties */
        for (size_t i = 0; i < n; i++)
            x[i] = sorted[i] = (double)wtl_rng_below(&rng, values);
        qsort(sorted, n, sizeof *sorted, ascending);
        double p = wtl_rng_uniform(&rng);
        assert_near(wtl_quantile(x, n, p), wtl_quantile_sorted(sorted, n, p), 1e-12);
        qsort(x, n, sizeof *x, ascending); /* nothing lost */
        assert_memory_equal(x, sorted, n * sizeof *x);
    }
}

static void weighted_median(void **state)
{
    (void)state;
    double x[] = {10, 1, 5}, w[] = {1, 1, 3};
    assert_near(wtl_weighted_median(x, w, 3), 5, 0);
    double y[] = {4, 2}, v[] = {1, 1};
    assert_near(wtl_weighted_median(y, v, 2), 3, 0);
    double z[] = {4, 2, 9}, u[] = {0, 0, 2};
    assert_near(wtl_weighted_median(z, u, 3), 9, 0);
}

/* The factors must make the mean of the estimate 1 for standard normal samples. */
static void mad_is_unbiased_at_small_n(void **state)
{
    (void)state;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 3);
    for (size_t n = 2; n <= 12; n++) {
        double sum = 0, x[12];
        enum { ROUNDS = 60000 };
        for (int round = 0; round < ROUNDS; round++) {
            for (size_t i = 0; i < n; i++)
                x[i] = wtl_rng_normal(&rng);
            sum += wtl_mad(x, n);
        }
        assert_near(sum / ROUNDS, 1, 0.015); /* standard error is under 0.004 */
    }
    double one = 5;
    assert_near(wtl_mad(&one, 1), 0, 0);
}

static void pair_scale_is_unbiased_and_resists(void **state)
{
    (void)state;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 11);
    double sum[2] = {0, 0}, pair[2][300];
    enum { ROUNDS = 1500, CELLS = 60 };
    for (int round = 0; round < ROUNDS; round++) {
        size_t n = 0, m = 0;
        for (int c = 0; c < CELLS; c++) {
            double centre = 100 * wtl_rng_normal(&rng), x[3];
            int size = 2 + (c & 1);
            for (int i = 0; i < size; i++)
                x[i] = centre + wtl_rng_normal(&rng);
            for (int i = 0; i < size; i++)
                for (int j = i + 1; j < size; j++)
                    pair[0][n++] = fabs(x[i] - x[j]);
            if (c % 10 == 0)
                x[0] += 50; /* a bad run in every tenth cell */
            for (int i = 0; i < size; i++)
                for (int j = i + 1; j < size; j++)
                    pair[1][m++] = fabs(x[i] - x[j]);
        }
        sum[0] += wtl_pair_scale(pair[0], n);
        sum[1] += wtl_pair_scale(pair[1], m);
    }
    assert_near(sum[0] / ROUNDS, 1, 0.02);
    assert_near(sum[1] / ROUNDS, 1, 0.15);
}

static void theil_sen_ignores_a_wild_point(void **state)
{
    (void)state;
    double x[] = {1, 2, 3, 4, 5, 6}, y[] = {3, 5, 7, 900, 11, 13}, slopes[15];
    assert_near(wtl_theil_sen(x, y, 6, slopes), 2, 1e-12);
    double same[] = {1, 1, 1};
    assert_near(wtl_theil_sen(same, y, 3, slopes), 0, 0);
}

static void moments(void **state)
{
    (void)state;
    double x[] = {2, 4, 4, 4, 5, 5, 7, 9};
    assert_near(wtl_mean(x, 8), 5, 1e-12);
    assert_near(wtl_sd(x, 8), sqrt(32.0 / 7), 1e-12);
    assert_near(wtl_sd(x, 1), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_of_known_samples),
        cmocka_unit_test(selection_equals_sorting),
        cmocka_unit_test(weighted_median),
        cmocka_unit_test(mad_is_unbiased_at_small_n),
        cmocka_unit_test(pair_scale_is_unbiased_and_resists),
        cmocka_unit_test(theil_sen_ignores_a_wild_point),
        cmocka_unit_test(moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
