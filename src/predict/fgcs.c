/* SPDX-License-Identifier: Apache-2.0
 * The published V100 model, coefficients as published. */
#include "predict/fgcs.h"

#include <math.h>

double wtl_fgcs_power_w(const struct wtl_fgcs *m, double clock_mhz)
{
    return expm1(-1.0318354343254663 + 0.84864 * m->fp + 0.09749 * m->dram +
                 0.77006 * log1p(clock_mhz));
}

/* ln((1 + T)/(1 + T_max)). */
static double log_slowdown(double fp, double clock_mhz)
{
    double d = 7.230563 - log1p(clock_mhz);
    return 1.43847511 * fp - 0.16736726 * d - 0.90400864 * fp * fp + 0.48241361 * fp * d +
           0.78898516 * d * d;
}

double wtl_fgcs_time_s(const struct wtl_fgcs *m, double clock_mhz)
{
    return expm1(log1p(m->time_max_s) + log_slowdown(m->fp, clock_mhz));
}

int wtl_fgcs_from_run(const struct wtl_run *run, struct wtl_fgcs *model_out, struct wtl_error *err)
{
    bool fp = wtl_run_has(run, WTL_R_fp32_active) || wtl_run_has(run, WTL_R_fp64_active);
    if (!fp || !wtl_run_has(run, WTL_R_dram_active))
        return WTL_FAIL(err, WTL_USAGE, "%s needs %s, which the run does not have", WTL_FGCS_NAME,
                        fp ? "dram_active" : "fp32_active or fp64_active");
    if (run->clock_mhz <= 0 || wtl_run_get(run, WTL_R_time_s, 0) <= 0)
        return WTL_FAIL(err, WTL_USAGE, "%s needs the clock and the time of the run",
                        WTL_FGCS_NAME);
    struct wtl_fgcs m = {
        .fp = wtl_run_get(run, WTL_R_fp32_active, 0) / 2 + wtl_run_get(run, WTL_R_fp64_active, 0),
        .dram = run->metric[WTL_R_dram_active],
        .time_max_s = run->metric[WTL_R_time_s],
    };
    if (run->clock_mhz != WTL_FGCS_F_MAX_MHZ)
        m.time_max_s = expm1(log1p(m.time_max_s) - log_slowdown(m.fp, run->clock_mhz) +
                             log_slowdown(m.fp, WTL_FGCS_F_MAX_MHZ));
    if (!(m.time_max_s > 0))
        return WTL_FAIL(
            err, WTL_USAGE, "%s gives no positive time at %d MHz for a run of %g s at %d MHz",
            WTL_FGCS_NAME, WTL_FGCS_F_MAX_MHZ, run->metric[WTL_R_time_s], run->clock_mhz);
    *model_out = m;
    return 0;
}

struct wtl_prediction wtl_fgcs_at(const struct wtl_fgcs *m, double clock_mhz, double f_max_mhz)
{
    struct wtl_prediction r = {
        .clock_mhz = clock_mhz,
        .time_s = wtl_fgcs_time_s(m, clock_mhz),
        .power_w = wtl_fgcs_power_w(m, clock_mhz),
    };
    double base_s = wtl_fgcs_time_s(m, f_max_mhz), base_w = wtl_fgcs_power_w(m, f_max_mhz);
    r.energy_j = r.time_s * r.power_w;
    r.slowdown = r.time_s / base_s - 1;
    r.saving = 1 - r.energy_j / (base_s * base_w);
    return r;
}
