/* SPDX-License-Identifier: Apache-2.0
 *
 * Accepted runs to one measurement per clock and arrival rate. */
#include "runs/judging.h"
#include "stats/distribution.h"
#include "stats/robust.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double confidence = 0.95;

static const enum wtl_run_metric quantity[3] = {WTL_R_time_s, WTL_R_energy_j, WTL_R_power_w};
static const enum wtl_run_metric latency[4] = {WTL_R_latency_p50_s, WTL_R_latency_p90_s,
                                               WTL_R_latency_p95_s, WTL_R_latency_p99_s};

static int by_cell(const void *p, const void *q)
{
    const struct wtl_run *a = *(const struct wtl_run *const *)p;
    const struct wtl_run *b = *(const struct wtl_run *const *)q;
    if (a->clock_mhz != b->clock_mhz)
        return a->clock_mhz < b->clock_mhz ? -1 : 1;
    double ra = wtl_run_get(a, WTL_R_rate_per_s, -1), rb = wtl_run_get(b, WTL_R_rate_per_s, -1);
    return (ra > rb) - (ra < rb);
}

static bool same_cell(const struct wtl_run *a, const struct wtl_run *b)
{
    double ra = wtl_run_get(a, WTL_R_rate_per_s, -1), rb = wtl_run_get(b, WTL_R_rate_per_s, -1);
    return a->clock_mhz == b->clock_mhz && fabs(ra - rb) <= 1e-6 * fmax(fabs(ra), fabs(rb));
}

static size_t cell_end(const struct wtl_run *const *sorted, size_t lo, size_t n)
{
    size_t hi = lo + 1;
    while (hi < n && same_cell(sorted[lo], sorted[hi]))
        hi++;
    return hi;
}

/* Values (or their logarithms) of the accepted runs of a cell. */
static size_t collect(const struct wtl_run *const *cell, size_t n, enum wtl_run_metric m,
                      bool logarithm, double *a)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (cell[i]->causes == 0 && wtl_run_has(cell[i], m))
            a[k++] = logarithm ? log(cell[i]->metric[m]) : cell[i]->metric[m];
    return k;
}

/* Half-width of the interval of one run's logarithm, from the standard deviation within cells.
 * Negative when no cell has two runs. */
static double reach_of(const struct wtl_run *const *sorted, size_t n, enum wtl_run_metric m,
                       double *a)
{
    double sum = 0, dof = 0;
    for (size_t lo = 0, hi; lo < n; lo = hi) {
        hi = cell_end(sorted, lo, n);
        size_t k = collect(sorted + lo, hi - lo, m, true, a);
        double sd = wtl_sd(a, k);
        sum += k > 1 ? sd * sd * (double)(k - 1) : 0;
        dof += k > 1 ? (double)(k - 1) : 0;
    }
    if (dof < 1)
        return -1;
    return wtl_student_quantile(0.5 + confidence / 2, dof) * sqrt(sum / dof);
}

/* `reach`: t quantile times the standard deviation of one logarithm; negative: unknown. */
static struct wtl_estimate estimate(const double *logs, size_t k, double reach)
{
    struct wtl_estimate e = {.n = (int)k};
    if (k == 0)
        return e;
    double mean = wtl_mean(logs, k);
    e.value = e.lo = e.hi = exp(mean);
    if (reach < 0)
        return e;
    double half = reach / sqrt((double)k);
    e.lo = exp(mean - half);
    e.hi = exp(mean + half);
    e.evidence = WTL_EVIDENCE_IN_SAMPLE;
    return e;
}

static void fill_latency(struct wtl_measurement *m, const struct wtl_run *const *cell, size_t n,
                         double *a)
{
    for (unsigned q = 0; q < 4; q++) {
        size_t k = collect(cell, n, latency[q], false, a);
        if (k == 0)
            continue;
        m->latency_s[q] = wtl_median(a, k);
        m->latency_valid |= 1U << q;
    }
}

static double cv_of(const struct wtl_run *const *cell, size_t n, enum wtl_run_metric m, double *a)
{
    size_t k = collect(cell, n, m, false, a);
    return k > 1 ? wtl_sd(a, k) / wtl_mean(a, k) : 0;
}

static void fill_quality(struct wtl_measurement *m, const struct wtl_run *const *cell, size_t n)
{
    bool first = true;
    for (size_t i = 0; i < n; i++) {
        if (cell[i]->causes)
            continue;
        bool same = first || cell[i]->energy_method == m->energy_method;
        m->energy_method = same ? cell[i]->energy_method : WTL_ENERGY_NONE;
        if (cell[i]->energy_class > m->energy_class)
            m->energy_class = cell[i]->energy_class;
        m->energy_troubles |= cell[i]->energy_troubles;
        first = false;
    }
}

/* Where no cell has two runs to tell the spread, a single one still says how well its sensor told
 * its energy. */
static void take_sensor_interval(struct wtl_estimate *e, const struct wtl_run *const *cell,
                                 size_t n)
{
    for (size_t i = 0; i < n && e->n == 1 && e->evidence == WTL_EVIDENCE_NONE; i++) {
        double share = wtl_run_get(cell[i], WTL_R_energy_rel_error, 0);
        if (cell[i]->causes || !(share > 0 && share < 1))
            continue;
        e->lo = e->value * (1 - share);
        e->hi = e->value * (1 + share);
        e->evidence = WTL_EVIDENCE_IN_SAMPLE;
    }
}

static void fill_cell(struct wtl_measurement *m, const struct wtl_run *const *cell, size_t n,
                      const double *reach, double *a)
{
    struct wtl_estimate *estimates[3] = {&m->time_s, &m->energy_j, &m->power_w};
    m->clock_mhz = cell[0]->clock_mhz;
    m->closed = !wtl_run_has(cell[0], WTL_R_rate_per_s);
    m->rate_per_s = wtl_run_get(cell[0], WTL_R_rate_per_s, 0);
    for (size_t i = 0; i < n; i++) {
        if (cell[i]->causes == 0) {
            m->n++;
            continue;
        }
        m->n_rejected++;
        m->rejected[wtl_run_main_cause(cell[i])]++;
    }
    for (int q = 0; q < 3; q++)
        *estimates[q] = estimate(a, collect(cell, n, quantity[q], true, a), reach[q]);
    take_sensor_interval(&m->energy_j, cell, n);
    fill_quality(m, cell, n);
    m->time_cv = cv_of(cell, n, WTL_R_time_s, a);
    m->energy_cv = cv_of(cell, n, WTL_R_energy_j, a);
    fill_latency(m, cell, n, a);
}

int wtl_measure(struct wtl_arena *arena, const struct wtl_run *runs, size_t n,
                struct wtl_measurement **cells_out, size_t *n_out, struct wtl_error *err)
{
    const struct wtl_run **sorted = WTL_NEW_ARRAY(arena, const struct wtl_run *, n + 1);
    double *a = WTL_NEW_ARRAY(arena, double, n + 1);
    if (!sorted || !a)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        sorted[i] = &runs[i];
    qsort(sorted, n, sizeof *sorted, by_cell);
    size_t n_cells = 0;
    for (size_t lo = 0; lo < n; lo = cell_end(sorted, lo, n))
        n_cells++;
    struct wtl_measurement *cells = WTL_NEW_ARRAY(arena, struct wtl_measurement, n_cells + 1);
    if (!cells)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    double reach[3];
    for (int q = 0; q < 3; q++)
        reach[q] = reach_of(sorted, n, quantity[q], a);
    size_t c = 0;
    for (size_t lo = 0, hi; lo < n; lo = hi) {
        hi = cell_end(sorted, lo, n);
        fill_cell(&cells[c++], sorted + lo, hi - lo, reach, a);
    }
    *cells_out = cells;
    *n_out = n_cells;
    return 0;
}
