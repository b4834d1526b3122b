/* SPDX-License-Identifier: Apache-2.0
 * The search among forms, and what callers ask of the winner. */
#include "predict/curve.h"

#include "base/limits.h"
#include "base/text.h"
#include "predict/curve_internal.h"
#include "stats/robust.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Huber's constant, in robust standard deviations: 99 % efficient on normal noise. */
static const double clip_at = 2.0;
/* What a form may be wrong by in elasticity: usually, and where the runs show that it is. */
static const double mistrust[CURVE_N_TRUST] = {0.1, 0.4};

/* ---- gathering ---- */

struct order_key {
    double value;
    size_t run;
};

static int compare_keys(const void *a, const void *b)
{
    const struct order_key *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->run < y->run ? -1 : x->run > y->run;
}

static int nomem(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory while fitting a curve");
}

/* Numbers the distinct values of key[] ascending into index[run]; returns how many. */
static size_t number_distinct(struct order_key *key, size_t n, size_t *index)
{
    qsort(key, n, sizeof *key, compare_keys);
    size_t distinct = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && key[i].value != key[i - 1].value)
            distinct++;
        index[key[i].run] = distinct;
    }
    return n ? distinct + 1 : 0;
}

static int gather_cells(struct wtl_arena *arena, struct wtl_curve *c, const double *clock_mhz,
                        struct order_key *key, struct wtl_error *err)
{
    for (size_t i = 0; i < c->n; i++)
        key[i] = (struct order_key){clock_mhz[i], i};
    struct curve_cells *cells = &c->cells;
    cells->n = number_distinct(key, c->n, c->cell);
    if (cells->n < WTL_CURVE_MIN_CLOCKS)
        return WTL_FAIL(err, WTL_UNDECIDED, "runs at %zu clock%s carry no curve, %d are needed",
                        cells->n, wtl_plural((int64_t)cells->n), WTL_CURVE_MIN_CLOCKS);
    if (cells->n > WTL_LIMIT_CLOCKS)
        return WTL_FAIL(err, WTL_LIMIT, "%zu distinct clocks, at most %d are taken", cells->n,
                        WTL_LIMIT_CLOCKS);
    cells->ghz = WTL_NEW_ARRAY(arena, double, cells->n);
    cells->count = WTL_NEW_ARRAY(arena, double, cells->n);
    cells->mean = WTL_NEW_ARRAY(arena, double, cells->n);
    c->fit = WTL_NEW_ARRAY(arena, double, cells->n);
    c->lever = WTL_NEW_ARRAY(arena, double, cells->n);
    c->own = WTL_NEW_ARRAY(arena, double, cells->n);
    if (!cells->ghz || !cells->count || !cells->mean || !c->fit || !c->lever || !c->own)
        return nomem(err);
    for (size_t i = 0; i < c->n; i++) {
        cells->ghz[c->cell[i]] = clock_mhz[i] / 1000;
        cells->count[c->cell[i]] += 1;
    }
    for (int t = 0; t < CURVE_N_TRUST; t++)
        if (curve_trust_init(arena, &c->trust[t], cells, mistrust[t]))
            return nomem(err);
    return 0;
}

/* The runs by clock. */
static int gather_groups(struct wtl_arena *arena, struct wtl_curve *c, struct order_key *key,
                         struct wtl_error *err)
{
    size_t *index = WTL_NEW_ARRAY(arena, size_t, c->n);
    c->groups.start = WTL_NEW_ARRAY(arena, size_t, c->n + 1);
    c->groups.run = WTL_NEW_ARRAY(arena, size_t, c->n);
    if (!index || !c->groups.start || !c->groups.run)
        return nomem(err);
    for (size_t i = 0; i < c->n; i++)
        key[i] = (struct order_key){(double)c->cell[i], i};
    c->groups.n = number_distinct(key, c->n, index);
    for (size_t i = 0; i < c->n; i++) {
        c->groups.run[i] = key[i].run;
        c->groups.start[index[key[i].run] + 1] = i + 1;
    }
    return 0;
}

/* ---- robustness ---- */

static void average_cells(struct wtl_curve *c)
{
    memset(c->cells.mean, 0, c->cells.n * sizeof *c->cells.mean);
    for (size_t i = 0; i < c->n; i++)
        c->cells.mean[c->cell[i]] += c->pseudo[i];
    for (size_t k = 0; k < c->cells.n; k++)
        c->cells.mean[k] /= c->cells.count[k];
}

/* Huber's "proposal 2", from the median absolute deviation on: the scale at which clipped residuals
 * have the mean square that normal ones would have. MAD alone is off by 8 % at 100 runs. */
static double residual_scale(const struct wtl_curve *c, const double *fit, double *scratch)
{
    static const double normal_square = 0.92053; /* E min(z^2, 4) */
    for (size_t i = 0; i < c->n; i++)
        scratch[i] = c->log_y[i] - fit[c->cell[i]];
    double scale = wtl_mad(scratch, c->n);
    for (int turn = 0; turn < 10; turn++) {
        double sum = 0, limit = clip_at * scale;
        for (size_t i = 0; i < c->n; i++) {
            double r = fmin(fabs(c->log_y[i] - fit[c->cell[i]]), limit);
            sum += r * r;
        }
        scale = sqrt(sum / (double)c->n / normal_square);
    }
    return scale;
}

/* Scale and pseudo-values from residuals about fit[cell]: fit + psi(r) / mean(psi'), by which a
 * linear smoother of the pseudo-values is the M-estimate (Cox 1983; Oh, Nychka and Lee 2007). */
static void set_pseudo(struct wtl_curve *c, const double *fit, double dof, double *scratch)
{
    size_t inside = 0;
    double n = (double)c->n;
    double shrunk =
        dof < n / 2 ? sqrt(n / (n - dof)) : M_SQRT2; /* the fit took part of the noise */
    c->scale = fmax(residual_scale(c, fit, scratch) * shrunk, 1e-12);
    double limit = clip_at * fmax(c->scale, CURVE_LEAST_SCALE);
    for (size_t i = 0; i < c->n; i++)
        inside += fabs(c->log_y[i] - fit[c->cell[i]]) <= limit;
    double slope = (double)inside / n;
    for (size_t i = 0; i < c->n; i++) {
        double r = c->log_y[i] - fit[c->cell[i]];
        c->pseudo[i] = fit[c->cell[i]] + fmin(fmax(r, -limit), limit) / fmax(slope, 0.5);
    }
    average_cells(c);
}

/* First pseudo-values: about a local fit to the medians of the clocks. */
static void start_pseudo(struct wtl_curve *c, double *scratch)
{
    double *median = c->cells.mean, *fit = scratch, *row = fit + c->cells.n,
           *work = row + c->cells.n;
    for (size_t k = 0; k < c->cells.n; k++) {
        size_t m = 0;
        for (size_t i = 0; i < c->n; i++)
            if (c->cell[i] == k)
                work[m++] = c->log_y[i];
        median[k] = wtl_median(work, m);
    }
    size_t neighbours = c->cells.n / 3 > 6 ? c->cells.n / 3 : 6;
    for (size_t k = 0; k < c->cells.n; k++) {
        curve_local_row(&c->cells, c->cells.count, neighbours, c->cells.ghz[k], row);
        fit[k] = 0;
        for (size_t j = 0; j < c->cells.n; j++)
            fit[k] += row[j] * median[j];
    }
    set_pseudo(c, fit, 0, work);
}

/* Pseudo-values about the curve, in turns with its fit, until they stand. */
static void settle_pseudo(struct wtl_curve *c, double *scratch)
{
    double before = HUGE_VAL;
    for (int turn = 0; turn < 8 && fabs(c->scale - before) > 1e-3 * c->scale; turn++) {
        before = c->scale;
        set_pseudo(c, c->fit, wtl_curve_parameters(c), scratch);
        curve_update(c);
    }
}

/* What a short series does not show is not thereby absent: as if that many runs of this correlation
 * had been seen before. */
static const double usual_correlation = 0.4, prior_runs = 60;

/* Lag-one correlation of the pseudo-values' errors in run order. The curve takes the slow part of
 * correlated noise, by about one in n for every parameter, which is given back. */
static double successive_correlation(const struct wtl_curve *c)
{
    double product = 0, square = 0;
    for (size_t i = 0; i < c->n; i++) {
        double r = c->pseudo[i] - c->fit[c->cell[i]];
        square += r * r;
        if (i > 0)
            product += r * (c->pseudo[i - 1] - c->fit[c->cell[i - 1]]);
    }
    if (!(square > 0))
        return 0;
    double n = (double)c->n, taken = wtl_curve_parameters(c) / n;
    double own = product / square + taken;
    return fmin(fmax((n * own + prior_runs * usual_correlation) / (n + prior_runs), 0), 0.9);
}

/* Share of runs whose successor by `lag` has a clock that a smooth curve hardly tells from theirs:
 * within a tenth of the clocks. */
static double neighbours_in_order(const struct wtl_curve *c, size_t lag)
{
    size_t near = c->cells.n / 10 + 1, count = 0;
    for (size_t i = 0; i + lag < c->n; i++) {
        size_t a = c->cell[i], b = c->cell[i + lag];
        count += (a > b ? a - b : b - a) <= near;
    }
    return (double)count / (double)c->n;
}

static void set_inflation(struct wtl_curve *c)
{
    c->correlation = successive_correlation(c);
    c->inflation = 1;
    double power = c->correlation;
    for (size_t lag = 1; lag < c->n && power > 0.01; lag++, power *= c->correlation)
        c->inflation += 2 * power * neighbours_in_order(c, lag);
}

/* What clocks have of their own. Runs are wild, and resemble the next one, by what is left beside
 * it: a clock whose runs agree is no wild one. */
static void set_effect(struct wtl_curve *c, double *scratch)
{
    double *mean = scratch, *work = scratch + c->cells.n;
    if (!curve_effect_find(c, mean))
        return;
    curve_effect_apply(c, mean);
    set_pseudo(c, c->fit, wtl_curve_parameters(c), work);
    curve_update(c);
    curve_effect_apply(c, c->cells.mean);
    c->correlation = successive_correlation(c);
}

/* ---- fit ---- */

static int check_input(const double *clock_mhz, const double *y, size_t n, struct wtl_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!(clock_mhz[i] > 0 && isfinite(clock_mhz[i])))
            return WTL_FAIL(err, WTL_USAGE, "clock %g of run %zu is not positive", clock_mhz[i],
                            i + 1);
        if (!(y[i] > 0 && isfinite(y[i])))
            return WTL_FAIL(err, WTL_USAGE, "value %g of run %zu is not positive", y[i], i + 1);
    }
    return 0;
}

static int new_curve(struct wtl_arena *arena, enum wtl_curve_kind kind, const double *y, size_t n,
                     struct wtl_curve **out, struct wtl_error *err)
{
    struct wtl_curve *c = WTL_NEW(arena, struct wtl_curve);
    if (!c)
        return nomem(err);
    c->kind = kind;
    c->n = n;
    c->inflation = 1;
    c->log_y = WTL_NEW_ARRAY(arena, double, n + 1);
    c->pseudo = WTL_NEW_ARRAY(arena, double, n + 1);
    c->cell = WTL_NEW_ARRAY(arena, size_t, n + 1);
    if (!c->log_y || !c->pseudo || !c->cell)
        return nomem(err);
    for (size_t i = 0; i < n; i++)
        c->log_y[i] = log(y[i]);
    *out = c;
    return 0;
}

int wtl_curve_fit(struct wtl_arena *arena, enum wtl_curve_kind kind, const double *clock_mhz,
                  const double *y, size_t n, struct wtl_curve **curve_out, struct wtl_error *err)
{
    struct wtl_curve *c = NULL;
    struct order_key *key = WTL_NEW_ARRAY(arena, struct order_key, n + 1);
    double *scratch = WTL_NEW_ARRAY(arena, double, 4 * n + 4);
    if (!key || !scratch)
        return nomem(err);
    int rc = check_input(clock_mhz, y, n, err);
    if (!rc)
        rc = new_curve(arena, kind, y, n, &c, err);
    if (rc || !c)
        return rc;
    rc = gather_cells(arena, c, clock_mhz, key, err);
    if (!rc)
        rc = gather_groups(arena, c, key, err);
    if (rc)
        return rc;
    start_pseudo(c, scratch);
    rc = curve_search(arena, c, scratch, err);
    if (rc)
        return rc;
    settle_pseudo(c, scratch);
    set_inflation(c);
    rc = curve_search(arena, c, scratch, err);
    if (rc)
        return rc;
    set_effect(c, scratch);
    *curve_out = c;
    return 0;
}

/* ---- questions ---- */

/* log of one candidate at a clock, and its row over the cell means (n_cells). */
static double candidate_at(const struct wtl_curve *c, const struct curve_candidate *k, double ghz,
                           double *row)
{
    return k->form ? curve_physical_at(k, ghz) : curve_local_at(k, &c->cells, ghz, row);
}

double wtl_curve_at(const struct wtl_curve *c, double clock_mhz)
{
    double row[WTL_LIMIT_CLOCKS], y = 0; /* gather_cells() refuses more clocks */
    const size_t cell = c->effect > 0 ? curve_cell_at(c, clock_mhz / 1000) : c->cells.n;
    if (cell < c->cells.n)
        return exp(c->fit[cell]);
    for (size_t k = 0; k < c->n_kept; k++)
        y += c->weight[k] * candidate_at(c, &c->kept[k], clock_mhz / 1000, row);
    return exp(y);
}

/* Variance of one candidate, in units of the noise. */
static double candidate_variance(const struct wtl_curve *c, const struct curve_candidate *k,
                                 double ghz, double *row)
{
    double v = 0;
    if (k->form) {
        curve_physical_row(k, ghz, row);
        for (int j = 0; j < k->n_basis; j++)
            v += row[j] * row[j];
    } else {
        curve_local_row(&c->cells, c->cells.count, k->neighbours, ghz, row);
        for (size_t i = 0; i < c->cells.n; i++)
            v += row[i] * row[i] / c->cells.count[i];
    }
    return v;
}

/* Within and between candidates (Buckland, Burnham and Augustin 1997, equation 9). */
double wtl_curve_se(const struct wtl_curve *c, double clock_mhz)
{
    double row[WTL_LIMIT_CLOCKS], ghz = clock_mhz / 1000, se = 0;
    double mean = 0;
    for (size_t k = 0; k < c->n_kept; k++)
        mean += c->weight[k] * candidate_at(c, &c->kept[k], ghz, row);
    for (size_t k = 0; k < c->n_kept; k++) {
        double gap = candidate_at(c, &c->kept[k], ghz, row) - mean;
        double within = c->scale * c->scale * candidate_variance(c, &c->kept[k], ghz, row);
        se += c->weight[k] * sqrt(within + gap * gap);
    }
    if (!(c->effect > 0))
        return se;
    const size_t cell = curve_cell_at(c, ghz);
    const double own = cell < c->cells.n ? c->own[cell] : 0;
    const double left = (1 - own) * hypot(se, c->effect);
    return own > 0 ? hypot(left, own * c->scale / sqrt(c->cells.count[cell])) : left;
}

const char *wtl_curve_form(const struct wtl_curve *c)
{
    const struct curve_candidate *lead = &c->kept[0];
    if (!lead->form)
        return "local quadratic";
    return lead->trust == &c->trust[0] ? lead->form->name : lead->form->name_bent;
}

double wtl_curve_cv_error(const struct wtl_curve *c)
{
    return c->cv_error;
}

double wtl_curve_parameter(const struct wtl_curve *c)
{
    const struct curve_candidate *lead = &c->kept[0];
    if (lead->form)
        return 1000 * lead->parameter;
    return (double)lead->neighbours / (double)c->cells.n;
}

double wtl_curve_parameters(const struct wtl_curve *c)
{
    double trace = 0;
    for (size_t i = 0; i < c->cells.n; i++)
        trace += c->lever[i];
    return trace;
}

double wtl_curve_autocorrelation(const struct wtl_curve *c)
{
    return c->correlation;
}

double wtl_curve_scale(const struct wtl_curve *c)
{
    return c->scale;
}

double wtl_curve_effect(const struct wtl_curve *c)
{
    return c->effect;
}

void wtl_curve_modes(const struct wtl_curve *c, double clock_mhz, double mode_out[WTL_CURVE_MODES])
{
    curve_modes(&c->trust[0], clock_mhz / 1000, mode_out);
}

size_t wtl_curve_n_cells(const struct wtl_curve *c)
{
    return c->cells.n;
}

size_t wtl_curve_cell(const struct wtl_curve *c, size_t run)
{
    return c->cell[run];
}

double wtl_curve_leverage(const struct wtl_curve *c, size_t run)
{
    size_t cell = c->cell[run];
    return c->lever[cell] / c->cells.count[cell];
}

double wtl_curve_residual(const struct wtl_curve *c, size_t run)
{
    return c->log_y[run] - c->fit[c->cell[run]];
}
