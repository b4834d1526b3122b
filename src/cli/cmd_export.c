/* SPDX-License-Identifier: Apache-2.0
 * `wattle export`: tables for other programs. */
#include "cli/at_option.h"

#include "base/file.h"
#include "flow/export.h"

struct export_command {
    const char *csv, *output, *gpu, *workload, *at;
};

#define AT(field) offsetof(struct export_command, field)
static const struct wtl_opt opts[] = {
    {"csv", 0, WTL_OPT_CHOICE, AT(csv), "TABLE",
     "which table: runs, measurements or plans (default: runs)",
     .choices = "runs,measurements,plans"},
    {"output", 'o', WTL_OPT_STRING, AT(output), "FILE",
     "write to this file, in one step, instead of standard output"},
    {"gpu", 0, WTL_OPT_STRING, AT(gpu), "NAME", "only this GPU (of a campaign)"},
    {"workload", 0, WTL_OPT_STRING, AT(workload), "NAME", "only this workload (of a campaign)"},
    WTL_OPT_AT(struct export_command, at, "only these operating points: \"fp16, batch 8\""),
    {0},
};
static const struct export_command defaults = {.csv = "runs"};

static int deliver(struct wtl_context *ctx, const struct wtl_buf *table, struct wtl_error *err)
{
    const struct export_command *o = ctx->options;
    if (o->output)
        return wtl_file_write_atomic(o->output, wtl_buf_str(table), table->len, 0666, err);
    if (fwrite(wtl_buf_str(table), 1, table->len, ctx->out) != table->len)
        return WTL_FAIL(err, WTL_IO, "cannot write to standard output");
    return 0;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct export_command *o = ctx->options;
    const struct wtl_flow flow = wtl_context_flow(ctx);
    struct wtl_export_request request = {.campaign = ctx->argv[0],
                                         .filter = {.gpu = o->gpu, .workload = o->workload}};
    struct wtl_buf table;
    if (ctx->json && !o->output)
        return WTL_FAIL(err, WTL_USAGE, "--json describes the table that -o FILE takes: give -o");
    wtl_buf_init(&table, wtl_alloc_system(), WTL_EXPORT_BYTES_MAX);
    int rc = wtl_export_table_parse(o->csv, &request.table, err);
    rc = rc ? rc : wtl_at_option(ctx->arena, o->at, &request.filter.at, err);
    rc = rc ? rc : wtl_flow_export(&flow, &request, &table, err);
    rc = rc ? rc : deliver(ctx, &table, err);
    if (rc == 0 && ctx->json)
        rc = wtl_print_json(ctx, wtl_export_json(o->output, request.table, &table), err);
    wtl_buf_fini(&table);
    return rc;
}

const struct wtl_command wtl_cmd_export = {
    .name = "export",
    .summary = "Write runs, measurements or plans as a CSV table",
    .synopsis = "CAMPAIGN|PLAN [--csv TABLE] [-o FILE] [options]",
    .description =
        "runs: one run a row, with every metric, in base units, and its judgement."
        " measurements: one clock of a workload a row, in the columns of the published aggregate"
        " table, then the number of runs, intervals and scatter. plans: one plan a row, from a PLAN"
        " file, or as `wattle optimize` makes them from a campaign without further options. Values "
        "that are not known are empty. Tables of runs and of measurements are read"
        " back by `wattle import`.",
    .examples = "  wattle export sweep.wattle --csv measurements -o aggregated.csv\n"
                "  wattle export plan.json --csv plans",
    .opts = opts,
    .options_size = sizeof(struct export_command),
    .min_args = 1,
    .max_args = 1,
    .defaults = &defaults,
    .run = run,
};
