/* SPDX-License-Identifier: Apache-2.0
 *
 * A document as a PDF of A4 pages: running foot with page numbers, contents with page numbers,
 * outline and links. No heading stands alone at the foot of a page, rows of a table are not cut and
 * its head is repeated, figures are not cut.
 */
#ifndef WTL_REPORT_PAGES_H
#define WTL_REPORT_PAGES_H

#include "report/document.h"

/* Appends the PDF. -WTL_NOMEM. */
int wtl_pages_render(const struct wtl_document *d, struct wtl_fonts *fonts, struct wtl_alloc alloc,
                     struct wtl_buf *out, struct wtl_error *err);

#endif
