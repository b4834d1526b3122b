/* SPDX-License-Identifier: Apache-2.0
 * Recorded traces as devices: values as time goes on, the end, several GPUs, files without time. */
#include "support/support.h"

#include "device/device.h"
#include "device/replay/replay.h"

#include <stdio.h>
#include <string.h>

struct hand {
    int64_t now_ns, wall_ns;
};
static int64_t hand_monotonic(void *ctx)
{
    return ((struct hand *)ctx)->now_ns;
}
static int64_t hand_wall(void *ctx)
{
    return ((struct hand *)ctx)->wall_ns + ((struct hand *)ctx)->now_ns;
}

static struct hand hand;
static struct wtl_error err;

static int open_named(const char *name, struct wtl_machine **machine)
{
    hand = (struct hand){.now_ns = 5 * WTL_NS_PER_S, .wall_ns = 1700000000 * WTL_NS_PER_S};
    err.code = WTL_OK;
    const char *const only[] = {name, NULL};
    struct wtl_machine_options options = {
        .clock = {hand_monotonic, hand_wall, &hand}, .nvml = "", .only = only};
    return wtl_machine_open(wtl_alloc_system(), &options, machine, &err);
}

static void advance(double s)
{
    hand.now_ns += (int64_t)(s * 1e9);
}

static const char smi[] = "timestamp, index, name, power.draw [W], clocks.sm [MHz]\n"
                          "2026/11/21 10:00:00.000, 0, Tesla V100, 100.00 W, 1000 MHz\n"
                          "2026/11/21 10:00:00.000, 1, Tesla P40, 50.00 W, 900 MHz\n"
                          "2026/11/21 10:00:01.000, 0, Tesla V100, 110.00 W, [N/A]\n"
                          "2026/11/21 10:00:01.000, 1, Tesla P40, 55.00 W, 900 MHz\n"
                          "2026/11/21 10:00:02.000, 0, Tesla V100, 120.00 W, 1200 MHz\n"
                          "2026/11/21 10:00:02.000, 1, Tesla P40, 60.00 W, 900 MHz\n";

static const char *name_of(const char *suffix)
{
    static char name[200];
    write_text(in_test_directory("t.csv"), smi);
    snprintf(name, sizeof name, "replay:%s%s", in_test_directory("t.csv"), suffix);
    return name;
}

static const uint64_t both = WTL_METRIC_BIT(WTL_M_power_w) | WTL_METRIC_BIT(WTL_M_sm_clock_mhz);

static void gives_the_trace_as_time_goes_on(void **state)
{
    (void)state;
    struct wtl_machine *m = NULL;
    assert_ok(open_named(name_of("#0"), &m), &err);
    assert_int_equal(wtl_machine_count(m), 1);
    struct wtl_device *d = wtl_machine_device(m, 0);
    const struct wtl_device_info *info = wtl_device_info(d);
    assert_string_equal(info->id, name_of("#0"));
    assert_string_equal(info->name, "Tesla V100");
    assert_int_equal(info->flags, WTL_DEVICE_REPLAY | WTL_DEVICE_EPHEMERAL);
    assert_int_equal(info->sensors & both, both);
    assert_int_equal(info->knobs, 0);
    assert_int_equal(info->sensor[WTL_M_power_w].period_ns, WTL_NS_PER_S);
    struct wtl_reading r;
    assert_ok(wtl_device_read(d, both, &r, &err), &err);
    assert_near(r.value[WTL_M_power_w], 100, 0);
    assert_near(r.value[WTL_M_sm_clock_mhz], 1000, 0);
    assert_true(r.sensor_t_ns[WTL_M_power_w] == hand_wall(&hand));
    advance(0.99); /* held */
    assert_ok(wtl_device_read(d, both, &r, &err), &err);
    assert_near(r.value[WTL_M_power_w], 100, 0);
    advance(0.02);
    assert_ok(wtl_device_read(d, both, &r, &err), &err);
    assert_near(r.value[WTL_M_power_w], 110, 0);
    assert_false(wtl_reading_has(&r, WTL_M_sm_clock_mhz)); /* the recorder had none */
    assert_int_equal(r.absence[WTL_M_sm_clock_mhz], WTL_ABSENT_NOT_YET);
    advance(1.5);
    assert_ok(wtl_device_read(d, both, &r, &err), &err);
    assert_near(r.value[WTL_M_power_w], 120, 0);
    wtl_machine_close(m);
}

static void says_when_it_is_over(void **state)
{
    (void)state;
    struct wtl_machine *m = NULL;
    assert_ok(open_named(name_of("#1"), &m), &err);
    struct wtl_device *d = wtl_machine_device(m, 0);
    struct wtl_reading r = {.cost_ns = 77};
    advance(2.999); /* the last row stands for a period */
    assert_ok(wtl_device_read(d, both, &r, &err), &err);
    assert_near(r.value[WTL_M_power_w], 60, 0);
    advance(0.001);
    assert_int_equal(wtl_device_read(d, both, &r, &err), -WTL_LOST);
    assert_non_null(strstr(err.message, "over after 3 s and 3 rows"));
    assert_non_null(strstr(err.hint, "loop"));
    wtl_machine_close(m);
}

static void loops_and_hurries_when_told(void **state)
{
    (void)state;
    struct wtl_machine *m = NULL;
    assert_ok(open_named(name_of(",loop,speed=10#1"), &m), &err);
    struct wtl_device *d = wtl_machine_device(m, 0);
    struct wtl_reading r;
    advance(0.15);
    assert_ok(wtl_device_read(d, both, &r, &err), &err);
    assert_near(r.value[WTL_M_power_w], 55, 0);
    advance(0.2); /* 3.5 s of 3 */
    assert_ok(wtl_device_read(d, both, &r, &err), &err);
    assert_near(r.value[WTL_M_power_w], 50, 0);
    wtl_machine_close(m);
}

static void all_gpus_of_a_file(void **state)
{
    (void)state;
    struct wtl_machine *m = NULL;
    assert_ok(open_named(name_of(""), &m), &err);
    assert_int_equal(wtl_machine_count(m), 2);
    assert_string_equal(wtl_device_info(wtl_machine_device(m, 0))->name, "Tesla V100");
    assert_string_equal(wtl_device_info(wtl_machine_device(m, 1))->name, "Tesla P40");
    assert_string_equal(wtl_device_info(wtl_machine_device(m, 1))->id, name_of("#1"));
    wtl_machine_close(m);
}

static void ring_holds_what_was_recorded_so_far(void **state)
{
    (void)state;
    struct wtl_machine *m = NULL;
    assert_ok(open_named(name_of("#0"), &m), &err);
    struct wtl_device *d = wtl_machine_device(m, 0);
    struct wtl_ring_sample s[4];
    size_t n = 9;
    int64_t begin = hand_wall(&hand);
    advance(2.2);
    assert_ok(wtl_device_ring(d, WTL_M_power_w, 0, s, 4, &n, &err), &err);
    assert_int_equal(n, 3);
    assert_near(s[0].value, 100, 0);
    assert_near(s[2].value, 120, 0);
    assert_true(s[2].t_ns == begin + 2 * WTL_NS_PER_S);
    assert_ok(wtl_device_ring(d, WTL_M_power_w, s[1].t_ns, s, 4, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_ok(wtl_device_ring(d, WTL_M_power_w, 0, s, 2, &n, &err), &err);
    assert_int_equal(n, 2); /* the newest two */
    assert_near(s[0].value, 110, 0);
    assert_int_equal(wtl_device_ring(d, WTL_M_temp_c, 0, s, 4, &n, &err), -WTL_UNSUPPORTED);
    wtl_machine_close(m);
}

static void rows_without_time_are_an_interval_apart(void **state)
{
    (void)state;
    write_text(in_test_directory("d.txt"),
               "#Entity   POWER   SMCLK\nID\nGPU 0     100.000    1410\n"
               "GPU 0     200.000    1400\n");
    char name[200];
    snprintf(name, sizeof name, "replay:%s,interval=2s", in_test_directory("d.txt"));
    struct wtl_machine *m = NULL;
    assert_ok(open_named(name, &m), &err);
    struct wtl_device *d = wtl_machine_device(m, 0);
    struct wtl_reading r;
    advance(1.9);
    assert_ok(wtl_device_read(d, both, &r, &err), &err);
    assert_near(r.value[WTL_M_power_w], 100, 0);
    advance(0.2);
    assert_ok(wtl_device_read(d, both, &r, &err), &err);
    assert_near(r.value[WTL_M_power_w], 200, 0);
    wtl_machine_close(m);
}

static void refuses_what_cannot_be_replayed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        const char *message;
    } bad[] = {
        {"replay:", -WTL_USAGE, "names no file"},
        {"replay:,loop", -WTL_USAGE, "names no file"},
        {"replay:/nowhere", -WTL_NOTFOUND, "/nowhere"},
        {"replay:x,interval=0s", -WTL_USAGE, "0.1 ms to a day"},
        {"replay:x,interval=50", -WTL_USAGE, "50"},
        {"replay:x,speed=0", -WTL_USAGE, "speed"},
    };
    struct wtl_machine *m = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(open_named(bad[i].text, &m), bad[i].rc);
        assert_non_null(strstr(err.message, bad[i].message));
    }
    assert_int_equal(open_named(name_of("#2"), &m), -WTL_NOTFOUND);
    assert_non_null(strstr(err.message, "has 2 GPUs"));
    write_text(in_test_directory("e.txt"), "MHz,seconds\n");
    char name[300];
    snprintf(name, sizeof name, "replay:%s", in_test_directory("e.txt"));
    assert_true(open_named(name, &m) < 0);
    snprintf(name, sizeof name, "replay:%0*d", 120, 1);
    assert_int_equal(open_named(name, &m), -WTL_LIMIT);
    assert_null(m);
}

static void names_keep_their_commas_and_hashes(void **state)
{
    (void)state;
    struct wtl_replay_options o;
    assert_ok(wtl_replay_parse("a,b#c", &o, &err), &err);
    assert_string_equal(o.path, "a,b#c");
    assert_int_equal(o.stream, -1);
    assert_ok(wtl_replay_parse("a,b,speed=2,loop#12", &o, &err), &err);
    assert_string_equal(o.path, "a,b");
    assert_int_equal(o.stream, 12);
    assert_true(o.loop);
    assert_near(o.speed, 2, 0);
    assert_true(o.period_ns == WTL_NS_PER_S / 10);
}

/* The n-th allocation fails, for every n: an error, no leak (the sanitizer build looks). */
static void survives_without_memory(void **state)
{
    (void)state;
    const char *const only[] = {name_of(""), NULL};
    hand = (struct hand){0};
    struct wtl_machine_options options = {
        .clock = {hand_monotonic, hand_wall, &hand}, .nvml = "", .only = only};
    int rc = -1;
    for (long n = 1; rc < 0; n++) {
        struct wtl_alloc_failing failing;
        struct wtl_machine *m = NULL;
        rc = wtl_machine_open(wtl_alloc_failing(&failing, n), &options, &m, &err);
        assert_true(rc == 0 || rc == -WTL_NOMEM);
        wtl_machine_close(m);
        assert_true(n < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_trace_as_time_goes_on),
        cmocka_unit_test(says_when_it_is_over),
        cmocka_unit_test(loops_and_hurries_when_told),
        cmocka_unit_test(all_gpus_of_a_file),
        cmocka_unit_test(ring_holds_what_was_recorded_so_far),
        cmocka_unit_test(rows_without_time_are_an_interval_apart),
        cmocka_unit_test(refuses_what_cannot_be_replayed),
        cmocka_unit_test(names_keep_their_commas_and_hashes),
        cmocka_unit_test(survives_without_memory),
    };
    return cmocka_run_group_tests(tests, make_test_directory, drop_test_directory);
}
