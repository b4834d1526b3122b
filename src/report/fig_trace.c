/* SPDX-License-Identifier: Apache-2.0
 * Figures of samples: time series, distribution of power, power against temperature. */
#include "base/text.h"
#include "report/fig_common.h"

#include <math.h>
#include <string.h>

/* Traces of one figure: more would not be told apart. */
enum { TRACES_MAX = 4 };

/* A panel is about 420 points wide; a trace with more samples is drawn by the extremes of each of
 * this many slices, so that no peak is lost. */
enum { SLICES = 600 };

/* Points of a scatter plot; beyond it every k-th sample is drawn and the footer says so. */
enum { SCATTER_MAX = 3000 };

static const enum wtl_color trace_colors[TRACES_MAX] = {WTL_COLOR_BLUE, WTL_COLOR_VERMILLION,
                                                        WTL_COLOR_GREEN, WTL_COLOR_PURPLE};

static size_t n_shown(const struct wtl_report_set *s)
{
    return s->n_traces < TRACES_MAX ? s->n_traces : TRACES_MAX;
}

static bool has(const struct wtl_report_trace *t, enum wtl_metric m)
{
    return (t->present >> m) & 1;
}

/* Valid samples of one metric. */
static size_t column(struct wtl_arena *arena, const struct wtl_report_trace *t, enum wtl_metric m,
                     double **t_out, double **v_out)
{
    double *time = WTL_NEW_ARRAY(arena, double, t->n + 1);
    double *value = WTL_NEW_ARRAY(arena, double, t->n + 1);
    size_t n = 0;
    *t_out = time;
    *v_out = value;
    if (!time || !value || !has(t, m))
        return 0;
    for (size_t i = 0; i < t->n; i++)
        if (t->valid[m][i] && isfinite(t->value[m][i])) {
            time[n] = t->t_s[i];
            value[n++] = t->value[m][i];
        }
    return n;
}

/* First, least, greatest and last sample of each slice, in order of time. In place. */
static size_t thin(double *t, double *v, size_t n)
{
    if (n <= 4 * SLICES)
        return n;
    size_t out = 0;
    for (size_t s = 0; s < SLICES; s++) {
        size_t from = n * s / SLICES, to = n * (s + 1) / SLICES, lo = from, hi = from;
        for (size_t i = from; i < to; i++) {
            lo = v[i] < v[lo] ? i : lo;
            hi = v[i] > v[hi] ? i : hi;
        }
        size_t picks[4] = {from, lo < hi ? lo : hi, lo < hi ? hi : lo, to - 1};
        for (int k = 0; k < 4; k++)
            if (k == 0 || picks[k] != picks[k - 1]) {
                t[out] = t[picks[k]];
                v[out++] = v[picks[k]];
            }
    }
    return out;
}

static const char *trace_label(struct wtl_arena *arena, const struct wtl_report_trace *t)
{
    if (t->run->rep > 0)
        return wtl_arena_printf(arena, "%s: %d MHz, repetition %d", t->role, t->run->clock_mhz,
                                t->run->rep);
    return wtl_arena_printf(arena, "%s: %d MHz", t->role, t->run->clock_mhz);
}

/* "Board power [W]" from the metric table. */
static struct wtl_axis metric_axis(enum wtl_metric m)
{
    const struct wtl_metric_info *info = wtl_metric_info(m);
    static const struct {
        enum wtl_metric metric;
        const char *name;
    } names[] = {
        {WTL_M_power_w, "Power"},
        {WTL_M_sm_clock_mhz, "SM clock"},
        {WTL_M_temp_c, "Temperature"},
        {WTL_M_gpu_util, "GPU busy"},
        {WTL_M_mem_util, "Memory busy"},
        {WTL_M_sm_active, "SM active"},
        {WTL_M_dram_active, "DRAM active"},
        {WTL_M_mem_clock_mhz, "Mem. clock"},
        {WTL_M_gr_active, "Graphics active"},
        {WTL_M_tensor_active, "Tensor active"},
        {WTL_M_fb_used_b, "Memory used"},
        {WTL_M_mem_temp_c, "Mem. temp."},
    };
    struct wtl_axis axis = {.name = info->name, .unit = wtl_unit_symbol(info->unit)};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].metric == m)
            axis.name = names[i].name;
    axis.percent = info->unit == WTL_UNIT_FRACTION;
    axis.si = info->unit == WTL_UNIT_BYTE || info->unit == WTL_UNIT_JOULE;
    if (info->unit == WTL_UNIT_CELSIUS)
        axis.unit = "\xc2\xb0"
                    "C";
    return axis;
}

static int series_panel(struct wtl_arena *arena, const struct wtl_report_set *s, enum wtl_metric m,
                        struct wtl_chart *chart, struct wtl_error *err)
{
    double lo = HUGE_VAL, hi = -HUGE_VAL, end = 0;
    for (size_t i = 0; i < n_shown(s); i++) {
        double *t, *v;
        size_t n = column(arena, &s->traces[i], m, &t, &v);
        const char *label = trace_label(arena, &s->traces[i]);
        if (!t || !v || !label)
            return WTL_FIG_NOMEM(err);
        if (n == 0)
            continue;
        for (size_t k = 0; k < n; k++)
            wtl_fig_hold(&lo, &hi, v[k]);
        end = fmax(end, t[n - 1]);
        struct wtl_layer *l = wtl_chart_add(chart, WTL_LAYER_LINE, label, trace_colors[i]);
        l->x = t;
        l->y = v;
        l->n = thin(t, v, n);
        l->width_pt = 0.9;
        l->dash = i == 0 ? WTL_DASH_SOLID : WTL_DASH_SHORT;
    }
    chart->y = metric_axis(m);
    if (lo > 0 && lo < 0.4 * hi)
        lo = 0;
    wtl_ticks_range(&lo, &hi, 0.05);
    chart->y.lo = lo;
    chart->y.hi = hi;
    chart->x = (struct wtl_axis){.name = "", .unit = "s", .lo = 0, .hi = end > 0 ? end : 1};
    return 0;
}

static bool any_has(const struct wtl_report_set *s, enum wtl_metric m)
{
    for (size_t i = 0; i < n_shown(s); i++)
        for (size_t k = 0; has(&s->traces[i], m) && k < s->traces[i].n; k++)
            if (s->traces[i].valid[m][k])
                return true;
    return false;
}

/* Samples of the shown traces, and how time was come by. */
static const char *trace_footer(struct wtl_arena *arena, const struct wtl_report *r,
                                const struct wtl_report_set *s, size_t step)
{
    size_t n = 0;
    bool timed = true;
    for (size_t i = 0; i < n_shown(s); i++) {
        n += s->traces[i].n;
        timed = timed && s->traces[i].timed;
    }
    const char *what = wtl_arena_printf(
        arena, step > 1 ? "samples of %zu run%s, every %zuth is drawn" : "samples of %zu run%s",
        n_shown(s), wtl_plural((int64_t)n_shown(s)), step);
    const char *how = timed
                          ? "time by the source's timestamps; single runs, no interval"
                          : "time by sample number and estimated period; single runs, no interval";
    return what ? wtl_fig_footer(arena, r, (int)n, what, NULL, how) : NULL;
}

int wtl_fig_series(struct wtl_arena *arena, const struct wtl_report *r,
                   const struct wtl_report_set *s, const enum wtl_metric *metrics, size_t n_metrics,
                   struct wtl_figure **figure_out, struct wtl_error *err)
{
    const char *name = wtl_fig_set_name(arena, s->set);
    size_t n = 0;
    for (size_t i = 0; i < n_metrics; i++)
        n += any_has(s, metrics[i]);
    if (n == 0)
        return WTL_FAIL(err, WTL_NOTFOUND, "%s: no samples of the wanted metrics", name);
    struct wtl_figure *f = wtl_figure_new(arena, n, 1, n == 1 ? 200 : 98);
    if (!f)
        return WTL_FIG_NOMEM(err);
    double end = 0;
    for (size_t i = 0, k = 0; i < n_metrics; i++) {
        if (!any_has(s, metrics[i]))
            continue;
        int rc = series_panel(arena, s, metrics[i], &f->panels[k++], err);
        if (rc < 0)
            return rc;
        end = fmax(end, f->panels[k - 1].x.hi);
    }
    for (size_t k = 0; k < n; k++) {
        f->panels[k].x.hi = end;
        f->panels[k].x.bare = k + 1 < n;
    }
    f->panels[n - 1].x.name = "Time from the first sample";
    f->name = wtl_fig_name(arena, "series", s->set);
    f->title = wtl_arena_printf(arena, "Samples against time: %s", name);
    f->footer = trace_footer(arena, r, s, 1);
    if (!f->title || !f->footer)
        return WTL_FIG_NOMEM(err);
    *figure_out = f;
    return 0;
}

/* --- histogram ------------------------------------------------------------------------------- */

/* Width of a bin: Freedman and Diaconis 1981 on the pooled range, 10 to 60 bins, a nice number. */
static double bin_width(double lo, double hi, size_t n)
{
    struct wtl_ticks ticks;
    int want = (int)fmin(fmax(2 * cbrt((double)n), 10), 60);
    wtl_ticks_linear(lo, hi, (int)fmin(1.6 * want, 60), &ticks);
    return ticks.n > 1 ? ticks.at[1] - ticks.at[0] : (hi - lo) / 10;
}

/* Outline of a histogram of shares: two corners per bin and both ends. */
static int add_outline(struct wtl_arena *arena, struct wtl_chart *chart, const double *v, size_t n,
                       double first, double width, size_t bins, const char *label, size_t which,
                       double *top, struct wtl_error *err)
{
    double *x = WTL_NEW_ARRAY(arena, double, 2 * bins + 2);
    double *y = WTL_NEW_ARRAY(arena, double, 2 * bins + 2);
    double *zero = WTL_NEW_ARRAY(arena, double, 2 * bins + 2);
    double *count = WTL_NEW_ARRAY(arena, double, bins + 1);
    if (!x || !y || !zero || !count)
        return WTL_FIG_NOMEM(err);
    for (size_t i = 0; i < n; i++) {
        double at = floor((v[i] - first) / width);
        size_t bin = at <= 0 ? 0 : (size_t)at;
        count[bin < bins ? bin : bins - 1]++;
    }
    size_t m = 0;
    x[m] = first;
    y[m++] = 0;
    for (size_t b = 0; b < bins; b++) {
        double share = count[b] / (double)n;
        *top = fmax(*top, share);
        x[m] = first + (double)b * width;
        y[m++] = share;
        x[m] = first + (double)(b + 1) * width;
        y[m++] = share;
    }
    x[m] = first + (double)bins * width;
    y[m++] = 0;
    struct wtl_layer *l = wtl_chart_add(chart, WTL_LAYER_BAND, NULL, trace_colors[which]);
    l->x = x;
    l->lo = zero;
    l->hi = y;
    l->n = m;
    l->alpha = 0.2;
    l = wtl_chart_add(chart, WTL_LAYER_LINE, label, trace_colors[which]);
    l->x = x;
    l->y = y;
    l->n = m;
    l->width_pt = 1.2;
    l->dash = which == 0 ? WTL_DASH_SOLID : WTL_DASH_SHORT;
    return 0;
}

static int histogram_chart(struct wtl_arena *arena, const struct wtl_report_set *s,
                           struct wtl_chart *chart, struct wtl_error *err)
{
    double *t, *v[TRACES_MAX], lo = HUGE_VAL, hi = -HUGE_VAL, top = 0;
    size_t n[TRACES_MAX], most = 0;
    for (size_t i = 0; i < n_shown(s); i++) {
        n[i] = column(arena, &s->traces[i], WTL_M_power_w, &t, &v[i]);
        if (!t || !v[i])
            return WTL_FIG_NOMEM(err);
        most = n[i] > most ? n[i] : most;
        for (size_t k = 0; k < n[i]; k++)
            wtl_fig_hold(&lo, &hi, v[i][k]);
    }
    wtl_ticks_range(&lo, &hi, 0);
    double width = bin_width(lo, hi, most), first = floor(lo / width) * width;
    size_t bins = (size_t)(floor((hi - first) / width) + 1);
    for (size_t i = 0; i < n_shown(s); i++) {
        const char *label = trace_label(arena, &s->traces[i]);
        if (!label)
            return WTL_FIG_NOMEM(err);
        if (n[i] == 0)
            continue;
        int rc = add_outline(arena, chart, v[i], n[i], first, width, bins, label, i, &top, err);
        if (rc < 0)
            return rc;
    }
    const char *y_name = wtl_arena_printf(arena, "Samples per %g W", width);
    if (!y_name)
        return WTL_FIG_NOMEM(err);
    chart->x = (struct wtl_axis){
        .name = "Power", .unit = "W", .lo = first, .hi = first + (double)bins * width};
    chart->y =
        (struct wtl_axis){.name = y_name, .unit = "%", .percent = true, .lo = 0, .hi = top * 1.08};
    return 0;
}

int wtl_fig_histogram(struct wtl_arena *arena, const struct wtl_report *r,
                      const struct wtl_report_set *s, struct wtl_figure **figure_out,
                      struct wtl_error *err)
{
    const char *name = wtl_fig_set_name(arena, s->set);
    if (!any_has(s, WTL_M_power_w))
        return WTL_FAIL(err, WTL_NOTFOUND, "%s: no power samples", name);
    struct wtl_figure *f = wtl_figure_new(arena, 1, 1, 190);
    if (!f)
        return WTL_FIG_NOMEM(err);
    int rc = histogram_chart(arena, s, &f->panels[0], err);
    if (rc < 0)
        return rc;
    f->name = wtl_fig_name(arena, "power-histogram", s->set);
    f->title = wtl_arena_printf(arena, "Distribution of power samples: %s", name);
    f->footer = trace_footer(arena, r, s, 1);
    if (!f->title || !f->footer)
        return WTL_FIG_NOMEM(err);
    *figure_out = f;
    return 0;
}

/* --- power against temperature --------------------------------------------------------------- */

/* Every step-th sample that has both. */
static size_t pairs(struct wtl_arena *arena, const struct wtl_report_trace *t, size_t step,
                    double **temp_out, double **power_out, double **time_out)
{
    size_t n = 0, seen = 0;
    double *temp = WTL_NEW_ARRAY(arena, double, t->n + 1);
    double *power = WTL_NEW_ARRAY(arena, double, t->n + 1);
    double *time = WTL_NEW_ARRAY(arena, double, t->n + 1);
    *temp_out = temp;
    *power_out = power;
    *time_out = time;
    if (!temp || !power || !time || !has(t, WTL_M_temp_c) || !has(t, WTL_M_power_w))
        return 0;
    for (size_t i = 0; i < t->n; i++) {
        if (!t->valid[WTL_M_temp_c][i] || !t->valid[WTL_M_power_w][i] || seen++ % step)
            continue;
        temp[n] = t->value[WTL_M_temp_c][i];
        power[n] = t->value[WTL_M_power_w][i];
        time[n++] = t->t_s[i];
    }
    return n;
}

int wtl_fig_power_temp(struct wtl_arena *arena, const struct wtl_report *r,
                       const struct wtl_report_set *s, struct wtl_figure **figure_out,
                       struct wtl_error *err)
{
    const char *name = wtl_fig_set_name(arena, s->set);
    size_t shown = 0, longest = 0;
    for (size_t i = 0; i < n_shown(s); i++) {
        double *a, *b, *c;
        size_t n = pairs(arena, &s->traces[i], 1, &a, &b, &c);
        shown += n > 0;
        longest = n > longest ? n : longest;
    }
    if (shown == 0)
        return WTL_FAIL(err, WTL_NOTFOUND, "%s: no samples with power and temperature", name);
    struct wtl_figure *f = wtl_figure_new(arena, shown, shown > 1 ? 2 : 1, 200);
    if (!f)
        return WTL_FIG_NOMEM(err);
    size_t step = (longest + SCATTER_MAX - 1) / SCATTER_MAX, k = 0;
    double x_lo = HUGE_VAL, x_hi = -HUGE_VAL, y_lo = HUGE_VAL, y_hi = -HUGE_VAL, end = 0;
    for (size_t i = 0; i < n_shown(s); i++) {
        double *temp, *power, *time;
        size_t n = pairs(arena, &s->traces[i], step, &temp, &power, &time);
        const char *label = trace_label(arena, &s->traces[i]);
        if (!temp || !power || !time || !label)
            return WTL_FIG_NOMEM(err);
        if (n == 0)
            continue;
        struct wtl_chart *chart = &f->panels[k++];
        struct wtl_layer *l = wtl_chart_add(chart, WTL_LAYER_POINTS, NULL, WTL_COLOR_BLUE);
        l->x = temp;
        l->y = power;
        l->z = time;
        l->n = n;
        l->size = 3;
        l->alpha = 0.8;
        chart->title = label;
        for (size_t j = 0; j < n; j++) {
            wtl_fig_hold(&x_lo, &x_hi, temp[j]);
            wtl_fig_hold(&y_lo, &y_hi, power[j]);
        }
        end = fmax(end, time[n - 1]);
    }
    wtl_ticks_range(&x_lo, &x_hi, 0.05);
    wtl_ticks_range(&y_lo, &y_hi, 0.05);
    for (size_t i = 0; i < shown; i++) {
        f->panels[i].x = (struct wtl_axis){"Temperature",
                                           "\xc2\xb0"
                                           "C",
                                           .lo = x_lo, .hi = x_hi};
        f->panels[i].y = (struct wtl_axis){"Power", "W", .lo = y_lo, .hi = y_hi};
        f->panels[i].colorbar.shown = true;
        f->panels[i].colorbar.axis =
            (struct wtl_axis){"Time", "s", .lo = 0, .hi = end > 0 ? end : 1};
    }
    f->name = wtl_fig_name(arena, "power-temperature", s->set);
    f->title = wtl_arena_printf(arena, "Power against temperature: %s", name);
    f->footer = trace_footer(arena, r, s, step);
    if (!f->title || !f->footer)
        return WTL_FIG_NOMEM(err);
    *figure_out = f;
    return 0;
}
