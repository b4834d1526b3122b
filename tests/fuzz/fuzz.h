/* SPDX-License-Identifier: Apache-2.0
 *
 * What a fuzz target offers, and help for targets that read traces.
 */
#ifndef WTL_TESTS_FUZZ_H
#define WTL_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's entry: called with one input after the other; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads the bytes with the named reader (NULL: detect) and aborts when the reading breaks a promise
 * of trace.h: batches in order, finite values, counts that agree, an error that says something. */
void fuzz_trace(const char *reader, const uint8_t *data, size_t size);

/* The same with any options. */
struct wtl_trace_options;
void fuzz_trace_options(const struct wtl_trace_options *options, const uint8_t *data, size_t size);

/* Aborts with a message unless `what` holds. */
void fuzz_check(int holds, const char *what);

#endif
