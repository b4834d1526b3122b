/* SPDX-License-Identifier: Apache-2.0
 * From traces to everything. */
#include "flow/analyse.h"

#include "flow/identity.h"

#include "base/file.h"

#include <string.h>

/* All paths of the folder. */
struct places {
    char *campaign, *plan, *free_plan, *html, *pdf, *report, *deploy;
};

static int find_places(struct wtl_arena *arena, const char *dir, struct places *p,
                       struct wtl_error *err)
{
    const struct {
        char **path;
        const char *name;
    } all[] = {{&p->campaign, "campaign.wattle"},
               {&p->plan, "plan.json"},
               {&p->free_plan, "plan-unconstrained.json"},
               {&p->html, "compare.html"},
               {&p->pdf, "compare.pdf"},
               {&p->report, "report"},
               {&p->deploy, "deploy"}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        *all[i].path = wtl_path_join(arena, dir, all[i].name);
        if (!*all[i].path)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    return 0;
}

/* Plans of both kinds from the same judged runs. */
static int make_plans(const struct wtl_flow *flow, struct wtl_campaign *c,
                      const struct wtl_analyse_options *o, struct wtl_arena *arena,
                      struct wtl_analysis *a, struct wtl_error *err)
{
    struct wtl_workset *sets = NULL;
    size_t n = 0;
    int rc = wtl_flow_worksets(flow, c, &o->request.filter, arena, &sets, &n, err);
    if (rc == 0 && n == 0)
        rc = WTL_FAIL(err, WTL_NOTFOUND, "no runs were found");
    if (rc == 0)
        rc = wtl_flow_plan_head(flow, c, arena, &a->plans, err);
    if (rc < 0)
        return rc;
    a->free_plans = a->plans;
    a->plans.plans = WTL_NEW_ARRAY(arena, struct wtl_plan, n);
    a->free_plans.plans = WTL_NEW_ARRAY(arena, struct wtl_plan, n);
    if (!a->plans.plans || !a->free_plans.plans)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct wtl_policy policy, free_policy;
        const char *note = NULL;
        wtl_progress(flow->log, "optimising", (int64_t)i, (int64_t)n, 0);
        rc = wtl_flow_policy(&o->request, &sets[i], arena, &policy, &note, err);
        if (rc < 0)
            break;
        free_policy = policy;
        if (!wtl_policy_lift_limits(&free_policy)) {
            policy.has_max_slowdown = true;
            policy.max_slowdown = o->default_slowdown;
        }
        rc = wtl_flow_plan(arena, &sets[i], &policy, note, &a->plans.plans[i], err);
        if (rc == 0)
            rc = wtl_flow_plan(arena, &sets[i], &free_policy, note, &a->free_plans.plans[i], err);
    }
    rc = rc ? rc : wtl_flow_made_from(c, arena, sets, n, a->plans.plans, err);
    rc = rc ? rc : wtl_flow_made_from(c, arena, sets, n, a->free_plans.plans, err);
    if (rc < 0)
        return rc;
    wtl_progress(flow->log, "optimising", (int64_t)n, (int64_t)n, 0);
    a->plans.n_plans = a->free_plans.n_plans = n;
    return 0;
}

static int write_plans(const struct wtl_flow *flow, const struct places *p, struct wtl_arena *arena,
                       struct wtl_file_set *set, struct wtl_analysis *a, struct wtl_error *err)
{
    const struct wtl_compare_files files = {
        p->html, p->pdf, {"plan-unconstrained.json", "plan.json"}};
    int rc = wtl_plan_file_add(set, p->plan, &a->plans, err);
    if (rc == 0)
        rc = wtl_plan_file_add(set, p->free_plan, &a->free_plans, err);
    if (rc == 0)
        rc = wtl_compare_plans(arena, &a->free_plans, &a->plans, &a->comparison, err);
    return rc < 0 ? rc : wtl_compare_write(flow, &a->comparison, &files, arena, set, err);
}

static int write_report(const struct wtl_flow *flow, struct wtl_campaign *c,
                        const struct wtl_analyse_options *o, const struct places *p,
                        struct wtl_arena *arena, struct wtl_file_set *set, struct wtl_analysis *a,
                        struct wtl_error *err)
{
    struct wtl_report_options options = {
        .dir = p->report, .plans = &a->plans, .request = o->request, .cost = o->cost};
    options.formats[WTL_CANVAS_SVG] = options.formats[WTL_CANVAS_PNG] = true;
    return wtl_flow_report(flow, c, &options, arena, set, &a->report, err);
}

static int write_deployment(const struct wtl_flow *flow, const struct wtl_analyse_options *o,
                            const struct places *p, struct wtl_arena *arena,
                            struct wtl_file_set *set, struct wtl_analysis *a, struct wtl_error *err)
{
    struct wtl_deploy_options *options = WTL_NEW(arena, struct wtl_deploy_options);
    if (!options)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *options = (struct wtl_deploy_options){.dir = p->deploy,
                                           .plan_path = p->plan,
                                           .program = WTL_DEPLOY_PROGRAM,
                                           .without_wattle = !o->with_wattle};
    return wtl_flow_deploy(flow, &a->plans, options, arena, set, &a->deployment, err);
}

int wtl_flow_analyse(const struct wtl_flow *flow, const struct wtl_analyse_options *options,
                     struct wtl_arena *arena, struct wtl_analysis *out, struct wtl_error *err)
{
    struct places p;
    struct wtl_campaign *c = NULL;
    WTL_FILE_SET(set);
    struct wtl_analysis *a = WTL_NEW(arena, struct wtl_analysis);
    if (!a)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = find_places(arena, options->dir, &p, err);
    rc = rc ? rc : wtl_file_set_add_dir(&set, options->dir, err);
    rc = rc ? rc : wtl_file_set_prepare(&set, err);
    if (rc == 0)
        rc = wtl_campaign_open(p.campaign, WTL_CAMPAIGN_CREATE, flow->clock, &c, err);
    if (rc < 0)
        return rc;
    rc = wtl_flow_import(flow, c, &options->import, arena, &a->import, err);
    if (rc == 0)
        rc = make_plans(flow, c, options, arena, a, err);
    if (rc == 0)
        rc = write_plans(flow, &p, arena, &set, a, err);
    if (rc == 0)
        rc = write_report(flow, c, options, &p, arena, &set, a, err);
    wtl_campaign_close(c);
    if (rc == 0)
        rc = write_deployment(flow, options, &p, arena, &set, a, err);
    if (rc == 0)
        rc = wtl_file_set_commit(&set, err);
    if (rc < 0)
        return rc;
    a->campaign = p.campaign;
    a->plan_path = p.plan;
    a->free_plan_path = p.free_plan;
    a->report_dir = p.report;
    a->deploy_dir = p.deploy;
    *out = *a;
    /* The comparison and the deployment point to the plans where they are now. */
    out->comparison.a = &out->free_plans;
    out->comparison.b = &out->plans;
    out->deployment.file = &out->plans;
    return 0;
}

json_t *wtl_analysis_json(const struct wtl_analysis *a)
{
    json_auto_t *plans = NULL;
    if (wtl_plan_to_json(&a->plans, &plans, NULL) < 0)
        return NULL;
    return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}",
                     "format", "wattle-analysis", "version", 1, "campaign", a->campaign, "plan",
                     a->plan_path, "plan_unconstrained", a->free_plan_path, "report", a->report_dir,
                     "deploy", a->deploy_dir, "files_read", (json_int_t)a->import.files_read,
                     "files_known", (json_int_t)a->import.files_known, "runs_added",
                     (json_int_t)a->import.runs_added, "figures", (json_int_t)a->report.n_figures,
                     "plans_deployed", (json_int_t)a->deployment.n_deployed, "plans_left_out",
                     (json_int_t)(a->deployment.n_items - a->deployment.n_deployed), "plans",
                     json_incref(json_object_get(plans, "plans")), "comparison",
                     wtl_comparison_json(&a->comparison));
}
