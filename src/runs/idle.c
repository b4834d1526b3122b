/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs in which the metered GPU did nothing: the work ran elsewhere, or not at all. Such a run
 * shows a plausible time and a splendid saving.
 *
 * Activity decides where there is any. Else power does: the idle level is the low end of what runs
 * show at their first sample (or their lowest). A mean near that level is only a suspicion, since a
 * light workload can live there; it is a proof when the next runs that are not suspect draw a
 * quarter more, or when power stays the same over clocks at which any work would change it. */
#include "runs/judging.h"
#include "stats/robust.h"

#include <math.h>

const double wtl_idle_contrast = 1.25;

/* Idle power repeats to 0.03 % on one board and does not know of the clock; power at work changes
 * by far more than this over a fifth of the clock range. */
static const double idle_spread = 0.005, clock_ratio_min = 1.2;

double wtl_run_mean_power(const struct wtl_run *r)
{
    return wtl_run_get(r, WTL_R_power_mean_w, wtl_run_get(r, WTL_R_power_w, 0));
}

int wtl_find_idle_level(struct wtl_arena *scratch, const struct wtl_run *runs, size_t n,
                        const struct wtl_judge_options *options, struct wtl_idle_level *idle_out,
                        struct wtl_error *err)
{
    struct wtl_idle_level level = {0};
    double *a = WTL_NEW_ARRAY(scratch, double, n);
    if (!a)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    size_t k = 0, stated = 0;
    for (size_t i = 0; i < n; i++)
        if (wtl_run_has(&runs[i], WTL_R_idle_power_w))
            a[stated++] = runs[i].metric[WTL_R_idle_power_w];
    if (options->idle_power_w > 0 || stated > 0) {
        level.known = level.stated = true;
        level.watts = options->idle_power_w > 0 ? options->idle_power_w : wtl_median(a, stated);
    } else {
        for (size_t i = 0; i < n; i++) {
            if (runs[i].window) /* in the midst of work: its least power is no idling */
                continue;
            double first_w = wtl_run_get(&runs[i], WTL_R_power_first_w, HUGE_VAL);
            double low_w = fmin(first_w, wtl_run_get(&runs[i], WTL_R_power_min_w, HUGE_VAL));
            if (isfinite(low_w) && low_w > 0)
                a[k++] = low_w;
        }
        level.known = k > 0;
        level.watts = k > 0 ? wtl_quantile(a, k, 0.1) : 0;
    }
    level.margin_w = fmax(options->idle_margin_w, 0.02 * level.watts);
    *idle_out = level;
    return 0;
}

/* Mean at the idle level, and nothing above it worth the name. An estimate from the thermal design
 * power goes by how busy the whole machine is: beside others' work it says nothing of the run's. */
static bool suspect(const struct wtl_run *r, const struct wtl_idle_level *level)
{
    if (r->energy_method == WTL_ENERGY_estimated)
        return false;
    double mean_w = wtl_run_mean_power(r);
    double high_w = wtl_run_get(r, WTL_R_power_p99_w, mean_w);
    return level->known && mean_w > 0 && mean_w <= level->watts + level->margin_w &&
           high_w <= level->watts + fmax(3 * level->margin_w, 0.1 * level->watts);
}

/* Activity says idle, and power does not say that the activity counters are dead. */
static bool inactive(const struct wtl_run *r, const struct wtl_idle_level *level,
                     const struct wtl_judge_options *options)
{
    if (!wtl_run_has(r, WTL_R_active_share) ||
        r->metric[WTL_R_active_share] >= options->idle_active_share)
        return false;
    return !level->known ||
           wtl_run_mean_power(r) <= wtl_idle_contrast * level->watts + level->margin_w;
}

/* Power of working runs beside run i: the nearest clock with runs that are not suspect. */
static double power_beside(const struct wtl_run *runs, size_t n, const bool *suspects, size_t i,
                           double *a)
{
    int best = -1;
    size_t k = 0;
    for (size_t j = 0; j < n; j++) {
        if (suspects[j] || runs[j].causes || !(wtl_run_mean_power(&runs[j]) > 0))
            continue;
        int distance = runs[j].clock_mhz > runs[i].clock_mhz
                           ? runs[j].clock_mhz - runs[i].clock_mhz
                           : runs[i].clock_mhz - runs[j].clock_mhz;
        if (best >= 0 && distance > best)
            continue;
        if (distance != best)
            k = 0;
        best = distance;
        a[k++] = wtl_run_mean_power(&runs[j]);
    }
    return wtl_median(a, k);
}

/* All runs alike over clocks that differ: nobody works here. */
static bool all_alike(const struct wtl_run *runs, size_t n, double *a)
{
    size_t k = 0;
    int low = 0, high = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(wtl_run_mean_power(&runs[i]) > 0))
            continue;
        a[k++] = wtl_run_mean_power(&runs[i]);
        low = low == 0 || runs[i].clock_mhz < low ? runs[i].clock_mhz : low;
        high = runs[i].clock_mhz > high ? runs[i].clock_mhz : high;
    }
    if (k < 5 || high < clock_ratio_min * low)
        return false;
    double middle = wtl_median(a, k);
    return wtl_quantile(a, k, 0.95) - wtl_quantile(a, k, 0.05) < idle_spread * middle;
}

int wtl_judge_idle(struct wtl_arena *scratch, struct wtl_run *runs, size_t n,
                   const struct wtl_judge_options *options, const struct wtl_idle_level *idle,
                   struct wtl_error *err)
{
    double *a = WTL_NEW_ARRAY(scratch, double, n);
    bool *suspects = WTL_NEW_ARRAY(scratch, bool, n);
    if (!a || !suspects)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    const struct wtl_idle_level level = *idle;
    bool alike = all_alike(runs, n, a);
    for (size_t i = 0; i < n; i++)
        suspects[i] = suspect(&runs[i], &level);
    for (size_t i = 0; i < n; i++) {
        struct wtl_run *r = &runs[i];
        double share = wtl_run_get(r, WTL_R_active_share, 1);
        if (inactive(r, &level, options)) {
            wtl_reject(r, WTL_CAUSE_idle_gpu, "active in %.1f %% of the rows, %.2f W", 100 * share,
                       wtl_run_mean_power(r));
        } else if (suspects[i] && share >= options->idle_active_share &&
                   wtl_run_has(r, WTL_R_active_share)) {
            continue; /* light work, but work */
        } else if (suspects[i]) {
            double beside_w = power_beside(runs, n, suspects, i, a);
            if (level.stated || alike ||
                beside_w >= wtl_idle_contrast * level.watts + level.margin_w)
                wtl_reject(r, WTL_CAUSE_idle_gpu, "%.2f W, idle is %.2f W (working runs: %.1f W)",
                           wtl_run_mean_power(r), level.watts, beside_w);
        }
    }
    return 0;
}
