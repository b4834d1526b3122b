/* SPDX-License-Identifier: Apache-2.0
 * `wattle deploy`: a plan to the files that put it in force. */
#include "cli/at_option.h"
#include "cli/command.h"
#include "cli/table.h"

#include "flow/deploy.h"

struct deploy_options {
    const char *dir;
    bool without_wattle;
    struct wtl_opt_quantity memory_clock;
    const char *program, *at;
};

static const struct wtl_opt opts[] = {
    {.name = "output",
     .letter = 'o',
     .type = WTL_OPT_STRING,
     .offset = offsetof(struct deploy_options, dir),
     .arg = "DIR",
     .help = "folder for the files; made if it is not there"},
    WTL_OPT_AT(struct deploy_options, at,
               "deploy the plans at these operating points alone: \"fp16, batch 8\""),
    {.name = "without-wattle",
     .type = WTL_OPT_FLAG,
     .offset = offsetof(struct deploy_options, without_wattle),
     .help = "write a shell script that needs nvidia-smi alone, and units that call it"},
    {.name = "memory-clock",
     .type = WTL_OPT_QUANTITY,
     .unit = WTL_UNIT_MHZ,
     .min = 1,
     .max = 100000,
     .offset = offsetof(struct deploy_options, memory_clock),
     .arg = "MHZ",
     .help = "lock the memory clock as well (Ampere and later; only with --without-wattle)"},
    {.name = "program",
     .type = WTL_OPT_STRING,
     .offset = offsetof(struct deploy_options, program),
     .arg = "PATH",
     .help = "where wattle is on the target machine (/usr/bin/wattle)"},
    {0},
};

static const struct deploy_options defaults = {.program = WTL_DEPLOY_PROGRAM};

static void print_left_out(struct wtl_context *ctx, const char *workload, const char *gpu,
                           const char *why)
{
    char text[WTL_LIMIT_NAME + WTL_CONFIGURED_NAME + WTL_MEASURED_POINT_TEXT + 160];
    snprintf(text, sizeof text, "%s on %s: %s", workload, gpu, why);
    wtl_print_hanging(ctx->out, "left out: ", text, WTL_TABLE_WIDTH);
}

static void print_end(struct wtl_context *ctx, const struct wtl_deployment *d)
{
    if (d->n_items)
        fprintf(ctx->messages, "%zu of %zu plans deployed into %s; read DEPLOY.md there\n",
                d->n_deployed, d->n_items, d->options->dir);
    else if (d->file->n_choices)
        fprintf(ctx->messages,
                "nothing to deploy: %s holds no plan of a clock, only %zu choice%s among operating "
                "points\n",
                d->options->plan_path, d->file->n_choices, d->file->n_choices == 1 ? "" : "s");
    else
        fprintf(ctx->messages, "nothing to deploy: %s holds no plan\n", d->options->plan_path);
}

static void print_text(struct wtl_context *ctx, const struct wtl_deployment *d)
{
    for (size_t i = 0; i < d->n_items; i++) {
        const struct wtl_deploy_item *item = &d->items[i];
        char title[WTL_CONFIGURED_NAME];
        if (item->left_out[0])
            continue;
        fprintf(ctx->out, "%s: %s on %s at %d MHz%s\n", item->name,
                wtl_plan_title(item->plan, title), item->plan->gpu, item->plan->clock_mhz,
                item->is_point ? ", the chosen operating point" : "");
        if (item->by_hand[0])
            wtl_print_hanging(ctx->out, "    by hand: ", item->by_hand, WTL_TABLE_WIDTH);
    }
    for (size_t i = 0; i < d->n_items; i++) {
        const struct wtl_deploy_item *item = &d->items[i];
        char title[WTL_CONFIGURED_NAME];
        if (item->left_out[0])
            print_left_out(ctx, wtl_plan_title(item->plan, title), item->plan->gpu, item->left_out);
    }
    for (size_t i = 0; i < d->n_points; i++)
        print_left_out(ctx, d->points[i].choice->workload, d->points[i].choice->gpu,
                       d->points[i].left_out);
    if (ctx->verbosity >= 0)
        print_end(ctx, d);
}

static int print_json(struct wtl_context *ctx, const struct wtl_deployment *d,
                      struct wtl_error *err)
{
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), WTL_LIMIT_DOCUMENT_BYTES);
    int rc = wtl_deploy_production(d, &text, err);
    if (rc == 0)
        fputs(wtl_buf_str(&text), ctx->out);
    wtl_buf_fini(&text);
    return rc;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct deploy_options *o = ctx->options;
    const struct wtl_flow flow = wtl_context_flow(ctx);
    struct wtl_plan_file file;
    struct wtl_deployment d;
    WTL_FILE_SET(files);
    if (!o->dir)
        return WTL_FAIL(err, WTL_USAGE, "wattle deploy needs -o DIR");
    if (o->memory_clock.given && !o->without_wattle)
        return WTL_FAIL(err, WTL_USAGE, "--memory-clock goes with --without-wattle");
    const struct wtl_deploy_options options = {
        .dir = o->dir,
        .plan_path = ctx->argv[0],
        .program = o->program,
        .without_wattle = o->without_wattle,
        .memory_clock_mhz = o->memory_clock.given ? (int)(o->memory_clock.value + 0.5) : 0,
    };
    const struct wtl_at *at = NULL;
    int rc = wtl_at_option(ctx->arena, o->at, &at, err);
    rc = rc ? rc : wtl_plan_file_read(ctx->arena, ctx->argv[0], &file, err);
    rc = rc ? rc : wtl_plan_file_narrow(ctx->arena, ctx->argv[0], at, &file, err);
    if (rc == 0)
        rc = wtl_flow_deploy(&flow, &file, &options, ctx->arena, &files, &d, err);
    if (rc == 0)
        rc = wtl_file_set_commit(&files, err);
    if (rc < 0)
        return rc;
    if (ctx->json)
        rc = print_json(ctx, &d, err);
    else
        print_text(ctx, &d);
    return rc < 0 ? rc : wtl_deployment_status(&d);
}

const struct wtl_command wtl_cmd_deploy = {
    .name = "deploy",
    .summary = "Write the files that put a plan in force",
    .synopsis = "PLAN -o DIR [--without-wattle] [options]",
    .description =
        "Writes production.json for other programs, systemd units and an installer. The units call "
        "`wattle apply PLAN --standing NAME`; with "
        "--without-wattle they call a script, clocks.sh, that needs nothing but bash and "
        "nvidia-smi: apply, status, verify, rollback and recover per GPU UUID, by locked "
        "clocks.\n\n"
        "Only plans of status ok are deployed, and only at a clock that the GPU has; the others "
        "are listed as left out, with why. A plan's clock is what is deployed: what else its "
        "configuration needs is listed as \"by hand\" (batch, replicas; with --without-wattle the "
        "power limit, too), and a chosen operating point is left out: `wattle apply PLAN --point` "
        "sets it, unless it is one of these plans, which is said. The script knows single boards: "
        "a plan of several boards together is left out "
        "with --without-wattle. No device is changed.",
    .examples = "  wattle deploy plan.json -o deploy/\n"
                "  wattle deploy plan.json -o deploy/ --without-wattle",
    .exit_codes = "5  nothing to deploy: every plan is infeasible\n"
                  "7  nothing to deploy: no plan is decided, or there is none",
    .opts = opts,
    .options_size = sizeof(struct deploy_options),
    .defaults = &defaults,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
