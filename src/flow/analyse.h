/* SPDX-License-Identifier: Apache-2.0
 *
 * From traces to everything, in one go: import, plans without and with limits, their comparison,
 * the report, deployment files. What the published run-everything scripts set out to do; each step
 * is the function that its own command calls.
 *
 *   DIR/campaign.wattle  plan.json  plan-unconstrained.json  compare.html  compare.pdf
 *   DIR/report/  DIR/deploy/
 */
#ifndef WTL_FLOW_ANALYSE_H
#define WTL_FLOW_ANALYSE_H

#include "flow/compare.h"
#include "flow/deploy.h"
#include "flow/optimize.h"
#include "flow/report.h"

struct wtl_analyse_options {
    const char *dir; /* made if it is not there; an earlier analysis in it is brought up to date */
    struct wtl_import_options import;
    struct wtl_optimize_request request;
    double default_slowdown; /* limit for sets whose policy has none */
    bool with_wattle;        /* deploy: units that call `wattle apply` instead of the script */
    const struct wtl_cost_terms *cost; /* may be NULL */
};

struct wtl_analysis {
    const char *campaign, *plan_path, *free_plan_path, *report_dir, *deploy_dir;
    struct wtl_import_result import;
    struct wtl_plan_file plans, free_plans;
    struct wtl_comparison comparison;
    struct wtl_report_result report;
    struct wtl_deployment deployment;
};

/* All files appear together at the end. On failure the runs that were imported stay in the
 * campaign, and nothing else of it. */
int wtl_flow_analyse(const struct wtl_flow *flow, const struct wtl_analyse_options *options,
                     struct wtl_arena *arena, struct wtl_analysis *out, struct wtl_error *err);

/* What was made, as JSON; the caller drops the reference. NULL when memory is out. */
json_t *wtl_analysis_json(const struct wtl_analysis *a);

#endif
