/* SPDX-License-Identifier: Apache-2.0
 *
 * From plans to the clock ceilings of a soft cap (lease/ceiling.h).
 */
#ifndef WTL_FLOW_CEILING_H
#define WTL_FLOW_CEILING_H

#include "device/device.h"
#include "lease/ceiling.h"
#include "store/plan_file.h"

/* Which plans tell of a board's power. */
struct wtl_ceiling_source {
    const struct wtl_plan_file *plans;
    const char *path; /* of the file, for messages */
    const char
        *workload; /* only the plan of this one; NULL: all of the board, each of which counts */
};

/* The ceiling of `device`, in the arena: one rung for each clock that was measured and that the
 * board has. Its power is the largest of all the plans, and of a plan the largest of all its clocks
 * up to the first that it measured at or above the rung's: what lies between two clocks is taken
 * for no less than the higher one. Clocks above the highest of any plan have no rung.
 * -WTL_NOTFOUND: no plan of this board and workload, or none that tells power. */
int wtl_ceiling_of(const struct wtl_ceiling_source *source, struct wtl_device *device,
                   struct wtl_arena *arena, struct wtl_ceiling *out, struct wtl_error *err);

#endif
