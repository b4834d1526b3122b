/* SPDX-License-Identifier: Apache-2.0
 * Power of a board among its processes. */
#include "telemetry/attribution.h"

struct wtl_attribution wtl_attribute_power(double power_w, double idle_w, struct wtl_user *users,
                                           size_t n)
{
    struct wtl_attribution out = {.idle_w = idle_w < power_w ? idle_w : power_w};
    double dynamic_w = power_w - out.idle_w, sum = 0, given_w = 0;
    for (size_t i = 0; i < n; i++)
        if (users[i].has_util && users[i].util > 0)
            sum += users[i].util;
    for (size_t i = 0; i < n; i++) {
        struct wtl_user *u = &users[i];
        u->has_power = u->has_util;
        u->power_w = 0;
        if (u->has_util && u->util > 0)
            u->power_w = dynamic_w * (u->util / sum);
        given_w += u->power_w;
    }
    out.unattributed_w = sum > 0 ? 0 : dynamic_w - given_w;
    return out;
}
