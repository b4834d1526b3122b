/* SPDX-License-Identifier: Apache-2.0
 *
 * A ceiling on a board's clock in place of a power limit that cannot be set: from clock to the
 * power that its work drew at most. What comes of it is a soft cap: it holds for the work that was
 * measured, and no firmware watches over it. Pure.
 */
#ifndef WTL_LEASE_CEILING_H
#define WTL_LEASE_CEILING_H

#include "core/knob.h"

#include <stddef.h>

/* Under this clock the board draws at most this. */
struct wtl_ceiling_rung {
    double clock_mhz, power_w;
};

/* Ascending in both, strictly. n 0: none, the knob is no ceiling. */
struct wtl_ceiling {
    const struct wtl_ceiling_rung *rungs;
    size_t n;
};

enum { WTL_CEILING_MAX_RUNGS = 256 };

/* What the board may draw with its clocks locked so: the power of the first rung at or above the
 * lock's upper end. Released, or above the last rung: infinity, for nothing is known there. */
double wtl_ceiling_power_w(const struct wtl_ceiling *ceiling, struct wtl_knob_value lock);

/* The highest rung of at most `power_w`, NULL: there is none. */
const struct wtl_ceiling_rung *wtl_ceiling_within(const struct wtl_ceiling *ceiling,
                                                  double power_w);

#endif
