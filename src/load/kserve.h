/* SPDX-License-Identifier: Apache-2.0
 *
 * The KServe v2 inference protocol (github.com/kserve/open-inference-protocol) over HTTP, as
 * Triton, KServe, Seldon and OpenVINO serve it: inputs made up from what the model's metadata say,
 * in JSON or, where the server has the extension "binary_tensor_data" (Triton, "Binary Tensor Data
 * Extension"), as bytes behind the JSON.
 */
#ifndef WTL_LOAD_KSERVE_H
#define WTL_LOAD_KSERVE_H

#include "load/exchange.h"

#include "base/alloc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WTL_KSERVE_DIMS = 16, WTL_KSERVE_INPUTS = 256 };

/* BOOL UINT8 ... BF16 BYTES, as the protocol names them. */
enum wtl_kserve_type {
    WTL_KSERVE_BOOL,
    WTL_KSERVE_UINT8,
    WTL_KSERVE_UINT16,
    WTL_KSERVE_UINT32,
    WTL_KSERVE_UINT64,
    WTL_KSERVE_INT8,
    WTL_KSERVE_INT16,
    WTL_KSERVE_INT32,
    WTL_KSERVE_INT64,
    WTL_KSERVE_FP16,
    WTL_KSERVE_FP32,
    WTL_KSERVE_FP64,
    WTL_KSERVE_BF16,
    WTL_KSERVE_BYTES,
    WTL_KSERVE_N_TYPES
};

const char *wtl_kserve_type_name(enum wtl_kserve_type type);

struct wtl_kserve_input {
    const char *name;
    enum wtl_kserve_type type;
    int n_dims;
    int64_t dim[WTL_KSERVE_DIMS]; /* -1: any */
};

struct wtl_kserve_model {
    const char *name;
    int n_inputs;
    struct wtl_kserve_input *inputs;
};

/* The answer to GET /v2/models/MODEL. -WTL_PARSE, -WTL_UNSUPPORTED (a data type that is not known),
 * -WTL_LIMIT. */
int wtl_kserve_parse_model(struct wtl_arena *arena, const char *text, size_t n,
                           struct wtl_kserve_model *out, struct wtl_error *err);

/* Whether the answer to GET /v2 lists the extension. */
bool wtl_kserve_has_binary(const char *text, size_t n);

/* Sets the shape of an input, "NAME:3x224x224", whatever the metadata say of it: -WTL_USAGE where
 * the text or the number of dimensions is wrong, -WTL_NOTFOUND for a name that the model has not.
 */
int wtl_kserve_set_shape(struct wtl_kserve_model *model, const char *text, struct wtl_error *err);

/* Makes `batch` the first dimension of every input whose first may be any. -WTL_USAGE where one
 * that cannot be guessed is left, or a batch above 1 has no place in any. */
int wtl_kserve_set_batch(struct wtl_kserve_model *model, int batch, struct wtl_error *err);

/* Bodies of requests, made once and sent by turns. */
struct wtl_kserve_body {
    char *data;
    size_t size;
    size_t json_size; /* 0: all of it is JSON */
};

struct wtl_kserve {
    struct wtl_kserve_body *bodies;
    size_t n;
    bool binary;
};

/* Makes `n` bodies with random values: numbers with a fraction uniform in [0, 1) in steps of
 * 0.0001, whole ones in 0..99, BOOL 0 or 1, BYTES one word. -WTL_UNSUPPORTED: FP16 and BF16
 * have no JSON. -WTL_LIMIT: more than WTL_EXCHANGE_REPLY bytes in all. */
int wtl_kserve_make(struct wtl_arena *arena, const struct wtl_kserve_model *model, bool binary,
                    size_t n, uint64_t seed, struct wtl_kserve *out, struct wtl_error *err);

/* `k` must outlive it. */
struct wtl_dialect wtl_kserve_dialect(struct wtl_kserve *k);

/* "/v2/models/MODEL[/versions/VERSION]" + rest, names escaped for a URL. NULL: no memory. */
char *wtl_kserve_path(struct wtl_arena *arena, const char *model, const char *version,
                      const char *rest);

#endif
