/* SPDX-License-Identifier: Apache-2.0
 * One name for what sources spell differently, and one for each board. */
#include "support/support.h"

#include "store/names.h"

#include <stdio.h>
#include <string.h>

static char dir[200];
static int64_t wall_ns = INT64_C(1752024000) * WTL_NS_PER_S;
static struct wtl_campaign *c;
static struct wtl_arena arena;

static int setup(void **state)
{
    (void)state;
    char path[240];
    make_temporary_directory(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/c.wattle", dir);
    wtl_arena_init(&arena, wtl_alloc_system());
    return wtl_campaign_open(path, WTL_CAMPAIGN_CREATE, wtl_clock_fixed(&wall_ns), &c, NULL);
}

static int teardown(void **state)
{
    (void)state;
    wtl_campaign_close(c);
    wtl_arena_fini(&arena);
    remove_tree(dir);
    return 0;
}

static void add(const char *gpu, const char *workload, const char *device, int runs)
{
    struct wtl_error err = {0};
    struct wtl_run run = {.clock_mhz = 1410};
    int64_t id;
    snprintf(run.gpu, sizeof run.gpu, "%s", gpu);
    snprintf(run.workload, sizeof run.workload, "%s", workload);
    snprintf(run.device, sizeof run.device, "%s", device);
    for (int i = 0; i < runs; i++)
        assert_ok(wtl_campaign_add_run(c, &run, &id, &err), &err);
}

/* "A100/llama 3, V100/vit 1" of the runs that pass, in their order. */
static const char *sets(const char *gpu, const char *workload)
{
    static char text[1000];
    struct wtl_error err = {0};
    struct wtl_run *runs;
    size_t n, used = 0;
    const struct wtl_run_filter filter = {.gpu = gpu, .workload = workload};
    assert_ok(wtl_campaign_runs(c, &filter, &arena, &runs, &n, &err), &err);
    text[0] = '\0';
    for (size_t i = 0, next; i < n; i = next) {
        for (next = i + 1; next < n && strcmp(runs[next].gpu, runs[i].gpu) == 0 &&
                           strcmp(runs[next].workload, runs[i].workload) == 0;)
            next++;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s/%s %zu", i ? ", " : "",
                                 runs[i].gpu, runs[i].workload, next - i);
    }
    return text;
}

static void the_spelling_of_most_runs_is_shown(void **state)
{
    (void)state;
    add("A100", "StableDiffusion", "", 2);
    add("a100", "stable-diffusion", "", 1);
    add("V100", "stablediffusion", "", 3);
    add("H100", "Stable Diffusion", "", 1);
    assert_string_equal(sets(NULL, NULL),
                        "A100/stablediffusion 3, H100/stablediffusion 1, V100/stablediffusion 3");
    /* A filter changes what is shown, not how. */
    assert_string_equal(sets("h100", NULL), "H100/stablediffusion 1");
    assert_string_equal(sets("A100", "STABLE_DIFFUSION"), "A100/stablediffusion 3");
}

static void of_equally_many_the_first_is_shown(void **state)
{
    (void)state;
    add("A100", "LSTM", "", 2);
    add("A100", "lstm", "", 2);
    assert_string_equal(sets(NULL, NULL), "A100/LSTM 4");
}

static void names_that_only_look_alike_stay_two(void **state)
{
    (void)state;
    add("A100", "opt-1.3b", "", 2);
    add("A100", "opt-13b", "", 3);
    add("A100", "OPT_1_3B", "", 1);
    assert_string_equal(sets(NULL, NULL), "A100/opt-1.3b 3, A100/opt-13b 3");
    assert_string_equal(sets(NULL, "opt 13b"), "A100/opt-13b 3");
    assert_string_equal(sets(NULL, "opt13b"), "A100/opt-13b 3");
    assert_string_equal(sets(NULL, "opt-1.3B"), "A100/opt-1.3b 3");
}

static void names_of_other_scripts_stay_two(void **state)
{
    (void)state;
    add("A100", "\xe6\x8e\xa8\xe8\xab\x96", "", 1);
    add("A100", "\xe8\xa8\x93\xe7\xb7\xb4", "", 2);
    assert_string_equal(sets(NULL, NULL),
                        "A100/\xe6\x8e\xa8\xe8\xab\x96 1, A100/\xe8\xa8\x93\xe7\xb7\xb4 2");
}

static void boards_of_one_short_name_are_kept_apart(void **state)
{
    (void)state;
    add("A100", "llama", "NVIDIA A100-PCIE-40GB", 2);
    add("A100", "llama", "A100-PCIE-40GB", 1); /* an older driver's name of the same */
    add("A100", "llama", "GPU-0123", 1);
    assert_string_equal(sets(NULL, NULL), "A100/llama 4");
    assert_string_equal(sets("NVIDIA A100-PCIE-40GB", NULL), "A100/llama 3");
    add("A100", "llama", "NVIDIA A100-SXM4-80GB", 4);
    add("V100", "llama", "Tesla V100-SXM2-16GB", 1);
    /* Runs that do not tell their board stay under the short name. */
    assert_string_equal(
        sets(NULL, NULL),
        "A100/llama 1, A100-PCIE-40GB/llama 3, A100-SXM4-80GB/llama 4, V100/llama 1");
    assert_string_equal(sets("A100", NULL),
                        "A100/llama 1, A100-PCIE-40GB/llama 3, A100-SXM4-80GB/llama 4");
    assert_string_equal(sets("a100-sxm4-80gb", NULL), "A100-SXM4-80GB/llama 4");
    struct wtl_names *names;
    struct wtl_error err = {0};
    const char *gpu;
    char models[100];
    assert_ok(wtl_names_load(c, &arena, &names, &err), &err);
    assert_true(wtl_names_parted(names, 0, &gpu, models, sizeof models));
    assert_string_equal(gpu, "A100");
    assert_string_equal(models, "A100-PCIE-40GB, A100-SXM4-80GB");
    assert_false(wtl_names_parted(names, 1, &gpu, models, sizeof models));
}

/* A trace of another GPU than its label is not a second model of the label. */
static void strangers_part_nothing(void **state)
{
    (void)state;
    add("A100", "llama", "NVIDIA A100-PCIE-40GB", 2);
    add("A100", "llama", "Tesla V100-PCIE-32GB", 1);
    assert_string_equal(sets(NULL, NULL), "A100/llama 3");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_spelling_of_most_runs_is_shown),      TEST(of_equally_many_the_first_is_shown),
        TEST(names_that_only_look_alike_stay_two),     TEST(names_of_other_scripts_stay_two),
        TEST(boards_of_one_short_name_are_kept_apart), TEST(strangers_part_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
