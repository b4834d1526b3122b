/* SPDX-License-Identifier: Apache-2.0
 * `wattle compare`: two plans side by side. */
#include "cli/at_option.h"
#include "cli/command.h"
#include "cli/plan_options.h"
#include "cli/plan_text.h"
#include "cli/table.h"
#include "codec/json.h"
#include "flow/compare.h"

#include <string.h>

struct compare_options {
    const char *html, *pdf, *at;
    struct wtl_cost_options cost;
};

static const struct wtl_opt opts[] = {
    {"html", 0, WTL_OPT_STRING, offsetof(struct compare_options, html), "FILE",
     "write the comparison as a page"},
    {"pdf", 0, WTL_OPT_STRING, offsetof(struct compare_options, pdf), "FILE",
     "write the comparison as a PDF"},
    WTL_OPT_AT(struct compare_options, at,
               "only the plans at these operating points: \"fp16, batch 8\""),
    WTL_COST_OPTS(struct compare_options, cost),
    {0},
};

static const char *status_of(const struct wtl_plan *p)
{
    return p ? wtl_plan_status_name(p->status) : "no plan";
}

/* One word; print_remarks() explains the ones that need it. */
static void put_remark(struct wtl_table *t, const struct wtl_plan_change *c)
{
    bool decided = c->a && c->b && c->a->clock_mhz && c->b->clock_mhz;
    if (!decided && strcmp(status_of(c->a), status_of(c->b)) == 0)
        wtl_table_put(t, status_of(c->a));
    else if (!decided)
        wtl_table_printf(t, "%s / %s", status_of(c->a), status_of(c->b));
    else if (c->comparable == WTL_OTHER_BASELINE)
        wtl_table_put(t, "baselines");
    else
        wtl_table_put(t, c->same_clock ? "same" : c->tied ? "tied" : "");
}

static void put_percent(struct wtl_table *t, const struct wtl_plan *p, bool saving)
{
    const struct wtl_estimate none = {0};
    const struct wtl_estimate *e = !p ? &none : saving ? &p->saving : &p->slowdown;
    wtl_table_number(t, e->n > 0, 100 * e->value, 1);
}

static void put_change(struct wtl_table *t, const struct wtl_estimate *e)
{
    if (e->n)
        wtl_table_printf(t, "%+.1f", 100 * e->value);
    else
        wtl_table_put(t, "-");
}

static int print_table(struct wtl_context *ctx, const struct wtl_comparison *c,
                       struct wtl_error *err)
{
    static const struct wtl_table_column columns[] = {
        {"gpu", NULL, false, false},     {"workload", NULL, false, false},
        {"clock A", "MHz", true, false}, {"B", "MHz", true, false},
        {"saves A", "%", true, false},   {"B", "%", true, false},
        {"B-A", "pp", true, false},      {"slower A", "%", true, false},
        {"B", "%", true, false},         {"B-A", "pp", true, false},
        {"A / B", NULL, false, false},
    };
    struct wtl_table *t = wtl_table_new(ctx->arena, columns, sizeof columns / sizeof columns[0]);
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < c->n; i++) {
        const struct wtl_plan_change *change = &c->changes[i];
        const struct wtl_plan *a = change->a, *b = change->b, *any = a ? a : b;
        wtl_table_put(t, any->gpu);
        char title[WTL_CONFIGURED_NAME];
        wtl_table_put(t, wtl_plan_title(any, title));
        wtl_table_number(t, a && a->clock_mhz, a ? a->clock_mhz : 0, 0);
        wtl_table_number(t, b && b->clock_mhz, b ? b->clock_mhz : 0, 0);
        put_percent(t, a, true);
        put_percent(t, b, true);
        put_change(t, &change->saving);
        put_percent(t, a, false);
        put_percent(t, b, false);
        put_change(t, &change->slowdown);
        put_remark(t, change);
    }
    return wtl_table_print(t, 0, WTL_TABLE_WIDTH, ctx->out, err);
}

/* Differences between different data, with their intervals. */
static void print_intervals(struct wtl_context *ctx, const struct wtl_comparison *c)
{
    bool first = true;
    for (size_t i = 0; i < c->n; i++) {
        const struct wtl_plan_change *change = &c->changes[i];
        const struct wtl_estimate *saving = &change->saving, *slowdown = &change->slowdown;
        if (saving->evidence == WTL_EVIDENCE_NONE)
            continue;
        if (first)
            fputc('\n', ctx->out);
        first = false;
        char title[WTL_CONFIGURED_NAME];
        wtl_print_line(ctx->out, 0,
                       "%s on %s, B minus A: saving %+.1f pp (%.1f to %.1f), slowdown %+.1f pp "
                       "(%.1f to %.1f)",
                       wtl_plan_title(change->a, title), change->a->gpu, 100 * saving->value,
                       100 * saving->lo, 100 * saving->hi, 100 * slowdown->value,
                       100 * slowdown->lo, 100 * slowdown->hi);
    }
}

static void print_head(struct wtl_context *ctx, const struct wtl_comparison *c)
{
    wtl_print_line(ctx->out, 0, "A %s (campaign %.12s, %s)", ctx->argv[0],
                   c->a->fingerprint[0] ? c->a->fingerprint : "unknown",
                   c->a->created[0] ? c->a->created : "no date");
    wtl_print_line(ctx->out, 0, "B %s (campaign %.12s, %s)", ctx->argv[1],
                   c->b->fingerprint[0] ? c->b->fingerprint : "unknown",
                   c->b->created[0] ? c->b->created : "no date");
    fputc('\n', ctx->out);
}

static void print_remarks(struct wtl_context *ctx, const struct wtl_comparison *c)
{
    bool baseline = false;
    for (size_t i = 0; i < c->n; i++)
        baseline = baseline || c->changes[i].comparable == WTL_OTHER_BASELINE;
    fputc('\n', ctx->out);
    wtl_print_wrapped(
        ctx->out,
        c->same_data ? "Both rest on the same runs: differences have no interval of their own."
                       " To decide between them, run both clocks again and use `wattle "
                       "validate`."
                     : "The plans rest on different runs: intervals of differences are those of"
                       " independent estimates.",
        0, WTL_TABLE_WIDTH);
    if (baseline)
        fputs("baselines: measured against different baselines, savings do not compare.\n",
              ctx->out);
}

static void print_costs(struct wtl_context *ctx, const struct wtl_comparison *c,
                        const struct wtl_cost_terms *terms)
{
    fputs("\nsaved a year, per GPU:\n", ctx->out);
    for (size_t i = 0; i < c->n; i++)
        for (int k = 0; k < 2; k++) {
            const struct wtl_plan *p = k ? c->changes[i].b : c->changes[i].a;
            struct wtl_cost cost;
            if (!p || !wtl_cost_of_plan(p, terms, &cost))
                continue;
            char text[WTL_COST_TEXT], title[WTL_CONFIGURED_NAME];
            wtl_print_line(ctx->out, 2, "%s on %s, %s: %s", wtl_plan_title(p, title), p->gpu,
                           k ? "B" : "A", wtl_format_cost(&cost, text, sizeof text));
        }
}

static int read_plans(struct wtl_context *ctx, int argument, const struct wtl_at *at,
                      struct wtl_plan_file *file, struct wtl_error *err)
{
    int rc = wtl_plan_file_read(ctx->arena, ctx->argv[argument], file, err);
    return rc ? rc : wtl_plan_file_narrow(ctx->arena, ctx->argv[argument], at, file, err);
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct compare_options *o = ctx->options;
    struct wtl_plan_file a, b;
    struct wtl_comparison c;
    struct wtl_cost_terms terms;
    WTL_FILE_SET(set);
    const struct wtl_at *at = NULL;
    int rc = wtl_at_option(ctx->arena, o->at, &at, err);
    rc = rc ? rc : read_plans(ctx, 0, at, &a, err);
    rc = rc ? rc : read_plans(ctx, 1, at, &b, err);
    if (rc == 0)
        rc = wtl_compare_plans(ctx->arena, &a, &b, &c, err);
    if (rc == 0 && (o->html || o->pdf)) {
        const struct wtl_flow flow = wtl_context_flow(ctx);
        const struct wtl_compare_files files = {o->html, o->pdf, {ctx->argv[0], ctx->argv[1]}};
        rc = wtl_compare_write(&flow, &c, &files, ctx->arena, &set, err);
    }
    rc = rc ? rc : wtl_file_set_commit(&set, err);
    if (rc < 0)
        return rc;
    wtl_cost_options_not_in_json(ctx, &o->cost);
    if (ctx->json)
        return wtl_print_json(ctx, wtl_comparison_json(&c), err);
    if (ctx->verbosity >= 0)
        print_head(ctx, &c);
    rc = print_table(ctx, &c, err);
    if (rc < 0 || ctx->verbosity < 0)
        return rc;
    if (!c.same_data)
        print_intervals(ctx, &c);
    print_remarks(ctx, &c);
    if (wtl_cost_options_read(&o->cost, &terms))
        print_costs(ctx, &c, &terms);
    return 0;
}

const struct wtl_command wtl_cmd_compare = {
    .name = "compare",
    .summary = "Show two plans side by side",
    .synopsis = "PLAN PLAN [options]",
    .description =
        "Sets two PLAN files side by side, gpu by gpu, workload by workload and configuration by "
        "configuration: clocks, savings, "
        "slowdowns and their differences (B minus A). Differences get an interval only where the "
        "plans rest on different runs; plans of one campaign share their noise. Savings against "
        "different baselines are not subtracted.",
    .examples = "  wattle compare unconstrained.json constrained.json\n"
                "  wattle compare january.json june.json --price 0.30 --html change.html",
    .opts = opts,
    .options_size = sizeof(struct compare_options),
    .min_args = 2,
    .max_args = 2,
    .run = run,
};
