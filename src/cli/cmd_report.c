/* SPDX-License-Identifier: Apache-2.0
 * `wattle report`: a campaign and its plans as documents and figures. */
#include "cli/at_option.h"
#include "cli/command.h"
#include "cli/plan_options.h"
#include "cli/table.h"

#include "base/file.h"
#include "base/text.h"
#include "base/units.h"
#include "flow/report.h"

#include <inttypes.h>
#include <string.h>

struct report_command {
    const char *output, *plans, *figures, *only, *gpu, *workload, *at;
    struct wtl_opt_list metrics, verdicts, models;
    struct wtl_plan_options plan;
    struct wtl_cost_options cost;
};

#define AT(field) offsetof(struct report_command, field)
static const struct wtl_opt opts[] = {
    {"output", 'o', WTL_OPT_STRING, AT(output), "DIR",
     "folder to write into; made if it does not exist"},
    {"plans", 'p', WTL_OPT_STRING, AT(plans), "PLAN",
     "plans as `wattle optimize -o PLAN` wrote them, instead of plans made now"},
    {"verdict", 0, WTL_OPT_LIST, AT(verdicts), "FILE",
     "show this verdict (`wattle validate --json`) beside the stored ones; may be repeated"},
    {"model", 0, WTL_OPT_LIST, AT(models), "MODEL",
     "show the held-out errors of this predictor beside those of the stored ones; may be repeated"},
    {"figures", 0, WTL_OPT_STRING, AT(figures), "FORMATS",
     "formats of the single figures: svg, png, pdf, separated by commas, or none"
     " (default: svg,png)"},
    {"only", 0, WTL_OPT_STRING, AT(only), "TEXT",
     "write only the figures whose name contains TEXT, and no documents"},
    {"metric", 0, WTL_OPT_LIST, AT(metrics), "NAME",
     "metric of the time series, may be repeated (default: power_w, sm_clock_mhz, temp_c,"
     " gpu_util)"},
    {"gpu", 0, WTL_OPT_STRING, AT(gpu), "NAME", "only this GPU"},
    {"workload", 0, WTL_OPT_STRING, AT(workload), "NAME", "only this workload"},
    WTL_OPT_AT(struct report_command, at, "only these operating points: \"fp16, batch 8\""),
    WTL_PLAN_OPTS(struct report_command, plan),
    WTL_COST_OPTS(struct report_command, cost),
    {0},
};
static const struct report_command defaults = {.figures = "svg,png",
                                               .plan = WTL_PLAN_OPTIONS_DEFAULT};

static int parse_metrics(struct wtl_context *ctx, const struct wtl_opt_list *list,
                         struct wtl_report_options *options, struct wtl_error *err)
{
    enum wtl_metric *metrics = WTL_NEW_ARRAY(ctx->arena, enum wtl_metric, list->n + 1);
    if (!metrics)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < list->n; i++) {
        metrics[i] = wtl_metric_by_name(list->items[i]);
        if (metrics[i] != WTL_N_METRICS)
            continue;
        const char *names[WTL_N_METRICS];
        for (int m = 0; m < (int)WTL_N_METRICS; m++)
            names[m] = wtl_metric_info((enum wtl_metric)m)->name;
        int rc = WTL_FAIL(err, WTL_USAGE, "there is no metric \"%.80s\"", list->items[i]);
        const char *near = wtl_did_you_mean(list->items[i], names, (int)WTL_N_METRICS);
        if (near)
            wtl_error_hint(err, "did you mean %s?", near);
        return rc;
    }
    options->metrics = metrics;
    options->n_metrics = list->n;
    return 0;
}

static bool has_limit(const struct wtl_policy *p)
{
    return p->has_max_slowdown || p->has_max_energy || p->has_min_clock_ratio || p->has_max_power ||
           p->has_min_saving || p->n_slo > 0;
}

/* Plans made now: without any word on limits, a slowdown of 5 % is what most would accept. */
static int read_request(struct wtl_context *ctx, const struct report_command *o,
                        struct wtl_report_options *options, struct wtl_error *err)
{
    struct wtl_optimize_request *r = &options->request;
    int rc = wtl_plan_options_read(ctx->arena, &o->plan, r, err);
    if (rc < 0)
        return rc;
    const struct wtl_overlay *said = &r->options;
    bool any = r->policy || said->objective || said->baseline || said->prefer || said->slo ||
               said->clocks || said->confidence || said->replicates || said->seed ||
               said->values.has_rate || has_limit(&said->values);
    if (o->plans && any)
        return WTL_FAIL(err, WTL_USAGE,
                        "--plans has its own objective and limits: give those or a plan, not both");
    if (!r->policy && !has_limit(&said->values)) {
        r->options.values.has_max_slowdown = true;
        r->options.values.max_slowdown = 0.05;
    }
    return 0;
}

/* Documents from files; their names are the files'. */
static int load_documents(struct wtl_context *ctx, const struct report_command *o,
                          struct wtl_report_options *options, struct wtl_error *err)
{
    struct wtl_report_verdict *verdicts =
        WTL_NEW_ARRAY(ctx->arena, struct wtl_report_verdict, o->verdicts.n + 1);
    struct wtl_report_predictor *models =
        WTL_NEW_ARRAY(ctx->arena, struct wtl_report_predictor, o->models.n + 1);
    struct wtl_verdict_file *verdict =
        WTL_NEW_ARRAY(ctx->arena, struct wtl_verdict_file, o->verdicts.n + 1);
    struct wtl_predictor_file *model =
        WTL_NEW_ARRAY(ctx->arena, struct wtl_predictor_file, o->models.n + 1);
    if (!verdicts || !models || !verdict || !model)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < o->verdicts.n; i++) {
        rc = wtl_verdict_file_read(ctx->arena, o->verdicts.items[i], &verdict[i], err);
        verdicts[i] = (struct wtl_report_verdict){o->verdicts.items[i], &verdict[i], false};
    }
    for (size_t i = 0; rc == 0 && i < o->models.n; i++) {
        rc = wtl_predictor_file_read(ctx->arena, o->models.items[i], &model[i], err);
        models[i] = (struct wtl_report_predictor){o->models.items[i], &model[i], false};
    }
    options->verdicts = verdicts;
    options->n_verdicts = o->verdicts.n;
    options->predictors = models;
    options->n_predictors = o->models.n;
    return rc;
}

static int load_plans(struct wtl_context *ctx, const char *path, const struct wtl_at *at,
                      const struct wtl_plan_file **out, struct wtl_error *err)
{
    if (!path)
        return 0;
    struct wtl_plan_file *file = WTL_NEW(ctx->arena, struct wtl_plan_file);
    if (!file)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_plan_file_read(ctx->arena, path, file, err);
    rc = rc ? rc : wtl_plan_file_narrow(ctx->arena, path, at, file, err);
    if (rc == 0)
        *out = file;
    return rc;
}

/* Figures are many: those of one kind are one line unless more is asked for. */
static bool is_figure(const char *path)
{
    const char *name = wtl_path_base(path);
    return (size_t)(name - path) > strlen("figures/") && wtl_starts_with(name - 8, "figures/");
}

static void put_size(struct wtl_table *t, double bytes)
{
    char size[48];
    wtl_table_put(t, wtl_format_measured(bytes, WTL_UNIT_BYTE, size, sizeof size));
}

static void put_figures(struct wtl_table *t, const struct wtl_report_result *r, const char *ending)
{
    const char *path = NULL;
    double bytes = 0;
    int n = 0;
    for (size_t i = 0; i < r->n_files; i++)
        if (is_figure(r->files[i].path) && wtl_ends_with(r->files[i].path, ending)) {
            path = r->files[i].path;
            bytes += (double)r->files[i].bytes;
            n++;
        }
    if (n == 1)
        wtl_table_put(t, path);
    else if (n > 1)
        wtl_table_printf(t, "%.*s*%s (%d files)", (int)(wtl_path_base(path) - path), path, ending,
                         n);
    if (n)
        put_size(t, bytes);
}

static int print_text(struct wtl_context *ctx, const struct wtl_report_result *r,
                      struct wtl_error *err)
{
    static const struct wtl_table_column columns[] = {{.title = "file", .keep_end = true},
                                                      {.title = "size", .number = true}};
    static const char *const endings[] = {".svg", ".png", ".pdf"};
    struct wtl_table *t = wtl_table_new(ctx->arena, columns, 2);
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    bool every = ctx->verbosity > 0;
    for (size_t i = 0; i < r->n_files; i++)
        if (every || !is_figure(r->files[i].path)) {
            wtl_table_put(t, r->files[i].path);
            put_size(t, (double)r->files[i].bytes);
        }
    for (size_t i = 0; !every && i < sizeof endings / sizeof endings[0]; i++)
        put_figures(t, r, endings[i]);
    int rc = wtl_table_print(t, 0, WTL_TABLE_WIDTH, ctx->out, err);
    for (size_t i = 0; rc == 0 && i < r->n_notes; i++)
        fprintf(ctx->messages, "note: %s\n", r->notes[i]);
    return rc;
}

static int write_report(struct wtl_context *ctx, const struct wtl_report_options *options,
                        struct wtl_report_result *result, struct wtl_error *err)
{
    const struct wtl_flow flow = wtl_context_flow(ctx);
    WTL_FILE_SET(files);
    struct wtl_campaign *c = NULL;
    int rc = wtl_campaign_open(ctx->argv[0], WTL_CAMPAIGN_READ, ctx->clock, &c, err);
    rc = rc ? rc : wtl_flow_report(&flow, c, options, ctx->arena, &files, result, err);
    wtl_campaign_close(c);
    return rc ? rc : wtl_file_set_commit(&files, err);
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct report_command *o = ctx->options;
    if (!o->output) {
        int rc = WTL_FAIL(err, WTL_USAGE, "wattle report needs a folder to write into");
        wtl_error_hint(err, "give it with -o DIR");
        return rc;
    }
    struct wtl_report_options options = {
        .dir = o->output,
        .only = o->only,
        .request = {.filter = {.gpu = o->gpu, .workload = o->workload}}};
    struct wtl_cost_terms cost;
    struct wtl_report_result result = {0};
    int rc = wtl_report_formats_parse(o->figures, options.formats, err);
    rc = rc ? rc : parse_metrics(ctx, &o->metrics, &options, err);
    rc = rc ? rc : read_request(ctx, o, &options, err);
    rc = rc ? rc : wtl_at_option(ctx->arena, o->at, &options.request.filter.at, err);
    rc = rc ? rc : load_plans(ctx, o->plans, options.request.filter.at, &options.plans, err);
    rc = rc ? rc : load_documents(ctx, o, &options, err);
    if (wtl_cost_options_read(&o->cost, &cost))
        options.cost = &cost;
    rc = rc ? rc : write_report(ctx, &options, &result, err);
    if (rc < 0)
        return rc;
    return ctx->json ? wtl_print_json(ctx, wtl_report_json(&result), err)
                     : print_text(ctx, &result, err);
}

const struct wtl_command wtl_cmd_report = {
    .name = "report",
    .summary = "Write documents and figures of a campaign and its plans",
    .synopsis = "CAMPAIGN -o DIR [options]",
    .description =
        "Writes report.html (one page, nothing is loaded from elsewhere), report.pdf, summary.md"
        " for a pull request, and every figure on its own. Each figure names the number of runs"
        " behind it, the kind of its interval, what was excluded, and the hash of its input.\n\n"
        "Where there are no data there is no figure, and the report says which were left out and"
        " why. Samples are read again from their files; a file that is gone or has changed is"
        " named. With SOURCE_DATE_EPOCH set, the same input gives the same bytes.\n\n"
        "Plans are made now, as by `wattle optimize`, unless --plans gives them. When nothing is"
        " said about limits, a slowdown of at most 5 % is asked for. A plan with limits is shown"
        " beside the one that the same policy gives without them.\n\n"
        "Verdicts and predictors that --save kept in the campaign, and those that are given, are"
        " shown: what fresh runs say of a plan, and the errors of a predictor on workloads and GPUs"
        " that were left out of its learning.",
    .examples = "  wattle report sweep.wattle -o report/ --objective edp --max-slowdown 5%\n"
                "  wattle report sweep.wattle -o report/ -p plan.json --price 0.3 --carbon 380\n"
                "  wattle report sweep.wattle -o figures/ --only tradeoff --figures pdf",
    .opts = opts,
    .options_size = sizeof(struct report_command),
    .min_args = 1,
    .max_args = 1,
    .defaults = &defaults,
    .run = run,
};
