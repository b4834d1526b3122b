/* SPDX-License-Identifier: Apache-2.0
 * How the virtual GPU measures itself. Noise is a function of seed and step, so that no reading and
 * no fault disturbs what comes after. */
#include "sim/engine.h"

#include <math.h>
#include <string.h>

/* Mean 0, variance 1: four uniform numbers of 16 bits each (Irwin-Hall); ends at 3.5 sigma. */
static double noise(uint64_t seed, uint64_t n)
{
    const uint64_t bits = wtl_sim_draw(seed, WTL_SIM_DRAW_NOISE, n);
    const double sum =
        (double)((bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48));
    return (sum - 4 * 32767.5) / 37837.2; /* 65536 / sqrt(3) */
}

static double clamp(double x, double lo, double hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

static void restart_schedule(struct wtl_sim_gpu *gpu)
{
    struct wtl_sim_sensors *s = &gpu->sensors;
    const struct wtl_sim_power_sensor *p = &gpu->board.sensor;
    /* Cards are not in step with one another. */
    const uint64_t u = wtl_sim_draw(gpu->seed, WTL_SIM_DRAW_CARD, 2);
    s->update_tick = gpu->tick + 1 + (int64_t)(u % (uint64_t)wtl_sim_steps(p->update_ms));
    s->counter_tick = gpu->tick + 1 + (int64_t)(u / 64 % (uint64_t)wtl_sim_steps(p->counter_ms));
    s->util_tick =
        gpu->tick + 1 + (int64_t)(u / 4096 % (uint64_t)wtl_sim_steps(gpu->board.util_ms));
}

static uint32_t milliwatts(const struct wtl_sim_gpu *gpu, double w)
{
    const double step = gpu->board.sensor.resolution_mw;
    return (uint32_t)(step * floor(clamp(1e3 * w, 0, 4e9) / step + 0.5));
}

/* Nothing before the start but the power of now. */
static void fill(struct wtl_sim_gpu *gpu)
{
    struct wtl_sim_sensors *s = &gpu->sensors;
    for (int64_t k = 0; k < WTL_SIM_ENERGY_RING; k++)
        s->energy_ring_j[(uint64_t)(gpu->tick - k) % WTL_SIM_ENERGY_RING] =
            gpu->energy_j - (double)k * WTL_SIM_STEP_S * gpu->power_w;
    for (int i = 0; i < WTL_SIM_WINDOWS; i++)
        s->window_w[i] = gpu->power_w;
}

static void publish_temperatures(struct wtl_sim_gpu *gpu)
{
    gpu->sensors.temp_c = (int)lround(gpu->die_c);
    gpu->sensors.mem_temp_c = (int)lround(gpu->mem_c);
}

void wtl_sim_sensors_init(struct wtl_sim_gpu *gpu, bool exact)
{
    struct wtl_sim_sensors *s = &gpu->sensors;
    const struct wtl_sim_power_sensor *p = &gpu->board.sensor;
    memset(s, 0, sizeof *s);
    s->gain = 1;
    if (!exact) {
        s->gain += p->gain_spread * (2 * wtl_sim_uniform(gpu->seed, WTL_SIM_DRAW_CARD, 0) - 1);
        s->offset_w =
            p->offset_spread_w * (2 * wtl_sim_uniform(gpu->seed, WTL_SIM_DRAW_CARD, 1) - 1);
        s->noise_w = p->noise_w;
    }
    fill(gpu);
    s->instant_mw = s->average_mw = milliwatts(gpu, s->gain * gpu->power_w + s->offset_w);
    publish_temperatures(gpu);
    restart_schedule(gpu);
}

void wtl_sim_sensors_reload(struct wtl_sim_gpu *gpu)
{
    struct wtl_sim_sensors *s = &gpu->sensors;
    s->counter_mj = 0;
    s->energy_mj = 0;
    s->counted_j = wtl_sim_energy_at(gpu, gpu->tick - wtl_sim_steps(gpu->board.sensor.lag_ms));
    s->energy_t_ns = gpu->tick * WTL_SIM_STEP_NS;
    s->frozen = 0;
    s->drop = s->scope_w = 0;
    memset(s->rings, 0, sizeof s->rings);
    restart_schedule(gpu);
}

static void push(struct wtl_sim_gpu *gpu, enum wtl_sim_ring_kind kind, uint32_t value)
{
    struct wtl_sim_ring *r = &gpu->sensors.rings[kind];
    r->samples[r->n++ % WTL_SIM_RING] =
        (struct wtl_sim_sample){gpu->tick * WTL_SIM_STEP_NS, value, 0};
}

/* Whether a sensor's update reaches its reader. `n` tells updates apart. */
static bool published(const struct wtl_sim_gpu *gpu, unsigned sensor, uint64_t n)
{
    const struct wtl_sim_sensors *s = &gpu->sensors;
    if (s->frozen & sensor)
        return false;
    return s->drop <= 0 || wtl_sim_uniform(gpu->seed, WTL_SIM_DRAW_DROP,
                                           n * WTL_SIM_SENSORS_ALL + sensor) >= s->drop;
}

/* ---- Power ----------------------------------------------------------------------------------- */

static bool part_time(const struct wtl_sim_power_sensor *p)
{
    return p->window_ms < p->update_ms;
}

/* True mean power of the second that ended `lag` steps ago, as far as the windows saw it. */
static double second_w(const struct wtl_sim_gpu *gpu)
{
    const struct wtl_sim_sensors *s = &gpu->sensors;
    const struct wtl_sim_power_sensor *p = &gpu->board.sensor;
    if (part_time(p)) {
        const uint64_t n = 1000 / (uint64_t)p->update_ms;
        double sum = 0;
        for (uint64_t i = 1; i <= n; i++)
            sum += s->window_w[(s->n_updates + WTL_SIM_WINDOWS - i) % WTL_SIM_WINDOWS];
        return sum / (double)n;
    }
    const int64_t end = gpu->tick - wtl_sim_steps(p->lag_ms);
    return wtl_sim_energy_at(gpu, end) - wtl_sim_energy_at(gpu, end - wtl_sim_steps(1000));
}

static void update_power(struct wtl_sim_gpu *gpu)
{
    struct wtl_sim_sensors *s = &gpu->sensors;
    const struct wtl_sim_power_sensor *p = &gpu->board.sensor;
    const int64_t end = gpu->tick - wtl_sim_steps(p->lag_ms);
    const int64_t window = wtl_sim_steps(p->window_ms);
    const double w = (wtl_sim_energy_at(gpu, end) - wtl_sim_energy_at(gpu, end - window)) /
                     ((double)window * WTL_SIM_STEP_S);
    s->window_w[s->n_updates++ % WTL_SIM_WINDOWS] = w;
    if (p->counter_part_time)
        s->counter_mj += fmax(0, s->gain * w + s->offset_w) * p->update_ms;
    if (published(gpu, WTL_SIM_SENSOR_POWER, s->n_updates)) {
        const double e = s->noise_w * noise(gpu->seed, s->n_updates);
        s->instant_mw = milliwatts(gpu, s->gain * (w + s->scope_w) + s->offset_w + e);
        s->power_t_ns = gpu->tick * WTL_SIM_STEP_NS;
        if (gpu->board.capabilities & (WTL_SIM_FIELD_AVERAGE | WTL_SIM_USAGE_IS_AVERAGE))
            s->average_mw = milliwatts(gpu, s->gain * (second_w(gpu) + s->scope_w) + s->offset_w);
        push(gpu, WTL_SIM_RING_POWER, s->instant_mw);
    }
    if (published(gpu, WTL_SIM_SENSOR_TEMP, s->n_updates))
        publish_temperatures(gpu);
}

static void update_counter(struct wtl_sim_gpu *gpu)
{
    struct wtl_sim_sensors *s = &gpu->sensors;
    const struct wtl_sim_power_sensor *p = &gpu->board.sensor;
    if (!p->counter_part_time) {
        const double now_j = wtl_sim_energy_at(gpu, gpu->tick - wtl_sim_steps(p->lag_ms));
        const double seen_j = s->gain * (now_j - s->counted_j) + s->offset_w * 1e-3 * p->counter_ms;
        s->counter_mj += fmax(0, 1e3 * seen_j);
        s->counted_j = now_j;
    }
    if (!published(gpu, WTL_SIM_SENSOR_COUNTER, (uint64_t)gpu->tick))
        return;
    const double quantum = p->counter_quantum_mj;
    s->energy_mj = (uint64_t)(quantum * floor(s->counter_mj / quantum));
    s->energy_t_ns = gpu->tick * WTL_SIM_STEP_NS;
}

/* ---- Utilisation ----------------------------------------------------------------------------- */

static unsigned percent(double fraction)
{
    return (unsigned)lround(100 * clamp(fraction, 0, 1));
}

/* The processes' parts of the board's utilisation, told apart by SM time: a process that is alone
 * has all of it, as nvidia-smi's pmon shows. */
static void update_slots(struct wtl_sim_gpu *gpu, double gpu_util, double mem_util)
{
    double all = 0;
    for (int i = 0; i < gpu->n_slots; i++)
        all += gpu->sm_time[i] - gpu->slots[i].util_mark;
    for (int i = 0; i < gpu->n_slots; i++) {
        struct wtl_sim_slot *slot = &gpu->slots[i];
        const double mine = gpu->sm_time[i] - slot->util_mark;
        slot->util_mark = gpu->sm_time[i];
        const double part = all > 0 ? mine / all : 0;
        slot->util_pct = percent(gpu_util * part);
        slot->mem_util_pct = percent(mem_util * part);
        slot->util_t_ns = gpu->tick * WTL_SIM_STEP_NS;
    }
}

static void update_util(struct wtl_sim_gpu *gpu)
{
    struct wtl_sim_sensors *s = &gpu->sensors;
    wtl_sim_flush(gpu);
    const double now_s = (double)gpu->tick * WTL_SIM_STEP_S, window_s = now_s - s->busy_since_s;
    const double gpu_util = s->gpu_busy_s / window_s, mem_util = s->mem_busy_s / window_s;
    s->gpu_busy_s = s->mem_busy_s = 0;
    s->busy_since_s = now_s;
    if (!published(gpu, WTL_SIM_SENSOR_UTIL, (uint64_t)gpu->tick))
        return;
    s->gpu_util_pct = percent(gpu_util);
    s->mem_util_pct = percent(mem_util);
    s->util_t_ns = gpu->tick * WTL_SIM_STEP_NS;
    update_slots(gpu, gpu_util, mem_util);
    push(gpu, WTL_SIM_RING_GPU_UTIL, s->gpu_util_pct);
    push(gpu, WTL_SIM_RING_MEM_UTIL, s->mem_util_pct);
    push(gpu, WTL_SIM_RING_SM_CLOCK, (uint32_t)wtl_sim_sm_now(gpu));
    push(gpu, WTL_SIM_RING_MEM_CLOCK, (uint32_t)wtl_sim_mem_now(gpu));
}

/* ---- Schedule -------------------------------------------------------------------------------- */

int64_t wtl_sim_sensors_next(const struct wtl_sim_gpu *gpu)
{
    const struct wtl_sim_sensors *s = &gpu->sensors;
    const int64_t a = s->update_tick < s->counter_tick ? s->update_tick : s->counter_tick;
    return a < s->util_tick ? a : s->util_tick;
}

void wtl_sim_sensors_due(struct wtl_sim_gpu *gpu)
{
    struct wtl_sim_sensors *s = &gpu->sensors;
    if (s->frozen && gpu->tick * WTL_SIM_STEP_NS >= s->frozen_until_ns)
        s->frozen = 0;
    if (gpu->tick >= s->update_tick) {
        s->update_tick += wtl_sim_steps(gpu->board.sensor.update_ms);
        update_power(gpu);
    }
    if (gpu->tick >= s->counter_tick) {
        s->counter_tick += wtl_sim_steps(gpu->board.sensor.counter_ms);
        update_counter(gpu);
    }
    if (gpu->tick >= s->util_tick) {
        s->util_tick += wtl_sim_steps(gpu->board.util_ms);
        update_util(gpu);
    }
}
