/* SPDX-License-Identifier: Apache-2.0
 * Lines that programs send: what is taken is within its limits. */
#include "fuzz/fuzz.h"

#include "markers/line.h"

#include <math.h>
#include <string.h>

static struct wtl_marker_line line;

static void check_word(const char *word, size_t size)
{
    fuzz_check(memchr(word, '\0', size) != NULL, "a word ends");
    for (const char *p = word; *p; p++)
        fuzz_check((unsigned char)*p > 0x20 && *p != 0x7f, "a word can be shown");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= WTL_MARKER_LINE || memchr(data, '\n', size) || memchr(data, '\0', size))
        return 0;
    if (!wtl_marker_parse((const char *)data, size, &line))
        return 0;
    check_word(line.unit, sizeof line.unit);
    fuzz_check(line.n <= WTL_MARKER_SHARES, "no more than there is room for");
    fuzz_check(!line.has_work || (line.work >= 0 && isfinite(line.work)), "work");
    if (line.kind == WTL_MARKER_LATENCY)
        for (size_t i = 0; i < line.n; i++)
            fuzz_check(line.latencies_s[i] >= 0 && isfinite(line.latencies_s[i]), "latencies");
    if (line.kind == WTL_MARKER_LATENCY || line.kind == WTL_MARKER_READY)
        return 0;
    check_word(line.name, sizeof line.name);
    fuzz_check(line.name[0] != '\0', "a window has a name");
    for (size_t i = 0; i < line.n; i++) {
        check_word(line.request[i].id, sizeof line.request[i].id);
        fuzz_check(line.request[i].work >= 0, "work of a request");
    }
    return 0;
}
