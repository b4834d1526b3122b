/* SPDX-License-Identifier: Apache-2.0
 * Time of each run relative to the accepted median of its clock, in run order. */
#include "report/fig_common.h"

#include "stats/robust.h"

#include <math.h>

/* Median time of the runs of one clock: of the accepted ones, or of all. NaN: there are none. */
static double median_at(const struct wtl_workset *set, int clock_mhz, bool accepted,
                        double *scratch)
{
    size_t n = 0;
    for (size_t i = 0; i < set->n_runs; i++) {
        const struct wtl_run *run = &set->runs[i];
        if (run->clock_mhz == clock_mhz && wtl_run_has(run, WTL_R_time_s) &&
            (!accepted || run->causes == 0))
            scratch[n++] = run->metric[WTL_R_time_s];
    }
    return n ? wtl_median(scratch, n) : (double)NAN;
}

/* What a time is divided by, per clock. Cold runs are no measure of warm ones: a clock without an
 * accepted run gets the value between its neighbours that have some. */
struct references {
    bool warm; /* some run was accepted; else the medians are those of all runs */
    int clock_mhz[WTL_LIMIT_CLOCKS];
    double time_s[WTL_LIMIT_CLOCKS]; /* NaN: no run of that clock counts */
    size_t n;
};

static bool known(const struct references *m, int clock_mhz)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->clock_mhz[i] == clock_mhz)
            return true;
    return m->n == WTL_LIMIT_CLOCKS;
}

static void find_references(const struct wtl_workset *set, double *scratch, struct references *m)
{
    for (size_t i = 0; i < set->n_runs; i++)
        m->warm = m->warm || (set->runs[i].causes == 0 && wtl_run_has(&set->runs[i], WTL_R_time_s));
    for (size_t i = 0; i < set->n_runs; i++) {
        int clock = set->runs[i].clock_mhz;
        if (known(m, clock))
            continue;
        m->clock_mhz[m->n] = clock;
        m->time_s[m->n++] = median_at(set, clock, m->warm, scratch);
    }
}

/* The nearest clock on one side that has a value; `n` when there is none. */
static size_t neighbour(const struct references *m, int clock_mhz, int side)
{
    size_t best = m->n;
    for (size_t i = 0; i < m->n; i++) {
        int away = side * (m->clock_mhz[i] - clock_mhz);
        if (away >= 0 && m->time_s[i] > 0 &&
            (best == m->n || away < side * (m->clock_mhz[best] - clock_mhz)))
            best = i;
    }
    return best;
}

/* NaN: no run counts. A clock that has a value is its own neighbour. */
static double reference(const struct references *m, int clock_mhz)
{
    size_t lo = neighbour(m, clock_mhz, -1), hi = neighbour(m, clock_mhz, 1);
    if (lo == m->n && hi == m->n)
        return (double)NAN;
    if (lo == m->n || hi == m->n || m->clock_mhz[lo] == m->clock_mhz[hi])
        return m->time_s[lo == m->n ? hi : lo];
    double share =
        (double)(clock_mhz - m->clock_mhz[lo]) / (double)(m->clock_mhz[hi] - m->clock_mhz[lo]);
    return m->time_s[lo] + share * (m->time_s[hi] - m->time_s[lo]);
}

struct order {
    double *accepted_x, *accepted_y, *rejected_x, *rejected_y;
    size_t n_accepted, n_rejected;
    bool warm; /* ratios are to accepted runs */
};

static int collect(struct wtl_arena *arena, const struct wtl_workset *set, struct order *o,
                   struct wtl_error *err)
{
    size_t n = set->n_runs + 1;
    double *scratch = WTL_NEW_ARRAY(arena, double, n);
    struct references *references = WTL_NEW(arena, struct references);
    *o = (struct order){.accepted_x = WTL_NEW_ARRAY(arena, double, n),
                        .accepted_y = WTL_NEW_ARRAY(arena, double, n),
                        .rejected_x = WTL_NEW_ARRAY(arena, double, n),
                        .rejected_y = WTL_NEW_ARRAY(arena, double, n)};
    if (!scratch || !references || !o->accepted_x || !o->accepted_y || !o->rejected_x ||
        !o->rejected_y)
        return WTL_FIG_NOMEM(err);
    find_references(set, scratch, references);
    o->warm = references->warm;
    for (size_t i = 0; i < set->n_runs; i++) {
        const struct wtl_run *run = &set->runs[i];
        double at = reference(references, run->clock_mhz);
        if (!wtl_run_has(run, WTL_R_time_s) || !(at > 0))
            continue;
        double ratio = run->metric[WTL_R_time_s] / at;
        if (run->causes) {
            o->rejected_x[o->n_rejected] = (double)i + 1;
            o->rejected_y[o->n_rejected++] = ratio;
        } else {
            o->accepted_x[o->n_accepted] = (double)i + 1;
            o->accepted_y[o->n_accepted++] = ratio;
        }
    }
    return 0;
}

static void add(struct wtl_chart *chart, const char *label, enum wtl_color color,
                enum wtl_mark mark, double size, const double *x, const double *y, size_t n)
{
    if (n == 0)
        return;
    struct wtl_layer *l = wtl_chart_add(chart, WTL_LAYER_POINTS, label, color);
    l->mark = mark;
    l->size = size;
    l->x = x;
    l->y = y;
    l->n = n;
}

/* The estimated drift, as a line through 1 at the middle of the session, with its interval. */
static int add_drift(struct wtl_arena *arena, struct wtl_chart *chart, const struct wtl_quality *q,
                     size_t n, struct wtl_error *err)
{
    double *v = WTL_NEW_ARRAY(arena, double, 8);
    if (!v)
        return WTL_FIG_NOMEM(err);
    double middle = ((double)n + 1) / 2;
    for (int i = 0; i < 2; i++) {
        double x = i ? (double)n : 1, away = x - middle;
        v[i] = x;
        v[2 + i] = 1 + q->drift_per_run * away;
        v[4 + i] = 1 + (away < 0 ? q->drift_hi : q->drift_lo) * away;
        v[6 + i] = 1 + (away < 0 ? q->drift_lo : q->drift_hi) * away;
    }
    struct wtl_layer *l =
        wtl_chart_add(chart, WTL_LAYER_BAND, "95 % band of the drift", WTL_COLOR_PURPLE);
    l->x = v;
    l->lo = v + 4;
    l->hi = v + 6;
    l->n = 2;
    l = wtl_chart_add(chart, WTL_LAYER_LINE, "drift estimated from anchors", WTL_COLOR_PURPLE);
    l->x = v;
    l->y = v + 2;
    l->n = 2;
    l->dash = WTL_DASH_LONG;
    return 0;
}

/* All runs; cold starts are 10 to 40 times slower, so a wide range gets a logarithm. */
static void axis_of_all(const struct order *o, struct wtl_axis *y)
{
    double lo = 0.95, hi = 1.05;
    for (size_t i = 0; i < o->n_accepted; i++)
        wtl_fig_hold(&lo, &hi, o->accepted_y[i]);
    for (size_t i = 0; i < o->n_rejected; i++)
        wtl_fig_hold(&lo, &hi, o->rejected_y[i]);
    y->log = hi > 2.5 && lo > 0;
    if (y->log) {
        double room = pow(hi / lo, 0.06);
        lo /= room;
        hi *= room;
    } else {
        wtl_ticks_range(&lo, &hi, 0.06);
    }
    y->lo = lo;
    y->hi = hi;
}

static void axis_of_accepted(const struct order *o, struct wtl_axis *y)
{
    double lo = 0.99, hi = 1.01;
    for (size_t i = 0; i < o->n_accepted; i++)
        wtl_fig_hold(&lo, &hi, o->accepted_y[i]);
    wtl_ticks_range(&lo, &hi, 0.06);
    y->lo = lo;
    y->hi = hi;
}

static int drift_chart(struct wtl_arena *arena, const struct wtl_report_set *s,
                       const struct order *o, bool all, struct wtl_chart *chart,
                       struct wtl_error *err)
{
    chart->title = all ? "All runs" : "Accepted runs";
    chart->x = (struct wtl_axis){"Run, in order of the session", "", .whole = true, .lo = 1,
                                 .hi = (double)s->set->n_runs};
    /* Half a run at least on both sides: no mark stands on an axis. */
    chart->x.lo -= fmax(0.5, 0.02 * chart->x.hi);
    chart->x.hi += fmax(0.5, 0.02 * chart->x.hi);
    chart->y = (struct wtl_axis){o->warm ? "Time over warm median" : "Time over median", ""};
    if (all)
        axis_of_all(o, &chart->y);
    else
        axis_of_accepted(o, &chart->y);
    double *one = WTL_NEW_ARRAY(arena, double, 1);
    if (!one)
        return WTL_FIG_NOMEM(err);
    *one = 1;
    struct wtl_layer *l = wtl_chart_add(chart, WTL_LAYER_HLINE, NULL, WTL_COLOR_AXIS);
    l->y = one;
    l->n = 1;
    l->width_pt = 0.8;
    l->dash = WTL_DASH_SHORT;
    if (all)
        add(chart, "rejected run", WTL_COLOR_VERMILLION, WTL_MARK_CROSS, 4, o->rejected_x,
            o->rejected_y, o->n_rejected);
    add(chart, "accepted run", WTL_COLOR_BLUE, WTL_MARK_CIRCLE, 3, o->accepted_x, o->accepted_y,
        o->n_accepted);
    if (!all && s->has_quality && s->quality.has_drift)
        return add_drift(arena, chart, &s->quality, s->set->n_runs, err);
    return 0;
}

int wtl_fig_drift(struct wtl_arena *arena, const struct wtl_report *r,
                  const struct wtl_report_set *s, struct wtl_figure **figure_out,
                  struct wtl_error *err)
{
    const char *name = wtl_fig_set_name(arena, s->set);
    struct order o;
    int rc = collect(arena, s->set, &o, err);
    if (rc < 0)
        return rc;
    if (o.n_accepted + o.n_rejected < 3)
        return WTL_FAIL(err, WTL_NOTFOUND, "%s: fewer than three runs with a time", name);
    /* One panel when they would show the same, or when nothing was accepted. */
    bool two = o.n_rejected > 0 && o.n_accepted > 0;
    struct wtl_figure *f = wtl_figure_new(arena, two ? 2 : 1, 1, two ? 124 : 165);
    if (!f)
        return WTL_FIG_NOMEM(err);
    for (size_t i = 0; i < f->n_panels && rc == 0; i++)
        rc = drift_chart(arena, s, &o, i == 0 && o.n_rejected > 0, &f->panels[i], err);
    if (rc < 0)
        return rc;
    f->panels[0].x.bare = two;
    if (two)
        f->panels[0].x.name = "";
    const char *order = "no interval: drift is not estimated, the runs have no anchors";
    if (s->has_quality && s->quality.has_drift)
        order = "drift from repeated anchors, 95 % interval";
    else if (s->has_quality && s->quality.order_monotone)
        order = "no interval: clock falls or rises with run order, drift and clock cannot be told "
                "apart";
    f->name = wtl_fig_name(arena, "drift", s->set);
    f->title = wtl_arena_printf(arena, "Time of each run in run order: %s", name);
    f->caption = o.warm ? "Each time is divided by the median of the accepted runs at its clock; "
                          "where none was accepted, by the value between the neighbouring clocks."
                        : "No run was accepted: each time is divided by the median of all runs at "
                          "its clock.";
    f->footer = wtl_fig_set_footer(arena, r, s->set, order);
    if (!f->title || !f->footer)
        return WTL_FIG_NOMEM(err);
    *figure_out = f;
    return 0;
}
