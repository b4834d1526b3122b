/* SPDX-License-Identifier: Apache-2.0
 *
 * One run over several devices at once (a model split over GPUs): what the samples of each say,
 * brought together into the metrics of the run.
 */
#ifndef WTL_RUNS_TOGETHER_H
#define WTL_RUNS_TOGETHER_H

#include "core/run.h"

#include <stddef.h>

/* Sets the metrics that any of `parts` (one a device, of the same time) has, and clears none:
 *
 *   energies, powers, power limits, memory, rows    summed; where a part lacks one: not set. Of the
 *                                                   smallest, largest and 99 % power the sum is a
 *                                                   bound, for they need not come at once
 *   standard deviation of power                     root of the sum of squares
 *   match of the clock, active share                the least of them
 *   highest temperature, throttled share, gap,
 *   counter's step                                  the greatest
 *   times, periods, the work                        the first device's
 *   clocks, utilisation, mean temperature           means
 */
void wtl_run_together(const struct wtl_run *parts, size_t n, struct wtl_run *run);

#endif
