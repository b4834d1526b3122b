/* SPDX-License-Identifier: Apache-2.0
 *
 * Campaigns with known truth. A seeded generator of the runs of one workload on one GPU, as a
 * sweep would have recorded them, together with the noise-free curves that they came from.
 *
 * The truth deliberately shares no functional form with src/predict:
 *   time   t(x) = H + (C(x)^p + M(x)^p)^(1/p),  x = f/f_max: a soft, not a sharp, memory-bound
 *          floor; C(x) = C x^-(1+e) with a curvature mismatch e of 5-10 %; M(x) grows a little
 *          towards low clocks, because the on-chip network runs on the SM clock; H: host.
 *   power  idle + leakage V^3 + clock tree x V^2 + compute share C(x)/t x^(1+e') V^2 + memory
 *          share M/t; V(x) is a softplus of its own width and convexity around the voltage kink
 *          (5-10 % off the piecewise linear one).
 *   noise  proportional, autocorrelated in run order (AR(1)), power partly anti-correlated with
 *          time; drift over the sequence; cold starts; slow outliers; runs in which the metered GPU
 *          idles.
 * A card is a function of (population_seed, gpu), a workload of (population_seed, workload); noise,
 * mismatch and the board's gain are functions of `seed`. One seed, one campaign, on every machine.
 *
 * Cost: two arena allocations (runs, kinds) and about 1 us a run.
 */
#ifndef WTL_TESTS_SIM_CAMPAIGN_H
#define WTL_TESTS_SIM_CAMPAIGN_H

#include "base/alloc.h"
#include "base/error.h"
#include "core/policy.h"
#include "core/run.h"

/* Cards by index: the three of the published campaign, then invented ones ("X3", "X4", ...), each
 * with its own clock range, step, voltage kink, bandwidth and power. */
enum { SIM_V100, SIM_A100, SIM_H100, SIM_FIRST_INVENTED };

/* Workloads by index: named archetypes from compute-bound to memory-bound to host-bound; from
 * SIM_N_NAMED_WORKLOADS on invented ones ("work12", ...). */
enum {
    SIM_GEMM,            /* compute-bound through and through */
    SIM_STABLEDIFFUSION, /* between, as the published runs of it are */
    SIM_PREFILL,         /* mostly compute */
    SIM_RESNET,
    SIM_VIT,
    SIM_BERT,
    SIM_WHISPER,
    SIM_GNN,
    SIM_DECODE, /* mostly memory */
    SIM_DLRM,
    SIM_LSTM,   /* mostly host */
    SIM_STREAM, /* memory-bound through and through */
    SIM_N_NAMED_WORKLOADS
};

enum sim_order {
    SIM_DESCENDING, /* the published order: from the highest clock down, repetitions in a row */
    SIM_BLOCKS,     /* randomised complete blocks: every clock once per block, in random order */
};

struct sim_options {
    uint64_t seed;            /* of noise, mismatch and the board */
    uint64_t population_seed; /* of cards and workloads */
    int gpu;                  /* see above, >= 0 */
    int workload;
    enum sim_order order;
    int n_reps;             /* runs per clock */
    int clock_stride;       /* every n-th legal clock is swept, the highest always */
    double min_clock_ratio; /* of the sweep's lowest clock to the highest */
    double time_cv;         /* of run-to-run noise, relative */
    double power_cv;
    double autocorrelation; /* AR(1) coefficient of the noise in run order, -1..1 */
    double drift_per_run;   /* relative growth of time per run of the sequence */
    int cold_runs;          /* the first n runs are cold: time up to 30-fold, power near idle */
    double outlier_share;   /* probability that a run is 1.15 to 4 times too slow */
    double idle_share;      /* probability that the metered GPU idles in a run */
    double mismatch_min;    /* relative, of curvatures; 0 and 0 give the cleanest truth */
    double mismatch_max;
    bool activity; /* runs carry sm_active, dram_active, fp32/fp16/tensor activity ... */
};

/* Seed 1, A100 Stable Diffusion, descending, 3 repetitions, every clock down to 0.36 of the
 * highest, 1.5 % noise of time and 1 % of power, autocorrelation 0.2, mismatch 5-10 %, activity, no
 * fault. */
struct sim_options sim_options_default(void);

/* What was done to a run. */
enum sim_kind { SIM_GOOD, SIM_COLD, SIM_OUTLIER, SIM_IDLE };

/* The noise-free curves. Read through the functions below; fields are documented for the proofs
 * that need them. */
struct sim_truth {
    double f_max_mhz;
    /* time at f_max, s */
    double host_s, compute_s, memory_s;
    double sharpness;          /* p of the soft maximum */
    double compute_exponent;   /* 1 + e */
    double network_slope;      /* growth of memory time */
    double kink, kink_width;   /* of V, in x */
    double v_min, v_convexity; /* V at low clocks (1 at f_max); convexity above the kink */
    /* power at f_max, W */
    double idle_w, leakage_w, clock_tree_w, compute_w, memory_w;
    double power_exponent; /* 1 + e' */
    double tensor_share;   /* of compute, the rest FP32 */
    double pipe_efficiency, dram_efficiency;
};

struct sim_campaign {
    struct sim_options options;
    char gpu[WTL_LIMIT_NAME];
    char workload[WTL_LIMIT_NAME];
    struct wtl_run *runs; /* in run order; causes are clear */
    enum sim_kind *kinds; /* one per run */
    size_t n_runs;
    int clocks_mhz[WTL_LIMIT_CLOCKS]; /* legal clocks of the card, ascending */
    size_t n_clocks;
    int swept_mhz[WTL_LIMIT_CLOCKS]; /* those of the sweep, ascending */
    size_t n_swept;
    struct sim_truth truth;
};

/* -WTL_USAGE for options that make no sense; -WTL_NOMEM. */
int sim_campaign_make(struct wtl_arena *arena, const struct sim_options *options,
                      struct sim_campaign *campaign_out, struct wtl_error *err);

double sim_time_s(const struct sim_truth *truth, double clock_mhz);
double sim_power_w(const struct sim_truth *truth, double clock_mhz); /* mean over the run */
double sim_energy_j(const struct sim_truth *truth, double clock_mhz);

/* The truth of a policy, at the highest legal clock as baseline: objective relative to the
 * baseline (1 at the baseline), and whether the point constraints hold (slowdown, energy, clock
 * ratio, power, saving; rate and SLO are not simulated). */
double sim_objective(const struct sim_campaign *c, const struct wtl_policy *policy, int clock_mhz);
bool sim_feasible(const struct sim_campaign *c, const struct wtl_policy *policy, int clock_mhz);

/* The true optimum over `clocks` (NULL: the legal clocks); 0 when none is feasible. */
int sim_optimum(const struct sim_campaign *c, const struct wtl_policy *policy, const int *clocks,
                size_t n);

/* One more noisy run at `clock_mhz`, from the stream `draw` of the campaign's seed: fresh runs for
 * confirmation. No fault, no drift. */
struct wtl_run sim_fresh_run(const struct sim_campaign *c, int clock_mhz, uint64_t draw);

/* n fresh runs at two clocks in turns, as another day would record them: cold at the start, with
 * outliers, idle runs, drift and noise correlated from run to run as the campaign's options say.
 * `draw` numbers the days; each is an independent one. */
void sim_fresh_turns(const struct sim_campaign *c, const int clock_mhz[2], size_t n, uint64_t draw,
                     struct wtl_run *runs_out);

#endif
