/* SPDX-License-Identifier: Apache-2.0
 * Measured operating points: energy of a unit of work against throughput. */
#include "report/fig_common.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* More configurations than this are one colour. */
enum { COLORED_MAX = 6 };

struct cloud {
    double *x, *y, *lo, *hi;
    size_t n;
};

static int cloud_new(struct wtl_arena *arena, size_t n, struct cloud *out, struct wtl_error *err)
{
    struct cloud c = {.x = WTL_NEW_ARRAY(arena, double, 4 * n + 4)};
    if (!c.x)
        return WTL_FIG_NOMEM(err);
    c.y = c.x + n + 1;
    c.lo = c.y + n + 1;
    c.hi = c.lo + n + 1;
    *out = c;
    return 0;
}

static void take(struct cloud *c, const struct wtl_measured_point *p)
{
    bool interval = wtl_fig_has_interval(&p->energy_j);
    c->x[c->n] = 1 / p->time_s.value;
    c->y[c->n] = p->energy_j.value;
    c->lo[c->n] = interval ? p->energy_j.lo : p->energy_j.value;
    c->hi[c->n++] = interval ? p->energy_j.hi : p->energy_j.value;
}

static struct wtl_layer *add_cloud(struct wtl_chart *chart, const struct cloud *c,
                                   const char *label, enum wtl_color color, enum wtl_mark mark,
                                   double size)
{
    struct wtl_layer *l = wtl_chart_add(chart, WTL_LAYER_POINTS, label, color);
    l->mark = mark;
    l->size = size;
    l->n = c->n;
    l->x = c->x;
    l->y = c->y;
    return l;
}

static bool is_shown(const struct wtl_measured_point *p)
{
    return p->time_s.n > 0 && p->energy_j.n > 0;
}

/* --- configurations -------------------------------------------------------------------------- */

/* Which configuration each point has, numbered in order of appearance. */
static size_t number_configurations(const struct wtl_point_choice *c, size_t *of)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_points; i++) {
        size_t k = 0;
        while (k < i && wtl_configuration_compare(&c->points[k].at, &c->points[i].at) != 0)
            k++;
        of[i] = k < i ? of[k] : n++;
    }
    return n;
}

static struct wtl_configuration common_of(const struct wtl_point_choice *c)
{
    struct wtl_configuration common = c->points[0].at;
    for (size_t i = 1; i < c->n_points; i++)
        wtl_configuration_intersect(&common, &c->points[i].at);
    return common;
}

static const char *name_of(struct wtl_arena *arena, const struct wtl_point_choice *c, size_t i)
{
    const struct wtl_configuration common = common_of(c);
    struct wtl_configuration own = wtl_configuration_without(&c->points[i].at, &common);
    char text[WTL_CONFIGURATION_TEXT];
    wtl_configuration_format(&own, text);
    return wtl_arena_strdup(arena, text[0] ? text : "measured point");
}

/* A limit may fail because a point breaks it, or because its bound does not show that it holds:
 * such a point may be as good as those within. */
enum standing { WITHIN, UNSHOWN, OUTSIDE, N_STANDINGS };

static bool breaks_latency(const struct wtl_policy *policy, const struct wtl_measured_point *p)
{
    static const int percents[4] = {50, 90, 95, 99};
    for (int k = 0; k < policy->n_slo; k++)
        for (int q = 0; q < 4; q++)
            if (percents[q] == policy->slo[k].percent && ((p->latency_valid >> q) & 1) &&
                p->latency_s[q] > policy->slo[k].seconds)
                return true;
    return false;
}

static int highest_clock(const struct wtl_point_choice *c)
{
    int mhz = 0;
    for (size_t i = 0; i < c->n_points; i++)
        mhz = c->points[i].clock_mhz > mhz ? c->points[i].clock_mhz : mhz;
    return mhz;
}

/* By the values themselves. */
static bool breaks_a_limit(const struct wtl_point_choice *c, const struct wtl_measured_point *p)
{
    const struct wtl_policy *policy = &c->policy;
    return (policy->has_max_slowdown && p->slowdown > policy->max_slowdown) ||
           (policy->has_max_energy && 1 - p->saving > policy->max_energy_ratio) ||
           (policy->has_min_saving && p->saving < policy->min_saving) ||
           (policy->has_max_power && p->power_w.value > policy->max_power_w) ||
           (policy->has_min_clock_ratio && p->clock_mhz &&
            p->clock_mhz < policy->min_clock_ratio * highest_clock(c)) ||
           breaks_latency(policy, p);
}

static enum standing standing_of(const struct wtl_point_choice *c,
                                 const struct wtl_measured_point *p)
{
    return p->feasible ? WITHIN : breaks_a_limit(c, p) ? OUTSIDE : UNSHOWN;
}

/* The points of configuration `which` (of = NULL: all) that stand so. */
static int collect(struct wtl_arena *arena, const struct wtl_point_choice *c, const size_t *of,
                   size_t which, enum standing standing, struct cloud *out, struct wtl_error *err)
{
    int rc = cloud_new(arena, c->n_points, out, err);
    for (size_t i = 0; i < c->n_points && rc == 0; i++)
        if (is_shown(&c->points[i]) && standing_of(c, &c->points[i]) == standing &&
            (!of || of[i] == which))
            take(out, &c->points[i]);
    return rc;
}

struct style {
    const char *label; /* of the configuration */
    enum wtl_color color;
    enum wtl_mark shape;
};

/* One configuration. Each standing is explained once, or with the name that it is the first of. */
static void add_standings(struct wtl_arena *arena, struct wtl_chart *chart,
                          const struct cloud clouds[N_STANDINGS], const struct style *style,
                          bool said[N_STANDINGS])
{
    static const char *const what[N_STANDINGS] = {NULL, "limits not shown to hold",
                                                  "outside the limits"};
    static const char *const looks[N_STANDINGS] = {NULL, "hollow", "pale"};
    bool named = clouds[WITHIN].n > 0;
    for (int s = OUTSIDE; s > WITHIN; s--) {
        const char *label = NULL;
        if (clouds[s].n == 0)
            continue;
        if (!named)
            label = wtl_arena_printf(arena, "%s, %s", style->label, what[s]);
        else if (!said[s])
            label = wtl_arena_printf(arena, "%s: %s", looks[s], what[s]);
        struct wtl_layer *l = add_cloud(chart, &clouds[s], label, style->color,
                                        s == UNSHOWN ? WTL_MARK_RING : style->shape, 5);
        l->alpha = s == OUTSIDE ? 0.35 : l->alpha;
        said[s] = named = true;
    }
    if (clouds[WITHIN].n == 0)
        return;
    struct wtl_layer *l =
        add_cloud(chart, &clouds[WITHIN], style->label, style->color, style->shape, 5);
    l->lo = clouds[WITHIN].lo;
    l->hi = clouds[WITHIN].hi;
    l->faint_intervals = true;
}

static int add_points(struct wtl_arena *arena, const struct wtl_point_choice *c,
                      struct wtl_chart *chart, struct wtl_error *err)
{
    static const enum wtl_color colors[COLORED_MAX] = {WTL_COLOR_BLUE,   WTL_COLOR_GREEN,
                                                       WTL_COLOR_ORANGE, WTL_COLOR_PURPLE,
                                                       WTL_COLOR_SKY,    WTL_COLOR_YELLOW};
    static const enum wtl_mark marks[COLORED_MAX] = {WTL_MARK_CIRCLE,  WTL_MARK_TRIANGLE,
                                                     WTL_MARK_DIAMOND, WTL_MARK_DOWN,
                                                     WTL_MARK_SQUARE,  WTL_MARK_PLUS};
    size_t *of = WTL_NEW_ARRAY(arena, size_t, c->n_points + 1);
    if (!of)
        return WTL_FIG_NOMEM(err);
    size_t n = number_configurations(c, of);
    bool colored = n <= COLORED_MAX && n < c->n_points, said[N_STANDINGS] = {false};
    int rc = 0;
    for (size_t k = 0; k < (colored ? n : 1) && rc == 0; k++) {
        struct cloud clouds[N_STANDINGS];
        size_t first = 0;
        while (colored && of[first] != k)
            first++;
        const struct style style = {colored ? name_of(arena, c, first) : "measured point",
                                    colors[k], colored ? marks[k] : WTL_MARK_CIRCLE};
        rc = style.label ? 0 : WTL_FIG_NOMEM(err);
        for (int s = 0; s < N_STANDINGS && rc == 0; s++)
            rc = collect(arena, c, colored ? of : NULL, k, (enum standing)s, &clouds[s], err);
        if (rc == 0)
            add_standings(arena, chart, clouds, &style, said);
    }
    return rc;
}

/* --- the front and the answer ---------------------------------------------------------------- */

/* Ascending throughput. */
static void sort(struct cloud *c)
{
    for (size_t i = 1; i < c->n; i++)
        for (size_t k = i; k > 0 && c->x[k] < c->x[k - 1]; k--) {
            double x = c->x[k], y = c->y[k];
            c->x[k] = c->x[k - 1];
            c->y[k] = c->y[k - 1];
            c->x[k - 1] = x;
            c->y[k - 1] = y;
        }
}

static int add_front(struct wtl_arena *arena, const struct wtl_point_choice *c,
                     struct wtl_chart *chart, struct wtl_error *err)
{
    struct cloud front;
    int rc = cloud_new(arena, c->n_points, &front, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < c->n_points; i++)
        if (is_shown(&c->points[i]) && c->points[i].pareto)
            take(&front, &c->points[i]);
    if (front.n < 2)
        return 0;
    sort(&front);
    struct wtl_layer *l = wtl_chart_add(chart, WTL_LAYER_LINE, "Pareto set", WTL_COLOR_BLACK);
    l->x = front.x;
    l->y = front.y;
    l->n = front.n;
    l->width_pt = 1.0;
    l->dash = WTL_DASH_SHORT;
    return 0;
}

static int mark(struct wtl_arena *arena, const struct wtl_point_choice *c, struct wtl_chart *chart,
                int index, const char *what, enum wtl_mark shape, enum wtl_color color,
                struct wtl_error *err)
{
    struct cloud one;
    char text[WTL_MEASURED_POINT_TEXT];
    if (index < 0 || !is_shown(&c->points[index]))
        return 0;
    int rc = cloud_new(arena, 1, &one, err);
    if (rc < 0)
        return rc;
    take(&one, &c->points[index]);
    add_cloud(chart, &one, what, color, shape, 8);
    const struct wtl_configuration common = common_of(c);
    struct wtl_measured_point own = c->points[index];
    own.at = wtl_configuration_without(&own.at, &common);
    const char *note =
        wtl_arena_printf(arena, "%s: %s", what, wtl_measured_point_format(&own, text));
    if (!note)
        return WTL_FIG_NOMEM(err);
    wtl_chart_note(chart, one.x[0], one.y[0], note, WTL_COLOR_INK);
    return 0;
}

/* The tied ones beside the chosen. */
static int mark_tied(struct wtl_arena *arena, const struct wtl_point_choice *c,
                     struct wtl_chart *chart, struct wtl_error *err)
{
    struct cloud tied;
    int rc = cloud_new(arena, c->n_points, &tied, err);
    for (size_t i = 0; i < c->n_points && rc == 0; i++)
        if (c->points[i].tied && (int)i != c->chosen && is_shown(&c->points[i]))
            take(&tied, &c->points[i]);
    if (rc == 0 && tied.n)
        add_cloud(chart, &tied, "tied with the best", WTL_COLOR_VERMILLION, WTL_MARK_RING, 9);
    return rc;
}

static void hold(const struct wtl_point_choice *c, struct wtl_chart *chart)
{
    for (size_t i = 0; i < c->n_points; i++) {
        const struct wtl_measured_point *p = &c->points[i];
        if (!is_shown(p))
            continue;
        wtl_fig_hold(&chart->x.lo, &chart->x.hi, 1 / p->time_s.value);
        wtl_fig_hold(&chart->y.lo, &chart->y.hi, p->energy_j.value);
        if (wtl_fig_has_interval(&p->energy_j)) {
            wtl_fig_hold(&chart->y.lo, &chart->y.hi, p->energy_j.lo);
            wtl_fig_hold(&chart->y.lo, &chart->y.hi, p->energy_j.hi);
        }
    }
    wtl_ticks_range(&chart->x.lo, &chart->x.hi, 0.05);
    wtl_ticks_range(&chart->y.lo, &chart->y.hi, 0.06);
}

static int draw(struct wtl_arena *arena, const struct wtl_point_choice *c, bool estimated,
                struct wtl_chart *chart, struct wtl_error *err)
{
    char work[20];
    wtl_point_choice_work(c, work);
    const char *name =
        wtl_arena_printf(arena, "%s per %s", estimated ? "Estimated energy" : "Energy", work);
    const char *energy = wtl_arena_printf(arena, "J/%s", work);
    const char *rate = c->per_run || !c->unit[0] ? wtl_arena_printf(arena, "%ss/s", work)
                                                 : wtl_arena_printf(arena, "%s/s", c->unit);
    if (!name || !energy || !rate)
        return WTL_FIG_NOMEM(err);
    chart->x = (struct wtl_axis){"Throughput", rate, .lo = HUGE_VAL, .hi = -HUGE_VAL};
    chart->y = (struct wtl_axis){name, energy, .si = true, .lo = HUGE_VAL, .hi = -HUGE_VAL};
    hold(c, chart);
    int rc = add_points(arena, c, chart, err);
    rc = rc ? rc : add_front(arena, c, chart, err);
    rc = rc ? rc : mark_tied(arena, c, chart, err);
    rc = rc ? rc
            : mark(arena, c, chart, c->baseline,
                   c->baseline == c->chosen ? "baseline, chosen" : "baseline", WTL_MARK_SQUARE,
                   WTL_COLOR_BLACK, err);
    if (rc == 0 && c->chosen >= 0 && c->chosen != c->baseline)
        rc = mark(arena, c, chart, c->chosen, "chosen", WTL_MARK_STAR, WTL_COLOR_VERMILLION, err);
    else if (rc == 0 && c->chosen < 0)
        rc = mark(arena, c, chart, c->best, "best guess", WTL_MARK_STAR, WTL_COLOR_VERMILLION, err);
    return rc;
}

int wtl_fig_points(struct wtl_arena *arena, const struct wtl_report *r,
                   const struct wtl_point_choice *c, struct wtl_figure **figure_out,
                   struct wtl_error *err)
{
    size_t shown = 0;
    int runs = 0;
    bool estimated = false;
    for (size_t i = 0; i < c->n_points; i++) {
        shown += is_shown(&c->points[i]);
        runs += c->points[i].n;
        estimated = estimated || c->points[i].energy_class == WTL_CLASS_D;
    }
    if (shown < 2)
        return WTL_FAIL(err, WTL_NOTFOUND, "%s, %s: fewer than two operating points to show",
                        c->gpu, c->workload);
    struct wtl_workset named = {0};
    memcpy(named.gpu, c->gpu, sizeof named.gpu);
    memcpy(named.workload, c->workload, sizeof named.workload);
    struct wtl_figure *f = wtl_figure_new(arena, 1, 1, 250);
    if (!f)
        return WTL_FIG_NOMEM(err);
    int rc = draw(arena, c, estimated, &f->panels[0], err);
    if (rc < 0)
        return rc;
    char work[20];
    f->name = wtl_fig_name(arena, "points", &named);
    f->title = wtl_arena_printf(arena, "Energy per %s against throughput: %s",
                                wtl_point_choice_work(c, work), wtl_fig_set_name(arena, &named));
    f->footer = wtl_fig_footer(
        arena, r, runs, "accepted runs", NULL,
        wtl_arena_printf(arena, "%zu points, %g %% intervals%s", shown, 100 * c->policy.confidence,
                         estimated ? ", energies are estimates (class D)" : ""));
    if (!f->title || !f->footer)
        return WTL_FIG_NOMEM(err);
    *figure_out = f;
    return 0;
}
