/* SPDX-License-Identifier: Apache-2.0
 *
 * Refitting a curve to resampled runs. With forms, parameters and weights fixed the whole fit is
 * one linear map from cell means to the curve, computed once; a replicate is one product with it.
 *
 * What the choice of form leaves open enters through the truth that a replicate is drawn from: one
 * of the candidates, picked by its weight, rather than always the fitted curve. A form that lost by
 * a hair is then the truth nearly as often as the one that won, and what the average gets wrong in
 * that case is part of the error.
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

/* Rows of the input of a group of replicates: the cells of the curve, then WTL_CURVE_MODES. */
size_t wtl_refit_n_rows(const struct wtl_refit *refit);

/* The candidate for a uniform number 0 <= u < 1, by weight. */
size_t wtl_refit_pick(const struct wtl_refit *refit, double u);

/* What that candidate, as the truth, may be bent by: the standard deviation of the coefficients of
 * wtl_curve_modes(). */
double wtl_refit_bend(const struct wtl_refit *refit, size_t candidate);

/* The cell of eval point e; n_cells: there are no runs at that clock. What a clock of the truth has
 * of its own (wtl_curve_effect()) is added to the input of its cell, if it has one, and taken off
 * the output at e. */
size_t wtl_refit_cell(const struct wtl_refit *refit, size_t e);

/* input[row * LANES + lane]: for a cell, the mean over its runs of the noise added to the log
 * values of the truth; below the cells, the coefficients by which the truth is bent. The truth of
 * that lane is candidate truth[lane] (see wtl_refit_pick), bent. out[lane * stride + e]: log of the
 * original curve plus the error of the refit: refit - truth. */
void wtl_refit_run(struct wtl_refit *refit, const double *input,
                   const size_t truth[WTL_REFIT_LANES], double *out, size_t stride);

/* For tests: from now on only instructions that every machine has. The results are the same bits.
 */
void wtl_refit_baseline(struct wtl_refit *refit);

#endif
