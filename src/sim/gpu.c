/* SPDX-License-Identifier: Apache-2.0
 * The virtual GPU: birth, settings of its driver, faults, truth. */
#include "sim/engine.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Birth ----------------------------------------------------------------------------------- */

static void default_settings(struct wtl_sim_gpu *gpu)
{
    gpu->sm_lock = gpu->mem_lock = (struct wtl_sim_lock){0};
    gpu->sm_lock_held = gpu->mem_lock_held = gpu->sm_lock;
    gpu->sm_switch_tick = gpu->mem_switch_tick = 0;
    gpu->limit_w = gpu->board.limit_w_default;
    gpu->persistence = false;
    gpu->compute_mode = WTL_SIM_COMPUTE_DEFAULT;
}

/* No process, clocks down, every loop at rest. */
static void go_idle(struct wtl_sim_gpu *gpu)
{
    const int all = gpu->board.n_sm_clocks - 1;
    gpu->n_slots = 0;
    gpu->vram_used_mib = gpu->board.silicon.vram_reserved_mib;
    gpu->deep_idle = true;
    gpu->idle_tick = gpu->wake_tick = 0;
    gpu->power_ceiling = gpu->thermal_ceiling = all;
    gpu->sm = wtl_sim_sm_at_most(&gpu->board, gpu->board.sm_mhz_default);
    gpu->mem = wtl_sim_nearest_mem(&gpu->board, (unsigned)gpu->board.mem_mhz_default);
    wtl_sim_rates_forget(gpu);
    wtl_sim_slots_schedule(gpu);
    wtl_sim_settle(gpu);
}

/* What a pole has left after a step. */
static double pole(double seconds)
{
    return exp(-WTL_SIM_STEP_S / seconds);
}

/* Temperatures where it has been idle for long. */
static void settle_temperatures(struct wtl_sim_gpu *gpu, double start_c)
{
    const struct wtl_sim_thermal *th = &gpu->board.thermal;
    double die = gpu->ambient_c, power = 0;
    gpu->die_c = gpu->sink_c = gpu->mem_c = die;
    wtl_sim_settle(gpu);
    if (wtl_sim_equilibrium(gpu, &die, &power)) {
        gpu->die_c = die;
        gpu->sink_c = gpu->ambient_c + th->sink_k_per_w * power;
        gpu->mem_c = gpu->sink_c + th->mem_k_per_w * power;
    }
    if (start_c > 0)
        gpu->die_c = gpu->sink_c = gpu->mem_c = start_c;
    wtl_sim_settle(gpu);
}

int wtl_sim_gpu_init(struct wtl_sim_gpu *gpu, const struct wtl_sim_board *board,
                     const struct wtl_sim_options *options, struct wtl_error *err)
{
    int rc = wtl_sim_board_check(board, err);
    if (rc)
        return rc;
    if (options->index < 0 || options->index > 31)
        return WTL_FAIL(err, WTL_USAGE, "index %d of a virtual GPU: expected 0 to 31",
                        options->index);
    memset(gpu, 0, sizeof *gpu);
    gpu->board = *board;
    gpu->ambient_c = board->thermal.ambient_c;
    gpu->seed = options->seed;
    gpu->index = options->index;
    gpu->start_unix_ns = options->start_unix_ns;
    gpu->epoch = 1;
    struct wtl_rng rng;
    wtl_rng_init_stream(&rng, options->seed, WTL_SIM_DRAW_MISMATCH);
    wtl_sim_mismatch_none(&gpu->mismatch);
    if (!options->calibrated)
        wtl_sim_mismatch_draw(&rng, &gpu->mismatch);
    wtl_sim_mismatch_silicon(&gpu->mismatch, &gpu->board.silicon);
    gpu->sink_k = pole(board->thermal.sink_s);
    gpu->die_k = pole(board->thermal.die_s);
    gpu->mem_k = pole(board->thermal.mem_s);
    gpu->average_k = pole(board->loop_s);
    gpu->frame_tick = WTL_SIM_FRAME_STEPS;
    gpu->thermal_tick = WTL_SIM_THERMAL_STEPS;
    default_settings(gpu);
    go_idle(gpu);
    settle_temperatures(gpu, options->start_c);
    gpu->average_w = gpu->power_w;
    wtl_sim_sensors_init(gpu, options->exact_sensors);
    gpu->sensors.n_updates = options->noise_from;
    return 0;
}

/* ---- Locks ----------------------------------------------------------------------------------- */

static int check_there(const struct wtl_sim_gpu *gpu, unsigned capability, const char *what,
                       struct wtl_error *err)
{
    if (gpu->lost)
        return WTL_FAIL(err, WTL_LOST, "GPU %d is lost", gpu->index);
    if (capability && !(gpu->board.capabilities & capability))
        return WTL_FAIL(err, WTL_UNSUPPORTED, "%s has no %s", gpu->board.name, what);
    return 0;
}

/* Steps until a lock holds: a property of the card and the clock that it goes to. */
static int64_t switch_steps(const struct wtl_sim_gpu *gpu, unsigned target_mhz)
{
    const struct wtl_sim_board *b = &gpu->board;
    const double u = wtl_sim_uniform(gpu->seed, WTL_SIM_DRAW_LATENCY, target_mhz);
    const double ms = b->switch_ms_min + (b->switch_ms_max - b->switch_ms_min) * u;
    return 1 + wtl_sim_steps(ms);
}

static bool symbolic(unsigned mhz)
{
    return mhz == WTL_SIM_CLOCK_TDP || mhz == WTL_SIM_CLOCK_UNLIMITED;
}

/* A symbolic end as a clock. */
static unsigned resolve(const struct wtl_sim_board *b, unsigned mhz, bool upper)
{
    if (mhz == WTL_SIM_CLOCK_TDP)
        return (unsigned)b->sm_mhz_base;
    if (mhz == WTL_SIM_CLOCK_UNLIMITED)
        return b->sm_clocks_mhz[upper ? b->n_sm_clocks - 1 : 0];
    return mhz;
}

static void request_sm(struct wtl_sim_gpu *gpu, struct wtl_sim_lock lock)
{
    const struct wtl_sim_board *b = &gpu->board;
    gpu->sm_lock = lock;
    gpu->sm_switch_tick = gpu->tick + switch_steps(gpu, lock.set ? b->sm_clocks_mhz[lock.hi]
                                                                 : (unsigned)b->sm_mhz_default);
}

int wtl_sim_lock_sm(struct wtl_sim_gpu *gpu, unsigned min_mhz, unsigned max_mhz,
                    struct wtl_error *err)
{
    int rc = check_there(gpu, WTL_SIM_LOCK_SM, "locked SM clocks", err);
    if (rc)
        return rc;
    if (symbolic(min_mhz) != symbolic(max_mhz))
        return WTL_FAIL(err, WTL_USAGE, "lock of the SM clock mixes a symbol with a number");
    const unsigned lo = resolve(&gpu->board, min_mhz, false);
    const unsigned hi = resolve(&gpu->board, max_mhz, true);
    if (lo > hi)
        return WTL_FAIL(err, WTL_USAGE, "lock of the SM clock: %u MHz is above %u MHz", lo, hi);
    request_sm(gpu, (struct wtl_sim_lock){true, wtl_sim_nearest_sm(&gpu->board, lo),
                                          wtl_sim_nearest_sm(&gpu->board, hi)});
    return 0;
}

int wtl_sim_reset_sm(struct wtl_sim_gpu *gpu, struct wtl_error *err)
{
    int rc = check_there(gpu, WTL_SIM_LOCK_SM, "locked SM clocks", err);
    if (rc)
        return rc;
    request_sm(gpu, (struct wtl_sim_lock){0});
    return 0;
}

static void request_mem(struct wtl_sim_gpu *gpu, struct wtl_sim_lock lock)
{
    const struct wtl_sim_board *b = &gpu->board;
    gpu->mem_lock = lock;
    gpu->mem_switch_tick = gpu->tick + switch_steps(gpu, lock.set ? b->mem_clocks_mhz[lock.hi]
                                                                  : (unsigned)b->mem_mhz_default);
}

int wtl_sim_lock_mem(struct wtl_sim_gpu *gpu, unsigned min_mhz, unsigned max_mhz,
                     struct wtl_error *err)
{
    int rc = check_there(gpu, WTL_SIM_LOCK_MEM, "locked memory clocks", err);
    if (rc)
        return rc;
    if (min_mhz > max_mhz)
        return WTL_FAIL(err, WTL_USAGE, "lock of the memory clock: %u MHz is above %u MHz", min_mhz,
                        max_mhz);
    request_mem(gpu, (struct wtl_sim_lock){true, wtl_sim_nearest_mem(&gpu->board, min_mhz),
                                           wtl_sim_nearest_mem(&gpu->board, max_mhz)});
    return 0;
}

int wtl_sim_reset_mem(struct wtl_sim_gpu *gpu, struct wtl_error *err)
{
    int rc = check_there(gpu, WTL_SIM_LOCK_MEM, "locked memory clocks", err);
    if (rc)
        return rc;
    request_mem(gpu, (struct wtl_sim_lock){0});
    return 0;
}

/* ---- Other settings -------------------------------------------------------------------------- */

int wtl_sim_set_limit(struct wtl_sim_gpu *gpu, unsigned limit_mw, struct wtl_error *err)
{
    int rc = check_there(gpu, WTL_SIM_SET_LIMIT, "power limit to set", err);
    if (rc)
        return rc;
    const struct wtl_sim_board *b = &gpu->board;
    const double w = 1e-3 * limit_mw;
    if (!(w >= b->limit_w_min && w <= b->limit_w_max))
        return WTL_FAIL(err, WTL_USAGE, "power limit %g W: %s takes %g to %g W", w, b->name,
                        b->limit_w_min, b->limit_w_max);
    gpu->limit_w = w;
    wtl_sim_settle(gpu);
    wtl_sim_slots_schedule(gpu);
    return 0;
}

int wtl_sim_set_persistence(struct wtl_sim_gpu *gpu, bool on, struct wtl_error *err)
{
    int rc = check_there(gpu, 0, "", err);
    if (!rc)
        gpu->persistence = on;
    return rc;
}

int wtl_sim_set_compute_mode(struct wtl_sim_gpu *gpu, enum wtl_sim_compute_mode mode,
                             struct wtl_error *err)
{
    int rc = check_there(gpu, 0, "", err);
    if (rc)
        return rc;
    if (mode != WTL_SIM_COMPUTE_DEFAULT && mode != WTL_SIM_COMPUTE_PROHIBITED &&
        mode != WTL_SIM_COMPUTE_EXCLUSIVE_PROCESS)
        return WTL_FAIL(err, WTL_USAGE, "compute mode %d", (int)mode);
    gpu->compute_mode = mode;
    return 0;
}

void wtl_sim_set_oob_limit(struct wtl_sim_gpu *gpu, double limit_w)
{
    gpu->oob_limit_w = limit_w > 0 ? limit_w : 0;
    wtl_sim_settle(gpu);
    wtl_sim_slots_schedule(gpu);
}

void wtl_sim_reload(struct wtl_sim_gpu *gpu)
{
    wtl_sim_flush(gpu);
    gpu->lost = false;
    gpu->epoch++;
    gpu->epoch_ns = gpu->tick * WTL_SIM_STEP_NS;
    memset(gpu->reason_s, 0, sizeof gpu->reason_s);
    default_settings(gpu);
    go_idle(gpu);
    wtl_sim_sensors_reload(gpu);
}

/* ---- Faults ---------------------------------------------------------------------------------- */

void wtl_sim_freeze(struct wtl_sim_gpu *gpu, unsigned sensors, int64_t until_ns)
{
    gpu->sensors.frozen = sensors & WTL_SIM_SENSORS_ALL;
    gpu->sensors.frozen_until_ns = until_ns;
}

void wtl_sim_drop(struct wtl_sim_gpu *gpu, double probability)
{
    gpu->sensors.drop = probability > 0 ? fmin(probability, 1) : 0;
}

void wtl_sim_scope(struct wtl_sim_gpu *gpu, double extra_w)
{
    gpu->sensors.scope_w = extra_w > 0 ? fmin(extra_w, 2000) : 0;
}

void wtl_sim_lose(struct wtl_sim_gpu *gpu)
{
    if (gpu->lost)
        return;
    wtl_sim_flush(gpu);
    gpu->lost = true;
    gpu->hw_slowdown = false;
    go_idle(gpu);
    wtl_sim_event(gpu, WTL_SIM_EVENT_XID, 79);
}

void wtl_sim_xid(struct wtl_sim_gpu *gpu, uint32_t number)
{
    wtl_sim_event(gpu, WTL_SIM_EVENT_XID, number);
}

void wtl_sim_brake(struct wtl_sim_gpu *gpu, bool on)
{
    gpu->power_brake = on;
    wtl_sim_settle(gpu);
    wtl_sim_slots_schedule(gpu);
}

void wtl_sim_ambient(struct wtl_sim_gpu *gpu, double ambient_c)
{
    if (isfinite(ambient_c))
        gpu->ambient_c = fmin(fmax(ambient_c, -40), 80);
}

/* ---- Truth ----------------------------------------------------------------------------------- */

void wtl_sim_gpu_truth(const struct wtl_sim_gpu *gpu, struct wtl_sim_truth *out)
{
    const double s = (double)(gpu->tick - gpu->flushed_tick) * WTL_SIM_STEP_S;
    *out = (struct wtl_sim_truth){
        .t_ns = gpu->tick * WTL_SIM_STEP_NS,
        .power_w = gpu->power_w,
        .static_w = gpu->static_w,
        .dynamic_w = gpu->now.dynamic_w,
        .energy_j = gpu->energy_j,
        .average_w = gpu->average_w,
        .enforced_w = wtl_sim_enforced_w(gpu),
        .sm_mhz = wtl_sim_sm_now(gpu),
        .mem_mhz = wtl_sim_mem_now(gpu),
        .die_c = gpu->die_c,
        .mem_c = gpu->mem_c,
        .sm_util = gpu->now.sm_util,
        .mem_util = gpu->now.mem_util,
        .sm_active = gpu->now.sm_active,
        .gain = gpu->sensors.gain,
        .offset_w = gpu->sensors.offset_w,
        .reasons = gpu->reasons,
    };
    for (int i = 0; i < gpu->n_slots; i++) {
        out->work_per_s += gpu->now.work_per_s[i];
        out->work += gpu->work[i] + gpu->now.work_per_s[i] * s;
    }
}

bool wtl_sim_equilibrium(const struct wtl_sim_gpu *gpu, double *die_c_out, double *power_w_out)
{
    const struct wtl_sim_board *b = &gpu->board;
    const struct wtl_sim_thermal *th = &b->thermal;
    const double saving = gpu->deep_idle ? b->idle.saving_w : 0;
    double die = gpu->ambient_c, power = 0;
    /* Rises from below to the lowest fixed point, as the board itself does. */
    for (int i = 0; i < 100000 && die < th->shutdown_c; i++) {
        power = wtl_sim_static_w(&b->silicon, wtl_sim_sm_now(gpu), wtl_sim_mem_now(gpu), die);
        power = (gpu->deep_idle ? fmax(power - saving, 1) : power) + gpu->now.dynamic_w;
        const double next = gpu->ambient_c + (th->sink_k_per_w + th->die_k_per_w) * power;
        if (fabs(next - die) < 1e-12 * fabs(next) + 1e-12) {
            *die_c_out = next;
            *power_w_out = power;
            return true;
        }
        die = next;
    }
    return false;
}
