/* SPDX-License-Identifier: Apache-2.0
 * The histogram of latencies. */
#include "load/latency.h"

#include "stats/ranks.h"

#include <stddef.h>

const double wtl_latency_orders[WTL_LATENCY_ORDERS] = {0.5, 0.9, 0.95, 0.99};

enum { LINEAR = 1 << WTL_LATENCY_BITS };

/* Below 2 * LINEAR a bucket is one nanosecond; then each doubling has LINEAR buckets. */
static size_t bucket_of(uint64_t ns)
{
    if (ns < 2 * LINEAR)
        return (size_t)ns;
    unsigned shift = 63U - (unsigned)__builtin_clzll(ns) - WTL_LATENCY_BITS;
    size_t bucket = ((size_t)shift << WTL_LATENCY_BITS) + (size_t)(ns >> shift);
    return bucket < WTL_LATENCY_BUCKETS ? bucket : WTL_LATENCY_BUCKETS - 1;
}

/* The middle of a bucket. */
static double value_of(size_t bucket)
{
    if (bucket < 2 * LINEAR)
        return (double)bucket;
    size_t shift = (bucket >> WTL_LATENCY_BITS) - 1;
    double width = (double)(UINT64_C(1) << shift);
    return (double)(bucket - (shift << WTL_LATENCY_BITS)) * width + 0.5 * (width - 1);
}

void wtl_latency_add_many(struct wtl_latency *l, int64_t latency_ns, int64_t n)
{
    if (n <= 0)
        return;
    int64_t ns = latency_ns < 0 ? 0 : latency_ns;
    uint32_t *count = &l->count[bucket_of((uint64_t)ns)];
    *count = n > UINT32_MAX - *count ? UINT32_MAX : *count + (uint32_t)n;
    l->min_ns = l->n == 0 || ns < l->min_ns ? ns : l->min_ns;
    l->max_ns = l->n == 0 || ns > l->max_ns ? ns : l->max_ns;
    l->sum_ns += (double)ns * (double)n;
    l->n += n;
}

void wtl_latency_add(struct wtl_latency *l, int64_t latency_ns)
{
    wtl_latency_add_many(l, latency_ns, 1);
}

void wtl_latency_merge(struct wtl_latency *into, const struct wtl_latency *from)
{
    if (from->n == 0)
        return;
    for (size_t i = 0; i < WTL_LATENCY_BUCKETS; i++) {
        uint32_t room = UINT32_MAX - into->count[i];
        into->count[i] += from->count[i] < room ? from->count[i] : room;
    }
    into->min_ns = into->n == 0 || from->min_ns < into->min_ns ? from->min_ns : into->min_ns;
    into->max_ns = into->n == 0 || from->max_ns > into->max_ns ? from->max_ns : into->max_ns;
    into->sum_ns += from->sum_ns;
    into->n += from->n;
}

double wtl_latency_mean_s(const struct wtl_latency *l)
{
    return l->n ? l->sum_ns / (double)l->n / 1e9 : 0;
}

/* The value of a rank from 1 to n, within what is known of smallest and largest. */
static double at_rank(const struct wtl_latency *l, int64_t rank)
{
    int64_t seen = 0;
    size_t i = 0;
    while (i < WTL_LATENCY_BUCKETS - 1 && (seen += l->count[i]) < rank)
        i++;
    double ns = value_of(i);
    if (rank == l->n || i == WTL_LATENCY_BUCKETS - 1 || ns > (double)l->max_ns)
        ns = (double)l->max_ns;
    if (rank == 1 || ns < (double)l->min_ns)
        ns = (double)l->min_ns;
    return ns / 1e9;
}

bool wtl_latency_quantile(const struct wtl_latency *l, double p, struct wtl_latency_quantile *out)
{
    int64_t lo, hi;
    if (l->n == 0)
        return false;
    wtl_quantile_ranks(l->n, p, 0.95, &lo, &hi);
    *out = (struct wtl_latency_quantile){
        .p = p,
        .value_s = at_rank(l, wtl_quantile_rank(l->n, p)),
        .has_lo = lo >= 1,
        .has_hi = hi <= l->n,
    };
    if (out->has_lo)
        out->lo_s = at_rank(l, lo);
    if (out->has_hi)
        out->hi_s = at_rank(l, hi);
    return true;
}
