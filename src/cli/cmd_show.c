/* SPDX-License-Identifier: Apache-2.0
 * `wattle show`: what a campaign holds, and what is wrong with it. */
#include "cli/at_option.h"
#include "cli/show.h"

struct show_command {
    const char *gpu, *workload, *at, *document;
    bool runs, sources;
};

#define AT(field) offsetof(struct show_command, field)
static const struct wtl_opt opts[] = {
    {"gpu", 0, WTL_OPT_STRING, AT(gpu), "NAME", "only this GPU"},
    {"workload", 0, WTL_OPT_STRING, AT(workload), "NAME", "only this workload"},
    WTL_OPT_AT(struct show_command, at, "only these operating points: \"fp16, batch 8\""),
    {"runs", 0, WTL_OPT_FLAG, AT(runs), NULL, "list every run with its judgement"},
    {"document", 0, WTL_OPT_STRING, AT(document), "KIND/NAME",
     "print a stored document instead: plan/NAME, predictor/NAME or verdict/NAME"},
    {"sources", 0, WTL_OPT_FLAG, AT(sources), NULL, "list every imported file"},
    {0},
};

static int print_document(struct wtl_context *ctx, struct wtl_campaign *c, const char *which,
                          struct wtl_error *err)
{
    const char *json = NULL;
    int rc = wtl_flow_document(c, which, ctx->arena, &json, err);
    if (rc == 0 && fputs(json, ctx->out) < 0)
        rc = WTL_FAIL(err, WTL_IO, "cannot write to standard output");
    return rc;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct show_command *o = ctx->options;
    struct wtl_show s = {.path = ctx->argv[0], .list_runs = o->runs, .list_sources = o->sources};
    const struct wtl_flow flow = wtl_context_flow(ctx);
    struct wtl_run_filter filter = {.gpu = o->gpu, .workload = o->workload};
    struct wtl_campaign *c = NULL;
    int rc = wtl_at_option(ctx->arena, o->at, &filter.at, err);
    rc = rc ? rc : wtl_campaign_open(s.path, WTL_CAMPAIGN_READ, ctx->clock, &c, err);
    if (rc == 0 && o->document)
        rc = print_document(ctx, c, o->document, err);
    else if (rc == 0)
        rc = wtl_flow_show(&flow, c, &filter, ctx->arena, &s, err);
    wtl_campaign_close(c);
    if (rc < 0 || o->document)
        return rc;
    return ctx->json ? wtl_print_json(ctx, wtl_show_json(&s), err) : show_text(ctx, &s, err);
}

const struct wtl_command wtl_cmd_show = {
    .name = "show",
    .summary = "Show what a campaign holds, what was rejected and why",
    .synopsis = "CAMPAIGN [options]",
    .description =
        "Lists the GPUs and workloads of a campaign with their clocks, how many runs there are, how"
        " many are used, why the others are not, how well the clocks are covered, how much runs of"
        " one clock scatter, and what the set of runs as a whole is worth; and the files that all"
        " this came from; the plans, predictors and verdicts that --save kept in it, and whether"
        " they are of the runs that it holds now.\n\n"
        "Coverage is the share of the tried clocks that have a run which is used. CV is the"
        " standard deviation over the mean within a clock, pooled over the clocks.",
    .examples = "  wattle show sweep.wattle\n"
                "  wattle show sweep.wattle --runs --gpu A100 --workload llama\n"
                "  wattle show sweep.wattle --document plan/edp5 | wattle deploy - -o deploy/",
    .opts = opts,
    .options_size = sizeof(struct show_command),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
