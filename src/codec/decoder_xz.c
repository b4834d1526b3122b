/* SPDX-License-Identifier: Apache-2.0
 * xz through liblzma. */
#include "codec/decoder.h"

#include <lzma.h>

/* `xz -9` needs 65 MiB to decompress; more than this is a trap, not a trace. */
#define MEMORY_LIMIT (UINT64_C(128) << 20)

struct xz {
    struct wtl_alloc alloc;
    lzma_allocator allocator;
    lzma_stream z;
};

static void *lzma_alloc_(void *opaque, size_t items, size_t size)
{
    struct xz *x = opaque;
    size_t bytes;
    if (__builtin_mul_overflow(items, size, &bytes))
        return NULL;
    return x->alloc.resize(x->alloc.ctx, NULL, bytes ? bytes : 1);
}

static void lzma_free_(void *opaque, void *p)
{
    struct xz *x = opaque;
    if (p)
        x->alloc.resize(x->alloc.ctx, p, 0);
}

static void *create(const struct wtl_alloc *alloc)
{
    struct xz *x = alloc->resize(alloc->ctx, NULL, sizeof *x);
    if (!x)
        return NULL;
    *x = (struct xz){.alloc = *alloc, .z = LZMA_STREAM_INIT};
    x->allocator = (lzma_allocator){lzma_alloc_, lzma_free_, x};
    x->z.allocator = &x->allocator;
    return x;
}

static void destroy(void *state)
{
    struct xz *x = state;
    lzma_end(&x->z);
    struct wtl_alloc alloc = x->alloc;
    alloc.resize(alloc.ctx, x, 0);
}

static int reset(void *state, struct wtl_error *err)
{
    struct xz *x = state;
    lzma_ret rc = lzma_stream_decoder(&x->z, MEMORY_LIMIT, LZMA_CONCATENATED);
    return rc == LZMA_OK ? 0 : WTL_FAIL(err, WTL_NOMEM, "cannot start the xz decoder");
}

static int step(void *state, struct wtl_decode *d, struct wtl_error *err)
{
    struct xz *x = state;
    if (d->complete)
        return 0;
    x->z.next_in = d->in;
    x->z.avail_in = d->n_in;
    x->z.next_out = d->out;
    x->z.avail_out = d->n_out;
    lzma_ret rc = lzma_code(&x->z, d->last ? LZMA_FINISH : LZMA_RUN);
    d->in = x->z.next_in;
    d->n_in = x->z.avail_in;
    d->out = x->z.next_out;
    d->n_out = x->z.avail_out;
    d->complete = rc == LZMA_STREAM_END;
    switch ((int)rc) {
    case LZMA_OK:
    case LZMA_BUF_ERROR: /* no progress: wants more */
    case LZMA_STREAM_END:
        return 0;
    case LZMA_MEM_ERROR:
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    case LZMA_MEMLIMIT_ERROR:
        return WTL_FAIL(err, WTL_LIMIT, "the xz data want more than 128 MiB to be decompressed");
    default:
        return WTL_FAIL(err, WTL_PARSE, "damaged xz data (liblzma code %d)", (int)rc);
    }
}

const struct wtl_decoder wtl_decoder_xz = {create, destroy, reset, step};
