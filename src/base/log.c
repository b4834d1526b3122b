/* SPDX-License-Identifier: Apache-2.0
 * Messages and progress, handed to the caller. */
#include "base/log.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

void wtl_log(const struct wtl_log *log, enum wtl_log_level level, const char *format, ...)
{
    if (!log || !log->message)
        return;
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    wtl_replace_controls(line);
    log->message(log->ctx, level, line);
}

void wtl_progress(const struct wtl_log *log, const char *what, int64_t done, int64_t total,
                  int64_t bytes)
{
    if (log && log->progress)
        log->progress(log->ctx, what, done, total, bytes);
}
