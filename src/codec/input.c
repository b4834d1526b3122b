/* SPDX-License-Identifier: Apache-2.0
 * Whole-line blocks over files and memory. Plain bytes are read straight into the text buffer;
 * compressed ones pass through `raw`. */
#include "codec/input.h"

#include "base/file.h"
#include "base/limits.h"
#include "codec/decoder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    TEXT_BYTES = (1 << 20) + WTL_LIMIT_LINE_BYTES, /* a block and a line carried over */
    RAW_BYTES = 1 << 18,
    MAGIC_BYTES = 6,
    N_COMPRESSIONS = WTL_XZ + 1,
};

/* Below this much output no ratio is held against a file: a hole of zeros packs without bound. */
#define EXPANSION_FREE_BYTES (INT64_C(64) << 20)

struct wtl_input {
    struct wtl_alloc alloc;
    char name[WTL_LIMIT_PATH];

    /* where bytes come from */
    int fd; /* -1: memory */
    const unsigned char *memory;
    size_t memory_left;
    bool raw_ended;
    int64_t bytes_read;
    bool hashing;
    struct wtl_hash *hash;

    /* decompression */
    enum wtl_compression compression;
    void *decoder[N_COMPRESSIONS];
    unsigned char *raw; /* RAW_BYTES, made when first needed */
    struct wtl_decode decode;
    int64_t expanded;

    /* text: [block, block_end) was handed out, [block_end, end) waits */
    char *text;
    size_t block, block_end, end;
    bool text_ended;
    bool again; /* hand the block out once more */
    bool in_long_line;
    int failed; /* what to return when the text that there is has been handed out */
    struct wtl_error failure;
};

static const struct wtl_decoder *const decoders[N_COMPRESSIONS] = {
    [WTL_GZIP] = &wtl_decoder_gzip,
    [WTL_ZSTD] = &wtl_decoder_zstd,
    [WTL_XZ] = &wtl_decoder_xz,
};

const char *wtl_compression_name(enum wtl_compression c)
{
    static const char *const names[N_COMPRESSIONS] = {"plain", "gzip", "zstd", "xz"};
    return names[c];
}

static void stop(struct wtl_input *in)
{
    if (in->fd >= 0)
        close(in->fd);
    in->fd = -1;
    in->memory = NULL;
    in->memory_left = 0;
    in->raw_ended = in->text_ended = true;
    in->block = in->block_end = in->end = 0;
    in->again = in->in_long_line = false;
    in->failed = 0;
    in->bytes_read = in->expanded = 0;
    in->compression = WTL_PLAIN;
    in->decode = (struct wtl_decode){0};
}

int wtl_input_new(struct wtl_alloc alloc, struct wtl_input **input_out, struct wtl_error *err)
{
    struct wtl_input *in = alloc.resize(alloc.ctx, NULL, sizeof *in);
    if (!in)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *in = (struct wtl_input){.alloc = alloc, .fd = -1};
    stop(in);
    in->text = alloc.resize(alloc.ctx, NULL, TEXT_BYTES + WTL_INPUT_MARGIN);
    if (!in->text) {
        wtl_input_free(in);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    *input_out = in;
    return 0;
}

void wtl_input_free(struct wtl_input *in)
{
    if (!in)
        return;
    stop(in);
    struct wtl_alloc alloc = in->alloc;
    for (int c = 0; c < N_COMPRESSIONS; c++)
        if (in->decoder[c])
            decoders[c]->destroy(in->decoder[c]);
    wtl_hash_free(in->hash);
    if (in->raw)
        alloc.resize(alloc.ctx, in->raw, 0);
    if (in->text)
        alloc.resize(alloc.ctx, in->text, 0);
    alloc.resize(alloc.ctx, in, 0);
}

/* Up to n bytes of the source; *got_out = 0 at its end. */
static int read_source(struct wtl_input *in, void *dst, size_t n, size_t *got_out,
                       struct wtl_error *err)
{
    if (in->fd < 0) {
        size_t got = n < in->memory_left ? n : in->memory_left;
        if (got)
            memcpy(dst, in->memory, got);
        in->memory += got;
        in->memory_left -= got;
        *got_out = got;
        return 0;
    }
    for (;;) {
        ssize_t got = read(in->fd, dst, n);
        if (got >= 0) {
            *got_out = (size_t)got;
            return 0;
        }
        if (errno != EINTR)
            return wtl_fail_errno(err, errno, "read", in->name);
    }
}

static int read_raw(struct wtl_input *in, void *dst, size_t n, size_t *got_out,
                    struct wtl_error *err)
{
    size_t got = 0;
    int rc = in->raw_ended ? 0 : read_source(in, dst, n, &got, err);
    if (rc == 0 && in->hashing && got)
        rc = wtl_hash_add(in->hash, dst, got, err);
    if (rc != 0)
        return rc;
    in->raw_ended = got == 0;
    in->bytes_read += (int64_t)got;
    *got_out = got;
    return 0;
}

static enum wtl_compression sniff(const char *p, size_t n)
{
    if (n >= 3 && memcmp(p, "\x1f\x8b\x08", 3) == 0)
        return WTL_GZIP;
    if (n >= 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0)
        return WTL_ZSTD;
    if (n >= 6 && memcmp(p,
                         "\xfd"
                         "7zXZ\0",
                         6) == 0)
        return WTL_XZ;
    return WTL_PLAIN;
}

/* What was read into `text` so far are compressed bytes: moves them to `raw`. */
static int begin_decoding(struct wtl_input *in, enum wtl_compression c, struct wtl_error *err)
{
    if (!in->raw)
        in->raw = in->alloc.resize(in->alloc.ctx, NULL, RAW_BYTES);
    if (!in->decoder[c])
        in->decoder[c] = decoders[c]->create(&in->alloc);
    if (!in->raw || !in->decoder[c])
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = decoders[c]->reset(in->decoder[c], err);
    if (rc != 0)
        return rc;
    memcpy(in->raw, in->text, in->end);
    in->decode = (struct wtl_decode){.in = in->raw, .n_in = in->end};
    in->end = 0;
    in->compression = c;
    return 0;
}

/* Reads the first bytes and finds out what they are. */
static int begin(struct wtl_input *in, bool hash, struct wtl_error *err)
{
    in->raw_ended = in->text_ended = false;
    in->hashing = hash;
    int rc = 0;
    if (hash && !in->hash)
        rc = wtl_hash_new(&in->hash, err);
    if (rc == 0 && hash)
        rc = wtl_hash_start(in->hash, err);
    while (rc == 0 && in->end < MAGIC_BYTES && !in->raw_ended) {
        size_t got = 0;
        rc = read_raw(in, in->text + in->end, RAW_BYTES - in->end, &got, err);
        in->end += got;
    }
    memset(in->text + in->end, 0, WTL_INPUT_MARGIN);
    enum wtl_compression c = sniff(in->text, in->end);
    if (rc == 0 && c != WTL_PLAIN)
        rc = begin_decoding(in, c, err);
    if (rc != 0)
        stop(in);
    return rc;
}

int wtl_input_open(struct wtl_input *in, const char *path, bool hash, struct wtl_error *err)
{
    stop(in);
    if (strlen(path) >= sizeof in->name)
        return WTL_FAIL(err, WTL_LIMIT, "path is longer than %d bytes", WTL_LIMIT_PATH);
    snprintf(in->name, sizeof in->name, "%s", path);
    in->fd = strcmp(path, "-") == 0 ? dup(0) : open(path, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0)
        return wtl_fail_errno(err, errno, "open", path);
    return begin(in, hash, err);
}

int wtl_input_open_memory(struct wtl_input *in, const char *name, const void *data, size_t n,
                          bool hash, struct wtl_error *err)
{
    stop(in);
    snprintf(in->name, sizeof in->name, "%s", name);
    in->memory = data;
    in->memory_left = n;
    return begin(in, hash, err);
}

static int too_large(struct wtl_input *in, struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_LIMIT,
                      "%s data expand to more than %d times their size: a decompression bomb",
                      wtl_compression_name(in->compression), WTL_LIMIT_EXPANSION);
    wtl_error_hint(err, "decompress it by hand and look at it");
    return rc;
}

/* One step of the decoder into the room behind `end`; may find that the file is over. */
static int decode_some(struct wtl_input *in, struct wtl_error *err)
{
    struct wtl_decode *d = &in->decode;
    if (d->n_in == 0 && !d->last) {
        size_t got = 0;
        int rc = read_raw(in, in->raw, RAW_BYTES, &got, err);
        if (rc != 0)
            return rc;
        d->in = in->raw;
        d->n_in = got;
        d->last = got == 0;
    }
    size_t n_in = d->n_in;
    size_t room = TEXT_BYTES - in->end;
    d->out = (unsigned char *)in->text + in->end;
    d->n_out = room;
    int rc = decoders[in->compression]->step(in->decoder[in->compression], d, err);
    size_t made = room - d->n_out;
    in->end += made;
    in->expanded += (int64_t)made;
    if (rc != 0)
        return rc;
    if (in->expanded > EXPANSION_FREE_BYTES && in->expanded / WTL_LIMIT_EXPANSION > in->bytes_read)
        return too_large(in, err);
    if (made == 0 && d->n_in == n_in && d->last) {
        in->text_ended = true;
        if (!d->complete)
            return WTL_FAIL(err, WTL_PARSE, "the %s data are truncated",
                            wtl_compression_name(in->compression));
    }
    return 0;
}

/* Adds at least one byte of text, or ends it. Damage found on the way waits in `failed` until the
 * text before it has been handed out. */
static int fill(struct wtl_input *in, struct wtl_error *err)
{
    if (in->compression == WTL_PLAIN) {
        size_t got = 0;
        int rc = read_raw(in, in->text + in->end, TEXT_BYTES - in->end, &got, err);
        in->end += got;
        in->text_ended = in->raw_ended;
        return rc;
    }
    while (!in->text_ended && in->end < TEXT_BYTES) {
        int rc = decode_some(in, &in->failure);
        if (rc != 0) {
            wtl_error_input(&in->failure, in->name, 0, 0);
            in->failed = rc;
            in->text_ended = true;
        }
    }
    return 0;
}

/* Length of the whole lines at `p`, none of them over the limit. With `ended`, an unterminated
 * last line counts as whole. */
static size_t whole_lines(const char *p, size_t n, bool ended)
{
    size_t done = 0;
    while (n - done > WTL_LIMIT_LINE_BYTES) {
        const char *newline = memrchr(p + done, '\n', WTL_LIMIT_LINE_BYTES);
        if (!newline)
            return done;
        done = (size_t)(newline - p) + 1;
    }
    if (ended)
        return n;
    const char *newline = n > done ? memrchr(p + done, '\n', n - done) : NULL;
    return newline ? (size_t)(newline - p) + 1 : done;
}

/* Length of the next block in what waits; 0: more text is needed. */
static size_t next_length(struct wtl_input *in)
{
    const char *p = in->text + in->block_end;
    size_t n = in->end - in->block_end;
    if (!in->in_long_line) {
        size_t length = whole_lines(p, n, in->text_ended);
        if (length || n <= WTL_LIMIT_LINE_BYTES)
            return length;
        in->in_long_line = true;
    }
    const char *newline = n ? memchr(p, '\n', n) : NULL;
    return newline ? (size_t)(newline - p) + 1 : n;
}

static int hand_out(struct wtl_input *in, const char **data_out, size_t *n_out)
{
    *data_out = in->text + in->block;
    *n_out = in->block_end - in->block;
    return 0;
}

int wtl_input_next(struct wtl_input *in, const char **data_out, size_t *n_out,
                   struct wtl_error *err)
{
    if (in->again) {
        in->again = false;
        return hand_out(in, data_out, n_out);
    }
    if (in->block_end > in->block && in->text[in->block_end - 1] == '\n')
        in->in_long_line = false;
    size_t length = next_length(in);
    while (length == 0 && !in->text_ended) {
        in->end -= in->block_end;
        memmove(in->text, in->text + in->block_end, in->end);
        in->block = in->block_end = 0;
        int rc = fill(in, err);
        if (rc != 0)
            return rc;
        memset(in->text + in->end, 0, WTL_INPUT_MARGIN);
        length = next_length(in);
    }
    in->block = in->block_end;
    in->block_end += length;
    if (length == 0 && in->failed) {
        if (err)
            *err = in->failure;
        return in->failed;
    }
    return hand_out(in, data_out, n_out);
}

bool wtl_input_in_long_line(const struct wtl_input *in)
{
    return in->in_long_line;
}

void wtl_input_unread(struct wtl_input *in)
{
    in->again = in->block_end > in->block;
}

int wtl_input_sha256(struct wtl_input *in, char hex_out[WTL_SHA256_HEX], struct wtl_error *err)
{
    if (!in->hashing)
        return WTL_FAIL(err, WTL_USAGE, "\"%s\" was opened without hashing", in->name);
    in->block = in->block_end = in->end = 0;
    in->text_ended = true;
    in->again = in->in_long_line = false;
    in->failed = 0;
    while (!in->raw_ended) {
        size_t got = 0;
        int rc = read_raw(in, in->text, TEXT_BYTES, &got, err);
        if (rc != 0)
            return rc;
    }
    in->hashing = false;
    return wtl_hash_end(in->hash, hex_out, err);
}

const char *wtl_input_name(const struct wtl_input *in)
{
    return in->name;
}

enum wtl_compression wtl_input_compression(const struct wtl_input *in)
{
    return in->compression;
}

int64_t wtl_input_bytes_read(const struct wtl_input *in)
{
    return in->bytes_read;
}
