/* SPDX-License-Identifier: Apache-2.0
 * Tables with one run a row: our own, the runs table of the published campaign, and the aggregate
 * tables of the published scripts (29 columns and the reduced form). */
#include "trace/naming.h"
#include "trace/reader.h"
#include "trace/run_field.h"
#include "trace/tabular.h"

#include <stdio.h>
#include <string.h>

/* Column names of others; our own names (core/run.h) are added to these. Derived columns are known
 * and not kept. A factor of 0.01: printed in percent. */
static const struct wtl_alias foreign[] = {
    {"gpu_type", WTL_F_GPU, 0},
    {"gpu_name", WTL_F_GPU, 0},
    {"arch", WTL_F_GPU, 0},
    {"application", WTL_F_WORKLOAD, 0},
    {"app", WTL_F_WORKLOAD, 0},
    {"app_name", WTL_F_WORKLOAD, 0},
    {"job_id", WTL_F_JOB, 0},
    {"slurm_job_id", WTL_F_JOB, 0},
    {"device_name", WTL_F_DEVICE, 0},
    {"uuid", WTL_F_DEVICE, 0},
    {"sequence", WTL_F_SEQ, 0},
    {"run", WTL_F_REP, 0},
    {"repetition", WTL_F_REP, 0},
    {"iteration", WTL_F_REP_FROM_0, 0},
    {"frequency", WTL_F_CLOCK, 0},
    {"frequency_mhz", WTL_F_CLOCK, 0},
    {"freq_mhz", WTL_F_CLOCK, 0},
    {"freq", WTL_F_CLOCK, 0},
    {"label_freq_mhz", WTL_F_CLOCK, 0},
    {"clock", WTL_F_CLOCK, 0},
    {"sm_clock_mhz", WTL_F_CLOCK, 0},
    {"memory_clock_mhz", WTL_F_MEM_CLOCK, 0},
    {"mem_freq_mhz", WTL_F_MEM_CLOCK, 0},
    {"start", WTL_F_START, 0},
    {"start_time", WTL_F_START, 0},
    {"source_file", WTL_F_PATH, 0},
    {"result_dir", WTL_F_PATH, 0},
    {"num_runs", WTL_R_mean_of, 0},
    {"num_samples", WTL_R_n_samples, 0},
    {"samples", WTL_R_n_samples, 0},
    {"execution_time", WTL_R_nominal_time_s, 0},
    {"proc_time_s", WTL_R_nominal_time_s, 0},
    {"reported_time", WTL_R_reported_time_s, 0},
    {"duration_seconds", WTL_R_wrapper_time_s, 0},
    {"energy", WTL_R_energy_nominal_j, 0},
    {"energy_j_p_n_50ms", WTL_R_energy_nominal_j, 0},
    {"avg_power", WTL_R_power_mean_w, 0},
    {"avg_power_w", WTL_R_power_mean_w, 0},
    {"mean_power", WTL_R_power_mean_w, 0},
    {"mean_power_w", WTL_R_power_mean_w, 0},
    {"std_power", WTL_R_power_sd_w, 0},
    {"min_power", WTL_R_power_min_w, 0},
    {"max_power", WTL_R_power_max_w, 0},
    {"first_power_w", WTL_R_power_first_w, 0},
    {"avg_gputl", WTL_R_gpu_util, 0.01},
    {"std_gputl", WTL_R_gpu_util_sd, 0.01},
    {"avg_mcutl", WTL_R_mem_util, 0.01},
    {"std_mcutl", WTL_R_mem_util_sd, 0.01},
    {"avg_drama", WTL_R_dram_active, 0},
    {"std_drama", WTL_R_dram_active_sd, 0},
    {"avg_gract", WTL_R_gr_active, 0},
    {"std_gract", WTL_R_gr_active_sd, 0},
    {"avg_smact", WTL_R_sm_active, 0},
    {"std_smact", WTL_R_sm_active_sd, 0},
    {"avg_temp", WTL_R_temp_mean_c, 0},
    {"max_temp", WTL_R_temp_max_c, 0},
    {"avg_smclk", WTL_R_sm_clock_mean_mhz, 0},
    {"avg_mmclk", WTL_FIELD_IGNORED, 0},
    {"edp", WTL_FIELD_IGNORED, 0},
    {"ed2p", WTL_FIELD_IGNORED, 0},
    {"exit_status", WTL_F_EXIT_CODE, 0},
    {"exitcode", WTL_F_EXIT_CODE, 0},
    {"return_code", WTL_F_EXIT_CODE, 0},
    {"returncode", WTL_F_EXIT_CODE, 0},
    {"retcode", WTL_F_EXIT_CODE, 0},
    {"state", WTL_F_STATUS, 0, true},
    {"time", WTL_R_time_s, 0, true},
    {"runtime", WTL_R_time_s, 0, true},
    {"run_time", WTL_R_time_s, 0, true},
    {"duration", WTL_R_time_s, 0, true},
    {"elapsed", WTL_R_time_s, 0, true},
    {"elapsed_time", WTL_R_time_s, 0, true},
    {"seconds", WTL_R_time_s, 0, true},
    {"joules", WTL_R_energy_j, 0, true},
    {"power", WTL_R_power_w, 0, true},
    {"watts", WTL_R_power_w, 0, true},
    {"causes", WTL_FIELD_IGNORED, 0},
    {"reason", WTL_FIELD_IGNORED, 0},
};
enum {
    N_FOREIGN = sizeof foreign / sizeof *foreign,
    N_ALIASES = N_FOREIGN + WTL_N_RUN_FIELDS,
};

/* What a run is of: a log of a meter has none of these. */
static const struct wtl_alias identities[] = {
    {"gpu", WTL_F_GPU, 0},           {"gpu_type", WTL_F_GPU, 0},
    {"gpu_name", WTL_F_GPU, 0},      {"arch", WTL_F_GPU, 0},
    {"workload", WTL_F_WORKLOAD, 0}, {"application", WTL_F_WORKLOAD, 0},
    {"app", WTL_F_WORKLOAD, 0},      {"app_name", WTL_F_WORKLOAD, 0},
    {"clock_mhz", WTL_F_CLOCK, 0},   {"frequency", WTL_F_CLOCK, 0},
    {"freq_mhz", WTL_F_CLOCK, 0},    {"clock", WTL_F_CLOCK, 0},
};
enum { N_IDENTITIES = sizeof identities / sizeof *identities };

struct table {
    struct wtl_tabular tab;
    struct wtl_alias aliases[N_ALIASES];
    struct wtl_bound bound[WTL_LIMIT_COLUMNS];
    double label_interval_s; /* claimed by a column name; 0: unknown */
};

static void list_aliases(struct wtl_alias *aliases)
{
    memcpy(aliases, foreign, sizeof foreign);
    for (int f = 0; f < WTL_N_RUN_FIELDS; f++)
        aliases[N_FOREIGN + f] = (struct wtl_alias){wtl_run_field_name(f), f, 0};
}

/* ---- Header ---------------------------------------------------------------------------------- */

/* The published aggregation multiplies activity by 100 whenever its largest value is at most 1,
 * which for DCGM's 0..1 fields is always: the long layout is in percent, the reduced one not. */
static void settle_activity(struct table *t, bool long_layout)
{
    for (int i = 0; long_layout && i < t->tab.n_columns; i++) {
        const struct wtl_view name = t->tab.csv.cells[i].text;
        int f = t->bound[i].field;
        bool activity = f == WTL_R_dram_active || f == WTL_R_gr_active || f == WTL_R_sm_active ||
                        f == WTL_R_dram_active_sd || f == WTL_R_gr_active_sd ||
                        f == WTL_R_sm_active_sd;
        bool published =
            name.n > 4 && (memcmp(name.s, "avg_", 4) == 0 || memcmp(name.s, "std_", 4) == 0);
        if (activity && published)
            t->bound[i].factor = 0.01;
    }
}

static bool has(const void *opaque, int field)
{
    const struct table *t = opaque;
    return wtl_bound_find(t->bound, t->tab.n_columns, field) >= 0;
}

static void settle_plain_values(struct table *t)
{
    for (int i = 0; i < t->tab.n_columns; i++)
        t->bound[i].field = wtl_run_field_as_source(t->bound[i].field, has, t);
}

static int column_named(const struct table *t, const char *wanted)
{
    for (int i = 0; i < t->tab.n_columns; i++) {
        char name[WTL_LIMIT_NAME];
        char unit[32];
        wtl_column_name(t->tab.csv.cells[i].text, name, sizeof name, unit, sizeof unit);
        if (strcmp(name, wanted) == 0)
            return i;
    }
    return -1;
}

static int require(struct wtl_reading *r, const struct table *t, struct wtl_error *err)
{
    static const struct {
        int field;
        const char *what;
    } needed[] = {
        {WTL_F_GPU, "the GPU"}, {WTL_F_WORKLOAD, "the workload"}, {WTL_F_CLOCK, "the clock"}};
    for (int i = 0; i < 3; i++)
        if (!has(t, needed[i].field))
            return wtl_tabular_lacks(r, &t->tab, t->aliases, N_ALIASES, t->bound, needed[i].field,
                                     needed[i].what, err);
    for (int m = 0; m < (int)WTL_N_RUN_METRICS; m++)
        if (has(t, m))
            return 0;
    return wtl_tabular_lacks(r, &t->tab, t->aliases, N_ALIASES, t->bound, WTL_R_nominal_time_s,
                             "a time, a power or an energy", err);
}

static int read_header(struct wtl_reading *r, struct table *t, struct wtl_error *err)
{
    int rc =
        wtl_tabular_header(r, &t->tab, t->aliases, N_ALIASES, wtl_run_field_unit, t->bound, err);
    if (rc == 0)
        rc = require(r, t, err);
    if (rc)
        return rc;
    bool runs_table = column_named(t, "energy_j_p_n_50ms") >= 0;
    bool long_layout = column_named(t, "std_drama") >= 0 && column_named(t, "num_samples") >= 0;
    settle_activity(t, long_layout);
    settle_plain_values(t);
    t->label_interval_s = runs_table ? 0.05 : 0;
    bool own = column_named(t, "clock_mhz") >= 0 && column_named(t, "energy_nominal_j") >= 0;
    wtl_reading_dialect(r, "%s, %d columns",
                        runs_table    ? "runs of the published campaign"
                        : long_layout ? "published aggregate"
                        : own         ? "exported runs"
                                      : "aggregate",
                        t->tab.n_columns);
    return 0;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* What the path in the row says and no other column does. The published aggregate has the literal
 * "job" as its job_id (a path cut at the wrong part); the directory has the right one. */
static void complete_from_path(struct wtl_run *run, struct wtl_view path)
{
    char text[WTL_LIMIT_PATH];
    struct wtl_name_key key;
    int n = snprintf(text, sizeof text, "%.*s", (int)path.n, path.s);
    if (n < 0 || (size_t)n >= sizeof text)
        return;
    if (!wtl_naming_match(NULL, text, &key)) {
        /* A directory is told by a file in it. */
        n = snprintf(text, sizeof text, "%.*s/timing_summary.log", (int)path.n, path.s);
        if (n < 0 || (size_t)n >= sizeof text || !wtl_naming_match(NULL, text, &key))
            return;
    }
    if (run->job[0] == '\0' || strcmp(run->job, "job") == 0)
        snprintf(run->job, sizeof run->job, "%s", key.job);
    if (run->mode == WTL_MODE_UNKNOWN)
        run->mode = key.mode;
    if (run->seq == 0)
        run->seq = key.seq;
    if (run->rep == 0)
        run->rep = key.rep;
}

static int bad_cell(struct wtl_reading *r, const struct table *t, int i, struct wtl_error *err)
{
    struct wtl_view text = t->tab.csv.cells[i].text;
    int field = t->bound[i].field;
    int rc =
        wtl_tabular_fail(r, &t->tab, i, err, "%s: \"%.*s\" is not %s", wtl_run_field_name(field),
                         text.n < 60 ? (int)text.n : 60, text.s, wtl_run_field_expected(field));
    if (wtl_run_field_unit(field) == WTL_UNIT_FRACTION)
        wtl_error_hint(err, "if the column is in percent, say so in its name: \"name [%%]\"");
    else
        wtl_error_hint(err, "a table holds whole runs, so that none is dropped: mend the cell or "
                            "empty it");
    return rc;
}

static int read_row(struct wtl_reading *r, struct table *t, struct wtl_error *err)
{
    struct wtl_run run = {0};
    struct wtl_view path = {"", 0};
    for (int i = 0; i < t->tab.n_columns; i++) {
        if (t->bound[i].field < 0)
            continue;
        struct wtl_cell_rule rule = {.field = t->bound[i].field,
                                     .factor = t->bound[i].factor,
                                     .comma =
                                         wtl_cell_has_comma(&t->tab.csv, t->tab.csv.cells[i].text)};
        enum wtl_cell_result result = wtl_run_field_set(&run, &rule, t->tab.csv.cells[i].text);
        if (result == WTL_CELL_BAD)
            return bad_cell(r, t, i, err);
        r->report->cells++;
        r->report->cells_missing += result == WTL_CELL_MISSING;
        if (rule.field == WTL_F_PATH)
            path = t->tab.csv.cells[i].text;
    }
    const char *gpu = wtl_gpu_of_arch(run.gpu);
    if (gpu != run.gpu)
        snprintf(run.gpu, sizeof run.gpu, "%s", gpu);
    complete_from_path(&run, path);
    if (t->label_interval_s > 0)
        wtl_run_set(&run, WTL_R_label_interval_s, t->label_interval_s);
    else if (!wtl_run_has(&run, WTL_R_label_interval_s) &&
             wtl_run_has(&run, WTL_R_nominal_time_s) && wtl_run_get(&run, WTL_R_n_samples, 0) >= 1)
        wtl_run_set(&run, WTL_R_label_interval_s,
                    run.metric[WTL_R_nominal_time_s] / run.metric[WTL_R_n_samples]);
    run.stream = (int)r->report->rows++;
    return r->sink->run ? r->sink->run(r->sink->ctx, &run, err) : 0;
}

/* ---- The reader ------------------------------------------------------------------------------ */

static int probe(const char *head, size_t n, const struct wtl_trace_options *options)
{
    (void)options;
    struct wtl_alias aliases[N_ALIASES];
    list_aliases(aliases);
    uint64_t seen[1] = {0};
    int found = wtl_probe_header(head, n, aliases, N_ALIASES, wtl_run_field_unit, seen);
    if (found < 0)
        return found;
    _Static_assert(WTL_N_RUN_METRICS < 64, "`seen` has a bit for each");
    bool metric = (seen[0] & ((UINT64_C(1) << WTL_N_RUN_METRICS) - 1)) != 0;
    int names = wtl_probe_header(head, n, identities, N_IDENTITIES, NULL, NULL);
    if (names < 0)
        return names;
    if (!metric || found < 3)
        return 0;
    return found >= 5 && names ? 80
                               : 50; /* a table that lacks something gets its error from here */
}

static int begin(struct wtl_reading *r, struct wtl_error *err)
{
    struct table *t = WTL_NEW(r->arena, struct table);
    if (!t)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    list_aliases(t->aliases);
    r->state = t;
    return wtl_tabular_begin(r, &t->tab, '\0', err);
}

static int block(struct wtl_reading *r, const char *data, size_t n, struct wtl_error *err)
{
    struct table *t = r->state;
    if (!t->tab.csv.separator)
        t->tab.csv.separator = wtl_csv_detect(data, n);
    wtl_tabular_block(r, &t->tab, data, n);
    while (wtl_tabular_next(r, &t->tab)) {
        int rc = 0;
        if (!t->tab.n_columns)
            rc = read_header(r, t, err);
        else if (wtl_tabular_fits(r, &t->tab))
            rc = read_row(r, t, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int end(struct wtl_reading *r, bool failed, struct wtl_error *err)
{
    const struct table *t = r->state;
    if (failed || (t && t->tab.n_columns))
        return 0;
    int rc = WTL_FAIL(err, WTL_PARSE, "the table has no header");
    wtl_error_input(err, r->name, 1, 0);
    return rc;
}

const struct wtl_reader wtl_reader_table = {
    .name = "runs-table",
    .title = "table with one run a row (CSV)",
    .probe = probe,
    .begin = begin,
    .block = block,
    .end = end,
};
