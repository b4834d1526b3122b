/* SPDX-License-Identifier: Apache-2.0
 *
 * What a saving is worth in a year: energy, money, CO2. One function for every command.
 */
#ifndef WTL_OPTIMIZE_COST_H
#define WTL_OPTIMIZE_COST_H

#include "core/plan.h"

/* How much work there is in a year, and what a kilowatt-hour costs. */
struct wtl_cost_terms {
    double runs_per_year;       /* 0: from busy_hours_per_year */
    double busy_hours_per_year; /* hours that the GPU works at its baseline clock; 0: from runs */
    bool has_price;
    double price_per_kwh; /* in any currency; money comes out in the same */
    bool has_carbon;
    double carbon_g_per_kwh;
};

/* Saved per GPU and year; negative where the plan costs more. */
struct wtl_cost {
    double runs_per_year;
    struct wtl_estimate energy_kwh;
    struct wtl_estimate money;     /* n = 0 without a price */
    struct wtl_estimate carbon_kg; /* n = 0 without a carbon intensity */
};

/* saving x energy of the baseline x runs. Busy hours are turned into runs at the speed of the
 * baseline: the work stays the same, whatever clock does it. The interval is that of the saving;
 * the energy of the baseline is taken at its estimate, so that a calibration error of the sensor
 * (up to 5 % of absolute joules) comes on top.
 * False when the plan has no saving or no baseline, or the terms name no amount of work. */
bool wtl_cost_of_plan(const struct wtl_plan *plan, const struct wtl_cost_terms *terms,
                      struct wtl_cost *cost_out);

#endif
