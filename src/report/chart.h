/* SPDX-License-Identifier: Apache-2.0
 *
 * Charts as data: axes, layers, notes. Built in an arena by the fig_*.c files, drawn by figure.h on
 * any canvas. A chart is drawn from back to front in the order of its layers.
 *
 * Values are in base units (s, J, W, MHz, fractions); the axis chooses an SI prefix or percent and
 * names the unit in its label. Points beyond an axis are never dropped in silence: they are drawn
 * as small triangles at the edge (WTL_LAYER_POINTS), so a legend can say what they are.
 */
#ifndef WTL_REPORT_CHART_H
#define WTL_REPORT_CHART_H

#include "report/canvas.h"
#include "report/palette.h"
#include "report/ticks.h"

#include "base/alloc.h"
#include "base/error.h"

struct wtl_axis {
    const char *name; /* "Energy of a run" */
    const char *unit; /* "J"; "" for a plain number */
    bool si;          /* may take a prefix */
    bool percent;     /* values are fractions, shown in % (unit is then "%") */
    bool log;
    double lo, hi;
    const char *const *categories; /* not NULL: positions 0, 1, ... with these names */
    size_t n_categories;
    bool whole; /* counts: ticks at whole numbers only */
    bool bare;  /* ticks without numbers and without a name: a panel below has them */
};

enum wtl_layer_kind {
    WTL_LAYER_LINE,   /* x, y */
    WTL_LAYER_BAND,   /* x, lo, hi */
    WTL_LAYER_POINTS, /* x, y; optional lo, hi (error bars in y), x_lo, x_hi, z (colour by) */
    WTL_LAYER_BARS,   /* x, y from 0: vertical, `size` wide in x units */
    WTL_LAYER_HBARS,  /* y position, x from 0: horizontal, `size` high; x_lo, x_hi intervals */
    WTL_LAYER_HEAT,   /* x column, y row, z value; text in the cell */
    WTL_LAYER_VLINE,  /* x[0] */
    WTL_LAYER_HLINE,  /* y[0] */
    WTL_LAYER_VSPAN,  /* lo[0]..hi[0] shaded over the whole height */
    WTL_LAYER_LINKS,  /* from x_lo to x_hi at y: dumbbells */
};

struct wtl_layer {
    enum wtl_layer_kind kind;
    const char *label; /* in the legend; NULL: none */
    struct wtl_rgb color;
    double alpha;    /* 0 is taken as 1 */
    double width_pt; /* of lines; 0: 1.4 */
    enum wtl_dash dash;
    enum wtl_mark mark;
    double size; /* marks: points, 0: 5; bars: axis units, 0: 0.7 */
    size_t n;
    const double *x, *y, *lo, *hi, *x_lo, *x_hi, *z;
    const unsigned char *has_z; /* HEAT: cells without a value are hatched; NULL: all have one */
    const char *const *text;    /* HEAT: one per cell, of one or two lines */
    bool faint_intervals;       /* POINTS: thin, without end strokes, behind the marks */
};

/* Text beside a point, placed clear of the data. */
struct wtl_note {
    double x, y;
    const char *text;
    struct wtl_rgb color;
};

struct wtl_colorbar {
    bool shown;
    struct wtl_axis axis; /* name, unit, lo, hi of z */
};

enum { WTL_CHART_LAYERS_MAX = 48, WTL_CHART_NOTES_MAX = 24 };

struct wtl_chart {
    const char *title; /* of the panel; NULL: none */
    struct wtl_axis x, y;
    struct wtl_layer layers[WTL_CHART_LAYERS_MAX];
    size_t n_layers;
    struct wtl_note notes[WTL_CHART_NOTES_MAX];
    size_t n_notes;
    struct wtl_colorbar colorbar;
    const char *const *row_text; /* one per category of y, to the right of the plot; NULL: none */
    bool diagonal;               /* the line y = x */
};

/* Appends a layer or a note; a full chart ignores more (an assertion in builds with checks). */
struct wtl_layer *wtl_chart_add(struct wtl_chart *chart, enum wtl_layer_kind kind,
                                const char *label, enum wtl_color color);
void wtl_chart_note(struct wtl_chart *chart, double x, double y, const char *text,
                    enum wtl_color color);

/* "Energy of a run [kJ]"; the factor by which values are divided for display goes to *scale_out. */
const char *wtl_axis_label(const struct wtl_axis *axis, char *buf, size_t size, double *scale_out);

/* --- geometry and drawing, for figure.c ------------------------------------------------------ */

/* Room that a panel needs outside its plot rectangle. */
struct wtl_margins {
    double left, right, top, bottom;
};

/* What names that stand upright below a plot of this width need beyond a line of text. */
double wtl_chart_upright_room(const struct wtl_chart *chart, struct wtl_canvas *c, double width_pt);

/* For a plot of about width x height points. */
struct wtl_margins wtl_chart_margins(const struct wtl_chart *chart, struct wtl_canvas *c,
                                     double width_pt, double height_pt);

/* Draws everything; x, y, w, h is the plot rectangle itself. */
int wtl_chart_draw(const struct wtl_chart *chart, struct wtl_canvas *c, struct wtl_arena *scratch,
                   double x, double y, double w, double h, struct wtl_error *err);

/* Draws the sample of a layer for a legend in a box of 22 x 8 points centred at (x, y). */
void wtl_layer_sample(const struct wtl_layer *layer, struct wtl_canvas *c, double x, double y);

#endif
