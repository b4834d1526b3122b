/* SPDX-License-Identifier: Apache-2.0
 * The error type of error.h: formatting only, no policy. */
#include "base/error.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int wtl_error_set(struct wtl_error *err, enum wtl_code code, const char *file, int line,
                  const char *func, const char *format, ...)
{
    if (err) {
        memset(err, 0, sizeof *err);
        err->code = code;
        err->source_file = file;
        err->source_line = line;
        err->source_func = func;
        va_list args;
        va_start(args, format);
        vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
    }
    return -(int)code;
}

void wtl_error_hint(struct wtl_error *err, const char *format, ...)
{
    if (!err)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(err->hint, sizeof err->hint, format, args);
    va_end(args);
}

void wtl_error_input(struct wtl_error *err, const char *path, int64_t line, int64_t column)
{
    if (!err)
        return;
    if (err->input_file[0] == '\0' && path) {
        snprintf(err->input_file, sizeof err->input_file, "%s", path);
        if (err->input_line == 0) {
            err->input_line = line;
            err->input_column = column;
        }
    } else if (!path && err->input_line == 0) {
        err->input_line = line;
        err->input_column = column;
    }
}

void wtl_error_context(struct wtl_error *err, const char *format, ...)
{
    if (!err)
        return;
    char message[WTL_ERROR_MESSAGE_MAX];
    memcpy(message, err->message, sizeof message);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(err->message, sizeof err->message - 3, format, args);
    va_end(args);
    size_t used = n < 0 ? 0 : (size_t)n;
    if (used > sizeof err->message - 4)
        used = sizeof err->message - 4;
    err->message[used++] = ':';
    err->message[used++] = ' ';
    size_t room = sizeof err->message - used - 1;
    size_t rest = strnlen(message, room);
    memcpy(err->message + used, message, rest);
    err->message[used + rest] = '\0';
}

const char *wtl_code_name(enum wtl_code code)
{
    switch (code) {
    case WTL_OK:
        return "ok";
    case WTL_FAILED:
        return "failed";
    case WTL_USAGE:
        return "usage";
    case WTL_UNSUPPORTED:
        return "unsupported";
    case WTL_PERMISSION:
        return "permission";
    case WTL_INFEASIBLE:
        return "infeasible";
    case WTL_REFUTED:
        return "refuted";
    case WTL_UNDECIDED:
        return "undecided";
    case WTL_NOMEM:
        return "out of memory";
    case WTL_IO:
        return "io";
    case WTL_PARSE:
        return "parse";
    case WTL_LIMIT:
        return "limit";
    case WTL_NOTFOUND:
        return "not found";
    case WTL_CORRUPT:
        return "corrupt";
    case WTL_BUSY:
        return "busy";
    case WTL_TIMEOUT:
        return "timeout";
    case WTL_LOST:
        return "lost";
    }
    return "failed";
}

int wtl_exit_status(int rc)
{
    int code = rc < 0 ? -rc : rc;
    return code <= (int)WTL_UNDECIDED ? code : (int)WTL_FAILED;
}

int wtl_error_format(const struct wtl_error *err, char *buf, int size)
{
    char place[WTL_ERROR_PATH_MAX + 48] = "";
    if (err->input_file[0] && err->input_line > 0 && err->input_column > 0)
        snprintf(place, sizeof place, "%s:%lld:%lld: ", err->input_file, (long long)err->input_line,
                 (long long)err->input_column);
    else if (err->input_file[0] && err->input_line > 0)
        snprintf(place, sizeof place, "%s:%lld: ", err->input_file, (long long)err->input_line);
    else if (err->input_file[0])
        snprintf(place, sizeof place, "%s: ", err->input_file);
    int n = snprintf(buf, (size_t)size, "wattle: %s%s", place, err->message);
    n = n < size ? n : size - 1;
    wtl_replace_controls(buf);
    if (err->hint[0]) {
        int hint = n;
        n += snprintf(buf + n, (size_t)(size - n), "\nhint: %s", err->hint);
        n = n < size ? n : size - 1;
        if (hint < n)
            wtl_replace_controls(buf + hint + 1);
    }
    return n;
}

/* Edit distance with transpositions, words of up to 63 bytes. */
static int edit_distance(const char *a, const char *b)
{
    enum { MAX = 64 };
    size_t la = strlen(a);
    size_t lb = strlen(b);
    if (la >= MAX || lb >= MAX)
        return MAX;
    int rows[3][MAX];
    int *two = rows[0];
    int *prev = rows[1];
    int *cur = rows[2];
    for (size_t j = 0; j <= lb; j++)
        prev[j] = (int)j;
    for (size_t i = 1; i <= la; i++) {
        cur[0] = (int)i;
        for (size_t j = 1; j <= lb; j++) {
            int best = prev[j - 1] + (a[i - 1] != b[j - 1]);
            if (prev[j] + 1 < best)
                best = prev[j] + 1;
            if (cur[j - 1] + 1 < best)
                best = cur[j - 1] + 1;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && two[j - 2] + 1 < best)
                best = two[j - 2] + 1;
            cur[j] = best;
        }
        int *oldest = two;
        two = prev;
        prev = cur;
        cur = oldest;
    }
    return prev[lb];
}

const char *wtl_did_you_mean(const char *word, const char *const *candidates, int n)
{
    const char *best = NULL;
    int best_distance = 1 + (int)strlen(word) / 3;
    for (int i = 0; i < n; i++) {
        int d = edit_distance(word, candidates[i]);
        if (d <= best_distance && (!best || d < best_distance)) {
            best = candidates[i];
            best_distance = d;
        }
    }
    return best;
}
