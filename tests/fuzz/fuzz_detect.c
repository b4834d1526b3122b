/* SPDX-License-Identifier: Apache-2.0
 * Any bytes at all, as a file whose dialect is to be found out. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_trace(NULL, data, size);
    return 0;
}
