/* SPDX-License-Identifier: Apache-2.0
 * `wattle fit`: a campaign to a predictor, with its errors on what it has not seen. */
#include "base/text.h"
#include "cli/command.h"
#include "cli/heldout_table.h"
#include "cli/policy_options.h"

#include "flow/documents.h"
#include "flow/fit.h"

struct fit_options {
    const char *output, *save;
    const char *gpu, *workload;
    struct wtl_policy_options policy;
};

static const struct wtl_opt opts[] = {
    {.name = "output",
     .letter = 'o',
     .type = WTL_OPT_STRING,
     .offset = offsetof(struct fit_options, output),
     .arg = "MODEL",
     .help = "file for the fitted predictor (JSON)"},
    {.name = "save",
     .type = WTL_OPT_STRING,
     .offset = offsetof(struct fit_options, save),
     .arg = "NAME",
     .help = "keep the predictor in the campaign, under this name; without it, nothing is written "
             "there"},
    {.name = "gpu",
     .type = WTL_OPT_STRING,
     .offset = offsetof(struct fit_options, gpu),
     .arg = "NAME",
     .help = "learn from runs on this GPU only"},
    {.name = "workload",
     .type = WTL_OPT_STRING,
     .offset = offsetof(struct fit_options, workload),
     .arg = "NAME",
     .help = "learn from runs of this workload only"},
    WTL_POLICY_OPTS(struct fit_options, policy),
    {0},
};

static void print_sets(struct wtl_context *ctx, const struct wtl_fit_result *r)
{
    const struct wtl_predictor *p = &r->file.predictor;
    fprintf(ctx->out, "Learned from %zu sets of runs%s:\n", p->n_trained,
            p->has_activity ? ", with activity of the GPU" : " (no activity of the GPU in them)");
    for (size_t i = 0; i < p->n_trained; i++)
        fprintf(ctx->out, "  %s on %s: %d run%s at %d clock%s\n", p->trained[i].workload,
                p->trained[i].gpu, p->trained[i].n_runs, wtl_plural(p->trained[i].n_runs),
                p->trained[i].n_clocks, wtl_plural(p->trained[i].n_clocks));
    if (r->n_skipped)
        fprintf(ctx->out, "Passed over:\n");
    for (size_t i = 0; i < r->n_skipped; i++)
        fprintf(ctx->out, "  %s on %s: %s\n", r->skipped[i].workload, r->skipped[i].gpu,
                r->skipped[i].reason);
    fputc('\n', ctx->out);
}

static int print_json(struct wtl_context *ctx, const struct wtl_fit_result *r,
                      struct wtl_error *err)
{
    json_t *root = NULL;
    int rc = wtl_fit_json(r, &root, err);
    return rc < 0 ? rc : wtl_print_json(ctx, root, err);
}

static int fit(struct wtl_context *ctx, const struct fit_options *o, struct wtl_campaign *c,
               const struct wtl_fit_request *request, struct wtl_error *err)
{
    const struct wtl_flow flow = wtl_context_flow(ctx);
    struct wtl_fit_result r;
    WTL_FILE_SET(files);
    int rc = wtl_flow_fit(&flow, c, request, ctx->arena, &r, err);
    if (rc == 0 && o->output)
        rc = wtl_predictor_file_add(&files, o->output, &r.file, err);
    rc = rc ? rc : wtl_file_set_prepare(&files, err);
    rc = rc ? rc : wtl_keep_predictor(c, o->save, &r.file, err);
    rc = rc ? rc : wtl_file_set_commit(&files, err);
    if (rc < 0)
        return rc;
    if (ctx->json)
        return print_json(ctx, &r, err);
    print_sets(ctx, &r);
    return wtl_print_heldout(ctx, &r.file.predictor, err);
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct fit_options *o = ctx->options;
    struct wtl_fit_request request = {.filter = {.gpu = o->gpu, .workload = o->workload}};
    struct wtl_campaign *c;
    if (!o->output && !o->save)
        return WTL_FAIL(err, WTL_USAGE, "wattle fit needs -o MODEL, or --save NAME");
    int rc = wtl_document_check_name(o->save, err);
    rc = rc ? rc : wtl_policy_options_read(ctx->arena, &o->policy, &request.options, err);
    if (rc == 0)
        rc = wtl_campaign_open(ctx->argv[0], wtl_document_mode(o->save), ctx->clock, &c, err);
    if (rc < 0)
        return rc;
    rc = fit(ctx, o, c, &request, err);
    wtl_campaign_close(c);
    return rc;
}

const struct wtl_command wtl_cmd_fit = {
    .name = "fit",
    .summary = "Learn time and power across workloads and GPUs from a campaign",
    .synopsis = "CAMPAIGN -o MODEL [--save NAME] [options]",
    .description =
        "Learns from every usable set of runs how time and power depend on the clock, and what "
        "workloads and GPUs have in common, so that `wattle predict` can answer for a workload "
        "that was run at one or three clocks only.\n\n"
        "Every workload and every GPU is left out of the learning in turn and then predicted. The "
        "errors of that are printed beside rules of thumb (always the highest clock, always 0.75 "
        "of it, the median optimum of the GPU) and stored in the model. The objective and limits "
        "given here are the ones that these errors are for: EDP and 5 % slowdown, unless given.",
    .examples = "  wattle fit campaign.wattle -o model.json\n"
                "  wattle fit campaign.wattle -o model.json --objective energy --max-slowdown 10%",
    .exit_codes = "7  fewer than two sets of runs are usable",
    .opts = opts,
    .options_size = sizeof(struct fit_options),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
