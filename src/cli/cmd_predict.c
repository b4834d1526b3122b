/* SPDX-License-Identifier: Apache-2.0
 * `wattle predict`: what-if at every clock, from a predictor and runs at one or three clocks. */
#include "cli/command.h"
#include "cli/policy_options.h"
#include "cli/table.h"

#include "base/text.h"
#include "flow/fit.h"
#include "store/plan_file.h"
#include "store/predictor_file.h"

#include "wattle_config.h"

#include <math.h>

struct predict_options {
    const char *model;
    const char *gpu, *workload;
    const char *probe;
    const char *at;
    const char *output;
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
     .help = "fp32 activity / 2 + fp64 activity, instead of a probe",
     .group = "published model"},
    {.name = "dram",
     .type = WTL_OPT_QUANTITY,
     .unit = WTL_UNIT_FRACTION,
     .min = 0,
     .max = 1,
     .offset = offsetof(struct predict_options, dram),
     .arg = "SHARE",
     .help = "DRAM activity, likewise",
     .group = "published model"},
    {.name = "time",
     .type = WTL_OPT_QUANTITY,
     .unit = WTL_UNIT_SECOND,
     .min = 1e-9,
     .max = 1e9,
     .offset = offsetof(struct predict_options, time),
     .arg = "TIME",
     .help = "time of a run at 1380 MHz, likewise",
     .group = "published model"},
    WTL_POLICY_OPTS(struct predict_options, policy),
    {0},
};

/* ---- what is asked ---- */

static int make_policy(struct wtl_context *ctx, const struct predict_options *o,
                       struct wtl_policy *policy, struct wtl_error *err)
{
    struct wtl_overlay overlay;
    int rc = wtl_policy_options_read(ctx->arena, &o->policy, &overlay, err);
    if (rc < 0)
        return rc;
    *policy = wtl_policy_default();
    policy->prefer = WTL_PREFER_BEST;
    wtl_overlay_apply(&overlay, policy);
    return 0;
}

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

struct plans {
    struct wtl_plan *plan;
    size_t n;
};

static int read_probe(struct wtl_context *ctx, const struct predict_options *o,
                      struct wtl_probe **probes, size_t *n, struct wtl_error *err)
{
    const struct wtl_flow flow = {wtl_alloc_system(), ctx->clock, &ctx->log, 1};
    struct wtl_clocks at;
    if (o->at) {
        int rc = wtl_clocks_parse(ctx->arena, o->at, &at, err);
        if (rc < 0) {
            wtl_error_context(err, "--at");
            return rc;
        }
    }
    return wtl_flow_probe(&flow, o->probe, o->gpu, o->workload, o->at ? &at : NULL, ctx->arena,
                          probes, n, err);
}

/* ---- predictions ---- */

static int by_fitted(struct wtl_context *ctx, const struct predict_options *o,
                     const struct wtl_policy *policy, struct plans *out, struct wtl_error *err)
{
    struct wtl_predictor_file file;
    struct wtl_probe *probes = NULL;
    size_t n = 0;
    int rc = wtl_predictor_file_read(ctx->arena, ctx->argv[0], &file, err);
    if (rc == 0)
        rc = read_probe(ctx, o, &probes, &n, err);
    if (rc < 0)
        return rc;
    out->plan = WTL_NEW_ARRAY(ctx->arena, struct wtl_plan, n);
    if (!out->plan)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for %zu plans", n);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = wtl_flow_predict(ctx->arena, &file.predictor, &probes[i], policy, &out->plan[i], err);
    out->n = n;
    return rc;
}

/* The accepted run at the highest clock of the first set. */
static int fgcs_from_probe(struct wtl_context *ctx, const struct predict_options *o,
                           struct wtl_fgcs *fgcs, const char **workload, struct wtl_error *err)
{
    struct wtl_probe *probes;
    size_t n;
    const struct wtl_run *top = NULL;
    int rc = read_probe(ctx, o, &probes, &n, err);
    if (rc < 0)
        return rc;
    const struct wtl_workset *set = &probes[0].set;
    for (size_t i = 0; i < set->n_runs; i++)
        if (set->runs[i].causes == 0 && (!top || set->runs[i].clock_mhz > top->clock_mhz))
            top = &set->runs[i];
    if (!top)
        return WTL_FAIL(err, WTL_UNDECIDED, "no run of the probe is usable");
    *workload = set->workload;
    return wtl_fgcs_from_run(top, fgcs, err);
}

static int by_fgcs(struct wtl_context *ctx, const struct predict_options *o,
                   const struct wtl_policy *policy, struct plans *out, struct wtl_error *err)
{
    struct wtl_fgcs fgcs = {o->fp.value, o->dram.value, o->time.value};
    const char *workload = o->workload ? o->workload : "unnamed";
    int rc = o->probe ? fgcs_from_probe(ctx, o, &fgcs, &workload, err) : 0;
    out->plan = WTL_NEW(ctx->arena, struct wtl_plan);
    if (rc == 0 && !out->plan)
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory for a plan");
    out->n = 1;
    return rc < 0 ? rc
                  : wtl_flow_predict_fgcs(ctx->arena, &fgcs, o->gpu ? o->gpu : "V100", workload,
                                          policy, out->plan, err);
}

/* ---- answers ---- */

/* No "-0.0". */
static double percent(double fraction)
{
    return fabs(fraction) < 5e-4 ? 0 : 100 * fraction;
}

static void print_estimate(struct wtl_context *ctx, const char *name, const struct wtl_estimate *e)
{
    fprintf(ctx->out, "%s %.1f %%", name, percent(e->value));
    if (e->evidence != WTL_EVIDENCE_NONE)
        fprintf(ctx->out, " (%.1f to %.1f)", percent(e->lo), percent(e->hi));
}

static void print_status(struct wtl_context *ctx, const struct wtl_plan *p)
{
    fprintf(ctx->out, "%s on %s: %s", p->workload, p->gpu, wtl_plan_status_name(p->status));
    switch (p->status) {
    case WTL_PLAN_INFEASIBLE:
        fprintf(ctx->out, ": %s; %s\n", p->binding, p->relaxation);
        return;
    case WTL_PLAN_UNUSABLE:
        fputc('\n', ctx->out);
        return;
    case WTL_PLAN_OK:
    case WTL_PLAN_UNDECIDED:
        break;
    }
    fprintf(ctx->out, ", %s%d MHz instead of %d MHz, ",
            p->status == WTL_PLAN_UNDECIDED ? "best guess " : "", p->best_guess_mhz,
            p->baseline_clock_mhz);
    print_estimate(ctx, "saving", &p->saving);
    print_estimate(ctx, ", slowdown", &p->slowdown);
    fputc('\n', ctx->out);
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
        wtl_table_number(t, true, percent(c->slowdown), 1);
        wtl_table_number(t, spread, percent(c->slowdown_hi), 1);
        wtl_table_number(t, true, percent(c->saving), 1);
        wtl_table_number(t, spread, percent(c->saving_lo), 1);
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
                p->n_runs == 1 ? "" : "s");
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

static int give(struct wtl_context *ctx, const struct predict_options *o, const struct plans *plans,
                struct wtl_error *err)
{
    char created[32];
    json_t *root = NULL;
    const struct wtl_plan_file file = {
        .tool = "wattle " WTL_VERSION,
        .created = wtl_format_utc(ctx->clock.wall_ns(ctx->clock.ctx), created, sizeof created),
        .campaign = o->probe ? o->probe : "",
        .fingerprint = "",
        .plans = plans->plan,
        .n_plans = plans->n,
    };
    int rc = o->output ? wtl_plan_file_write(o->output, &file, err) : 0;
    if (rc == 0 && ctx->json) {
        rc = wtl_plan_to_json(&file, &root, err);
        return rc < 0 ? rc : wtl_print_json(ctx, root, err);
    }
    for (size_t i = 0; rc == 0 && i < plans->n; i++) {
        if (i)
            fputc('\n', ctx->out);
        rc = print_plan(ctx, &plans->plan[i], err);
    }
    return rc;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct predict_options *o = ctx->options;
    struct wtl_policy policy;
    struct plans plans = {.n = 0};
    int rc = check_options(ctx, o, err);
    if (rc == 0)
        rc = make_policy(ctx, o, &policy, err);
    if (rc == 0)
        rc = o->model ? by_fgcs(ctx, o, &policy, &plans, err)
                      : by_fitted(ctx, o, &policy, &plans, err);
    if (rc == 0)
        rc = give(ctx, o, &plans, err);
    if (rc < 0)
        return rc;
    bool infeasible = plans.n > 0;
    for (size_t i = 0; i < plans.n; i++)
        infeasible = infeasible && plans.plan[i].status == WTL_PLAN_INFEASIBLE;
    return infeasible ? -(int)WTL_INFEASIBLE : 0;
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
        "  wattle predict model.json --probe c.wattle --at 1410,1065,705 --json\n"
        "  wattle predict --model fgcs-v100 --fp 0.3 --dram 0.2 --time 10s --max-slowdown 10%",
    .exit_codes = "5  no clock meets the limits",
    .opts = opts,
    .options_size = sizeof(struct predict_options),
    .min_args = 0,
    .max_args = 1,
    .run = run,
};
