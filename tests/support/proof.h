/* SPDX-License-Identifier: Apache-2.0
 *
 * Operating characteristics of the optimiser: simulated campaigns of known truth through the whole
 * chain (choice of sources, judgement, plan, fresh runs, verdict), and what became of them. The
 * tests run a few hundred campaigns, bench/proof-optimize thousands.
 */
#ifndef WTL_TESTS_PROOF_H
#define WTL_TESTS_PROOF_H

#include "base/error.h"
#include "core/policy.h"

#include <stdint.h>

/* What the campaigns of one scenario are drawn from, uniformly (ranges of noise: in the log). GPU
 * and workload are random among 7 and 16; 3 cold runs at the start, 2 % outliers, 0.5 % idle. */
struct proof_scenario {
    const char *name;
    int order; /* enum sim_order; -1: either */
    int reps_min, reps_max;
    int stride_min, stride_max;
    double time_cv_min, time_cv_max;
    double power_cv_min, power_cv_max;
    double autocorrelation_max;
    int fresh_blocks;
};
/* 1.5 % and 1 % noise, correlation up to 0.4, 3 repetitions of every clock. */
struct proof_scenario proof_usual(void);
/* 0.4 to 5 % noise, correlation up to 0.5, 2 to 4 repetitions, down to every fourth clock. */
struct proof_scenario proof_hard(void);

/* Sums over campaigns; shares are these over the counts beside them. */
struct proof_result {
    int n;                /* campaigns */
    int status[4];        /* by enum wtl_plan_status */
    int n_moved;          /* OK, with another clock than the baseline */
    int in_sample_saving; /* of n_moved: the interval holds the truth at the chosen clock */
    int in_sample_slowdown;
    double in_sample_bias, in_sample_square;  /* saving: estimate less truth */
    double width;                             /* of the interval of saving */
    int broken;                               /* OK, and truly slower than the limit */
    int confirmed_saving, confirmed_slowdown; /* of n_moved, by fresh runs */
    double fresh_bias, fresh_square;
    int verdict[3];      /* of n_moved, by enum wtl_verdict_kind */
    int wrongly_refuted; /* refuted although the truth meets both claims */
    double regret;       /* OK: objective at the chosen clock over that at the best feasible, - 1 */
};

/* Adds the campaigns of seeds first .. first + n - 1, EDP under a slowdown of at most 5 %. */
int proof_run(const struct proof_scenario *scenario, uint64_t first, int n, int replicates,
              struct proof_result *result, struct wtl_error *err);

#endif
