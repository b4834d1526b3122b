/* SPDX-License-Identifier: Apache-2.0
 * Values from Abramowitz and Stegun, tables 26.1, 26.5 and 26.10, and from the definitions. */
#include "support/support.h"

#include "stats/distribution.h"

#include <math.h>

static void normal_matches_tables_and_inverts(void **state)
{
    (void)state;
    assert_near(wtl_normal_cdf(0), 0.5, 0);
    assert_near(wtl_normal_cdf(1.96), 0.97500210485178, 1e-13);
    assert_near(wtl_normal_quantile(0.975), 1.959963984540054, 1e-14);
    assert_near(wtl_normal_quantile(0.5), 0, 0);
    assert_near(wtl_normal_quantile(1e-300), -37.0471, 1e-3);
    for (double p = 1e-12; p < 1; p = p < 0.01 ? p * 7 : p + 0.013)
        assert_near(wtl_normal_cdf(wtl_normal_quantile(p)) / p, 1, 1e-11);
    assert_true(isnan(wtl_normal_quantile(0)) && isnan(wtl_normal_quantile(1)));
}

static void beta_matches_closed_forms(void **state)
{
    (void)state;
    for (double x = 0.05; x < 1; x += 0.1) {
        assert_near(wtl_beta_inc(1, 1, x), x, 1e-14);
        assert_near(wtl_beta_inc(2, 1, x), x * x, 1e-14);
        assert_near(wtl_beta_inc(1, 3, x), 1 - pow(1 - x, 3), 1e-14);
        assert_near(wtl_beta_inc(0.5, 0.5, x), 2 / M_PI * asin(sqrt(x)), 1e-13);
        assert_near(wtl_beta_inc(40, 7, x) + wtl_beta_inc(7, 40, 1 - x), 1, 1e-12);
    }
    assert_true(isnan(wtl_beta_inc(0, 1, 0.5)));
}

static void student_matches_tables_and_inverts(void **state)
{
    (void)state;
    assert_near(wtl_student_quantile(0.975, 1), 12.706204736, 1e-8);
    assert_near(wtl_student_quantile(0.975, 2), 4.302652730, 1e-8);
    assert_near(wtl_student_quantile(0.95, 5), 2.015048373, 1e-8);
    assert_near(wtl_student_quantile(0.995, 30), 2.749995654, 1e-8);
    assert_near(wtl_student_quantile(0.025, 10), -2.228138852, 1e-8);
    assert_near(wtl_student_quantile(0.975, 1e7), wtl_normal_quantile(0.975), 1e-6);
    for (double dof = 0.7; dof < 500; dof *= 2.3)
        for (double p = 0.001; p < 1; p += 0.0499)
            assert_near(wtl_student_cdf(wtl_student_quantile(p, dof), dof), p, 1e-11);
    assert_true(isnan(wtl_student_quantile(0.9, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normal_matches_tables_and_inverts),
        cmocka_unit_test(beta_matches_closed_forms),
        cmocka_unit_test(student_matches_tables_and_inverts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
