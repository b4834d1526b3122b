/* SPDX-License-Identifier: Apache-2.0
 * Offsets of gpu_metrics by revision. */
#include "device/amdgpu/metrics.h"

#include "device/drm.h"

#include <string.h>

#define ENERGY_STEP_J 0x1p-16

/* Offsets in bytes; 0: the revision has no such field. */
struct layout {
    int content;
    size_t size; /* least */
    size_t hotspot, mem_temp, gfx_util, mem_util, power, energy, gfx_clock, mem_clock, throttle;
    int n_gfx_clocks; /* the highest of so many counts: the dies of one board */
};

static const struct layout layouts[] = {
    {1, 80, 6, 8, 16, 18, 22, 24, 54, 58, 0, 1},    {2, 80, 6, 8, 16, 18, 22, 24, 54, 58, 0, 1},
    {3, 120, 6, 8, 16, 18, 22, 24, 54, 58, 112, 1}, {4, 288, 4, 6, 12, 14, 10, 24, 240, 280, 0, 8},
    {5, 360, 4, 6, 12, 14, 10, 88, 312, 352, 0, 8}, {6, 306, 4, 6, 12, 14, 10, 16, 264, 304, 0, 8},
    {7, 338, 4, 6, 12, 14, 10, 24, 296, 336, 0, 8}, {8, 338, 4, 6, 12, 14, 10, 24, 296, 336, 0, 8},
};
enum { N_LAYOUTS = sizeof layouts / sizeof layouts[0] };

static bool u16(const unsigned char *table, size_t at, double scale, double *out)
{
    uint16_t v;
    memcpy(&v, table + at, sizeof v);
    if (v == UINT16_MAX)
        return false;
    *out = v * scale;
    return true;
}

/* Bits 0-15 power, 16-31 current, 32-45 temperature, 46-47 PROCHOT (amdgpu_smu.h). */
static bool throttlers(const unsigned char *table, size_t at, unsigned *out)
{
    uint64_t bits;
    memcpy(&bits, table + at, sizeof bits);
    if (bits == UINT64_MAX)
        return false;
    *out = (bits & 0xffff ? WTL_DRM_REASON_POWER_CAP : 0U) |
           (bits >> 16 & 0xffff ? WTL_DRM_REASON_HW_SLOWDOWN : 0U) |
           (bits >> 32 & 0x3fff ? WTL_DRM_REASON_THERMAL : 0U) |
           (bits >> 46 & 0x3 ? WTL_DRM_REASON_HW_THERMAL : 0U);
    return true;
}

static void decode(const unsigned char *t, const struct layout *l, struct wtl_amdgpu_metrics *out)
{
    uint64_t energy;
    memcpy(&energy, t + l->energy, sizeof energy);
    out->has_energy = energy != UINT64_MAX && energy != 0;
    out->energy_j = out->has_energy ? (double)energy * ENERGY_STEP_J : 0;
    out->has_power = u16(t, l->power, 1, &out->power_w);
    out->has_hotspot = u16(t, l->hotspot, 1, &out->hotspot_c);
    out->has_mem_temp = u16(t, l->mem_temp, 1, &out->mem_temp_c);
    out->has_gfx_util = u16(t, l->gfx_util, 0.01, &out->gfx_util) && out->gfx_util <= 1;
    out->has_mem_util = u16(t, l->mem_util, 0.01, &out->mem_util) && out->mem_util <= 1;
    out->has_mem_clock = u16(t, l->mem_clock, 1, &out->mem_clock_mhz);
    for (int i = 0; i < l->n_gfx_clocks; i++) {
        double mhz;
        if (!u16(t, l->gfx_clock + 2 * (size_t)i, 1, &mhz))
            continue;
        out->gfx_clock_mhz =
            out->has_gfx_clock && out->gfx_clock_mhz > mhz ? out->gfx_clock_mhz : mhz;
        out->has_gfx_clock = true;
    }
    out->has_reasons = l->throttle && throttlers(t, l->throttle, &out->reasons);
}

bool wtl_amdgpu_metrics(const unsigned char *table, size_t n, struct wtl_amdgpu_metrics *out)
{
    uint16_t size;
    if (n < 4)
        return false;
    memcpy(&size, table, sizeof size);
    *out = (struct wtl_amdgpu_metrics){.format = table[2], .content = table[3]};
    if (size > n || out->format != 1)
        return false;
    for (int i = 0; i < N_LAYOUTS; i++) {
        const struct layout *l = &layouts[i];
        if (l->content != out->content || size < l->size)
            continue;
        decode(table, l, out);
        return true;
    }
    return false;
}
