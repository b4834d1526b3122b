/* SPDX-License-Identifier: Apache-2.0
 * Tables of runs: the shipped one, published layouts, our own exports. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "support/collect_trace.h"
#include "trace/run_field.h"

static const struct wtl_run *find(const struct collected *c, const char *gpu, const char *workload,
                                  int64_t seq)
{
    for (int i = 0; i < c->n_runs; i++)
        if (strcmp(c->runs[i].gpu, gpu) == 0 && strcmp(c->runs[i].workload, workload) == 0 &&
            c->runs[i].seq == seq)
            return &c->runs[i];
    fail_msg("no run %s %s %lld", gpu, workload, (long long)seq);
    return NULL;
}

#define METRIC(run, name) wtl_run_get(run, WTL_R_##name, (double)NAN)

static void reads_the_published_runs(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_file(&c, source_path("data/frequency/runs_v100_a100.csv"), &err), &err);
    assert_string_equal(c.report.reader, "runs-table");
    assert_string_equal(c.report.dialect, "runs of the published campaign, 13 columns");
    assert_string_equal(c.report.unknown_columns, "");
    assert_int_equal(c.report.lines, 1441);
    assert_int_equal(c.n_runs, 1440);
    assert_int_equal(c.report.rows_dropped, 0);
    assert_int_equal(c.report.cells, 1440 * 13);
    assert_int_equal(c.report.cells_missing, 0);
    const struct wtl_run *r = find(&c, "A100", "llama", 1);
    assert_string_equal(r->job, "20892442");
    assert_int_equal(r->rep, 1);
    assert_int_equal(r->clock_mhz, 1410);
    assert_int_equal(r->mode, WTL_MODE_SWEEP);
    assert_int_equal(r->status, WTL_RUN_UNKNOWN);
    assert_near(METRIC(r, reported_time_s), 91.09, 0);
    assert_near(METRIC(r, nominal_time_s), 373.55, 0);
    assert_near(METRIC(r, power_mean_w), 56.96, 0);
    assert_near(METRIC(r, energy_nominal_j), 21277.36, 0);
    assert_near(METRIC(r, n_samples), 7471, 0);
    assert_near(METRIC(r, power_first_w), 35.256, 0);
    assert_near(METRIC(r, label_interval_s), 0.05, 0);
    assert_false(wtl_run_has(r, WTL_R_time_s)); /* chosen by runs/, never here */
    assert_int_equal(r->stream, 0);
    r = find(&c, "A100", "whisper", 152);
    assert_int_equal(r->clock_mhz, 660);
    assert_near(METRIC(r, nominal_time_s), 11.65, 0);
    assert_near(METRIC(r, energy_nominal_j), 447.59, 0);
    double n_samples = 0;
    double energy = 0;
    for (int i = 0; i < c.n_runs; i++) {
        n_samples += METRIC(&c.runs[i], n_samples);
        energy += METRIC(&c.runs[i], energy_nominal_j);
        assert_int_equal(c.runs[i].stream, i);
    }
    assert_near(n_samples, 1050662, 0);
    assert_near(energy, 3061062.97, 0.005);
    collect_free(&c);
}

static void reads_the_published_iteration_times(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_file(&c, source_path("data/frequency/perf_times.csv"), &err), &err);
    assert_int_equal(c.n_runs, 33);
    assert_string_equal(c.runs[0].gpu, "A100"); /* GA100 in the file */
    assert_string_equal(c.runs[0].workload, "lstm");
    assert_int_equal(c.runs[0].rep, 1); /* counted from 0 in the file */
    assert_int_equal(c.runs[1].rep, 2);
    assert_near(METRIC(&c.runs[0], span_s), 489.54077911376953, 0);
    assert_string_equal(c.report.unknown_columns, "provenance");
    collect_free(&c);
}

static void a_table_of_claims_is_no_table_of_runs(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct collected c = {0};
    int rc = collect_file(&c, source_path("data/frequency/published_claims.csv"), &err);
    assert_int_equal(rc, -(int)WTL_PARSE);
    assert_non_null(strstr(err.message, "no reader knows"));
    collect_free(&c);
}

static const char long_layout[] =
    "frequency,execution_time,num_samples,avg_power,std_power,min_power,max_power,energy,"
    "avg_gputl,std_gputl,avg_mcutl,std_mcutl,avg_drama,std_drama,avg_gract,std_gract,avg_smact,"
    "std_smact,avg_temp,max_temp,avg_smclk,avg_mmclk,gpu,application,run,job_id,result_dir,edp,"
    "ed2p\n"
    "510,93.45,1869,64.9,11.5,33.1,88.2,6064.91,46.9,21.0,20.5,9.0,49.3,12.1,88.0,9.5,0.9,0.4,60.6,"
    "64,509.5,877,V100,LLAMA,1,job,results/results_v100_llama_job_20892437,566765.8,52964270\n";

static void reads_the_long_published_layout(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, long_layout, &err), &err);
    assert_string_equal(c.report.dialect, "published aggregate, 29 columns");
    assert_string_equal(c.report.unknown_columns, "");
    assert_int_equal(c.n_runs, 1);
    const struct wtl_run *r = &c.runs[0];
    assert_string_equal(r->gpu, "V100");
    assert_string_equal(r->workload, "LLAMA");
    assert_string_equal(r->job, "20892437"); /* the file itself says "job" */
    assert_int_equal(r->rep, 1);
    assert_int_equal(r->clock_mhz, 510);
    assert_near(METRIC(r, nominal_time_s), 93.45, 0);
    assert_near(METRIC(r, label_interval_s), 0.05, 1e-12);
    assert_near(METRIC(r, energy_nominal_j), 6064.91, 0);
    assert_near(METRIC(r, power_sd_w), 11.5, 0);
    assert_near(METRIC(r, power_min_w), 33.1, 0);
    assert_near(METRIC(r, power_max_w), 88.2, 0);
    assert_near(METRIC(r, gpu_util), 0.469, 1e-12);
    assert_near(METRIC(r, mem_util_sd), 0.09, 1e-12);
    assert_near(METRIC(r, dram_active), 0.493, 1e-12); /* percent in this layout */
    assert_near(METRIC(r, gr_active_sd), 0.095, 1e-12);
    assert_near(METRIC(r, sm_active), 0.009, 1e-12);
    assert_near(METRIC(r, temp_mean_c), 60.6, 0);
    assert_near(METRIC(r, temp_max_c), 64, 0);
    assert_near(METRIC(r, sm_clock_mean_mhz), 509.5, 0);
    collect_free(&c);
}

static void reads_the_reduced_layout(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c,
                           "\xef\xbb\xbfgpu,application,frequency,avg_power,execution_time,energy,"
                           "avg_gputl,avg_drama,avg_temp\r\n"
                           "V100,LLAMA,510,64.9,93.45,6064.91,46.9,0.493,60.6\r\n"
                           "\"V100\", \"Stable \"\"Diffusion\"\"\" ,525, N/A ,1e2,,46.9,,60\r\n",
                           &err),
              &err);
    assert_int_equal(c.n_runs, 2);
    assert_near(METRIC(&c.runs[0], dram_active), 0.493, 0); /* a share in this layout */
    assert_near(METRIC(&c.runs[0], gpu_util), 0.469, 1e-12);
    assert_string_equal(c.runs[1].workload, "Stable \"Diffusion\"");
    assert_false(wtl_run_has(&c.runs[1], WTL_R_power_mean_w));
    assert_false(wtl_run_has(&c.runs[1], WTL_R_energy_nominal_j));
    assert_near(METRIC(&c.runs[1], nominal_time_s), 100, 0);
    assert_int_equal(c.report.cells_missing, 3);
    collect_free(&c);
}

static void units_in_headers_and_cells(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c,
                           "GPU;Workload;Frequency (GHz);avg power [kW];time_s;energy_j;gpu_util "
                           "[%];mystery\n"
                           "L4;bert;1.2;0.07;2000 ms;0.14 kJ;45;x\n",
                           &err),
              &err);
    assert_int_equal(c.n_runs, 1);
    assert_int_equal(c.runs[0].clock_mhz, 1200);
    assert_near(METRIC(&c.runs[0], power_mean_w), 70, 1e-9);
    /* no other source of time and energy: these are the measured values */
    assert_near(METRIC(&c.runs[0], span_s), 2, 1e-12);
    assert_near(METRIC(&c.runs[0], energy_integral_j), 140, 1e-9);
    assert_near(METRIC(&c.runs[0], gpu_util), 0.45, 1e-12);
    assert_string_equal(c.report.unknown_columns, "mystery");
    collect_free(&c);
}

static void errors_name_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int line, column;
        const char *message, *hint;
    } cases[] = {
        {"gpu,application,frequency,avg_power,execution_time\nV100,a,510,1,2\nV100,a,525,64x,2\n",
         3, 12, "power_mean_w: \"64x\" is not a number", "mend the cell"},
        {"gpu,application,frequency,avg_power\nV100,a,-5,1\n", 2, 8,
         "clock_mhz: \"-5\" is not a clock", ""},
        {"gpu,application,frequency,avg_power\nV100,a,510.5,1\n", 2, 8,
         "clock_mhz: \"510.5\" is not a clock", ""},
        {"gpu,application,frequency,avg_power,avg_drama\nV100,a,510,1,49.3\n", 2, 14,
         "dram_active: \"49.3\" is not a share from 0 to 1", "in percent"},
        {"gpu,application,frequency,rep,avg_power\nV100,a,510,1.5,3\n", 2, 12,
         "rep: \"1.5\" is not a whole number", ""},
        {"gpu,application,frequency,status,avg_power\nV100,a,510,maybe,3\n", 2, 12,
         "status: \"maybe\" is not success", ""},
        {"gpu,application,frequncy,avg_power,energy\n", 1, 17, "no column gives the clock",
         "did you mean \"frequency\" by \"frequncy\"?"},
        {"gpu,frequency,avg_power,energy\n", 1, 1, "no column gives the workload",
         "it may be called application"},
        {"gpu,application,frequency,avg_power,avg_power\n", 1, 37,
         "column \"avg_power\" says the same as column \"avg_power\"", ""},
        {"gpu,application,frequency,freq_mhz,avg_power\n", 1, 27,
         "column \"freq_mhz\" says the same as column \"frequency\"", ""},
        {"gpu,application,frequency,avg_power [J]\n", 1, 27, "unit \"J\" does not fit this column",
         "W, mW"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wtl_error err = {0};
        struct collected c = {0};
        assert_int_equal(collect_text(&c, cases[i].text, &err), -(int)WTL_PARSE);
        if (!strstr(err.message, cases[i].message) || !strstr(err.hint, cases[i].hint))
            fail_msg("case %zu: %s / %s", i, err.message, err.hint);
        assert_int_equal(err.input_line, cases[i].line);
        assert_int_equal(err.input_column, cases[i].column);
        assert_string_equal(err.input_file, "memory");
        collect_free(&c);
    }
}

static void units_in_names_brackets_and_cells(void **state)
{
    (void)state;
    static const struct {
        const char *header, *cells;
        double time_s, energy_j; /* as sources: span_s, energy_integral_j */
    } cases[] = {
        {"time_s,energy_j", "20,4000", 20, 4000},
        {"time (ms),energy_j (kJ)", "20000,4", 20, 4000},
        {"time,energy_j", "20,4000", 20, 4000},
        {"time_ms,energy_wh", "20000,1.5", 20, 5400},
        {"duration_s,energy_kj", "20,4", 20, 4000},
        {"duration (min),energy_mj", "0.5,4000000", 30, 4000},
        {"runtime [hours],energy_j (mWh)", "0.5,1000000", 1800, 3600000},
        {"elapsed_us,energy_j [kWh]", "20000000,0.001", 20, 3600},
        {"time (ms),energy_j (kJ)", "20 s,4000 J", 20, 4000},     /* the cell's own unit counts */
        {"time_s,time,energy_j", "20,1690000000,4000", 20, 4000}, /* a stamp beside a duration */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[300];
        struct wtl_error err = {0};
        struct collected c = {0};
        snprintf(text, sizeof text, "gpu,workload,clock_mhz,%s\nA100,w,1410,%s\n", cases[i].header,
                 cases[i].cells);
        assert_ok(collect_text(&c, text, &err), &err);
        assert_near(METRIC(&c.runs[0], span_s), cases[i].time_s, 1e-9);
        assert_near(METRIC(&c.runs[0], energy_integral_j), cases[i].energy_j, 1e-6);
        assert_string_equal(c.report.unknown_columns, i == 9 ? "time" : "");
        collect_free(&c);
    }
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, "gpu,workload,clock_ghz,power_mw\nA100,w,1.41,200000\n", &err),
              &err);
    assert_int_equal(c.runs[0].clock_mhz, 1410);
    assert_near(METRIC(&c.runs[0], power_mean_w), 200, 1e-9);
    collect_free(&c);
}

static void decimal_commas_where_no_comma_parts(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c,
                           "gpu;workload;clock_mhz;time_s;energy_j\nA100;w;1410;20,5;4000,25\n"
                           "A100;w;1410;20.5;4000.25\n",
                           &err),
              &err);
    for (int i = 0; i < 2; i++) {
        assert_near(METRIC(&c.runs[i], span_s), 20.5, 1e-12);
        assert_near(METRIC(&c.runs[i], energy_integral_j), 4000.25, 1e-9);
    }
    collect_free(&c);
    assert_int_equal(collect_text(&c, "gpu;workload;clock_mhz;time_s\nA100;w;1410;1.020,5\n", &err),
                     -(int)WTL_PARSE);
    collect_free(&c);
}

static void exit_codes_and_words_of_status(void **state)
{
    (void)state;
    static const struct {
        const char *header, *cell;
        enum wtl_run_status status;
    } cases[] = {
        {"exit_code", "0", WTL_RUN_SUCCESS},
        {"exit_code", "1", WTL_RUN_FAILED},
        {"returncode", "137", WTL_RUN_FAILED},
        {"return_code", "-9", WTL_RUN_FAILED},
        {"exit_status", "", WTL_RUN_UNKNOWN},
        {"status", "ok", WTL_RUN_SUCCESS},
        {"status", "1", WTL_RUN_FAILED},
        {"status", "0", WTL_RUN_SUCCESS},
        {"status", "Timed out", WTL_RUN_TIMEOUT},
        {"state", "error", WTL_RUN_FAILED},
        {"exit_code,status", "1,success", WTL_RUN_FAILED},
        {"status,exit_code", "failed,0", WTL_RUN_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        struct wtl_error err = {0};
        struct collected c = {0};
        snprintf(text, sizeof text, "gpu,workload,clock_mhz,time_s,%s\nA100,w,1410,20,%s\n",
                 cases[i].header, cases[i].cell);
        assert_ok(collect_text(&c, text, &err), &err);
        assert_int_equal(c.runs[0].status, cases[i].status);
        collect_free(&c);
    }
}

static void header_only_is_empty_and_no_header_is_an_error(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_text(&c, "gpu,application,frequency,avg_power\n", &err), &err);
    assert_int_equal(c.n_runs, 0);
    assert_int_equal(c.report.rows, 0);
    collect_free(&c);
    struct wtl_trace_options options = {.reader = "runs-table"};
    assert_int_equal(collect_memory(&c, "# only\n", 7, &options, &err), -(int)WTL_PARSE);
    assert_string_equal(err.message, "the table has no header");
    collect_free(&c);
    err = (struct wtl_error){0};
    assert_int_equal(collect_memory(&c, "", 0, &options, &err), -(int)WTL_PARSE);
    collect_free(&c);
}

static void odd_rows_are_counted(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct collected c = {0};
    size_t n = 0;
    char *text = malloc(WTL_LIMIT_LINE_BYTES + 1000);
    assert_non_null(text);
    n += (size_t)sprintf(text, "gpu,application,frequency,avg_power\n" /* 1 */
                               "V100,a,510,1\n"
                               "V100,a,510\n" /* 3: cut */
                               "V100,a,510,1,9\n"
                               "V100,a,510,1,,\n"
                               "V100,\"a,510,1\n"); /* 6: quote */
    memset(text + n, 'x', WTL_LIMIT_LINE_BYTES);
    n += WTL_LIMIT_LINE_BYTES;
    n += (size_t)sprintf(text + n, "\nV100,a,510,2\nV100,a,5"); /* 7 long, 9 cut */
    assert_ok(collect_memory(&c, text, n, NULL, &err), &err);
    assert_int_equal(c.n_runs, 3);
    assert_int_equal(c.report.rows_dropped, 5);
    assert_int_equal(c.report.dropped[WTL_DROP_truncated_row], 2);
    assert_int_equal(c.report.dropped[WTL_DROP_too_many_cells], 1);
    assert_int_equal(c.report.dropped[WTL_DROP_unknown_row], 1);
    assert_int_equal(c.report.dropped[WTL_DROP_binary], 1);
    assert_int_equal(c.report.first_dropped_line, 3);
    assert_int_equal(c.report.lines, 9);
    free(text);
    collect_free(&c);
}

/* ---- Our own table --------------------------------------------------------------------------- */

static void random_run(struct wtl_rng *rng, struct wtl_run *run)
{
    static const char *const names[] = {"A100", "llama, big", "say \"x\"", "b;c", " d", "#e", ""};
    *run = (struct wtl_run){0};
    strcpy(run->gpu, names[wtl_rng_below(rng, 7)]);
    strcpy(run->workload, names[wtl_rng_below(rng, 7)]);
    strcpy(run->job, names[wtl_rng_below(rng, 7)]);
    strcpy(run->device, names[wtl_rng_below(rng, 7)]);
    strcpy(run->stated_reason, names[wtl_rng_below(rng, 7)]);
    run->stated_causes = wtl_rng_below(rng, 1u << WTL_N_CAUSES);
    run->rep = (int)wtl_rng_below(rng, 4);
    run->seq = wtl_rng_below(rng, 100000);
    run->clock_mhz = (int)wtl_rng_below(rng, 3000);
    run->mem_clock_mhz = (int)wtl_rng_below(rng, 3000);
    run->start_ns = INT64_C(1780000000123456789) + wtl_rng_below(rng, 1000);
    run->mode = (enum wtl_run_mode)wtl_rng_below(rng, 4);
    run->status = (enum wtl_run_status)wtl_rng_below(rng, 4);
    for (int m = 0; m < (int)WTL_N_RUN_METRICS; m++) {
        bool share = wtl_run_metric_info((enum wtl_run_metric)m)->unit == WTL_UNIT_FRACTION;
        if (wtl_rng_below(rng, 3))
            wtl_run_set(run, (enum wtl_run_metric)m,
                        share ? wtl_rng_uniform(rng) : 1e3 * wtl_rng_normal(rng));
    }
    strcpy(run->point.variant, names[wtl_rng_below(rng, 7)]);
    strcpy(run->unit, names[wtl_rng_below(rng, 7)]);
    run->window = wtl_rng_below(rng, 2);
    run->energy_method = (enum wtl_energy_method)wtl_rng_below(rng, WTL_N_ENERGY_METHODS);
    run->energy_class = (enum wtl_energy_class)wtl_rng_below(rng, WTL_N_CLASSES);
    run->energy_troubles = wtl_rng_below(rng, 1u << WTL_N_ENERGY_TROUBLES);
    for (int s = 0; s < (int)WTL_N_SETTINGS; s++)
        if (wtl_rng_below(rng, 2))
            wtl_point_set(&run->point, (enum wtl_setting)s, 1 - wtl_rng_uniform(rng));
}

static void write_rows(const struct wtl_run *runs, int n, struct wtl_buf *out)
{
    wtl_runs_csv_header(out);
    for (int i = 0; i < n; i++)
        wtl_runs_csv_row(out, &runs[i]);
}

static void what_is_exported_reads_back(void **state)
{
    (void)state;
    enum { N = 300 };
    struct wtl_rng rng;
    wtl_rng_init(&rng, 21);
    struct wtl_run *runs = calloc(N, sizeof *runs);
    assert_non_null(runs);
    for (int i = 0; i < N; i++) {
        random_run(&rng, &runs[i]);
        wtl_run_set(&runs[i], WTL_R_label_interval_s, 0.05);
    }
    struct wtl_buf first;
    struct wtl_buf second;
    wtl_buf_init(&first, wtl_alloc_system(), 1 << 24);
    wtl_buf_init(&second, wtl_alloc_system(), 1 << 24);
    write_rows(runs, N, &first);
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_memory(&c, first.data, first.len, NULL, &err), &err);
    assert_string_equal(c.report.reader, "runs-table");
    assert_non_null(strstr(c.report.dialect, "exported runs"));
    assert_string_equal(c.report.unknown_columns, "");
    assert_int_equal(c.n_runs, N);
    write_rows(c.runs, N, &second);
    assert_string_equal(wtl_buf_str(&second), wtl_buf_str(&first));
    collect_free(&c);
    wtl_buf_fini(&first);
    wtl_buf_fini(&second);
    free(runs);
}

static void judgements_are_written_and_made_anew(void **state)
{
    (void)state;
    struct wtl_run run = {.gpu = "A100", .workload = "vit", .clock_mhz = 1410};
    run.causes = 1u << WTL_CAUSE_cold_start | 1u << WTL_CAUSE_throttled;
    strcpy(run.reason, "36 times the warm median");
    wtl_run_set(&run, WTL_R_span_s, 2.5);
    struct wtl_buf out;
    wtl_buf_init(&out, wtl_alloc_system(), 1 << 20);
    write_rows(&run, 1, &out);
    assert_non_null(strstr(wtl_buf_str(&out), "throttled+cold_start,36 times the warm median\n"));
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect_memory(&c, out.data, out.len, NULL, &err), &err);
    assert_int_equal(c.runs[0].causes, 0);
    assert_near(METRIC(&c.runs[0], span_s), 2.5, 0);
    collect_free(&c);
    wtl_buf_fini(&out);
}

static void every_field_has_a_name(void **state)
{
    (void)state;
    for (int f = 0; f < WTL_N_RUN_FIELDS; f++) {
        assert_non_null(wtl_run_field_name(f));
        assert_int_equal(wtl_run_field_by_name(wtl_run_field_name(f)), f);
        assert_true(wtl_run_field_expected(f)[0] != '\0');
    }
    assert_int_equal(wtl_run_field_by_name("nothing"), WTL_N_RUN_FIELDS);
}

static void blocks_do_not_matter(void **state)
{
    (void)state;
    static const char text[] = "# comment\n\ngpu;application;frequency;avg_power\n"
                               "V100;a;510;1\nV100;a\n\nV100;b;525;2.5\n# c\nV100;c;540;3;4\n"
                               "V100;\"d;1;1\nV100;e;1;1";
    assert_blocks_do_not_matter(&wtl_reader_table, text);
}

static int refuse(void *ctx, const struct wtl_run *run, struct wtl_error *err)
{
    (void)ctx;
    return WTL_FAIL(err, WTL_IO, "no room for %s", run->gpu);
}

static void a_refusing_sink_ends_the_reading(void **state)
{
    (void)state;
    struct wtl_input *in = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_input_new(wtl_alloc_system(), &in, &err), &err);
    assert_ok(wtl_input_open_memory(in, "m", long_layout, strlen(long_layout), false, &err), &err);
    struct wtl_trace_sink sink = {.run = refuse};
    struct wtl_read_report report;
    assert_int_equal(wtl_trace_read(in, NULL, &sink, &report, &err), -(int)WTL_IO);
    assert_string_equal(err.message, "no room for V100");
    wtl_input_free(in);
}

static void a_table_without_a_measured_column_is_none_of_runs(void **state)
{
    (void)state;
    static const char none[] = "gpu,workload,job,device,seq\nV100,resnet50,1,0,3\n";
    static const char time[] = "gpu,workload,job,device,time_s\nV100,resnet50,1,0,3\n";
    assert_int_equal(wtl_reader_table.probe(none, strlen(none), NULL), 0);
    assert_true(wtl_reader_table.probe(time, strlen(time), NULL) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_published_runs),
        cmocka_unit_test(reads_the_published_iteration_times),
        cmocka_unit_test(a_table_of_claims_is_no_table_of_runs),
        cmocka_unit_test(a_table_without_a_measured_column_is_none_of_runs),
        cmocka_unit_test(reads_the_long_published_layout),
        cmocka_unit_test(reads_the_reduced_layout),
        cmocka_unit_test(units_in_headers_and_cells),
        cmocka_unit_test(errors_name_line_and_column),
        cmocka_unit_test(units_in_names_brackets_and_cells),
        cmocka_unit_test(decimal_commas_where_no_comma_parts),
        cmocka_unit_test(exit_codes_and_words_of_status),
        cmocka_unit_test(header_only_is_empty_and_no_header_is_an_error),
        cmocka_unit_test(odd_rows_are_counted),
        cmocka_unit_test(what_is_exported_reads_back),
        cmocka_unit_test(judgements_are_written_and_made_anew),
        cmocka_unit_test(every_field_has_a_name),
        cmocka_unit_test(blocks_do_not_matter),
        cmocka_unit_test(a_refusing_sink_ends_the_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
