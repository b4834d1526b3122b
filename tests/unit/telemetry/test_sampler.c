/* SPDX-License-Identifier: Apache-2.0
 * Reading all devices of a machine, with one of them hanging. */
#include "support/support.h"

#include "telemetry/sampler.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

static struct wtl_machine *open_machine(const char *suffix, int64_t deadline_ns)
{
    write_text(in_test_directory("t.csv"), "timestamp, index, name, power.draw [W]\n"
                                           "2026/11/21 10:00:00.000, 0, A, 100.00 W\n"
                                           "2026/11/21 11:00:00.000, 0, A, 110.00 W\n");
    static char name[2][300];
    snprintf(name[0], sizeof name[0], "replay:%s", in_test_directory("t.csv"));
    snprintf(name[1], sizeof name[1], "faulty:%s:replay:%s,speed=2", suffix,
             in_test_directory("t.csv"));
    const char *const only[] = {name[0], name[1], NULL};
    struct wtl_machine_options options = {
        .clock = wtl_clock_system(), .nvml = "", .only = only, .deadline_ns = deadline_ns};
    struct wtl_machine *m = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &m, &err), &err);
    return m;
}

static void a_sample_of_each_device(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_machine *m = open_machine("read.error=busy@2", WTL_NS_PER_S);
    struct wtl_device_sample s = {0};
    struct wtl_device *d = wtl_machine_device(m, 1);
    wtl_sample_device(d, wtl_clock_system(), &arena, &s);
    assert_int_equal(s.rc, 0);
    assert_near(s.reading.value[WTL_M_power_w], 100, 0);
    assert_int_equal(s.processes_rc, -WTL_UNSUPPORTED);
    int64_t answered = s.t_ns;
    assert_true(answered > 0);
    wtl_sample_device(d, wtl_clock_system(), &arena, &s);
    assert_int_equal(s.rc, -WTL_BUSY);
    assert_non_null(strstr(s.trouble, "injected"));
    assert_true(s.t_ns == answered); /* when it last answered */
    wtl_sample_device(d, wtl_clock_system(), &arena, &s);
    assert_int_equal(s.rc, 0);
    assert_string_equal(s.trouble, "");
    wtl_machine_close(m);
}

/* A device that does not answer at first has its ranges once it does. */
static void ranges_come_with_the_first_answer(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const char *const only[] = {"faulty:read.error@1:virtual:plain", NULL};
    const struct wtl_machine_options options = {
        .clock = wtl_clock_system(), .nvml = "", .only = only};
    struct wtl_machine *m = NULL;
    struct wtl_error err = {0};
    struct wtl_device_sample s = {0};
    const unsigned limit = WTL_KNOB_BIT(WTL_KNOB_power_limit_w);
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &m, &err), &err);
    struct wtl_device *d = wtl_machine_device(m, 0);
    wtl_sample_device(d, wtl_clock_system(), &arena, &s);
    assert_true(s.rc < 0);
    assert_int_equal(s.ranges & limit, 0);
    wtl_sample_device(d, wtl_clock_system(), &arena, &s);
    assert_int_equal(s.rc, 0);
    assert_int_equal(s.ranges & limit, limit);
    assert_true(s.range[WTL_KNOB_power_limit_w].max > s.range[WTL_KNOB_power_limit_w].min);
    s.range[WTL_KNOB_power_limit_w].max = -1;
    wtl_sample_device(d, wtl_clock_system(), &arena, &s);
    assert_near(s.range[WTL_KNOB_power_limit_w].max, -1, 0); /* not asked again */
    wtl_machine_close(m);
}

static int64_t wait_for_round(struct wtl_sampler *s, struct wtl_device_sample *samples)
{
    struct pollfd p = {.fd = wtl_sampler_fd(s), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 20000), 1);
    int waiting = 0;
    int64_t waiting_ns = 0;
    return wtl_sampler_take(s, samples, &waiting, &waiting_ns);
}

static void a_thread_reads_on_and_on(void **state)
{
    (void)state;
    struct wtl_machine *m = open_machine("read.error@every2", WTL_NS_PER_S);
    struct wtl_sampler *s = NULL;
    struct wtl_device_sample samples[2];
    struct wtl_error err = {0};
    assert_ok(wtl_sampler_start(wtl_alloc_system(), m, (int[]){0, 1}, 2, wtl_clock_system(),
                                1000000, &s, &err),
              &err);
    while (wait_for_round(s, samples) < 3)
        ;
    assert_near(samples[0].reading.value[WTL_M_power_w], 100, 0);
    wtl_sampler_set_interval(s, 3600 * WTL_NS_PER_S);
    assert_true(wtl_sampler_stop(s, 20 * WTL_NS_PER_S));
    wtl_machine_close(m);
}

static void a_hanging_device_is_seen_while_it_hangs(void **state)
{
    (void)state;
    struct wtl_machine *m = open_machine("read.hang@1", 3600 * WTL_NS_PER_S);
    struct wtl_sampler *s = NULL;
    struct wtl_device_sample samples[2];
    assert_ok(wtl_sampler_start(wtl_alloc_system(), m, (int[]){0, 1}, 2, wtl_clock_system(),
                                WTL_NS_PER_S, &s, NULL),
              NULL);
    int waiting = -1;
    int64_t waiting_ns = 0;
    while (waiting != 1)
        assert_int_equal(wtl_sampler_take(s, samples, &waiting, &waiting_ns), 0);
    assert_true(waiting_ns >= 0);
    assert_near(samples[0].reading.value[WTL_M_power_w], 100, 0); /* the other one was read */
    assert_true(samples[1].t_ns == 0);
    assert_false(wtl_sampler_stop(s, 1000000)); /* left behind, with its memory */
}

static void stopping_nothing(void **state)
{
    (void)state;
    assert_true(wtl_sampler_stop(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_of_each_device),
        cmocka_unit_test(ranges_come_with_the_first_answer),
        cmocka_unit_test(a_thread_reads_on_and_on),
        cmocka_unit_test(a_hanging_device_is_seen_while_it_hangs),
        cmocka_unit_test(stopping_nothing),
    };
    return cmocka_run_group_tests(tests, make_test_directory, drop_test_directory);
}
