/* SPDX-License-Identifier: Apache-2.0
 * Names of boards. */
#include "core/gpu_name.h"

#include "support/support.h"

#include "base/limits.h"

static void boards_have_short_names_and_models(void **state)
{
    (void)state;
    static const struct {
        const char *device, *said, *model;
    } boards[] = {
        {"NVIDIA A100-PCIE-40GB", "A100", "A100-PCIE-40GB"},
        {"Tesla V100-PCIE-32GB", "V100", "V100-PCIE-32GB"},
        {"NVIDIA H100 NVL", "H100", "H100 NVL"},
        {"A100-SXM4-80GB", "A100", "A100-SXM4-80GB"},
        {"NVIDIA GeForce RTX 4090", "RTX 4090", "RTX 4090"},
        {"NVIDIA RTX A6000", "RTX A6000", "RTX A6000"},
        {"NVIDIA L40S", "L40S", "L40S"},
        {"NVIDIA GH200 480GB", "GH200", "GH200 480GB"},
        {"Tesla T4", "T4", "T4"},
        {"AMD Instinct MI300X", "MI300X", "MI300X"},
        {"GPU-5f3a9c1e-0000-1111-2222-333344445555", "", ""},
        {"", "", ""},
        {"0", "", ""},
        {"GPU 0", "", ""},
        {"NVIDIA Tesla V100-PCIE-32GB ", "V100", "V100-PCIE-32GB"},
        {"NVIDIA", "", ""},
    };
    for (size_t i = 0; i < sizeof boards / sizeof *boards; i++) {
        char name[WTL_LIMIT_NAME] = "?";
        wtl_gpu_short_name(boards[i].device, name, sizeof name);
        assert_string_equal(name, boards[i].said);
        wtl_gpu_model(boards[i].device, name, sizeof name);
        assert_string_equal(name, boards[i].model);
    }
    char small[3];
    wtl_gpu_short_name("NVIDIA A100-PCIE-40GB", small, sizeof small);
    assert_string_equal(small, "A1");
    wtl_gpu_model("NVIDIA A100-PCIE-40GB", small, sizeof small);
    assert_string_equal(small, "A1");
}

static void boards_together_have_a_name(void **state)
{
    (void)state;
    char name[16];
    wtl_gpu_together(2, "A100", name, sizeof name);
    assert_string_equal(name, "2x A100");
    assert_int_equal(wtl_gpu_count(name), 2);
    wtl_gpu_together(1, "A100", name, sizeof name);
    assert_string_equal(name, "A100");
    static const char *const single[] = {"A100",    "",         "2xA100", "x A100",
                                         "0x A100", "RTX 4090", "2"};
    for (size_t i = 0; i < sizeof single / sizeof *single; i++)
        assert_int_equal(wtl_gpu_count(single[i]), 1);
    assert_int_equal(wtl_gpu_count("16x H100"), 16);
}

static void runs_are_of_what_a_plan_names(void **state)
{
    (void)state;
    assert_true(wtl_gpu_is("A100", "", "a100", ""));
    assert_true(wtl_gpu_is("A100", "A100-PCIE-40GB", "A100", "A100-PCIE-40GB"));
    assert_true(wtl_gpu_is("A100-PCIE-40GB", "", "A100", "A100-PCIE-40GB"));
    assert_true(wtl_gpu_is("A100 + V100", "", "A100 + V100", ""));
    assert_false(wtl_gpu_is("A100", "A100-PCIE-40GB", "A100", "A100-SXM4-80GB"));
    assert_false(wtl_gpu_is("A100", "", "V100", ""));
    assert_false(wtl_gpu_is("A100", "", "A100 + V100", ""));
    assert_false(wtl_gpu_is("2x A100", "A100-PCIE-40GB", "A100", "A100-PCIE-40GB"));
    assert_false(wtl_gpu_is("A100", "A100-PCIE-40GB", "2x A100", "A100-PCIE-40GB"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(boards_have_short_names_and_models),
                                       cmocka_unit_test(boards_together_have_a_name),
                                       cmocka_unit_test(runs_are_of_what_a_plan_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
