/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "onnx/shape.h"

#include <stdio.h>
#include <string.h>

static void reads_dimensions_and_inputs(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_onnx_shape s;
    char text[WTL_ONNX_SHAPE_TEXT];
    assert_ok(wtl_onnx_shape_parse("sequence=128", &s, &err), &err);
    assert_string_equal(s.name, "sequence");
    assert_int_equal(s.rank, 1);
    assert_int_equal(s.dim[0], 128);
    assert_ok(wtl_onnx_shape_parse("a=b=Nx3X224x1000000000", &s, &err), &err);
    assert_string_equal(s.name, "a=b");
    assert_int_equal(s.rank, 4);
    assert_int_equal(s.dim[0], WTL_ONNX_BATCH);
    assert_string_equal(wtl_onnx_shape_format(s.dim, s.rank, text), "Nx3x224x1000000000");
    assert_string_equal(wtl_onnx_shape_format(s.dim, 0, text), "");
}

static void refuses_the_rest(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "=",    "=3",    "a",     "a=",    "a=0",  "a=-1",
                                      "a=x", "a=3x", "a=x3",  "a=3xx", "a=+3",  "a= 3", "a=3,4",
                                      "a=M", "a=NN", "a=1e3", "a=1.5", "a=0x10"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct wtl_error err = {0};
        struct wtl_onnx_shape s = {.name = "before", .rank = 7}, before = s;
        assert_int_equal(wtl_onnx_shape_parse(bad[i], &s, &err), -WTL_USAGE);
        assert_memory_equal(&s, &before, sizeof s);
        assert_non_null(strstr(err.hint, "Nx3x224x224"));
    }
    struct wtl_error err = {0};
    struct wtl_onnx_shape s;
    char name[200];
    snprintf(name, sizeof name, "%0150d=3", 0);
    assert_int_equal(wtl_onnx_shape_parse(name, &s, &err), -WTL_LIMIT);
    assert_int_equal(wtl_onnx_shape_parse("a=1x1x1x1x1x1x1x1x1", &s, &err), -WTL_LIMIT);
    assert_int_equal(wtl_onnx_shape_parse("a=1000000001", &s, &err), -WTL_LIMIT);
    assert_int_equal(wtl_onnx_shape_parse("a=99999999999999999999", &s, &err), -WTL_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_dimensions_and_inputs),
        cmocka_unit_test(refuses_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
