/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs against their expectation. The cold start of every session is found first; what else lies
 * far off is given the most specific name that its figures support, and `outlier` when none does.
 *
 * A run is far off when its logarithm differs from the level of its clock by more than z standard
 * deviations (as many as the data behind the deviation allow, by Student's t) plus half of the
 * level's own change to the next clock: between clocks the level is only known by interpolation;
 * unless the curve bends there. */
#include "core/configuration.h"
#include "runs/judging.h"
#include "stats/robust.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Deviations below 1 % change no decision, whatever their z. */
static const double matters = 0.01;

struct base {
    size_t n;
    double usual_w, high_w; /* median and 90 % quantile */
};

struct view {
    struct wtl_run *runs;
    const struct wtl_levels *l;
    const struct wtl_idle_level *idle;
    const struct wtl_judge_options *options;
    double z, z_cold;
    struct base low, at_start; /* of power_min_w and power_first_w */
    double *a;                 /* scratch, one per run */
};

struct deviation {
    double t, p; /* log observed / expected */
    double limit_t, limit_p, limit_e;
    bool cell_t, cell_p; /* far from the other runs of its own cell */
    bool bend;           /* so are all runs of its cell, and the curve bends there */
};

/* Others of a cell that are looked at: more make their median no better, only slower. */
enum { CELL_OTHERS_MAX = 64 };

/* Deviation of run i from the median of the other accepted runs of its cell, when there are at
 * least two and they agree among themselves. */
static bool far_in_cell(const struct view *v, size_t i, const double *y, double sigma)
{
    const struct wtl_levels *l = v->l;
    size_t k = 0;
    for (size_t j = l->first[l->cell[i]]; j < l->n && k < CELL_OTHERS_MAX; j = l->next[j])
        if (j != i && v->runs[j].causes == 0)
            v->a[k++] = y[j];
    if (k < 2)
        return false;
    double lo = wtl_quantile(v->a, k, 0), hi = wtl_quantile(v->a, k, 1);
    if (hi - lo > 4 * sigma)
        return false;
    double off = fabs(y[i] - wtl_median(v->a, k));
    return off > fmax(matters, v->z * sigma * sqrt(1 + 1.57 / (double)k)); /* median's variance */
}

static struct deviation deviation_of(const struct view *v, size_t i)
{
    const struct wtl_levels *l = v->l;
    struct deviation d = {.t = l->log_t[i] - l->fit_t[i], .p = l->log_p[i] - l->fit_p[i]};
    d.limit_t = fmax(matters, v->z * l->sigma_t + 0.5 * l->step_t[i]);
    d.limit_p = fmax(matters, v->z * l->sigma_p + 0.5 * l->step_p[i]);
    d.limit_e = fmax(matters, v->z * l->sigma_e + 0.5 * (l->step_t[i] + l->step_p[i]));
    return d;
}

static bool is_far(const struct deviation *d)
{
    return d->cell_t || d->cell_p ||
           (!d->bend &&
            (fabs(d->t) > d->limit_t || fabs(d->p) > d->limit_p || fabs(d->t + d->p) > d->limit_e));
}

/* --- cold start ---------------------------------------------------------------------------- */

static bool same_session(const struct wtl_run *a, const struct wtl_run *b)
{
    return strcmp(a->job, b->job) == 0;
}

static bool is_warm(const struct view *v, size_t i)
{
    const struct wtl_levels *l = v->l;
    double limit = fmax(matters, v->z_cold * l->sigma_t + 0.5 * l->step_t[i]);
    return l->log_t[i] - l->fit_t[i] <= limit;
}

/* Runs that failed or idled say nothing of warmth. */
static bool tells_warmth(const struct view *v, size_t i)
{
    return v->runs[i].causes == 0 && v->l->has[i];
}

/* From the start of a session, runs are cold until `cold_stable_runs` in a row are warm; a session
 * whose first run is warm has no cold start, nor has one of windows, measured after a warm-up. */
static void judge_session(const struct view *v, size_t lo, size_t hi)
{
    size_t end = lo; /* one past the last cold run */
    if (v->runs[lo].window)
        return;
    int warm = 0;
    for (size_t i = lo; i < hi && warm < v->options->cold_stable_runs; i++) {
        if (!tells_warmth(v, i))
            continue;
        warm = is_warm(v, i) ? warm + 1 : 0;
        if (warm == 1 && end == lo)
            return;
        if (warm == 0)
            end = i + 1;
    }
    for (size_t i = lo; i < end; i++)
        if (tells_warmth(v, i))
            wtl_reject(&v->runs[i], WTL_CAUSE_cold_start,
                       "run %zu of its session: %.2f times the warm level of %.2f s", i - lo + 1,
                       exp(v->l->log_t[i] - v->l->fit_t[i]), exp(v->l->fit_t[i]));
}

/* --- names for what is far off -------------------------------------------------------------- */

/* Squared distance of run i from what the cell of run j expects, in standard deviations. */
static double distance2(const struct wtl_levels *l, size_t i, size_t j)
{
    double t = (l->log_t[i] - l->fit_t[j]) / l->sigma_t;
    double p = (l->log_p[i] - l->fit_p[j]) / l->sigma_p;
    return t * t + p * p;
}

/* Time and power are those of another clock, at least 5 % away. Where time does not tell the two
 * clocks apart, only the highest clock counts: a request that was not applied leaves the GPU there.
 * Chi-square with two degrees of freedom exceeds 12 in 0.25 % of cases; the levels have errors too.
 */
static bool has_other_clock(const struct view *v, size_t i, int *clock_out)
{
    const struct wtl_levels *l = v->l;
    double best = 12;
    int top = 0;
    bool found = false;
    for (int c = 0; c < l->n_cells; c++) {
        const struct wtl_run *r = &v->runs[l->first[c]];
        if (l->group[l->first[c]] == l->group[i] && r->clock_mhz > top)
            top = r->clock_mhz;
    }
    for (int c = 0; c < l->n_cells; c++) {
        size_t j = l->first[c]; /* stands for its cell */
        double ratio = (double)v->runs[j].clock_mhz / v->runs[i].clock_mhz;
        if (l->group[j] != l->group[i] || !l->has[j] || fabs(ratio - 1) < 0.05)
            continue;
        double d2 = distance2(l, i, j);
        bool told_by_time = fabs(l->fit_t[i] - l->fit_t[j]) > 3 * l->sigma_t;
        bool told_by_power = fabs(l->fit_p[i] - l->fit_p[j]) > v->z * l->sigma_p;
        if (d2 < best && told_by_power && (told_by_time || v->runs[j].clock_mhz == top)) {
            best = d2;
            *clock_out = v->runs[j].clock_mhz;
            found = true;
        }
    }
    return found;
}

/* Faster at more power is a higher clock, nothing else is. Slower at less power can be a stall as
 * well, so that both must then be plain. */
static bool may_be_other_clock(const struct wtl_run *r, const struct deviation *d)
{
    double factor = d->p > 0 ? 1 : 1.5;
    return r->clock_mhz > 0 && fabs(d->p) > factor * d->limit_p &&
           (d->p > 0 || d->t > factor * d->limit_t);
}

/* What the runs' lowest power (else their first) usually is. */
static struct base base_of(const struct view *v, enum wtl_run_metric m)
{
    size_t k = 0;
    for (size_t j = 0; j < v->l->n; j++)
        if (wtl_run_has(&v->runs[j], m))
            v->a[k++] = v->runs[j].metric[m];
    return (struct base){
        .n = k, .usual_w = wtl_median(v->a, k), .high_w = wtl_quantile(v->a, k, 0.9)};
}

/* The GPU was already loaded when the run began: its lowest power is well above the other runs'. */
static bool base_is_raised(const struct view *v, size_t i, double *base_out, double *usual_out)
{
    const struct wtl_run *r = &v->runs[i];
    bool has_low = wtl_run_has(r, WTL_R_power_min_w);
    const struct base *b = has_low ? &v->low : &v->at_start;
    if (b->n < 5 || (!has_low && !wtl_run_has(r, WTL_R_power_first_w)))
        return false;
    *base_out = r->metric[has_low ? WTL_R_power_min_w : WTL_R_power_first_w];
    *usual_out = b->usual_w;
    return *base_out > fmax(1.25 * b->usual_w, b->high_w + 2 * (b->high_w - b->usual_w)) + 5;
}

/* Extra time at about idle power, and nothing else: a stall of the host, the disk or the network.
 * A GPU that waits with its context loaded draws up to half more than one at rest. */
static bool only_waited(const struct view *v, size_t i, const struct deviation *d, double *wait_out,
                        double *wait_w_out)
{
    const struct wtl_levels *l = v->l;
    if (!v->idle->known || d->t <= 0)
        return false;
    double t_s = exp(l->log_t[i]), e_j = t_s * exp(l->log_p[i]);
    double fit_s = exp(l->fit_t[i]), fit_j = fit_s * exp(l->fit_p[i]);
    double doubt_w = 2 * l->sigma_e * fit_j / (t_s - fit_s);
    *wait_out = t_s - fit_s;
    *wait_w_out = (e_j - fit_j) / *wait_out;
    return *wait_w_out >= 0.7 * v->idle->watts - doubt_w &&
           *wait_w_out <= 1.5 * v->idle->watts + doubt_w && doubt_w < v->idle->watts &&
           *wait_w_out < fit_j / fit_s;
}

/* A slow run that waited would have drawn idle power while it waited. One that kept its power did
 * more work; a fast one that kept its power did less. */
static bool work_differs(const struct view *v, size_t i, const struct deviation *d)
{
    const struct wtl_levels *l = v->l;
    if (v->runs[i].window || fabs(d->p) > 2 * l->sigma_p || fabs(d->t) < fmax(0.1, d->limit_t))
        return false;
    if (d->t < 0)
        return true;
    if (!v->idle->known)
        return false;
    double expected_w = exp(l->fit_p[i]), share = exp(-d->t); /* of the time at work */
    double waiting = log((expected_w * share + v->idle->watts * (1 - share)) / expected_w);
    return waiting < -4 * l->sigma_p;
}

/* "93.45 s and 230.1 W"; of windows "3.412 ms/image and 230.1 W". Returns buf. */
static const char *effort(const struct wtl_run *r, double t_s, double p_w, char buf[80])
{
    char time[40], work[20];
    if (!r->window) {
        (void)snprintf(buf, 80, "%.2f s and %.1f W", t_s, p_w);
        return buf;
    }
    struct wtl_configuration at = wtl_configuration_of(r);
    (void)snprintf(buf, 80, "%s/%s and %.1f W",
                   wtl_format_measured(t_s, WTL_UNIT_SECOND, time, sizeof time),
                   wtl_configuration_work(&at, work), p_w);
    return buf;
}

static void name_it(const struct view *v, size_t i, const struct deviation *d)
{
    struct wtl_run *r = &v->runs[i];
    double base_w, usual_w, t_s = exp(v->l->log_t[i]), p_w = exp(v->l->log_p[i]);
    double fit_s = exp(v->l->fit_t[i]), fit_w = exp(v->l->fit_p[i]);
    double wait_s = 0, wait_w = 0;
    int clock_mhz = 0;
    char it[80], usual[80], more[40];
    effort(r, t_s, p_w, it);
    effort(r, fit_s, fit_w, usual);
    bool waited = only_waited(v, i, d, &wait_s, &wait_w);
    if (r->window)
        (void)snprintf(more, sizeof more, "%.0f %% time", 100 * wait_s / fit_s);
    else
        (void)snprintf(more, sizeof more, "%.1f s", wait_s);
    if (!waited && may_be_other_clock(r, d) && has_other_clock(v, i, &clock_mhz))
        wtl_reject(r, WTL_CAUSE_wrong_clock, "%s are those of %d MHz, not of %d (%s)", it,
                   clock_mhz, r->clock_mhz, usual);
    else if ((d->t > d->limit_t || d->p > d->limit_p) && base_is_raised(v, i, &base_w, &usual_w))
        wtl_reject(
            r, WTL_CAUSE_contaminated,
            "%.1f W before the work began, usually %.1f W; %.2f times the time, %.2f the power",
            base_w, usual_w, exp(d->t), exp(d->p));
    else if (work_differs(v, i, d))
        wtl_reject(r, WTL_CAUSE_work_not_constant,
                   "%.2f s instead of %.2f at the usual power (%.1f W)", t_s, fit_s, p_w);
    else if (waited)
        wtl_reject(r, WTL_CAUSE_outlier, "%s, its clock has %s: %s more at %.0f W, it waited", it,
                   usual, more, wait_w);
    else
        wtl_reject(r, WTL_CAUSE_outlier, "%s, its clock has %s (spread %.1f %% and %.1f %%)", it,
                   usual, 100 * v->l->sigma_t, 100 * v->l->sigma_p);
}

int wtl_judge_relative(struct wtl_arena *scratch, struct wtl_run *runs, size_t n,
                       const struct wtl_levels *l, const struct wtl_idle_level *idle,
                       const struct wtl_judge_options *options, struct wtl_error *err)
{
    struct view v = {.runs = runs, .l = l, .idle = idle, .options = options};
    v.z = wtl_levels_z(l, options->outlier_z);
    v.z_cold = wtl_levels_z(l, options->cold_z);
    v.a = WTL_NEW_ARRAY(scratch, double, n);
    struct deviation *d = WTL_NEW_ARRAY(scratch, struct deviation, n);
    if (!v.a || !d)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    v.low = base_of(&v, WTL_R_power_min_w);
    v.at_start = base_of(&v, WTL_R_power_first_w);
    for (size_t lo = 0, hi; lo < n; lo = hi) {
        for (hi = lo + 1; hi < n && same_session(&runs[lo], &runs[hi]);)
            hi++;
        judge_session(&v, lo, hi);
    }
    for (size_t i = 0; i < n; i++) { /* all before any is named: the runs' order is no matter */
        if (runs[i].causes || !l->has[i])
            continue;
        d[i] = deviation_of(&v, i);
        d[i].cell_t = far_in_cell(&v, i, l->log_t, l->sigma_t);
        d[i].cell_p = far_in_cell(&v, i, l->log_p, l->sigma_p);
        d[i].bend = is_far(&d[i]) && wtl_is_bend(l, runs, i);
    }
    for (size_t i = 0; i < n; i++)
        if (runs[i].causes == 0 && l->has[i] && is_far(&d[i]))
            name_it(&v, i, &d[i]);
    return 0;
}
