/* SPDX-License-Identifier: Apache-2.0
 * CSV tables. */
#include "flow/export.h"

#include "base/file.h"
#include "codec/csv.h"
#include "trace/run_field.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void wtl_export_runs(const struct wtl_workset *sets, size_t n, struct wtl_buf *out)
{
    wtl_runs_csv_header(out);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < sets[i].n_runs; k++)
            wtl_runs_csv_row(out, &sets[i].runs[k]);
        for (size_t k = 0; k < sets[i].n_timed; k++)
            wtl_runs_csv_row(out, &sets[i].timed[k]);
    }
}

/* ---- Measurements -----------------------------------------------------------------------------*/

/* What a column of the published table is made from. */
enum source { OF_METRIC, CLOCK, TIME, POWER, ENERGY, GPU, WORKLOAD, RUN, JOB, DIR, EDP, ED2P };
static const struct {
    const char *name;
    enum source from;
    enum wtl_run_metric metric; /* OF_METRIC */
    double factor;              /* OF_METRIC */
} published[] = {
    {"frequency", CLOCK, 0, 0},
    {"execution_time", TIME, 0, 0},
    {"num_samples", OF_METRIC, WTL_R_n_samples, 1},
    {"avg_power", POWER, 0, 0},
    {"std_power", OF_METRIC, WTL_R_power_sd_w, 1},
    {"min_power", OF_METRIC, WTL_R_power_min_w, 1},
    {"max_power", OF_METRIC, WTL_R_power_max_w, 1},
    {"energy", ENERGY, 0, 0},
    {"avg_gputl", OF_METRIC, WTL_R_gpu_util, 100},
    {"std_gputl", OF_METRIC, WTL_R_gpu_util_sd, 100},
    {"avg_mcutl", OF_METRIC, WTL_R_mem_util, 100},
    {"std_mcutl", OF_METRIC, WTL_R_mem_util_sd, 100},
    {"avg_drama", OF_METRIC, WTL_R_dram_active, 100},
    {"std_drama", OF_METRIC, WTL_R_dram_active_sd, 100},
    {"avg_gract", OF_METRIC, WTL_R_gr_active, 100},
    {"std_gract", OF_METRIC, WTL_R_gr_active_sd, 100},
    {"avg_smact", OF_METRIC, WTL_R_sm_active, 100},
    {"std_smact", OF_METRIC, WTL_R_sm_active_sd, 100},
    {"avg_temp", OF_METRIC, WTL_R_temp_mean_c, 1},
    {"max_temp", OF_METRIC, WTL_R_temp_max_c, 1},
    {"avg_smclk", OF_METRIC, WTL_R_sm_clock_mean_mhz, 1},
    {"avg_mmclk", OF_METRIC, WTL_R_mem_clock_median_mhz, 1},
    {"gpu", GPU, 0, 0},
    {"application", WORKLOAD, 0, 0},
    {"run", RUN, 0, 0},
    {"job_id", JOB, 0, 0},
    {"result_dir", DIR, 0, 0},
    {"edp", EDP, 0, 0},
    {"ed2p", ED2P, 0, 0},
};
enum { N_PUBLISHED = sizeof published / sizeof published[0] };

static const char *const added[] = {"rate_per_s",
                                    "num_runs",
                                    "num_rejected",
                                    "execution_time_lo",
                                    "execution_time_hi",
                                    "execution_time_cv",
                                    "energy_lo",
                                    "energy_hi",
                                    "energy_cv",
                                    "work_units",
                                    "latency_p50_s",
                                    "latency_p99_s",
                                    "variant",
                                    "window",
                                    "unit",
                                    "energy_method",
                                    "energy_class"};
enum { N_ADDED = sizeof added / sizeof added[0] };

/* One row in the making. */
struct cell {
    const struct wtl_workset *set;
    const struct wtl_measurement *m;
    const struct wtl_source *sources;
    size_t n_sources;
};

static bool belongs(const struct cell *c, const struct wtl_run *run)
{
    double rate = wtl_run_get(run, WTL_R_rate_per_s, 0);
    bool closed = !wtl_run_has(run, WTL_R_rate_per_s);
    return run->causes == 0 && run->clock_mhz == c->m->clock_mhz && closed == c->m->closed &&
           (closed || fabs(rate - c->m->rate_per_s) <= 1e-6 * rate);
}

static void put_known(struct wtl_buf *out, bool first, bool known, double value)
{
    if (known)
        wtl_csv_put_number(out, first, value);
    else
        wtl_csv_put(out, first, "");
}

static void put_mean(const struct cell *c, enum wtl_run_metric metric, double factor,
                     struct wtl_buf *out)
{
    double sum = 0;
    int n = 0;
    for (size_t i = 0; i < c->set->n_runs; i++)
        if (belongs(c, &c->set->runs[i]) && wtl_run_has(&c->set->runs[i], metric)) {
            sum += c->set->runs[i].metric[metric];
            n++;
        }
    put_known(out, false, n > 0, n ? factor * sum / n : 0);
}

/* The job that all runs of the cell share, or "". */
static const char *common_job(const struct cell *c)
{
    const char *job = NULL;
    for (size_t i = 0; i < c->set->n_runs; i++) {
        const struct wtl_run *run = &c->set->runs[i];
        if (belongs(c, run) && job && strcmp(job, run->job) != 0)
            return "";
        if (belongs(c, run))
            job = run->job;
    }
    return job ? job : "";
}

static size_t directory_length(const char *path)
{
    return (size_t)(wtl_path_base(path) - path);
}

/* The directory in which the traces of all runs of the cell stand; false: several, or none. */
static bool common_directory(const struct cell *c, char *buf, size_t size)
{
    const char *dir = NULL;
    size_t n = 0;
    for (size_t i = 0; i < c->set->n_runs; i++) {
        const struct wtl_run *run = &c->set->runs[i];
        if (!belongs(c, run))
            continue;
        const struct wtl_source *s = wtl_source_find(c->sources, c->n_sources, run->source_id);
        if (!s || wtl_starts_with(s->reader, "runs-table"))
            return false; /* a table stands somewhere else than its traces did */
        size_t length = directory_length(s->path);
        if (dir && (length != n || memcmp(dir, s->path, n) != 0))
            return false;
        dir = s->path;
        n = length;
    }
    if (n < 2 || n > size)
        return false;
    memcpy(buf, dir, n - 1);
    buf[n - 1] = '\0';
    return true;
}

static void put_published(const struct cell *c, int column, struct wtl_buf *out)
{
    double t = c->m->time_s.value;
    double e = c->m->energy_j.value;
    char dir[WTL_LIMIT_PATH];
    switch (published[column].from) {
    case OF_METRIC:
        put_mean(c, published[column].metric, published[column].factor, out);
        break;
    case CLOCK:
        put_known(out, true, c->m->clock_mhz > 0, c->m->clock_mhz);
        break;
    case TIME:
        wtl_csv_put_number(out, false, t);
        break;
    case POWER:
        wtl_csv_put_number(out, false, e / t);
        break;
    case ENERGY:
        wtl_csv_put_number(out, false, e);
        break;
    case GPU:
        wtl_csv_put(out, false, c->set->gpu);
        break;
    case WORKLOAD:
        wtl_csv_put(out, false, c->set->workload);
        break;
    case RUN:
        wtl_csv_put(out, false, "");
        break;
    case JOB:
        wtl_csv_put(out, false, common_job(c));
        break;
    case DIR:
        wtl_csv_put(out, false, common_directory(c, dir, sizeof dir) ? wtl_path_base(dir) : "");
        break;
    case EDP:
        wtl_csv_put_number(out, false, e * t);
        break;
    case ED2P:
        wtl_csv_put_number(out, false, e * t * t);
        break;
    }
}

static void put_interval(const struct wtl_estimate *e, double cv, struct wtl_buf *out)
{
    bool known = e->evidence != WTL_EVIDENCE_NONE;
    put_known(out, false, known, e->lo);
    put_known(out, false, known, e->hi);
    put_known(out, false, e->n > 1, cv);
}

static void put_settings(const struct wtl_configuration *at, struct wtl_buf *out)
{
    for (int s = 0; s < (int)WTL_N_SETTINGS; s++)
        put_known(out, false, wtl_point_has(&at->point, (enum wtl_setting)s), at->point.value[s]);
    put_known(out, false, at->mem_clock_mhz > 0, at->mem_clock_mhz);
}

/* Time and energy of windows are of one unit of work, and so the row reads back. */
static void put_point(const struct cell *c, struct wtl_buf *out)
{
    const struct wtl_configuration *at = &c->set->at;
    const char letter[2] = {wtl_energy_class_letter(c->m->energy_class), '\0'};
    if (at->window)
        wtl_csv_put_number(out, false, 1);
    else
        put_mean(c, WTL_R_work_units, 1, out);
    put_known(out, false, c->m->latency_valid & 1, c->m->latency_s[0]);
    put_known(out, false, (c->m->latency_valid >> 3) & 1, c->m->latency_s[3]);
    wtl_csv_put(out, false, at->point.variant);
    wtl_csv_put(out, false, at->window ? "1" : "");
    wtl_csv_put(out, false, at->unit);
    wtl_csv_put(out, false, c->m->energy_method ? wtl_energy_method_name(c->m->energy_method) : "");
    wtl_csv_put(out, false, c->m->energy_class ? letter : "");
    put_settings(at, out);
}

static void put_cell(const struct cell *c, struct wtl_buf *out)
{
    for (int i = 0; i < N_PUBLISHED; i++)
        put_published(c, i, out);
    put_known(out, false, !c->m->closed, c->m->rate_per_s);
    wtl_csv_put_number(out, false, c->m->n);
    wtl_csv_put_number(out, false, c->m->n_rejected);
    put_interval(&c->m->time_s, c->m->time_cv, out);
    put_interval(&c->m->energy_j, c->m->energy_cv, out);
    put_point(c, out);
    wtl_buf_putc(out, '\n');
}

int wtl_export_measurements(struct wtl_campaign *campaign, const struct wtl_workset *sets, size_t n,
                            struct wtl_buf *out, int *left_out, struct wtl_error *err)
{
    WTL_ARENA(arena);
    struct wtl_source *sources;
    size_t n_sources;
    int rc = wtl_campaign_sources(campaign, &arena, &sources, &n_sources, err);
    if (rc < 0)
        return rc;
    for (int i = 0; i < N_PUBLISHED; i++)
        wtl_csv_put(out, i == 0, published[i].name);
    for (int i = 0; i < N_ADDED; i++)
        wtl_csv_put(out, false, added[i]);
    for (int s = 0; s < (int)WTL_N_SETTINGS; s++)
        wtl_csv_put(out, false, wtl_setting_info((enum wtl_setting)s)->name);
    wtl_csv_put(out, false, "mem_clock_mhz");
    wtl_buf_putc(out, '\n');
    int without = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sets[i].n_cells; k++) {
            struct cell c = {&sets[i], &sets[i].cells[k], sources, n_sources};
            bool measured = c.m->time_s.n > 0 && c.m->energy_j.n > 0 && c.m->time_s.value > 0;
            if (measured)
                put_cell(&c, out);
            else
                without++;
        }
    *left_out = without;
    return 0;
}

/* ---- Plans ------------------------------------------------------------------------------------*/

static const char plan_header[] =
    "gpu,application,status,method,frequency,tied_frequencies,baseline,baseline_frequency,"
    "energy_savings_percent,energy_savings_lo_percent,energy_savings_hi_percent,"
    "time_penalty_percent,time_penalty_lo_percent,time_penalty_hi_percent,power_savings_percent,"
    "execution_time,energy,avg_power,edp,ed2p,baseline_time,baseline_energy,evidence,num_runs,"
    "num_rejected,variant,window,unit,energy_method,energy_class";

static void put_clock(struct wtl_buf *out, int mhz)
{
    put_known(out, false, mhz > 0, mhz);
}

static void put_percent(struct wtl_buf *out, const struct wtl_estimate *e)
{
    bool known = e->n > 0;
    bool interval = known && e->evidence != WTL_EVIDENCE_NONE;
    put_known(out, false, known, 100 * e->value);
    put_known(out, false, interval, 100 * e->lo);
    put_known(out, false, interval, 100 * e->hi);
}

static void put_value(struct wtl_buf *out, const struct wtl_estimate *e)
{
    put_known(out, false, e->n > 0, e->value);
}

static void put_tied(struct wtl_buf *out, const struct wtl_plan *p)
{
    char text[WTL_LIMIT_CLOCKS * 7];
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < p->n_tied && n + 16 < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%d", i ? " " : "",
                              p->tied_clocks_mhz[i]);
    wtl_csv_put(out, false, text);
}

static void put_plan(struct wtl_buf *out, const struct wtl_plan *p)
{
    char objective[64];
    double t = p->time_s.value;
    double e = p->energy_j.value;
    bool known = p->time_s.n > 0 && p->energy_j.n > 0;
    bool compared = known && p->baseline_time_s.n > 0 && p->baseline_energy_j.n > 0;
    double base_w = compared ? p->baseline_energy_j.value / p->baseline_time_s.value : 1;
    wtl_csv_put(out, true, p->gpu);
    wtl_csv_put(out, false, p->workload);
    wtl_csv_put(out, false, wtl_plan_status_name(p->status));
    wtl_csv_put(out, false,
                wtl_objective_format(&p->policy.objective, objective, sizeof objective));
    put_clock(out, p->clock_mhz);
    put_tied(out, p);
    wtl_csv_put(out, false, wtl_baseline_name(p->baseline_kind));
    put_clock(out, p->baseline_clock_mhz);
    put_percent(out, &p->saving);
    put_percent(out, &p->slowdown);
    put_known(out, false, compared, compared ? 100 * (1 - e / t / base_w) : 0);
    put_value(out, &p->time_s);
    put_value(out, &p->energy_j);
    put_value(out, &p->power_w);
    put_known(out, false, known, e * t);
    put_known(out, false, known, e * t * t);
    put_value(out, &p->baseline_time_s);
    put_value(out, &p->baseline_energy_j);
    wtl_csv_put(out, false, wtl_evidence_name(p->saving.evidence));
    wtl_csv_put_number(out, false, p->n_runs);
    wtl_csv_put_number(out, false, p->n_rejected);
    const char letter[2] = {wtl_energy_class_letter(p->energy_class), '\0'};
    wtl_csv_put(out, false, p->at.point.variant);
    wtl_csv_put(out, false, p->at.window ? "1" : "");
    wtl_csv_put(out, false, p->at.unit);
    wtl_csv_put(out, false, p->energy_method ? wtl_energy_method_name(p->energy_method) : "");
    wtl_csv_put(out, false, p->energy_class ? letter : "");
    put_settings(&p->at, out);
    wtl_buf_putc(out, '\n');
}

void wtl_export_plans(const struct wtl_plan_file *file, struct wtl_buf *out)
{
    wtl_buf_puts(out, plan_header);
    for (int s = 0; s < (int)WTL_N_SETTINGS; s++)
        wtl_csv_put(out, false, wtl_setting_info((enum wtl_setting)s)->name);
    wtl_csv_put(out, false, "mem_clock_mhz");
    wtl_buf_putc(out, '\n');
    for (size_t i = 0; i < file->n_plans; i++)
        put_plan(out, &file->plans[i]);
}
