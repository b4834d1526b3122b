/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/random.h"
#include "telemetry/attribution.h"

static void splits_by_utilisation(void **state)
{
    (void)state;
    struct wtl_user u[] = {{.has_util = true, .util = 0.6},
                           {.has_util = true, .util = 0.2},
                           {.has_util = false, .util = 9},
                           {.has_util = true, .util = 0}};
    struct wtl_attribution a = wtl_attribute_power(250, 50, u, 4);
    assert_near(a.idle_w, 50, 0);
    assert_near(a.unattributed_w, 0, 1e-12);
    assert_near(u[0].power_w, 150, 1e-12);
    assert_near(u[1].power_w, 50, 1e-12);
    assert_false(u[2].has_power);
    assert_true(u[3].has_power);
    assert_near(u[3].power_w, 0, 0);
}

static void nobody_works(void **state)
{
    (void)state;
    struct wtl_user u[] = {{.has_util = true, .util = 0}, {.has_util = false}};
    struct wtl_attribution a = wtl_attribute_power(70, 50, u, 2);
    assert_near(a.unattributed_w, 20, 1e-12);
    a = wtl_attribute_power(70, 0, NULL, 0);
    assert_near(a.idle_w, 0, 0);
    assert_near(a.unattributed_w, 70, 0);
}

static void below_idle_there_is_nothing_to_share(void **state)
{
    (void)state;
    struct wtl_user u[] = {{.has_util = true, .util = 1}};
    struct wtl_attribution a = wtl_attribute_power(40, 50, u, 1);
    assert_near(a.idle_w, 40, 0);
    assert_near(u[0].power_w, 0, 0);
}

/* Property: the parts are not negative and sum up to the whole, for any input. */
static void always_adds_up(void **state)
{
    (void)state;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 11);
    for (int k = 0; k < 20000; k++) {
        struct wtl_user u[48];
        size_t n = wtl_rng_below(&rng, 49);
        for (size_t i = 0; i < n; i++)
            u[i] = (struct wtl_user){.has_util = wtl_rng_below(&rng, 4) > 0,
                                     .util = wtl_rng_below(&rng, 3) ? wtl_rng_uniform(&rng) : 0};
        double power_w = 700 * wtl_rng_uniform(&rng), idle_w = 300 * wtl_rng_uniform(&rng);
        struct wtl_attribution a = wtl_attribute_power(power_w, idle_w, u, n);
        double sum = a.idle_w + a.unattributed_w;
        assert_true(a.idle_w >= 0 && a.unattributed_w >= 0);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(u[i].has_power, u[i].has_util);
            assert_true(u[i].power_w >= 0);
            sum += u[i].power_w;
        }
        assert_near(sum, power_w, 1e-9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_by_utilisation),
        cmocka_unit_test(nobody_works),
        cmocka_unit_test(below_idle_there_is_nothing_to_share),
        cmocka_unit_test(always_adds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
