/* SPDX-License-Identifier: Apache-2.0
 *
 * The published power and time model for the V100 by its name, "fgcs-v100", with the coefficients
 * as published (Ali, Side, Bhalachandra, Wright and Chen, Future Generation Computer Systems 2023;
 * the code of github.com/mertside/ai-inference-energy applies it to AI inference):
 *
 *   ln(1 + P) = -1.0318354343254663 + 0.84864 fp + 0.09749 dram + 0.77006 ln(1 + f)
 *   ln(1 + T) = ln(1 + T_max) + 1.43847511 fp - 0.16736726 D - 0.90400864 fp^2
 *               + 0.48241361 fp D + 0.78898516 D^2,    D = 7.230563 - ln(1 + f)
 *
 * f in MHz, fp = fp32_active/2 + fp64_active, dram = dram_active (means over non-zero rows),
 * T_max: time at 1380 MHz, P in W, T in s. It is here to be compared with, not to be believed:
 *   - T(1380) is not T_max: the terms in fp alone do not vanish at D = 0 (fp 0.3 turns 10 s into
 *     14.6 s), so only ratios of its times mean anything;
 *   - it adds 1 s and 1 W inside the logarithms: the answer depends on the unit of time;
 *   - 7.230563 = ln 1381 ties it to one card; on another it extrapolates;
 *   - the tensor pipes, which do most of the work of inference, do not appear;
 *   - it has no stated error on AI work.
 */
#ifndef WTL_PREDICT_FGCS_H
#define WTL_PREDICT_FGCS_H

#include "core/run.h"
#include "predict/posterior.h"

#define WTL_FGCS_NAME "fgcs-v100"
#define WTL_FGCS_F_MAX_MHZ 1380

struct wtl_fgcs {
    double fp;         /* 0..1.5 */
    double dram;       /* 0..1 */
    double time_max_s; /* T_max */
};

double wtl_fgcs_power_w(const struct wtl_fgcs *m, double clock_mhz);
double wtl_fgcs_time_s(const struct wtl_fgcs *m, double clock_mhz);

/* Its features from a run that has fp32_active or fp64_active and dram_active, at any clock; T_max
 * from the run's time when the run was at 1380 MHz, else by the model's own ratio. -WTL_USAGE names
 * what is missing. */
int wtl_fgcs_from_run(const struct wtl_run *run, struct wtl_fgcs *model_out, struct wtl_error *err);

/* One clock of its curves, against its own value at `f_max_mhz`; standard deviations are 0: the
 * model states none. */
struct wtl_prediction wtl_fgcs_at(const struct wtl_fgcs *m, double clock_mhz, double f_max_mhz);

#endif
