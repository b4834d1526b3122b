/* SPDX-License-Identifier: Apache-2.0
 * Poisson, uniform and recorded arrivals. */
#include "load/arrivals.h"

#include "base/clock.h"

#include <assert.h>

#define LATEST_NS (INT64_C(1) << 62)

struct wtl_arrivals wtl_arrivals_at_rate(enum wtl_arrival_kind kind, double rate_hz, uint64_t seed)
{
    assert(kind != WTL_ARRIVAL_TRACE && rate_hz > 0);
    struct wtl_arrivals a = {.kind = kind, .rate_hz = rate_hz, .speed = 1};
    wtl_rng_init(&a.rng, seed);
    return a;
}

struct wtl_arrivals wtl_arrivals_of_trace(const int64_t *time_ns, size_t n, double speed)
{
    assert(speed > 0);
    return (struct wtl_arrivals){
        .kind = WTL_ARRIVAL_TRACE, .speed = speed, .time_ns = time_ns, .n = n};
}

static int64_t to_ns(double t_s)
{
    double ns = t_s * (double)WTL_NS_PER_S;
    return ns < (double)LATEST_NS ? (int64_t)ns : LATEST_NS;
}

bool wtl_arrivals_next(struct wtl_arrivals *a, int64_t *t_ns_out)
{
    uint64_t k = a->index;
    switch (a->kind) {
    case WTL_ARRIVAL_POISSON:
        a->t_s += wtl_rng_exponential(&a->rng) / a->rate_hz;
        *t_ns_out = to_ns(a->t_s);
        break;
    case WTL_ARRIVAL_UNIFORM:
        *t_ns_out = to_ns((double)(k + 1) / a->rate_hz);
        break;
    case WTL_ARRIVAL_TRACE:
        if (k >= a->n)
            return false;
        *t_ns_out =
            to_ns((double)(a->time_ns[k] - a->time_ns[0]) / (double)WTL_NS_PER_S / a->speed);
        break;
    }
    a->index++;
    return true;
}
