/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of wtl_judge_quality that stand alone. Internal to runs/.
 */
#ifndef WTL_RUNS_QUALITY_H
#define WTL_RUNS_QUALITY_H

#include "runs/judging.h"

/* Times that sit on steps. Two runs of one clock then differ by 0, 1, 2 ... steps and a little
 * noise, whatever the clock; the test looks for the step at which the pair differences agree best.
 * No bell-shaped noise passes it: a step is only tried where at least a fifth of the pairs are half
 * a step or more apart, and normal differences that wide have a mean cosine of 0.05. */
struct wtl_quantum {
    bool found;
    double step_s;
    double agreement; /* mean of cos(2 pi difference / step), 1 is perfect */
    size_t n_pairs;
};
int wtl_find_quantum(struct wtl_arena *scratch, const struct wtl_run *runs,
                     const struct wtl_levels *l, struct wtl_quantum *quantum_out,
                     struct wtl_error *err);

/* Relative change of time per run of the sequence, from anchors: clocks that were run again at
 * least half of the sequence later. Each anchor clock is its own level, so that the effect of the
 * clock is no part of it. */
struct wtl_drift {
    bool found;
    double per_run, lo, hi; /* 95 %, Student's t */
    int n_anchors;
};
void wtl_estimate_drift(const struct wtl_run *runs, const struct wtl_levels *l,
                        struct wtl_drift *drift_out);

/* How far the means of the clocks lie from the best curve that only rises (sign 1) or only falls
 * (-1) with the clock, over the accepted runs. Time cannot rise with the SM clock and power cannot
 * fall, so labels that were shuffled or reversed leave a misfit that no curve takes away. */
struct wtl_misfit {
    int n_clocks;
    double rms;       /* over clocks, in the unit of `y` (logarithms: a share) */
    bool known_error; /* some clock has two runs */
    double error;     /* of a clock's mean, RMS, from the spread within clocks */
};
int wtl_monotone_misfit(struct wtl_arena *scratch, const struct wtl_run *runs,
                        const struct wtl_levels *l, const double *y, double sign,
                        struct wtl_misfit *misfit_out, struct wtl_error *err);

#endif
