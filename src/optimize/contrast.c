/* SPDX-License-Identifier: Apache-2.0
 * Rows against the baseline, and their spread. */
#include "optimize/contrast.h"

#include "base/pair.h"
#include "optimize/objective.h"

#include <math.h>
#include <string.h>

/* Replicates behind tie_se: 512 give each entry a relative error of 3 %. */
enum { PAIR_REPLICATES = 512 };

static int nomem(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory while comparing clocks");
}

/* The energy of a whole period, idling included. */
static double energy_log(double period_s, double idle_w, double log_time, double log_power)
{
    return log(exp(log_time + log_power) + idle_w * fmax(period_s - exp(log_time), 0));
}

static size_t fastest_of(const double *time, const bool *candidate, size_t n)
{
    size_t best = n;
    for (size_t e = 0; e < n; e++)
        if (candidate[e] && (best == n || time[e] < time[best]))
            best = e;
    return best;
}

/* Fills one row; energy and objective are its storage. Returns the baseline's eval clock. */
static size_t make_row(const struct wtl_contrast_spec *spec, const double *idle_w, size_t n_eval,
                       const double *time, const double *power, double given_time,
                       double given_energy, double *energy, double *objective, struct wtl_row *row)
{
    if (spec->idling.counted)
        for (size_t e = 0; e < n_eval; e++)
            energy[e] = energy_log(spec->idling.period_s, idle_w[e], time[e], power[e]);
    else
        for (size_t e = 0; e < n_eval; e++)
            energy[e] = time[e] + power[e];
    size_t base = spec->fastest ? fastest_of(time, spec->candidate, n_eval) : spec->base;
    row->base_time = base < n_eval ? time[base] : given_time;
    row->base_energy = base < n_eval ? energy[base] : given_energy;
    wtl_objective_row(spec->objective, energy, row->base_energy, time, row->base_time, n_eval,
                      objective);
    row->time = time;
    row->power = power;
    row->energy = energy;
    row->objective = objective;
    return base;
}

/* Standard deviation of value(row)[e] - shift(row) per clock, about its mean. */
struct spread {
    double *sum, *sum2;
};

static void add_row(struct spread *s, const double *value, const double *origin, double shift,
                    size_t n)
{
    size_t e = 0;
    for (; e + 2 <= n; e += 2) {
        /* near 0: no cancellation in sum2 */
        wtl_pair d = wtl_pair_load(value + e) - wtl_pair_load(origin + e) - shift;
        wtl_pair_store(s->sum + e, wtl_pair_load(s->sum + e) + d);
        wtl_pair_store(s->sum2 + e, wtl_pair_load(s->sum2 + e) + d * d);
    }
    for (; e < n; e++) {
        double d = value[e] - origin[e] - shift;
        s->sum[e] += d;
        s->sum2[e] += d * d;
    }
}

static void finish_spread(struct spread *s, size_t n_rows, size_t n, double *se)
{
    for (size_t e = 0; e < n; e++) {
        double mean = s->sum[e] / (double)n_rows;
        se[e] = sqrt(fmax(s->sum2[e] / (double)n_rows - mean * mean, 0));
    }
    memset(s->sum, 0, n * sizeof *s->sum);
    memset(s->sum2, 0, n * sizeof *s->sum2);
}

static double scalar_spread(const struct wtl_contrast *c, bool energy)
{
    double sum = 0, sum2 = 0;
    double origin = energy ? c->origin.base_energy : c->origin.base_time;
    for (size_t r = 0; r < c->n; r++) {
        double d = (energy ? c->row[r].base_energy : c->row[r].base_time) - origin;
        sum += d;
        sum2 += d * d;
    }
    double mean = sum / (double)c->n;
    return sqrt(fmax(sum2 / (double)c->n - mean * mean, 0));
}

static int spread_all(struct wtl_arena *arena, struct wtl_contrast *c, struct wtl_error *err)
{
    size_t m = c->n_eval;
    struct spread s = {WTL_NEW_ARRAY(arena, double, m), WTL_NEW_ARRAY(arena, double, m)};
    double **out[] = {&c->slowdown_se, &c->saving_se, &c->time_se, &c->energy_se, &c->power_se};
    if (!s.sum || !s.sum2)
        return nomem(err);
    for (int k = 0; k < 5; k++) {
        *out[k] = WTL_NEW_ARRAY(arena, double, m);
        if (!*out[k])
            return nomem(err);
        bool energy = k == 1 || k == 3;
        const double *origin = k == 4   ? c->origin.power
                               : energy ? c->origin.energy
                                        : c->origin.time;
        for (size_t r = 0; r < c->n; r++) {
            const struct wtl_row *row = &c->row[r];
            double shift = k == 0   ? row->base_time - c->origin.base_time
                           : k == 1 ? row->base_energy - c->origin.base_energy
                                    : 0;
            add_row(&s, k == 4 ? row->power : energy ? row->energy : row->time, origin, shift, m);
        }
        finish_spread(&s, c->n, m, *out[k]);
    }
    c->base_time_se = scalar_spread(c, false);
    c->base_energy_se = scalar_spread(c, true);
    return 0;
}

/* v[i][j] += sum of d[i] d[j] over AT_ONCE rows, in their order, for j <= i (and one beyond where
 * that makes it even). Several rows at once, so that v is read and written once for all. */
enum { AT_ONCE = 4 };

static void add_products(double *v, const double *d, size_t m, size_t stride)
{
    const double *d0 = d, *d1 = d + stride, *d2 = d + 2 * stride, *d3 = d + 3 * stride;
    for (size_t i = 0; i < m; i++, v += stride)
        for (size_t j = 0; j <= i; j += 2) {
            wtl_pair s = wtl_pair_load(v + j) + d0[i] * wtl_pair_load(d0 + j);
            s += d1[i] * wtl_pair_load(d1 + j);
            s += d2[i] * wtl_pair_load(d2 + j);
            wtl_pair_store(v + j, s + d3[i] * wtl_pair_load(d3 + j));
        }
}

/* Standard deviations of differences from n times the covariance. */
static void differences(const double *v, size_t stride, size_t m, size_t n, double *se)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < i; j++) {
            double s = v[i * stride + i] + v[j * stride + j] - 2 * v[i * stride + j];
            se[i * m + j] = se[j * m + i] = sqrt(fmax(s / (double)n, 0));
        }
}

/* tie_se, by the covariance of log objective over clocks. */
static int spread_pairs(struct wtl_arena *arena, struct wtl_contrast *c, struct wtl_error *err)
{
    size_t m = c->n_eval, n = c->n < PAIR_REPLICATES ? c->n : PAIR_REPLICATES;
    size_t stride = m + m % 2;
    double *v = WTL_NEW_ARRAY(arena, double, m *stride);
    double *d = WTL_NEW_ARRAY(arena, double, AT_ONCE *stride);
    double *mean = WTL_NEW_ARRAY(arena, double, m);
    c->tie_se = WTL_NEW_ARRAY(arena, double, m *m);
    if (!v || !d || !mean || !c->tie_se)
        return nomem(err);
    for (size_t r = 0; r < n; r++)
        for (size_t e = 0; e < m; e++)
            mean[e] += c->row[r].objective[e] / (double)n;
    for (size_t r = 0; r < n; r += AT_ONCE) {
        for (size_t k = 0; k < AT_ONCE; k++) /* beyond the last row zeros, which add nothing */
            for (size_t e = 0; e < m; e++)
                d[k * stride + e] = r + k < n ? c->row[r + k].objective[e] - mean[e] : 0;
        add_products(v, d, m, stride);
    }
    differences(v, stride, m, n, c->tie_se);
    return 0;
}

int wtl_contrast_make(struct wtl_arena *arena, const struct wtl_bootstrap *boot,
                      const struct wtl_contrast_spec *spec, struct wtl_contrast *contrast_out,
                      struct wtl_error *err)
{
    struct wtl_contrast c = {.n = boot->n, .n_eval = boot->n_eval};
    size_t m = c.n_eval;
    double *energy = WTL_RAW_ARRAY(arena, double, (c.n + 1) * m);
    double *objective = WTL_RAW_ARRAY(arena, double, (c.n + 1) * m);
    double *idle_w = WTL_NEW_ARRAY(arena, double, m + 1);
    c.row = WTL_NEW_ARRAY(arena, struct wtl_row, c.n);
    if (!energy || !objective || !idle_w || !c.row)
        return nomem(err);
    for (size_t e = 0; e < m && spec->idling.counted; e++)
        idle_w[e] = wtl_idle_power_at(&spec->idling.power, spec->clock_mhz[e]);
    c.base = make_row(spec, idle_w, m, boot->time0, boot->power0, spec->base_time0,
                      spec->base_energy0, energy + c.n * m, objective + c.n * m, &c.origin);
    for (size_t r = 0; r < c.n; r++)
        make_row(spec, idle_w, m, boot->time + r * m, boot->power + r * m,
                 spec->base_time ? spec->base_time[r] : 0,
                 spec->base_energy ? spec->base_energy[r] : 0, energy + r * m, objective + r * m,
                 &c.row[r]);
    c.origin.spread = 1;
    for (size_t r = 0; r < c.n; r++)
        c.row[r].spread = boot->spread[r];
    int rc = spread_all(arena, &c, err);
    if (!rc)
        rc = spread_pairs(arena, &c, err);
    if (rc)
        return rc;
    *contrast_out = c;
    return 0;
}
