/* SPDX-License-Identifier: Apache-2.0
 * Slots, and how requests end. */
#include "load/exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *wtl_outcome_name(enum wtl_outcome outcome)
{
    static const char *const names[WTL_N_OUTCOMES] = {
        "ok",           "HTTP status", "timeout",         "no connection", "broken connection",
        "wrong answer", "truncated",   "error in answer", "too large",     "out of memory here",
        "cut",
    };
    return names[outcome];
}

void wtl_exchange_init(struct wtl_exchange *x, struct wtl_alloc alloc)
{
    *x = (struct wtl_exchange){0};
    wtl_buf_init(&x->own, alloc, WTL_EXCHANGE_REPLY);
    wtl_buf_init(&x->reply, alloc, WTL_EXCHANGE_REPLY);
    wtl_sse_init(&x->sse, alloc, WTL_EXCHANGE_EVENT);
}

void wtl_exchange_fini(struct wtl_exchange *x)
{
    wtl_buf_fini(&x->own);
    wtl_buf_fini(&x->reply);
    wtl_sse_fini(&x->sse);
}

void wtl_exchange_restart(struct wtl_exchange *x)
{
    struct wtl_exchange kept = {.own = x->own, .reply = x->reply, .sse = x->sse};
    *x = kept;
    x->reply_json_size = -1;
    wtl_buf_clear(&x->own);
    wtl_buf_clear(&x->reply);
    wtl_sse_restart(&x->sse);
}

void wtl_exchange_end(struct wtl_exchange *x, enum wtl_outcome outcome, const char *format, ...)
{
    va_list args;
    if (x->outcome != WTL_OUTCOME_OK)
        return;
    x->outcome = outcome;
    va_start(args, format);
    (void)vsnprintf(x->why, sizeof x->why, format, args);
    va_end(args);
    wtl_replace_controls(x->why);
}

bool wtl_exchange_expect_type(struct wtl_exchange *x, const char *type)
{
    size_t n = strlen(type);
    char next = strncasecmp(x->content_type, type, n) == 0 ? x->content_type[n] : 'x';
    if (next == '\0' || next == ';' || next == ' ')
        return true;
    wtl_exchange_end(x, WTL_OUTCOME_WRONG, "content type \"%s\", expected %s", x->content_type,
                     type);
    return false;
}

void wtl_exchange_keep(struct wtl_exchange *x, const char *bytes, size_t n)
{
    size_t room = x->reply.max - x->reply.len;
    wtl_buf_add(&x->reply, bytes, n);
    if (x->reply.failed && n > room)
        wtl_exchange_end(x, WTL_OUTCOME_TOO_LARGE, "an answer of over %d bytes",
                         WTL_EXCHANGE_REPLY);
    else if (x->reply.failed)
        wtl_exchange_end(x, WTL_OUTCOME_MEMORY, "for an answer of over %zu bytes", x->reply.len);
}

void wtl_exchange_token(struct wtl_exchange *x)
{
    if (x->events == 0)
        x->first_ns = x->now_ns;
    else if (x->gaps)
        wtl_latency_add(x->gaps, x->now_ns - x->last_ns);
    x->last_ns = x->now_ns;
    x->events++;
}
