/* SPDX-License-Identifier: Apache-2.0
 *
 * Replicates of the curves of time and power. Residuals of both curves, corrected for what the
 * curve took of a block (wtl_curve_noise) and made white by their lag-one correlation, are drawn
 * together (a slow run is usually a less powerful one) in moving blocks of run order, coloured
 * again, added to the truth, and both curves refitted.
 *
 * Each replicate also has a truth of its own, which differs from the fitted curve by a draw of what
 * the forms may miss (wtl_curve_modes); the error of the replicate is what it estimates less that
 * truth, and a replicate's curve here is the original one plus that error. Without this a form that
 * is slightly wrong would get intervals as narrow as one that is right.
 *
 * With few blocks the spread of replicates is itself uncertain: the noise is widened by
 * t(0.975, blocks - 1) / z(0.975), so that two normal standard errors mean what they say.
 */
#ifndef WTL_OPTIMIZE_BOOTSTRAP_H
#define WTL_OPTIMIZE_BOOTSTRAP_H

#include "predict/curve.h"

#include <stdint.h>

struct wtl_bootstrap {
    size_t n;      /* replicates */
    size_t n_eval; /* clocks */
    size_t block_length;
    double widening;        /* of the noise, >= 1 */
    double *time0, *power0; /* n_eval: logs of the original fit, s and W */
    double *spread;         /* n: size of the noise drawn in a replicate over that of all runs */
    double *time, *power;   /* n x n_eval, one replicate after the other */
};

/* Both curves must be fitted to the same n_runs runs in run order. Everything lives in `arena`,
 * n x n_eval x 16 bytes of it. -WTL_NOMEM. */
int wtl_bootstrap_run(struct wtl_arena *arena, const struct wtl_curve *time,
                      const struct wtl_curve *power, size_t n_runs, const double *eval_mhz,
                      size_t n_eval, size_t replicates, uint64_t seed,
                      struct wtl_bootstrap *boot_out, struct wtl_error *err);

/* Widening of noise that comes in `blocks` independent pieces. */
double wtl_bootstrap_widening(double blocks);

#endif
