/* SPDX-License-Identifier: Apache-2.0
 * `wattle compare`: two plans side by side. */
#include "cli/command.h"
#include "cli/plan_options.h"
#include "cli/plan_text.h"
#include "cli/table.h"
#include "codec/json.h"
#include "flow/compare.h"

struct compare_options {
    struct wtl_cost_options cost;
};

static const struct wtl_opt opts[] = {
    WTL_COST_OPTS(struct compare_options, cost),
    {0},
};

static void put_clock(struct wtl_table *t, const struct wtl_plan *p)
{
    if (p && p->clock_mhz)
        wtl_table_printf(t, "%d", p->clock_mhz);
    else
        wtl_table_put(t, p ? wtl_plan_status_name(p->status) : "no plan");
}

static void put_change(struct wtl_table *t, const struct wtl_estimate *e)
{
    if (e->n == 0)
        wtl_table_put(t, "-");
    else if (e->evidence == WTL_EVIDENCE_NONE)
        wtl_table_printf(t, "%+.1f", 100 * e->value);
    else
        wtl_table_printf(t, "%+.1f (%+.1f to %+.1f)", 100 * e->value, 100 * e->lo, 100 * e->hi);
}

static const char *remark(const struct wtl_plan_change *c)
{
    if (c->comparable != WTL_COMPARABLE)
        return wtl_comparable_name(c->comparable);
    if (c->same_clock)
        return "same clock";
    return c->tied ? "tied" : "";
}

static int print_table(struct wtl_context *ctx, const struct wtl_comparison *c,
                       struct wtl_error *err)
{
    static const struct wtl_table_column columns[] = {
        {"gpu", NULL, false, false},       {"workload", NULL, false, false},
        {"clock A", "MHz", true, false},   {"clock B", "MHz", true, false},
        {"saving A", "%", true, false},    {"saving B", "%", true, false},
        {"saving B-A", "pp", true, false}, {"slowdown A", "%", true, false},
        {"slowdown B", "%", true, false},  {"slowdown B-A", "pp", true, false},
        {"remark", NULL, false, false},
    };
    struct wtl_table *t = wtl_table_new(ctx->arena, columns, sizeof columns / sizeof columns[0]);
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < c->n; i++) {
        const struct wtl_plan_change *change = &c->changes[i];
        const struct wtl_plan *a = change->a, *b = change->b, *any = a ? a : b;
        wtl_table_put(t, any->gpu);
        wtl_table_put(t, any->workload);
        put_clock(t, a);
        put_clock(t, b);
        wtl_table_number(t, a && a->saving.n, a ? 100 * a->saving.value : 0, 1);
        wtl_table_number(t, b && b->saving.n, b ? 100 * b->saving.value : 0, 1);
        put_change(t, &change->saving);
        wtl_table_number(t, a && a->slowdown.n, a ? 100 * a->slowdown.value : 0, 1);
        wtl_table_number(t, b && b->slowdown.n, b ? 100 * b->slowdown.value : 0, 1);
        put_change(t, &change->slowdown);
        wtl_table_put(t, remark(change));
    }
    return wtl_table_print(t, 0, WTL_TABLE_WIDTH, ctx->out, err);
}

static void print_head(struct wtl_context *ctx, const struct wtl_comparison *c)
{
    fprintf(ctx->out, "A  %s  (campaign %.12s, %s)\n", ctx->argv[0],
            c->a->fingerprint[0] ? c->a->fingerprint : "unknown",
            c->a->created[0] ? c->a->created : "no date");
    fprintf(ctx->out, "B  %s  (campaign %.12s, %s)\n\n", ctx->argv[1],
            c->b->fingerprint[0] ? c->b->fingerprint : "unknown",
            c->b->created[0] ? c->b->created : "no date");
}

static void print_remarks(struct wtl_context *ctx, const struct wtl_comparison *c)
{
    bool baseline = false;
    for (size_t i = 0; i < c->n; i++)
        baseline = baseline || c->changes[i].comparable == WTL_OTHER_BASELINE;
    fputs(c->same_data ? "\nBoth rest on the same runs: differences have no interval of their own."
                         " To decide between\nthem, run both clocks again and use `wattle "
                         "validate`.\n"
                       : "\nThe plans rest on different runs: intervals of differences are those of"
                         " independent\nestimates.\n",
          ctx->out);
    if (baseline)
        fputs("other-baseline: measured against different baselines, so that savings do not "
              "compare.\n",
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
            fprintf(ctx->out, "  %s on %s, %s: ", p->workload, p->gpu, k ? "B" : "A");
            wtl_print_cost(ctx->out, &cost);
            fputc('\n', ctx->out);
        }
}

static int run(struct wtl_context *ctx, struct wtl_error *err)
{
    const struct compare_options *o = ctx->options;
    struct wtl_plan_file a, b;
    struct wtl_comparison c;
    struct wtl_cost_terms terms;
    int rc = wtl_plan_file_read(ctx->arena, ctx->argv[0], &a, err);
    if (rc == 0)
        rc = wtl_plan_file_read(ctx->arena, ctx->argv[1], &b, err);
    if (rc == 0)
        rc = wtl_compare_plans(ctx->arena, &a, &b, &c, err);
    if (rc < 0)
        return rc;
    if (ctx->json)
        return wtl_print_json(ctx, wtl_comparison_json(&c), err);
    if (ctx->verbosity >= 0)
        print_head(ctx, &c);
    rc = print_table(ctx, &c, err);
    if (rc < 0 || ctx->verbosity < 0)
        return rc;
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
        "Sets two PLAN files side by side, gpu and workload by gpu and workload: clocks, savings, "
        "slowdowns and their differences (B minus A). Differences get an interval only where the "
        "plans rest on different runs; plans of one campaign share their noise. Savings against "
        "different baselines are not subtracted.",
    .examples = "  wattle compare unconstrained.json constrained.json\n"
                "  wattle compare january.json june.json --price 0.30",
    .opts = opts,
    .options_size = sizeof(struct compare_options),
    .min_args = 2,
    .max_args = 2,
    .run = run,
};
