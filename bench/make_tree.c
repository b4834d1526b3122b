/* SPDX-License-Identifier: Apache-2.0
 *
 * make-tree DIR [--seed N] [--from RUNS.csv] [--every N]
 *
 * Writes a tree of traces in the published layout: DIR/results_<gpu>_<app>_job_<id>/
 * run_<seq>_<rep>_freq_<MHz>_profile.csv and a timing_summary.log in each.
 *
 * Without --from: 3 boards x (59, 61, 86 clocks) x 5 workloads x 4 repetitions = 4120 traces, 1.13
 * million rows, 416 MB, of made-up boards: t = a + max(b/f, c), P = P0 + c f V(f)^2. Memory bounds
 * the work at high clocks, so that the best clock within a slowdown of 5 % lies inside the range.
 * With --from: one trace a line of the shipped runs table: mean power, number of rows and duration
 * of the run are kept, the rest is made up. The duration is the reported time where that is the
 * sampled window's (within 0.95 to 1.10 of rows x 50 ms), else rows x 50 ms. --every N: only every
 * N-th clock (or line).
 */
#include "bench/arguments.h"
#include "bench/tree_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "codec/csv.h"
#include "codec/input.h"

struct board {
    const char *gpu, *name;
    int clock_max_mhz, clock_min_mhz, mem_clock_mhz;
    double limit_w, idle_w, fb_total_mib;
    double speed; /* relative to the V100 */
};

static const struct board boards[] = {
    {"v100", "Tesla V100-PCIE-32GB", 1380, 510, 877, 250, 25, 32510, 1.0},
    {"a100", "NVIDIA A100-PCIE-40GB", 1410, 510, 1215, 250, 34, 40536, 1.6},
    {"h100", "NVIDIA H100 NVL", 1785, 510, 2619, 400, 62, 95830, 2.2},
};

static const struct workload {
    const char *name;
    double fixed_s, cycles; /* busy seconds times MHz while compute-bound, at the V100's speed */
    double memory_share;    /* of the highest clock: below it the work is bound by compute, above by
                             * memory */
    double swing_w;         /* busy power above idle at the highest clock, share of the limit */
} workloads[] = {
    {"llama", 9.4, 9390, 0.70, 0.62}, {"stablediffusion", 6.0, 10880, 0.85, 0.78},
    {"vit", 8.0, 6500, 0.82, 0.45},   {"whisper", 7.4, 4785, 0.70, 0.33},
    {"lstm", 8.7, 7415, 0.62, 0.28},
};

struct tree {
    const char *dir;
    uint64_t seed;
    int every;
    struct wtl_buf trace; /* of the run being written */
    struct wtl_buf log;   /* timing_summary.log of the job being written */
    long files;
    int64_t bytes, rows;
};

static int write_plain(struct tree *t, const char *path, const struct wtl_buf *buf,
                       struct wtl_error *err)
{
    FILE *f = fopen(path, "wb");
    if (!f || buf->failed)
        return WTL_FAIL(err, WTL_IO, "cannot write \"%s\"", path);
    size_t put = fwrite(buf->data, 1, buf->len, f);
    if (fclose(f) != 0 || put != buf->len)
        return WTL_FAIL(err, WTL_IO, "cannot write \"%s\"", path);
    t->bytes += (int64_t)buf->len;
    return 0;
}

static void begin_log(struct tree *t)
{
    wtl_buf_clear(&t->log);
    wtl_buf_puts(&t->log, "# Run Timing Summary\n"
                          "# Format: run_id,frequency_mhz,duration_seconds,exit_code,status\n");
}

/* One trace and its line in the log. `job_dir` is relative to the tree. */
static int write_run(struct tree *t, const char *job_dir, long seq, int rep,
                     const struct tree_run *run, struct wtl_error *err)
{
    char path[WTL_LIMIT_PATH];
    struct wtl_rng rng;
    wtl_rng_init_stream(&rng, t->seed, (uint64_t)t->files);
    wtl_buf_clear(&t->trace);
    tree_write_trace(&t->trace, run, &rng);
    snprintf(path, sizeof path, "%s/%s/run_%ld_%02d_freq_%d_profile.csv", t->dir, job_dir, seq, rep,
             run->clock_mhz);
    int rc = write_plain(t, path, &t->trace, err);
    t->files++;
    t->rows += run->rows;
    wtl_buf_printf(&t->log, "%ld_%02d,%d,%.0f,0,success\n", seq, rep, run->clock_mhz,
                   run->rows * run->period_s);
    return rc;
}

static int begin_job(struct tree *t, const char *job_dir, struct wtl_error *err)
{
    char path[WTL_LIMIT_PATH];
    snprintf(path, sizeof path, "%s/%s", t->dir, job_dir);
    begin_log(t);
    return wtl_make_dirs(path, err);
}

static int end_job(struct tree *t, const char *job_dir, struct wtl_error *err)
{
    char path[WTL_LIMIT_PATH];
    snprintf(path, sizeof path, "%s/%s/timing_summary.log", t->dir, job_dir);
    return write_plain(t, path, &t->log, err);
}

/* ---- the made-up sweep ---- */

/* Voltage over clock: flat up to 55 % of the range, then rising; 1 at the top. */
static double voltage(double share)
{
    double floor = 0.72;
    return share < 0.55 ? floor : floor + (1 - floor) * (share - 0.55) / 0.45;
}

/* Seconds of work: compute that shrinks with the clock or memory that does not, whichever is
 * longer, rounded off where they meet. */
static double busy_time_s(const struct board *b, const struct workload *w, int clock_mhz)
{
    const double sharpness = 8;
    double compute_s = w->cycles / clock_mhz / b->speed;
    double memory_s = w->cycles / (w->memory_share * b->clock_max_mhz) / b->speed;
    return pow(pow(compute_s, sharpness) + pow(memory_s, sharpness), 1 / sharpness);
}

static struct tree_run sweep_run(const struct board *b, const struct workload *w, int clock_mhz,
                                 struct wtl_rng *rng)
{
    double share = (double)clock_mhz / b->clock_max_mhz;
    double v = voltage(share);
    double busy_s = busy_time_s(b, w, clock_mhz) * (1 + 0.008 * wtl_rng_normal(rng));
    double busy_w = b->idle_w + (w->swing_w * b->limit_w - b->idle_w * 0.3) *
                                    (0.25 + 0.75 * share * v * v) *
                                    (1 + 0.006 * wtl_rng_normal(rng));
    double total_s = w->fixed_s + busy_s;
    struct tree_run run = {.board = b->name,
                           .clock_mhz = clock_mhz,
                           .idle_clock_mhz = b->clock_min_mhz,
                           .mem_clock_mhz = b->mem_clock_mhz,
                           .limit_w = b->limit_w,
                           .period_s = 0.0510,
                           .first_w = b->idle_w,
                           .idle_w = b->idle_w,
                           .busy_share = busy_s / total_s,
                           .fb_total_mib = b->fb_total_mib,
                           .fb_used_mib = 14000};
    run.rows = (int)lround(total_s / run.period_s);
    run.mean_w = b->idle_w + (busy_w - b->idle_w) * run.busy_share;
    return run;
}

static int write_sweep(struct tree *t, struct wtl_error *err)
{
    enum { REPS = 4, STEP_MHZ = 15, N_WORKLOADS = sizeof workloads / sizeof *workloads };
    struct wtl_rng rng;
    wtl_rng_init_stream(&rng, t->seed, UINT64_MAX);
    for (size_t b = 0; b < sizeof boards / sizeof *boards; b++)
        for (int w = 0; w < N_WORKLOADS; w++) {
            char job_dir[256];
            snprintf(job_dir, sizeof job_dir, "results_%s_%s_job_%d", boards[b].gpu,
                     workloads[w].name, 30000000 + (int)b * 10 + w);
            int rc = begin_job(t, job_dir, err);
            long seq = 0;
            for (int f = boards[b].clock_max_mhz; rc == 0 && f >= boards[b].clock_min_mhz;
                 f -= STEP_MHZ * t->every)
                for (int rep = 1; rc == 0 && rep <= REPS; rep++) {
                    struct tree_run run = sweep_run(&boards[b], &workloads[w], f, &rng);
                    rc = write_run(t, job_dir, ++seq, rep, &run, err);
                }
            if (rc == 0)
                rc = end_job(t, job_dir, err);
            if (rc != 0)
                return rc;
        }
    return 0;
}

/* ---- the shipped runs ---- */

enum {
    C_GPU,
    C_WORKLOAD,
    C_JOB,
    C_SEQ,
    C_REP,
    C_CLOCK,
    C_REPORTED,
    C_TIME,
    C_POWER,
    C_ENERGY,
    C_ROWS,
    C_FIRST,
    C_FILE,
    N_CELLS
};

static double number(const struct wtl_csv_cell *cell)
{
    double v = 0;
    (void)wtl_parse_double(cell->text.s, cell->text.n, &v);
    return v;
}

static struct tree_run table_run(const struct wtl_csv_cell *cells)
{
    const struct board *b = &boards[wtl_view_is(cells[C_GPU].text, "A100") ? 1 : 0];
    struct tree_run run = {.board = b->name,
                           .clock_mhz = (int)number(&cells[C_CLOCK]),
                           .idle_clock_mhz = (int)number(&cells[C_CLOCK]),
                           .mem_clock_mhz = b->mem_clock_mhz,
                           .limit_w = b->limit_w,
                           .rows = (int)number(&cells[C_ROWS]),
                           .mean_w = number(&cells[C_POWER]),
                           .first_w = number(&cells[C_FIRST]),
                           .fb_total_mib = b->fb_total_mib,
                           .fb_used_mib = 14000};
    double nominal_s = run.rows * 0.05;
    double reported_s = number(&cells[C_REPORTED]);
    bool same_window = reported_s >= 0.95 * nominal_s && reported_s <= 1.10 * nominal_s;
    run.period_s = (same_window ? reported_s : nominal_s) / run.rows;
    /* The busy rows draw what a warm run of this board would; how many there are follows from the
     * mean. A board that never rose above idle was idle. */
    run.idle_w = fmin(b->idle_w, 0.97 * run.mean_w);
    run.busy_share = fmin(0.9, fmax(0.05, (run.mean_w - run.idle_w) / (0.45 * b->limit_w)));
    return run;
}

/* The directory of "results_x/run_1_01_....csv". */
static void directory_of(struct wtl_view file, char *dst, size_t size)
{
    const char *slash = memrchr(file.s, '/', file.n);
    file.n = slash ? (size_t)(slash - file.s) : 0;
    wtl_view_copy(file, dst, size);
}

static int take_line(struct tree *t, const struct wtl_csv *csv, char *job_dir, size_t size,
                     struct wtl_error *err)
{
    char dir[256];
    directory_of(csv->cells[C_FILE].text, dir, sizeof dir);
    if (strcmp(dir, job_dir) != 0) {
        int rc = job_dir[0] ? end_job(t, job_dir, err) : 0;
        snprintf(job_dir, size, "%s", dir);
        if (rc == 0)
            rc = begin_job(t, job_dir, err);
        if (rc != 0)
            return rc;
    }
    struct tree_run run = table_run(csv->cells);
    if (run.rows < 2 || !(run.mean_w > 0))
        return WTL_FAIL(err, WTL_PARSE, "line %ld is no run", (long)csv->line);
    return write_run(t, job_dir, (long)number(&csv->cells[C_SEQ]), (int)number(&csv->cells[C_REP]),
                     &run, err);
}

static int write_table(struct tree *t, const char *path, struct wtl_error *err)
{
    WTL_ARENA(arena);
    struct wtl_csv csv;
    char *data = NULL;
    size_t n = 0;
    int rc = wtl_file_read(&arena, path, WTL_LIMIT_DOCUMENT_BYTES, &data, &n, err);
    if (rc == 0)
        rc = wtl_csv_init(&csv, &arena, ',', err);
    if (rc != 0)
        return rc;
    char job_dir[256] = "";
    wtl_csv_block(&csv, data, n);
    for (long line = 0; rc == 0 && wtl_csv_next(&csv) == WTL_CSV_ROW; line++) {
        if (csv.n != N_CELLS)
            return WTL_FAIL(err, WTL_PARSE, "\"%s\" is not the runs table", path);
        if (line > 0 && (line - 1) % t->every == 0)
            rc = take_line(t, &csv, job_dir, sizeof job_dir, err);
    }
    return rc == 0 && job_dir[0] ? end_job(t, job_dir, err) : rc;
}

int main(int argc, char **argv)
{
    const char *usage = "make-tree DIR [--seed N] [--from RUNS.csv] [--every N]";
    struct bench_number seed = {"--seed", 0, INT64_MAX, 1}, every = {"--every", 1, INT32_MAX, 1};
    struct tree t = {0};
    const char *from = NULL;
    for (int i = 1; i < argc; i++) {
        struct bench_number *number = strcmp(argv[i], seed.name) == 0    ? &seed
                                      : strcmp(argv[i], every.name) == 0 ? &every
                                                                         : NULL;
        if (bench_is_help(argv[i]))
            return bench_usage(usage, true);
        if (argv[i][0] != '-' && !t.dir)
            t.dir = argv[i];
        else if (strcmp(argv[i], "--from") == 0 && i + 1 < argc)
            from = argv[++i];
        else if (!number || i + 1 >= argc || !bench_number_read(number, argv[++i]))
            return bench_usage(usage, false);
    }
    if (!t.dir)
        return bench_usage(usage, false);
    t.seed = (uint64_t)seed.value;
    t.every = (int)every.value;
    wtl_buf_init(&t.trace, wtl_alloc_system(), (size_t)64 << 20);
    wtl_buf_init(&t.log, wtl_alloc_system(), (size_t)8 << 20);
    struct wtl_error err = {0};
    int rc = from ? write_table(&t, from, &err) : write_sweep(&t, &err);
    wtl_buf_fini(&t.trace);
    wtl_buf_fini(&t.log);
    if (rc != 0) {
        char text[1024];
        wtl_error_format(&err, text, sizeof text);
        fprintf(stderr, "%s\n", text);
        return wtl_exit_status(rc);
    }
    printf("%ld traces, %lld rows, %.1f MB\n", t.files, (long long)t.rows, (double)t.bytes / 1e6);
    return 0;
}
