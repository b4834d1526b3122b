/* SPDX-License-Identifier: Apache-2.0
 * Server-sent events: the first byte says in pieces of how many bytes they come, which must not
 * matter; events are within the limit and end with NUL. */
#include "fuzz/fuzz.h"

#include "load/sse.h"

#include <string.h>

enum { MAX = 64 };

struct sum {
    size_t n, bytes;
    uint32_t hash;
};

static void note(void *ctx, const char *data, size_t n)
{
    struct sum *s = ctx;
    fuzz_check(n <= MAX, "an event is within its limit");
    fuzz_check(data[n] == '\0', "an event ends with NUL");
    fuzz_check(!memchr(data, '\r', n), "no line end is left in it");
    s->n++;
    s->bytes += n;
    for (size_t i = 0; i < n; i++)
        s->hash = s->hash * 31 + (unsigned char)data[i];
}

static bool feed(const char *data, size_t n, size_t step, struct sum *sum)
{
    struct wtl_sse sse;
    bool ok = true;
    wtl_sse_init(&sse, wtl_alloc_system(), MAX);
    for (size_t at = 0; at < n; at += step)
        ok = wtl_sse_feed(&sse, data + at, n - at < step ? n - at : step, note, sum);
    wtl_sse_fini(&sse);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct sum whole = {0}, pieces = {0};
    size_t step = data[0] % 40 + 1u;
    bool a = feed((const char *)data + 1, size - 1, size, &whole);
    bool b = feed((const char *)data + 1, size - 1, step, &pieces);
    fuzz_check(a == b && whole.n == pieces.n && whole.bytes == pieces.bytes &&
                   whole.hash == pieces.hash,
               "it does not matter how a stream is cut");
    return 0;
}
