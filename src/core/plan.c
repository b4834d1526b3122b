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
