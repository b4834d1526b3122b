/* SPDX-License-Identifier: Apache-2.0
 *
 * Meters that are asked over a slow line and do not like to be asked often: when an attempt is due,
 * what the last one gave until then, and readings with the time of that.
 */
#ifndef WTL_DEVICE_ASKING_H
#define WTL_DEVICE_ASKING_H

#include "base/clock.h"
#include "device/device.h"

#define WTL_ASKING_NEVER INT64_MAX

/* Zeroed but for the clock: never asked. */
struct wtl_asking {
    struct wtl_clock clock;
    bool asked;
    int64_t begun_ns, again_ns; /* monotonic: the last attempt; before this there is no other */
    int64_t wall_ns;            /* Unix time of the last answer */
    int rc;                     /* what the last attempt said, and why */
    struct wtl_error why;
};

/* Whether to ask now. If not, *rc_out and *err are those of the last attempt. */
bool wtl_asking_due(struct wtl_asking *a, int *rc_out, struct wtl_error *err);

/* An attempt that was due has ended: with an answer (0), the next is due `gap_ns` after its begin;
 * without (*why), `rest_ns` after its end, or WTL_ASKING_NEVER. Returns rc, with *err from *why. */
int wtl_asking_ends(struct wtl_asking *a, int rc, const struct wtl_error *why, int64_t gap_ns,
                    int64_t rest_ns, struct wtl_error *err);

/* A value of the last answer, with its time. */
void wtl_asking_put(const struct wtl_asking *a, struct wtl_reading *out, uint64_t wanted,
                    enum wtl_metric metric, enum wtl_absence absence, double value);

#endif
