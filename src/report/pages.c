/* SPDX-License-Identifier: Apache-2.0
 * Pagination. */
#include "report/pages_impl.h"

#include "base/clock.h"

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

void wtl_pager_break(struct wtl_pager *p)
{
    foot(p);
    if (p->draw)
        wtl_canvas_next_page(p->c);
    p->page++;
    p->y = WTL_PAGE_TOP;
}

void wtl_pager_need(struct wtl_pager *p, double height)
{
    if (p->y > WTL_PAGE_TOP && p->y + height > WTL_PAGE_BOTTOM)
        wtl_pager_break(p);
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

/* Height of a figure with its caption. */
static double figure_height(struct wtl_pager *p, const struct wtl_figure *f)
{
    double h = wtl_figure_height(f, p->c) + 14;
    if (f->caption)
        h += wtl_pager_text(p, 0, 0, WTL_PAGE_TEXT_WIDTH, f->caption,
                            font_of(8.5, false, WTL_COLOR_MUTED), false) +
             4;
    return h;
}

static void figure(struct wtl_pager *p, const struct wtl_figure *f)
{
    wtl_pager_need(p, figure_height(p, f));
    double h = wtl_figure_height(f, p->c);
    if (p->draw && p->rc == 0)
        p->rc = wtl_figure_draw(f, p->c, WTL_PAGE_LEFT, p->y + 2, p->alloc, p->err);
    p->y += h + 6;
    if (f->caption)
        p->y += wtl_pager_text(p, WTL_PAGE_LEFT, p->y, WTL_PAGE_TEXT_WIDTH, f->caption,
                               font_of(8.5, false, WTL_COLOR_MUTED), true) +
                4;
    p->y += 8;
}

/* What must follow a heading on its page: further headings, and the start of what comes then. */
static double company(struct wtl_pager *p, size_t i)
{
    double height = 0;
    for (i++; i < p->doc->n_blocks; i++) {
        const struct wtl_block *b = &p->doc->blocks[i];
        if (b->kind == WTL_BLOCK_FIGURE)
            return height + figure_height(p, b->figure);
        if (b->kind == WTL_BLOCK_TABLE)
            return height + 70;
        if (b->kind == WTL_BLOCK_HEADING) {
            height += 30;
            continue;
        }
        double text = wtl_pager_text(p, 0, 0, WTL_PAGE_TEXT_WIDTH, b->text, body_font(), false);
        return height + (text < 80 ? text : 80) + 6;
    }
    return height;
}

static void heading(struct wtl_pager *p, size_t i)
{
    const struct wtl_block *b = &p->doc->blocks[i];
    struct wtl_font font = heading_font(b->level);
    double above = p->y > WTL_PAGE_TOP ? (b->level == 1 ? 18 : 12) : 0;
    double own = wtl_pager_text(p, 0, 0, WTL_PAGE_TEXT_WIDTH, b->text, font, false) + 4;
    wtl_pager_need(p, above + own + company(p, i));
    if (p->y > WTL_PAGE_TOP)
        p->y += above;
    p->heading_page[i] = p->page;
    if (p->draw)
        wtl_canvas_outline(p->c, b->level - 1, b->text, b->id, p->y);
    p->y += wtl_pager_text(p, WTL_PAGE_LEFT, p->y, WTL_PAGE_TEXT_WIDTH, b->text, font, true) + 4;
}

/* A paragraph or bullet; a line is never cut, but long text may run over a page's end. */
static void text_block(struct wtl_pager *p, size_t i)
{
    const struct wtl_block *b = &p->doc->blocks[i];
    if (i && b->kind == WTL_BLOCK_PARAGRAPH && p->doc->blocks[i - 1].kind == WTL_BLOCK_BULLET)
        p->y += 4;
    double indent = b->kind == WTL_BLOCK_BULLET ? 11 : 0;
    double width = WTL_PAGE_TEXT_WIDTH - indent;
    double height = wtl_pager_text(p, 0, 0, width, b->text, body_font(), false);
    wtl_pager_need(p, height);
    if (indent > 0 && p->draw)
        wtl_canvas_mark(p->c, WTL_MARK_CIRCLE, WTL_PAGE_LEFT + 3.5, p->y + 6.3, 2.6,
                        wtl_color(WTL_COLOR_INK), 1);
    p->y += wtl_pager_text(p, WTL_PAGE_LEFT + indent, p->y, width, b->text, body_font(), true) +
            (indent > 0 ? 3 : 6);
}

static void lay_out(struct wtl_pager *p)
{
    p->y = WTL_PAGE_TOP;
    p->page = 1;
    front(p);
    contents(p);
    for (size_t i = 0; i < p->doc->n_blocks && p->rc == 0; i++) {
        const struct wtl_block *b = &p->doc->blocks[i];
        if (b->kind == WTL_BLOCK_HEADING)
            heading(p, i);
        else if (b->kind == WTL_BLOCK_FIGURE)
            figure(p, b->figure);
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
    int rc = p.heading_page ? first_pass(&p, fonts)
                            : WTL_FAIL(err, WTL_NOMEM, "out of memory writing the PDF");
    if (rc == 0)
        rc = second_pass(&p, fonts, out);
    wtl_arena_fini(&arena);
    return rc;
}
