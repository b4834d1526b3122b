/* SPDX-License-Identifier: Apache-2.0
 *
 * Which process draws the power of a board: the one home of that question. An estimate, and to be
 * shown as one ("est."): no board measures it.
 *
 * The rule
 *   idle part     what the board draws without work, when that is known; never more than its power
 *   process i     (power - idle part) * util_i / sum of util, of the processes whose utilisation of
 *                 the SMs is known
 *   unattributed  the rest: all of it when no process is known to work
 * so that idle part + processes + unattributed = power, whatever the input. It leaves out that
 * equal shares of SM time draw unequal power.
 */
#ifndef WTL_TELEMETRY_ATTRIBUTION_H
#define WTL_TELEMETRY_ATTRIBUTION_H

#include <stdbool.h>
#include <stddef.h>

struct wtl_user {
    bool has_util;
    double util; /* share of the SMs' time; need not sum up to 1 */
    bool has_power;
    double power_w; /* out */
};

struct wtl_attribution {
    double idle_w;
    double unattributed_w;
};

/* Fills has_power and power_w of the n users. `power_w` and `idle_w` are at least 0; idle_w 0: not
 * known. Allocates nothing. */
struct wtl_attribution wtl_attribute_power(double power_w, double idle_w, struct wtl_user *users,
                                           size_t n);

#endif
