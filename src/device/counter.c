/* SPDX-License-Identifier: Apache-2.0
 * Differences of counters. */
#include "device/counter.h"

bool wtl_counter_advance(double before, double after, double wraps_at, double most, double *out)
{
    double d = after - before;
    if (d < 0 && wraps_at > 0 && before <= wraps_at)
        d += wraps_at;
    if (!(d >= 0) || (most > 0 && d > most))
        return false;
    *out = d;
    return true;
}
