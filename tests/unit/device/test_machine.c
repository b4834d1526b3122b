/* SPDX-License-Identifier: Apache-2.0
 * The registry and the calls on a device, over devices of the test's making. */
#include "support/support.h"

#include "device/backend.h"
#include "device/knob.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

/* A GPU in memory. `hang` makes every call wait until it is let go. */
struct fake {
    struct wtl_knob_value limit;
    pthread_mutex_t lock;
    pthread_cond_t released;
    bool hang;
    int closed, interrupted, calls;
    int64_t now_ns;
};

static void maybe_hang(struct fake *f)
{
    pthread_mutex_lock(&f->lock);
    f->calls++;
    while (f->hang)
        pthread_cond_wait(&f->released, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

static void let_go(void *state)
{
    struct fake *f = state;
    pthread_mutex_lock(&f->lock);
    f->interrupted++;
    f->hang = false;
    pthread_cond_broadcast(&f->released);
    pthread_mutex_unlock(&f->lock);
}

static int fake_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err)
{
    (void)wanted;
    (void)err;
    maybe_hang(state);
    out->value[WTL_M_power_w] = 123;
    out->value[WTL_M_temp_c] = 45;
    out->valid = WTL_METRIC_BIT(WTL_M_power_w) | WTL_METRIC_BIT(WTL_M_temp_c);
    out->absence[WTL_M_mem_temp_c] = WTL_ABSENT_DENIED;
    return 0;
}

static void fake_close(void *state)
{
    ((struct fake *)state)->closed++;
}

static int fake_get(void *state, enum wtl_knob knob, struct wtl_knob_state *out,
                    struct wtl_error *err)
{
    (void)knob;
    (void)err;
    struct fake *f = state;
    out->known = true;
    out->requested = f->limit;
    return 0;
}

static int fake_range(void *state, enum wtl_knob knob, struct wtl_arena *arena,
                      struct wtl_knob_range *out, struct wtl_error *err)
{
    (void)state;
    (void)knob;
    double *steps = WTL_NEW_ARRAY(arena, double, 3);
    if (!steps)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    steps[0] = 100, steps[1] = 200, steps[2] = 300;
    *out = (struct wtl_knob_range){.min = 100, .max = 300, .steps = steps, .n_steps = 3};
    return 0;
}

static int fake_set(void *state, enum wtl_knob knob, struct wtl_knob_value value,
                    struct wtl_error *err)
{
    (void)knob;
    maybe_hang(state);
    if (value.hi > 300)
        return WTL_FAIL(err, WTL_USAGE, "too much");
    ((struct fake *)state)->limit = value;
    return 0;
}

static const struct wtl_sensor_ops sensor_ops = {
    .read = fake_read, .interrupt = let_go, .close = fake_close};
static const struct wtl_knob_ops knob_ops = {fake_get, fake_range, fake_set};

static struct wtl_machine *empty_machine(char dir[64], int64_t deadline_ns)
{
    make_temporary_directory(dir, 64);
    struct wtl_machine *m = NULL;
    struct wtl_error err = {0};
    struct wtl_machine_options options = {
        .clock = wtl_clock_system(), .root = dir, .nvml = "", .deadline_ns = deadline_ns};
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &m, &err), &err);
    return m;
}

static void add(struct wtl_machine *m, struct fake *f, const char *id, int index, bool blocks)
{
    struct wtl_device_info info = {.kind = WTL_DEVICE_GPU,
                                   .parent = -1,
                                   .index = index,
                                   .knobs = WTL_KNOB_BIT(WTL_KNOB_power_limit_w)};
    snprintf(info.id, sizeof info.id, "%s", id);
    snprintf(info.uuid, sizeof info.uuid, "%s", strchr(id, ':') + 1);
    snprintf(info.pci, sizeof info.pci, "0000:%02x:00.0", 0x3b + index);
    struct wtl_device_ops ops = {&sensor_ops, &knob_ops, f, blocks};
    struct wtl_error err = {0};
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->released, NULL);
    assert_true(wtl_machine_add(m, &info, &ops, &err) >= 0);
}

static void calls_reach_the_device(bool blocks)
{
    char dir[64];
    struct wtl_machine *m = empty_machine(dir, 0);
    struct fake f = {.limit = wtl_knob_at(250)};
    add(m, &f, "fake:GPU-0", 0, blocks);
    struct wtl_device *d = wtl_machine_device(m, 0);
    struct wtl_error err = {0};

    struct wtl_reading r;
    uint64_t wanted = WTL_METRIC_BIT(WTL_M_power_w) | WTL_METRIC_BIT(WTL_M_mem_temp_c);
    assert_ok(wtl_device_read(d, wanted, &r, &err), &err);
    assert_true(wtl_reading_has(&r, WTL_M_power_w) && r.value[WTL_M_power_w] == 123);
    assert_false(wtl_reading_has(&r, WTL_M_temp_c)); /* was not asked for */
    assert_int_equal(r.absence[WTL_M_power_w], WTL_PRESENT);
    assert_int_equal(r.absence[WTL_M_mem_temp_c], WTL_ABSENT_DENIED);
    assert_int_equal(r.absence[WTL_M_gpu_util], WTL_ABSENT_UNSUPPORTED);
    assert_true(r.t_ns > 0 && r.cost_ns >= 0);

    struct wtl_knob_state s = {0};
    assert_ok(wtl_knob_set(d, WTL_KNOB_power_limit_w, wtl_knob_at(200), &s, &err), &err);
    assert_true(s.known && s.requested.hi == 200);
    assert_int_equal(wtl_knob_set(d, WTL_KNOB_power_limit_w, wtl_knob_at(400), &s, &err),
                     -WTL_USAGE);
    assert_string_equal(err.message, "too much");
    assert_true(s.requested.hi == 200);
    assert_int_equal(wtl_device_knob(d, WTL_KNOB_cpu_quota, &s, &err), -WTL_UNSUPPORTED);

    WTL_ARENA(arena);
    struct wtl_knob_range range;
    assert_ok(wtl_device_knob_range(d, WTL_KNOB_power_limit_w, &arena, &range, &err), &err);
    assert_int_equal(range.n_steps, 3);
    assert_true(range.steps[2] == 300);
    size_t n = 99;
    struct wtl_process p[2];
    assert_int_equal(wtl_device_processes(d, p, 2, &n, &err), -WTL_UNSUPPORTED);
    assert_int_equal(n, 99);

    wtl_machine_close(m);
    assert_int_equal(f.closed, 1);
    remove_tree(dir);
}

static void test_direct(void **state)
{
    (void)state;
    calls_reach_the_device(false);
}

static void test_on_a_worker(void **state)
{
    (void)state;
    calls_reach_the_device(true);
}

static void test_a_call_that_hangs(void **state)
{
    (void)state;
    char dir[64];
    struct wtl_machine *m = empty_machine(dir, 20 * 1000 * 1000);
    struct fake f = {.limit = wtl_knob_at(250), .hang = true};
    add(m, &f, "fake:GPU-0", 0, true);
    struct wtl_device *d = wtl_machine_device(m, 0);
    struct wtl_error err = {0};
    struct wtl_reading r = {.t_ns = 7};
    uint64_t wanted = WTL_METRIC_BIT(WTL_M_power_w);
    assert_int_equal(wtl_device_read(d, wanted, &r, &err), -WTL_TIMEOUT);
    assert_non_null(strstr(err.message, "fake:GPU-0 did not answer within 0.02 s"));
    assert_int_equal(r.t_ns, 7);
    /* It is not called again while it hangs. */
    assert_int_equal(wtl_device_read(d, wanted, &r, &err), -WTL_TIMEOUT);
    pthread_mutex_lock(&f.lock);
    int calls = f.calls;
    pthread_mutex_unlock(&f.lock);
    assert_int_equal(calls, 1);
    let_go(&f);
    int rc = -WTL_TIMEOUT;
    for (int i = 0; i < 1000000 && rc == -WTL_TIMEOUT; i++) {
        sched_yield();
        rc = wtl_device_read(d, wanted, &r, &err);
    }
    assert_int_equal(rc, 0);
    assert_true(r.value[WTL_M_power_w] == 123);
    wtl_machine_close(m);
    assert_int_equal(f.closed, 1);
    remove_tree(dir);
}

static void test_close_interrupts(void **state)
{
    (void)state;
    char dir[64];
    struct wtl_machine *m = empty_machine(dir, 20 * 1000 * 1000);
    struct fake f = {.hang = true};
    add(m, &f, "fake:GPU-0", 0, true);
    struct wtl_reading r;
    assert_int_equal(wtl_device_read(wtl_machine_device(m, 0), 1, &r, NULL), -WTL_TIMEOUT);
    wtl_machine_close(m);
    assert_int_equal(f.interrupted, 1);
    assert_int_equal(f.closed, 1);
    remove_tree(dir);
}

static void found_as(struct wtl_machine *m, const char *name, const char *id)
{
    struct wtl_device *d = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_machine_find(m, name, &d, &err), &err);
    assert_string_equal(wtl_device_info(d)->id, id);
}

static void test_find(void **state)
{
    (void)state;
    char dir[64];
    struct wtl_machine *m = empty_machine(dir, 0);
    struct fake f[3] = {0};
    add(m, &f[0], "fake:GPU-8f3c0001", 0, false);
    add(m, &f[1], "fake:GPU-8f3c0002", 1, false);
    add(m, &f[2], "fake:GPU-77", 2, false);
    found_as(m, "fake:GPU-8f3c0002", "fake:GPU-8f3c0002");
    found_as(m, "GPU-8f3c0001", "fake:GPU-8f3c0001");
    found_as(m, "fake:GPU-7", "fake:GPU-77");
    found_as(m, "2", "fake:GPU-77");
    found_as(m, "00000000:3C:00.0", "fake:GPU-8f3c0002");
    found_as(m, "3b:00.0", "fake:GPU-8f3c0001");
    struct wtl_device *d = NULL;
    struct wtl_error err = {0};
    assert_int_equal(wtl_machine_find(m, "fake:GPU-8f", &d, &err), -WTL_USAGE);
    assert_non_null(strstr(err.message, "any of 2 devices"));
    assert_non_null(strstr(err.hint, "fake:GPU-77"));
    assert_int_equal(wtl_machine_find(m, "fake:GP", &d, &err), -WTL_NOTFOUND);
    assert_int_equal(wtl_machine_find(m, "3", &d, &err), -WTL_NOTFOUND);
    assert_int_equal(wtl_machine_find(m, "", &d, &err), -WTL_NOTFOUND);
    assert_null(d);
    wtl_machine_close(m);
    remove_tree(dir);
}

static void test_open_failures(void **state)
{
    (void)state;
    struct wtl_machine *m = NULL;
    struct wtl_error err = {0};
    const char *const only[] = {"nothing", NULL};
    struct wtl_machine_options options = {
        .clock = wtl_clock_system(), .root = "/dev", .nvml = "", .only = only};
    assert_int_equal(wtl_machine_open(wtl_alloc_system(), &options, &m, &err), -WTL_NOTFOUND);
    options.only_those_here = true;
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &m, &err), &err);
    assert_int_equal(wtl_machine_count(m), 0);
    wtl_machine_close(m);
    m = NULL;
    options.only_those_here = false;
    options.only = NULL;
    options.root = "/nowhere/at/all";
    assert_int_equal(wtl_machine_open(wtl_alloc_system(), &options, &m, &err), -WTL_NOTFOUND);
    assert_null(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_direct),
        cmocka_unit_test(test_on_a_worker),
        cmocka_unit_test(test_a_call_that_hangs),
        cmocka_unit_test(test_close_interrupts),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_open_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
