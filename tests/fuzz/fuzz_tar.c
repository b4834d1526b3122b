/* SPDX-License-Identifier: Apache-2.0
 * Archives of machines: every entry lies within the bytes and leads nowhere else. */
#include "fuzz/fuzz.h"

#include "codec/tar.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wtl_tar_entry e;
    struct wtl_error err = {0};
    size_t at = 0;
    int rc;
    for (int i = 0; (rc = wtl_tar_next(data, size, &at, &e, &err)) == 1; i++) {
        fuzz_check(e.data >= data && e.n <= size && e.data + e.n <= data + size, "within");
        fuzz_check(e.path[0] && e.path[0] != '/' && !strstr(e.path, "/../"), "a path below");
        fuzz_check(i <= (int)(size / 512), "it ends");
    }
    fuzz_check(rc == 0 || err.message[0], "errors say why");
    return 0;
}
