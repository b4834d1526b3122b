/* SPDX-License-Identifier: Apache-2.0
 * Inside of the PDF; for pages.c and pages_table.c only. */
#ifndef WTL_REPORT_PAGES_IMPL_H
#define WTL_REPORT_PAGES_IMPL_H

#include "report/pages.h"

/* A4 in points, margins of 20 mm. */
#define WTL_PAGE_WIDTH 595.28
#define WTL_PAGE_HEIGHT 841.89
#define WTL_PAGE_LEFT 56.69
#define WTL_PAGE_TOP 56.69
#define WTL_PAGE_BOTTOM (WTL_PAGE_HEIGHT - 62.0)
#define WTL_PAGE_TEXT_WIDTH (WTL_PAGE_WIDTH - 2 * WTL_PAGE_LEFT)

/* Laying out is done twice: first without drawing, to learn the page of every heading, the number
 * of pages and by how much the figures of a page shrink or grow to fill it; the second pass repeats
 * the page breaks of the first. */
struct wtl_pager {
    const struct wtl_document *doc;
    struct wtl_canvas *c;
    struct wtl_alloc alloc;
    struct wtl_arena *arena; /* for wrapped lines */
    bool draw;
    double y;
    int page;          /* from 1 */
    int n_pages;       /* known in the second pass */
    int *heading_page; /* one per block */
    size_t block;      /* the one being set */
    size_t page_from;  /* the first block that began on this page */
    double *scale;     /* one per block: of the panels of a figure */
    bool *broke;       /* one per question for room: whether a page ended there */
    size_t n_asked, cap_asked;
    struct wtl_error *err;
    int rc; /* the first failure */
};

void wtl_pager_break(struct wtl_pager *p);

/* A new page unless `height` points are left; whether one was begun. */
bool wtl_pager_need(struct wtl_pager *p, double height);

/* Wrapped text at x; returns its height. Draws only in the second pass. */
double wtl_pager_text(struct wtl_pager *p, double x, double y, double width, const char *text,
                      struct wtl_font font, bool draw);

void wtl_pager_table(struct wtl_pager *p, const struct wtl_doc_table *t);

#endif
