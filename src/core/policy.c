/* SPDX-License-Identifier: Apache-2.0
 * Defaults and names of policy.h. */
#include "core/policy.h"

#include <stdio.h>

struct wtl_policy wtl_policy_default(void)
{
    return (struct wtl_policy){
        .objective = {.kind = WTL_OBJECTIVE_EDP},
        .baseline = {.kind = WTL_BASELINE_MAX},
        .prefer = WTL_PREFER_FASTEST,
        .confidence = 0.95,
        .replicates = 1000,
        .seed = 1,
    };
}

const char *wtl_objective_format(const struct wtl_objective *o, char *buf, size_t size)
{
    switch (o->kind) {
    case WTL_OBJECTIVE_ENERGY:
        snprintf(buf, size, "energy");
        break;
    case WTL_OBJECTIVE_TIME:
        snprintf(buf, size, "time");
        break;
    case WTL_OBJECTIVE_EDP:
        snprintf(buf, size, "edp");
        break;
    case WTL_OBJECTIVE_ED2P:
        snprintf(buf, size, "ed2p");
        break;
    case WTL_OBJECTIVE_ETN:
        snprintf(buf, size, "E*t^%g", o->exponent);
        break;
    case WTL_OBJECTIVE_WEIGHTED:
        snprintf(buf, size, "weighted:%g", o->weight);
        break;
    case WTL_OBJECTIVE_THROUGHPUT_PER_WATT:
        snprintf(buf, size, "throughput-per-watt");
        break;
    }
    return buf;
}

const char *wtl_baseline_name(enum wtl_baseline_kind kind)
{
    switch (kind) {
    case WTL_BASELINE_MAX:
        return "max";
    case WTL_BASELINE_DEFAULT:
        return "default";
    case WTL_BASELINE_FASTEST:
        return "fastest";
    case WTL_BASELINE_CLOCK:
        return "clock";
    case WTL_BASELINE_JOB:
        return "job";
    case WTL_BASELINE_REP:
        return "rep";
    }
    return "max";
}

const char *wtl_prefer_name(enum wtl_prefer prefer)
{
    switch (prefer) {
    case WTL_PREFER_FASTEST:
        return "fastest";
    case WTL_PREFER_BEST:
        return "best";
    case WTL_PREFER_LEAST_ENERGY:
        return "least-energy";
    case WTL_PREFER_LOWEST_CLOCK:
        return "lowest-clock";
    }
    return "fastest";
}
