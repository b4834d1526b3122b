/* SPDX-License-Identifier: Apache-2.0
 *
 * A batch of samples as bytes, and back without loss. Layout, all numbers little-endian:
 *   "WTC1", u32 rows, u64 present, i64 first_row, u32 stream, u8 has_time, u8 interval, 2 zero
 * bytes, u64 size of the body, then the body compressed by zstd: the times (i64, if has_time), then
 * per present metric in order of its number: u16 length and name, the validity words, the values
 *   (binary64; 0 where not valid). The bytes of times and values are transposed (all first bytes,
 *   then all second bytes ...), which is what makes slowly changing numbers compress.
 * Metrics are named, so that a chunk outlives a change of WTL_METRICS; unknown names are refused.
 */
#ifndef WTL_STORE_CHUNK_H
#define WTL_STORE_CHUNK_H

#include "base/alloc.h"
#include "base/error.h"
#include "core/sample.h"

/* zstd contexts and buffers, reused from chunk to chunk by one thread. */
struct wtl_chunker;
int wtl_chunker_new(struct wtl_chunker **chunker_out, struct wtl_error *err);
void wtl_chunker_free(struct wtl_chunker *chunker);

/* The packed bytes live in `arena`. */
int wtl_chunk_pack(struct wtl_chunker *chunker, struct wtl_arena *arena,
                   const struct wtl_batch *batch, void **chunk_out, size_t *size_out,
                   struct wtl_error *err);

/* -WTL_CORRUPT for bytes that no pack made. */
int wtl_chunk_unpack(struct wtl_chunker *chunker, const void *chunk, size_t size,
                     struct wtl_batch *batch_out, struct wtl_error *err);

#endif
