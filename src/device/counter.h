/* SPDX-License-Identifier: Apache-2.0
 *
 * Differences of counters (energy, CPU time) that wrap or begin anew.
 */
#ifndef WTL_DEVICE_COUNTER_H
#define WTL_DEVICE_COUNTER_H

#include <stdbool.h>

/* What a counter that began anew at `wraps_at` (0: it does not) advanced from `before` to `after`,
 * when no more than one wrap can lie between them: the caller reads at least twice a period (RAPL:
 * 262 kJ, 20 minutes at 200 W). `most` is what can have been counted at the utmost between the two
 * (power limit times time; 0: not known). False when the counter went back and does not wrap, or
 * when the advance is more than `most`: it was reset (driver reload, another device). */
bool wtl_counter_advance(double before, double after, double wraps_at, double most, double *out);

#endif
