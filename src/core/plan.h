/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan: the chosen clock of one workload on one GPU in one configuration, with the evidence. Time
 * and energy are of one run, or where the configuration is of windows, of one unit of work.
 * Everything a plan points to lives in the arena that it was made in.
 */
#ifndef WTL_CORE_PLAN_H
#define WTL_CORE_PLAN_H

#include "core/measurement.h"
#include "core/policy.h"

enum wtl_plan_status {
    WTL_PLAN_OK,
    WTL_PLAN_UNDECIDED,  /* the data cannot tell */
    WTL_PLAN_UNUSABLE,   /* the runs do not measure the workload; notes say why */
    WTL_PLAN_INFEASIBLE, /* no clock meets the constraints; `binding` names the one that binds */
};
const char *wtl_plan_status_name(enum wtl_plan_status status);
bool wtl_plan_status_by_name(const char *name, enum wtl_plan_status *out); /* false: unknown */

/* One clock on the fitted curve. */
struct wtl_curve_point {
    int clock_mhz;
    double time_s;
    double energy_j;
    double power_w;
    double time_lo, time_hi; /* pointwise, at the policy's confidence */
    double energy_lo, energy_hi;
    double slowdown, slowdown_hi; /* against the baseline; hi: upper 97.5 % bound */
    double saving, saving_lo, saving_hi;
    double objective; /* relative to the best, 1 = optimum */
    bool legal;       /* on the list of clocks the GPU has */
    bool feasible;    /* meets every constraint at its bound */
    bool tied;        /* statistically tied with the best feasible */
    bool pareto;      /* not dominated in (energy, time) among legal clocks */
    bool knee;        /* the knee of the front */
};

/* What the runs at one clock drew at most: the largest, over the accepted runs that have power
 * samples, of the 99 % quantile of a run's samples. Samples are what the sensor made of the power:
 * on NVIDIA boards means over 25 ms to 1 s. */
struct wtl_power_p99 {
    int clock_mhz;
    double power_w;
    int n_runs; /* at least 1 */
};

/* The data that a plan rests on: enough to know its runs again, not to get them back. Keys are the
 * first 48 bits of SHA-256, ascending (flow/identity.h). All empty: not known. */
enum { WTL_RUN_KEY_DIGITS = 12 };
struct wtl_made_from {
    char board[WTL_LIMIT_NAME]; /* model of the runs' board, "A100-PCIE-40GB"; "" not known */
    const uint64_t *sources;    /* files */
    size_t n_sources;
    const uint64_t *runs; /* accepted and rejected ones */
    size_t n_runs;
};

struct wtl_plan {
    char gpu[WTL_LIMIT_NAME];
    char workload[WTL_LIMIT_NAME];
    struct wtl_configuration at;
    enum wtl_energy_method energy_method; /* of the runs; NONE: not known, or several */
    enum wtl_energy_class energy_class;   /* the worst of them: how far joules can be off */
    enum wtl_plan_status status;
    struct wtl_policy policy;

    int clock_mhz; /* chosen; 0 unless OK (UNDECIDED: the best guess is in best_guess_mhz) */
    int best_guess_mhz;
    const int *tied_clocks_mhz; /* ascending, the chosen one included */
    size_t n_tied;

    enum wtl_baseline_kind baseline_kind;
    int baseline_clock_mhz;
    bool baseline_from_curve; /* fewer than two usable runs there: value of the curve */
    struct wtl_estimate baseline_time_s;
    struct wtl_estimate baseline_energy_j;

    struct wtl_estimate saving;   /* 1 - E/E_base */
    struct wtl_estimate slowdown; /* t/t_base - 1 */
    struct wtl_estimate
        objective_saving;       /* 1 - objective/objective_base (the published headline) */
    struct wtl_estimate time_s; /* at the chosen clock */
    struct wtl_estimate energy_j;
    struct wtl_estimate power_w;

    const struct wtl_curve_point *curve; /* every legal or measured clock, ascending */
    size_t n_curve;
    const struct wtl_power_p99 *power_p99; /* one per clock that was measured, ascending */
    size_t n_power_p99;
    double hypervolume; /* of the front, relative to (baseline energy, slowest time); 0..1 */
    int knee_clock_mhz; /* 0: no front */

    const char *time_model; /* "t = a + b/f, floor", "local quadratic": which form won */
    const char *power_model;
    double time_cv_error; /* relative RMS error on left-out runs of the winning form */
    double power_cv_error;

    int n_runs; /* accepted */
    int n_rejected;
    int rejected[WTL_N_CAUSES];

    struct wtl_made_from made_from;
    char binding[160];        /* INFEASIBLE: the constraint that binds */
    char relaxation[200];     /* INFEASIBLE: the smallest relaxation that helps */
    const char *const *notes; /* whole sentences */
    size_t n_notes;
};

/* Whose plan it is: gpu, workload, configuration, and how the energy of the set was measured. */
void wtl_plan_name(struct wtl_plan *plan, const struct wtl_workset *set);

/* "resnet50 (fp16, batch 8)" */
const char *wtl_plan_title(const struct wtl_plan *plan, char buf[WTL_CONFIGURED_NAME]);

#endif
