/* SPDX-License-Identifier: Apache-2.0
 * Batches of samples to compressed bytes and back. Knows no file and no database. */
#include "store/chunk.h"

#include "base/text.h"

#include <string.h>
#include <zstd.h>

enum {
    HEADER = 40,
    LEVEL = 3, /* higher levels gain 3 % on real traces and take 4 times as long */
    LONGEST_NAME = 64,
    BODY_MAX = WTL_BATCH_ROWS * 8 +
               (int)WTL_N_METRICS * (2 + LONGEST_NAME + WTL_BATCH_WORDS * 8 + WTL_BATCH_ROWS * 8),
};

struct wtl_chunker {
    ZSTD_CCtx *compress;
    ZSTD_DCtx *expand;
    unsigned char body[BODY_MAX];
};

int wtl_chunker_new(struct wtl_chunker **chunker_out, struct wtl_error *err)
{
    struct wtl_alloc alloc = wtl_alloc_system();
    struct wtl_chunker *k = alloc.resize(alloc.ctx, NULL, sizeof *k);
    if (!k)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    k->compress = ZSTD_createCCtx();
    k->expand = ZSTD_createDCtx();
    if (!k->compress || !k->expand) {
        wtl_chunker_free(k);
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    *chunker_out = k;
    return 0;
}

void wtl_chunker_free(struct wtl_chunker *k)
{
    if (!k)
        return;
    struct wtl_alloc alloc = wtl_alloc_system();
    ZSTD_freeCCtx(k->compress);
    ZSTD_freeDCtx(k->expand);
    alloc.resize(alloc.ctx, k, 0);
}

static void put_le(unsigned char *p, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (unsigned char)(value >> (8 * i));
}

/* Not a string: no terminator. */
static void put_bytes(unsigned char *p, const void *from, size_t n)
{
    memcpy(p, from, n);
}

static uint64_t get_le(const unsigned char *p, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)p[i] << (8 * i);
    return value;
}

/* n words as eight planes of n bytes. */
static unsigned char *put_planes(unsigned char *p, const uint64_t *words, int n)
{
    for (int plane = 0; plane < 8; plane++)
        for (int i = 0; i < n; i++)
            *p++ = (unsigned char)(words[i] >> (8 * plane));
    return p;
}

static const unsigned char *get_planes(const unsigned char *p, uint64_t *words, int n)
{
    memset(words, 0, (size_t)n * sizeof *words);
    for (int plane = 0; plane < 8; plane++)
        for (int i = 0; i < n; i++)
            words[i] |= (uint64_t)*p++ << (8 * plane);
    return p;
}

static int words_of(int rows)
{
    return (rows + 63) / 64;
}

/* The validity words of the used rows only. */
static uint64_t used_word(const struct wtl_column *column, int word, int rows)
{
    int left = rows - word * 64;
    uint64_t mask = left >= 64 ? UINT64_MAX : (UINT64_C(1) << left) - 1;
    return column->valid[word] & mask;
}

static unsigned char *put_column(unsigned char *p, enum wtl_metric m,
                                 const struct wtl_column *column, int rows)
{
    const char *name = wtl_metric_info(m)->name;
    size_t length = strlen(name);
    put_le(p, length, 2);
    put_bytes(p + 2, name, length);
    p += 2 + length;
    for (int w = 0; w < words_of(rows); w++, p += 8)
        put_le(p, used_word(column, w, rows), 8);
    uint64_t bits[WTL_BATCH_ROWS];
    for (int i = 0; i < rows; i++) {
        bits[i] = 0;
        if ((column->valid[i >> 6] >> (i & 63)) & 1)
            memcpy(&bits[i], &column->value[i], 8);
    }
    return put_planes(p, bits, rows);
}

static size_t put_body(unsigned char *body, const struct wtl_batch *batch)
{
    unsigned char *p = body;
    if (batch->has_time) {
        uint64_t bits[WTL_BATCH_ROWS];
        for (int i = 0; i < batch->n; i++)
            bits[i] = (uint64_t)batch->t_ns[i];
        p = put_planes(p, bits, batch->n);
    }
    for (int m = 0; m < (int)WTL_N_METRICS; m++)
        if (wtl_batch_has(batch, (enum wtl_metric)m))
            p = put_column(p, (enum wtl_metric)m, &batch->column[m], batch->n);
    return (size_t)(p - body);
}

static void put_header(unsigned char *p, const struct wtl_batch *batch, size_t body)
{
    memset(p, 0, HEADER);
    put_bytes(p, "WTC1", 4);
    put_le(p + 4, (uint64_t)batch->n, 4);
    put_le(p + 8, (uint64_t)__builtin_popcountll(batch->present), 8);
    put_le(p + 16, (uint64_t)batch->first_row, 8);
    put_le(p + 24, (uint64_t)batch->stream, 4);
    p[28] = batch->has_time;
    p[29] = batch->interval;
    put_le(p + 32, body, 8);
}

int wtl_chunk_pack(struct wtl_chunker *k, struct wtl_arena *arena, const struct wtl_batch *batch,
                   void **chunk_out, size_t *size_out, struct wtl_error *err)
{
    size_t body = put_body(k->body, batch);
    size_t bound = ZSTD_compressBound(body);
    unsigned char *bytes = wtl_arena_calloc(arena, 1, HEADER + bound);
    if (!bytes)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    put_header(bytes, batch, body);
    size_t n = ZSTD_compressCCtx(k->compress, bytes + HEADER, bound, k->body, body, LEVEL);
    if (ZSTD_isError(n))
        return WTL_FAIL(err, WTL_FAILED, "zstd: %s", ZSTD_getErrorName(n));
    *chunk_out = bytes;
    *size_out = HEADER + n;
    return 0;
}

/* What is left of the body. */
struct body {
    const unsigned char *p;
    size_t left;
};

static bool take_columns(struct body *b, struct wtl_batch *batch)
{
    char name[LONGEST_NAME];
    if (b->left < 2)
        return false;
    size_t length = get_le(b->p, 2);
    size_t words = (size_t)words_of(batch->n) * 8;
    size_t need = 2 + length + words + (size_t)batch->n * 8;
    if (length == 0 || b->left < need ||
        !wtl_view_copy((struct wtl_view){(const char *)b->p + 2, length}, name, sizeof name))
        return false;
    enum wtl_metric m = wtl_metric_by_name(name);
    if (m >= WTL_N_METRICS || wtl_batch_has(batch, m))
        return false;
    struct wtl_column *column = &batch->column[m];
    const unsigned char *p = b->p + 2 + length;
    for (int w = 0; w < words_of(batch->n); w++, p += 8)
        column->valid[w] = get_le(p, 8);
    uint64_t bits[WTL_BATCH_ROWS];
    get_planes(p, bits, batch->n);
    memcpy(column->value, bits, (size_t)batch->n * 8);
    batch->present |= UINT64_C(1) << m;
    b->p += need;
    b->left -= need;
    return true;
}

static bool take_times(struct body *b, struct wtl_batch *batch)
{
    size_t need = (size_t)batch->n * 8;
    if (!batch->has_time)
        return true;
    if (b->left < need)
        return false;
    uint64_t bits[WTL_BATCH_ROWS];
    get_planes(b->p, bits, batch->n);
    for (int i = 0; i < batch->n; i++)
        batch->t_ns[i] = (int64_t)bits[i];
    b->p += need;
    b->left -= need;
    return true;
}

static bool take_body(struct body *b, int n_columns, struct wtl_batch *batch)
{
    bool fine = take_times(b, batch);
    for (int i = 0; fine && i < n_columns; i++)
        fine = take_columns(b, batch);
    return fine && b->left == 0;
}

int wtl_chunk_unpack(struct wtl_chunker *k, const void *chunk, size_t size,
                     struct wtl_batch *batch_out, struct wtl_error *err)
{
    const unsigned char *p = chunk;
    if (size < HEADER || memcmp(p, "WTC1", 4) != 0)
        return WTL_FAIL(err, WTL_CORRUPT, "stored samples: not a chunk");
    uint64_t rows = get_le(p + 4, 4);
    uint64_t n_columns = get_le(p + 8, 8);
    uint64_t body = get_le(p + 32, 8);
    if (rows > WTL_BATCH_ROWS || n_columns > WTL_N_METRICS || body > sizeof k->body || p[28] > 1 ||
        p[29] > 1)
        return WTL_FAIL(err, WTL_CORRUPT, "stored samples: impossible sizes in a chunk");
    size_t n = ZSTD_decompressDCtx(k->expand, k->body, body, p + HEADER, size - HEADER);
    if (ZSTD_isError(n) || n != body)
        return WTL_FAIL(err, WTL_CORRUPT, "stored samples: damaged chunk");
    struct wtl_alloc alloc = wtl_alloc_system();
    struct wtl_batch *batch = alloc.resize(alloc.ctx, NULL, sizeof *batch);
    if (!batch)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    batch->n = (int)rows;
    batch->stream = (int)get_le(p + 24, 4);
    batch->first_row = (int64_t)get_le(p + 16, 8);
    batch->has_time = p[28];
    batch->interval = p[29];
    batch->present = 0;
    struct body b = {k->body, n};
    bool fine = take_body(&b, (int)n_columns, batch);
    if (fine)
        memcpy(batch_out, batch, sizeof *batch);
    alloc.resize(alloc.ctx, batch, 0);
    return fine ? 0 : WTL_FAIL(err, WTL_CORRUPT, "stored samples: damaged columns in a chunk");
}
