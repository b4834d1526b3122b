/* SPDX-License-Identifier: Apache-2.0
 * A line with a drift through windows of two levels. */
#include "support/support.h"

#include "base/random.h"
#include "energy/gain.h"

#include <math.h>

enum { N = 12 };

/* meter = 140 + 1.04 sensor + 0.05 t, with noise at the meter. */
static void windows_of(struct wtl_gain_window w[N], double noise_w, uint64_t seed)
{
    struct wtl_rng rng;
    wtl_rng_init(&rng, seed);
    for (int i = 0; i < N; i++) {
        w[i] = (struct wtl_gain_window){.t_s = 6.3 * i, .on = i % 2};
        w[i].sensor_w = (i % 2 ? 250 : 55) + 0.3 * i; /* it warms up, and the meter sees it */
        w[i].meter_w =
            140 + 1.04 * w[i].sensor_w + 0.05 * w[i].t_s + noise_w * wtl_rng_normal(&rng);
    }
}

static void test_exact(void **state)
{
    (void)state;
    struct wtl_gain_window w[N];
    struct wtl_gain_fit f;
    windows_of(w, 0, 1);
    assert_int_equal(wtl_gain_fit(w, N, 0, 0, &f), WTL_GAIN_OK);
    assert_near(f.gain, 1.04, 1e-9);
    assert_near(f.rest_w, 140 + 0.05 * 6.3 * 5.5, 1e-6);
    assert_near(f.half, 0, 1e-6);
    /* Whole watts at the meter: 1.96 sqrt(2/12) of 195 W. */
    assert_int_equal(wtl_gain_fit(w, N, 0, 1, &f), WTL_GAIN_OK);
    assert_near(f.half, 0.8 / 195, 2e-5);
}

static void test_coverage(void **state)
{
    (void)state;
    int held = 0, sums = 0;
    double squares = 0, halves = 0;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct wtl_gain_window w[N];
        struct wtl_gain_fit f;
        windows_of(w, 2, seed);
        assert_int_equal(wtl_gain_fit(w, N, 0, 0, &f), WTL_GAIN_OK);
        held += fabs(f.gain - 1.04) <= f.half;
        squares += (f.gain - 1.04) * (f.gain - 1.04);
        halves += f.half;
        sums++;
    }
    print_message("# the interval holds the gain in %.1f %% of 2000\n", held / 20.0);
    assert_true(held > 0.935 * sums && held < 0.965 * sums);
    assert_true(halves / sums < 2.6 * sqrt(squares / sums)); /* no wider than it has to be */
}

static void test_refusals(void **state)
{
    (void)state;
    struct wtl_gain_window w[N];
    struct wtl_gain_fit f = {.gain = -7};
    windows_of(w, 0, 1);
    assert_int_equal(wtl_gain_fit(w, 5, 0, 0, &f), WTL_GAIN_TOO_FEW);
    assert_near(f.gain, -7, 0);
    for (int i = 0; i < N; i++)
        w[i].sensor_w = 55 + (i % 3);
    assert_int_equal(wtl_gain_fit(w, N, 0, 0, &f), WTL_GAIN_NO_LOAD);
    windows_of(w, 0, 1);
    for (int i = 0; i < N; i++)
        w[i].meter_w = 300 + (i % 3);
    assert_int_equal(wtl_gain_fit(w, N, 0, 0, &f), WTL_GAIN_NOT_SEEN);
    windows_of(w, 40, 1);
    assert_int_equal(wtl_gain_fit(w, N, 0, 0, &f), WTL_GAIN_TOO_COARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
