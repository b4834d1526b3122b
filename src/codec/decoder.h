/* SPDX-License-Identifier: Apache-2.0
 *
 * One streaming decompressor, for codec/ only: the same three functions over zlib, libzstd and
 * liblzma. Members (gzip), frames (zstd) and streams (xz) that follow one another are decoded as
 * one.
 */
#ifndef WTL_CODEC_DECODER_H
#define WTL_CODEC_DECODER_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>

/* What one step works on; the decoder moves the pointers. */
struct wtl_decode {
    const unsigned char *in;
    size_t n_in;
    unsigned char *out;
    size_t n_out;
    bool last;     /* `in` is the end of the file */
    bool complete; /* set by the step: the bytes so far are whole members */
};

struct wtl_decoder {
    /* NULL when memory is out. libzstd allocates for itself; the others use `alloc`. */
    void *(*create)(const struct wtl_alloc *alloc);
    void (*destroy)(void *state);
    /* Ready for the next file. */
    int (*reset)(void *state, struct wtl_error *err);
    /* Decodes what fits. -WTL_PARSE for damaged bytes; a step that neither consumes nor produces
     * needs more input. */
    int (*step)(void *state, struct wtl_decode *d, struct wtl_error *err);
};

extern const struct wtl_decoder wtl_decoder_gzip;
extern const struct wtl_decoder wtl_decoder_zstd;
extern const struct wtl_decoder wtl_decoder_xz;

#endif
