/* SPDX-License-Identifier: Apache-2.0
 *
 * Server-sent events (WHATWG HTML, section 9.2.6): what streams of tokens come in. Bytes go in as
 * they arrive, in pieces of any size; events come out.
 */
#ifndef WTL_LOAD_SSE_H
#define WTL_LOAD_SSE_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Called for every event that has data: lines of data joined by '\n', NUL-terminated, n bytes
 * without the NUL. The type of event ("event:") and the fields "id" and "retry" are not kept: no
 * inference server gives them a meaning. */
typedef void (*wtl_sse_fn)(void *ctx, const char *data, size_t n);

struct wtl_sse {
    struct wtl_buf line; /* so much of it as has arrived */
    struct wtl_buf data; /* of the event so far */
    bool has_data;
    bool after_cr; /* a LF that comes now belongs to it */
    bool begun;    /* the byte order mark is behind us */
};

/* An event of more than `max` bytes, or such a line, fails the stream. Buffers are kept from one
 * stream to the next (wtl_sse_restart). */
void wtl_sse_init(struct wtl_sse *s, struct wtl_alloc alloc, size_t max);
void wtl_sse_fini(struct wtl_sse *s);
void wtl_sse_restart(struct wtl_sse *s);

/* False once a line or an event was too long or memory ran out: what follows is passed over. An
 * event that its stream does not end with an empty line is none, as the standard has it. */
bool wtl_sse_feed(struct wtl_sse *s, const char *bytes, size_t n, wtl_sse_fn fn, void *ctx);

#endif
