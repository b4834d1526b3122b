/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/random.h"
#include "load/throughput.h"

static void work_over_time(void **state)
{
    (void)state;
    struct wtl_throughput t = {.each = 0};
    struct wtl_rate_estimate e = {.n = -1};
    assert_false(wtl_throughput_rate(&t, &e));
    assert_int_equal(e.n, -1);
    for (int i = 0; i < 7; i++)
        wtl_throughput_add(&t, 4, 0.5);
    assert_true(wtl_throughput_rate(&t, &e));
    assert_near(e.per_s, 8, 1e-12);
    assert_false(e.has_interval);
    wtl_throughput_add(&t, 4, 0.5);
    assert_true(wtl_throughput_rate(&t, &e));
    assert_true(e.has_interval); /* of no width: all are the same */
    assert_near(e.lo_per_s, 8, 1e-9);
    assert_near(e.hi_per_s, 8, 1e-9);
    assert_int_equal(e.n, 8);
}

/* What ends before the window does has the rate of the window, and an interval that shows it. */
static void the_end_of_the_window_counts(void **state)
{
    (void)state;
    struct wtl_throughput t = {.each = 0};
    struct wtl_rate_estimate e;
    wtl_throughput_end(&t, 2); /* nothing at all was done */
    assert_true(wtl_throughput_rate(&t, &e));
    assert_near(e.per_s, 0, 1e-12);
    t = (struct wtl_throughput){.each = 0};
    for (int i = 0; i < 100; i++) /* 100/s for a second, nothing in the four behind it */
        wtl_throughput_add(&t, 1, 0.01);
    wtl_throughput_end(&t, 4);
    assert_true(wtl_throughput_rate(&t, &e));
    assert_near(e.per_s, 20, 1e-9);
    assert_near(t.time_s, 5, 1e-9);
    assert_true(e.has_interval && e.lo_per_s < 10 && e.hi_per_s > 30);
    t = (struct wtl_throughput){.each = 0};
    for (int i = 0; i < 40; i++)
        wtl_throughput_add(&t, 1, 0.01);
    wtl_throughput_end(&t, 0.005); /* a part of a segment is none */
    assert_true(wtl_throughput_rate(&t, &e));
    assert_near(e.per_s, 40 / 0.405, 1e-9);
    assert_int_equal(e.n, 40);
}

static void segments_stay_few_and_lose_nothing(void **state)
{
    (void)state;
    struct wtl_throughput t = {.each = 0};
    struct wtl_rate_estimate e;
    for (int i = 1; i <= 100000; i++) {
        wtl_throughput_add(&t, i % 3, 0.001);
        double work = 0, time_s = 0;
        if (i % 997)
            continue;
        for (int k = 0; k <= t.n; k++) {
            work += t.segment_work[k];
            time_s += t.segment_s[k];
        }
        assert_near(work, t.work, 1e-9);
        assert_near(time_s, t.time_s, 1e-9);
        assert_true(t.n < WTL_SEGMENTS);
    }
    assert_true(wtl_throughput_rate(&t, &e));
    assert_near(e.per_s, 1000, 0.1);
    assert_true(e.n >= WTL_SEGMENTS / 2);
}

/* Of 1000 seeds the interval holds the truth in 950, give or take; batches of random size and time,
 * each time half of the one before. */
static void interval_holds_the_truth(void **state)
{
    (void)state;
    enum { SEEDS = 1000 };
    int held = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct wtl_throughput t = {.each = 0};
        struct wtl_rate_estimate e;
        struct wtl_rng rng;
        double last = 1;
        wtl_rng_init(&rng, seed);
        for (int i = 0; i < 3000; i++) {
            last = 0.5 * last + 0.5 * wtl_rng_exponential(&rng);
            wtl_throughput_add(&t, 1 + wtl_rng_below(&rng, 7), last);
        }
        assert_true(wtl_throughput_rate(&t, &e) && e.has_interval);
        held += e.lo_per_s <= 4 && 4 <= e.hi_per_s;
    }
    assert_true(held >= 930 && held <= 970);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_over_time),
        cmocka_unit_test(the_end_of_the_window_counts),
        cmocka_unit_test(segments_stay_few_and_lose_nothing),
        cmocka_unit_test(interval_holds_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
