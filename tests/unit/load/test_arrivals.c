/* SPDX-License-Identifier: Apache-2.0
 * Arrivals in simulated time: their distribution, their repeatability, traces and speed. */
#include "support/support.h"

#include "base/clock.h"
#include "load/arrivals.h"

#include <math.h>
#include <stdlib.h>

enum { N = 20000 };

static double *gaps_of(struct wtl_arrivals a)
{
    static double gap[N];
    int64_t last = 0;
    for (int i = 0; i < N; i++) {
        int64_t t = 0;
        assert_true(wtl_arrivals_next(&a, &t));
        assert_true(t >= last);
        gap[i] = (double)(t - last) / (double)WTL_NS_PER_S;
        last = t;
    }
    return gap;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The gaps of 20 seeds against the exponential distribution. Kolmogorov and Smirnov: sqrt(n) D is
 * above 1.95 once in 1000 samples, so that one in 20 is already a reason to look. */
static void poisson_gaps_are_exponential(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        double *gap = gaps_of(wtl_arrivals_at_rate(WTL_ARRIVAL_POISSON, 250, seed));
        double sum = 0, square = 0, d = 0;
        qsort(gap, N, sizeof *gap, ascending);
        for (int i = 0; i < N; i++) {
            double f = 1 - exp(-250 * gap[i]);
            sum += gap[i];
            square += gap[i] * gap[i];
            d = fmax(d, fmax(fabs(f - (double)i / N), fabs((double)(i + 1) / N - f)));
        }
        double mean = sum / N, variance = square / N - mean * mean;
        /* Five standard errors: mean 1/sqrt(N), variance sqrt(8/N) relative. */
        assert_near(mean * 250, 1, 5 / sqrt(N));
        assert_near(variance * 250 * 250, 1, 5 * sqrt(8.0 / N));
        assert_true(sqrt(N) * d < 1.95);
    }
}

/* Arrivals in intervals of fixed length have a variance equal to their mean, and neighbours are
 * not correlated: what exponential gaps drawn in the wrong order would not give. */
static void poisson_counts_have_their_variance(void **state)
{
    (void)state;
    struct wtl_arrivals a = wtl_arrivals_at_rate(WTL_ARRIVAL_POISSON, 1000, 7);
    enum { BINS = 4000 };
    static double count[BINS];
    int64_t t = 0;
    while (wtl_arrivals_next(&a, &t) && t < BINS * INT64_C(10000000))
        count[t / 10000000]++;
    double sum = 0, square = 0, lag = 0;
    for (int i = 0; i < BINS; i++)
        sum += count[i];
    for (int i = 0; i < BINS; i++) {
        square += pow(count[i] - sum / BINS, 2);
        lag += i ? (count[i] - sum / BINS) * (count[i - 1] - sum / BINS) : 0;
    }
    assert_near(sum / BINS, 10, 5 * sqrt(10.0 / BINS));
    assert_near(square / sum, 1, 5 * sqrt(2.0 / BINS));
    assert_near(lag / square, 0, 5 / sqrt(BINS));
}

static void a_seed_gives_the_same_times(void **state)
{
    (void)state;
    struct wtl_arrivals a = wtl_arrivals_at_rate(WTL_ARRIVAL_POISSON, 10, 3);
    struct wtl_arrivals b = wtl_arrivals_at_rate(WTL_ARRIVAL_POISSON, 10, 3);
    struct wtl_arrivals c = wtl_arrivals_at_rate(WTL_ARRIVAL_POISSON, 10, 4);
    int same = 0;
    for (int i = 0; i < 1000; i++) {
        int64_t x = 0, y = 0, z = 0;
        assert_true(wtl_arrivals_next(&a, &x) && wtl_arrivals_next(&b, &y));
        assert_true(wtl_arrivals_next(&c, &z));
        assert_int_equal(x, y);
        same += x == z;
    }
    assert_int_equal(same, 0);
}

static void uniform_arrivals_do_not_drift(void **state)
{
    (void)state;
    struct wtl_arrivals a = wtl_arrivals_at_rate(WTL_ARRIVAL_UNIFORM, 3, 1);
    int64_t t = 0;
    for (int i = 0; i < 3000000; i++)
        assert_true(wtl_arrivals_next(&a, &t));
    assert_int_equal(t, 1000000 * WTL_NS_PER_S);
}

static void a_trace_is_played_at_its_speed_and_ends(void **state)
{
    (void)state;
    const int64_t times[] = {5000000000, 5000000000, 6000000000, 9000000000};
    const int64_t want[] = {0, 0, 500000000, 2000000000};
    struct wtl_arrivals a = wtl_arrivals_of_trace(times, 4, 2);
    for (int i = 0; i < 4; i++) {
        int64_t t = -1;
        assert_true(wtl_arrivals_next(&a, &t));
        assert_int_equal(t, want[i]);
    }
    int64_t t = 42;
    assert_false(wtl_arrivals_next(&a, &t));
    assert_int_equal(t, 42);
}

/* So slow that the numbers would not hold it. */
static void times_beyond_the_clock_stand_still(void **state)
{
    (void)state;
    struct wtl_arrivals a = wtl_arrivals_at_rate(WTL_ARRIVAL_UNIFORM, 1e-12, 1);
    int64_t t = 0;
    assert_true(wtl_arrivals_next(&a, &t));
    assert_int_equal(t, INT64_C(1) << 62);
    assert_true(wtl_arrivals_next(&a, &t));
    assert_int_equal(t, INT64_C(1) << 62);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(poisson_gaps_are_exponential),
        cmocka_unit_test(poisson_counts_have_their_variance),
        cmocka_unit_test(a_seed_gives_the_same_times),
        cmocka_unit_test(uniform_arrivals_do_not_drift),
        cmocka_unit_test(a_trace_is_played_at_its_speed_and_ends),
        cmocka_unit_test(times_beyond_the_clock_stand_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
