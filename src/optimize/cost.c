/* SPDX-License-Identifier: Apache-2.0
 * Savings in a year. */
#include "optimize/cost.h"

#include <math.h>

#define JOULE_PER_KWH 3.6e6

static struct wtl_estimate scaled(const struct wtl_estimate *e, double factor)
{
    struct wtl_estimate out = *e;
    out.value *= factor;
    out.lo *= factor;
    out.hi *= factor;
    return out;
}

bool wtl_cost_of_plan(const struct wtl_plan *plan, const struct wtl_cost_terms *terms,
                      struct wtl_cost *cost_out)
{
    double runs = terms->runs_per_year;
    if (plan->saving.n == 0 || plan->baseline_energy_j.n == 0)
        return false;
    if (runs <= 0 && terms->busy_hours_per_year > 0 && plan->baseline_time_s.n > 0 &&
        plan->baseline_time_s.value > 0)
        runs = terms->busy_hours_per_year * 3600 / plan->baseline_time_s.value;
    /* A unit of work a window: no more are done than arrive. */
    if (terms->runs_per_year <= 0 && plan->policy.has_rate && plan->at.window)
        runs = fmin(runs, terms->busy_hours_per_year * 3600 * plan->policy.rate_per_s);
    if (runs <= 0)
        return false;
    struct wtl_cost cost = {.runs_per_year = runs};
    cost.energy_kwh = scaled(&plan->saving, plan->baseline_energy_j.value * runs / JOULE_PER_KWH);
    if (terms->has_price)
        cost.money = scaled(&cost.energy_kwh, terms->price_per_kwh);
    if (terms->has_carbon)
        cost.carbon_kg = scaled(&cost.energy_kwh, terms->carbon_g_per_kwh / 1000);
    *cost_out = cost;
    return true;
}
