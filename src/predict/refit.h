/* SPDX-License-Identifier: Apache-2.0
 *
 * Refitting a curve to resampled runs: everything that does not depend on the noise is computed
 * once, and a replicate is products with small fixed matrices. A refit repeats the choice among the
 * forms and parameters that were near the winner (same cross-validation), so that the spread of
 * replicates contains the uncertainty of that choice.
 */
#ifndef WTL_PREDICT_REFIT_H
#define WTL_PREDICT_REFIT_H

#include "predict/curve.h"

/* Replicates are worked on in groups of this many, side by side, for the vector units. */
enum { WTL_REFIT_LANES = 8 };

struct wtl_refit;

/* Prepares refits that are evaluated at `eval_mhz`. The curve must outlive it. Not for concurrent
 * use: it holds the scratch space. -WTL_NOMEM. */
int wtl_refit_new(struct wtl_arena *arena, const struct wtl_curve *curve, const double *eval_mhz,
                  size_t n_eval, struct wtl_refit **refit_out, struct wtl_error *err);

/* log of the original fit at eval point e. */
double wtl_refit_log(const struct wtl_refit *refit, size_t e);

/* deviation[cell * LANES + lane]: mean over the runs of the cell of the noise added to the fitted
 * log values in that replicate. out[lane * stride + e]: log of the refitted curve. */
void wtl_refit_run(struct wtl_refit *refit, const double *deviation, double *out, size_t stride);

#endif
