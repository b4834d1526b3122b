/* SPDX-License-Identifier: Apache-2.0
 *
 * How much the answer depends on what was asked and on which runs were made.
 */
#ifndef WTL_OPTIMIZE_SENSITIVITY_H
#define WTL_OPTIMIZE_SENSITIVITY_H

#include "optimize/clock.h"

/* One answer of a sweep. */
struct wtl_sweep_point {
    double value; /* the slowdown limit, or the weight of energy */
    enum wtl_plan_status status;
    int clock_mhz; /* 0 unless OK */
    int best_guess_mhz;
    size_t n_tied;
    struct wtl_estimate saving, slowdown;
};

/* The policy with max_slowdown set to each limit in turn. points_out has n entries. */
int wtl_sweep_slowdown(struct wtl_arena *arena, const struct wtl_workset *set,
                       const struct wtl_policy *policy, const double *limit, size_t n,
                       struct wtl_sweep_point *points_out, struct wtl_error *err);

/* The policy with the objective "weighted" by each weight of energy (0..1) in turn. */
int wtl_sweep_weight(struct wtl_arena *arena, const struct wtl_workset *set,
                     const struct wtl_policy *policy, const double *weight, size_t n,
                     struct wtl_sweep_point *points_out, struct wtl_error *err);

/* The usual limits (0.01 .05 .10 .15 .20 .30 .50) and weights (.1 .3 .5 .7 .9). */
extern const double wtl_usual_slowdowns[7];
extern const double wtl_usual_weights[5];

/* Agreement between methods: objectives under the same constraints. */
enum { WTL_METHODS = 5 };
struct wtl_agreement {
    struct wtl_objective objective[WTL_METHODS]; /* energy, EDP, ED2P, weighted:0.5, time */
    struct wtl_sweep_point point[WTL_METHODS];   /* value unused */
    /* Share of the pairs of decided methods in which one's clock is among the other's tied. */
    double share;
    int n_pairs;
    int lowest_mhz, highest_mhz; /* of the decided; 0: none */
};
int wtl_agreement(struct wtl_arena *arena, const struct wtl_workset *set,
                  const struct wtl_policy *policy, struct wtl_agreement *agreement_out,
                  struct wtl_error *err);

/* Leaving out one repetition at a time. */
enum { WTL_STABILITY_MAX = 64 };
struct wtl_stability {
    int rep[WTL_STABILITY_MAX];
    struct wtl_sweep_point point[WTL_STABILITY_MAX]; /* value: the repetition */
    size_t n;
    size_t n_decided; /* status ok */
    size_t n_within;  /* of these, those whose clock is among the tied of all runs together */
    int lowest_mhz, highest_mhz;
    double saving_min, saving_max; /* over the decided */
};
/* -WTL_UNDECIDED with fewer than 2 repetitions. */
int wtl_stability(struct wtl_arena *arena, const struct wtl_workset *set,
                  const struct wtl_policy *policy, struct wtl_stability *stability_out,
                  struct wtl_error *err);

#endif
