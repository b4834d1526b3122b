/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/naming.h"

#include "base/random.h"
#include "support/support.h"

#include <string.h>

struct expected {
    const char *path, *scheme, *gpu, *workload, *job;
    int seq, rep, clock_mhz;
    enum wtl_run_mode mode;
    bool is_trace;
};

static void check_all(const struct wtl_naming *naming, const struct expected *e, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct wtl_name_key key;
        if (!wtl_naming_match(naming, e[i].path, &key))
            fail_msg("%s is of no scheme", e[i].path);
        assert_string_equal(key.scheme, e[i].scheme);
        assert_string_equal(key.gpu, e[i].gpu);
        assert_string_equal(key.workload, e[i].workload);
        assert_string_equal(key.job, e[i].job);
        assert_int_equal(key.seq, e[i].seq);
        assert_int_equal(key.rep, e[i].rep);
        assert_int_equal(key.clock_mhz, e[i].clock_mhz);
        assert_int_equal(key.mode, e[i].mode);
        assert_int_equal(key.is_trace, e[i].is_trace);
    }
}
#define N(array) (sizeof(array) / sizeof *(array))

static void published_schemes(void **state)
{
    (void)state;
    static const struct expected e[] = {
        {"x/results_a100_llama_job_20892442/run_1_01_freq_1410_profile.csv", "sweep", "A100",
         "llama", "20892442", 1, 1, 1410, WTL_MODE_SWEEP, true},
        {"results_v100_stablediffusion/run_177_03_freq_510_profile.csv.gz", "sweep", "V100",
         "stablediffusion", "", 177, 3, 510, WTL_MODE_SWEEP, true},
        {"results_v100_my_app_job_7/run_2_02_freq_1380_app.out", "sweep", "V100", "my_app", "7", 2,
         2, 1380, WTL_MODE_SWEEP, false},
        {"results_h100_vit_job_5/run_2_02_freq_1380_app.err", "sweep", "H100", "vit", "5", 2, 2,
         1380, WTL_MODE_SWEEP, false},
        {"results_h100_vit_job_5/run_02_freq_990_profile.csv.zst", "custom", "H100", "vit", "5", 0,
         2, 990, WTL_MODE_CUSTOM, true},
        {"results_h100_vit_job_5/run_baseline_03_freq_1785_profile.csv.xz", "baseline", "H100",
         "vit", "5", 0, 3, 1785, WTL_MODE_BASELINE, true},
        {"run_9_01_freq_600_profile.csv", "sweep", "", "", "", 9, 1, 600, WTL_MODE_SWEEP, true},
        {"a/results_a100_vit_job_5/timing_summary.log", "sweep", "A100", "vit", "5", 0, 0, 0,
         WTL_MODE_UNKNOWN, false},
        {"a/results_a100_vit/experiment_summary.log.gz", "sweep", "A100", "vit", "", 0, 0, 0,
         WTL_MODE_UNKNOWN, false},
        {"results/GH100-baseline-StableDiffusion-1785-0", "legacy", "H100", "StableDiffusion", "",
         0, 1, 1785, WTL_MODE_BASELINE, true},
        {"raw/GV100-baseline-LSTM-1380-2__55a32a2__997919a7.gz", "legacy", "V100", "LSTM", "", 0, 3,
         1380, WTL_MODE_BASELINE, true},
        {"GA100-dvfs-stable-diffusion-1410-0", "legacy", "A100", "stable-diffusion", "", 0, 1, 1410,
         WTL_MODE_SWEEP, true},
        {"results/GA100-baseline-lstm-perf.csv", "legacy-perf", "A100", "lstm", "", 0, 0, 0,
         WTL_MODE_BASELINE, false},
        {"results/GA100-baseline-LSTM-RUN-OUT", "legacy", "A100", "LSTM", "", 0, 0, 0,
         WTL_MODE_BASELINE, false},
    };
    check_all(NULL, e, N(e));
}

static void other_names_are_of_no_scheme(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "",
        "a.csv",
        "run_1_01_freq_1410_profile.csv.bak",
        "run_1_01_freq__profile.csv",
        "run__01_freq_1410_profile.csv",
        "run_1_01_freq_1410_other.csv",
        "run_1_01_freq_99999999999_profile.csv",
        "timing_summary.log",
        "results_/timing_summary.log",
        "results_a100_/timing_summary.log",
        "GA100-baseline--1410-0",
        "GA100-tuned-LSTM-1410-0",
        "A100-baseline-LSTM-1410-0",
        "GA100-baseline-LSTM-1410",
        "results_a100_llama_job_1",
    };
    for (size_t i = 0; i < N(paths); i++) {
        struct wtl_name_key key;
        memset(&key, 0x5a, sizeof key);
        struct wtl_name_key before = key;
        if (wtl_naming_match(NULL, paths[i], &key))
            fail_msg("\"%s\" is of scheme %s", paths[i], key.scheme);
        assert_memory_equal(&key, &before, sizeof key);
    }
}

static const struct wtl_naming *load(struct wtl_arena *arena, const char *yaml)
{
    const struct wtl_naming *naming = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_naming_load(arena, yaml, strlen(yaml), "n.yaml", &naming, &err), &err);
    return naming;
}

static void user_patterns(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    const struct wtl_naming *naming =
        load(&arena, "naming:\n"
                     "  - pattern: \"{gpu}/{workload}/clock{clock}_rep{rep}.csv\"\n"
                     "  - {pattern: '*-{workload}-{clock}MHz-*.log.gz', name: rig, gpu: L40S,\n"
                     "     rep_base: 0, mode: custom}\n"
                     "  - {pattern: 'out_{seq}_{rep}.txt', trace: false, rep_base: 0, job: j1}\n");
    static const struct expected e[] = {
        {"/data/H100/resnet/clock1200_rep3.csv", "user", "H100", "resnet", "", 0, 3, 1200,
         WTL_MODE_SWEEP, true},
        {"H100/resnet/clock1200_rep3.csv.zst", "user", "H100", "resnet", "", 0, 3, 1200,
         WTL_MODE_SWEEP, true},
        {"x/2026-bert-large-900MHz-a-b.log", "rig", "L40S", "bert-large", "", 0, 0, 900,
         WTL_MODE_CUSTOM, true},
        {"out_12_0.txt", "user", "", "", "j1", 12, 1, 0, WTL_MODE_SWEEP, false},
        {"results_a100_llama_job_1/run_1_01_freq_1410_profile.csv", "sweep", "A100", "llama", "1",
         1, 1, 1410, WTL_MODE_SWEEP, true},
    };
    check_all(naming, e, N(e));
    struct wtl_name_key key;
    assert_false(wtl_naming_match(naming, "resnet/clock1200_rep3.csv", &key));
    assert_false(wtl_naming_match(naming, "H100/resnet/clockX_rep3.csv", &key));
    assert_false(wtl_naming_match(naming, "out_1_99999999999.txt", &key));
}

static void bad_patterns_name_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        int line, column;
        const char *message, *hint;
    } cases[] = {
        {"naming:\n  - pattern: \"{gpux}_{clock}\"\n", 2, 14, "unknown field \"{gpux}\"",
         "did you mean \"{gpu}\"?"},
        {"naming:\n  - pattern: \"{gpu\"\n", 2, 14, "lacks a closing brace", ""},
        {"naming:\n  - pattern: \"{gpu}{clock}\"\n", 2, 14, "two fields without text between", ""},
        {"naming:\n  - pattern: \"{gpu}*\"\n", 2, 14, "two fields without text between", ""},
        {"naming:\n  - pattern: \"{gpu}_{gpu}\"\n", 2, 14, "{gpu} occurs twice", ""},
        {"naming:\n  - pattern: \"/\"\n", 2, 14, "empty", ""},
        {"naming:\n  - pattern: [a]\n", 2, 14, "expected text", ""},
        {"naming:\n  - name: x\n", 2, 5, "lacks the key \"pattern\"", ""},
        {"naming:\n  - {pattern: a, rep_base: 2}\n", 2, 28, "outside 0 to 1", ""},
        {"namng: []\n", 1, 1, "unknown key \"namng\"", "did you mean \"naming\"?"},
        {"naming:\n  - pattern: "
         "\"a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*\"\n",
         2, 14, "more than 32 parts", ""},
    };
    for (size_t i = 0; i < N(cases); i++) {
        WTL_ARENA(arena);
        const struct wtl_naming *naming = NULL;
        struct wtl_error err = {0};
        assert_int_equal(
            wtl_naming_load(&arena, cases[i].yaml, strlen(cases[i].yaml), "n.yaml", &naming, &err),
            -(int)WTL_PARSE);
        assert_null(naming);
        if (!strstr(err.message, cases[i].message) || !strstr(err.hint, cases[i].hint))
            fail_msg("case %zu: %s / %s", i, err.message, err.hint);
        assert_int_equal(err.input_line, cases[i].line);
        assert_int_equal(err.input_column, cases[i].column);
    }
}

/* A hostile pattern takes polynomial time: this would not end by plain backtracking. */
static void stars_do_not_explode(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    const struct wtl_naming *naming =
        load(&arena, "naming: [{pattern: '*a*a*a*a*a*a*a*a*a*a*a*a*a*ab'}]\n");
    char path[3000];
    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = '\0';
    struct wtl_name_key key;
    assert_false(wtl_naming_match(naming, path, &key));
}

static void long_paths_are_not_read_beyond(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    const struct wtl_naming *naming = load(&arena, "naming: [{pattern: '*.csv'}]\n");
    char path[9000];
    memset(path, 'a', sizeof path);
    memcpy(path + sizeof path - 5, ".csv", 5);
    struct wtl_name_key key;
    assert_false(wtl_naming_match(naming, path, &key));
    path[sizeof path - 300] = '/';
    assert_true(wtl_naming_match(naming, path, &key));
    struct wtl_rng rng;
    wtl_rng_init(&rng, 4);
    static const char alphabet[] = "run_freq_profile.csv0123456789-/_GA";
    for (int i = 0; i < 20000; i++) {
        char text[120];
        size_t n = wtl_rng_below(&rng, sizeof text);
        for (size_t k = 0; k < n; k++)
            text[k] = alphabet[wtl_rng_below(&rng, sizeof alphabet - 1)];
        text[n] = '\0';
        (void)wtl_naming_match(NULL, text, &key);
    }
}

static void architectures(void **state)
{
    (void)state;
    assert_string_equal(wtl_gpu_of_arch("GV100"), "V100");
    assert_string_equal(wtl_gpu_of_arch("GA100"), "A100");
    assert_string_equal(wtl_gpu_of_arch("GH100"), "H100");
    assert_string_equal(wtl_gpu_of_arch("L4"), "L4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_schemes),    cmocka_unit_test(other_names_are_of_no_scheme),
        cmocka_unit_test(user_patterns),        cmocka_unit_test(bad_patterns_name_their_place),
        cmocka_unit_test(stars_do_not_explode), cmocka_unit_test(long_paths_are_not_read_beyond),
        cmocka_unit_test(architectures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
