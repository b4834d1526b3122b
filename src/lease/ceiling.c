/* SPDX-License-Identifier: Apache-2.0
 * Clock ceilings: from clock to power, and back. */
#include "lease/ceiling.h"

#include <math.h>

double wtl_ceiling_power_w(const struct wtl_ceiling *c, struct wtl_knob_value lock)
{
    const double slack_mhz = 0.5; /* clocks are whole MHz that drivers hand about as they like */
    for (size_t i = 0; !lock.released && i < c->n; i++)
        if (c->rungs[i].clock_mhz >= lock.hi - slack_mhz)
            return c->rungs[i].power_w;
    return (double)INFINITY;
}

const struct wtl_ceiling_rung *wtl_ceiling_within(const struct wtl_ceiling *c, double power_w)
{
    const double slack_w = 1e-6; /* of sums */
    const struct wtl_ceiling_rung *found = NULL;
    for (size_t i = 0; i < c->n && c->rungs[i].power_w <= power_w + slack_w; i++)
        found = &c->rungs[i];
    return found;
}
