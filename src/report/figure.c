/* SPDX-License-Identifier: Apache-2.0
 * The frame of a figure. */
#include "report/figure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LEGEND_MAX = 32 };

static const double pad = 6, legend_row = 12, sample_width = 24, legend_gap = 14;

static const double title_size = 11, footer_size = 7;

struct wtl_figure *wtl_figure_new(struct wtl_arena *arena, size_t n_panels, int columns,
                                  double panel_height_pt)
{
    struct wtl_figure *f = WTL_NEW(arena, struct wtl_figure);
    struct wtl_chart *panels = WTL_NEW_ARRAY(arena, struct wtl_chart, n_panels);
    if (!f || !panels)
        return NULL;
    *f = (struct wtl_figure){.name = "",
                             .title = "",
                             .footer = "",
                             .columns = columns,
                             .panel_height_pt = panel_height_pt,
                             .panels = panels,
                             .n_panels = n_panels};
    return f;
}

static struct wtl_font title_font(void)
{
    return (struct wtl_font){.size_pt = title_size,
                             .bold = true,
                             .color = wtl_color(WTL_COLOR_INK),
                             .valign = WTL_VALIGN_TOP};
}

static struct wtl_font footer_font(void)
{
    return (struct wtl_font){
        .size_pt = footer_size, .color = wtl_color(WTL_COLOR_MUTED), .valign = WTL_VALIGN_TOP};
}

static struct wtl_font legend_font(void)
{
    return (struct wtl_font){
        .size_pt = 7.5, .color = wtl_color(WTL_COLOR_INK), .valign = WTL_VALIGN_MIDDLE};
}

/* Every labelled layer once, by its label, in order of panels. */
static size_t collect_legend(const struct wtl_figure *f, const struct wtl_layer **out)
{
    size_t n = 0;
    for (size_t p = 0; p < f->n_panels; p++)
        for (size_t l = 0; l < f->panels[p].n_layers; l++) {
            const struct wtl_layer *layer = &f->panels[p].layers[l];
            bool known = !layer->label;
            for (size_t i = 0; i < n && !known; i++)
                known = strcmp(out[i]->label, layer->label) == 0;
            if (!known && n < LEGEND_MAX)
                out[n++] = layer;
        }
    return n;
}

/* Flows the entries into rows of the width; draws when `draw`. Returns the height. */
static double legend(const struct wtl_figure *f, struct wtl_canvas *c, double x, double y,
                     bool draw)
{
    const struct wtl_layer *entries[LEGEND_MAX];
    size_t n = collect_legend(f, entries);
    double at = 0, row = 0;
    for (size_t i = 0; i < n; i++) {
        char text[300];
        wtl_canvas_fit(c, entries[i]->label, legend_font(), WTL_FIGURE_WIDTH_PT - sample_width,
                       text, sizeof text);
        double w = sample_width + wtl_canvas_text_width(c, text, legend_font());
        if (at > 0 && at + w > WTL_FIGURE_WIDTH_PT) {
            at = 0;
            row++;
        }
        double cy = y + (row + 0.5) * legend_row;
        if (draw) {
            wtl_layer_sample(entries[i], c, x + at + sample_width / 2 - 2, cy);
            wtl_canvas_text(c, x + at + sample_width, cy, text, legend_font());
        }
        at += w + legend_gap;
    }
    return n ? (row + 1) * legend_row + 4 : 0;
}

/* Wrapped text; draws when `draw`. Returns the height. */
static double paragraph(struct wtl_canvas *c, struct wtl_arena *scratch, const char *text,
                        struct wtl_font font, double x, double y, bool draw)
{
    const char *const *lines;
    size_t n;
    if (!text || !text[0] ||
        wtl_canvas_wrap(c, scratch, text, font, WTL_FIGURE_WIDTH_PT, &lines, &n, NULL) < 0)
        return 0;
    for (size_t i = 0; draw && i < n; i++)
        wtl_canvas_text(c, x, y + (double)i * font.size_pt * 1.3, lines[i], font);
    return (double)n * font.size_pt * 1.3;
}

static int n_rows(const struct wtl_figure *f)
{
    return ((int)f->n_panels + f->columns - 1) / f->columns;
}

/* Panels of one column share their left and right margins, those of a row top and bottom: plot
 * edges line up. `w`: width of a plot; left and right do not depend on it. */
static struct wtl_margins shared_margins(const struct wtl_figure *f, struct wtl_canvas *c,
                                         size_t panel, double w, double h)
{
    struct wtl_margins m = {0, 0, 0, 0};
    for (size_t i = 0; i < f->n_panels; i++) {
        struct wtl_margins o = wtl_chart_margins(&f->panels[i], c, w, h * 0.75);
        if (i % (size_t)f->columns == panel % (size_t)f->columns) {
            m.left = fmax(m.left, o.left);
            m.right = fmax(m.right, o.right);
        }
        if (i / (size_t)f->columns == panel / (size_t)f->columns) {
            m.top = fmax(m.top, o.top);
            m.bottom = fmax(m.bottom, o.bottom);
        }
    }
    return m;
}

/* Plots of all columns are equally wide, whatever stands beside them. */
static double plot_width(const struct wtl_figure *f, struct wtl_canvas *c, double gutter)
{
    double column = WTL_FIGURE_WIDTH_PT / f->columns;
    double room = WTL_FIGURE_WIDTH_PT - gutter * (f->columns - 1);
    for (size_t i = 0; i < (size_t)f->columns && i < f->n_panels; i++) {
        struct wtl_margins m = shared_margins(f, c, i, column, f->panel_height_pt);
        room -= m.left + m.right;
    }
    return fmax(room / f->columns, 20);
}

static double gutter_of(const struct wtl_figure *f)
{
    return f->columns > 1 ? 8 : 0;
}

/* A row of panels; names that stand upright below it do not take the room of the plot. */
static double row_height(const struct wtl_figure *f, struct wtl_canvas *c)
{
    double w = plot_width(f, c, gutter_of(f)), more = 0;
    for (size_t i = 0; i < f->n_panels; i++)
        more = fmax(more, wtl_chart_upright_room(&f->panels[i], c, w));
    return f->panel_height_pt + more;
}

double wtl_figure_height(const struct wtl_figure *f, struct wtl_canvas *c)
{
    WTL_ARENA(scratch);
    return paragraph(c, &scratch, f->title, title_font(), 0, 0, false) + 5 +
           legend(f, c, 0, 0, false) + n_rows(f) * row_height(f, c) + pad +
           paragraph(c, &scratch, f->footer, footer_font(), 0, 0, false);
}

static int draw_panels(const struct wtl_figure *f, struct wtl_canvas *c, double x, double y,
                       struct wtl_arena *scratch, struct wtl_error *err)
{
    const double gutter = gutter_of(f), w = plot_width(f, c, gutter), height = row_height(f, c);
    double px = x;
    for (size_t i = 0; i < f->n_panels; i++) {
        struct wtl_margins m = shared_margins(f, c, i, w, height);
        if (i % (size_t)f->columns == 0)
            px = x;
        size_t row = i / (size_t)f->columns;
        double py = y + (double)row * height + m.top;
        int rc = wtl_chart_draw(&f->panels[i], c, scratch, px + m.left, py, w,
                                height - m.top - m.bottom - 4, err);
        if (rc < 0)
            return rc;
        px += m.left + w + m.right + gutter;
    }
    return 0;
}

int wtl_figure_draw(const struct wtl_figure *f, struct wtl_canvas *c, double x, double y,
                    struct wtl_alloc alloc, struct wtl_error *err)
{
    struct wtl_arena scratch;
    wtl_arena_init(&scratch, alloc);
    y += paragraph(c, &scratch, f->title, title_font(), x, y, true) + 5;
    y += legend(f, c, x, y, true);
    int rc = draw_panels(f, c, x, y, &scratch, err);
    y += n_rows(f) * row_height(f, c) + pad;
    paragraph(c, &scratch, f->footer, footer_font(), x, y, true);
    wtl_arena_fini(&scratch);
    return rc;
}

static int measure(const struct wtl_figure *f, struct wtl_fonts *fonts, struct wtl_alloc alloc,
                   double *height_out, struct wtl_error *err)
{
    struct wtl_canvas *c;
    struct wtl_canvas_options options = {
        .format = WTL_CANVAS_PNG, .width_pt = 8, .height_pt = 8, .png_scale = 1};
    int rc = wtl_canvas_new(alloc, fonts, &options, &c, err);
    if (rc < 0)
        return rc;
    double height = wtl_figure_height(f, c);
    rc = wtl_canvas_check(c, err);
    wtl_canvas_drop(c);
    if (rc == 0)
        *height_out = height;
    return rc;
}

/* A prefix of ids that differs between the figures of a page and is the same in every report:
 * FNV-1a of the name. */
static void short_id(const char *name, char *id, size_t size)
{
    uint32_t h = 2166136261u;
    for (const char *s = name; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    snprintf(id, size, "f%x-", h);
}

static int render(const struct wtl_figure *f, struct wtl_fonts *fonts,
                  struct wtl_canvas_options options, struct wtl_alloc alloc, struct wtl_buf *out,
                  struct wtl_error *err)
{
    const double margin = 10;
    double height = 0;
    char id[16];
    int rc = measure(f, fonts, alloc, &height, err);
    if (rc < 0)
        return rc;
    short_id(f->name, id, sizeof id);
    options.width_pt = WTL_FIGURE_WIDTH_PT + 2 * margin;
    options.height_pt = ceil(height + 2 * margin);
    options.title = f->title;
    options.id = id;
    struct wtl_canvas *c;
    rc = wtl_canvas_new(alloc, fonts, &options, &c, err);
    if (rc < 0)
        return rc;
    rc = wtl_figure_draw(f, c, margin, margin, alloc, err);
    if (rc < 0) {
        wtl_canvas_drop(c);
        return rc;
    }
    return wtl_canvas_finish(c, out, err);
}

int wtl_figure_render(const struct wtl_figure *f, struct wtl_fonts *fonts,
                      enum wtl_canvas_format format, int64_t wall_ns, struct wtl_alloc alloc,
                      struct wtl_buf *out, struct wtl_error *err)
{
    struct wtl_canvas_options options = {.format = format, .wall_ns = wall_ns};
    return render(f, fonts, options, alloc, out, err);
}

int wtl_figure_render_inline(const struct wtl_figure *f, struct wtl_fonts *fonts,
                             struct wtl_svg_shared *shared, struct wtl_alloc alloc,
                             struct wtl_buf *out, struct wtl_error *err)
{
    struct wtl_canvas_options options = {.format = WTL_CANVAS_SVG, .shared = shared};
    return render(f, fonts, options, alloc, out, err);
}
