/* SPDX-License-Identifier: Apache-2.0
 * Energy against time, and curves against what was left out of them. */
#include "report/fig_common.h"

#include <math.h>

/* Accepted runs that have time and energy. */
struct cloud {
    double *time_s, *energy_j, *clock_mhz;
    size_t n;
};

static int collect(struct wtl_arena *arena, const struct wtl_workset *set, struct cloud *out,
                   struct wtl_error *err)
{
    const struct wtl_run **runs;
    double *clock, *time;
    size_t n = wtl_fig_runs(arena, set, true, WTL_R_time_s, &clock, &time, &runs);
    double *energy = WTL_NEW_ARRAY(arena, double, n + 1);
    if (!clock || !time || !runs || !energy)
        return WTL_FIG_NOMEM(err);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!wtl_run_has(runs[i], WTL_R_energy_j))
            continue;
        clock[kept] = clock[i];
        time[kept] = time[i];
        energy[kept++] = runs[i]->metric[WTL_R_energy_j];
    }
    *out = (struct cloud){time, energy, clock, kept};
    return 0;
}

static void hold_cloud(struct wtl_chart *chart, const struct cloud *cloud, double *z_lo,
                       double *z_hi)
{
    for (size_t i = 0; i < cloud->n; i++) {
        wtl_fig_hold(&chart->x.lo, &chart->x.hi, cloud->time_s[i]);
        wtl_fig_hold(&chart->y.lo, &chart->y.hi, cloud->energy_j[i]);
        wtl_fig_hold(z_lo, z_hi, cloud->clock_mhz[i]);
    }
}

/* The points of the plan's curve for which `want` holds. */
static int curve_cloud(struct wtl_arena *arena, const struct wtl_plan *plan, bool front,
                       struct cloud *out, struct wtl_error *err)
{
    size_t n = plan ? plan->n_curve : 0, kept = 0;
    double *t = WTL_NEW_ARRAY(arena, double, n + 1), *e = WTL_NEW_ARRAY(arena, double, n + 1);
    double *f = WTL_NEW_ARRAY(arena, double, n + 1);
    if (!t || !e || !f)
        return WTL_FIG_NOMEM(err);
    for (size_t i = 0; i < n; i++) {
        if (front && !plan->curve[i].pareto)
            continue;
        t[kept] = plan->curve[i].time_s;
        e[kept] = plan->curve[i].energy_j;
        f[kept++] = plan->curve[i].clock_mhz;
    }
    *out = (struct cloud){t, e, f, kept};
    return 0;
}

static int mark_point(struct wtl_arena *arena, struct wtl_chart *chart, double t, double e,
                      const char *label, enum wtl_mark mark, enum wtl_color color, const char *note,
                      struct wtl_error *err)
{
    double *at = WTL_NEW_ARRAY(arena, double, 2);
    if (!at || !note)
        return WTL_FIG_NOMEM(err);
    at[0] = t;
    at[1] = e;
    struct wtl_layer *l = wtl_chart_add(chart, WTL_LAYER_POINTS, label, color);
    l->mark = mark;
    l->size = 7.5;
    l->n = 1;
    l->x = &at[0];
    l->y = &at[1];
    wtl_chart_note(chart, t, e, note, WTL_COLOR_INK);
    return 0;
}

static int mark_points(struct wtl_arena *arena, struct wtl_chart *chart,
                       const struct wtl_plan *plan, struct wtl_error *err)
{
    if (!plan)
        return 0;
    const struct wtl_curve_point *chosen = wtl_fig_curve_at(plan, wtl_fig_shown_clock(plan));
    const struct wtl_curve_point *knee = wtl_fig_curve_at(plan, plan->knee_clock_mhz);
    bool ok = plan->status == WTL_PLAN_OK;
    int rc = 0;
    if (wtl_fig_exists(&plan->baseline_time_s) && wtl_fig_exists(&plan->baseline_energy_j)) {
        const char *note = wtl_arena_printf(arena, "baseline, %d MHz", plan->baseline_clock_mhz);
        rc = mark_point(arena, chart, plan->baseline_time_s.value, plan->baseline_energy_j.value,
                        "baseline", WTL_MARK_SQUARE, WTL_COLOR_BLACK, note, err);
    }
    if (rc == 0 && chosen) {
        const char *note =
            wtl_arena_printf(arena, "%s, %d MHz", ok ? "chosen" : "best guess", chosen->clock_mhz);
        rc = mark_point(arena, chart, chosen->time_s, chosen->energy_j,
                        ok ? "chosen" : "best guess (not a plan)", WTL_MARK_STAR,
                        WTL_COLOR_VERMILLION, note, err);
    }
    if (rc == 0 && knee && knee != chosen) {
        const char *note = wtl_arena_printf(arena, "knee, %d MHz", knee->clock_mhz);
        rc = mark_point(arena, chart, knee->time_s, knee->energy_j, "knee of the front",
                        WTL_MARK_DIAMOND, WTL_COLOR_PURPLE, note, err);
    }
    return rc;
}

static void add_cloud(struct wtl_chart *chart, const struct cloud *cloud, const char *label,
                      enum wtl_mark mark, double size)
{
    if (cloud->n == 0)
        return;
    struct wtl_layer *l = wtl_chart_add(chart, WTL_LAYER_POINTS, label, WTL_COLOR_SKY);
    l->mark = mark;
    l->size = size;
    l->n = cloud->n;
    l->x = cloud->time_s;
    l->y = cloud->energy_j;
    l->z = cloud->clock_mhz;
}

static int tradeoff_chart(struct wtl_arena *arena, const struct wtl_report_set *s,
                          struct wtl_chart *chart, struct wtl_error *err)
{
    struct cloud runs = {0}, front = {0};
    double z_lo = HUGE_VAL, z_hi = -HUGE_VAL;
    int rc = collect(arena, s->set, &runs, err);
    if (rc == 0)
        rc = curve_cloud(arena, s->plan, true, &front, err);
    if (rc < 0)
        return rc;
    chart->x = (struct wtl_axis){wtl_fig_quantity(arena, "Time", s->set), "s", .si = true,
                                 .lo = HUGE_VAL, .hi = -HUGE_VAL};
    chart->y = (struct wtl_axis){wtl_fig_quantity(arena, "Energy", s->set), "J", .si = true,
                                 .lo = HUGE_VAL, .hi = -HUGE_VAL};
    hold_cloud(chart, &runs, &z_lo, &z_hi);
    hold_cloud(chart, &front, &z_lo, &z_hi);
    add_cloud(chart, &runs, "accepted run", WTL_MARK_CIRCLE, 4);
    if (front.n > 1) {
        struct wtl_layer *l = wtl_chart_add(chart, WTL_LAYER_LINE,
                                            "Pareto front of the fitted curve", WTL_COLOR_BLACK);
        l->x = front.time_s;
        l->y = front.energy_j;
        l->n = front.n;
        l->width_pt = 1.2;
    }
    rc = mark_points(arena, chart, s->plan, err);
    wtl_ticks_range(&chart->x.lo, &chart->x.hi, 0.05);
    wtl_ticks_range(&chart->y.lo, &chart->y.hi, 0.06);
    wtl_ticks_range(&z_lo, &z_hi, 0);
    chart->colorbar.shown = true;
    chart->colorbar.axis = (struct wtl_axis){"SM clock", "MHz", .lo = z_lo, .hi = z_hi};
    return rc;
}

int wtl_fig_tradeoff(struct wtl_arena *arena, const struct wtl_report *r,
                     const struct wtl_report_set *s, struct wtl_figure **figure_out,
                     struct wtl_error *err)
{
    const char *name = wtl_fig_set_name(arena, s->set);
    struct cloud runs = {0};
    int rc = collect(arena, s->set, &runs, err);
    if (rc < 0)
        return rc;
    if (runs.n < 2)
        return WTL_FAIL(err, WTL_NOTFOUND, "%s: fewer than two accepted runs with time and energy",
                        name);
    struct wtl_figure *f = wtl_figure_new(arena, 1, 1, 235);
    if (!f)
        return WTL_FIG_NOMEM(err);
    rc = tradeoff_chart(arena, s, &f->panels[0], err);
    if (rc < 0)
        return rc;
    f->name = wtl_fig_name(arena, "tradeoff", s->set);
    f->title = wtl_arena_printf(
        arena, "Energy against %s: %s",
        s->set->at.window ? wtl_fig_quantity(arena, "time", s->set) : "time of a run", name);
    f->footer = wtl_fig_set_footer(arena, r, s->set, "single runs, no interval");
    if (!f->title || !f->footer)
        return WTL_FIG_NOMEM(err);
    *figure_out = f;
    return 0;
}

/* --- model validation ------------------------------------------------------------------------ */

static int validation_chart(struct wtl_arena *arena, struct wtl_chart *chart, const char *name,
                            const char *unit, const double *measured, const double *predicted,
                            const double *clock, size_t n, struct wtl_error *err)
{
    double lo = HUGE_VAL, hi = -HUGE_VAL;
    for (size_t i = 0; i < n; i++) {
        wtl_fig_hold(&lo, &hi, measured[i]);
        wtl_fig_hold(&lo, &hi, predicted[i]);
    }
    wtl_ticks_range(&lo, &hi, 0.06);
    double *x = WTL_NEW_ARRAY(arena, double, 2), *low = WTL_NEW_ARRAY(arena, double, 2);
    double *high = WTL_NEW_ARRAY(arena, double, 2);
    const char *x_name = wtl_arena_printf(arena, "Measured %s", name);
    const char *y_name = wtl_arena_printf(arena, "Predicted %s", name);
    if (!x || !low || !high || !x_name || !y_name)
        return WTL_FIG_NOMEM(err);
    for (int i = 0; i < 2; i++) {
        x[i] = i ? hi : lo;
        low[i] = x[i] * 0.95;
        high[i] = x[i] * 1.05;
    }
    chart->x = (struct wtl_axis){x_name, unit, .si = true, .lo = lo, .hi = hi};
    chart->y = (struct wtl_axis){y_name, unit, .si = true, .lo = lo, .hi = hi};
    chart->diagonal = true;
    struct wtl_layer *l =
        wtl_chart_add(chart, WTL_LAYER_BAND, "within 5 % of equal", WTL_COLOR_AXIS);
    l->alpha = 0.12;
    l->x = x;
    l->lo = low;
    l->hi = high;
    l->n = 2;
    l = wtl_chart_add(chart, WTL_LAYER_POINTS, "one clock, left out of the fit", WTL_COLOR_BLUE);
    l->size = 4.5;
    l->x = measured;
    l->y = predicted;
    l->z = clock;
    l->n = n;
    return 0;
}

static double mean_relative_error(const double *measured, const double *predicted, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fabs(predicted[i] / measured[i] - 1);
    return sum / (double)n;
}

int wtl_fig_validation(struct wtl_arena *arena, const struct wtl_report *r,
                       const struct wtl_report_set *s, struct wtl_figure **figure_out,
                       struct wtl_error *err)
{
    const struct wtl_report_validation *v = &s->validation;
    const char *name = wtl_fig_set_name(arena, s->set);
    if (v->n == 0)
        return WTL_FAIL(err, WTL_NOTFOUND, "%s: no curve could be fitted with a clock left out",
                        name);
    struct wtl_figure *f = wtl_figure_new(arena, 2, 2, 195);
    double *clock = WTL_NEW_ARRAY(arena, double, v->n);
    if (!f || !clock)
        return WTL_FIG_NOMEM(err);
    double lo = HUGE_VAL, hi = -HUGE_VAL;
    for (size_t i = 0; i < v->n; i++) {
        clock[i] = v->clock_mhz[i];
        wtl_fig_hold(&lo, &hi, clock[i]);
    }
    wtl_ticks_range(&lo, &hi, 0);
    int rc = validation_chart(arena, &f->panels[0], wtl_fig_quantity(arena, "time", s->set), "s",
                              v->time_s, v->time_predicted_s, clock, v->n, err);
    if (rc == 0)
        rc = validation_chart(arena, &f->panels[1], "mean power", "W", v->power_w,
                              v->power_predicted_w, clock, v->n, err);
    if (rc < 0)
        return rc;
    for (int i = 0; i < 2; i++) {
        f->panels[i].colorbar.shown = i == 1;
        f->panels[i].colorbar.axis = (struct wtl_axis){"SM clock", "MHz", .lo = lo, .hi = hi};
    }
    f->panels[0].title =
        wtl_arena_printf(arena, "Time: mean error %.1f %%",
                         100 * mean_relative_error(v->time_s, v->time_predicted_s, v->n));
    f->panels[1].title =
        wtl_arena_printf(arena, "Power: mean error %.1f %%",
                         100 * mean_relative_error(v->power_w, v->power_predicted_w, v->n));
    f->name = wtl_fig_name(arena, "validation", s->set);
    f->title =
        wtl_arena_printf(arena, "Fitted curves against clocks that they did not see: %s", name);
    f->footer = wtl_fig_set_footer(
        arena, r, s->set, "each point: the curve fitted without that clock's runs, no interval");
    if (!f->title || !f->footer || !f->panels[0].title || !f->panels[1].title)
        return WTL_FIG_NOMEM(err);
    *figure_out = f;
    return 0;
}
