/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of a run's sources its time and energy come from. The two must share one window: a time of
 * the inference loop is never combined with the energy of the whole process. */
#include "runs/reduce.h"

#include <math.h>

/* Sampling loops run late, never early: measured periods lie 0 to 4 % above their label. A reported
 * time that makes the period fall in this band covers the sampled window; any other one (llama:
 * 0.73 of it) is the time of something else. */
static const double period_low = 0.95, period_high = 1.10;

/* A counter period this near its label needs no further witness. */
static const double label_slack = 0.15;

/* Beyond this factor the "counter" is no counter of this GPU. Samplers are set to 10 ms to 1 s, a
 * fifth to 20 times the 50 ms that the published names stand for. */
static const double counter_factor_max = 25;

/* A wrapper's log counts the start of the sampler and of the process as well, in whole seconds:
 * it agrees with a sampled window that is up to this much shorter, and never longer. */
static bool wrapper_agrees(double wrapper_s, double window_s)
{
    return window_s <= 1.02 * wrapper_s + 1 && window_s >= 0.75 * wrapper_s - 3;
}

/* The trace fixed its own period: by timestamps, or by the energy counter. */
static bool has_own_period(const struct wtl_run *r)
{
    return wtl_run_has(r, WTL_R_period_s) &&
           (wtl_run_has(r, WTL_R_energy_counter_j) || wtl_run_has(r, WTL_R_energy_integral_j) ||
            wtl_run_has(r, WTL_R_longest_gap_s));
}

static bool has_timestamps(const struct wtl_run *r)
{
    return wtl_run_has(r, WTL_R_energy_integral_j) || wtl_run_has(r, WTL_R_longest_gap_s);
}

/* Rows and label against the counter where there are no timestamps: two witnesses (label and
 * wrapper) overrule it, the label alone does not, unless the factor is absurd. A wrapper that
 * agrees with the counter bears it out. */
static bool counter_is_contradicted(const struct wtl_run *r)
{
    double nominal_s = wtl_run_get(r, WTL_R_nominal_time_s, 0);
    if (!(nominal_s > 0))
        return false;
    double factor = r->metric[WTL_R_span_s] / nominal_s;
    if (fabs(factor - 1) <= label_slack)
        return false;
    double wrapper_s = wtl_run_get(r, WTL_R_wrapper_time_s, 0);
    if (wrapper_s > 0 && wrapper_agrees(wrapper_s, r->metric[WTL_R_span_s]))
        return false;
    if (factor > counter_factor_max || factor * counter_factor_max < 1)
        return true;
    return wrapper_s > 0 && wrapper_agrees(wrapper_s, nominal_s);
}

static void set_window(struct wtl_run *r, double span_s)
{
    wtl_run_set(r, WTL_R_span_s, span_s);
    wtl_run_set(r, WTL_R_period_s, span_s / r->metric[WTL_R_n_samples]);
}

/* Time of a trace whose period only outside sources can tell. 0: none. */
static double time_of_rows(struct wtl_run *r)
{
    double nominal_s = wtl_run_get(r, WTL_R_nominal_time_s, 0);
    double reported_s = wtl_run_get(r, WTL_R_reported_time_s, 0);
    double wrapper_s = wtl_run_get(r, WTL_R_wrapper_time_s, 0);
    wtl_run_clear(r, WTL_R_span_s);
    wtl_run_clear(r, WTL_R_period_s);
    if (nominal_s > 0 && reported_s >= period_low * nominal_s &&
        reported_s <= period_high * nominal_s) {
        set_window(r, reported_s);
        return reported_s;
    }
    if (wrapper_s > 0 && !(nominal_s > 0 && wrapper_agrees(wrapper_s, nominal_s))) {
        /* A trace much shorter than its log is truncated, not slow: keep its own length. */
        if (nominal_s > 0 && nominal_s < wrapper_s)
            return nominal_s;
        set_window(r, wrapper_s);
        return wrapper_s;
    }
    return nominal_s;
}

static double energy_over(const struct wtl_run *r, double time_s)
{
    double mean_w = wtl_run_get(r, WTL_R_power_mean_w, 0);
    if (mean_w > 0)
        return mean_w * time_s;
    double nominal_j = wtl_run_get(r, WTL_R_energy_nominal_j, 0);
    double nominal_s = wtl_run_get(r, WTL_R_nominal_time_s, 0);
    return nominal_s > 0 ? nominal_j * time_s / nominal_s : nominal_j;
}

static void set_result(struct wtl_run *r, double time_s, double energy_j)
{
    if (time_s > 0 && energy_j > 0 && isfinite(time_s) && isfinite(energy_j)) {
        wtl_run_set(r, WTL_R_time_s, time_s);
        wtl_run_set(r, WTL_R_energy_j, energy_j);
        wtl_run_set(r, WTL_R_power_w, energy_j / time_s);
        return;
    }
    wtl_run_clear(r, WTL_R_energy_j);
    wtl_run_clear(r, WTL_R_power_w);
    wtl_run_clear(r, WTL_R_time_s);
}

/* Time and energy that were measured together: by a method that says so, or by one that left
 * nothing else to choose from. */
static bool is_measured_as_one(const struct wtl_run *r)
{
    static const enum wtl_run_metric energies[] = {WTL_R_energy_counter_j, WTL_R_energy_integral_j,
                                                   WTL_R_energy_nominal_j, WTL_R_power_mean_w};
    /* A trace of which nothing is usable is not a table that tells nothing else. */
    bool sourced = wtl_run_duration_s(r) > 0 || wtl_run_get(r, WTL_R_n_samples, 0) > 0;
    for (int i = 0; i < 4; i++)
        sourced = sourced || wtl_run_has(r, energies[i]);
    return (r->energy_method || !sourced) && wtl_run_get(r, WTL_R_time_s, 0) > 0 &&
           wtl_run_get(r, WTL_R_energy_j, 0) > 0;
}

void wtl_run_choose(struct wtl_run *r)
{
    if (is_measured_as_one(r)) {
        set_result(r, r->metric[WTL_R_time_s], r->metric[WTL_R_energy_j]);
        return;
    }
    double counter_j = wtl_run_get(r, WTL_R_energy_counter_j, 0);
    double integral_j = wtl_run_get(r, WTL_R_energy_integral_j, 0);
    double time_s;
    bool stated = wtl_run_has(r, WTL_R_span_s) && !wtl_run_has(r, WTL_R_period_s);
    if (!(wtl_run_get(r, WTL_R_n_samples, 0) > 0) || stated) {
        time_s = wtl_run_duration_s(r); /* a table, or a span not made from a period */
    } else if (!has_own_period(r)) {
        time_s = time_of_rows(r);
    } else if (!has_timestamps(r) && counter_is_contradicted(r)) {
        time_s = r->metric[WTL_R_nominal_time_s];
        wtl_run_set(r, WTL_R_energy_ratio, r->metric[WTL_R_span_s] / time_s);
        counter_j = 0;
    } else {
        time_s = r->metric[WTL_R_span_s];
        if (!has_timestamps(r))
            wtl_run_clear(r, WTL_R_energy_ratio);
    }
    double energy_j = counter_j > 0 ? counter_j : integral_j > 0 ? integral_j : 0;
    set_result(r, time_s, energy_j > 0 ? energy_j : energy_over(r, time_s));
}
