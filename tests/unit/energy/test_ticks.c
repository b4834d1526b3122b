/* SPDX-License-Identifier: Apache-2.0
 * Updates of polled sensors, and their period. */
#include "support/support.h"

#include "base/random.h"
#include "energy/ticks.h"

#define MS INT64_C(1000000)

/* A counter that ticks every `period` from `phase` on. */
static double counter(int64_t t, int64_t period, int64_t phase)
{
    return (double)((t - phase + period) / period);
}

/* Polls at `every` plus up to `late`; returns the largest distance of a tick's middle from the
 * truth after the first half, and checks that each lies within its bounds, jitter added. */
static int64_t follow(struct wtl_ticks *k, int64_t period, int64_t phase, int64_t every,
                      int64_t late, int64_t until)
{
    struct wtl_rng rng;
    struct wtl_tick tick;
    int64_t worst = 0;
    wtl_rng_init(&rng, 7);
    wtl_ticks_init(k);
    for (int64_t t = 0; t < until; t += every + (int64_t)((double)late * wtl_rng_uniform(&rng))) {
        if (!wtl_ticks_push(k, t, counter(t, period, phase), 0, &tick))
            continue;
        int64_t truth = phase + (t - phase) / period * period;
        int64_t jitter = (int64_t)tick.jitter_ns;
        assert_true(tick.lo_ns - jitter <= truth && truth <= tick.hi_ns + jitter);
        int64_t off = wtl_tick_middle_ns(&tick) - truth;
        off = off < 0 ? -off : off;
        if (t > until / 2 && off > worst)
            worst = off;
    }
    return worst;
}

static void test_period(void **state)
{
    (void)state;
    struct wtl_ticks k;
    (void)follow(&k, 100 * MS, 37 * MS, 5 * MS, MS, 700 * MS);
    assert_int_equal(wtl_ticks_period_ns(&k), 0); /* too few */
    (void)follow(&k, 100 * MS, 37 * MS, 5 * MS, MS, 3000 * MS);
    assert_near((double)wtl_ticks_period_ns(&k), 100e6, 0.3e6);
    (void)follow(&k, 20 * MS, 3 * MS, 7 * MS, MS, 3000 * MS);
    assert_near((double)wtl_ticks_period_ns(&k), 20e6, 0.2e6);
    /* Every poll sees a change: the period is not longer than they are apart. */
    (void)follow(&k, 1 * MS, 0, 10 * MS, 0, 3000 * MS);
    assert_near((double)wtl_ticks_period_ns(&k), 10e6, 0.1e6);
}

/* The beat narrows ticks down far below the distance of polls. */
static void test_narrowed(void **state)
{
    (void)state;
    struct wtl_ticks k;
    assert_in_range(follow(&k, 100 * MS, 37 * MS, 13 * MS, 5 * MS, 20000 * MS), 0, 2 * MS);
}

/* Half of the updates bring the value of before. */
static void test_equal_values(void **state)
{
    (void)state;
    struct wtl_ticks k;
    struct wtl_tick tick;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 1);
    wtl_ticks_init(&k);
    double value = 0;
    int64_t updates = 0;
    for (int64_t t = 0; t < 20000 * MS; t += 9 * MS) {
        for (; updates < t / (100 * MS); updates++)
            value += wtl_rng_uniform(&rng) < 0.5 ? 1 : 0;
        (void)wtl_ticks_push(&k, t, value, 0, &tick);
    }
    assert_near((double)wtl_ticks_period_ns(&k), 100e6, 2e6);
}

static void test_stamps(void **state)
{
    (void)state;
    struct wtl_ticks k;
    struct wtl_tick tick;
    wtl_ticks_init(&k);
    int64_t n = 0;
    /* A constant value, stamped with its update: ticks are seen, at their very moment. */
    for (int64_t t = 1; t < 2000 * MS; t += 8 * MS)
        if (wtl_ticks_push(&k, t, 50, t / (100 * MS) * (100 * MS) + 1, &tick)) {
            n++;
            assert_true(tick.lo_ns == tick.hi_ns && tick.lo_ns % (100 * MS) == 1);
        }
    assert_true(wtl_ticks_stamped(&k));
    assert_in_range(n, 17, 19);
    /* Stamps that are the time of the query are not of updates. */
    wtl_ticks_init(&k);
    for (int64_t t = 1; t < 2000 * MS; t += 8 * MS)
        (void)wtl_ticks_push(&k, t, (double)(t / (100 * MS)), t, &tick);
    assert_false(wtl_ticks_stamped(&k));
    assert_near((double)wtl_ticks_period_ns(&k), 100e6, 2e6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_period),
        cmocka_unit_test(test_narrowed),
        cmocka_unit_test(test_equal_values),
        cmocka_unit_test(test_stamps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
