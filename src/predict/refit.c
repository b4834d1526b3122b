/* SPDX-License-Identifier: Apache-2.0
 * Bootstrap refits as one product with a fixed matrix, eight replicates side by side. */
#include "predict/refit.h"

#include "base/pair.h"
#include "predict/curve_internal.h"

#include <math.h>
#include <string.h>

enum { LANES = WTL_REFIT_LANES, CLOCKS_AT_ONCE = 4 };

struct wtl_refit {
    const struct wtl_curve *curve;
    size_t n_cells, n_rows, n_eval;
    bool wide;       /* registers of four doubles are there */
    double *map;     /* n_eval x n_rows: error of the curve by the input, see wtl_refit_run(); rows
                        of zeros up to a multiple of CLOCKS_AT_ONCE */
    double *log_fit; /* n_eval */
    double *offset; /* n_kept x n_eval: the curve, plus its error when the candidate is the truth */
    double *response; /* n_eval x LANES, padded as map is */
    size_t *cell;     /* n_eval: the cell of that clock; n_cells: it has no runs */
};

static int nomem(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory while preparing refits");
}

/* row[n_cells]: how candidate k at a clock moves with the cell means; returns its log value. */
static double response_row(const struct wtl_curve *c, const struct curve_candidate *k, double ghz,
                           double *row)
{
    if (!k->form)
        return curve_local_at(k, &c->cells, ghz, row);
    double basis[CURVE_MAX_BASIS];
    size_t p = (size_t)k->n_basis;
    curve_physical_row(k, ghz, basis);
    for (size_t i = 0; i < c->cells.n; i++) {
        double s = 0;
        for (size_t j = 0; j < p; j++)
            s += basis[j] * k->q[i * p + j];
        row[i] = s * sqrt(c->cells.count[i]);
    }
    return curve_physical_at(k, ghz);
}

/* map, log_fit, and each candidate's own value into offset. */
static void fill_map(struct wtl_refit *r, const double *eval_mhz, double *row)
{
    for (size_t k = 0; k < r->curve->n_kept; k++) {
        double w = r->curve->weight[k];
        for (size_t e = 0; e < r->n_eval; e++) {
            double y = response_row(r->curve, &r->curve->kept[k], eval_mhz[e] / 1000, row);
            r->offset[k * r->n_eval + e] = y;
            r->log_fit[e] += w * y;
            for (size_t i = 0; i < r->n_cells; i++)
                r->map[e * r->n_rows + i] += w * row[i];
        }
    }
}

/* What clocks have of their own: the value at one with runs is drawn to their mean. */
static void fill_own(struct wtl_refit *r, const double *eval_mhz)
{
    const struct wtl_curve *c = r->curve;
    for (size_t e = 0; e < r->n_eval; e++) {
        const size_t cell = curve_cell_at(c, eval_mhz[e] / 1000);
        r->cell[e] = cell;
        if (cell == c->cells.n || !(c->effect > 0))
            continue;
        double *map = r->map + e * r->n_rows, own = c->own[cell];
        for (size_t i = 0; i < r->n_cells; i++)
            map[i] *= 1 - own;
        map[cell] += own;
        r->log_fit[e] += own * (c->cells.mean[cell] - r->log_fit[e]);
    }
}

/* offset = 2 curve + map (candidate - means) - candidate: the refit of a noise-free truth, less the
 * truth, plus the curve. */
static void fill_offset(struct wtl_refit *r)
{
    const struct wtl_curve *c = r->curve;
    for (size_t k = 0; k < c->n_kept; k++)
        for (size_t e = 0; e < r->n_eval; e++) {
            double moved = 0, *offset = &r->offset[k * r->n_eval + e];
            for (size_t i = 0; i < r->n_cells; i++)
                moved += r->map[e * r->n_rows + i] * (c->kept[k].fit[i] - c->cells.mean[i]);
            *offset = 2 * r->log_fit[e] + moved - *offset;
        }
}

/* What bending the truth does to the error: the fit's response less the bend itself. */
static void fill_bend(struct wtl_refit *r, const double *eval_mhz)
{
    for (size_t e = 0; e < r->n_eval; e++) {
        double *map = r->map + e * r->n_rows, mode[WTL_CURVE_MODES];
        wtl_curve_modes(r->curve, eval_mhz[e], mode);
        for (size_t k = 0; k < WTL_CURVE_MODES; k++) {
            double s = -mode[k];
            for (size_t i = 0; i < r->n_cells; i++)
                s += map[i] * r->curve->trust[0].cell_mode[i * WTL_CURVE_MODES + k];
            map[r->n_cells + k] = s;
        }
    }
}

int wtl_refit_new(struct wtl_arena *arena, const struct wtl_curve *curve, const double *eval_mhz,
                  size_t n_eval, struct wtl_refit **refit_out, struct wtl_error *err)
{
    struct wtl_refit *r = WTL_NEW(arena, struct wtl_refit);
    if (!r)
        return nomem(err);
    r->curve = curve;
    r->n_cells = curve->cells.n;
    r->n_rows = r->n_cells + WTL_CURVE_MODES;
    r->n_eval = n_eval;
    size_t padded = (n_eval + CLOCKS_AT_ONCE - 1) / CLOCKS_AT_ONCE * CLOCKS_AT_ONCE;
#ifdef __x86_64__
    r->wide = __builtin_cpu_supports("avx2");
#endif
    r->map = WTL_NEW_ARRAY(arena, double, padded * r->n_rows);
    r->log_fit = WTL_NEW_ARRAY(arena, double, n_eval);
    r->offset = WTL_NEW_ARRAY(arena, double, curve->n_kept *n_eval);
    r->response = WTL_NEW_ARRAY(arena, double, padded *LANES);
    r->cell = WTL_NEW_ARRAY(arena, size_t, n_eval);
    double *row = WTL_NEW_ARRAY(arena, double, r->n_cells);
    if (!r->cell || !r->map || !r->log_fit || !r->offset || !r->response || !row)
        return nomem(err);
    fill_map(r, eval_mhz, row);
    fill_own(r, eval_mhz);
    fill_offset(r);
    fill_bend(r, eval_mhz);
    *refit_out = r;
    return 0;
}

size_t wtl_refit_n_rows(const struct wtl_refit *refit)
{
    return refit->n_rows;
}

double wtl_refit_log(const struct wtl_refit *refit, size_t e)
{
    return refit->log_fit[e];
}

size_t wtl_refit_pick(const struct wtl_refit *refit, double u)
{
    size_t k = 0;
    double sum = refit->curve->weight[0];
    while (u >= sum && k + 1 < refit->curve->n_kept)
        sum += refit->curve->weight[++k];
    return k;
}

double wtl_refit_bend(const struct wtl_refit *refit, size_t candidate)
{
    const struct wtl_curve *c = refit->curve;
    const struct curve_trust *trust = c->kept[candidate].trust;
    if (!trust) /* local regression: no form to believe in */
        trust = &c->trust[CURVE_N_TRUST - 1];
    return trust->sd[0] / c->trust[0].sd[0];
}

size_t wtl_refit_cell(const struct wtl_refit *refit, size_t e)
{
    return refit->cell[e];
}

/* Two lanes in one register of the baseline instruction set, and two clocks at once: eight sums in
 * flight hide the latency of an addition. Each sum runs over the rows in order, however wide the
 * registers are, so that every machine gets the same bits. */
_Static_assert(LANES == 8 && CLOCKS_AT_ONCE == 4, "the products below are written for these");

static void multiply_two(const double *map, size_t n_rows, const double *x, double *y)
{
    const double *a = map, *b = map + n_rows;
    wtl_pair a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0}, b0 = {0}, b1 = {0}, b2 = {0}, b3 = {0};
    for (size_t i = 0; i < n_rows; i++, x += LANES) {
        a0 += a[i] * wtl_pair_load(x);
        a1 += a[i] * wtl_pair_load(x + 2);
        a2 += a[i] * wtl_pair_load(x + 4);
        a3 += a[i] * wtl_pair_load(x + 6);
        b0 += b[i] * wtl_pair_load(x);
        b1 += b[i] * wtl_pair_load(x + 2);
        b2 += b[i] * wtl_pair_load(x + 4);
        b3 += b[i] * wtl_pair_load(x + 6);
    }
    wtl_pair_store(y, a0);
    wtl_pair_store(y + 2, a1);
    wtl_pair_store(y + 4, a2);
    wtl_pair_store(y + 6, a3);
    wtl_pair_store(y + 8, b0);
    wtl_pair_store(y + 10, b1);
    wtl_pair_store(y + 12, b2);
    wtl_pair_store(y + 14, b3);
}

static void multiply(const double *map, size_t n_eval, size_t n_rows, const double *x, double *y)
{
    for (size_t e = 0; e < n_eval; e += 2)
        multiply_two(map + e * n_rows, n_rows, x, y + e * LANES);
}

#ifdef __x86_64__
/* The same with registers of four lanes. Arenas align to 16 bytes only. */
typedef double quad __attribute__((vector_size(32), aligned(8), may_alias));

__attribute__((target("avx2"))) static void multiply_avx2(const double *map, size_t n_eval,
                                                          size_t n_rows, const double *x, double *y)
{
    for (size_t e = 0; e < n_eval; e += 4, map += 4 * n_rows, y += 4 * LANES) {
        const quad *in = (const quad *)(const void *)x;
        const double *a = map, *b = a + n_rows, *c = b + n_rows, *d = c + n_rows;
        quad a0 = {0}, a1 = {0}, b0 = {0}, b1 = {0}, c0 = {0}, c1 = {0}, d0 = {0}, d1 = {0};
        for (size_t i = 0; i < n_rows; i++, in += 2) {
            a0 += a[i] * in[0];
            a1 += a[i] * in[1];
            b0 += b[i] * in[0];
            b1 += b[i] * in[1];
            c0 += c[i] * in[0];
            c1 += c[i] * in[1];
            d0 += d[i] * in[0];
            d1 += d[i] * in[1];
        }
        quad *out = (quad *)(void *)y;
        out[0] = a0;
        out[1] = a1;
        out[2] = b0;
        out[3] = b1;
        out[4] = c0;
        out[5] = c1;
        out[6] = d0;
        out[7] = d1;
    }
}
#endif

void wtl_refit_baseline(struct wtl_refit *refit)
{
    refit->wide = false;
}

void wtl_refit_run(struct wtl_refit *r, const double *input, const size_t truth[WTL_REFIT_LANES],
                   double *out, size_t stride)
{
#ifdef __x86_64__
    if (r->wide)
        multiply_avx2(r->map, r->n_eval, r->n_rows, input, r->response);
    else
#endif
        multiply(r->map, r->n_eval, r->n_rows, input, r->response);
    for (size_t l = 0; l < LANES; l++) {
        const double *offset = r->offset + truth[l] * r->n_eval;
        for (size_t e = 0; e < r->n_eval; e++)
            out[l * stride + e] = offset[e] + r->response[e * LANES + l];
    }
}
