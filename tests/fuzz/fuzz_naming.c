/* SPDX-License-Identifier: Apache-2.0
 * Patterns and a path, parted by a line "%%". Without that line: a path alone. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "trace/naming.h"

static void check(const struct wtl_naming *naming, const char *path)
{
    struct wtl_name_key key;
    if (!wtl_naming_match(naming, path, &key))
        return;
    fuzz_check(key.scheme && key.scheme[0], "a match names its scheme");
    fuzz_check(memchr(key.gpu, '\0', sizeof key.gpu) != NULL, "gpu is a string");
    fuzz_check(memchr(key.workload, '\0', sizeof key.workload) != NULL, "workload is a string");
    fuzz_check(key.rep >= 0 && key.seq >= 0 && key.clock_mhz >= 0, "numbers are not negative");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char mark[] = "\n%%\n";
    const uint8_t *at = size ? memmem(data, size, mark, 4) : NULL;
    size_t n = at ? (size_t)(at - data) + 1 : 0;
    WTL_ARENA(arena);
    char *path =
        wtl_arena_strndup(&arena, (const char *)data + n + (at ? 3 : 0), size - n - (at ? 3 : 0));
    if (!path)
        return 0;
    check(NULL, path);
    const struct wtl_naming *naming = NULL;
    struct wtl_error err = {0};
    if (at && wtl_naming_load(&arena, (const char *)data, n, "fuzz", &naming, &err) == 0)
        check(naming, path);
    return 0;
}
