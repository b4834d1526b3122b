/* SPDX-License-Identifier: Apache-2.0
 * Voltage, static power and leakage, against numbers worked out by hand. */
#include "support/support.h"

#include "sim/silicon.h"

/* Half way between knee and maximum the voltage is 1.0 V, 0.8 of the highest. */
static const struct wtl_sim_silicon chip = {
    .sm_mhz_min = 210,
    .sm_mhz_max = 1400,
    .mem_mhz_max = 1200,
    .knee_mhz = 700,
    .v_min = 0.75,
    .v_max = 1.25,
    .base_w = 10,
    .leak_w = 20,
    .clock_w = 30,
    .memory_w = 40,
    .leak_ref_c = 50,
    .leak_e_c = 40,
};

static void voltage_rises_from_the_knee(void **state)
{
    (void)state;
    assert_near(wtl_sim_voltage(&chip, 210), 0.75, 0);
    assert_near(wtl_sim_voltage(&chip, 700), 0.75, 0);
    assert_near(wtl_sim_voltage(&chip, 1050), 1.0, 1e-12);
    assert_near(wtl_sim_voltage(&chip, 1400), 1.25, 0);
    assert_near(wtl_sim_voltage(&chip, 2000), 1.25, 0);
}

static void static_power_goes_with_clocks_and_voltage(void **state)
{
    (void)state;
    struct wtl_sim_static s = wtl_sim_static_parts(&chip, 1400, 1200);
    assert_near(s.fixed_w, 80, 1e-12); /* 10 + 30 + 40 */
    assert_near(s.leak_w, 20, 1e-12);
    s = wtl_sim_static_parts(&chip, 1050, 600);
    assert_near(s.fixed_w, 10 + 30 * 0.75 * 0.64 + 20, 1e-12);
    assert_near(s.leak_w, 20 * 0.64, 1e-12);
    s = wtl_sim_static_parts(&chip, 1500, 1300); /* beyond the range: its end */
    assert_near(s.fixed_w, 80, 1e-12);
}

static void leakage_grows_with_temperature(void **state)
{
    (void)state;
    assert_near(wtl_sim_leak_factor(&chip, 50), 1, 1e-12);
    assert_near(wtl_sim_leak_factor(&chip, 90), 2.718281828459045, 1e-12);
    assert_near(wtl_sim_leak_factor(&chip, 10), 1 / 2.718281828459045, 1e-12);
    assert_near(wtl_sim_static_w(&chip, 1400, 1200, 50), 100, 1e-12);
    assert_near(wtl_sim_static_w(&chip, 1400, 1200, 90), 80 + 20 * 2.718281828459045, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(voltage_rises_from_the_knee),
        cmocka_unit_test(static_power_goes_with_clocks_and_voltage),
        cmocka_unit_test(leakage_grows_with_temperature),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
