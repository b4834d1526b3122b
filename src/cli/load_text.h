/* SPDX-License-Identifier: Apache-2.0
 *
 * Times and rates of requests as the verbs of `wattle load` show them: rows of one table, and JSON.
 */
#ifndef WTL_CLI_LOAD_TEXT_H
#define WTL_CLI_LOAD_TEXT_H

#include "cli/table.h"
#include "load/latency.h"
#include "load/throughput.h"

#include <jansson.h>

/* A table of such rows: what, quantile, ms, 95 % interval, n. */
struct wtl_table *wtl_load_table(struct wtl_arena *arena);

/* A row for each order; nothing where nothing was recorded. Without `intervals` there is none: of
 * times that are not one a request. */
void wtl_load_table_add(struct wtl_table *t, const char *what, const struct wtl_latency *l,
                        bool intervals);

/* {"n", "mean_s", "min_s", "max_s", "quantiles": [{"p", "value_s", "lo_s", "hi_s"}]}; bounds that
 * so few values do not have, and those of times without intervals, are null. Null where nothing was
 * recorded. */
json_t *wtl_load_latency_json(const struct wtl_latency *l, bool intervals);

/* {"per_s", "lo_per_s", "hi_per_s", "segments"}; null where no time has passed. */
json_t *wtl_load_rate_json(const struct wtl_throughput *t);

/* The fact "rate": `units` of work a second, of so many `batches`, as they are called. */
void wtl_load_print_rate(FILE *out, const struct wtl_throughput *t, const char *units,
                         const char *batches);

#endif
