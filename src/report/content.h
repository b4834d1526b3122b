/* SPDX-License-Identifier: Apache-2.0
 *
 * What a report says: the order of its sections, its tables, sentences and figures. HTML and PDF
 * show the same document; the Markdown summary is the short form for a pull request.
 */
#ifndef WTL_REPORT_CONTENT_H
#define WTL_REPORT_CONTENT_H

#include "report/document.h"
#include "report/report.h"

struct wtl_content_options {
    const enum wtl_metric
        *metrics; /* of the time series; NULL: power, SM clock, temperature, load */
    size_t n_metrics;
};

/* Builds the document in `arena`. Figures without data are left out and named at its end.
 * -WTL_NOMEM. */
int wtl_content_build(struct wtl_arena *arena, const struct wtl_report *r,
                      const struct wtl_content_options *options, struct wtl_document *out,
                      struct wtl_error *err);

/* Appends the summary. -WTL_NOMEM. */
int wtl_content_markdown(const struct wtl_report *r, struct wtl_alloc alloc, struct wtl_buf *out,
                         struct wtl_error *err);

#endif
