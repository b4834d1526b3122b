/* SPDX-License-Identifier: Apache-2.0
 * De-phased repetitions and their mean. */
#include "support/support.h"

#include "base/random.h"
#include "energy/repeats.h"

#define MS INT64_C(1000000)

/* Eight in a row begin in eight phases, whatever a repetition takes. */
static void test_phases(void **state)
{
    (void)state;
    const int64_t period = 100 * MS;
    for (int64_t length = 3 * MS; length < 900 * MS; length += 41 * MS) {
        bool seen[WTL_DEPHASE_PHASES] = {false};
        int64_t now = 5 * MS, first = now;
        for (int i = 0; i < 2 * WTL_DEPHASE_PHASES; i++) {
            int64_t delay = wtl_dephase_delay_ns(period, i, now - first);
            assert_in_range(delay, 0, period - 1);
            now += delay;
            int64_t phase = (now - first) % period;
            assert_int_equal(phase % (period / WTL_DEPHASE_PHASES), 0);
            seen[phase / (period / WTL_DEPHASE_PHASES)] = true;
            now += length;
        }
        for (int i = 0; i < WTL_DEPHASE_PHASES; i++)
            assert_true(seen[i]);
    }
    assert_int_equal(wtl_dephase_delay_ns(0, 3, 17), 0);
}

static struct wtl_energy energy(double j, double half, double common)
{
    return (struct wtl_energy){.method = WTL_ENERGY_polled,
                               .class = WTL_CLASS_B,
                               .energy_j = j,
                               .lo_j = j - half,
                               .hi_j = j + half,
                               .common_j = common,
                               .time_s = 1};
}

static void test_mean(void **state)
{
    (void)state;
    struct wtl_energy e[4] = {energy(10, 0, 0), energy(12, 0, 0), energy(10, 0, 0),
                              energy(12, 0, 0)};
    struct wtl_energy m;
    e[2].troubles = WTL_TROUBLE(gap);
    wtl_repeats_mean(e, 4, &m);
    assert_near(m.energy_j, 11, 1e-12);
    assert_near(m.time_s, 1, 1e-12);
    assert_int_equal(m.troubles, WTL_TROUBLE(gap));
    /* Successive differences of 2 all around: variance 2, of the mean 0.5. */
    assert_true(m.hi_j - m.energy_j > 1.96 * 0.7071);
    e[1].method = WTL_ENERGY_NONE;
    wtl_repeats_mean(e, 4, &m);
    assert_true(m.method == WTL_ENERGY_NONE);
}

/* What repetitions share is not made less by repeating. */
static void test_common(void **state)
{
    (void)state;
    struct wtl_energy e[16], m;
    for (int i = 0; i < 16; i++)
        e[i] = energy(10, 3, 3);
    wtl_repeats_mean(e, 16, &m);
    assert_near(m.hi_j - 10, 3, 1e-9);
    for (int i = 0; i < 16; i++)
        e[i] = energy(10, 4, 0);
    wtl_repeats_mean(e, 16, &m);
    assert_near(m.hi_j - 10, 1, 1e-9);
}

/* Of 2000 means of eight noisy repetitions at least 93 % are within their interval. */
static void test_coverage(void **state)
{
    (void)state;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 3);
    int covered = 0;
    for (int trial = 0; trial < 2000; trial++) {
        struct wtl_energy e[8], m;
        for (int i = 0; i < 8; i++)
            e[i] = energy(100 + wtl_rng_normal(&rng), 0, 0);
        wtl_repeats_mean(e, 8, &m);
        covered += m.lo_j <= 100 && 100 <= m.hi_j;
    }
    assert_in_range(covered, 1860, 1980);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_phases),
        cmocka_unit_test(test_mean),
        cmocka_unit_test(test_common),
        cmocka_unit_test(test_coverage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
