/* SPDX-License-Identifier: Apache-2.0
 * `wattle fit`: a campaign to a predictor, with its errors on what it has not seen. */
#include "cli/command.h"
#include "cli/heldout_table.h"
#include "cli/policy_options.h"

#include "base/file.h"
#include "flow/fit.h"

struct fit_options {
    const char *output;
    const char *gpu, *workload;
    bool no_store;
    struct wtl_policy_options policy;
};

static const struct wtl_opt opts[] = {
    {.name = "output",
     .letter = 'o',
     .type = WTL_OPT_STRING,
     .offset = offsetof(struct fit_options, output),
     .arg = "MODEL",
     .help = "file for the fitted predictor (JSON)"},
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
    {.name = "no-store",
     .type = WTL_OPT_FLAG,
     .offset = offsetof(struct fit_options, no_store),
     .help = "do not keep the predictor in the campaign as well"},
    WTL_POLICY_OPTS(struct fit_options, policy),
    {0},
};

static void print_sets(struct wtl_context *ctx, const struct wtl_fit_result *r)
{
    const struct wtl_predictor *p = &r->file.predictor;
    fprintf(ctx->out, "Learned from %zu sets of runs%s:\n", p->n_trained,
            p->has_activity ? ", with activity of the GPU" : " (no activity of the GPU in them)");
    for (size_t i = 0; i < p->n_trained; i++)
        fprintf(ctx->out, "  %s on %s: %d runs at %d clocks\n", p->trained[i].workload,
                p->trained[i].gpu, p->trained[i].n_runs, p->trained[i].n_clocks);
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

static int keep(struct wtl_campaign *c, const char *name, const struct wtl_predictor_file *file,
                struct wtl_error *err)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    int rc = wtl_predictor_file_text(file, &text, err);
    if (rc == 0)
        rc = wtl_campaign_put_document(c, "predictor", name, wtl_buf_str(&text), err);
    wtl_buf_fini(&text);
    return rc;
}

static int fit(struct wtl_context *ctx, const struct fit_options *o, struct wtl_campaign *c,
               const struct wtl_fit_request *request, struct wtl_error *err)
{
    const struct wtl_flow flow = {wtl_alloc_system(), ctx->clock, &ctx->log, 1};
    struct wtl_fit_result r;
    WTL_FILE_SET(files);
    int rc = wtl_flow_fit(&flow, c, request, ctx->arena, &r, err);
    rc = rc ? rc : wtl_predictor_file_add(&files, o->output, &r.file, err);
    rc = rc ? rc : wtl_file_set_prepare(&files, err);
    if (rc == 0 && !o->no_store)
        rc = keep(c, wtl_path_base(o->output), &r.file, err);
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
    if (!o->output)
        return WTL_FAIL(err, WTL_USAGE, "wattle fit needs -o MODEL");
    int rc = wtl_policy_options_read(ctx->arena, &o->policy, &request.options, err);
    if (rc == 0)
        rc = wtl_campaign_open(ctx->argv[0], o->no_store ? WTL_CAMPAIGN_READ : WTL_CAMPAIGN_WRITE,
                               ctx->clock, &c, err);
    if (rc < 0)
        return rc;
    rc = fit(ctx, o, c, &request, err);
    wtl_campaign_close(c);
    return rc;
}

const struct wtl_command wtl_cmd_fit = {
    .name = "fit",
    .summary = "Learn time and power across workloads and GPUs from a campaign",
    .synopsis = "CAMPAIGN -o MODEL [options]",
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
