/* SPDX-License-Identifier: Apache-2.0
 * The NVML back end through the drop-in library of a running machine room: found by itself, its
 * values against what the room's shared memory holds, knobs seen from there, faults, a reload of
 * the driver, the host's death.
 */
#include "support/room.h"
#include "support/support.h"

#include "device/device.h"
#include "device/knob.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct test_room host;
static struct wtl_room room; /* another look at the same GPUs, not through NVML */
static struct wtl_machine *machine;
static struct wtl_device *device; /* the first virtual GPU */

static struct wtl_device *virtual_gpu(int index)
{
    for (size_t i = 0; i < wtl_machine_count(machine); i++) {
        struct wtl_device *d = wtl_machine_device(machine, i);
        const struct wtl_device_info *info = wtl_device_info(d);
        if ((info->flags & WTL_DEVICE_VIRTUAL) && info->kind == WTL_DEVICE_GPU &&
            info->index == index)
            return d;
    }
    return NULL;
}

static void open_machine(void)
{
    struct wtl_error err;
    const struct wtl_machine_options options = {.clock = wtl_clock_system(),
                                                .deadline_ns = WTL_NS_PER_S};
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &machine, &err), &err);
    device = virtual_gpu(0);
}

static void start(int n)
{
    struct wtl_error err;
    test_room_start(&host, n, true);
    assert_ok(wtl_room_open(host.dir, &room, &err), &err);
    open_machine();
    assert_non_null(device);
}

static void stop(void)
{
    wtl_machine_close(machine);
    machine = NULL;
    wtl_room_close(&room);
    test_room_stop(&host);
}

static struct wtl_sim_gpu *look(unsigned gpu)
{
    static struct wtl_sim_gpu copy;
    struct wtl_error err;
    assert_ok(wtl_room_copy(&room, gpu, &copy, &err), &err);
    return &copy;
}

static int ask(enum wtl_room_verb verb, struct wtl_room_request r, struct wtl_room_reply *reply)
{
    struct wtl_error err;
    r.version = WTL_ROOM_VERSION;
    r.size = sizeof r;
    r.verb = verb;
    return wtl_room_ask(&room, &r, reply, &err);
}

static void a_running_room_is_found(void **state)
{
    (void)state;
    start(2);
    const struct wtl_device_info *a = wtl_device_info(device);
    const struct wtl_device_info *b = wtl_device_info(virtual_gpu(1));
    assert_int_equal(strncmp(a->id, "nvml:GPU-", 9), 0);
    assert_string_not_equal(a->id, b->id);
    assert_string_equal(a->architecture, "Ampere");
    assert_true(a->flags & WTL_DEVICE_PERSISTENT);
    assert_int_equal(strncmp(a->epoch, "virtual-", 8), 0);
    assert_int_equal(a->writable, a->knobs);
    assert_int_equal(a->knobs, WTL_KNOB_BIT(WTL_KNOB_sm_clock_mhz) |
                                   WTL_KNOB_BIT(WTL_KNOB_mem_clock_mhz) |
                                   WTL_KNOB_BIT(WTL_KNOB_power_limit_w));
    assert_null(virtual_gpu(2));
    stop();
    open_machine(); /* and without a room there are none */
    assert_null(device);
    wtl_machine_close(machine);
}

/* As with LD_LIBRARY_PATH: the system's library is the drop-in. */
static void a_room_that_the_linker_finds_too_is_opened_once(void **state)
{
    (void)state;
    char path[WTL_LIMIT_PATH];
    struct wtl_error err;
    assert_ok(wtl_room_library(path, &err), &err);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    start(1);
    int n = 0;
    for (size_t i = 0; i < wtl_machine_count(machine); i++)
        n += (wtl_device_info(wtl_machine_device(machine, i))->flags & WTL_DEVICE_VIRTUAL) != 0;
    assert_int_equal(n, 1);
    stop();
    dlclose(handle);
}

static void readings_are_the_rooms(void **state)
{
    (void)state;
    struct wtl_error err;
    struct wtl_reading r;
    start(1);
    assert_ok(wtl_device_read(device, UINT64_MAX, &r, &err), &err);
    const struct wtl_sim_gpu *g = look(0);
    assert_true((r.valid & ~wtl_device_info(device)->sensors) == 0);
    assert_near(r.value[WTL_M_power_limit_w], g->limit_w, 0.001);
    assert_near(r.value[WTL_M_fb_total_b], g->board.silicon.vram_mib * 1048576.0, 1);
    assert_near(r.value[WTL_M_temp_c], g->die_c, 1.5);
    const enum wtl_metric there[] = {
        WTL_M_power_w,      WTL_M_power_instant_w, WTL_M_energy_counter_j,
        WTL_M_sm_clock_mhz, WTL_M_mem_clock_mhz,   WTL_M_power_limit_enforced_w,
        WTL_M_gpu_util,     WTL_M_event_reasons,   WTL_M_pstate,
        WTL_M_fb_used_b,    WTL_M_temp_c,          WTL_M_power_violation_ns,
    };
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        if (!wtl_reading_has(&r, there[i]))
            fail_msg("no %s", wtl_metric_info(there[i])->name);
    assert_in_range((unsigned long)r.value[WTL_M_power_w], 1, 400);
    stop();
}

static void its_errors_are_heard(void **state)
{
    (void)state;
    struct wtl_error err;
    struct wtl_driver_error e[4];
    size_t n = 99;
    start(2);
    struct wtl_device *other = virtual_gpu(1);
    assert_ok(wtl_device_errors(device, e, 4, &n, &err), &err);
    assert_ok(wtl_device_errors(other, e, 4, &n, &err), &err);
    struct wtl_room_request r = {.gpu = 1, .u.gpu_fault = {.what = WTL_ROOM_GPU_XID, .value = 31}};
    assert_int_equal(ask(WTL_ROOM_GPU_FAULT, r, NULL), 0);
    assert_ok(wtl_device_errors(device, e, 4, &n, &err), &err);
    assert_int_equal(n, 0); /* another board's */
    assert_ok(wtl_device_errors(other, e, 4, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_int_equal(e[0].number, 31);
    r.u.gpu_fault.what = WTL_ROOM_GPU_LOSE;
    assert_int_equal(ask(WTL_ROOM_GPU_FAULT, r, NULL), 0);
    assert_ok(wtl_device_errors(other, e, 4, &n, &err), &err); /* told although it is lost */
    assert_int_equal(n, 1);
    assert_int_equal(e[0].number, 79);
    stop();
}

/* ---- Knobs ----------------------------------------------------------------------------------- */

static void knobs_move_in_the_room(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err;
    struct wtl_knob_range range;
    struct wtl_knob_state s;
    start(2);
    assert_ok(wtl_device_knob_range(device, WTL_KNOB_sm_clock_mhz, &arena, &range, &err), &err);
    assert_int_equal(range.n_steps, look(0)->board.n_sm_clocks);
    struct wtl_knob_value lock = {.lo = range.steps[3], .hi = range.steps[9]};
    assert_ok(wtl_knob_set(device, WTL_KNOB_sm_clock_mhz, lock, &s, &err), &err);
    assert_false(s.known);
    const struct wtl_sim_gpu *g = look(0);
    assert_true(g->sm_lock.set);
    assert_int_equal(g->sm_lock.lo, 3); /* legal clocks by their index */
    assert_int_equal(g->sm_lock.hi, 9);
    assert_false(look(1)->sm_lock.set); /* the other GPU is left alone */
    assert_ok(wtl_knob_set(device, WTL_KNOB_sm_clock_mhz, wtl_knob_released(), NULL, &err), &err);
    assert_false(look(0)->sm_lock.set);

    assert_ok(wtl_device_knob_range(device, WTL_KNOB_power_limit_w, &arena, &range, &err), &err);
    assert_ok(wtl_knob_set(device, WTL_KNOB_power_limit_w, wtl_knob_at(range.min + 7), &s, &err),
              &err);
    assert_true(s.known && s.has_enforced);
    assert_near(s.requested.lo, range.min + 7, 1e-6);
    assert_near(look(0)->limit_w, range.min + 7, 1e-6);
    struct wtl_room_request oob = {
        .gpu = 0, .u.gpu_fault = {.what = WTL_ROOM_GPU_OOB, .number = range.min + 2}};
    assert_int_equal(ask(WTL_ROOM_GPU_FAULT, oob, NULL), 0);
    assert_ok(wtl_device_knob(device, WTL_KNOB_power_limit_w, &s, &err), &err);
    assert_near(s.requested.lo, range.min + 7, 1e-6); /* what we asked for, */
    assert_near(s.enforced, range.min + 2, 1e-6);     /* and what a BMC made of it */
    assert_ok(wtl_knob_set(device, WTL_KNOB_power_limit_w, wtl_knob_released(), NULL, &err), &err);
    assert_near(look(0)->limit_w, range.default_value, 1e-6);
    stop();
}

/* In a child of another user: 0 when it may look and may not set. */
static int as_nobody(void)
{
    struct wtl_error err = {0};
    if (setgid(65534) != 0 || setuid(65534) != 0)
        return 2;
    if (access(host.dir, X_OK) != 0)
        return 77;
    open_machine();
    if (!device)
        return 77; /* the build tree is not open to him */
    struct wtl_reading r;
    if (wtl_device_info(device)->writable != 0 ||
        wtl_device_read(device, WTL_METRIC_BIT(WTL_M_power_w), &r, &err) != 0)
        return 3;
    if (wtl_knob_set(device, WTL_KNOB_power_limit_w, wtl_knob_at(200), NULL, &err) !=
        -(int)WTL_PERMISSION)
        return 4;
    wtl_machine_close(machine);
    return 0;
}

static void others_may_look_and_not_touch(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* becomes somebody else */
    test_room_start(&host, 1, true);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(as_nobody());
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    test_room_stop(&host);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- Processes, rings ------------------------------------------------------------------------ */

static pid_t load(bool mps)
{
    struct wtl_room_reply reply;
    struct wtl_room_request r = {.gpu = 0};
    wtl_sim_workload_plain(&r.u.load.workload);
    r.u.load.mps = mps;
    r.u.load.instance = -1;
    r.u.load.share = mps ? 0.5 : 1;
    assert_int_equal(ask(WTL_ROOM_LOAD_START, r, &reply), 0);
    return reply.value;
}

static void loads_are_processes(void **state)
{
    (void)state;
    struct wtl_error err;
    struct wtl_process p[8];
    size_t n = 99;
    start(1);
    pid_t pid = load(true);
    assert_ok(wtl_device_processes(device, p, 8, &n, &err), &err);
    bool found = false;
    for (size_t i = 0; i < n; i++)
        if (p[i].pid == pid) {
            found = true;
            assert_int_equal(p[i].kind, WTL_PROCESS_MPS_CLIENT);
            assert_true(p[i].has_memory && p[i].memory_b > 0);
            assert_string_not_equal(p[i].name, "");
        }
    assert_true(found);
    stop();
}

static bool has_samples(void *ctx)
{
    struct wtl_ring_sample s[256];
    struct wtl_error err;
    size_t n = 0;
    (void)ctx;
    assert_ok(wtl_device_ring(device, WTL_M_power_instant_w, 0, s, 256, &n, &err), &err);
    for (size_t i = 1; i < n; i++)
        assert_true(s[i].t_ns > s[i - 1].t_ns && s[i].value > 0);
    return n >= 3;
}

static void the_ring_fills(void **state)
{
    (void)state;
    start(1);
    assert_true(test_wait(has_samples, NULL));
    stop();
}

/* ---- What goes wrong ------------------------------------------------------------------------- */

static void fault(const char *function, int code)
{
    struct wtl_room_request r = {.gpu = -1};
    snprintf(r.u.fault.function, sizeof r.u.fault.function, "%s", function);
    r.u.fault.gpu = -1;
    r.u.fault.nvml_return = code;
    assert_int_equal(ask(WTL_ROOM_FAULT_ADD, r, NULL), 0);
}

static void faults_of_the_room_follow_the_policy(void **state)
{
    (void)state;
    struct wtl_error err;
    struct wtl_reading r;
    start(1);
    fault("nvmlDeviceGetUtilizationRates", 4);
    fault("nvmlDeviceSetPowerManagementLimit", 17);
    assert_ok(wtl_device_read(device, UINT64_MAX, &r, &err), &err);
    assert_int_equal(r.absence[WTL_M_gpu_util], WTL_ABSENT_DENIED);
    assert_true(wtl_reading_has(&r, WTL_M_power_w));
    double limit_w = look(0)->limit_w;
    assert_int_equal(wtl_knob_set(device, WTL_KNOB_power_limit_w, wtl_knob_at(200), NULL, &err),
                     -WTL_PERMISSION);
    assert_near(look(0)->limit_w, limit_w, 0);
    fault("nvmlDeviceGetFieldValues", 15);
    assert_int_equal(wtl_device_read(device, UINT64_MAX, &r, &err), -WTL_LOST);
    stop();
}

static bool answers(void *ctx)
{
    struct wtl_error err;
    return wtl_device_read(device, WTL_METRIC_BIT(WTL_M_temp_c), ctx, &err) == 0;
}

static void a_call_that_hangs_is_a_timeout_until_it_is_back(void **state)
{
    (void)state;
    struct wtl_error err;
    struct wtl_reading r;
    start(1);
    wtl_machine_close(machine);
    const struct wtl_machine_options options = {.clock = wtl_clock_system(),
                                                .deadline_ns = WTL_NS_PER_S / 20};
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &machine, &err), &err);
    device = virtual_gpu(0);
    struct wtl_room_request late = {.gpu = -1, .u.fault = {.gpu = -1, .count = 1, .delay_ms = 200}};
    snprintf(late.u.fault.function, sizeof late.u.fault.function, "nvmlDeviceGetTemperature*");
    assert_int_equal(ask(WTL_ROOM_FAULT_ADD, late, NULL), 0);
    assert_int_equal(wtl_device_read(device, WTL_METRIC_BIT(WTL_M_temp_c), &r, &err), -WTL_TIMEOUT);
    assert_int_equal(wtl_device_read(device, WTL_METRIC_BIT(WTL_M_power_w), &r, &err),
                     -WTL_TIMEOUT);
    assert_true(test_wait(answers, &r));
    assert_true(wtl_reading_has(&r, WTL_M_temp_c));
    stop();
}

static void opening_has_a_deadline_too(void **state)
{
    (void)state;
    struct wtl_error err;
    struct wtl_machine *m = NULL;
    start(1);
    struct wtl_room_request late = {.gpu = -1, .u.fault = {.gpu = -1, .count = 1, .delay_ms = 400}};
    snprintf(late.u.fault.function, sizeof late.u.fault.function, "nvmlDeviceGetName");
    struct wtl_machine_options options = {.clock = wtl_clock_system(),
                                          .deadline_ns = WTL_NS_PER_S / 100};
    /* A finding where nobody asked for it, */
    assert_int_equal(ask(WTL_ROOM_FAULT_ADD, late, NULL), 0);
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &m, &err), &err);
    size_t n = 0;
    const struct wtl_finding *f = wtl_machine_findings(m, &n);
    bool told = false;
    for (size_t i = 0; i < n; i++)
        told = told || (f[i].level == WTL_FINDING_PROBLEM && strstr(f[i].text, "the driver hangs"));
    assert_true(told);
    struct wtl_device *d = NULL;
    assert_int_equal(wtl_machine_find(m, "0", &d, &err), -WTL_TIMEOUT);
    assert_string_equal(err.message,
                        "device \"0\" cannot be looked for: NVIDIA GPUs through NVML did not open "
                        "within 0.06 s: the driver hangs");
    assert_non_null(strstr(err.hint, "nvidia-smi"));
    assert_string_equal(wtl_machine_hang(m), strstr(err.message, "NVIDIA"));
    wtl_machine_close(m);
    /* a failure where somebody did. */
    assert_int_equal(ask(WTL_ROOM_FAULT_ADD, late, NULL), 0);
    const char *const only[] = {wtl_device_info(device)->id, NULL};
    options.only = only;
    m = NULL;
    assert_int_equal(wtl_machine_open(wtl_alloc_system(), &options, &m, &err), -WTL_TIMEOUT);
    assert_null(m);
    stop();
}

static void a_reload_of_the_driver_is_another_epoch(void **state)
{
    (void)state;
    struct wtl_error err;
    char before[WTL_LIMIT_NAME], after[WTL_LIMIT_NAME];
    start(1);
    assert_ok(wtl_device_epoch(device, before, &err), &err);
    assert_string_equal(before, wtl_device_info(device)->epoch);
    struct wtl_room_request r = {.gpu = -1, .u.gpu_fault = {.what = WTL_ROOM_DRIVER_RELOAD}};
    assert_int_equal(ask(WTL_ROOM_GPU_FAULT, r, NULL), 0);
    assert_ok(wtl_device_epoch(device, after, &err), &err);
    assert_string_not_equal(before, after);
    stop();
}

static void a_dead_host_is_a_lost_gpu(void **state)
{
    (void)state;
    struct wtl_error err;
    struct wtl_reading r, untouched;
    start(1);
    int status = test_room_end(&host, SIGKILL);
    assert_true(WIFSIGNALED(status));
    memset(&r, 0x5a, sizeof r);
    untouched = r;
    assert_int_equal(wtl_device_read(device, UINT64_MAX, &r, &err), -WTL_LOST);
    assert_memory_equal(&r, &untouched, sizeof r);
    assert_int_equal(wtl_knob_set(device, WTL_KNOB_power_limit_w, wtl_knob_at(200), NULL, &err),
                     -WTL_LOST);
    wtl_machine_close(machine);
    wtl_room_close(&room);
    remove_tree(host.run);
    unsetenv("WATTLE_RUN_DIR");
}

static void instances_of_the_room(void **state)
{
    (void)state;
    struct wtl_error err;
    start(1);
    struct wtl_room_request r = {.gpu = 0, .u.mig = {.n = 2, .profiles = {9, 5}}};
    assert_int_equal(ask(WTL_ROOM_SET_MIG, r, NULL), 0);
    wtl_machine_close(machine);
    open_machine();
    assert_true(wtl_device_info(device)->flags & WTL_DEVICE_MIG);
    size_t n = 0;
    for (size_t i = 0; i < wtl_machine_count(machine); i++) {
        struct wtl_device *d = wtl_machine_device(machine, i);
        const struct wtl_device_info *info = wtl_device_info(d);
        if (info->kind != WTL_DEVICE_GPU_SLICE)
            continue;
        struct wtl_reading reading;
        assert_ok(wtl_device_read(d, UINT64_MAX, &reading, &err), &err);
        assert_true(wtl_reading_has(&reading, WTL_M_fb_total_b));
        assert_false(wtl_reading_has(&reading, WTL_M_power_w));
        assert_ptr_equal(wtl_machine_device(machine, (size_t)info->parent), device);
        n++;
    }
    assert_int_equal(n, 2);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_running_room_is_found),
        cmocka_unit_test(a_room_that_the_linker_finds_too_is_opened_once),
        cmocka_unit_test(readings_are_the_rooms),
        cmocka_unit_test(its_errors_are_heard),
        cmocka_unit_test(knobs_move_in_the_room),
        cmocka_unit_test(others_may_look_and_not_touch),
        cmocka_unit_test(loads_are_processes),
        cmocka_unit_test(the_ring_fills),
        cmocka_unit_test(faults_of_the_room_follow_the_policy),
        cmocka_unit_test(a_call_that_hangs_is_a_timeout_until_it_is_back),
        cmocka_unit_test(a_reload_of_the_driver_is_another_epoch),
        cmocka_unit_test(a_dead_host_is_a_lost_gpu),
        cmocka_unit_test(instances_of_the_room),
        cmocka_unit_test(opening_has_a_deadline_too), /* last: it leaves the library open */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
