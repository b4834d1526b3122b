/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "stats/blocks.h"

#include <math.h>

enum { N = 400 };

static void autoregressive(struct wtl_rng *rng, double rho, double *x, int n)
{
    double e = wtl_rng_normal(rng);
    for (int i = 0; i < n; i++) {
        x[i] = e;
        e = rho * e + sqrt(1 - rho * rho) * wtl_rng_normal(rng);
    }
}

static void autocorrelation_of_known_series(void **state)
{
    (void)state;
    double alternating[100], flat[10] = {3, 3, 3, 3, 3, 3, 3, 3, 3, 3};
    for (int i = 0; i < 100; i++)
        alternating[i] = i % 2 ? 1 : -1;
    assert_near(wtl_autocorrelation(alternating, 100, 0), 1, 1e-15);
    assert_near(wtl_autocorrelation(alternating, 100, 1), -0.99, 1e-12);
    assert_near(wtl_autocorrelation(flat, 10, 1), 0, 0);
    assert_near(wtl_autocorrelation(flat, 1, 0), 0, 0);
}

static void length_grows_with_correlation(void **state)
{
    (void)state;
    struct wtl_rng rng;
    double x[N], mean[3] = {0};
    const double rho[3] = {0, 0.5, 0.85};
    for (int r = 0; r < 3; r++)
        for (uint64_t seed = 0; seed < 40; seed++) {
            wtl_rng_init_stream(&rng, seed, (uint64_t)r);
            autoregressive(&rng, rho[r], x, N);
            size_t length = wtl_block_length(x, N);
            assert_in_range(length, 7, N / 8); /* 400^(1/3) = 7.4 */
            mean[r] += (double)length / 40;
        }
    assert_true(mean[0] < 10);
    assert_true(mean[1] > mean[0] + 1 && mean[2] > mean[1] + 5);
    assert_int_equal(wtl_block_length(x, 3), 1);
}

/* The variance of a bootstrap mean must follow the correlation; single draws miss it. */
static void blocks_carry_the_correlation(void **state)
{
    (void)state;
    struct wtl_rng rng;
    double x[N], ratio_blocks = 0, ratio_single = 0;
    unsigned index[N];
    const double rho = 0.6, truth = (1 + rho) / (1 - rho) / N;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        wtl_rng_init(&rng, seed);
        autoregressive(&rng, rho, x, N);
        for (int single = 0; single < 2; single++) {
            size_t length = single ? 1 : wtl_block_length(x, N);
            double s = 0, s2 = 0;
            for (int b = 0; b < 400; b++) {
                double mean = 0;
                wtl_block_draw(&rng, N, length, index, 1);
                for (int i = 0; i < N; i++)
                    mean += x[index[i]] / N;
                s += mean;
                s2 += mean * mean;
            }
            double variance = s2 / 400 - s * s / 160000;
            *(single ? &ratio_single : &ratio_blocks) += variance / truth / 30;
        }
    }
    assert_true(ratio_blocks > 0.7 && ratio_blocks < 1.15);
    assert_true(ratio_single < 0.35);
}

static void draws_are_blocks_of_a_ring(void **state)
{
    (void)state;
    struct wtl_rng rng;
    unsigned index[N];
    int seen[N] = {0};
    wtl_rng_init(&rng, 7);
    for (int b = 0; b < 2000; b++) {
        wtl_block_draw(&rng, N, 9, index, 1);
        for (int i = 0; i < N; i++) {
            assert_true(index[i] < N);
            seen[index[i]]++;
            if (i % 9)
                assert_int_equal(index[i], (index[i - 1] + 1) % N);
        }
    }
    for (int i = 0; i < N; i++) /* 2000 expected, standard deviation about 3 x 45 */
        assert_in_range(seen[i], 1400, 2600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(autocorrelation_of_known_series),
        cmocka_unit_test(length_grows_with_correlation),
        cmocka_unit_test(blocks_carry_the_correlation),
        cmocka_unit_test(draws_are_blocks_of_a_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
