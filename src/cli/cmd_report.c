/* SPDX-License-Identifier: Apache-2.0
 * `wattle report`: a campaign and its plans as documents and figures. */
#include "cli/command.h"
#include "cli/table.h"

#include "base/file.h"
#include "base/text.h"
#include "flow/report.h"

#include <inttypes.h>
#include <string.h>

struct report_command {
    const char *output, *plans, *against, *figures, *only, *gpu, *workload;
    struct wtl_opt_list metrics;
    struct wtl_opt_quantity price, carbon, runs;
};

#define AT(field) offsetof(struct report_command, field)
static const struct wtl_opt opts[] = {
    {"output", 'o', WTL_OPT_STRING, AT(output), "DIR",
     "folder to write into; made if it does not exist"},
    {"plans", 'p', WTL_OPT_STRING, AT(plans), "PLAN",
     "plans of the headline, as `wattle optimize -o PLAN` wrote them"},
    {"against", 0, WTL_OPT_STRING, AT(against), "PLAN",
     "plans without constraints, to compare with"},
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
    {"runs-per-year", 0, WTL_OPT_QUANTITY, AT(runs), "N",
     "runs of each workload in a year, for yearly savings", .min = 1, .max = 1e15,
     .group = "Money and carbon"},
    {"price", 0, WTL_OPT_QUANTITY, AT(price), "EUR", "price of a kWh in euro", .min = 0,
     .max = 1000, .group = "Money and carbon"},
    {"carbon", 0, WTL_OPT_QUANTITY, AT(carbon), "GRAMS", "carbon intensity in g CO2 per kWh",
     .min = 0, .max = 10000, .group = "Money and carbon"},
    {0},
};
static const struct report_command defaults = {.figures = "svg,png"};

static int parse_formats(const char *text, bool formats[WTL_N_CANVAS_FORMATS],
                         struct wtl_error *err)
{
    if (strcmp(text, "none") == 0)
        return 0;
    for (const char *s = text; s; s = strchr(s, ',')) {
        s += *s == ',';
        struct wtl_view word = {.s = s, .n = strcspn(s, ",")};
        int k = 0;
        while (k < WTL_N_CANVAS_FORMATS &&
               !wtl_view_is(word, wtl_canvas_format_name((enum wtl_canvas_format)k)))
            k++;
        if (k == WTL_N_CANVAS_FORMATS)
            return WTL_FAIL(err, WTL_USAGE,
                            "\"%.*s\" is no format of figures: svg, png, pdf or none",
                            word.n > 40 ? 40 : (int)word.n, word.s);
        formats[k] = true;
    }
    return 0;
}

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

static int parse_yearly(const struct report_command *o, struct wtl_report_yearly *out,
                        struct wtl_error *err)
{
    if ((o->price.given || o->carbon.given) && !o->runs.given) {
        int rc = WTL_FAIL(err, WTL_USAGE, "--price and --carbon need the number of runs in a year");
        wtl_error_hint(err, "give it with --runs-per-year N");
        return rc;
    }
    *out =
        (struct wtl_report_yearly){o->runs.given, o->runs.value, o->price.value, o->carbon.value};
    return 0;
}

static int load_plans(struct wtl_context *ctx, const char *path, const struct wtl_plan_file **out,
                      struct wtl_error *err)
{
    if (!path)
        return 0;
    struct wtl_plan_file *file = WTL_NEW(ctx->arena, struct wtl_plan_file);
    if (!file)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_plan_file_read(ctx->arena, path, file, err);
    if (rc == 0)
        *out = file;
    return rc;
}

static json_t *json_of_result(const struct wtl_report_result *r)
{
    json_t *files = json_array(), *notes = json_array();
    for (size_t i = 0; i < r->n_files; i++)
        json_array_append_new(files, json_pack("{s:s, s:I}", "path", r->files[i].path, "bytes",
                                               (json_int_t)r->files[i].bytes));
    for (size_t i = 0; i < r->n_notes; i++)
        json_array_append_new(notes, json_string(r->notes[i]));
    return json_pack("{s:o, s:I, s:o}", "files", files, "figures", (json_int_t)r->n_figures,
                     "notes", notes);
}

static int print_text(struct wtl_context *ctx, const struct wtl_report_result *r,
                      struct wtl_error *err)
{
    static const struct wtl_table_column columns[] = {{.title = "file", .keep_end = true},
                                                      {.title = "size", .number = true}};
    struct wtl_table *t = wtl_table_new(ctx->arena, columns, 2);
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < r->n_files; i++) {
        char size[48];
        wtl_table_put(t, r->files[i].path);
        wtl_table_put(
            t, wtl_format_quantity((double)r->files[i].bytes, WTL_UNIT_BYTE, size, sizeof size));
    }
    int rc = wtl_table_print(t, 0, WTL_TABLE_WIDTH, ctx->out, err);
    for (size_t i = 0; rc == 0 && i < r->n_notes; i++)
        fprintf(ctx->messages, "note: %s\n", r->notes[i]);
    return rc;
}

static int write_report(struct wtl_context *ctx, const struct wtl_report_options *options,
                        struct wtl_report_result *result, struct wtl_error *err)
{
    const struct wtl_flow flow = {
        .alloc = wtl_alloc_system(), .clock = ctx->clock, .log = &ctx->log, .threads = 1};
    struct wtl_campaign *c = NULL;
    int rc = wtl_campaign_open(ctx->argv[0], WTL_CAMPAIGN_READ, ctx->clock, &c, err);
    rc = rc ? rc : wtl_flow_report(&flow, c, options, ctx->arena, result, err);
    wtl_campaign_close(c);
    return rc;
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
        .dir = o->output, .only = o->only, .filter = {.gpu = o->gpu, .workload = o->workload}};
    struct wtl_report_result result = {0};
    int rc = parse_formats(o->figures, options.formats, err);
    rc = rc ? rc : parse_metrics(ctx, &o->metrics, &options, err);
    rc = rc ? rc : parse_yearly(o, &options.yearly, err);
    rc = rc ? rc : load_plans(ctx, o->plans, &options.plans, err);
    rc = rc ? rc : load_plans(ctx, o->against, &options.unconstrained, err);
    rc = rc ? rc : write_report(ctx, &options, &result, err);
    if (rc < 0)
        return rc;
    return ctx->json ? wtl_print_json(ctx, json_of_result(&result), err)
                     : print_text(ctx, &result, err);
}

const struct wtl_command wtl_cmd_report = {
    .name = "report",
    .summary = "Write documents and figures of a campaign and its plans",
    .synopsis = "CAMPAIGN -o DIR [-p PLAN] [options]",
    .description =
        "Writes report.html (one page, nothing is loaded from elsewhere), report.pdf, summary.md"
        " for a pull request, and every figure on its own. Each figure names the number of runs"
        " behind it, the kind of its interval, what was excluded, and the hash of its input.\n\n"
        "Where there are no data there is no figure, and the report says which were left out and"
        " why. Samples are read again from their files; a file that is gone or has changed is"
        " named. With SOURCE_DATE_EPOCH set, the same input gives the same bytes.",
    .examples = "  wattle report sweep.wattle -o report/ -p plan.json\n"
                "  wattle report sweep.wattle -o figures/ --only tradeoff --figures pdf",
    .opts = opts,
    .options_size = sizeof(struct report_command),
    .min_args = 1,
    .max_args = 1,
    .defaults = &defaults,
    .run = run,
};
