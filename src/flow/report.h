/* SPDX-License-Identifier: Apache-2.0
 *
 * A campaign and its plans to a folder of documents: report.html, report.pdf, summary.md and
 * figures/NAME.svg, .png, .pdf, as a set of files that the caller commits: a failure (memory, a
 * full disk, a folder that cannot be written) leaves an earlier report as it was.
 */
#ifndef WTL_FLOW_REPORT_H
#define WTL_FLOW_REPORT_H

#include "base/file_set.h"
#include "flow/optimize.h"
#include "report/content.h"
#include "store/plan_file.h"

struct wtl_report_options {
    const char *dir;
    const struct wtl_plan_file *plans;   /* of the headline; NULL: made now by `request` */
    struct wtl_optimize_request request; /* its filter chooses the runs in both cases */
    bool formats[WTL_N_CANVAS_FORMATS];  /* of single figures, by enum wtl_canvas_format */
    const char *only;                    /* only figures whose name contains it, and no documents */
    const enum wtl_metric *metrics;      /* of the time series; NULL: the usual ones */
    size_t n_metrics;
    const struct wtl_cost_terms *cost; /* what a saving is worth in a year; NULL: not asked */
    /* Given ones, shown before those that are stored in the campaign. */
    const struct wtl_report_verdict *verdicts;
    size_t n_verdicts;
    const struct wtl_report_predictor *predictors;
    size_t n_predictors;
};

struct wtl_report_file {
    const char *path;
    int64_t bytes;
};

struct wtl_report_result {
    struct wtl_report_file *files; /* in order */
    size_t n_files;
    size_t n_figures; /* in the document */
    const char *const *notes;
    size_t n_notes;
};

/* A plan with limits is compared with one by the same policy without them, made here from the same
 * runs. -WTL_NOTFOUND when no run passes the filter, or `only` fits no figure (the hint lists
 * them). */
int wtl_flow_report(const struct wtl_flow *flow, struct wtl_campaign *c,
                    const struct wtl_report_options *options, struct wtl_arena *arena,
                    struct wtl_file_set *files, struct wtl_report_result *result_out,
                    struct wtl_error *err);

/* "svg,png,pdf" or "none" to the formats of single figures. -WTL_USAGE names the choices. */
int wtl_report_formats_parse(const char *text, bool formats[WTL_N_CANVAS_FORMATS],
                             struct wtl_error *err);

/* The result as JSON. NULL: out of memory. */
json_t *wtl_report_json(const struct wtl_report_result *r);

#endif
