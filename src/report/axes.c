/* SPDX-License-Identifier: Apache-2.0
 * Axes, grid, colour bar and the room that they need. */
#include "report/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CATEGORY_MAX_PT = 140 };

static const double tick_gap = 4, label_gap = 5, colorbar_gap = 10, colorbar_width = 9;

struct wtl_font wtl_font_tick(enum wtl_align align, enum wtl_valign valign)
{
    return (struct wtl_font){.size_pt = WTL_FONT_TICK,
                             .color = wtl_color(WTL_COLOR_INK),
                             .align = align,
                             .valign = valign};
}

static struct wtl_font font_label(enum wtl_valign valign)
{
    return (struct wtl_font){.size_pt = WTL_FONT_LABEL,
                             .color = wtl_color(WTL_COLOR_INK),
                             .align = WTL_ALIGN_CENTRE,
                             .valign = valign};
}

double wtl_axis_position(const struct wtl_axis *axis, double value)
{
    if (axis->categories)
        return (value + 0.5) / (double)axis->n_categories;
    if (axis->log)
        return value > 0 ? log(value / axis->lo) / log(axis->hi / axis->lo) : -1e9;
    return (value - axis->lo) / (axis->hi - axis->lo);
}

double wtl_plot_x(const struct wtl_plot *p, double value)
{
    return p->x + p->w * wtl_axis_position(&p->chart->x, value);
}

double wtl_plot_y(const struct wtl_plot *p, double value)
{
    return p->y + p->h * (1 - wtl_axis_position(&p->chart->y, value));
}

const char *wtl_axis_label(const struct wtl_axis *axis, char *buf, size_t size, double *scale_out)
{
    const char *prefix = "";
    *scale_out = 1;
    if (axis->percent)
        *scale_out = 0.01;
    else if (axis->si)
        *scale_out = wtl_si_scale(fmax(fabs(axis->lo), fabs(axis->hi)), &prefix);
    const char *unit = axis->percent ? "%" : axis->unit;
    if (!unit || !unit[0])
        snprintf(buf, size, "%s", axis->name ? axis->name : "");
    else
        snprintf(buf, size, "%s [%s%s]", axis->name, prefix, unit);
    return buf;
}

/* Whether all labels stand clear of one another. */
static bool labels_fit(const struct wtl_axis *axis, struct wtl_canvas *c, double length_pt,
                       const struct wtl_ticks *ticks, double scale)
{
    double last_end = -HUGE_VAL;
    for (int i = 0; i < ticks->n; i++) {
        char text[64];
        wtl_tick_format(ticks->at[i] / scale, ticks->decimals, text, sizeof text);
        double w = wtl_canvas_text_width(c, text, wtl_font_tick(WTL_ALIGN_LEFT, 0));
        double at = wtl_axis_position(axis, ticks->at[i]) * length_pt;
        if (at - w / 2 < last_end + 7)
            return false;
        last_end = at + w / 2;
    }
    return true;
}

/* Ticks for about `want` of them; whether there are two at least and their labels fit. */
static bool try_ticks(const struct wtl_axis *axis, struct wtl_canvas *c, double length_pt,
                      bool vertical, int want, double scale, struct wtl_ticks *ticks)
{
    if (axis->whole && axis->hi - axis->lo < want)
        want = (int)fmax(axis->hi - axis->lo, 1);
    if (axis->log)
        wtl_ticks_log(axis->lo, axis->hi, want, ticks);
    else
        wtl_ticks_linear(axis->lo / scale, axis->hi / scale, want, ticks);
    for (int i = 0; !axis->log && i < ticks->n; i++)
        ticks->at[i] *= scale;
    for (int i = 0; !axis->log && i < ticks->n_minor; i++)
        ticks->minor[i] *= scale;
    return ticks->n >= 2 && (vertical || labels_fit(axis, c, length_pt, ticks, scale));
}

/* As many as look well in the length, else fewer, else more: one tick alone gives no scale. */
void wtl_axis_ticks(const struct wtl_axis *axis, struct wtl_canvas *c, double length_pt,
                    bool vertical, struct wtl_ticks *ticks, double *scale_out)
{
    enum { MOST = 9 };
    char label[200];
    wtl_axis_label(axis, label, sizeof label, scale_out);
    int start = (int)(length_pt / (vertical ? 18 : 28));
    start = start < 2 ? 2 : start > MOST ? MOST : start;
    for (int want = start; want >= 1; want--)
        if (try_ticks(axis, c, length_pt, vertical, want, *scale_out, ticks))
            return;
    for (int want = start + 1; want <= MOST; want++)
        if (try_ticks(axis, c, length_pt, vertical, want, *scale_out, ticks))
            return;
    try_ticks(axis, c, length_pt, vertical, start, *scale_out, ticks);
}

/* Width of the widest label beside a vertical axis. */
static double vertical_labels_width(const struct wtl_axis *axis, struct wtl_canvas *c,
                                    double length_pt)
{
    double widest = 0;
    struct wtl_font font = wtl_font_tick(WTL_ALIGN_RIGHT, WTL_VALIGN_MIDDLE);
    for (size_t i = 0; axis->categories && i < axis->n_categories; i++)
        widest = fmax(widest, wtl_canvas_text_width(c, axis->categories[i], font));
    if (axis->categories)
        return fmin(widest, CATEGORY_MAX_PT);
    struct wtl_ticks ticks;
    double scale;
    wtl_axis_ticks(axis, c, length_pt, true, &ticks, &scale);
    for (int i = 0; i < ticks.n; i++) {
        char text[64];
        wtl_tick_format(ticks.at[i] / scale, ticks.decimals, text, sizeof text);
        widest = fmax(widest, wtl_canvas_text_width(c, text, font));
    }
    return widest;
}

/* Names below a horizontal axis of categories stand upright when they do not fit side by side. */
static bool upright(const struct wtl_axis *axis, struct wtl_canvas *c, double length_pt,
                    double *widest_out)
{
    double widest = 0;
    for (size_t i = 0; i < axis->n_categories; i++)
        widest = fmax(widest, wtl_canvas_text_width(c, axis->categories[i],
                                                    wtl_font_tick(WTL_ALIGN_CENTRE, 0)));
    *widest_out = fmin(widest, CATEGORY_MAX_PT);
    return *widest_out > length_pt / (double)axis->n_categories - 6;
}

static double colorbar_room(const struct wtl_chart *chart, struct wtl_canvas *c, double height_pt)
{
    if (!chart->colorbar.shown)
        return 0;
    return colorbar_gap + colorbar_width + tick_gap +
           vertical_labels_width(&chart->colorbar.axis, c, height_pt) + label_gap +
           WTL_FONT_LABEL * 1.2;
}

/* Width of the column of texts to the right of the rows. */
static double row_text_room(const struct wtl_chart *chart, struct wtl_canvas *c)
{
    double widest = 0;
    for (size_t i = 0; chart->row_text && i < chart->y.n_categories; i++)
        widest = fmax(
            widest, wtl_canvas_text_width(c, chart->row_text[i], wtl_font_tick(WTL_ALIGN_LEFT, 0)));
    return widest > 0 ? widest + tick_gap : 0;
}

double wtl_chart_upright_room(const struct wtl_chart *chart, struct wtl_canvas *c, double width_pt)
{
    double widest;
    if (!chart->x.categories || !upright(&chart->x, c, width_pt, &widest))
        return 0;
    return fmax(widest - WTL_FONT_TICK * 1.3, 0);
}

struct wtl_margins wtl_chart_margins(const struct wtl_chart *chart, struct wtl_canvas *c,
                                     double width_pt, double height_pt)
{
    bool y_named = chart->y.name && chart->y.name[0], x_named = chart->x.name && chart->x.name[0];
    struct wtl_margins m = {
        .left = vertical_labels_width(&chart->y, c, height_pt) + tick_gap + 2,
        .right = 8 + colorbar_room(chart, c, height_pt) + row_text_room(chart, c),
        .top = chart->title ? WTL_FONT_PANEL * 1.9 : 6,
        .bottom = chart->x.bare ? tick_gap : tick_gap + WTL_FONT_TICK * 1.3,
    };
    double widest;
    if (chart->x.categories && upright(&chart->x, c, width_pt, &widest))
        m.bottom = tick_gap + widest + 4;
    if (y_named)
        m.left += label_gap + WTL_FONT_LABEL;
    if (x_named)
        m.bottom += label_gap + WTL_FONT_LABEL;
    return m;
}

static struct wtl_pen grid_pen(bool minor)
{
    return (struct wtl_pen){wtl_color(minor ? WTL_COLOR_GRID_MINOR : WTL_COLOR_GRID),
                            minor ? 0.4 : 0.6, 1, WTL_DASH_SOLID};
}

static void grid_of(const struct wtl_plot *p, const struct wtl_axis *axis, bool vertical)
{
    if (axis->categories)
        return;
    struct wtl_ticks t;
    double scale;
    wtl_axis_ticks(axis, p->c, vertical ? p->h : p->w, vertical, &t, &scale);
    for (int pass = 0; pass < 2; pass++) {
        int n = pass ? t.n : t.n_minor;
        for (int i = 0; i < n; i++) {
            double v = pass ? t.at[i] : t.minor[i];
            double at = vertical ? wtl_plot_y(p, v) : wtl_plot_x(p, v);
            if (vertical)
                wtl_canvas_line(p->c, p->x, at, p->x + p->w, at, grid_pen(!pass));
            else
                wtl_canvas_line(p->c, at, p->y, at, p->y + p->h, grid_pen(!pass));
        }
    }
}

void wtl_plot_grid(const struct wtl_plot *p)
{
    grid_of(p, &p->chart->x, false);
    grid_of(p, &p->chart->y, true);
}

static struct wtl_pen axis_pen(void)
{
    return (struct wtl_pen){wtl_color(WTL_COLOR_AXIS), 0.8, 1, WTL_DASH_SOLID};
}

static void categories_below(const struct wtl_plot *p, const struct wtl_axis *axis)
{
    double widest;
    bool turned = upright(axis, p->c, p->w, &widest);
    for (size_t i = 0; i < axis->n_categories; i++) {
        char text[200];
        double at = wtl_plot_x(p, (double)i);
        struct wtl_font font = turned ? wtl_font_tick(WTL_ALIGN_RIGHT, WTL_VALIGN_MIDDLE)
                                      : wtl_font_tick(WTL_ALIGN_CENTRE, WTL_VALIGN_TOP);
        if (turned)
            font.angle = 3.14159265358979323846 / 2;
        wtl_canvas_fit(p->c, axis->categories[i], font, CATEGORY_MAX_PT, text, sizeof text);
        wtl_canvas_text(p->c, at, p->y + p->h + tick_gap, text, font);
    }
}

static void ticks_below(const struct wtl_plot *p, const struct wtl_axis *axis)
{
    struct wtl_ticks t;
    double scale, bottom = p->y + p->h;
    wtl_axis_ticks(axis, p->c, p->w, false, &t, &scale);
    for (int i = 0; i < t.n; i++) {
        char text[64];
        double at = wtl_plot_x(p, t.at[i]);
        wtl_canvas_line(p->c, at, bottom, at, bottom + 2.5, axis_pen());
        if (axis->bare)
            continue;
        wtl_tick_format(t.at[i] / scale, t.decimals, text, sizeof text);
        wtl_canvas_text(p->c, at, bottom + tick_gap, text,
                        wtl_font_tick(WTL_ALIGN_CENTRE, WTL_VALIGN_TOP));
    }
}

static void categories_beside(const struct wtl_plot *p, const struct wtl_axis *axis)
{
    struct wtl_font font = wtl_font_tick(WTL_ALIGN_RIGHT, WTL_VALIGN_MIDDLE);
    for (size_t i = 0; i < axis->n_categories; i++) {
        char text[200];
        wtl_canvas_fit(p->c, axis->categories[i], font, CATEGORY_MAX_PT, text, sizeof text);
        wtl_canvas_text(p->c, p->x - tick_gap, wtl_plot_y(p, (double)i), text, font);
    }
}

/* Ticks and numbers to the left of x, or to its right. */
static void ticks_beside(const struct wtl_plot *p, const struct wtl_axis *axis, double x,
                         bool right)
{
    struct wtl_ticks t;
    double scale;
    wtl_axis_ticks(axis, p->c, p->h, true, &t, &scale);
    for (int i = 0; i < t.n; i++) {
        char text[64];
        double at = p->y + p->h * (1 - wtl_axis_position(axis, t.at[i]));
        wtl_canvas_line(p->c, x, at, right ? x + 2.5 : x - 2.5, at, axis_pen());
        wtl_tick_format(t.at[i] / scale, t.decimals, text, sizeof text);
        wtl_canvas_text(p->c, right ? x + tick_gap : x - tick_gap, at, text,
                        wtl_font_tick(right ? WTL_ALIGN_LEFT : WTL_ALIGN_RIGHT, WTL_VALIGN_MIDDLE));
    }
}

/* Axis names longer than the axis are shortened rather than drawn over their neighbours. */
static void axis_name(const struct wtl_plot *p, const struct wtl_axis *axis, double x, double y,
                      bool vertical)
{
    char label[200], fitted[200];
    double scale;
    if (!axis->name || !axis->name[0])
        return;
    struct wtl_font font = font_label(vertical ? WTL_VALIGN_BASELINE : WTL_VALIGN_TOP);
    if (vertical)
        font.angle = 3.14159265358979323846 / 2;
    wtl_axis_label(axis, label, sizeof label, &scale);
    double room = (vertical ? p->h : p->w) + 30;
    wtl_canvas_fit(p->c, label, font, room, fitted, sizeof fitted);
    wtl_canvas_text(p->c, x, y, fitted, font);
}

void wtl_plot_axes(const struct wtl_plot *p)
{
    const struct wtl_chart *chart = p->chart;
    double bottom = p->y + p->h;
    struct wtl_margins m = wtl_chart_margins(chart, p->c, p->w, p->h);
    wtl_canvas_line(p->c, p->x, bottom, p->x + p->w, bottom, axis_pen());
    wtl_canvas_line(p->c, p->x, p->y, p->x, bottom, axis_pen());
    if (chart->x.categories)
        categories_below(p, &chart->x);
    else
        ticks_below(p, &chart->x);
    if (chart->y.categories)
        categories_beside(p, &chart->y);
    else
        ticks_beside(p, &chart->y, p->x, false);
    axis_name(p, &chart->x, p->x + p->w / 2, bottom + m.bottom - WTL_FONT_LABEL, false);
    axis_name(p, &chart->y, p->x - m.left + WTL_FONT_LABEL, p->y + p->h / 2, true);
    for (size_t i = 0; chart->row_text && i < chart->y.n_categories; i++)
        wtl_canvas_text(p->c, p->x + p->w + tick_gap + 2, wtl_plot_y(p, (double)i),
                        chart->row_text[i], wtl_font_tick(WTL_ALIGN_LEFT, WTL_VALIGN_MIDDLE));
    if (chart->title) {
        struct wtl_font font = {
            .size_pt = WTL_FONT_PANEL, .bold = true, .color = wtl_color(WTL_COLOR_INK)};
        char text[300];
        wtl_canvas_fit(p->c, chart->title, font, p->w + m.left, text, sizeof text);
        wtl_canvas_text(p->c, p->x, p->y - 6, text, font);
    }
}

void wtl_plot_colorbar(const struct wtl_plot *p)
{
    const struct wtl_axis *axis = &p->chart->colorbar.axis;
    if (!p->chart->colorbar.shown)
        return;
    enum { STEPS = 64 };
    double x = p->x + p->w + colorbar_gap;
    for (int i = 0; i < STEPS; i++) {
        double h = p->h / STEPS, y = p->y + p->h - (i + 1) * h;
        /* A hair of overlap hides the seams that renderers leave between rectangles. */
        wtl_canvas_fill_rect(p->c, x, y, colorbar_width, i ? h + 0.3 : h,
                             wtl_color_sequential((i + 0.5) / STEPS), 1);
    }
    wtl_canvas_stroke_rect(p->c, x, p->y, colorbar_width, p->h, axis_pen());
    ticks_beside(p, axis, x + colorbar_width, true);
    double room = colorbar_room(p->chart, p->c, p->h);
    axis_name(p, axis, p->x + p->w + room - 1, p->y + p->h / 2, true);
}
