/* SPDX-License-Identifier: Apache-2.0
 * A given set of runs (a job) as the baseline. */
#include "base/random.h"
#include "base/text.h"
#include "optimize/problem.h"
#include "stats/robust.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The clocks of the job's runs, ascending. */
struct job_clocks {
    int *mhz;
    size_t n;
};

static void add_clock(struct job_clocks *c, int mhz)
{
    size_t at = 0;
    while (at < c->n && c->mhz[at] < mhz)
        at++;
    if (at < c->n && c->mhz[at] == mhz)
        return;
    memmove(c->mhz + at + 1, c->mhz + at, (c->n - at) * sizeof *c->mhz);
    c->mhz[at] = mhz;
    c->n++;
}

/* Logs of the accepted runs of the job, and their clocks; how many runs. */
static size_t collect(const struct wtl_workset *set, const struct wtl_policy *policy,
                      const struct wtl_idling *idling, double *time, double *energy,
                      struct job_clocks *clocks)
{
    size_t n = 0;
    for (size_t i = 0; i < set->n_runs; i++) {
        const struct wtl_run *r = &set->runs[i];
        double t, e;
        if (r->causes || strcmp(r->job, policy->baseline.job) != 0 ||
            !wtl_run_time_energy(r, &t, &e))
            continue;
        add_clock(clocks, r->clock_mhz);
        time[n] = log(t);
        energy[n++] = log(e + wtl_idling_j(idling, r->clock_mhz, t));
    }
    return n;
}

/* The mean over a sweep is no operating point: the clocks, all of them or the ends. */
static void refuse_sweep(const char *job, const struct job_clocks *c, struct wtl_obstacle *obstacle)
{
    enum { LISTED = 8 };
    char list[100] = "";
    size_t used = 0;
    for (size_t i = 0; i < c->n && c->n <= LISTED; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%d",
                                 i == 0          ? ""
                                 : i + 1 == c->n ? " and "
                                                 : ", ",
                                 c->mhz[i]);
    if (c->n > LISTED)
        snprintf(list, sizeof list, "%d to %d", c->mhz[0], c->mhz[c->n - 1]);
    snprintf(obstacle->text, sizeof obstacle->text,
             "the baseline job \"%s\" has runs at %zu clocks, %s MHz, and their mean is no "
             "operating point: take a job of one clock, or --baseline max or "
             "clock:MHZ",
             job, c->n, list);
}

/* Mean of n draws with replacement, their deviations widened for the small sample. */
static void resample(struct wtl_rng *rng, const double *time, const double *energy, size_t n,
                     double time0, double energy0, double widening, double *time_out,
                     double *energy_out)
{
    double t = 0, e = 0;
    for (size_t i = 0; i < n; i++) {
        size_t k = wtl_rng_below(rng, (uint32_t)n);
        t += time[k] - time0;
        e += energy[k] - energy0;
    }
    *time_out = time0 + widening * t / (double)n;
    *energy_out = energy0 + widening * e / (double)n;
}

int wtl_given_baseline_make(struct wtl_arena *arena, const struct wtl_workset *set,
                            const struct wtl_policy *policy, const struct wtl_idling *idling,
                            struct wtl_given_baseline *given_out, struct wtl_obstacle *obstacle,
                            struct wtl_error *err)
{
    struct wtl_given_baseline g = {0};
    size_t replicates = (size_t)policy->replicates;
    double *time = WTL_NEW_ARRAY(arena, double, set->n_runs + 1);
    double *energy = WTL_NEW_ARRAY(arena, double, set->n_runs + 1);
    g.time = WTL_NEW_ARRAY(arena, double, replicates);
    g.energy = WTL_NEW_ARRAY(arena, double, replicates);
    struct job_clocks clocks = {WTL_NEW_ARRAY(arena, int, set->n_runs + 1), 0};
    if (!time || !energy || !g.time || !g.energy || !clocks.mhz)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for the baseline");
    g.n = collect(set, policy, idling, time, energy, &clocks);
    if (g.n < 2) {
        snprintf(obstacle->text, sizeof obstacle->text,
                 "the baseline job \"%s\" has %zu accepted run%s of this workload, 2 are needed",
                 policy->baseline.job, g.n, wtl_plural((int64_t)g.n));
        return 1;
    }
    if (clocks.n > 1) {
        refuse_sweep(policy->baseline.job, &clocks, obstacle);
        return 1;
    }
    g.clock_mhz = clocks.mhz[0];
    g.time0 = wtl_mean(time, g.n);
    g.energy0 = wtl_mean(energy, g.n);
    double n = (double)g.n;
    double widening = wtl_bootstrap_widening(n) * sqrt(n / (n - 1));
    struct wtl_rng rng;
    wtl_rng_init_stream(&rng, policy->seed, 0x626173); /* "bas" */
    for (size_t r = 0; r < replicates; r++)
        resample(&rng, time, energy, g.n, g.time0, g.energy0, widening, &g.time[r], &g.energy[r]);
    *given_out = g;
    return 0;
}
