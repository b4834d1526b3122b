/* SPDX-License-Identifier: Apache-2.0
 *
 * The one error type. It is a plain value owned by the caller, needs no allocation, and keeps four
 * things apart: what happened (code, message), what to try next (hint), where in our source it was
 * raised, and where in the user's input the cause stands.
 *
 * Rules for every function of Wattle that can fail:
 *   - it returns 0, or a negative code, and takes `struct wtl_error *err` last; `err` may be NULL;
 *   - on failure its outputs (`*_out`) are untouched; on success `err` is untouched;
 *   - a lower error is never overwritten: pass `err` down, then wtl_error_context() to add to it;
 *   - messages are one line, lower case, state the fact and the value, quote the user's input.
 */
#ifndef WTL_BASE_ERROR_H
#define WTL_BASE_ERROR_H

#include "wattle/error.h"

#include <stdint.h>

/* Fills `err` (if not NULL) and returns -code. Use through WTL_FAIL. */
int wtl_error_set(struct wtl_error *err, enum wtl_code code, const char *file, int line,
                  const char *func, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* return WTL_FAIL(err, WTL_PARSE, "row has %d cells, expected %d", n, want);
 * The value stands in the macro, so that compilers and analysers see that it is negative. */
#define WTL_FAIL(err, code, ...)                                                                   \
    (wtl_error_set((err), (code), __FILE__, __LINE__, __func__, __VA_ARGS__), -(int)(code))

/* Adds advice to an error that was set; replaces an earlier hint. */
void wtl_error_hint(struct wtl_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds the place in the user's input, unless a lower layer already named one. */
void wtl_error_input(struct wtl_error *err, const char *path, int64_t line, int64_t column);

/* Puts "context: " before the message ("reading plan.json: ..."). */
void wtl_error_context(struct wtl_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A code as documents name it: "usage", "unsupported", "not found" ...; never NULL. */
const char *wtl_code_name(enum wtl_code code);

/* The process exit status for a (negative) return value of ours. */
int wtl_exit_status(int rc);

/* Writes the whole error as the command shows it, one to three lines, into `buf`:
 *   wattle: runs.csv:17:4: power "abc" is not a number
 *   hint: ...
 * Always terminates the string; returns its length. */
int wtl_error_format(const struct wtl_error *err, char *buf, int size);

/* The candidate nearest to `word` by edit distance, or NULL when none is near enough to suggest. */
const char *wtl_did_you_mean(const char *word, const char *const *candidates, int n);

#endif
