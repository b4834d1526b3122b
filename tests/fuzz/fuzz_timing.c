/* SPDX-License-Identifier: Apache-2.0
 * The reader of timing-summary, forced. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_trace("timing-summary", data, size);
    return 0;
}
