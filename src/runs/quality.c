/* SPDX-License-Identifier: Apache-2.0
 *
 * What the set of runs as a whole is worth. */
#include "runs/quality.h"

#include "stats/robust.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A level at one clock leans on its own runs and those of the two next clocks. A decision needs the
 * ratio of two such levels within +-10 % (95 %), twice the slowdown limit that people usually set.
 * What is worse but real work is left to the optimiser, which will say that it is undecided; what
 * is worse than +-25 % in time and energy is called noise here. */
static const double precision_needed = 0.10, precision_hopeless = 0.25;

/* Above this share the clock does not explain (smoothly) even half of the variance. */
static const double unexplained_max = 0.5;

/* Steps wider than this share of a run drown a slowdown of 5 %; narrower than the second one they
 * are the resolution of a timer. */
static const double step_share_max = 0.05, step_share_timer = 0.02;

/* A run with this share of its energy at idle power is mostly waiting. */
static const double waiting_share = 2.0 / 3;

/* d log t / d log f lies between -1 (all compute) and 0 (none). More than this above 0, by 2.6
 * standard errors, is not the clock's doing, where it makes more of the time over the range than a
 * board that runs into its power cap near the top, or a drift, does. */
static const double slope_max = 0.1, rise_max = 0.05;

/* Time does not rise with the clock and power does not fall. Means of clocks that lie off every
 * such curve by more than this share (RMS over the clocks; a capped top end makes 1 to 2 %), and by
 * more than 3 times their error, are not means of those clocks. */
static const double misfit_max = 0.05, misfit_errors = 3;
enum { MISFIT_MIN_CLOCKS = 5 };

struct scatter {
    double cv;          /* within clocks, pooled */
    double unexplained; /* by a smooth function of clock */
    double half_width;  /* of a ratio of two levels, 95 % */
};

/* Pooled within-cell variance, and the share of the variance about the grand mean that is left
 * about the levels. */
static struct scatter scatter_of(const struct wtl_run *runs, const struct wtl_levels *l,
                                 const double *y, const double *fit, double runs_per_clock)
{
    double within = 0, dof = 0, rest = 0, sum = 0, squares = 0, n = 0;
    int next_cell = 0;
    for (size_t head = 0; head < l->n; head++) {
        if (l->cell[head] != next_cell)
            continue;
        next_cell++;
        double k = 0, cell_sum = 0, cell_squares = 0;
        for (size_t i = head; i < l->n; i = l->next[i]) {
            if (runs[i].causes || !l->has[i])
                continue;
            k++;
            cell_sum += y[i];
            cell_squares += y[i] * y[i];
            rest += (y[i] - fit[i]) * (y[i] - fit[i]);
        }
        if (k == 0)
            continue;
        within += fmax(0, cell_squares - cell_sum * cell_sum / k);
        dof += k - 1;
        n += k;
        sum += cell_sum;
        squares += cell_squares;
    }
    struct scatter s = {0};
    double total = n > 0 ? squares - sum * sum / n : 0;
    s.cv = dof > 0 ? sqrt(within / dof) : n > 2 ? sqrt(rest / n) : 0;
    s.unexplained = total > 0 ? fmin(1, rest / total) : 0;
    s.half_width = 1.96 * s.cv * sqrt(2 / (3 * fmax(1, runs_per_clock)));
    return s;
}

/* Slope of log time against log clock, less 2.58 standard errors. Runs in a row are not
 * independent, so cells (repetitions in a row) are the unit: their means count, not their runs. */
static double slope_lower_bound(const struct wtl_run *runs, const struct wtl_levels *l,
                                double *range_out)
{
    double least = HUGE_VAL, most = -HUGE_VAL;
    double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0;
    int next_cell = 0;
    for (size_t head = 0; head < l->n; head++) {
        if (l->cell[head] != next_cell)
            continue;
        next_cell++;
        double k = 0, sum = 0;
        for (size_t i = head; i < l->n; i = l->next[i])
            if (runs[i].causes == 0) {
                k++;
                sum += l->log_t[i];
            }
        if (k == 0 || runs[head].clock_mhz <= 0)
            continue;
        double x = log(runs[head].clock_mhz), y = sum / k;
        least = fmin(least, x);
        most = fmax(most, x);
        n++;
        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
        syy += y * y;
    }
    *range_out = fmax(0, most - least);
    if (n < 5)
        return -HUGE_VAL;
    double cxx = sxx - sx * sx / n, cxy = sxy - sx * sy / n, cyy = syy - sy * sy / n;
    if (!(cxx > 1e-9 * n))
        return -HUGE_VAL;
    double slope = cxy / cxx, rest = fmax(0, cyy - slope * cxy);
    return slope - 2.58 * sqrt(rest / (n - 2) / cxx);
}

/* Every session visits the clocks in one direction only, and all in the same. */
static bool is_monotone(const struct wtl_run *runs, size_t n)
{
    int up = 0, down = 0;
    for (size_t i = 1; i < n; i++) {
        if (strcmp(runs[i].job, runs[i - 1].job) != 0)
            continue;
        up += runs[i].clock_mhz > runs[i - 1].clock_mhz;
        down += runs[i].clock_mhz < runs[i - 1].clock_mhz;
    }
    return up + down >= 2 && (up == 0 || down == 0);
}

/* Known clocks that were tried, and those with an accepted run. */
static int count_clocks(struct wtl_arena *scratch, const struct wtl_run *runs,
                        const struct wtl_levels *l, struct wtl_quality *q, struct wtl_error *err)
{
    int *clock = WTL_NEW_ARRAY(scratch, int, l->n);
    bool *usable = WTL_NEW_ARRAY(scratch, bool, l->n);
    if (!clock || !usable)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int n = 0;
    for (size_t i = 0; i < l->n; i++) {
        int k = 0;
        if (runs[i].clock_mhz <= 0)
            continue;
        while (k < n && clock[k] != runs[i].clock_mhz)
            k++;
        clock[k] = runs[i].clock_mhz;
        n = k == n ? n + 1 : n;
        usable[k] = usable[k] || runs[i].causes == 0;
    }
    q->n_clocks = n;
    for (int k = 0; k < n; k++)
        q->n_clocks_usable += usable[k];
    q->coverage = n ? (double)q->n_clocks_usable / n : 0;
    return 0;
}

static bool is_noise(const struct scatter *s, double precision)
{
    return s->half_width > precision && s->unexplained > unexplained_max;
}

static bool is_duplicate(const struct wtl_run *run)
{
    return (run->causes >> WTL_CAUSE_duplicate) & 1;
}

static enum wtl_cause commonest_cause(const struct wtl_run *runs, size_t n, int *count_out)
{
    int count[WTL_N_CAUSES] = {0};
    enum wtl_cause best = WTL_CAUSE_failed;
    for (size_t i = 0; i < n; i++)
        if (runs[i].causes && !is_duplicate(&runs[i]))
            count[wtl_run_main_cause(&runs[i])]++;
    for (int c = 0; c < WTL_N_CAUSES; c++)
        if (count[c] > count[best])
            best = (enum wtl_cause)c;
    *count_out = count[best];
    return best;
}

struct findings {
    struct scatter time, energy;
    double median_s, median_w, idle_w; /* idle_w 0: unknown */
    double slope;                      /* lower bound of d log t / d log f */
    double range;                      /* of log f */
    struct wtl_misfit time_misfit, power_misfit;
};

/* The run counts forbid it: true with the reason. */
static bool too_few_left(struct wtl_quality *q, const struct wtl_run *runs, size_t n)
{
    size_t n_rejected = 0, n_duplicates = 0;
    for (size_t i = 0; i < n; i++) {
        n_duplicates += is_duplicate(&runs[i]);
        n_rejected += runs[i].causes != 0 && !is_duplicate(&runs[i]);
    }
    n -= n_duplicates; /* the runs are there, once */
    if (2 * n_rejected <= n)
        return false;
    int count;
    enum wtl_cause cause = commonest_cause(runs, n + n_duplicates, &count);
    (void)snprintf(q->reason, sizeof q->reason, "%zu of %zu runs are rejected, mostly %s (%d)",
                   n_rejected, n, wtl_cause_name(cause), count);
    return true;
}

static bool is_misfit(const struct wtl_misfit *m)
{
    return m->n_clocks >= MISFIT_MIN_CLOCKS && m->known_error && m->rms > misfit_max &&
           m->rms > misfit_errors * m->error;
}

static bool rises(const struct findings *f)
{
    return f->slope > slope_max && expm1(f->slope * f->range) > rise_max;
}

/* Runs without any clock, which nothing can be explained by. Those of an operating point are set
 * beside other points, with intervals that hold their spread: however wide, it is no reason to
 * leave them out. */
static void decide_without_clock(struct wtl_quality *q, const struct findings *f, bool pointed)
{
    q->usable = pointed || f->time.half_width <= precision_hopeless ||
                f->energy.half_width <= precision_hopeless;
    if (!q->usable)
        (void)snprintf(
            q->reason, sizeof q->reason,
            "time and energy are noise: spread %.0f and %.0f %%, and the clock of no run "
            "is known",
            100 * f->time.cv, 100 * f->energy.cv);
}

static void decide(struct wtl_quality *q, const struct findings *f, bool pointed)
{
    bool waits = f->idle_w > waiting_share * f->median_w;
    if (q->n_clocks == 0)
        decide_without_clock(q, f, pointed);
    else if (q->quantised && q->time_step_s > step_share_max * f->median_s &&
             f->time.unexplained > unexplained_max)
        (void)snprintf(q->reason, sizeof q->reason,
                       "times sit on steps of %.2f s at any clock (%.0f %% of a run)",
                       q->time_step_s, 100 * q->time_step_s / f->median_s);
    else if (rises(f))
        (void)snprintf(
            q->reason, sizeof q->reason,
            "runs get longer as the clock rises (time goes with its power %.2f or more), "
            "which no workload does: something else sets the time (spread %.0f %%)",
            f->slope, 100 * f->time.cv);
    else if (is_misfit(&f->time_misfit) || is_misfit(&f->power_misfit))
        (void)snprintf(q->reason, sizeof q->reason,
                       "%s %.0f %% (RMS) off every curve that does: the clocks of the runs are not "
                       "those that they ran at, or something else sets the time",
                       is_misfit(&f->time_misfit) ? "time does not fall as the clock rises:"
                                                  : "power does not rise with the clock:",
                       100 *
                           (is_misfit(&f->time_misfit) ? f->time_misfit.rms : f->power_misfit.rms));
    else if (waits && is_noise(&f->time, precision_needed))
        (void)snprintf(q->reason, sizeof q->reason,
                       "the GPU mostly waits (%.0f %% of the energy is idle power) and the time is "
                       "something else's: the clock explains %.0f %% of it, spread %.0f %%",
                       100 * f->idle_w / f->median_w, 100 * (1 - f->time.unexplained),
                       100 * f->time.cv);
    else if (is_noise(&f->time, precision_hopeless) && is_noise(&f->energy, precision_hopeless))
        (void)snprintf(q->reason, sizeof q->reason,
                       "time and energy are noise: the clock explains %.0f and %.0f %% of them, "
                       "spread %.0f and %.0f %%",
                       100 * (1 - f->time.unexplained), 100 * (1 - f->energy.unexplained),
                       100 * f->time.cv, 100 * f->energy.cv);
    else
        q->usable = true;
}

static int find(struct wtl_arena *scratch, const struct wtl_run *runs, const struct wtl_levels *l,
                double per_clock, struct findings *f, struct wtl_error *err)
{
    size_t n = l->n, k = 0, m = 0;
    double *a = WTL_NEW_ARRAY(scratch, double, 4 * n);
    if (!a)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    double *power = a + n, *log_e = a + 2 * n, *fit_e = a + 3 * n;
    for (size_t i = 0; i < n; i++) {
        log_e[i] = l->log_t[i] + l->log_p[i];
        fit_e[i] = l->fit_t[i] + l->fit_p[i];
        if (runs[i].causes == 0) {
            a[k++] = runs[i].metric[WTL_R_time_s];
            power[m++] = runs[i].metric[WTL_R_power_w];
        }
    }
    f->median_s = wtl_median(a, k);
    f->median_w = wtl_median(power, m);
    f->time = scatter_of(runs, l, l->log_t, l->fit_t, per_clock);
    f->energy = scatter_of(runs, l, log_e, fit_e, per_clock);
    f->slope = slope_lower_bound(runs, l, &f->range);
    struct wtl_judge_options options = wtl_judge_options_default();
    struct wtl_idle_level idle;
    int rc = wtl_find_idle_level(scratch, runs, n, &options, &idle, err);
    if (!rc)
        rc = wtl_monotone_misfit(scratch, runs, l, l->log_t, -1, &f->time_misfit, err);
    if (!rc)
        rc = wtl_monotone_misfit(scratch, runs, l, l->log_p, 1, &f->power_misfit, err);
    f->idle_w = !rc && idle.known ? idle.watts : 0;
    return rc;
}

/* Fewer windows of one point give a drift of any size. */
enum { DRIFT_WINDOWS_MIN = 10 };

static int fill(struct wtl_arena *scratch, const struct wtl_run *runs, struct wtl_levels *l,
                struct wtl_quality *q, struct wtl_error *err)
{
    size_t n_accepted = 0;
    for (size_t i = 0; i < l->n; i++)
        n_accepted += runs[i].causes == 0;
    struct findings f = {0};
    struct wtl_quantum quantum = {0};
    struct wtl_drift drift;
    int rc = find(scratch, runs, l, (double)n_accepted / fmax(1, q->n_clocks_usable), &f, err);
    if (!rc && !runs[0].window) /* whole seconds of a log, not counts of work */
        rc = wtl_find_quantum(scratch, runs, l, &quantum, err);
    if (rc)
        return rc;
    wtl_estimate_drift(runs, l, &drift);
    q->time_cv = f.time.cv;
    q->energy_cv = f.energy.cv;
    q->unexplained = f.time.unexplained;
    q->quantised = quantum.found && quantum.step_s > step_share_timer * f.median_s;
    q->time_step_s = quantum.found ? quantum.step_s : 0;
    q->order_monotone = is_monotone(runs, l->n);
    q->has_drift = drift.found && (!runs[0].window || l->n >= DRIFT_WINDOWS_MIN);
    q->drift_per_run = drift.per_run;
    q->drift_lo = drift.lo;
    q->drift_hi = drift.hi;
    const struct wtl_configuration at = wtl_configuration_of(&runs[0]);
    if (!too_few_left(q, runs, l->n))
        decide(q, &f, !wtl_configuration_is_plain(&at));
    return 0;
}

int wtl_judge_quality(struct wtl_arena *scratch, const struct wtl_run *runs, size_t n,
                      struct wtl_quality *quality_out, struct wtl_error *err)
{
    struct wtl_levels *l = NULL;
    struct wtl_quality q = {0};
    if (n == 0) {
        (void)snprintf(q.reason, sizeof q.reason, "there are no runs");
        *quality_out = q;
        return 0;
    }
    int rc = wtl_without_bystanders(scratch, &runs, &n, err);
    if (!rc)
        rc = wtl_levels_new(scratch, runs, n, &l, err);
    if (!rc)
        rc = wtl_levels_learn(scratch, l, runs, err);
    if (!rc)
        rc = count_clocks(scratch, runs, l, &q, err);
    if (!rc)
        rc = fill(scratch, runs, l, &q, err);
    if (!rc)
        *quality_out = q;
    return rc;
}

int wtl_judge_set(struct wtl_arena *scratch, const struct wtl_workset *set,
                  struct wtl_quality *quality_out, struct wtl_error *err)
{
    int rc = wtl_judge_quality(scratch, set->runs, set->n_runs, quality_out, err);
    if (rc == 0 && set->n_runs == 0 && set->n_timed)
        (void)snprintf(quality_out->reason, sizeof quality_out->reason,
                       "no run has power or energy: %zu with times only", set->n_timed);
    return rc;
}
