/* SPDX-License-Identifier: Apache-2.0
 *
 * A figure: a title that says what is shown, a legend outside the data, one or more panels, and a
 * footer with n, kind of interval, exclusions, hash of the input and date. The same drawing goes to
 * PNG, SVG, PDF, the page and the PDF document.
 */
#ifndef WTL_REPORT_FIGURE_H
#define WTL_REPORT_FIGURE_H

#include "report/chart.h"

/* Width of a figure: the text width of an A4 page with margins of 20 mm. */
#define WTL_FIGURE_WIDTH_PT 482.0

struct wtl_figure {
    const char *name;    /* file name without ending: "clock-a100-vit" */
    const char *title;   /* "Time, energy and power against SM clock: A100, vit" */
    const char *caption; /* sentences under the figure in documents; NULL: none */
    const char *footer;
    double panel_height_pt; /* of one row, its margins included; names that stand upright below a
                             * plot come on top */
    int columns;
    struct wtl_chart *panels;
    size_t n_panels;
};

/* A figure of n zeroed panels in the arena; NULL: out of memory. */
struct wtl_figure *wtl_figure_new(struct wtl_arena *arena, size_t n_panels, int columns,
                                  double panel_height_pt);

/* Total height in points; `c` is only used to measure. */
double wtl_figure_height(const struct wtl_figure *f, struct wtl_canvas *c);

/* Draws with the top left corner at (x, y). */
int wtl_figure_draw(const struct wtl_figure *f, struct wtl_canvas *c, double x, double y,
                    struct wtl_alloc alloc, struct wtl_error *err);

/* The bytes of a file of that format, appended to `out`. */
int wtl_figure_render(const struct wtl_figure *f, struct wtl_fonts *fonts,
                      enum wtl_canvas_format format, int64_t wall_ns, struct wtl_alloc alloc,
                      struct wtl_buf *out, struct wtl_error *err);

/* The same as SVG for a page of many figures, see report/svg.h. */
struct wtl_svg_shared;
int wtl_figure_render_inline(const struct wtl_figure *f, struct wtl_fonts *fonts,
                             struct wtl_svg_shared *shared, struct wtl_alloc alloc,
                             struct wtl_buf *out, struct wtl_error *err);

#endif
