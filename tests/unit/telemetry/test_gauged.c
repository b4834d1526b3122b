/* SPDX-License-Identifier: Apache-2.0
 * One device and its gauge: the driver's ring, and a clock of the day that is set meanwhile. */
#include "support/support.h"

#include "lab/time.h"
#include "telemetry/gauged.h"

#define MS INT64_C(1000000)

static struct wtl_error err;

static void follow(struct wtl_gauged *g, struct wtl_simulated_time *time, int64_t until_ns)
{
    while (time->now_ns < until_ns) {
        time->now_ns += 20 * MS;
        assert_ok(wtl_gauged_read(g, 0, time->now_ns, &err), &err);
        wtl_gauged_feed(g);
    }
}

/* Samples that seem to come from the future wait until the clock is followed, and none is lost. */
static void samples_of_another_clock_wait(void **state)
{
    static struct wtl_gauged g;
    static const char *const only[] = {"virtual:p40,load=resnet50", NULL};
    struct wtl_simulated_time time = {.start_unix_ns = 1700000000 * WTL_NS_PER_S};
    const struct wtl_clock clock = wtl_simulated_time(&time).clock;
    const struct wtl_machine_options options = {.clock = clock, .nvml = "", .only = only};
    struct wtl_machine *machine;
    struct wtl_gauge_mark a, b;
    struct wtl_energy e, same;
    WTL_ARENA(scratch);
    (void)state;
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &machine, &err), &err);
    wtl_gauged_init(&g, wtl_machine_device(machine, 0), NULL, true, &scratch);
    assert_true(g.ring && g.leads == g.power);
    wtl_gauged_set_clock(&g, &clock, time.now_ns);
    follow(&g, &time, 6 * WTL_NS_PER_S);
    assert_true(g.gauge.ringed);
    const int64_t ticks = wtl_gauge_ticks(&g.gauge);
    wtl_gauge_mark(&g.gauge, 4 * WTL_NS_PER_S, &a);
    time.start_unix_ns -= 3600 * WTL_NS_PER_S;
    wtl_gauged_set_clock(&g, &clock, time.now_ns);
    time.start_unix_ns += 3600 * WTL_NS_PER_S;
    follow(&g, &time, 7 * WTL_NS_PER_S);
    assert_int_equal(wtl_gauge_ticks(&g.gauge), ticks);
    wtl_gauged_set_clock(&g, &clock, time.now_ns);
    follow(&g, &time, 9 * WTL_NS_PER_S);
    assert_in_range(wtl_gauge_ticks(&g.gauge) - ticks, 29, 31);
    wtl_gauge_mark(&g.gauge, 8 * WTL_NS_PER_S, &b);
    wtl_gauged_between(&g, &a, &b, &e);
    assert_int_equal(e.method, WTL_ENERGY_ring);
    assert_int_equal(e.troubles, 0);
    wtl_gauge_mark(&g.gauge, 5 * WTL_NS_PER_S, &b);
    wtl_gauged_between(&g, &a, &b, &same);
    assert_near(e.energy_j / same.energy_j, 4, 0.1); /* of a load that is the same all the while */
    wtl_machine_close(machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(samples_of_another_clock_wait)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
