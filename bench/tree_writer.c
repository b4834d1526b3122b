/* SPDX-License-Identifier: Apache-2.0
 * DCGM dmon text of a described run. */
#include "bench/tree_writer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { HEADER_EVERY = 14 }; /* rows, as DCGM 3.3 does */

static const double refresh_s = 0.1; /* of the energy counter */

static const struct {
    const char *name, *unit;
    int width;
} columns[] = {
    {"#Entity", "ID", 10}, {"NVIDX", "", 9},    {"DVNAM", "", 29},   {"POWER", "W", 14},
    {"PMLMT", "W", 14},    {"TOTEC", "mJ", 20}, {"TMPTR", "C", 9},   {"MMTMP", "C", 9},
    {"GPUTL", "%", 12},    {"MCUTL", "%", 12},  {"FBTTL", "MB", 11}, {"FBFRE", "MB", 11},
    {"FBUSD", "MB", 11},   {"SMCLK", "MHz", 9}, {"MMCLK", "MHz", 9}, {"SACLK", "MHz", 9},
    {"MACLK", "MHz", 9},   {"PSTAT", "", 9},    {"GRACT", "", 13},   {"SMACT", "", 13},
    {"SMOCC", "", 13},     {"TENSO", "", 13},   {"DRAMA", "", 13},   {"FP64A", "", 13},
    {"FP32A", "", 13},     {"FP16A", "", 13},
};
enum { N_COLUMNS = sizeof columns / sizeof *columns, LINE_BYTES = 400 };

/* A line being put together: cell after cell, each filled up with blanks. */
struct line {
    char text[LINE_BYTES];
    size_t n;
    int column;
};

static void put_text(struct line *l, const char *text, size_t n)
{
    size_t width = (size_t)columns[l->column++].width;
    memcpy(l->text + l->n, text, n);
    for (size_t i = n; i < width; i++)
        l->text[l->n + i] = ' ';
    l->n += n > width ? n : width;
}

static size_t digits_of(int64_t v, char *end)
{
    size_t n = 0;
    do {
        *--end = (char)('0' + v % 10);
        n++;
    } while (v /= 10);
    return n;
}

static void put_int(struct line *l, int64_t v)
{
    char digits[24];
    size_t n = digits_of(v, digits + sizeof digits);
    put_text(l, digits + sizeof digits - n, n);
}

/* "%.3f" of a value that is not negative. */
static void put_decimal(struct line *l, double v)
{
    char digits[32];
    int64_t thousandths = (int64_t)llround(v * 1000);
    size_t n = digits_of(thousandths / 1000, digits + 16);
    char *p = digits + 16;
    p[0] = '.';
    p[1] = (char)('0' + thousandths / 100 % 10);
    p[2] = (char)('0' + thousandths / 10 % 10);
    p[3] = (char)('0' + thousandths % 10);
    put_text(l, p - n, n + 4);
}

static void put_header(struct wtl_buf *out)
{
    for (int units = 0; units < 2; units++) {
        struct line l = {.n = 0};
        for (int i = 0; i < N_COLUMNS; i++) {
            const char *text = units ? columns[i].unit : columns[i].name;
            put_text(&l, text, strlen(text));
        }
        l.text[l.n++] = '\n';
        wtl_buf_add(out, l.text, l.n);
    }
}

/* The state of the board at one row. */
struct moment {
    bool busy;
    bool profiled; /* the profiling counters have a fresh value */
    double power_w, shown_w;
    double counter_mj;
    double temp_c;
    double wobble; /* -1..1 */
};

static void put_activity(struct line *l, const struct moment *m)
{
    static const double busy[] = {0.96, 0.71, 0.38, 0.22, 0.41, 0, 0.09, 0.17};
    for (size_t i = 0; i < sizeof busy / sizeof *busy; i++) {
        if (!m->profiled)
            put_text(l, "N/A", 3);
        else
            put_decimal(l, m->busy ? busy[i] * (1 + 0.03 * m->wobble) : 0);
    }
}

static void put_row(struct wtl_buf *out, const struct tree_run *run, const struct moment *m)
{
    struct line l = {.n = 0};
    double used_mib = m->busy ? run->fb_used_mib : 512;
    put_text(&l, "GPU 0", 5);
    put_int(&l, 0);
    put_text(&l, run->board, strlen(run->board));
    put_decimal(&l, m->shown_w);
    put_decimal(&l, run->limit_w);
    put_int(&l, (int64_t)m->counter_mj);
    put_int(&l, (int64_t)m->temp_c);
    put_int(&l, (int64_t)m->temp_c + 4);
    put_int(&l, m->busy ? 97 : 0);
    put_int(&l, m->busy ? 41 : 0);
    put_int(&l, (int64_t)run->fb_total_mib);
    put_int(&l, (int64_t)(run->fb_total_mib - used_mib));
    put_int(&l, (int64_t)used_mib);
    put_int(&l, m->busy ? run->clock_mhz : run->idle_clock_mhz);
    put_int(&l, run->mem_clock_mhz);
    put_int(&l, run->clock_mhz);
    put_int(&l, run->mem_clock_mhz);
    put_int(&l, 0);
    put_activity(&l, m);
    l.text[l.n++] = '\n';
    wtl_buf_add(out, l.text, l.n);
}

/* Power of the busy rows, so that the mean of the samples comes out as asked: each is half of its
 * row's power and half of the row's before, the first one its own row's. */
static double busy_power(const struct tree_run *run, int idle_rows)
{
    double busy_rows = run->rows - idle_rows - 0.5;
    double rest = run->mean_w * run->rows - 1.5 * run->first_w - run->idle_w * (idle_rows - 1);
    return rest / busy_rows;
}

/* Noise in pairs that cancel: a mean over an even number of rows is not moved. */
static double paired(struct wtl_rng *rng, double sd, int row, double *last)
{
    *last = row & 1 ? -*last : sd * wtl_rng_normal(rng);
    return *last;
}

void tree_write_trace(struct wtl_buf *out, const struct tree_run *run, struct wtl_rng *rng)
{
    int idle_rows = (int)lround(run->rows * (1 - run->busy_share));
    idle_rows = idle_rows < 1 ? 1 : idle_rows > run->rows - 1 ? run->rows - 1 : idle_rows;
    double busy_w = busy_power(run, idle_rows);
    double t_s = 0;
    double energy_mj = 1e9 + 1e9 * wtl_rng_uniform(rng);
    double phase_s = refresh_s * wtl_rng_uniform(rng);
    double temp_c = 27;
    double jitter = 0, noise = 0, wobble = 0;
    double before_w = run->first_w;
    struct moment m = {.counter_mj = energy_mj};
    for (int i = 0; i < run->rows; i++) {
        if (i % HEADER_EVERY == 0)
            put_header(out);
        double step_s = run->period_s + paired(rng, 0.0006, i, &jitter);
        m.busy = i >= idle_rows;
        m.wobble = m.busy ? paired(rng, 0.5, i - idle_rows, &wobble) : 0;
        m.power_w = (i == 0   ? run->first_w
                     : m.busy ? busy_w
                              : run->idle_w) *
                    (1 + 0.03 * m.wobble * (i < run->rows - 1));
        double sensor = i ? paired(rng, 0.15, i - 1, &noise) : 0;
        double sample_w = 0.5 * (m.power_w + before_w) + sensor; /* half a row late */
        m.shown_w = sample_w > 0 ? sample_w : 0;
        before_w = m.power_w;
        t_s += step_s;
        energy_mj += 1000 * m.power_w * step_s;
        double since_s = fmod(t_s + phase_s, refresh_s); /* since the counter moved */
        if (since_s < step_s) /* else it has not moved since the last row */
            m.counter_mj = energy_mj - 1000 * m.power_w * since_s;
        temp_c += 0.004 * (27 + 0.15 * m.power_w - temp_c);
        m.temp_c = temp_c;
        m.profiled = i & 1;
        put_row(out, run, &m);
    }
}
