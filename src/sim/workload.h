/* SPDX-License-Identifier: Apache-2.0
 *
 * Workloads of the virtual GPU: what a set of tenants on one board achieves and draws in the steady
 * state at given clocks. Pure functions of plain data without pointers.
 *
 * A workload is fitted per board and memory clock (struct wtl_sim_fit; data/sim/workloads, made by
 * tools/calibrate-sim; docs/virtual-gpu.md has its errors). Work is counted in the workload's unit:
 * images, tokens, runs. Physically sound by construction: throughput and power never fall as the
 * clock rises, shares scale, a mixture of tenants lies between its members.
 */
#ifndef WTL_SIM_WORKLOAD_H
#define WTL_SIM_WORKLOAD_H

#include "base/error.h"
#include "base/random.h"
#include "sim/silicon.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    WTL_SIM_TENANTS = 48, /* MPS clients of one GPU, Volta and later (CUDA MPS manual) */
    WTL_SIM_PHASES = 2,   /* prefill, decode */
    WTL_SIM_FITS = 3,     /* memory clocks */
    WTL_SIM_PARTS = 8,    /* of a GPU: itself, and MIG instances */
    WTL_SIM_NAME = 48,
    WTL_SIM_BATCH_MAX = 1000000,
};

/* Parameters of one workload phase on one board at one memory clock. x = f/sm_mhz_max, b = batch,
 * s = share. All positive; written out for one tenant alone, then beside others.
 *
 *   clk   = (1 - memory_share)/x + memory_share/U           the chip's time against the clock;
 *                                                           U: speed of the uncore (silicon.h)
 *   chip  = compute_s (b + fill_batch s) s^-share_power clk  a batch on the chip
 *   copy  = b (copy_s + copy_large_s/(1 + (copy_knee/b)^4))  host: staging; larger batches leave
 *                                                           the host's cache
 *   alone = max'(launch_s, chip; overlap) + copy             launching overlaps with the chip
 *   item  = max'(alone/b, nR roof_s clk, nH host_s/b; corner)  beside others
 *
 * max'(...; p) = (sum of p-th powers)^(1/p), a smooth maximum. nR and nH say how many tenants like
 * this one the others amount to on the chip and on the host: (sum over all of phi)/phi with phi =
 * the tenant's demand at the highest clock, alone, in shares of the chip's (roof_s per item) and of
 * the host's (host_s per batch) whole throughput. They do not depend on the clock, which keeps
 * every tenant's throughput from falling as it rises. In a MIG instance with the part q of the SMs,
 * only tenants of that instance count for nR, which is divided by q.
 *
 *   dynamic power = v^2 (item_j T + active_w x u + occupancy_w x o) + item_memory_j T
 *
 * v = V(f)/v_max, T items per second, u the share of time in which any tenant computes (one minus
 * the product over tenants of 1 - chip/alone), o the sum of share chip/alone, 1 at most. In u and o
 * chip is without what a slow uncore adds: SMs that wait do not toggle. */
struct wtl_sim_fit {
    double mem_mhz;       /* the memory clock that it was fitted at */
    double launch_s;      /* host's time to launch a batch's kernels */
    double overlap;       /* sharpness of that maximum, >= 1 */
    double copy_s;        /* host's time for an item: staging, copy to the board */
    double copy_large_s;  /* more of it in large batches */
    double copy_knee;     /* batch at which half of that is reached */
    double compute_s;     /* an item on the whole chip at the highest clock */
    double fill_batch;    /* batch that the whole chip needs to be half filled */
    double share_power;   /* > 0 */
    double memory_share;  /* of the chip's time that waits for memory, 0..1, at full uncore speed */
    double roof_s;        /* an item when many tenants fill the chip, highest clock */
    double host_s;        /* a batch when many tenants fill the host */
    double corner;        /* sharpness of the roofline's corner, > 0 */
    double active_w;      /* of a chip on which anything runs */
    double occupancy_w;   /* of a chip whose SMs are all held */
    double item_j;        /* energy of an item on the chip */
    double item_memory_j; /* energy of an item in memory, at no SM voltage */
    double memory_s;      /* time of an item in which memory is busy (utilization.memory) */
};

/* Bounds that keep rates finite, and monotone in the clock: X(member, low, high). */
#define WTL_SIM_FIT_BOUNDS(X)                                                                      \
    X(mem_mhz, 1, 1e5)                                                                             \
    X(launch_s, 1e-9, 1e4)                                                                         \
    X(overlap, 1, 100)                                                                             \
    X(copy_s, 1e-9, 1e4)                                                                           \
    X(copy_large_s, 1e-9, 1e4)                                                                     \
    X(copy_knee, 1e-3, 1e5)                                                                        \
    X(compute_s, 1e-9, 1e4)                                                                        \
    X(fill_batch, 1e-9, 1e4)                                                                       \
    X(share_power, 1e-3, 3)                                                                        \
    X(memory_share, 1e-9, 0.999999)                                                                \
    X(roof_s, 1e-9, 1e4)                                                                           \
    X(host_s, 1e-9, 1e4)                                                                           \
    X(corner, 0.3, 100)                                                                            \
    X(active_w, 1e-9, 1e4)                                                                         \
    X(occupancy_w, 1e-9, 1e4)                                                                      \
    X(item_j, 1e-9, 1e7)                                                                           \
    X(item_memory_j, 1e-9, 1e7)                                                                    \
    X(memory_s, 1e-9, 1e4)

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

/* -WTL_USAGE with the first thing that makes no sense: a text without end or with control
 * characters, a number out of its bounds, fits that do not rise in memory clock, more than 10 kW
 * for an item. Whatever passes does the engine no harm. */
int wtl_sim_workload_check(const struct wtl_sim_workload *workload, struct wtl_error *err);

/* A made-up workload (images, batch 8, a compute-bound network of 2 ms an item and 0.1 J) that fits
 * any board, for tests. */
void wtl_sim_workload_plain(struct wtl_sim_workload *out);

/* One process on the GPU. */
struct wtl_sim_tenant {
    struct wtl_sim_workload workload;
    double share;         /* CUDA_MPS_ACTIVE_THREAD_PERCENTAGE / 100, 0 < share <= 1 */
    int batch;            /* items at once, >= 1 */
    int phase;            /* 0 .. n_phases - 1: which one it is in; the time stepping moves it */
    double offered_per_s; /* work that arrives; 0: as much as it can do (closed loop) */
    int part;             /* 0: of the whole GPU; 1 .. WTL_SIM_PARTS - 1: in a MIG instance */
    double part_size;     /* of that instance's SMs; not read for part 0 */
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

/* The steady state of n tenants (0 <= n <= WTL_SIM_TENANTS) at these clocks. No tenant's throughput
 * and no power falls when sm_mhz rises. Total power is
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
