/* SPDX-License-Identifier: Apache-2.0
 * KServe v2: what a model takes, and answers. Making the bodies: kserve_body.c. */
#include "load/kserve.h"

#include "codec/json.h"

#include <string.h>

static const char *const type_names[WTL_KSERVE_N_TYPES] = {
    "BOOL",  "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16",
    "INT32", "INT64", "FP16",   "FP32",   "FP64",   "BF16", "BYTES",
};

const char *wtl_kserve_type_name(enum wtl_kserve_type type)
{
    return type_names[type];
}

/* ---- metadata -------------------------------------------------------------------------------- */

static int parse_shape(const struct wtl_json *at, struct wtl_kserve_input *in,
                       struct wtl_error *err)
{
    struct wtl_json shape;
    int rc = wtl_json_array(at, "shape", &shape, err);
    if (rc < 0)
        return rc;
    size_t n = wtl_json_count(&shape);
    if (n > WTL_KSERVE_DIMS)
        return WTL_FAIL(err, WTL_LIMIT, "input \"%s\" has more than %d dimensions", in->name,
                        WTL_KSERVE_DIMS);
    for (size_t i = 0; i < n; i++) {
        struct wtl_json item = wtl_json_item(&shape, i);
        const json_t *v = item.value;
        bool text = json_is_string(v); /* some servers of gRPC's JSON write 64-bit numbers so */
        int64_t d = json_integer_value(v);
        const char *s = json_string_value(v);
        if ((!json_is_integer(v) && !(text && wtl_parse_int(s, strlen(s), &d))) || d < -1 ||
            d > WTL_EXCHANGE_REPLY)
            return wtl_json_fail(&item, err, "no dimension");
        in->dim[i] = d;
    }
    in->n_dims = (int)n;
    return 0;
}

static int parse_input(struct wtl_arena *arena, const struct wtl_json *at,
                       struct wtl_kserve_input *in, struct wtl_error *err)
{
    const char *name = NULL, *type = NULL;
    int rc = wtl_json_string(at, "name", &name, err);
    if (rc == 0)
        rc = wtl_json_string(at, "datatype", &type, err);
    if (rc < 0)
        return rc;
    int t = 0;
    while (t < (int)WTL_KSERVE_N_TYPES && strcmp(type_names[t], type) != 0)
        t++;
    if (t == (int)WTL_KSERVE_N_TYPES)
        return WTL_FAIL(err, WTL_UNSUPPORTED, "input \"%s\" is of type \"%s\", which is not known",
                        name, type);
    in->type = (enum wtl_kserve_type)t;
    in->name = wtl_arena_strdup(arena, name);
    return in->name ? parse_shape(at, in, err) : WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

static int parse_model(struct wtl_arena *arena, const struct wtl_json *at,
                       struct wtl_kserve_model *m, struct wtl_error *err)
{
    const char *name = NULL;
    struct wtl_json inputs;
    int rc = wtl_json_string(at, "name", &name, err);
    if (rc == 0)
        rc = wtl_json_array(at, "inputs", &inputs, err);
    if (rc < 0)
        return rc;
    size_t n = wtl_json_count(&inputs);
    if (n > WTL_KSERVE_INPUTS)
        return WTL_FAIL(err, WTL_LIMIT, "model \"%s\" has more than %d inputs", name,
                        WTL_KSERVE_INPUTS);
    if (n == 0)
        return wtl_json_fail(&inputs, err, "model \"%s\" has none", name);
    m->name = wtl_arena_strdup(arena, name);
    m->inputs = WTL_NEW_ARRAY(arena, struct wtl_kserve_input, n);
    if (!m->name || !m->inputs)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct wtl_json item = wtl_json_item(&inputs, i);
        rc = parse_input(arena, &item, &m->inputs[i], err);
    }
    m->n_inputs = (int)n;
    return rc;
}

int wtl_kserve_parse_model(struct wtl_arena *arena, const char *text, size_t n,
                           struct wtl_kserve_model *out, struct wtl_error *err)
{
    json_t *root = NULL;
    struct wtl_kserve_model m = {0};
    int rc = wtl_json_parse(text, n, "model metadata", &root, err);
    if (rc < 0)
        return rc;
    struct wtl_json at = wtl_json_root(root, "model metadata");
    rc = parse_model(arena, &at, &m, err);
    json_decref(root);
    if (rc == 0)
        *out = m;
    return rc;
}

bool wtl_kserve_has_binary(const char *text, size_t n)
{
    json_t *root = NULL;
    bool found = false;
    if (wtl_json_parse(text, n, "server metadata", &root, NULL) < 0)
        return false;
    const json_t *list = json_object_get(root, "extensions");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        found |= name && strcmp(name, "binary_tensor_data") == 0;
    }
    json_decref(root);
    return found;
}

/* ---- shapes ---------------------------------------------------------------------------------- */

static int wrong_shape(const char *text, struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_USAGE, "\"%s\" is no shape", text);
    wtl_error_hint(err, "NAME:3x224x224, every dimension from 1 to %d", WTL_EXCHANGE_REPLY);
    return rc;
}

int wtl_kserve_set_shape(struct wtl_kserve_model *model, const char *text, struct wtl_error *err)
{
    const char *colon = strrchr(text, ':'), *names[WTL_KSERVE_INPUTS];
    struct wtl_kserve_input shape = {0}, *in = NULL;
    if (!colon)
        return wrong_shape(text, err);
    for (int i = 0; i < model->n_inputs; i++) {
        names[i] = model->inputs[i].name;
        if (wtl_view_is((struct wtl_view){text, (size_t)(colon - text)}, names[i]))
            in = &model->inputs[i];
    }
    if (!in) {
        int rc = WTL_FAIL(err, WTL_NOTFOUND, "model \"%s\" has no input \"%.*s\"", model->name,
                          (int)(colon - text), text);
        wtl_error_hint(err, "its first is \"%s\"", names[0]);
        return rc;
    }
    for (const char *at = colon + 1; at;) {
        const char *x = strchr(at, 'x');
        int64_t d;
        if (!wtl_parse_int(at, x ? (size_t)(x - at) : strlen(at), &d) || d < 1 ||
            d > WTL_EXCHANGE_REPLY || shape.n_dims == WTL_KSERVE_DIMS)
            return wrong_shape(text, err);
        shape.dim[shape.n_dims++] = d;
        at = x ? x + 1 : NULL;
    }
    if (shape.n_dims != in->n_dims)
        return WTL_FAIL(err, WTL_USAGE, "input \"%s\" has %d dimension%s, and \"%s\" %d", in->name,
                        in->n_dims, wtl_plural(in->n_dims), colon + 1, shape.n_dims);
    memcpy(in->dim, shape.dim, sizeof in->dim);
    return 0;
}

int wtl_kserve_set_batch(struct wtl_kserve_model *model, int batch, struct wtl_error *err)
{
    bool placed = false;
    for (int i = 0; i < model->n_inputs; i++) {
        struct wtl_kserve_input *in = &model->inputs[i];
        if (in->n_dims > 0 && in->dim[0] == -1)
            in->dim[0] = batch;
        placed |= in->n_dims > 0 && in->dim[0] == batch;
        for (int d = 0; d < in->n_dims; d++)
            if (in->dim[d] == -1) {
                int rc =
                    WTL_FAIL(err, WTL_USAGE, "dimension %d of input \"%s\" may be any: say which",
                             d + 1, in->name);
                wtl_error_hint(err, "--shape %s:...", in->name);
                return rc;
            }
    }
    if (batch > 1 && !placed)
        return WTL_FAIL(err, WTL_USAGE,
                        "model \"%s\" takes no batch of %d: the first dimension of its inputs is "
                        "fixed",
                        model->name, batch);
    return 0;
}

/* ---- requests and answers -------------------------------------------------------------------- */

static int take_body(void *ctx, struct wtl_exchange *x, struct wtl_error *err)
{
    const struct wtl_kserve *k = ctx;
    const struct wtl_kserve_body *body = &k->bodies[x->number % k->n];
    (void)err;
    x->body = body->data;
    x->body_size = body->size;
    x->body_json_size = body->json_size;
    return 0;
}

static void take_answer(void *ctx, struct wtl_exchange *x, const char *bytes, size_t n)
{
    (void)ctx;
    wtl_exchange_keep(x, bytes, n);
}

/* Bytes behind the JSON that the outputs say there are; -1: they do not make sense. */
static int64_t binary_bytes(const json_t *outputs)
{
    int64_t sum = 0;
    for (size_t i = 0; i < json_array_size(outputs); i++) {
        const json_t *parameters = json_object_get(json_array_get(outputs, i), "parameters");
        int64_t n = json_integer_value(json_object_get(parameters, "binary_data_size"));
        if (n < 0 || n > WTL_EXCHANGE_REPLY)
            return -1;
        sum += n;
    }
    return sum;
}

static void look_at_answer(struct wtl_exchange *x, const json_t *root, size_t behind)
{
    const json_t *outputs = json_object_get(root, "outputs");
    const char *error = json_string_value(json_object_get(root, "error"));
    if (error)
        wtl_exchange_end(x, WTL_OUTCOME_ERROR, "%s", *error ? error : "error without a message");
    else if (!json_is_array(outputs))
        wtl_exchange_end(x, WTL_OUTCOME_WRONG, "the answer has no \"outputs\"");
    else if (binary_bytes(outputs) != (int64_t)behind)
        wtl_exchange_end(x, WTL_OUTCOME_WRONG,
                         "%zu bytes behind the JSON are not the %lld that its outputs have", behind,
                         (long long)binary_bytes(outputs));
}

static void end_answer(void *ctx, struct wtl_exchange *x)
{
    json_t *root = NULL;
    struct wtl_error err = {0};
    size_t n = x->reply.len, json = n;
    (void)ctx;
    if (x->reply_json_size >= 0 && (uint64_t)x->reply_json_size <= n)
        json = (size_t)x->reply_json_size;
    else if (x->reply_json_size >= 0)
        wtl_exchange_end(x, WTL_OUTCOME_WRONG, "JSON of %lld bytes in an answer of %zu",
                         (long long)x->reply_json_size, n);
    else if (!wtl_exchange_expect_type(x, "application/json"))
        return;
    if (x->outcome == WTL_OUTCOME_OK) {
        int rc = wtl_json_parse(wtl_buf_str(&x->reply), json, "answer", &root, &err);
        if (rc < 0)
            wtl_exchange_end(x, rc == -WTL_NOMEM ? WTL_OUTCOME_MEMORY : WTL_OUTCOME_WRONG, "%.150s",
                             err.message);
    }
    if (x->outcome == WTL_OUTCOME_OK)
        look_at_answer(x, root, n - json);
    json_decref(root);
}

struct wtl_dialect wtl_kserve_dialect(struct wtl_kserve *k)
{
    return (struct wtl_dialect){
        .ctx = k, .request = take_body, .data = take_answer, .end = end_answer};
}

/* Appends a part of a path, every byte but letters, digits and "-._~" as %XX (RFC 3986, 2.3). */
static void put_escaped(struct wtl_buf *out, const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~", c);
        if (plain)
            wtl_buf_putc(out, (char)c);
        else
            wtl_buf_printf(out, "%%%02X", c);
    }
}

char *wtl_kserve_path(struct wtl_arena *arena, const char *model, const char *version,
                      const char *rest)
{
    struct wtl_buf b;
    wtl_buf_init(&b, wtl_alloc_system(), 1 << 16);
    wtl_buf_puts(&b, "/v2/models/");
    put_escaped(&b, model);
    if (version) {
        wtl_buf_puts(&b, "/versions/");
        put_escaped(&b, version);
    }
    wtl_buf_puts(&b, rest);
    char *path = b.failed ? NULL : wtl_arena_strndup(arena, b.data, b.len);
    wtl_buf_fini(&b);
    return path;
}
