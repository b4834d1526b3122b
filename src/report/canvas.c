/* SPDX-License-Identifier: Apache-2.0
 * Surfaces, pens and shapes over cairo. Text stands in canvas_text.c. */
#include "report/canvas_impl.h"

#include "report/svg.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <math.h>

/* A document of a hundred pages with dense scatter plots stays under 20 MB. */
enum { OUTPUT_MAX = 512 << 20, SIDE_MAX_PT = 14400, PIXELS_MAX = 1 << 26 };

/* More than cairo takes for a page or for the fonts at the end. */
enum { HEADROOM_BYTES = 48 << 20 };

static const double pi = 3.14159265358979323846;

const char *wtl_canvas_format_name(enum wtl_canvas_format format)
{
    static const char *const names[] = {"png", "svg", "pdf"};
    return names[format];
}

/* cairo's status as an error of ours; 0 when there is none. */
static int fail_cairo(cairo_status_t status, struct wtl_error *err)
{
    if (status == CAIRO_STATUS_SUCCESS)
        return 0;
    bool memory = status == CAIRO_STATUS_NO_MEMORY || status == CAIRO_STATUS_WRITE_ERROR ||
                  status == CAIRO_STATUS_PNG_ERROR; /* it is written to memory */
    if (memory)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory drawing a figure");
    return WTL_FAIL(err, WTL_FAILED, "cannot draw: %s", cairo_status_to_string(status));
}

/* Where memory runs out under its hands, cairo 1.16 crashes (PDF; glyphs of pixman) or leaves out
 * fonts in silence (PDF). So a drawing is begun and ended only with memory in sight. */
static int check_headroom(struct wtl_error *err)
{
    return wtl_memory_in_sight(HEADROOM_BYTES)
               ? 0
               : WTL_FAIL(err, WTL_NOMEM, "out of memory drawing a figure");
}

/* A failure stays in the buffer, where wtl_canvas_finish() finds it: told of it, the PDF surface of
 * cairo 1.16 crashes when it is finished. */
static cairo_status_t take_bytes(void *ctx, const unsigned char *data, unsigned length)
{
    struct wtl_buf *buf = ctx;
    wtl_buf_add(buf, (const char *)data, length);
    return CAIRO_STATUS_SUCCESS;
}

static void describe_pdf(cairo_surface_t *surface, const struct wtl_canvas *c,
                         const struct wtl_canvas_options *o)
{
    char date[24];
    wtl_format_utc(o->wall_ns, date, sizeof date);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, date);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_MOD_DATE, date);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "wattle");
    if (c->title[0])
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, c->title);
}

static cairo_surface_t *make_surface(struct wtl_canvas *c, const struct wtl_canvas_options *o)
{
    if (o->format == WTL_CANVAS_PDF) {
        cairo_surface_t *s =
            cairo_pdf_surface_create_for_stream(take_bytes, &c->bytes, o->width_pt, o->height_pt);
        describe_pdf(s, c, o);
        return s;
    }
    if (o->format == WTL_CANVAS_SVG)
        return cairo_svg_surface_create_for_stream(take_bytes, &c->bytes, o->width_pt,
                                                   o->height_pt);
    return cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)ceil(o->width_pt * c->scale),
                                      (int)ceil(o->height_pt * c->scale));
}

static int check_size(const struct wtl_canvas_options *o, double scale, struct wtl_error *err)
{
    bool good = o->width_pt >= 1 && o->height_pt >= 1 && o->width_pt <= SIDE_MAX_PT &&
                o->height_pt <= SIDE_MAX_PT;
    if (good && o->format == WTL_CANVAS_PNG)
        good = o->width_pt * scale * o->height_pt * scale <= PIXELS_MAX;
    return good ? 0
                : WTL_FAIL(err, WTL_LIMIT, "a figure of %g by %g points cannot be drawn",
                           o->width_pt, o->height_pt);
}

static void start_drawing(struct wtl_canvas *c, const struct wtl_canvas_options *o)
{
    if (o->format == WTL_CANVAS_PNG)
        cairo_scale(c->cr, c->scale, c->scale);
    cairo_set_line_cap(c->cr, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_join(c->cr, CAIRO_LINE_JOIN_ROUND);
    if (o->format != WTL_CANVAS_PDF)
        wtl_canvas_fill_rect(c, 0, 0, ceil(o->width_pt) + 1, ceil(o->height_pt) + 1,
                             (struct wtl_rgb){1, 1, 1}, 1);
}

int wtl_canvas_new(struct wtl_alloc alloc, struct wtl_fonts *fonts,
                   const struct wtl_canvas_options *options, struct wtl_canvas **canvas_out,
                   struct wtl_error *err)
{
    double scale = options->png_scale > 0 ? options->png_scale : 2.5;
    int rc = check_size(options, scale, err);
    rc = rc ? rc : check_headroom(err);
    if (rc < 0)
        return rc;
    struct wtl_canvas *c = alloc.resize(alloc.ctx, NULL, sizeof *c);
    if (!c)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory drawing a figure");
    *c = (struct wtl_canvas){.alloc = alloc,
                             .fonts = fonts,
                             .format = options->format,
                             .scale = scale,
                             .shared = options->shared};
    snprintf(c->id, sizeof c->id, "%s", options->id ? options->id : "w");
    wtl_utf8_clean(options->title ? options->title : "", c->title, sizeof c->title);
    wtl_buf_init(&c->bytes, alloc, OUTPUT_MAX);
    c->surface = make_surface(c, options);
    c->cr = cairo_create(c->surface);
    rc = fail_cairo(cairo_status(c->cr), err);
    if (rc < 0) {
        wtl_canvas_drop(c);
        return rc;
    }
    start_drawing(c, options);
    *canvas_out = c;
    return 0;
}

void wtl_canvas_drop(struct wtl_canvas *c)
{
    if (!c)
        return;
    bool sound = cairo_status(c->cr) == CAIRO_STATUS_SUCCESS &&
                 cairo_surface_status(c->surface) == CAIRO_STATUS_SUCCESS;
    cairo_destroy(c->cr);
    /* A PDF surface that failed crashes when it is finished: better to lose its memory. */
    if (sound || c->format != WTL_CANVAS_PDF) {
        cairo_surface_finish(c->surface); /* what it still writes goes into the buffer below */
        cairo_surface_destroy(c->surface);
    }
    wtl_buf_fini(&c->bytes);
    c->alloc.resize(c->alloc.ctx, c, 0);
}

int wtl_canvas_check(const struct wtl_canvas *c, struct wtl_error *err)
{
    if (c->failed)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory drawing a figure");
    return fail_cairo(cairo_status(c->cr), err);
}

static int write_output(struct wtl_canvas *c, struct wtl_buf *out, struct wtl_error *err)
{
    int rc = wtl_canvas_check(c, err);
    if (rc < 0)
        return rc;
    if (c->format == WTL_CANVAS_PNG)
        rc = fail_cairo(cairo_surface_write_to_png_stream(c->surface, take_bytes, &c->bytes), err);
    rc = rc ? rc : check_headroom(err);
    if (rc < 0)
        return rc;
    cairo_surface_finish(c->surface);
    rc = fail_cairo(cairo_surface_status(c->surface), err);
    if (rc < 0)
        return rc;
    if (c->bytes.failed)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory drawing a figure");
    if (c->format == WTL_CANVAS_SVG)
        return wtl_svg_finish(c->alloc, wtl_buf_str(&c->bytes), c->id,
                              c->title[0] ? c->title : NULL, c->shared, out, err);
    wtl_buf_add(out, c->bytes.data, c->bytes.len);
    return out->failed ? WTL_FAIL(err, WTL_NOMEM, "out of memory drawing a figure") : 0;
}

int wtl_canvas_finish(struct wtl_canvas *c, struct wtl_buf *out, struct wtl_error *err)
{
    int rc = write_output(c, out, err);
    wtl_canvas_drop(c);
    return rc;
}

void wtl_canvas_next_page(struct wtl_canvas *c)
{
    if (c->format == WTL_CANVAS_PDF)
        cairo_show_page(c->cr);
}

void wtl_canvas_outline(struct wtl_canvas *c, int level, const char *text, const char *dest,
                        double y)
{
    if (c->format != WTL_CANVAS_PDF)
        return;
    char attributes[200];
    snprintf(attributes, sizeof attributes, "name='%s' x=0 y=%.1f", dest, y);
    cairo_tag_begin(c->cr, CAIRO_TAG_DEST, attributes);
    cairo_tag_end(c->cr, CAIRO_TAG_DEST);
    snprintf(attributes, sizeof attributes, "dest='%s'", dest);
    int parent = level > 0 && c->outline ? c->outline : CAIRO_PDF_OUTLINE_ROOT;
    char clean[300];
    wtl_utf8_clean(text, clean, sizeof clean);
    int id = cairo_pdf_surface_add_outline(c->surface, parent, clean, attributes,
                                           CAIRO_PDF_OUTLINE_FLAG_OPEN);
    if (level == 0)
        c->outline = id;
}

void wtl_canvas_link_begin(struct wtl_canvas *c, const char *dest)
{
    if (c->format != WTL_CANVAS_PDF)
        return;
    char attributes[200];
    snprintf(attributes, sizeof attributes, "dest='%s'", dest);
    cairo_tag_begin(c->cr, CAIRO_TAG_LINK, attributes);
}

void wtl_canvas_link_end(struct wtl_canvas *c)
{
    if (c->format == WTL_CANVAS_PDF)
        cairo_tag_end(c->cr, CAIRO_TAG_LINK);
}

void wtl_canvas_push_clip(struct wtl_canvas *c, double x, double y, double w, double h)
{
    cairo_save(c->cr);
    cairo_rectangle(c->cr, x, y, w, h);
    cairo_clip(c->cr);
}

void wtl_canvas_pop(struct wtl_canvas *c)
{
    cairo_restore(c->cr);
}

static void set_color(struct wtl_canvas *c, struct wtl_rgb color, double alpha)
{
    if (alpha >= 1)
        cairo_set_source_rgb(c->cr, color.r, color.g, color.b);
    else
        cairo_set_source_rgba(c->cr, color.r, color.g, color.b, alpha);
}

static void set_pen(struct wtl_canvas *c, struct wtl_pen pen)
{
    static const double patterns[][4] = {
        [WTL_DASH_LONG] = {5, 3, 5, 3},
        [WTL_DASH_SHORT] = {2.5, 2, 2.5, 2},
        [WTL_DASH_DOT] = {0.6, 2.2, 0.6, 2.2},
        [WTL_DASH_MIXED] = {5, 2, 0.8, 2},
    };
    set_color(c, pen.color, pen.alpha);
    cairo_set_line_width(c->cr, pen.width_pt);
    cairo_set_dash(c->cr, patterns[pen.dash], pen.dash == WTL_DASH_SOLID ? 0 : 4, 0);
}

void wtl_canvas_line(struct wtl_canvas *c, double x0, double y0, double x1, double y1,
                     struct wtl_pen pen)
{
    set_pen(c, pen);
    cairo_move_to(c->cr, x0, y0);
    cairo_line_to(c->cr, x1, y1);
    cairo_stroke(c->cr);
}

static void trace_path(struct wtl_canvas *c, const double *x, const double *y, size_t n)
{
    cairo_new_path(c->cr);
    for (size_t i = 0; i < n; i++)
        cairo_line_to(c->cr, x[i], y[i]);
}

void wtl_canvas_polyline(struct wtl_canvas *c, const double *x, const double *y, size_t n,
                         struct wtl_pen pen)
{
    if (n < 2)
        return;
    set_pen(c, pen);
    trace_path(c, x, y, n);
    cairo_stroke(c->cr);
}

void wtl_canvas_fill_polygon(struct wtl_canvas *c, const double *x, const double *y, size_t n,
                             struct wtl_rgb color, double alpha)
{
    set_color(c, color, alpha);
    trace_path(c, x, y, n);
    cairo_close_path(c->cr);
    cairo_fill(c->cr);
}

void wtl_canvas_fill_rect(struct wtl_canvas *c, double x, double y, double w, double h,
                          struct wtl_rgb color, double alpha)
{
    set_color(c, color, alpha);
    cairo_rectangle(c->cr, x, y, w, h);
    cairo_fill(c->cr);
}

void wtl_canvas_stroke_rect(struct wtl_canvas *c, double x, double y, double w, double h,
                            struct wtl_pen pen)
{
    set_pen(c, pen);
    cairo_rectangle(c->cr, x, y, w, h);
    cairo_stroke(c->cr);
}

/* Corners of the filled marks on the unit circle, anticlockwise from the right; r scales them. */
static void mark_polygon(struct wtl_canvas *c, double x, double y, double r, int corners,
                         double turn, double inner)
{
    cairo_new_path(c->cr);
    int n = inner > 0 ? 2 * corners : corners;
    for (int i = 0; i < n; i++) {
        double angle = turn + 2 * pi * i / n;
        double radius = inner > 0 && i % 2 ? r * inner : r;
        cairo_line_to(c->cr, x + radius * cos(angle), y - radius * sin(angle));
    }
    cairo_close_path(c->cr);
    cairo_fill(c->cr);
}

static void mark_lines(struct wtl_canvas *c, double x, double y, double r, bool upright)
{
    double d = upright ? r : r * 0.8;
    cairo_move_to(c->cr, x - d, upright ? y : y - d);
    cairo_line_to(c->cr, x + d, upright ? y : y + d);
    cairo_move_to(c->cr, upright ? x : x - d, y + d);
    cairo_line_to(c->cr, upright ? x : x + d, y - d);
    cairo_stroke(c->cr);
}

void wtl_canvas_dots(struct wtl_canvas *c, const double *x, const double *y, size_t n,
                     double size_pt, struct wtl_rgb color, double alpha)
{
    /* Lines without length and with round ends: a tenth of the bytes of four arcs each. */
    set_pen(c, (struct wtl_pen){color, size_pt, alpha, WTL_DASH_SOLID});
    cairo_new_path(c->cr);
    for (size_t i = 0; i < n; i++) {
        cairo_move_to(c->cr, x[i], y[i]);
        cairo_line_to(c->cr, x[i], y[i]);
    }
    if (n)
        cairo_stroke(c->cr);
}

void wtl_canvas_mark(struct wtl_canvas *c, enum wtl_mark mark, double x, double y, double size_pt,
                     struct wtl_rgb color, double alpha)
{
    double r = size_pt / 2;
    set_pen(c, (struct wtl_pen){color, fmax(0.7, size_pt / 6), alpha, WTL_DASH_SOLID});
    cairo_new_path(c->cr);
    switch (mark) {
    case WTL_MARK_CIRCLE:
        wtl_canvas_dots(c, &x, &y, 1, size_pt, color, alpha);
        break;
    case WTL_MARK_RING:
        cairo_arc(c->cr, x, y, r, 0, 2 * pi);
        cairo_stroke(c->cr);
        break;
    case WTL_MARK_SQUARE:
        mark_polygon(c, x, y, r * 1.2, 4, pi / 4, 0);
        break;
    case WTL_MARK_TRIANGLE:
        mark_polygon(c, x, y + r * 0.2, r * 1.25, 3, pi / 2, 0);
        break;
    case WTL_MARK_DIAMOND:
        mark_polygon(c, x, y, r * 1.25, 4, 0, 0);
        break;
    case WTL_MARK_DOWN:
        mark_polygon(c, x, y - r * 0.2, r * 1.25, 3, -pi / 2, 0);
        break;
    case WTL_MARK_STAR:
        mark_polygon(c, x, y, r * 1.35, 5, pi / 2, 0.45);
        break;
    case WTL_MARK_CROSS:
        mark_lines(c, x, y, r, false);
        break;
    case WTL_MARK_PLUS:
        mark_lines(c, x, y, r, true);
        break;
    }
}
