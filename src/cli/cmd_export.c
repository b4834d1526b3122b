/* SPDX-License-Identifier: Apache-2.0
 * `wattle export`: tables for other programs. */
#include "cli/command.h"
#include "cli/plan_options.h"

#include "base/file.h"
#include "codec/json.h"
#include "flow/export.h"
#include "flow/flow.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct export_command {
    const char *csv, *output, *gpu, *workload;
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
    {0},
};
static const struct export_command defaults = {.csv = "runs"};

enum { TABLE_BYTES_MAX = 1 << 30 };

static int export_sets(struct wtl_context *ctx, struct wtl_campaign *c, struct wtl_buf *out,
                       struct wtl_error *err)
{
    const struct export_command *o = ctx->options;
    const struct wtl_flow flow = {.alloc = wtl_alloc_system(), .clock = ctx->clock, .threads = 1};
    const struct wtl_run_filter filter = {.gpu = o->gpu, .workload = o->workload};
    struct wtl_workset *sets;
    size_t n;
    int rc = wtl_flow_worksets(&flow, c, &filter, ctx->arena, &sets, &n, err);
    if (rc < 0)
        return rc;
    if (strcmp(o->csv, "runs") == 0) {
        wtl_export_runs(sets, n, out);
        return 0;
    }
    int left_out = 0;
    rc = wtl_export_measurements(c, sets, n, out, &left_out, err);
    if (rc == 0 && left_out)
        wtl_log(&ctx->log, WTL_LOG_INFO, "%d clock%s without a usable run left out", left_out,
                left_out == 1 ? "" : "s");
    return rc;
}

static bool is_campaign(const char *path)
{
    static const char magic[] = "SQLite format 3";
    char head[sizeof magic] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, head, sizeof head) : -1;
    if (fd >= 0)
        close(fd);
    return n == (ssize_t)sizeof head && memcmp(head, magic, sizeof magic) == 0;
}

/* What `wattle optimize CAMPAIGN` decides without further options. */
static int plans_of_campaign(struct wtl_context *ctx, struct wtl_plan_file *file_out,
                             struct wtl_error *err)
{
    const struct export_command *o = ctx->options;
    const struct wtl_flow flow = {
        .alloc = wtl_alloc_system(), .clock = ctx->clock, .log = &ctx->log, .threads = 1};
    const struct wtl_plan_options defaults_of_plan = WTL_PLAN_OPTIONS_DEFAULT;
    struct wtl_optimize_request request = {.filter = {.gpu = o->gpu, .workload = o->workload}};
    struct wtl_campaign *c = NULL;
    int rc = wtl_plan_options_read(ctx->arena, &defaults_of_plan, &request, err);
    rc = rc ? rc : wtl_campaign_open(ctx->argv[0], WTL_CAMPAIGN_READ, ctx->clock, &c, err);
    rc = rc ? rc : wtl_flow_optimize(&flow, c, &request, ctx->arena, file_out, err);
    wtl_campaign_close(c);
    return rc;
}

static int export_plans(struct wtl_context *ctx, struct wtl_buf *out, struct wtl_error *err)
{
    struct wtl_plan_file file = {0};
    int rc = is_campaign(ctx->argv[0]) ? plans_of_campaign(ctx, &file, err)
                                       : wtl_plan_file_read(ctx->arena, ctx->argv[0], &file, err);
    if (rc == 0)
        wtl_export_plans(&file, out);
    return rc;
}

static int make_table(struct wtl_context *ctx, struct wtl_buf *out, struct wtl_error *err)
{
    const struct export_command *o = ctx->options;
    if (strcmp(o->csv, "plans") == 0)
        return export_plans(ctx, out, err);
    struct wtl_campaign *c = NULL;
    int rc = wtl_campaign_open(ctx->argv[0], WTL_CAMPAIGN_READ, ctx->clock, &c, err);
    rc = rc ? rc : export_sets(ctx, c, out, err);
    wtl_campaign_close(c);
    return rc;
}

static int deliver(struct wtl_context *ctx, const struct wtl_buf *table, struct wtl_error *err)
{
    const struct export_command *o = ctx->options;
    if (table->failed)
        return WTL_FAIL(err, WTL_NOMEM, "the table does not fit into memory");
    if (o->output)
        return wtl_file_write_atomic(o->output, wtl_buf_str(table), table->len, 0644, err);
    if (fwrite(wtl_buf_str(table), 1, table->len, ctx->out) != table->len)
        return WTL_FAIL(err, WTL_IO, "cannot write to standard output");
    return 0;
}

/* Rows below the header. */
static int64_t count_rows(const struct wtl_buf *table)
{
    int64_t n = -1;
    for (const char *p = wtl_buf_str(table); (p = strchr(p, '\n')); p++)
        n++;
    return n;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct export_command *o = ctx->options;
    if (ctx->json && !o->output)
        return WTL_FAIL(err, WTL_USAGE, "--json describes the table that -o FILE takes: give -o");
    struct wtl_buf table;
    wtl_buf_init(&table, wtl_alloc_system(), TABLE_BYTES_MAX);
    int rc = make_table(ctx, &table, err);
    rc = rc ? rc : deliver(ctx, &table, err);
    if (rc == 0 && ctx->json)
        rc = wtl_print_json(ctx,
                            json_pack("{s:o, s:s, s:I}", "file", wtl_json_text(o->output), "table",
                                      o->csv, "rows", (json_int_t)count_rows(&table)),
                            err);
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
