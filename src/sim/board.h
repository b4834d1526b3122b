/* SPDX-License-Identifier: Apache-2.0
 *
 * What a virtual board is: its chip (sim/silicon.h), the clocks that its driver lists, its limits,
 * how it cools and idles, and how its sensors measure. Plain data; docs/virtual-gpu.md has the
 * equations that each number stands in. A profile (src/simhost) fills one from YAML;
 * wtl_sim_board_plain() gives one that resembles no product.
 *
 * Times in ms are multiples of WTL_SIM_STEP_MS, the engine's step.
 */
#ifndef WTL_SIM_BOARD_H
#define WTL_SIM_BOARD_H

#include "base/error.h"
#include "sim/silicon.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    WTL_SIM_STEP_MS = 5,
    WTL_SIM_SM_CLOCKS = 256, /* V100 lists 167 */
    WTL_SIM_MEM_CLOCKS = 8,  /* RTX boards list 4 or 5 */
    WTL_SIM_BOARD_NAME = 64, /* as NVML's name buffer */
    WTL_SIM_EIGHTHS = 8,     /* of the memory, that MIG deals out */
    WTL_SIM_MIG_PROFILES = 8,
};

/* Numbers as in NVML's nvmlDeviceGetArchitecture(). */
enum wtl_sim_architecture {
    WTL_SIM_PASCAL = 4,
    WTL_SIM_VOLTA = 5,
    WTL_SIM_TURING = 6,
    WTL_SIM_AMPERE = 7,
    WTL_SIM_ADA = 8,
    WTL_SIM_HOPPER = 9,
    WTL_SIM_BLACKWELL = 10,
};

/* What the driver offers on a board. */
enum wtl_sim_capability {
    WTL_SIM_LOCK_SM = 1 << 0,        /* locked SM clocks: Volta and later */
    WTL_SIM_LOCK_MEM = 1 << 1,       /* locked memory clocks: Ampere and later */
    WTL_SIM_ENERGY_COUNTER = 1 << 2, /* Volta and later */
    WTL_SIM_FIELD_INSTANT = 1 << 3,  /* field 186 */
    WTL_SIM_FIELD_AVERAGE = 1 << 4,  /* field 185: Ampere (not GA100) and later */
    WTL_SIM_USAGE_IS_AVERAGE =
        1 << 5,                /* nvmlDeviceGetPowerUsage averages over 1 s: the same ones */
    WTL_SIM_MEM_TEMP = 1 << 6, /* field 82: HBM boards */
    WTL_SIM_MIG = 1 << 7,
    WTL_SIM_GPM = 1 << 8,
    WTL_SIM_SET_LIMIT = 1 << 9, /* power limit can be set */
    WTL_SIM_MPS = 1 << 10,
};

/* How the board measures its power. A value is published every update_ms and is the mean of the
 * window_ms that ended lag_ms before; window_ms < update_ms is part-time sampling (A100 and H100:
 * 25 of 100 ms, arXiv 2312.02741). Each card has a gain and an offset of its own, drawn from its
 * seed and stable: value = gain * power + offset + noise. */
struct wtl_sim_power_sensor {
    int update_ms, window_ms;
    int lag_ms;             /* 0..250 */
    double gain_spread;     /* gain is uniform in 1 +- this */
    double offset_spread_w; /* offset is uniform in +- this */
    double noise_w;         /* standard deviation of each value */
    int resolution_mw;      /* values are multiples of it */
    int counter_ms;         /* step of the energy counter: about 100 ms on all known boards */
    int counter_quantum_mj; /* its unit */
    bool counter_part_time; /* it adds what the windows see, not all of the energy */
};

/* A series of two RC members: die over sink over ambient, and the memory beside the die. Where the
 * steady temperature is ambient_c + (sink_k_per_w + die_k_per_w) * power. */
struct wtl_sim_thermal {
    double ambient_c;
    double sink_k_per_w, sink_s; /* resistance, time constant */
    double die_k_per_w, die_s;
    double mem_k_per_w, mem_s; /* over the sink, of the board's whole power */
    double target_c;           /* software slowdown lowers clocks a bin at a time from here */
    double slowdown_c;         /* hardware slowdown halves the clock from here */
    double shutdown_c;         /* the board switches itself off */
    double mem_target_c;       /* as target_c, of the memory; 0: not watched */
};

/* What it does without work. */
struct wtl_sim_idle {
    int pstate;          /* without a process: 8 on most boards, 0 on V100 and A100 */
    int sm_mhz, mem_mhz; /* clocks then, legal ones or not (boards report 135, 210, 405) */
    double saving_w;     /* how far below its static power at these clocks gating brings it;
                          * negative: it draws more than the fit of static power says */
    int after_ms;        /* how long after the last process it goes there */
    int wake_ms;         /* how long the way back takes */
    int context_sm_mhz;  /* SM clock with processes that do nothing; 0: stays where it is */
};

/* A size of MIG instances (sim/mig.h). */
struct wtl_sim_mig_profile {
    char name[16]; /* "3g.20gb" */
    int id;        /* as `nvidia-smi mig -lgip` prints it */
    int slices;    /* of the SMs, of board.mig_slices */
    int eighths;   /* of the memory, slices to 8 */
    int n_sm;
    double vram_mib; /* what its processes can have */
    bool media;      /* it has the video engines ("+me"): one instance of a board may */
};

struct wtl_sim_board {
    char name[WTL_SIM_BOARD_NAME]; /* "NVIDIA A100-PCIE-40GB" */
    char short_name[24];           /* "a100" */
    enum wtl_sim_architecture architecture;
    unsigned capabilities;                    /* enum wtl_sim_capability */
    uint32_t pci_device_id, pci_subsystem_id; /* as nvmlPciInfo_t has them: device << 16 | vendor */
    int n_sm;                                 /* streaming multiprocessors */
    int mig_slices;                           /* GPU slices of MIG: 7; 0: none */
    int n_mig;
    struct wtl_sim_mig_profile mig[WTL_SIM_MIG_PROFILES];
    struct wtl_sim_silicon silicon;

    int n_sm_clocks, n_mem_clocks;
    uint16_t sm_clocks_mhz[WTL_SIM_SM_CLOCKS];   /* legal ones, rising */
    uint16_t mem_clocks_mhz[WTL_SIM_MEM_CLOCKS]; /* rising */
    int sm_mhz_default; /* ceiling without a lock: the default application clock (V100: 1230) */
    int sm_mhz_base;    /* what NVML_CLOCK_LIMIT_ID_TDP stands for */
    int mem_mhz_default;
    double switch_ms_min,
        switch_ms_max; /* a locked clock takes this long to hold; by target clock */

    double limit_w_min, limit_w_default, limit_w_max;
    double loop_s; /* time constant of the average that the limit holds for */
    double
        loop_gain; /* watts that it lets the board exceed the limit, per watt of unused average */

    struct wtl_sim_thermal thermal;
    struct wtl_sim_idle idle;
    struct wtl_sim_power_sensor sensor;
    int util_ms; /* window of the utilisation rates and step of the rings: 1/6 s to 1 s */
};

/* A made-up board with 88 clocks (210-1515 MHz), 40 GiB, 100-300 W and every capability; sensors as
 * on GA100 with a 1-s average beside. For tests and as a start of profiles. */
void wtl_sim_board_plain(struct wtl_sim_board *out);

/* Whether the engine can run it: -WTL_USAGE names the first field that makes no sense. */
int wtl_sim_board_check(const struct wtl_sim_board *board, struct wtl_error *err);

/* Index of the legal clock nearest to `mhz` (the lower of two as near): what the driver rounds to.
 * Clocks outside the list give its ends. */
int wtl_sim_nearest_sm(const struct wtl_sim_board *board, unsigned mhz);
int wtl_sim_nearest_mem(const struct wtl_sim_board *board, unsigned mhz);

/* Index of the highest legal SM clock that is not above `mhz`; 0 when all are. */
int wtl_sim_sm_at_most(const struct wtl_sim_board *board, double mhz);

#endif
