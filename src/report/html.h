/* SPDX-License-Identifier: Apache-2.0
 *
 * A document as one HTML page: no script, no request to anywhere, figures inline as SVG, a light
 * and a dark scheme, and a style for print.
 */
#ifndef WTL_REPORT_HTML_H
#define WTL_REPORT_HTML_H

#include "report/document.h"

/* Appends the page. -WTL_NOMEM. */
int wtl_html_render(const struct wtl_document *d, struct wtl_fonts *fonts, struct wtl_alloc alloc,
                    struct wtl_buf *out, struct wtl_error *err);

#endif
