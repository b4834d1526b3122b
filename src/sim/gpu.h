/* SPDX-License-Identifier: Apache-2.0
 *
 * The virtual GPU: one board through time. Plain data without pointers, so that it can live in
 * shared memory and be copied whole; no clock and no randomness but what the caller gives. Its time
 * moves in steps of WTL_SIM_STEP_MS from 0. The state after wtl_sim_gpu_advance(gpu, t) is the same
 * bit for bit however the way to t was divided, and the same twice for one seed and one sequence of
 * changes.
 *
 * Here is what changes it: init, time, settings, tenants, faults. What a client of the driver sees
 * is in sim/readings.h; what is true, in wtl_sim_gpu_truth() below. docs/virtual-gpu.md has the
 * equations.
 *
 * Settings of the driver: -WTL_UNSUPPORTED without the capability, -WTL_USAGE where the driver says
 * "invalid argument", -WTL_LOST when the GPU is lost. Permissions are the caller's business.
 */
#ifndef WTL_SIM_GPU_H
#define WTL_SIM_GPU_H

#include "sim/board.h"
#include "sim/sensors.h"
#include "sim/workload.h"

/* Bits as in NVML's clock event reasons. */
enum wtl_sim_reason {
    WTL_SIM_REASON_IDLE = 0x1,
    WTL_SIM_REASON_APP_CLOCKS = 0x2, /* a lock, or the default application clock */
    WTL_SIM_REASON_SW_POWER_CAP = 0x4,
    WTL_SIM_REASON_HW_SLOWDOWN = 0x8, /* with one of the two below that begin with HW */
    WTL_SIM_REASON_SW_THERMAL = 0x20,
    WTL_SIM_REASON_HW_THERMAL = 0x40,
    WTL_SIM_REASON_HW_POWER_BRAKE = 0x80,
    WTL_SIM_REASONS = 0xef, /* all that the engine knows */
};

enum { WTL_SIM_N_REASONS = 8 }; /* bits 0 to 7 */

/* As in NVML. */
enum wtl_sim_compute_mode {
    WTL_SIM_COMPUTE_DEFAULT = 0,
    WTL_SIM_COMPUTE_PROHIBITED = 2,
    WTL_SIM_COMPUTE_EXCLUSIVE_PROCESS = 3,
};

/* In the place of a clock in wtl_sim_lock_sm(): NVML_CLOCK_LIMIT_ID_TDP and ..._UNLIMITED. */
#define WTL_SIM_CLOCK_TDP 0xffffff01u
#define WTL_SIM_CLOCK_UNLIMITED 0xffffff02u

/* When a tenant has work: always (period_ms 0), or the first on_ms of every period_ms, shifted. */
struct wtl_sim_pattern {
    int period_ms, on_ms, shift_ms;
};

/* A process with a context on the GPU. */
struct wtl_sim_process {
    uint32_t pid, uid;
    bool mps;     /* a client of the MPS server: all of them run at the same time; who is none has
                   * the GPU in turn with the others */
    int instance; /* index of its MIG instance; -1: none */
    char name[32];
    struct wtl_sim_tenant tenant;
    struct wtl_sim_pattern pattern;
};

/* A process, and what the engine keeps of it. */
struct wtl_sim_slot {
    struct wtl_sim_process process;
    bool on; /* has work now */
    double vram_mib;
    double phase_end; /* of its work: where the phase ends; 0: it does not */
    int64_t since_ns; /* when it came */
    double util_mark; /* sm_time at the last utilisation sample */
    unsigned util_pct, mem_util_pct;
    int64_t util_t_ns; /* when that sample was taken; 0: none yet */
};

/* A MIG instance (sim/mig.h); GPU and compute instance are one. */
struct wtl_sim_instance {
    int gpu_instance, compute_instance; /* ids as NVML gives them */
    int profile_id;
    int slices;         /* of board.mig_slices */
    int start, eighths; /* of the memory: the first, and how many */
    int n_sm;
    double vram_mib;
    char profile[24]; /* "3g.20gb" */
};

enum { WTL_SIM_INSTANCES = 7, WTL_SIM_EVENTS = 32, WTL_SIM_CACHED_RATES = 16 };

/* A range of clocks, as indices into the board's list. */
struct wtl_sim_lock {
    bool set;
    int lo, hi;
};

/* What the driver would tell a client that waits for events. Types as in NVML. */
enum wtl_sim_event_type {
    WTL_SIM_EVENT_PSTATE = 0x4,
    WTL_SIM_EVENT_XID = 0x8, /* data: its number; 79 is "fallen off the bus" */
    WTL_SIM_EVENT_CLOCK = 0x10,
};
struct wtl_sim_event {
    int64_t t_ns;
    uint32_t type;
    uint32_t data;
};

/* Steady rates at one clock, kept because a limit loop goes to and fro between two. */
struct wtl_sim_cached_rates {
    bool valid;
    int sm, mem;
    uint64_t on, phases; /* bit i: slot i has work; it is in its second phase */
    struct wtl_sim_static still;
    double dynamic_w, sm_util, mem_util, sm_active;
    double work_per_s[WTL_SIM_TENANTS], tenant_sm[WTL_SIM_TENANTS];
};

struct wtl_sim_gpu {
    struct wtl_sim_board board; /* with this seed's mismatch in it */
    struct wtl_sim_mismatch mismatch;
    uint64_t seed;
    int index;             /* as tools number it */
    int64_t start_unix_ns; /* Unix time of step 0 */
    int64_t tick;          /* steps done */

    /* Settings. */
    struct wtl_sim_lock sm_lock, mem_lock;           /* requested */
    struct wtl_sim_lock sm_lock_held, mem_lock_held; /* in force, after the switch latency */
    int64_t sm_switch_tick, mem_switch_tick; /* when the request comes into force; 0: none */
    double limit_w;                          /* requested */
    double oob_limit_w;                      /* out of band (a BMC's); 0: none */
    bool persistence;
    enum wtl_sim_compute_mode compute_mode;
    bool mig;
    int n_instances;
    struct wtl_sim_instance instances[WTL_SIM_INSTANCES];
    uint32_t epoch; /* counts driver loads, from 1 */
    int64_t epoch_ns;

    /* Faults. */
    bool lost;
    bool power_brake;
    double ambient_c; /* of the room: the board's, unless it was set */

    /* Clocks and what holds them. */
    int sm, mem;       /* indices; meaningless in deep idle, whose clocks need not be legal */
    bool deep_idle;    /* no process, clocks down */
    int64_t idle_tick; /* when it goes there; 0: not */
    int64_t wake_tick; /* when clocks are up again; 0: they are */
    int power_ceiling, thermal_ceiling; /* indices that the loops allow; n_sm_clocks - 1: all */
    bool hw_slowdown;
    uint64_t reasons;

    /* Physics. Power is constant from one event to the next. */
    double power_w, static_w, leak_factor;
    double die_c, sink_c, mem_c;
    double energy_j;  /* since the start, whatever the driver's counter says */
    double average_w; /* that the limit loop works on */
    double die_k, sink_k, mem_k, average_k; /* what is left to settle goes down by it in a step */
    struct wtl_sim_cached_rates now;        /* in force since flushed_tick */
    int64_t flushed_tick;                   /* until then work and times are added up */
    double
        reason_s[WTL_SIM_N_REASONS];  /* time that each bit was set, since the driver was loaded */
    int64_t frame_tick, thermal_tick; /* when the loops run next */
    int64_t next_tick;                /* the first of all events */

    int n_slots;
    struct wtl_sim_slot slots[WTL_SIM_TENANTS];
    double work[WTL_SIM_TENANTS];    /* of each slot until flushed_tick, in the workload's unit */
    double sm_time[WTL_SIM_TENANTS]; /* seconds of the whole chip until then */
    double vram_used_mib;            /* with the driver's own */
    uint64_t oom_count;              /* requests refused for lack of memory */
    uint64_t on, phases;             /* as in cached rates */
    int64_t slots_tick;              /* the next change of any slot */

    struct wtl_sim_sensors sensors;
    uint32_t last_xid; /* since the start, or since it was forgotten; 0: none */
    unsigned n_events; /* ever; event i is in events[i % WTL_SIM_EVENTS] */
    struct wtl_sim_event events[WTL_SIM_EVENTS];
    struct wtl_sim_cached_rates cache[WTL_SIM_CACHED_RATES];
};

/* ---- Life and time --------------------------------------------------------------------------- */

struct wtl_sim_options {
    uint64_t seed;         /* of the card: UUID, gain, offset, mismatch, noise, latencies */
    int index;             /* its number, 0..31: PCI bus */
    int64_t start_unix_ns; /* Unix time at the start, for the sensors' time stamps */
    bool calibrated;       /* no mismatch: as fitted, for calibration and figures about it */
    bool exact_sensors;    /* gain 1, no offset, no noise */
    double start_c;        /* of everything; 0: ambient */
    uint64_t noise_from;   /* where in the sequence of its sensor's noise the card begins: another
                            * hour of the same card */
};

/* -WTL_USAGE as wtl_sim_board_check(). The GPU is idle, has been for long, and no setting is made.
 */
int wtl_sim_gpu_init(struct wtl_sim_gpu *gpu, const struct wtl_sim_board *board,
                     const struct wtl_sim_options *options, struct wtl_error *err);

/* On to `t_ns` since the start, in whole steps; a time that is past changes nothing. */
void wtl_sim_gpu_advance(struct wtl_sim_gpu *gpu, int64_t t_ns);

/* Since the start: the last whole step. */
int64_t wtl_sim_gpu_now_ns(const struct wtl_sim_gpu *gpu);

/* ---- Settings of the driver ------------------------------------------------------------------ */

/* Locked clocks. Ends that are not listed are rounded to the nearest that is. Comes into force
 * after the switch latency. -WTL_USAGE: min > max, or one end symbolic and the other not. */
int wtl_sim_lock_sm(struct wtl_sim_gpu *gpu, unsigned min_mhz, unsigned max_mhz,
                    struct wtl_error *err);
int wtl_sim_reset_sm(struct wtl_sim_gpu *gpu, struct wtl_error *err);
int wtl_sim_lock_mem(struct wtl_sim_gpu *gpu, unsigned min_mhz, unsigned max_mhz,
                     struct wtl_error *err);
int wtl_sim_reset_mem(struct wtl_sim_gpu *gpu, struct wtl_error *err);

/* -WTL_USAGE outside the board's range. At once. */
int wtl_sim_set_limit(struct wtl_sim_gpu *gpu, unsigned limit_mw, struct wtl_error *err);
int wtl_sim_set_persistence(struct wtl_sim_gpu *gpu, bool on, struct wtl_error *err);
int wtl_sim_set_compute_mode(struct wtl_sim_gpu *gpu, enum wtl_sim_compute_mode mode,
                             struct wtl_error *err);

/* The limit of somebody else than the driver (a BMC, an operator); 0 takes it away. */
void wtl_sim_set_oob_limit(struct wtl_sim_gpu *gpu, double limit_w);

/* Unloads the driver and loads it: all settings go to default, processes end, the energy counter
 * and the violation times begin at 0, a lost GPU is back. What happens without persistence mode
 * when the last client goes away, too. */
void wtl_sim_reload(struct wtl_sim_gpu *gpu);

/* ---- Processes ------------------------------------------------------------------------------- */

/* -WTL_NOMEM when its memory does not fit (counted in oom_count), -WTL_LIMIT when the GPU is full,
 * -WTL_BUSY when the compute mode or another one's pid forbids it, -WTL_USAGE, -WTL_LOST. */
int wtl_sim_attach(struct wtl_sim_gpu *gpu, const struct wtl_sim_process *process,
                   struct wtl_error *err);

/* Another load for it: batch, offered work (0: closed loop), pattern. -WTL_NOTFOUND, -WTL_NOMEM (it
 * keeps the old one). */
int wtl_sim_set_load(struct wtl_sim_gpu *gpu, uint32_t pid, int batch, double offered_per_s,
                     struct wtl_sim_pattern pattern, struct wtl_error *err);

int wtl_sim_detach(struct wtl_sim_gpu *gpu, uint32_t pid, struct wtl_error *err);

/* NULL when there is none. */
const struct wtl_sim_slot *wtl_sim_find(const struct wtl_sim_gpu *gpu, uint32_t pid);

/* ---- Faults ---------------------------------------------------------------------------------- */

/* Sensors of the set (enum wtl_sim_sensor_bit) keep their last value until `until_ns`; INT64_MAX:
 * for good; a time that is past ends it. */
void wtl_sim_freeze(struct wtl_sim_gpu *gpu, unsigned sensors, int64_t until_ns);

/* Each update of a sensor is lost with this probability. */
void wtl_sim_drop(struct wtl_sim_gpu *gpu, double probability);

/* The power sensor measures another scope, a module with `extra_w` more in it; 0: the GPU's again.
 * The energy counter stays the GPU's. */
void wtl_sim_scope(struct wtl_sim_gpu *gpu, double extra_w);

/* Falls off the bus (XID 79): its processes end, and every call fails until a reload. */
void wtl_sim_lose(struct wtl_sim_gpu *gpu);

/* The power brake of the server's power supply: half the clock while it is on. */
void wtl_sim_brake(struct wtl_sim_gpu *gpu, bool on);

/* The room's (inlet's) temperature; the board's own is thermal.ambient_c of it. */
void wtl_sim_ambient(struct wtl_sim_gpu *gpu, double ambient_c);

/* An error that the driver logs as XID `number` and tells those who wait for events; nothing else
 * happens. */
void wtl_sim_xid(struct wtl_sim_gpu *gpu, uint32_t number);

/* ---- The truth ------------------------------------------------------------------------------- */

struct wtl_sim_truth {
    int64_t t_ns;
    double power_w, static_w, dynamic_w;
    double energy_j;  /* exact integral since the start */
    double average_w; /* that the power limit holds for */
    double enforced_w;
    double sm_mhz, mem_mhz;
    double die_c, mem_c;
    double sm_util, mem_util, sm_active;
    double gain, offset_w; /* of its power sensor */
    double work_per_s;     /* now, of all processes */
    double work;           /* done by those that are there */
    uint64_t reasons;
};
void wtl_sim_gpu_truth(const struct wtl_sim_gpu *gpu, struct wtl_sim_truth *out);

/* Work that a process did since it came, and does a second now. false: there is none. */
bool wtl_sim_work(const struct wtl_sim_gpu *gpu, uint32_t pid, double *work_out, double *per_s_out);

/* Where temperature and power settle if all stays as it is now: the fixed point of leakage and
 * cooling. false: there is none below the shutdown temperature (thermal runaway). */
bool wtl_sim_equilibrium(const struct wtl_sim_gpu *gpu, double *die_c_out, double *power_w_out);

#endif
