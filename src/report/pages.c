/* SPDX-License-Identifier: Apache-2.0
 * Pagination. */
#include "report/pages_impl.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>

static const double line_height = 1.38;

static struct wtl_font font_of(double size, bool bold, enum wtl_color color)
{
    return (struct wtl_font){
        .size_pt = size, .bold = bold, .color = wtl_color(color), .valign = WTL_VALIGN_TOP};
}

static struct wtl_font body_font(void)
{
    return font_of(9.5, false, WTL_COLOR_INK);
}

static struct wtl_font heading_font(int level)
{
    return font_of(level == 1 ? 15 : 11.5, true, WTL_COLOR_INK);
}

double wtl_pager_text(struct wtl_pager *p, double x, double y, double width, const char *text,
                      struct wtl_font font, bool draw)
{
    const char *const *lines;
    size_t n;
    if (p->rc < 0)
        return 0;
    p->rc = wtl_canvas_wrap(p->c, p->arena, text, font, width, &lines, &n, p->err);
    if (p->rc < 0)
        return 0;
    double step = font.size_pt * line_height;
    double at = font.align == WTL_ALIGN_RIGHT ? x + width : x;
    for (size_t i = 0; draw && p->draw && i < n; i++)
        wtl_canvas_text(p->c, at, y + (double)i * step + 0.2 * font.size_pt, lines[i], font);
    return (double)n * step;
}

/* The running foot. */
static void foot(struct wtl_pager *p)
{
    char text[64];
    if (!p->draw)
        return;
    struct wtl_font font = font_of(7.5, false, WTL_COLOR_MUTED);
    double y = WTL_PAGE_HEIGHT - 40;
    wtl_canvas_line(p->c, WTL_PAGE_LEFT, y - 6, WTL_PAGE_WIDTH - WTL_PAGE_LEFT, y - 6,
                    (struct wtl_pen){wtl_color(WTL_COLOR_GRID), 0.5, 1, WTL_DASH_SOLID});
    char title[300];
    wtl_canvas_fit(p->c, p->doc->title, font, WTL_PAGE_TEXT_WIDTH - 80, title, sizeof title);
    wtl_canvas_text(p->c, WTL_PAGE_LEFT, y, title, font);
    snprintf(text, sizeof text, "page %d of %d", p->page, p->n_pages);
    font.align = WTL_ALIGN_RIGHT;
    wtl_canvas_text(p->c, WTL_PAGE_WIDTH - WTL_PAGE_LEFT, y, text, font);
}

/* --- figures that fill a page ------------------------------------------------------------------
 */

/* The panels of a page's figures shrink together to let one more in, and grow to fill what is left
 * when nothing more fits. Letters keep their size. */
static const double least_scale = 0.8, most_scale = 1.3;

static double panels_height(const struct wtl_figure *f)
{
    int rows = ((int)f->n_panels + f->columns - 1) / f->columns;
    return rows * f->panel_height_pt;
}

/* Panels of the figures from the top of this page to block `end`, as they stand. */
static double panels_of_page(const struct wtl_pager *p, size_t end)
{
    double sum = 0;
    for (size_t i = p->page_from; i < end; i++)
        if (p->doc->blocks[i].kind == WTL_BLOCK_FIGURE)
            sum += p->scale[i] * panels_height(p->doc->blocks[i].figure);
    return sum;
}

static void scale_page(struct wtl_pager *p, size_t end, double factor)
{
    for (size_t i = p->page_from; i < end; i++)
        p->scale[i] *= factor;
}

/* Whether a figure of this page has shrunk already. */
static bool is_full(const struct wtl_pager *p, size_t end)
{
    for (size_t i = p->page_from; i < end; i++)
        if (p->scale[i] < 1)
            return true;
    return false;
}

/* By how much the figures up to block `end` could shrink. */
static double slack(const struct wtl_pager *p, size_t end)
{
    return is_full(p, end) ? 0 : (1 - least_scale) * panels_of_page(p, end);
}

/* In the first pass, when the page ends before the present block. */
static void grow_figures(struct wtl_pager *p)
{
    double panels = panels_of_page(p, p->block), room = WTL_PAGE_BOTTOM - p->y;
    if (panels > 0 && room > 0 && !is_full(p, p->block))
        scale_page(p, p->block, fmin(1 + room / panels, most_scale));
}

/* --- pages -------------------------------------------------------------------------------------
 */

void wtl_pager_break(struct wtl_pager *p)
{
    foot(p);
    if (p->draw)
        wtl_canvas_next_page(p->c);
    else
        grow_figures(p);
    p->page++;
    p->page_from = p->block;
    p->y = WTL_PAGE_TOP;
}

bool wtl_pager_need(struct wtl_pager *p, double height)
{
    bool breaks = p->y > WTL_PAGE_TOP && p->y + height > WTL_PAGE_BOTTOM;
    if (p->draw)
        breaks = p->broke[p->n_asked];
    else if (p->rc == 0 && wtl_grow(p->arena, &p->broke, p->n_asked, &p->cap_asked) != 0)
        p->rc = WTL_FAIL(p->err, WTL_NOMEM, "out of memory writing the PDF");
    else if (p->rc == 0)
        p->broke[p->n_asked] = breaks;
    p->n_asked++;
    if (breaks)
        wtl_pager_break(p);
    return breaks;
}

static void front(struct wtl_pager *p)
{
    const struct wtl_document *d = p->doc;
    p->y += wtl_pager_text(p, WTL_PAGE_LEFT, p->y, WTL_PAGE_TEXT_WIDTH, d->title,
                           font_of(20, true, WTL_COLOR_INK), true) +
            4;
    p->y += wtl_pager_text(p, WTL_PAGE_LEFT, p->y, WTL_PAGE_TEXT_WIDTH, d->subtitle,
                           font_of(9.5, false, WTL_COLOR_MUTED), true) +
            14;
}

static void contents_line(struct wtl_pager *p, size_t i)
{
    const struct wtl_block *b = &p->doc->blocks[i];
    double indent = b->level == 1 ? 0 : 14, step = b->level == 1 ? 15 : 13;
    struct wtl_font font = font_of(9, b->level == 1, WTL_COLOR_INK);
    char text[300], number[16];
    wtl_pager_need(p, step);
    if (p->draw) {
        double x = WTL_PAGE_LEFT + indent;
        wtl_canvas_fit(p->c, b->text, font, WTL_PAGE_TEXT_WIDTH - indent - 40, text, sizeof text);
        wtl_canvas_link_begin(p->c, b->id);
        wtl_canvas_text(p->c, x, p->y, text, font);
        double from = x + wtl_canvas_text_width(p->c, text, font) + 5;
        wtl_canvas_line(p->c, from, p->y + 7, WTL_PAGE_WIDTH - WTL_PAGE_LEFT - 18, p->y + 7,
                        (struct wtl_pen){wtl_color(WTL_COLOR_GRID), 0.6, 1, WTL_DASH_DOT});
        snprintf(number, sizeof number, "%d", p->heading_page[i]);
        font.align = WTL_ALIGN_RIGHT;
        wtl_canvas_text(p->c, WTL_PAGE_WIDTH - WTL_PAGE_LEFT, p->y, number, font);
        wtl_canvas_link_end(p->c);
    }
    p->y += step;
}

static void contents(struct wtl_pager *p)
{
    for (size_t i = 0; i < p->doc->n_blocks; i++)
        if (p->doc->blocks[i].kind == WTL_BLOCK_HEADING)
            contents_line(p, i);
    p->y += 10;
}

/* Height of the figure in block i with its caption. */
static double figure_height(struct wtl_pager *p, size_t i)
{
    struct wtl_figure f = *p->doc->blocks[i].figure;
    f.panel_height_pt *= p->scale[i];
    double h = wtl_figure_height(&f, p->c) + 14;
    if (f.caption)
        h += wtl_pager_text(p, 0, 0, WTL_PAGE_TEXT_WIDTH, f.caption,
                            font_of(8.5, false, WTL_COLOR_MUTED), false) +
             4;
    return h;
}

/* In the first pass: the figures of the page make room for the one in block i, if that helps. */
static void shrink_figures(struct wtl_pager *p, size_t i)
{
    double over = p->y + figure_height(p, i) - WTL_PAGE_BOTTOM;
    if (p->draw || over <= 0 || over > slack(p, i + 1) + 0.01)
        return;
    double before = panels_of_page(p, i);
    double factor = 1 - over / panels_of_page(p, i + 1) - 1e-9;
    scale_page(p, i + 1, factor);
    p->y -= before * (1 - factor);
}

static void figure(struct wtl_pager *p, size_t i)
{
    shrink_figures(p, i);
    wtl_pager_need(p, figure_height(p, i) - 0.01);
    struct wtl_figure f = *p->doc->blocks[i].figure;
    f.panel_height_pt *= p->scale[i];
    double h = wtl_figure_height(&f, p->c);
    if (p->draw && p->rc == 0)
        p->rc = wtl_figure_draw(&f, p->c, WTL_PAGE_LEFT, p->y + 2, p->alloc, p->err);
    p->y += h + 6;
    if (f.caption)
        p->y += wtl_pager_text(p, WTL_PAGE_LEFT, p->y, WTL_PAGE_TEXT_WIDTH, f.caption,
                               font_of(8.5, false, WTL_COLOR_MUTED), true) +
                4;
    p->y += 8;
}

/* A paragraph or bullet. At a page's end it breaks between lines, two of which stay together; the
 * least that fits is `least_lines`. */
enum { TOGETHER = 2 };

static double text_width(const struct wtl_block *b)
{
    return WTL_PAGE_TEXT_WIDTH - (b->kind == WTL_BLOCK_BULLET ? 11 : 0);
}

/* Height of the lines that must stand with what comes before them. */
static double text_start(struct wtl_pager *p, const struct wtl_block *b)
{
    double line = body_font().size_pt * line_height;
    double all = wtl_pager_text(p, 0, 0, text_width(b), b->text, body_font(), false);
    return all < (2 * TOGETHER - 0.5) * line ? all : TOGETHER * line;
}

static double heading_height(struct wtl_pager *p, const struct wtl_block *b)
{
    return wtl_pager_text(p, 0, 0, WTL_PAGE_TEXT_WIDTH, b->text, heading_font(b->level), false) + 4;
}

static double heading_above(const struct wtl_block *b)
{
    return b->level == 1 ? 18 : 12;
}

/* What must follow a heading on its page: further headings, and the start of what comes then. */
static double company(struct wtl_pager *p, size_t i)
{
    double height = 0;
    for (i++; i < p->doc->n_blocks; i++) {
        const struct wtl_block *b = &p->doc->blocks[i];
        if (b->kind == WTL_BLOCK_FIGURE)
            return height + figure_height(p, i) - slack(p, i + 1);
        if (b->kind == WTL_BLOCK_TABLE)
            return height + 70;
        if (b->kind != WTL_BLOCK_HEADING)
            return height + text_start(p, b) + 6;
        height += heading_above(b) + heading_height(p, b);
    }
    return height;
}

static void heading(struct wtl_pager *p, size_t i)
{
    const struct wtl_block *b = &p->doc->blocks[i];
    double above = p->y > WTL_PAGE_TOP ? heading_above(b) : 0;
    wtl_pager_need(p, above + heading_height(p, b) + company(p, i));
    if (p->y > WTL_PAGE_TOP)
        p->y += above;
    p->heading_page[i] = p->page;
    if (p->draw)
        wtl_canvas_outline(p->c, b->level - 1, b->text, b->id, p->y);
    p->y += wtl_pager_text(p, WTL_PAGE_LEFT, p->y, WTL_PAGE_TEXT_WIDTH, b->text,
                           heading_font(b->level), true) +
            4;
}

static void text_block(struct wtl_pager *p, size_t i)
{
    const struct wtl_block *b = &p->doc->blocks[i];
    const char *const *lines = NULL;
    const double step = body_font().size_pt * line_height;
    size_t n = 0;
    if (i && b->kind == WTL_BLOCK_PARAGRAPH && p->doc->blocks[i - 1].kind == WTL_BLOCK_BULLET)
        p->y += 4;
    bool bullet = b->kind == WTL_BLOCK_BULLET;
    p->rc =
        wtl_canvas_wrap(p->c, p->arena, b->text, body_font(), text_width(b), &lines, &n, p->err);
    for (size_t k = 0; p->rc == 0 && k < n; k++) {
        /* The first lines and the last ones of a text stay together. */
        bool short_text = n < 2 * TOGETHER;
        size_t with = k == 0                             ? (short_text ? n : TOGETHER)
                      : !short_text && k + TOGETHER == n ? TOGETHER
                                                         : 1;
        bool held = (short_text && k > 0) || (k > 0 && k < TOGETHER) || k + TOGETHER > n;
        if (!held || k == 0)
            wtl_pager_need(p, (double)with * step);
        if (bullet && k == 0 && p->draw)
            wtl_canvas_mark(p->c, WTL_MARK_CIRCLE, WTL_PAGE_LEFT + 3.5, p->y + 6.3, 2.6,
                            wtl_color(WTL_COLOR_INK), 1);
        if (p->draw)
            wtl_canvas_text(p->c, WTL_PAGE_LEFT + (bullet ? 11 : 0),
                            p->y + 0.2 * body_font().size_pt, lines[k], body_font());
        p->y += step;
    }
    p->y += bullet ? 3 : 6;
}

static void lay_out(struct wtl_pager *p)
{
    p->y = WTL_PAGE_TOP;
    p->page = 1;
    p->page_from = p->block = p->n_asked = 0;
    front(p);
    contents(p);
    for (size_t i = 0; i < p->doc->n_blocks && p->rc == 0; i++) {
        const struct wtl_block *b = &p->doc->blocks[i];
        p->block = i;
        if (b->kind == WTL_BLOCK_HEADING)
            heading(p, i);
        else if (b->kind == WTL_BLOCK_FIGURE)
            figure(p, i);
        else if (b->kind == WTL_BLOCK_TABLE)
            wtl_pager_table(p, b->table);
        else
            text_block(p, i);
    }
    p->n_pages = p->page;
    foot(p);
}

static int first_pass(struct wtl_pager *p, struct wtl_fonts *fonts)
{
    struct wtl_canvas_options options = {
        .format = WTL_CANVAS_PNG, .width_pt = 8, .height_pt = 8, .png_scale = 1};
    int rc = wtl_canvas_new(p->alloc, fonts, &options, &p->c, p->err);
    if (rc < 0)
        return rc;
    lay_out(p);
    if (p->rc == 0)
        p->rc = wtl_canvas_check(p->c, p->err);
    wtl_canvas_drop(p->c);
    return p->rc;
}

static int second_pass(struct wtl_pager *p, struct wtl_fonts *fonts, struct wtl_buf *out)
{
    struct wtl_canvas_options options = {.format = WTL_CANVAS_PDF,
                                         .width_pt = WTL_PAGE_WIDTH,
                                         .height_pt = WTL_PAGE_HEIGHT,
                                         .title = p->doc->title,
                                         .wall_ns = p->doc->wall_ns};
    int rc = wtl_canvas_new(p->alloc, fonts, &options, &p->c, p->err);
    if (rc < 0)
        return rc;
    p->draw = true;
    lay_out(p);
    if (p->rc < 0) {
        wtl_canvas_drop(p->c);
        return p->rc;
    }
    return wtl_canvas_finish(p->c, out, p->err);
}

int wtl_pages_render(const struct wtl_document *d, struct wtl_fonts *fonts, struct wtl_alloc alloc,
                     struct wtl_buf *out, struct wtl_error *err)
{
    struct wtl_arena arena;
    wtl_arena_init(&arena, alloc);
    struct wtl_pager p = {.doc = d, .alloc = alloc, .arena = &arena, .err = err};
    p.heading_page = WTL_NEW_ARRAY(&arena, int, d->n_blocks + 1);
    p.scale = WTL_NEW_ARRAY(&arena, double, d->n_blocks + 1);
    for (size_t i = 0; p.scale && i < d->n_blocks; i++)
        p.scale[i] = 1;
    int rc = p.heading_page && p.scale ? first_pass(&p, fonts)
                                       : WTL_FAIL(err, WTL_NOMEM, "out of memory writing the PDF");
    if (rc == 0)
        rc = second_pass(&p, fonts, out);
    wtl_arena_fini(&arena);
    return rc;
}
