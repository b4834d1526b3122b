/* SPDX-License-Identifier: Apache-2.0
 *
 * Worksets of known truth for the tests of the optimiser: smooth curves of time and power with as
 * much independent noise as asked for. Richer campaigns: support/sim_campaign.h.
 */
#ifndef WTL_TESTS_MAKE_SET_H
#define WTL_TESTS_MAKE_SET_H

#include "support/support.h"

#include "base/random.h"
#include "core/plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct recipe {
    double (*time_s)(double mhz);
    double (*power_w)(double mhz);
    int from_mhz, to_mhz, step_mhz, reps;
    double noise;
    uint64_t seed;
};

static inline double balanced_time(double f)
{
    return 6 + 6 * 1400 / f;
}

static inline double balanced_power(double f)
{
    double above = fmax(0, f - 1000) / 1000; /* the kink lies on a clock of the usual recipe */
    return 40 + 30 * f / 1000 * (1 + 1.5 * above) * (1 + 1.5 * above);
}

/* 600 to 1400 MHz by 20, 3 repetitions, no noise, both curves exactly of the fitted forms. */
static inline struct recipe usual_recipe(void)
{
    return (struct recipe){balanced_time, balanced_power, 600, 1400, 20, 3, 0, 1};
}

static inline void set_run(struct wtl_run *r, int mhz, int rep, double time_s, double power_w)
{
    *r = (struct wtl_run){.clock_mhz = mhz, .rep = rep, .mode = WTL_MODE_SWEEP};
    snprintf(r->gpu, sizeof r->gpu, "X1");
    snprintf(r->workload, sizeof r->workload, "work");
    snprintf(r->job, sizeof r->job, "sweep");
    wtl_run_set(r, WTL_R_time_s, time_s);
    wtl_run_set(r, WTL_R_power_w, power_w);
    wtl_run_set(r, WTL_R_energy_j, time_s * power_w);
}

/* Descending clocks, repetitions in a row. `spare` further runs are left room for. */
static inline struct wtl_workset make_set(struct wtl_arena *arena, const struct recipe *c,
                                          size_t spare)
{
    struct wtl_workset set = {.gpu = "X1", .workload = "work"};
    struct wtl_rng rng;
    wtl_rng_init(&rng, c->seed);
    size_t clocks = (size_t)((c->to_mhz - c->from_mhz) / c->step_mhz + 1);
    set.runs = WTL_NEW_ARRAY(arena, struct wtl_run, clocks * (size_t)c->reps + spare);
    assert_non_null(set.runs);
    for (int mhz = c->to_mhz; mhz >= c->from_mhz; mhz -= c->step_mhz)
        for (int rep = 1; rep <= c->reps; rep++) {
            double t = c->time_s(mhz) * exp(c->noise * wtl_rng_normal(&rng));
            double p = c->power_w(mhz) * exp(c->noise * wtl_rng_normal(&rng));
            struct wtl_run *r = &set.runs[set.n_runs];
            set_run(r, mhz, rep, t, p);
            r->seq = (int64_t)++set.n_runs;
        }
    return set;
}

static inline const struct wtl_curve_point *point_at(const struct wtl_plan *plan, int mhz)
{
    for (size_t i = 0; i < plan->n_curve; i++)
        if (plan->curve[i].clock_mhz == mhz)
            return &plan->curve[i];
    fail_msg("the curve has no %d MHz", mhz);
    return &plan->curve[0];
}

static inline bool has_point(const struct wtl_plan *plan, int mhz)
{
    bool found = false;
    for (size_t i = 0; i < plan->n_curve; i++)
        found = found || plan->curve[i].clock_mhz == mhz;
    return found;
}

static inline bool has_note(const struct wtl_plan *plan, const char *words)
{
    for (size_t i = 0; i < plan->n_notes; i++)
        if (strstr(plan->notes[i], words))
            return true;
    return false;
}

#endif
