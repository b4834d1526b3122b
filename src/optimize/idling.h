/* SPDX-License-Identifier: Apache-2.0
 *
 * Work that arrives at a rate: between two units of it the board idles, at a power that goes by
 * the clock it is locked to (26 W at 600 MHz, 42 W at 1410 on the virtual A100).
 */
#ifndef WTL_OPTIMIZE_IDLING_H
#define WTL_OPTIMIZE_IDLING_H

#include "core/measurement.h"

/* Idle power by clock: medians over the runs of each, ascending clocks; n 0: not known. */
struct wtl_idle_power {
    size_t n;
    const double *clock_mhz, *power_w;
};

/* Of the runs that count. Lives in `arena`. -WTL_NOMEM. */
int wtl_idle_power_of(struct wtl_arena *arena, const struct wtl_run *const *runs, size_t n,
                      struct wtl_idle_power *out, struct wtl_error *err);

int wtl_idle_power_of_set(struct wtl_arena *arena, const struct wtl_workset *set,
                          struct wtl_idle_power *out, struct wtl_error *err);

/* Watts at a clock: on straight lines between those that were measured, and beyond them as at the
 * nearest. 0: not known. */
double wtl_idle_power_at(const struct wtl_idle_power *idle, double clock_mhz);

struct wtl_idling {
    bool counted;
    double period_s; /* one run of work arrives every period */
    struct wtl_idle_power power;
};

/* The energy from the end of a run of time_s to the arrival of the next one, J; 0 where idling is
 * not counted. */
double wtl_idling_j(const struct wtl_idling *idling, double clock_mhz, double time_s);

#endif
