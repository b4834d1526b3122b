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
#include "codec/hash.h"

#include <stdbool.h>
#include <stdint.h>

enum wtl_compression { WTL_PLAIN, WTL_GZIP, WTL_ZSTD, WTL_XZ };
const char *wtl_compression_name(enum wtl_compression c);

/* Buffers and decompressor states, reused from file to file by one thread. */
struct wtl_input;

/* An input that reads nothing yet; free with wtl_input_free(). */
int wtl_input_new(struct wtl_alloc alloc, struct wtl_input **input_out, struct wtl_error *err);
void wtl_input_free(struct wtl_input *input);

/* Starts on a file ("-": standard input) or on bytes in memory (which must outlive the reading).
 * Ends an earlier one. `hash`: compute SHA-256. The first bytes are read at once, so that the
 * compression is known. On failure the input reads nothing. */
int wtl_input_open(struct wtl_input *input, const char *path, bool hash, struct wtl_error *err);
int wtl_input_open_memory(struct wtl_input *input, const char *name, const void *data, size_t n,
                          bool hash, struct wtl_error *err);

/* The next block of whole lines: ends with '\n', except for a last line without one. A line longer
 * than WTL_LIMIT_LINE_BYTES comes in pieces, a piece a block (wtl_input_in_long_line() is then
 * true). *n_out = 0 at the end. The bytes are the input's until the next call and are followed by
 * at least WTL_INPUT_MARGIN readable bytes. *n_out may be anything from 1 to about 1 MiB. Blocks of
 * compressed files are of decompressed bytes. A compressed stream that ends early or is damaged
 * gives what there is, then -WTL_PARSE; one that expands beyond WTL_LIMIT_EXPANSION, -WTL_LIMIT. */
#define WTL_INPUT_MARGIN 64
int wtl_input_next(struct wtl_input *input, const char **data_out, size_t *n_out,
                   struct wtl_error *err);

/* The current block is a piece of a line longer than WTL_LIMIT_LINE_BYTES; the line's last piece is
 * the one that ends with '\n' (or the last block of all). */
bool wtl_input_in_long_line(const struct wtl_input *input);

/* Puts the current block back: the next wtl_input_next() returns it again (for detection). */
void wtl_input_unread(struct wtl_input *input);

/* Ends the reading: SHA-256 of all bytes on disk, lower-case hex. Reads on to the end of the file
 * if needed; no block can be had afterwards. -WTL_USAGE when opened without `hash`. */
int wtl_input_sha256(struct wtl_input *input, char hex_out[WTL_SHA256_HEX], struct wtl_error *err);

const char *wtl_input_name(const struct wtl_input *input);
enum wtl_compression wtl_input_compression(const struct wtl_input *input);
int64_t wtl_input_bytes_read(const struct wtl_input *input); /* bytes on disk */

#endif
