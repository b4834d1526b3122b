/* SPDX-License-Identifier: Apache-2.0
 * `wattle analyse`: from a tree of traces to plans, comparison, report and deployment. */
#include "base/text.h"
#include "cli/command.h"
#include "cli/plan_options.h"
#include "cli/plan_text.h"
#include "cli/point_text.h"
#include "flow/analyse.h"

#include <inttypes.h>

struct analyse_options {
    const char *output;
    const char *gpu, *workload;
    int threads;
    bool keep_going, with_wattle;
    struct wtl_plan_options plan;
    struct wtl_cost_options cost;
};

#define AT(field) offsetof(struct analyse_options, field)
static const struct wtl_opt opts[] = {
    {"output", 'o', WTL_OPT_STRING, AT(output), "DIR",
     "folder for all results; made if it does not exist"},
    {"gpu", 0, WTL_OPT_STRING, AT(gpu), "NAME", "only runs on this GPU"},
    {"workload", 0, WTL_OPT_STRING, AT(workload), "NAME", "only runs of this workload"},
    {"keep-going", 0, WTL_OPT_FLAG, AT(keep_going), NULL,
     "pass over files that cannot be read, and say so"},
    {"with-wattle", 0, WTL_OPT_FLAG, AT(with_wattle), NULL,
     "deployment files that call `wattle apply` instead of nvidia-smi"},
    {"threads", 'j', WTL_OPT_INT, AT(threads), "N", "read with so many threads (1)", .min = 1,
     .max = WTL_LIMIT_THREADS},
    WTL_PLAN_OPTS(struct analyse_options, plan),
    WTL_COST_OPTS(struct analyse_options, cost),
    {0},
};
static const struct analyse_options defaults = {.threads = 1, .plan = WTL_PLAN_OPTIONS_DEFAULT};

static void print_import(struct wtl_context *ctx, const struct wtl_import_result *r)
{
    fprintf(ctx->out,
            "%" PRId64 " file%s read, %" PRId64 " known already, %" PRId64 " run%s added\n",
            r->files_read, wtl_plural(r->files_read), r->files_known, r->runs_added,
            wtl_plural(r->runs_added));
}

static int print_text(struct wtl_context *ctx, const struct wtl_analysis *a,
                      const struct wtl_cost_terms *terms, struct wtl_error *err)
{
    print_import(ctx, &a->import);
    fputc('\n', ctx->out);
    int rc = a->plans.n_plans ? wtl_print_plan_table(ctx, &a->plans, err) : 0;
    if (rc == 0 && a->plans.n_choices) {
        if (a->plans.n_plans)
            fputc('\n', ctx->out);
        rc = wtl_print_point_choices(ctx, a->plans.choices, a->plans.n_choices, err);
    }
    if (rc < 0 || ctx->verbosity < 0)
        return rc;
    if (ctx->verbosity > 0 || terms)
        wtl_print_plan_details(ctx, &a->plans, terms);
    fprintf(ctx->out,
            "\n%s  the runs\n%s  the plans, %s without limits\n"
            "%s/report.html, report.pdf  %zu figures\n%s  files for %zu of %zu plans\n",
            a->campaign, a->plan_path, a->free_plan_path, a->report_dir, a->report.n_figures,
            a->deploy_dir, a->deployment.n_deployed, a->deployment.n_items);
    return 0;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct analyse_options *o = ctx->options;
    struct wtl_flow flow = wtl_context_flow(ctx);
    flow.threads = o->threads;
    struct wtl_cost_terms terms;
    struct wtl_analysis a;
    struct wtl_analyse_options options = {
        .dir = o->output,
        .import = {.paths = ctx->argv, .n_paths = (size_t)ctx->argc, .keep_going = o->keep_going},
        .request = {.filter = {o->gpu, o->workload, NULL}},
        .default_slowdown = 0.05,
        .with_wattle = o->with_wattle,
    };
    if (!o->output)
        return WTL_FAIL(err, WTL_USAGE, "wattle analyse needs -o DIR");
    bool cost = wtl_cost_options_read(&o->cost, &terms);
    options.cost = cost ? &terms : NULL;
    int rc = wtl_plan_options_read(ctx->arena, &o->plan, &options.request, err);
    if (rc == 0)
        rc = wtl_flow_analyse(&flow, &options, ctx->arena, &a, err);
    if (rc == 0)
        rc = ctx->json ? wtl_print_json(ctx, wtl_analysis_json(&a), err)
                       : print_text(ctx, &a, options.cost, err);
    return rc < 0 ? rc : wtl_plan_file_status(&a.plans);
}

const struct wtl_command wtl_cmd_analyse = {
    .name = "analyse",
    .summary = "Go from traces to plans, report and deployment in one go",
    .synopsis = "PATH... -o DIR [options]",
    .description =
        "Imports files and trees, makes plans with and without limits, compares them, writes the "
        "report and the deployment files, all into one folder. The same as import, optimize, "
        "compare, report and deploy one after the other. Without a limit among the options or in "
        "the policy, the slowdown is limited to 5 %. Run again, it brings the folder up to date.",
    .examples = "  wattle analyse results/ -o analysis --max-slowdown 5%\n"
                "  wattle analyse results/ -o analysis --policy published-000 --price 0.30",
    .exit_codes = "5  no plan is ok: limits cannot be met\n"
                  "7  no plan is ok: the data cannot tell",
    .opts = opts,
    .options_size = sizeof(struct analyse_options),
    .defaults = &defaults,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
