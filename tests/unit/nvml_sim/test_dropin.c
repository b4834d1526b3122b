/* SPDX-License-Identifier: Apache-2.0
 * The drop-in, function by function, against the engine's own readings of the same room. */
#include "support/dropin.h"
#include "support/room.h"
#include "support/support.h"

#include "sim/readings.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Boards 0 and 1 can do everything, board 2 nothing but read. */
enum { GPUS = 3, BARE = 2 };

static struct test_room room;
static struct dropin nvml;
static struct nvml_device *gpu[GPUS];

static int set_up(void **state)
{
    (void)state;
    test_room_start(&room, GPUS, true);
    dropin_open(&nvml);
    assert_int_equal(nvml.nvmlInit_v2(), 0);
    for (unsigned i = 0; i < GPUS; i++)
        assert_int_equal(nvml.nvmlDeviceGetHandleByIndex_v2(i, &gpu[i]), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(nvml.nvmlShutdown(), 0);
    dropin_close(&nvml);
    test_room_stop(&room);
    return 0;
}

/* What is true now. */
static struct wtl_sim_gpu copy;
static struct wtl_sim_readings truth(unsigned i)
{
    struct wtl_room r;
    struct wtl_sim_readings out;
    struct wtl_error err = {0};
    assert_ok(wtl_room_open(room.dir, &r, &err), &err);
    assert_ok(wtl_room_copy(&r, i, &copy, &err), &err);
    assert_ok(wtl_sim_readings(&copy, &out, &err), &err);
    wtl_room_close(&r);
    return out;
}

static int ask(struct wtl_room_request request)
{
    struct wtl_room r;
    struct wtl_room_reply reply;
    struct wtl_error err = {0};
    assert_ok(wtl_room_open(room.dir, &r, &err), &err);
    assert_ok(wtl_room_ask(&r, &request, &reply, &err), &err);
    wtl_room_close(&r);
    return reply.value;
}

static int start_load(int index, bool mps)
{
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_LOAD_START, index);
    wtl_sim_workload_plain(&r.u.load.workload);
    r.u.load.share = mps ? 0.5 : 1;
    r.u.load.mps = mps;
    r.u.load.instance = -1;
    return ask(r);
}

static void end_loads(void)
{
    ask(wtl_room_request(WTL_ROOM_LOAD_STOP, -1));
}

static void add_fault(const char *function, int index, int code, int delay_ms)
{
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_FAULT_ADD, -1);
    snprintf(r.u.fault.function, sizeof r.u.fault.function, "%s", function);
    r.u.fault.gpu = index;
    r.u.fault.nvml_return = code;
    r.u.fault.delay_ms = delay_ms;
    ask(r);
}

static void clear_faults(void)
{
    ask(wtl_room_request(WTL_ROOM_FAULT_CLEAR, -1));
}

/* ---- Who is there ---------------------------------------------------------------------------- */

static void the_system_says_its_versions(void **state)
{
    (void)state;
    char text[80];
    int cuda = 0;
    unsigned n = 0;
    assert_int_equal(nvml.nvmlSystemGetDriverVersion(text, sizeof text), 0);
    assert_string_equal(text, "580.65.06");
    assert_int_equal(nvml.nvmlSystemGetDriverVersion(text, 9), NVML_INSUFFICIENT_SIZE);
    assert_int_equal(nvml.nvmlSystemGetDriverVersion(text, 10), 0);
    assert_int_equal(nvml.nvmlSystemGetDriverVersion(NULL, 10), NVML_INVALID_ARGUMENT);
    assert_int_equal(nvml.nvmlSystemGetNVMLVersion(text, sizeof text), 0);
    assert_string_equal(text, "13.580.65.06");
    assert_int_equal(nvml.nvmlSystemGetCudaDriverVersion_v2(&cuda), 0);
    assert_int_equal(cuda, 13000);
    assert_int_equal(nvml.nvmlDeviceGetCount_v2(&n), 0);
    assert_int_equal(n, GPUS);
    assert_int_equal(nvml.nvmlDeviceGetCount(NULL), NVML_INVALID_ARGUMENT);
    assert_int_equal(nvml.nvmlSystemGetProcessName((unsigned)getpid(), text, sizeof text), 0);
    assert_non_null(strstr(text, "test-nvml"));
    assert_int_equal(nvml.nvmlSystemGetProcessName(0x7fffffff, text, sizeof text), NVML_NOT_FOUND);
    for (int code = 0; code <= 30; code++)
        assert_string_not_equal(nvml.nvmlErrorString(code), "Unknown Error");
    assert_string_equal(nvml.nvmlErrorString(999), "Unknown Error");
    assert_string_equal(nvml.nvmlErrorString(-7), "Unknown Error");
}

static void a_gpu_is_found_by_all_its_names(void **state)
{
    (void)state;
    char uuid[96], serial[32], bus[40];
    struct nvml_pci pci;
    struct nvml_device *d = NULL;
    for (unsigned i = 0; i < GPUS; i++) {
        assert_int_equal(nvml.nvmlDeviceGetUUID(gpu[i], uuid, sizeof uuid), 0);
        assert_int_equal(strncmp(uuid, "GPU-76697274-7561-6c", 20), 0); /* "virtual" */
        assert_int_equal(nvml.nvmlDeviceGetHandleByUUID(uuid, &d), 0);
        assert_ptr_equal(d, gpu[i]);
        assert_int_equal(nvml.nvmlDeviceGetSerial(gpu[i], serial, sizeof serial), 0);
        assert_int_equal(strncmp(serial, "virtual-", 8), 0);
        assert_int_equal(nvml.nvmlDeviceGetHandleBySerial(serial, &d), 0);
        assert_ptr_equal(d, gpu[i]);
        assert_int_equal(nvml.nvmlDeviceGetPciInfo_v3(gpu[i], &pci), 0);
        assert_int_equal(nvml.nvmlDeviceGetHandleByPciBusId_v2(pci.bus_id, &d), 0);
        assert_ptr_equal(d, gpu[i]);
        assert_int_equal(nvml.nvmlDeviceGetHandleByPciBusId(pci.bus_id_legacy, &d), 0);
        assert_ptr_equal(d, gpu[i]);
        snprintf(bus, sizeof bus, "%04x:%02x:%02x", pci.domain, pci.bus, pci.device);
        assert_int_equal(nvml.nvmlDeviceGetHandleByPciBusId_v2(bus, &d), 0);
        assert_ptr_equal(d, gpu[i]);
    }
    assert_int_equal(nvml.nvmlDeviceGetHandleByUUID("GPU-0", &d), NVML_NOT_FOUND);
    const char *bad[] = {"", "zz", "0000:3b:00.1.2", "0000:3b:00.", "1:2:3:4:5"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(nvml.nvmlDeviceGetHandleByPciBusId_v2(bad[i], &d), NVML_NOT_FOUND);
    assert_int_equal(nvml.nvmlDeviceGetHandleByIndex_v2(GPUS, &d), NVML_INVALID_ARGUMENT);
}

static void a_handle_that_is_none_is_an_invalid_argument(void **state)
{
    (void)state;
    unsigned value = 4711;
    char text[8];
    struct nvml_device *bad[] = {
        NULL,
        (struct nvml_device *)(uintptr_t)0x1234,
        (struct nvml_device *)(void *)&value,
        (struct nvml_device *)((uintptr_t)gpu[0] + 1),
        (struct nvml_device *)((uintptr_t)gpu[0] + (uintptr_t)1000000),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(nvml.nvmlDeviceGetPowerUsage(bad[i], &value), NVML_INVALID_ARGUMENT);
        assert_int_equal(nvml.nvmlDeviceGetName(bad[i], text, sizeof text), NVML_INVALID_ARGUMENT);
        assert_int_equal(nvml.nvmlDeviceSetGpuLockedClocks(bad[i], 900, 900),
                         NVML_INVALID_ARGUMENT);
    }
    assert_int_equal(value, 4711);
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(gpu[0], NULL), NVML_INVALID_ARGUMENT);
    assert_int_equal(nvml.nvmlDeviceGetName(gpu[0], text, sizeof text), NVML_INSUFFICIENT_SIZE);
}

static void it_says_that_it_is_virtual_where_nobody_parses(void **state)
{
    (void)state;
    char text[96];
    assert_int_equal(nvml.nvmlDeviceGetVbiosVersion(gpu[0], text, sizeof text), 0);
    assert_string_equal(text, "virtual");
    assert_int_equal(nvml.nvmlDeviceGetBoardPartNumber(gpu[0], text, sizeof text), 0);
    assert_int_equal(strncmp(text, "virtual-", 8), 0);
    assert_int_equal(nvml.nvmlDeviceGetName(gpu[0], text, sizeof text), 0);
    truth(0);
    assert_string_equal(text, copy.board.name);
}

/* ---- Readings -------------------------------------------------------------------------------- */

#define SAME(function, type, want)                                                                 \
    do {                                                                                           \
        type got;                                                                                  \
        memset(&got, 0x5a, sizeof got);                                                            \
        assert_int_equal(nvml.function(gpu[i], &got), 0);                                          \
        assert_int_equal(got, (want));                                                             \
    } while (0)

static void what_stands_still_is_what_the_engine_says(void **state)
{
    (void)state;
    for (unsigned i = 0; i < GPUS; i++) {
        struct wtl_sim_readings r = truth(i);
        unsigned a, b;
        SAME(nvmlDeviceGetIndex, unsigned, i);
        SAME(nvmlDeviceGetMinorNumber, unsigned, i);
        SAME(nvmlDeviceGetPersistenceMode, unsigned, 1);
        SAME(nvmlDeviceGetComputeMode, unsigned, 0);
        SAME(nvmlDeviceGetArchitecture, unsigned, copy.board.architecture);
        SAME(nvmlDeviceGetVirtualizationMode, unsigned, 0);
        SAME(nvmlDeviceGetPowerManagementLimit, unsigned, r.limit_mw);
        SAME(nvmlDeviceGetEnforcedPowerLimit, unsigned, r.limit_enforced_mw);
        SAME(nvmlDeviceGetPowerManagementDefaultLimit, unsigned, r.limit_default_mw);
        SAME(nvmlDeviceGetPerformanceState, unsigned, r.pstate);
        SAME(nvmlDeviceGetSupportedClocksEventReasons, unsigned long long, r.reasons_supported);
        assert_int_equal(nvml.nvmlDeviceGetPowerManagementLimitConstraints(gpu[i], &a, &b), 0);
        assert_int_equal(a, r.limit_min_mw);
        assert_int_equal(b, r.limit_max_mw);
        assert_int_equal(nvml.nvmlDeviceGetMaxClockInfo(gpu[i], NVML_CLOCK_VIDEO, &a), 0);
        assert_int_equal(a, copy.board.sm_clocks_mhz[copy.board.n_sm_clocks - 1] * 9 / 10);
        assert_int_equal(nvml.nvmlDeviceGetMaxClockInfo(gpu[i], NVML_CLOCK_SM, &a), 0);
        assert_int_equal(a, r.sm_mhz_max);
        assert_int_equal(nvml.nvmlDeviceGetMaxClockInfo(gpu[i], NVML_CLOCK_MEM, &a), 0);
        assert_int_equal(a, r.mem_mhz_max);
        assert_int_equal(nvml.nvmlDeviceGetDefaultApplicationsClock(gpu[i], NVML_CLOCK_SM, &a), 0);
        assert_int_equal(a, r.sm_mhz_default);
        assert_int_equal(
            nvml.nvmlDeviceGetClock(gpu[i], NVML_CLOCK_SM, NVML_CLOCK_ID_BOOST_MAX, &a), 0);
        assert_int_equal(a, r.sm_mhz_max);
        assert_int_equal(nvml.nvmlDeviceGetClock(gpu[i], NVML_CLOCK_SM, 4, &a),
                         NVML_INVALID_ARGUMENT);
        assert_int_equal(nvml.nvmlDeviceGetClockInfo(gpu[i], 4, &a), NVML_INVALID_ARGUMENT);
        assert_int_equal(
            nvml.nvmlDeviceGetTemperatureThreshold(gpu[i], NVML_THRESHOLD_SLOWDOWN, &a), 0);
        assert_int_equal(a, r.slowdown_c);
    }
}

static void an_idle_board_reads_as_the_engine_does(void **state)
{
    (void)state;
    unsigned mw = 0, sm = 0, temp = 0;
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(gpu[0], &mw), 0);
    assert_int_equal(nvml.nvmlDeviceGetClockInfo(gpu[0], NVML_CLOCK_SM, &sm), 0);
    assert_int_equal(nvml.nvmlDeviceGetTemperature(gpu[0], NVML_TEMPERATURE_GPU, &temp), 0);
    struct wtl_sim_readings r = truth(0);
    assert_near(mw, r.power_usage_mw, 5000);
    assert_int_equal(sm, r.sm_mhz);
    assert_near(temp, r.temp_c, 1.01);
    assert_int_equal(nvml.nvmlDeviceGetTemperature(gpu[0], 1, &temp), NVML_INVALID_ARGUMENT);
    struct nvml_temperature t = {.version = NVML_STRUCT_VERSION(struct nvml_temperature, 1)};
    assert_int_equal(nvml.nvmlDeviceGetTemperatureV(gpu[0], &t), 0);
    assert_near(t.temp_c, r.temp_c, 1.01);
    t.version++;
    assert_int_equal(nvml.nvmlDeviceGetTemperatureV(gpu[0], &t), NVML_ARGUMENT_VERSION_MISMATCH);
}

static void lists_of_clocks_fall_and_tell_their_length(void **state)
{
    (void)state;
    unsigned n = 0, clocks[WTL_SIM_SM_CLOCKS];
    truth(0);
    assert_int_equal(nvml.nvmlDeviceGetSupportedMemoryClocks(gpu[0], &n, NULL),
                     NVML_INSUFFICIENT_SIZE);
    assert_int_equal(n, copy.board.n_mem_clocks);
    assert_int_equal(nvml.nvmlDeviceGetSupportedMemoryClocks(gpu[0], &n, clocks), 0);
    unsigned mem = clocks[0];
    n = 3;
    assert_int_equal(nvml.nvmlDeviceGetSupportedGraphicsClocks(gpu[0], mem, &n, clocks),
                     NVML_INSUFFICIENT_SIZE);
    assert_int_equal(n, copy.board.n_sm_clocks);
    assert_int_equal(nvml.nvmlDeviceGetSupportedGraphicsClocks(gpu[0], mem, &n, clocks), 0);
    for (unsigned i = 1; i < n; i++)
        assert_true(clocks[i] < clocks[i - 1]);
    assert_int_equal(clocks[0], copy.board.sm_clocks_mhz[n - 1]);
    n = 300;
    assert_int_equal(nvml.nvmlDeviceGetSupportedGraphicsClocks(gpu[0], mem + 1, &n, clocks),
                     NVML_NOT_FOUND);
    assert_int_equal(nvml.nvmlDeviceGetSupportedGraphicsClocks(gpu[0], mem, &n, NULL),
                     NVML_INVALID_ARGUMENT);
}

static void memory_adds_up_in_both_structs(void **state)
{
    (void)state;
    struct nvml_memory one;
    struct nvml_memory_v2 two = {.version = NVML_STRUCT_VERSION(struct nvml_memory_v2, 2)};
    assert_int_equal(nvml.nvmlDeviceGetMemoryInfo(gpu[0], &one), 0);
    assert_int_equal(nvml.nvmlDeviceGetMemoryInfo_v2(gpu[0], &two), 0);
    assert_true(one.total == two.total && one.free == two.free);
    assert_true(one.used == one.total - one.free);
    assert_true(two.reserved + two.used + two.free == two.total);
    two.version = 2;
    assert_int_equal(nvml.nvmlDeviceGetMemoryInfo_v2(gpu[0], &two), NVML_ARGUMENT_VERSION_MISMATCH);
}

static void fields_have_a_code_each(void **state)
{
    (void)state;
    struct nvml_field_value f[] = {
        {.field = NVML_FIELD_POWER_INSTANT},
        {.field = NVML_FIELD_POWER_INSTANT, .scope = 1},
        {.field = NVML_FIELD_POWER_INSTANT, .scope = 9},
        {.field = NVML_FIELD_TOTAL_ENERGY},
        {.field = NVML_FIELD_POWER_REQUESTED_LIMIT},
        {.field = 1},
        {.field = 60000},
        {.field = NVML_FIELD_POWER_VIOLATION},
    };
    enum { N = sizeof f / sizeof f[0] };
    assert_int_equal(nvml.nvmlDeviceGetFieldValues(gpu[0], N, f), 0);
    const int want[N] = {0, NVML_NOT_SUPPORTED, NVML_INVALID_ARGUMENT, 0,
                         0, NVML_NOT_SUPPORTED, NVML_NOT_SUPPORTED,    0};
    for (int i = 0; i < N; i++)
        assert_int_equal(f[i].ret, want[i]);
    struct wtl_sim_readings r = truth(0);
    assert_int_equal(f[0].type, NVML_VALUE_UINT);
    assert_int_equal(f[3].type, NVML_VALUE_ULONG_LONG);
    assert_true(f[3].value.ull <= r.energy_mj);
    assert_int_equal(f[4].value.u, r.limit_mw);
    /* the sensors' own clock: a while ago, and never in the future */
    assert_true(f[0].timestamp_us <= r.t_unix_ns / 1000);
    assert_true(f[0].timestamp_us > r.t_unix_ns / 1000 - 3000000);
    assert_int_equal(nvml.nvmlDeviceGetFieldValues(gpu[0], 0, f), NVML_INVALID_ARGUMENT);
    assert_int_equal(nvml.nvmlDeviceGetFieldValues(gpu[0], N, NULL), NVML_INVALID_ARGUMENT);
    assert_int_equal(nvml.nvmlDeviceGetFieldValues(gpu[BARE], N, f), 0);
    assert_int_equal(f[0].ret, NVML_NOT_SUPPORTED);
    assert_int_equal(f[3].ret, NVML_NOT_SUPPORTED);
    assert_int_equal(f[4].ret, 0);
}

static void older_pci_structs_are_shorter(void **state)
{
    (void)state;
    struct nvml_pci v1, v2, v3;
    memset(&v1, 0x5a, sizeof v1);
    memset(&v2, 0x5a, sizeof v2);
    assert_int_equal(nvml.nvmlDeviceGetPciInfo(gpu[1], &v1), 0);
    assert_int_equal(nvml.nvmlDeviceGetPciInfo_v2(gpu[1], &v2), 0);
    assert_int_equal(nvml.nvmlDeviceGetPciInfo_v3(gpu[1], &v3), 0);
    assert_memory_equal(&v1, &v3, 32);
    assert_memory_equal(&v2, &v3, 36);
    for (size_t i = 32; i < sizeof v1; i++)
        assert_int_equal(((const char *)&v1)[i], 0x5a);
    for (size_t i = 52; i < sizeof v2; i++)
        assert_int_equal(((const char *)&v2)[i], 0x5a);
}

static bool has_samples(void *ctx)
{
    unsigned type, n = 8;
    struct nvml_sample s[8];
    (void)ctx;
    return nvml.nvmlDeviceGetSamples(gpu[0], NVML_SAMPLES_TOTAL_POWER, 0, &type, &n, s) == 0 &&
           n >= 3;
}

static void rings_give_what_is_new(void **state)
{
    (void)state;
    unsigned type = 99, n = 0;
    struct nvml_sample s[200];
    assert_int_equal(
        nvml.nvmlDeviceGetSamples(gpu[0], NVML_SAMPLES_TOTAL_POWER, 0, &type, &n, NULL), 0);
    assert_int_equal(n, WTL_SIM_RING);
    assert_int_equal(type, NVML_VALUE_UINT);
    assert_true(test_wait(has_samples, NULL));
    n = 200;
    assert_int_equal(nvml.nvmlDeviceGetSamples(gpu[0], NVML_SAMPLES_TOTAL_POWER, 0, &type, &n, s),
                     0);
    assert_in_range(n, 3, WTL_SIM_RING);
    for (unsigned i = 1; i < n; i++)
        assert_true(s[i].timestamp_us > s[i - 1].timestamp_us);
    unsigned all = n;
    uint64_t middle = s[n / 2].timestamp_us;
    n = 200;
    assert_int_equal(
        nvml.nvmlDeviceGetSamples(gpu[0], NVML_SAMPLES_TOTAL_POWER, middle, &type, &n, s), 0);
    assert_true(s[0].timestamp_us > middle);
    assert_true(n >= all - all / 2 - 1);
    n = 0;
    assert_int_equal(nvml.nvmlDeviceGetSamples(gpu[0], NVML_SAMPLES_TOTAL_POWER, 0, &type, &n, s),
                     NVML_INVALID_ARGUMENT);
    n = 200;
    assert_int_equal(
        nvml.nvmlDeviceGetSamples(gpu[0], NVML_SAMPLES_TOTAL_POWER, UINT64_MAX, &type, &n, s),
        NVML_NOT_FOUND);
    assert_int_equal(nvml.nvmlDeviceGetSamples(gpu[0], NVML_SAMPLES_MODULE_POWER, 0, &type, &n, s),
                     NVML_NOT_SUPPORTED);
    assert_int_equal(nvml.nvmlDeviceGetSamples(gpu[0], 10, 0, &type, &n, s), NVML_INVALID_ARGUMENT);
}

/* ---- Setting --------------------------------------------------------------------------------- */

static void locks_and_limits_hold_until_they_are_reset(void **state)
{
    (void)state;
    struct wtl_sim_readings r = truth(1);
    unsigned mw = 0;
    assert_int_equal(nvml.nvmlDeviceSetGpuLockedClocks(gpu[1], 900, 1200), 0);
    truth(1);
    assert_true(copy.sm_lock.set);
    assert_int_equal(copy.board.sm_clocks_mhz[copy.sm_lock.lo], 900);
    assert_int_equal(copy.board.sm_clocks_mhz[copy.sm_lock.hi], 1200);
    assert_int_equal(nvml.nvmlDeviceSetGpuLockedClocks(gpu[1], 1200, 900), NVML_INVALID_ARGUMENT);
    assert_int_equal(nvml.nvmlDeviceSetGpuLockedClocks(gpu[1], WTL_SIM_CLOCK_TDP, 900),
                     NVML_INVALID_ARGUMENT);
    assert_int_equal(
        nvml.nvmlDeviceSetGpuLockedClocks(gpu[1], WTL_SIM_CLOCK_TDP, WTL_SIM_CLOCK_UNLIMITED), 0);
    assert_int_equal(nvml.nvmlDeviceResetGpuLockedClocks(gpu[1]), 0);
    unsigned mem = copy.board.mem_clocks_mhz[0];
    assert_int_equal(nvml.nvmlDeviceSetMemoryLockedClocks(gpu[1], mem, mem), 0);
    truth(1);
    assert_false(copy.sm_lock.set);
    assert_true(copy.mem_lock.set);
    assert_int_equal(nvml.nvmlDeviceResetMemoryLockedClocks(gpu[1]), 0);

    assert_int_equal(nvml.nvmlDeviceSetPowerManagementLimit(gpu[1], r.limit_min_mw), 0);
    assert_int_equal(nvml.nvmlDeviceGetPowerManagementLimit(gpu[1], &mw), 0);
    assert_int_equal(mw, r.limit_min_mw);
    assert_int_equal(nvml.nvmlDeviceSetPowerManagementLimit(gpu[1], r.limit_min_mw - 1),
                     NVML_INVALID_ARGUMENT);
    assert_int_equal(nvml.nvmlDeviceSetPowerManagementLimit(gpu[1], r.limit_max_mw + 1),
                     NVML_INVALID_ARGUMENT);
    struct nvml_power_value v = {.version = NVML_STRUCT_VERSION(struct nvml_power_value, 2),
                                 .power_mw = r.limit_default_mw};
    v.scope = NVML_SCOPE_MODULE;
    assert_int_equal(nvml.nvmlDeviceSetPowerManagementLimit_v2(gpu[1], &v), NVML_NOT_SUPPORTED);
    v.scope = NVML_SCOPE_GPU;
    assert_int_equal(nvml.nvmlDeviceSetPowerManagementLimit_v2(gpu[1], &v), 0);
    assert_int_equal(nvml.nvmlDeviceGetPowerManagementLimit(gpu[1], &mw), 0);
    assert_int_equal(mw, r.limit_default_mw);
    v.version = 0;
    assert_int_equal(nvml.nvmlDeviceSetPowerManagementLimit_v2(gpu[1], &v),
                     NVML_ARGUMENT_VERSION_MISMATCH);
}

static void modes_are_set(void **state)
{
    (void)state;
    unsigned mode = 9;
    assert_int_equal(nvml.nvmlDeviceSetComputeMode(gpu[1], NVML_COMPUTE_PROCESS), 0);
    assert_int_equal(nvml.nvmlDeviceGetComputeMode(gpu[1], &mode), 0);
    assert_int_equal(mode, NVML_COMPUTE_PROCESS);
    assert_int_equal(nvml.nvmlDeviceSetComputeMode(gpu[1], 4), NVML_INVALID_ARGUMENT);
    assert_int_equal(nvml.nvmlDeviceSetComputeMode(gpu[1], NVML_COMPUTE_DEFAULT), 0);
    assert_int_equal(nvml.nvmlDeviceSetPersistenceMode(gpu[1], 0), 0);
    assert_int_equal(nvml.nvmlDeviceGetPersistenceMode(gpu[1], &mode), 0);
    assert_int_equal(mode, 0);
    assert_int_equal(nvml.nvmlDeviceSetPersistenceMode(gpu[1], 1), 0);
    assert_int_equal(nvml.nvmlDeviceSetPersistenceMode(gpu[1], 2), NVML_INVALID_ARGUMENT);
}

static void a_board_without_a_capability_does_not_support_it(void **state)
{
    (void)state;
    struct nvml_device *d = gpu[BARE];
    unsigned a = 0, b = 0;
    unsigned long long mj = 0;
    assert_int_equal(nvml.nvmlDeviceSetGpuLockedClocks(d, 900, 900), NVML_NOT_SUPPORTED);
    assert_int_equal(nvml.nvmlDeviceResetGpuLockedClocks(d), NVML_NOT_SUPPORTED);
    assert_int_equal(nvml.nvmlDeviceSetMemoryLockedClocks(d, 900, 900), NVML_NOT_SUPPORTED);
    assert_int_equal(nvml.nvmlDeviceResetMemoryLockedClocks(d), NVML_NOT_SUPPORTED);
    assert_int_equal(nvml.nvmlDeviceSetPowerManagementLimit(d, 200000), NVML_NOT_SUPPORTED);
    assert_int_equal(nvml.nvmlDeviceGetTotalEnergyConsumption(d, &mj), NVML_NOT_SUPPORTED);
    assert_int_equal(nvml.nvmlDeviceGetMigMode(d, &a, &b), NVML_NOT_SUPPORTED);
    assert_int_equal(nvml.nvmlDeviceGetMaxMigDeviceCount(d, &a), 0);
    assert_int_equal(a, 0);
    struct nvml_margin margin = {.version = NVML_STRUCT_VERSION(struct nvml_margin, 1)};
    assert_int_equal(nvml.nvmlDeviceGetMarginTemperature(d, &margin), NVML_NOT_SUPPORTED);
    struct nvml_gpm_support gpm = {.version = NVML_GPM_VERSION, .supported = 9};
    assert_int_equal(nvml.nvmlGpmQueryDeviceSupport(d, &gpm), 0);
    assert_int_equal(gpm.supported, 0);
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(d, &a), 0);
    /* what no board here has */
    assert_int_equal(nvml.nvmlDeviceGetFanSpeed(gpu[0], &a), NVML_NOT_SUPPORTED);
    assert_int_equal(nvml.nvmlDeviceSetApplicationsClocks(gpu[0], 1, 1), NVML_NOT_SUPPORTED);
    assert_int_equal(nvml.nvmlDeviceGetEccMode(gpu[0], &a, &b), NVML_NOT_SUPPORTED);
}

/* ---- Processes ------------------------------------------------------------------------------- */

static void processes_are_listed_where_they_belong(void **state)
{
    (void)state;
    struct nvml_process p[4];
    struct nvml_process_v1 old[4];
    unsigned n = 0;
    assert_int_equal(nvml.nvmlDeviceGetComputeRunningProcesses_v3(gpu[0], &n, NULL), 0);
    assert_int_equal(n, 0);
    int plain = start_load(0, false), client = start_load(0, true);
    n = 0;
    assert_int_equal(nvml.nvmlDeviceGetComputeRunningProcesses_v3(gpu[0], &n, NULL),
                     NVML_INSUFFICIENT_SIZE);
    assert_int_equal(n, 1);
    n = 4;
    assert_int_equal(nvml.nvmlDeviceGetComputeRunningProcesses_v3(gpu[0], &n, p), 0);
    assert_int_equal(n, 1);
    assert_int_equal(p[0].pid, plain);
    assert_int_equal(p[0].gpu_instance, NVML_NO_INSTANCE);
    assert_true(p[0].used_b > 0);
    n = 4;
    assert_int_equal(nvml.nvmlDeviceGetMPSComputeRunningProcesses_v3(gpu[0], &n, p), 0);
    assert_int_equal(n, 1);
    assert_int_equal(p[0].pid, client);
    n = 4;
    assert_int_equal(nvml.nvmlDeviceGetComputeRunningProcesses(gpu[0], &n, old), 0);
    assert_int_equal(n, 1);
    assert_int_equal(old[0].pid, plain);
    n = 4;
    assert_int_equal(nvml.nvmlDeviceGetGraphicsRunningProcesses_v3(gpu[0], &n, p), 0);
    assert_int_equal(n, 0);
    char name[32];
    assert_int_equal(nvml.nvmlSystemGetProcessName((unsigned)plain, name, sizeof name), 0);
    assert_string_equal(name, "plain");
    end_loads();
}

static bool load_is_seen(void *ctx)
{
    struct nvml_process_util u[4];
    struct nvml_utilization util;
    unsigned n = 4, mw = 0;
    (void)ctx;
    return nvml.nvmlDeviceGetProcessUtilization(gpu[0], u, &n, 0) == 0 && n == 1 && u[0].sm > 10 &&
           nvml.nvmlDeviceGetUtilizationRates(gpu[0], &util) == 0 && util.gpu > 10 &&
           nvml.nvmlDeviceGetPowerUsage(gpu[0], &mw) == 0 && mw > truth(1).power_usage_mw + 5000;
}

static void a_load_shows_in_every_reading(void **state)
{
    (void)state;
    unsigned mw = 0, sm = 0, n = 4;
    unsigned long long before = 0, after = 0, reasons = 0;
    struct nvml_process_util u[4];
    assert_int_equal(nvml.nvmlDeviceGetTotalEnergyConsumption(gpu[0], &before), 0);
    int pid = start_load(0, false);
    assert_true(test_wait(load_is_seen, NULL));
    assert_int_equal(nvml.nvmlDeviceGetProcessUtilization(gpu[0], u, &n, 0), 0);
    assert_int_equal(u[0].pid, pid);
    uint64_t last = u[0].timestamp_us;
    n = 4;
    int rc = nvml.nvmlDeviceGetProcessUtilization(gpu[0], u, &n, last + 60000000);
    assert_int_equal(rc, NVML_NOT_FOUND);
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(gpu[0], &mw), 0);
    struct wtl_sim_readings idle = truth(1);
    assert_true(mw > idle.power_usage_mw + 5000);
    assert_int_equal(nvml.nvmlDeviceGetClockInfo(gpu[0], NVML_CLOCK_SM, &sm), 0);
    assert_true(sm > idle.sm_mhz);
    assert_int_equal(nvml.nvmlDeviceGetTotalEnergyConsumption(gpu[0], &after), 0);
    assert_true(after > before);
    assert_int_equal(nvml.nvmlDeviceGetCurrentClocksEventReasons(gpu[0], &reasons), 0);
    assert_false(reasons & NVML_REASON_IDLE);
    end_loads();
}

static void accounting_tells_of_processes_that_are_there(void **state)
{
    (void)state;
    unsigned mode = 9, n = 4, pids[4];
    struct nvml_accounting stats;
    int pid = start_load(0, false);
    assert_int_equal(nvml.nvmlDeviceGetAccountingMode(gpu[0], &mode), 0);
    assert_int_equal(mode, 0);
    assert_int_equal(nvml.nvmlDeviceGetAccountingPids(gpu[0], &n, pids), 0);
    assert_int_equal(n, 0);
    assert_int_equal(nvml.nvmlDeviceSetAccountingMode(gpu[0], 1), 0);
    n = 4;
    assert_int_equal(nvml.nvmlDeviceGetAccountingPids(gpu[0], &n, pids), 0);
    assert_int_equal(n, 1);
    assert_int_equal(pids[0], pid);
    assert_int_equal(nvml.nvmlDeviceGetAccountingStats(gpu[0], (unsigned)pid, &stats), 0);
    assert_int_equal(stats.running, 1);
    assert_true(stats.max_memory_b > 0);
    assert_int_equal(nvml.nvmlDeviceGetAccountingStats(gpu[0], 1, &stats), NVML_NOT_FOUND);
    assert_int_equal(nvml.nvmlDeviceSetAccountingMode(gpu[0], 0), 0);
    end_loads();
}

/* ---- GPM and MIG ----------------------------------------------------------------------------- */

static void gpm_averages_between_two_samples(void **state)
{
    (void)state;
    struct nvml_gpm_sample *a = NULL, *b = NULL;
    static struct nvml_gpm_metrics m;
    start_load(0, false);
    assert_true(test_wait(load_is_seen, NULL));
    assert_int_equal(nvml.nvmlGpmSampleAlloc(&a), 0);
    assert_int_equal(nvml.nvmlGpmSampleAlloc(&b), 0);
    m = (struct nvml_gpm_metrics){.version = NVML_GPM_VERSION, .n = 3, .sample1 = a, .sample2 = b};
    assert_int_equal(nvml.nvmlGpmMetricsGet(&m), NVML_INVALID_ARGUMENT); /* not taken */
    assert_int_equal(nvml.nvmlGpmSampleGet(gpu[0], a), 0);
    const struct timespec pause = {.tv_nsec = 250000000};
    nanosleep(&pause, NULL);
    assert_int_equal(nvml.nvmlGpmSampleGet(gpu[0], b), 0);
    m.metric[0].id = NVML_GPM_SM_UTIL;
    m.metric[1].id = NVML_GPM_FP64_UTIL;
    m.metric[2].id = 400;
    assert_int_equal(nvml.nvmlGpmMetricsGet(&m), 0);
    assert_int_equal(m.metric[0].ret, 0);
    assert_true(m.metric[0].value > 5 && m.metric[0].value <= 100.001);
    assert_int_equal(m.metric[1].ret, NVML_NOT_SUPPORTED);
    assert_int_equal(m.metric[2].ret, NVML_INVALID_ARGUMENT);
    m.version = 2;
    assert_int_equal(nvml.nvmlGpmMetricsGet(&m), NVML_ARGUMENT_VERSION_MISMATCH);
    assert_int_equal(nvml.nvmlGpmSampleGet(gpu[BARE], a), NVML_NOT_SUPPORTED);
    assert_int_equal(nvml.nvmlGpmSampleFree(a), 0);
    assert_int_equal(nvml.nvmlGpmSampleFree(b), 0);
    assert_int_equal(nvml.nvmlGpmSampleFree(NULL), NVML_INVALID_ARGUMENT);
    end_loads();
}

static void mig_instances_have_handles_and_no_power(void **state)
{
    (void)state;
    unsigned current = 9, pending = 9, id = 99, is = 9, mw = 0;
    struct nvml_device *instance = NULL, *parent = NULL;
    char text[96];
    assert_int_equal(nvml.nvmlDeviceGetMigMode(gpu[1], &current, &pending), 0);
    assert_int_equal(current, 0);
    assert_int_equal(nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu[1], 0, &instance),
                     NVML_NOT_FOUND);
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_SET_MIG, 1);
    r.u.mig.n = 2;
    r.u.mig.profiles[0] = 9;
    r.u.mig.profiles[1] = 14;
    ask(r);
    assert_int_equal(nvml.nvmlDeviceGetMigMode(gpu[1], &current, &pending), 0);
    assert_int_equal(current, 1);
    assert_int_equal(nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu[1], 2, &instance),
                     NVML_NOT_FOUND);
    assert_int_equal(nvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu[1], 1, &instance), 0);
    assert_int_equal(nvml.nvmlDeviceIsMigDeviceHandle(instance, &is), 0);
    assert_int_equal(is, 1);
    assert_int_equal(nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(instance, &parent), 0);
    assert_ptr_equal(parent, gpu[1]);
    assert_int_equal(nvml.nvmlDeviceGetGpuInstanceId(instance, &id), 0);
    assert_int_equal(nvml.nvmlDeviceGetGpuInstanceId(gpu[1], &id), NVML_INVALID_ARGUMENT);
    assert_int_equal(nvml.nvmlDeviceGetUUID(instance, text, sizeof text), 0);
    assert_int_equal(strncmp(text, "MIG-", 4), 0);
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(instance, &mw), NVML_NOT_SUPPORTED);
    assert_int_equal(nvml.nvmlDeviceSetGpuLockedClocks(instance, 900, 900), NVML_NOT_SUPPORTED);
    struct nvml_utilization util;
    assert_int_equal(nvml.nvmlDeviceGetUtilizationRates(gpu[1], &util), NVML_NOT_SUPPORTED);
    struct nvml_attributes attributes;
    assert_int_equal(nvml.nvmlDeviceGetAttributes_v2(instance, &attributes), 0);
    assert_int_equal(attributes.gpu_slices, 2);
    assert_int_equal(attributes.multiprocessors, 28);
    assert_int_equal(attributes.memory_mib, 9984);
    struct nvml_memory memory;
    assert_int_equal(nvml.nvmlDeviceGetMemoryInfo(instance, &memory), 0);
    assert_true(memory.total == 9984ull << 20 && memory.used == 0 && memory.free == memory.total);
    assert_int_equal(nvml.nvmlDeviceGetName(instance, text, sizeof text), 0);
    assert_non_null(strstr(text, " MIG 2g.10gb"));
    assert_int_equal(nvml.nvmlDeviceGetMaxMigDeviceCount(gpu[1], &id), 0);
    assert_int_equal(id, 7);
    r.u.mig.n = 0;
    ask(r);
    assert_int_equal(nvml.nvmlDeviceGetUUID(instance, text, sizeof text), NVML_NOT_FOUND);
}

/* ---- Faults ---------------------------------------------------------------------------------- */

static void a_fault_hits_its_function_and_its_gpu(void **state)
{
    (void)state;
    unsigned mw, n;
    add_fault("nvmlDeviceGetPowerUsage", 0, NVML_TIMEOUT, 0);
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(gpu[0], &mw), NVML_TIMEOUT);
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(gpu[1], &mw), 0);
    assert_int_equal(nvml.nvmlDeviceGetPowerManagementLimit(gpu[0], &mw), 0);
    clear_faults();
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(gpu[0], &mw), 0);
    add_fault("nvmlDeviceGetCount*", -1, NVML_UNKNOWN, 0);
    assert_int_equal(nvml.nvmlDeviceGetCount_v2(&n), NVML_UNKNOWN);
    clear_faults();
    struct timespec a, b;
    add_fault("nvmlDeviceGetPowerUsage", -1, 0, 30);
    clock_gettime(CLOCK_MONOTONIC, &a);
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(gpu[0], &mw), 0);
    clock_gettime(CLOCK_MONOTONIC, &b);
    assert_true((b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec >= 30000000L);
    clear_faults();
}

static void a_driver_of_another_version_answers_nothing(void **state)
{
    (void)state;
    unsigned mw;
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_GPU_FAULT, -1);
    r.u.gpu_fault.what = WTL_ROOM_DRIVER_MISMATCH;
    r.u.gpu_fault.value = 1;
    ask(r);
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(gpu[0], &mw), NVML_LIB_RM_VERSION_MISMATCH);
    assert_int_equal(nvml.nvmlInit_v2(), NVML_LIB_RM_VERSION_MISMATCH);
    clear_faults();
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(gpu[0], &mw), 0);
}

static void a_reload_changes_the_epoch(void **state)
{
    (void)state;
    char before[64], after[64];
    unsigned mw = 0;
    assert_int_equal(nvml.nvmlWattleEpoch(before, sizeof before), 0);
    assert_int_equal(nvml.nvmlWattleEpoch(after, sizeof after), 0);
    assert_string_equal(before, after);
    assert_int_equal(nvml.nvmlWattleEpoch(after, 4), NVML_INSUFFICIENT_SIZE);
    assert_int_equal(nvml.nvmlDeviceSetPowerManagementLimit(gpu[0], truth(0).limit_min_mw), 0);
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_GPU_FAULT, -1);
    r.u.gpu_fault.what = WTL_ROOM_DRIVER_RELOAD;
    ask(r);
    assert_int_equal(nvml.nvmlWattleEpoch(after, sizeof after), 0);
    assert_string_not_equal(before, after);
    assert_int_equal(nvml.nvmlDeviceGetPowerManagementLimit(gpu[0], &mw), 0);
    assert_int_equal(mw, truth(0).limit_default_mw);
}

/* Last: the GPU does not come back without a reload. */
static void a_lost_gpu_tells_by_code_and_by_event(void **state)
{
    (void)state;
    struct nvml_event_set *set = NULL;
    struct nvml_event_data e;
    unsigned long long types = 0;
    unsigned mw;
    char text[96];
    assert_int_equal(nvml.nvmlEventSetCreate(&set), 0);
    assert_int_equal(nvml.nvmlDeviceGetSupportedEventTypes(gpu[1], &types), 0);
    assert_true(types & NVML_EVENT_XID);
    assert_int_equal(nvml.nvmlDeviceRegisterEvents(gpu[1], 1ull << 40, set), NVML_NOT_SUPPORTED);
    assert_int_equal(nvml.nvmlDeviceRegisterEvents(gpu[1], NVML_EVENT_XID, set), 0);
    assert_int_equal(nvml.nvmlEventSetWait_v2(set, &e, 20), NVML_TIMEOUT);
    struct wtl_room_request r = wtl_room_request(WTL_ROOM_GPU_FAULT, 1);
    r.u.gpu_fault.what = WTL_ROOM_GPU_XID;
    r.u.gpu_fault.value = 31;
    ask(r);
    assert_int_equal(nvml.nvmlEventSetWait_v2(set, &e, 1000), 0);
    assert_int_equal(e.type, NVML_EVENT_XID);
    assert_int_equal(e.data, 31);
    assert_ptr_equal(e.device, gpu[1]);
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(gpu[1], &mw), 0); /* it is no more than told */
    r.u.gpu_fault.what = WTL_ROOM_GPU_LOSE;
    ask(r);
    assert_int_equal(nvml.nvmlEventSetWait_v2(set, &e, 1000), 0);
    assert_int_equal(e.type, NVML_EVENT_XID);
    assert_int_equal(e.data, 79);
    assert_ptr_equal(e.device, gpu[1]);
    assert_int_equal(nvml.nvmlEventSetWait_v2(set, &e, 0), NVML_TIMEOUT);
    assert_int_equal(nvml.nvmlEventSetFree(set), 0);
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(gpu[1], &mw), NVML_GPU_IS_LOST);
    assert_int_equal(nvml.nvmlDeviceGetName(gpu[1], text, sizeof text), NVML_GPU_IS_LOST);
    assert_int_equal(nvml.nvmlDeviceSetGpuLockedClocks(gpu[1], 900, 900), NVML_GPU_IS_LOST);
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(gpu[0], &mw), 0);
    r.u.gpu_fault.what = WTL_ROOM_DRIVER_RELOAD;
    ask(r);
    assert_int_equal(nvml.nvmlDeviceGetPowerUsage(gpu[1], &mw), 0);
}

/* Memory whose address is a positive int, too, for a function that takes it as a number. */
static void *low_memory(size_t size)
{
    void *hint = (void *)(uintptr_t)0x20000000;
    void *space = mmap(hint, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(space != MAP_FAILED);
    assert_true((int)(uintptr_t)space > 0);
    return space;
}

/* Whether the call is hit by a fault of its own name (its code is no other's) with any arguments
 * that it takes: registers hold pointers and numbers alike. */
static bool strikes(const char *name, void *space)
{
    enum { CODE = 77 };
    const void *first[] = {gpu[0], space, NULL}, *other[] = {space, NULL};
    int (*call)(const void *, const void *, const void *, const void *, const void *, const void *);
    void *found = dlsym(nvml.handle, name);
    assert_non_null(found);
    memcpy(&call, &found, sizeof call);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 32; k++) {
            clear_faults();
            add_fault(name, -1, CODE, 0);
            if (call(first[i], other[k & 1], other[k >> 1 & 1], other[k >> 2 & 1],
                     other[k >> 3 & 1], other[k >> 4 & 1]) == CODE)
                return true;
        }
    return false;
}

static void a_fault_strikes_every_function(void **state)
{
    (void)state;
    static const char *const names[] = {
#define X(name, args) #name,
        NVML_FUNCTIONS(X) NVML_MORE_FUNCTIONS(X)
#undef X
    };
    enum { SPACE = 4096 };
    void *space = low_memory(SPACE);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!wtl_room_never_fails(names[i]) && !strikes(names[i], space))
            fail_msg("no fault strikes %s", names[i]);
    clear_faults();
    assert_int_equal(munmap(space, SPACE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_system_says_its_versions),
        cmocka_unit_test(a_gpu_is_found_by_all_its_names),
        cmocka_unit_test(a_handle_that_is_none_is_an_invalid_argument),
        cmocka_unit_test(it_says_that_it_is_virtual_where_nobody_parses),
        cmocka_unit_test(what_stands_still_is_what_the_engine_says),
        cmocka_unit_test(an_idle_board_reads_as_the_engine_does),
        cmocka_unit_test(lists_of_clocks_fall_and_tell_their_length),
        cmocka_unit_test(memory_adds_up_in_both_structs),
        cmocka_unit_test(fields_have_a_code_each),
        cmocka_unit_test(older_pci_structs_are_shorter),
        cmocka_unit_test(rings_give_what_is_new),
        cmocka_unit_test(locks_and_limits_hold_until_they_are_reset),
        cmocka_unit_test(modes_are_set),
        cmocka_unit_test(a_board_without_a_capability_does_not_support_it),
        cmocka_unit_test(processes_are_listed_where_they_belong),
        cmocka_unit_test(a_load_shows_in_every_reading),
        cmocka_unit_test(accounting_tells_of_processes_that_are_there),
        cmocka_unit_test(gpm_averages_between_two_samples),
        cmocka_unit_test(mig_instances_have_handles_and_no_power),
        cmocka_unit_test(a_fault_hits_its_function_and_its_gpu),
        cmocka_unit_test(a_fault_strikes_every_function),
        cmocka_unit_test(a_driver_of_another_version_answers_nothing),
        cmocka_unit_test(a_reload_changes_the_epoch),
        cmocka_unit_test(a_lost_gpu_tells_by_code_and_by_event),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
