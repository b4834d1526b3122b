/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/clock.h"
#include "base/random.h"

#include <math.h>

/* First outputs of xoshiro256** from the state {1, 2, 3, 4}: the vector that rand_xoshiro and
 * other ports of the reference implementation test against. */
static void matches_the_published_sequence(void **state)
{
    (void)state;
    static const uint64_t expected[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
        UINT64_C(10595114339597558777),
        UINT64_C(2904607092377533576),
    };
    struct wtl_rng rng = {.s = {1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_true(wtl_rng_next(&rng) == expected[i]);
}

static void one_seed_is_one_sequence_and_streams_differ(void **state)
{
    (void)state;
    struct wtl_rng a, b, c;
    wtl_rng_init_stream(&a, 5, 1);
    wtl_rng_init_stream(&b, 5, 1);
    wtl_rng_init_stream(&c, 5, 2);
    int same = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t x = wtl_rng_next(&a);
        assert_true(x == wtl_rng_next(&b));
        same += x == wtl_rng_next(&c);
    }
    assert_int_equal(same, 0);
}

static void moments_are_right(void **state)
{
    (void)state;
    enum { N = 200000 };
    struct wtl_rng rng;
    wtl_rng_init(&rng, 3);
    double u = 0, z = 0, zz = 0, zzzz = 0, e = 0;
    for (int i = 0; i < N; i++) {
        u += wtl_rng_uniform(&rng) / N;
        double x = wtl_rng_normal(&rng);
        z += x / N;
        zz += x * x / N;
        zzzz += x * x * x * x / N;
        e += wtl_rng_exponential(&rng) / N;
    }
    /* Five standard errors each. */
    assert_near(u, 0.5, 5 * 0.2887 / sqrt(N));
    assert_near(z, 0, 5 / sqrt(N));
    assert_near(zz, 1, 5 * sqrt(2.0 / N));
    assert_near(zzzz, 3, 5 * sqrt(96.0 / N));
    assert_near(e, 1, 5 / sqrt(N));
}

static void below_is_uniform_and_shuffle_permutes(void **state)
{
    (void)state;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 11);
    int count[7] = {0};
    for (int i = 0; i < 70000; i++)
        count[wtl_rng_below(&rng, 7)]++;
    double chi2 = 0;
    for (int i = 0; i < 7; i++)
        chi2 += (count[i] - 10000.0) * (count[i] - 10000.0) / 10000.0;
    assert_true(chi2 < 22.5); /* 99.9 % quantile, 6 degrees of freedom */
    int items[50];
    for (int i = 0; i < 50; i++)
        items[i] = i;
    wtl_rng_shuffle(&rng, items, 50);
    int sum = 0, moved = 0;
    for (int i = 0; i < 50; i++) {
        sum += items[i];
        moved += items[i] != i;
    }
    assert_int_equal(sum, 1225);
    assert_true(moved > 30);
}

static void clock_formats_utc_and_can_stand_still(void **state)
{
    (void)state;
    int64_t at = INT64_C(1752023856) * WTL_NS_PER_S;
    struct wtl_clock clock = wtl_clock_fixed(&at);
    char buf[32];
    assert_string_equal(wtl_format_utc(clock.wall_ns(clock.ctx), buf, sizeof buf),
                        "2025-07-09T01:17:36Z");
    struct wtl_clock real = wtl_clock_system();
    int64_t first = real.monotonic_ns(real.ctx);
    assert_true(real.monotonic_ns(real.ctx) >= first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_published_sequence),
        cmocka_unit_test(one_seed_is_one_sequence_and_streams_differ),
        cmocka_unit_test(moments_are_right),
        cmocka_unit_test(below_is_uniform_and_shuffle_permutes),
        cmocka_unit_test(clock_formats_utc_and_can_stand_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
