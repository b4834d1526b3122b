/* SPDX-License-Identifier: Apache-2.0
 *
 * Sizes that a model leaves open, as a person gives them:
 *
 *   sequence=128          a dimension by its name in the model
 *   input=Nx3x224x224     an input by its name, all dimensions; N is the batch
 */
#ifndef WTL_ONNX_SHAPE_H
#define WTL_ONNX_SHAPE_H

#include "base/error.h"
#include "base/limits.h"

#include <stddef.h>
#include <stdint.h>

enum { WTL_ONNX_RANK = 8 };

/* Stands for the batch in a shape. */
#define WTL_ONNX_BATCH INT64_C(-1)

/* The largest dimension: beyond a billion no buffer follows. */
#define WTL_ONNX_DIM_MAX INT64_C(1000000000)

struct wtl_onnx_shape {
    char name[WTL_LIMIT_NAME];
    size_t rank; /* at least 1 */
    int64_t dim[WTL_ONNX_RANK];
};

/* "NAME=DIMxDIM...". The name is all before the last '='. -WTL_USAGE, -WTL_LIMIT. */
int wtl_onnx_shape_parse(const char *text, struct wtl_onnx_shape *out, struct wtl_error *err);

/* "1x3x224x224"; "" for rank 0; a dimension below 0 is "N". Returns buf. */
enum { WTL_ONNX_SHAPE_TEXT = 200 };
const char *wtl_onnx_shape_format(const int64_t *dim, size_t rank, char buf[WTL_ONNX_SHAPE_TEXT]);

#endif
