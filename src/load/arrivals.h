/* SPDX-License-Identifier: Apache-2.0
 *
 * When requests are due: a sequence of times that knows nothing of the server, which is what makes
 * a load generator an open loop. Pure: no clock; the same seed gives the same times everywhere.
 */
#ifndef WTL_LOAD_ARRIVALS_H
#define WTL_LOAD_ARRIVALS_H

#include "base/error.h"
#include "base/random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wtl_arrival_kind {
    WTL_ARRIVAL_POISSON, /* independent exponential gaps of mean 1/rate */
    WTL_ARRIVAL_UNIFORM, /* one every 1/rate: the k-th at k/rate, with no sum of roundings */
    WTL_ARRIVAL_TRACE,   /* recorded times, played `speed` times as fast */
};

struct wtl_arrivals {
    enum wtl_arrival_kind kind;
    double rate_hz; /* mean arrivals a second; of a trace: not used */
    double speed;   /* of a trace, > 0 */
    const int64_t
        *time_ns; /* of a trace, ascending; the first is time 0, the last < 2^63 after it */
    size_t n;     /* of a trace */
    /* State. */
    struct wtl_rng rng;
    double t_s; /* of the last Poisson arrival */
    uint64_t index;
};

/* POISSON and UNIFORM, rate_hz > 0. */
struct wtl_arrivals wtl_arrivals_at_rate(enum wtl_arrival_kind kind, double rate_hz, uint64_t seed);

/* Ascending times, which must outlive the arrivals. */
struct wtl_arrivals wtl_arrivals_of_trace(const int64_t *time_ns, size_t n, double speed);

/* The next arrival, in nanoseconds from the beginning; false at the end of a trace. Times never
 * descend. The others never end: after 2^62 ns (146 years) they stand still. */
bool wtl_arrivals_next(struct wtl_arrivals *a, int64_t *t_ns_out);

#endif
