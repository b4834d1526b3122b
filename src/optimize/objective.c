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

bool wtl_objective_counts_energy(const struct wtl_objective *o)
{
    if (o->kind == WTL_OBJECTIVE_WEIGHTED)
        return o->weight > 0;
    return o->kind != WTL_OBJECTIVE_TIME;
}
