/* SPDX-License-Identifier: Apache-2.0
 * nvmlDeviceGetFieldValues(): one call for many; each entry has a code of its own. */
#include "nvml-sim/impl.h"

static int put_uint(struct nvml_field_value *v, uint32_t x)
{
    v->type = NVML_VALUE_UINT;
    v->value.ull = 0; /* all eight bytes: some clients read the wrong member */
    v->value.u = x;
    return NVML_SUCCESS;
}

static int put_ull(struct nvml_field_value *v, uint64_t x)
{
    v->type = NVML_VALUE_ULONG_LONG;
    v->value.ull = x;
    return NVML_SUCCESS;
}

static int put_int(struct nvml_field_value *v, int x)
{
    v->type = NVML_VALUE_INT;
    v->value.ull = 0;
    v->value.i = x;
    return NVML_SUCCESS;
}

/* Powers have a scope: the board alone is measured here. */
static int put_power(struct nvml_field_value *v, bool there, uint32_t mw, int64_t t_unix_ns)
{
    if (v->scope > NVML_SCOPE_MEMORY)
        return NVML_INVALID_ARGUMENT;
    if (!there || v->scope != NVML_SCOPE_GPU)
        return NVML_NOT_SUPPORTED;
    v->timestamp_us = (int64_t)wtl_dropin_us(t_unix_ns);
    return put_uint(v, mw);
}

static int put_energy(struct nvml_field_value *v, const struct wtl_sim_readings *r)
{
    if (!(r->has & WTL_SIM_HAS_ENERGY))
        return NVML_NOT_SUPPORTED;
    v->timestamp_us = (int64_t)wtl_dropin_us(r->energy_t_unix_ns);
    return put_ull(v, r->energy_mj);
}

/* T.Limit is told against the slowdown temperature, on Ada and later. */
static int put_margin(struct nvml_field_value *v, const struct wtl_dropin_call *c, int temp_c)
{
    if (!(c->r.has & WTL_SIM_HAS_MARGIN))
        return NVML_NOT_SUPPORTED;
    return put_int(v, c->r.slowdown_c - temp_c);
}

static int put(struct nvml_field_value *v, const struct wtl_dropin_call *c)
{
    const struct wtl_sim_readings *r = &c->r;
    switch (v->field) {
    case NVML_FIELD_POWER_VIOLATION:
        return put_ull(v, r->power_violation_ns);
    case NVML_FIELD_THERMAL_VIOLATION:
        return put_ull(v, r->thermal_violation_ns);
    case NVML_FIELD_MEMORY_TEMP:
        return r->has & WTL_SIM_HAS_MEM_TEMP ? put_uint(v, (uint32_t)r->mem_temp_c)
                                             : NVML_NOT_SUPPORTED;
    case NVML_FIELD_TOTAL_ENERGY:
    case NVML_FIELD_ENERGY:
        return put_energy(v, r);
    case NVML_FIELD_POWER_AVERAGE:
        return put_power(v, r->has & WTL_SIM_HAS_AVERAGE, r->power_average_mw, r->power_t_unix_ns);
    case NVML_FIELD_POWER_INSTANT:
        return put_power(v, r->has & WTL_SIM_HAS_INSTANT, r->power_instant_mw, r->power_t_unix_ns);
    case NVML_FIELD_POWER_MIN_LIMIT:
        return put_power(v, true, r->limit_min_mw, r->t_unix_ns);
    case NVML_FIELD_POWER_MAX_LIMIT:
        return put_power(v, true, r->limit_max_mw, r->t_unix_ns);
    case NVML_FIELD_POWER_DEFAULT_LIMIT:
        return put_power(v, true, r->limit_default_mw, r->t_unix_ns);
    case NVML_FIELD_POWER_CURRENT_LIMIT:
        return put_power(v, true, r->limit_enforced_mw, r->t_unix_ns);
    case NVML_FIELD_POWER_REQUESTED_LIMIT:
        return put_power(v, true, r->limit_mw, r->t_unix_ns);
    case NVML_FIELD_TLIMIT_SHUTDOWN:
        return put_margin(v, c, r->shutdown_c);
    case NVML_FIELD_TLIMIT_SLOWDOWN:
        return put_margin(v, c, r->slowdown_c);
    case NVML_FIELD_TLIMIT_GPU_MAX:
        return put_margin(v, c, r->target_c);
    case NVML_FIELD_SW_THERMAL_SLOWDOWN:
        return put_ull(v, r->sw_thermal_ns);
    case NVML_FIELD_HW_THERMAL_SLOWDOWN:
        return put_ull(v, r->hw_thermal_ns);
    case NVML_FIELD_HW_POWER_BRAKE:
        return put_ull(v, r->power_brake_ns);
    default:
        return NVML_NOT_SUPPORTED;
    }
}

int nvmlDeviceGetFieldValues(struct nvml_device *d, int n, struct nvml_field_value *values)
{
    struct wtl_dropin_call c;
    int rc = wtl_dropin_begin(&c, __func__, d, WTL_DROPIN_READINGS, values && n > 0);
    if (rc != 0)
        return rc;
    for (int i = 0; i < n; i++) {
        values[i].timestamp_us = (int64_t)wtl_dropin_us(c.r.t_unix_ns);
        values[i].latency_us = 0;
        values[i].ret = put(&values[i], &c);
    }
    return NVML_SUCCESS;
}
