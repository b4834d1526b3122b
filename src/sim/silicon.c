/* SPDX-License-Identifier: Apache-2.0
 * Voltage and static power. */
#include "sim/silicon.h"

#include <math.h>

double wtl_sim_voltage(const struct wtl_sim_silicon *s, double sm_mhz)
{
    if (sm_mhz <= s->knee_mhz || s->sm_mhz_max <= s->knee_mhz)
        return s->v_min;
    if (sm_mhz >= s->sm_mhz_max)
        return s->v_max;
    return s->v_min +
           (s->v_max - s->v_min) * (sm_mhz - s->knee_mhz) / (s->sm_mhz_max - s->knee_mhz);
}

double wtl_sim_uncore(const struct wtl_sim_silicon *s, double sm_mhz)
{
    if (s->uncore_loss <= 0)
        return 1;
    const double step = s->uncore_step_mhz;
    const double g = step > 0 ? ceil(sm_mhz / step - 1e-9) * step : sm_mhz;
    const double below = (s->uncore_knee_mhz - g) / (s->uncore_knee_mhz - s->uncore_floor_mhz);
    return 1 - s->uncore_loss * fmin(fmax(below, 0), 1);
}

struct wtl_sim_static wtl_sim_static_parts(const struct wtl_sim_silicon *s, double sm_mhz,
                                           double mem_mhz)
{
    const double v = wtl_sim_voltage(s, sm_mhz) / s->v_max;
    return (struct wtl_sim_static){
        .fixed_w = s->base_w + s->clock_w * fmin(sm_mhz / s->sm_mhz_max, 1) * v * v +
                   s->memory_w * fmin(mem_mhz / s->mem_mhz_max, 1),
        .leak_w = s->leak_w * v * v,
    };
}

double wtl_sim_leak_factor(const struct wtl_sim_silicon *s, double temp_c)
{
    return exp((temp_c - s->leak_ref_c) / s->leak_e_c);
}

double wtl_sim_static_w(const struct wtl_sim_silicon *s, double sm_mhz, double mem_mhz,
                        double temp_c)
{
    const struct wtl_sim_static parts = wtl_sim_static_parts(s, sm_mhz, mem_mhz);
    return parts.fixed_w + parts.leak_w * wtl_sim_leak_factor(s, temp_c);
}
