/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/limits.h"
#include "base/random.h"
#include "codec/input.h"

struct bytes {
    unsigned char *p;
    size_t n;
};

static struct bytes packed(enum wtl_compression c, const void *data, size_t n)
{
    size_t cap = n + n / 2 + 4096;
    struct bytes b = {malloc(cap), 0};
    assert_non_null(b.p);
    if (c == WTL_PLAIN) {
        memcpy(b.p, data, n);
        b.n = n;
    } else if (c == WTL_GZIP) {
        z_stream z = {0};
        assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
        z.next_in = (Bytef *)(uintptr_t)data;
        z.avail_in = (unsigned)n;
        z.next_out = b.p;
        z.avail_out = (unsigned)cap;
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        b.n = z.total_out;
        deflateEnd(&z);
    } else if (c == WTL_ZSTD) {
        b.n = ZSTD_compress(b.p, cap, data, n, 3);
        assert_false(ZSTD_isError(b.n));
    } else {
        assert_int_equal(
            lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, data, n, b.p, &b.n, cap), LZMA_OK);
    }
    return b;
}

/* Everything that an input gives, put together; rules of blocks are checked on the way. */
struct gathered {
    char *data;
    size_t n;
    int rc;
    int blocks, long_pieces;
};

static struct gathered gather(struct wtl_input *in, struct wtl_error *err)
{
    struct gathered g = {malloc(1 << 24), 0, 0, 0, 0};
    assert_non_null(g.data);
    for (;;) {
        const char *p = NULL;
        size_t n = 0;
        g.rc = wtl_input_next(in, &p, &n, err);
        assert_true(g.rc == 0 || (!p && n == 0)); /* outputs are untouched on failure */
        if (g.rc != 0 || n == 0)
            return g;
        assert_true(g.n + n <= 1 << 24);
        memcpy(g.data + g.n, p, n);
        g.n += n;
        g.blocks++;
        g.long_pieces += wtl_input_in_long_line(in);
        unsigned sum = 0;
        for (int i = 0; i < WTL_INPUT_MARGIN; i++)
            sum += (unsigned char)p[n + (size_t)i]; /* must be readable */
        assert_true(sum < 256 * WTL_INPUT_MARGIN);
    }
}

static struct wtl_input *new_input(void)
{
    struct wtl_input *in = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_input_new(wtl_alloc_system(), &in, &err), &err);
    return in;
}

/* n lines of unequal length. */
static struct bytes text_of(int lines, uint64_t seed)
{
    struct bytes b = {malloc((size_t)lines * 90 + 1), 0};
    struct wtl_rng rng;
    wtl_rng_init(&rng, seed);
    for (int i = 0; i < lines; i++) {
        int n = snprintf((char *)b.p + b.n, 90, "GPU %d  %08x %.*s\n", i,
                         (unsigned)wtl_rng_next(&rng), (int)wtl_rng_below(&rng, 60),
                         "0.000        N/A          1785         26944097032       62.495 ");
        b.n += (size_t)n;
    }
    return b;
}

static void assert_same(struct gathered g, struct bytes want)
{
    assert_int_equal(g.n, want.n);
    assert_memory_equal(g.data, want.p, want.n);
    free(g.data);
}

static void every_compression_gives_the_same_text(void **state)
{
    (void)state;
    struct wtl_input *in = new_input();
    struct wtl_error err = {0};
    const int sizes[] = {0, 1, 7, 3000, 60000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct bytes text = text_of(sizes[s], s);
        for (int c = WTL_PLAIN; c <= WTL_XZ; c++) {
            struct bytes file = packed((enum wtl_compression)c, text.p, text.n);
            assert_ok(wtl_input_open_memory(in, "x", file.p, file.n, true, &err), &err);
            assert_int_equal(wtl_input_compression(in), c);
            struct gathered g = gather(in, &err);
            assert_ok(g.rc, &err);
            assert_same(g, text);
            assert_int_equal(wtl_input_bytes_read(in), file.n);
            char hex[WTL_SHA256_HEX], want[WTL_SHA256_HEX];
            assert_ok(wtl_input_sha256(in, hex, &err), &err);
            assert_ok(wtl_sha256(file.p, file.n, want, &err), &err);
            assert_string_equal(hex, want);
            free(file.p);
        }
        free(text.p);
    }
    wtl_input_free(in);
}

static void members_that_follow_one_another_are_one_text(void **state)
{
    (void)state;
    struct wtl_input *in = new_input();
    struct wtl_error err = {0};
    struct bytes text = text_of(4000, 9);
    size_t cut = 12345; /* in the middle of a line */
    for (int c = WTL_GZIP; c <= WTL_XZ; c++) {
        struct bytes a = packed((enum wtl_compression)c, text.p, cut);
        struct bytes b = packed((enum wtl_compression)c, text.p + cut, text.n - cut);
        struct bytes both = {malloc(a.n + b.n + 64), a.n + b.n};
        memcpy(both.p, a.p, a.n);
        memcpy(both.p + a.n, b.p, b.n);
        if (c == WTL_GZIP) { /* and padding, as tapes leave it */
            memset(both.p + both.n, 0, 64);
            both.n += 64;
        }
        assert_ok(wtl_input_open_memory(in, "x", both.p, both.n, false, &err), &err);
        struct gathered g = gather(in, &err);
        assert_ok(g.rc, &err);
        assert_same(g, text);
        free(a.p);
        free(b.p);
        free(both.p);
    }
    free(text.p);
    wtl_input_free(in);
}

static void truncated_streams_give_what_there_is_then_fail(void **state)
{
    (void)state;
    struct wtl_input *in = new_input();
    struct bytes text = text_of(30000, 4);
    for (int c = WTL_GZIP; c <= WTL_XZ; c++) {
        struct wtl_error err = {0};
        struct bytes file = packed((enum wtl_compression)c, text.p, text.n);
        assert_ok(wtl_input_open_memory(in, "t.gz", file.p, file.n * 3 / 4, false, &err), &err);
        struct gathered g = gather(in, &err);
        assert_int_equal(g.rc, -(int)WTL_PARSE);
        assert_non_null(strstr(err.message, "truncated"));
        assert_string_equal(err.input_file, "t.gz");
        assert_true(g.n > 0 && g.n < text.n);
        assert_memory_equal(g.data, text.p, g.n);
        free(g.data);
        free(file.p);
    }
    free(text.p);
    wtl_input_free(in);
}

static void damage_and_garbage_are_named(void **state)
{
    (void)state;
    struct wtl_input *in = new_input();
    struct bytes text = text_of(30000, 5);
    for (int c = WTL_GZIP; c <= WTL_XZ; c++) {
        struct bytes file = packed((enum wtl_compression)c, text.p, text.n);
        for (int kind = 0; kind < 2; kind++) {
            struct wtl_error err = {0};
            struct bytes bad = {malloc(file.n + 32), file.n};
            memcpy(bad.p, file.p, file.n);
            if (kind == 0) {
                for (size_t i = 0; i < 64; i++)
                    bad.p[file.n / 2 + i] ^= 0x5a;
            } else {
                memcpy(bad.p + bad.n, "this is not compressed at all!!", 32);
                bad.n += 32;
            }
            assert_ok(wtl_input_open_memory(in, "bad", bad.p, bad.n, false, &err), &err);
            struct gathered g = gather(in, &err);
            assert_int_equal(g.rc, -(int)WTL_PARSE);
            free(g.data);
            free(bad.p);
        }
        free(file.p);
    }
    free(text.p);
    wtl_input_free(in);
}

static void bombs_are_refused(void **state)
{
    (void)state;
    struct wtl_input *in = new_input();
    size_t n = (size_t)400 << 20;
    char *zeros = calloc(1, n);
    assert_non_null(zeros);
    size_t cap = ZSTD_compressBound(n);
    unsigned char *file = malloc(cap);
    size_t packed_n = ZSTD_compress(file, cap, zeros, n, 19);
    assert_true(n / packed_n > WTL_LIMIT_EXPANSION);
    struct wtl_error err = {0};
    assert_ok(wtl_input_open_memory(in, "bomb", file, packed_n, false, &err), &err);
    int rc;
    size_t got = 0;
    do {
        const char *p = NULL;
        got = 0;
        rc = wtl_input_next(in, &p, &got, &err);
    } while (rc == 0 && got);
    assert_int_equal(rc, -(int)WTL_LIMIT);
    assert_non_null(strstr(err.message, "bomb"));
    free(zeros);
    free(file);
    wtl_input_free(in);
}

static void long_lines_come_in_marked_pieces(void **state)
{
    (void)state;
    struct wtl_input *in = new_input();
    /* short line, hole of NULs longer than the buffer, short lines; and the lengths at the limit */
    const size_t holes[] = {WTL_LIMIT_LINE_BYTES - 1, WTL_LIMIT_LINE_BYTES, 3 << 20};
    for (size_t h = 0; h < 3; h++) {
        struct wtl_error err = {0};
        struct bytes text = {calloc(1, holes[h] + 64), 0};
        memcpy(text.p, "first\n", 6);
        text.n = 6 + holes[h];
        memcpy(text.p + text.n, "\nsecond\nlast", 12);
        text.n += 12;
        for (int c = WTL_PLAIN; c <= WTL_XZ; c++) {
            struct bytes file = packed((enum wtl_compression)c, text.p, text.n);
            assert_ok(wtl_input_open_memory(in, "x", file.p, file.n, false, &err), &err);
            struct gathered g = gather(in, &err);
            assert_ok(g.rc, &err);
            assert_int_equal(g.long_pieces > 0, holes[h] + 1 > WTL_LIMIT_LINE_BYTES);
            assert_same(g, text);
            free(file.p);
        }
        free(text.p);
    }
    wtl_input_free(in);
}

static void unread_gives_the_block_again(void **state)
{
    (void)state;
    struct wtl_input *in = new_input();
    struct wtl_error err = {0};
    const char *p = NULL;
    size_t n = 0;
    assert_ok(wtl_input_open_memory(in, "x", "a\nb\nc", 5, false, &err), &err);
    wtl_input_unread(in); /* nothing was read: nothing happens */
    assert_ok(wtl_input_next(in, &p, &n, &err), &err);
    assert_int_equal(n, 4);
    wtl_input_unread(in);
    assert_ok(wtl_input_next(in, &p, &n, &err), &err);
    assert_int_equal(n, 4);
    assert_memory_equal(p, "a\nb\n", 4);
    assert_ok(wtl_input_next(in, &p, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_ok(wtl_input_next(in, &p, &n, &err), &err);
    assert_int_equal(n, 0);
    wtl_input_free(in);
}

static void files_and_their_errors(void **state)
{
    (void)state;
    char dir[256], path[300];
    make_temporary_directory(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/t.csv", dir);
    struct bytes text = text_of(50000, 11);
    write_file(path, text.p, text.n);
    struct wtl_input *in = new_input();
    struct wtl_error err = {0};
    assert_ok(wtl_input_open(in, path, true, &err), &err);
    struct gathered g = gather(in, &err);
    assert_ok(g.rc, &err);
    assert_true(g.blocks > 1);
    assert_same(g, text);
    /* the hash of a file that was only begun */
    char hex[WTL_SHA256_HEX], want[WTL_SHA256_HEX];
    const char *p = NULL;
    size_t n = 99;
    assert_ok(wtl_input_open(in, path, true, &err), &err);
    assert_ok(wtl_input_next(in, &p, &n, &err), &err);
    assert_ok(wtl_input_sha256(in, hex, &err), &err);
    assert_ok(wtl_sha256(text.p, text.n, want, &err), &err);
    assert_string_equal(hex, want);
    assert_ok(wtl_input_next(in, &p, &n, &err), &err);
    assert_int_equal(n, 0);
    strcpy(hex, "untouched");
    assert_int_equal(wtl_input_sha256(in, hex, &err), -(int)WTL_USAGE);
    assert_string_equal(hex, "untouched");
    /* directories and absent files, outputs untouched */
    p = "untouched";
    n = 99;
    assert_int_equal(wtl_input_open(in, dir, false, &err), -(int)WTL_IO);
    assert_int_equal(wtl_input_open(in, "/nonexistent/x", false, &err), -(int)WTL_NOTFOUND);
    free(text.p);
    wtl_input_free(in);
    remove_tree(dir);
}

static void out_of_memory_at_every_step(void **state)
{
    (void)state;
    struct bytes text = text_of(3000, 2);
    for (int c = WTL_PLAIN; c <= WTL_XZ; c++) {
        struct bytes file = packed((enum wtl_compression)c, text.p, text.n);
        bool survived = false;
        for (long fail_at = 1; fail_at < 100 && !survived; fail_at++) {
            struct wtl_alloc_failing failing;
            struct wtl_input *in = NULL;
            struct wtl_error err = {0};
            int rc = wtl_input_new(wtl_alloc_failing(&failing, fail_at), &in, &err);
            if (rc == 0)
                rc = wtl_input_open_memory(in, "x", file.p, file.n, true, &err);
            if (rc == 0) {
                struct gathered g = gather(in, &err);
                rc = g.rc;
                if (rc == 0) {
                    assert_int_equal(g.n, text.n);
                    survived = true;
                }
                free(g.data);
            }
            assert_true(rc == 0 || rc == -(int)WTL_NOMEM);
            wtl_input_free(in); /* NULL when it could not be made */
        }
        assert_true(survived);
        free(file.p);
    }
    free(text.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_compression_gives_the_same_text),
        cmocka_unit_test(members_that_follow_one_another_are_one_text),
        cmocka_unit_test(truncated_streams_give_what_there_is_then_fail),
        cmocka_unit_test(damage_and_garbage_are_named),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(long_lines_come_in_marked_pieces),
        cmocka_unit_test(unread_gives_the_block_again),
        cmocka_unit_test(files_and_their_errors),
        cmocka_unit_test(out_of_memory_at_every_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
