/* SPDX-License-Identifier: Apache-2.0
 * Inside of the report's contents; for content*.c only. */
#ifndef WTL_REPORT_CONTENT_IMPL_H
#define WTL_REPORT_CONTENT_IMPL_H

#include "report/content.h"

/* A report being written. */
struct wtl_writer {
    struct wtl_document *d;
    const struct wtl_report *r;
    const enum wtl_metric *metrics;
    size_t n_metrics;
    const char **left_out; /* figures without data, and why */
    size_t n_left_out, cap_left_out;
    struct wtl_error *err;
    int rc;
};

/* Texts shared by the tables, sentences and the Markdown summary; "–" where there is none. */
const char *wtl_text_percent(struct wtl_document *d, const struct wtl_estimate *e);
const char *wtl_text_quantity(struct wtl_document *d, const struct wtl_estimate *e,
                              enum wtl_unit unit);
const char *wtl_text_clock(struct wtl_document *d, const struct wtl_plan *plan);
const char *wtl_text_baseline(struct wtl_document *d, const struct wtl_plan *plan);
const char *wtl_text_policy(struct wtl_document *d, const struct wtl_policy *policy);

/* What the sets of a report are combinations of. */
const char *wtl_text_combination(const struct wtl_report *r);

/* What its savings and slowdowns are of, after "both of one". */
const char *wtl_text_work(const struct wtl_report *r);

/* "5 ok, 2 undecided, 1 unusable". */
const char *wtl_text_statuses(struct wtl_document *d, const struct wtl_report *r);

void wtl_write_results(struct wtl_writer *w);
void wtl_write_set(struct wtl_writer *w, const struct wtl_report_set *s);
/* Measured operating points; nothing where no workload has several configurations. */
void wtl_write_points(struct wtl_writer *w);
void wtl_markdown_points(struct wtl_document *d, const struct wtl_report *r, struct wtl_buf *out);
/* Verdicts and held-out errors; nothing where the report has none. */
void wtl_write_verdicts(struct wtl_writer *w);
void wtl_write_heldout(struct wtl_writer *w);
void wtl_markdown_verdicts(struct wtl_document *d, const struct wtl_report *r, struct wtl_buf *out);
void wtl_markdown_heldout(struct wtl_document *d, const struct wtl_report *r, struct wtl_buf *out);
void wtl_write_rejected(struct wtl_writer *w);
void wtl_write_sources(struct wtl_writer *w);
void wtl_write_methods(struct wtl_writer *w);
void wtl_write_unknown(struct wtl_writer *w);

/* Adds the figure, or its reason to left_out; a failure is kept in w->rc. */
void wtl_write_figure(struct wtl_writer *w, int rc, struct wtl_figure *figure,
                      const struct wtl_error *err);

#endif
