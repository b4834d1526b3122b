/* SPDX-License-Identifier: Apache-2.0
 *
 * A file as a stream of whole lines: decompressed (plain, gzip, zstd, xz, told apart by their magic
 * bytes), hashed (SHA-256 of the bytes on disk, for provenance) and cut at line ends. Reads with
 * read(2), never mmap: truncation under a mapping is SIGBUS.
 */
#ifndef WTL_CODEC_INPUT_H
#define WTL_CODEC_INPUT_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum wtl_compression { WTL_PLAIN, WTL_GZIP, WTL_ZSTD, WTL_XZ };
const char *wtl_compression_name(enum wtl_compression c);

/* Buffers and decompressor states, reused from file to file by one thread. */
struct wtl_input;

/* An input that reads nothing yet; free with wtl_input_free(). */
int wtl_input_new(struct wtl_alloc alloc, struct wtl_input **input_out, struct wtl_error *err);
void wtl_input_free(struct wtl_input *input);

/* Starts on a file or on bytes in memory (which must outlive the reading). Ends an earlier one.
 * `hash`: compute SHA-256. */
int wtl_input_open(struct wtl_input *input, const char *path, bool hash, struct wtl_error *err);
int wtl_input_open_memory(struct wtl_input *input, const char *name, const void *data, size_t n,
                          bool hash, struct wtl_error *err);

/* The next block of whole lines: ends with '\n', except for a last line without one. A line longer
 * than WTL_LIMIT_LINE_BYTES comes in pieces, a piece a block. *n_out = 0 at the end. The bytes are
 * the input's until the next call and are followed by at least 64 readable bytes. *n_out may be
 * anything from 1 to about 1 MiB. Blocks of compressed files are of decompressed bytes.
 * A compressed stream that ends early gives what there is, then -WTL_PARSE "truncated". */
int wtl_input_next(struct wtl_input *input, const char **data_out, size_t *n_out,
                   struct wtl_error *err);

/* Puts the current block back: the next wtl_input_next() returns it again (for detection). */
void wtl_input_unread(struct wtl_input *input);

/* After the end: SHA-256 of all bytes on disk, lower-case hex. Reads on to the end if needed. */
int wtl_input_sha256(struct wtl_input *input, char hex_out[65], struct wtl_error *err);

const char *wtl_input_name(const struct wtl_input *input);
enum wtl_compression wtl_input_compression(const struct wtl_input *input);
int64_t wtl_input_bytes_read(const struct wtl_input *input); /* bytes on disk */

#endif
