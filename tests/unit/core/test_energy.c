/* SPDX-License-Identifier: Apache-2.0
 * Names of energy methods, classes and troubles. */
#include "support/support.h"

#include "core/calibration.h"

#include <math.h>
#include <string.h>

static void test_methods(void **state)
{
    (void)state;
    for (int m = 0; m < (int)WTL_N_ENERGY_METHODS; m++) {
        enum wtl_energy_method method = (enum wtl_energy_method)m;
        assert_int_equal(wtl_energy_method_by_name(wtl_energy_method_name(method)), m);
        assert_true(strlen(wtl_energy_method_title(method)) > 0);
        assert_int_equal(wtl_energy_method_class(method) == WTL_CLASS_NONE, m == 0);
    }
    assert_int_equal(wtl_energy_method_by_name("guess"), WTL_ENERGY_NONE);
    assert_int_equal(wtl_energy_method_class(WTL_ENERGY_estimated), WTL_CLASS_D);
}

static void test_classes(void **state)
{
    (void)state;
    for (int c = WTL_CLASS_A; c < (int)WTL_N_CLASSES; c++) {
        enum wtl_energy_class class = (enum wtl_energy_class)c;
        assert_int_equal(wtl_energy_class_by_letter(wtl_energy_class_letter(class)), c);
    }
    assert_int_equal(wtl_energy_class_letter(WTL_CLASS_NONE), '-');
    assert_int_equal(wtl_energy_class_by_letter('-'), WTL_CLASS_NONE);
    assert_string_equal(wtl_energy_class_text(WTL_CLASS_D), "off by up to a factor of 2");
}

static void test_troubles(void **state)
{
    (void)state;
    assert_string_equal(wtl_energy_trouble_name(WTL_TROUBLE_INDEX_reset), "reset");
    for (int i = 0; i < (int)WTL_N_ENERGY_TROUBLES; i++)
        assert_true(strlen(wtl_energy_trouble_text(i)) > 0);
    assert_int_equal(WTL_TROUBLE(gap) | WTL_TROUBLE(reset), 3);
}

static struct wtl_energy figure(double e, double half, double common, enum wtl_energy_method m)
{
    return (struct wtl_energy){.method = m,
                               .class = wtl_energy_method_class(m),
                               .energy_j = e,
                               .lo_j = e - half,
                               .hi_j = e + half,
                               .common_j = common,
                               .time_s = 2};
}

static void test_sums(void **state)
{
    (void)state;
    const enum wtl_energy_method counter = WTL_ENERGY_counter_edges, polled = WTL_ENERGY_polled;
    struct wtl_energy sum = {0}, e = figure(100, 3, 0, counter), none = {.energy_j = 7};
    wtl_energy_add(&sum, &none);
    assert_int_equal(sum.method, WTL_ENERGY_NONE);
    wtl_energy_add(&sum, &e); /* one alone is as it is */
    assert_memory_equal(&sum, &e, sizeof sum);
    e = figure(200, 4, 0, counter);
    wtl_energy_add(&sum, &e); /* random parts are independent */
    assert_near(sum.energy_j, 300, 1e-12);
    assert_near(sum.hi_j - sum.energy_j, 5, 1e-12);
    assert_near(sum.energy_j - sum.lo_j, 5, 1e-12);
    /* what windows share adds up in sensors of one kind: 5 of 5, 4 of 5 and 3 random */
    sum = figure(100, 5, 5, counter);
    e = figure(100, 5, 4, counter);
    wtl_energy_add(&sum, &e);
    assert_near(sum.common_j, 9, 1e-12);
    assert_near(sum.hi_j - sum.energy_j, sqrt(9 * 9 + 3 * 3), 1e-12);
    /* and not in sensors of two kinds */
    sum = figure(100, 5, 5, counter);
    e = figure(100, 5, 5, polled);
    e.troubles = WTL_TROUBLE(gap);
    wtl_energy_add(&sum, &e);
    assert_near(sum.hi_j - sum.energy_j, sqrt(50), 1e-12);
    assert_int_equal(sum.method, polled);
    assert_int_equal(sum.class, WTL_CLASS_B);
    assert_int_equal(sum.troubles, WTL_TROUBLE(gap));
    /* estimates are off together */
    sum = figure(10, 0, 0, WTL_ENERGY_estimated);
    sum.lo_j = 5;
    sum.hi_j = 20;
    e = sum;
    wtl_energy_add(&sum, &e);
    assert_near(sum.lo_j, 10, 1e-12);
    assert_near(sum.hi_j, 40, 1e-12);
    assert_near(sum.time_s, 2, 0);
}

static void test_calibration(void **state)
{
    (void)state;
    const struct wtl_calibration c = {
        .counter = {true, 1.04, 1.03, 1.05, -0.5, 0, 0.01}, /* offset of a meter alone */
        .power = {true, 0.96, 0.95, 0.97, 0, 1, 0.01},      /* and what a machine's leaves open */
        .accuracy = 0.005};
    struct wtl_energy e = figure(100, 3, 1, WTL_ENERGY_counter_edges), other = e;
    wtl_calibrate_energy(&c, &e); /* 2 s */
    assert_near(e.energy_j, 104 - 1, 1e-12);
    assert_near(e.hi_j - e.energy_j, 3 * 1.04, 1e-12);
    assert_near(e.common_j, 1.04, 1e-12);
    assert_near(e.gain, 1.04, 0);
    assert_near(e.calibration, 0.015, 1e-12);
    assert_int_equal(e.class, WTL_CLASS_A);
    struct wtl_energy polled = figure(100, 3, 0, WTL_ENERGY_polled);
    wtl_calibrate_energy(&c, &polled); /* 1 W of 48 W */
    assert_near(polled.energy_j, 96, 1e-12);
    assert_near(polled.calibration, 0.015 + 1.0 / 48, 1e-12);
    assert_int_equal(polled.class, WTL_CLASS_A); /* no longer B: 3.6 % */
    struct wtl_energy guess = figure(100, 50, 0, WTL_ENERGY_estimated);
    wtl_calibrate_energy(&c, &guess);
    assert_near(guess.energy_j, 100, 0);
    assert_near(guess.gain, 0, 0);
    /* A sum is as good as its worst part: 5 % of class A. */
    struct wtl_energy sum = e;
    wtl_energy_add(&sum, &other);
    assert_near(sum.calibration, 0.05, 1e-12);
    assert_near(sum.gain, 203 / (103 / 1.04 + 100), 1e-12);
    sum = e;
    wtl_energy_add(&sum, &polled);
    assert_near(sum.calibration, polled.calibration, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_methods),  cmocka_unit_test(test_classes),
        cmocka_unit_test(test_troubles), cmocka_unit_test(test_calibration),
        cmocka_unit_test(test_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
