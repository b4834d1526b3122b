/* SPDX-License-Identifier: Apache-2.0
 * `wattle optimize`: the clock with the least energy inside the limits, with the evidence. */
#include "cli/at_option.h"
#include "cli/command.h"
#include "cli/plan_options.h"
#include "cli/plan_text.h"
#include "cli/point_text.h"
#include "cli/sensitivity_text.h"
#include "flow/documents.h"

#include <string.h>

struct optimize_options {
    const char *output, *save;
    const char *gpu, *workload, *job, *at, *baseline_at;
    bool sensitivity;
    struct wtl_plan_options plan;
    struct wtl_cost_options cost;
};

#define AT(field) offsetof(struct optimize_options, field)
static const struct wtl_opt opts[] = {
    {"output", 'o', WTL_OPT_STRING, AT(output), "PLAN", "write the plan to this file as well"},
    {"save", 0, WTL_OPT_STRING, AT(save), "NAME",
     "keep the plan in the campaign as well, under this name; without it, nothing is written "
     "there"},
    {"gpu", 0, WTL_OPT_STRING, AT(gpu), "NAME", "only runs on this GPU"},
    {"workload", 0, WTL_OPT_STRING, AT(workload), "NAME", "only runs of this workload"},
    {"job", 0, WTL_OPT_STRING, AT(job), "ID", "only runs of this job"},
    WTL_OPT_AT(struct optimize_options, at, "only these operating points: \"fp16, batch 8\""),
    {"baseline-at", 0, WTL_OPT_STRING, AT(baseline_at), "SETTINGS",
     "baseline of the best operating point: the fastest of these points (of all)"},
    {"sensitivity", 0, WTL_OPT_FLAG, AT(sensitivity), NULL,
     "sweep slowdown limits and weights, compare objectives, leave out repetitions"},
    WTL_PLAN_OPTS(struct optimize_options, plan),
    WTL_COST_OPTS(struct optimize_options, cost),
    {0},
};
static const struct optimize_options defaults = {.plan = WTL_PLAN_OPTIONS_DEFAULT};

/* "clock CAMPAIGN" is the same as "CAMPAIGN"; the other levels are not here yet. */
static int campaign_argument(struct wtl_context *ctx, const char **path_out, struct wtl_error *err)
{
    static const char *const levels[] = {"share", "pipeline", "fleet"};
    if (ctx->argc == 1) {
        *path_out = ctx->argv[0];
        return 0;
    }
    if (strcmp(ctx->argv[0], "clock") == 0) {
        *path_out = ctx->argv[1];
        return 0;
    }
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(ctx->argv[0], levels[i]) == 0)
            return WTL_FAIL(err, WTL_UNSUPPORTED, "the level \"%s\" comes with a later version",
                            levels[i]);
    int rc = WTL_FAIL(err, WTL_USAGE, "wattle optimize takes one campaign, found \"%s\" as well",
                      ctx->argv[1]);
    wtl_error_hint(err, "usage: wattle optimize [clock] CAMPAIGN [options]");
    return rc;
}

static int print_json(struct wtl_context *ctx, const struct wtl_plan_file *file,
                      struct wtl_error *err)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    int rc = wtl_plan_file_text(file, &text, err);
    if (rc == 0)
        fputs(wtl_buf_str(&text), ctx->out);
    wtl_buf_fini(&text);
    return rc;
}

static int print_text(struct wtl_context *ctx, const struct wtl_plan_file *file,
                      struct wtl_error *err)
{
    const struct optimize_options *o = ctx->options;
    struct wtl_cost_terms terms;
    bool cost = wtl_cost_options_read(&o->cost, &terms);
    int rc = file->n_plans ? wtl_print_plan_table(ctx, file, err) : 0;
    if (rc == 0 && file->n_choices) {
        if (file->n_plans)
            fputc('\n', ctx->out);
        rc = wtl_print_point_choices(ctx, file->choices, file->n_choices, err);
    }
    if (rc == 0 && ctx->verbosity >= 0) {
        wtl_print_plan_details(ctx, file, cost ? &terms : NULL);
        wtl_print_published(ctx, file);
    }
    return rc;
}

/* What --sensitivity prints instead of the details of the plans. */
static int print_sensitivity(struct wtl_context *ctx, const struct wtl_flow *flow,
                             struct wtl_campaign *campaign,
                             const struct wtl_optimize_request *request,
                             const struct wtl_plan_file *file, struct wtl_error *err)
{
    struct wtl_set_sensitivity *sets = NULL;
    size_t n = 0;
    int rc = wtl_flow_sensitivity(flow, campaign, request, ctx->arena, &sets, &n, err);
    if (rc == 0 && ctx->json)
        return wtl_print_json(ctx, wtl_sensitivity_json(sets, n), err);
    if (rc == 0)
        rc = wtl_print_plan_table(ctx, file, err);
    return rc < 0 ? rc : wtl_print_sensitivity(ctx, sets, n, err);
}

static int answer(struct wtl_context *ctx, const struct wtl_flow *flow,
                  struct wtl_campaign *campaign, const struct wtl_optimize_request *request,
                  struct wtl_error *err)
{
    const struct optimize_options *o = ctx->options;
    struct wtl_plan_file file = {0};
    WTL_FILE_SET(files);
    int rc = wtl_flow_optimize(flow, campaign, request, ctx->arena, &file, err);
    if (rc == 0 && o->output)
        rc = wtl_plan_file_add(&files, o->output, &file, err);
    rc = rc ? rc : wtl_file_set_prepare(&files, err);
    rc = rc ? rc : wtl_keep_plans(campaign, o->save, &file, err);
    rc = rc ? rc : wtl_file_set_commit(&files, err);
    if (rc < 0)
        return rc;
    if (o->sensitivity)
        rc = print_sensitivity(ctx, flow, campaign, request, &file, err);
    else
        rc = ctx->json ? print_json(ctx, &file, err) : print_text(ctx, &file, err);
    return rc < 0 ? rc : wtl_plan_file_status(&file);
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct optimize_options *o = ctx->options;
    const struct wtl_flow flow = wtl_context_flow(ctx);
    struct wtl_optimize_request request = {.filter = {o->gpu, o->workload, o->job, NULL}};
    struct wtl_campaign *campaign;
    const char *path = NULL;
    int rc = campaign_argument(ctx, &path, err);
    if (rc == 0)
        rc = wtl_plan_options_read(ctx->arena, &o->plan, &request, err);
    rc = rc ? rc : wtl_at_option(ctx->arena, o->at, &request.filter.at, err);
    rc = rc ? rc : wtl_at_option(ctx->arena, o->baseline_at, &request.baseline_at, err);
    rc = rc ? rc : wtl_document_check_name(o->save, err);
    if (rc == 0)
        rc = wtl_campaign_open(path, wtl_document_mode(o->save), ctx->clock, &campaign, err);
    if (rc < 0)
        return rc;
    wtl_cost_options_not_in_json(ctx, &o->cost);
    rc = answer(ctx, &flow, campaign, &request, err);
    wtl_campaign_close(campaign);
    return rc;
}

const struct wtl_command wtl_cmd_optimize = {
    .name = "optimize",
    .summary = "Choose the clock with the least energy inside the limits",
    .synopsis = "[clock] CAMPAIGN [-o PLAN] [--save NAME] [options]",
    .description =
        "For every GPU and workload of the campaign: fits curves of time and power over the usable "
        "runs, holds the limits at their upper bounds, finds the optimum and every clock that the "
        "data cannot tell from it, and says what is saved against the baseline, with an interval "
        "from a bootstrap of the whole procedure. A plan is ok, undecided (the data cannot tell), "
        "unusable (the runs do not measure the workload) or infeasible (with the limit that binds "
        "and the smallest relaxation).\n\n"
        "Runs at several operating points (variant, batch, replicas, share, power limit, CPU "
        "quota, "
        "threads) have a plan each. All points that were measured, clocks included, are then set "
        "side by side per unit of work: the best operating point, what cannot be told from it, and "
        "why the others are out. --at narrows both.\n\n"
        "--baseline rep:1 reproduces the published method and says what is wrong with it. A clock "
        "that the GPU does not have is never recommended: without --clocks the choice is among the "
        "clocks of the runs, for known boards among those that the board has.",
    .examples =
        "  wattle optimize c.wattle --objective edp --max-slowdown 5% -o plan.json\n"
        "  wattle optimize c.wattle --policy published-000\n"
        "  wattle optimize c.wattle --baseline rep:1\n"
        "  wattle optimize c.wattle --at \"fp16, batch 8\" --objective energy --slo p99=50ms\n"
        "  wattle optimize c.wattle --gpu A100 --price 0.30 --carbon 380 --busy-hours 6000",
    .exit_codes = "5  no plan is ok: limits cannot be met\n"
                  "7  no plan is ok: the data cannot tell",
    .opts = opts,
    .options_size = sizeof(struct optimize_options),
    .defaults = &defaults,
    .min_args = 1,
    .max_args = 2,
    .run = run,
};
