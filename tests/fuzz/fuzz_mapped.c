/* SPDX-License-Identifier: Apache-2.0
 * A mapping and the file that it shall read, parted by a line "%%": loading, and the reader. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "trace/mapping.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char mark[] = "\n%%\n";
    const uint8_t *at = size ? memmem(data, size, mark, 4) : NULL;
    size_t n = at ? (size_t)(at - data) + 1 : size;
    WTL_ARENA(arena);
    const struct wtl_mapping *mapping = NULL;
    struct wtl_error err = {0};
    int rc = wtl_mapping_load(&arena, (const char *)data, n, "fuzz", &mapping, &err);
    fuzz_check((rc == 0) == (mapping != NULL), "a mapping comes exactly with success");
    fuzz_check(rc == 0 || err.message[0], "errors say why");
    if (rc != 0 || !at)
        return 0;
    struct wtl_name_key key;
    (void)wtl_mapping_constants(mapping, &key);
    struct wtl_trace_options options = {.reader = "mapped", .mapping = mapping};
    fuzz_trace_options(&options, at + 4, size - n - 3);
    options.reader = NULL;
    fuzz_trace_options(&options, at + 4, size - n - 3);
    return 0;
}
