/* SPDX-License-Identifier: Apache-2.0
 *
 * How good a predictor is, on what it has not seen: every workload (or card) is left out of the
 * training in turn, its probes are shown to the predictor, and what the predictor picks is judged
 * on the left-out curves, beside the trivial rivals.
 *
 * Nothing is trained on what it is judged on. The training of a fold sees the examples of the
 * others and nothing else; the pick of a case sees in addition the cells of its probe (a few
 * clocks) and the features at the highest clock; the reference is opened only after the pick.
 */
#ifndef WTL_OPTIMIZE_HELDOUT_H
#define WTL_OPTIMIZE_HELDOUT_H

#include "core/policy.h"
#include "predict/predictor.h"

/* What an example is judged by: its true curves, or the smoothed measured ones. Clocks ascending,
 * the last is the highest of the GPU. */
struct wtl_reference {
    const int *clocks_mhz;
    const double *time_s;
    const double *power_w;
    size_t n;
};

/* One pick: an example, what was left out, who picked. */
struct wtl_heldout_case {
    size_t example;
    enum wtl_split split;
    enum wtl_method method;
    int n_probes; /* clocks asked for; 0: the method needs none */
    int pick_mhz, optimum_mhz;
    double regret; /* of the objective against the constrained optimum, >= 0 */
    double loss;   /* the same with broken limits rolled back to the highest clock */
    bool broken;
    double slowdown;   /* true, at the pick */
    bool has_error;    /* it predicts curves */
    double time_error; /* mean absolute relative error over the reference's clocks */
    double power_error;
    bool has_coverage; /* it states intervals */
    double coverage;   /* share of clocks whose true slowdown lies in its interval */
};

/* All cases of all splits that the examples allow: leaving a workload out needs two workloads,
 * leaving a card out needs two cards. Probes at the highest clock, and at 1, 0.75 and 0.5 of it.
 * An example whose reference has no feasible clock under `policy` is no case. `examples` and
 * `references` run in parallel. The policy's baseline is the highest clock. */
int wtl_heldout_cases(struct wtl_arena *arena, const struct wtl_example *examples,
                      const struct wtl_reference *references, size_t n,
                      const struct wtl_policy *policy, struct wtl_heldout_case **cases_out,
                      size_t *n_out, struct wtl_error *err);

/* Cases to rows: medians and 90 % quantiles, one row for each split, method and probe count that
 * occurs, in that order. */
int wtl_heldout_table(struct wtl_arena *arena, const struct wtl_heldout_case *cases, size_t n,
                      struct wtl_heldout **rows_out, size_t *n_rows_out, struct wtl_error *err);

#endif
