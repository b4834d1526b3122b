/* SPDX-License-Identifier: Apache-2.0
 *
 * Time of a sweep, injected: real time that is waited for, or simulated time that is set forward.
 */
#ifndef WTL_LAB_TIME_H
#define WTL_LAB_TIME_H

#include "base/clock.h"
#include "base/error.h"

#include <stdbool.h>

struct wtl_lab_time {
    struct wtl_clock clock;
    /* Until this moment (monotonic); *stopped_out: whoever runs the sweep wants it to end. */
    int (*wait)(void *ctx, int64_t until_ns, bool *stopped_out, struct wtl_error *err);
    void *ctx;
};

/* Simulated: a wait sets the clock forward, from a second on: to a gauge 0 is no time. `stopped`
 * may be NULL: nobody ends it. Not to be moved once it is in use. */
struct wtl_simulated_time {
    int64_t now_ns;
    int64_t start_unix_ns;
    bool (*stopped)(void);
};
struct wtl_lab_time wtl_simulated_time(struct wtl_simulated_time *state);

#endif
