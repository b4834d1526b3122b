/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/file.h"
#include "flow/flow.h"
#include "made_tree.h"
#include "trace/mapping.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char a100[] = "NVIDIA A100-PCIE-40GB";

static char dir[200];
static char campaign_path[260];
static int64_t wall_ns = INT64_C(1752024000) * WTL_NS_PER_S;
static struct wtl_arena arena;

static int setup(void **state)
{
    (void)state;
    make_temporary_directory(dir, sizeof dir);
    snprintf(campaign_path, sizeof campaign_path, "%s/c.wattle", dir);
    wtl_arena_init(&arena, wtl_alloc_system());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    wtl_arena_fini(&arena);
    remove_tree(dir);
    return 0;
}

static const char *at(const char *relative)
{
    char *path = wtl_arena_printf(&arena, "%s/%s", dir, relative);
    assert_non_null(path);
    return path;
}

static struct wtl_import_options options_for(const char *const *paths, size_t n)
{
    return (struct wtl_import_options){.paths = paths, .n_paths = n};
}

static int try_import(const struct wtl_import_options *options, struct wtl_alloc alloc, int threads,
                      struct wtl_import_result *result, struct wtl_error *err)
{
    const struct wtl_flow flow = {
        .alloc = alloc, .clock = wtl_clock_fixed(&wall_ns), .threads = threads};
    struct wtl_campaign *c = NULL;
    int rc =
        wtl_campaign_open(campaign_path, WTL_CAMPAIGN_CREATE, wtl_clock_fixed(&wall_ns), &c, err);
    rc = rc ? rc : wtl_flow_import(&flow, c, options, &arena, result, err);
    wtl_campaign_close(c);
    return rc;
}

static struct wtl_import_result import_one(const char *path)
{
    struct wtl_error err = {0};
    struct wtl_import_result result = {0};
    const char *paths[] = {path};
    struct wtl_import_options options = options_for(paths, 1);
    assert_ok(try_import(&options, wtl_alloc_system(), 1, &result, &err), &err);
    return result;
}

static size_t load_runs(struct wtl_run **runs_out)
{
    struct wtl_error err = {0};
    struct wtl_campaign *c = NULL;
    size_t n = 0;
    assert_ok(
        wtl_campaign_open(campaign_path, WTL_CAMPAIGN_READ, wtl_clock_fixed(&wall_ns), &c, &err),
        &err);
    assert_ok(wtl_campaign_runs(c, NULL, &arena, runs_out, &n, &err), &err);
    wtl_campaign_close(c);
    return n;
}

static void read_campaign(char **data_out, size_t *size_out)
{
    assert_int_equal(wtl_file_read(&arena, campaign_path, 1 << 26, data_out, size_out, NULL), 0);
}

/* ---- A sweep ----------------------------------------------------------------------------------*/

static void a_sweep_tree_gives_its_runs(void **state)
{
    (void)state;
    make_sweep(dir, "a100", a100);
    make_timing_log(dir, "a100");
    write_text(at("results_a100_llama_job_77/config.yaml"), "a: 1\n");
    write_text(at("results_a100_llama_job_77/notes.txt"), "what we did\n");
    struct wtl_import_result r = import_one(dir);
    assert_int_equal(r.files_read, 7);
    assert_int_equal(r.files_outputs, 8); /* 6 of the application, the YAML file, the campaign */
    assert_int_equal(r.files_other, 1);
    assert_int_equal(r.runs_added, 6);
    assert_int_equal(r.rows_dropped, 0);
    assert_int_equal(r.n_sets, 1);
    assert_string_equal(r.sets[0].gpu, "A100");
    assert_string_equal(r.sets[0].workload, "llama");
    assert_int_equal(r.sets[0].runs, 6);

    struct wtl_run *runs;
    assert_int_equal(load_runs(&runs), 6);
    for (int i = 0; i < 6; i++) {
        const struct wtl_run *run = &runs[i];
        int seq = i + 1;
        assert_string_equal(run->gpu, "A100");
        assert_string_equal(run->workload, "llama");
        assert_string_equal(run->job, "77");
        assert_string_equal(run->device, a100);
        assert_true(run->seq == seq);
        assert_int_equal(run->rep, 1 + i % 2);
        assert_int_equal(run->clock_mhz, 1410 - 150 * (i / 2));
        assert_int_equal(run->mode, WTL_MODE_SWEEP);
        assert_int_equal(run->status, seq == 4 ? WTL_RUN_FAILED : WTL_RUN_SUCCESS);
        assert_near(run->metric[WTL_R_wrapper_time_s], 11 + seq, 0);
        assert_near(run->metric[WTL_R_label_interval_s], 0.05, 0);
        assert_near(run->metric[WTL_R_n_samples], 200 + 10 * seq, 0);
        double power_w = run->clock_mhz / 10.0 + run->rep;
        assert_near(run->metric[WTL_R_power_mean_w], power_w, 1e-9);
        assert_near(run->metric[WTL_R_time_s], (200 + 10 * seq) * 0.05, 0.02);
        assert_near(run->metric[WTL_R_power_w], power_w, 0.01 * power_w);
        assert_int_equal(run->stated_causes, 0);
    }
}

static void a_25_ms_trace_does_not_double_the_energy(void **state)
{
    (void)state;
    struct made_trace t = {
        .device = a100, .rows = 400, .power_w = 100, .clock_mhz = 1410, .period_s = 0.025};
    write_trace(at("results_a100_whisper_job_1/run_1_01_freq_1410_profile.csv"), &t);
    import_one(dir);
    struct wtl_run *runs;
    assert_int_equal(load_runs(&runs), 1);
    assert_near(runs[0].metric[WTL_R_energy_nominal_j], 2000, 1e-6); /* the published method */
    assert_near(runs[0].metric[WTL_R_energy_j], 1000, 10);
    assert_near(runs[0].metric[WTL_R_period_s], 0.025, 0.0005);
}

static void importing_again_changes_nothing(void **state)
{
    (void)state;
    make_sweep(dir, "a100", a100);
    make_timing_log(dir, "a100");
    import_one(at("results_a100_llama_job_77"));
    char *before;
    char *after;
    size_t n;
    size_t m;
    read_campaign(&before, &n);
    wall_ns += WTL_NS_PER_S; /* a later stamp must not be written either */
    struct wtl_import_result r = import_one(at("results_a100_llama_job_77"));
    assert_int_equal(r.files_known, 7);
    assert_int_equal(r.files_read + r.runs_added + r.runs_updated + r.rows, 0);
    read_campaign(&after, &m);
    assert_int_equal(n, m);
    assert_memory_equal(before, after, n);

    /* The same files elsewhere are the same files. */
    char command[700];
    snprintf(command, sizeof command, "mkdir '%s/copy' && cp -r '%s'/results* '%s/copy/'", dir, dir,
             dir);
    assert_int_equal(system(command), 0);
    r = import_one(at("copy"));
    assert_int_equal(r.files_known, 7);
    assert_int_equal(r.files_read + r.runs_added + r.runs_updated, 0);

    /* Given twice in one import, too; a changed file is another file. */
    struct made_trace more = {.device = a100, .rows = 77, .power_w = 99, .clock_mhz = 1410};
    write_trace(at("copy/results_a100_llama_job_77/run_1_01_freq_1410_profile.csv"), &more);
    const char *paths[] = {at("copy"), at("copy/results_a100_llama_job_77"), dir};
    struct wtl_import_options options = options_for(paths, 3);
    struct wtl_error err = {0};
    assert_ok(try_import(&options, wtl_alloc_system(), 1, &r, &err), &err);
    assert_int_equal(r.runs_added, 1);
}

static bool equal_runs(const struct wtl_run *a, const struct wtl_run *b)
{
    struct wtl_run x = *a;
    struct wtl_run y = *b;
    x.id = y.id = x.source_id = y.source_id = 0;
    for (int m = 0; m < (int)WTL_N_RUN_METRICS; m++) {
        if (!wtl_run_has(&x, (enum wtl_run_metric)m))
            x.metric[m] = 0;
        if (!wtl_run_has(&y, (enum wtl_run_metric)m))
            y.metric[m] = 0;
    }
    return memcmp(&x, &y, sizeof x) == 0;
}

static void a_log_may_come_in_any_order(void **state)
{
    (void)state;
    make_sweep(dir, "a100", a100);
    make_timing_log(dir, "a100");
    struct wtl_run *together;
    struct wtl_run *runs;
    const char *tree = at("results_a100_llama_job_77");
    const char *log = at("results_a100_llama_job_77/timing_summary.log");
    const char *away = at("away.log");
    import_one(tree);
    assert_int_equal(load_runs(&together), 6);

    unlink(campaign_path); /* traces first */
    assert_int_equal(rename(log, away), 0);
    import_one(tree);
    assert_int_equal(load_runs(&runs), 6);
    assert_int_equal(runs[3].status, WTL_RUN_UNKNOWN);
    assert_int_equal(rename(away, log), 0);
    struct wtl_import_result r = import_one(tree);
    assert_int_equal(r.runs_updated, 6);
    assert_int_equal(r.files_read, 1);
    assert_int_equal(r.files_known, 6);
    assert_int_equal(load_runs(&runs), 6);
    for (int i = 0; i < 6; i++)
        assert_true(equal_runs(&runs[i], &together[i]));
    r = import_one(tree);
    assert_int_equal(r.runs_updated + r.files_read, 0);

    unlink(campaign_path); /* the log alone first */
    r = import_one(log);
    assert_int_equal(r.files_read, 1);
    assert_int_equal(r.runs_added, 0);
    r = import_one(tree);
    assert_int_equal(r.runs_added, 6);
    assert_int_equal(load_runs(&runs), 6);
    for (int i = 0; i < 6; i++)
        assert_true(equal_runs(&runs[i], &together[i]));

    unlink(campaign_path); /* traces here, then with their log in a moved copy of the tree */
    assert_int_equal(rename(log, away), 0);
    import_one(tree);
    char command[700];
    snprintf(command, sizeof command, "mkdir '%s/m' && cp -r '%s' '%s/m/' && cp '%s' '%s/m/%s'",
             dir, tree, dir, away, dir, "results_a100_llama_job_77/timing_summary.log");
    assert_int_equal(system(command), 0);
    r = import_one(at("m"));
    assert_int_equal(r.runs_updated, 6);
    assert_int_equal(load_runs(&runs), 6);
    for (int i = 0; i < 6; i++)
        assert_true(equal_runs(&runs[i], &together[i]));
}

static void a_log_of_another_name_is_told_by_content(void **state)
{
    (void)state;
    make_sweep(dir, "a100", a100);
    make_timing_log(dir, "a100");
    const char *log = at("results_a100_llama_job_77/timing_summary.log");
    assert_int_equal(rename(log, at("results_a100_llama_job_77/zz_times.txt")), 0);
    struct wtl_import_result r = import_one(dir);
    assert_int_equal(r.files_read, 7);
    assert_int_equal(r.runs_updated, 6);
    struct wtl_run *runs;
    assert_int_equal(load_runs(&runs), 6);
    assert_int_equal(runs[3].status, WTL_RUN_FAILED);
}

static void threads_change_nothing(void **state)
{
    (void)state;
    make_sweep(dir, "a100", a100);
    make_timing_log(dir, "a100");
    make_sweep(dir, "v100", "Tesla V100-PCIE-32GB");
    char *first = NULL;
    size_t n = 0;
    static const int threads[] = {1, 2, 3, 16};
    for (int k = 0; k < 4; k++) {
        struct wtl_error err = {0};
        struct wtl_import_result r = {0};
        const char *paths[] = {at("results_a100_llama_job_77"), at("results_v100_llama_job_77")};
        struct wtl_import_options options = options_for(paths, 2);
        options.keep_samples = true;
        unlink(campaign_path);
        assert_ok(try_import(&options, wtl_alloc_system(), threads[k], &r, &err), &err);
        assert_int_equal(r.runs_added, 12);
        char *data;
        size_t size;
        read_campaign(&data, &size);
        if (!first) {
            first = data;
            n = size;
        }
        assert_int_equal(size, n);
        assert_memory_equal(data, first, n);
    }
}

/* ---- Files that are not as they should be -----------------------------------------------------*/

static void an_unreadable_trace_is_named_and_changes_nothing(void **state)
{
    (void)state;
    make_sweep(dir, "a100", a100);
    import_one(at("results_a100_llama_job_77"));
    char *before;
    char *after;
    size_t n;
    size_t m;
    read_campaign(&before, &n);
    write_text(at("results_a100_llama_job_77/run_7_01_freq_960_profile.csv"), "Killed\nby whom\n");
    struct made_trace fine = {.device = a100, .rows = 9, .power_w = 99, .clock_mhz = 960};
    write_trace(at("results_a100_llama_job_77/run_8_02_freq_960_profile.csv"), &fine);

    struct wtl_error err = {0};
    struct wtl_import_result r = {.files_read = -7};
    const char *paths[] = {at("results_a100_llama_job_77")};
    struct wtl_import_options options = options_for(paths, 1);
    for (int threads = 1; threads <= 3; threads += 2) {
        err = (struct wtl_error){0};
        assert_int_equal(try_import(&options, wtl_alloc_system(), threads, &r, &err), -WTL_PARSE);
        assert_int_equal(r.files_read, -7);
        assert_non_null(strstr(err.input_file, "run_7_01_freq_960_profile.csv"));
        read_campaign(&after, &m);
        assert_int_equal(n, m);
        assert_memory_equal(before, after, n);
    }
    options.keep_going = true;
    assert_ok(try_import(&options, wtl_alloc_system(), 1, &r, &err), &err);
    assert_int_equal(r.files_failed, 1);
    assert_int_equal(r.runs_added, 1);
    assert_int_equal(r.n_notes, 1);
    assert_true(r.notes[0].failed);
    assert_non_null(strstr(r.notes[0].path, "run_7_01"));
}

static void what_nothing_tells_must_be_said(void **state)
{
    (void)state;
    struct made_trace t = {.device = a100, .rows = 9, .power_w = 99, .clock_mhz = 960};
    write_trace(at("some.csv"), &t);
    struct wtl_error err = {0};
    struct wtl_import_result r = {0};
    const char *paths[] = {at("some.csv")};
    struct wtl_import_options options = options_for(paths, 1);
    assert_int_equal(try_import(&options, wtl_alloc_system(), 1, &r, &err), -WTL_PARSE);
    assert_non_null(strstr(err.message, "workload"));
    assert_non_null(strstr(err.hint, "--workload"));
    assert_int_equal(access(campaign_path, F_OK), -1);
    options.workload = "bert";
    options.gpu = "never used: the content says it";
    assert_ok(try_import(&options, wtl_alloc_system(), 1, &r, &err), &err);
    struct wtl_run *runs;
    assert_int_equal(load_runs(&runs), 1);
    assert_string_equal(runs[0].gpu, "A100");
    assert_string_equal(runs[0].workload, "bert");
    assert_int_equal(runs[0].clock_mhz, 960); /* the application clock in the trace */
    assert_false(wtl_run_has(&runs[0], WTL_R_label_interval_s));
}

static void a_naming_pattern_and_an_interval_label(void **state)
{
    (void)state;
    static const char yaml[] = "naming:\n  - pattern: \"{gpu}/{workload}/c{clock}_r{rep}.txt\"\n";
    struct made_trace t = {.device = a100, .rows = 40, .power_w = 99, .clock_mhz = 960};
    write_trace(at("A100/bert/c960_r3.txt"), &t);
    struct wtl_error err = {0};
    struct wtl_import_result r = {0};
    const char *paths[] = {dir};
    struct wtl_import_options options = options_for(paths, 1);
    assert_ok(wtl_naming_load(&arena, yaml, sizeof yaml - 1, "n.yaml", &options.naming, &err),
              &err);
    options.interval_s = 0.1;
    assert_ok(try_import(&options, wtl_alloc_system(), 1, &r, &err), &err);
    struct wtl_run *runs;
    assert_int_equal(load_runs(&runs), 1);
    assert_string_equal(runs[0].workload, "bert");
    assert_int_equal(runs[0].rep, 3);
    assert_near(runs[0].metric[WTL_R_label_interval_s], 0.1, 0);
    assert_near(runs[0].metric[WTL_R_period_s], 0.05, 0.001);
}

static void empty_traces_are_runs_without_data(void **state)
{
    (void)state;
    write_text(at("results_a100_llama_job_7/run_1_01_freq_1410_profile.csv"), "");
    write_text(at("results_a100_llama_job_7/run_2_02_freq_1410_profile.csv"), "");
    struct made_trace none = {.device = a100, .rows = 0};
    write_trace(at("results_a100_llama_job_7/run_3_03_freq_1410_profile.csv"), &none);
    write_trace(at("results_a100_llama_job_7/run_4_04_freq_1410_profile.csv"), &none);
    struct wtl_import_result r = import_one(dir);
    assert_int_equal(r.files_read, 4);
    assert_int_equal(r.runs_added, 4);
    struct wtl_run *runs;
    assert_int_equal(load_runs(&runs), 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(runs[i].rep, i + 1);
        assert_near(wtl_run_get(&runs[i], WTL_R_n_samples, -1), 0, 0);
        assert_false(wtl_run_has(&runs[i], WTL_R_energy_j));
    }
    r = import_one(dir);
    assert_int_equal(r.files_known, 4);
    assert_int_equal(r.runs_added, 0);
}

/* By its name a trace, and not empty: what cannot be had of it is an error, no run without data. */
static void traces_whose_text_is_lost_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *message;
    } lost[] = {
        {"\x1f\x8b\x08\0\0\0\0\0\0\x03", 10, "the gzip data are truncated"},
        {"\x28\xb5\x2f\xfd", 4, "the zstd data are truncated"},
        {"\xff\xfe#\0E\0n\0", 8, "the file is UTF-16 text"},
        {"BZh91AY&SY", 10, "compressed by bzip2"},
    };
    const char *path = at("results_a100_llama_job_7/run_1_01_freq_1410_profile.csv");
    const char *paths[] = {dir};
    struct wtl_import_options options = options_for(paths, 1);
    for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++) {
        write_file(path, lost[i].bytes, lost[i].n);
        struct wtl_error err = {0};
        struct wtl_import_result result = {0};
        assert_int_equal(try_import(&options, wtl_alloc_system(), 1, &result, &err),
                         -(int)WTL_PARSE);
        assert_non_null(strstr(err.message, lost[i].message));
    }
}

static void two_boards_in_one_file_are_kept_apart(void **state)
{
    (void)state;
    struct wtl_buf text;
    wtl_buf_init(&text, wtl_alloc_system(), 1 << 20);
    struct made_trace a = {.device = a100, .rows = 50, .power_w = 99, .clock_mhz = 1410};
    struct made_trace v = {
        .device = "Tesla V100-PCIE-32GB", .rows = 30, .power_w = 60, .clock_mhz = 1380};
    put_trace(&text, &a);
    put_trace(&text, &v);
    write_file(at("results_v100_llama_job_9/run_1_01_freq_1380_profile.csv"), text.data, text.len);
    wtl_buf_fini(&text);
    struct wtl_import_result r = import_one(dir);
    assert_int_equal(r.runs_added, 2);
    assert_int_equal(r.n_notes, 1);
    assert_false(r.notes[0].failed);
    assert_non_null(strstr(r.notes[0].text, "A100-PCIE-40GB"));
    assert_non_null(strstr(r.notes[0].text, "V100-PCIE-32GB"));
    struct wtl_run *runs;
    assert_int_equal(load_runs(&runs), 2);
    assert_string_equal(runs[0].gpu, "A100");
    assert_int_equal(runs[0].rep, 0); /* the name speaks of the V100's run */
    assert_string_equal(runs[1].gpu, "V100");
    assert_int_equal(runs[1].rep, 1);
    assert_int_equal(runs[1].clock_mhz, 1380);
    for (int i = 0; i < 2; i++)
        assert_int_equal(runs[i].stated_causes, 1 << WTL_CAUSE_contaminated);
    assert_near(runs[0].metric[WTL_R_power_mean_w], 99, 1e-9);
    assert_near(runs[1].metric[WTL_R_power_mean_w], 60, 1e-9);

    struct wtl_error err = {0};
    struct wtl_campaign *c = NULL;
    struct wtl_workset *sets;
    size_t n;
    const struct wtl_flow flow = {.alloc = wtl_alloc_system(), .threads = 1};
    assert_ok(
        wtl_campaign_open(campaign_path, WTL_CAMPAIGN_READ, wtl_clock_fixed(&wall_ns), &c, &err),
        &err);
    assert_ok(wtl_flow_worksets(&flow, c, NULL, &arena, &sets, &n, &err), &err);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        assert_true((sets[i].runs[0].causes >> WTL_CAUSE_contaminated) & 1);
        assert_true(sets[i].runs[0].reason[0] != '\0');
    }
    wtl_campaign_close(c);
}

static struct wtl_import_result import_content(const char *text)
{
    struct wtl_error err = {0};
    struct wtl_import_result result = {0};
    const char *paths[] = {at("log.csv")};
    struct wtl_import_options options = options_for(paths, 1);
    options.workload = "llama";
    write_text(paths[0], text);
    assert_ok(try_import(&options, wtl_alloc_system(), 1, &result, &err), &err);
    return result;
}

/* A workstation with an A100 and a V100: each has its number, and its own run. */
static void two_models_in_one_machine_are_no_mixture(void **state)
{
    (void)state;
    struct wtl_import_result r =
        import_content("timestamp, index, name, power.draw [W]\n"
                       "2026/01/01 00:00:00.000, 0, NVIDIA A100-PCIE-40GB, 99.00 W\n"
                       "2026/01/01 00:00:00.001, 1, Tesla V100-PCIE-32GB, 60.00 W\n"
                       "2026/01/01 00:00:00.100, 0, NVIDIA A100-PCIE-40GB, 99.00 W\n"
                       "2026/01/01 00:00:00.101, 1, Tesla V100-PCIE-32GB, 60.00 W\n"
                       "2026/01/01 00:00:00.200, 0, NVIDIA A100-PCIE-40GB, 99.00 W\n"
                       "2026/01/01 00:00:00.201, 1, Tesla V100-PCIE-32GB, 60.00 W\n");
    assert_int_equal(r.runs_added, 2);
    struct wtl_run *runs;
    assert_int_equal(load_runs(&runs), 2);
    assert_string_equal(runs[0].gpu, "A100");
    assert_string_equal(runs[1].gpu, "V100");
    for (int i = 0; i < 2; i++)
        assert_int_equal(runs[i].stated_causes, 0);
}

/* Two machines, each with a GPU 0 and a GPU 1, wrote into one file. */
static void two_machines_of_two_boards_are_a_mixture(void **state)
{
    (void)state;
    struct wtl_import_result r =
        import_content("timestamp, index, name, power.draw [W]\n"
                       "2026/01/01 00:00:00.000, 0, NVIDIA A100-PCIE-40GB, 99.00 W\n"
                       "2026/01/01 00:00:00.001, 1, NVIDIA A100-PCIE-40GB, 98.00 W\n"
                       "2026/01/01 00:00:00.050, 0, Tesla V100-PCIE-32GB, 60.00 W\n"
                       "2026/01/01 00:00:00.051, 1, Tesla V100-PCIE-32GB, 61.00 W\n"
                       "2026/01/01 00:00:00.100, 0, NVIDIA A100-PCIE-40GB, 99.00 W\n"
                       "2026/01/01 00:00:00.101, 1, NVIDIA A100-PCIE-40GB, 98.00 W\n"
                       "2026/01/01 00:00:00.150, 0, Tesla V100-PCIE-32GB, 60.00 W\n"
                       "2026/01/01 00:00:00.151, 1, Tesla V100-PCIE-32GB, 61.00 W\n");
    assert_int_equal(r.runs_added, 4);
    struct wtl_run *runs;
    assert_int_equal(load_runs(&runs), 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(runs[i].stated_causes, 1 << WTL_CAUSE_contaminated);
        assert_non_null(strstr(runs[i].stated_reason, "A100"));
        assert_non_null(strstr(runs[i].stated_reason, "V100"));
    }
}

static void a_board_that_the_name_denies(void **state)
{
    (void)state;
    struct made_trace a = {.device = a100, .rows = 50, .power_w = 99, .clock_mhz = 1410};
    write_trace(at("results_v100_llama_job_9/run_1_01_freq_1380_profile.csv"), &a);
    struct wtl_import_result r = import_one(dir);
    assert_int_equal(r.n_notes, 1);
    struct wtl_run *runs;
    assert_int_equal(load_runs(&runs), 1);
    assert_string_equal(runs[0].gpu, "A100");
    assert_int_equal(runs[0].stated_causes, 1 << WTL_CAUSE_contaminated);
    assert_non_null(strstr(runs[0].stated_reason, "V100"));
}

static void two_gpus_of_one_kind_are_two_runs(void **state)
{
    (void)state;
    write_text(at("results_a100_llama_job_9/run_1_01_freq_1410_profile.csv"),
               "#Entity   POWER   TOTEC\n"
               "ID        W       mJ\n"
               "GPU 0     100.0   1000000\nGPU 1     50.0    5000000\n"
               "GPU 0     100.0   1005000\nGPU 1     50.0    5002500\n"
               "GPU 0     100.0   1010000\nGPU 1     50.0    5005000\n");
    struct wtl_import_result r = import_one(dir);
    assert_int_equal(r.runs_added, 2);
    assert_int_equal(r.n_notes, 0);
    struct wtl_run *runs;
    assert_int_equal(load_runs(&runs), 2);
    assert_string_equal(runs[0].device, "GPU 0");
    assert_string_equal(runs[1].device, "GPU 1");
    assert_int_equal(runs[0].stream, 0);
    assert_int_equal(runs[1].stream, 1);
    assert_near(runs[1].metric[WTL_R_power_mean_w], 50, 1e-9);
    assert_int_equal(runs[0].stated_causes + runs[1].stated_causes, 0);
}

/* ---- Samples ----------------------------------------------------------------------------------*/

struct seen {
    int64_t rows;
    double power_sum;
    double temp_sum;
};

static int see(void *ctx, const struct wtl_batch *batch, struct wtl_error *err)
{
    struct seen *s = ctx;
    (void)err;
    for (int i = 0; i < batch->n; i++) {
        assert_true(wtl_batch_valid(batch, WTL_M_power_w, i));
        s->power_sum += batch->column[WTL_M_power_w].value[i];
        s->temp_sum += batch->column[WTL_M_temp_c].value[i];
    }
    s->rows += batch->n;
    return 0;
}

static void samples_come_from_inside_or_from_their_file(void **state)
{
    (void)state;
    const char *trace = at("results_a100_llama_job_9/run_1_01_freq_1410_profile.csv");
    struct made_trace t = {.device = a100, .rows = 1300, .power_w = 99, .clock_mhz = 1410};
    const struct wtl_flow flow = {.alloc = wtl_alloc_system(), .threads = 1};
    for (int keep = 0; keep < 2; keep++) {
        struct wtl_error err = {0};
        struct wtl_import_result r = {0};
        struct wtl_campaign *c = NULL;
        struct wtl_run *runs;
        const char *paths[] = {at("results_a100_llama_job_9")};
        struct wtl_import_options options = options_for(paths, 1);
        write_trace(trace, &t);
        options.keep_samples = keep;
        unlink(campaign_path);
        assert_ok(try_import(&options, wtl_alloc_system(), 1, &r, &err), &err);
        assert_int_equal(load_runs(&runs), 1);
        assert_ok(wtl_campaign_open(campaign_path, WTL_CAMPAIGN_READ, wtl_clock_fixed(&wall_ns), &c,
                                    &err),
                  &err);
        struct seen seen = {0};
        assert_ok(wtl_flow_samples(&flow, c, &runs[0], see, &seen, &err), &err);
        assert_int_equal(seen.rows, 1300);
        assert_near(seen.power_sum, 1300 * 99, 1e-6);
        assert_near(seen.temp_sum, 1300 * 45, 1e-9);
        t.power_w = 98;
        write_trace(trace, &t);
        int changed = wtl_flow_samples(&flow, c, &runs[0], see, &seen, &err);
        assert_int_equal(unlink(trace), 0);
        int gone = wtl_flow_samples(&flow, c, &runs[0], see, &seen, &err);
        assert_int_equal(changed, keep ? 0 : -WTL_CORRUPT);
        assert_int_equal(gone, keep ? 0 : -WTL_NOTFOUND);
        wtl_campaign_close(c);
        t.power_w = 99;
    }
}

/* ---- Memory -----------------------------------------------------------------------------------*/

static void every_failed_allocation_leaves_nothing(void **state)
{
    (void)state;
    make_sweep(dir, "a100", a100);
    make_timing_log(dir, "a100");
    const char *paths[] = {at("results_a100_llama_job_77")};
    struct wtl_import_options options = options_for(paths, 1);
    long n = 1;
    for (; n < 10000; n++) {
        struct wtl_alloc_failing failing;
        struct wtl_error err = {0};
        struct wtl_import_result r = {.files_read = -7};
        int rc = try_import(&options, wtl_alloc_failing(&failing, n), 1, &r, &err);
        if (rc == 0)
            break;
        assert_int_equal(rc, -WTL_NOMEM);
        assert_int_equal(r.files_read, -7);
        assert_int_equal(access(campaign_path, F_OK), -1);
    }
    assert_in_range(n, 10, 9999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_sweep_tree_gives_its_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(a_25_ms_trace_does_not_double_the_energy, setup, teardown),
        cmocka_unit_test_setup_teardown(importing_again_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_may_come_in_any_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_of_another_name_is_told_by_content, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_change_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unreadable_trace_is_named_and_changes_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_nothing_tells_must_be_said, setup, teardown),
        cmocka_unit_test_setup_teardown(a_naming_pattern_and_an_interval_label, setup, teardown),
        cmocka_unit_test_setup_teardown(empty_traces_are_runs_without_data, setup, teardown),
        cmocka_unit_test_setup_teardown(traces_whose_text_is_lost_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(two_boards_in_one_file_are_kept_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(two_models_in_one_machine_are_no_mixture, setup, teardown),
        cmocka_unit_test_setup_teardown(two_machines_of_two_boards_are_a_mixture, setup, teardown),
        cmocka_unit_test_setup_teardown(a_board_that_the_name_denies, setup, teardown),
        cmocka_unit_test_setup_teardown(two_gpus_of_one_kind_are_two_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(samples_come_from_inside_or_from_their_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_failed_allocation_leaves_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
