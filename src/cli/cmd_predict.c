/* SPDX-License-Identifier: Apache-2.0
 * `wattle predict`: what-if at every clock, from a predictor and runs at one or three clocks. */
#include "base/text.h"
#include "cli/command.h"
#include "cli/plan_text.h"
#include "cli/policy_options.h"
#include "cli/table.h"

#include "flow/documents.h"
#include "flow/fit.h"

#include <math.h>

struct predict_options {
    const char *model;
    const char *gpu, *workload;
    const char *probe;
    const char *at;
    const char *output, *save;
    struct wtl_opt_quantity fp, dram, time;
    struct wtl_policy_options policy;
};

static const struct wtl_opt opts[] = {
    {.name = "probe",
     .type = WTL_OPT_STRING,
     .offset = offsetof(struct predict_options, probe),
     .arg = "RUNS",
     .help = "runs of the workload at one or more clocks: a campaign, or a file to import"},
    {.name = "gpu",
     .type = WTL_OPT_STRING,
     .offset = offsetof(struct predict_options, gpu),
     .arg = "NAME",
     .help = "GPU of the probe, where the file does not say it or has several"},
    {.name = "workload",
     .type = WTL_OPT_STRING,
     .offset = offsetof(struct predict_options, workload),
     .arg = "NAME",
     .help = "workload of the probe, likewise"},
    {.name = "at",
     .type = WTL_OPT_STRING,
     .offset = offsetof(struct predict_options, at),
     .arg = "LIST",
     .help = "use the probe's runs at these clocks only"},
    {.name = "output",
     .letter = 'o',
     .type = WTL_OPT_STRING,
     .offset = offsetof(struct predict_options, output),
     .arg = "PLAN",
     .help = "write the plans to a file as well"},
    {.name = "save",
     .type = WTL_OPT_STRING,
     .offset = offsetof(struct predict_options, save),
     .arg = "NAME",
     .help = "keep the plans in the campaign that the probe is as well, under this name; without "
             "it, nothing is written there"},
    {.name = "model",
     .type = WTL_OPT_CHOICE,
     .choices = WTL_FGCS_NAME,
     .offset = offsetof(struct predict_options, model),
     .arg = "NAME",
     .help = "use a published model instead of a fitted one: fgcs-v100",
     .group = "published model"},
    {.name = "fp",
     .type = WTL_OPT_QUANTITY,
     .unit = WTL_UNIT_FRACTION,
     .min = 0,
     .max = 1.5,
     .offset = offsetof(struct predict_options, fp),
     .arg = "SHARE",
     .help = "fp32 activity / 2 + fp64 activity, instead of a probe: 30% or 0.3",
     .group = "published model"},
    {.name = "dram",
     .type = WTL_OPT_QUANTITY,
     .unit = WTL_UNIT_FRACTION,
     .min = 0,
     .max = 1,
     .offset = offsetof(struct predict_options, dram),
     .arg = "SHARE",
     .help = "DRAM activity, likewise: 20% or 0.2",
     .group = "published model"},
    {.name = "time",
     .type = WTL_OPT_QUANTITY,
     .unit = WTL_UNIT_SECOND,
     .min = 1e-9,
     .max = 1e9,
     .offset = offsetof(struct predict_options, time),
     .arg = "TIME",
     .help = "time of a run at 1380 MHz, likewise: 10s",
     .group = "published model"},
    WTL_POLICY_OPTS(struct predict_options, policy),
    {0},
};

/* ---- what is asked ---- */

static int check_options(const struct wtl_context *ctx, const struct predict_options *o,
                         struct wtl_error *err)
{
    bool features = o->fp.given || o->dram.given || o->time.given;
    if (!o->model && features)
        return WTL_FAIL(err, WTL_USAGE, "--fp, --dram and --time go with --model " WTL_FGCS_NAME);
    if (o->model && ctx->argc > 0)
        return WTL_FAIL(err, WTL_USAGE, "either a fitted MODEL or --model, not both");
    if (!o->model && ctx->argc == 0) {
        int rc = WTL_FAIL(err, WTL_USAGE, "wattle predict needs a MODEL");
        wtl_error_hint(
            err, "fit one with `wattle fit CAMPAIGN -o MODEL`, or use --model " WTL_FGCS_NAME);
        return rc;
    }
    if (!o->model && !o->probe)
        return WTL_FAIL(err, WTL_USAGE, "wattle predict needs --probe RUNS");
    if (o->model && o->probe && features)
        return WTL_FAIL(err, WTL_USAGE, "either --probe or --fp, --dram and --time");
    if (o->model && !o->probe && !(o->fp.given && o->dram.given && o->time.given))
        return WTL_FAIL(err, WTL_USAGE,
                        "%s needs --fp, --dram and --time, or --probe with activity", o->model);
    return 0;
}

static int read_at(struct wtl_context *ctx, const char *text, struct wtl_clocks *at,
                   struct wtl_predict_request *request, struct wtl_error *err)
{
    if (!text)
        return 0;
    int rc = wtl_clocks_parse(ctx->arena, text, at, err);
    if (rc < 0)
        wtl_error_context(err, "--at");
    request->at = at;
    return rc;
}

/* ---- answers ---- */

static void print_status(struct wtl_context *ctx, const struct wtl_plan *p)
{
    char saving[60], slowdown[60];
    const char *status = wtl_plan_status_name(p->status);
    switch (p->status) {
    case WTL_PLAN_INFEASIBLE:
        wtl_print_line(ctx->out, 0, "%s on %s: %s: %s; %s", p->workload, p->gpu, status, p->binding,
                       p->relaxation);
        break;
    case WTL_PLAN_UNUSABLE:
        wtl_print_line(ctx->out, 0, "%s on %s: %s", p->workload, p->gpu, status);
        break;
    case WTL_PLAN_OK:
    case WTL_PLAN_UNDECIDED:
        wtl_print_line(ctx->out, 0,
                       "%s on %s: %s, %s%d MHz instead of %d MHz, saving %s, slowdown %s",
                       p->workload, p->gpu, status,
                       p->status == WTL_PLAN_UNDECIDED ? "best guess " : "", p->best_guess_mhz,
                       p->baseline_clock_mhz, wtl_format_percent(&p->saving, saving, sizeof saving),
                       wtl_format_percent(&p->slowdown, slowdown, sizeof slowdown));
        break;
    }
}

/* Decimals that give the largest value four digits, for a column that lines up. */
static int decimals_for(double largest)
{
    int whole = largest > 0 ? (int)floor(log10(largest)) : 0;
    int decimals = 3 - whole;
    return decimals < 0 ? 0 : decimals > 9 ? 9 : decimals;
}

static const struct wtl_table_column columns[] = {
    {"clock", "MHz", true, false}, {"time", "s", true, false},     {"power", "W", true, false},
    {"energy", "J", true, false},  {"slowdown", "%", true, false}, {"at most", "%", true, false},
    {"saving", "%", true, false},  {"at least", "%", true, false}, {"objective", NULL, true, false},
    {"", NULL, false, false},
};

static int print_curve(struct wtl_context *ctx, const struct wtl_plan *p, struct wtl_error *err)
{
    struct wtl_table *t = wtl_table_new(ctx->arena, columns, sizeof columns / sizeof columns[0]);
    bool spread = p->baseline_time_s.evidence != WTL_EVIDENCE_NONE;
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for a table");
    double longest = 0, most = 0;
    for (size_t i = 0; i < p->n_curve; i++) {
        longest = fmax(longest, p->curve[i].time_s);
        most = fmax(most, p->curve[i].energy_j);
    }
    for (size_t i = p->n_curve; i-- > 0;) {
        const struct wtl_curve_point *c = &p->curve[i];
        wtl_table_printf(t, "%d", c->clock_mhz);
        wtl_table_number(t, true, c->time_s, decimals_for(longest));
        wtl_table_number(t, true, c->power_w, 1);
        wtl_table_number(t, true, c->energy_j, decimals_for(most));
        wtl_table_number(t, true, wtl_percent(c->slowdown), 1);
        wtl_table_number(t, spread, wtl_percent(c->slowdown_hi), 1);
        wtl_table_number(t, true, wtl_percent(c->saving), 1);
        wtl_table_number(t, spread, wtl_percent(c->saving_lo), 1);
        wtl_table_number(t, true, c->objective, 3);
        wtl_table_put(t, p->best_guess_mhz == c->clock_mhz && p->status != WTL_PLAN_INFEASIBLE
                             ? "<- choice"
                         : c->feasible ? ""
                                       : "beyond a limit");
    }
    return wtl_table_print(t, 2, WTL_TABLE_WIDTH, ctx->out, err);
}

static int print_plan(struct wtl_context *ctx, const struct wtl_plan *p, struct wtl_error *err)
{
    print_status(ctx, p);
    if (p->n_curve) {
        fprintf(ctx->out, "  by %s, %d run%s of the probe\n", p->time_model, p->n_runs,
                wtl_plural((int64_t)p->n_runs));
        if (p->time_cv_error > 0)
            fprintf(ctx->out, "  held-out error of time %.1f %%, of power %.1f %%\n",
                    100 * p->time_cv_error, 100 * p->power_cv_error);
        fputc('\n', ctx->out);
        int rc = print_curve(ctx, p, err);
        if (rc < 0)
            return rc;
        fputc('\n', ctx->out);
    }
    for (size_t i = 0; i < p->n_notes; i++)
        wtl_print_wrapped(ctx->out, p->notes[i], 2, WTL_TABLE_WIDTH);
    return 0;
}

/* The file and the campaign, both or none. */
static int keep(const struct predict_options *o, struct wtl_campaign *campaign,
                const struct wtl_plan_file *file, struct wtl_error *err)
{
    WTL_FILE_SET(files);
    int rc = o->output ? wtl_plan_file_add(&files, o->output, file, err) : 0;
    rc = rc ? rc : wtl_file_set_prepare(&files, err);
    rc = rc ? rc : wtl_keep_plans(campaign, o->save, file, err);
    return rc ? rc : wtl_file_set_commit(&files, err);
}

static int give(struct wtl_context *ctx, const struct wtl_plan_file *file, struct wtl_error *err)
{
    json_t *root = NULL;
    int rc = 0;
    if (ctx->json) {
        rc = wtl_plan_to_json(file, &root, err);
        return rc < 0 ? rc : wtl_print_json(ctx, root, err);
    }
    for (size_t i = 0; rc == 0 && i < file->n_plans; i++) {
        if (i)
            fputc('\n', ctx->out);
        rc = print_plan(ctx, &file->plans[i], err);
    }
    return rc;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct predict_options *o = ctx->options;
    const struct wtl_flow flow = wtl_context_flow(ctx);
    const struct wtl_fgcs features = {o->fp.value, o->dram.value, o->time.value};
    struct wtl_predict_request request = {.probe = o->probe,
                                          .gpu = o->gpu,
                                          .workload = o->workload,
                                          .features = o->time.given ? &features : NULL};
    struct wtl_predictor_file model;
    struct wtl_plan_file file;
    struct wtl_clocks at;
    struct wtl_campaign *campaign = NULL;
    int rc = check_options(ctx, o, err);
    rc = rc ? rc : wtl_policy_options_read(ctx->arena, &o->policy, &request.options, err);
    rc = rc ? rc : read_at(ctx, o->at, &at, &request, err);
    if (rc == 0 && !o->model) {
        rc = wtl_predictor_file_read(ctx->arena, ctx->argv[0], &model, err);
        request.predictor = &model.predictor;
    }
    rc = rc ? rc : wtl_document_open_probe(o->save, o->probe, ctx->clock, &campaign, err);
    rc = rc ? rc : wtl_flow_predict(&flow, &request, ctx->arena, &file, err);
    rc = rc ? rc : keep(o, campaign, &file, err);
    wtl_campaign_close(campaign);
    rc = rc ? rc : give(ctx, &file, err);
    return rc < 0 ? rc : wtl_predictions_status(&file);
}

const struct wtl_command wtl_cmd_predict = {
    .name = "predict",
    .summary = "Predict time, power and the best clock of a workload from a few runs",
    .synopsis = "MODEL --probe RUNS [options] | --model fgcs-v100 ...",
    .description =
        "Predicts the curves of time and power against clock of a workload that was run at one or "
        "three clocks (the highest, and 0.75 and 0.5 of it, serve best), and chooses on them as "
        "`wattle optimize` does on measured runs. A limit holds where the upper bound of the "
        "prediction does. Of tied clocks the best is taken, unless --prefer says otherwise: a "
        "prediction ties many.\n\n"
        "The answer is predicted, not measured, and says so. On a GPU that the model has not seen, "
        "clocks are taken relative to its highest one. Clocks lower than any that were learned "
        "from are left out.",
    .examples =
        "  wattle predict model.json --probe probe.csv --gpu A100 --max-slowdown 5%\n"
        "  wattle predict model.json --probe c.wattle --at 1410,1065,705 --save guess\n"
        "  wattle predict --model fgcs-v100 --fp 0.3 --dram 0.2 --time 10s --max-slowdown 10%",
    .exit_codes = "5  no clock meets the limits",
    .opts = opts,
    .options_size = sizeof(struct predict_options),
    .min_args = 0,
    .max_args = 1,
    .run = run,
};
