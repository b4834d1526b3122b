/* SPDX-License-Identifier: Apache-2.0
 * The virtual GPU as a device: time, sensors, rings, processes, knobs; the same twice. */
#include "support/support.h"

#include "device/backend.h"
#include "device/knob.h"
#include "device/virtual/loads.h"
#include "device/virtual/virtual.h"

#include <stdio.h>
#include <string.h>

struct hand {
    int64_t now_ns;
};
static int64_t hand_monotonic(void *ctx)
{
    return ((struct hand *)ctx)->now_ns;
}
static int64_t hand_wall(void *ctx)
{
    return 1700000000 * WTL_NS_PER_S + ((struct hand *)ctx)->now_ns;
}

static struct hand hand;
static struct wtl_error err;

static int try_open(const char *name, struct wtl_machine **machine)
{
    hand.now_ns = 3 * WTL_NS_PER_S;
    err.code = WTL_OK;
    const char *const only[] = {name, NULL};
    struct wtl_machine_options options = {
        .clock = {hand_monotonic, hand_wall, &hand}, .nvml = "", .only = only};
    return wtl_machine_open(wtl_alloc_system(), &options, machine, &err);
}

static struct wtl_machine *open_one(const char *name, struct wtl_device **device)
{
    struct wtl_machine *m = NULL;
    assert_ok(try_open(name, &m), &err);
    assert_int_equal(wtl_machine_count(m), 1);
    *device = wtl_machine_device(m, 0);
    return m;
}

static void pass(double s)
{
    hand.now_ns += (int64_t)(s * 1e9);
}

static double read_one(struct wtl_device *d, enum wtl_metric m)
{
    struct wtl_reading r;
    assert_ok(wtl_device_read(d, WTL_METRIC_BIT(m), &r, &err), &err);
    assert_true(wtl_reading_has(&r, m));
    return r.value[m];
}

static void says_what_it_is(void **state)
{
    (void)state;
    struct wtl_device *d;
    struct wtl_machine *m = open_one("virtual:plain,seed=4#2", &d);
    const struct wtl_device_info *i = wtl_device_info(d);
    assert_string_equal(i->id, "virtual:plain,seed=4#2");
    assert_int_equal(i->flags, WTL_DEVICE_VIRTUAL | WTL_DEVICE_EPHEMERAL);
    assert_int_equal(i->kind, WTL_DEVICE_GPU);
    assert_non_null(strstr(i->driver, "virtual"));
    assert_int_equal(strncmp(i->uuid, "GPU-", 4), 0);
    assert_true(i->sensors & WTL_METRIC_BIT(WTL_M_energy_counter_j));
    assert_int_equal(i->knobs, i->writable);
    assert_int_equal(i->knobs, WTL_KNOB_BIT(WTL_KNOB_sm_clock_mhz) |
                                   WTL_KNOB_BIT(WTL_KNOB_mem_clock_mhz) |
                                   WTL_KNOB_BIT(WTL_KNOB_power_limit_w));
    assert_true(i->sensor[WTL_M_power_w].period_ns > 0);
    char epoch[WTL_LIMIT_NAME];
    assert_ok(wtl_device_epoch(d, epoch, &err), &err);
    assert_string_equal(epoch, i->epoch);
    wtl_machine_close(m);
}

static void time_is_the_machines(void **state)
{
    (void)state;
    struct wtl_device *d;
    struct wtl_machine *m = open_one("virtual:plain,load=plain,exact", &d);
    double before = read_one(d, WTL_M_energy_counter_j);
    assert_near(read_one(d, WTL_M_energy_counter_j), before, 0); /* no time has passed */
    pass(30);
    double power_w = read_one(d, WTL_M_power_w);
    double energy_j = read_one(d, WTL_M_energy_counter_j) - before;
    assert_true(power_w > 60);
    assert_near(energy_j, 30 * power_w, 30 * power_w * 0.15);
    assert_true(read_one(d, WTL_M_gpu_util) > 0.5);
    assert_true(read_one(d, WTL_M_fb_used_b) < read_one(d, WTL_M_fb_total_b));
    struct wtl_reading r;
    assert_ok(wtl_device_read(d, WTL_METRIC_BIT(WTL_M_power_w), &r, &err), &err);
    int64_t age_ns = hand_wall(&hand) - r.sensor_t_ns[WTL_M_power_w];
    assert_true(age_ns >= 0 && age_ns < WTL_NS_PER_S);
    wtl_machine_close(m);
}

static void the_same_twice_and_another_with_another_seed(void **state)
{
    (void)state;
    double power[3];
    static const char *const names[] = {"virtual:plain,seed=5,load=plain",
                                        "virtual:plain,seed=5,load=plain",
                                        "virtual:plain,seed=6,load=plain"};
    for (int k = 0; k < 3; k++) {
        struct wtl_device *d;
        struct wtl_machine *m = open_one(names[k], &d);
        power[k] = 0;
        for (int i = 0; i < 20; i++) {
            pass(k == 1 ? 0.1 : 0.05); /* however the way there is divided */
            if (k != 1)
                pass(0.05);
            power[k] += read_one(d, WTL_M_power_w) * (i + 1);
        }
        wtl_machine_close(m);
    }
    assert_true(power[0] == power[1]);
    assert_true(power[0] != power[2]);
}

static void knobs_move_the_board(void **state)
{
    (void)state;
    struct wtl_device *d;
    struct wtl_machine *m = open_one("virtual:plain,load=plain", &d);
    WTL_ARENA(arena);
    struct wtl_knob_range range;
    assert_ok(wtl_device_knob_range(d, WTL_KNOB_sm_clock_mhz, &arena, &range, &err), &err);
    assert_true(range.n_steps > 10 && range.steps[0] == range.min);
    pass(5);
    double free_w = read_one(d, WTL_M_power_w), free_mhz = read_one(d, WTL_M_sm_clock_mhz);
    struct wtl_knob_state k;
    assert_ok(wtl_device_knob(d, WTL_KNOB_sm_clock_mhz, &k, &err), &err);
    assert_true(k.known && k.requested.released);
    double half = range.steps[range.n_steps / 2];
    assert_ok(wtl_knob_set(d, WTL_KNOB_sm_clock_mhz, wtl_knob_at(half), &k, &err), &err);
    assert_true(wtl_knob_same(WTL_KNOB_sm_clock_mhz, k.requested, wtl_knob_at(half)));
    pass(5);
    assert_near(read_one(d, WTL_M_sm_clock_mhz), half, 0);
    assert_true(read_one(d, WTL_M_power_w) < free_w);
    assert_ok(wtl_knob_set(d, WTL_KNOB_sm_clock_mhz, wtl_knob_released(), &k, &err), &err);
    assert_true(k.requested.released);
    pass(5);
    assert_near(read_one(d, WTL_M_sm_clock_mhz), free_mhz, 0);
    wtl_machine_close(m);
}

static void limits_hold_and_are_bounded(void **state)
{
    (void)state;
    struct wtl_device *d;
    struct wtl_machine *m = open_one("virtual:plain,load=plain/64,exact", &d);
    WTL_ARENA(arena);
    struct wtl_knob_range r;
    struct wtl_knob_state k;
    assert_ok(wtl_device_knob_range(d, WTL_KNOB_power_limit_w, &arena, &r, &err), &err);
    assert_true(r.has_default && r.released_is_default && r.min < r.default_value &&
                r.default_value <= r.max);
    assert_int_equal(wtl_knob_set(d, WTL_KNOB_power_limit_w, wtl_knob_at(r.max + 1), &k, &err),
                     -WTL_USAGE);
    assert_non_null(strstr(err.message, "outside of"));
    assert_int_equal(wtl_knob_set(d, WTL_KNOB_sm_clock_mhz, wtl_knob_at(1), &k, &err), -WTL_USAGE);
    assert_ok(wtl_knob_set(d, WTL_KNOB_power_limit_w, wtl_knob_at(r.min), &k, &err), &err);
    assert_near(k.requested.hi, r.min, 1e-9);
    assert_true(k.has_enforced);
    assert_near(k.enforced, r.min, 1e-9);
    pass(30);
    double before = read_one(d, WTL_M_energy_counter_j);
    pass(30);
    double mean_w = (read_one(d, WTL_M_energy_counter_j) - before) / 30;
    assert_true(mean_w < r.min * 1.03); /* the counter reads at its steps */
    assert_ok(wtl_knob_set(d, WTL_KNOB_power_limit_w, wtl_knob_released(), &k, &err), &err);
    assert_near(k.requested.hi, r.default_value, 1e-9);
    wtl_machine_close(m);
}

static void lists_its_processes_and_samples(void **state)
{
    (void)state;
    struct wtl_device *d;
    struct wtl_machine *m = open_one("virtual:plain,load=plain/4@30%,load=plain@60%,on=1s/2s", &d);
    struct wtl_process p[4];
    size_t n = 0;
    pass(10);
    assert_ok(wtl_device_processes(d, p, 4, &n, &err), &err);
    assert_int_equal(n, 2);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(p[i].name, "plain");
        assert_int_equal(p[i].kind, WTL_PROCESS_MPS_CLIENT);
        assert_true(p[i].has_util && p[i].has_memory && p[i].memory_b > 0);
        assert_int_equal(p[i].slice, -1);
    }
    assert_true(p[0].pid != p[1].pid);
    struct wtl_ring_sample s[8];
    assert_ok(wtl_device_ring(d, WTL_M_power_w, 0, s, 8, &n, &err), &err);
    assert_int_equal(n, 8);
    for (int i = 1; i < 8; i++)
        assert_true(s[i].t_ns > s[i - 1].t_ns);
    assert_true(s[0].value > 10 && s[0].value < 1000);
    struct wtl_ring_sample same[8];
    assert_ok(wtl_device_ring(d, WTL_M_power_instant_w, 0, same, 8, &n, &err), &err);
    assert_near(same[7].value, s[7].value, 0);
    assert_int_equal(wtl_device_ring(d, WTL_M_temp_c, 0, s, 8, &n, &err), -WTL_UNSUPPORTED);
    wtl_machine_close(m);
    /* Where power_w is an average the samples are not of it. */
    m = open_one("virtual:rtx-3080-ti", &d);
    pass(10);
    assert_int_equal(wtl_device_ring(d, WTL_M_power_w, 0, s, 8, &n, &err), -WTL_UNSUPPORTED);
    assert_ok(wtl_device_ring(d, WTL_M_power_instant_w, 0, s, 8, &n, &err), &err);
    wtl_machine_close(m);
}

static void refuses_what_it_cannot_read(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int rc;
        const char *message, *hint;
    } bad[] = {
        {"virtual:", -WTL_USAGE, "names no board", "virtual:a100"},
        {"virtual:plain,sed=3", -WTL_USAGE, "no option", "did you mean \"seed\""},
        {"virtual:plain,quark", -WTL_USAGE, "no option", "load=WORKLOAD"},
        {"virtual:plain,seed=-1", -WTL_USAGE, "whole number", ""},
        {"virtual:plain,load=", -WTL_USAGE, "names no workload", ""},
        {"virtual:plain,load=plain/0", -WTL_USAGE, "a batch is", ""},
        {"virtual:plain,load=plain@0%", -WTL_USAGE, "a share is", ""},
        {"virtual:plain,on=1s/2s", -WTL_USAGE, "behind no load", ""},
        {"virtual:plain,load=plain,on=2s", -WTL_USAGE, "TIME/PERIOD", ""},
        {"virtual:plain,load=plain,on=2s/1s", -WTL_USAGE, "longer period", ""},
        {"virtual:plain#32", -WTL_USAGE, "0 to 31", ""},
        {"virtual:plain#x", -WTL_USAGE, "0 to 31", ""},
        {"virtual:plain,load=plain/257", -WTL_USAGE, "load=plain: batch 257", ""},
        {"virtual:z9000", -WTL_NOTFOUND, "z9000", ""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct wtl_machine *m = NULL;
        int rc = try_open(bad[i].name, &m);
        if (rc != bad[i].rc || !strstr(err.message, bad[i].message) ||
            !strstr(err.hint, bad[i].hint))
            fail_msg("%s: %d %s (%s)", bad[i].name, rc, err.message, err.hint);
        assert_null(m);
    }
}

static void several_boards_of_a_kind(void **state)
{
    (void)state;
    const char *const only[] = {"virtual:plain", "virtual:plain#1,load=plain", "virtual:plain#2",
                                "virtual:plain,load=plain#3", NULL};
    struct wtl_machine_options options = {
        .clock = {hand_monotonic, hand_wall, &hand}, .nvml = "", .only = only};
    struct wtl_machine *m = NULL;
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &m, &err), &err);
    assert_int_equal(wtl_machine_count(m), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(wtl_device_info(wtl_machine_device(m, i))->id, only[i]);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(wtl_device_info(wtl_machine_device(m, i))->pci,
                                    wtl_device_info(wtl_machine_device(m, k))->pci);
    }
    wtl_machine_close(m);
}

static void tells_of_its_errors(void **state)
{
    (void)state;
    struct wtl_device *d;
    struct wtl_driver_error e[WTL_SIM_EVENTS];
    size_t n = 99;
    struct wtl_machine *m = open_one("virtual:plain", &d);
    struct wtl_sim_gpu *gpu = wtl_virtual_board(d);
    wtl_sim_xid(gpu, 13); /* before anybody listened */
    assert_ok(wtl_device_errors(d, e, 2, &n, &err), &err);
    assert_int_equal(n, 0);
    pass(2);
    wtl_sim_xid(wtl_virtual_board(d), 31);
    pass(1);
    assert_ok(wtl_device_errors(d, e, 2, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_int_equal(e[0].number, 31);
    assert_true(e[0].t_ns == hand.now_ns - WTL_NS_PER_S); /* when it fell */
    /* another hour of the card begins without those of the one before */
    const struct wtl_virtual_hour hour = {0};
    wtl_sim_xid(wtl_virtual_board(d), 43);
    assert_ok(wtl_virtual_restart(d, &hour, &err), &err);
    assert_ok(wtl_device_errors(d, e, 2, &n, &err), &err);
    assert_int_equal(n, 0);
    /* more than it keeps: the newest */
    for (unsigned i = 1; i <= WTL_SIM_EVENTS + 5; i++)
        wtl_sim_xid(wtl_virtual_board(d), i);
    assert_ok(wtl_device_errors(d, e, WTL_SIM_EVENTS, &n, &err), &err);
    assert_int_equal(n, WTL_SIM_EVENTS);
    assert_int_equal(e[0].number, 6);
    wtl_sim_lose(wtl_virtual_board(d));
    assert_ok(wtl_device_errors(d, e, 2, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_int_equal(e[0].number, 79);
    wtl_machine_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_it_is),
        cmocka_unit_test(time_is_the_machines),
        cmocka_unit_test(the_same_twice_and_another_with_another_seed),
        cmocka_unit_test(knobs_move_the_board),
        cmocka_unit_test(limits_hold_and_are_bounded),
        cmocka_unit_test(lists_its_processes_and_samples),
        cmocka_unit_test(refuses_what_it_cannot_read),
        cmocka_unit_test(several_boards_of_a_kind),
        cmocka_unit_test(tells_of_its_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
