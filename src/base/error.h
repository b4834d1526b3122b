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

#include <stdint.h>

/* Codes 1 to 7 are the exit codes of the command (DESIGN: the contract); the rest exit 1. */
enum wtl_code {
    WTL_OK = 0,
    WTL_FAILED = 1,      /* anything without a better name */
    WTL_USAGE = 2,       /* the caller asked for something that makes no sense */
    WTL_UNSUPPORTED = 3, /* this build or this machine cannot do it */
    WTL_PERMISSION = 4,  /* the operating system refused */
    WTL_INFEASIBLE = 5,  /* a limit cannot be met */
    WTL_REFUTED = 6,     /* fresh data contradict a plan */
    WTL_UNDECIDED = 7,   /* the data cannot tell */
    WTL_NOMEM = 16,      /* an allocation failed */
    WTL_IO = 17,         /* reading or writing failed (disk full, broken pipe) */
    WTL_PARSE = 18,      /* input is not of its format; the input place is filled in */
    WTL_LIMIT = 19,      /* input exceeds a maximum of base/limits.h */
    WTL_NOTFOUND = 20,   /* what was named does not exist */
    WTL_CORRUPT = 21,    /* a campaign or plan is damaged or of another version */
    WTL_BUSY = 22,       /* somebody else holds it */
};

#define WTL_ERROR_MESSAGE_MAX 400
#define WTL_ERROR_HINT_MAX 400
#define WTL_ERROR_PATH_MAX 256

struct wtl_error {
    enum wtl_code code;
    char message[WTL_ERROR_MESSAGE_MAX];
    char hint[WTL_ERROR_HINT_MAX]; /* what to try next; empty if there is nothing to say */
    const char *source_file;       /* static strings of the macro below */
    const char *source_func;
    int source_line;
    char input_file[WTL_ERROR_PATH_MAX]; /* empty if the cause is not in a file */
    int64_t input_line;                  /* from 1; 0: unknown */
    int64_t input_column;                /* from 1; 0: unknown */
};

/* Fills `err` (if not NULL) and returns -code. Use through WTL_FAIL. */
int wtl_error_set(struct wtl_error *err, enum wtl_code code, const char *file, int line,
                  const char *func, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* return WTL_FAIL(err, WTL_PARSE, "row has %d cells, expected %d", n, want); */
#define WTL_FAIL(err, code, ...)                                                                   \
    wtl_error_set((err), (code), __FILE__, __LINE__, __func__, __VA_ARGS__)

/* Adds advice to an error that was set; replaces an earlier hint. */
void wtl_error_hint(struct wtl_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds the place in the user's input, unless a lower layer already named one. */
void wtl_error_input(struct wtl_error *err, const char *path, int64_t line, int64_t column);

/* Puts "context: " before the message ("reading plan.json: ..."). */
void wtl_error_context(struct wtl_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Static name of a code ("parse error"); never NULL. */
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
