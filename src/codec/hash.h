/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 (FIPS 180-4) through libcrypto: of bytes at hand, or of a stream.
 */
#ifndef WTL_CODEC_HASH_H
#define WTL_CODEC_HASH_H

#include "base/error.h"

#include <stddef.h>

#define WTL_SHA256_HEX 65 /* lower-case digits and the terminator */

/* Hash of n bytes. -WTL_FAILED when libcrypto refuses. */
int wtl_sha256(const void *data, size_t n, char hex_out[WTL_SHA256_HEX], struct wtl_error *err);

/* A hash in progress, reusable: start, add..., end, start again. One thread at a time. */
struct wtl_hash;
int wtl_hash_new(struct wtl_hash **hash_out, struct wtl_error *err);
void wtl_hash_free(struct wtl_hash *hash);
int wtl_hash_start(struct wtl_hash *hash, struct wtl_error *err);
int wtl_hash_add(struct wtl_hash *hash, const void *data, size_t n, struct wtl_error *err);
int wtl_hash_end(struct wtl_hash *hash, char hex_out[WTL_SHA256_HEX], struct wtl_error *err);

#endif
