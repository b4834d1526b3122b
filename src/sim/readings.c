/* SPDX-License-Identifier: Apache-2.0
 * What a client sees of a virtual GPU. */
#include "sim/readings.h"

#include "sim/engine.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static uint32_t to_mw(double w)
{
    return (uint32_t)lround(1e3 * w);
}

static uint64_t to_bytes(double mib)
{
    return (uint64_t)(mib > 0 ? mib * 1048576 : 0);
}

/* Time that a reason was set, up to now. Bit numbers, not masks. */
static uint64_t reason_ns(const struct wtl_sim_gpu *gpu, int bit)
{
    double s = gpu->reason_s[bit];
    if (gpu->reasons >> bit & 1)
        s += (double)(gpu->tick - gpu->flushed_tick) * WTL_SIM_STEP_S;
    return (uint64_t)llround(1e9 * s);
}

static int64_t unix_ns(const struct wtl_sim_gpu *gpu, int64_t t_ns)
{
    return gpu->start_unix_ns + t_ns;
}

static void read_power(const struct wtl_sim_gpu *gpu, struct wtl_sim_readings *r)
{
    const struct wtl_sim_board *b = &gpu->board;
    const struct wtl_sim_sensors *s = &gpu->sensors;
    const bool average = b->capabilities & WTL_SIM_USAGE_IS_AVERAGE;
    r->power_instant_mw = s->instant_mw;
    r->power_average_mw = s->average_mw;
    r->power_usage_mw = average ? s->average_mw : s->instant_mw;
    r->power_t_unix_ns = unix_ns(gpu, s->power_t_ns);
    r->energy_mj = s->energy_mj;
    r->energy_t_unix_ns = unix_ns(gpu, s->energy_t_ns);
    r->limit_mw = to_mw(gpu->limit_w);
    r->limit_enforced_mw = to_mw(wtl_sim_enforced_w(gpu));
    r->limit_min_mw = to_mw(b->limit_w_min);
    r->limit_max_mw = to_mw(b->limit_w_max);
    r->limit_default_mw = to_mw(b->limit_w_default);
}

/* The list's highest memory clock is P0; the next ones are P2, P5, P8. */
static int pstate(const struct wtl_sim_gpu *gpu)
{
    static const int state[] = {0, 2, 5, 8};
    if (gpu->deep_idle)
        return gpu->board.idle.pstate;
    const int below = gpu->board.n_mem_clocks - 1 - gpu->mem;
    return state[below < 3 ? below : 3];
}

/* It runs with the SM clock, somewhat lower: assumed; the boards say 0.90 (1237 of 1380 MHz on a
 * V100) to 0.91 at the top (1290 of 1410 MHz on an A100). */
static uint32_t video_mhz(uint32_t sm_mhz)
{
    return sm_mhz * 9 / 10;
}

static void read_clocks(const struct wtl_sim_gpu *gpu, struct wtl_sim_readings *r)
{
    const struct wtl_sim_board *b = &gpu->board;
    r->sm_mhz = (uint32_t)wtl_sim_sm_now(gpu);
    r->mem_mhz = (uint32_t)wtl_sim_mem_now(gpu);
    r->sm_mhz_max = b->sm_clocks_mhz[b->n_sm_clocks - 1];
    r->video_mhz = video_mhz(r->sm_mhz);
    r->video_mhz_max = video_mhz(r->sm_mhz_max);
    r->mem_mhz_max = b->mem_clocks_mhz[b->n_mem_clocks - 1];
    r->sm_mhz_default = (uint32_t)b->sm_mhz_default;
    r->mem_mhz_default = (uint32_t)b->mem_mhz_default;
    r->pstate = pstate(gpu);
    r->reasons = gpu->reasons;
    r->reasons_supported = WTL_SIM_REASONS;
    r->power_violation_ns = reason_ns(gpu, 2);
    r->sw_thermal_ns = reason_ns(gpu, 5);
    r->hw_thermal_ns = reason_ns(gpu, 6);
    r->power_brake_ns = reason_ns(gpu, 7);
    r->thermal_violation_ns = r->sw_thermal_ns + r->hw_thermal_ns;
}

static void read_rest(const struct wtl_sim_gpu *gpu, struct wtl_sim_readings *r)
{
    const struct wtl_sim_silicon *si = &gpu->board.silicon;
    const struct wtl_sim_sensors *s = &gpu->sensors;
    r->temp_c = s->temp_c;
    r->mem_temp_c = s->mem_temp_c;
    r->target_c = (int)lround(gpu->board.thermal.target_c);
    r->slowdown_c = (int)lround(gpu->board.thermal.slowdown_c);
    r->shutdown_c = (int)lround(gpu->board.thermal.shutdown_c);
    r->margin_c = r->slowdown_c - r->temp_c;
    r->gpu_util_pct = s->gpu_util_pct;
    r->mem_util_pct = s->mem_util_pct;
    r->util_t_unix_ns = unix_ns(gpu, s->util_t_ns);
    r->memory_total_b = to_bytes(si->vram_mib);
    r->memory_reserved_b = to_bytes(si->vram_reserved_mib);
    r->memory_used_b = to_bytes(gpu->vram_used_mib - si->vram_reserved_mib);
    r->memory_free_b = r->memory_total_b - r->memory_reserved_b - r->memory_used_b;
    r->persistence = gpu->persistence;
    r->compute_mode = gpu->compute_mode;
    r->mig = gpu->mig;
    r->epoch = gpu->epoch;
    r->epoch_unix_ns = unix_ns(gpu, gpu->epoch_ns);
}

static unsigned what_it_has(const struct wtl_sim_gpu *gpu)
{
    const unsigned c = gpu->board.capabilities;
    return (c & WTL_SIM_ENERGY_COUNTER ? WTL_SIM_HAS_ENERGY : 0u) |
           (c & WTL_SIM_FIELD_INSTANT ? WTL_SIM_HAS_INSTANT : 0u) |
           (c & WTL_SIM_FIELD_AVERAGE ? WTL_SIM_HAS_AVERAGE : 0u) |
           (c & WTL_SIM_MEM_TEMP ? WTL_SIM_HAS_MEM_TEMP : 0u) | (gpu->mig ? 0u : WTL_SIM_HAS_UTIL) |
           (gpu->board.architecture >= WTL_SIM_ADA ? WTL_SIM_HAS_MARGIN : 0u);
}

int wtl_sim_readings(const struct wtl_sim_gpu *gpu, struct wtl_sim_readings *out,
                     struct wtl_error *err)
{
    if (gpu->lost)
        return WTL_FAIL(err, WTL_LOST, "GPU %d is lost", gpu->index);
    struct wtl_sim_readings r = {0};
    r.t_unix_ns = unix_ns(gpu, gpu->tick * WTL_SIM_STEP_NS);
    r.has = what_it_has(gpu);
    read_power(gpu, &r);
    read_clocks(gpu, &r);
    read_rest(gpu, &r);
    *out = r;
    return 0;
}

/* ---- Identity -------------------------------------------------------------------------------- */

/* "virtual" in hexadecimal, then what the seed and the number give. */
static const char *uuid(const struct wtl_sim_gpu *gpu, const char *prefix, uint64_t n, char *buf)
{
    const uint64_t a = wtl_sim_draw(gpu->seed, WTL_SIM_DRAW_UUID, 64 * (uint64_t)gpu->index + n);
    const uint64_t b = wtl_sim_draw(a, WTL_SIM_DRAW_UUID, n);
    snprintf(buf, WTL_SIM_UUID, "%s-76697274-7561-6c%02x-%04x-%012llx", prefix,
             (unsigned)(a & 0xff), (unsigned)(a >> 8 & 0xffff),
             (unsigned long long)(b & UINT64_C(0xffffffffffff)));
    return buf;
}

const char *wtl_sim_uuid(const struct wtl_sim_gpu *gpu, char buf[WTL_SIM_UUID])
{
    return uuid(gpu, "GPU", 0, buf);
}

const char *wtl_sim_instance_uuid(const struct wtl_sim_gpu *gpu, int instance,
                                  char buf[WTL_SIM_UUID])
{
    return uuid(gpu, "MIG", 1 + (uint64_t)instance, buf);
}

struct wtl_sim_pci wtl_sim_pci(const struct wtl_sim_gpu *gpu)
{
    return (struct wtl_sim_pci){
        .domain = 0,
        .bus = 0x20 + (uint32_t)gpu->index,
        .device = 0,
        .device_id = gpu->board.pci_device_id,
        .subsystem_id = gpu->board.pci_subsystem_id,
    };
}

/* ---- Lists ----------------------------------------------------------------------------------- */

int wtl_sim_processes(const struct wtl_sim_gpu *gpu, struct wtl_sim_process_info *out, int max)
{
    for (int i = 0; i < gpu->n_slots && i < max; i++) {
        const struct wtl_sim_slot *s = &gpu->slots[i];
        out[i] = (struct wtl_sim_process_info){
            .pid = s->process.pid,
            .uid = s->process.uid,
            .mps = s->process.mps,
            .memory_b = to_bytes(s->vram_mib),
            .instance = s->process.instance,
            .sm_util_pct = s->util_pct,
            .mem_util_pct = s->mem_util_pct,
            .util_t_unix_ns = s->util_t_ns ? unix_ns(gpu, s->util_t_ns) : 0,
        };
        memcpy(out[i].name, s->process.name, sizeof out[i].name);
    }
    return gpu->n_slots;
}

int wtl_sim_samples(const struct wtl_sim_gpu *gpu, enum wtl_sim_ring_kind kind,
                    int64_t since_unix_ns, struct wtl_sim_sample *out, int max)
{
    const struct wtl_sim_ring *r = &gpu->sensors.rings[kind];
    const uint64_t first = r->n > WTL_SIM_RING ? r->n - WTL_SIM_RING : 0;
    int n = 0;
    for (uint64_t i = first; i < r->n; i++) {
        struct wtl_sim_sample s = r->samples[i % WTL_SIM_RING];
        s.t_ns = unix_ns(gpu, s.t_ns);
        if (s.t_ns <= since_unix_ns)
            continue;
        if (n < max)
            out[n] = s;
        n++;
    }
    return n;
}
