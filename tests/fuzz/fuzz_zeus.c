/* SPDX-License-Identifier: Apache-2.0
 * The reader of zeus, forced. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_trace("zeus", data, size);
    return 0;
}
