/* SPDX-License-Identifier: Apache-2.0
 *
 * Workloads of the virtual GPU: what a set of tenants on one board achieves and draws in the steady
 * state at given clocks. Pure functions of plain data without pointers.
 *
 * A workload is fitted per board and memory clock (struct wtl_sim_fit; data/sim/workloads, made by
 * tools/calibrate-sim). Work is counted in the workload's unit: images, tokens, runs.
 * Physically sound by construction: throughput and power never fall as the clock rises, shares
 * scale, a mixture of tenants lies between its members.
 */
#ifndef WTL_SIM_WORKLOAD_H
#define WTL_SIM_WORKLOAD_H

#include "base/random.h"
#include "sim/silicon.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    WTL_SIM_TENANTS = 48, /* MPS clients of one GPU, Volta and later (CUDA MPS manual) */
    WTL_SIM_PHASES = 2,   /* prefill, decode */
    WTL_SIM_FITS = 3,     /* memory clocks */
    WTL_SIM_NAME = 48,
};

/* Parameters of one workload phase on one board at one memory clock; workload.c has the form. */
struct wtl_sim_fit {
    double mem_mhz;        /* the memory clock that it was fitted at */
    double launch_s;       /* host's time for a batch, which no clock moves */
    double copy_s;         /* the same for an item: decoding, copy to the board */
    double compute_s;      /* an item on the whole chip at the highest clock */
    double memory_s;       /* an item at full memory bandwidth */
    double share_power;    /* compute time goes with share^-share_power */
    double roof_sharpness; /* of the corner where the tenants together fill the chip */
    double busy_w;         /* dynamic power of a chip that only waits in kernels, highest clock */
    double item_j;         /* dynamic energy of an item at the highest clock */
};

/* One phase of a workload. Most workloads have one, endless one. */
struct wtl_sim_phase {
    char name[16]; /* "", "prefill", "decode" */
    double
        work_per_item; /* units of work that one item of a batch spends in this phase; 0: endless */
    int n_fits;        /* by rising memory clock */
    struct wtl_sim_fit fits[WTL_SIM_FITS];
};

/* A workload on one board. */
struct wtl_sim_workload {
    char name[WTL_SIM_NAME]; /* "resnet50" */
    char unit[16];           /* "images", "tokens", "runs" */
    int n_phases;
    struct wtl_sim_phase phases[WTL_SIM_PHASES];
    double process_mib; /* context, libraries and weights of one process */
    double item_mib;    /* activations, input, cache of one item of a batch */
    int batch_default, batch_max;
};

/* One process on the GPU. */
struct wtl_sim_tenant {
    struct wtl_sim_workload workload;
    double share;         /* CUDA_MPS_ACTIVE_THREAD_PERCENTAGE / 100, 0 < share <= 1 */
    int batch;            /* items at once, >= 1 */
    int phase;            /* 0 .. n_phases - 1: which one it is in; the time stepping moves it */
    double offered_per_s; /* work that arrives; 0: as much as it can (closed loop) */
};

struct wtl_sim_tenant_rate {
    double work_per_s;     /* served */
    double capacity_per_s; /* could be served beside these rivals if more arrived */
    double latency_s;      /* one batch from start to end */
    double busy;           /* share of the time in which it has a kernel on the GPU, 0..1 */
    double sm_active;      /* share of the chip's SM-time that it takes, 0..1 */
    double dynamic_w;      /* its part of the board's dynamic power */
    double vram_mib;
    bool out_of_memory; /* did not fit when its turn came (in the order given): all rates are 0 */
};

struct wtl_sim_rates {
    int n;
    struct wtl_sim_tenant_rate tenants[WTL_SIM_TENANTS];
    double work_per_s;    /* sum; means something when all tenants have one unit */
    double sm_util;       /* NVML utilization.gpu: share of time with any kernel resident, 0..1 */
    double mem_util;      /* NVML utilization.memory: share of time in which memory is busy, 0..1 */
    double sm_active;     /* share of SM-time in use, 0..1 (DCGM field 1002) */
    double dynamic_w;     /* at the voltage of this clock; independent of temperature */
    double vram_used_mib; /* driver included */
};

/* The steady state of n tenants (0 <= n <= WTL_SIM_TENANTS) at these clocks. Total power is
 * wtl_sim_static_w() + dynamic_w. Clocks beyond the board's range take its end; a memory clock
 * between two fits is interpolated. */
void wtl_sim_rates(const struct wtl_sim_silicon *silicon, const struct wtl_sim_tenant *tenants,
                   int n, double sm_mhz, double mem_mhz, struct wtl_sim_rates *out);

/* The highest clock at most sm_mhz (continuous) at which the board stays within limit_w in the
 * steady state, at the silicon's reference temperature, and the rates there: where the firmware's
 * power-limit loop settles on average. Returns that clock; sm_mhz_min where nothing is low enough.
 */
double wtl_sim_rates_limited(const struct wtl_sim_silicon *silicon,
                             const struct wtl_sim_tenant *tenants, int n, double sm_mhz,
                             double mem_mhz, double limit_w, struct wtl_sim_rates *out);

/* The truth that no predictor knows: one seed's deviation of a board and its workloads from the
 * calibrated form. Each factor is 1 +- 5 to 10 % (uniform in size, random in sign). */
struct wtl_sim_mismatch {
    double curvature;  /* of time against clock: scales the part that the clock does not move */
    double contention; /* between tenants */
    double voltage;    /* curvature of power against clock: the knee's place */
};
void wtl_sim_mismatch_none(struct wtl_sim_mismatch *out); /* all 1 */
void wtl_sim_mismatch_draw(struct wtl_rng *rng, struct wtl_sim_mismatch *out);

/* Puts a mismatch into a workload's parameters (once; not into an already changed one) and a
 * board's silicon. */
void wtl_sim_mismatch_workload(const struct wtl_sim_mismatch *m, struct wtl_sim_workload *workload);
void wtl_sim_mismatch_silicon(const struct wtl_sim_mismatch *m, struct wtl_sim_silicon *silicon);

#endif
