/* SPDX-License-Identifier: Apache-2.0
 *
 * From a judged workset and a policy to the numbers that the optimiser works on: which runs count,
 * at which clocks the curves are evaluated, which of these may be recommended, and against what.
 */
#ifndef WTL_OPTIMIZE_PROBLEM_H
#define WTL_OPTIMIZE_PROBLEM_H

#include "core/plan.h"
#include "optimize/contrast.h"
#include "optimize/notes.h"

/* The runs behind the curves, in run order. */
struct wtl_observations {
    size_t n;
    const struct wtl_run **run;
    double *clock_mhz, *time_s, *power_w;
    struct wtl_idling idling;
};

/* Clocks at which the curves are evaluated, ascending: measured ones, legal ones between them, and
 * the baseline. */
struct wtl_grid {
    size_t n;
    int *mhz;
    double *mhz_d;
    bool *legal;
    bool *candidate;                 /* legal, and within reach of the runs */
    int highest_mhz;                 /* of the legal list, or of all runs */
    size_t base;                     /* eval index of the baseline; n when it is not one clock */
    int base_mhz;                    /* 0 when it is not one clock */
    size_t base_runs, base_rejected; /* runs at that clock */
};

/* Why there is no answer: filled in when the functions below return 1. */
struct wtl_obstacle {
    char text[400];
};

/* Returns 0, 1 when the runs carry no answer (`obstacle`), or -WTL_NOMEM. Notes tell what was left
 * out. */
int wtl_observe(struct wtl_arena *arena, const struct wtl_workset *set,
                const struct wtl_policy *policy, struct wtl_observations *obs_out,
                struct wtl_notes *notes, struct wtl_obstacle *obstacle, struct wtl_error *err);

int wtl_grid_make(struct wtl_arena *arena, const struct wtl_workset *set,
                  const struct wtl_policy *policy, const struct wtl_observations *obs,
                  struct wtl_grid *grid_out, struct wtl_notes *notes, struct wtl_obstacle *obstacle,
                  struct wtl_error *err);

/* The runs of a given job as baseline: logs of its mean time and energy with one bootstrap value
 * per replicate. Same returns; a job with accepted runs at more than one clock is refused. */
struct wtl_given_baseline {
    double time0, energy0;
    double *time, *energy; /* replicates */
    int clock_mhz;         /* of those runs */
    size_t n;
};
int wtl_given_baseline_make(struct wtl_arena *arena, const struct wtl_workset *set,
                            const struct wtl_policy *policy, const struct wtl_idling *idling,
                            struct wtl_given_baseline *given_out, struct wtl_obstacle *obstacle,
                            struct wtl_error *err);

/* Time and energy of a run; false when it has not both. */
bool wtl_run_time_energy(const struct wtl_run *run, double *time_s, double *energy_j);

#endif
