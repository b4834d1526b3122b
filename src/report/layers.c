/* SPDX-License-Identifier: Apache-2.0
 * The layers of a chart. */
#include "report/plot.h"

#include <math.h>
#include <string.h>

static double alpha_of(const struct wtl_layer *l)
{
    return l->alpha > 0 ? l->alpha : 1;
}

static struct wtl_pen pen_of(const struct wtl_layer *l)
{
    return (struct wtl_pen){l->color, l->width_pt > 0 ? l->width_pt : 1.4, alpha_of(l), l->dash};
}

static double mark_size(const struct wtl_layer *l)
{
    return l->size > 0 ? l->size : 5;
}

static struct wtl_rgb color_at(const struct wtl_plot *p, const struct wtl_layer *l, size_t i)
{
    if (!l->z)
        return l->color;
    /* In 100 steps, finer than the eye: an SVG then has 100 styles, not one per point. */
    double t = wtl_axis_position(&p->chart->colorbar.axis, l->z[i]);
    return wtl_color_sequential(round(t * 100) / 100);
}

static int draw_line(const struct wtl_plot *p, const struct wtl_layer *l, struct wtl_error *err)
{
    double *x = WTL_NEW_ARRAY(p->scratch, double, l->n);
    double *y = WTL_NEW_ARRAY(p->scratch, double, l->n);
    if (l->n && (!x || !y))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory drawing a chart");
    for (size_t i = 0; i < l->n; i++) {
        x[i] = wtl_plot_x(p, l->x[i]);
        y[i] = wtl_plot_y(p, l->y[i]);
    }
    wtl_canvas_polyline(p->c, x, y, l->n, pen_of(l));
    return 0;
}

static int draw_band(const struct wtl_plot *p, const struct wtl_layer *l, struct wtl_error *err)
{
    double *x = WTL_NEW_ARRAY(p->scratch, double, 2 * l->n);
    double *y = WTL_NEW_ARRAY(p->scratch, double, 2 * l->n);
    if (l->n && (!x || !y))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory drawing a chart");
    for (size_t i = 0; i < l->n; i++) {
        size_t back = 2 * l->n - 1 - i;
        x[i] = x[back] = wtl_plot_x(p, l->x[i]);
        y[i] = wtl_plot_y(p, l->lo[i]);
        y[back] = wtl_plot_y(p, l->hi[i]);
    }
    if (l->n > 1)
        wtl_canvas_fill_polygon(p->c, x, y, 2 * l->n, l->color, l->alpha > 0 ? l->alpha : 0.18);
    return 0;
}

static double clamp(double v, double lo, double hi)
{
    return fmin(fmax(v, lo), hi);
}

/* An interval with end strokes; what is beyond the plot is cut at its edge. */
static void draw_interval(const struct wtl_plot *p, double x0, double y0, double x1, double y1,
                          double cap, struct wtl_pen pen)
{
    bool vertical = x0 == x1;
    x0 = clamp(x0, p->x, p->x + p->w);
    x1 = clamp(x1, p->x, p->x + p->w);
    y0 = clamp(y0, p->y, p->y + p->h);
    y1 = clamp(y1, p->y, p->y + p->h);
    wtl_canvas_line(p->c, x0, y0, x1, y1, pen);
    if (cap == 0)
        return;
    double dx = vertical ? cap : 0, dy = vertical ? 0 : cap;
    wtl_canvas_line(p->c, x0 - dx, y0 - dy, x0 + dx, y0 + dy, pen);
    wtl_canvas_line(p->c, x1 - dx, y1 - dy, x1 + dx, y1 + dy, pen);
}

static void draw_point_intervals(const struct wtl_plot *p, const struct wtl_layer *l, size_t i)
{
    struct wtl_pen pen = {l->color, 0.8, alpha_of(l), WTL_DASH_SOLID};
    double cap = 1.8;
    if (l->faint_intervals) {
        pen = (struct wtl_pen){wtl_color(WTL_COLOR_MUTED), 0.5, 0.55, WTL_DASH_SOLID};
        cap = 0;
    }
    double x = wtl_plot_x(p, l->x[i]), y = wtl_plot_y(p, l->y[i]);
    if (l->lo && l->hi && l->hi[i] > l->lo[i])
        draw_interval(p, x, wtl_plot_y(p, l->lo[i]), x, wtl_plot_y(p, l->hi[i]), cap, pen);
    if (l->x_lo && l->x_hi && l->x_hi[i] > l->x_lo[i])
        draw_interval(p, wtl_plot_x(p, l->x_lo[i]), y, wtl_plot_x(p, l->x_hi[i]), y, cap, pen);
}

/* A point beyond the axes becomes a triangle at the edge that it left by. */
static void draw_one_point(const struct wtl_plot *p, const struct wtl_layer *l, size_t i)
{
    double x = wtl_plot_x(p, l->x[i]), y = wtl_plot_y(p, l->y[i]);
    double px = clamp(x, p->x, p->x + p->w), py = clamp(y, p->y, p->y + p->h);
    enum wtl_mark mark = l->mark;
    if (fabs(px - x) > 0.01 || fabs(py - y) > 0.01)
        mark = y > p->y + p->h ? WTL_MARK_DOWN : WTL_MARK_TRIANGLE;
    wtl_canvas_mark(p->c, mark, px, py, mark_size(l), color_at(p, l, i), alpha_of(l));
}

static bool inside(const struct wtl_plot *p, double x, double y)
{
    return x >= p->x - 0.01 && x <= p->x + p->w + 0.01 && y >= p->y - 0.01 &&
           y <= p->y + p->h + 0.01;
}

/* Circles of one colour, those inside the plot as one shape; the others one by one. */
static int draw_dots(const struct wtl_plot *p, const struct wtl_layer *l, struct wtl_error *err)
{
    double *x = WTL_NEW_ARRAY(p->scratch, double, l->n);
    double *y = WTL_NEW_ARRAY(p->scratch, double, l->n);
    size_t n = 0;
    if (l->n && (!x || !y))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory drawing a chart");
    for (size_t i = 0; i < l->n; i++) {
        x[n] = wtl_plot_x(p, l->x[i]);
        y[n] = wtl_plot_y(p, l->y[i]);
        if (inside(p, x[n], y[n]))
            n++;
        else
            draw_one_point(p, l, i);
    }
    wtl_canvas_dots(p->c, x, y, n, mark_size(l), l->color, alpha_of(l));
    return 0;
}

static int draw_points(const struct wtl_plot *p, const struct wtl_layer *l, struct wtl_error *err)
{
    for (size_t i = 0; i < l->n; i++)
        draw_point_intervals(p, l, i);
    if (l->mark == WTL_MARK_CIRCLE && !l->z)
        return draw_dots(p, l, err);
    for (size_t i = 0; i < l->n; i++)
        draw_one_point(p, l, i);
    return 0;
}

static void draw_bars(const struct wtl_plot *p, const struct wtl_layer *l)
{
    double half = (l->size > 0 ? l->size : 0.7) / 2;
    double y0 = clamp(wtl_plot_y(p, p->chart->y.log ? p->chart->y.lo : 0), p->y, p->y + p->h);
    for (size_t i = 0; i < l->n; i++) {
        double xa = wtl_plot_x(p, l->x[i] - half), xb = wtl_plot_x(p, l->x[i] + half);
        double y = clamp(wtl_plot_y(p, l->y[i]), p->y, p->y + p->h);
        wtl_canvas_fill_rect(p->c, xa, fmin(y, y0), xb - xa, fabs(y0 - y), l->color, alpha_of(l));
    }
}

static void draw_hbar(const struct wtl_plot *p, const struct wtl_layer *l, size_t i)
{
    double half = (l->size > 0 ? l->size : 0.7) / 2 * p->h / (double)p->chart->y.n_categories;
    double x0 = clamp(wtl_plot_x(p, 0), p->x, p->x + p->w);
    double x = clamp(wtl_plot_x(p, l->x[i]), p->x, p->x + p->w), y = wtl_plot_y(p, l->y[i]);
    wtl_canvas_fill_rect(p->c, fmin(x, x0), y - half, fabs(x - x0), 2 * half, l->color,
                         alpha_of(l));
    if (l->x_lo && l->x_hi && l->x_hi[i] > l->x_lo[i]) {
        struct wtl_pen pen = {wtl_color(WTL_COLOR_INK), 0.9, 1, WTL_DASH_SOLID};
        draw_interval(p, wtl_plot_x(p, l->x_lo[i]), y, wtl_plot_x(p, l->x_hi[i]), y, 1.8, pen);
    }
}

static void hatch(const struct wtl_plot *p, double x, double y, double w, double h)
{
    struct wtl_pen pen = {wtl_color(WTL_COLOR_GRID), 0.8, 1, WTL_DASH_SOLID};
    wtl_canvas_fill_rect(p->c, x, y, w, h, wtl_color(WTL_COLOR_PANEL), 1);
    for (double d = 6; d < w + h; d += 6) {
        double top = fmax(d - w, 0), bottom = fmin(d, h); /* where the line is inside */
        wtl_canvas_line(p->c, x + d - top, y + top, x + d - bottom, y + bottom, pen);
    }
}

static void draw_cell(const struct wtl_plot *p, const struct wtl_layer *l, size_t i)
{
    double cw = p->w / (double)p->chart->x.n_categories;
    double ch = p->h / (double)p->chart->y.n_categories;
    double x = wtl_plot_x(p, l->x[i]) - cw / 2, y = wtl_plot_y(p, l->y[i]) - ch / 2;
    bool has = !l->has_z || l->has_z[i];
    struct wtl_rgb fill = has ? color_at(p, l, i) : wtl_color(WTL_COLOR_PANEL);
    if (has)
        wtl_canvas_fill_rect(p->c, x + 0.75, y + 0.75, cw - 1.5, ch - 1.5, fill, 1);
    else
        hatch(p, x + 0.75, y + 0.75, cw - 1.5, ch - 1.5);
    if (!l->text || !l->text[i])
        return;
    /* Text may have two lines. */
    const char *second = strchr(l->text[i], '\n');
    size_t first_n = second ? (size_t)(second - l->text[i]) : strlen(l->text[i]);
    char line[128], fitted[128];
    struct wtl_font font = wtl_font_tick(WTL_ALIGN_CENTRE, WTL_VALIGN_MIDDLE);
    font.color = wtl_color_on(fill);
    font.bold = has;
    if (first_n >= sizeof line)
        first_n = sizeof line - 1;
    memcpy(line, l->text[i], first_n);
    line[first_n] = '\0';
    double cx = x + cw / 2, cy = y + ch / 2;
    wtl_canvas_fit(p->c, line, font, cw - 6, fitted, sizeof fitted);
    wtl_canvas_text(p->c, cx, second ? cy - 5 : cy, fitted, font);
    if (second) {
        font.bold = false;
        wtl_canvas_fit(p->c, second + 1, font, cw - 6, fitted, sizeof fitted);
        wtl_canvas_text(p->c, cx, cy + 5.5, fitted, font);
    }
}

static void draw_links(const struct wtl_plot *p, const struct wtl_layer *l)
{
    for (size_t i = 0; i < l->n; i++) {
        double y = wtl_plot_y(p, l->y[i]);
        wtl_canvas_line(p->c, wtl_plot_x(p, l->x_lo[i]), y, wtl_plot_x(p, l->x_hi[i]), y,
                        pen_of(l));
    }
}

static void draw_span(const struct wtl_plot *p, const struct wtl_layer *l)
{
    double x0 = clamp(wtl_plot_x(p, l->lo[0]), p->x, p->x + p->w);
    double x1 = clamp(wtl_plot_x(p, l->hi[0]), p->x, p->x + p->w);
    wtl_canvas_fill_rect(p->c, x0, p->y, fmax(x1 - x0, 1), p->h, l->color,
                         l->alpha > 0 ? l->alpha : 0.15);
}

/* Lines and areas are cut at the plot's edge; marks on the edge are not. */
static bool clipped(enum wtl_layer_kind kind)
{
    return kind == WTL_LAYER_LINE || kind == WTL_LAYER_BAND || kind == WTL_LAYER_VSPAN ||
           kind == WTL_LAYER_VLINE || kind == WTL_LAYER_HLINE;
}

static int draw_layer(const struct wtl_plot *p, const struct wtl_layer *l, struct wtl_error *err)
{
    switch (l->kind) {
    case WTL_LAYER_LINE:
        return draw_line(p, l, err);
    case WTL_LAYER_BAND:
        return draw_band(p, l, err);
    case WTL_LAYER_POINTS:
        return draw_points(p, l, err);
    case WTL_LAYER_BARS:
        draw_bars(p, l);
        return 0;
    case WTL_LAYER_HBARS:
        for (size_t i = 0; i < l->n; i++)
            draw_hbar(p, l, i);
        return 0;
    case WTL_LAYER_HEAT:
        for (size_t i = 0; i < l->n; i++)
            draw_cell(p, l, i);
        return 0;
    case WTL_LAYER_VLINE:
        wtl_canvas_line(p->c, wtl_plot_x(p, l->x[0]), p->y, wtl_plot_x(p, l->x[0]), p->y + p->h,
                        pen_of(l));
        return 0;
    case WTL_LAYER_HLINE:
        wtl_canvas_line(p->c, p->x, wtl_plot_y(p, l->y[0]), p->x + p->w, wtl_plot_y(p, l->y[0]),
                        pen_of(l));
        return 0;
    case WTL_LAYER_VSPAN:
        draw_span(p, l);
        return 0;
    case WTL_LAYER_LINKS:
        draw_links(p, l);
        return 0;
    }
    return 0;
}

int wtl_plot_layers(const struct wtl_plot *p, struct wtl_error *err)
{
    bool clipping = false;
    int rc = 0;
    for (size_t i = 0; i < p->chart->n_layers && rc == 0; i++) {
        const struct wtl_layer *l = &p->chart->layers[i];
        bool clip = clipped(l->kind);
        if (clip && !clipping)
            wtl_canvas_push_clip(p->c, p->x, p->y, p->w, p->h);
        if (clipping && !clip)
            wtl_canvas_pop(p->c);
        clipping = clip;
        rc = draw_layer(p, l, err);
    }
    if (clipping)
        wtl_canvas_pop(p->c);
    return rc;
}

void wtl_layer_sample(const struct wtl_layer *l, struct wtl_canvas *c, double x, double y)
{
    struct wtl_pen pen = pen_of(l);
    switch (l->kind) {
    case WTL_LAYER_LINE:
    case WTL_LAYER_HLINE:
    case WTL_LAYER_LINKS:
        wtl_canvas_line(c, x - 9, y, x + 9, y, pen);
        break;
    case WTL_LAYER_VLINE:
        wtl_canvas_line(c, x, y - 5, x, y + 5, pen);
        break;
    case WTL_LAYER_BAND:
    case WTL_LAYER_VSPAN:
        wtl_canvas_fill_rect(c, x - 9, y - 3.5, 18, 7, l->color, l->alpha > 0 ? l->alpha : 0.18);
        break;
    case WTL_LAYER_POINTS:
        if (l->lo || l->x_lo) {
            struct wtl_pen thin = {l->color, 0.8, alpha_of(l), WTL_DASH_SOLID};
            wtl_canvas_line(c, x, y - 5, x, y + 5, thin);
            wtl_canvas_line(c, x - 1.8, y - 5, x + 1.8, y - 5, thin);
            wtl_canvas_line(c, x - 1.8, y + 5, x + 1.8, y + 5, thin);
        }
        wtl_canvas_mark(c, l->mark, x, y, mark_size(l), l->z ? wtl_color_sequential(0.5) : l->color,
                        alpha_of(l));
        break;
    case WTL_LAYER_BARS:
    case WTL_LAYER_HBARS:
    case WTL_LAYER_HEAT:
        wtl_canvas_fill_rect(c, x - 7, y - 3.5, 14, 7, l->color, alpha_of(l));
        break;
    }
}
