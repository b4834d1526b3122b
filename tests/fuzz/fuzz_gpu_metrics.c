/* SPDX-License-Identifier: Apache-2.0
 * AMD's binary table: nothing is read beyond it, every value is finite and in its range. */
#include "fuzz/fuzz.h"

#include "device/amdgpu/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wtl_amdgpu_metrics m = {.format = 77};
    unsigned char *exact = malloc(size ? size : 1); /* so that a sanitizer sees its end */
    fuzz_check(exact != NULL, "memory");
    memcpy(exact, data, size);
    if (wtl_amdgpu_metrics(exact, size, &m)) {
        fuzz_check(m.format == 1 && m.content >= 1 && m.content <= 8, "a known revision");
        fuzz_check(isfinite(m.energy_j) && m.energy_j >= 0, "energy");
        fuzz_check(!m.has_gfx_util || (m.gfx_util >= 0 && m.gfx_util <= 1), "load");
        fuzz_check(!m.has_mem_util || (m.mem_util >= 0 && m.mem_util <= 1), "memory's load");
        fuzz_check(!m.has_power || m.power_w < 65535, "all ones is no power");
    }
    free(exact);
    return 0;
}
