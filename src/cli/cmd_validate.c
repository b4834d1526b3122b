/* SPDX-License-Identifier: Apache-2.0
 * `wattle validate`: a plan against fresh runs, or between the repetitions of its own. */
#include "base/text.h"
#include "cli/at_option.h"
#include "cli/command.h"
#include "cli/plan_options.h"
#include "cli/plan_text.h"
#include "cli/table.h"
#include "flow/documents.h"
#include "flow/validate.h"

#include <math.h>

struct validate_options {
    const char *within, *output, *save, *at;
    struct wtl_opt_quantity confidence, margin;
    struct wtl_cost_options cost;
};

#define AT(field) offsetof(struct validate_options, field)
static const struct wtl_opt opts[] = {
    {"within", 0, WTL_OPT_STRING, AT(within), "CAMPAIGN",
     "instead of fresh runs, leave out one repetition of this campaign at a time"},
    {"output", 'o', WTL_OPT_STRING, AT(output), "PLAN",
     "write the plan with the estimates of the fresh runs where they confirm it"},
    {"save", 0, WTL_OPT_STRING, AT(save), "NAME",
     "keep the verdict in the campaign of the fresh runs, under this name"},
    WTL_OPT_AT(struct validate_options, at,
               "only the plans at these operating points: \"fp16, batch 8\""),
    {"confidence", 0, WTL_OPT_QUANTITY, AT(confidence), "PERCENT",
     "of intervals: 90% or 0.9 (95 %)", .unit = WTL_UNIT_FRACTION, .min = WTL_CONFIDENCE_LO,
     .max = WTL_CONFIDENCE_HI},
    {"margin", 0, WTL_OPT_QUANTITY, AT(margin), "PERCENT",
     "by which the saving may fall short of its interval: 2% or 0.02 (1 %)",
     .unit = WTL_UNIT_FRACTION, .min = 0, .max = 0.5},
    WTL_COST_OPTS(struct validate_options, cost),
    {0},
};

/* ---- Fresh runs -------------------------------------------------------------------------------*/

static void print_claim(FILE *out, const char *name, const struct wtl_claim *claim,
                        const struct wtl_estimate *planned, const char *relation)
{
    char fresh[60], was[60];
    wtl_print_fact(out, name, "%s, %s %.1f %%: %s (the plan said %s)",
                   wtl_format_percent(&claim->fresh, fresh, sizeof fresh), relation,
                   100 * claim->limit, wtl_verdict_name(claim->state),
                   wtl_format_percent(planned, was, sizeof was));
}

static void print_cost(FILE *out, const struct wtl_validation *item,
                       const struct wtl_cost_terms *terms)
{
    if (!item->plan) /* a point says nothing of how long a run is */
        return;
    struct wtl_plan plan = *item->plan;
    struct wtl_cost cost;
    plan.saving = item->verdict.saving.fresh;
    if (terms && wtl_cost_of_plan(&plan, terms, &cost)) {
        char text[WTL_COST_TEXT];
        wtl_print_fact(out, "a year", "saves %s", wtl_format_cost(&cost, text, sizeof text));
    }
}

/* "resnet50 (batch 8) on A100", "resnet50 on A100, best operating point" */
enum { TITLE = WTL_CONFIGURED_NAME + WTL_LIMIT_NAME + 40 };
static const char *title_of(const struct wtl_validation *item, char buf[TITLE])
{
    char title[WTL_CONFIGURED_NAME];
    if (item->plan)
        (void)snprintf(buf, TITLE, "%s on %s", wtl_plan_title(item->plan, title), item->plan->gpu);
    else
        (void)snprintf(buf, TITLE, "%s on %s, best operating point", item->choice->workload,
                       item->choice->gpu);
    return buf;
}

static const char *point_text(const struct wtl_configuration *at, int clock_mhz,
                              char buf[WTL_MEASURED_POINT_TEXT])
{
    const struct wtl_measured_point p = {.at = *at, .clock_mhz = clock_mhz};
    return wtl_measured_point_format(&p, buf);
}

static void print_head(FILE *out, const struct wtl_validation *item)
{
    const struct wtl_verdict *v = &item->verdict;
    char title[TITLE], chosen[WTL_MEASURED_POINT_TEXT], baseline[WTL_MEASURED_POINT_TEXT];
    title_of(item, title);
    if (!item->judged)
        wtl_print_line(out, 0, "%s: no verdict, %s", title, item->why);
    else if (v->of_point)
        wtl_print_line(out, 0, "%s: %s, %s against %s", title, wtl_verdict_name(v->kind),
                       point_text(&v->at, v->clock_mhz, chosen),
                       point_text(&v->baseline_at, v->baseline_clock_mhz, baseline));
    else
        wtl_print_line(out, 0, "%s: %s, %d MHz against %d MHz", title, wtl_verdict_name(v->kind),
                       v->clock_mhz, v->baseline_clock_mhz);
}

static void print_verdict(FILE *out, const struct wtl_validation *item,
                          const struct wtl_cost_terms *terms)
{
    const struct wtl_verdict *v = &item->verdict;
    char blocks[32] = "";
    print_head(out, item);
    if (!item->judged)
        return;
    print_claim(out, "saving", &v->saving, &v->planned_saving, "at least");
    print_claim(out, "slowdown", &v->slowdown, &v->planned_slowdown, "at most");
    if (v->n_blocks)
        snprintf(blocks, sizeof blocks, ", %d block%s", v->n_blocks, wtl_plural(v->n_blocks));
    wtl_print_fact(out, "runs", "%d at the chosen %s, %d at the baseline, %d rejected; %s%s",
                   v->n_candidate, v->of_point ? "point" : "clock", v->n_baseline, v->n_rejected,
                   wtl_verdict_method_name(v->method), blocks);
    if (item->n_known)
        wtl_print_fact(out, "left out", "%zu run%s that the plan was made from", item->n_known,
                       wtl_plural((int64_t)item->n_known));
    print_cost(out, item, terms);
    for (size_t i = 0; i < v->n_notes; i++)
        wtl_print_fact(out, "note", "%s", v->notes[i]);
}

/* The plan to its file, the verdict to its campaign: both or neither. */
static int deliver(struct wtl_context *ctx, struct wtl_campaign *c, const struct wtl_validations *v,
                   struct wtl_error *err)
{
    const struct validate_options *o = ctx->options;
    struct wtl_plan_file file;
    WTL_FILE_SET(files);
    int rc = o->output ? wtl_validations_plans(v, ctx->arena, &file, err) : 0;
    if (rc == 0 && o->output)
        rc = wtl_plan_file_add(&files, o->output, &file, err);
    rc = rc ? rc : wtl_file_set_prepare(&files, err);
    rc = rc ? rc : wtl_keep_verdict(c, o->save, &v->document, err);
    return rc ? rc : wtl_file_set_commit(&files, err);
}

static int against_fresh(struct wtl_context *ctx, const struct wtl_flow *flow,
                         struct wtl_campaign *c, const struct wtl_plan_file *file,
                         struct wtl_error *err)
{
    const struct validate_options *o = ctx->options;
    struct wtl_verdict_options options = wtl_verdict_options_default();
    struct wtl_validations v = {0};
    struct wtl_cost_terms terms;
    if (o->confidence.given)
        options.confidence = o->confidence.value;
    if (o->margin.given)
        options.margin = o->margin.value;
    int rc = wtl_flow_validate(flow, c, file, &options, ctx->arena, &v, err);
    rc = rc ? rc : deliver(ctx, c, &v, err);
    if (rc < 0)
        return rc;
    wtl_cost_options_not_in_json(ctx, &o->cost);
    if (ctx->json) {
        rc = wtl_print_json(ctx, wtl_verdict_to_json(&v.document), err);
        return rc < 0 ? rc : wtl_validations_status(&v);
    }
    bool cost = wtl_cost_options_read(&o->cost, &terms);
    for (size_t i = 0; i < v.n; i++)
        print_verdict(ctx->out, &v.items[i], cost ? &terms : NULL);
    return wtl_validations_status(&v);
}

/* ---- Within one campaign ----------------------------------------------------------------------*/

static int print_folds(struct wtl_context *ctx, const struct wtl_within *w, struct wtl_error *err)
{
    static const struct wtl_table_column columns[] = {
        {"left out", NULL, true, false}, {"choice", NULL, false, false},
        {"clock", "MHz", true, false},   {"claimed", "%", true, false},
        {"saving", "%", true, false},    {"slowdown", "%", true, false},
    };
    struct wtl_table *t = wtl_table_new(ctx->arena, columns, sizeof columns / sizeof columns[0]);
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < w->cross.n_folds; i++) {
        const struct wtl_fold *f = &w->cross.fold[i];
        wtl_table_number(t, true, f->rep, 0);
        wtl_table_put(t, wtl_plan_status_name(f->status));
        wtl_table_number(t, f->clock_mhz > 0, f->clock_mhz, 0);
        wtl_table_number(t, f->clock_mhz > 0, 100 * f->claimed_saving, 1);
        wtl_table_number(t, f->estimated, 100 * f->saving, 1);
        wtl_table_number(t, f->estimated, 100 * f->slowdown, 1);
    }
    return wtl_table_print(t, 2, WTL_TABLE_WIDTH, ctx->out, err);
}

static int print_within(struct wtl_context *ctx, const struct wtl_within *w, struct wtl_error *err)
{
    char saving[60], slowdown[60], title[WTL_CONFIGURED_NAME];
    wtl_plan_title(w->plan, title);
    if (!w->done) {
        wtl_print_line(ctx->out, 0, "%s on %s: not cross-validated, %s", title, w->plan->gpu,
                       w->why);
        return 0;
    }
    wtl_print_line(ctx->out, 0, "%s on %s: saving %s, slowdown %s on the repetition left out",
                   title, w->plan->gpu, wtl_format_percent(&w->cross.saving, saving, sizeof saving),
                   wtl_format_percent(&w->cross.slowdown, slowdown, sizeof slowdown));
    int rc = print_folds(ctx, w, err);
    if (rc == 0 && w->cross.n_estimated)
        fprintf(ctx->out, "  the runs that chose the clock claim %.1f points of saving too %s\n",
                100 * fabs(w->cross.optimism), w->cross.optimism < 0 ? "little" : "much");
    return rc;
}

static int within_campaign(struct wtl_context *ctx, const struct wtl_flow *flow,
                           struct wtl_campaign *c, const struct wtl_plan_file *file,
                           struct wtl_error *err)
{
    struct wtl_within *items = NULL;
    size_t n = 0, done = 0;
    int rc = wtl_flow_within(flow, c, file, ctx->arena, &items, &n, err);
    if (rc == 0 && ctx->json)
        rc = wtl_print_json(ctx, wtl_within_json(items, n), err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        done += items[i].done && items[i].cross.n_estimated;
        if (!ctx->json)
            rc = print_within(ctx, &items[i], err);
    }
    return rc < 0 ? rc : done ? 0 : -(int)WTL_UNDECIDED;
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct validate_options *o = ctx->options;
    const struct wtl_flow flow = wtl_context_flow(ctx);
    struct wtl_plan_file file;
    struct wtl_campaign *c;
    const struct wtl_at *at = NULL;
    if ((ctx->argc == 2) == (o->within != NULL))
        return WTL_FAIL(err, WTL_USAGE,
                        "wattle validate takes a plan and either a campaign of "
                        "fresh runs or --within CAMPAIGN");
    if (o->within && (o->output || o->save))
        return WTL_FAIL(err, WTL_USAGE,
                        "%s needs fresh runs: repetitions of the runs that chose "
                        "a clock do not confirm it",
                        o->output ? "-o" : "--save");
    int rc = wtl_document_check_name(o->save, err);
    rc = rc ? rc : wtl_at_option(ctx->arena, o->at, &at, err);
    rc = rc ? rc : wtl_plan_file_read(ctx->arena, ctx->argv[0], &file, err);
    rc = rc ? rc : wtl_plan_file_narrow(ctx->arena, ctx->argv[0], at, &file, err);
    if (rc == 0)
        rc = wtl_campaign_open(o->within ? o->within : ctx->argv[1], wtl_document_mode(o->save),
                               ctx->clock, &c, err);
    if (rc < 0)
        return rc;
    rc = o->within ? within_campaign(ctx, &flow, c, &file, err)
                   : against_fresh(ctx, &flow, c, &file, err);
    wtl_campaign_close(c);
    return rc;
}

const struct wtl_command wtl_cmd_validate = {
    .name = "validate",
    .summary = "Check a plan against fresh runs",
    .synopsis = "PLAN CAMPAIGN | PLAN --within CAMPAIGN [options]",
    .description =
        "Compares the chosen clock with the baseline on runs that had no part in the choice, by "
        "blocks where clocks alternate, and says whether saving and slowdown are what the plan "
        "promises: confirmed, refuted or undecided, and how many more runs would decide. The best "
        "operating point of a workload that was measured at several (batches, shares, limits, "
        "quotas) is held against its baseline in the same way. Only such "
        "estimates are free of the luck of the choice; -o writes the plan with them, --save keeps "
        "the verdict for `wattle report`. Runs in the campaign that the plan was made from are "
        "known again, by file or by content, and left out.\n\n"
        "With --within, every repetition of the plan's own campaign is left out once, the clock is "
        "chosen on the others and estimated on the one left out: a rehearsal, not a confirmation.",
    .examples = "  wattle validate plan.json fresh.wattle -o confirmed.json --save june\n"
                "  wattle validate plan.json --within c.wattle",
    .exit_codes = "6  a plan is refuted\n"
                  "7  none is refuted, but one is undecided, or there is nothing to judge",
    .opts = opts,
    .options_size = sizeof(struct validate_options),
    .min_args = 1,
    .max_args = 2,
    .run = run,
};
