/* SPDX-License-Identifier: Apache-2.0
 * Shipped parameters against measurements. */
#include "flow/sim_calibration.h"

#include "base/data.h"
#include "base/file.h"
#include "base/text.h"
#include "codec/csv.h"
#include "stats/robust.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Tables ---------------------------------------------------------------------------------- */

enum { MAX_COLUMNS = 8 };

struct sheet {
    const char *path;
    const char *const *names; /* the columns that are wanted */
    int n;
    int at[MAX_COLUMNS]; /* where each is in a row */
    struct wtl_csv csv;
    int64_t line;
};

static int begin_sheet(struct wtl_arena *arena, const char *folder, const char *file,
                       struct sheet *s, struct wtl_error *err)
{
    char *text;
    size_t size, length = strlen(folder) + strlen(file) + 2;
    char *path = wtl_arena_alloc(arena, length, 1);
    if (!path)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    snprintf(path, length, "%s/%s", folder, file);
    s->path = path;
    int rc = wtl_file_read(arena, path, (size_t)64 << 20, &text, &size, err);
    if (rc == 0)
        rc = wtl_csv_init(&s->csv, arena, ',', err);
    if (rc < 0)
        return rc;
    wtl_csv_block(&s->csv, text, size);
    if (wtl_csv_next(&s->csv) != WTL_CSV_ROW)
        return WTL_FAIL(err, WTL_PARSE, "%s has no header", path);
    for (int k = 0; k < s->n; k++) {
        s->at[k] = -1;
        for (int i = 0; i < s->csv.n; i++)
            if (wtl_view_is(s->csv.cells[i].text, s->names[k]))
                s->at[k] = i;
        if (s->at[k] < 0)
            return WTL_FAIL(err, WTL_PARSE, "%s has no column \"%s\"", path, s->names[k]);
    }
    return 0;
}

/* The next row; false at the end. */
static bool next_row(struct sheet *s, int *rc, struct wtl_error *err)
{
    enum wtl_csv_kind kind = wtl_csv_next(&s->csv);
    if (kind == WTL_CSV_END)
        return false;
    for (int k = 0; k < s->n && kind == WTL_CSV_ROW; k++)
        if (s->at[k] >= s->csv.n)
            kind = WTL_CSV_BAD_QUOTE;
    if (kind == WTL_CSV_ROW)
        return true;
    *rc = WTL_FAIL(err, WTL_PARSE, "a row that is no row of this table");
    wtl_error_input(err, s->path, s->csv.line, 0);
    return false;
}

static struct wtl_view cell(const struct sheet *s, int k)
{
    return s->csv.cells[s->at[k]].text;
}

/* A number; an empty cell is NAN. */
static double number(const struct sheet *s, int k)
{
    struct wtl_view v = cell(s, k);
    double x;
    return wtl_parse_double(v.s, v.n, &x) ? x : (double)NAN;
}

/* ---- Evaluation ------------------------------------------------------------------------------ */

struct evaluation {
    struct wtl_arena *arena;
    struct wtl_calibration *out;
    const struct wtl_sim_workload_profile *workloads;
    size_t n_workloads;
    const char *folder;
};

/* What rows of one workload on one board at one memory clock are compared with. */
struct subject {
    struct wtl_sim_board board;
    struct wtl_sim_tenant tenants[WTL_SIM_TENANTS];
    double mem_mhz;
    struct wtl_calibration_row *row;
    double *work, *watt; /* errors so far: log(virtual/measured) */
    size_t n_work, n_watt, work_cap, watt_cap;
};

static struct wtl_calibration_row *find_row(struct wtl_calibration *c, const char *workload,
                                            const char *board, double mem_mhz)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->rows[i].workload, workload) == 0 && !c->rows[i].fitted->phase[0] &&
            strcmp(c->rows[i].fitted->board, board) == 0 &&
            fabs(c->rows[i].fitted->fit.mem_mhz - mem_mhz) < 0.5)
            return &c->rows[i];
    return NULL;
}

static int begin_subject(struct evaluation *e, const char *workload, const char *board,
                         double mem_mhz, struct subject **out, struct wtl_error *err)
{
    struct subject *s = WTL_NEW(e->arena, struct subject);
    if (!s)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = wtl_sim_profile_board(board, &s->board, err);
    for (size_t i = 0; rc == 0 && i < e->n_workloads; i++)
        if (strcmp(e->workloads[i].workload.name, workload) == 0)
            rc = wtl_sim_workload_on(&e->workloads[i], board, &s->tenants[0].workload, err);
    for (int i = 1; i < WTL_SIM_TENANTS; i++)
        s->tenants[i] = s->tenants[0];
    s->mem_mhz = mem_mhz;
    s->row = find_row(e->out, workload, board, mem_mhz);
    if (rc == 0)
        *out = s;
    return rc;
}

struct point {
    double share, sm_mhz;
    int n, batch;
};

/* The virtual board's answer at the board's default limit; true when a tenant has no memory. */
static bool evaluate(struct subject *s, const struct point *p, double *work_out, double *watt_out)
{
    struct wtl_sim_rates r;
    for (int i = 0; i < p->n; i++) {
        s->tenants[i].share = p->share;
        s->tenants[i].batch = p->batch;
    }
    double f = wtl_sim_rates_limited(&s->board.silicon, s->tenants, p->n, p->sm_mhz, s->mem_mhz,
                                     s->board.limit_w_default, &r);
    *work_out = r.work_per_s;
    *watt_out = wtl_sim_static_w(&s->board.silicon, f, s->mem_mhz, s->board.silicon.leak_ref_c) +
                r.dynamic_w;
    return r.tenants[p->n - 1].out_of_memory;
}

/* A row of data; NAN where it has no throughput or no power. */
static int compare(struct evaluation *e, struct subject *s, const struct point *p, double work,
                   double watt, struct wtl_error *err)
{
    double virtual_work, virtual_watt;
    e->out->lacking += evaluate(s, p, &virtual_work, &virtual_watt);
    if (wtl_grow(e->arena, &s->work, s->n_work, &s->work_cap) < 0 ||
        wtl_grow(e->arena, &s->watt, s->n_watt, &s->watt_cap) < 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (isfinite(work) && work > 0)
        s->work[s->n_work++] = fabs(virtual_work / work - 1);
    if (isfinite(watt) && watt > 0)
        s->watt[s->n_watt++] = fabs(virtual_watt / watt - 1);
    return 0;
}

static struct wtl_calibration_error summary(double *errors, size_t n)
{
    struct wtl_calibration_error out = {.n = (int)n};
    if (n > 0) {
        out.median = wtl_quantile(errors, n, 0.5);
        out.p90 = wtl_quantile(errors, n, 0.9);
    }
    return out;
}

static void end_subject(struct subject *s)
{
    if (!s->row)
        return;
    s->row->evaluated = true;
    s->row->work = summary(s->work, s->n_work);
    s->row->watt = summary(s->watt, s->n_watt);
}

/* ---- PctoDL's anchor grids ------------------------------------------------------------------- */

static const char *const MODELS[] = {"densenet201",  "efficientnet_v2_m", "maxvit_t", "mnasnet",
                                     "mobilenet_v2", "resnet50",          "vgg19"};
enum { N_MODELS = sizeof MODELS / sizeof MODELS[0] };

struct grid {
    const char *file, *board, *memory, *power, *valid; /* valid: column that must not be 0 */
    double mem_mhz;
};

/* Rows that ran out of memory are those with hardly any utilisation. Of maxvit_t on A100 the
 * published throughput is another model's. */
static int grid_rows(struct evaluation *e, struct sheet *sheet, const struct grid *g,
                     const char *model, struct subject *s, struct wtl_error *err)
{
    int rc = 0;
    const bool no_work = strcmp(model, "maxvit_t") == 0 && g->valid;
    while (rc == 0 && next_row(sheet, &rc, err)) {
        struct point p = {number(sheet, 1) / 100, s->board.sm_mhz_default, (int)number(sheet, 2),
                          (int)number(sheet, 3)};
        if (!wtl_view_is(cell(sheet, 0), model) || p.n < 1 || p.n > WTL_SIM_TENANTS ||
            (!g->valid && fabs(number(sheet, 7) - g->mem_mhz) > 0.5))
            continue;
        double work, watt;
        if (number(sheet, 4) < 1) {
            e->out->left_out++;
            e->out->left_out_known += evaluate(s, &p, &work, &watt);
            continue;
        }
        watt = g->valid && number(sheet, 7) < 0.5 ? (double)NAN : number(sheet, 6);
        rc = compare(e, s, &p, no_work ? (double)NAN : number(sheet, 5), watt, err);
    }
    return rc;
}

static int one_grid(struct evaluation *e, const struct grid *g, struct wtl_error *err)
{
    const char *names[] = {"model", "mps_pct",     "n_tasks", "batch",
                           "u_sm",  "tput_anchor", g->power,  g->valid ? g->valid : g->memory};
    for (int m = 0; m < N_MODELS; m++) {
        struct sheet sheet = {.names = names, .n = 8};
        struct subject *s;
        int rc = begin_sheet(e->arena, e->folder, g->file, &sheet, err);
        if (rc == 0)
            rc = begin_subject(e, MODELS[m], g->board, g->mem_mhz, &s, err);
        if (rc == 0)
            rc = grid_rows(e, &sheet, g, MODELS[m], s, err);
        if (rc < 0)
            return rc;
        end_subject(s);
    }
    return 0;
}

/* ---- Sweeps ---------------------------------------------------------------------------------- */

struct run {
    double seconds, watt, sm_mhz;
    bool warm;
};

/* Cold runs are not what a sweep tells: the first of each clock, and those half as long again as
 * runs at neighbouring clocks. The same rule as in tools/calibrate-sim. */
static bool is_warm(const struct run *runs, size_t n, size_t i, double *scratch)
{
    size_t k = 0;
    for (size_t j = 0; j < n; j++)
        if (fabs(runs[j].sm_mhz - runs[i].sm_mhz) <= 45)
            scratch[k++] = runs[j].seconds;
    return fabs(runs[i].seconds / wtl_median(scratch, k) - 1) < 0.5;
}

/* Robust standard deviation of a run, from pairs at one clock: 1.4826 median|a - b|/sqrt(2). */
static double spread_of(const struct run *runs, size_t n, bool watt, double *scratch)
{
    size_t k = 0;
    for (size_t i = 0; i + 1 < n; i++)
        for (size_t j = i + 1; j < n; j++)
            if (fabs(runs[i].sm_mhz - runs[j].sm_mhz) < 0.5)
                scratch[k++] = fabs(
                    log(watt ? runs[i].watt / runs[j].watt : runs[i].seconds / runs[j].seconds));
    return k ? 1.4826 * wtl_median(scratch, k) / sqrt(2) : 0;
}

/* One quantity at one clock, from `n` runs' values; sorts them. */
static struct wtl_calibration_at at_clock(double *values, size_t n, double given, double spread)
{
    double own = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            own += pow(log(values[i] / values[j]), 2);
    own = n > 1 ? sqrt(own / ((double)n * (double)(n - 1))) : 0;
    struct wtl_calibration_at at = {.measured = wtl_median(values, n), .given = given};
    at.error = log(given / at.measured);
    at.spread = fmax(own, spread);
    at.within = fabs(at.error) <= 2 * at.spread / sqrt((double)n);
    return at;
}

/* The clocks of a sweep, in the order in which they were run. */
static int list_clocks(struct evaluation *e, struct subject *s, const struct run *runs, size_t n,
                       double *scratch, struct wtl_error *err)
{
    struct wtl_calibration_row *row = s->row;
    row->clocks = WTL_NEW_ARRAY(e->arena, struct wtl_calibration_clock, n + 1);
    if (!row->clocks)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++) {
        double *watts = scratch + n, work, watt;
        size_t k = 0;
        for (size_t j = 0; j < n; j++)
            if (fabs(runs[j].sm_mhz - runs[i].sm_mhz) < 0.5 && runs[j].warm) {
                scratch[k] = runs[j].seconds;
                watts[k++] = runs[j].watt;
            }
        if (k == 0 || (i > 0 && fabs(runs[i].sm_mhz - runs[i - 1].sm_mhz) < 0.5))
            continue;
        const struct point p = {1, runs[i].sm_mhz, 1, 1};
        (void)evaluate(s, &p, &work, &watt);
        row->clocks[row->n_clocks++] = (struct wtl_calibration_clock){
            runs[i].sm_mhz, (int)k, at_clock(scratch, k, 1 / work, row->work_spread),
            at_clock(watts, k, watt, row->watt_spread)};
    }
    return 0;
}

static int sweep(struct evaluation *e, const char *gpu, const char *in_data, const char *workload,
                 const char *board, double mem_mhz, struct wtl_error *err)
{
    const char *names[] = {"gpu", "workload", "rep", "freq_mhz", "proc_time_s", "avg_power_w"};
    struct sheet sheet = {.names = names, .n = 6};
    struct run *runs = NULL;
    size_t n = 0, cap = 0;
    struct subject *s;
    int rc = begin_sheet(e->arena, e->folder, "runs_v100_a100.csv", &sheet, err);
    if (rc == 0)
        rc = begin_subject(e, workload, board, mem_mhz, &s, err);
    while (rc == 0 && next_row(&sheet, &rc, err)) {
        if (!wtl_view_is(cell(&sheet, 0), gpu) || !wtl_view_is(cell(&sheet, 1), in_data) ||
            number(&sheet, 2) < 1.5)
            continue;
        if (wtl_grow(e->arena, &runs, n, &cap) < 0)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        runs[n++] = (struct run){number(&sheet, 4), number(&sheet, 5), number(&sheet, 3), false};
    }
    double *scratch = WTL_RAW_ARRAY(e->arena, double, n *(n + 3) / 2 + 1);
    if (rc == 0 && !scratch)
        rc = WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct point p = {1, runs[i].sm_mhz, 1, 1};
        runs[i].warm = is_warm(runs, n, i, scratch);
        if (runs[i].warm)
            rc = compare(e, s, &p, 1 / runs[i].seconds, runs[i].watt, err);
    }
    if (rc < 0)
        return rc;
    end_subject(s);
    if (s->row) {
        s->row->work_spread = spread_of(runs, n, false, scratch);
        s->row->watt_spread = spread_of(runs, n, true, scratch);
        rc = list_clocks(e, s, runs, n, scratch, err);
    }
    return rc;
}

static int sweeps(struct evaluation *e, struct wtl_error *err)
{
    static const char *const workloads[][2] = {
        {"stablediffusion", "stable-diffusion"}, {"whisper", "whisper"}, {"llama", "llama"}};
    int rc = 0;
    for (int i = 0; rc == 0 && i < 3; i++) {
        rc = sweep(e, "V100", workloads[i][0], workloads[i][1], "v100", 877, err);
        if (rc == 0)
            rc = sweep(e, "A100", workloads[i][0], workloads[i][1], "a100", 1215, err);
    }
    return rc;
}

/* ---- BatchDVFS ------------------------------------------------------------------------------- */

static int p40(struct evaluation *e, const char *model, const char *workload, struct wtl_error *err)
{
    const char *names[] = {"model",    "dataset",           "n",           "batch",
                           "dvfs_mhz", "tput_median_img_s", "power_mean_w"};
    struct sheet sheet = {.names = names, .n = 7};
    struct subject *s;
    int rc = begin_sheet(e->arena, e->folder, "batchdvfs_p40_measured.csv", &sheet, err);
    if (rc == 0)
        rc = begin_subject(e, workload, "p40", 3615, &s, err);
    while (rc == 0 && next_row(&sheet, &rc, err)) {
        struct point p = {1, number(&sheet, 4), 1, (int)number(&sheet, 3)};
        if (wtl_view_is(cell(&sheet, 0), model) && wtl_view_is(cell(&sheet, 1), "caltech256") &&
            number(&sheet, 2) > 1.5 && isfinite(p.sm_mhz) && p.batch >= 1)
            rc = compare(e, s, &p, number(&sheet, 5), number(&sheet, 6), err);
    }
    if (rc == 0)
        end_subject(s);
    return rc;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static int partition(struct evaluation *e, struct wtl_error *err)
{
    static const struct grid grids[] = {
        {"3080ti_anchor_grid.csv", "rtx3080ti", "mem_mhz", "power_anchor_fit", NULL, 5001},
        {"3080ti_anchor_grid.csv", "rtx3080ti", "mem_mhz", "power_anchor_fit", NULL, 9501},
        {"a100_anchor_grid.csv", "a100", NULL, "power_avg_fit_oldcode", "avg_valid", 1215},
    };
    int rc = 0;
    for (int i = 0; rc == 0 && i < 3; i++)
        rc = one_grid(e, &grids[i], err);
    if (rc == 0)
        rc = p40(e, "ResNetV2_50", "resnet50", err);
    if (rc == 0)
        rc = p40(e, "MobilenetV2_1", "mobilenet_v2", err);
    return rc;
}

static int list_rows(struct wtl_arena *arena, const struct wtl_sim_workload_profile *workloads,
                     size_t n, struct wtl_calibration *c, struct wtl_error *err)
{
    for (size_t i = 0; i < n; i++)
        c->n += workloads[i].n;
    c->rows = WTL_NEW_ARRAY(arena, struct wtl_calibration_row, c->n + 1);
    if (!c->rows)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    c->n = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < workloads[i].n; k++)
            c->rows[c->n++] = (struct wtl_calibration_row){.workload = workloads[i].workload.name,
                                                           .fitted = &workloads[i].fits[k]};
    return 0;
}

int wtl_flow_sim_calibration(struct wtl_arena *arena, const char *data, struct wtl_calibration *out,
                             struct wtl_error *err)
{
    struct wtl_calibration c = {.data = data};
    struct wtl_sim_workload_profile *workloads;
    size_t n;
    char folder[WTL_LIMIT_PATH], *shipped;
    int rc = wtl_sim_profile_workloads(arena, &workloads, &n, err);
    if (rc == 0)
        rc = list_rows(arena, workloads, n, &c, err);
    if (rc < 0)
        return rc;
    struct evaluation e = {arena, &c, workloads, n, folder};
    if (data) {
        snprintf(folder, sizeof folder, "%s/partition", data);
        rc = partition(&e, err);
        snprintf(folder, sizeof folder, "%s/frequency", data);
        e.folder = folder;
    } else {
        rc = wtl_data_path(arena, "frequency", &shipped, err);
        e.folder = shipped;
    }
    if (rc == 0)
        rc = sweeps(&e, err);
    if (rc == 0)
        *out = c;
    return rc;
}
