/* SPDX-License-Identifier: Apache-2.0
 * Which runs count. */
#include "optimize/problem.h"

#include "base/text.h"
#include "stats/robust.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Arrival rates this near, relatively, are one rate. */
static const double same_rate = 0.01;
/* A baseline-mode run counts at its label when a clock that was read agrees within this. */
static const double label_tolerance_mhz = 15;

static int nomem(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory while gathering runs");
}

bool wtl_run_time_energy(const struct wtl_run *run, double *time_s, double *energy_j)
{
    double t = wtl_run_get(run, WTL_R_time_s, 0);
    double e = wtl_run_get(run, WTL_R_energy_j, wtl_run_get(run, WTL_R_power_w, 0) * t);
    if (!(t > 0 && e > 0 && isfinite(t) && isfinite(e)))
        return false;
    *time_s = t;
    *energy_j = e;
    return true;
}

/* In baseline mode nobody set the clock: the label counts only if a reading agrees. */
static bool label_is_trusted(const struct wtl_run *r)
{
    if (r->mode != WTL_MODE_BASELINE)
        return true;
    double read = wtl_run_get(r, WTL_R_sm_clock_median_mhz, wtl_run_get(r, WTL_R_app_clock_mhz, 0));
    return fabs(read - r->clock_mhz) <= label_tolerance_mhz;
}

enum { RATES = 8 }; /* more are told apart no further: two already make the set mixed */

/* How the runs arrive: which of them answer for the policy's rate. */
struct arrival {
    bool open; /* use open-loop runs at `rate` */
    double rate;
    size_t n_closed, n_open, n_rates, n_at_rate;
    double rates[RATES]; /* told apart, in order of appearance */
};

static bool rate_is(const struct wtl_run *r, double rate)
{
    return wtl_run_has(r, WTL_R_rate_per_s) &&
           fabs(r->metric[WTL_R_rate_per_s] - rate) <= same_rate * rate;
}

static struct arrival survey(const struct wtl_workset *set, const struct wtl_policy *policy)
{
    struct arrival a = {0};
    for (size_t i = 0; i < set->n_runs; i++) {
        const struct wtl_run *r = &set->runs[i];
        if (r->causes)
            continue;
        if (!wtl_run_has(r, WTL_R_rate_per_s)) {
            a.n_closed++;
            continue;
        }
        a.n_open++;
        a.n_at_rate += policy->has_rate && rate_is(r, policy->rate_per_s);
        size_t k = 0;
        while (k < a.n_rates && !rate_is(r, a.rates[k]))
            k++;
        if (k == a.n_rates && k < RATES)
            a.rates[a.n_rates++] = r->metric[WTL_R_rate_per_s];
    }
    a.open = policy->has_rate ? a.n_at_rate > 0 : a.n_closed == 0 && a.n_rates == 1;
    a.rate = policy->has_rate ? policy->rate_per_s : a.n_rates ? a.rates[0] : 0;
    return a;
}

static bool takes(const struct arrival *a, const struct wtl_run *r)
{
    return a->open ? rate_is(r, a->rate) : !wtl_run_has(r, WTL_R_rate_per_s);
}

/* Median of a metric over the observed runs; false when fewer than half have it. */
static bool median_metric(const struct wtl_observations *obs, enum wtl_run_metric m,
                          double *scratch, double *median_out)
{
    size_t n = 0;
    for (size_t i = 0; i < obs->n; i++)
        if (wtl_run_has(obs->run[i], m))
            scratch[n++] = obs->run[i]->metric[m];
    if (n == 0 || 2 * n < obs->n)
        return false;
    *median_out = wtl_median(scratch, n);
    return true;
}

/* Closed runs under a rate: the idle time until the next run counts at idle power. */
static int set_idling(struct wtl_arena *arena, struct wtl_observations *obs,
                      const struct wtl_policy *policy, double *scratch, struct wtl_notes *notes,
                      struct wtl_obstacle *obstacle, struct wtl_error *err)
{
    double idle_w, work = 1;
    struct wtl_idle_power power;
    if (!median_metric(obs, WTL_R_idle_power_w, scratch, &idle_w)) {
        snprintf(obstacle->text, sizeof obstacle->text,
                 "a rate of %.4g/s was asked for, but the runs hold neither that rate nor an idle "
                 "power (idle_power_w): idle energy cannot be counted",
                 policy->rate_per_s);
        return 1;
    }
    if (obs->n && obs->run[0]->window) {
        work = 1; /* time and energy are of one unit */
    } else if (!median_metric(obs, WTL_R_work_units, scratch, &work) || !(work > 0)) {
        work = 1;
        wtl_notes_add(notes,
                      "The runs do not say how much work they did: the rate of %.4g/s is "
                      "taken as whole runs per second.",
                      policy->rate_per_s);
    }
    if (wtl_idle_power_of(arena, obs->run, obs->n, &power, err))
        return -(int)WTL_NOMEM;
    obs->idling =
        (struct wtl_idling){.counted = true, .period_s = work / policy->rate_per_s, .power = power};
    char watts[80];
    double lo = power.power_w[0], hi = power.power_w[0];
    for (size_t i = 1; i < power.n; i++) {
        lo = fmin(lo, power.power_w[i]);
        hi = fmax(hi, power.power_w[i]);
    }
    if (hi < 1.01 * lo)
        snprintf(watts, sizeof watts, "%.4g W", idle_w);
    else
        snprintf(watts, sizeof watts, "%.4g to %.4g W, by the clock", lo, hi);
    wtl_notes_add(notes,
                  "At %.4g/s one run of work arrives every %.4g s; between runs the GPU idles at "
                  "%s, which is counted.",
                  policy->rate_per_s, obs->idling.period_s, watts);
    return 0;
}

static void note_left_out(struct wtl_notes *notes, size_t untrusted, size_t other,
                          size_t unmeasured)
{
    if (untrusted)
        wtl_notes_add(
            notes,
            "%zu run%s made without setting a clock, with nothing to show that the label is "
            "what it ran at: not used for the curves.",
            untrusted, wtl_plural((int64_t)untrusted));
    if (other)
        wtl_notes_add(notes, "Not used: %zu accepted run%s at other arrival rates.", other,
                      wtl_plural((int64_t)other));
    if (unmeasured)
        wtl_notes_add(notes, "Not used: %zu accepted run%s without a time or an energy.",
                      unmeasured, wtl_plural((int64_t)unmeasured));
}

static int allocate(struct wtl_arena *arena, size_t n, struct wtl_observations *obs,
                    double **scratch)
{
    obs->run = WTL_NEW_ARRAY(arena, const struct wtl_run *, n + 1);
    obs->clock_mhz = WTL_NEW_ARRAY(arena, double, n + 1);
    obs->time_s = WTL_NEW_ARRAY(arena, double, n + 1);
    obs->power_w = WTL_NEW_ARRAY(arena, double, n + 1);
    *scratch = WTL_NEW_ARRAY(arena, double, n + 1);
    bool ok = obs->run && obs->clock_mhz && obs->time_s && obs->power_w && *scratch;
    return ok ? 0 : -(int)WTL_NOMEM;
}

/* No accepted run answers: there are rates, but not the one that was asked for, or none was. */
static void name_rates(const struct arrival *a, const struct wtl_policy *policy,
                       struct wtl_obstacle *obstacle)
{
    char list[100] = "";
    for (size_t i = 0; i < a->n_rates; i++) {
        size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%.4g/s",
                 i == 0                ? ""
                 : i + 1 < a->n_rates  ? ", "
                 : a->n_rates == RATES ? ", among others "
                                       : " and ",
                 a->rates[i]);
    }
    if (policy->has_rate)
        snprintf(obstacle->text, sizeof obstacle->text,
                 "no accepted run is at %.4g/s; there are %s", policy->rate_per_s, list);
    else
        snprintf(obstacle->text, sizeof obstacle->text,
                 "the runs are at different arrival rates (%s): name one with --rate", list);
}

int wtl_observe(struct wtl_arena *arena, const struct wtl_workset *set,
                const struct wtl_policy *policy, struct wtl_observations *obs_out,
                struct wtl_notes *notes, struct wtl_obstacle *obstacle, struct wtl_error *err)
{
    struct wtl_observations obs = {0};
    double *scratch;
    size_t untrusted = 0, other = 0, unmeasured = 0;
    if (allocate(arena, set->n_runs, &obs, &scratch))
        return nomem(err);
    struct arrival a = survey(set, policy);
    for (size_t i = 0; i < set->n_runs; i++) {
        const struct wtl_run *r = &set->runs[i];
        double t, e;
        if (r->causes || r->clock_mhz <= 0)
            continue;
        if (!label_is_trusted(r)) {
            untrusted++;
        } else if (!takes(&a, r)) {
            other++;
        } else if (!wtl_run_time_energy(r, &t, &e)) {
            unmeasured++;
        } else {
            obs.run[obs.n] = r;
            obs.clock_mhz[obs.n] = r->clock_mhz;
            obs.time_s[obs.n] = t;
            obs.power_w[obs.n++] = e / t;
        }
    }
    note_left_out(notes, untrusted, other, unmeasured);
    if (obs.n == 0 && a.n_closed == 0 && a.n_rates > 0 && !a.open) {
        name_rates(&a, policy, obstacle);
        return 1;
    }
    if (obs.n == 0) {
        snprintf(obstacle->text, sizeof obstacle->text, "none of %zu runs was accepted",
                 set->n_runs);
        return 1;
    }
    if (a.open && !policy->has_rate)
        wtl_notes_add(notes, "All runs are at an arrival rate of %.4g/s.", a.rate);
    if (a.open && policy->n_slo == 0)
        wtl_notes_add(notes,
                      "At an arrival rate it is the arrivals that set how long a run lasts: the "
                      "slowdown says little of how fast requests are answered. Limit their latency "
                      "with --slo.");
    *obs_out = obs;
    return policy->has_rate && !a.open
               ? set_idling(arena, obs_out, policy, scratch, notes, obstacle, err)
               : 0;
}
