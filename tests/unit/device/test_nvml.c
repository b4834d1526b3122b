/* SPDX-License-Identifier: Apache-2.0
 * What the NVML back end reads: sensors and where they come from, by architecture and by what the
 * library has; rings, processes, MIG instances, GPM; what it says about each. */
#include "support/nvml_fixture.h"
#include "support/support.h"

#include <stdio.h>
#include <string.h>

static struct nvml_fixture f;

static void load(const char *folder, const char *const *hidden)
{
    nvml_fixture_load(&f, folder, hidden);
}

static struct wtl_reading reading(size_t i, uint64_t wanted)
{
    struct wtl_error err;
    struct wtl_reading r;
    assert_ok(wtl_device_read(nvml_fixture_device(&f, i), wanted, &r, &err), &err);
    return r;
}

static const struct wtl_device_info *info_of(size_t i)
{
    return wtl_device_info(nvml_fixture_device(&f, i));
}

#define assert_value(r, metric, want)                                                              \
    do {                                                                                           \
        assert_true(wtl_reading_has(&(r), WTL_M_##metric));                                        \
        assert_near((r).value[WTL_M_##metric], want, 1e-9);                                        \
    } while (0)
#define assert_absent(r, metric, why)                                                              \
    do {                                                                                           \
        assert_false(wtl_reading_has(&(r), WTL_M_##metric));                                       \
        assert_int_equal((r).absence[WTL_M_##metric], why);                                        \
    } while (0)

static void an_a100_gives_every_sensor_in_base_units(void **state)
{
    (void)state;
    load("a100", NULL);
    nvml_fixture_open(&f);
    struct wtl_reading r = reading(0, UINT64_MAX);
    assert_value(r, power_w, 201.5);
    assert_value(r, power_instant_w, 203.25);
    assert_value(r, power_limit_w, 230.0);
    assert_value(r, power_limit_enforced_w, 220.0);
    assert_value(r, energy_counter_j, 7654321.987);
    assert_value(r, temp_c, 61.0);
    assert_value(r, mem_temp_c, 72.0);
    assert_value(r, gr_clock_mhz, 1110.0);
    assert_value(r, sm_clock_mhz, 1125.0);
    assert_value(r, mem_clock_mhz, 1215.0);
    assert_value(r, event_reasons, 36.0);
    assert_value(r, pstate, 2.0);
    assert_value(r, gpu_util, 0.97);
    assert_value(r, mem_util, 0.43);
    assert_value(r, enc_util, 0.11);
    assert_value(r, dec_util, 0.12);
    assert_value(r, fan_speed, 0.30);
    assert_value(r, fb_total_b, 4e10);
    assert_value(r, fb_free_b, 3e10);
    assert_value(r, fb_used_b, 9.5e9);
    assert_value(r, power_violation_ns, 5000000123.0);
    assert_value(r, thermal_violation_ns, 42.0);
    assert_absent(r, power_average_w, WTL_ABSENT_UNSUPPORTED);
    assert_absent(r, sm_active, WTL_ABSENT_UNSUPPORTED);
    assert_absent(r, app_sm_clock_mhz, WTL_ABSENT_UNSUPPORTED);
    assert_true(r.sensor_t_ns[WTL_M_power_instant_w] == INT64_C(1800000000000100000));
    assert_true(r.sensor_t_ns[WTL_M_sm_clock_mhz] == 0);
    assert_true(info_of(0)->sensors == r.valid);
    nvml_fixture_unload(&f);
}

static void who_it_is(void **state)
{
    (void)state;
    load("identity", NULL);
    nvml_fixture_open(&f);
    const struct wtl_device_info *info = info_of(0);
    assert_string_equal(info->id, "nvml:GPU-aaaaaaaa-0000-1111-2222-333333333333");
    assert_string_equal(info->uuid, "GPU-aaaaaaaa-0000-1111-2222-333333333333");
    assert_string_equal(info->name, "NVIDIA A100-PCIE-40GB");
    assert_string_equal(info->pci, "0000:3b:00.0");
    assert_string_equal(info->driver, "NVIDIA 999.1.2");
    assert_string_equal(info->architecture, "Ampere");
    assert_near(info->slowdown_c, 85, 0); /* the lower of its two */
    assert_int_equal(info->kind, WTL_DEVICE_GPU);
    assert_int_equal(info->flags, WTL_DEVICE_PERSISTENT);
    assert_int_equal(info->parent, -1);
    assert_int_equal(info->index, 0);
    char epoch[WTL_LIMIT_NAME], boot[64] = "";
    struct wtl_error err;
    assert_ok(wtl_device_epoch(nvml_fixture_device(&f, 0), epoch, &err), &err);
    assert_string_equal(epoch, info->epoch);
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    assert_non_null(file);
    assert_non_null(fgets(boot, sizeof boot, file));
    fclose(file);
    boot[strcspn(boot, "\n")] = '\0';
    assert_non_null(strstr(epoch, boot));
    assert_true(nvml_fixture_finds(&f, WTL_FINDING_OK, "driver 999.1.2, NVML 13.999.1.2, 1 GPU"));
    nvml_fixture_unload(&f);
}

static long read_calls(enum fake_function function, uint64_t wanted)
{
    long all = f.fake->calls, one = f.fake->count[function];
    reading(0, wanted);
    return function == FAKE_N_FUNCTIONS ? f.fake->calls - all : f.fake->count[function] - one;
}

static void one_call_for_all_fields_and_none_for_what_is_not_wanted(void **state)
{
    (void)state;
    load("calls", NULL);
    nvml_fixture_open(&f);
    assert_int_equal(read_calls(FAKE_nvmlDeviceGetFieldValues, UINT64_MAX), 1);
    /* fields, power, temperature, 3 clocks, reasons, state, utilisation, encoder, decoder, fan,
     * memory */
    long all = f.fake->calls;
    reading(0, UINT64_MAX);
    assert_int_equal(f.fake->calls - all, 13);
    all = f.fake->calls;
    reading(0, WTL_METRIC_BIT(WTL_M_power_instant_w) | WTL_METRIC_BIT(WTL_M_energy_counter_j));
    assert_int_equal(f.fake->calls - all, 1);
    all = f.fake->calls;
    reading(0, WTL_METRIC_BIT(WTL_M_gpu_util) | WTL_METRIC_BIT(WTL_M_mem_util));
    assert_int_equal(f.fake->calls - all, 1);
    all = f.fake->calls;
    reading(0, 0);
    assert_int_equal(f.fake->calls - all, 0);
    nvml_fixture_unload(&f);
}

/* ---- What power means ------------------------------------------------------------------------ */

static void power_usage_stands_in_for_the_field_that_it_equals(void **state)
{
    (void)state;
    load("v100", NULL);
    f.fake->gpu[0] = fake_v100(); /* instant on GA100 and older; no field 186 here */
    nvml_fixture_open(&f);
    struct wtl_reading r = reading(0, UINT64_MAX);
    assert_value(r, power_w, 201.5);
    assert_value(r, power_instant_w, 201.5);
    assert_absent(r, power_average_w, WTL_ABSENT_UNSUPPORTED);
    assert_value(r, power_limit_w, 230.0); /* and the limits come from their calls */
    assert_value(r, power_limit_enforced_w, 220.0);
    assert_true(info_of(0)->sensor[WTL_M_power_w].window_ns == 0);
    nvml_fixture_unload(&f);

    load("3080ti", NULL);
    f.fake->gpu[0] = fake_3080ti(); /* a second's average on GA10x */
    fake_no_field(&f.fake->gpu[0], NVML_FIELD_POWER_INSTANT);
    fake_no_field(&f.fake->gpu[0], NVML_FIELD_POWER_AVERAGE);
    nvml_fixture_open(&f);
    r = reading(0, UINT64_MAX);
    assert_value(r, power_average_w, 201.5);
    assert_absent(r, power_instant_w, WTL_ABSENT_UNSUPPORTED);
    assert_true(info_of(0)->sensor[WTL_M_power_w].window_ns == WTL_NS_PER_S);
    nvml_fixture_unload(&f);
}

static void instant_and_average_are_told_apart(void **state)
{
    (void)state;
    load("both", NULL);
    f.fake->gpu[0] = fake_h100();
    nvml_fixture_open(&f);
    struct wtl_reading r = reading(0, UINT64_MAX);
    assert_value(r, power_instant_w, 203.25);
    assert_value(r, power_average_w, 190.0);
    const struct wtl_sensor_info *s = info_of(0)->sensor;
    assert_true(s[WTL_M_power_average_w].window_ns == WTL_NS_PER_S);
    assert_true(s[WTL_M_power_instant_w].window_ns == 25000000);
    assert_true(s[WTL_M_power_instant_w].period_ns == 100000000);
    assert_false(s[WTL_M_power_instant_w].instant);
    nvml_fixture_unload(&f);
}

static void the_scope_that_answers_is_found(void **state)
{
    (void)state;
    load("scope", NULL);
    struct fake_gpu *g = &f.fake->gpu[0];
    *g = fake_h100();
    fake_field(g, NVML_FIELD_POWER_INSTANT, 0)->scope = NVML_SCOPE_MODULE;
    fake_field(g, NVML_FIELD_POWER_AVERAGE, 0)->scope = NVML_SCOPE_MODULE;
    nvml_fixture_open(&f);
    struct wtl_reading r = reading(0, UINT64_MAX);
    assert_value(r, power_instant_w, 203.25);
    assert_value(r, power_average_w, 190.0);
    nvml_fixture_unload(&f);
}

static void an_unknown_architecture_makes_no_claim(void **state)
{
    (void)state;
    static const char *const hidden[] = {"nvmlDeviceGetArchitecture",
                                         "nvmlDeviceGetCudaComputeCapability", NULL};
    load("unknown", hidden);
    f.fake->gpu[0] = fake_v100();
    nvml_fixture_open(&f);
    struct wtl_reading r = reading(0, UINT64_MAX);
    assert_value(r, power_w, 201.5);
    assert_absent(r, power_instant_w, WTL_ABSENT_UNSUPPORTED);
    assert_absent(r, power_average_w, WTL_ABSENT_UNSUPPORTED);
    assert_string_equal(info_of(0)->architecture, "");
    nvml_fixture_unload(&f);
}

static void the_architecture_of_older_drivers_follows_from_the_capability(void **state)
{
    (void)state;
    static const char *const hidden[] = {"nvmlDeviceGetArchitecture", NULL};
    static const struct {
        int major, minor;
        const char *name;
    } known[] = {{3, 5, "Kepler"}, {6, 1, "Pascal"}, {7, 0, "Volta"},      {7, 5, "Turing"},
                 {8, 6, "Ampere"}, {8, 9, "Ada"},    {12, 0, "Blackwell"}, {99, 0, ""}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char folder[32];
        snprintf(folder, sizeof folder, "capability%zu", i);
        load(folder, hidden);
        f.fake->gpu[0].capability_major = known[i].major;
        f.fake->gpu[0].capability_minor = known[i].minor;
        nvml_fixture_open(&f);
        assert_string_equal(info_of(0)->architecture, known[i].name);
        nvml_fixture_unload(&f);
    }
}

/* ---- Missing symbols ------------------------------------------------------------------------- */

/* Everything that came with a later driver, in one library: R418, of the first V100s. */
static const char *const newer[] = {
    "nvmlDeviceGetComputeRunningProcesses_v3",
    "nvmlDeviceGetComputeRunningProcesses_v2",
    "nvmlDeviceGetGraphicsRunningProcesses_v3",
    "nvmlDeviceGetGraphicsRunningProcesses_v2",
    "nvmlDeviceGetMPSComputeRunningProcesses_v3",
    "nvmlDeviceGetMPSComputeRunningProcesses_v2",
    "nvmlDeviceGetMPSComputeRunningProcesses",
    "nvmlDeviceGetArchitecture",
    "nvmlDeviceGetPciInfo_v3",
    "nvmlDeviceGetTemperatureV",
    "nvmlDeviceGetMemoryInfo_v2",
    "nvmlDeviceGetCurrentClocksEventReasons",
    "nvmlDeviceGetMigMode",
    "nvmlGpmQueryDeviceSupport",
    "nvmlDeviceSetMemoryLockedClocks",
    "nvmlDeviceSetPowerManagementLimit_v2",
    "nvmlInit_v2",
    "nvmlDeviceGetCount_v2",
    "nvmlDeviceGetHandleByIndex_v2",
    NULL,
};

static void an_old_library_gives_the_same_values(void **state)
{
    (void)state;
    load("old", newer);
    f.fake->gpu[0] = fake_v100();
    f.fake->gpu[0].compute = (struct fake_list){1, {{4242, 1 << 30, 7, 7}}};
    nvml_fixture_open(&f);
    struct wtl_reading r = reading(0, UINT64_MAX);
    assert_value(r, temp_c, 61.0);
    assert_value(r, event_reasons, 36.0);
    assert_value(r, fb_total_b, 4e10);
    assert_value(r, fb_used_b, 1e10); /* what the driver reserves counts as used here */
    assert_string_equal(info_of(0)->pci, "0000:3b:00.0");
    assert_string_equal(info_of(0)->architecture, "Volta");
    assert_int_equal(info_of(0)->knobs,
                     WTL_KNOB_BIT(WTL_KNOB_sm_clock_mhz) | WTL_KNOB_BIT(WTL_KNOB_power_limit_w));
    struct wtl_process p[4];
    size_t n = 99;
    struct wtl_error err;
    assert_ok(wtl_device_processes(nvml_fixture_device(&f, 0), p, 4, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_int_equal(p[0].pid, 4242);
    assert_near(p[0].memory_b, 1 << 30, 0);
    nvml_fixture_unload(&f);
}

static void a_fall_back_by_code_is_as_good_as_one_by_symbol(void **state)
{
    (void)state;
    load("codes", NULL);
    f.fake->ret[FAKE_nvmlDeviceGetTemperatureV] = NVML_ARGUMENT_VERSION_MISMATCH;
    f.fake->ret[FAKE_nvmlDeviceGetMemoryInfo_v2] = NVML_FUNCTION_NOT_FOUND;
    f.fake->ret[FAKE_nvmlDeviceGetCurrentClocksEventReasons] = NVML_DEPRECATED;
    f.fake->ret[FAKE_nvmlDeviceGetComputeRunningProcesses_v3] = NVML_FUNCTION_NOT_FOUND;
    f.fake->gpu[0].compute = (struct fake_list){1, {{4242, 1 << 30, 7, 7}}};
    nvml_fixture_open(&f);
    struct wtl_reading r = reading(0, UINT64_MAX);
    assert_value(r, temp_c, 61.0);
    assert_value(r, event_reasons, 36.0);
    assert_value(r, fb_used_b, 1e10);
    struct wtl_process p[4];
    size_t n = 99;
    struct wtl_error err;
    assert_ok(wtl_device_processes(nvml_fixture_device(&f, 0), p, 4, &n, &err), &err);
    assert_int_equal(n, 1);
    nvml_fixture_unload(&f);
}

static const char *const functions[] = {
#define X(name, args) #name,
    NVML_FUNCTIONS(X)
#undef X
};

/* Without these there are no GPUs to speak of. */
static bool is_vital(const char *name)
{
    return strcmp(name, "nvmlDeviceGetUUID") == 0;
}

/* One call gives three sensors at most; what else is missing is none's fault. */
static void any_one_symbol_may_be_missing(void **state)
{
    (void)state;
    load("with-all", NULL);
    f.fake->gpu[0] = fake_h100();
    nvml_fixture_open(&f);
    uint64_t all = reading(0, UINT64_MAX).valid;
    nvml_fixture_unload(&f);
    for (int i = 0; i < FAKE_N_FUNCTIONS; i++) {
        char folder[80];
        snprintf(folder, sizeof folder, "without-%s", functions[i]);
        const char *const hidden[] = {functions[i], NULL};
        load(folder, hidden);
        f.fake->gpu[0] = fake_h100();
        nvml_fixture_open(&f);
        if (is_vital(functions[i])) {
            assert_true(nvml_fixture_finds(&f, WTL_FINDING_PROBLEM, "GPU 0 cannot be opened"));
        } else {
            uint64_t valid = reading(0, UINT64_MAX).valid;
            assert_in_range(__builtin_popcountll(all & ~valid), 0, 3);
            assert_true((valid & ~all) == 0);
            assert_true((valid & ~info_of(0)->sensors) == 0);
        }
        nvml_fixture_close(&f);
        f.fake->inits = f.fake->gpm_samples = 0; /* their functions may be the missing ones */
        nvml_fixture_unload(&f);
    }
}

/* ---- Rings ----------------------------------------------------------------------------------- */

static void rings_give_what_is_new_in_order(void **state)
{
    (void)state;
    load("rings", NULL);
    struct nvml_sample *s = f.fake->gpu[0].ring[NVML_SAMPLES_TOTAL_POWER];
    struct nvml_sample first = s[0];
    s[0] = s[1]; /* out of order, and with an empty place */
    s[1] = first;
    s[4].timestamp_us = 0;
    nvml_fixture_open(&f);
    struct wtl_device *d = nvml_fixture_device(&f, 0);
    struct wtl_ring_sample out[8];
    size_t n = 99;
    struct wtl_error err;
    assert_int_equal(f.fake->count[FAKE_nvmlDeviceGetSamples], 0); /* nobody asked so far */
    assert_ok(wtl_device_ring(d, WTL_M_power_instant_w, 0, out, 8, &n, &err), &err);
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) {
        assert_true(out[i].t_ns == INT64_C(1000000000) + INT64_C(20000000) * (int64_t)i);
        assert_near(out[i].value, 200 + (double)i, 1e-9);
    }
    assert_ok(wtl_device_ring(d, WTL_M_power_w, out[1].t_ns, out, 8, &n, &err), &err);
    assert_int_equal(n, 2); /* exclusive; on GA100 the same quantity as power_w */
    assert_near(out[0].value, 202, 1e-9);
    assert_ok(wtl_device_ring(d, WTL_M_power_w, INT64_C(9000000000), out, 8, &n, &err), &err);
    assert_int_equal(n, 0);
    assert_ok(wtl_device_ring(d, WTL_M_power_w, 0, out, 2, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_near(out[0].value, 200, 1e-9);
    n = 99;
    assert_int_equal(wtl_device_ring(d, WTL_M_gpu_util, 0, out, 8, &n, &err), -WTL_UNSUPPORTED);
    assert_int_equal(wtl_device_ring(d, WTL_M_fan_speed, 0, out, 8, &n, &err), -WTL_UNSUPPORTED);
    assert_int_equal(n, 99);
    long asked = f.fake->count[FAKE_nvmlDeviceGetSamples];
    assert_int_equal(wtl_device_ring(d, WTL_M_gpu_util, 0, out, 8, &n, &err), -WTL_UNSUPPORTED);
    assert_int_equal(f.fake->count[FAKE_nvmlDeviceGetSamples], asked); /* once is enough */
    nvml_fixture_unload(&f);

    load("rings-average", NULL);
    f.fake->gpu[0] = fake_3080ti(); /* power_w is the 1-s average there: not what the ring holds */
    nvml_fixture_open(&f);
    d = nvml_fixture_device(&f, 0);
    assert_int_equal(wtl_device_ring(d, WTL_M_power_w, 0, out, 8, &n, &err), -WTL_UNSUPPORTED);
    assert_ok(wtl_device_ring(d, WTL_M_power_instant_w, 0, out, 8, &n, &err), &err);
    nvml_fixture_unload(&f);
}

/* ---- Processes ------------------------------------------------------------------------------- */

static struct wtl_process processes[16];

static size_t list_processes(size_t device, size_t max)
{
    size_t n = 99;
    struct wtl_error err;
    assert_ok(wtl_device_processes(nvml_fixture_device(&f, device), processes, max, &n, &err),
              &err);
    return n;
}

static void processes_of_all_kinds(void **state)
{
    (void)state;
    load("processes", NULL);
    struct fake_gpu *g = &f.fake->gpu[0];
    g->mps = (struct fake_list){1, {{300, 3000, NVML_NO_INSTANCE, NVML_NO_INSTANCE}}};
    g->compute =
        (struct fake_list){3,
                           {{100, 1000, NVML_NO_INSTANCE, NVML_NO_INSTANCE},
                            {200, NVML_MEMORY_NOT_AVAILABLE, NVML_NO_INSTANCE, NVML_NO_INSTANCE},
                            {300, 3000, NVML_NO_INSTANCE, NVML_NO_INSTANCE}}};
    g->graphics = (struct fake_list){2,
                                     {{100, 1000, NVML_NO_INSTANCE, NVML_NO_INSTANCE},
                                      {400, 0, NVML_NO_INSTANCE, NVML_NO_INSTANCE}}};
    g->util[0] = (struct nvml_process_util){.pid = 100, .timestamp_us = 10000000, .sm = 20};
    g->util[1] = (struct nvml_process_util){.pid = 100, .timestamp_us = 10500000, .sm = 30};
    g->util[2] = (struct nvml_process_util){.pid = 200, .timestamp_us = 1000000, .sm = 70};
    g->n_util = 3;
    nvml_fixture_open(&f);
    assert_int_equal(list_processes(0, 16), 4);
    assert_int_equal(processes[0].pid, 300); /* once, as what it is first of all */
    assert_int_equal(processes[0].kind, WTL_PROCESS_MPS_CLIENT);
    assert_int_equal(processes[1].pid, 100);
    assert_int_equal(processes[1].kind, WTL_PROCESS_COMPUTE);
    assert_true(processes[1].has_memory);
    assert_near(processes[1].memory_b, 1000, 0);
    assert_true(processes[1].has_util);
    assert_near(processes[1].util, 0.30, 1e-12); /* the newest sample */
    assert_int_equal(processes[1].slice, -1);
    assert_false(processes[2].has_memory);
    assert_near(processes[2].util, 0, 0); /* its sample is nine seconds older than the newest */
    assert_int_equal(processes[3].kind, WTL_PROCESS_GRAPHICS);

    f.now_ns += 1000000000;
    list_processes(0, 16);
    assert_near(processes[1].util, 0.30, 1e-12); /* a second later it still holds, */
    f.now_ns += 2000000000;
    list_processes(0, 16);
    assert_near(processes[1].util, 0, 0);      /* then the process has done nothing */
    assert_int_equal(list_processes(0, 2), 4); /* as many as fit, and how many there are */
    nvml_fixture_unload(&f);
}

static void processes_that_cannot_be_listed(void **state)
{
    (void)state;
    static const char *const hidden[] = {"nvmlDeviceGetProcessUtilization", NULL};
    load("no-util", hidden);
    f.fake->gpu[0].compute.n = 1;
    nvml_fixture_open(&f);
    assert_int_equal(list_processes(0, 16), 1);
    assert_false(processes[0].has_util);
    size_t n = 99;
    struct wtl_error err;
    struct wtl_device *d = nvml_fixture_device(&f, 0);
    f.fake->ret[FAKE_nvmlDeviceGetGraphicsRunningProcesses_v3] = NVML_NO_PERMISSION;
    assert_int_equal(wtl_device_processes(d, processes, 16, &n, &err), -WTL_PERMISSION);
    f.fake->ret[FAKE_nvmlDeviceGetGraphicsRunningProcesses_v3] = NVML_INSUFFICIENT_SIZE;
    assert_int_equal(wtl_device_processes(d, processes, 16, &n, &err), -WTL_LIMIT);
    f.fake->ret[FAKE_nvmlDeviceGetGraphicsRunningProcesses_v3] = NVML_NOT_SUPPORTED;
    f.fake->ret[FAKE_nvmlDeviceGetComputeRunningProcesses_v3] = NVML_NOT_SUPPORTED;
    f.fake->ret[FAKE_nvmlDeviceGetMPSComputeRunningProcesses_v3] = NVML_NOT_SUPPORTED;
    assert_int_equal(wtl_device_processes(d, processes, 16, &n, &err), -WTL_UNSUPPORTED);
    assert_int_equal(n, 99);
    nvml_fixture_unload(&f);
}

/* ---- Errors ---------------------------------------------------------------------------------- */

static int errors_of(size_t device, struct wtl_driver_error *out, size_t max, size_t *n)
{
    struct wtl_error err;
    return wtl_device_errors(nvml_fixture_device(&f, device), out, max, n, &err);
}

static void fall(struct fake_gpu *g, unsigned xid)
{
    g->xid[g->n_xids++] = xid;
}

static void errors_are_heard_by_who_listens(void **state)
{
    (void)state;
    struct wtl_driver_error e[2] = {{0}};
    size_t n = 99;
    load("errors", NULL);
    struct fake_gpu *g = &f.fake->gpu[0];
    fall(g, 13); /* before anybody listened */
    nvml_fixture_open(&f);
    assert_int_equal(f.fake->event_sets, 0);
    assert_int_equal(errors_of(0, e, 2, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(f.fake->event_sets, 1);
    assert_int_equal(errors_of(0, e, 2, &n), 0);
    assert_int_equal(n, 0);
    fall(g, 31);
    fall(g, 43);
    fall(g, 79);
    f.now_ns += 1000;
    assert_int_equal(errors_of(0, e, 2, &n), 0); /* as many as fit */
    assert_int_equal(n, 2);
    assert_int_equal(e[0].number, 31);
    assert_int_equal(e[1].number, 43);
    assert_true(e[0].t_ns == f.now_ns);
    assert_int_equal(errors_of(0, e, 2, &n), 0); /* and then the rest */
    assert_int_equal(n, 1);
    assert_int_equal(e[0].number, 79);
    f.fake->ret[FAKE_nvmlEventSetWait_v2] = NVML_GPU_IS_LOST;
    n = 99;
    assert_int_equal(errors_of(0, e, 2, &n), -WTL_LOST);
    assert_int_equal(n, 99);
    f.fake->ret[FAKE_nvmlEventSetWait_v2] = NVML_IN_USE; /* nothing so far */
    assert_int_equal(errors_of(0, e, 2, &n), 0);
    assert_int_equal(n, 0);
    nvml_fixture_close(&f);
    assert_int_equal(f.fake->event_sets, 0);
    nvml_fixture_unload(&f);
}

static void an_older_library_tells_of_errors_too(void **state)
{
    (void)state;
    static const char *const hidden[] = {"nvmlEventSetWait_v2", NULL};
    struct wtl_driver_error e[2];
    size_t n = 99;
    load("errors-older", hidden);
    nvml_fixture_open(&f);
    assert_int_equal(errors_of(0, e, 2, &n), 0);
    fall(&f.fake->gpu[0], 31);
    assert_int_equal(errors_of(0, e, 2, &n), 0);
    assert_int_equal(n, 1);
    nvml_fixture_unload(&f);
}

static void errors_that_are_not_told(void **state)
{
    (void)state;
    static const char *const missing[] = {"nvmlEventSetCreate", "nvmlEventSetFree",
                                          "nvmlDeviceRegisterEvents"};
    struct wtl_driver_error e[2];
    size_t n = 99;
    load("errors-kinds", NULL);
    f.fake->gpu[0].events = NVML_EVENT_CLOCK;
    nvml_fixture_open(&f);
    assert_int_equal(errors_of(0, e, 2, &n), -WTL_UNSUPPORTED);
    f.fake->gpu[0].events = NVML_EVENT_XID;
    f.fake->ret[FAKE_nvmlDeviceRegisterEvents] = NVML_NOT_SUPPORTED; /* a vGPU, WSL */
    assert_int_equal(errors_of(0, e, 2, &n), -WTL_UNSUPPORTED);
    assert_int_equal(f.fake->event_sets, 0); /* nothing is left of the attempt */
    nvml_fixture_unload(&f);
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        char folder[80];
        const char *const hidden[] = {missing[i], NULL};
        (void)snprintf(folder, sizeof folder, "errors-without-%s", missing[i]);
        load(folder, hidden);
        nvml_fixture_open(&f);
        assert_int_equal(errors_of(0, e, 2, &n), -WTL_UNSUPPORTED);
        assert_int_equal(f.fake->event_sets, 0);
        nvml_fixture_unload(&f);
    }
    assert_int_equal(n, 99);
}

/* ---- MIG ------------------------------------------------------------------------------------- */

static void mig_instances_are_parts_of_their_gpu(void **state)
{
    (void)state;
    load("mig", NULL);
    fake_mig(f.fake);
    f.fake->gpu[0].compute = (struct fake_list){2, {{100, 1, 5, 0}, {100, 1, 1, 0}}};
    f.fake->gpu[3].compute = (struct fake_list){1, {{100, 1, 5, 0}}};
    nvml_fixture_open(&f);
    assert_true(info_of(0)->flags & WTL_DEVICE_MIG);
    for (size_t i = 1; i <= 2; i++) {
        const struct wtl_device_info *info = info_of(i);
        assert_int_equal(info->kind, WTL_DEVICE_GPU_SLICE);
        assert_int_equal(info->parent, 0);
        assert_int_equal(info->knobs, 0);
        assert_int_equal(strncmp(info->id, "nvml:MIG-", 9), 0);
        struct wtl_reading r = reading(i, UINT64_MAX);
        assert_value(r, fb_total_b, 4.7e10);
        assert_value(r, fb_used_b, 1e9 * (double)(i + 1));
        assert_absent(r, power_w, WTL_ABSENT_UNSUPPORTED); /* the board's, and only there */
        assert_absent(r, power_instant_w, WTL_ABSENT_UNSUPPORTED);
        assert_absent(r, sm_active, WTL_ABSENT_NOT_YET);
        f.now_ns += 200000000;
        r = reading(i, UINT64_MAX);
        assert_value(r, sm_active, i == 1 ? 0.51 : 0.55); /* of its own GPU instance */
    }
    assert_int_equal(list_processes(0, 16), 2);
    assert_int_equal(processes[0].slice, 2); /* a process may be in two instances */
    assert_int_equal(processes[1].slice, 1);
    assert_int_equal(list_processes(2, 16), 1);
    assert_int_equal(processes[0].slice, 2);
    struct wtl_driver_error e;
    size_t n;
    assert_int_equal(errors_of(0, &e, 1, &n), 0);
    assert_int_equal(errors_of(1, &e, 1, &n), -WTL_UNSUPPORTED); /* they are the board's */
    assert_true(nvml_fixture_finds(&f, WTL_FINDING_NOTE,
                                   "MIG: its instances (3g.47gb, 3g.47gb) share one power"));
    nvml_fixture_unload(&f);
}

static void the_instances_of_a_choice_are_numbered_in_it(void **state)
{
    (void)state;
    static const char *const only[] = {"nvml:MIG-eeeeeee3", "nvml:GPU-dddddddd", NULL};
    load("mig-chosen", NULL);
    fake_mig(f.fake);
    f.fake->gpu[0].compute = (struct fake_list){2, {{100, 1, 5, 0}, {100, 1, 1, 0}}};
    f.only = only;
    nvml_fixture_open(&f);
    assert_int_equal(wtl_machine_count(f.machine), 2);
    assert_int_equal(info_of(0)->parent, 1);
    assert_int_equal(list_processes(1, 16), 2);
    assert_int_equal(processes[0].slice, 0);
    assert_int_equal(processes[1].slice, -1); /* that one was not asked for */
    nvml_fixture_unload(&f);
}

/* ---- GPM ------------------------------------------------------------------------------------- */

static void activity_needs_two_samples_apart(void **state)
{
    (void)state;
    load("gpm", NULL);
    f.fake->gpu[0] = fake_h100();
    nvml_fixture_open(&f);
    uint64_t wanted = WTL_METRIC_BIT(WTL_M_sm_active) | WTL_METRIC_BIT(WTL_M_fp64_active);
    struct wtl_reading r = reading(0, wanted);
    assert_absent(r, sm_active, WTL_ABSENT_NOT_YET);
    f.now_ns += 50000000; /* too soon */
    r = reading(0, wanted);
    assert_absent(r, sm_active, WTL_ABSENT_NOT_YET);
    f.now_ns += 60000000;
    r = reading(0, wanted);
    assert_value(r, sm_active, 0.50);
    assert_absent(r, fp64_active, WTL_ABSENT_UNSUPPORTED); /* one metric may be missing */
    f.fake->gpu[0].gpm_value = 80;
    r = reading(0, wanted);
    assert_value(r, sm_active, 0.50); /* the last one again */
    f.now_ns += 200000000;
    r = reading(0, wanted);
    assert_value(r, sm_active, 0.80);
    assert_int_equal(f.fake->count[FAKE_nvmlGpmSampleGet], 3);
    nvml_fixture_unload(&f);
}

/* ---- What doctor says ------------------------------------------------------------------------ */

static void kinds_are_named(void **state)
{
    (void)state;
    load("wsl/", NULL);
    nvml_fixture_open(&f);
    assert_true(info_of(0)->flags & WTL_DEVICE_WSL);
    assert_int_equal(info_of(0)->knobs, 0);
    assert_true(nvml_fixture_finds(&f, WTL_FINDING_NOTE, "WSL: the driver is Windows'"));
    nvml_fixture_unload(&f);

    load("vgpu", NULL);
    f.fake->gpu[0].virtualization = NVML_VIRTUALIZATION_VGPU;
    f.fake->gpu[0].compute_mode = NVML_COMPUTE_PROCESS;
    nvml_fixture_open(&f);
    assert_true(info_of(0)->flags & WTL_DEVICE_VGPU);
    assert_true(info_of(0)->flags & WTL_DEVICE_EXCLUSIVE);
    assert_int_equal(info_of(0)->knobs, 0);
    assert_true(nvml_fixture_finds(&f, WTL_FINDING_NOTE, "a vGPU: a share of a board"));
    assert_true(nvml_fixture_finds(&f, WTL_FINDING_NOTE, "one process at a time"));
    nvml_fixture_unload(&f);

    load("persistence", NULL);
    f.fake->gpu[0].persistence = f.fake->gpu[0].restricted = 0;
    nvml_fixture_open(&f);
    assert_int_equal(info_of(0)->flags, 0);
    assert_true(
        nvml_fixture_finds(&f, WTL_FINDING_LACK, "systemctl enable --now nvidia-persistenced"));
    assert_true(nvml_fixture_finds(&f, WTL_FINDING_NOTE, "nvidia-smi -acp 1"));
    assert_int_equal(info_of(0)->writable != 0,
                     !nvml_fixture_finds(&f, WTL_FINDING_LACK, "setting clocks and limits needs"));
    nvml_fixture_unload(&f);
}

static void a_library_that_does_not_start_is_a_finding(void **state)
{
    (void)state;
    static const struct {
        int code;
        enum wtl_finding_level level;
        const char *text;
    } known[] = {
        {NVML_DRIVER_NOT_LOADED, WTL_FINDING_LACK, "driver is not loaded"},
        {NVML_LIB_RM_VERSION_MISMATCH, WTL_FINDING_PROBLEM, "modprobe nvidia"},
        {NVML_NO_PERMISSION, WTL_FINDING_LACK, "no permission"},
        {NVML_UNKNOWN, WTL_FINDING_PROBLEM, "unknown error (code 999)"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char folder[32];
        snprintf(folder, sizeof folder, "start%zu", i);
        load(folder, NULL);
        f.fake->ret[FAKE_nvmlInit_v2] = known[i].code;
        nvml_fixture_open(&f);
        assert_true(nvml_fixture_finds(&f, known[i].level, known[i].text));
        nvml_fixture_unload(&f);
    }
    load("none", NULL);
    snprintf(f.path, sizeof f.path, "%s", in_test_directory("none/there/is.so"));
    nvml_fixture_open(&f);
    assert_true(nvml_fixture_finds(&f, WTL_FINDING_LACK, "NVML cannot be loaded"));
    nvml_fixture_unload(&f);
}

static void a_gpu_that_is_lost_at_open_is_a_finding(void **state)
{
    (void)state;
    load("lost", NULL);
    f.fake->ret[FAKE_nvmlDeviceGetHandleByIndex_v2] = NVML_GPU_IS_LOST;
    nvml_fixture_open(&f);
    assert_true(nvml_fixture_finds(&f, WTL_FINDING_PROBLEM, "GPU 0 cannot be opened: the GPU is"));
    nvml_fixture_unload(&f);
}

static void two_libraries_at_once_do_not_meet(void **state)
{
    (void)state;
    load("one", NULL);
    struct nvml_fixture one = f;
    load("two", NULL);
    f.fake->gpu[0].temp_c = 33;
    nvml_fixture_open(&f);
    struct wtl_machine *first = NULL;
    struct wtl_machine_options options = {.clock = wtl_clock_system(), .nvml = one.path};
    struct wtl_error err;
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &first, &err), &err);
    struct wtl_reading r;
    assert_ok(wtl_device_read(wtl_machine_device(first, 0), UINT64_MAX, &r, &err), &err);
    assert_value(r, temp_c, 61.0);
    r = reading(0, UINT64_MAX);
    assert_value(r, temp_c, 33.0);
    wtl_machine_close(first);
    assert_int_equal(one.fake->inits, 0);
    assert_int_equal(f.fake->inits, 1);
    nvml_fixture_unload(&f);
    nvml_fixture_unload(&one);
}

static void no_library_is_loaded_for_a_recorded_machine(void **state)
{
    (void)state;
    load("recorded", NULL);
    struct wtl_machine_options options = {
        .clock = wtl_clock_system(), .nvml = f.path, .root = in_test_directory("recorded")};
    struct wtl_error err;
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &f.machine, &err), &err);
    assert_int_equal(f.fake->calls, 0);
    nvml_fixture_unload(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_a100_gives_every_sensor_in_base_units),
        cmocka_unit_test(who_it_is),
        cmocka_unit_test(one_call_for_all_fields_and_none_for_what_is_not_wanted),
        cmocka_unit_test(power_usage_stands_in_for_the_field_that_it_equals),
        cmocka_unit_test(instant_and_average_are_told_apart),
        cmocka_unit_test(the_scope_that_answers_is_found),
        cmocka_unit_test(an_unknown_architecture_makes_no_claim),
        cmocka_unit_test(the_architecture_of_older_drivers_follows_from_the_capability),
        cmocka_unit_test(an_old_library_gives_the_same_values),
        cmocka_unit_test(a_fall_back_by_code_is_as_good_as_one_by_symbol),
        cmocka_unit_test(any_one_symbol_may_be_missing),
        cmocka_unit_test(rings_give_what_is_new_in_order),
        cmocka_unit_test(processes_of_all_kinds),
        cmocka_unit_test(processes_that_cannot_be_listed),
        cmocka_unit_test(errors_are_heard_by_who_listens),
        cmocka_unit_test(an_older_library_tells_of_errors_too),
        cmocka_unit_test(errors_that_are_not_told),
        cmocka_unit_test(mig_instances_are_parts_of_their_gpu),
        cmocka_unit_test(the_instances_of_a_choice_are_numbered_in_it),
        cmocka_unit_test(activity_needs_two_samples_apart),
        cmocka_unit_test(kinds_are_named),
        cmocka_unit_test(a_library_that_does_not_start_is_a_finding),
        cmocka_unit_test(a_gpu_that_is_lost_at_open_is_a_finding),
        cmocka_unit_test(two_libraries_at_once_do_not_meet),
        cmocka_unit_test(no_library_is_loaded_for_a_recorded_machine),
    };
    return cmocka_run_group_tests(tests, make_test_directory, drop_test_directory);
}
