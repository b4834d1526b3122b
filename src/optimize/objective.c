/* SPDX-License-Identifier: Apache-2.0
 * Objectives in logs. */
#include "optimize/objective.h"

#include <math.h>

double wtl_objective_log(const struct wtl_objective *o, double log_energy, double log_time)
{
    switch (o->kind) {
    case WTL_OBJECTIVE_ENERGY:
    case WTL_OBJECTIVE_THROUGHPUT_PER_WATT:
        return log_energy;
    case WTL_OBJECTIVE_TIME:
        return log_time;
    case WTL_OBJECTIVE_EDP:
        return log_energy + log_time;
    case WTL_OBJECTIVE_ED2P:
        return log_energy + 2 * log_time;
    case WTL_OBJECTIVE_ETN:
        return log_energy + o->exponent * log_time;
    case WTL_OBJECTIVE_WEIGHTED:
        return log(o->weight * exp(log_energy) + (1 - o->weight) * exp(log_time));
    }
    return log_energy;
}

/* n of E t^n; false for objectives that are not of this form. */
static bool exponent_of(const struct wtl_objective *o, double *n)
{
    if (o->kind != WTL_OBJECTIVE_EDP && o->kind != WTL_OBJECTIVE_ED2P &&
        o->kind != WTL_OBJECTIVE_ETN)
        return false;
    *n = o->kind == WTL_OBJECTIVE_EDP ? 1 : o->kind == WTL_OBJECTIVE_ED2P ? 2 : o->exponent;
    return true;
}

void wtl_objective_row(const struct wtl_objective *o, const double *restrict log_energy,
                       double base_energy, const double *restrict log_time, double base_time,
                       size_t n, double *restrict out)
{
    double power;
    if (exponent_of(o, &power))
        for (size_t e = 0; e < n; e++)
            out[e] = log_energy[e] - base_energy + power * (log_time[e] - base_time);
    else
        for (size_t e = 0; e < n; e++)
            out[e] = wtl_objective_log(o, log_energy[e] - base_energy, log_time[e] - base_time);
}

bool wtl_objective_counts_energy(const struct wtl_objective *o)
{
    if (o->kind == WTL_OBJECTIVE_WEIGHTED)
        return o->weight > 0;
    return o->kind != WTL_OBJECTIVE_TIME;
}
