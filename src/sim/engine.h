/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the virtual GPU's engine give each other; for src/sim alone.
 */
#ifndef WTL_SIM_ENGINE_H
#define WTL_SIM_ENGINE_H

#include "sim/gpu.h"

#define WTL_SIM_STEP_NS (WTL_SIM_STEP_MS * INT64_C(1000000))
#define WTL_SIM_STEP_S (WTL_SIM_STEP_MS * 1e-3)
#define WTL_SIM_NEVER INT64_MAX

/* The loops of the firmware run every frame. */
enum { WTL_SIM_FRAME_STEPS = 4, WTL_SIM_THERMAL_STEPS = 20 };

/* Streams of wtl_sim_draw(). */
enum {
    WTL_SIM_DRAW_CARD = 1,
    WTL_SIM_DRAW_MISMATCH,
    WTL_SIM_DRAW_LATENCY,
    WTL_SIM_DRAW_NOISE,
    WTL_SIM_DRAW_DROP,
    WTL_SIM_DRAW_UUID,
};

/* Randomness without state: 64 bits that depend on these three alone. */
static inline uint64_t wtl_sim_draw(uint64_t seed, uint64_t stream, uint64_t n)
{
    uint64_t z =
        (seed ^ (stream * UINT64_C(0xd1342543de82ef95))) + n * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
static inline double wtl_sim_uniform(uint64_t seed, uint64_t stream, uint64_t n)
{
    return (double)(wtl_sim_draw(seed, stream, n) >> 11) * 0x1.0p-53;
}

static inline int64_t wtl_sim_steps(double ms)
{
    return (int64_t)(ms / WTL_SIM_STEP_MS + 0.5);
}

/* True energy after step `tick` of the last WTL_SIM_ENERGY_RING. */
static inline double wtl_sim_energy_at(const struct wtl_sim_gpu *gpu, int64_t tick)
{
    return gpu->sensors.energy_ring_j[(uint64_t)tick % WTL_SIM_ENERGY_RING];
}

static inline double wtl_sim_enforced_w(const struct wtl_sim_gpu *gpu)
{
    return gpu->oob_limit_w > 0 && gpu->oob_limit_w < gpu->limit_w ? gpu->oob_limit_w
                                                                   : gpu->limit_w;
}

/* Clocks as they run. */
double wtl_sim_sm_now(const struct wtl_sim_gpu *gpu);
double wtl_sim_mem_now(const struct wtl_sim_gpu *gpu);

/* Adds up work and times until now. To be called before anything that they depend on changes. */
void wtl_sim_flush(struct wtl_sim_gpu *gpu);

/* Clocks, rates, power and reasons follow from the state; to be called after every change of it. */
void wtl_sim_settle(struct wtl_sim_gpu *gpu);

/* Which slots have work, and when that changes next: after a change of a slot, before settling. */
void wtl_sim_slots_schedule(struct wtl_sim_gpu *gpu);
/* Patterns and phases that are due. */
void wtl_sim_slots_due(struct wtl_sim_gpu *gpu);

/* Firmware loops, each with the power, clock and temperature of now. */
int wtl_sim_power_limited(struct wtl_sim_gpu *gpu, int wanted); /* the index that may run */
void wtl_sim_power_loop(struct wtl_sim_gpu *gpu, int wanted);
void wtl_sim_thermal_loop(struct wtl_sim_gpu *gpu);

/* Rates at a clock that the current processes would have. */
const struct wtl_sim_cached_rates *wtl_sim_rates_at(struct wtl_sim_gpu *gpu, int sm, int mem);
void wtl_sim_rates_forget(struct wtl_sim_gpu *gpu);

void wtl_sim_event(struct wtl_sim_gpu *gpu, enum wtl_sim_event_type type, uint32_t data);

void wtl_sim_sensors_init(struct wtl_sim_gpu *gpu, bool exact);
void wtl_sim_sensors_reload(struct wtl_sim_gpu *gpu);
void wtl_sim_sensors_due(struct wtl_sim_gpu *gpu); /* publishes what is due */
int64_t wtl_sim_sensors_next(const struct wtl_sim_gpu *gpu);

#endif
