/* SPDX-License-Identifier: Apache-2.0
 * KServe v2 without a network: metadata, shapes, bodies in both forms, answers. */
#include "support/support.h"

#include "codec/json.h"
#include "load/kserve.h"

#include <math.h>
#include <string.h>

static const char metadata[] =
    "{\"name\": \"resnet\", \"platform\": \"onnx\", \"inputs\": ["
    "{\"name\": \"image\", \"datatype\": \"FP32\", \"shape\": [-1, 3, 2, 2]},"
    "{\"name\": \"ids\", \"datatype\": \"INT64\", \"shape\": [\"-1\", 4]},"
    "{\"name\": \"words\", \"datatype\": \"BYTES\", \"shape\": [1]},"
    "{\"name\": \"flag\", \"datatype\": \"BOOL\", \"shape\": []}], \"outputs\": []}";

static int parse(struct wtl_arena *arena, const char *text, struct wtl_kserve_model *m,
                 struct wtl_error *err)
{
    return wtl_kserve_parse_model(arena, text, strlen(text), m, err);
}

static void metadata_are_read(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_kserve_model m = {0};
    assert_ok(parse(&arena, metadata, &m, &err), &err);
    assert_string_equal(m.name, "resnet");
    assert_int_equal(m.n_inputs, 4);
    assert_true(m.inputs[0].n_dims == 4 && m.inputs[0].dim[0] == -1 && m.inputs[0].dim[1] == 3);
    assert_true(m.inputs[1].type == WTL_KSERVE_INT64 && m.inputs[1].dim[0] == -1);
    assert_true(m.inputs[3].type == WTL_KSERVE_BOOL && m.inputs[3].n_dims == 0);
    static const char has[] = "{\"extensions\": [\"x\", \"binary_tensor_data\"]}";
    static const char not [] = "{\"extensions\": [\"x\", 5]}";
    assert_true(wtl_kserve_has_binary(has, strlen(has)));
    assert_false(wtl_kserve_has_binary(not, strlen(not )));
    assert_false(wtl_kserve_has_binary(has, strlen(has) - 1));
    assert_false(wtl_kserve_has_binary("[]", 2));
}

static void wrong_metadata_are_refused(void **state)
{
    (void)state;
#define INPUT(x) "{\"name\": \"m\", \"inputs\": [{\"name\": \"i\", " x "}]}"
    static const struct {
        const char *text;
        enum wtl_code code;
        const char *message;
    } cases[] = {
        {"", WTL_PARSE, "JSON"},
        {"[]", WTL_PARSE, ""},
        {"{\"name\": \"m\"}", WTL_PARSE, "inputs"},
        {"{\"name\": \"m\", \"inputs\": []}", WTL_PARSE, "none"},
        {"{\"name\": \"m\", \"inputs\": [5]}", WTL_PARSE, ""},
        {INPUT("\"datatype\": \"FP32\""), WTL_PARSE, "shape"},
        {INPUT("\"datatype\": \"FP8\", \"shape\": [1]"), WTL_UNSUPPORTED, "FP8"},
        {INPUT("\"datatype\": \"FP32\", \"shape\": [1.5]"), WTL_PARSE, "dimension"},
        {INPUT("\"datatype\": \"FP32\", \"shape\": [-2]"), WTL_PARSE, "dimension"},
        {INPUT("\"datatype\": \"FP32\", \"shape\": [9999999999]"), WTL_PARSE, "dimension"},
        {INPUT("\"datatype\": \"FP32\", \"shape\": [\"x\"]"), WTL_PARSE, "dimension"},
        {INPUT("\"datatype\": \"FP32\", \"shape\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"), WTL_LIMIT,
         "16 dimensions"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        struct wtl_kserve_model m = {.n_inputs = 4711};
        assert_int_equal(parse(&arena, cases[i].text, &m, &err), -(int)cases[i].code);
        assert_non_null(strstr(err.message, cases[i].message));
        assert_int_equal(m.n_inputs, 4711);
    }
}

static void shapes_and_batches(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_kserve_model m = {0};
    static const char open[] = "{\"name\": \"m\", \"inputs\": [{\"name\": \"a:b\", \"datatype\": "
                               "\"FP32\", \"shape\": [-1, -1, 3]}]}";
    assert_ok(parse(&arena, open, &m, &err), &err);
    assert_int_equal(wtl_kserve_set_batch(&m, 8, &err), -WTL_USAGE);
    assert_non_null(strstr(err.hint, "--shape a:b:"));
    assert_ok(parse(&arena, open, &m, &err), &err);
    static const char *const wrong[] = {"a:b",      "a:b:",      "a:b:1x2",     "a:b:1x2x0",
                                        "a:b:1x2x", "a:b:1xyx3", "a:b:1x2x3x4", "a:b:-1x2x3"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_true(wtl_kserve_set_shape(&m, wrong[i], &err) < 0 && m.inputs[0].dim[1] == -1);
    assert_int_equal(wtl_kserve_set_shape(&m, "c:1x2x3", &err), -WTL_NOTFOUND);
    assert_ok(wtl_kserve_set_shape(&m, "a:b:8x20x3", &err), &err);
    assert_ok(wtl_kserve_set_batch(&m, 8, &err), &err);
    assert_true(m.inputs[0].dim[0] == 8 && m.inputs[0].dim[1] == 20);
    /* Its first dimension is 8 now, and no other batch has a place. */
    assert_ok(wtl_kserve_set_batch(&m, 1, &err), &err);
    assert_int_equal(wtl_kserve_set_batch(&m, 4, &err), -WTL_USAGE);
}

static struct wtl_kserve make(struct wtl_arena *arena, bool binary, size_t n, uint64_t seed)
{
    struct wtl_error err = {0};
    struct wtl_kserve_model m = {0};
    struct wtl_kserve k;
    assert_ok(parse(arena, metadata, &m, &err), &err);
    assert_ok(wtl_kserve_set_batch(&m, 2, &err), &err);
    assert_ok(wtl_kserve_make(arena, &m, binary, n, seed, &k, &err), &err);
    assert_int_equal(k.n, n);
    return k;
}

static void bodies_in_json(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_kserve k = make(&arena, false, 3, 1), again = make(&arena, false, 3, 1);
    struct wtl_error err = {0};
    json_t *root = NULL;
    assert_int_equal(k.bodies[0].json_size, 0);
    assert_memory_equal(k.bodies[1].data, again.bodies[1].data, k.bodies[1].size);
    assert_true(k.bodies[0].size != k.bodies[1].size ||
                memcmp(k.bodies[0].data, k.bodies[1].data, k.bodies[0].size) != 0);
    assert_ok(wtl_json_parse(k.bodies[0].data, k.bodies[0].size, "body", &root, &err), &err);
    const json_t *inputs = json_object_get(root, "inputs");
    static const size_t elements[] = {24, 8, 1, 1};
    for (size_t i = 0; i < 4; i++) {
        const json_t *data = json_object_get(json_array_get(inputs, i), "data");
        assert_int_equal(json_array_size(data), elements[i]);
        for (size_t e = 0; e < elements[i]; e++) {
            const json_t *v = json_array_get(data, e);
            assert_true(i == 0
                            ? json_is_real(v) && json_real_value(v) >= 0 && json_real_value(v) < 1
                        : i == 1 ? json_is_integer(v) && json_integer_value(v) < 100
                        : i == 2 ? json_is_string(v)
                                 : json_is_boolean(v));
        }
    }
    const json_t *shape = json_object_get(json_array_get(inputs, 0), "shape");
    assert_int_equal(json_integer_value(json_array_get(shape, 0)), 2);
    json_decref(root);
}

static void bodies_with_bytes(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_kserve k = make(&arena, true, 1, 1);
    const struct wtl_kserve_body *b = &k.bodies[0];
    struct wtl_error err = {0};
    json_t *root = NULL;
    size_t told = 0;
    assert_ok(wtl_json_parse(b->data, b->json_size, "head", &root, &err), &err);
    const json_t *inputs = json_object_get(root, "inputs");
    for (size_t i = 0; i < 4; i++) {
        const json_t *p = json_object_get(json_array_get(inputs, i), "parameters");
        told += (size_t)json_integer_value(json_object_get(p, "binary_data_size"));
        assert_null(json_object_get(json_array_get(inputs, i), "data"));
    }
    assert_int_equal(b->json_size + told, b->size);
    json_decref(root);
    for (int i = 0; i < 24; i++) {
        float f;
        memcpy(&f, b->data + b->json_size + 4 * i, 4);
        assert_true(f >= 0 && f < 1 && fabs((double)f * 1e4 - round((double)f * 1e4)) < 1e-2);
    }
    /* A word behind its length, after 24 floats and 8 integers; one byte of BOOL is the last. */
    size_t length = b->size - b->json_size - 24 * 4 - 8 * 8 - 4 - 1;
    assert_in_range(length, 1, 8);
    assert_int_equal((unsigned char)b->data[b->json_size + 24 * 4 + 8 * 8], length);
}

/* The bytes of half precision against values that are known exactly (IEEE 754, bfloat16). */
static void half_precision(void **state)
{
    (void)state;
    static const char *const types[] = {"FP16", "BF16"};
    for (int t = 0; t < 2; t++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        struct wtl_kserve_model m = {0};
        struct wtl_kserve half, full;
        char text[200];
        (void)snprintf(text, sizeof text,
                       "{\"name\": \"m\", \"inputs\": [{\"name\": \"i\", \"datatype\": \"%s\", "
                       "\"shape\": [1000]}]}",
                       types[t]);
        assert_ok(parse(&arena, text, &m, &err), &err);
        assert_int_equal(wtl_kserve_make(&arena, &m, false, 1, 1, &half, &err), -WTL_UNSUPPORTED);
        assert_ok(wtl_kserve_make(&arena, &m, true, 1, 1, &half, &err), &err);
        m.inputs[0].type = WTL_KSERVE_FP64;
        assert_ok(wtl_kserve_make(&arena, &m, true, 1, 1, &full, &err), &err);
        for (size_t i = 0; i < 1000; i++) {
            double want;
            memcpy(&want, full.bodies[0].data + full.bodies[0].json_size + 8 * i, 8);
            const unsigned char *h =
                (const unsigned char *)half.bodies[0].data + half.bodies[0].json_size + 2 * i;
            unsigned bits = h[0] | (unsigned)h[1] << 8;
            int fraction = t == 0 ? 10 : 7, bias = t == 0 ? 15 : 127;
            int exponent = (int)(bits >> fraction);
            double got = bits == 0
                             ? 0
                             : ldexp(1 + (double)(bits & ((1u << fraction) - 1)) / (1 << fraction),
                                     exponent - bias);
            assert_true(got <= want * (1 + 1e-7) && want - got <= ldexp(want, -fraction) + 7e-5);
        }
    }
}

static void what_is_too_large_is_refused(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_kserve_model m = {0};
    struct wtl_kserve k = {.n = 4711};
    static const char huge[] = "{\"name\": \"m\", \"inputs\": [{\"name\": \"i\", \"datatype\": "
                               "\"UINT8\", \"shape\": [60000000, 60000000, 60000000]}]}";
    assert_ok(parse(&arena, huge, &m, &err), &err);
    assert_int_equal(wtl_kserve_make(&arena, &m, true, 1, 1, &k, &err), -WTL_LIMIT);
    assert_int_equal(k.n, 4711);
}

/* ---- answers --------------------------------------------------------------------------------- */

static enum wtl_outcome give(const char *type, int64_t json_size, const char *text, size_t n)
{
    struct wtl_kserve k = {0};
    struct wtl_dialect d = wtl_kserve_dialect(&k);
    struct wtl_exchange x;
    wtl_exchange_init(&x, wtl_alloc_system());
    wtl_exchange_restart(&x);
    strcpy(x.content_type, type);
    x.reply_json_size = json_size;
    for (size_t at = 0; at < n; at++)
        d.data(d.ctx, &x, text + at, 1);
    d.end(d.ctx, &x);
    enum wtl_outcome outcome = x.outcome;
    wtl_exchange_fini(&x);
    return outcome;
}

static void answers(void **state)
{
    (void)state;
#define JSON "application/json"
#define BYTES "application/octet-stream"
#define HEAD "{\"outputs\": [{\"parameters\": {\"binary_data_size\": 3}}]}"
    static const struct {
        const char *type;
        int64_t json_size;
        const char *text;
        enum wtl_outcome want;
    } cases[] = {
        {JSON, -1, "{\"outputs\": [{\"data\": [1]}]}", WTL_OUTCOME_OK},
        {"application/json;charset=utf-8", -1, "{\"outputs\": []}", WTL_OUTCOME_OK},
        {BYTES, (int64_t)sizeof HEAD - 1, HEAD "abc", WTL_OUTCOME_OK},
        {BYTES, (int64_t)sizeof HEAD - 1, HEAD "abcd", WTL_OUTCOME_WRONG},
        {BYTES, (int64_t)sizeof HEAD - 1, HEAD, WTL_OUTCOME_WRONG},
        {BYTES, 9999, HEAD "abc", WTL_OUTCOME_WRONG},
        {BYTES, 3, HEAD "abc", WTL_OUTCOME_WRONG},
        {BYTES, -1, HEAD "abc", WTL_OUTCOME_WRONG},
        {JSON, -1, HEAD, WTL_OUTCOME_WRONG},
        {JSON, -1, "{\"outputs\": [{\"parameters\": {\"binary_data_size\": -3}}]}",
         WTL_OUTCOME_WRONG},
        {JSON, -1, "{\"model_name\": \"m\"}", WTL_OUTCOME_WRONG},
        {JSON, -1, "{\"outputs\": [", WTL_OUTCOME_WRONG},
        {JSON, -1, "", WTL_OUTCOME_WRONG},
        {JSON, -1, "[]", WTL_OUTCOME_WRONG},
        {"text/html", -1, "{\"outputs\": []}", WTL_OUTCOME_WRONG},
        {JSON, -1, "{\"error\": \"no memory\"}", WTL_OUTCOME_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(
            give(cases[i].type, cases[i].json_size, cases[i].text, strlen(cases[i].text)),
            cases[i].want);
}

static void paths_are_escaped(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    assert_string_equal(wtl_kserve_path(&arena, "res net/50", "2", "/infer"),
                        "/v2/models/res%20net%2F50/versions/2/infer");
    assert_string_equal(wtl_kserve_path(&arena, "\xc3\xa9.-_~", NULL, ""), "/v2/models/%C3%A9.-_~");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_are_read),
        cmocka_unit_test(wrong_metadata_are_refused),
        cmocka_unit_test(shapes_and_batches),
        cmocka_unit_test(bodies_in_json),
        cmocka_unit_test(bodies_with_bytes),
        cmocka_unit_test(half_precision),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(answers),
        cmocka_unit_test(paths_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
