/* SPDX-License-Identifier: Apache-2.0
 * Bodies of KServe requests: random tensors as JSON, or as bytes behind it. */
#include "load/kserve.h"

#include "base/random.h"
#include "codec/json.h"
#include "load/words.h"

#include <stdio.h>
#include <string.h>

/* Bytes of one element; 0: BYTES, each of its own length. */
static unsigned type_size(enum wtl_kserve_type t)
{
    static const unsigned char sizes[WTL_KSERVE_N_TYPES] = {1, 1, 2, 4, 8, 1, 2,
                                                            4, 8, 2, 4, 8, 2, 0};
    return sizes[t];
}

static bool is_float(enum wtl_kserve_type t)
{
    return t == WTL_KSERVE_FP16 || t == WTL_KSERVE_FP32 || t == WTL_KSERVE_FP64 ||
           t == WTL_KSERVE_BF16;
}

static int64_t elements(const struct wtl_kserve_input *in)
{
    int64_t n = 1;
    for (int d = 0; d < in->n_dims; d++)
        if (__builtin_mul_overflow(n, in->dim[d], &n) || n > WTL_EXCHANGE_REPLY)
            return WTL_EXCHANGE_REPLY + 1;
    return n;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* The bits of v, 0 <= v < 1, in the type. Half precision is cut off, and 0 below 2^-14. */
static uint64_t float_bits(enum wtl_kserve_type t, double v)
{
    float f = (float)v;
    uint32_t single;
    uint64_t bits;
    memcpy(&single, &f, sizeof single);
    memcpy(&bits, &v, sizeof bits);
    if (t == WTL_KSERVE_FP64)
        return bits;
    if (t == WTL_KSERVE_FP32)
        return single;
    if (t == WTL_KSERVE_BF16)
        return single >> 16;
    uint32_t exponent = single >> 23; /* no sign */
    return exponent <= 112 ? 0 : (exponent - 112) << 10 | (single >> 13 & 0x3ff);
}

static void put_little_endian(struct wtl_buf *out, uint64_t bits, unsigned size)
{
    char bytes[8];
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (char)(bits >> (8 * i) & 0xff);
    wtl_buf_add(out, bytes, size);
}

static void put_binary(struct wtl_buf *out, enum wtl_kserve_type t, struct wtl_rng *rng)
{
    if (t == WTL_KSERVE_BYTES) {
        const char *word = wtl_word(rng);
        put_little_endian(out, strlen(word), 4);
        wtl_buf_puts(out, word);
    } else if (is_float(t)) {
        put_little_endian(out, float_bits(t, wtl_rng_below(rng, 10000) / 1e4), type_size(t));
    } else {
        put_little_endian(out, wtl_rng_below(rng, t == WTL_KSERVE_BOOL ? 2 : 100), type_size(t));
    }
}

static void put_json(struct wtl_buf *out, enum wtl_kserve_type t, struct wtl_rng *rng)
{
    if (t == WTL_KSERVE_BYTES)
        wtl_buf_printf(out, "\"%s\"", wtl_word(rng));
    else if (t == WTL_KSERVE_BOOL)
        wtl_buf_puts(out, wtl_rng_below(rng, 2) ? "true" : "false");
    else if (is_float(t))
        wtl_buf_printf(out, "0.%04u", wtl_rng_below(rng, 10000));
    else
        wtl_buf_printf(out, "%u", wtl_rng_below(rng, 100));
}

/* ---- a body ---------------------------------------------------------------------------------- */

/* {"name": ..., "datatype": ..., "shape": [...], without the end. */
static void put_input_head(struct wtl_buf *out, const struct wtl_kserve_input *in)
{
    json_t *shape = json_array();
    for (int d = 0; d < in->n_dims; d++)
        wtl_json_add(&shape, json_integer(in->dim[d]));
    json_t *head = json_pack("{s:o, s:s, s:o}", "name", wtl_json_text(in->name), "datatype",
                             wtl_kserve_type_name(in->type), "shape", shape);
    if (head && wtl_json_write_line(head, out))
        out->data[--out->len] = '\0';
    else
        out->failed = true;
    json_decref(head);
}

static void put_input(struct wtl_buf *json, struct wtl_buf *binary, bool as_binary,
                      const struct wtl_kserve_input *in, struct wtl_rng *rng)
{
    int64_t n = elements(in);
    size_t before = binary->len;
    put_input_head(json, in);
    if (!as_binary)
        wtl_buf_puts(json, ", \"data\": [");
    for (int64_t i = 0; i < n && !json->failed && !binary->failed; i++) {
        if (as_binary) {
            put_binary(binary, in->type, rng);
        } else {
            wtl_buf_puts(json, i ? "," : "");
            put_json(json, in->type, rng);
        }
    }
    if (as_binary)
        wtl_buf_printf(json, ", \"parameters\": {\"binary_data_size\": %zu}}",
                       binary->len - before);
    else
        wtl_buf_puts(json, "]}");
}

static void put_body(struct wtl_buf *json, struct wtl_buf *binary, bool as_binary,
                     const struct wtl_kserve_model *model, struct wtl_rng *rng)
{
    wtl_buf_puts(json, "{");
    if (as_binary)
        wtl_buf_puts(json, "\"parameters\": {\"binary_data_output\": true}, ");
    wtl_buf_puts(json, "\"inputs\": [");
    for (int i = 0; i < model->n_inputs; i++) {
        wtl_buf_puts(json, i ? ", " : "");
        put_input(json, binary, as_binary, &model->inputs[i], rng);
    }
    wtl_buf_puts(json, "]}");
}

static int make_body(struct wtl_arena *arena, const struct wtl_kserve_model *model, bool as_binary,
                     struct wtl_rng *rng, size_t room, struct wtl_kserve_body *out,
                     struct wtl_error *err)
{
    struct wtl_buf json, binary;
    int rc = 0;
    wtl_buf_init(&json, wtl_alloc_system(), room);
    wtl_buf_init(&binary, wtl_alloc_system(), room);
    put_body(&json, &binary, as_binary, model, rng);
    size_t json_size = json.len;
    wtl_buf_add(&json, wtl_buf_str(&binary), binary.len);
    char *data = json.failed || binary.failed ? NULL : wtl_arena_memdup(arena, json.data, json.len);
    if (data)
        *out = (struct wtl_kserve_body){data, json.len, as_binary ? json_size : 0};
    else
        rc =
            WTL_FAIL(err, WTL_LIMIT, "a request for \"%s\" is larger than the %d MiB that there is",
                     model->name, WTL_EXCHANGE_REPLY >> 20);
    wtl_buf_fini(&json);
    wtl_buf_fini(&binary);
    return rc;
}

int wtl_kserve_make(struct wtl_arena *arena, const struct wtl_kserve_model *model, bool binary,
                    size_t n, uint64_t seed, struct wtl_kserve *out, struct wtl_error *err)
{
    size_t used = 0;
    struct wtl_rng rng;
    struct wtl_kserve_body *bodies = WTL_NEW_ARRAY(arena, struct wtl_kserve_body, n);
    if (!bodies)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (int i = 0; i < model->n_inputs && !binary; i++) {
        const struct wtl_kserve_input *in = &model->inputs[i];
        if (in->type == WTL_KSERVE_FP16 || in->type == WTL_KSERVE_BF16)
            return WTL_FAIL(err, WTL_UNSUPPORTED,
                            "input \"%s\" is of type %s, which only the extension for binary "
                            "tensors can carry",
                            in->name, wtl_kserve_type_name(in->type));
    }
    wtl_rng_init(&rng, seed);
    for (size_t i = 0; i < n; i++) {
        int rc = make_body(arena, model, binary, &rng, WTL_EXCHANGE_REPLY - used, &bodies[i], err);
        if (rc < 0)
            return rc;
        used += bodies[i].size;
    }
    *out = (struct wtl_kserve){.bodies = bodies, .n = n, .binary = binary};
    return 0;
}
