/* SPDX-License-Identifier: Apache-2.0
 * Reading sensors: one call for all that are fields, then as few others as there are. */
#include "device/nvml/nvml.h"

#include <string.h>

#define BIT WTL_METRIC_BIT

/* ---- Fields ---------------------------------------------------------------------------------- */

static const struct {
    enum wtl_metric metric;
    uint32_t field;
    bool scoped;
    double scale; /* base units per unit of the field: mW, mJ, C, ns */
} fields[] = {
    {WTL_M_power_instant_w, NVML_FIELD_POWER_INSTANT, true, 1e-3},
    {WTL_M_power_average_w, NVML_FIELD_POWER_AVERAGE, true, 1e-3},
    {WTL_M_energy_counter_j, NVML_FIELD_TOTAL_ENERGY, false, 1e-3},
    {WTL_M_power_limit_w, NVML_FIELD_POWER_REQUESTED_LIMIT, false, 1e-3},
    {WTL_M_power_limit_enforced_w, NVML_FIELD_POWER_CURRENT_LIMIT, false, 1e-3},
    {WTL_M_mem_temp_c, NVML_FIELD_MEMORY_TEMP, false, 1},
    {WTL_M_power_violation_ns, NVML_FIELD_POWER_VIOLATION, false, 1},
    {WTL_M_thermal_violation_ns, NVML_FIELD_THERMAL_VIOLATION, false, 1},
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

uint32_t wtl_nvml_field(enum wtl_metric metric, double *scale)
{
    for (int i = 0; i < N_FIELDS; i++)
        if (fields[i].metric == metric) {
            *scale = fields[i].scale;
            return fields[i].field;
        }
    return 0;
}

bool wtl_nvml_scoped(uint32_t field)
{
    for (int i = 0; i < N_FIELDS; i++)
        if (fields[i].field == field)
            return fields[i].scoped;
    return false;
}

double wtl_nvml_value(const struct nvml_field_value *v)
{
    switch (v->type) {
    case NVML_VALUE_DOUBLE:
        return v->value.d;
    case NVML_VALUE_UINT:
        return (double)v->value.u;
    case NVML_VALUE_ULONG:
        return (double)v->value.ul;
    case NVML_VALUE_LONG_LONG:
        return (double)v->value.sll;
    case NVML_VALUE_INT:
        return (double)v->value.i;
    case NVML_VALUE_USHORT:
        return (double)v->value.us;
    default:
        return (double)v->value.ull;
    }
}

static void put(struct wtl_reading *r, enum wtl_metric m, double value, int64_t sensor_t_ns)
{
    r->value[m] = value;
    r->valid |= BIT(m);
    r->absence[m] = WTL_PRESENT;
    r->sensor_t_ns[m] = sensor_t_ns;
}

/* Takes what one field gave; clears the sensor from *on when the driver says that it has none. */
static void take_field(struct wtl_nvml_op *op, const struct nvml_field_value *v, enum wtl_metric m,
                       double scale, uint64_t *on, struct wtl_reading *r)
{
    enum wtl_nvml_class class = wtl_nvml_class(v->ret);
    if (class == WTL_NVML_OK) {
        put(r, m, wtl_nvml_value(v) * scale, v->timestamp_us > 0 ? v->timestamp_us * 1000 : 0);
        return;
    }
    if (class == WTL_NVML_LOST)
        op->lost = v->ret;
    if (class == WTL_NVML_OFF)
        *on &= ~BIT(m);
    r->absence[m] = (uint8_t)wtl_nvml_absence(v->ret);
}

static bool any_to_repeat(const struct nvml_field_value *values, int n, int *code)
{
    for (int i = 0; i < n; i++)
        if (wtl_nvml_class(values[i].ret) == WTL_NVML_RETRY) {
            *code = values[i].ret;
            return true;
        }
    return false;
}

int wtl_nvml_fields(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g,
                    struct nvml_field_value *values, int n)
{
    int code, late = 0;
    do
        code = WTL_NVML_CALL(op, nvmlDeviceGetFieldValues, g->handle, n, values);
    while (code == 0 && any_to_repeat(values, n, &late) && wtl_nvml_again(op, late));
    return code;
}

/* All wanted fields at once. */
static void read_fields(struct wtl_nvml_op *op, struct wtl_nvml_gpu *g, uint64_t wanted,
                        struct wtl_reading *r)
{
    struct nvml_field_value values[N_FIELDS];
    enum wtl_metric metric[N_FIELDS];
    double scale[N_FIELDS];
    int n = 0;
    for (int i = 0; i < N_FIELDS; i++) {
        if (!(wanted & g->by_field & BIT(fields[i].metric)))
            continue;
        values[n] = (struct nvml_field_value){.field = fields[i].field,
                                              .scope = fields[i].scoped ? g->power_scope : 0};
        metric[n] = fields[i].metric;
        scale[n++] = fields[i].scale;
    }
    if (n == 0)
        return;
    int code = wtl_nvml_fields(op, g, values, n);
    for (int i = 0; i < n; i++) {
        if (code != 0)
            values[i].ret = code;
        take_field(op, &values[i], metric[i], scale[i], &g->by_field, r);
    }
}

/* ---- Calls ----------------------------------------------------------------------------------- */

static int call_power(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, double *v)
{
    unsigned mw = 0;
    int code = WTL_NVML_CALL(op, nvmlDeviceGetPowerUsage, g->handle, &mw);
    v[WTL_M_power_w] = mw / 1000.0;
    v[WTL_M_power_instant_w] = v[WTL_M_power_average_w] = v[WTL_M_power_w];
    return code;
}

static int call_energy(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, double *v)
{
    unsigned long long mj = 0;
    int code = WTL_NVML_CALL(op, nvmlDeviceGetTotalEnergyConsumption, g->handle, &mj);
    v[WTL_M_energy_counter_j] = (double)mj / 1000;
    return code;
}

int wtl_nvml_call_limit(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g,
                        enum wtl_metric metric, double *limit_w_out)
{
    unsigned mw = 0;
    int code = metric == WTL_M_power_limit_w
                   ? WTL_NVML_CALL(op, nvmlDeviceGetPowerManagementLimit, g->handle, &mw)
                   : WTL_NVML_CALL(op, nvmlDeviceGetEnforcedPowerLimit, g->handle, &mw);
    if (code == 0)
        *limit_w_out = mw / 1000.0;
    return code;
}

static int call_limit(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, double *v)
{
    return wtl_nvml_call_limit(op, g, WTL_M_power_limit_w, &v[WTL_M_power_limit_w]);
}

static int call_enforced(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, double *v)
{
    return wtl_nvml_call_limit(op, g, WTL_M_power_limit_enforced_w,
                               &v[WTL_M_power_limit_enforced_w]);
}

static int call_temperature(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, double *v)
{
    struct nvml_temperature t = {.version = NVML_STRUCT_VERSION(struct nvml_temperature, 1),
                                 .sensor = NVML_TEMPERATURE_GPU};
    int code = WTL_NVML_CALL(op, nvmlDeviceGetTemperatureV, g->handle, &t);
    if (wtl_nvml_class(code) == WTL_NVML_OFF || code == NVML_ARGUMENT_VERSION_MISMATCH) {
        unsigned temp_c = 0;
        code =
            WTL_NVML_CALL(op, nvmlDeviceGetTemperature, g->handle, NVML_TEMPERATURE_GPU, &temp_c);
        t.temp_c = (int32_t)temp_c;
    }
    v[WTL_M_temp_c] = t.temp_c;
    return code;
}

static int clock_of(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, unsigned clock,
                    double *mhz_out)
{
    unsigned mhz = 0;
    int code = WTL_NVML_CALL(op, nvmlDeviceGetClockInfo, g->handle, clock, &mhz);
    *mhz_out = mhz;
    return code;
}

static int call_sm(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, double *v)
{
    return clock_of(op, g, NVML_CLOCK_SM, &v[WTL_M_sm_clock_mhz]);
}

static int call_mem(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, double *v)
{
    return clock_of(op, g, NVML_CLOCK_MEM, &v[WTL_M_mem_clock_mhz]);
}

static int call_graphics(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, double *v)
{
    return clock_of(op, g, NVML_CLOCK_GRAPHICS, &v[WTL_M_gr_clock_mhz]);
}

static int call_reasons(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, double *v)
{
    unsigned long long bits = 0;
    int code = WTL_NVML_EITHER(op, nvmlDeviceGetCurrentClocksEventReasons,
                               nvmlDeviceGetCurrentClocksThrottleReasons, g->handle, &bits);
    v[WTL_M_event_reasons] = (double)bits;
    return code;
}

static int call_pstate(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, double *v)
{
    unsigned state = NVML_PSTATE_UNKNOWN;
    int code = WTL_NVML_CALL(op, nvmlDeviceGetPerformanceState, g->handle, &state);
    v[WTL_M_pstate] = state;
    return code == 0 && state == NVML_PSTATE_UNKNOWN ? NVML_NO_DATA : code;
}

static int call_util(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, double *v)
{
    struct nvml_utilization u = {0};
    int code = WTL_NVML_CALL(op, nvmlDeviceGetUtilizationRates, g->handle, &u);
    v[WTL_M_gpu_util] = u.gpu / 100.0;
    v[WTL_M_mem_util] = u.memory / 100.0;
    return code;
}

static int call_encoder(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, double *v)
{
    unsigned percent = 0, period_us = 0;
    int code = WTL_NVML_CALL(op, nvmlDeviceGetEncoderUtilization, g->handle, &percent, &period_us);
    v[WTL_M_enc_util] = percent / 100.0;
    return code;
}

static int call_decoder(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, double *v)
{
    unsigned percent = 0, period_us = 0;
    int code = WTL_NVML_CALL(op, nvmlDeviceGetDecoderUtilization, g->handle, &percent, &period_us);
    v[WTL_M_dec_util] = percent / 100.0;
    return code;
}

static int call_fan(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, double *v)
{
    unsigned percent = 0;
    int code = WTL_NVML_CALL(op, nvmlDeviceGetFanSpeed, g->handle, &percent);
    v[WTL_M_fan_speed] = percent / 100.0;
    return code;
}

/* Without the second version, what the driver reserves counts as used. */
static int call_memory(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, double *v)
{
    struct nvml_memory_v2 m = {.version = NVML_STRUCT_VERSION(struct nvml_memory_v2, 2)};
    int code = WTL_NVML_CALL(op, nvmlDeviceGetMemoryInfo_v2, g->handle, &m);
    if (wtl_nvml_class(code) == WTL_NVML_OFF || code == NVML_ARGUMENT_VERSION_MISMATCH) {
        struct nvml_memory old = {0};
        code = WTL_NVML_CALL(op, nvmlDeviceGetMemoryInfo, g->handle, &old);
        m.total = old.total;
        m.free = old.free;
        m.used = old.used;
    }
    v[WTL_M_fb_total_b] = (double)m.total;
    v[WTL_M_fb_free_b] = (double)m.free;
    v[WTL_M_fb_used_b] = (double)m.used;
    return code;
}

static int violation(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, unsigned policy,
                     double *ns_out)
{
    struct nvml_violation t = {0};
    int code = WTL_NVML_CALL(op, nvmlDeviceGetViolationStatus, g->handle, policy, &t);
    *ns_out = (double)t.violation_ns;
    return code;
}

static int call_power_violation(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, double *v)
{
    return violation(op, g, NVML_POLICY_POWER, &v[WTL_M_power_violation_ns]);
}

static int call_thermal_violation(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, double *v)
{
    return violation(op, g, NVML_POLICY_THERMAL, &v[WTL_M_thermal_violation_ns]);
}

const struct wtl_nvml_source *wtl_nvml_sources(size_t *n_out)
{
    static const struct wtl_nvml_source sources[] = {
        {BIT(WTL_M_power_w) | BIT(WTL_M_power_instant_w) | BIT(WTL_M_power_average_w), call_power},
        {BIT(WTL_M_energy_counter_j), call_energy},
        {BIT(WTL_M_power_limit_w), call_limit},
        {BIT(WTL_M_power_limit_enforced_w), call_enforced},
        {BIT(WTL_M_temp_c), call_temperature},
        {BIT(WTL_M_sm_clock_mhz), call_sm},
        {BIT(WTL_M_mem_clock_mhz), call_mem},
        {BIT(WTL_M_gr_clock_mhz), call_graphics},
        {BIT(WTL_M_event_reasons), call_reasons},
        {BIT(WTL_M_pstate), call_pstate},
        {BIT(WTL_M_gpu_util) | BIT(WTL_M_mem_util), call_util},
        {BIT(WTL_M_enc_util), call_encoder},
        {BIT(WTL_M_dec_util), call_decoder},
        {BIT(WTL_M_fan_speed), call_fan},
        {BIT(WTL_M_fb_total_b) | BIT(WTL_M_fb_free_b) | BIT(WTL_M_fb_used_b), call_memory},
        {BIT(WTL_M_power_violation_ns), call_power_violation},
        {BIT(WTL_M_thermal_violation_ns), call_thermal_violation},
    };
    *n_out = sizeof sources / sizeof *sources;
    return sources;
}

static void read_source(struct wtl_nvml_op *op, struct wtl_nvml_gpu *g,
                        const struct wtl_nvml_source *s, uint64_t need, struct wtl_reading *r)
{
    double values[WTL_N_METRICS];
    int code = s->call(op, g, values);
    if (wtl_nvml_class(code) == WTL_NVML_OFF)
        g->by_call &= ~need;
    for (uint64_t left = need; left; left &= left - 1) {
        enum wtl_metric m = (enum wtl_metric)__builtin_ctzll(left);
        if (code == 0)
            put(r, m, values[m], 0);
        else
            r->absence[m] = (uint8_t)wtl_nvml_absence(code);
    }
}

int wtl_nvml_read(void *state, uint64_t wanted, struct wtl_reading *out, struct wtl_error *err)
{
    struct wtl_nvml_gpu *g = state;
    struct wtl_nvml_op op = wtl_nvml_begin(g->library);
    struct wtl_reading r = *out;
    read_fields(&op, g, wanted, &r);
    size_t n;
    const struct wtl_nvml_source *sources = wtl_nvml_sources(&n);
    for (size_t i = 0; i < n && !op.lost; i++)
        if (wanted & sources[i].metrics & g->by_call)
            read_source(&op, g, &sources[i], wanted & sources[i].metrics & g->by_call, &r);
    if (g->gpm.on && (wanted & wtl_nvml_gpm_metrics()))
        wtl_nvml_gpm_read(&op, g, wanted, &r);
    if (op.lost)
        return wtl_nvml_fail(err, op.lost, "reading", g->id);
    *out = r;
    return 0;
}
