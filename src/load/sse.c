/* SPDX-License-Identifier: Apache-2.0
 * A stream of bytes to events, line by line. */
#include "load/sse.h"

#include <string.h>

void wtl_sse_init(struct wtl_sse *s, struct wtl_alloc alloc, size_t max)
{
    *s = (struct wtl_sse){0};
    wtl_buf_init(&s->line, alloc, max);
    wtl_buf_init(&s->data, alloc, max);
}

void wtl_sse_fini(struct wtl_sse *s)
{
    wtl_buf_fini(&s->line);
    wtl_buf_fini(&s->data);
}

void wtl_sse_restart(struct wtl_sse *s)
{
    wtl_buf_clear(&s->line);
    wtl_buf_clear(&s->data);
    s->has_data = s->after_cr = s->begun = false;
}

static bool failed(const struct wtl_sse *s)
{
    return s->line.failed || s->data.failed;
}

static void end_event(struct wtl_sse *s, wtl_sse_fn fn, void *ctx)
{
    if (s->has_data)
        fn(ctx, wtl_buf_str(&s->data), s->data.len);
    wtl_buf_clear(&s->data);
    s->has_data = false;
}

static void add_field(struct wtl_sse *s, const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);
    size_t name = colon ? (size_t)(colon - line) : n;
    if (name != 4 || memcmp(line, "data", 4) != 0)
        return;
    size_t at = colon ? name + 1 : n;
    if (at < n && line[at] == ' ')
        at++;
    if (s->has_data)
        wtl_buf_putc(&s->data, '\n');
    wtl_buf_add(&s->data, line + at, n - at);
    s->has_data = true;
}

static void end_line(struct wtl_sse *s, wtl_sse_fn fn, void *ctx)
{
    const char *line = wtl_buf_str(&s->line);
    size_t n = s->line.len;
    if (!s->begun && n >= 3 && memcmp(line, "\xEF\xBB\xBF", 3) == 0) {
        line += 3;
        n -= 3;
    }
    s->begun = true;
    if (n == 0)
        end_event(s, fn, ctx);
    else
        add_field(s, line, n);
    wtl_buf_clear(&s->line);
}

/* The length up to the first CR or LF. */
static size_t line_length(const char *bytes, size_t n)
{
    const char *lf = memchr(bytes, '\n', n);
    size_t length = lf ? (size_t)(lf - bytes) : n;
    const char *cr = memchr(bytes, '\r', length);
    return cr ? (size_t)(cr - bytes) : length;
}

bool wtl_sse_feed(struct wtl_sse *s, const char *bytes, size_t n, wtl_sse_fn fn, void *ctx)
{
    while (n > 0 && !failed(s)) {
        if (s->after_cr && *bytes == '\n') {
            bytes++;
            n--;
        }
        s->after_cr = false;
        size_t length = line_length(bytes, n);
        wtl_buf_add(&s->line, bytes, length);
        if (length == n || failed(s))
            break;
        s->after_cr = bytes[length] == '\r';
        bytes += length + 1;
        n -= length + 1;
        end_line(s, fn, ctx);
    }
    return !failed(s);
}
