/* SPDX-License-Identifier: Apache-2.0
 * The estimate of CPUs without a sensor, over a /proc/stat that is played by hand. */
#include "support/support.h"

#include "device/device.h"

#include <stdio.h>

static struct wtl_error err;
static int64_t now_ns;
static struct wtl_machine *machine;
static struct wtl_device *device;

static int64_t played_now(void *ctx)
{
    return *(const int64_t *)ctx;
}

static const struct wtl_clock played = {played_now, played_now, &now_ns};

/* Ticks since boot. */
static void stat(int user, int idle, int iowait)
{
    char text[128];
    snprintf(text, sizeof text, "cpu  %d 0 0 %d %d 0 0 0 0 0\ncpu0 1 0 0 1 0 0 0 0 0 0\n", user,
             idle, iowait);
    write_text(in_test_directory("root/proc/stat"), text);
}

static int open_it(void **state)
{
    static const char *const only[] = {"estimate:cpu,tdp=100W", NULL};
    const struct wtl_machine_options options = {
        .clock = played, .root = in_test_directory("root"), .nvml = "", .only = only};
    (void)state;
    now_ns = 0;
    stat(1000, 1000, 100);
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &machine, &err), &err);
    assert_int_equal(wtl_machine_count(machine), 1);
    device = wtl_machine_device(machine, 0);
    return 0;
}

static int close_it(void **state)
{
    (void)state;
    wtl_machine_close(machine);
    return 0;
}

/* Power and energy at a time. */
static void read_at(double s, double *power_w, double *energy_j)
{
    struct wtl_reading r;
    now_ns = (int64_t)(s * 1e9);
    assert_ok(wtl_device_read(device, UINT64_MAX, &r, &err), &err);
    assert_true(wtl_reading_has(&r, WTL_M_power_w));
    assert_true(wtl_reading_has(&r, WTL_M_energy_counter_j));
    *power_w = r.value[WTL_M_power_w];
    *energy_j = r.value[WTL_M_energy_counter_j];
}

static void time_is_booked_at_the_power_of_that_time(void **state)
{
    double w, j;
    (void)state;
    stat(1200, 1000, 100); /* all busy for 1 s */
    read_at(1, &w, &j);
    assert_near(w, 100, 1e-9);
    assert_near(j, 100, 1e-9);
    stat(1200, 1200, 100); /* all idle for another */
    read_at(2, &w, &j);
    assert_near(w, 25, 1e-9);
    assert_near(j, 125, 1e-9);
    stat(1300, 1300, 100); /* half */
    read_at(3, &w, &j);
    assert_near(w, 62.5, 1e-9);
    assert_near(j, 187.5, 1e-9);
}

static void a_few_ticks_are_booked_with_the_next(void **state)
{
    double w, j;
    (void)state;
    stat(1009, 1000, 100);
    read_at(0.09, &w, &j);
    assert_near(w, 25, 1e-9);
    assert_near(j, 0, 1e-9);
    stat(1010, 1010, 100); /* 20 since the beginning, 10 of them busy */
    read_at(0.2, &w, &j);
    assert_near(w, 62.5, 1e-9);
    assert_near(j, 12.5, 1e-9);
}

static void waiting_that_goes_back_is_no_more_than_all_busy(void **state)
{
    double w, j;
    (void)state;
    stat(1100, 1000, 50); /* 100 of 50 ticks */
    read_at(1, &w, &j);
    assert_near(w, 100, 1e-9);
    assert_near(j, 100, 1e-9);
}

#define WITH_DEVICE(test) cmocka_unit_test_setup_teardown(test, open_it, close_it)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DEVICE(time_is_booked_at_the_power_of_that_time),
        WITH_DEVICE(a_few_ticks_are_booked_with_the_next),
        WITH_DEVICE(waiting_that_goes_back_is_no_more_than_all_busy),
    };
    return cmocka_run_group_tests_name("device/estimate", tests, make_test_directory,
                                       drop_test_directory);
}
