/* SPDX-License-Identifier: Apache-2.0
 * The built-in networks through a real ONNX Runtime, against plain loops. Skipped without one:
 * `./dev onnxruntime`, or WATTLE_ONNXRUNTIME. */
#include "support/support.h"

#include "support/net_reference.h"

#include "onnx/net.h"
#include "onnx/session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What ONNX Runtime keeps for itself, of its threads above all, is not ours to free; that we give
 * back everything is tested over the fake library. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libonnxruntime.so\n";
}

static struct wtl_ort ort;

static int open_runtime(void **state)
{
    (void)state;
    char path[4096];
    const char *build = getenv("WATTLE_BUILD"), *by_hand = getenv("WATTLE_ONNXRUNTIME");
    struct wtl_error err = {0};
    snprintf(path, sizeof path, "%s/onnxruntime/libonnxruntime.so.1", build ? build : ".");
    if ((by_hand && *by_hand) || access(path, R_OK) == 0)
        assert_ok(wtl_ort_open(&ort, by_hand && *by_hand ? by_hand : path, NULL, &err), &err);
    return 0;
}

static int close_runtime(void **state)
{
    (void)state;
    wtl_ort_close(&ort);
    return 0;
}

static void open_net(struct wtl_arena *arena, const struct wtl_net *net, int batch, int threads,
                     struct wtl_onnx_session *s)
{
    struct wtl_error err = {0};
    struct wtl_buf model;
    wtl_buf_init(&model, wtl_alloc_system(), 1 << 30);
    assert_ok(wtl_net_write(net, &model, &err), &err);
    const struct wtl_onnx_model m = {.data = model.data, .size = model.len};
    assert_ok(wtl_onnx_session_open(arena, &ort, &m, threads, s, &err), &err);
    wtl_buf_fini(&model);
    const struct wtl_onnx_inputs how = {.batch = batch, .n_tokens = net->n_tokens, .seed = 5};
    assert_ok(wtl_onnx_session_shape(arena, s, &how, &err), &err);
    assert_int_equal(s->batch, batch);
    assert_false(s->fixed);
}

/* Every item of a batch within 1e-4 of the largest answer. */
static void compare(const struct wtl_net *net, struct wtl_onnx_session *s, int items)
{
    struct wtl_error err = {0};
    const struct wtl_net_shape *shape = &net->node[net->n - 1].shape;
    size_t n = wtl_net_count(shape), rank = 0;
    const float *got = NULL;
    int64_t dim[WTL_ONNX_RANK];
    double *want = calloc(n, sizeof *want);
    assert_non_null(want);
    assert_ok(wtl_onnx_session_run(s, items, &err), &err);
    assert_ok(wtl_onnx_session_output(s, &got, dim, &rank, &err), &err);
    assert_int_equal(rank, shape->rank + 1);
    assert_int_equal(dim[0], items);
    assert_memory_equal(dim + 1, shape->dim, shape->rank * sizeof *dim);
    for (int item = 0; item < items; item++) {
        const char *input = s->input[0].data;
        net_reference(net, input + (size_t)item * s->input[0].item_bytes, want);
        double largest = 0, spread = 0;
        for (size_t i = 0; i < n; i++) {
            largest = fmax(largest, fabs(want[i]));
            spread = fmax(spread, fabs(want[i] - want[0]));
        }
        assert_true(largest > 0.01 && spread > 0.01 && isfinite(largest)); /* no dead network */
        for (size_t i = 0; i < n; i++)
            assert_near((double)got[(size_t)item * n + i], want[i], 1e-4 * largest);
    }
    free(want);
}

static void built_in_networks_answer_as_plain_loops_do(void **state)
{
    (void)state;
    if (!ort.api)
        skip();
    for (int i = 0; wtl_net_names[i]; i++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        struct wtl_net *net = NULL;
        struct wtl_onnx_session s = {.ort = NULL};
        if (strcmp(wtl_net_names[i], "convnet-l") == 0)
            continue; /* as the others, and the loops take seconds */
        assert_ok(wtl_net_make(&arena, wtl_net_names[i], &net, &err), &err);
        open_net(&arena, net, 3, i % 2 + 1, &s);
        compare(net, &s, 3);
        compare(net, &s, 1); /* fewer than the batch */
        compare(net, &s, 3);
        wtl_onnx_session_close(&s);
    }
}

static void the_largest_loads(void **state)
{
    (void)state;
    if (!ort.api)
        skip();
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_net *net = NULL;
    struct wtl_onnx_session s = {.ort = NULL};
    assert_ok(wtl_net_make(&arena, "convnet-l", &net, &err), &err);
    open_net(&arena, net, 2, 1, &s);
    assert_ok(wtl_onnx_session_run(&s, 2, &err), &err);
    wtl_onnx_session_close(&s);
}

static void what_is_no_model_is_refused_in_its_words(void **state)
{
    (void)state;
    if (!ort.api)
        skip();
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_onnx_session s = {.ort = NULL};
    const struct wtl_onnx_model m = {.data = "no model", .size = 8};
    assert_int_equal(wtl_onnx_session_open(&arena, &ort, &m, 1, &s, &err), -WTL_FAILED);
    assert_null(s.ort);
    assert_int_equal(strncmp(err.message, "loading the built-in model: ", 28), 0);
    assert_true(strlen(err.message) > 30);
    write_text(in_test_directory("no.onnx"), "neither");
    const struct wtl_onnx_model file = {.path = in_test_directory("no.onnx")};
    assert_int_equal(wtl_onnx_session_open(&arena, &ort, &file, 1, &s, &err), -WTL_FAILED);
}

static int set_up(void **state)
{
    return make_test_directory(state) || open_runtime(state);
}

static int tear_down(void **state)
{
    return close_runtime(state) || drop_test_directory(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in_networks_answer_as_plain_loops_do),
        cmocka_unit_test(the_largest_loads),
        cmocka_unit_test(what_is_no_model_is_refused_in_its_words),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
