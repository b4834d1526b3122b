/* SPDX-License-Identifier: Apache-2.0
 * `wattle delete`: stored plans, predictors and verdicts out of a campaign. */
#include "cli/command.h"
#include "codec/json.h"
#include "flow/documents.h"

static json_t *deleted_json(const struct wtl_context *ctx)
{
    json_t *names = json_array();
    for (int i = 1; i < ctx->argc; i++)
        wtl_json_add(&names, wtl_json_text(ctx->argv[i]));
    return json_pack("{s:o, s:o}", "campaign", wtl_json_text(ctx->argv[0]), "deleted", names);
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    struct wtl_campaign *c = NULL;
    int rc = wtl_campaign_open(ctx->argv[0], WTL_CAMPAIGN_WRITE, ctx->clock, &c, err);
    if (rc == 0)
        rc = wtl_flow_delete_documents(c, ctx->argv + 1, (size_t)ctx->argc - 1, ctx->arena, err);
    wtl_campaign_close(c);
    if (rc < 0)
        return rc;
    if (ctx->json)
        return wtl_print_json(ctx, deleted_json(ctx), err);
    for (int i = 1; i < ctx->argc; i++)
        fprintf(ctx->out, "deleted %s\n", ctx->argv[i]);
    return 0;
}

const struct wtl_command wtl_cmd_delete = {
    .name = "delete",
    .summary = "Delete plans, predictors and verdicts that a campaign keeps",
    .synopsis = "CAMPAIGN KIND/NAME...",
    .description =
        "Deletes documents that --save kept: plan/NAME, predictor/NAME or verdict/NAME, as "
        "`wattle show` lists them. All that are named are deleted, in one step, or none: a name "
        "that the campaign does not have is refused, with those that it has. Runs and what was "
        "imported are never touched, and neither are files that -o wrote.",
    .examples = "  wattle delete sweep.wattle plan/edp5\n"
                "  wattle delete sweep.wattle plan/edp5 verdict/june",
    .min_args = 2,
    .max_args = -1,
    .run = run,
};
