/* SPDX-License-Identifier: Apache-2.0
 * What a model works on: dimensions that it leaves open are settled, and values drawn. */
#include "onnx/session.h"

#include "base/random.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* ---- Dimensions ------------------------------------------------------------------------------ */

/* `"input" Nx3x224x224, "mask" Nxsequence`, for messages. */
static const char *list_inputs(const struct wtl_onnx_session *s, char *buf, size_t size)
{
    size_t n = 0;
    buf[0] = '\0';
    for (size_t i = 0; i < s->n_inputs; i++) {
        const struct wtl_onnx_input *in = &s->input[i];
        for (size_t k = 0; k <= in->rank && n < size; k++)
            if (k == 0)
                n += (size_t)snprintf(buf + n, size - n, "%s%s ", i ? ", " : "", in->name);
            else if (in->dim[k - 1] >= 0)
                n += (size_t)snprintf(buf + n, size - n, "%s%lld", k > 1 ? "x" : "",
                                      (long long)in->dim[k - 1]);
            else
                n += (size_t)snprintf(buf + n, size - n, "%s%s", k > 1 ? "x" : "",
                                      *in->symbol[k - 1] ? in->symbol[k - 1] : "?");
    }
    return buf;
}

static int hint_inputs(const struct wtl_onnx_session *s, int rc, struct wtl_error *err)
{
    char text[WTL_ERROR_HINT_MAX - 40];
    list_inputs(s, text, sizeof text);
    wtl_replace_controls(text);
    wtl_error_hint(err, "the model's inputs: %s", text);
    return rc;
}

static int shape_input(const struct wtl_onnx_session *s, const struct wtl_onnx_shape *shape,
                       struct wtl_onnx_input *in, struct wtl_error *err)
{
    char text[WTL_ONNX_SHAPE_TEXT];
    bool fits = shape->rank == in->rank;
    for (size_t k = 0; fits && k < in->rank; k++)
        fits = shape->dim[k] == WTL_ONNX_BATCH ? k == 0
                                               : in->dim[k] < 0 || in->dim[k] == shape->dim[k];
    if (!fits)
        return hint_inputs(s,
                           WTL_FAIL(err, WTL_USAGE, "input \"%s\" cannot have the shape %s",
                                    in->name, wtl_onnx_shape_format(shape->dim, shape->rank, text)),
                           err);
    for (size_t k = 0; k < in->rank; k++)
        if (shape->dim[k] != WTL_ONNX_BATCH)
            in->dim[k] = shape->dim[k];
    return 0;
}

/* Of an input by its name, else of every open dimension of that name. */
static int apply_shape(struct wtl_onnx_session *s, const struct wtl_onnx_shape *shape,
                       struct wtl_error *err)
{
    int n = 0;
    for (size_t i = 0; i < s->n_inputs; i++)
        if (strcmp(s->input[i].name, shape->name) == 0)
            return shape_input(s, shape, &s->input[i], err);
    for (size_t i = 0; i < s->n_inputs; i++)
        for (size_t k = 0; k < s->input[i].rank; k++)
            if (shape->rank == 1 && shape->dim[0] > 0 && s->input[i].dim[k] < 0 &&
                strcmp(s->input[i].symbol[k], shape->name) == 0) {
                s->input[i].dim[k] = shape->dim[0];
                n++;
            }
    if (n > 0)
        return 0;
    return hint_inputs(s,
                       WTL_FAIL(err, WTL_USAGE,
                                shape->rank == 1
                                    ? "the model has no input and no open dimension \"%s\""
                                    : "the model has no input \"%s\"",
                                shape->name),
                       err);
}

static int settle_batch(struct wtl_onnx_session *s, int wanted, struct wtl_error *err)
{
    const struct wtl_onnx_input *first = &s->input[0];
    int64_t made_for = first->rank == 0 ? 1 : first->dim[0];
    if (made_for < 0) {
        s->fixed = false;
        s->batch = wanted > 0 ? wanted : 1;
        return 0;
    }
    if (made_for < 1 || made_for > INT32_MAX)
        return hint_inputs(s, WTL_FAIL(err, WTL_USAGE, "input \"%s\" is empty", first->name), err);
    s->fixed = true;
    s->batch = (int)made_for;
    if (wanted > 0 && wanted != s->batch) {
        int rc = WTL_FAIL(err, WTL_USAGE, "the model takes %d item%s at once, not %d", s->batch,
                          wtl_plural(s->batch), wanted);
        wtl_error_hint(err, "export it with an open first dimension (\"dynamic axes\"), or leave "
                            "--batch out");
        return rc;
    }
    return 0;
}

/* Whether the first dimension of `in` is the batch: open, and named as that of the first input. */
static bool is_batched(const struct wtl_onnx_session *s, const struct wtl_onnx_input *in)
{
    return !s->fixed && in->rank > 0 && in->dim[0] < 0 &&
           strcmp(in->symbol[0], s->input[0].symbol[0]) == 0;
}

static size_t element_bytes(int element)
{
    return element == ORT_INT64 || element == ORT_DOUBLE ? 8 : 4;
}

static int settle_dims(struct wtl_onnx_session *s, struct wtl_onnx_input *in, struct wtl_error *err)
{
    size_t bytes = element_bytes(in->element);
    in->batched = is_batched(s, in);
    for (size_t k = in->batched; k < in->rank; k++) {
        if (in->dim[k] < 0)
            return hint_inputs(s,
                               WTL_FAIL(err, WTL_USAGE,
                                        "dimension %zu%s%s of input \"%s\" is open: --shape "
                                        "settles it",
                                        k + 1, *in->symbol[k] ? ", " : "", in->symbol[k], in->name),
                               err);
        if (__builtin_mul_overflow(bytes, (size_t)in->dim[k], &bytes))
            bytes = WTL_ONNX_INPUT_BYTES + 1;
    }
    in->item_bytes = bytes;
    return 0;
}

/* ---- Values ---------------------------------------------------------------------------------- */

static int64_t draw_integer(const struct wtl_onnx_input *in, int64_t n_tokens, struct wtl_rng *rng)
{
    if (strstr(in->name, "mask"))
        return 1;
    if (strstr(in->name, "type"))
        return 0;
    return wtl_rng_below(rng, (uint32_t)n_tokens);
}

static void draw(const struct wtl_onnx_input *in, size_t n, int64_t n_tokens, struct wtl_rng *rng)
{
    float *f = in->data;
    double *d = in->data;
    int32_t *w = in->data;
    int64_t *l = in->data;
    for (size_t i = 0; i < n; i++)
        if (in->element == ORT_FLOAT)
            f[i] = (float)wtl_rng_normal(rng);
        else if (in->element == ORT_DOUBLE)
            d[i] = wtl_rng_normal(rng);
        else if (in->element == ORT_INT32)
            w[i] = (int32_t)draw_integer(in, n_tokens, rng);
        else
            l[i] = draw_integer(in, n_tokens, rng);
}

static int make_data(struct wtl_arena *arena, struct wtl_onnx_session *s,
                     const struct wtl_onnx_inputs *how, struct wtl_error *err)
{
    size_t total = 0;
    for (size_t i = 0; i < s->n_inputs; i++) {
        struct wtl_onnx_input *in = &s->input[i];
        struct wtl_rng rng;
        size_t bytes, n = in->batched ? (size_t)s->batch : 1;
        if (__builtin_mul_overflow(in->item_bytes, n, &bytes) ||
            __builtin_add_overflow(total, bytes, &total) || total > WTL_ONNX_INPUT_BYTES)
            return WTL_FAIL(err, WTL_LIMIT, "the inputs of one batch are larger than %zu GB",
                            WTL_ONNX_INPUT_BYTES >> 30);
        in->data = wtl_arena_alloc(arena, bytes, 1);
        if (!in->data)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory for %zu bytes of input", bytes);
        wtl_rng_init_stream(&rng, how->seed, i);
        draw(in, bytes / element_bytes(in->element), how->n_tokens, &rng);
    }
    return 0;
}

int wtl_onnx_session_shape(struct wtl_arena *arena, struct wtl_onnx_session *s,
                           const struct wtl_onnx_inputs *how, struct wtl_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < how->n_shapes && rc == 0; i++)
        rc = apply_shape(s, &how->shapes[i], err);
    if (rc == 0)
        rc = settle_batch(s, how->batch, err);
    for (size_t i = 0; i < s->n_inputs && rc == 0; i++)
        rc = settle_dims(s, &s->input[i], err);
    return rc < 0 ? rc : make_data(arena, s, how, err);
}
