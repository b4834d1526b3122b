/* SPDX-License-Identifier: Apache-2.0
 * Figures over all sets of a report: savings, heat map, comparison of plans. */
#include "report/fig_common.h"

#include "report/escape.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Rows that fit a page of the PDF at 16 points each; a report with more sets has the table. */
enum { ROWS_MAX = 36 };

/* The sets that have a plan, as categories. */
struct rows {
    const struct wtl_report_set **set;
    const char **name;
    size_t n;
    const char *first, *second; /* what the two plans of a set are called */
};

/* Text of at most n characters, its middle left out where it is longer: both ends tell. */
static const char *shortened(struct wtl_arena *arena, const char *text, size_t n)
{
    char clean[WTL_LIMIT_NAME * 3 + 1];
    wtl_utf8_clean(text, clean, sizeof clean);
    size_t length = 0, head = 0, tail = 0, at = 0;
    for (size_t next; (next = wtl_utf8_next(clean + at)); at += next)
        length++;
    if (length <= n)
        return wtl_arena_strdup(arena, clean);
    at = 0;
    for (size_t i = 0; i < length; i++) {
        head = i == n / 2 ? at : head;
        tail = i == length - (n - 1 - n / 2) ? at : tail;
        at += wtl_utf8_next(clean + at);
    }
    return wtl_arena_printf(arena, "%.*s\xe2\x80\xa6%s", (int)head, clean, clean + tail);
}

/* "GPU, workload", both of which stay recognisable beside a bar. */
static const char *row_name(struct wtl_arena *arena, const struct wtl_workset *set)
{
    const char *gpu = shortened(arena, set->gpu, 14);
    const char *workload =
        shortened(arena, set->workload, wtl_configuration_is_plain(&set->at) ? 18 : 32);
    return gpu && workload ? wtl_arena_printf(arena, "%s, %s", gpu, workload) : NULL;
}

static int plan_rows(struct wtl_arena *arena, const struct wtl_report *r, bool both,
                     struct rows *out, struct wtl_error *err)
{
    struct rows rows = {WTL_NEW_ARRAY(arena, const struct wtl_report_set *, r->n_sets + 1),
                        WTL_NEW_ARRAY(arena, const char *, r->n_sets + 1), 0,
                        r->first_name ? r->first_name : "without constraints",
                        r->second_name ? r->second_name : "with constraints"};
    if (!rows.set || !rows.name)
        return WTL_FIG_NOMEM(err);
    for (size_t i = 0; i < r->n_sets; i++) {
        const struct wtl_report_set *s = &r->sets[i];
        if (!s->plan || (both && !s->unconstrained))
            continue;
        rows.set[rows.n] = s;
        if (!(rows.name[rows.n++] = row_name(arena, s->set)))
            return WTL_FIG_NOMEM(err);
    }
    if (rows.n > ROWS_MAX)
        return WTL_FAIL(err, WTL_NOTFOUND,
                        "%zu plans do not fit one figure (at most %d); the table has them", rows.n,
                        ROWS_MAX);
    *out = rows;
    return 0;
}

static struct wtl_axis row_axis(const struct rows *rows)
{
    return (struct wtl_axis){.name = "", .categories = rows->name, .n_categories = rows->n};
}

/* Rows count from the top; positions of categories count from the bottom. */
static double row_at(const struct rows *rows, size_t i)
{
    return (double)(rows->n - 1 - i);
}

/* Names in the order of positions. */
static int flip_names(struct wtl_arena *arena, struct rows *rows, struct wtl_error *err)
{
    const char **flipped = WTL_NEW_ARRAY(arena, const char *, rows->n + 1);
    if (!flipped)
        return WTL_FIG_NOMEM(err);
    for (size_t i = 0; i < rows->n; i++)
        flipped[rows->n - 1 - i] = rows->name[i];
    rows->name = flipped;
    return 0;
}

static const struct wtl_estimate *quantity(const struct wtl_plan *plan, bool saving)
{
    return saving ? &plan->saving : &plan->slowdown;
}

/* What stands beside a bar: the figures, or the status of a plan without. */
static const char *bar_text(struct wtl_arena *arena, const struct wtl_plan *plan, bool saving)
{
    const struct wtl_estimate *e = quantity(plan, saving);
    if (!wtl_fig_exists(e))
        return wtl_plan_status_name(plan->status);
    if (plan->status == WTL_PLAN_OK)
        return wtl_fig_percent(arena, e);
    return wtl_arena_printf(arena, "%s (%s)", wtl_fig_percent(arena, e),
                            wtl_plan_status_name(plan->status));
}

/* One panel of bars: `ok` plans filled, others light. */
static int bars_panel(struct wtl_arena *arena, const struct rows *rows, bool saving,
                      struct wtl_chart *chart, struct wtl_error *err)
{
    double lo = 0, hi = 0;
    const char **text = WTL_NEW_ARRAY(arena, const char *, rows->n);
    if (!text)
        return WTL_FIG_NOMEM(err);
    for (size_t i = 0; i < rows->n; i++)
        if (!(text[rows->n - 1 - i] = bar_text(arena, rows->set[i]->plan, saving)))
            return WTL_FIG_NOMEM(err);
    chart->row_text = text;
    for (int light = 0; light < 2; light++) {
        double *v[4];
        for (int k = 0; k < 4; k++)
            if (!(v[k] = WTL_NEW_ARRAY(arena, double, rows->n)))
                return WTL_FIG_NOMEM(err);
        size_t n = 0;
        for (size_t i = 0; i < rows->n; i++) {
            const struct wtl_plan *plan = rows->set[i]->plan;
            const struct wtl_estimate *e = quantity(plan, saving);
            if ((plan->status == WTL_PLAN_OK) == (light == 1))
                continue;
            bool exists = wtl_fig_exists(e), interval = wtl_fig_has_interval(e);
            v[0][n] = exists ? e->value : 0;
            v[1][n] = row_at(rows, i);
            v[2][n] = interval ? e->lo : v[0][n];
            v[3][n] = interval ? e->hi : v[0][n];
            for (int k = 0; k < 4; k++)
                if (k != 1)
                    wtl_fig_hold(&lo, &hi, v[k][n]);
            n++;
        }
        if (n == 0)
            continue;
        enum wtl_color color = saving ? WTL_COLOR_GREEN : WTL_COLOR_ORANGE;
        const char *label = light ? "best guess of a plan that is not ok" : NULL;
        struct wtl_layer *l =
            wtl_chart_add(chart, WTL_LAYER_HBARS, label, light ? WTL_COLOR_GRID : color);
        *l = (struct wtl_layer){.kind = WTL_LAYER_HBARS,
                                .label = label,
                                .color = l->color,
                                .size = 0.62,
                                .n = n,
                                .x = v[0],
                                .y = v[1],
                                .x_lo = v[2],
                                .x_hi = v[3]};
    }
    if (hi - lo < 0.02)
        hi = lo + 0.02;
    double span = hi - lo;
    chart->x = (struct wtl_axis){.name = saving ? "Saving of energy" : "Slowdown",
                                 .unit = "%",
                                 .percent = true,
                                 .lo = lo < 0 ? lo - 0.05 * span : 0,
                                 .hi = hi + 0.05 * span};
    chart->y = row_axis(rows);
    return 0;
}

static double rows_height(const struct rows *rows)
{
    return 52 + 17 * (double)rows->n;
}

/* Sums over the sets of the rows. */
static const char *rows_footer(struct wtl_arena *arena, const struct wtl_report *r,
                               const struct rows *rows, const char *interval)
{
    int accepted = 0, rejected[WTL_N_CAUSES] = {0};
    for (size_t i = 0; i < rows->n; i++) {
        const struct wtl_plan *plan = rows->set[i]->plan;
        accepted += plan->n_runs;
        for (int c = 0; c < (int)WTL_N_CAUSES; c++)
            rejected[c] += plan->rejected[c];
    }
    return wtl_fig_footer(arena, r, accepted, "accepted runs", rejected, interval);
}

/* Kind of the intervals of the plans: one word when they agree. */
static const char *rows_interval(struct wtl_arena *arena, const struct rows *rows)
{
    enum wtl_evidence kind = WTL_EVIDENCE_NONE;
    bool mixed = false;
    for (size_t i = 0; i < rows->n; i++) {
        enum wtl_evidence e = rows->set[i]->plan->saving.evidence;
        if (e == WTL_EVIDENCE_NONE)
            continue;
        mixed = mixed || (kind != WTL_EVIDENCE_NONE && kind != e);
        kind = e;
    }
    if (kind == WTL_EVIDENCE_NONE)
        return "no intervals";
    return wtl_arena_printf(arena, "%s bootstrap intervals, %s",
                            wtl_fig_confidence(arena, rows->set[0]->plan),
                            mixed ? "in-sample and confirmed" : wtl_evidence_name(kind));
}

int wtl_fig_savings(struct wtl_arena *arena, const struct wtl_report *r,
                    struct wtl_figure **figure_out, struct wtl_error *err)
{
    struct rows rows = {0};
    int rc = plan_rows(arena, r, false, &rows, err);
    if (rc < 0)
        return rc;
    bool any = false;
    for (size_t i = 0; i < rows.n; i++)
        any = any || wtl_fig_exists(&rows.set[i]->plan->saving);
    if (!any)
        return WTL_FAIL(err, WTL_NOTFOUND, "no plan has a saving to show");
    rc = flip_names(arena, &rows, err);
    struct wtl_figure *f = wtl_figure_new(arena, 2, 2, rows_height(&rows));
    if (!f)
        return WTL_FIG_NOMEM(err);
    for (int i = 0; i < 2 && rc == 0; i++)
        rc = bars_panel(arena, &rows, i == 0, &f->panels[i], err);
    if (rc < 0)
        return rc;
    /* The names stand once. */
    const char **blank = WTL_NEW_ARRAY(arena, const char *, rows.n);
    const char *interval = rows_interval(arena, &rows);
    if (!blank || !interval)
        return WTL_FIG_NOMEM(err);
    for (size_t i = 0; i < rows.n; i++)
        blank[i] = "";
    f->panels[1].y.categories = blank;
    f->name = "savings";
    f->title = "Saving of energy and slowdown against the baseline, by plan";
    f->footer = rows_footer(arena, r, &rows, interval);
    if (!f->footer)
        return WTL_FIG_NOMEM(err);
    *figure_out = f;
    return 0;
}

/* --- heat map -------------------------------------------------------------------------------- */

/* Distinct names in order of appearance; as everywhere, "StableDiffusion" is "stable_diffusion". */
static size_t distinct(const char **names, size_t n, const char *name)
{
    size_t i = 0;
    while (i < n && !wtl_same_name(names[i], name))
        i++;
    if (i == n)
        names[i] = name;
    return i;
}

/* Characters of a name beside or below the map. */
enum { HEAT_NAME_MAX = 22 };

struct cells {
    double *x, *y, *z;
    unsigned char *has;
    const char **text;
    size_t n;
};

static int heat_cells(struct wtl_arena *arena, const struct rows *rows, const char **gpus,
                      size_t *n_gpus, const char **workloads, size_t *n_workloads,
                      struct cells *out, struct wtl_error *err)
{
    for (size_t i = 0; i < rows->n; i++) {
        size_t g = distinct(gpus, *n_gpus, rows->set[i]->set->gpu);
        size_t w = distinct(workloads, *n_workloads, rows->set[i]->set->workload);
        *n_gpus = g == *n_gpus ? g + 1 : *n_gpus;
        *n_workloads = w == *n_workloads ? w + 1 : *n_workloads;
    }
    size_t n = *n_gpus * *n_workloads;
    *out = (struct cells){
        WTL_NEW_ARRAY(arena, double, n),       WTL_NEW_ARRAY(arena, double, n),
        WTL_NEW_ARRAY(arena, double, n),       WTL_NEW_ARRAY(arena, unsigned char, n),
        WTL_NEW_ARRAY(arena, const char *, n), n};
    if (!out->x || !out->y || !out->z || !out->has || !out->text)
        return WTL_FIG_NOMEM(err);
    for (size_t i = 0; i < n; i++) {
        out->x[i] = (double)(i % *n_workloads);
        size_t row = i / *n_workloads;
        out->y[i] = (double)(*n_gpus - 1 - row);
        out->text[i] = "no runs";
    }
    for (size_t i = 0; i < rows->n; i++) {
        const struct wtl_plan *plan = rows->set[i]->plan;
        size_t g = distinct(gpus, *n_gpus, rows->set[i]->set->gpu);
        size_t w = distinct(workloads, *n_workloads, rows->set[i]->set->workload);
        size_t at = g * *n_workloads + w;
        char value[32];
        out->text[at] = wtl_plan_status_name(plan->status);
        if (plan->status != WTL_PLAN_OK || !wtl_fig_exists(&plan->saving))
            continue;
        out->has[at] = 1;
        out->z[at] = plan->saving.value;
        wtl_tick_format(plan->saving.value * 100, 1, value, sizeof value);
        out->text[at] = wtl_arena_printf(arena, "%s %%\n%d MHz", value, plan->clock_mhz);
        if (!out->text[at])
            return WTL_FIG_NOMEM(err);
    }
    return 0;
}

static void heat_chart(struct wtl_chart *chart, const struct cells *cells)
{
    double lo = 0, hi = 0.01;
    for (size_t i = 0; i < cells->n; i++)
        if (cells->has[i])
            wtl_fig_hold(&lo, &hi, cells->z[i]);
    struct wtl_layer *l = wtl_chart_add(chart, WTL_LAYER_HEAT, NULL, WTL_COLOR_GREEN);
    l->n = cells->n;
    l->x = cells->x;
    l->y = cells->y;
    l->z = cells->z;
    l->has_z = cells->has;
    l->text = cells->text;
    chart->colorbar.shown = true;
    chart->colorbar.axis =
        (struct wtl_axis){"Saving of energy", "%", .percent = true, .lo = lo, .hi = hi};
}

int wtl_fig_heat(struct wtl_arena *arena, const struct wtl_report *r,
                 struct wtl_figure **figure_out, struct wtl_error *err)
{
    struct rows rows = {0};
    int rc = plan_rows(arena, r, false, &rows, err);
    if (rc < 0)
        return rc;
    const char **gpus = WTL_NEW_ARRAY(arena, const char *, rows.n + 1);
    const char **workloads = WTL_NEW_ARRAY(arena, const char *, rows.n + 1);
    size_t n_gpus = 0, n_workloads = 0;
    struct cells cells;
    if (!gpus || !workloads)
        return WTL_FIG_NOMEM(err);
    rc = heat_cells(arena, &rows, gpus, &n_gpus, workloads, &n_workloads, &cells, err);
    if (rc < 0)
        return rc;
    bool any = false;
    for (size_t i = 0; i < cells.n; i++)
        any = any || cells.has[i];
    if (!any || n_gpus * n_workloads < 2 || n_workloads > 12)
        return WTL_FAIL(err, WTL_NOTFOUND,
                        any ? "a heat map of %zu by %zu (GPUs by workloads) is not readable"
                            : "no plan has a saving to show (%zu by %zu GPUs and workloads)",
                        n_gpus, n_workloads);
    struct wtl_figure *f = wtl_figure_new(arena, 1, 1, 62 + 34 * (double)n_gpus);
    const char **flipped = WTL_NEW_ARRAY(arena, const char *, n_gpus);
    if (!f || !flipped)
        return WTL_FIG_NOMEM(err);
    for (size_t i = 0; i < n_gpus; i++)
        if (!(flipped[n_gpus - 1 - i] = shortened(arena, gpus[i], HEAT_NAME_MAX)))
            return WTL_FIG_NOMEM(err);
    for (size_t i = 0; i < n_workloads; i++)
        if (!(workloads[i] = shortened(arena, workloads[i], HEAT_NAME_MAX)))
            return WTL_FIG_NOMEM(err);
    heat_chart(&f->panels[0], &cells);
    f->panels[0].x =
        (struct wtl_axis){.name = "Workload", .categories = workloads, .n_categories = n_workloads};
    f->panels[0].y =
        (struct wtl_axis){.name = "GPU", .categories = flipped, .n_categories = n_gpus};
    const char *interval = rows_interval(arena, &rows);
    f->name = "heat";
    f->title = "Saving of energy at the chosen clock, by GPU and workload";
    f->footer = interval ? rows_footer(arena, r, &rows, interval) : NULL;
    if (!f->footer)
        return WTL_FIG_NOMEM(err);
    *figure_out = f;
    return 0;
}

/* --- comparison ------------------------------------------------------------------------------ */

enum compared { CLOCK, SAVING, SLOWDOWN, N_COMPARED };

static bool value_of(const struct wtl_plan *plan, enum compared what, struct wtl_estimate *out)
{
    if (what != CLOCK) {
        *out = *quantity(plan, what == SAVING);
        return wtl_fig_exists(out);
    }
    int clock = wtl_fig_shown_clock(plan);
    *out = (struct wtl_estimate){.value = clock, .n = 1};
    return clock > 0;
}

/* One of the two plans of every row. */
struct compared_points {
    double *x, *lo, *hi, *y;
    size_t n;
};

static int new_points(struct wtl_arena *arena, size_t n, struct compared_points *out)
{
    *out = (struct compared_points){
        WTL_NEW_ARRAY(arena, double, n + 1), WTL_NEW_ARRAY(arena, double, n + 1),
        WTL_NEW_ARRAY(arena, double, n + 1), WTL_NEW_ARRAY(arena, double, n + 1), 0};
    return out->x && out->lo && out->hi && out->y ? 0 : -(int)WTL_NOMEM;
}

static void put_point(struct compared_points *p, const struct wtl_estimate *e, double y)
{
    bool interval = wtl_fig_has_interval(e);
    p->x[p->n] = e->value;
    p->lo[p->n] = interval ? e->lo : e->value;
    p->hi[p->n] = interval ? e->hi : e->value;
    p->y[p->n++] = y;
}

static void draw_points(struct wtl_chart *chart, const char *label, enum wtl_color color,
                        enum wtl_mark mark, const struct compared_points *p, bool intervals)
{
    struct wtl_layer *l = wtl_chart_add(chart, WTL_LAYER_POINTS, label, color);
    l->mark = mark;
    l->size = mark == WTL_MARK_SQUARE ? 6 : 5; /* equal values stay visible as two marks */
    l->x = p->x;
    l->y = p->y;
    l->n = p->n;
    l->x_lo = intervals ? p->lo : NULL;
    l->x_hi = intervals ? p->hi : NULL;
}

static void add_links(struct wtl_chart *chart, const struct compared_points *a,
                      const struct compared_points *b)
{
    struct wtl_layer *l = wtl_chart_add(chart, WTL_LAYER_LINKS, NULL, WTL_COLOR_MUTED);
    l->x_lo = a->x;
    l->x_hi = b->x;
    l->y = a->y;
    l->n = a->n;
}

/* Clocks as two marks on one line; the others one above the other, with their intervals. */
static int compare_panel(struct wtl_arena *arena, const struct rows *rows, enum compared what,
                         struct wtl_chart *chart, size_t *shown, struct wtl_error *err)
{
    struct compared_points a, b;
    double lo = HUGE_VAL, hi = -HUGE_VAL, apart = what == CLOCK ? 0 : 0.19;
    if (new_points(arena, rows->n, &a) || new_points(arena, rows->n, &b))
        return WTL_FIG_NOMEM(err);
    for (size_t i = 0; i < rows->n; i++) {
        struct wtl_estimate first, second;
        if (!value_of(rows->set[i]->unconstrained, what, &first) ||
            !value_of(rows->set[i]->plan, what, &second))
            continue;
        put_point(&a, &first, row_at(rows, i) + apart);
        put_point(&b, &second, row_at(rows, i) - apart);
        wtl_fig_hold(&lo, &hi, fmin(a.lo[a.n - 1], b.lo[b.n - 1]));
        wtl_fig_hold(&lo, &hi, fmax(a.hi[a.n - 1], b.hi[b.n - 1]));
    }
    *shown += a.n;
    if (what != CLOCK)
        wtl_fig_hold(&lo, &hi, 0);
    wtl_ticks_range(&lo, &hi, 0.08);
    if (what != CLOCK)
        lo = lo > -0.002 ? fmin(lo, -0.004) : lo;
    if (what == CLOCK)
        add_links(chart, &a, &b);
    draw_points(chart, rows->first, WTL_COLOR_ORANGE, WTL_MARK_SQUARE, &a, what != CLOCK);
    draw_points(chart, rows->second, WTL_COLOR_BLUE, WTL_MARK_CIRCLE, &b, what != CLOCK);
    static const char *const names[] = {"SM clock", "Saving of energy", "Slowdown"};
    chart->x = (struct wtl_axis){.name = names[what],
                                 .unit = what == CLOCK ? "MHz" : "%",
                                 .percent = what != CLOCK,
                                 .lo = lo,
                                 .hi = hi};
    chart->y = row_axis(rows);
    return 0;
}

/* "ok", or "undecided / ok" where the two differ. */
static const char *statuses(struct wtl_arena *arena, const struct wtl_report_set *s)
{
    const char *a = wtl_plan_status_name(s->unconstrained->status);
    const char *b = wtl_plan_status_name(s->plan->status);
    return s->unconstrained->status == s->plan->status ? b
                                                       : wtl_arena_printf(arena, "%s / %s", a, b);
}

int wtl_fig_compare(struct wtl_arena *arena, const struct wtl_report *r,
                    struct wtl_figure **figure_out, struct wtl_error *err)
{
    struct rows rows = {0};
    int rc = plan_rows(arena, r, true, &rows, err);
    if (rc == 0)
        rc = flip_names(arena, &rows, err);
    if (rc < 0)
        return rc;
    struct wtl_figure *f =
        wtl_figure_new(arena, N_COMPARED, N_COMPARED, rows_height(&rows) + 3 * (double)rows.n);
    const char **blank = WTL_NEW_ARRAY(arena, const char *, rows.n + 1);
    const char **status = WTL_NEW_ARRAY(arena, const char *, rows.n + 1);
    if (!f || !blank || !status)
        return WTL_FIG_NOMEM(err);
    size_t shown = 0;
    for (int i = 0; i < N_COMPARED && rc == 0; i++)
        rc = compare_panel(arena, &rows, (enum compared)i, &f->panels[i], &shown, err);
    if (rc < 0)
        return rc;
    if (shown == 0)
        return WTL_FAIL(err, WTL_NOTFOUND, "no set has figures in both plans");
    for (size_t i = 0; i < rows.n; i++)
        blank[i] = "";
    f->panels[1].y.categories = f->panels[2].y.categories = blank;
    for (size_t i = 0; i < rows.n; i++)
        if (!(status[rows.n - 1 - i] = statuses(arena, rows.set[i])))
            return WTL_FIG_NOMEM(err);
    f->panels[2].row_text = status;
    f->name = "compare";
    f->title = wtl_arena_printf(arena, "Plans %s and %s", rows.first, rows.second);
    f->caption = "For a plan that is not ok the marks show its best guess.";
    const char *interval = rows_interval(arena, &rows);
    f->footer = interval ? rows_footer(arena, r, &rows, interval) : NULL;
    if (!f->footer || !f->title)
        return WTL_FIG_NOMEM(err);
    *figure_out = f;
    return 0;
}
