/* SPDX-License-Identifier: Apache-2.0
 *
 * The choice: best feasible clock, everything tied with it, and the one taken. The same function
 * runs on the original curves and on every replicate, so that the spread of estimates at the chosen
 * clock contains the spread of the choice.
 */
#ifndef WTL_OPTIMIZE_SELECT_H
#define WTL_OPTIMIZE_SELECT_H

#include "optimize/constraint.h"

struct wtl_rule {
    const struct wtl_contrast *contrast;
    const struct wtl_constraints *constraints;
    const bool *candidate; /* n_eval */
    enum wtl_prefer prefer;
    double tie_factor; /* standard errors of the difference of log objective; see below */
};

struct wtl_choice {
    size_t best;   /* least objective among the feasible; n_eval: nothing is feasible */
    size_t chosen; /* by `prefer` among the tied */
};

/* tied and feasible (n_eval each) may be NULL. The tie set contains `best` and `chosen`. */
struct wtl_choice wtl_choose(const struct wtl_rule *rule, const struct wtl_row *row, bool *feasible,
                             bool *tied);

/* The factor for which the tie set around a replicate's best contains the original best feasible
 * clock in `confidence` of the replicates (multiple comparisons with the best, Hsu 1981, by
 * bootstrap); never below the one-sided normal quantile. */
int wtl_tie_factor(struct wtl_arena *scratch, const struct wtl_rule *rule, double confidence,
                   double *factor_out, struct wtl_error *err);

/* The clock that each replicate takes (n_eval: none feasible), by the whole rule. */
void wtl_choose_all(const struct wtl_rule *rule, size_t *chosen_out);

/* A quantity whose estimate at the chosen clock is wanted: log per clock and row, minus a base. */
enum wtl_quantity {
    WTL_Q_SLOWDOWN, /* log t/t_base */
    WTL_Q_ENERGY,   /* log E/E_base */
    WTL_Q_OBJECTIVE,
    WTL_Q_TIME, /* log s, absolute */
    WTL_Q_JOULE,
    WTL_Q_POWER,
};

/* Estimate and interval (logs) of a quantity at clock `at`, corrected for the choice: a replicate
 * that takes clock c errs by (its value at c - the original curve at c), in units of the standard
 * error at c; quantiles of that error, which selection shifts and widens, are taken off the
 * original estimate (bootstrap-t of the select-then-estimate procedure). `chosen` NULL: `at` was
 * not chosen by these runs, and nothing is corrected. */
struct wtl_interval {
    double value, lo, hi;
};
int wtl_honest_interval(struct wtl_arena *scratch, const struct wtl_contrast *c,
                        const size_t *chosen, size_t at, enum wtl_quantity quantity,
                        double confidence, struct wtl_interval *interval_out,
                        struct wtl_error *err);

#endif
