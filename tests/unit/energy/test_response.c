/* SPDX-License-Identifier: Apache-2.0
 * Window and lag from the answer to a square wave. */
#include "support/support.h"

#include "base/random.h"
#include "energy/response.h"

#include <math.h>

#define MS INT64_C(1000000)

enum { WAVES = 40, MOST = 1000 };
static int64_t switches[WAVES];
static struct wtl_response_value values[MOST];

static double on_until(int64_t t)
{
    double on = 0;
    for (int i = 0; i < WAVES; i += 2) {
        int64_t end = i + 1 < WAVES ? switches[i + 1] : INT64_MAX;
        if (t > switches[i])
            on += (double)((t < end ? t : end) - switches[i]);
    }
    return on;
}

static size_t sense(int64_t period, int64_t window, int64_t lag, double noise_w)
{
    struct wtl_rng rng;
    size_t n = 0;
    wtl_rng_init(&rng, 5);
    for (int i = 0; i < WAVES; i++)
        switches[i] = 1000 * MS + i / 2 * 730 * MS + i % 2 * 370 * MS;
    for (int64_t t = 200 * MS; t < 15000 * MS && n < MOST; t += period) {
        double share = (on_until(t - lag) - on_until(t - lag - window)) / (double)window;
        values[n++] =
            (struct wtl_response_value){t, 60 + 200 * share + noise_w * wtl_rng_normal(&rng)};
    }
    return n;
}

static void check(int64_t period, int64_t window, int64_t lag, double noise_w, double tolerance_ms)
{
    struct wtl_response r;
    size_t n = sense(period, window, lag, noise_w);
    assert_int_equal(wtl_response_fit(values, n, switches, WAVES, 0, &r), 0);
    assert_near((double)r.window_ns / 1e6, (double)window / 1e6, tolerance_ms);
    assert_near((double)r.lag_ns / 1e6, (double)lag / 1e6, tolerance_ms);
    assert_near(r.low_w, 60, 3 + noise_w);
    assert_near(r.high_w, 260, 3 + noise_w);
}

static void test_windows(void **state)
{
    (void)state;
    check(100 * MS, 25 * MS, 0, 0.3, 5);
    check(100 * MS, 100 * MS, 0, 0.3, 5);
    check(100 * MS, 100 * MS, 80 * MS, 0.3, 5);
    check(20 * MS, 10 * MS, 0, 0.3, 5);
    check(100 * MS, 1000 * MS, 40 * MS, 0.3, 30);
    check(50 * MS, 50 * MS, 20 * MS, 5, 8);
}

static void test_known_window(void **state)
{
    (void)state;
    struct wtl_response r;
    size_t n = sense(100 * MS, 100 * MS, 130 * MS, 0.3);
    assert_int_equal(wtl_response_fit(values, n, switches, WAVES, 100 * MS, &r), 0);
    assert_near((double)r.lag_ns / 1e6, 130, 2);
    assert_true(r.window_ns == 100 * MS);
}

static void test_nothing_to_learn(void **state)
{
    (void)state;
    struct wtl_response r = {.n = 42};
    size_t n = sense(100 * MS, 25 * MS, 0, 1000); /* the step drowns */
    assert_int_equal(wtl_response_fit(values, n, switches, WAVES, 0, &r), -1);
    assert_int_equal(wtl_response_fit(values, 20, switches, WAVES, 0, &r), -1);
    assert_int_equal(wtl_response_fit(values, n, switches, 2, 0, &r), -1);
    for (size_t i = 0; i < n; i++)
        values[i].value_w = 60; /* a load that the sensor does not show */
    assert_int_equal(wtl_response_fit(values, n, switches, WAVES, 0, &r), -1);
    assert_int_equal(r.n, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_known_window),
        cmocka_unit_test(test_nothing_to_learn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
