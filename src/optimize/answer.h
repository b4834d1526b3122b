/* SPDX-License-Identifier: Apache-2.0
 *
 * From the finished computation to the plan: estimates with intervals, the curve, the front, the
 * status and the sentences.
 *
 * Status, the first that fits:
 *
 * - infeasible: no candidate meets all constraints at their bounds; or the best one is worse than
 *   the baseline by the objective, over its whole interval, while the baseline, which is not among
 *   the candidates, keeps every limit.
 * - undecided: the best feasible clock cannot be told from the baseline although the gain may be
 *   more than 2 %; or only the baseline is left because other clocks that gain more than 2 % meet
 *   the limits by their estimate but not at their bounds; or the interval of the gain in the
 *   objective, or of the saving, at the chosen clock contains none; or the gain lies below 0
 *   although the baseline was among the candidates (which clock is fastest cannot be told); or the
 *   interval of the saving is wider than 20 points; or at least 9 in 10 feasible clocks, over at
 *   least a fifth of the highest clock, are tied.
 * - ok: else; also where nothing is to be gained, the chosen clock is then the baseline.
 */
#ifndef WTL_OPTIMIZE_ANSWER_H
#define WTL_OPTIMIZE_ANSWER_H

#include "optimize/problem.h"
#include "optimize/select.h"

/* All that a plan is made from. */
struct wtl_work {
    struct wtl_observations obs;
    struct wtl_grid grid;
    struct wtl_given_baseline given;
    struct wtl_curve *time, *power;
    struct wtl_constraints constraints;
    struct wtl_bootstrap boot;
    struct wtl_contrast contrast;
    struct wtl_rule rule;
    struct wtl_choice choice;
    bool *feasible, *tied; /* per clock of the grid */
    size_t *chosen;        /* per replicate */
};

/* Fills `plan`, whose identity and run counts are in place. -WTL_NOMEM. */
int wtl_answer(struct wtl_arena *arena, struct wtl_arena *scratch, const struct wtl_work *w,
               struct wtl_plan *plan, struct wtl_notes *notes, struct wtl_error *err);

#endif
