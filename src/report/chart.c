/* SPDX-License-Identifier: Apache-2.0
 * Assembly of a chart and its notes. */
#include "report/chart.h"

#include "report/plot.h"

#include <assert.h>
#include <math.h>

struct wtl_layer *wtl_chart_add(struct wtl_chart *chart, enum wtl_layer_kind kind,
                                const char *label, enum wtl_color color)
{
    assert(chart->n_layers < WTL_CHART_LAYERS_MAX);
    struct wtl_layer *layer = &chart->layers[chart->n_layers++];
    *layer = (struct wtl_layer){.kind = kind, .label = label, .color = wtl_color(color)};
    return layer;
}

void wtl_chart_note(struct wtl_chart *chart, double x, double y, const char *text,
                    enum wtl_color color)
{
    assert(chart->n_notes < WTL_CHART_NOTES_MAX);
    chart->notes[chart->n_notes++] =
        (struct wtl_note){.x = x, .y = y, .text = text, .color = wtl_color(color)};
}

static struct wtl_box box_around(double x, double y, double r)
{
    return (struct wtl_box){x - r, y - r, x + r, y + r};
}

/* Boxes that a straight line across the plot, and the part of a curve between two of its points,
 * count as: a label across it covers several. */
enum { LINE_PIECES = 96, SEGMENT_PIECES = 4, FEW_POINTS = 24, LONG_SEGMENT_PIECES = 24 };

static size_t segment_pieces(const struct wtl_layer *l)
{
    return l->n < FEW_POINTS ? LONG_SEGMENT_PIECES : SEGMENT_PIECES;
}

/* Number of boxes that stand for a layer's ink. */
static size_t count_ink(const struct wtl_layer *l)
{
    switch (l->kind) {
    case WTL_LAYER_POINTS:
        return l->n;
    case WTL_LAYER_LINE:
        return l->n * segment_pieces(l);
    case WTL_LAYER_VLINE:
    case WTL_LAYER_HLINE:
        return LINE_PIECES;
    case WTL_LAYER_BAND:
    case WTL_LAYER_BARS:
    case WTL_LAYER_HBARS:
    case WTL_LAYER_HEAT:
    case WTL_LAYER_VSPAN:
    case WTL_LAYER_LINKS:
        break;
    }
    return 0;
}

static size_t ink_of_line(const struct wtl_plot *p, const struct wtl_layer *l, struct wtl_box *out)
{
    size_t n = 0;
    for (size_t i = 0; i + 1 < l->n; i++)
        for (size_t k = 0; k < segment_pieces(l); k++) {
            double t = (double)k / (double)segment_pieces(l);
            double x = wtl_plot_x(p, l->x[i]) * (1 - t) + wtl_plot_x(p, l->x[i + 1]) * t;
            double y = wtl_plot_y(p, l->y[i]) * (1 - t) + wtl_plot_y(p, l->y[i + 1]) * t;
            out[n++] = box_around(x, y, 1);
        }
    return n;
}

static size_t ink_of(const struct wtl_plot *p, const struct wtl_layer *l, struct wtl_box *out)
{
    size_t n = 0;
    if (l->kind == WTL_LAYER_LINE)
        return ink_of_line(p, l, out);
    if (l->kind == WTL_LAYER_VLINE) {
        double x = wtl_plot_x(p, l->x[0]);
        for (int k = 0; k < LINE_PIECES; k++)
            out[n++] = box_around(x, p->y + p->h * (k + 0.5) / LINE_PIECES, 1);
    }
    if (l->kind == WTL_LAYER_HLINE) {
        double y = wtl_plot_y(p, l->y[0]);
        for (int k = 0; k < LINE_PIECES; k++)
            out[n++] = box_around(p->x + p->w * (k + 0.5) / LINE_PIECES, y, 1);
    }
    for (size_t i = 0; l->kind == WTL_LAYER_POINTS && i < l->n; i++)
        out[n++] = box_around(wtl_plot_x(p, l->x[i]), wtl_plot_y(p, l->y[i]), 2.5);
    return n;
}

static struct wtl_font note_font(const struct wtl_note *note)
{
    return (struct wtl_font){.size_pt = WTL_FONT_TICK,
                             .color = note->color,
                             .halo = true,
                             .align = WTL_ALIGN_LEFT,
                             .valign = WTL_VALIGN_MIDDLE};
}

/* From the box's nearest point to the anchor, when they are apart. */
static void draw_leader(const struct wtl_plot *p, const struct wtl_label *l, struct wtl_rgb color)
{
    double x = fmin(fmax(l->anchor_x, l->box.x0), l->box.x1);
    double y = fmin(fmax(l->anchor_y, l->box.y0), l->box.y1);
    double dx = l->anchor_x - x, dy = l->anchor_y - y, length = hypot(dx, dy);
    if (length < 10)
        return;
    double stop = (length - 4) / length;
    wtl_canvas_line(p->c, x, y, x + dx * stop, y + dy * stop,
                    (struct wtl_pen){color, 0.6, 1, WTL_DASH_SOLID});
}

int wtl_plot_notes(const struct wtl_plot *p, struct wtl_error *err)
{
    const struct wtl_chart *chart = p->chart;
    size_t n_ink = 0;
    for (size_t i = 0; i < chart->n_layers; i++)
        n_ink += count_ink(&chart->layers[i]);
    struct wtl_box *ink = WTL_NEW_ARRAY(p->scratch, struct wtl_box, n_ink + 1);
    if (!ink)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory drawing a chart");
    n_ink = 0;
    for (size_t i = 0; i < chart->n_layers; i++)
        n_ink += ink_of(p, &chart->layers[i], ink + n_ink);

    struct wtl_label labels[WTL_CHART_NOTES_MAX];
    for (size_t i = 0; i < chart->n_notes; i++) {
        const struct wtl_note *note = &chart->notes[i];
        double ax = fmin(fmax(wtl_plot_x(p, note->x), p->x), p->x + p->w);
        double ay = fmin(fmax(wtl_plot_y(p, note->y), p->y), p->y + p->h);
        labels[i] =
            (struct wtl_label){.anchor_x = ax,
                               .anchor_y = ay,
                               .width = wtl_canvas_text_width(p->c, note->text, note_font(note)),
                               .height = WTL_FONT_TICK * 1.15};
    }
    struct wtl_box inside = {p->x + 4, p->y + 2, p->x + p->w - 3, p->y + p->h - 3};
    wtl_labels_place(labels, chart->n_notes, inside, ink, n_ink, NULL, 0);
    for (size_t i = 0; i < chart->n_notes; i++) {
        if (!labels[i].placed)
            continue;
        draw_leader(p, &labels[i], chart->notes[i].color);
        wtl_canvas_text(p->c, labels[i].box.x0, (labels[i].box.y0 + labels[i].box.y1) / 2,
                        chart->notes[i].text, note_font(&chart->notes[i]));
    }
    return 0;
}

int wtl_chart_draw(const struct wtl_chart *chart, struct wtl_canvas *c, struct wtl_arena *scratch,
                   double x, double y, double w, double h, struct wtl_error *err)
{
    struct wtl_plot p = {.chart = chart, .c = c, .scratch = scratch, x, y, w, h};
    wtl_plot_grid(&p);
    if (chart->diagonal) {
        double lo = fmax(chart->x.lo, chart->y.lo), hi = fmin(chart->x.hi, chart->y.hi);
        wtl_canvas_line(c, wtl_plot_x(&p, lo), wtl_plot_y(&p, lo), wtl_plot_x(&p, hi),
                        wtl_plot_y(&p, hi),
                        (struct wtl_pen){wtl_color(WTL_COLOR_MUTED), 1, 1, WTL_DASH_SHORT});
    }
    int rc = wtl_plot_layers(&p, err);
    if (rc < 0)
        return rc;
    wtl_plot_axes(&p);
    wtl_plot_colorbar(&p);
    return wtl_plot_notes(&p, err);
}
