/* SPDX-License-Identifier: Apache-2.0
 *
 * How far the figures of energy can be trusted, shown on sensors whose truth is known: every method
 * on every kind of simulated sensor and load, over many seeds (cards, phases, loads). Truth is the
 * sensor's own: gain and offset of the card belong to its calibration class, not to the interval.
 */
#ifndef WTL_FLOW_SIM_SENSORS_H
#define WTL_FLOW_SIM_SENSORS_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* What is judged. X(name, title) */
#define WTL_TRIAL_METHODS(X)                                                                       \
    X(naive, "naive polling") /* mean of nvmlDeviceGetPowerUsage every 100 ms, times time */       \
    X(raw_counter, "counter, as read")        /* last minus first */                               \
    X(stat, "what stat says")                 /* the figure that users get */                      \
    X(counter_edges, "counter, tick to tick") /* windows that begin and end at ticks */            \
    X(ring, "driver's samples")                                                                    \
    X(polled, "polled power")                                                                      \
    X(averaged, "averaged power")                                                                  \
    X(dephased, "32 de-phased repeats") /* of polled power alone */

enum wtl_trial_method {
#define X(name, title) WTL_TRIAL_##name,
    WTL_TRIAL_METHODS(X)
#undef X
        WTL_N_TRIAL_METHODS
};
const char *wtl_trial_method_name(enum wtl_trial_method method);
const char *wtl_trial_method_title(enum wtl_trial_method method);

/* Errors over the seeds; shares of the true energy. */
struct wtl_trial_row {
    const char *sensor, *load;
    enum wtl_trial_method method;
    int n;       /* trials that gave a figure */
    int flagged; /* of them, with a trouble that says the figure is not to be trusted */
    double bias, rms, p95, worst;
    /* Of those that are not flagged and have an interval. */
    int n_intervals, covered;
    double width; /* median half width, share of the energy */
    /* Whether this method is offered for such a sensor and load: the others are shown to be bad. */
    bool claimed;
};

struct wtl_sensor_trials {
    int seeds;
    double window_s;
    size_t n;
    struct wtl_trial_row *rows; /* by sensor, load, method */
};

/* -WTL_NOMEM; `progress` (may be NULL) is called after each sensor. Everything in `arena`. */
int wtl_flow_sim_sensors(struct wtl_arena *arena, int seeds, const char *only_sensor,
                         void (*progress)(void *ctx, int done, int total), void *ctx,
                         struct wtl_sensor_trials *out, struct wtl_error *err);

#endif
