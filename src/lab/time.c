/* SPDX-License-Identifier: Apache-2.0
 * Simulated time. */
#include "lab/time.h"

static int64_t monotonic(void *ctx)
{
    return ((const struct wtl_simulated_time *)ctx)->now_ns;
}

static int64_t wall(void *ctx)
{
    const struct wtl_simulated_time *s = ctx;
    return s->start_unix_ns + s->now_ns;
}

static int wait_until(void *ctx, int64_t until_ns, bool *stopped_out, struct wtl_error *err)
{
    struct wtl_simulated_time *s = ctx;
    (void)err;
    if (until_ns > s->now_ns)
        s->now_ns = until_ns;
    *stopped_out = s->stopped && s->stopped();
    return 0;
}

struct wtl_lab_time wtl_simulated_time(struct wtl_simulated_time *state)
{
    if (state->now_ns == 0)
        state->now_ns = WTL_NS_PER_S;
    return (struct wtl_lab_time){{monotonic, wall, state}, wait_until, state};
}
