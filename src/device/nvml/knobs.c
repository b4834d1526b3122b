/* SPDX-License-Identifier: Apache-2.0
 *
 * Knobs: locks of the SM and memory clocks, and the power limit. Application clocks are never used:
 * they are deprecated, and gone from CUDA 14 on. NVML has no getter for a lock.
 */
#include "device/nvml/nvml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- What there is --------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return (x > y) - (x < y);
}

/* The legal values of a clock, ascending and once each; of the SM: at the highest memory clock,
 * where the list is longest. A code. */
static int clocks(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, enum wtl_knob knob,
                  unsigned mhz[WTL_LIMIT_CLOCKS], unsigned *n_out)
{
    unsigned n = WTL_LIMIT_CLOCKS;
    int code = WTL_NVML_CALL(op, nvmlDeviceGetSupportedMemoryClocks, g->handle, &n, mhz);
    if (code == 0 && n == 0)
        code = NVML_NOT_SUPPORTED;
    if (code == 0 && knob == WTL_KNOB_sm_clock_mhz) {
        unsigned highest = 0;
        for (unsigned i = 0; i < n; i++)
            highest = mhz[i] > highest ? mhz[i] : highest;
        n = WTL_LIMIT_CLOCKS;
        code = WTL_NVML_CALL(op, nvmlDeviceGetSupportedGraphicsClocks, g->handle, highest, &n, mhz);
    }
    if (code != 0)
        return code;
    if (n == 0)
        return NVML_NOT_SUPPORTED;
    qsort(mhz, n, sizeof *mhz, compare);
    unsigned kept = 1;
    for (unsigned i = 1; i < n; i++)
        if (mhz[i] != mhz[kept - 1])
            mhz[kept++] = mhz[i];
    *n_out = kept;
    return 0;
}

static void probe_clock(struct wtl_nvml_op *op, struct wtl_nvml_gpu *g, enum wtl_knob knob)
{
    unsigned mhz[WTL_LIMIT_CLOCKS], n = 0;
    if (clocks(op, g, knob, mhz, &n) != 0)
        return;
    g->knobs |= WTL_KNOB_BIT(knob);
    g->min[knob] = mhz[0];
    g->max[knob] = mhz[n - 1];
}

static void probe_limit(struct wtl_nvml_op *op, struct wtl_nvml_gpu *g)
{
    unsigned min = 0, max = 0, usual = 0;
    if (WTL_NVML_CALL(op, nvmlDeviceGetPowerManagementLimitConstraints, g->handle, &min, &max) ||
        WTL_NVML_CALL(op, nvmlDeviceGetPowerManagementDefaultLimit, g->handle, &usual) || max == 0)
        return;
    g->knobs |= WTL_KNOB_BIT(WTL_KNOB_power_limit_w);
    g->min[WTL_KNOB_power_limit_w] = min / 1000.0;
    g->max[WTL_KNOB_power_limit_w] = max / 1000.0;
    g->default_power_w = usual / 1000.0;
}

/* Locks of the SM clock came with Volta, of the memory clock with Ampere. */
void wtl_nvml_probe_knobs(struct wtl_nvml_gpu *g, struct wtl_device_info *info)
{
    const struct wtl_nvml_api *api = &g->library->api;
    struct wtl_nvml_op op = wtl_nvml_begin(g->library);
    if (g->parent || (info->flags & (WTL_DEVICE_VGPU | WTL_DEVICE_WSL)))
        return;
    bool unknown = g->architecture == 0;
    if (api->nvmlDeviceSetGpuLockedClocks && api->nvmlDeviceResetGpuLockedClocks &&
        (unknown || g->architecture >= NVML_ARCH_VOLTA))
        probe_clock(&op, g, WTL_KNOB_sm_clock_mhz);
    if (api->nvmlDeviceSetMemoryLockedClocks && api->nvmlDeviceResetMemoryLockedClocks &&
        (unknown || g->architecture >= NVML_ARCH_AMPERE))
        probe_clock(&op, g, WTL_KNOB_mem_clock_mhz);
    if (api->nvmlDeviceSetPowerManagementLimit || api->nvmlDeviceSetPowerManagementLimit_v2)
        probe_limit(&op, g);
    info->knobs = g->knobs;
    info->writable = g->library->may_set ? g->knobs : 0;
}

/* ---- Looking --------------------------------------------------------------------------------- */

/* The limits that were asked for, and how that went. */
struct limits {
    double requested_w, enforced_w;
    int requested_code, enforced_code;
};

static void take_limit(const struct nvml_field_value *v, int code, double scale, double *limit_w,
                       int *code_out)
{
    *code_out = code != 0 ? code : v->ret;
    if (*code_out == 0)
        *limit_w = wtl_nvml_value(v) * scale;
}

/* Those of the two that are fields, in one call; of the others the code is "not supported". */
static struct limits ask_fields(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g)
{
    struct limits l = {.requested_code = NVML_NOT_SUPPORTED, .enforced_code = NVML_NOT_SUPPORTED};
    bool requested = g->by_field & WTL_METRIC_BIT(WTL_M_power_limit_w);
    bool enforced = g->by_field & WTL_METRIC_BIT(WTL_M_power_limit_enforced_w);
    double requested_scale = 0, enforced_scale = 0;
    struct nvml_field_value v[2];
    int n = 0;
    if (requested)
        v[n++] = (struct nvml_field_value){
            .field = wtl_nvml_field(WTL_M_power_limit_w, &requested_scale)};
    if (enforced)
        v[n++] = (struct nvml_field_value){
            .field = wtl_nvml_field(WTL_M_power_limit_enforced_w, &enforced_scale)};
    if (n == 0)
        return l;
    int code = wtl_nvml_fields(op, g, v, n);
    if (requested)
        take_limit(&v[0], code, requested_scale, &l.requested_w, &l.requested_code);
    if (enforced)
        take_limit(&v[n - 1], code, enforced_scale, &l.enforced_w, &l.enforced_code);
    return l;
}

static struct limits ask_limits(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g)
{
    struct limits l = ask_fields(op, g);
    if (wtl_nvml_class(l.requested_code) == WTL_NVML_OFF)
        l.requested_code = wtl_nvml_call_limit(op, g, WTL_M_power_limit_w, &l.requested_w);
    if (l.requested_code == 0 && wtl_nvml_class(l.enforced_code) == WTL_NVML_OFF)
        l.enforced_code = wtl_nvml_call_limit(op, g, WTL_M_power_limit_enforced_w, &l.enforced_w);
    return l;
}

static int get_knob(void *state, enum wtl_knob knob, struct wtl_knob_state *state_out,
                    struct wtl_error *err)
{
    const struct wtl_nvml_gpu *g = state;
    struct wtl_knob_state s = {.known = false};
    if (knob != WTL_KNOB_power_limit_w) {
        *state_out = s;
        return 0;
    }
    struct wtl_nvml_op op = wtl_nvml_begin(g->library);
    struct limits l = ask_limits(&op, g);
    int code = l.requested_code != 0 ? l.requested_code : l.enforced_code;
    if (l.requested_code != 0 || wtl_nvml_class(code) == WTL_NVML_LOST)
        return wtl_nvml_fail(err, code, "reading the power limit of", g->id);
    s.known = true;
    s.requested = wtl_knob_at(l.requested_w);
    s.has_enforced = l.enforced_code == 0;
    s.enforced = s.has_enforced ? l.enforced_w : 0;
    *state_out = s;
    return 0;
}

static int clock_range(const struct wtl_nvml_gpu *g, enum wtl_knob knob, struct wtl_arena *arena,
                       struct wtl_knob_range *range, struct wtl_error *err)
{
    unsigned mhz[WTL_LIMIT_CLOCKS], n = 0;
    struct wtl_nvml_op op = wtl_nvml_begin(g->library);
    int code = clocks(&op, g, knob, mhz, &n);
    if (code != 0)
        return wtl_nvml_fail(err, code, "reading the legal clocks of", g->id);
    double *steps = WTL_NEW_ARRAY(arena, double, n);
    if (!steps)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (unsigned i = 0; i < n; i++)
        steps[i] = mhz[i];
    range->steps = steps;
    range->n_steps = n;
    range->min = steps[0];
    range->max = steps[n - 1];
    return 0;
}

static int knob_range(void *state, enum wtl_knob knob, struct wtl_arena *arena,
                      struct wtl_knob_range *range_out, struct wtl_error *err)
{
    const struct wtl_nvml_gpu *g = state;
    struct wtl_knob_range r = {.min = g->min[knob], .max = g->max[knob]};
    int rc = 0;
    if (knob == WTL_KNOB_power_limit_w) {
        r.has_default = r.released_is_default = true;
        r.default_value = g->default_power_w;
    } else {
        rc = clock_range(g, knob, arena, &r, err);
    }
    if (rc == 0)
        *range_out = r;
    return rc;
}

/* ---- Setting --------------------------------------------------------------------------------- */

static int set_limit(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, double value_w)
{
    unsigned mw = (unsigned)lround(value_w * 1000);
    int code = WTL_NVML_CALL(op, nvmlDeviceSetPowerManagementLimit, g->handle, mw);
    struct nvml_power_value v = {.version = NVML_STRUCT_VERSION(struct nvml_power_value, 2),
                                 .scope = NVML_SCOPE_GPU,
                                 .power_mw = mw};
    if (wtl_nvml_class(code) == WTL_NVML_OFF)
        code = WTL_NVML_CALL(op, nvmlDeviceSetPowerManagementLimit_v2, g->handle, &v);
    return code;
}

static int move(struct wtl_nvml_op *op, const struct wtl_nvml_gpu *g, enum wtl_knob knob,
                struct wtl_knob_value value)
{
    if (knob == WTL_KNOB_power_limit_w)
        return set_limit(op, g, value.released ? g->default_power_w : value.lo);
    unsigned lo = (unsigned)lround(value.released ? 0 : value.lo);
    unsigned hi = (unsigned)lround(value.released ? 0 : value.hi);
    if (knob == WTL_KNOB_sm_clock_mhz)
        return value.released ? WTL_NVML_CALL(op, nvmlDeviceResetGpuLockedClocks, g->handle)
                              : WTL_NVML_CALL(op, nvmlDeviceSetGpuLockedClocks, g->handle, lo, hi);
    return value.released ? WTL_NVML_CALL(op, nvmlDeviceResetMemoryLockedClocks, g->handle)
                          : WTL_NVML_CALL(op, nvmlDeviceSetMemoryLockedClocks, g->handle, lo, hi);
}

static int refuse(const struct wtl_nvml_gpu *g, enum wtl_knob knob, struct wtl_knob_value value,
                  struct wtl_error *err)
{
    char text[WTL_KNOB_TEXT], from[WTL_KNOB_TEXT], to[WTL_KNOB_TEXT];
    int rc = WTL_FAIL(err, WTL_USAGE, "%s cannot have a %s of %s", g->id,
                      wtl_knob_info(knob)->title, wtl_knob_format(knob, value, text));
    wtl_error_hint(err, "it takes %s to %s", wtl_knob_format(knob, wtl_knob_at(g->min[knob]), from),
                   wtl_knob_format(knob, wtl_knob_at(g->max[knob]), to));
    return rc;
}

static int set_knob(void *state, enum wtl_knob knob, struct wtl_knob_value value,
                    struct wtl_error *err)
{
    const struct wtl_nvml_gpu *g = state;
    if (!value.released && !(value.lo >= g->min[knob] - 0.0005 && value.lo <= value.hi &&
                             value.hi <= g->max[knob] + 0.0005))
        return refuse(g, knob, value, err);
    struct wtl_nvml_op op = wtl_nvml_begin(g->library);
    int code = move(&op, g, knob, value);
    if (code == NVML_INVALID_ARGUMENT || code == NVML_FREQ_NOT_SUPPORTED)
        return refuse(g, knob, value, err);
    if (code == 0)
        return 0;
    char doing[64];
    snprintf(doing, sizeof doing, "setting the %s of", wtl_knob_info(knob)->title);
    return wtl_nvml_fail(err, code, doing, g->id);
}

const struct wtl_knob_ops wtl_nvml_knob_ops = {
    .get = get_knob,
    .range = knob_range,
    .set = set_knob,
};
