/* SPDX-License-Identifier: Apache-2.0
 * The plot rectangle: from values to points on paper. Inside of the charts; for chart.c, axes.c and
 * layers.c only. */
#ifndef WTL_REPORT_PLOT_H
#define WTL_REPORT_PLOT_H

#include "report/chart.h"
#include "report/labels.h"

#define WTL_FONT_TICK 7.5
#define WTL_FONT_LABEL 8.5
#define WTL_FONT_PANEL 9.0

struct wtl_plot {
    const struct wtl_chart *chart;
    struct wtl_canvas *c;
    struct wtl_arena *scratch;
    double x, y, w, h;
};

double wtl_plot_x(const struct wtl_plot *p, double value);
double wtl_plot_y(const struct wtl_plot *p, double value);

/* Where `value` stands on the axis: 0 at lo, 1 at hi. */
double wtl_axis_position(const struct wtl_axis *axis, double value);

/* Major and minor ticks whose labels fit into `length_pt`. */
void wtl_axis_ticks(const struct wtl_axis *axis, struct wtl_canvas *c, double length_pt,
                    bool vertical, struct wtl_ticks *ticks, double *scale_out);

void wtl_plot_grid(const struct wtl_plot *p);
void wtl_plot_axes(const struct wtl_plot *p);
void wtl_plot_colorbar(const struct wtl_plot *p);
int wtl_plot_layers(const struct wtl_plot *p, struct wtl_error *err);
int wtl_plot_notes(const struct wtl_plot *p, struct wtl_error *err);

struct wtl_font wtl_font_tick(enum wtl_align align, enum wtl_valign valign);

#endif
