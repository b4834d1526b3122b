/* SPDX-License-Identifier: Apache-2.0
 *
 * What the library wants to say while it works. The library never prints: it hands messages and
 * progress to the caller, who may drop them.
 */
#ifndef WTL_BASE_LOG_H
#define WTL_BASE_LOG_H

#include <stdint.h>

enum wtl_log_level { WTL_LOG_WARNING, WTL_LOG_INFO, WTL_LOG_DEBUG };

struct wtl_log {
    /* `message` is one line without newline, valid during the call. May be NULL. */
    void (*message)(void *ctx, enum wtl_log_level level, const char *message);
    /* done of total units (files, replicates), and bytes so far; total 0: unknown. May be NULL. */
    void (*progress)(void *ctx, const char *what, int64_t done, int64_t total, int64_t bytes);
    void *ctx;
};

/* `log` may be NULL in both. */
void wtl_log(const struct wtl_log *log, enum wtl_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void wtl_progress(const struct wtl_log *log, const char *what, int64_t done, int64_t total,
                  int64_t bytes);

#endif
