/* SPDX-License-Identifier: Apache-2.0
 * Held-out errors for people. */
#include "cli/heldout_table.h"

#include "base/text.h"
#include "cli/table.h"
#include "core/policy.h"

#include <math.h>

static const struct wtl_table_column columns[] = {
    {"left out", NULL, false, false}, {"method", NULL, false, false}, {"probes", NULL, true, false},
    {"n", NULL, true, false},         {"regret", "%", true, false},   {"90 %", "%", true, false},
    {"broken", "%", true, false},     {"loss", "%", true, false},     {"90 %", "%", true, false},
    {"mean", "%", true, false},       {"time", "%", true, false},     {"power", "%", true, false},
    {"cover", "%", true, false},
};

static void put_row(struct wtl_table *t, const struct wtl_heldout *h)
{
    const struct {
        bool known;
        double value;
    } figures[] = {{true, h->regret_median},
                   {true, h->regret_p90},
                   {true, h->broken},
                   {true, h->loss_median},
                   {true, h->loss_p90},
                   {true, h->loss_mean},
                   {h->has_error, h->time_median},
                   {h->has_error, h->power_median},
                   {h->has_coverage, h->coverage}};
    wtl_table_put(t, wtl_split_name(h->split));
    wtl_table_put(t, wtl_method_name(h->method));
    if (h->n_probes)
        wtl_table_printf(t, "%d", h->n_probes);
    else
        wtl_table_put(t, "-");
    wtl_table_printf(t, "%d", h->n);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        wtl_table_number(t, figures[i].known, 100 * figures[i].value, 1);
}

static bool is_model(const struct wtl_heldout *h)
{
    return h->method == WTL_METHOD_ACTIVITY || h->method == WTL_METHOD_PLAIN;
}

/* "Leave one workload out, 3 probes: model loses 1.3 %, best rule of thumb (0.75-max) 6.9 %." */
static void print_verdicts(struct wtl_context *ctx, const struct wtl_predictor *p)
{
    for (size_t i = 0; i < p->n_heldout; i++) {
        const struct wtl_heldout *h = &p->heldout[i], *rival = NULL;
        if (!is_model(h))
            continue;
        for (size_t k = 0; k < p->n_heldout; k++) {
            const struct wtl_heldout *r = &p->heldout[k];
            if (r->split == h->split && r->n_probes == 0 &&
                (!rival || r->loss_mean < rival->loss_mean))
                rival = r;
        }
        if (!rival)
            continue;
        wtl_print_line(ctx->out, 0,
                       "%s left out, %s with %d probe%s: mean loss %.1f %%, %s %s (%.1f %%)",
                       h->split == WTL_SPLIT_GPU ? "GPU" : "workload", wtl_method_name(h->method),
                       h->n_probes, wtl_plural((int64_t)h->n_probes), 100 * h->loss_mean,
                       h->loss_mean < rival->loss_mean ? "better than" : "NOT better than",
                       wtl_method_name(rival->method), 100 * rival->loss_mean);
    }
}

int wtl_print_heldout(struct wtl_context *ctx, const struct wtl_predictor *p, struct wtl_error *err)
{
    char objective[64];
    if (p->n_heldout == 0) {
        fprintf(ctx->out, "No held-out error can be stated: leaving one workload or one GPU out "
                          "leaves fewer than two sets.\n");
        return 0;
    }
    struct wtl_table *t = wtl_table_new(ctx->arena, columns, sizeof columns / sizeof columns[0]);
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for a table");
    for (size_t i = 0; i < p->n_heldout; i++)
        put_row(t, &p->heldout[i]);
    wtl_objective_format(&p->objective, objective, sizeof objective);
    fprintf(ctx->out, "Held-out errors, %s", objective);
    if (p->has_max_slowdown)
        fprintf(ctx->out, " under a slowdown of at most %g %%", 100 * p->max_slowdown);
    fprintf(ctx->out, ":\n\n");
    int rc = wtl_table_print(t, 2, WTL_TABLE_WIDTH, ctx->out, err);
    if (rc < 0)
        return rc;
    static const char *const terms[] = {
        "regret: the objective of the pick over that of the best allowed clock, minus 1 (median, "
        "90 %)",
        "broken: picks that break the limit; loss: regret with those rolled back to the highest "
        "clock",
        "time, power: median over the cases of the mean absolute error of the predicted curves",
        "cover: share of clocks whose true slowdown lies in the stated interval"};
    fputc('\n', ctx->out);
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++)
        wtl_print_line(ctx->out, 0, "%s", terms[i]);
    fputc('\n', ctx->out);
    print_verdicts(ctx, p);
    return 0;
}
