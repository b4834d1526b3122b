/* SPDX-License-Identifier: Apache-2.0
 * gzip (RFC 1952) through zlib. */
#include "codec/decoder.h"

#include <limits.h>
#include <zlib.h>

enum { WINDOW_GZIP_ONLY = 15 + 16 };

struct gzip {
    struct wtl_alloc alloc;
    z_stream z;
    bool between; /* a member ended; what follows is another one, or padding */
};

static void *zlib_alloc(void *opaque, uInt items, uInt size)
{
    struct gzip *g = opaque;
    size_t bytes;
    if (__builtin_mul_overflow((size_t)items, (size_t)size, &bytes))
        return Z_NULL;
    return g->alloc.resize(g->alloc.ctx, NULL, bytes);
}

static void zlib_free(void *opaque, void *p)
{
    struct gzip *g = opaque;
    g->alloc.resize(g->alloc.ctx, p, 0);
}

static void *create(const struct wtl_alloc *alloc)
{
    struct gzip *g = alloc->resize(alloc->ctx, NULL, sizeof *g);
    if (!g)
        return NULL;
    *g = (struct gzip){.alloc = *alloc};
    g->z.zalloc = zlib_alloc;
    g->z.zfree = zlib_free;
    g->z.opaque = g;
    if (inflateInit2(&g->z, WINDOW_GZIP_ONLY) != Z_OK) {
        alloc->resize(alloc->ctx, g, 0);
        return NULL;
    }
    return g;
}

static void destroy(void *state)
{
    struct gzip *g = state;
    inflateEnd(&g->z);
    struct wtl_alloc alloc = g->alloc;
    alloc.resize(alloc.ctx, g, 0);
}

static int reset(void *state, struct wtl_error *err)
{
    struct gzip *g = state;
    g->between = false;
    return inflateReset(&g->z) == Z_OK ? 0 : WTL_FAIL(err, WTL_FAILED, "cannot reset zlib");
}

/* gzip files may be padded with zeros (gzip(1), "trailing zero bytes"). */
static void skip_padding(struct wtl_decode *d)
{
    while (d->n_in && *d->in == 0) {
        d->in++;
        d->n_in--;
    }
}

static unsigned clamp(size_t n)
{
    return n < UINT_MAX ? (unsigned)n : UINT_MAX;
}

static int step(void *state, struct wtl_decode *d, struct wtl_error *err)
{
    struct gzip *g = state;
    if (g->between) {
        skip_padding(d);
        d->complete = true;
        if (d->n_in == 0)
            return 0;
        if (reset(g, err) != 0)
            return -(int)WTL_FAILED;
    }
    d->complete = false;
    g->z.next_in = (z_const Bytef *)(uintptr_t)d->in;
    g->z.avail_in = clamp(d->n_in);
    g->z.next_out = d->out;
    g->z.avail_out = clamp(d->n_out);
    int rc = inflate(&g->z, Z_NO_FLUSH);
    d->n_in -= (size_t)(g->z.next_in - d->in);
    d->in = g->z.next_in;
    d->n_out -= (size_t)(g->z.next_out - d->out);
    d->out = g->z.next_out;
    if (rc == Z_STREAM_END) {
        g->between = true;
        d->complete = true;
        return 0;
    }
    if (rc == Z_MEM_ERROR)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (rc != Z_OK && rc != Z_BUF_ERROR)
        return WTL_FAIL(err, WTL_PARSE, "damaged gzip data: %s", g->z.msg ? g->z.msg : "no reason");
    return 0;
}

const struct wtl_decoder wtl_decoder_gzip = {create, destroy, reset, step};
