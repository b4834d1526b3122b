/* SPDX-License-Identifier: Apache-2.0
 *
 * Latencies, recorded in bounded memory and read back as quantiles with intervals: the one home for
 * every load generator. A histogram of 1024 buckets for each doubling, so that a value is known
 * within 0.05 % of itself however long the load runs; count, sum, smallest and largest are exact.
 * (The idea of logarithmic buckets with linear ones inside is that of HdrHistogram, by G. Tene.)
 *
 * Recording allocates nothing and takes some ten nanoseconds. Plain data: one per thread, merged at
 * the end.
 *
 * What a latency is measured from is the caller's duty: from the time that a request was due, never
 * from the time that it could be sent.
 */
#ifndef WTL_LOAD_LATENCY_H
#define WTL_LOAD_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

/* Values below 2^11 ns have a bucket each; those from 2^42 ns (73 min) on share the last one. */
enum {
    WTL_LATENCY_BITS = 10,
    WTL_LATENCY_OCTAVES = 42 - WTL_LATENCY_BITS,
    WTL_LATENCY_BUCKETS = (WTL_LATENCY_OCTAVES + 1) << WTL_LATENCY_BITS,
};

/* 270 kB: not for the stack. Zeros are an empty recorder. */
struct wtl_latency {
    int64_t n;
    int64_t min_ns, max_ns; /* where n > 0 */
    double sum_ns;
    uint32_t count[WTL_LATENCY_BUCKETS];
};

/* A latency of at least 0; a negative one counts as 0. */
void wtl_latency_add(struct wtl_latency *l, int64_t latency_ns);

/* The same latency n times: the items of one batch. */
void wtl_latency_add_many(struct wtl_latency *l, int64_t latency_ns, int64_t n);

/* Everything of `from` into `into`. */
void wtl_latency_merge(struct wtl_latency *into, const struct wtl_latency *from);

/* 0 where there is none. */
double wtl_latency_mean_s(const struct wtl_latency *l);

struct wtl_latency_quantile {
    double p;
    double value_s; /* at that rank: stats/ranks.h */
    bool has_lo, has_hi;
    double lo_s, hi_s; /* 95 % by ranks, as if latencies were independent of each other */
};

/* The quantile of order 0 < p < 1; false, and nothing written, where nothing was recorded. */
bool wtl_latency_quantile(const struct wtl_latency *l, double p, struct wtl_latency_quantile *out);

/* The orders that everything of ours shows: 50, 90, 95 and 99 %. */
enum { WTL_LATENCY_ORDERS = 4 };
extern const double wtl_latency_orders[WTL_LATENCY_ORDERS];

#endif
