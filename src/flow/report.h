/* SPDX-License-Identifier: Apache-2.0
 *
 * A campaign and its plans to a folder of documents: report.html, report.pdf, summary.md and
 * figures/NAME.svg, .png, .pdf. Every file is replaced in one step; a failure (full disk, a folder
 * that cannot be written) leaves the files that were finished and no half one.
 */
#ifndef WTL_FLOW_REPORT_H
#define WTL_FLOW_REPORT_H

#include "flow/flow.h"
#include "report/content.h"
#include "store/plan_file.h"

struct wtl_report_options {
    const char *dir;
    const struct wtl_plan_file *plans;         /* of the headline; NULL: none */
    const struct wtl_plan_file *unconstrained; /* to compare with; NULL: none */
    struct wtl_run_filter filter;
    bool formats[WTL_N_CANVAS_FORMATS]; /* of single figures, by enum wtl_canvas_format */
    const char *only;                   /* only figures whose name contains it, and no documents */
    const enum wtl_metric *metrics;     /* of the time series; NULL: the usual ones */
    size_t n_metrics;
    struct wtl_report_yearly yearly;
};

struct wtl_report_file {
    const char *path;
    int64_t bytes;
};

struct wtl_report_result {
    struct wtl_report_file *files; /* in order of writing */
    size_t n_files;
    size_t n_figures; /* in the document */
    const char *const *notes;
    size_t n_notes;
};

/* -WTL_NOTFOUND when no run passes the filter, or `only` fits no figure (the hint lists them). */
int wtl_flow_report(const struct wtl_flow *flow, struct wtl_campaign *c,
                    const struct wtl_report_options *options, struct wtl_arena *arena,
                    struct wtl_report_result *result_out, struct wtl_error *err);

#endif
