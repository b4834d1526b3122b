/* SPDX-License-Identifier: Apache-2.0
 * Policies laid over one another. */
#include "core/overlay.h"

#include <string.h>

static void apply_constraints(const struct wtl_policy *from, struct wtl_policy *to)
{
#define TAKE(flag, value)                                                                          \
    do {                                                                                           \
        if (from->flag) {                                                                          \
            to->flag = true;                                                                       \
            to->value = from->value;                                                               \
        }                                                                                          \
    } while (0)
    TAKE(has_max_slowdown, max_slowdown);
    TAKE(has_max_energy, max_energy_ratio);
    TAKE(has_min_clock_ratio, min_clock_ratio);
    TAKE(has_max_power, max_power_w);
    TAKE(has_min_saving, min_saving);
    TAKE(has_rate, rate_per_s);
#undef TAKE
}

void wtl_overlay_apply(const struct wtl_overlay *overlay, struct wtl_policy *policy)
{
    const struct wtl_policy *from = &overlay->values;
    if (overlay->objective)
        policy->objective = from->objective;
    if (overlay->baseline)
        policy->baseline = from->baseline;
    if (overlay->prefer)
        policy->prefer = from->prefer;
    if (overlay->slo) {
        policy->n_slo = from->n_slo;
        memcpy(policy->slo, from->slo, sizeof policy->slo);
    }
    if (overlay->clocks) {
        policy->clocks_mhz = from->clocks_mhz;
        policy->n_clocks = from->n_clocks;
    }
    if (overlay->confidence)
        policy->confidence = from->confidence;
    if (overlay->replicates)
        policy->replicates = from->replicates;
    if (overlay->seed)
        policy->seed = from->seed;
    apply_constraints(from, policy);
}
