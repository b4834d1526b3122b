/* SPDX-License-Identifier: Apache-2.0
 * Figures and policies as words. */
#include "report/content_impl.h"
#include "report/fig_common.h"

#include <stdio.h>
#include <string.h>

static const char dash[] = "\xe2\x80\x93";

const char *wtl_text_percent(struct wtl_document *d, const struct wtl_estimate *e)
{
    const char *text = wtl_fig_percent(d->arena, e);
    return text[0] ? text : wtl_document_printf(d, "%s", dash);
}

const char *wtl_text_quantity(struct wtl_document *d, const struct wtl_estimate *e,
                              enum wtl_unit unit)
{
    char value[48];
    if (!wtl_fig_exists(e))
        return dash;
    return wtl_document_printf(d, "%s", wtl_format_measured(e->value, unit, value, sizeof value));
}

const char *wtl_text_clock(struct wtl_document *d, const struct wtl_plan *plan)
{
    if (plan->status == WTL_PLAN_OK)
        return wtl_document_printf(d, "%d", plan->clock_mhz);
    if (plan->status == WTL_PLAN_UNDECIDED && plan->best_guess_mhz > 0)
        return wtl_document_printf(d, "(%d)", plan->best_guess_mhz);
    return dash;
}

const char *wtl_text_baseline(struct wtl_document *d, const struct wtl_plan *plan)
{
    if (plan->baseline_clock_mhz <= 0)
        return wtl_document_printf(d, "%s", wtl_baseline_name(plan->baseline_kind));
    return wtl_document_printf(d, "%s, %d MHz", wtl_baseline_name(plan->baseline_kind),
                               plan->baseline_clock_mhz);
}

/* Appends ", NAME VALUE" when the constraint holds. */
static void constraint(char *text, size_t size, bool has, const char *name, double value,
                       enum wtl_unit unit)
{
    char bound[48];
    size_t n = strlen(text);
    if (has)
        snprintf(text + n, size - n, ", %s %s", name,
                 wtl_format_bound(value, unit, bound, sizeof bound));
}

const char *wtl_text_policy(struct wtl_document *d, const struct wtl_policy *p)
{
    char objective[64], baseline[128], text[600];
    snprintf(text, sizeof text, "objective %s, baseline %s",
             wtl_objective_format(&p->objective, objective, sizeof objective),
             wtl_baseline_format(&p->baseline, baseline, sizeof baseline));
    constraint(text, sizeof text, p->has_max_slowdown, "slowdown at most", p->max_slowdown,
               WTL_UNIT_FRACTION);
    constraint(text, sizeof text, p->has_max_energy, "energy over baseline at most",
               p->max_energy_ratio, WTL_UNIT_FRACTION);
    constraint(text, sizeof text, p->has_min_clock_ratio, "clock over highest at least",
               p->min_clock_ratio, WTL_UNIT_FRACTION);
    constraint(text, sizeof text, p->has_max_power, "mean power at most", p->max_power_w,
               WTL_UNIT_WATT);
    constraint(text, sizeof text, p->has_min_saving, "saving at least", p->min_saving,
               WTL_UNIT_FRACTION);
    constraint(text, sizeof text, p->has_rate, "arrival rate", p->rate_per_s, WTL_UNIT_RATE);
    for (int i = 0; i < p->n_slo && i < WTL_SLO_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%d at most", p->slo[i].percent);
        constraint(text, sizeof text, true, name, p->slo[i].seconds, WTL_UNIT_SECOND);
    }
    return wtl_document_printf(d, "%s; of the tied clocks: %s", text, wtl_prefer_name(p->prefer));
}

const char *wtl_text_combination(const struct wtl_report *r)
{
    for (size_t i = 0; i < r->n_sets; i++)
        if (!wtl_configuration_is_plain(&r->sets[i].set->at))
            return "GPU, workload and configuration";
    return "GPU and workload";
}

const char *wtl_text_work(const struct wtl_report *r)
{
    size_t windows = 0;
    for (size_t i = 0; i < r->n_sets; i++)
        windows += r->sets[i].set->at.window;
    return windows == 0          ? "run of constant work"
           : windows < r->n_sets ? "run of constant work, of windows of one unit of it"
                                 : "unit of work";
}

const char *wtl_text_statuses(struct wtl_document *d, const struct wtl_report *r)
{
    int count[WTL_PLAN_INFEASIBLE + 1] = {0};
    char text[160] = "";
    for (size_t i = 0; i < r->n_sets; i++)
        if (r->sets[i].plan)
            count[r->sets[i].plan->status]++;
    for (int s = WTL_PLAN_OK; s <= WTL_PLAN_INFEASIBLE; s++) {
        size_t n = strlen(text);
        if (count[s])
            snprintf(text + n, sizeof text - n, "%s%d %s", n ? ", " : "", count[s],
                     wtl_plan_status_name((enum wtl_plan_status)s));
    }
    return wtl_document_printf(d, "%s", text[0] ? text : "no plan");
}
