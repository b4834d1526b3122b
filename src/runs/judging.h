/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files behind judge.h share: how a cause is recorded, and the expected time and power of
 * every run. Internal to runs/.
 */
#ifndef WTL_RUNS_JUDGING_H
#define WTL_RUNS_JUDGING_H

#include "runs/judge.h"

/* Adds a cause; the reason is kept for the main (first) cause only. */
void wtl_reject(struct wtl_run *run, enum wtl_cause cause, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Runs of different arrival rate or memory clock are different experiments. */
bool wtl_same_group(const struct wtl_run *a, const struct wtl_run *b);

/* Expected logarithms of time and power of each run at its own clock, from its cell (same clock,
 * arrival rate and memory clock) and the neighbouring clocks, and what spread to expect. */
struct wtl_levels {
    size_t n;
    double *log_t, *log_p;   /* observed */
    double *fit_t, *fit_p;   /* expected */
    double *step_t, *step_p; /* change of the expected value to the next clock, absolute */
    bool *has;               /* there is an expectation */
    int *cell;               /* index of the cell of a run */
    int *group;              /* runs with equal arrival rate and memory clock */
    size_t *first;           /* the first run of each cell */
    size_t *next;            /* the next run of the same cell; n: none */
    int n_cells, n_groups;
    double sigma_t, sigma_p, sigma_e; /* run-to-run, robust */
    double dof; /* behind the sigmas, as if they were ordinary standard deviations */
};
int wtl_levels_new(struct wtl_arena *scratch, const struct wtl_run *runs, size_t n,
                   struct wtl_levels **levels_out, struct wtl_error *err);

/* Learns from the runs without any cause. */
int wtl_levels_learn(struct wtl_arena *scratch, struct wtl_levels *l, const struct wtl_run *runs,
                     struct wtl_error *err);

/* The threshold in standard deviations for the wanted z: z itself where much data stand behind the
 * deviation; else the quantile of Student's t that has as much probability beyond it as the normal
 * has beyond 0.6 z (5: one run in 370), which is the larger one below about 6 degrees of
 * freedom. */
double wtl_levels_z(const struct wtl_levels *l, double z);

/* Whether run i may lie off its level because the curve bends there: at least two runs of its clock
 * agree among themselves, and their median lies in order with those of up to three clocks on either
 * side, power rising and time falling with the clock. A clock whose runs are all bad sticks out. */
bool wtl_is_bend(const struct wtl_levels *l, const struct wtl_run *runs, size_t i);

/* The power that the metered GPU draws without work, as these runs show it. */
struct wtl_idle_level {
    bool known;
    bool stated; /* by the caller or by the runs' own metric: no further proof needed */
    double watts;
    double margin_w;
};

/* Devices beside the one that worked. A sampler that is not told which GPU to watch (the usual call
 * of dcgmi and of nvidia-smi) records every GPU of the node, and MIG instances that have no power.
 * Rejects, as idle_gpu or no_data, the runs that did nothing while another stream of the same
 * execution worked (same source, job, sequence number, repetition and clocks, from samples), and
 * sets `beside_out` for them: no median of the set may be theirs. Nothing was done by what has no
 * power reading beside one that has; by what was not active beside one that was; where activity is
 * not recorded, by what drew about the idle level beside one that drew more, by the contrast both.
 */
int wtl_judge_bystanders(struct wtl_arena *scratch, struct wtl_run *runs, size_t n,
                         const struct wtl_judge_options *options, bool *beside_out, size_t *n_out,
                         struct wtl_error *err);

/* Of judged runs, those that are no bystanders: rejected as idle_gpu or no_data in the same
 * execution as an accepted run. Replaces *runs by a copy where there are any. */
int wtl_without_bystanders(struct wtl_arena *scratch, const struct wtl_run **runs, size_t *n,
                           struct wtl_error *err);

/* Mean power of the samples, else power_w; 0: neither is known. */
double wtl_run_mean_power(const struct wtl_run *run);

/* Working power is at least this times the idle level, where it is to be told from it. */
extern const double wtl_idle_contrast;

/* Causes that a run shows by itself. */
int wtl_judge_facts(struct wtl_arena *scratch, struct wtl_run *runs, size_t n,
                    const struct wtl_judge_options *options, struct wtl_error *err);

int wtl_find_idle_level(struct wtl_arena *scratch, const struct wtl_run *runs, size_t n,
                        const struct wtl_judge_options *options, struct wtl_idle_level *idle_out,
                        struct wtl_error *err);

int wtl_judge_idle(struct wtl_arena *scratch, struct wtl_run *runs, size_t n,
                   const struct wtl_judge_options *options, const struct wtl_idle_level *idle,
                   struct wtl_error *err);

/* Causes against the expectation: cold start, and outliers with the best name for them. */
int wtl_judge_relative(struct wtl_arena *scratch, struct wtl_run *runs, size_t n,
                       const struct wtl_levels *l, const struct wtl_idle_level *idle,
                       const struct wtl_judge_options *options, struct wtl_error *err);

#endif
