/* SPDX-License-Identifier: Apache-2.0
 * Meters that are not asked too often. */
#include "device/asking.h"

#include "device/sysfs.h"

static int say(const struct wtl_asking *a, struct wtl_error *err)
{
    if (a->rc < 0 && err)
        *err = a->why;
    return a->rc;
}

bool wtl_asking_due(struct wtl_asking *a, int *rc_out, struct wtl_error *err)
{
    const int64_t now = a->clock.monotonic_ns(a->clock.ctx);
    if (a->asked && now < a->again_ns) {
        *rc_out = say(a, err);
        return false;
    }
    a->asked = true;
    a->begun_ns = now;
    return true;
}

int wtl_asking_ends(struct wtl_asking *a, int rc, const struct wtl_error *why, int64_t gap_ns,
                    int64_t rest_ns, struct wtl_error *err)
{
    a->rc = rc;
    a->why = *why;
    if (rc == 0) {
        a->again_ns = a->begun_ns + gap_ns;
        a->wall_ns = a->clock.wall_ns(a->clock.ctx);
    } else {
        a->again_ns = rest_ns == WTL_ASKING_NEVER ? WTL_ASKING_NEVER
                                                  : a->clock.monotonic_ns(a->clock.ctx) + rest_ns;
    }
    return say(a, err);
}

void wtl_asking_put(const struct wtl_asking *a, struct wtl_reading *out, uint64_t wanted,
                    enum wtl_metric metric, enum wtl_absence absence, double value)
{
    wtl_reading_set(out, metric, wanted, absence, value);
    if (wtl_reading_has(out, metric))
        out->sensor_t_ns[metric] = a->wall_ns;
}
