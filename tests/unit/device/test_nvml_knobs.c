/* SPDX-License-Identifier: Apache-2.0
 * The knobs of the NVML back end: what there is by architecture, ranges, setting and releasing,
 * refusals, and what a driver's code becomes. */
#include "support/nvml_fixture.h"
#include "support/support.h"

#include "device/knob.h"

#include <stdio.h>
#include <string.h>

static struct nvml_fixture f;
static struct fake_gpu *gpu;
static struct wtl_device *device;

static void open_with(const char *folder, const char *const *hidden, struct fake_gpu as)
{
    nvml_fixture_load(&f, folder, hidden);
    gpu = &f.fake->gpu[0];
    *gpu = as;
    nvml_fixture_open(&f);
    device = nvml_fixture_device(&f, 0);
}

static int set(enum wtl_knob knob, struct wtl_knob_value value, struct wtl_error *err)
{
    return wtl_knob_set(device, knob, value, NULL, err);
}

static struct wtl_knob_value range_of(double lo, double hi)
{
    return (struct wtl_knob_value){.lo = lo, .hi = hi};
}

enum {
    SM = 1 << WTL_KNOB_sm_clock_mhz,
    MEM = 1 << WTL_KNOB_mem_clock_mhz,
    LIMIT = 1 << WTL_KNOB_power_limit_w,
};

static void knobs_by_architecture(void **state)
{
    (void)state;
    static const struct {
        unsigned architecture, knobs;
    } known[] = {
        {NVML_ARCH_PASCAL, LIMIT},
        {NVML_ARCH_VOLTA, SM | LIMIT},
        {NVML_ARCH_TURING, SM | LIMIT},
        {NVML_ARCH_AMPERE, SM | MEM | LIMIT},
        {NVML_ARCH_BLACKWELL, SM | MEM | LIMIT},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char folder[32];
        snprintf(folder, sizeof folder, "architecture%zu", i);
        struct fake_gpu as = fake_a100();
        as.architecture = known[i].architecture;
        open_with(folder, NULL, as);
        assert_int_equal(wtl_device_info(device)->knobs, known[i].knobs);
        struct wtl_error err;
        if (!(known[i].knobs & SM))
            assert_int_equal(set(WTL_KNOB_sm_clock_mhz, wtl_knob_at(1110), &err), -WTL_UNSUPPORTED);
        nvml_fixture_unload(&f);
    }
}

static void ranges(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err;
    struct wtl_knob_range r;
    open_with("ranges", NULL, fake_a100());
    assert_ok(wtl_device_knob_range(device, WTL_KNOB_sm_clock_mhz, &arena, &r, &err), &err);
    assert_int_equal(r.n_steps, 21); /* of the highest memory clock */
    assert_near(r.min, 1110, 0);
    assert_near(r.max, 1410, 0);
    for (size_t i = 0; i < r.n_steps; i++)
        assert_near(r.steps[i], 1110 + 15 * (double)i, 0);
    assert_false(r.has_default);
    assert_ok(wtl_device_knob_range(device, WTL_KNOB_mem_clock_mhz, &arena, &r, &err), &err);
    assert_int_equal(r.n_steps, 2);
    assert_near(r.steps[0], 810, 0);
    assert_ok(wtl_device_knob_range(device, WTL_KNOB_power_limit_w, &arena, &r, &err), &err);
    assert_null(r.steps);
    assert_near(r.min, 150, 0);
    assert_near(r.max, 250, 0);
    assert_true(r.has_default && r.released_is_default);
    assert_near(r.default_value, 250, 0);
    nvml_fixture_unload(&f);
}

/* Drivers list clocks in any order, and some of them twice. */
static void legal_clocks_are_sorted_and_once_each(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const unsigned listed[] = {1200, 1410, 1200, 1110, 1410, 1410, 1125};
    struct wtl_error err;
    struct wtl_knob_range r;
    struct fake_gpu as = fake_a100();
    as.n_sm_clocks = sizeof listed / sizeof *listed;
    memcpy(as.sm_clocks, listed, sizeof listed);
    open_with("twice", NULL, as);
    assert_ok(wtl_device_knob_range(device, WTL_KNOB_sm_clock_mhz, &arena, &r, &err), &err);
    static const double want[] = {1110, 1125, 1200, 1410};
    assert_int_equal(r.n_steps, 4);
    for (size_t i = 0; i < 4; i++)
        assert_near(r.steps[i], want[i], 0);
    assert_near(r.max, 1410, 0);
    nvml_fixture_unload(&f);
}

/* Requested and enforced limit are one question to the driver. */
static void both_limits_in_one_call(void **state)
{
    (void)state;
    struct wtl_error err;
    struct wtl_knob_state s;
    open_with("once", NULL, fake_a100());
    long fields = f.fake->count[FAKE_nvmlDeviceGetFieldValues];
    long calls = f.fake->calls;
    assert_ok(wtl_device_knob(device, WTL_KNOB_power_limit_w, &s, &err), &err);
    assert_true(s.known && s.has_enforced);
    assert_int_equal(f.fake->count[FAKE_nvmlDeviceGetFieldValues], fields + 1);
    assert_int_equal(f.fake->calls, calls + 1);
    nvml_fixture_unload(&f);
}

/* The other getter is for drivers that lack the field, not for boards that fell off the bus. */
static void a_lost_board_is_asked_once(void **state)
{
    (void)state;
    struct wtl_error err;
    struct wtl_knob_state s;
    open_with("lost", NULL, fake_a100());
    f.fake->ret[FAKE_nvmlDeviceGetFieldValues] = NVML_GPU_IS_LOST;
    long before = f.fake->count[FAKE_nvmlDeviceGetPowerManagementLimit];
    assert_int_equal(wtl_device_knob(device, WTL_KNOB_power_limit_w, &s, &err), -WTL_LOST);
    assert_int_equal(f.fake->count[FAKE_nvmlDeviceGetPowerManagementLimit], before);
    nvml_fixture_unload(&f);
}

static void a_limit_is_set_read_back_and_released(void **state)
{
    (void)state;
    struct wtl_error err;
    struct wtl_knob_state s;
    for (int by_call = 0; by_call < 2; by_call++) {
        open_with(by_call ? "limit-call" : "limit-field", NULL,
                  by_call ? fake_v100() : fake_a100());
        assert_ok(wtl_device_knob(device, WTL_KNOB_power_limit_w, &s, &err), &err);
        assert_true(s.known && !s.requested.released);
        assert_near(s.requested.lo, 230, 1e-9); /* what was asked for, */
        assert_near(s.requested.hi, 230, 1e-9);
        assert_true(s.has_enforced);
        assert_near(s.enforced, 220, 1e-9); /* and what holds */
        assert_ok(wtl_knob_set(device, WTL_KNOB_power_limit_w, wtl_knob_at(180.25), &s, &err),
                  &err);
        assert_int_equal(gpu->limit_mw, 180250);
        assert_near(s.requested.lo, 180.25, 1e-9);
        assert_ok(set(WTL_KNOB_power_limit_w, wtl_knob_released(), &err), &err);
        assert_int_equal(gpu->limit_mw, 250000);
        nvml_fixture_unload(&f);
    }
}

static void locks_are_set_and_released_and_have_no_getter(void **state)
{
    (void)state;
    struct wtl_error err;
    struct wtl_knob_state s = {.known = true};
    open_with("locks", NULL, fake_a100());
    assert_ok(set(WTL_KNOB_sm_clock_mhz, range_of(1110, 1200), &err), &err);
    assert_int_equal(gpu->sm_lock[0], 1110);
    assert_int_equal(gpu->sm_lock[1], 1200);
    assert_ok(set(WTL_KNOB_mem_clock_mhz, wtl_knob_at(1215), &err), &err);
    assert_int_equal(gpu->mem_lock[0], 1215);
    assert_int_equal(gpu->mem_lock[1], 1215);
    assert_ok(wtl_device_knob(device, WTL_KNOB_sm_clock_mhz, &s, &err), &err);
    assert_false(s.known);
    assert_ok(set(WTL_KNOB_sm_clock_mhz, wtl_knob_released(), &err), &err);
    assert_int_equal(gpu->sm_lock[1], 0);
    assert_int_equal(gpu->mem_lock[1], 1215); /* the other one stays */
    assert_ok(set(WTL_KNOB_mem_clock_mhz, wtl_knob_released(), &err), &err);
    assert_int_equal(gpu->mem_lock[1], 0);
    nvml_fixture_unload(&f);
}

static void values_outside_the_range_are_refused_with_it(void **state)
{
    (void)state;
    struct wtl_error err;
    open_with("refused", NULL, fake_a100());
    long calls = f.fake->calls;
    assert_int_equal(set(WTL_KNOB_power_limit_w, wtl_knob_at(149.9), &err), -WTL_USAGE);
    assert_string_equal(err.message, "nvml:GPU-aaaaaaaa-0000-1111-2222-333333333333 cannot have a "
                                     "power limit of 149.9 W");
    assert_string_equal(err.hint, "it takes 150 W to 250 W");
    assert_int_equal(set(WTL_KNOB_sm_clock_mhz, range_of(1110, 1411), &err), -WTL_USAGE);
    assert_int_equal(set(WTL_KNOB_sm_clock_mhz, range_of(1200, 1110), &err), -WTL_USAGE);
    assert_int_equal(set(WTL_KNOB_mem_clock_mhz, range_of(0, 1215), &err), -WTL_USAGE);
    assert_int_equal(f.fake->calls, calls); /* the driver was not even asked */
    f.fake->ret[FAKE_nvmlDeviceSetGpuLockedClocks] = NVML_INVALID_ARGUMENT;
    assert_int_equal(set(WTL_KNOB_sm_clock_mhz, wtl_knob_at(1110), &err), -WTL_USAGE);
    f.fake->ret[FAKE_nvmlDeviceSetGpuLockedClocks] = NVML_FREQ_NOT_SUPPORTED;
    assert_int_equal(set(WTL_KNOB_sm_clock_mhz, wtl_knob_at(1110), &err), -WTL_USAGE);
    nvml_fixture_unload(&f);
}

static void the_second_version_of_the_limit_stands_in(void **state)
{
    (void)state;
    static const char *const hidden[] = {"nvmlDeviceSetPowerManagementLimit", NULL};
    struct wtl_error err;
    open_with("limit-v2", hidden, fake_a100());
    assert_ok(set(WTL_KNOB_power_limit_w, wtl_knob_at(200), &err), &err);
    assert_int_equal(gpu->limit_mw, 200000);
    assert_int_equal(f.fake->count[FAKE_nvmlDeviceSetPowerManagementLimit_v2], 1);
    nvml_fixture_unload(&f);
}

/* The table of the policy, for setters: code of the driver, ours, and how often it was asked. */
static const struct {
    int code, ours;
    long asked;
    const char *text;
} policy[] = {
    {NVML_TIMEOUT, -WTL_TIMEOUT, 4, "timed out"},
    {NVML_IRQ_ISSUE, -WTL_TIMEOUT, 4, "interrupts"},
    {NVML_IN_USE, -WTL_TIMEOUT, 4, "in use"},
    {NVML_NOT_READY, -WTL_TIMEOUT, 4, "not ready"},
    {NVML_NOT_SUPPORTED, -WTL_UNSUPPORTED, 1, "not supported"},
    {NVML_FUNCTION_NOT_FOUND, -WTL_UNSUPPORTED, 1, "no such function"},
    {NVML_DEPRECATED, -WTL_UNSUPPORTED, 1, "no longer served"},
    {NVML_NO_PERMISSION, -WTL_PERMISSION, 1, "no permission"},
    {NVML_OPERATING_SYSTEM, -WTL_PERMISSION, 1, "operating system blocks"},
    {NVML_GPU_IS_LOST, -WTL_LOST, 1, "fell off the bus"},
    {NVML_RESET_REQUIRED, -WTL_LOST, 1, "needs a reset"},
    {NVML_LIB_RM_VERSION_MISMATCH, -WTL_LOST, 1, "changed under"},
    {NVML_UNINITIALIZED, -WTL_LOST, 1, "no longer initialised"},
    {NVML_DRIVER_NOT_LOADED, -WTL_LOST, 1, "not loaded"},
    {NVML_GPU_NOT_FOUND, -WTL_LOST, 1, "is gone"},
    {NVML_INSUFFICIENT_SIZE, -WTL_FAILED, 1, "insufficient size"},
    {NVML_ARGUMENT_VERSION_MISMATCH, -WTL_FAILED, 1, "version of a struct"},
    {NVML_INSUFFICIENT_POWER, -WTL_FAILED, 1, "power cable"},
    {NVML_MEMORY, -WTL_NOMEM, 1, "out of memory"},
    {NVML_INVALID_STATE, -WTL_FAILED, 1, "state"},
    {NVML_UNKNOWN, -WTL_FAILED, 1, "(NVML code 999)"},
    {77, -WTL_FAILED, 1, "(NVML code 77)"},
};

static void codes_of_the_driver_become_ours(void **state)
{
    (void)state;
    struct wtl_error err;
    open_with("policy", NULL, fake_a100());
    for (size_t i = 0; i < sizeof policy / sizeof *policy; i++) {
        f.fake->ret[FAKE_nvmlDeviceSetGpuLockedClocks] = policy[i].code;
        long before = f.fake->count[FAKE_nvmlDeviceSetGpuLockedClocks];
        int rc = set(WTL_KNOB_sm_clock_mhz, wtl_knob_at(1110), &err);
        assert_int_equal(rc, policy[i].ours);
        assert_int_equal(err.code, -policy[i].ours);
        assert_int_equal(f.fake->count[FAKE_nvmlDeviceSetGpuLockedClocks] - before,
                         policy[i].asked);
        assert_non_null(strstr(err.message, policy[i].text));
        assert_non_null(strstr(err.message, "setting the SM clock of nvml:GPU-aaaa"));
        if (policy[i].code == NVML_LIB_RM_VERSION_MISMATCH)
            assert_non_null(strstr(err.hint, "restart this process"));
    }
    assert_int_equal(gpu->sm_lock[1], 0);
    nvml_fixture_unload(&f);
}

static void a_call_that_works_at_the_second_try_works(void **state)
{
    (void)state;
    struct wtl_error err;
    open_with("again", NULL, fake_a100());
    f.fake->fail_at = f.fake->calls + 1;
    f.fake->fail_for = 3;
    f.fake->fail_code = NVML_IN_USE;
    assert_ok(set(WTL_KNOB_sm_clock_mhz, wtl_knob_at(1110), &err), &err);
    assert_int_equal(gpu->sm_lock[1], 1110);
    nvml_fixture_unload(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knobs_by_architecture),
        cmocka_unit_test(ranges),
        cmocka_unit_test(legal_clocks_are_sorted_and_once_each),
        cmocka_unit_test(both_limits_in_one_call),
        cmocka_unit_test(a_lost_board_is_asked_once),
        cmocka_unit_test(a_limit_is_set_read_back_and_released),
        cmocka_unit_test(locks_are_set_and_released_and_have_no_getter),
        cmocka_unit_test(values_outside_the_range_are_refused_with_it),
        cmocka_unit_test(the_second_version_of_the_limit_stands_in),
        cmocka_unit_test(codes_of_the_driver_become_ours),
        cmocka_unit_test(a_call_that_works_at_the_second_try_works),
    };
    return cmocka_run_group_tests(tests, make_test_directory, drop_test_directory);
}
