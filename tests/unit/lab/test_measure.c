/* SPDX-License-Identifier: Apache-2.0
 * Energy between edges, and on from the last one. */
#include "support/support.h"

#include "lab/measure.h"

#define MS INT64_C(1000000)

/* A counter that ticks every 100 ms, and power every 20 ms, of a board that draws 200 W. */
static struct wtl_reading reading(int64_t t_ns)
{
    struct wtl_reading r = {.t_ns = t_ns};
    r.valid = WTL_METRIC_BIT(WTL_M_energy_counter_j) | WTL_METRIC_BIT(WTL_M_power_w);
    r.value[WTL_M_energy_counter_j] = 1000 + 20.0 * (double)(t_ns / (100 * MS));
    r.value[WTL_M_power_w] = 200 + 0.001 * (double)(t_ns / (20 * MS) % 2);
    return r;
}

static void goes_on_from_the_last_edge(void **state)
{
    (void)state;
    struct wtl_device_info info = {.id = "test"};
    struct wtl_measure m;
    struct wtl_error err;
    info.sensors = WTL_METRIC_BIT(WTL_M_energy_counter_j) | WTL_METRIC_BIT(WTL_M_power_w);
    assert_ok(wtl_measure_init(&m, &info, &err), &err);
    wtl_measure_begin(&m);
    for (int64_t t_ns = 0; t_ns <= 2050 * MS; t_ns += 5 * MS) {
        const struct wtl_reading r = reading(t_ns);
        wtl_measure_feed(&m, &r);
        (void)wtl_measure_poll(&m, &r);
    }
    assert_int_equal(m.n_edges, 20);
    assert_true(m.edge_ns == 2000 * MS);
    assert_near(m.energy_j, 19 * 20, 1e-9);
    assert_near(wtl_measure_energy_at(&m, m.edge_ns), m.energy_j, 1e-9);
    assert_near(wtl_measure_energy_at(&m, m.edge_ns + 50 * MS), m.energy_j + 10, 0.01);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(goes_on_from_the_last_edge)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
