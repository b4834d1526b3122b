/* SPDX-License-Identifier: Apache-2.0
 * Every call of every operation of the NVML back end is made to fail in turn, with every class of
 * code, once and from then on: outputs stay as they were, the code is the policy's, nothing is
 * left behind. And what single sensors become when their calls fail. */
#include "support/nvml_fixture.h"
#include "support/support.h"

#include "device/machine_impl.h"

#include <stdio.h>
#include <string.h>

static struct nvml_fixture f;
static const char *const only[] = {"nvml:GPU-dddddddd-0000-1111-2222-333333333333", NULL};

static void load(const char *folder)
{
    nvml_fixture_load(&f, folder, NULL);
    f.fake->gpu[0] = fake_h100();
    f.fake->gpu[0].compute = (struct fake_list){1, {{100, 1000, 1, 0}}};
    f.fake->gpu[0].util[0] = (struct nvml_process_util){.pid = 100, .timestamp_us = 1000, .sm = 5};
    f.fake->gpu[0].n_util = 1;
    f.only = only;
}

/* ---- The policy, said again ------------------------------------------------------------------ */

static const struct {
    int code, ours;
    enum wtl_absence absence;
} codes[] = {
    {NVML_TIMEOUT, -WTL_TIMEOUT, WTL_ABSENT_NOT_YET},
    {NVML_IRQ_ISSUE, -WTL_TIMEOUT, WTL_ABSENT_NOT_YET},
    {NVML_IN_USE, -WTL_TIMEOUT, WTL_ABSENT_NOT_YET},
    {NVML_NOT_READY, -WTL_TIMEOUT, WTL_ABSENT_NOT_YET},
    {NVML_NOT_SUPPORTED, -WTL_UNSUPPORTED, WTL_ABSENT_UNSUPPORTED},
    {NVML_FUNCTION_NOT_FOUND, -WTL_UNSUPPORTED, WTL_ABSENT_UNSUPPORTED},
    {NVML_DEPRECATED, -WTL_UNSUPPORTED, WTL_ABSENT_UNSUPPORTED},
    {NVML_NO_PERMISSION, -WTL_PERMISSION, WTL_ABSENT_DENIED},
    {NVML_OPERATING_SYSTEM, -WTL_PERMISSION, WTL_ABSENT_DENIED},
    {NVML_GPU_IS_LOST, -WTL_LOST, WTL_ABSENT_LOST},
    {NVML_RESET_REQUIRED, -WTL_LOST, WTL_ABSENT_LOST},
    {NVML_LIB_RM_VERSION_MISMATCH, -WTL_LOST, WTL_ABSENT_LOST},
    {NVML_INVALID_ARGUMENT, -WTL_FAILED, WTL_ABSENT_FAILED},
    {NVML_INSUFFICIENT_SIZE, -WTL_FAILED, WTL_ABSENT_FAILED},
    {NVML_ARGUMENT_VERSION_MISMATCH, -WTL_FAILED, WTL_ABSENT_FAILED},
    {NVML_NO_DATA, -WTL_FAILED, WTL_ABSENT_NOT_YET},
    {NVML_UNKNOWN, -WTL_FAILED, WTL_ABSENT_FAILED},
};
enum { N_CODES = sizeof codes / sizeof *codes };

/* ---- Operations: the back end's own functions, not the copies that the calls above them make --
 */

union output {
    struct wtl_reading reading;
    struct wtl_knob_state knob;
    struct wtl_knob_range range;
    char epoch[WTL_LIMIT_NAME];
    struct {
        struct wtl_ring_sample sample[8];
        size_t n;
    } ring;
    struct {
        struct wtl_process process[4];
        size_t n;
    } list;
    struct {
        struct wtl_driver_error error[4];
        size_t n;
    } errors;
};

struct operation {
    const char *name;
    int (*run)(struct wtl_device *d, struct wtl_arena *arena, union output *out,
               struct wtl_error *err);
};

static int op_read(struct wtl_device *d, struct wtl_arena *arena, union output *out,
                   struct wtl_error *err)
{
    (void)arena;
    f.now_ns += 200000000; /* activity is due each time */
    return d->ops.sensors->read(d->ops.state, UINT64_MAX, &out->reading, err);
}

static int op_ring(struct wtl_device *d, struct wtl_arena *arena, union output *out,
                   struct wtl_error *err)
{
    (void)arena;
    return d->ops.sensors->ring(d->ops.state, WTL_M_power_instant_w, 0, out->ring.sample, 8,
                                &out->ring.n, err);
}

static int op_processes(struct wtl_device *d, struct wtl_arena *arena, union output *out,
                        struct wtl_error *err)
{
    (void)arena;
    return d->ops.sensors->processes(d->ops.state, out->list.process, 4, &out->list.n, err);
}

static int op_epoch(struct wtl_device *d, struct wtl_arena *arena, union output *out,
                    struct wtl_error *err)
{
    (void)arena;
    return d->ops.sensors->epoch(d->ops.state, out->epoch, err);
}

/* Begins to listen, and looks. */
static int op_errors(struct wtl_device *d, struct wtl_arena *arena, union output *out,
                     struct wtl_error *err)
{
    size_t none;
    (void)arena;
    int rc = d->ops.sensors->errors(d->ops.state, out->errors.error, 4, &none, err);
    return rc ? rc
              : d->ops.sensors->errors(d->ops.state, out->errors.error, 4, &out->errors.n, err);
}

static int op_get(struct wtl_device *d, struct wtl_arena *arena, union output *out,
                  struct wtl_error *err)
{
    (void)arena;
    return d->ops.knobs->get(d->ops.state, WTL_KNOB_power_limit_w, &out->knob, err);
}

static int op_range(struct wtl_device *d, struct wtl_arena *arena, union output *out,
                    struct wtl_error *err)
{
    return d->ops.knobs->range(d->ops.state, WTL_KNOB_sm_clock_mhz, arena, &out->range, err);
}

#define SETTER(name, which, value)                                                                 \
    static int name(struct wtl_device *d, struct wtl_arena *arena, union output *out,              \
                    struct wtl_error *err)                                                         \
    {                                                                                              \
        (void)arena;                                                                               \
        (void)out;                                                                                 \
        return d->ops.knobs->set(d->ops.state, which, value, err);                                 \
    }
SETTER(op_lock, WTL_KNOB_sm_clock_mhz, wtl_knob_at(1110))
SETTER(op_unlock, WTL_KNOB_sm_clock_mhz, wtl_knob_released())
SETTER(op_memory_lock, WTL_KNOB_mem_clock_mhz, wtl_knob_at(1215))
SETTER(op_memory_unlock, WTL_KNOB_mem_clock_mhz, wtl_knob_released())
SETTER(op_limit, WTL_KNOB_power_limit_w, wtl_knob_at(200))
SETTER(op_no_limit, WTL_KNOB_power_limit_w, wtl_knob_released())

static const struct operation operations[] = {
    {"read", op_read},
    {"ring", op_ring},
    {"processes", op_processes},
    {"epoch", op_epoch},
    {"errors", op_errors},
    {"get", op_get},
    {"range", op_range},
    {"lock", op_lock},
    {"unlock", op_unlock},
    {"memory lock", op_memory_lock},
    {"memory unlock", op_memory_unlock},
    {"limit", op_limit},
    {"no limit", op_no_limit},
};
enum { N_OPERATIONS = sizeof operations / sizeof *operations };

/* ---- The campaign ---------------------------------------------------------------------------- */

/* A setter is told of an argument that the driver refuses as of a mistake of its caller. */
static bool is_ours(int rc, size_t code)
{
    return rc == codes[code].ours ||
           (codes[code].code == NVML_INVALID_ARGUMENT && rc == -WTL_USAGE) ||
           (codes[code].code == NVML_INSUFFICIENT_SIZE && rc == -WTL_LIMIT);
}

static void check_absences(const struct wtl_reading *r, uint64_t sensors, size_t code)
{
    for (int m = 0; m < (int)WTL_N_METRICS; m++) {
        bool gone = (sensors >> m & 1) && !(r->valid >> m & 1);
        bool older = m == WTL_M_fp64_active; /* which the fake never has */
        if (gone && !older)
            assert_int_equal(r->absence[m], codes[code].absence);
        if (r->valid >> m & 1)
            assert_int_equal(r->absence[m], WTL_PRESENT);
    }
}

/* One operation on a fresh machine whose n-th call (and the `in_a_row` - 1 after it) fails. */
static int try_one(const struct operation *op, long n, size_t code, long in_a_row, long *calls_out)
{
    WTL_ARENA(arena);
    union output out, before;
    struct wtl_error err = {0};
    nvml_fixture_open(&f);
    struct wtl_device *d = nvml_fixture_device(&f, 0);
    op_read(d, &arena, &out, &err); /* the first GPM sample */
    memset(&out, 0, sizeof out);    /* as a reading comes to a back end, */
    if (op->run != op_read)
        memset(&out, 0x5a, sizeof out);
    memset(out.reading.absence, WTL_ABSENT_UNSUPPORTED, sizeof out.reading.absence);
    memcpy(&before, &out, sizeof out);
    long calls = f.fake->calls;
    f.fake->fail_at = n ? calls + n : 0;
    f.fake->fail_for = in_a_row;
    f.fake->fail_code = codes[code].code;
    int rc = op->run(d, &arena, &out, &err);
    *calls_out = f.fake->calls - calls;
    f.fake->fail_at = 0;
    if (rc < 0) {
        assert_memory_equal(&out, &before, sizeof out);
        assert_int_equal(err.code, -rc);
        assert_int_not_equal(err.message[0], '\0');
        if (!is_ours(rc, code))
            fail_msg("%s, call %ld, code %d: %s", op->name, n, codes[code].code, err.message);
    } else if (op->run == op_read && n) {
        check_absences(&out.reading, wtl_device_info(d)->sensors, code);
    }
    nvml_fixture_close(&f);
    assert_int_equal(f.fake->inits, 0);
    assert_int_equal(f.fake->gpm_samples, 0);
    assert_int_equal(f.fake->event_sets, 0);
    return rc;
}

static void every_call_fails_in_turn(void **state)
{
    (void)state;
    long cases = 0, refused = 0;
    load("campaign");
    for (int o = 0; o < N_OPERATIONS; o++) {
        long n_calls, ignored;
        assert_int_equal(try_one(&operations[o], 0, 0, 0, &n_calls), 0);
        for (size_t c = 0; c < N_CODES; c++)
            for (long n = 1; n <= n_calls; n++) {
                int once = try_one(&operations[o], n, c, 1, &ignored);
                int on = try_one(&operations[o], n, c, 1000, &ignored);
                if (codes[c].ours == -WTL_TIMEOUT)
                    assert_int_equal(once, 0); /* repeating mends a single one */
                if (codes[c].ours == -WTL_LOST) {
                    bool list_is_there = operations[o].run == op_processes && n > 3;
                    assert_true(once < 0 || list_is_there);
                    assert_true(on < 0 || list_is_there);
                }
                cases += 2;
                refused += (once < 0) + (on < 0);
            }
    }
    print_message("# %ld cases, %ld refused, 0 outputs changed\n", cases, refused);
    assert_true(cases > 500 && refused > 100);
    nvml_fixture_unload(&f);
}

/* A machine opens whatever fails; the GPU may not be there then. */
static void every_call_of_opening_fails_in_turn(void **state)
{
    (void)state;
    load("opening");
    nvml_fixture_open(&f);
    long n_calls = f.fake->calls;
    nvml_fixture_close(&f);
    for (size_t c = 0; c < N_CODES; c++) {
        bool repeated = codes[c].ours == -WTL_TIMEOUT;
        for (long n = 1; n <= n_calls; n++)
            for (int on = 0; on < (repeated && n % 16 ? 1 : 2); on++) {
                struct wtl_error err;
                f.fake->fail_at = f.fake->calls + n;
                f.fake->fail_for = on ? 100000 : 1;
                f.fake->fail_code = codes[c].code;
                int rc = nvml_fixture_try(&f, wtl_alloc_system(), &err);
                assert_true(rc == 0 || rc == -WTL_NOTFOUND);
                if (repeated && !on)
                    assert_int_equal(rc, 0);
                f.fake->fail_at = 0;
                nvml_fixture_close(&f);
                assert_int_equal(f.fake->inits, 0);
                assert_int_equal(f.fake->gpm_samples, 0);
            }
    }
    nvml_fixture_unload(&f);
}

static void every_allocation_of_opening_fails_in_turn(void **state)
{
    (void)state;
    load("memory");
    bool opened = false;
    for (long n = 1; !opened; n++) {
        struct wtl_alloc_failing failing;
        struct wtl_error err;
        int rc = nvml_fixture_try(&f, wtl_alloc_failing(&failing, n), &err);
        opened = rc == 0;
        if (!opened)
            assert_int_equal(rc, -WTL_NOMEM);
        nvml_fixture_close(&f);
        assert_int_equal(f.fake->inits, 0);
        assert_int_equal(f.fake->gpm_samples, 0);
        assert_true(n < 1000);
    }
    nvml_fixture_unload(&f);
}

/* ---- Single sensors -------------------------------------------------------------------------- */

static struct wtl_reading reading(void)
{
    struct wtl_error err;
    struct wtl_reading r;
    assert_ok(wtl_device_read(nvml_fixture_device(&f, 0), UINT64_MAX, &r, &err), &err);
    return r;
}

static void a_failing_call_is_the_absence_of_its_sensors(void **state)
{
    (void)state;
    for (size_t c = 0; c < N_CODES; c++) {
        char folder[32];
        snprintf(folder, sizeof folder, "absent%zu", c);
        load(folder);
        nvml_fixture_open(&f);
        f.fake->ret[FAKE_nvmlDeviceGetUtilizationRates] = codes[c].code;
        struct wtl_error err;
        struct wtl_reading r;
        int rc = wtl_device_read(nvml_fixture_device(&f, 0), UINT64_MAX, &r, &err);
        if (codes[c].ours == -WTL_LOST) {
            assert_int_equal(rc, -WTL_LOST);
        } else {
            assert_int_equal(rc, 0);
            assert_false(wtl_reading_has(&r, WTL_M_gpu_util));
            assert_int_equal(r.absence[WTL_M_gpu_util], codes[c].absence);
            assert_int_equal(r.absence[WTL_M_mem_util], codes[c].absence);
            assert_true(wtl_reading_has(&r, WTL_M_temp_c));
            assert_true(wtl_reading_has(&r, WTL_M_power_instant_w));
        }
        nvml_fixture_unload(&f);
    }
}

static void what_is_not_supported_is_not_asked_again(void **state)
{
    (void)state;
    load("off");
    nvml_fixture_open(&f);
    f.fake->ret[FAKE_nvmlDeviceGetFanSpeed] = NVML_NOT_SUPPORTED;
    fake_field(&f.fake->gpu[0], NVML_FIELD_MEMORY_TEMP, 0)->ret = NVML_NOT_SUPPORTED;
    reading();
    long asked = f.fake->count[FAKE_nvmlDeviceGetFanSpeed];
    struct wtl_reading r = reading();
    assert_int_equal(f.fake->count[FAKE_nvmlDeviceGetFanSpeed], asked);
    assert_int_equal(r.absence[WTL_M_fan_speed], WTL_ABSENT_UNSUPPORTED);
    fake_field(&f.fake->gpu[0], NVML_FIELD_MEMORY_TEMP, 0)->ret = 0;
    r = reading();
    assert_int_equal(r.absence[WTL_M_mem_temp_c], WTL_ABSENT_UNSUPPORTED);
    f.fake->ret[FAKE_nvmlDeviceGetTemperatureV] = NVML_NO_PERMISSION;
    r = reading();
    assert_int_equal(r.absence[WTL_M_temp_c], WTL_ABSENT_DENIED);
    f.fake->ret[FAKE_nvmlDeviceGetTemperatureV] = 0; /* but what was refused is, */
    r = reading();
    assert_true(wtl_reading_has(&r, WTL_M_temp_c));
    nvml_fixture_unload(&f);
}

static void a_field_fails_alone(void **state)
{
    (void)state;
    load("field");
    nvml_fixture_open(&f);
    struct fake_field *power = fake_field(&f.fake->gpu[0], NVML_FIELD_POWER_INSTANT, 0);
    power->ret = NVML_NO_PERMISSION;
    struct wtl_reading r = reading();
    assert_int_equal(r.absence[WTL_M_power_instant_w], WTL_ABSENT_DENIED);
    assert_true(wtl_reading_has(&r, WTL_M_energy_counter_j));
    long asked = f.fake->count[FAKE_nvmlDeviceGetFieldValues];
    power->ret = NVML_NOT_READY;
    r = reading();
    assert_int_equal(r.absence[WTL_M_power_instant_w], WTL_ABSENT_NOT_YET);
    assert_int_equal(f.fake->count[FAKE_nvmlDeviceGetFieldValues] - asked, 4);
    power->ret = NVML_GPU_IS_LOST;
    struct wtl_error err;
    assert_int_equal(wtl_device_read(nvml_fixture_device(&f, 0), UINT64_MAX, &r, &err), -WTL_LOST);
    assert_non_null(strstr(err.hint, "Xid"));
    power->ret = 0;
    assert_true(wtl_reading_has((r = reading(), &r), WTL_M_power_instant_w));
    nvml_fixture_unload(&f);
}

static void a_driver_changed_under_us_says_what_to_do(void **state)
{
    (void)state;
    load("upgrade");
    nvml_fixture_open(&f);
    f.fake->ret[FAKE_nvmlDeviceGetFieldValues] = NVML_LIB_RM_VERSION_MISMATCH;
    long calls = f.fake->calls;
    struct wtl_error err;
    struct wtl_reading r;
    assert_int_equal(wtl_device_read(nvml_fixture_device(&f, 0), UINT64_MAX, &r, &err), -WTL_LOST);
    assert_non_null(strstr(err.message, "the driver was changed under the running library"));
    assert_non_null(strstr(err.hint, "restart this process"));
    assert_int_equal(f.fake->calls - calls, 1); /* nothing else is asked of it then */
    nvml_fixture_unload(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_fails_in_turn),
        cmocka_unit_test(every_call_of_opening_fails_in_turn),
        cmocka_unit_test(every_allocation_of_opening_fails_in_turn),
        cmocka_unit_test(a_failing_call_is_the_absence_of_its_sensors),
        cmocka_unit_test(what_is_not_supported_is_not_asked_again),
        cmocka_unit_test(a_field_fails_alone),
        cmocka_unit_test(a_driver_changed_under_us_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, make_test_directory, drop_test_directory);
}
