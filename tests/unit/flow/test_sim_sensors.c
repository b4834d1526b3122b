/* SPDX-License-Identifier: Apache-2.0
 * Every method of energy on every simulated sensor: the claims of docs/methods-energy.md on fewer
 * seeds. The 2000 that the page quotes are printed by `wattle sim sensors --all --seeds 2000`. */
#include "support/support.h"

#include "flow/sim_sensors.h"

#include <string.h>

enum { SEEDS = 40 };

static bool is(const struct wtl_trial_row *r, const char *sensor, const char *load,
               enum wtl_trial_method method)
{
    return (!sensor || strcmp(r->sensor, sensor) == 0) && (!load || strcmp(r->load, load) == 0) &&
           r->method == method;
}

/* No sensor that is in order is said to stand still, to be lost, or to lie: but one that looks part
 * of the time at a load in step with it. */
static void check_accusations(const struct wtl_trial_row *r)
{
    static const char *const bad[] = {"frozen", "reloaded", "scope", "lost"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (strstr(r->sensor, bad[i]))
            return;
    if (strcmp(r->load, "every 100 ms") != 0)
        assert_int_equal(r->flagged, 0);
}

static void check_row(const struct wtl_trial_row *r)
{
    bool trusted = 2 * r->flagged < r->n;
    bool counts_part = strstr(r->sensor, "counter too") != NULL;
    if (!r->claimed || !trusted)
        return;
    if (r->n_intervals >= SEEDS / 2)
        assert_true(r->covered >= r->n_intervals * 88 / 100);
    if (r->method == WTL_TRIAL_counter_edges && !counts_part)
        assert_true(r->p95 <= 0.005);
    if (r->method == WTL_TRIAL_dephased && strcmp(r->load, "random bursts") != 0)
        assert_true(r->p95 <= 0.02);
}

static void test_claims(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_sensor_trials t;
    assert_ok(wtl_flow_sim_sensors(&arena, SEEDS, NULL, NULL, NULL, &t, &err), &err);
    int covered = 0, intervals = 0, naive_fails = 0, flagged = 0;
    for (size_t i = 0; i < t.n; i++) {
        const struct wtl_trial_row *r = &t.rows[i];
        check_row(r);
        check_accusations(r);
        if (r->claimed) {
            covered += r->covered;
            intervals += r->n_intervals;
        }
        naive_fails += is(r, "100 ms, 25 seen", "every 100 ms", WTL_TRIAL_naive) && r->p95 > 0.1;
        flagged += is(r, "driver reloaded", NULL, WTL_TRIAL_stat) && r->flagged == r->n;
        flagged += is(r, "60 W of another scope", NULL, WTL_TRIAL_stat) && r->flagged == r->n;
    }
    assert_true(intervals > 4000 && covered >= intervals * 95 / 100);
    assert_int_equal(naive_fails, 1);
    assert_int_equal(flagged, 8); /* four loads each */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_claims)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
