/* SPDX-License-Identifier: Apache-2.0
 * What a device does now: power, clocks, temperature, utilisation. */
#include "nvml-sim/impl.h"

WTL_DROPIN_GETTER(nvmlDeviceGetPowerUsage, unsigned, WTL_DROPIN_READINGS, true, c.r.power_usage_mw)
WTL_DROPIN_GETTER(nvmlDeviceGetTotalEnergyConsumption, unsigned long long, WTL_DROPIN_READINGS,
                  c.r.has &WTL_SIM_HAS_ENERGY, c.r.energy_mj)
WTL_DROPIN_GETTER(nvmlDeviceGetPowerManagementMode, unsigned, WTL_DROPIN_READINGS, true, 1)
WTL_DROPIN_GETTER(nvmlDeviceGetPowerManagementLimit, unsigned, WTL_DROPIN_READINGS, true,
                  c.r.limit_mw)
WTL_DROPIN_GETTER(nvmlDeviceGetEnforcedPowerLimit, unsigned, WTL_DROPIN_READINGS, true,
                  c.r.limit_enforced_mw)
WTL_DROPIN_GETTER(nvmlDeviceGetPowerManagementDefaultLimit, unsigned, WTL_DROPIN_READINGS, true,
                  c.r.limit_default_mw)
WTL_DROPIN_GETTER(nvmlDeviceGetPerformanceState, unsigned, WTL_DROPIN_READINGS, true,
                  (unsigned)c.r.pstate)
WTL_DROPIN_GETTER(nvmlDeviceGetPowerState, unsigned, WTL_DROPIN_READINGS, true,
                  (unsigned)c.r.pstate)
WTL_DROPIN_GETTER(nvmlDeviceGetCurrentClocksEventReasons, unsigned long long, WTL_DROPIN_READINGS,
                  true, c.r.reasons)
WTL_DROPIN_GETTER(nvmlDeviceGetCurrentClocksThrottleReasons, unsigned long long,
                  WTL_DROPIN_READINGS, true, c.r.reasons)
WTL_DROPIN_GETTER(nvmlDeviceGetSupportedClocksEventReasons, unsigned long long, WTL_DROPIN_READINGS,
                  true, c.r.reasons_supported)
WTL_DROPIN_GETTER(nvmlDeviceGetSupportedClocksThrottleReasons, unsigned long long,
                  WTL_DROPIN_READINGS, true, c.r.reasons_supported)

int nvmlDeviceGetPowerManagementLimitConstraints(struct nvml_device *d, unsigned *min_mw,
                                                 unsigned *max_mw)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_READINGS, min_mw && max_mw);
    if (rc == 0) {
        *min_mw = c.r.limit_min_mw;
        *max_mw = c.r.limit_max_mw;
    }
    return rc;
}

/* ---- Clocks ---------------------------------------------------------------------------------- */

/* now, the highest, or the default application clock */
enum clock_value { CLOCK_NOW, CLOCK_MAX, CLOCK_DEFAULT };

static unsigned clock_mhz(const struct wtl_sim_readings *r, unsigned clock, enum clock_value which)
{
    if (clock == NVML_CLOCK_MEM)
        return which == CLOCK_NOW   ? r->mem_mhz
               : which == CLOCK_MAX ? r->mem_mhz_max
                                    : r->mem_mhz_default;
    if (clock == NVML_CLOCK_VIDEO)
        return which == CLOCK_NOW ? r->video_mhz : r->video_mhz_max;
    return which == CLOCK_NOW ? r->sm_mhz : which == CLOCK_MAX ? r->sm_mhz_max : r->sm_mhz_default;
}

static int get_clock(const char *function, const struct nvml_device *d, unsigned clock,
                     enum clock_value which, unsigned *mhz)
{
    struct wtl_dropin_call c;
    int rc =
        wtl_dropin_begin(&c, function, d, WTL_DROPIN_READINGS, mhz && clock <= NVML_CLOCK_VIDEO);
    if (rc == 0 && clock == NVML_CLOCK_VIDEO && which == CLOCK_DEFAULT)
        rc = NVML_NOT_SUPPORTED; /* there are no application clocks for it */
    if (rc == 0)
        *mhz = clock_mhz(&c.r, clock, which);
    return rc;
}

int nvmlDeviceGetClockInfo(struct nvml_device *d, unsigned clock, unsigned *mhz)
{
    return get_clock(__func__, d, clock, CLOCK_NOW, mhz);
}

int nvmlDeviceGetMaxClockInfo(struct nvml_device *d, unsigned clock, unsigned *mhz)
{
    return get_clock(__func__, d, clock, CLOCK_MAX, mhz);
}

int nvmlDeviceGetMaxCustomerBoostClock(struct nvml_device *d, unsigned clock, unsigned *mhz)
{
    return get_clock(__func__, d, clock, CLOCK_MAX, mhz);
}

int nvmlDeviceGetApplicationsClock(struct nvml_device *d, unsigned clock, unsigned *mhz)
{
    return get_clock(__func__, d, clock, CLOCK_DEFAULT, mhz);
}

int nvmlDeviceGetDefaultApplicationsClock(struct nvml_device *d, unsigned clock, unsigned *mhz)
{
    return get_clock(__func__, d, clock, CLOCK_DEFAULT, mhz);
}

int nvmlDeviceGetClock(struct nvml_device *d, unsigned clock, unsigned id, unsigned *mhz)
{
    static const enum clock_value values[] = {CLOCK_NOW, CLOCK_DEFAULT, CLOCK_DEFAULT, CLOCK_MAX};
    bool known = id < sizeof values / sizeof values[0];
    return get_clock(__func__, d, known ? clock : NVML_CLOCK_VIDEO + 1,
                     known ? values[id] : CLOCK_NOW, mhz);
}

/* Highest first, as the driver lists them. */
static int list_clocks(const uint16_t *clocks, int have, unsigned *n, unsigned *mhz)
{
    int rc = wtl_dropin_room((unsigned)have, n, mhz);
    for (int i = 0; rc == 0 && i < have; i++)
        mhz[i] = clocks[have - 1 - i];
    return rc;
}

int nvmlDeviceGetSupportedMemoryClocks(struct nvml_device *d, unsigned *n, unsigned *mhz)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_BOARD, n != NULL);
    if (rc != 0)
        return rc;
    return list_clocks(c.gpu->board.mem_clocks_mhz, c.gpu->board.n_mem_clocks, n, mhz);
}

int nvmlDeviceGetSupportedGraphicsClocks(struct nvml_device *d, unsigned mem_mhz, unsigned *n,
                                         unsigned *mhz)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_BOARD, n != NULL);
    if (rc != 0)
        return rc;
    const struct wtl_sim_board *b = &c.gpu->board;
    for (int i = 0; i < b->n_mem_clocks; i++)
        if (b->mem_clocks_mhz[i] == mem_mhz)
            return list_clocks(b->sm_clocks_mhz, b->n_sm_clocks, n, mhz);
    return NVML_NOT_FOUND;
}

/* ---- Temperature ----------------------------------------------------------------------------- */

int nvmlDeviceGetTemperature(struct nvml_device *d, unsigned sensor, unsigned *temp_c)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_READINGS,
                              temp_c && sensor == NVML_TEMPERATURE_GPU);
    if (rc == 0)
        *temp_c = (unsigned)(c.r.temp_c > 0 ? c.r.temp_c : 0);
    return rc;
}

int nvmlDeviceGetTemperatureV(struct nvml_device *d, struct nvml_temperature *temperature)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_READINGS, temperature != NULL);
    if (rc == 0 && temperature->version != NVML_STRUCT_VERSION(struct nvml_temperature, 1))
        rc = NVML_ARGUMENT_VERSION_MISMATCH;
    if (rc == 0 && temperature->sensor != NVML_TEMPERATURE_GPU)
        rc = NVML_INVALID_ARGUMENT;
    if (rc == 0)
        temperature->temp_c = c.r.temp_c;
    return rc;
}

int nvmlDeviceGetTemperatureThreshold(struct nvml_device *d, unsigned type, unsigned *temp_c)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_BOARD, temp_c && type <= 7);
    if (rc != 0)
        return rc;
    double mem_c = c.gpu->board.thermal.mem_target_c;
    switch (type) {
    case NVML_THRESHOLD_SHUTDOWN:
        *temp_c = (unsigned)c.r.shutdown_c;
        return NVML_SUCCESS;
    case NVML_THRESHOLD_SLOWDOWN:
        *temp_c = (unsigned)c.r.slowdown_c;
        return NVML_SUCCESS;
    case NVML_THRESHOLD_MEM_MAX:
        if (mem_c <= 0)
            return NVML_NOT_SUPPORTED;
        *temp_c = (unsigned)mem_c;
        return NVML_SUCCESS;
    case NVML_THRESHOLD_GPU_MAX:
        *temp_c = (unsigned)c.r.target_c;
        return NVML_SUCCESS;
    default:
        return NVML_NOT_SUPPORTED;
    }
}

int nvmlDeviceGetMarginTemperature(struct nvml_device *d, struct nvml_margin *margin)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_READINGS, margin != NULL);
    if (rc == 0 && margin->version != NVML_STRUCT_VERSION(struct nvml_margin, 1))
        rc = NVML_ARGUMENT_VERSION_MISMATCH;
    if (rc == 0 && !(c.r.has & WTL_SIM_HAS_MARGIN))
        rc = NVML_NOT_SUPPORTED;
    if (rc == 0)
        margin->margin_c = c.r.margin_c;
    return rc;
}

/* ---- Utilisation ----------------------------------------------------------------------------- */

int nvmlDeviceGetUtilizationRates(struct nvml_device *d, struct nvml_utilization *util)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_READINGS, util != NULL);
    if (rc == 0 && !(c.r.has & WTL_SIM_HAS_UTIL))
        rc = NVML_NOT_SUPPORTED;
    if (rc == 0)
        *util = (struct nvml_utilization){c.r.gpu_util_pct, c.r.mem_util_pct};
    return rc;
}

/* No virtual workload has video work. */
static int no_video(const char *function, const struct nvml_device *d, unsigned *util,
                    unsigned *period_us)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, function, d, WTL_DROPIN_BOARD, util && period_us);
    if (rc == 0) {
        *util = 0;
        *period_us = (unsigned)c.gpu->board.util_ms * 1000;
    }
    return rc;
}

int nvmlDeviceGetEncoderUtilization(struct nvml_device *d, unsigned *util, unsigned *period_us)
{
    return no_video(__func__, d, util, period_us);
}

int nvmlDeviceGetDecoderUtilization(struct nvml_device *d, unsigned *util, unsigned *period_us)
{
    return no_video(__func__, d, util, period_us);
}

WTL_DROPIN_GETTER(nvmlDeviceGetNumFans, unsigned, WTL_DROPIN_BOARD, true, 0)

int nvmlDeviceGetViolationStatus(struct nvml_device *d, unsigned policy,
                                 struct nvml_violation *violation)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_READINGS, violation && policy <= 11);
    if (rc == 0 && policy != NVML_POLICY_POWER && policy != NVML_POLICY_THERMAL)
        rc = NVML_NOT_SUPPORTED;
    if (rc == 0)
        *violation = (struct nvml_violation){
            .reference_us = wtl_dropin_us(c.r.t_unix_ns),
            .violation_ns =
                policy == NVML_POLICY_POWER ? c.r.power_violation_ns : c.r.thermal_violation_ns,
        };
    return rc;
}

/* ---- Rings ----------------------------------------------------------------------------------- */

/* Our ring of NVML's kind; -1: there is none. */
static int ring_of(unsigned kind)
{
    switch (kind) {
    case NVML_SAMPLES_TOTAL_POWER:
        return WTL_SIM_RING_POWER;
    case NVML_SAMPLES_GPU_UTIL:
        return WTL_SIM_RING_GPU_UTIL;
    case NVML_SAMPLES_MEMORY_UTIL:
        return WTL_SIM_RING_MEM_UTIL;
    case NVML_SAMPLES_PROCESSOR_CLOCK:
        return WTL_SIM_RING_SM_CLOCK;
    case NVML_SAMPLES_MEMORY_CLOCK:
        return WTL_SIM_RING_MEM_CLOCK;
    default:
        return -1;
    }
}

int nvmlDeviceGetSamples(struct nvml_device *d, unsigned kind, unsigned long long last_seen_us,
                         unsigned *type, unsigned *n, struct nvml_sample *samples)
{
    enum { KINDS = 10 };
    struct wtl_dropin_call c;
    struct wtl_sim_sample got[WTL_SIM_RING];
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_RINGS,
                              type && n && kind < KINDS && (!samples || *n > 0));
    if (rc != 0)
        return rc;
    int ring = ring_of(kind);
    bool util = kind == NVML_SAMPLES_GPU_UTIL || kind == NVML_SAMPLES_MEMORY_UTIL;
    if (ring < 0 || (util && !(c.r.has & WTL_SIM_HAS_UTIL)))
        return NVML_NOT_SUPPORTED;
    *type = NVML_VALUE_UINT;
    if (!samples) { /* how many there can be */
        *n = WTL_SIM_RING;
        return NVML_SUCCESS;
    }
    int64_t since_ns = last_seen_us > INT64_MAX / 1000 ? INT64_MAX : (int64_t)last_seen_us * 1000;
    /* What is told in us was seen in whole us. */
    int have =
        wtl_sim_samples(c.gpu, (enum wtl_sim_ring_kind)ring,
                        since_ns < INT64_MAX - 999 ? since_ns + 999 : since_ns, got, WTL_SIM_RING);
    if (have == 0)
        return NVML_NOT_FOUND;
    unsigned fits = (unsigned)have < *n ? (unsigned)have : *n;
    for (unsigned i = 0; i < fits; i++)
        samples[i] = (struct nvml_sample){.timestamp_us = wtl_dropin_us(got[i].t_ns),
                                          .value.u = got[i].value};
    *n = fits;
    return NVML_SUCCESS;
}
