/* SPDX-License-Identifier: Apache-2.0
 * Operating characteristics with few campaigns; bench/proof-optimize runs thousands. The bounds are
 * the required shares less three binomial standard errors at the number of campaigns, so that a
 * sound method fails one run of the seeds in a thousand and a broken one at once. */
#include "support/support.h"

#include "support/proof.h"

#include <math.h>

enum { CAMPAIGNS = 120, REPLICATES = 300 };

static void assert_share(int part, int whole, double required, bool at_least)
{
    double slack = 3 * sqrt(required * (1 - required) / whole);
    double share = (double)part / whole;
    if (at_least)
        assert_true(share >= required - slack);
    else
        assert_true(share <= required + slack);
}

static void required_shares_hold(void **state)
{
    (void)state;
    struct proof_scenario s = proof_usual();
    struct proof_result r = {0};
    struct wtl_error err = {0};
    assert_ok(proof_run(&s, 50000, CAMPAIGNS, REPLICATES, &r, &err), &err);
    assert_int_equal(r.n, CAMPAIGNS);
    assert_true(r.n_moved > CAMPAIGNS / 2);
    assert_share(r.in_sample_saving, r.n_moved, 0.88, true);
    assert_share(r.in_sample_slowdown, r.n_moved, 0.88, true);
    assert_share(r.confirmed_saving, r.n_moved, 0.93, true);
    assert_share(r.confirmed_slowdown, r.n_moved, 0.93, true);
    assert_share(r.broken, r.status[0], 0.05, false);
    double bias = r.fresh_bias / r.n_moved;
    double se = sqrt((r.fresh_square / r.n_moved - bias * bias) / r.n_moved);
    assert_true(fabs(bias) < 3.3 * se);
    assert_true(r.wrongly_refuted <= 8);
    assert_true(r.regret / r.status[0] < 0.03);
}

static void intervals_are_no_wider_than_they_must(void **state)
{
    (void)state;
    struct proof_scenario s = proof_usual();
    struct proof_result r = {0};
    assert_ok(proof_run(&s, 60000, CAMPAIGNS / 2, REPLICATES, &r, NULL), NULL);
    double rms = sqrt(r.in_sample_square / r.n_moved);
    assert_true(r.width / r.n_moved < 6 * rms); /* 3.9 for the narrowest that hold 95 % */
    assert_true(rms < 0.012);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(required_shares_hold),
        cmocka_unit_test(intervals_are_no_wider_than_they_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
