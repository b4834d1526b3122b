/* SPDX-License-Identifier: Apache-2.0
 * Answers of the fake NVML. It checks its callers' arguments as the real one says that it does. */
#include "tests/support/fake_nvml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC visibility push(default)
#define X(name, args) int name args;
NVML_FUNCTIONS(X)
#undef X
struct fake_nvml *fake_nvml_state(void);

static struct fake_nvml state;

struct fake_nvml *fake_nvml_state(void)
{
    return &state;
}

static int enter(enum fake_function f)
{
    state.calls++;
    state.count[f]++;
    if (state.fail_at > 0 && state.calls >= state.fail_at &&
        state.calls < state.fail_at + state.fail_for)
        return state.fail_code;
    if (state.inits == 0 && f != FAKE_nvmlInit && f != FAKE_nvmlInit_v2 && f != FAKE_nvmlShutdown)
        return NVML_UNINITIALIZED;
    return state.ret[f];
}

#define ENTER(f)                                                                                   \
    do {                                                                                           \
        int code_ = enter(FAKE_##f);                                                               \
        if (code_)                                                                                 \
            return code_;                                                                          \
    } while (0)

static struct fake_gpu *gpu_of(struct nvml_device *d)
{
    return (struct fake_gpu *)(void *)d;
}

static int text(char *out, unsigned size, const char *value)
{
    if (strlen(value) >= size)
        return NVML_INSUFFICIENT_SIZE;
    memcpy(out, value, strlen(value) + 1);
    return 0;
}

/* ---- The library ----------------------------------------------------------------------------- */

int nvmlInit_v2(void)
{
    ENTER(nvmlInit_v2);
    state.inits++;
    return 0;
}

int nvmlInit(void)
{
    ENTER(nvmlInit);
    state.inits++;
    return 0;
}

int nvmlShutdown(void)
{
    state.inits--; /* whatever is to fail: nobody asks again */
    ENTER(nvmlShutdown);
    return 0;
}

int nvmlSystemGetDriverVersion(char *out, unsigned size)
{
    ENTER(nvmlSystemGetDriverVersion);
    return text(out, size, "999.1.2");
}

int nvmlSystemGetNVMLVersion(char *out, unsigned size)
{
    ENTER(nvmlSystemGetNVMLVersion);
    return text(out, size, "13.999.1.2");
}

int nvmlSystemGetProcessName(unsigned pid, char *out, unsigned size)
{
    char name[32];
    ENTER(nvmlSystemGetProcessName);
    snprintf(name, sizeof name, "/usr/bin/tenant-%u", pid);
    return text(out, size, name);
}

int nvmlDeviceGetCount_v2(unsigned *count)
{
    ENTER(nvmlDeviceGetCount_v2);
    *count = state.n_gpus;
    return 0;
}

int nvmlDeviceGetCount(unsigned *count)
{
    ENTER(nvmlDeviceGetCount);
    *count = state.n_gpus;
    return 0;
}

static int handle(unsigned index, struct nvml_device **d)
{
    if (index >= state.n_gpus)
        return NVML_INVALID_ARGUMENT;
    *d = (struct nvml_device *)(void *)&state.gpu[index];
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct nvml_device **d)
{
    ENTER(nvmlDeviceGetHandleByIndex_v2);
    return handle(index, d);
}

int nvmlDeviceGetHandleByIndex(unsigned index, struct nvml_device **d)
{
    ENTER(nvmlDeviceGetHandleByIndex);
    return handle(index, d);
}

/* ---- What a GPU is --------------------------------------------------------------------------- */

int nvmlDeviceGetName(struct nvml_device *d, char *out, unsigned size)
{
    ENTER(nvmlDeviceGetName);
    return text(out, size, gpu_of(d)->name);
}

int nvmlDeviceGetUUID(struct nvml_device *d, char *out, unsigned size)
{
    ENTER(nvmlDeviceGetUUID);
    return text(out, size, gpu_of(d)->uuid);
}

static int pci(struct nvml_device *d, struct nvml_pci *p)
{
    *p = (struct nvml_pci){.bus = gpu_of(d)->bus};
    snprintf(p->bus_id, sizeof p->bus_id, "00000000:%02X:00.0", p->bus);
    return 0;
}

int nvmlDeviceGetPciInfo_v3(struct nvml_device *d, struct nvml_pci *p)
{
    ENTER(nvmlDeviceGetPciInfo_v3);
    return pci(d, p);
}

int nvmlDeviceGetPciInfo_v2(struct nvml_device *d, struct nvml_pci *p)
{
    ENTER(nvmlDeviceGetPciInfo_v2);
    return pci(d, p);
}

int nvmlDeviceGetCudaComputeCapability(struct nvml_device *d, int *major, int *minor)
{
    ENTER(nvmlDeviceGetCudaComputeCapability);
    *major = gpu_of(d)->capability_major;
    *minor = gpu_of(d)->capability_minor;
    return 0;
}

/* Getters of one number each: X(function, type, expression). */
#define GETTERS(X)                                                                                 \
    X(nvmlDeviceGetIndex, unsigned, g->index)                                                      \
    X(nvmlDeviceGetArchitecture, unsigned, g->architecture)                                        \
    X(nvmlDeviceGetPersistenceMode, unsigned, g->persistence)                                      \
    X(nvmlDeviceGetComputeMode, unsigned, g->compute_mode)                                         \
    X(nvmlDeviceGetVirtualizationMode, unsigned, g->virtualization)                                \
    X(nvmlDeviceGetPowerUsage, unsigned, g->power_mw)                                              \
    X(nvmlDeviceGetTotalEnergyConsumption, unsigned long long, g->energy_mj)                       \
    X(nvmlDeviceGetPowerManagementLimit, unsigned, g->limit_mw)                                    \
    X(nvmlDeviceGetEnforcedPowerLimit, unsigned, g->enforced_mw)                                   \
    X(nvmlDeviceGetPowerManagementDefaultLimit, unsigned, g->default_mw)                           \
    X(nvmlDeviceGetCurrentClocksEventReasons, unsigned long long, g->reasons)                      \
    X(nvmlDeviceGetCurrentClocksThrottleReasons, unsigned long long, g->reasons)                   \
    X(nvmlDeviceGetPerformanceState, unsigned, g->pstate)                                          \
    X(nvmlDeviceGetFanSpeed, unsigned, g->fan)                                                     \
    X(nvmlDeviceGetMaxMigDeviceCount, unsigned, g->n_slices)                                       \
    X(nvmlDeviceGetGpuInstanceId, unsigned, g->gpu_instance)                                       \
    X(nvmlDeviceGetComputeInstanceId, unsigned, g->compute_instance)
#define X(name, type, expression)                                                                  \
    int name(struct nvml_device *d, type *out)                                                     \
    {                                                                                              \
        ENTER(name);                                                                               \
        const struct fake_gpu *g = gpu_of(d);                                                      \
        *out = (expression);                                                                       \
        return 0;                                                                                  \
    }
GETTERS(X)
#undef X

int nvmlDeviceGetAPIRestriction(struct nvml_device *d, unsigned api, unsigned *restricted)
{
    ENTER(nvmlDeviceGetAPIRestriction);
    *restricted = gpu_of(d)->restricted;
    return api == NVML_RESTRICTED_APP_CLOCKS ? 0 : NVML_INVALID_ARGUMENT;
}

int nvmlDeviceGetMigMode(struct nvml_device *d, unsigned *current, unsigned *pending)
{
    ENTER(nvmlDeviceGetMigMode);
    *current = *pending = gpu_of(d)->mig;
    return 0;
}

int nvmlDeviceGetMigDeviceHandleByIndex(struct nvml_device *d, unsigned index,
                                        struct nvml_device **instance)
{
    ENTER(nvmlDeviceGetMigDeviceHandleByIndex);
    if (index >= gpu_of(d)->n_slices || gpu_of(d)->slice[index] < 0)
        return NVML_NOT_FOUND;
    *instance = (struct nvml_device *)(void *)&state.gpu[gpu_of(d)->slice[index]];
    return 0;
}

/* ---- Sensors --------------------------------------------------------------------------------- */

int nvmlDeviceGetFieldValues(struct nvml_device *d, int n, struct nvml_field_value *values)
{
    ENTER(nvmlDeviceGetFieldValues);
    const struct fake_gpu *g = gpu_of(d);
    for (int i = 0; i < n; i++) {
        values[i].ret = NVML_NOT_SUPPORTED;
        for (unsigned k = 0; k < g->n_fields; k++) {
            const struct fake_field *f = &g->field[k];
            if (f->field != values[i].field || f->scope != values[i].scope)
                continue;
            values[i].ret = f->ret;
            values[i].type = f->type;
            values[i].value = f->value;
            values[i].timestamp_us = f->timestamp_us;
        }
    }
    return 0;
}

static int clock_mhz(struct nvml_device *d, unsigned clock, unsigned *mhz)
{
    if (clock > NVML_CLOCK_VIDEO)
        return NVML_INVALID_ARGUMENT;
    *mhz = gpu_of(d)->clock_mhz[clock];
    return 0;
}

int nvmlDeviceGetClockInfo(struct nvml_device *d, unsigned clock, unsigned *mhz)
{
    ENTER(nvmlDeviceGetClockInfo);
    return clock_mhz(d, clock, mhz);
}

int nvmlDeviceGetMaxClockInfo(struct nvml_device *d, unsigned clock, unsigned *mhz)
{
    ENTER(nvmlDeviceGetMaxClockInfo);
    return clock_mhz(d, clock, mhz);
}

int nvmlDeviceGetTemperatureV(struct nvml_device *d, struct nvml_temperature *t)
{
    ENTER(nvmlDeviceGetTemperatureV);
    if (t->version != NVML_STRUCT_VERSION(struct nvml_temperature, 1))
        return NVML_ARGUMENT_VERSION_MISMATCH;
    t->temp_c = gpu_of(d)->temp_c;
    return t->sensor == NVML_TEMPERATURE_GPU ? 0 : NVML_INVALID_ARGUMENT;
}

int nvmlDeviceGetTemperature(struct nvml_device *d, unsigned sensor, unsigned *temp_c)
{
    ENTER(nvmlDeviceGetTemperature);
    *temp_c = (unsigned)gpu_of(d)->temp_c;
    return sensor == NVML_TEMPERATURE_GPU ? 0 : NVML_INVALID_ARGUMENT;
}

int nvmlDeviceGetTemperatureThreshold(struct nvml_device *d, unsigned type, unsigned *temp_c)
{
    ENTER(nvmlDeviceGetTemperatureThreshold);
    (void)d;
    *temp_c = type == NVML_THRESHOLD_GPU_MAX ? 85 : 90;
    return type == NVML_THRESHOLD_GPU_MAX || type == NVML_THRESHOLD_SLOWDOWN ? 0
                                                                             : NVML_NOT_SUPPORTED;
}

int nvmlDeviceGetUtilizationRates(struct nvml_device *d, struct nvml_utilization *u)
{
    ENTER(nvmlDeviceGetUtilizationRates);
    *u = (struct nvml_utilization){gpu_of(d)->util_gpu, gpu_of(d)->util_memory};
    return 0;
}

int nvmlDeviceGetEncoderUtilization(struct nvml_device *d, unsigned *util, unsigned *period_us)
{
    ENTER(nvmlDeviceGetEncoderUtilization);
    *util = gpu_of(d)->encoder;
    *period_us = 167000;
    return 0;
}

int nvmlDeviceGetDecoderUtilization(struct nvml_device *d, unsigned *util, unsigned *period_us)
{
    ENTER(nvmlDeviceGetDecoderUtilization);
    *util = gpu_of(d)->decoder;
    *period_us = 167000;
    return 0;
}

int nvmlDeviceGetMemoryInfo_v2(struct nvml_device *d, struct nvml_memory_v2 *m)
{
    ENTER(nvmlDeviceGetMemoryInfo_v2);
    if (m->version != NVML_STRUCT_VERSION(struct nvml_memory_v2, 2))
        return NVML_ARGUMENT_VERSION_MISMATCH;
    *m = gpu_of(d)->memory;
    return 0;
}

int nvmlDeviceGetMemoryInfo(struct nvml_device *d, struct nvml_memory *m)
{
    ENTER(nvmlDeviceGetMemoryInfo);
    const struct nvml_memory_v2 *v = &gpu_of(d)->memory;
    *m = (struct nvml_memory){v->total, v->free, v->used + v->reserved};
    return 0;
}

int nvmlDeviceGetViolationStatus(struct nvml_device *d, unsigned policy, struct nvml_violation *v)
{
    ENTER(nvmlDeviceGetViolationStatus);
    if (policy > NVML_POLICY_THERMAL)
        return NVML_INVALID_ARGUMENT;
    *v = (struct nvml_violation){0, gpu_of(d)->violation_ns[policy]};
    return 0;
}

int nvmlDeviceGetSamples(struct nvml_device *d, unsigned kind, unsigned long long last_seen_us,
                         unsigned *type, unsigned *n, struct nvml_sample *samples)
{
    ENTER(nvmlDeviceGetSamples);
    const struct fake_gpu *g = gpu_of(d);
    if (kind >= FAKE_KINDS || g->n_ring[kind] == 0)
        return NVML_NOT_SUPPORTED;
    *type = NVML_VALUE_UINT;
    if (!samples) {
        *n = g->n_ring[kind];
        return 0;
    }
    unsigned taken = 0;
    for (unsigned i = 0; i < g->n_ring[kind] && taken < *n; i++)
        if (g->ring[kind][i].timestamp_us > last_seen_us || g->ring[kind][i].timestamp_us == 0)
            samples[taken++] = g->ring[kind][i];
    *n = taken;
    return taken ? 0 : NVML_NOT_FOUND;
}

/* ---- Processes ------------------------------------------------------------------------------- */

static int copy(const struct fake_list *list, unsigned *n, struct nvml_process *out)
{
    unsigned max = *n;
    *n = list->n;
    if (max < list->n)
        return NVML_INSUFFICIENT_SIZE;
    memcpy(out, list->item, list->n * sizeof *out);
    return 0;
}

static int copy_v1(const struct fake_list *list, unsigned *n, struct nvml_process_v1 *out)
{
    unsigned max = *n;
    *n = list->n;
    if (max < list->n)
        return NVML_INSUFFICIENT_SIZE;
    for (unsigned i = 0; i < list->n; i++)
        out[i] = (struct nvml_process_v1){list->item[i].pid, list->item[i].used_b};
    return 0;
}

#define LISTS(X)                                                                                   \
    X(nvmlDeviceGetComputeRunningProcesses_v3, struct nvml_process, copy, compute)                 \
    X(nvmlDeviceGetComputeRunningProcesses_v2, struct nvml_process, copy, compute)                 \
    X(nvmlDeviceGetComputeRunningProcesses, struct nvml_process_v1, copy_v1, compute)              \
    X(nvmlDeviceGetGraphicsRunningProcesses_v3, struct nvml_process, copy, graphics)               \
    X(nvmlDeviceGetGraphicsRunningProcesses_v2, struct nvml_process, copy, graphics)               \
    X(nvmlDeviceGetGraphicsRunningProcesses, struct nvml_process_v1, copy_v1, graphics)            \
    X(nvmlDeviceGetMPSComputeRunningProcesses_v3, struct nvml_process, copy, mps)                  \
    X(nvmlDeviceGetMPSComputeRunningProcesses_v2, struct nvml_process, copy, mps)                  \
    X(nvmlDeviceGetMPSComputeRunningProcesses, struct nvml_process_v1, copy_v1, mps)
#define X(name, type, how, list)                                                                   \
    int name(struct nvml_device *d, unsigned *n, type *out)                                        \
    {                                                                                              \
        ENTER(name);                                                                               \
        return how(&gpu_of(d)->list, n, out);                                                      \
    }
LISTS(X)
#undef X

int nvmlDeviceGetProcessUtilization(struct nvml_device *d, struct nvml_process_util *samples,
                                    unsigned *n, unsigned long long last_seen_us)
{
    ENTER(nvmlDeviceGetProcessUtilization);
    const struct fake_gpu *g = gpu_of(d);
    unsigned taken = 0;
    for (unsigned i = 0; i < g->n_util && taken < *n; i++)
        if (g->util[i].timestamp_us > last_seen_us)
            samples[taken++] = g->util[i];
    *n = taken;
    return taken ? 0 : NVML_NOT_FOUND;
}

/* ---- GPM ------------------------------------------------------------------------------------- */

struct nvml_gpm_sample {
    double value;
};

int nvmlGpmQueryDeviceSupport(struct nvml_device *d, struct nvml_gpm_support *s)
{
    ENTER(nvmlGpmQueryDeviceSupport);
    s->supported = gpu_of(d)->gpm;
    return s->version == NVML_GPM_VERSION ? 0 : NVML_ARGUMENT_VERSION_MISMATCH;
}

int nvmlGpmSampleAlloc(struct nvml_gpm_sample **sample)
{
    ENTER(nvmlGpmSampleAlloc);
    *sample = calloc(1, sizeof **sample);
    state.gpm_samples++;
    return *sample ? 0 : NVML_MEMORY;
}

int nvmlGpmSampleFree(struct nvml_gpm_sample *sample)
{
    state.gpm_samples--; /* whatever is to fail: a sample that is not freed is lost */
    free(sample);
    ENTER(nvmlGpmSampleFree);
    return 0;
}

int nvmlGpmSampleGet(struct nvml_device *d, struct nvml_gpm_sample *sample)
{
    ENTER(nvmlGpmSampleGet);
    sample->value = gpu_of(d)->gpm_value;
    return 0;
}

int nvmlGpmMigSampleGet(struct nvml_device *d, unsigned gpu_instance,
                        struct nvml_gpm_sample *sample)
{
    ENTER(nvmlGpmMigSampleGet);
    sample->value = gpu_of(d)->gpm_value + gpu_instance;
    return 0;
}

int nvmlGpmMetricsGet(struct nvml_gpm_metrics *m)
{
    ENTER(nvmlGpmMetricsGet);
    if (m->version != NVML_GPM_VERSION || m->n > NVML_GPM_METRICS_MAX || !m->sample1 || !m->sample2)
        return NVML_INVALID_ARGUMENT;
    for (unsigned i = 0; i < m->n; i++) {
        m->metric[i].ret = m->metric[i].id == NVML_GPM_FP64_UTIL ? NVML_NOT_SUPPORTED : 0;
        m->metric[i].value = m->sample2->value;
    }
    return 0;
}

/* ---- Events ---------------------------------------------------------------------------------- */

/* A set for one GPU: all that the back end makes. */
struct nvml_event_set {
    struct nvml_device *device; /* NULL: of none yet */
    unsigned seen;
};

int nvmlEventSetCreate(struct nvml_event_set **set)
{
    ENTER(nvmlEventSetCreate);
    *set = calloc(1, sizeof **set);
    state.event_sets++;
    return *set ? 0 : NVML_MEMORY;
}

int nvmlEventSetFree(struct nvml_event_set *set)
{
    state.event_sets--; /* whatever is to fail: a set that is not freed is lost */
    free(set);
    ENTER(nvmlEventSetFree);
    return 0;
}

int nvmlDeviceGetSupportedEventTypes(struct nvml_device *d, unsigned long long *types)
{
    ENTER(nvmlDeviceGetSupportedEventTypes);
    *types = gpu_of(d)->events;
    return 0;
}

int nvmlDeviceRegisterEvents(struct nvml_device *d, unsigned long long types,
                             struct nvml_event_set *set)
{
    ENTER(nvmlDeviceRegisterEvents);
    if (set->device || types != NVML_EVENT_XID)
        return NVML_INVALID_ARGUMENT;
    if (types & ~(unsigned long long)gpu_of(d)->events)
        return NVML_NOT_SUPPORTED;
    set->device = d;
    set->seen = gpu_of(d)->n_xids;
    return 0;
}

static int next_event(struct nvml_event_set *set, struct nvml_event_data *data, unsigned timeout_ms)
{
    if (!set->device || timeout_ms > 0)
        return NVML_INVALID_ARGUMENT; /* the back end never waits */
    const struct fake_gpu *g = gpu_of(set->device);
    if (set->seen == g->n_xids)
        return NVML_TIMEOUT;
    *data = (struct nvml_event_data){
        .device = set->device, .type = NVML_EVENT_XID, .data = g->xid[set->seen++]};
    return 0;
}

int nvmlEventSetWait_v2(struct nvml_event_set *set, struct nvml_event_data *data,
                        unsigned timeout_ms)
{
    ENTER(nvmlEventSetWait_v2);
    return next_event(set, data, timeout_ms);
}

int nvmlEventSetWait(struct nvml_event_set *set, struct nvml_event_data *data, unsigned timeout_ms)
{
    ENTER(nvmlEventSetWait);
    return next_event(set, data, timeout_ms);
}

/* ---- Knobs ----------------------------------------------------------------------------------- */

int nvmlDeviceGetPowerManagementLimitConstraints(struct nvml_device *d, unsigned *min_mw,
                                                 unsigned *max_mw)
{
    ENTER(nvmlDeviceGetPowerManagementLimitConstraints);
    *min_mw = gpu_of(d)->min_mw;
    *max_mw = gpu_of(d)->max_mw;
    return 0;
}

static int values(const unsigned *from, unsigned n, unsigned *n_out, unsigned *out)
{
    unsigned max = *n_out;
    *n_out = n;
    if (max < n)
        return NVML_INSUFFICIENT_SIZE;
    memcpy(out, from, n * sizeof *out);
    return 0;
}

int nvmlDeviceGetSupportedMemoryClocks(struct nvml_device *d, unsigned *n, unsigned *mhz)
{
    ENTER(nvmlDeviceGetSupportedMemoryClocks);
    return values(gpu_of(d)->mem_clocks, gpu_of(d)->n_mem_clocks, n, mhz);
}

int nvmlDeviceGetSupportedGraphicsClocks(struct nvml_device *d, unsigned mem_mhz, unsigned *n,
                                         unsigned *mhz)
{
    ENTER(nvmlDeviceGetSupportedGraphicsClocks);
    const struct fake_gpu *g = gpu_of(d);
    for (unsigned i = 0; i < g->n_mem_clocks; i++)
        if (g->mem_clocks[i] > mem_mhz)
            return values(g->sm_clocks + g->n_sm_clocks - 1, 1, n, mhz); /* a low state: one */
    return values(g->sm_clocks, g->n_sm_clocks, n, mhz);
}

static int set_limit(struct nvml_device *d, unsigned mw)
{
    struct fake_gpu *g = gpu_of(d);
    if (mw < g->min_mw || mw > g->max_mw)
        return NVML_INVALID_ARGUMENT;
    g->limit_mw = g->enforced_mw = mw;
    for (unsigned i = 0; i < g->n_fields; i++)
        if (g->field[i].field == NVML_FIELD_POWER_REQUESTED_LIMIT ||
            g->field[i].field == NVML_FIELD_POWER_CURRENT_LIMIT)
            g->field[i].value.u = mw;
    return 0;
}

int nvmlDeviceSetPowerManagementLimit(struct nvml_device *d, unsigned mw)
{
    ENTER(nvmlDeviceSetPowerManagementLimit);
    return set_limit(d, mw);
}

int nvmlDeviceSetPowerManagementLimit_v2(struct nvml_device *d, struct nvml_power_value *v)
{
    ENTER(nvmlDeviceSetPowerManagementLimit_v2);
    if (v->version != NVML_STRUCT_VERSION(struct nvml_power_value, 2))
        return NVML_ARGUMENT_VERSION_MISMATCH;
    return v->scope == NVML_SCOPE_GPU ? set_limit(d, v->power_mw) : NVML_NOT_SUPPORTED;
}

int nvmlDeviceSetGpuLockedClocks(struct nvml_device *d, unsigned min_mhz, unsigned max_mhz)
{
    ENTER(nvmlDeviceSetGpuLockedClocks);
    memcpy(gpu_of(d)->sm_lock, (unsigned[]){min_mhz, max_mhz}, sizeof gpu_of(d)->sm_lock);
    return 0;
}

int nvmlDeviceResetGpuLockedClocks(struct nvml_device *d)
{
    ENTER(nvmlDeviceResetGpuLockedClocks);
    memset(gpu_of(d)->sm_lock, 0, sizeof gpu_of(d)->sm_lock);
    return 0;
}

int nvmlDeviceSetMemoryLockedClocks(struct nvml_device *d, unsigned min_mhz, unsigned max_mhz)
{
    ENTER(nvmlDeviceSetMemoryLockedClocks);
    memcpy(gpu_of(d)->mem_lock, (unsigned[]){min_mhz, max_mhz}, sizeof gpu_of(d)->mem_lock);
    return 0;
}

int nvmlDeviceResetMemoryLockedClocks(struct nvml_device *d)
{
    ENTER(nvmlDeviceResetMemoryLockedClocks);
    memset(gpu_of(d)->mem_lock, 0, sizeof gpu_of(d)->mem_lock);
    return 0;
}
