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
    int fresh_pairs; /* of runs in turns, judged like any others: some are cold or outliers */
    int fresh_days;  /* independent confirmations of each plan */
};
/* 1.5 % and 1 % noise, correlation up to 0.4, 3 repetitions of every clock. */
struct proof_scenario proof_usual(void);
/* 0.4 to 5 % noise, correlation up to 0.5, 2 to 4 repetitions, down to every fourth clock. */
struct proof_scenario proof_hard(void);

/* One kind of estimate against the truth. */
struct proof_estimate {
    int n, saving, slowdown; /* estimates; those whose interval holds the truth */
    double width;            /* sums: of the interval of saving, */
    double bias, square;     /* of estimate less truth, and its square: saving */
    double slow_bias, slow_square;
};

/* Counts and sums over campaigns. */
struct proof_result {
    int n;         /* campaigns */
    int status[4]; /* by enum wtl_plan_status */
    int broken;    /* OK, and truly slower than the limit */
    double regret; /* OK: objective at the chosen clock over that at the best feasible, - 1 */
    struct proof_estimate in_sample; /* OK, with another clock than the baseline */
    struct proof_estimate guess;     /* the same of the undecided, at their best guess */
    /* Confirmations of the in_sample ones, fresh_days each: whatever the verdict; of these, the
     * ones whose verdict is confirmed; and the sum over plans of the squared mean error of saving
     * over the plan's days. */
    struct proof_estimate fresh, published;
    double fresh_plan_square;
    int without_interval; /* confirmations in which too few runs were left */
    int verdict[3];       /* of all confirmations, by enum wtl_verdict_kind */
    int wrongly_refuted;  /* refuted although the truth meets both claims */
};

/* The bias of confirmed savings: its standard error over these plans and days, and the one that a
 * single confirmation of each of 1000 plans has. */
struct proof_bias {
    double value, se, se_1000;
};
struct proof_bias proof_fresh_bias(const struct proof_result *r);

/* Adds the campaigns of seeds first .. first + n - 1, EDP under a slowdown of at most 5 %. */
int proof_run(const struct proof_scenario *scenario, uint64_t first, int n, int replicates,
              struct proof_result *result, struct wtl_error *err);

#endif
