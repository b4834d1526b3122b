/* SPDX-License-Identifier: Apache-2.0
 * Figures over the clock: metrics, and objectives relative to the baseline. */
#include "report/fig_common.h"

#include "stats/robust.h"

#include <math.h>

/* One quantity of a set against clock. */
struct metric_view {
    enum wtl_run_metric metric;
    const char *name, *unit;
};

static const struct metric_view views[] = {
    {WTL_R_time_s, "Time", "s"},
    {WTL_R_energy_j, "Energy", "J"},
    {WTL_R_power_w, "Mean power", "W"},
};
enum { N_VIEWS = sizeof views / sizeof views[0] };

static const struct wtl_estimate *estimate_of(const struct wtl_measurement *m,
                                              enum wtl_run_metric metric)
{
    if (metric == WTL_R_time_s)
        return &m->time_s;
    return metric == WTL_R_energy_j ? &m->energy_j : &m->power_w;
}

/* Value and pointwise interval of the curve; power has no interval of its own. */
static void curve_value(const struct wtl_curve_point *p, enum wtl_run_metric metric, double *value,
                        double *lo, double *hi)
{
    *value = p->power_w;
    *lo = *hi = (double)NAN;
    if (metric == WTL_R_time_s) {
        *value = p->time_s;
        *lo = p->time_lo;
        *hi = p->time_hi;
    } else if (metric == WTL_R_energy_j) {
        *value = p->energy_j;
        *lo = p->energy_lo;
        *hi = p->energy_hi;
    }
}

/* Clocks that were chosen, tied, or the baseline: behind everything else. */
static int mark_clocks(struct wtl_arena *arena, struct wtl_chart *chart,
                       const struct wtl_plan *plan, struct wtl_error *err)
{
    if (!plan)
        return 0;
    double *at = WTL_NEW_ARRAY(arena, double, 4);
    if (!at)
        return WTL_FIG_NOMEM(err);
    if (plan->n_tied > 1) {
        struct wtl_layer *l =
            wtl_chart_add(chart, WTL_LAYER_VSPAN, "tied with the optimum", WTL_COLOR_GREEN);
        at[0] = plan->tied_clocks_mhz[0];
        at[1] = plan->tied_clocks_mhz[plan->n_tied - 1];
        l->lo = &at[0];
        l->hi = &at[1];
        l->n = 1;
    }
    if (plan->baseline_clock_mhz > 0) {
        struct wtl_layer *l =
            wtl_chart_add(chart, WTL_LAYER_VLINE, "baseline clock", WTL_COLOR_AXIS);
        at[2] = plan->baseline_clock_mhz;
        l->x = &at[2];
        l->n = 1;
        l->dash = WTL_DASH_SHORT;
        l->width_pt = 1.1;
    }
    int clock = wtl_fig_shown_clock(plan);
    if (clock > 0) {
        bool ok = plan->status == WTL_PLAN_OK;
        struct wtl_layer *l =
            wtl_chart_add(chart, WTL_LAYER_VLINE, ok ? "chosen clock" : "best guess (not a plan)",
                          WTL_COLOR_GREEN);
        at[3] = clock;
        l->x = &at[3];
        l->n = 1;
        l->dash = ok ? WTL_DASH_SOLID : WTL_DASH_LONG;
        l->width_pt = 1.3;
    }
    return 0;
}

static int add_curve(struct wtl_arena *arena, struct wtl_chart *chart, const struct wtl_plan *plan,
                     enum wtl_run_metric metric, double *lo, double *hi, struct wtl_error *err)
{
    size_t n = plan ? plan->n_curve : 0;
    if (n < 2)
        return 0;
    double *x = WTL_NEW_ARRAY(arena, double, n), *y = WTL_NEW_ARRAY(arena, double, n);
    double *low = WTL_NEW_ARRAY(arena, double, n), *high = WTL_NEW_ARRAY(arena, double, n);
    if (!x || !y || !low || !high)
        return WTL_FIG_NOMEM(err);
    bool band = true;
    for (size_t i = 0; i < n; i++) {
        x[i] = plan->curve[i].clock_mhz;
        curve_value(&plan->curve[i], metric, &y[i], &low[i], &high[i]);
        band = band && isfinite(low[i]) && isfinite(high[i]) && high[i] > 0;
        wtl_fig_hold(lo, hi, y[i]);
    }
    if (band) {
        const char *label = wtl_arena_printf(arena, "%s band of the curve, pointwise",
                                             wtl_fig_confidence(arena, plan));
        if (!label)
            return WTL_FIG_NOMEM(err);
        struct wtl_layer *l = wtl_chart_add(chart, WTL_LAYER_BAND, label, WTL_COLOR_BLUE);
        l->x = x;
        l->lo = low;
        l->hi = high;
        l->n = n;
    }
    struct wtl_layer *l = wtl_chart_add(chart, WTL_LAYER_LINE, "fitted curve", WTL_COLOR_BLUE);
    l->x = x;
    l->y = y;
    l->n = n;
    return 0;
}

static void add_runs(struct wtl_arena *arena, struct wtl_chart *chart,
                     const struct wtl_workset *set, enum wtl_run_metric metric, double *lo,
                     double *hi)
{
    double *x, *y;
    size_t n = wtl_fig_runs(arena, set, false, metric, &x, &y, NULL);
    if (n) {
        struct wtl_layer *l =
            wtl_chart_add(chart, WTL_LAYER_POINTS, "rejected run (triangle: beyond the axis)",
                          WTL_COLOR_VERMILLION);
        *l = (struct wtl_layer){.kind = l->kind,
                                .label = l->label,
                                .color = l->color,
                                .mark = WTL_MARK_CROSS,
                                .size = 3.6,
                                .alpha = 0.75,
                                .n = n,
                                .x = x,
                                .y = y};
    }
    double rejected_lo = HUGE_VAL, rejected_hi = -HUGE_VAL;
    for (size_t i = 0; i < n; i++)
        wtl_fig_hold(&rejected_lo, &rejected_hi, y[i]);
    n = wtl_fig_runs(arena, set, true, metric, &x, &y, NULL);
    if (n) {
        struct wtl_layer *l = wtl_chart_add(chart, WTL_LAYER_POINTS, "accepted run", WTL_COLOR_SKY);
        l->size = 2.6;
        l->n = n;
        l->x = x;
        l->y = y;
    }
    for (size_t i = 0; i < n; i++)
        wtl_fig_hold(lo, hi, y[i]);
    /* Nothing accepted: what was rejected is all there is to see. */
    if (*hi < *lo) {
        *lo = rejected_lo;
        *hi = rejected_hi;
        if (*lo > 0 && *hi / *lo > 20)
            chart->y.log = true;
    }
}

static int add_means(struct wtl_arena *arena, struct wtl_chart *chart,
                     const struct wtl_workset *set, enum wtl_run_metric metric,
                     struct wtl_error *err)
{
    size_t n = 0;
    double *x = WTL_NEW_ARRAY(arena, double, set->n_cells + 1);
    double *y = WTL_NEW_ARRAY(arena, double, set->n_cells + 1);
    double *lo = WTL_NEW_ARRAY(arena, double, set->n_cells + 1);
    double *hi = WTL_NEW_ARRAY(arena, double, set->n_cells + 1);
    if (!x || !y || !lo || !hi)
        return WTL_FIG_NOMEM(err);
    bool any = false;
    for (size_t i = 0; i < set->n_cells; i++) {
        const struct wtl_estimate *e = estimate_of(&set->cells[i], metric);
        if (!wtl_fig_exists(e))
            continue;
        bool interval = wtl_fig_has_interval(e);
        x[n] = set->cells[i].clock_mhz;
        y[n] = e->value;
        lo[n] = interval ? e->lo : e->value;
        hi[n] = interval ? e->hi : e->value;
        any = any || interval;
        n++;
    }
    if (n == 0)
        return 0;
    struct wtl_layer *l =
        wtl_chart_add(chart, WTL_LAYER_POINTS,
                      any ? "mean of a clock, 95 % interval (cut at the axis)" : "mean of a clock",
                      WTL_COLOR_BLACK);
    l->size = 3.4;
    l->mark = WTL_MARK_RING;
    l->faint_intervals = true;
    l->n = n;
    l->x = x;
    l->y = y;
    l->lo = any ? lo : NULL;
    l->hi = any ? hi : NULL;
    return 0;
}

/* The clocks of all runs and of the curve. */
static void clock_range(const struct wtl_report_set *s, double *lo, double *hi)
{
    *lo = HUGE_VAL;
    *hi = -HUGE_VAL;
    for (size_t i = 0; i < s->set->n_runs; i++)
        if (s->set->runs[i].clock_mhz > 0)
            wtl_fig_hold(lo, hi, s->set->runs[i].clock_mhz);
    for (size_t i = 0; s->plan && i < s->plan->n_curve; i++)
        wtl_fig_hold(lo, hi, s->plan->curve[i].clock_mhz);
    wtl_ticks_range(lo, hi, 0.03);
}

static int clock_panel(struct wtl_arena *arena, const struct wtl_report_set *s,
                       const struct metric_view *view, struct wtl_chart *chart,
                       struct wtl_error *err)
{
    double lo = HUGE_VAL, hi = -HUGE_VAL;
    chart->x = (struct wtl_axis){.name = "SM clock", .unit = "MHz"};
    clock_range(s, &chart->x.lo, &chart->x.hi);
    const char *name =
        view->metric == WTL_R_power_w ? view->name : wtl_fig_quantity(arena, view->name, s->set);
    chart->y = (struct wtl_axis){.name = name, .unit = view->unit, .si = true};
    int rc = mark_clocks(arena, chart, s->plan, err);
    if (rc == 0)
        rc = add_means(arena, chart, s->set, view->metric, err);
    if (rc < 0)
        return rc;
    add_runs(arena, chart, s->set, view->metric, &lo, &hi);
    rc = add_curve(arena, chart, s->plan, view->metric, &lo, &hi, err);
    if (!chart->y.log)
        wtl_ticks_range(&lo, &hi, 0.06);
    else
        hi *= 1.2, lo /= 1.2;
    chart->y.lo = lo;
    chart->y.hi = hi;
    return rc;
}

/* Whether runs with a time stand at two clocks at least. */
static bool several_clocks(const struct wtl_workset *set)
{
    int first = 0;
    for (size_t i = 0; i < set->n_runs; i++) {
        const struct wtl_run *r = &set->runs[i];
        if (r->clock_mhz <= 0 || !wtl_run_has(r, WTL_R_time_s))
            continue;
        if (first && r->clock_mhz != first)
            return true;
        first = r->clock_mhz;
    }
    return false;
}

int wtl_fig_clock(struct wtl_arena *arena, const struct wtl_report *r,
                  const struct wtl_report_set *s, struct wtl_figure **figure_out,
                  struct wtl_error *err)
{
    const char *name = wtl_fig_set_name(arena, s->set);
    if (!several_clocks(s->set))
        return WTL_FAIL(err, WTL_NOTFOUND, "%s: no runs at two clocks or more", name);
    struct wtl_figure *f = wtl_figure_new(arena, N_VIEWS, 1, 112);
    if (!f)
        return WTL_FIG_NOMEM(err);
    for (int i = 0; i < N_VIEWS; i++) {
        int rc = clock_panel(arena, s, &views[i], &f->panels[i], err);
        if (rc < 0)
            return rc;
    }
    for (int i = 0; i + 1 < N_VIEWS; i++)
        f->panels[i].x = (struct wtl_axis){
            .name = "", .lo = f->panels[i].x.lo, .hi = f->panels[i].x.hi, .bare = true};
    f->name = wtl_fig_name(arena, "clock", s->set);
    f->title = wtl_arena_printf(arena, "Time, energy and power against SM clock: %s", name);
    bool repeated = false;
    for (size_t i = 0; i < s->set->n_cells; i++)
        repeated = repeated || s->set->cells[i].n > 1;
    f->footer = wtl_fig_set_footer(arena, r, s->set,
                                   repeated ? "intervals: 95 % of the mean of a clock"
                                            : "one run a clock at most: no interval of a mean");
    if (!f->title || !f->footer)
        return WTL_FIG_NOMEM(err);
    *figure_out = f;
    return 0;
}

/* --- objectives ------------------------------------------------------------------------------ */

/* E t^n of every accepted run over the baseline's. */
static size_t objective_of_runs(struct wtl_arena *arena, const struct wtl_workset *set,
                                double exponent, double base, double **x_out, double **y_out)
{
    const struct wtl_run **runs;
    double *x, *y;
    size_t n = wtl_fig_runs(arena, set, true, WTL_R_time_s, &x, &y, &runs), kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!wtl_run_has(runs[i], WTL_R_energy_j))
            continue;
        x[kept] = runs[i]->clock_mhz;
        y[kept++] =
            runs[i]->metric[WTL_R_energy_j] * pow(runs[i]->metric[WTL_R_time_s], exponent) / base;
    }
    *x_out = x;
    *y_out = y;
    return kept;
}

static int objective_curve(struct wtl_arena *arena, struct wtl_chart *chart,
                           const struct wtl_plan *plan, double exponent, double base, double *lo,
                           double *hi, struct wtl_error *err)
{
    size_t n = plan->n_curve, best = n;
    double *x = WTL_NEW_ARRAY(arena, double, n + 1), *y = WTL_NEW_ARRAY(arena, double, n + 1);
    if (!x || !y)
        return WTL_FIG_NOMEM(err);
    for (size_t i = 0; i < n; i++) {
        x[i] = plan->curve[i].clock_mhz;
        y[i] = plan->curve[i].energy_j * pow(plan->curve[i].time_s, exponent) / base;
        wtl_fig_hold(lo, hi, y[i]);
        if (plan->curve[i].legal && (best == n || y[i] < y[best]))
            best = i;
    }
    struct wtl_layer *l = wtl_chart_add(chart, WTL_LAYER_LINE, "fitted curve", WTL_COLOR_BLUE);
    l->x = x;
    l->y = y;
    l->n = n;
    if (best == n)
        return 0;
    l = wtl_chart_add(chart, WTL_LAYER_POINTS, "least value of the curve, no constraint",
                      WTL_COLOR_VERMILLION);
    l->x = &x[best];
    l->y = &y[best];
    l->n = 1;
    l->mark = WTL_MARK_STAR;
    l->size = 8;
    const char *text = wtl_arena_printf(arena, "least: %.0f MHz, %.3f", x[best], y[best]);
    if (!text)
        return WTL_FIG_NOMEM(err);
    wtl_chart_note(chart, x[best], y[best], text, WTL_COLOR_INK);
    return 0;
}

static int note_choice(struct wtl_arena *arena, struct wtl_chart *chart,
                       const struct wtl_plan *plan, double exponent, double base,
                       struct wtl_error *err)
{
    const struct wtl_curve_point *p = wtl_fig_curve_at(plan, wtl_fig_shown_clock(plan));
    if (p) {
        double y = p->energy_j * pow(p->time_s, exponent) / base;
        const char *text = wtl_arena_printf(arena, "%s: %d MHz, %.3f",
                                            plan->status == WTL_PLAN_OK ? "chosen" : "best guess",
                                            p->clock_mhz, y);
        if (!text)
            return WTL_FIG_NOMEM(err);
        wtl_chart_note(chart, p->clock_mhz, y, text, WTL_COLOR_INK);
    }
    return 0;
}

/* The axis holds 95 of 100 runs: the few slowest would press the curve flat. */
static int hold_most(struct wtl_arena *arena, const double *y, size_t n, double *lo, double *hi)
{
    double *sorted = wtl_arena_memdup(arena, y, n * sizeof *y);
    if (!sorted)
        return -(int)WTL_NOMEM;
    wtl_fig_hold(lo, hi, wtl_quantile(sorted, n, 0.95));
    for (size_t i = 0; i < n; i++)
        *lo = fmin(*lo, y[i]);
    return 0;
}

static int objective_panel(struct wtl_arena *arena, const struct wtl_report_set *s, int exponent,
                           struct wtl_chart *chart, struct wtl_error *err)
{
    const struct wtl_plan *plan = s->plan;
    double base = plan->baseline_energy_j.value * pow(plan->baseline_time_s.value, exponent);
    double lo = 1, hi = 1, *x, *y, *one = WTL_NEW_ARRAY(arena, double, 1);
    if (!one)
        return WTL_FIG_NOMEM(err);
    *one = 1;
    chart->x = (struct wtl_axis){.name = "SM clock", .unit = "MHz"};
    clock_range(s, &chart->x.lo, &chart->x.hi);
    chart->title = exponent == 1 ? "EDP = E t" : "ED\xc2\xb2P = E t\xc2\xb2";
    chart->y = (struct wtl_axis){.name = exponent == 1 ? "EDP relative to the baseline"
                                                       : "ED\xc2\xb2P relative to the baseline",
                                 .unit = ""};
    int rc = mark_clocks(arena, chart, plan, err);
    if (rc < 0)
        return rc;
    struct wtl_layer *l = wtl_chart_add(chart, WTL_LAYER_HLINE, NULL, WTL_COLOR_AXIS);
    l->y = one;
    l->n = 1;
    l->width_pt = 0.8;
    l->dash = WTL_DASH_SHORT;
    size_t n = objective_of_runs(arena, s->set, exponent, base, &x, &y);
    if (n) {
        if (hold_most(arena, y, n, &lo, &hi))
            return WTL_FIG_NOMEM(err);
        l = wtl_chart_add(chart, WTL_LAYER_POINTS, "accepted run (triangle: beyond the axis)",
                          WTL_COLOR_SKY);
        l->size = 2.6;
        l->n = n;
        l->x = x;
        l->y = y;
    }
    rc = objective_curve(arena, chart, plan, exponent, base, &lo, &hi, err);
    if (rc == 0)
        rc = note_choice(arena, chart, plan, exponent, base, err);
    wtl_ticks_range(&lo, &hi, 0.08);
    chart->y.lo = lo;
    chart->y.hi = hi;
    return rc;
}

int wtl_fig_objective(struct wtl_arena *arena, const struct wtl_report *r,
                      const struct wtl_report_set *s, struct wtl_figure **figure_out,
                      struct wtl_error *err)
{
    const struct wtl_plan *plan = s->plan;
    const char *name = wtl_fig_set_name(arena, s->set);
    if (!plan || plan->n_curve < 2 || !wtl_fig_exists(&plan->baseline_time_s) ||
        !wtl_fig_exists(&plan->baseline_energy_j) || plan->baseline_time_s.value <= 0 ||
        plan->baseline_energy_j.value <= 0)
        return WTL_FAIL(err, WTL_NOTFOUND, "%s: no fitted curve and baseline to compare with",
                        name);
    struct wtl_figure *f = wtl_figure_new(arena, 2, 2, 172);
    if (!f)
        return WTL_FIG_NOMEM(err);
    for (int i = 0; i < 2; i++) {
        int rc = objective_panel(arena, s, i + 1, &f->panels[i], err);
        if (rc < 0)
            return rc;
    }
    f->name = wtl_fig_name(arena, "objective", s->set);
    f->title = wtl_arena_printf(arena, "Energy-delay products against SM clock: %s", name);
    const char *interval =
        wtl_arena_printf(arena, "tied clocks from %s %s bootstrap intervals%s",
                         wtl_evidence_name(plan->saving.evidence), wtl_fig_confidence(arena, plan),
                         plan->baseline_from_curve ? "; baseline from the curve" : "");
    f->footer = interval ? wtl_fig_set_footer(arena, r, s->set, interval) : NULL;
    if (!f->title || !f->footer)
        return WTL_FIG_NOMEM(err);
    *figure_out = f;
    return 0;
}
