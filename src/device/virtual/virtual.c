/* SPDX-License-Identifier: Apache-2.0
 * The device over a simulated GPU: sensors, rings, processes, knobs. */
#include "device/virtual/virtual_impl.h"

#include "sim/readings.h"
#include "simhost/profile.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void wtl_virtual_catch_up(struct virtual_device *v)
{
    wtl_sim_gpu_advance(&v->gpu, v->clock.monotonic_ns(v->clock.ctx) - v->opened_ns);
}

struct virtual_device *wtl_virtual_state(const struct wtl_device_ops *ops)
{
    return ops->sensors == &wtl_virtual_sensors ? ops->state : NULL;
}

const struct wtl_sim_gpu *wtl_virtual_gpu(const struct wtl_device_ops *ops)
{
    struct virtual_device *v = ops->state;
    wtl_virtual_catch_up(v);
    return &v->gpu;
}

/* ---- Sensors --------------------------------------------------------------------------------- */

static void put(struct wtl_reading *out, enum wtl_metric m, double value, int64_t t_ns)
{
    out->valid |= WTL_METRIC_BIT(m);
    out->value[m] = value;
    out->sensor_t_ns[m] = t_ns;
}

static void put_power(struct wtl_reading *out, const struct wtl_sim_readings *r)
{
    put(out, WTL_M_power_w, r->power_usage_mw / 1e3, r->power_t_unix_ns);
    if (r->has & WTL_SIM_HAS_INSTANT)
        put(out, WTL_M_power_instant_w, r->power_instant_mw / 1e3, r->power_t_unix_ns);
    if (r->has & WTL_SIM_HAS_AVERAGE)
        put(out, WTL_M_power_average_w, r->power_average_mw / 1e3, r->power_t_unix_ns);
    if (r->has & WTL_SIM_HAS_ENERGY)
        put(out, WTL_M_energy_counter_j, (double)r->energy_mj / 1e3, r->energy_t_unix_ns);
    put(out, WTL_M_power_limit_w, r->limit_mw / 1e3, 0);
    put(out, WTL_M_power_limit_enforced_w, r->limit_enforced_mw / 1e3, 0);
    put(out, WTL_M_power_violation_ns, (double)r->power_violation_ns, 0);
}

static void put_state(struct wtl_reading *out, const struct wtl_sim_readings *r)
{
    put(out, WTL_M_temp_c, r->temp_c, 0);
    if (r->has & WTL_SIM_HAS_MEM_TEMP)
        put(out, WTL_M_mem_temp_c, r->mem_temp_c, 0);
    put(out, WTL_M_sm_clock_mhz, r->sm_mhz, 0);
    put(out, WTL_M_gr_clock_mhz, r->sm_mhz, 0);
    put(out, WTL_M_mem_clock_mhz, r->mem_mhz, 0);
    put(out, WTL_M_event_reasons, (double)r->reasons, 0);
    put(out, WTL_M_pstate, r->pstate, 0);
    if (r->has & WTL_SIM_HAS_UTIL) {
        put(out, WTL_M_gpu_util, r->gpu_util_pct / 100.0, r->util_t_unix_ns);
        put(out, WTL_M_mem_util, r->mem_util_pct / 100.0, r->util_t_unix_ns);
    }
    put(out, WTL_M_fb_total_b, (double)r->memory_total_b, 0);
    put(out, WTL_M_fb_used_b, (double)r->memory_used_b, 0);
    put(out, WTL_M_fb_free_b, (double)r->memory_free_b, 0);
}

static int virtual_read(void *state, uint64_t wanted, struct wtl_reading *out,
                        struct wtl_error *err)
{
    struct virtual_device *v = state;
    struct wtl_sim_readings r;
    wtl_virtual_catch_up(v);
    int rc = wtl_sim_readings(&v->gpu, &r, err);
    if (rc < 0)
        return rc;
    put_power(out, &r);
    put_state(out, &r);
    out->valid &= wanted;
    return 0;
}

/* As the driver has them: NVML's GetSamples. */
static int ring_of(const struct wtl_sim_board *b, enum wtl_metric metric,
                   enum wtl_sim_ring_kind *kind_out, double *unit_out)
{
    static const struct {
        enum wtl_metric metric;
        enum wtl_sim_ring_kind kind;
        double unit;
    } rings[] = {{WTL_M_power_instant_w, WTL_SIM_RING_POWER, 1e-3},
                 {WTL_M_power_w, WTL_SIM_RING_POWER, 1e-3}, /* where it is the same quantity */
                 {WTL_M_gpu_util, WTL_SIM_RING_GPU_UTIL, 0.01},
                 {WTL_M_mem_util, WTL_SIM_RING_MEM_UTIL, 0.01},
                 {WTL_M_sm_clock_mhz, WTL_SIM_RING_SM_CLOCK, 1},
                 {WTL_M_mem_clock_mhz, WTL_SIM_RING_MEM_CLOCK, 1}};
    if (metric == WTL_M_power_w && (b->capabilities & WTL_SIM_USAGE_IS_AVERAGE))
        return -1;
    for (size_t i = 0; i < sizeof rings / sizeof rings[0]; i++)
        if (rings[i].metric == metric) {
            *kind_out = rings[i].kind;
            *unit_out = rings[i].unit;
            return 0;
        }
    return -1;
}

static int virtual_ring(void *state, enum wtl_metric metric, int64_t since_ns,
                        struct wtl_ring_sample *out, size_t max, size_t *n_out,
                        struct wtl_error *err)
{
    struct virtual_device *v = state;
    struct wtl_sim_sample samples[WTL_SIM_RING];
    enum wtl_sim_ring_kind kind;
    double unit;
    wtl_virtual_catch_up(v);
    if (ring_of(&v->gpu.board, metric, &kind, &unit) < 0)
        return WTL_FAIL(err, WTL_UNSUPPORTED, "the driver keeps no samples of %s",
                        wtl_metric_info(metric)->name);
    if (v->gpu.lost)
        return WTL_FAIL(err, WTL_LOST, "the virtual GPU has fallen off the bus");
    int n = wtl_sim_samples(&v->gpu, kind, since_ns, samples, WTL_SIM_RING);
    n = n < WTL_SIM_RING ? n : WTL_SIM_RING;
    if ((size_t)n > max)
        n = (int)max;
    for (int i = 0; i < n; i++)
        out[i] = (struct wtl_ring_sample){samples[i].t_ns, samples[i].value * unit};
    *n_out = (size_t)n;
    return 0;
}

static int virtual_processes(void *state, struct wtl_process *out, size_t max, size_t *n_out,
                             struct wtl_error *err)
{
    struct virtual_device *v = state;
    struct wtl_sim_process_info info[WTL_SIM_TENANTS];
    wtl_virtual_catch_up(v);
    if (v->gpu.lost)
        return WTL_FAIL(err, WTL_LOST, "the virtual GPU has fallen off the bus");
    int n = wtl_sim_processes(&v->gpu, info, WTL_SIM_TENANTS);
    for (int i = 0; i < n && (size_t)i < max; i++) {
        out[i] = (struct wtl_process){
            .pid = (pid_t)info[i].pid,
            .kind = info[i].mps ? WTL_PROCESS_MPS_CLIENT : WTL_PROCESS_COMPUTE,
            .has_memory = true,
            .memory_b = (double)info[i].memory_b,
            .has_util = info[i].util_t_unix_ns > 0,
            .util = info[i].sm_util_pct / 100.0,
            .slice = -1,
        };
        snprintf(out[i].name, sizeof out[i].name, "%s", info[i].name);
    }
    *n_out = (size_t)n;
    return 0;
}

/* ---- Knobs ----------------------------------------------------------------------------------- */

/* A lock as the board's legal clocks say it. Other than NVML's, this one can be asked for. */
static struct wtl_knob_value lock_value(const struct wtl_sim_lock *lock, const uint16_t *clocks)
{
    if (!lock->set)
        return wtl_knob_released();
    return (struct wtl_knob_value){.lo = clocks[lock->lo], .hi = clocks[lock->hi]};
}

static int virtual_get(void *state, enum wtl_knob knob, struct wtl_knob_state *state_out,
                       struct wtl_error *err)
{
    struct virtual_device *v = state;
    struct wtl_sim_readings r;
    wtl_virtual_catch_up(v);
    int rc = wtl_sim_readings(&v->gpu, &r, err);
    if (rc < 0)
        return rc;
    struct wtl_knob_state s = {.known = true};
    if (knob == WTL_KNOB_power_limit_w) {
        s.requested = wtl_knob_at(r.limit_mw / 1e3);
        s.has_enforced = true;
        s.enforced = r.limit_enforced_mw / 1e3;
    } else if (knob == WTL_KNOB_sm_clock_mhz) {
        s.requested = lock_value(&v->gpu.sm_lock, v->gpu.board.sm_clocks_mhz);
    } else {
        s.requested = lock_value(&v->gpu.mem_lock, v->gpu.board.mem_clocks_mhz);
    }
    *state_out = s;
    return 0;
}

static int clock_range(struct wtl_arena *arena, const uint16_t *clocks, int n,
                       struct wtl_knob_range *range_out, struct wtl_error *err)
{
    double *steps = WTL_NEW_ARRAY(arena, double, (size_t)n);
    if (!steps)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (int i = 0; i < n; i++)
        steps[i] = clocks[i];
    *range_out = (struct wtl_knob_range){
        .min = steps[0], .max = steps[n - 1], .steps = steps, .n_steps = (size_t)n};
    return 0;
}

static int virtual_range(void *state, enum wtl_knob knob, struct wtl_arena *arena,
                         struct wtl_knob_range *range_out, struct wtl_error *err)
{
    const struct virtual_device *v = state;
    const struct wtl_sim_board *b = &v->gpu.board;
    if (knob == WTL_KNOB_sm_clock_mhz)
        return clock_range(arena, b->sm_clocks_mhz, b->n_sm_clocks, range_out, err);
    if (knob == WTL_KNOB_mem_clock_mhz)
        return clock_range(arena, b->mem_clocks_mhz, b->n_mem_clocks, range_out, err);
    *range_out = (struct wtl_knob_range){.min = b->limit_w_min,
                                         .max = b->limit_w_max,
                                         .has_default = true,
                                         .default_value = b->limit_w_default,
                                         .released_is_default = true};
    return 0;
}

static int check(struct virtual_device *v, enum wtl_knob knob, struct wtl_knob_value value,
                 struct wtl_error *err)
{
    const struct wtl_sim_board *b = &v->gpu.board;
    double min = b->limit_w_min, max = b->limit_w_max;
    if (knob == WTL_KNOB_sm_clock_mhz) {
        min = b->sm_clocks_mhz[0];
        max = b->sm_clocks_mhz[b->n_sm_clocks - 1];
    } else if (knob == WTL_KNOB_mem_clock_mhz) {
        min = b->mem_clocks_mhz[0];
        max = b->mem_clocks_mhz[b->n_mem_clocks - 1];
    }
    if (value.released || (value.lo >= min - 5e-4 && value.hi <= max + 5e-4))
        return 0;
    char lo[WTL_KNOB_TEXT], hi[WTL_KNOB_TEXT], asked[WTL_KNOB_TEXT];
    return WTL_FAIL(err, WTL_USAGE, "%s of %s is outside of %s to %s", wtl_knob_info(knob)->title,
                    wtl_knob_format(knob, value, asked),
                    wtl_knob_format(knob, wtl_knob_at(min), lo),
                    wtl_knob_format(knob, wtl_knob_at(max), hi));
}

static int virtual_set(void *state, enum wtl_knob knob, struct wtl_knob_value value,
                       struct wtl_error *err)
{
    struct virtual_device *v = state;
    struct wtl_sim_gpu *gpu = &v->gpu;
    wtl_virtual_catch_up(v);
    int rc = check(v, knob, value, err);
    if (rc < 0)
        return rc;
    unsigned lo = value.released ? 0 : (unsigned)lround(value.lo);
    unsigned hi = value.released ? 0 : (unsigned)lround(value.hi);
    if (knob == WTL_KNOB_sm_clock_mhz)
        return value.released ? wtl_sim_reset_sm(gpu, err) : wtl_sim_lock_sm(gpu, lo, hi, err);
    if (knob == WTL_KNOB_mem_clock_mhz)
        return value.released ? wtl_sim_reset_mem(gpu, err) : wtl_sim_lock_mem(gpu, lo, hi, err);
    double limit_w = value.released ? gpu->board.limit_w_default : value.lo;
    return wtl_sim_set_limit(gpu, (unsigned)lround(limit_w * 1e3), err);
}

/* ---- Opening --------------------------------------------------------------------------------- */

static int virtual_epoch(void *state, char epoch_out[WTL_LIMIT_NAME], struct wtl_error *err)
{
    (void)err;
    const struct virtual_device *v = state;
    snprintf(epoch_out, WTL_LIMIT_NAME, "in-process:%lld:%u", (long long)(v->epoch_unix_ns / 1000),
             v->gpu.epoch);
    return 0;
}

/* Of the simulation's events the XIDs; after another hour began (loads.h) they are counted anew. */
static int virtual_errors(void *state, struct wtl_driver_error *out, size_t max, size_t *n_out,
                          struct wtl_error *err)
{
    struct virtual_device *v = state;
    size_t n = 0;
    (void)err;
    wtl_virtual_catch_up(v);
    const struct wtl_sim_gpu *gpu = &v->gpu;
    if (!v->listens)
        v->n_heard = gpu->n_events;
    v->listens = true;
    if (gpu->n_events - v->n_heard > WTL_SIM_EVENTS)
        v->n_heard = gpu->n_events - WTL_SIM_EVENTS; /* the rest is overwritten */
    while (v->n_heard < gpu->n_events && n < max) {
        const struct wtl_sim_event *e = &gpu->events[v->n_heard++ % WTL_SIM_EVENTS];
        if (e->type == WTL_SIM_EVENT_XID)
            out[n++] = (struct wtl_driver_error){v->opened_ns + e->t_ns, (int)e->data};
    }
    *n_out = n;
    return 0;
}

static void virtual_close(void *state)
{
    (void)state; /* everything is the machine's arena's */
}

const struct wtl_sensor_ops wtl_virtual_sensors = {.read = virtual_read,
                                                   .ring = virtual_ring,
                                                   .processes = virtual_processes,
                                                   .epoch = virtual_epoch,
                                                   .errors = virtual_errors,
                                                   .close = virtual_close};
static const struct wtl_knob_ops knob_ops = {virtual_get, virtual_range, virtual_set};

static const char *architecture_name(enum wtl_sim_architecture a)
{
    switch (a) {
    case WTL_SIM_PASCAL:
        return "Pascal";
    case WTL_SIM_VOLTA:
        return "Volta";
    case WTL_SIM_TURING:
        return "Turing";
    case WTL_SIM_AMPERE:
        return "Ampere";
    case WTL_SIM_ADA:
        return "Ada";
    case WTL_SIM_HOPPER:
        return "Hopper";
    case WTL_SIM_BLACKWELL:
        break;
    }
    return "Blackwell";
}

static unsigned knobs_of(const struct wtl_sim_board *b)
{
    unsigned knobs = 0;
    if (b->capabilities & WTL_SIM_LOCK_SM)
        knobs |= WTL_KNOB_BIT(WTL_KNOB_sm_clock_mhz);
    if (b->capabilities & WTL_SIM_LOCK_MEM)
        knobs |= WTL_KNOB_BIT(WTL_KNOB_mem_clock_mhz);
    if (b->capabilities & WTL_SIM_SET_LIMIT)
        knobs |= WTL_KNOB_BIT(WTL_KNOB_power_limit_w);
    return knobs;
}

static void describe_sensors(const struct wtl_sim_board *b, struct wtl_device_info *info)
{
    const struct wtl_sim_power_sensor *s = &b->sensor;
    const int64_t ms = 1000000;
    bool average = b->capabilities & WTL_SIM_USAGE_IS_AVERAGE;
    struct wtl_sensor_info instant = {.period_ns = s->update_ms * ms,
                                      .window_ns = s->window_ms * ms,
                                      .resolution = s->resolution_mw / 1e3};
    struct wtl_sensor_info second = instant;
    second.window_ns = WTL_NS_PER_S;
    info->sensor[WTL_M_power_w] = average ? second : instant;
    info->sensor[WTL_M_power_instant_w] = instant;
    info->sensor[WTL_M_power_average_w] = second;
    info->sensor[WTL_M_energy_counter_j] = (struct wtl_sensor_info){
        .period_ns = s->counter_ms * ms, .resolution = s->counter_quantum_mj / 1e3};
    info->sensor[WTL_M_gpu_util] = info->sensor[WTL_M_mem_util] = (struct wtl_sensor_info){
        .period_ns = b->util_ms * ms, .window_ns = b->util_ms * ms, .resolution = 0.01};
    info->sensor[WTL_M_temp_c].resolution = info->sensor[WTL_M_mem_temp_c].resolution = 1;
}

/* Whatever runs on it, the sensors of a card are those of its board, seed and number. */
static void name_card(const struct wtl_virtual_options *o, char out[WTL_LIMIT_NAME])
{
    char seed[32] = "", number[16] = "";
    if (o->sim.seed != 1)
        snprintf(seed, sizeof seed, ",seed=%llu", (unsigned long long)o->sim.seed);
    if (o->index > 0)
        snprintf(number, sizeof number, "#%d", o->index);
    int n = snprintf(out, WTL_LIMIT_NAME, "virtual:%s%s%s%s%s", o->board, seed,
                     o->sim.calibrated ? ",calibrated" : "", o->sim.exact_sensors ? ",exact" : "",
                     number);
    if (n < 0 || n >= WTL_LIMIT_NAME)
        out[0] = '\0';
}

static int describe(struct virtual_device *v, const char *name, const struct wtl_virtual_options *o,
                    struct wtl_device_info *info, struct wtl_error *err)
{
    const struct wtl_sim_gpu *gpu = &v->gpu;
    char uuid[WTL_SIM_UUID];
    struct wtl_sim_pci pci = wtl_sim_pci(gpu);
    struct wtl_reading r = {0};
    int rc = virtual_read(v, ~UINT64_C(0), &r, err);
    if (rc < 0)
        return rc;
    *info = (struct wtl_device_info){
        .kind = WTL_DEVICE_GPU,
        .flags = WTL_DEVICE_VIRTUAL | WTL_DEVICE_EPHEMERAL,
        .parent = -1,
        .index = -1,
        .sensors = r.valid,
        .knobs = knobs_of(&gpu->board),
        .writable = knobs_of(&gpu->board),
        .slowdown_c = fmin(gpu->board.thermal.target_c, gpu->board.thermal.slowdown_c),
    };
    snprintf(info->id, sizeof info->id, "virtual:%s", name);
    name_card(o, info->card);
    snprintf(info->name, sizeof info->name, "%s", gpu->board.name);
    snprintf(info->uuid, sizeof info->uuid, "%s", wtl_sim_uuid(gpu, uuid));
    snprintf(info->pci, sizeof info->pci, "%04x:%02x:%02x.0", pci.domain & 0xffff, pci.bus & 0xff,
             pci.device & 0xff);
    snprintf(info->driver, sizeof info->driver, "virtual, in this process");
    snprintf(info->architecture, sizeof info->architecture, "%s",
             architecture_name(gpu->board.architecture));
    describe_sensors(&gpu->board, info);
    return virtual_epoch(v, info->epoch, err);
}

/* PIDs of nobody: beyond what Linux gives out (pid_max is 2^22 at most). */
enum { FIRST_PID = 1 << 22 };

static int start_loads(struct virtual_device *v, const struct wtl_virtual_options *o,
                       struct wtl_error *err)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < o->n_loads; i++) {
        const struct wtl_virtual_load *l = &o->load[i];
        struct wtl_sim_process p = {.pid = (uint32_t)(FIRST_PID + i + 100 * o->index),
                                    .mps = o->n_loads > 1 || l->share < 1,
                                    .instance = -1,
                                    .tenant = {.share = l->share},
                                    .pattern = l->pattern};
        snprintf(p.name, sizeof p.name, "%.31s", l->workload);
        rc = wtl_sim_profile_workload(l->workload, &v->gpu.board, &p.tenant.workload, err);
        if (rc < 0)
            break;
        p.tenant.batch = l->batch ? l->batch : p.tenant.workload.batch_default;
        rc = wtl_sim_attach(&v->gpu, &p, err);
        if (rc < 0)
            wtl_error_context(err, "load=%s", l->workload);
    }
    return rc;
}

static int backend_open(const struct wtl_backend_host *host, struct wtl_error *err)
{
    struct wtl_virtual_options o;
    struct wtl_sim_board board;
    if (!host->wanted)
        return 0;
    int rc = wtl_virtual_parse(host->wanted, &o, err);
    if (rc == 0 && strlen(host->wanted) + sizeof "virtual:" > WTL_LIMIT_NAME)
        rc = WTL_FAIL(err, WTL_LIMIT, "\"virtual:%s\" is longer than the %d bytes of a name",
                      host->wanted, WTL_LIMIT_NAME - 1);
    if (rc == 0)
        rc = wtl_sim_profile_board(o.board, &board, err);
    if (rc < 0)
        return rc;
    struct virtual_device *v = WTL_NEW(host->arena, struct virtual_device);
    if (!v)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    v->clock = host->clock;
    v->opened_ns = host->clock.monotonic_ns(host->clock.ctx);
    o.sim.start_unix_ns = host->clock.wall_ns(host->clock.ctx);
    struct wtl_device_info info;
    v->profile = board;
    v->options = o.sim;
    v->epoch_unix_ns = o.sim.start_unix_ns;
    rc = wtl_sim_gpu_init(&v->gpu, &board, &o.sim, err);
    if (rc == 0)
        rc = start_loads(v, &o, err);
    if (rc == 0)
        rc = describe(v, host->wanted, &o, &info, err);
    if (rc == 0)
        rc = wtl_backend_add(host, &info, &wtl_virtual_sensors, info.knobs ? &knob_ops : NULL, v,
                             false, err);
    return rc < 0 ? rc : 0;
}

const struct wtl_backend wtl_backend_virtual = {
    .prefix = "virtual",
    .summary = "virtual GPUs in this process, with its time",
    .named_only = true,
    .open = backend_open,
};
