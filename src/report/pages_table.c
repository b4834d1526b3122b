/* SPDX-License-Identifier: Apache-2.0
 * Tables of the PDF: widths from the contents, rows that are not cut, a head on every page. */
#include "base/text.h"
#include "report/pages_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS_MAX = 24, MEASURED_ROWS = 400 };

static const double pad_x = 4, pad_y = 2.2;

struct layout {
    const struct wtl_doc_table *t;
    size_t n;
    double width[COLUMNS_MAX]; /* padding included */
    double left[COLUMNS_MAX];
};

static struct wtl_font cell_font(const struct wtl_doc_table *t, size_t column, bool head)
{
    enum wtl_cell_kind kind = t->columns[column].kind;
    return (struct wtl_font){.size_pt = kind == WTL_CELL_CODE ? 6.6 : 7.6,
                             .bold = head || kind == WTL_CELL_STATUS,
                             .color = wtl_color(WTL_COLOR_INK),
                             .align = kind == WTL_CELL_NUMBER ? WTL_ALIGN_RIGHT : WTL_ALIGN_LEFT,
                             .valign = WTL_VALIGN_TOP};
}

/* Width of the widest word: a column is not made narrower, so that only hopeless words break. */
static double widest_word(struct wtl_pager *p, const char *text, struct wtl_font font)
{
    double widest = 0;
    while (*text) {
        char word[256];
        size_t n = strcspn(text, " ");
        size_t kept = n < sizeof word - 1 ? n : sizeof word - 1;
        memcpy(word, text, kept);
        word[kept] = '\0';
        widest = fmax(widest, wtl_canvas_text_width(p->c, word, font));
        text += n + strspn(text + n, " ");
    }
    return widest;
}

struct demand {
    double least, wanted;
    double broken; /* least width when numbers may break at blanks, too */
};

static struct demand demand_of(struct wtl_pager *p, const struct wtl_doc_table *t, size_t column)
{
    struct wtl_font font = cell_font(t, column, true);
    double title = widest_word(p, t->columns[column].title, font);
    struct demand d = {title, wtl_canvas_text_width(p->c, t->columns[column].title, font), title};
    bool whole = t->columns[column].kind == WTL_CELL_NUMBER;
    font = cell_font(t, column, false);
    /* Numbers are measured in every row; of long texts the first rows are typical enough. */
    size_t rows = whole || t->n_rows < MEASURED_ROWS ? t->n_rows : MEASURED_ROWS;
    for (size_t r = 0; r < rows; r++) {
        const char *text = t->cells[r * t->n_columns + column];
        double width = wtl_canvas_text_width(p->c, text, font);
        d.wanted = fmax(d.wanted, width);
        double word = fmin(widest_word(p, text, font), 90);
        d.least = fmax(d.least, whole ? width : word);
        d.broken = fmax(d.broken, word);
    }
    d.least += 2 * pad_x;
    d.broken += 2 * pad_x;
    d.wanted += 2 * pad_x;
    return d;
}

/* Every column gets its least width; what is left goes to those that want more, in proportion.
 * Where whole numbers leave no room for the names, they break at their blanks. */
static void share_width(struct wtl_pager *p, struct layout *l)
{
    struct demand demand[COLUMNS_MAX] = {0};
    double least = 0, broken = 0, wanted = 0, room = WTL_PAGE_TEXT_WIDTH, x = WTL_PAGE_LEFT;
    for (size_t i = 0; i < l->n; i++) {
        demand[i] = demand_of(p, l->t, i);
        least += demand[i].least;
        broken += demand[i].broken;
        /* A long text, which wraps in any case, does not starve the column beside it. */
        demand[i].wanted = fmax(demand[i].least, fmin(demand[i].wanted, room / 2));
        wanted += demand[i].wanted;
    }
    for (size_t i = 0; least > room && i < l->n; i++)
        demand[i].least = demand[i].broken;
    least = least > room ? broken : least;
    double spare = fmax(room - least, 0), more = fmax(wanted - least, 1e-9);
    double share = fmin(spare / more, 1);
    double squeeze = least > room ? room / least : 1;
    for (size_t i = 0; i < l->n; i++) {
        l->left[i] = x;
        l->width[i] = (demand[i].least + (demand[i].wanted - demand[i].least) * share) * squeeze;
        x += l->width[i];
    }
}

static double cell(struct wtl_pager *p, const struct layout *l, size_t column, double y,
                   const char *text, bool head, bool draw)
{
    return wtl_pager_text(p, l->left[column] + pad_x, y + pad_y, l->width[column] - 2 * pad_x + 0.1,
                          text, cell_font(l->t, column, head), draw);
}

static double row(struct wtl_pager *p, const struct layout *l, const char *const *cells, bool head,
                  bool draw)
{
    double height = 0;
    for (size_t i = 0; i < l->n; i++)
        height = fmax(height, cell(p, l, i, p->y, cells[i], head, draw));
    return height + 2 * pad_y;
}

static void rule(struct wtl_pager *p, const struct layout *l, double width_pt)
{
    if (p->draw)
        wtl_canvas_line(
            p->c, WTL_PAGE_LEFT, p->y, l->left[l->n - 1] + l->width[l->n - 1], p->y,
            (struct wtl_pen){wtl_color(width_pt > 0.5 ? WTL_COLOR_AXIS : WTL_COLOR_GRID), width_pt,
                             1, WTL_DASH_SOLID});
}

static void head(struct wtl_pager *p, const struct layout *l)
{
    const char *titles[COLUMNS_MAX];
    for (size_t i = 0; i < l->n; i++)
        titles[i] = l->t->columns[i].title;
    p->y += row(p, l, titles, true, true);
    rule(p, l, 0.8);
}

static struct wtl_font caption_font(void)
{
    return (struct wtl_font){
        .size_pt = 8.5, .color = wtl_color(WTL_COLOR_MUTED), .valign = WTL_VALIGN_TOP};
}

/* The rest is in the page: said, not dropped in silence. */
static void rest_elsewhere(struct wtl_pager *p, size_t left_out)
{
    char text[120];
    snprintf(text, sizeof text, "%zu more row%s in report.html.", left_out,
             wtl_plural((int64_t)left_out));
    wtl_pager_need(p, 14);
    p->y += 2;
    p->y += wtl_pager_text(p, WTL_PAGE_LEFT, p->y, WTL_PAGE_TEXT_WIDTH, text, caption_font(), true);
}

void wtl_pager_table(struct wtl_pager *p, const struct wtl_doc_table *t)
{
    struct layout l = {.t = t, .n = t->n_columns < COLUMNS_MAX ? t->n_columns : COLUMNS_MAX};
    if (t->n_rows == 0 || p->rc < 0)
        return;
    share_width(p, &l);
    size_t rows = t->pdf_max && t->n_rows > t->pdf_max ? t->pdf_max : t->n_rows;
    double first = row(p, &l, t->cells, false, false);
    wtl_pager_need(p, first + 50);
    if (t->caption)
        p->y += wtl_pager_text(p, WTL_PAGE_LEFT, p->y, WTL_PAGE_TEXT_WIDTH, t->caption,
                               caption_font(), true) +
                2;
    head(p, &l);
    for (size_t r = 0; r < rows && p->rc == 0; r++) {
        const char *const *cells = &t->cells[r * t->n_columns];
        double height = row(p, &l, cells, false, false);
        if (wtl_pager_need(p, height))
            head(p, &l);
        p->y += row(p, &l, cells, false, true);
        rule(p, &l, 0.4);
    }
    if (rows < t->n_rows)
        rest_elsewhere(p, t->n_rows - rows);
    p->y += 12;
}
