/* SPDX-License-Identifier: Apache-2.0
 *
 * The averaging window and the lag of a power sensor, from its answer to a load that is switched on
 * and off at known moments: a value published at t is taken to be
 *     low + (high - low) * share of [t - lag - window, t - lag] in which the load was on.
 * All four are fitted by least squares: low and high in closed form for every pair of window and
 * lag of a grid. A square wave whose period is no multiple of the sensor's shows all phases, so
 * that 25 of 100 ms are told from 100 of 100 (arXiv 2312.02741 uses the same idea with short
 * pulses).
 */
#ifndef WTL_ENERGY_RESPONSE_H
#define WTL_ENERGY_RESPONSE_H

#include <stddef.h>
#include <stdint.h>

struct wtl_response_value {
    int64_t t_ns; /* when it was published */
    double value_w;
};

struct wtl_response {
    int64_t window_ns, lag_ns;
    double low_w, high_w;
    double unexplained; /* share of the values' variance that the model leaves */
    int n;
};

/* `switch_ns`: rising times at which the load changed; it is off before the first. `window_ns` 0:
 * to be found. Values are in order of time. 0, or -1 where they do not tell: fewer than 40, a step
 * too small for their scatter, or a model that explains less than 3/4 of the variance. */
int wtl_response_fit(const struct wtl_response_value *values, size_t n, const int64_t *switch_ns,
                     size_t n_switches, int64_t window_ns, struct wtl_response *response_out);

#endif
