/* SPDX-License-Identifier: Apache-2.0
 * Decompression and cutting into lines. The text of a plain file must come out as it is, in blocks
 * of whole lines. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/limits.h"
#include "codec/input.h"

static void check_block(const char *p, size_t n, bool long_line, bool last)
{
    fuzz_check(long_line || last || p[n - 1] == '\n', "blocks end with lines");
    if (long_line)
        fuzz_check(memchr(p, '\n', n - 1) == NULL, "a piece holds one line");
    for (size_t at = 0; !long_line && at < n;) {
        const char *newline = memchr(p + at, '\n', n - at);
        size_t length = newline ? (size_t)(newline - p) + 1 - at : n - at;
        fuzz_check(length <= WTL_LIMIT_LINE_BYTES, "lines are within the limit");
        at += length;
    }
    unsigned sum = 0;
    for (int i = 0; i < WTL_INPUT_MARGIN; i++)
        sum += (unsigned char)p[n + (size_t)i];
    fuzz_check(sum <= 255 * WTL_INPUT_MARGIN, "the margin can be read");
}

static int read_blocks(struct wtl_input *in, const uint8_t *data, size_t size,
                       struct wtl_error *err)
{
    size_t total = 0;
    bool ended = false; /* an unterminated line must be the last */
    for (;;) {
        const char *p = NULL;
        size_t n = 0;
        int rc = wtl_input_next(in, &p, &n, err);
        if (rc != 0 || n == 0)
            return rc;
        fuzz_check(!ended, "nothing follows an unterminated line");
        bool long_line = wtl_input_in_long_line(in);
        ended = !long_line && p[n - 1] != '\n';
        check_block(p, n, long_line, ended);
        if (wtl_input_compression(in) == WTL_PLAIN)
            fuzz_check(total + n <= size && memcmp(p, data + total, n) == 0, "plain text is kept");
        total += n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wtl_input *in; /* one for all inputs: states must not leak from file to file */
    struct wtl_error err = {0};
    if (!in && wtl_input_new(wtl_alloc_system(), &in, &err) != 0)
        return 0;
    int rc = wtl_input_open_memory(in, "fuzz", data, size, true, &err);
    if (rc == 0)
        rc = read_blocks(in, data, size, &err);
    fuzz_check(rc == 0 || err.message[0], "errors say why");
    char hex[WTL_SHA256_HEX], want[WTL_SHA256_HEX];
    if (rc == 0 && wtl_input_sha256(in, hex, &err) == 0 && wtl_sha256(data, size, want, &err) == 0)
        fuzz_check(strcmp(hex, want) == 0, "the hash is of the bytes on disk");
    return 0;
}
