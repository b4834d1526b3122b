/* SPDX-License-Identifier: Apache-2.0
 *
 * Which sensors a GPU has, from where, and what is known of how they behave. Everything is asked
 * once at open: a field that answers is taken from the field, else from the call of the same
 * meaning. What is refused or not there yet stays, for it may come; what is not supported goes.
 */
#include "device/nvml/nvml.h"

#include <string.h>

#define BIT WTL_METRIC_BIT

/* The fields of nvmlDeviceGetFieldValues() that a driver does not know are "invalid argument". */
static bool is_absent(int code)
{
    enum wtl_nvml_class class = wtl_nvml_class(code);
    return class == WTL_NVML_OFF || class == WTL_NVML_DEFECT;
}

static int ask_field(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, uint32_t field,
                     uint32_t scope)
{
    struct nvml_field_value v = {.field = field, .scope = scope};
    int code = WTL_NVML_CALL(op, nvmlDeviceGetFieldValues, g->handle, 1, &v);
    return code != 0 ? code : v.ret;
}

/* Grace-Hopper and later modules may have the power of one scope only: the GPU's before the
 * module's. */
static uint32_t find_scope(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g)
{
    if (is_absent(ask_field(op, g, NVML_FIELD_POWER_INSTANT, NVML_SCOPE_GPU)) &&
        ask_field(op, g, NVML_FIELD_POWER_INSTANT, NVML_SCOPE_MODULE) == 0)
        return NVML_SCOPE_MODULE;
    return NVML_SCOPE_GPU;
}

static void probe_fields(struct wtl_nvml_op *op, struct wtl_nvml_gpu *g)
{
    g->power_scope = find_scope(op, g);
    for (int m = 0; m < (int)WTL_N_METRICS; m++) {
        double scale;
        uint32_t field = wtl_nvml_field((enum wtl_metric)m, &scale);
        uint32_t scope = wtl_nvml_scoped(field) ? g->power_scope : 0;
        if (field && !is_absent(ask_field(op, g, field, scope)))
            g->by_field |= BIT(m);
    }
}

/* nvmlDeviceGetPowerUsage() is the 1-s average or the short window by architecture; it stands in
 * for the field that it equals. */
static uint64_t not_meant(const struct wtl_nvml_gpu *g)
{
    if (g->architecture == 0)
        return BIT(WTL_M_power_instant_w) | BIT(WTL_M_power_average_w);
    return BIT(g->averages_1s ? WTL_M_power_instant_w : WTL_M_power_average_w);
}

static void probe_calls(struct wtl_nvml_op *op, struct wtl_nvml_gpu *g)
{
    size_t n;
    const struct wtl_nvml_source *sources = wtl_nvml_sources(&n);
    for (size_t i = 0; i < n; i++) {
        uint64_t open = sources[i].metrics & ~g->by_field & ~not_meant(g);
        if (g->parent) /* a MIG instance has memory of its own, and nothing else of these */
            open &= BIT(WTL_M_fb_total_b) | BIT(WTL_M_fb_free_b) | BIT(WTL_M_fb_used_b);
        double values[WTL_N_METRICS];
        if (open && !is_absent(sources[i].call(op, g, values)))
            g->by_call |= open;
    }
}

/* ---- How they behave ------------------------------------------------------------------------- */

/* Documented or measured by others (docs/nvml.md): A100 and H100 refresh power every 100 ms from
 * 25 ms of it; the average is one second; the energy counter steps about every 100 ms. Of other
 * architectures the periods are not known well enough to be stated. */
static bool part_time(const struct wtl_nvml_gpu *g)
{
    return (g->architecture == NVML_ARCH_AMPERE && !g->averages_1s) ||
           g->architecture == NVML_ARCH_HOPPER;
}

#define MS INT64_C(1000000)

static struct wtl_sensor_info power_info(const struct wtl_nvml_gpu *g, enum wtl_metric m)
{
    struct wtl_sensor_info s = {.resolution = 1e-3};
    bool average = m == WTL_M_power_average_w || (m == WTL_M_power_w && g->averages_1s);
    if (part_time(g))
        s.period_ns = 100 * MS;
    if (average)
        s.window_ns = 1000 * MS;
    else if (part_time(g))
        s.window_ns = 25 * MS;
    return s;
}

static struct wtl_sensor_info sensor_info(const struct wtl_nvml_gpu *g, enum wtl_metric m)
{
    switch ((int)m) {
    case WTL_M_power_w:
    case WTL_M_power_instant_w:
    case WTL_M_power_average_w:
        return power_info(g, m);
    case WTL_M_power_limit_w:
    case WTL_M_power_limit_enforced_w:
        return (struct wtl_sensor_info){.instant = true, .resolution = 1e-3};
    case WTL_M_energy_counter_j:
        return (struct wtl_sensor_info){
            .period_ns = part_time(g) ? 100 * MS : 0, .instant = true, .resolution = 1e-3};
    case WTL_M_power_violation_ns:
    case WTL_M_thermal_violation_ns:
    case WTL_M_event_reasons:
    case WTL_M_pstate:
    case WTL_M_temp_c:
    case WTL_M_mem_temp_c:
    case WTL_M_sm_clock_mhz:
    case WTL_M_mem_clock_mhz:
    case WTL_M_gr_clock_mhz:
    case WTL_M_fb_total_b:
    case WTL_M_fb_free_b:
    case WTL_M_fb_used_b:
        return (struct wtl_sensor_info){.instant = true, .resolution = 1};
    case WTL_M_gpu_util:
    case WTL_M_mem_util:
    case WTL_M_enc_util:
    case WTL_M_dec_util:
    case WTL_M_fan_speed:
        return (struct wtl_sensor_info){.resolution = 0.01};
    default:
        return (struct wtl_sensor_info){0};
    }
}

void wtl_nvml_probe(struct wtl_nvml_gpu *g, struct wtl_device_info *info)
{
    struct wtl_nvml_op op = wtl_nvml_begin(g->library);
    if (!g->parent)
        probe_fields(&op, g);
    probe_calls(&op, g);
    info->sensors = g->by_field | g->by_call | (g->gpm.on ? wtl_nvml_gpm_metrics() : 0);
    for (int m = 0; m < (int)WTL_N_METRICS; m++)
        if (info->sensors & BIT(m))
            info->sensor[m] = sensor_info(g, (enum wtl_metric)m);
}
