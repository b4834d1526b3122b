/* SPDX-License-Identifier: Apache-2.0
 * Bootstrap refits as products with fixed matrices, eight replicates side by side. */
#include "predict/refit.h"

#include "predict/curve_internal.h"

#include <math.h>
#include <string.h>

enum { LANES = WTL_REFIT_LANES };

/* One candidate, prepared. Values are relative to the original winner's fit. */
struct choice {
    int n_basis;       /* 0: local regression */
    double *project;   /* physical: n_basis x n_cells, sqrt(count) Q^T */
    double *back;      /* physical: n_cells x n_basis, Q / sqrt(count) */
    double *rows;      /* n_eval x (n_basis or n_cells): response at the eval points */
    size_t *from, *to; /* local: the non-zero span of each row of hat, then of rows */
    const double *hat; /* local */
    double *log_fit;   /* n_eval: its fit to the original runs */
    double *misfit;    /* n_cells: (winner's fit - own fit) minus what it would make of it */
    double *shift;     /* n_eval: what it makes of the winner's curve, minus own fit */
    double *press;     /* n_cells: count / (1 - leverage)^2 */
};

struct wtl_refit {
    const struct wtl_curve *curve;
    size_t n_cells, n_eval, n;
    struct choice choice[CURVE_MAX_KEPT];
    double *coef;  /* CURVE_MAX_BASIS x LANES per choice */
    double *value; /* n_cells or n_eval, x LANES */
};

static int nomem(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory while preparing refits");
}

static int prepare_physical(struct wtl_arena *arena, struct wtl_refit *r, struct choice *ch,
                            const struct curve_candidate *c, const double *eval_mhz)
{
    size_t p = (size_t)c->form->n_basis;
    ch->n_basis = c->form->n_basis;
    ch->project = WTL_NEW_ARRAY(arena, double, p * r->n_cells);
    ch->back = WTL_NEW_ARRAY(arena, double, p * r->n_cells);
    ch->rows = WTL_NEW_ARRAY(arena, double, p * r->n_eval);
    if (!ch->project || !ch->back || !ch->rows)
        return -(int)WTL_NOMEM;
    for (size_t i = 0; i < r->n_cells; i++) {
        double root = sqrt(r->curve->cells.count[i]);
        for (size_t j = 0; j < p; j++) {
            ch->project[j * r->n_cells + i] = root * c->q[i * p + j];
            ch->back[i * p + j] = c->q[i * p + j] / root;
        }
    }
    for (size_t e = 0; e < r->n_eval; e++) {
        curve_physical_row(c, eval_mhz[e] / 1000, ch->rows + e * p);
        ch->log_fit[e] = curve_physical_at(c, eval_mhz[e] / 1000);
    }
    return 0;
}

static void find_span(const double *row, size_t n, size_t *from, size_t *to)
{
    *from = 0;
    *to = n;
    while (*to > 0 && row[*to - 1] == 0)
        --*to;
    while (*from < *to && row[*from] == 0)
        ++*from;
}

static int prepare_local(struct wtl_arena *arena, struct wtl_refit *r, struct choice *ch,
                         const struct curve_candidate *c, const double *eval_mhz)
{
    size_t m = r->n_cells;
    ch->hat = c->hat;
    ch->rows = WTL_NEW_ARRAY(arena, double, m * r->n_eval);
    ch->from = WTL_NEW_ARRAY(arena, size_t, m + r->n_eval);
    ch->to = WTL_NEW_ARRAY(arena, size_t, m + r->n_eval);
    if (!ch->rows || !ch->from || !ch->to)
        return -(int)WTL_NOMEM;
    for (size_t i = 0; i < m; i++)
        find_span(ch->hat + i * m, m, &ch->from[i], &ch->to[i]);
    for (size_t e = 0; e < r->n_eval; e++) {
        double *row = ch->rows + e * m;
        ch->log_fit[e] = curve_local_at(c, &r->curve->cells, eval_mhz[e] / 1000, row);
        find_span(row, m, &ch->from[m + e], &ch->to[m + e]);
    }
    return 0;
}

/* y[i][lane] = rows[i] . x[.][lane] over the span of each row. */
static void multiply(const double *restrict rows, size_t width, const size_t *from,
                     const size_t *to, size_t n, const double *restrict x, double *restrict y)
{
    for (size_t i = 0; i < n; i++) {
        double s[LANES] = {0};
        size_t lo = from ? from[i] : 0, hi = to ? to[i] : width;
        for (size_t j = lo; j < hi; j++)
            for (int l = 0; l < LANES; l++)
                s[l] += rows[i * width + j] * x[j * LANES + (size_t)l];
        memcpy(y + i * LANES, s, sizeof s);
    }
}

/* The fitted change at the cells (at_eval false) or the eval points; a physical candidate's
 * coefficients stay in coef for the second call. */
static void respond(const struct wtl_refit *r, const struct choice *ch, const double *deviation,
                    bool at_eval, double *coef, double *value)
{
    size_t m = r->n_cells;
    if (!ch->n_basis) {
        size_t offset = at_eval ? m : 0;
        multiply(at_eval ? ch->rows : ch->hat, m, ch->from + offset, ch->to + offset,
                 at_eval ? r->n_eval : m, deviation, value);
        return;
    }
    size_t p = (size_t)ch->n_basis;
    if (!at_eval)
        multiply(ch->project, m, NULL, NULL, p, deviation, coef);
    multiply(at_eval ? ch->rows : ch->back, p, NULL, NULL, at_eval ? r->n_eval : m, coef, value);
}

/* What the candidate makes of the winner's own curve: the truth that replicates are drawn from. */
static int prepare_offsets(struct wtl_arena *arena, struct wtl_refit *r, struct choice *ch,
                           const struct curve_candidate *c)
{
    size_t m = r->n_cells;
    double *gap = WTL_NEW_ARRAY(arena, double, m *LANES);
    ch->misfit = WTL_NEW_ARRAY(arena, double, m);
    ch->press = WTL_NEW_ARRAY(arena, double, m);
    ch->shift = WTL_NEW_ARRAY(arena, double, r->n_eval);
    if (!gap || !ch->misfit || !ch->press || !ch->shift)
        return -(int)WTL_NOMEM;
    for (size_t i = 0; i < m; i++) {
        ch->misfit[i] = curve_winner(r->curve)->fit[i] - c->fit[i];
        for (int l = 0; l < LANES; l++)
            gap[i * LANES + (size_t)l] = ch->misfit[i];
        double left = fmax(1 - c->lever[i], 1e-6);
        ch->press[i] = r->curve->cells.count[i] / (left * left);
    }
    double coef[CURVE_MAX_BASIS * LANES];
    respond(r, ch, gap, false, coef, r->value);
    for (size_t i = 0; i < m; i++)
        ch->misfit[i] -= r->value[i * LANES];
    respond(r, ch, gap, true, coef, r->value);
    for (size_t e = 0; e < r->n_eval; e++)
        ch->shift[e] = r->value[e * LANES];
    return 0;
}

int wtl_refit_new(struct wtl_arena *arena, const struct wtl_curve *curve, const double *eval_mhz,
                  size_t n_eval, struct wtl_refit **refit_out, struct wtl_error *err)
{
    struct wtl_refit *r = WTL_NEW(arena, struct wtl_refit);
    if (!r)
        return nomem(err);
    r->curve = curve;
    r->n_cells = curve->cells.n;
    r->n_eval = n_eval;
    r->n = curve->n_kept;
    size_t most = r->n_cells > n_eval ? r->n_cells : n_eval;
    r->value = WTL_NEW_ARRAY(arena, double, most *LANES);
    r->coef = WTL_NEW_ARRAY(arena, double, CURVE_MAX_KEPT *CURVE_MAX_BASIS *LANES);
    if (!r->value || !r->coef)
        return nomem(err);
    for (size_t k = 0; k < r->n; k++) {
        struct choice *ch = &r->choice[k];
        const struct curve_candidate *c = curve->kept[k];
        ch->log_fit = WTL_NEW_ARRAY(arena, double, n_eval);
        if (!ch->log_fit ||
            (c->form ? prepare_physical(arena, r, ch, c, eval_mhz)
                     : prepare_local(arena, r, ch, c, eval_mhz)) ||
            prepare_offsets(arena, r, ch, c))
            return nomem(err);
    }
    *refit_out = r;
    return 0;
}

double wtl_refit_log(const struct wtl_refit *refit, size_t e)
{
    return refit->choice[0].log_fit[e];
}

/* Leave-one-clock-out error of every lane, by the leverage formula. */
static void press_error(const struct wtl_refit *r, const struct choice *ch,
                        const double *restrict deviation, double *restrict error)
{
    double s[LANES] = {0};
    for (size_t i = 0; i < r->n_cells; i++)
        for (int l = 0; l < LANES; l++) {
            double e =
                deviation[i * LANES + (size_t)l] + ch->misfit[i] - r->value[i * LANES + (size_t)l];
            s[l] += ch->press[i] * e * e;
        }
    memcpy(error, s, sizeof s);
}

void wtl_refit_run(struct wtl_refit *r, const double *deviation, double *out, size_t stride)
{
    double best[LANES], error[LANES];
    size_t chosen[LANES] = {0};
    for (size_t k = 0; k < r->n; k++) {
        double *coef = r->coef + k * CURVE_MAX_BASIS * LANES;
        if (r->n > 1 || r->choice[k].n_basis)
            respond(r, &r->choice[k], deviation, false, coef, r->value);
        if (r->n == 1)
            break;
        press_error(r, &r->choice[k], deviation, error);
        for (int l = 0; l < LANES; l++)
            if (k == 0 || error[l] < best[l]) {
                best[l] = error[l];
                chosen[l] = k;
            }
    }
    for (size_t k = 0; k < r->n; k++) {
        bool wanted = false;
        for (int l = 0; l < LANES; l++)
            wanted = wanted || chosen[l] == k;
        if (!wanted)
            continue;
        const struct choice *ch = &r->choice[k];
        respond(r, ch, deviation, true, r->coef + k * CURVE_MAX_BASIS * LANES, r->value);
        for (size_t l = 0; l < LANES; l++)
            for (size_t e = 0; e < r->n_eval && chosen[l] == k; e++)
                out[l * stride + e] = ch->log_fit[e] + ch->shift[e] + r->value[e * LANES + l];
    }
}
