/* SPDX-License-Identifier: Apache-2.0
 * Sensitivity as text: one table a workload. */
#include "cli/sensitivity_text.h"

#include "cli/plan_text.h"
#include "cli/table.h"

static void put_interval(struct wtl_table *t, const struct wtl_estimate *e)
{
    if (e->n && e->evidence != WTL_EVIDENCE_NONE)
        wtl_table_printf(t, "%.1f to %.1f", wtl_percent(e->lo), wtl_percent(e->hi));
    else
        wtl_table_put(t, "-");
}

static void put_point(struct wtl_table *t, const struct wtl_sweep_point *p)
{
    wtl_table_put(t, wtl_plan_status_name(p->status));
    wtl_table_number(t, p->clock_mhz > 0, p->clock_mhz, 0);
    wtl_table_number(t, p->saving.n > 0, wtl_percent(p->saving.value), 1);
    put_interval(t, &p->saving);
    wtl_table_number(t, p->slowdown.n > 0, wtl_percent(p->slowdown.value), 1);
    put_interval(t, &p->slowdown);
    wtl_table_number(t, p->n_tied > 0, (double)p->n_tied, 0);
}

static void put_points(struct wtl_table *t, const struct wtl_set_sensitivity *s)
{
    char name[64];
    for (int i = 0; i < WTL_SWEEP_SLOWDOWNS; i++) {
        wtl_table_printf(t, "slowdown at most %g %%", 100 * s->slowdown[i].value);
        put_point(t, &s->slowdown[i]);
    }
    for (int i = 0; i < WTL_SWEEP_WEIGHTS; i++) {
        wtl_table_printf(t, "weight of energy %g", s->weight[i].value);
        put_point(t, &s->weight[i]);
    }
    for (int i = 0; i < WTL_METHODS; i++) {
        const struct wtl_objective *o = &s->agreement.objective[i];
        wtl_table_printf(t, "objective %s", wtl_objective_format(o, name, sizeof name));
        put_point(t, &s->agreement.point[i]);
    }
    for (size_t i = 0; s->has_stability && i < s->stability.n; i++) {
        wtl_table_printf(t, "without repetition %d", s->stability.rep[i]);
        put_point(t, &s->stability.point[i]);
    }
}

static void print_summary(FILE *out, const struct wtl_set_sensitivity *s)
{
    const struct wtl_agreement *a = &s->agreement;
    const struct wtl_stability *t = &s->stability;
    if (a->n_pairs)
        wtl_print_line(out, 2,
                       "objectives agree in %.0f %% of %d pairs (each one's clock is tied with the "
                       "other's), %d to %d MHz",
                       100 * a->share, a->n_pairs, a->lowest_mhz, a->highest_mhz);
    if (s->has_stability && t->n_decided)
        wtl_print_line(out, 2,
                       "without one repetition: %zu of %zu decided, %zu of them within the tied "
                       "clocks of all runs, %d to %d MHz, saving %.1f to %.1f %%",
                       t->n_decided, t->n, t->n_within, t->lowest_mhz, t->highest_mhz,
                       100 * t->saving_min, 100 * t->saving_max);
    else if (s->has_stability)
        fprintf(out, "  without one repetition: none of %zu decided\n", t->n);
}

static int print_set(struct wtl_context *ctx, const struct wtl_set_sensitivity *s,
                     struct wtl_error *err)
{
    static const struct wtl_table_column columns[] = {
        {"asked", NULL, false, false},  {"status", NULL, false, false},
        {"clock", "MHz", true, false},  {"saving", "%", true, false},
        {"interval", "%", true, false}, {"slower", "%", true, false},
        {"interval", "%", true, false}, {"tied", NULL, true, false},
    };
    char title[WTL_CONFIGURED_NAME];
    fputc('\n', ctx->out);
    wtl_print_line(ctx->out, 0, "%s on %s%s%s", wtl_configured_name(s->workload, s->at, title),
                   s->gpu, s->usable ? "" : ": unusable: ", s->usable ? "" : s->why);
    if (!s->usable)
        return 0;
    struct wtl_table *t = wtl_table_new(ctx->arena, columns, sizeof columns / sizeof columns[0]);
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    put_points(t, s);
    int rc = wtl_table_print(t, 2, WTL_TABLE_WIDTH, ctx->out, err);
    if (rc == 0)
        print_summary(ctx->out, s);
    return rc;
}

int wtl_print_sensitivity(struct wtl_context *ctx, const struct wtl_set_sensitivity *sets, size_t n,
                          struct wtl_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = print_set(ctx, &sets[i], err);
    return rc;
}
