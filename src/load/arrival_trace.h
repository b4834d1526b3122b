/* SPDX-License-Identifier: Apache-2.0
 *
 * Recorded arrivals: a table (CSV, plain or compressed) of the times at which requests came, and of
 * the tokens of each where the table has them. Known columns, by the name in the header:
 *
 *   time     TIMESTAMP (Azure's LLM inference traces), timestamp, time, t, arrival, arrived_at;
 *            a date and time of day, or seconds from any origin
 *   prompt   ContextTokens, prompt_tokens, input_tokens, num_prefill_tokens
 *   output   GeneratedTokens, output_tokens, completion_tokens, num_decode_tokens
 *
 * A table of one column without a header is one of seconds.
 */
#ifndef WTL_LOAD_ARRIVAL_TRACE_H
#define WTL_LOAD_ARRIVAL_TRACE_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wtl_arrival_trace {
    size_t n;                /* > 0 */
    int64_t *time_ns;        /* ascending, all within 2^63 ns */
    uint32_t *prompt_tokens; /* NULL: not told */
    uint32_t *output_tokens; /* NULL: not told */
};

/* Reads a file. A row that cannot be read is an error with its place, not a hole in the load: a
 * schedule is what somebody asks for, not a measurement. -WTL_PARSE, -WTL_LIMIT (more rows than
 * WTL_LIMIT_ARRIVALS), what wtl_input_open() returns. */
int wtl_arrival_trace_read(struct wtl_arena *arena, const char *path,
                           struct wtl_arrival_trace *trace_out, struct wtl_error *err);

/* The same of bytes in memory; `name` is for messages. */
int wtl_arrival_trace_parse(struct wtl_arena *arena, const char *name, const void *data, size_t n,
                            struct wtl_arrival_trace *trace_out, struct wtl_error *err);

#endif
