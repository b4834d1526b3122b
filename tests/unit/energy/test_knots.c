/* SPDX-License-Identifier: Apache-2.0
 * Energy between the moments at which it is known. */
#include "support/support.h"

#include "energy/knots.h"

#include <math.h>

#define MS INT64_C(1000000)

static struct wtl_knots knots;

/* Knots every 100 ms of a load that draws 50 W until `step_ms` and 250 W from then on. */
static double truth_j(double ms, double step_ms)
{
    return ms < step_ms ? 0.05 * ms : 0.05 * step_ms + 0.25 * (ms - step_ms);
}

static void fill(double step_ms, int n)
{
    wtl_knots_init(&knots, 0);
    for (int i = 0; i < n; i++)
        wtl_knots_add(&knots, i * 100 * MS, 0, truth_j(100 * i, step_ms), 0, 0);
}

static void test_constant(void **state)
{
    (void)state;
    struct wtl_knots_point p;
    fill(1e9, 20);
    for (int ms = 0; ms <= 1900; ms += 7) {
        assert_int_equal(wtl_knots_at(&knots, ms * MS, &p), 0);
        assert_near(p.energy_j, truth_j(ms, 1e9), 1e-9);
    }
    assert_near(sqrt(p.end_var_j2), 0, 0.1);
}

/* A change at the very moment that is asked for is known exactly, wherever between two knots. */
static void test_marked_step(void **state)
{
    (void)state;
    struct wtl_knots_point p;
    for (int ms = 801; ms < 1000; ms += 3) {
        fill(ms, 20);
        assert_int_equal(wtl_knots_at(&knots, ms * MS, &p), 0);
        assert_true(p.settled);
        assert_near(p.energy_j, truth_j(ms, ms), 1e-9);
        assert_near(p.before_w, 50, 1e-6);
        assert_near(p.after_w, 250, 1e-6);
    }
}

/* A change elsewhere is within three standard deviations. */
static void test_other_step(void **state)
{
    (void)state;
    struct wtl_knots_point p;
    for (int step = 905; step < 1000; step += 10)
        for (int ms = 905; ms < 1000; ms += 10) {
            fill(step, 20);
            assert_int_equal(wtl_knots_at(&knots, ms * MS, &p), 0);
            assert_true(fabs(p.energy_j - truth_j(ms, step)) <= 3 * sqrt(p.end_var_j2) + 1e-9);
        }
}

static void test_ends(void **state)
{
    (void)state;
    struct wtl_knots_point p = {.t_ns = 42};
    wtl_knots_init(&knots, 0);
    wtl_knots_add(&knots, 0, 0, 0, 0, 0);
    assert_int_equal(wtl_knots_at(&knots, 0, &p), -1);
    assert_int_equal(p.t_ns, 42);
    fill(1e9, 20);
    assert_int_equal(wtl_knots_at(&knots, 2400 * MS, &p), 0);
    assert_false(p.settled);
    assert_near(p.energy_j, 120, 1e-9);
    assert_true(p.end_var_j2 > 0);
    assert_false(wtl_knots_reaches(&knots, 1850 * MS));
    assert_true(wtl_knots_reaches(&knots, 1750 * MS));
}

/* More knots than are kept: what is gone is said to be. */
static void test_forgotten(void **state)
{
    (void)state;
    struct wtl_knots_point p;
    fill(1e9, WTL_KNOTS_MAX + 500);
    assert_int_equal(wtl_knots_at(&knots, 100 * MS, &p), -1);
    assert_int_equal(wtl_knots_at(&knots, 60050 * MS, &p), 0);
    assert_near(p.energy_j, 3002.5, 1e-6);
}

static unsigned troubles(int64_t from_ns, int64_t to_ns)
{
    struct wtl_knots_point a, b;
    assert_int_equal(wtl_knots_at(&knots, from_ns, &a), 0);
    assert_int_equal(wtl_knots_at(&knots, to_ns, &b), 0);
    return wtl_knots_troubles(&a, &b);
}

static void test_troubles(void **state)
{
    (void)state;
    wtl_knots_init(&knots, 0);
    for (int i = 0; i < 20; i++)
        wtl_knots_add(&knots, i * 100 * MS, 0, 5 * i, 0, i == 10 ? WTL_TROUBLE(reset) : 0);
    assert_int_equal(troubles(0, 900 * MS), 0);
    assert_int_equal(troubles(0, 950 * MS), WTL_TROUBLE(reset));
    assert_int_equal(troubles(0, 3000 * MS), WTL_TROUBLE(reset));
    assert_int_equal(troubles(950 * MS, 960 * MS), WTL_TROUBLE(reset));
    assert_int_equal(troubles(1000 * MS, 1900 * MS), 0);
    assert_int_equal(troubles(-500 * MS, 100 * MS), 0);
}

/* What was wrong is known for as long as the points are, not as long as the knots. */
static void test_troubles_of_old(void **state)
{
    (void)state;
    struct wtl_knots_point begin, before, end;
    wtl_knots_init(&knots, 0);
    for (int i = 0; i < 3 * WTL_KNOTS_MAX; i++) {
        wtl_knots_add(&knots, i * 100 * MS, 0, 5 * i, 0, i == 100 ? WTL_TROUBLE(reset) : 0);
        if (i == 10)
            assert_int_equal(wtl_knots_at(&knots, 950 * MS, &begin), 0);
        if (i == 200)
            assert_int_equal(wtl_knots_at(&knots, 15050 * MS, &before), 0);
    }
    assert_int_equal(wtl_knots_at(&knots, 250000 * MS, &end), 0);
    assert_int_equal(wtl_knots_troubles(&begin, &end), WTL_TROUBLE(reset));
    assert_int_equal(wtl_knots_troubles(&before, &end), 0);
}

/* What a sensor blurs over 400 ms is taken from beyond the blur on both sides. */
static void test_blur(void **state)
{
    (void)state;
    struct wtl_knots_point p;
    wtl_knots_init(&knots, 400 * MS);
    for (int i = 0; i < 40; i++) {
        double from = truth_j(100 * i - 200, 2050), to = truth_j(100 * i + 200, 2050), e = 0;
        for (int k = 0; k < 400; k++) /* mean of the truth over the blur */
            e += truth_j(100 * i - 199.5 + k, 2050) / 400;
        assert_true(from <= e && e <= to);
        wtl_knots_add(&knots, i * 100 * MS, 0, e, 0, 0);
    }
    assert_int_equal(wtl_knots_at(&knots, 2050 * MS, &p), 0);
    assert_near(p.energy_j, truth_j(2050, 2050), 1e-6);
}

/* What nobody saw is no energy and no time. */
static void test_skip(void **state)
{
    (void)state;
    struct wtl_knots_point a, b;
    fill(1e9, 20);
    wtl_knots_skip(&knots, 5000 * MS, WTL_TROUBLE(gap));
    for (int i = 51; i < 70; i++)
        wtl_knots_add(&knots, i * 100 * MS, 0, 95 + 5 * (i - 50), 0, 0);
    for (int from = 1000; from < 5500; from += 130)
        for (int to = from + 10; to < 6500; to += 170) {
            assert_int_equal(wtl_knots_at(&knots, from * MS, &a), 0);
            assert_int_equal(wtl_knots_at(&knots, to * MS, &b), 0);
            const double unseen_s = 1e-9 * (double)(b.unseen_ns - a.unseen_ns);
            const double truth_s = 1e-3 * fmax(0, fmin(to, 5000) - fmax(from, 1900));
            assert_near(unseen_s, truth_s, 1e-6);
            assert_near(b.energy_j - a.energy_j, 50 * (1e-3 * (to - from) - truth_s), 1e-6);
            const bool touches = from < 5000 && to > 1900;
            assert_int_equal(wtl_knots_troubles(&a, &b), touches ? WTL_TROUBLE(gap) : 0);
        }
}

/* Knots that are taken back leave those of before, as far as they are remembered. */
static void test_cut(void **state)
{
    (void)state;
    struct wtl_knots_point p;
    enum { N = 3000, CUT = 2500, FIRST = N - WTL_KNOTS_MAX };
    fill(1e9, N);
    wtl_knots_cut(&knots, CUT * 100 * MS);
    assert_int_equal(wtl_knots_last(&knots)->t_ns, CUT * 100 * MS);
    assert_int_equal(wtl_knots_first(&knots)->t_ns, FIRST * 100 * MS);
    for (int round = 0; round < 2; round++) {
        for (int i = FIRST + 1 + 600 * round; i < CUT + 600 * round; i += 7) {
            assert_int_equal(wtl_knots_at(&knots, (i * 100 + 30) * MS, &p), 0);
            assert_near(p.energy_j, truth_j(100 * i + 30, 1e9) + 3 * round, 1e-6);
        }
        assert_int_equal(wtl_knots_at(&knots, (FIRST - 10) * 100 * MS, &p), -1);
        for (int i = CUT + 1; round == 0 && i <= CUT + 600; i++) /* the ring is full again */
            wtl_knots_add(&knots, i * 100 * MS, 0, truth_j(100 * i, 1e9), 0, 0);
        wtl_knots_raise(&knots, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_marked_step),
        cmocka_unit_test(test_other_step),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_troubles),
        cmocka_unit_test(test_troubles_of_old),
        cmocka_unit_test(test_blur),
        cmocka_unit_test(test_skip),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
