/* SPDX-License-Identifier: Apache-2.0
 * Latencies and rates for people and programs. */
#include "cli/load_text.h"

#include "cli/command.h"

#include "base/clock.h"
#include "codec/json.h"

#include <stdio.h>

struct wtl_table *wtl_load_table(struct wtl_arena *arena)
{
    static const struct wtl_table_column columns[] = {
        {.title = "time"},
        {.title = "quantile", .unit = "%", .number = true},
        {.title = "value", .unit = "ms", .number = true},
        {.title = "95 % interval", .unit = "ms", .number = true},
        {.title = "n", .number = true},
    };
    return wtl_table_new(arena, columns, 5);
}

static void put_bound(char *buf, size_t size, bool known, double value_s)
{
    (void)snprintf(buf, size, known ? "%.3f" : "?", value_s * 1e3);
}

void wtl_load_table_add(struct wtl_table *t, const char *what, const struct wtl_latency *l,
                        bool intervals)
{
    for (int i = 0; i < WTL_LATENCY_ORDERS; i++) {
        struct wtl_latency_quantile q;
        char lo[32], hi[32];
        if (!wtl_latency_quantile(l, wtl_latency_orders[i], &q))
            return;
        put_bound(lo, sizeof lo, q.has_lo, q.lo_s);
        put_bound(hi, sizeof hi, q.has_hi, q.hi_s);
        wtl_table_put(t, i == 0 ? what : "");
        wtl_table_printf(t, "%g", q.p * 100);
        wtl_table_number(t, true, q.value_s * 1e3, 3);
        if (intervals)
            wtl_table_printf(t, "%s to %s", lo, hi);
        else
            wtl_table_put(t, "-");
        wtl_table_printf(t, "%lld", (long long)l->n);
    }
}

static json_t *finite_or_null(bool known, double value)
{
    return known ? wtl_json_finite(value) : json_null();
}

json_t *wtl_load_latency_json(const struct wtl_latency *l, bool intervals)
{
    json_t *list = json_array();
    if (l->n == 0) {
        json_decref(list);
        return json_null();
    }
    for (int i = 0; i < WTL_LATENCY_ORDERS; i++) {
        struct wtl_latency_quantile q = {0};
        (void)wtl_latency_quantile(l, wtl_latency_orders[i], &q);
        wtl_json_add(&list, json_pack("{s:o, s:o, s:o, s:o}", "p", wtl_json_finite(q.p), "value_s",
                                      wtl_json_finite(q.value_s), "lo_s",
                                      finite_or_null(intervals && q.has_lo, q.lo_s), "hi_s",
                                      finite_or_null(intervals && q.has_hi, q.hi_s)));
    }
    return json_pack("{s:I, s:o, s:o, s:o, s:o}", "n", (json_int_t)l->n, "mean_s",
                     wtl_json_finite(wtl_latency_mean_s(l)), "min_s",
                     wtl_json_finite((double)l->min_ns / WTL_NS_PER_S), "max_s",
                     wtl_json_finite((double)l->max_ns / WTL_NS_PER_S), "quantiles", list);
}

json_t *wtl_load_rate_json(const struct wtl_throughput *t)
{
    struct wtl_rate_estimate rate;
    if (!wtl_throughput_rate(t, &rate))
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:i}", "per_s", wtl_json_finite(rate.per_s), "lo_per_s",
                     finite_or_null(rate.has_interval, rate.lo_per_s), "hi_per_s",
                     finite_or_null(rate.has_interval, rate.hi_per_s), "segments", rate.n);
}

void wtl_load_print_rate(FILE *out, const struct wtl_throughput *t, const char *units,
                         const char *batches)
{
    struct wtl_rate_estimate rate;
    if (!wtl_throughput_rate(t, &rate))
        return;
    if (rate.has_interval)
        wtl_print_fact(out, "rate", "%.5g %s/s, 95 %% %.5g to %.5g, %d segments", rate.per_s, units,
                       rate.lo_per_s, rate.hi_per_s, rate.n);
    else
        wtl_print_fact(out, "rate", "%.5g %s/s, too few %s for an interval", rate.per_s, units,
                       batches);
}
