/* SPDX-License-Identifier: Apache-2.0
 * The reader of nvidia-smi traces, forced. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_trace("nvidia-smi", data, size);
    return 0;
}
