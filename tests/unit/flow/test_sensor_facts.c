/* SPDX-License-Identifier: Apache-2.0
 * What was found out of sensors is kept, and holds for its device and driver. */
#include "support/support.h"

#include "flow/sensor_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char said[1024];

static void keep_message(void *ctx, enum wtl_log_level level, const char *message)
{
    (void)ctx;
    assert_int_equal(level, WTL_LOG_WARNING);
    (void)snprintf(said, sizeof said, "%s", message);
}

static void test_round_trip(void **state)
{
    (void)state;
    char path[WTL_LIMIT_PATH];
    struct wtl_error err = {0};
    struct wtl_device_info info = {.id = "nvml:GPU-1/2", .name = "A", .driver = "NVIDIA 580"};
    const struct wtl_sensor_facts facts = {
        .has_counter = true,
        .has_power = true,
        .metric = WTL_M_power_instant_w,
        .counter = {.period_ns = 100000000, .lag_ns = 3000000, .lag_known = true},
        .power = {.period_ns = 100000000,
                  .window_ns = 25000000,
                  .lag_ns = 0,
                  .window_known = true,
                  .lag_known = true},
        .n = 190};
    struct wtl_sensor_facts back = {.n = 42};
    setenv("WATTLE_STATE_DIR", in_test_directory("state"), 1);
    assert_false(wtl_sensor_facts_load(&info, NULL, &back));
    assert_int_equal(back.n, 42);
    assert_ok(wtl_sensor_facts_save(&info, &facts, 0, path, &err), &err);
    assert_non_null(strstr(path, "nvml_GPU-1_2.json"));
    assert_true(wtl_sensor_facts_load(&info, NULL, &back));
    assert_true(back.has_counter && back.has_power && back.metric == WTL_M_power_instant_w);
    assert_true(back.power.window_ns == 25000000 && back.power.lag_known && back.power.lag_ns == 0);
    assert_true(back.counter.lag_ns == 3000000 && back.counter.period_ns == 100000000);
    assert_false(back.counter.window_known);
    assert_false(back.calibration.counter.known || back.calibration.power.known);
    /* Another driver may do it otherwise; another device is another one. */
    (void)snprintf(info.driver, sizeof info.driver, "NVIDIA 590");
    assert_false(wtl_sensor_facts_load(&info, NULL, &back));
    (void)snprintf(info.driver, sizeof info.driver, "NVIDIA 580");
    (void)snprintf(info.id, sizeof info.id, "nvml:GPU-3");
    assert_false(wtl_sensor_facts_load(&info, NULL, &back));
    (void)snprintf(info.id, sizeof info.id, "nvml:GPU-1/2");
    write_text(path, "{\"driver\": \"NVIDIA 580\", \"power\": 7}");
    assert_false(wtl_sensor_facts_load(&info, NULL, &back));
    write_text(path, "nonsense");
    struct wtl_log log = {.message = keep_message};
    said[0] = '\0';
    assert_false(wtl_sensor_facts_load(&info, &log, &back));
    assert_non_null(strstr(said, "energies are not corrected: "));
    assert_non_null(strstr(said, "nvml_GPU-1_2.json"));
}

/* A gain alone is worth keeping; one that no instrument has is not believed. */
static void test_calibration(void **state)
{
    (void)state;
    char path[WTL_LIMIT_PATH];
    struct wtl_error err = {0};
    const struct wtl_device_info info = {.id = "nvml:GPU-1", .name = "A", .driver = "NVIDIA 580"};
    struct wtl_sensor_facts facts = {
        .metric = WTL_N_METRICS,
        .calibration = {.counter = {true, 1.031, 1.029, 1.033, 0.4, 0, 0.002},
                        .meter = "meter:wall",
                        .accuracy = 0.005,
                        .alone = true,
                        .low_w = 60,
                        .high_w = 230,
                        .n_windows = 12,
                        .window_s = 5}};
    struct wtl_sensor_facts back;
    setenv("WATTLE_STATE_DIR", in_test_directory("state"), 1);
    assert_ok(wtl_sensor_facts_save(&info, &facts, 0, path, &err), &err);
    assert_true(wtl_sensor_facts_load(&info, NULL, &back));
    assert_false(back.has_counter || back.has_power);
    const struct wtl_calibration *c = &back.calibration;
    assert_true(c->counter.known && !c->power.known && c->alone);
    assert_near(c->counter.value, 1.031, 0);
    assert_near(c->counter.offset_w, 0.4, 0);
    assert_near(c->accuracy, 0.005, 0);
    assert_string_equal(c->meter, "meter:wall");
    assert_int_equal(c->n_windows, 12);
    facts.calibration.counter.value = facts.calibration.counter.hi = 17;
    assert_ok(wtl_sensor_facts_save(&info, &facts, 0, path, &err), &err);
    assert_false(wtl_sensor_facts_load(&info, NULL, &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, make_test_directory, drop_test_directory),
        cmocka_unit_test_setup_teardown(test_calibration, make_test_directory, drop_test_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
