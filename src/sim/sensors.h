/* SPDX-License-Identifier: Apache-2.0
 *
 * The sensors of the virtual GPU: what they published last, and the driver's rings of samples. Part
 * of struct wtl_sim_gpu (sim/gpu.h); read through sim/readings.h.
 */
#ifndef WTL_SIM_SENSORS_H
#define WTL_SIM_SENSORS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    WTL_SIM_RING = 120,        /* samples that the driver keeps of a kind */
    WTL_SIM_ENERGY_RING = 256, /* steps of true energy: 1 s average + 250 ms lag */
    WTL_SIM_WINDOWS = 200,     /* power values of the last second */
};

/* Sets of sensors, for faults. */
enum wtl_sim_sensor_bit {
    WTL_SIM_SENSOR_POWER = 1 << 0,
    WTL_SIM_SENSOR_COUNTER = 1 << 1,
    WTL_SIM_SENSOR_TEMP = 1 << 2,
    WTL_SIM_SENSOR_UTIL = 1 << 3, /* and the rings of utilisation and clocks */
    WTL_SIM_SENSORS_ALL = 0xf,
};

/* Which ring of samples. Numbers are ours. */
enum wtl_sim_ring_kind {
    WTL_SIM_RING_POWER,    /* mW */
    WTL_SIM_RING_GPU_UTIL, /* % */
    WTL_SIM_RING_MEM_UTIL, /* % */
    WTL_SIM_RING_SM_CLOCK, /* MHz */
    WTL_SIM_RING_MEM_CLOCK,
    WTL_SIM_N_RINGS,
};

struct wtl_sim_sample {
    int64_t t_ns; /* since the start */
    uint32_t value;
    uint32_t unused; /* 0: two equal states are equal byte for byte */
};

struct wtl_sim_ring {
    uint64_t n; /* ever; sample i is in samples[i % WTL_SIM_RING] */
    struct wtl_sim_sample samples[WTL_SIM_RING];
};

struct wtl_sim_sensors {
    /* The card's own. */
    double gain, offset_w, noise_w;
    int64_t update_tick, counter_tick, util_tick; /* when they publish next */
    uint64_t n_updates;

    /* Published. */
    uint32_t instant_mw, average_mw;
    int64_t power_t_ns;
    uint64_t energy_mj; /* since the driver was loaded */
    int64_t energy_t_ns;
    int temp_c, mem_temp_c;
    unsigned gpu_util_pct, mem_util_pct;
    int64_t util_t_ns;

    /* On the way there. */
    double energy_ring_j[WTL_SIM_ENERGY_RING];   /* true energy after step k at k % size */
    double window_w[WTL_SIM_WINDOWS];            /* means of the last windows, true watts; a ring */
    double counter_mj;                           /* exact, before the quantum */
    double counted_j;                            /* true energy that went into it */
    double gpu_busy_s, mem_busy_s, busy_since_s; /* of the utilisation window */

    /* Faults. */
    unsigned frozen; /* enum wtl_sim_sensor_bit */
    int64_t frozen_until_ns;
    double drop;
    double scope_w; /* that the power sensor sees and is not the GPU's */

    struct wtl_sim_ring rings[WTL_SIM_N_RINGS];
};

#endif
