/* SPDX-License-Identifier: Apache-2.0
 * Time of the virtual GPU: runs of steps in which power is constant, and the events between them.
 */
#include "sim/engine.h"

#include <math.h>
#include <string.h>

double wtl_sim_sm_now(const struct wtl_sim_gpu *gpu)
{
    return gpu->deep_idle ? gpu->board.idle.sm_mhz : gpu->board.sm_clocks_mhz[gpu->sm];
}

double wtl_sim_mem_now(const struct wtl_sim_gpu *gpu)
{
    return gpu->deep_idle ? gpu->board.idle.mem_mhz : gpu->board.mem_clocks_mhz[gpu->mem];
}

void wtl_sim_event(struct wtl_sim_gpu *gpu, enum wtl_sim_event_type type, uint32_t data)
{
    gpu->events[gpu->n_events++ % WTL_SIM_EVENTS] =
        (struct wtl_sim_event){gpu->tick * WTL_SIM_STEP_NS, (uint32_t)type, data};
    if (type == WTL_SIM_EVENT_XID)
        gpu->last_xid = data;
}

/* ---- Rates ----------------------------------------------------------------------------------- */

void wtl_sim_rates_forget(struct wtl_sim_gpu *gpu)
{
    for (int i = 0; i < WTL_SIM_CACHED_RATES; i++)
        gpu->cache[i].valid = false;
}

static void put_in_instance(const struct wtl_sim_gpu *gpu, int instance, struct wtl_sim_tenant *t)
{
    double wanted = 0;
    for (int i = 0; i < gpu->n_slots; i++)
        if (gpu->slots[i].on && gpu->slots[i].process.instance == instance)
            wanted += gpu->slots[i].process.tenant.share;
    t->part = 1 + instance;
    t->part_size = (double)gpu->instances[instance].n_sm / gpu->board.n_sm;
    t->share *= t->part_size / fmax(wanted, 1);
}

/* The tenant as the rates see it: in a MIG instance its share is one of the instance's SMs, which
 * the processes there divide when they want more than there are. */
static struct wtl_sim_tenant tenant_of(const struct wtl_sim_gpu *gpu, int slot)
{
    const struct wtl_sim_process *p = &gpu->slots[slot].process;
    struct wtl_sim_tenant t = p->tenant;
    if (gpu->mig && p->instance >= 0 && p->instance < gpu->n_instances)
        put_in_instance(gpu, p->instance, &t);
    return t;
}

/* Slots that run at the same time: MIG instances and the clients of MPS do, everybody else has the
 * GPU for himself in turn. Fills the slots of turn `turn`; returns how many. */
static int turn_of(const struct wtl_sim_gpu *gpu, int turn, int slot[WTL_SIM_TENANTS])
{
    int n = 0, turns = 0, mps_turn = -1;
    for (int i = 0; i < gpu->n_slots; i++) {
        if (!gpu->slots[i].on)
            continue;
        const bool shared = gpu->mig || gpu->slots[i].process.mps;
        if (!shared || mps_turn < 0) {
            if (shared)
                mps_turn = turns;
            turns++;
        }
        if ((shared ? mps_turn : turns - 1) == turn)
            slot[n++] = i;
    }
    return n;
}

/* Adds the rates of one of `turns` turns, each of which has its part of the time. */
static void add_turn(const struct wtl_sim_gpu *gpu, const int *slot, int n, int turns,
                     struct wtl_sim_cached_rates *c)
{
    struct wtl_sim_tenant tenants[WTL_SIM_TENANTS];
    struct wtl_sim_rates rates;
    for (int i = 0; i < n; i++) {
        tenants[i] = tenant_of(gpu, slot[i]);
        tenants[i].offered_per_s *= turns; /* what comes in all of the time is done in its turn */
    }
    wtl_sim_rates(&gpu->board.silicon, tenants, n, gpu->board.sm_clocks_mhz[c->sm],
                  gpu->board.mem_clocks_mhz[c->mem], &rates);
    c->dynamic_w += rates.dynamic_w / turns;
    c->sm_util += rates.sm_util / turns;
    c->mem_util += rates.mem_util / turns;
    c->sm_active += rates.sm_active / turns;
    for (int i = 0; i < n; i++) {
        c->work_per_s[slot[i]] = rates.tenants[i].work_per_s / turns;
        c->tenant_sm[slot[i]] = rates.tenants[i].sm_active / turns;
    }
}

static void compute_rates(const struct wtl_sim_gpu *gpu, struct wtl_sim_cached_rates *c)
{
    int slot[WTL_SIM_TENANTS], turns = 0;
    while (turn_of(gpu, turns, slot))
        turns++;
    c->still = wtl_sim_static_parts(&gpu->board.silicon, gpu->board.sm_clocks_mhz[c->sm],
                                    gpu->board.mem_clocks_mhz[c->mem]);
    c->dynamic_w = c->sm_util = c->mem_util = c->sm_active = 0;
    memset(c->work_per_s, 0, sizeof c->work_per_s);
    memset(c->tenant_sm, 0, sizeof c->tenant_sm);
    for (int turn = 0; turn < turns; turn++) {
        const int n = turn_of(gpu, turn, slot);
        add_turn(gpu, slot, n, turns, c);
    }
}

const struct wtl_sim_cached_rates *wtl_sim_rates_at(struct wtl_sim_gpu *gpu, int sm, int mem)
{
    const uint64_t key = ((gpu->on * 31 + gpu->phases) * 31 + (uint64_t)mem) * 31 + (uint64_t)sm;
    struct wtl_sim_cached_rates *c = &gpu->cache[key % WTL_SIM_CACHED_RATES];
    if (c->valid && c->sm == sm && c->mem == mem && c->on == gpu->on && c->phases == gpu->phases)
        return c;
    c->valid = true;
    c->sm = sm;
    c->mem = mem;
    c->on = gpu->on;
    c->phases = gpu->phases;
    compute_rates(gpu, c);
    return c;
}

/* ---- What follows from the state ------------------------------------------------------------- */

void wtl_sim_flush(struct wtl_sim_gpu *gpu)
{
    const double s = (double)(gpu->tick - gpu->flushed_tick) * WTL_SIM_STEP_S;
    if (gpu->tick == gpu->flushed_tick)
        return;
    gpu->flushed_tick = gpu->tick;
    for (int i = 0; i < gpu->n_slots; i++)
        gpu->work[i] += gpu->now.work_per_s[i] * s;
    for (int i = 0; i < gpu->n_slots; i++)
        gpu->sm_time[i] += gpu->now.tenant_sm[i] * s;
    gpu->sensors.gpu_busy_s += gpu->now.sm_util * s;
    gpu->sensors.mem_busy_s += gpu->now.mem_util * s;
    for (int b = 0; b < WTL_SIM_N_REASONS; b++)
        if (gpu->reasons >> b & 1)
            gpu->reason_s[b] += s;
}

/* The index that is asked for by work and locks, before any firmware lowers it. */
static int wanted_clock(const struct wtl_sim_gpu *gpu, bool busy)
{
    const struct wtl_sim_board *b = &gpu->board;
    const struct wtl_sim_lock *lock = &gpu->sm_lock_held;
    const int hi = lock->set ? lock->hi : wtl_sim_sm_at_most(b, b->sm_mhz_default);
    if (busy || !b->idle.context_sm_mhz)
        return hi;
    const int rest = wtl_sim_sm_at_most(b, b->idle.context_sm_mhz), lo = lock->set ? lock->lo : 0;
    return rest < lo ? lo : rest > hi ? hi : rest;
}

static uint64_t reasons_of(const struct wtl_sim_gpu *gpu, bool busy, int wanted)
{
    uint64_t r = 0;
    if (gpu->power_brake)
        r |= WTL_SIM_REASON_HW_SLOWDOWN | WTL_SIM_REASON_HW_POWER_BRAKE;
    if (gpu->hw_slowdown)
        r |= WTL_SIM_REASON_HW_SLOWDOWN | WTL_SIM_REASON_HW_THERMAL;
    if (!busy)
        return r | WTL_SIM_REASON_IDLE;
    if (gpu->sm < wanted && gpu->sm == gpu->power_ceiling)
        r |= WTL_SIM_REASON_SW_POWER_CAP;
    if (gpu->sm < wanted && gpu->sm == gpu->thermal_ceiling)
        r |= WTL_SIM_REASON_SW_THERMAL;
    if (gpu->sm == wanted && wanted < gpu->board.n_sm_clocks - 1)
        r |= WTL_SIM_REASON_APP_CLOCKS;
    return r;
}

static void settle_power(struct wtl_sim_gpu *gpu)
{
    gpu->static_w = gpu->now.still.fixed_w + gpu->now.still.leak_w * gpu->leak_factor;
    if (gpu->deep_idle)
        gpu->static_w = fmax(gpu->static_w - gpu->board.idle.saving_w, 1);
    gpu->power_w = gpu->static_w + gpu->now.dynamic_w;
}

static int lower(int a, int b)
{
    return a < b ? a : b;
}

/* Clocks are down, or on their way up: nothing runs. */
static void settle_idle(struct wtl_sim_gpu *gpu)
{
    memset(&gpu->now, 0, sizeof gpu->now);
    gpu->now.still =
        wtl_sim_static_parts(&gpu->board.silicon, wtl_sim_sm_now(gpu), wtl_sim_mem_now(gpu));
    gpu->reasons = gpu->lost ? 0 : reasons_of(gpu, false, 0);
    settle_power(gpu);
}

void wtl_sim_settle(struct wtl_sim_gpu *gpu)
{
    wtl_sim_flush(gpu);
    gpu->leak_factor = wtl_sim_leak_factor(&gpu->board.silicon, gpu->die_c);
    if (gpu->deep_idle) {
        settle_idle(gpu);
        return;
    }
    const struct wtl_sim_board *b = &gpu->board;
    const bool busy = gpu->on != 0;
    const int before = gpu->sm, wanted = wanted_clock(gpu, busy);
    gpu->mem = gpu->mem_lock_held.set ? gpu->mem_lock_held.hi
                                      : wtl_sim_nearest_mem(b, (unsigned)b->mem_mhz_default);
    int sm = lower(wanted, gpu->thermal_ceiling);
    if (gpu->hw_slowdown || gpu->power_brake)
        sm = lower(sm, wtl_sim_sm_at_most(b, 0.5 * b->sm_clocks_mhz[b->n_sm_clocks - 1]));
    gpu->sm = wtl_sim_power_limited(gpu, sm);
    gpu->now = *wtl_sim_rates_at(gpu, gpu->sm, gpu->mem);
    gpu->reasons = reasons_of(gpu, busy, wanted);
    settle_power(gpu);
    if (gpu->sm != before)
        wtl_sim_event(gpu, WTL_SIM_EVENT_CLOCK, b->sm_clocks_mhz[gpu->sm]);
}

/* ---- Events ---------------------------------------------------------------------------------- */

static int64_t sooner(int64_t a, int64_t b)
{
    return b < a ? b : a;
}

/* 0 stands for "none" among the ticks of single events. */
static int64_t single(int64_t tick)
{
    return tick ? tick : WTL_SIM_NEVER;
}

static void schedule(struct wtl_sim_gpu *gpu)
{
    int64_t next = sooner(gpu->frame_tick, wtl_sim_sensors_next(gpu));
    next = sooner(next, gpu->slots_tick);
    next = sooner(next, sooner(single(gpu->sm_switch_tick), single(gpu->mem_switch_tick)));
    next = sooner(next, sooner(single(gpu->wake_tick), single(gpu->idle_tick)));
    gpu->next_tick = next;
}

static bool due(const struct wtl_sim_gpu *gpu, int64_t tick)
{
    return tick && tick <= gpu->tick;
}

/* Changes that were asked for and now come into force. */
static bool changes_due(struct wtl_sim_gpu *gpu)
{
    bool changed = false;
    if (due(gpu, gpu->sm_switch_tick)) {
        gpu->sm_lock_held = gpu->sm_lock;
        gpu->sm_switch_tick = 0;
        changed = true;
    }
    if (due(gpu, gpu->mem_switch_tick)) {
        gpu->mem_lock_held = gpu->mem_lock;
        gpu->mem_switch_tick = 0;
        changed = true;
    }
    if (due(gpu, gpu->wake_tick)) {
        gpu->deep_idle = false;
        gpu->wake_tick = 0;
        gpu->sm = wanted_clock(gpu, true);
        wtl_sim_event(gpu, WTL_SIM_EVENT_PSTATE, 0);
        changed = true;
    }
    if (due(gpu, gpu->idle_tick)) {
        gpu->deep_idle = true;
        gpu->idle_tick = 0;
        gpu->power_ceiling = gpu->thermal_ceiling = gpu->board.n_sm_clocks - 1;
        wtl_sim_event(gpu, WTL_SIM_EVENT_PSTATE, (uint32_t)gpu->board.idle.pstate);
        changed = true;
    }
    return changed;
}

/* The firmware's turn: temperatures, then power. Whether it moved anything. */
static bool frame(struct wtl_sim_gpu *gpu)
{
    gpu->frame_tick += WTL_SIM_FRAME_STEPS;
    const int thermal = gpu->thermal_ceiling, power = gpu->power_ceiling;
    const bool slow = gpu->hw_slowdown, lost = gpu->lost;
    wtl_sim_thermal_loop(gpu);
    gpu->leak_factor = wtl_sim_leak_factor(&gpu->board.silicon, gpu->die_c);
    settle_power(gpu);
    if (!gpu->deep_idle)
        wtl_sim_power_loop(gpu, wanted_clock(gpu, gpu->on != 0));
    return thermal != gpu->thermal_ceiling || power != gpu->power_ceiling ||
           slow != gpu->hw_slowdown || lost != gpu->lost;
}

static void events(struct wtl_sim_gpu *gpu)
{
    if (gpu->tick >= wtl_sim_sensors_next(gpu))
        wtl_sim_sensors_due(gpu);
    bool changed = changes_due(gpu);
    if (gpu->tick >= gpu->slots_tick) {
        wtl_sim_flush(gpu);
        wtl_sim_slots_due(gpu);
        changed = true;
    }
    if (gpu->tick >= gpu->frame_tick && frame(gpu))
        changed = true;
    if (changed) {
        wtl_sim_settle(gpu);
        wtl_sim_slots_schedule(gpu);
    }
    schedule(gpu);
}

/* ---- Steps ----------------------------------------------------------------------------------- */

/* n steps at the power of now: every pole goes its way exactly (its input is constant but for the
 * sink, whose change within a step is neglected). */
static void run(struct wtl_sim_gpu *gpu, int64_t n)
{
    const struct wtl_sim_thermal *th = &gpu->board.thermal;
    const double p = gpu->power_w, step_j = p * WTL_SIM_STEP_S;
    const double sink_end = gpu->ambient_c + th->sink_k_per_w * p;
    const double die_over = th->die_k_per_w * p, mem_over = th->mem_k_per_w * p;
    const double sink_k = gpu->sink_k, die_k = gpu->die_k, mem_k = gpu->mem_k;
    const double average_k = gpu->average_k;
    double energy = gpu->energy_j, average = gpu->average_w;
    double sink = gpu->sink_c, die = gpu->die_c, mem = gpu->mem_c;
    uint64_t k = (uint64_t)gpu->tick;
    for (int64_t i = 0; i < n; i++) {
        energy += step_j;
        gpu->sensors.energy_ring_j[++k % WTL_SIM_ENERGY_RING] = energy;
        average = p + (average - p) * average_k;
        sink = sink_end + (sink - sink_end) * sink_k;
        die = sink + die_over + (die - sink - die_over) * die_k;
        mem = sink + mem_over + (mem - sink - mem_over) * mem_k;
    }
    gpu->energy_j = energy;
    gpu->average_w = average;
    gpu->sink_c = sink;
    gpu->die_c = die;
    gpu->mem_c = mem;
    gpu->tick += n;
}

void wtl_sim_gpu_advance(struct wtl_sim_gpu *gpu, int64_t t_ns)
{
    const int64_t end = t_ns / WTL_SIM_STEP_NS;
    schedule(gpu);
    while (gpu->tick < end) {
        const int64_t until = sooner(end, gpu->next_tick);
        if (until > gpu->tick)
            run(gpu, until - gpu->tick);
        if (gpu->tick >= gpu->next_tick)
            events(gpu);
    }
}

int64_t wtl_sim_gpu_now_ns(const struct wtl_sim_gpu *gpu)
{
    return gpu->tick * WTL_SIM_STEP_NS;
}
