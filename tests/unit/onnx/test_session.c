/* SPDX-License-Identifier: Apache-2.0
 * Finding ONNX Runtime, and what goes wrong with models and inputs: over a fake library. */
#include "support/support.h"

#include "support/fake_ort.h"

#include "base/text.h"
#include "onnx/net.h"
#include "onnx/session.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fake_ort *fake;
static struct fake_ort as_it_was;
static char library[4096];

static int find_fake(void **state)
{
    snprintf(library, sizeof library, "%s/tests/libfake-onnxruntime.so", getenv("WATTLE_BUILD"));
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    fake = dlsym(handle, FAKE_ORT_STATE);
    assert_non_null(fake);
    as_it_was = *fake;
    return make_test_directory(state);
}

static int reset(void **state)
{
    (void)state;
    *fake = as_it_was;
    return 0;
}

static void open_fake(struct wtl_ort *ort)
{
    struct wtl_error err = {0};
    assert_ok(wtl_ort_open(ort, library, NULL, &err), &err);
}

static const struct wtl_onnx_model some = {.data = "model", .size = 5};

/* ---- Finding it ------------------------------------------------------------------------------ */

static void the_option_comes_before_the_environment(void **state)
{
    (void)state;
    struct wtl_ort ort = {.handle = NULL};
    struct wtl_error err = {0};
    assert_ok(wtl_ort_open(&ort, library, "/no/such", &err), &err);
    assert_string_equal(ort.path, library);
    assert_string_equal(ort.version, "1.99.0");
    wtl_ort_close(&ort);
    wtl_ort_close(&ort);
    assert_ok(wtl_ort_open(&ort, "", library, &err), &err);
    wtl_ort_close(&ort);
    assert_int_equal(fake->live, 0);
}

static void what_is_named_is_the_only_place(void **state)
{
    (void)state;
    struct wtl_ort ort = {.handle = NULL};
    struct wtl_error err = {0};
    assert_int_equal(wtl_ort_open(&ort, "/no/such.so", library, &err), -WTL_UNSUPPORTED);
    assert_non_null(strstr(err.message, "/no/such.so"));
    assert_non_null(strstr(err.hint, "./dev onnxruntime"));
    assert_null(ort.handle);
}

static void a_library_that_is_none(void **state)
{
    (void)state;
    struct wtl_ort ort = {.handle = NULL};
    struct wtl_error err = {0};
    assert_int_equal(wtl_ort_open(&ort, "libm.so.6", NULL, &err), -WTL_UNSUPPORTED);
    assert_non_null(strstr(err.message, "OrtGetApiBase"));
    fake->too_old = true;
    assert_int_equal(wtl_ort_open(&ort, library, NULL, &err), -WTL_UNSUPPORTED);
    assert_non_null(strstr(err.message, "1.2.3"));
    assert_null(ort.handle);
}

/* ---- Failures -------------------------------------------------------------------------------- */

/* From loading to the second run; 0, or what failed. Nothing stays behind. */
static int whole_life(struct wtl_alloc alloc, struct wtl_error *err)
{
    struct wtl_arena arena;
    struct wtl_ort ort = {.handle = NULL};
    struct wtl_onnx_session s = {.ort = NULL};
    const struct wtl_onnx_inputs how = {.batch = 4, .n_tokens = 10, .seed = 1};
    const float *data;
    int64_t dim[WTL_ONNX_RANK];
    size_t rank;
    wtl_arena_init(&arena, alloc);
    int rc = wtl_ort_open(&ort, library, NULL, err);
    if (rc == 0)
        rc = wtl_onnx_session_open(&arena, &ort, &some, 2, &s, err);
    if (rc == 0)
        rc = wtl_onnx_session_shape(&arena, &s, &how, err);
    if (rc == 0)
        rc = wtl_onnx_session_run(&s, 4, err);
    if (rc == 0)
        rc = wtl_onnx_session_run(&s, 2, err);
    if (rc == 0)
        rc = wtl_onnx_session_output(&s, &data, dim, &rank, err);
    wtl_onnx_session_close(&s);
    wtl_ort_close(&ort);
    wtl_arena_fini(&arena);
    assert_int_equal(fake->live, 0);
    return rc;
}

static void every_call_fails_once(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    fake->input[1] = (struct fake_ort_input){
        .name = "mask", .element = ORT_INT64, .rank = 2, .dim = {-1, 7}, .symbol = {"N"}};
    fake->n_inputs = 2;
    fake->n_outputs = 2;
    assert_ok(whole_life(wtl_alloc_system(), &err), &err);
    assert_int_equal(fake->runs, 2);
    assert_int_equal(fake->items, 2);
    assert_int_equal(fake->threads, 2);
    long calls = fake->calls;
    assert_true(calls > 25);
    for (long n = 1; n <= calls; n++) {
        struct wtl_error failure = {0};
        fake->fail_at = n;
        assert_int_equal(whole_life(wtl_alloc_system(), &failure), -WTL_FAILED);
        assert_non_null(strstr(failure.message, "it was told to?fail"));
    }
}

static void memory_runs_out(void **state)
{
    (void)state;
    struct wtl_alloc_failing failing;
    int rc = -1;
    for (long n = 1; rc != 0; n++) {
        struct wtl_error err = {0};
        rc = whole_life(wtl_alloc_failing(&failing, n), &err);
        assert_true(rc == 0 || rc == -WTL_NOMEM);
        assert_true(n < 100);
    }
}

/* ---- Models ---------------------------------------------------------------------------------- */

static int open_model(struct wtl_arena *arena, struct wtl_ort *ort, struct wtl_onnx_session *s,
                      struct wtl_error *err)
{
    open_fake(ort);
    return wtl_onnx_session_open(arena, ort, &some, 1, s, err);
}

static void models_that_cannot_be_fed(void **state)
{
    (void)state;
    static const struct {
        struct fake_ort_input input;
        int code;
        const char *words;
    } cases[] = {
        {{.name = "bag", .no_tensor = true}, WTL_UNSUPPORTED, "\"bag\" of the model is no tensor"},
        {{.name = "words", .element = 8, .rank = 1, .dim = {1}}, WTL_UNSUPPORTED, "ONNX type 8"},
        {{.name = "deep", .element = ORT_FLOAT, .rank = 9}, WTL_LIMIT, "has 9 dimensions"},
    };
    for (int i = 0; i < 3; i++) {
        WTL_ARENA(arena);
        struct wtl_ort ort = {.handle = NULL};
        struct wtl_onnx_session s = {.ort = NULL};
        struct wtl_error err = {0};
        fake->input[0] = cases[i].input;
        assert_int_equal(open_model(&arena, &ort, &s, &err), -cases[i].code);
        assert_non_null(strstr(err.message, cases[i].words));
        assert_null(s.ort);
        wtl_ort_close(&ort);
    }
    WTL_ARENA(arena);
    struct wtl_ort ort = {.handle = NULL};
    struct wtl_onnx_session s = {.ort = NULL};
    struct wtl_error err = {0};
    fake->n_outputs = 0;
    assert_int_equal(open_model(&arena, &ort, &s, &err), -WTL_UNSUPPORTED);
    fake->n_outputs = 100000;
    assert_int_equal(wtl_onnx_session_open(&arena, &ort, &some, 1, &s, &err), -WTL_LIMIT);
    wtl_ort_close(&ort);
    assert_int_equal(fake->live, 0);
}

static void files_that_are_not_there(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_ort ort = {.handle = NULL};
    struct wtl_onnx_session s = {.ort = NULL};
    struct wtl_error err = {0};
    open_fake(&ort);
    const struct wtl_onnx_model none = {.path = in_test_directory("none.onnx")};
    assert_int_equal(wtl_onnx_session_open(&arena, &ort, &none, 1, &s, &err), -WTL_NOTFOUND);
    const struct wtl_onnx_model directory = {.path = in_test_directory("")};
    assert_int_equal(wtl_onnx_session_open(&arena, &ort, &directory, 1, &s, &err), -WTL_USAGE);
    wtl_ort_close(&ort);
}

/* ---- Shapes ---------------------------------------------------------------------------------- */

/* Opens the model, parses the shapes (NULL at the end), and settles. */
static int settle(struct wtl_arena *arena, struct wtl_ort *ort, struct wtl_onnx_session *s,
                  int batch, const char *const *texts, struct wtl_error *err)
{
    struct wtl_onnx_shape shapes[4];
    size_t n = 0;
    for (; texts && texts[n]; n++)
        assert_ok(wtl_onnx_shape_parse(texts[n], &shapes[n], err), err);
    assert_ok(open_model(arena, ort, s, err), err);
    const struct wtl_onnx_inputs how = {
        .batch = batch, .shapes = shapes, .n_shapes = n, .n_tokens = 50, .seed = 1};
    return wtl_onnx_session_shape(arena, s, &how, err);
}

static void language_model(void)
{
    static const char *const names[] = {"input_ids", "attention_mask", "token_type_ids"};
    for (int i = 0; i < 3; i++)
        fake->input[i] = (struct fake_ort_input){.name = names[i],
                                                 .element = ORT_INT64,
                                                 .rank = 2,
                                                 .dim = {-1, -1},
                                                 .symbol = {"batch", "sequence"}};
    fake->n_inputs = 3;
}

static void a_language_model_gets_a_sequence(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_ort ort = {.handle = NULL};
    struct wtl_onnx_session s = {.ort = NULL};
    struct wtl_error err = {0};
    language_model();
    const char *const shapes[] = {"sequence=16", NULL};
    assert_ok(settle(&arena, &ort, &s, 8, shapes, &err), &err);
    assert_int_equal(s.batch, 8);
    assert_false(s.fixed);
    for (size_t i = 0; i < 3; i++) {
        const int64_t *value = s.input[i].data;
        int64_t smallest = 100, largest = -1;
        assert_true(s.input[i].batched);
        assert_int_equal(s.input[i].item_bytes, 16 * 8);
        for (int k = 0; k < 8 * 16; k++) {
            smallest = value[k] < smallest ? value[k] : smallest;
            largest = value[k] > largest ? value[k] : largest;
        }
        assert_true(i == 0 ? smallest >= 0 && largest < 50 && largest > 30
                           : smallest == largest && smallest == (i == 1));
    }
    assert_ok(wtl_onnx_session_run(&s, 5, &err), &err);
    assert_int_equal(fake->items, 5);
    wtl_onnx_session_close(&s);
    wtl_ort_close(&ort);
}

static void open_dimensions_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *shape[3];
        int batch;
        const char *words;
    } cases[] = {
        {{NULL}, 1, "dimension 2, sequence of input \"input_ids\" is open"},
        {{"length=4"}, 1, "no input and no open dimension \"length\""},
        {{"length=4x4"}, 1, "the model has no input \"length\""},
        {{"input_ids=4"}, 1, "input \"input_ids\" cannot have the shape 4"},
        {{"input_ids=4xN"}, 1, "cannot have the shape 4xN"},
        {{"sequence=4", "batch=2"}, 3, "the model takes 2 items at once, not 3"},
        {{"sequence=1000000000"}, 8, "larger than 16 GB"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        WTL_ARENA(arena);
        struct wtl_ort ort = {.handle = NULL};
        struct wtl_onnx_session s = {.ort = NULL};
        struct wtl_error err = {0};
        language_model();
        assert_true(settle(&arena, &ort, &s, cases[i].batch, cases[i].shape, &err) < 0);
        if (!strstr(err.message, cases[i].words))
            fail_msg("%s", err.message);
        wtl_onnx_session_close(&s);
        wtl_ort_close(&ort);
        assert_int_equal(fake->live, 0);
    }
}

static void a_model_of_a_fixed_batch(void **state)
{
    (void)state;
    fake->input[0].dim[0] = 6;
    for (int batch = 0; batch < 8; batch += 6) {
        WTL_ARENA(arena);
        struct wtl_ort ort = {.handle = NULL};
        struct wtl_onnx_session s = {.ort = NULL};
        struct wtl_error err = {0};
        assert_ok(settle(&arena, &ort, &s, batch, NULL, &err), &err);
        assert_true(s.fixed);
        assert_int_equal(s.batch, 6);
        assert_ok(wtl_onnx_session_run(&s, 2, &err), &err);
        assert_int_equal(fake->items, 6);
        wtl_onnx_session_close(&s);
        wtl_ort_close(&ort);
    }
    WTL_ARENA(arena);
    struct wtl_ort ort = {.handle = NULL};
    struct wtl_onnx_session s = {.ort = NULL};
    struct wtl_error err = {0};
    const char *const shapes[] = {"input=5x4", NULL};
    assert_int_equal(settle(&arena, &ort, &s, 1, NULL, &err), -WTL_USAGE);
    assert_non_null(strstr(err.message, "takes 6 items at once, not 1"));
    wtl_onnx_session_close(&s);
    wtl_ort_close(&ort);
    assert_int_equal(settle(&arena, &ort, &s, 0, shapes, &err), -WTL_USAGE);
    assert_non_null(strstr(err.message, "cannot have the shape 5x4"));
    assert_non_null(strstr(err.hint, "input 6x4"));
    wtl_onnx_session_close(&s);
    wtl_ort_close(&ort);
}

/* ---- Networks -------------------------------------------------------------------------------- */

static void an_unknown_network_is_told_of(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_net *net = NULL;
    assert_int_equal(wtl_net_make(&arena, "convnet-x", &net, &err), -WTL_NOTFOUND);
    assert_non_null(strstr(err.hint, "builtin:convnet-"));
    assert_null(net);
}

static void networks_are_the_same_every_time(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_buf model[2];
    for (int i = 0; i < 2; i++) {
        struct wtl_net *net = NULL;
        wtl_buf_init(&model[i], wtl_alloc_system(), 1 << 30);
        assert_ok(wtl_net_make(&arena, "convnet-s", &net, &err), &err);
        assert_ok(wtl_net_write(net, &model[i], &err), &err);
    }
    assert_int_equal(model[0].len, model[1].len);
    assert_memory_equal(model[0].data, model[1].data, model[0].len);
    wtl_buf_fini(&model[0]);
    wtl_buf_fini(&model[1]);
}

static void networks_without_memory(void **state)
{
    (void)state;
    struct wtl_alloc_failing failing;
    int rc = -1;
    for (long n = 1; rc != 0; n++) {
        struct wtl_error err = {0};
        struct wtl_arena arena;
        struct wtl_net *net = NULL;
        wtl_arena_init(&arena, wtl_alloc_failing(&failing, n));
        rc = wtl_net_make(&arena, "mlp", &net, &err);
        assert_true(rc == 0 || (rc == -WTL_NOMEM && !net));
        wtl_arena_fini(&arena);
        assert_true(n < 100);
    }
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_net *net = NULL;
    struct wtl_buf small;
    assert_ok(wtl_net_make(&arena, "mlp", &net, &err), &err);
    wtl_buf_init(&small, wtl_alloc_system(), 1 << 20);
    assert_int_equal(wtl_net_write(net, &small, &err), -WTL_NOMEM);
    wtl_buf_fini(&small);
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_option_comes_before_the_environment),
        TEST(what_is_named_is_the_only_place),
        TEST(a_library_that_is_none),
        TEST(every_call_fails_once),
        TEST(memory_runs_out),
        TEST(models_that_cannot_be_fed),
        TEST(files_that_are_not_there),
        TEST(a_language_model_gets_a_sequence),
        TEST(open_dimensions_are_named),
        TEST(a_model_of_a_fixed_batch),
        TEST(an_unknown_network_is_told_of),
        TEST(networks_are_the_same_every_time),
        TEST(networks_without_memory),
    };
    return cmocka_run_group_tests(tests, find_fake, drop_test_directory);
}
