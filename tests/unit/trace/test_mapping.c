/* SPDX-License-Identifier: Apache-2.0
 * Mappings: the schema, the reader, and the examples and tables of docs/formats.md. */
#include "trace/mapping.h"

#include "base/file.h"
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/collect_trace.h"
#include "trace/naming.h"

#define METRIC(run, name) wtl_run_get(run, WTL_R_##name, (double)NAN)
#define S INT64_C(1000000000)

static const struct wtl_mapping *load(struct wtl_arena *arena, const char *yaml)
{
    const struct wtl_mapping *m = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_mapping_load(arena, yaml, strlen(yaml), "m.yaml", &m, &err), &err);
    return m;
}

/* Reads `csv` through `yaml`. */
static int collect(struct collected *c, const char *yaml, const char *csv, const char *reader,
                   struct wtl_error *err)
{
    WTL_ARENA(arena);
    struct wtl_trace_options options = {.mapping = load(&arena, yaml), .reader = reader};
    return collect_memory(c, csv, strlen(csv), &options, err);
}

static void samples_with_streams_units_and_gaps(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(
        collect(&c,
                "mapping:\n"
                "  rows: samples\n"
                "  separator: semicolon\n"
                "  decimal: comma\n"
                "  skip_lines: 2\n"
                "  stream: card\n"
                "  missing: [off, '?']\n"
                "  time: {column: ms, form: ms}\n"
                "  constants: {gpu: L40S, workload: bert, device: rig 7, clock: 1.2GHz, job: j9}\n"
                "  columns:\n"
                "    - {column: board power, as: power_w, unit: mW}\n"
                "    - {column: LOAD, as: gpu_util, unit: '%'}\n"
                "    - {column: temp F, as: temp_c, factor: 0.5, offset: -10}\n"
                "    - {column: absent, as: sm_clock_mhz, required: false}\n",
                "garbage;;;\n\"more\ncard;ms;board power;load;temp F;rest\n"
                "0;0,5;70000;45;80;x\n1;0,5;71000,5;?;82;x\n0;1;off;46;84;x\n0;0,75;1;1;1;x\n"
                "1;oops;1;1;1;x\n1;2;abc;1;1;x\n1;3;1;1\n",
                NULL, &err),
        &err);
    assert_string_equal(c.report.reader, "mapped");
    assert_string_equal(c.report.unknown_columns, "rest");
    assert_int_equal(c.n_streams, 2);
    const struct collected_stream *s = c.streams[0];
    assert_string_equal(s->info.entity, "0");
    assert_string_equal(s->info.device, "rig 7");
    assert_int_equal(s->n, 2);
    assert_int_equal(s->t_ns[0], 500000);
    assert_int_equal(s->t_ns[1], 1000000);
    assert_near(s->value[WTL_M_power_w][0], 70, 1e-9);
    assert_false(s->valid[WTL_M_power_w][1]);
    assert_near(s->value[WTL_M_gpu_util][1], 0.46, 1e-12);
    assert_near(s->value[WTL_M_temp_c][0], 30, 1e-12);
    assert_false((s->info.present >> WTL_M_sm_clock_mhz) & 1);
    assert_near(c.streams[1]->value[WTL_M_power_w][0], 71.0005, 1e-9);
    assert_false(c.streams[1]->valid[WTL_M_gpu_util][0]);
    assert_int_equal(c.report.dropped[WTL_DROP_bad_time], 2);
    assert_int_equal(c.report.dropped[WTL_DROP_bad_number], 1);
    assert_int_equal(c.report.dropped[WTL_DROP_truncated_row], 1);
    assert_int_equal(c.report.first_dropped_line, 7);
    collect_free(&c);
}

static void times_in_every_unit(void **state)
{
    (void)state;
    static const struct {
        const char *form, *cell;
        int64_t t_ns;
    } cases[] = {
        {"ns", "1500000000", 1500000000},
        {"us", "1500000", 1500000000},
        {"ms", "1500", 1500000000},
        {"s", "1.5", 1500000000},
        {"min", "0.025", 1500000000},
        {"h", "2.5", INT64_C(9000000000000)},
        {"d", "0.5", INT64_C(43200000000000)},
        {"iso", "1970-01-01T00:00:01.5Z", 1500000000},
        {"iso", "1970/01/01 01:00:01.5+01:00", 1500000000},
        {"auto", "1970-01-01 00:00:01.5", 1500000000},
        {"auto", "00:00:01.5", 1500000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wtl_error err = {0};
        struct collected c = {0};
        char yaml[200], csv[80];
        snprintf(yaml, sizeof yaml,
                 "mapping: {rows: samples, time: {column: at, form: %s},\n"
                 "  columns: [{column: w, as: power_w}]}\n",
                 cases[i].form);
        snprintf(csv, sizeof csv, "at,w\n%s,70\n", cases[i].cell);
        assert_ok(collect(&c, yaml, csv, NULL, &err), &err);
        assert_int_equal(c.streams[0]->n, 1);
        assert_true(c.streams[0]->t_ns[0] == cases[i].t_ns);
        collect_free(&c);
    }
}

static void constants_reach_the_importer(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    const struct wtl_mapping *m =
        load(&arena, "mapping: {rows: samples, columns: [{column: w, as: power_w}],\n"
                     "  constants: {gpu: L40S, workload: bert, job: j9, clock: 1200}}\n");
    struct wtl_name_key key;
    assert_true(wtl_mapping_constants(m, &key));
    assert_string_equal(key.scheme, "mapping");
    assert_string_equal(key.gpu, "L40S");
    assert_string_equal(key.workload, "bert");
    assert_string_equal(key.job, "j9");
    assert_int_equal(key.clock_mhz, 1200);
    m = load(&arena, "mapping: {rows: samples, columns: [{column: w, as: power_w}]}\n");
    memset(&key, 0x5a, sizeof key);
    struct wtl_name_key before = key;
    assert_false(wtl_mapping_constants(m, &key));
    assert_false(wtl_mapping_constants(NULL, &key));
    assert_memory_equal(&key, &before, sizeof key);
}

static void runs_without_a_header(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct collected c = {0};
    static const char yaml[] = "mapping:\n"
                               "  rows: runs\n"
                               "  header: false\n"
                               "  separator: blank\n"
                               "  time: {column: '1'}\n"
                               "  constants: {gpu: L4, workload: vit, mem_clock: 6251}\n"
                               "  columns:\n"
                               "    - {column: 2, as: clock_mhz}\n"
                               "    - {column: 3, as: span_s, unit: ms}\n"
                               "    - {column: 5, as: energy_counter_j, unit: kJ}\n"
                               "    - {column: 4, as: rep_from_0}\n";
    assert_ok(collect(&c, yaml, "# c\n100 1200 2500 0 0.5 x y\n101  1185\t2600 1 0.45\n102 1 1 1\n",
                      "mapped", &err),
              &err);
    assert_int_equal(c.n_runs, 2);
    assert_string_equal(c.runs[0].gpu, "L4");
    assert_string_equal(c.runs[0].workload, "vit");
    assert_int_equal(c.runs[0].mem_clock_mhz, 6251);
    assert_int_equal(c.runs[0].start_ns, 100 * S);
    assert_int_equal(c.runs[1].clock_mhz, 1185);
    assert_int_equal(c.runs[1].rep, 2);
    assert_near(METRIC(&c.runs[0], span_s), 2.5, 1e-12);
    assert_near(METRIC(&c.runs[1], energy_counter_j), 450, 1e-9);
    assert_int_equal(c.report.dropped[WTL_DROP_truncated_row], 1);
    collect_free(&c);
    /* any file with enough columns might be meant, so the others come first */
    assert_ok(collect(&c, yaml, "1_01,1410,114,0,success\n", NULL, &err), &err);
    assert_string_equal(c.report.reader, "timing-summary");
    collect_free(&c);
}

static void only_files_with_its_columns_are_taken(void **state)
{
    (void)state;
    static const char yaml[] =
        "mapping: {rows: samples, columns: [{column: my watts, as: power_w}]}\n";
    struct wtl_error err = {0};
    struct collected c = {0};
    assert_ok(collect(&c, yaml, "my watts,t\n1,2\n", NULL, &err), &err);
    assert_string_equal(c.report.reader, "mapped");
    assert_false(c.streams[0]->info.has_time);
    collect_free(&c);
    assert_ok(collect(&c, yaml, "Time,Watts\n1,2\n", NULL, &err), &err);
    assert_string_equal(c.report.reader, "power-meter");
    collect_free(&c);
    assert_int_equal(collect(&c, yaml, "my wats,t\n1,2\n", "mapped", &err), -(int)WTL_PARSE);
    assert_string_equal(err.message, "no column \"my watts\", which the mapping uses");
    assert_string_equal(err.hint, "did you mean \"my wats\"?");
    collect_free(&c);
    /* Not forced, and no reader's: what the mapping misses is what the user must hear. */
    err = (struct wtl_error){0};
    assert_int_equal(collect(&c, yaml, "my wats,t\n1,2\n", NULL, &err), -(int)WTL_PARSE);
    assert_string_equal(err.message, "no column \"my watts\", which the mapping uses");
    assert_string_equal(err.hint, "did you mean \"my wats\"?");
    assert_int_equal(err.input_line, 1);
    collect_free(&c);
    err = (struct wtl_error){0};
    assert_int_equal(collect(&c, yaml, "a,b\n1,2\n", NULL, &err), -(int)WTL_PARSE);
    assert_string_equal(err.message, "no column \"my watts\", which the mapping uses");
    assert_string_equal(err.hint, "the header has: a, b");
    collect_free(&c);
    struct wtl_trace_options options = {.reader = "mapped"};
    err = (struct wtl_error){0};
    assert_int_equal(collect_memory(&c, "a\n", 2, &options, &err), -(int)WTL_USAGE);
    assert_non_null(strstr(err.message, "needs a mapping"));
    collect_free(&c);
}

static void bad_cells_of_runs_and_shares_are_errors(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *csv;
        int line, column;
        const char *message;
    } cases[] = {
        {"mapping: {rows: runs, columns: [{column: e, as: energy_counter_j}]}\n",
         "a,e\n1,2\n1,x2\n", 3, 3, "energy_counter_j: \"x2\" is not a number"},
        {"mapping: {rows: runs, time: {column: a}, columns: [{column: e, as: span_s}]}\n",
         "a,e\nx,2\n", 2, 1, "this is not a time"},
        {"mapping: {rows: samples, columns: [{column: u, as: gpu_util}]}\n", "u\n0.5\n45\n", 3, 1,
         "gpu_util: 45 is not a share"},
        {"mapping: {rows: samples, header: false, columns: [{column: 3, as: power_w}]}\n", "1,2\n",
         1, 1, "the row has 2 cells"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct wtl_error err = {0};
        struct collected c = {0};
        assert_int_equal(collect(&c, cases[i].yaml, cases[i].csv, "mapped", &err), -(int)WTL_PARSE);
        if (!strstr(err.message, cases[i].message))
            fail_msg("case %zu: %s", i, err.message);
        assert_int_equal(err.input_line, cases[i].line);
        assert_int_equal(err.input_column, cases[i].column);
        collect_free(&c);
    }
}

static void bad_mappings_name_their_place(void **state)
{
    (void)state;
#define COLUMNS "  columns:\n    - {column: a, as: power_w}\n"
    static const struct {
        const char *yaml;
        int line, column;
        const char *message, *hint;
    } cases[] = {
        {"mapping:\n  rows: samples\n  columns:\n    - {column: a, as: powr_w}\n", 4, 23,
         "as: \"powr_w\" is no metric of a sample", "did you mean \"power_w\"?"},
        {"mapping:\n  rows: runs\n  columns:\n    - {column: a, as: power_mean}\n", 4, 23,
         "as: \"power_mean\" is no field of a run", "did you mean \"power_mean_w\"?"},
        {"mapping:\n  rows: runs\n  columns:\n    - {column: a, as: path}\n", 4, 23,
         "as: \"path\" is no field of a run", ""},
        {"mapping:\n  rows: samples\n  columns:\n    - {column: a, as: power_w, unit: J}\n", 4, 23,
         "unit \"J\" does not fit \"power_w\"", "W, mW"},
        {"mapping:\n  rows: samples\n  columns:\n    - {column: a, as: pstate, unit: W}\n", 4, 23,
         "unit \"W\" does not fit \"pstate\"", "it has no unit"},
        {"mapping:\n  rows: samples\n" COLUMNS "    - {column: b, as: power_w}\n", 5, 23,
         "as: \"power_w\" is given twice (first on line 4)", ""},
        {"mapping:\n  rows: rns\n" COLUMNS, 2, 9, "rows: \"rns\" is not one of its values",
         "did you mean \"runs\"?"},
        {"mapping:\n  rows: runs\n", 2, 3, "mapping lacks the key \"columns\"", ""},
        {"mapping:\n  rows: runs\n  columns: []\n", 2, 3, "no columns", ""},
        {"mapping:\n" COLUMNS, 2, 3, "mapping lacks the key \"rows\"", ""},
        {"mapping:\n  rows: samples\n  header: false\n" COLUMNS, 5, 16, "\"a\" is no column number",
         ""},
        {"mapping:\n  rows: samples\n  header: false\n  stream: b\n"
         "  columns: [{column: 1, as: power_w}]\n",
         2, 3, "\"b\" is no column number", ""},
        {"mapping:\n  rows: samples\n  separatr: tab\n" COLUMNS, 3, 3,
         "unknown key \"separatr\" in mapping", "did you mean \"separator\"?"},
        {"mapping:\n  rows: samples\n  skip_lines: 1001\n" COLUMNS, 3, 15, "outside 0 to 1000", ""},
        {"naming: []\n", 1, 1, "the document has no \"mapping\"", ""},
        {"", 1, 1, "the document has no \"mapping\"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        WTL_ARENA(arena);
        const struct wtl_mapping *m = NULL;
        struct wtl_error err = {0};
        assert_int_equal(
            wtl_mapping_load(&arena, cases[i].yaml, strlen(cases[i].yaml), "m.yaml", &m, &err),
            -(int)WTL_PARSE);
        assert_null(m);
        if (!strstr(err.message, cases[i].message) || !strstr(err.hint, cases[i].hint))
            fail_msg("case %zu: %s / %s", i, err.message, err.hint);
        if (err.input_line != cases[i].line || err.input_column != cases[i].column)
            fail_msg("case %zu: at %d:%d", i, (int)err.input_line, (int)err.input_column);
    }
}

/* ---- docs/formats.md ---------------------------------------------------------------------------
 */

static const char *document(struct wtl_arena *arena)
{
    char *text = NULL;
    size_t n = 0;
    assert_ok(wtl_file_read(arena, source_path("docs/formats.md"), 1 << 20, &text, &n, NULL), NULL);
    return text;
}

/* The fenced block that follows a line holding `mark`. */
static const char *block_after(struct wtl_arena *arena, const char *text, const char *mark)
{
    const char *at = strstr(text, mark);
    if (!at)
        fail_msg("docs/formats.md lacks \"%s\"", mark);
    const char *open = strstr(at, "\n```");
    assert_non_null(open);
    const char *from = strchr(open + 1, '\n') + 1;
    const char *to = strstr(from, "\n```");
    assert_non_null(to);
    return wtl_arena_strndup(arena, from, (size_t)(to - from) + 1);
}

static void the_documented_schema_is_the_real_one(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_buf out;
    wtl_buf_init(&out, wtl_alloc_system(), 1 << 20);
    wtl_mapping_document(&out);
    if (!strstr(document(&arena), wtl_buf_str(&out)))
        fail_msg("docs/formats.md does not hold this text:\n%s", wtl_buf_str(&out));
    wtl_buf_fini(&out);
}

static void documented_lists_are_complete(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    const char *text = document(&arena);
    const char *name = NULL;
    const char *title = NULL;
    for (int i = 0; wtl_trace_reader_at(i, &name, &title); i++)
        if (!strstr(text, wtl_arena_printf(&arena, "`%s`", name)))
            fail_msg("docs/formats.md lacks the reader %s", name);
    for (int m = 0; m < (int)WTL_N_METRICS; m++) {
        name = wtl_metric_info((enum wtl_metric)m)->name;
        if (!strstr(text, wtl_arena_printf(&arena, "| `%s` |", name)))
            fail_msg("docs/formats.md lacks the metric %s of samples", name);
    }
    for (int m = 0; m < (int)WTL_N_RUN_METRICS; m++) {
        name = wtl_run_metric_info((enum wtl_run_metric)m)->name;
        if (!strstr(text, wtl_arena_printf(&arena, "| `%s` |", name)))
            fail_msg("docs/formats.md lacks the metric %s of runs", name);
    }
    for (int d = 0; d < (int)WTL_N_DROPS; d++)
        if (!strstr(text, wtl_arena_printf(&arena, "| `%s` | %s |", wtl_drop_name((enum wtl_drop)d),
                                           wtl_drop_text((enum wtl_drop)d))))
            fail_msg("docs/formats.md lacks the cause %s", wtl_drop_name((enum wtl_drop)d));
}

static void the_documented_mapping_works(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    const char *text = document(&arena);
    struct wtl_error err = {0};
    struct collected c = {0};
    const char *yaml = block_after(&arena, text, "<!-- example: mapping -->");
    const char *csv = block_after(&arena, text, "<!-- example: mapped file -->");
    assert_ok(collect(&c, yaml, csv, NULL, &err), &err);
    assert_string_equal(c.report.reader, "mapped");
    assert_int_equal(c.n_streams, 1);
    const struct collected_stream *s = c.streams[0];
    assert_int_equal(s->n, 3);
    assert_near(s->value[WTL_M_power_w][0], 71.25, 1e-9);
    assert_near(s->value[WTL_M_gpu_util][2], 0.97, 1e-12);
    assert_false(s->valid[WTL_M_power_w][1]);
    assert_int_equal(s->t_ns[2] - s->t_ns[0], 200000000);
    assert_string_equal(c.report.unknown_columns, "fan");
    collect_free(&c);
}

static void the_documented_naming_works(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    const char *yaml = block_after(&arena, document(&arena), "<!-- example: naming -->");
    const struct wtl_naming *naming = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_naming_load(&arena, yaml, strlen(yaml), "doc", &naming, &err), &err);
    struct wtl_name_key key;
    assert_true(wtl_naming_match(naming, "/data/L40S/resnet50/clk1200_r2.csv.gz", &key));
    assert_string_equal(key.gpu, "L40S");
    assert_string_equal(key.workload, "resnet50");
    assert_int_equal(key.clock_mhz, 1200);
    assert_int_equal(key.rep, 2);
    assert_true(key.is_trace);
    assert_true(wtl_naming_match(naming, "rig/night-17/bert_900.log", &key));
    assert_string_equal(key.scheme, "rig");
    assert_string_equal(key.gpu, "L4");
    assert_string_equal(key.job, "17");
    assert_string_equal(key.workload, "bert");
    assert_false(key.is_trace);
}

static const char *const readers[] = {
    "dcgmi", "nvidia-smi", "runs-table",  "timing-summary", "experiment-summary", "perf-times",
    "zeus",  "perf-stat",  "power-meter", "samples",        "samples-jsonl"};
enum { N_READERS = sizeof readers / sizeof *readers };

static void documented_samples_are_recognised(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    const char *text = document(&arena);
    for (size_t i = 0; i < N_READERS; i++) {
        const char *sample =
            block_after(&arena, text, wtl_arena_printf(&arena, "<!-- sample: %s -->", readers[i]));
        struct wtl_error err = {0};
        struct collected c = {0};
        assert_ok(collect_text(&c, sample, &err), &err);
        assert_string_equal(c.report.reader, readers[i]);
        assert_true(c.report.rows > 0);
        assert_int_equal(c.report.rows_dropped, 0);
        collect_free(&c);
    }
}

/* Reads with an allocator that fails its n-th request; true when nothing was refused. */
static bool read_with_failure(const char *reader, const char *text, long at)
{
    struct wtl_alloc_failing failing;
    struct wtl_trace_scratch *scratch = NULL;
    struct wtl_error err = {0};
    struct collected c = {0};
    int rc = wtl_trace_scratch_new(wtl_alloc_failing(&failing, at), &scratch, &err);
    if (rc == 0) {
        struct wtl_trace_options options = {.reader = reader, .scratch = scratch};
        rc = collect_memory(&c, text, strlen(text), &options, &err);
        collect_free(&c);
    }
    wtl_trace_scratch_free(scratch);
    assert_true(rc == 0 || rc == -(int)WTL_NOMEM);
    assert_true(rc == 0 || err.message[0] != '\0');
    return rc == 0;
}

static void readers_survive_failed_allocations(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    const char *text = document(&arena);
    for (size_t i = 0; i < N_READERS; i++) {
        const char *sample =
            block_after(&arena, text, wtl_arena_printf(&arena, "<!-- sample: %s -->", readers[i]));
        long at = 1;
        while (at < 100 && !read_with_failure(readers[i], sample, at))
            at++;
        assert_in_range(at, 2, 99); /* some request failed, and in the end none */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_with_streams_units_and_gaps),
        cmocka_unit_test(times_in_every_unit),
        cmocka_unit_test(constants_reach_the_importer),
        cmocka_unit_test(runs_without_a_header),
        cmocka_unit_test(only_files_with_its_columns_are_taken),
        cmocka_unit_test(bad_cells_of_runs_and_shares_are_errors),
        cmocka_unit_test(bad_mappings_name_their_place),
        cmocka_unit_test(the_documented_schema_is_the_real_one),
        cmocka_unit_test(documented_lists_are_complete),
        cmocka_unit_test(the_documented_mapping_works),
        cmocka_unit_test(the_documented_naming_works),
        cmocka_unit_test(documented_samples_are_recognised),
        cmocka_unit_test(readers_survive_failed_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
