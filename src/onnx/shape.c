/* SPDX-License-Identifier: Apache-2.0
 * Shapes in words. */
#include "onnx/shape.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

static int fail(const char *text, struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_USAGE, "\"%s\" is no shape", text);
    wtl_error_hint(err, "a dimension by its name, \"sequence=128\", or an input by its name, "
                        "\"input=Nx3x224x224\" with N for the batch");
    return rc;
}

static bool parse_dim(const char *s, size_t n, int64_t *out)
{
    if (n == 1 && (*s == 'N' || *s == 'n')) {
        *out = WTL_ONNX_BATCH;
        return true;
    }
    return n > 0 && *s >= '0' && *s <= '9' && wtl_parse_int(s, n, out) && *out >= 1;
}

int wtl_onnx_shape_parse(const char *text, struct wtl_onnx_shape *out, struct wtl_error *err)
{
    struct wtl_onnx_shape shape = {.rank = 0};
    const char *equals = strrchr(text, '=');
    if (!equals || equals == text)
        return fail(text, err);
    if (!wtl_view_copy((struct wtl_view){text, (size_t)(equals - text)}, shape.name,
                       sizeof shape.name))
        return WTL_FAIL(err, WTL_LIMIT, "the name in \"%.40s...\" is longer than %zu bytes", text,
                        sizeof shape.name - 1);
    for (const char *p = equals + 1;; p++) {
        size_t n = strcspn(p, "xX");
        if (shape.rank == WTL_ONNX_RANK)
            return WTL_FAIL(err, WTL_LIMIT, "\"%s\" has more than %d dimensions", text,
                            WTL_ONNX_RANK);
        if (!parse_dim(p, n, &shape.dim[shape.rank]))
            return fail(text, err);
        if (shape.dim[shape.rank] > WTL_ONNX_DIM_MAX)
            return WTL_FAIL(err, WTL_LIMIT, "\"%s\": a dimension is at most %lld", text,
                            (long long)WTL_ONNX_DIM_MAX);
        shape.rank++;
        p += n;
        if (!*p)
            break;
    }
    *out = shape;
    return 0;
}

const char *wtl_onnx_shape_format(const int64_t *dim, size_t rank, char buf[WTL_ONNX_SHAPE_TEXT])
{
    size_t n = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < rank && n < WTL_ONNX_SHAPE_TEXT; i++) {
        const char *between = i ? "x" : "";
        if (dim[i] < 0)
            n += (size_t)snprintf(buf + n, WTL_ONNX_SHAPE_TEXT - n, "%sN", between);
        else
            n += (size_t)snprintf(buf + n, WTL_ONNX_SHAPE_TEXT - n, "%s%lld", between,
                                  (long long)dim[i]);
    }
    return buf;
}
