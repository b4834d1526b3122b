/* SPDX-License-Identifier: Apache-2.0
 * What stands behind --shape; and shapes that were read are written and read as the same. */
#include "fuzz/fuzz.h"

#include "base/alloc.h"
#include "onnx/shape.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WTL_ARENA(arena);
    struct wtl_onnx_shape shape, again;
    struct wtl_error err = {0};
    char dims[WTL_ONNX_SHAPE_TEXT], text[WTL_LIMIT_NAME + WTL_ONNX_SHAPE_TEXT];
    const char *given = wtl_arena_strndup(&arena, (const char *)data, size);
    if (!given)
        return 0;
    if (wtl_onnx_shape_parse(given, &shape, &err) < 0) {
        fuzz_check(err.message[0] != '\0', "a refusal says why");
        return 0;
    }
    fuzz_check(shape.name[0] != '\0' && strlen(shape.name) < sizeof shape.name, "a name");
    fuzz_check(shape.rank >= 1 && shape.rank <= WTL_ONNX_RANK, "some dimensions");
    for (size_t i = 0; i < shape.rank; i++)
        fuzz_check(shape.dim[i] == WTL_ONNX_BATCH ||
                       (shape.dim[i] >= 1 && shape.dim[i] <= WTL_ONNX_DIM_MAX),
                   "dimensions within their limit");
    wtl_onnx_shape_format(shape.dim, shape.rank, dims);
    snprintf(text, sizeof text, "%s=%s", shape.name, dims);
    fuzz_check(wtl_onnx_shape_parse(text, &again, &err) == 0, "what is written can be read");
    fuzz_check(again.rank == shape.rank && strcmp(again.name, shape.name) == 0 &&
                   memcmp(again.dim, shape.dim, shape.rank * sizeof *shape.dim) == 0,
               "and is the same");
    return 0;
}
