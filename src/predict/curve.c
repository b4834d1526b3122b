/* SPDX-License-Identifier: Apache-2.0
 * The search among forms, and what callers ask of the winner. */
#include "predict/curve.h"

#include "base/limits.h"
#include "predict/curve_internal.h"
#include "stats/robust.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Huber's constant, in robust standard deviations: 99 % efficient on normal noise. */
static const double clip_at = 2.0;
/* No run is called wild for less than twice this: the resolution of timers and power sensors. */
static const double least_scale = 0.002;
/* A refit chooses among candidates whose squared error is within this factor of the best. */
static const double keep_within = 1.10;
/* Neighbourhoods of the local regression, as shares of the clocks. */
static const double local_share[] = {0.12, 0.2, 0.3, 0.45, 0.65, 1.0};
enum { N_LOCAL = sizeof local_share / sizeof local_share[0] };

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
        return WTL_FAIL(err, WTL_UNDECIDED, "runs at %zu clocks carry no curve, %d are needed",
                        cells->n, WTL_CURVE_MIN_CLOCKS);
    if (cells->n > WTL_LIMIT_CLOCKS)
        return WTL_FAIL(err, WTL_LIMIT, "%zu distinct clocks, at most %d are taken", cells->n,
                        WTL_LIMIT_CLOCKS);
    cells->ghz = WTL_NEW_ARRAY(arena, double, cells->n);
    cells->count = WTL_NEW_ARRAY(arena, double, cells->n);
    cells->mean = WTL_NEW_ARRAY(arena, double, cells->n);
    if (!cells->ghz || !cells->count || !cells->mean)
        return nomem(err);
    for (size_t i = 0; i < c->n; i++) {
        cells->ghz[c->cell[i]] = clock_mhz[i] / 1000;
        cells->count[c->cell[i]] += 1;
    }
    return 0;
}

static int gather_groups(struct wtl_arena *arena, struct wtl_curve *c, const int *leave_out,
                         struct order_key *key, struct wtl_error *err)
{
    size_t *index = WTL_NEW_ARRAY(arena, size_t, c->n);
    c->groups.start = WTL_NEW_ARRAY(arena, size_t, c->n + 1);
    c->groups.run = WTL_NEW_ARRAY(arena, size_t, c->n);
    if (!index || !c->groups.start || !c->groups.run)
        return nomem(err);
    for (size_t i = 0; i < c->n; i++)
        key[i] = (struct order_key){leave_out ? leave_out[i] : (double)c->cell[i], i};
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

/* Scale and pseudo-values from residuals about fit[cell]: fit + psi(r) / mean(psi'), by which a
 * linear smoother of the pseudo-values is the M-estimate (Cox 1983; Oh, Nychka and Lee 2007). */
static void set_pseudo(struct wtl_curve *c, const double *fit, double dof, double *scratch)
{
    size_t inside = 0;
    for (size_t i = 0; i < c->n; i++)
        scratch[i] = c->log_y[i] - fit[c->cell[i]];
    double n = (double)c->n;
    double shrunk =
        dof < n / 2 ? sqrt(n / (n - dof)) : M_SQRT2; /* the fit took part of the noise */
    c->scale = fmax(wtl_mad(scratch, c->n) * shrunk, 1e-12);
    double limit = clip_at * fmax(c->scale, least_scale);
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

/* ---- search ---- */

static int new_candidate(struct wtl_arena *arena, struct wtl_curve *c, struct curve_candidate **out,
                         struct wtl_error *err)
{
    struct curve_candidate *k = &c->all[c->n_all];
    memset(k, 0, sizeof *k);
    k->fit = WTL_NEW_ARRAY(arena, double, c->cells.n);
    k->lever = WTL_NEW_ARRAY(arena, double, c->cells.n);
    if (!k->fit || !k->lever)
        return nomem(err);
    c->n_all++;
    *out = k;
    return 0;
}

static int try_physical(struct wtl_arena *arena, struct wtl_curve *c, const struct curve_form *form,
                        double parameter, double *cv2_out, struct wtl_error *err)
{
    struct curve_candidate *k;
    int rc = new_candidate(arena, c, &k, err);
    if (rc)
        return rc;
    k->form = form;
    k->parameter = parameter;
    k->q = WTL_NEW_ARRAY(arena, double, c->cells.n *(size_t)form->n_basis);
    if (!k->q)
        return nomem(err);
    k->cv2 = curve_physical_fit(k, &c->cells) ? curve_physical_cv(k, c) : HUGE_VAL;
    *cv2_out = k->cv2;
    return 0;
}

/* The parameter over the clocks: a coarse grid, then every clock around its best. */
static int try_form(struct wtl_arena *arena, struct wtl_curve *c, const struct curve_form *form,
                    struct wtl_error *err)
{
    double cv2, best = HUGE_VAL;
    if (form->last < 0)
        return try_physical(arena, c, form, 0, &cv2, err);
    if (c->cells.n < (size_t)(form->first + form->last + 1))
        return 0;
    size_t from = (size_t)form->first, to = c->cells.n - 1 - (size_t)form->last, at = from;
    size_t step = (to - from) / CURVE_GRID + 1;
    for (size_t i = from; i <= to; i += step) {
        int rc = try_physical(arena, c, form, c->cells.ghz[i], &cv2, err);
        if (rc)
            return rc;
        if (cv2 < best) {
            best = cv2;
            at = i;
        }
    }
    size_t lo = at >= from + step ? at - step + 1 : from, hi = at + step <= to ? at + step : to + 1;
    for (size_t i = lo; i < hi; i++) {
        int rc = (i - from) % step ? try_physical(arena, c, form, c->cells.ghz[i], &cv2, err) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

static int try_local(struct wtl_arena *arena, struct wtl_curve *c, double *scratch,
                     struct wtl_error *err)
{
    size_t last = 0;
    for (int s = 0; s < N_LOCAL; s++) {
        size_t neighbours = (size_t)lround(local_share[s] * (double)c->cells.n);
        if (neighbours < 5)
            neighbours = 5;
        if (neighbours > c->cells.n || neighbours == last)
            continue;
        struct curve_candidate *k;
        int rc = new_candidate(arena, c, &k, err);
        if (rc)
            return rc;
        k->neighbours = last = neighbours;
        k->cv2 = curve_local_cv(k, c, scratch);
    }
    return 0;
}

static void keep_best(struct wtl_curve *c)
{
    c->n_kept = 0;
    for (size_t i = 0; i < c->n_all; i++) {
        const struct curve_candidate *k = &c->all[i];
        if (!isfinite(k->cv2))
            continue;
        size_t at = c->n_kept < CURVE_MAX_KEPT ? c->n_kept : CURVE_MAX_KEPT - 1;
        if (c->n_kept == CURVE_MAX_KEPT && k->cv2 >= c->kept[at]->cv2)
            continue;
        for (; at > 0 && k->cv2 < c->kept[at - 1]->cv2; at--)
            c->kept[at] = c->kept[at - 1];
        c->kept[at] = k;
        c->n_kept += c->n_kept < CURVE_MAX_KEPT;
    }
    while (c->n_kept > 1 && c->kept[c->n_kept - 1]->cv2 > keep_within * c->kept[0]->cv2 + 1e-24)
        c->n_kept--;
}

/* The local candidates that stay need their hat matrix. */
static int complete_kept(struct wtl_arena *arena, struct wtl_curve *c, struct wtl_error *err)
{
    for (size_t i = 0; i < c->n_kept; i++) {
        struct curve_candidate *k = &c->all[c->kept[i] - c->all];
        if (k->form)
            continue;
        k->hat = WTL_NEW_ARRAY(arena, double, c->cells.n * c->cells.n);
        if (!k->hat)
            return nomem(err);
        curve_local_fit(k, &c->cells);
    }
    return 0;
}

static int search(struct wtl_arena *arena, struct wtl_curve *c, double *scratch,
                  struct wtl_error *err)
{
    size_t step = c->cells.n / CURVE_GRID + 1;
    c->all = WTL_NEW_ARRAY(arena, struct curve_candidate,
                           (size_t)curve_n_forms * (CURVE_GRID + 2 + 2 * step) + N_LOCAL);
    c->n_all = 0;
    if (!c->all)
        return nomem(err);
    for (int f = 0; f < curve_n_forms; f++) {
        int rc = curve_forms[f].kind == c->kind ? try_form(arena, c, &curve_forms[f], err) : 0;
        if (rc)
            return rc;
    }
    int rc = try_local(arena, c, scratch, err);
    if (rc)
        return rc;
    keep_best(c);
    if (c->n_kept == 0)
        return WTL_FAIL(err, WTL_UNDECIDED,
                        "no form fits %zu runs at %zu clocks with groups left out", c->n,
                        c->cells.n);
    c->cv_error = sqrt(c->kept[0]->cv2);
    return complete_kept(arena, c, err);
}

/* Pseudo-values about the winner, in turns with its fit, until they stand. */
static void settle_pseudo(struct wtl_curve *c, double *scratch)
{
    struct curve_candidate *w = &c->all[c->kept[0] - c->all];
    double before = HUGE_VAL;
    for (int turn = 0; turn < 12 && fabs(c->scale - before) > 1e-4 * c->scale; turn++) {
        before = c->scale;
        set_pseudo(c, w->fit, wtl_curve_parameters(c), scratch);
        if (!w->form)
            curve_local_fit(w, &c->cells);
        else if (!curve_physical_fit(w, &c->cells))
            return; /* the pseudo-values of the last good fit stand */
    }
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
                  const double *y, const int *leave_out, size_t n, struct wtl_curve **curve_out,
                  struct wtl_error *err)
{
    struct wtl_curve *c = NULL;
    struct order_key *key = WTL_NEW_ARRAY(arena, struct order_key, n + 1);
    double *scratch = WTL_NEW_ARRAY(arena, double, 4 * n + 4);
    if (!key || !scratch)
        return nomem(err);
    int rc = check_input(clock_mhz, y, n, err);
    if (!rc)
        rc = new_curve(arena, kind, y, n, &c, err);
    if (!rc)
        rc = gather_cells(arena, c, clock_mhz, key, err);
    if (!rc)
        rc = gather_groups(arena, c, leave_out, key, err);
    if (rc)
        return rc;
    start_pseudo(c, scratch);
    rc = search(arena, c, scratch, err);
    if (rc)
        return rc;
    settle_pseudo(c, scratch);
    rc = search(arena, c, scratch, err);
    if (rc)
        return rc;
    *curve_out = c;
    return 0;
}

/* ---- questions ---- */

/* Local regression needs a row of weights; the answer for one clock is not worth an allocation. */
static double local_at(const struct wtl_curve *c, double ghz, double *se2_out)
{
    double row[WTL_LIMIT_CLOCKS];
    double value = curve_local_at(curve_winner(c), &c->cells, ghz, row);
    double se2 = 0;
    for (size_t i = 0; i < c->cells.n; i++)
        se2 += row[i] * row[i] / c->cells.count[i];
    if (se2_out)
        *se2_out = se2;
    return value;
}

double wtl_curve_at(const struct wtl_curve *c, double clock_mhz)
{
    const struct curve_candidate *w = curve_winner(c);
    double ghz = clock_mhz / 1000;
    return exp(w->form ? curve_physical_at(w, ghz) : local_at(c, ghz, NULL));
}

double wtl_curve_se(const struct wtl_curve *c, double clock_mhz)
{
    const struct curve_candidate *w = curve_winner(c);
    double ghz = clock_mhz / 1000, row[CURVE_MAX_BASIS], se2 = 0;
    if (!w->form) {
        local_at(c, ghz, &se2);
    } else {
        curve_physical_row(w, ghz, row);
        for (int j = 0; j < w->form->n_basis; j++)
            se2 += row[j] * row[j];
    }
    return c->scale * sqrt(se2);
}

const char *wtl_curve_form(const struct wtl_curve *c)
{
    const struct curve_candidate *w = curve_winner(c);
    return w->form ? w->form->name : "local quadratic";
}

double wtl_curve_cv_error(const struct wtl_curve *c)
{
    return c->cv_error;
}

double wtl_curve_parameter(const struct wtl_curve *c)
{
    const struct curve_candidate *w = curve_winner(c);
    if (w->form)
        return 1000 * w->parameter;
    return (double)w->neighbours / (double)c->cells.n;
}

double wtl_curve_parameters(const struct wtl_curve *c)
{
    double trace = 0;
    for (size_t i = 0; i < c->cells.n; i++)
        trace += curve_winner(c)->lever[i];
    return trace;
}

double wtl_curve_scale(const struct wtl_curve *c)
{
    return c->scale;
}

size_t wtl_curve_n_cells(const struct wtl_curve *c)
{
    return c->cells.n;
}

double wtl_curve_cell_mhz(const struct wtl_curve *c, size_t cell)
{
    return 1000 * c->cells.ghz[cell];
}

size_t wtl_curve_cell(const struct wtl_curve *c, size_t run)
{
    return c->cell[run];
}

double wtl_curve_leverage(const struct wtl_curve *c, size_t run)
{
    size_t cell = c->cell[run];
    return curve_winner(c)->lever[cell] / c->cells.count[cell];
}

double wtl_curve_residual(const struct wtl_curve *c, size_t run)
{
    return c->log_y[run] - curve_winner(c)->fit[c->cell[run]];
}

void wtl_curve_noise(const struct wtl_curve *c, double *noise_out)
{
    double mean = 0;
    for (size_t i = 0; i < c->n; i++) {
        double r = c->pseudo[i] - curve_winner(c)->fit[c->cell[i]];
        noise_out[i] = r / sqrt(fmax(1 - wtl_curve_leverage(c, i), 0.1));
        mean += noise_out[i] / (double)c->n;
    }
    for (size_t i = 0; i < c->n; i++)
        noise_out[i] -= mean;
}
