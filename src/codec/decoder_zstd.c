/* SPDX-License-Identifier: Apache-2.0
 * Zstandard (RFC 8878) through libzstd, whose default limit of the window (128 MiB) stands. */
#include "codec/decoder.h"

#include <zstd.h>
#include <zstd_errors.h>

static void *create(const struct wtl_alloc *alloc)
{
    (void)alloc;
    return ZSTD_createDCtx();
}

static void destroy(void *state)
{
    ZSTD_freeDCtx(state);
}

static int reset(void *state, struct wtl_error *err)
{
    size_t rc = ZSTD_DCtx_reset(state, ZSTD_reset_session_only);
    return ZSTD_isError(rc) ? WTL_FAIL(err, WTL_FAILED, "cannot reset zstd") : 0;
}

static int step(void *state, struct wtl_decode *d, struct wtl_error *err)
{
    if (d->n_in == 0 && d->complete)
        return 0; /* asking on would begin a frame */
    ZSTD_inBuffer in = {d->in, d->n_in, 0};
    ZSTD_outBuffer out = {d->out, d->n_out, 0};
    size_t rc = ZSTD_decompressStream(state, &out, &in);
    d->in += in.pos;
    d->n_in -= in.pos;
    d->out += out.pos;
    d->n_out -= out.pos;
    if (ZSTD_getErrorCode(rc) == ZSTD_error_memory_allocation)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory decompressing zstd data");
    if (ZSTD_isError(rc))
        return WTL_FAIL(err, WTL_PARSE, "damaged zstd data: %s", ZSTD_getErrorName(rc));
    d->complete = rc == 0;
    return 0;
}

const struct wtl_decoder wtl_decoder_zstd = {create, destroy, reset, step};
