/* SPDX-License-Identifier: Apache-2.0
 * Names of plan.h. */
#include "core/plan.h"

#include <string.h>

const char *wtl_plan_status_name(enum wtl_plan_status status)
{
    switch (status) {
    case WTL_PLAN_OK:
        return "ok";
    case WTL_PLAN_UNDECIDED:
        return "undecided";
    case WTL_PLAN_UNUSABLE:
        return "unusable";
    case WTL_PLAN_INFEASIBLE:
        return "infeasible";
    }
    return "unusable";
}

bool wtl_plan_status_by_name(const char *name, enum wtl_plan_status *out)
{
    for (int s = WTL_PLAN_OK; s <= WTL_PLAN_INFEASIBLE; s++)
        if (strcmp(name, wtl_plan_status_name((enum wtl_plan_status)s)) == 0) {
            *out = (enum wtl_plan_status)s;
            return true;
        }
    return false;
}

/* Over the clocks that were measured. */
static void find_energy_quality(struct wtl_plan *plan, const struct wtl_workset *set)
{
    bool first = true;
    for (size_t i = 0; i < set->n_cells; i++) {
        const struct wtl_measurement *m = &set->cells[i];
        if (m->n == 0)
            continue;
        bool same = first || plan->energy_method == m->energy_method;
        plan->energy_method = same ? m->energy_method : WTL_ENERGY_NONE;
        if (m->energy_class > plan->energy_class)
            plan->energy_class = m->energy_class;
        first = false;
    }
}

void wtl_plan_name(struct wtl_plan *plan, const struct wtl_workset *set)
{
    memcpy(plan->gpu, set->gpu, sizeof plan->gpu);
    memcpy(plan->workload, set->workload, sizeof plan->workload);
    plan->at = set->at;
    find_energy_quality(plan, set);
}

const char *wtl_plan_title(const struct wtl_plan *plan, char buf[WTL_CONFIGURED_NAME])
{
    return wtl_configured_name(plan->workload, &plan->at, buf);
}
