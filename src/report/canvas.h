/* SPDX-License-Identifier: Apache-2.0
 *
 * A drawing surface: one set of calls for PNG, SVG and PDF, over cairo, in points (1/72 inch) with
 * the origin at the top left. The only file that knows cairo and FreeType. Text is set in the
 * vendored font, unhinted, so that every back end gives the same layout on every machine; what it
 * has no letter for is a "?" (it has Latin, Greek and Cyrillic).
 *
 * Drawing calls do not fail one by one: an error (no memory, a full buffer) is kept, later calls do
 * nothing, and wtl_canvas_finish() reports it. Text may be any bytes: what is not UTF-8 is shown as
 * U+FFFD.
 */
#ifndef WTL_REPORT_CANVAS_H
#define WTL_REPORT_CANVAS_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wtl_rgb {
    double r, g, b; /* sRGB, 0..1 */
};

enum wtl_canvas_format { WTL_CANVAS_PNG, WTL_CANVAS_SVG, WTL_CANVAS_PDF };
enum { WTL_N_CANVAS_FORMATS = 3 };
const char *wtl_canvas_format_name(enum wtl_canvas_format format); /* "png", "svg", "pdf" */

/* The two faces of the font; opened once and shared by the canvases of one report. */
struct wtl_fonts;
int wtl_fonts_open(struct wtl_alloc alloc, struct wtl_fonts **fonts_out, struct wtl_error *err);
void wtl_fonts_close(struct wtl_fonts *fonts); /* NULL is fine; after the canvases */

struct wtl_canvas;

struct wtl_canvas_options {
    enum wtl_canvas_format format;
    double width_pt, height_pt;
    double png_scale;              /* pixels per point; 0: 2.5 (180 dpi) */
    const char *title;             /* PDF and SVG metadata; may be NULL */
    int64_t wall_ns;               /* date that a PDF states */
    struct wtl_svg_shared *shared; /* SVG inside a page: shared with its others; NULL: none */
    const char *id; /* SVG: prefix of every id, so that several fit into one page; NULL: "w" */
};

/* -WTL_NOMEM, -WTL_LIMIT (a size that no back end can draw). The canvas needs no arena; it is
 * freed by wtl_canvas_finish() or wtl_canvas_drop(). */
int wtl_canvas_new(struct wtl_alloc alloc, struct wtl_fonts *fonts,
                   const struct wtl_canvas_options *options, struct wtl_canvas **canvas_out,
                   struct wtl_error *err);

/* Ends the drawing, appends the file's bytes to `out`, frees the canvas in every case. */
int wtl_canvas_finish(struct wtl_canvas *c, struct wtl_buf *out, struct wtl_error *err);

/* 0, or what went wrong so far. For canvases that are only measured on, before they are dropped:
 * widths after a failure are wrong. */
int wtl_canvas_check(const struct wtl_canvas *c, struct wtl_error *err);

void wtl_canvas_drop(struct wtl_canvas *c); /* without output; NULL is fine */

/* PDF: ends the page and begins the next; other formats have one page and ignore it. */
void wtl_canvas_next_page(struct wtl_canvas *c);
/* PDF: an entry of the outline (level 0, 1) that leads to this page; `dest` is a link target. */
void wtl_canvas_outline(struct wtl_canvas *c, int level, const char *text, const char *dest,
                        double y);
/* PDF: what is drawn between the two leads to `dest`. */
void wtl_canvas_link_begin(struct wtl_canvas *c, const char *dest);
void wtl_canvas_link_end(struct wtl_canvas *c);

/* Undone by wtl_canvas_pop(). */
void wtl_canvas_push_clip(struct wtl_canvas *c, double x, double y, double w, double h);
void wtl_canvas_pop(struct wtl_canvas *c);

enum wtl_dash { WTL_DASH_SOLID, WTL_DASH_LONG, WTL_DASH_SHORT, WTL_DASH_DOT, WTL_DASH_MIXED };

struct wtl_pen {
    struct wtl_rgb color;
    double width_pt;
    double alpha; /* 1 opaque */
    enum wtl_dash dash;
};

void wtl_canvas_line(struct wtl_canvas *c, double x0, double y0, double x1, double y1,
                     struct wtl_pen pen);
void wtl_canvas_polyline(struct wtl_canvas *c, const double *x, const double *y, size_t n,
                         struct wtl_pen pen);
void wtl_canvas_fill_polygon(struct wtl_canvas *c, const double *x, const double *y, size_t n,
                             struct wtl_rgb color, double alpha);
void wtl_canvas_fill_rect(struct wtl_canvas *c, double x, double y, double w, double h,
                          struct wtl_rgb color, double alpha);
void wtl_canvas_stroke_rect(struct wtl_canvas *c, double x, double y, double w, double h,
                            struct wtl_pen pen);

enum wtl_mark {
    WTL_MARK_CIRCLE,
    WTL_MARK_SQUARE,
    WTL_MARK_TRIANGLE,
    WTL_MARK_DIAMOND,
    WTL_MARK_DOWN, /* triangle on its tip */
    WTL_MARK_RING, /* hollow circle */
    WTL_MARK_CROSS,
    WTL_MARK_PLUS,
    WTL_MARK_STAR,
};
/* `size_pt` is the width of the mark. */
void wtl_canvas_mark(struct wtl_canvas *c, enum wtl_mark mark, double x, double y, double size_pt,
                     struct wtl_rgb color, double alpha);

/* n filled circles, as one shape: where transparent ones overlap they do not add up. */
void wtl_canvas_dots(struct wtl_canvas *c, const double *x, const double *y, size_t n,
                     double size_pt, struct wtl_rgb color, double alpha);

enum wtl_align { WTL_ALIGN_LEFT, WTL_ALIGN_CENTRE, WTL_ALIGN_RIGHT };
enum wtl_valign { WTL_VALIGN_BASELINE, WTL_VALIGN_MIDDLE, WTL_VALIGN_TOP };

struct wtl_font {
    double size_pt;
    bool bold;
    struct wtl_rgb color;
    enum wtl_align align;
    enum wtl_valign valign; /* MIDDLE: of the capitals; TOP: of the ascenders */
    double angle;           /* radians, anticlockwise on paper, about the anchor */
    bool halo;              /* white behind the letters */
};

void wtl_canvas_text(struct wtl_canvas *c, double x, double y, const char *text,
                     struct wtl_font font);
double wtl_canvas_text_width(struct wtl_canvas *c, const char *text, struct wtl_font font);

/* Breaks at blanks (and inside words wider than the line). Lines live in the arena. */
int wtl_canvas_wrap(struct wtl_canvas *c, struct wtl_arena *arena, const char *text,
                    struct wtl_font font, double width_pt, const char *const **lines_out,
                    size_t *n_out, struct wtl_error *err);

/* `text`, or its longest prefix with "…" that fits. */
const char *wtl_canvas_fit(struct wtl_canvas *c, const char *text, struct wtl_font font,
                           double width_pt, char *buf, size_t size);

#endif
