/* SPDX-License-Identifier: Apache-2.0
 * Boards: the plain one, checks, legal clocks. */
#include "sim/board.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static void plain_silicon(struct wtl_sim_silicon *s)
{
    *s = (struct wtl_sim_silicon){
        .sm_mhz_min = 210,
        .sm_mhz_max = 1515,
        .mem_mhz_max = 1600,
        .knee_mhz = 800,
        .v_min = 0.72,
        .v_max = 1.02,
        .base_w = 18,
        .leak_w = 14,
        .clock_w = 18,
        .memory_w = 10,
        .leak_ref_c = 60,
        .leak_e_c = 70,
        .vram_mib = 40960,
        .vram_reserved_mib = 512,
    };
}

void wtl_sim_board_plain(struct wtl_sim_board *out)
{
    struct wtl_sim_board b = {
        .name = "Wattle Plain Board",
        .short_name = "plain",
        .architecture = WTL_SIM_AMPERE,
        .capabilities = WTL_SIM_LOCK_SM | WTL_SIM_LOCK_MEM | WTL_SIM_ENERGY_COUNTER |
                        WTL_SIM_FIELD_INSTANT | WTL_SIM_FIELD_AVERAGE | WTL_SIM_MEM_TEMP |
                        WTL_SIM_MIG | WTL_SIM_SET_LIMIT | WTL_SIM_MPS,
        .pci_device_id = 0x20ff10de,
        .pci_subsystem_id = 0x145f10de,
        .n_sm = 108,
        .mig_slices = 7,
        .n_mig = 6,
        .mig = {{"1g.5gb", 19, 1, 1, 14, 4864, false},
                {"1g.10gb", 15, 1, 2, 14, 9984, false},
                {"2g.10gb", 14, 2, 2, 28, 9984, false},
                {"3g.20gb", 9, 3, 4, 42, 20096, false},
                {"4g.20gb", 5, 4, 4, 56, 20096, false},
                {"7g.40gb", 0, 7, 8, 98, 40448, false}},
        .n_sm_clocks = 88,
        .n_mem_clocks = 2,
        .mem_clocks_mhz = {800, 1600},
        .sm_mhz_default = 1515,
        .sm_mhz_base = 1065,
        .mem_mhz_default = 1600,
        .switch_ms_min = 10,
        .switch_ms_max = 120,
        .limit_w_min = 100,
        .limit_w_default = 250,
        .limit_w_max = 300,
        .loop_s = 0.5,
        .loop_gain = 4,
        .thermal = {.ambient_c = 25,
                    .sink_k_per_w = 0.14,
                    .sink_s = 80,
                    .die_k_per_w = 0.05,
                    .die_s = 1.5,
                    .mem_k_per_w = 0.07,
                    .mem_s = 8,
                    .target_c = 85,
                    .slowdown_c = 95,
                    .shutdown_c = 105,
                    .mem_target_c = 95},
        .idle = {.pstate = 0,
                 .sm_mhz = 210,
                 .mem_mhz = 1600,
                 .saving_w = 4,
                 .after_ms = 2000,
                 .wake_ms = 20,
                 .context_sm_mhz = 0},
        .sensor = {.update_ms = 100,
                   .window_ms = 25,
                   .lag_ms = 0,
                   .gain_spread = 0.05,
                   .offset_spread_w = 1,
                   .noise_w = 0.3,
                   .resolution_mw = 1,
                   .counter_ms = 100,
                   .counter_quantum_mj = 1,
                   .counter_part_time = false},
        .util_ms = 165,
    };
    for (int i = 0; i < b.n_sm_clocks; i++)
        b.sm_clocks_mhz[i] = (uint16_t)(210 + 15 * i);
    plain_silicon(&b.silicon);
    *out = b;
}

/* ---- Checks ---------------------------------------------------------------------------------- */

struct bound {
    const char *name;
    size_t offset;
    double lo, hi; /* both allowed */
};

#define BOUND(field, lo, hi)                                                                       \
    {                                                                                              \
#field, offsetof(struct wtl_sim_board, field), (lo), (hi)                                  \
    }

static const struct bound REALS[] = {
    BOUND(silicon.sm_mhz_min, 1, 10000),
    BOUND(silicon.sm_mhz_max, 1, 10000),
    BOUND(silicon.mem_mhz_max, 1, 50000),
    BOUND(silicon.knee_mhz, 0, 10000),
    BOUND(silicon.v_min, 0.01, 5),
    BOUND(silicon.v_max, 0.01, 5),
    BOUND(silicon.base_w, 0, 2000),
    BOUND(silicon.leak_w, 0, 2000),
    BOUND(silicon.clock_w, 0, 2000),
    BOUND(silicon.memory_w, 0, 2000),
    BOUND(silicon.leak_ref_c, -50, 150),
    BOUND(silicon.leak_e_c, 5, 1e9),
    BOUND(silicon.vram_mib, 1, 1e8),
    BOUND(silicon.vram_reserved_mib, 0, 1e8),
    BOUND(silicon.uncore_knee_mhz, 0, 10000),
    BOUND(silicon.uncore_floor_mhz, 0, 10000),
    BOUND(silicon.uncore_loss, 0, 0.95),
    BOUND(silicon.uncore_step_mhz, 0, 1000),
    BOUND(switch_ms_min, 0, 10000),
    BOUND(switch_ms_max, 0, 10000),
    BOUND(limit_w_min, 0, 10000),
    BOUND(limit_w_default, 1, 10000),
    BOUND(limit_w_max, 1, 10000),
    BOUND(loop_s, 0.05, 60),
    BOUND(loop_gain, 0, 1000),
    BOUND(thermal.ambient_c, -40, 80),
    BOUND(thermal.sink_k_per_w, 0, 10),
    BOUND(thermal.sink_s, 0.01, 1e5),
    BOUND(thermal.die_k_per_w, 0, 10),
    BOUND(thermal.die_s, 0.01, 1e5),
    BOUND(thermal.mem_k_per_w, 0, 10),
    BOUND(thermal.mem_s, 0.01, 1e5),
    BOUND(thermal.target_c, 1, 150),
    BOUND(thermal.slowdown_c, 1, 150),
    BOUND(thermal.shutdown_c, 1, 200),
    BOUND(thermal.mem_target_c, 0, 150),
    BOUND(idle.saving_w, -200, 1000),
    BOUND(sensor.gain_spread, 0, 0.5),
    BOUND(sensor.offset_spread_w, 0, 100),
    BOUND(sensor.noise_w, 0, 100),
};

static const struct bound WHOLES[] = {
    BOUND(n_sm_clocks, 1, WTL_SIM_SM_CLOCKS),
    BOUND(n_mem_clocks, 1, WTL_SIM_MEM_CLOCKS),
    BOUND(n_sm, 1, 10000),
    BOUND(mig_slices, 0, 7),
    BOUND(sm_mhz_default, 1, 10000),
    BOUND(sm_mhz_base, 1, 10000),
    BOUND(mem_mhz_default, 1, 50000),
    BOUND(idle.pstate, 0, 15),
    BOUND(idle.sm_mhz, 1, 10000),
    BOUND(idle.mem_mhz, 1, 50000),
    BOUND(idle.context_sm_mhz, 0, 10000),
    BOUND(sensor.resolution_mw, 1, 100000),
    BOUND(sensor.counter_quantum_mj, 1, 1000000),
};

static const struct bound TIMES[] = {
    BOUND(idle.after_ms, 0, 3600000), BOUND(idle.wake_ms, 0, 60000),
    BOUND(sensor.update_ms, 5, 1000), BOUND(sensor.window_ms, 5, 1000),
    BOUND(sensor.lag_ms, 0, 250),     BOUND(sensor.counter_ms, 5, 1000),
    BOUND(util_ms, 5, 10000),
};

#undef BOUND

static int outside(const struct bound *b, double value, struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_USAGE, "%s of a virtual board is %g, expected %g to %g", b->name,
                    value, b->lo, b->hi);
}

static int check_bounds(const struct wtl_sim_board *board, struct wtl_error *err)
{
    const char *base = (const char *)board;
    for (size_t i = 0; i < sizeof REALS / sizeof *REALS; i++) {
        double x;
        memcpy(&x, base + REALS[i].offset, sizeof x);
        if (!(x >= REALS[i].lo && x <= REALS[i].hi))
            return outside(&REALS[i], x, err);
    }
    for (size_t i = 0; i < sizeof WHOLES / sizeof *WHOLES; i++) {
        int x;
        memcpy(&x, base + WHOLES[i].offset, sizeof x);
        if (!(x >= WHOLES[i].lo && x <= WHOLES[i].hi))
            return outside(&WHOLES[i], x, err);
    }
    for (size_t i = 0; i < sizeof TIMES / sizeof *TIMES; i++) {
        int x;
        memcpy(&x, base + TIMES[i].offset, sizeof x);
        if (!(x >= TIMES[i].lo && x <= TIMES[i].hi))
            return outside(&TIMES[i], x, err);
        if (x % WTL_SIM_STEP_MS)
            return WTL_FAIL(err, WTL_USAGE, "%s of a virtual board is %d, no multiple of %d",
                            TIMES[i].name, x, WTL_SIM_STEP_MS);
    }
    return 0;
}

static int check_list(const char *name, const uint16_t *mhz, int n, struct wtl_error *err)
{
    for (int i = 0; i < n; i++)
        if (mhz[i] <= (i ? mhz[i - 1] : 0))
            return WTL_FAIL(err, WTL_USAGE, "%s of a virtual board do not rise at %d MHz", name,
                            mhz[i]);
    return 0;
}

/* Two fields of which the first may not exceed the second. */
static int check_order(const char *what, double a, double b, struct wtl_error *err)
{
    if (a > b)
        return WTL_FAIL(err, WTL_USAGE, "%s of a virtual board: %g is above %g", what, a, b);
    return 0;
}

static int check_orders(const struct wtl_sim_board *b, struct wtl_error *err)
{
    const struct {
        const char *what;
        double lo, hi;
    } pair[] = {
        {"lowest and highest SM clock", b->silicon.sm_mhz_min, b->silicon.sm_mhz_max},
        {"voltages", b->silicon.v_min, b->silicon.v_max},
        {"uncore floor and knee", b->silicon.uncore_floor_mhz, b->silicon.uncore_knee_mhz},
        {"reserved and whole memory", b->silicon.vram_reserved_mib, b->silicon.vram_mib},
        {"switch latency", b->switch_ms_min, b->switch_ms_max},
        {"lowest and default limit", b->limit_w_min, b->limit_w_default},
        {"default and highest limit", b->limit_w_default, b->limit_w_max},
        {"ambient and target temperature", b->thermal.ambient_c, b->thermal.target_c},
        {"target and slowdown temperature", b->thermal.target_c, b->thermal.slowdown_c},
        {"slowdown and shutdown temperature", b->thermal.slowdown_c, b->thermal.shutdown_c},
        {"sensor window and period", b->sensor.window_ms, b->sensor.update_ms},
    };
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        int rc = check_order(pair[i].what, pair[i].lo, pair[i].hi, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int check_mig(const struct wtl_sim_board *b, struct wtl_error *err)
{
    if (!(b->capabilities & WTL_SIM_MIG))
        return 0;
    if (b->n_mig < 1 || b->n_mig > WTL_SIM_MIG_PROFILES || b->mig_slices < 1)
        return WTL_FAIL(err, WTL_USAGE, "a virtual board with MIG has 1 to %d profiles, not %d",
                        WTL_SIM_MIG_PROFILES, b->n_mig);
    for (int i = 0; i < b->n_mig; i++) {
        const struct wtl_sim_mig_profile *p = &b->mig[i];
        if (!memchr(p->name, 0, sizeof p->name) || p->slices < 1 || p->slices > b->mig_slices ||
            p->eighths < p->slices || p->eighths > WTL_SIM_EIGHTHS || p->n_sm < 1 ||
            p->n_sm > b->n_sm || !(p->vram_mib >= 1 && p->vram_mib <= b->silicon.vram_mib))
            return WTL_FAIL(err, WTL_USAGE, "MIG profile %.15s does not fit its virtual board",
                            p->name);
        for (int k = 0; k < i; k++)
            if (b->mig[k].id == p->id || strcmp(b->mig[k].name, p->name) == 0)
                return WTL_FAIL(err, WTL_USAGE, "MIG profile %s (%d) is there twice", p->name,
                                p->id);
    }
    return 0;
}

int wtl_sim_board_check(const struct wtl_sim_board *b, struct wtl_error *err)
{
    int rc = check_bounds(b, err);
    if (!rc)
        rc = check_orders(b, err);
    if (!rc)
        rc = check_mig(b, err);
    if (!rc)
        rc = check_list("SM clocks", b->sm_clocks_mhz, b->n_sm_clocks, err);
    if (!rc)
        rc = check_list("memory clocks", b->mem_clocks_mhz, b->n_mem_clocks, err);
    if (rc)
        return rc;
    if (!memchr(b->name, 0, sizeof b->name) || !memchr(b->short_name, 0, sizeof b->short_name))
        return WTL_FAIL(err, WTL_USAGE, "name of a virtual board does not end");
    /* More, and a frame of the loop at the allowed excess would carry the average over the limit.
     */
    const double most = 0.9 / -expm1(-0.020 / b->loop_s) - 1;
    if (b->loop_gain > most)
        return WTL_FAIL(err, WTL_USAGE,
                        "loop_gain of a virtual board is %g, at most %.3g keeps "
                        "its limit at a time constant of %g s",
                        b->loop_gain, most, b->loop_s);
    return 0;
}

/* ---- Legal clocks ---------------------------------------------------------------------------- */

/* Index of the last of a rising list that is at most `wanted`; 0 when none is. */
static int at_most(const uint16_t *mhz, int n, double wanted)
{
    int lo = 0, hi = n - 1;
    while (lo < hi) {
        const int mid = (lo + hi + 1) / 2;
        if (mhz[mid] <= wanted)
            lo = mid;
        else
            hi = mid - 1;
    }
    return lo;
}

static int nearest(const uint16_t *mhz, int n, unsigned wanted)
{
    const int i = at_most(mhz, n, wanted);
    const bool up = i + 1 < n && wanted > mhz[i] && mhz[i + 1] - wanted < wanted - mhz[i];
    return up ? i + 1 : i;
}

int wtl_sim_nearest_sm(const struct wtl_sim_board *board, unsigned mhz)
{
    return nearest(board->sm_clocks_mhz, board->n_sm_clocks, mhz);
}

int wtl_sim_nearest_mem(const struct wtl_sim_board *board, unsigned mhz)
{
    return nearest(board->mem_clocks_mhz, board->n_mem_clocks, mhz);
}

int wtl_sim_sm_at_most(const struct wtl_sim_board *board, double mhz)
{
    return at_most(board->sm_clocks_mhz, board->n_sm_clocks, mhz);
}
