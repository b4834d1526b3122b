/* SPDX-License-Identifier: Apache-2.0
 * Which forms describe the runs, and how much each counts. */
#include "predict/curve_internal.h"

#include <math.h>
#include <string.h>

/* Neighbourhoods of the local regression, as shares of the clocks, and the fewest clocks. */
static const double local_share[] = {0.12, 0.2, 0.3, 0.45, 0.65, 1.0};
enum { N_LOCAL = sizeof local_share / sizeof local_share[0], MIN_NEIGHBOURS = 6 };
/* Candidates below this share of the best one's weight are dropped. */
static const double least_weight = 0.01;
/* What a floor or kink costs, in units of log weight. */
static const double search_price = 2;

static int nomem(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory while fitting a curve");
}

/* ---- one candidate ---- */

/* Storage for a candidate of n_basis columns. */
static int new_candidate(struct wtl_arena *arena, const struct wtl_curve *c, int n_basis,
                         struct curve_candidate *k)
{
    memset(k, 0, sizeof *k);
    k->n_basis = n_basis;
    k->fit = WTL_NEW_ARRAY(arena, double, c->cells.n);
    k->lever = WTL_NEW_ARRAY(arena, double, c->cells.n);
    k->q = WTL_NEW_ARRAY(arena, double, c->cells.n *(size_t)n_basis + 1);
    k->design = WTL_NEW_ARRAY(arena, double, c->cells.n *CURVE_MAX_FORM);
    k->value = WTL_NEW_ARRAY(arena, double, c->cells.n);
    return k->fit && k->lever && k->q && k->design && k->value ? 0 : -(int)WTL_NOMEM;
}

static void evaluate_physical(const struct wtl_curve *c, struct curve_candidate *k)
{
    k->noise = fmax(c->scale, CURVE_LEAST_SCALE) * sqrt(c->inflation);
    k->cv2 = curve_physical_fit(k, &c->cells) ? curve_physical_cv(k, c) : HUGE_VAL;
}

/* ---- the plain forms ---- */

/* The best values of one form's parameter, best first. */
struct shortlist {
    double parameter[CURVE_PER_FORM], cv2[CURVE_PER_FORM];
    size_t n;
};

static void enter(struct shortlist *list, double parameter, double cv2)
{
    size_t at = list->n < CURVE_PER_FORM ? list->n++ : CURVE_PER_FORM;
    if (at == CURVE_PER_FORM && !(cv2 < list->cv2[--at]))
        return;
    for (; at > 0 && cv2 < list->cv2[at - 1]; at--) {
        list->cv2[at] = list->cv2[at - 1];
        list->parameter[at] = list->parameter[at - 1];
    }
    list->cv2[at] = cv2;
    list->parameter[at] = parameter;
}

static void try_parameter(const struct wtl_curve *c, struct curve_candidate *k, double parameter,
                          struct shortlist *list)
{
    k->parameter = parameter;
    evaluate_physical(c, k);
    if (isfinite(k->cv2))
        enter(list, parameter, k->cv2);
}

/* The parameter over the clocks: a coarse grid, then every clock around its best. */
static void scan_form(const struct wtl_curve *c, struct curve_candidate *k, struct shortlist *list)
{
    const struct curve_form *form = k->form;
    list->n = 0;
    if (form->last < 0) {
        try_parameter(c, k, 0, list);
        return;
    }
    if (c->cells.n < (size_t)(form->first + form->last + 1))
        return;
    size_t from = (size_t)form->first, to = c->cells.n - 1 - (size_t)form->last;
    size_t step = (to - from) / CURVE_GRID + 1;
    for (size_t i = from; i <= to; i += step)
        try_parameter(c, k, c->cells.ghz[i], list);
    double best = list->n ? list->parameter[0] : 0;
    for (size_t i = from; i <= to; i++) {
        size_t near = i > step ? i - step : 0,
               far = i + step < c->cells.n ? i + step : c->cells.n - 1;
        if ((i - from) % step && best > c->cells.ghz[near] && best < c->cells.ghz[far])
            try_parameter(c, k, c->cells.ghz[i], list);
    }
}

/* ---- competition ---- */

struct pool {
    struct curve_candidate *item;
    size_t n;
};

/* The short-listed ones of a form again, bent by each size of correction. */
static int add_corrected(struct wtl_arena *arena, const struct wtl_curve *c,
                         const struct curve_form *form, const struct shortlist *list,
                         struct pool *pool)
{
    for (size_t i = 0; i < list->n; i++)
        for (int t = 0; t < CURVE_N_TRUST; t++) {
            struct curve_candidate *k = &pool->item[pool->n];
            if (new_candidate(arena, c, form->n_basis + WTL_CURVE_MODES, k))
                return -(int)WTL_NOMEM;
            k->form = form;
            k->trust = &c->trust[t];
            k->parameter = list->parameter[i];
            evaluate_physical(c, k);
            pool->n += isfinite(k->cv2) ? 1 : 0;
        }
    return 0;
}

static int add_physical(struct wtl_arena *arena, const struct wtl_curve *c, struct pool *pool)
{
    struct curve_candidate scan;
    if (new_candidate(arena, c, CURVE_MAX_FORM, &scan))
        return -(int)WTL_NOMEM;
    for (int f = 0; f < curve_n_forms; f++) {
        struct shortlist list;
        if (curve_forms[f].kind != c->kind)
            continue;
        scan.form = &curve_forms[f];
        scan.n_basis = curve_forms[f].n_basis;
        scan_form(c, &scan, &list);
        if (add_corrected(arena, c, &curve_forms[f], &list, pool))
            return -(int)WTL_NOMEM;
    }
    return 0;
}

static int add_local(struct wtl_arena *arena, const struct wtl_curve *c, double *scratch,
                     struct pool *pool)
{
    size_t last = 0;
    for (int s = 0; s < N_LOCAL; s++) {
        size_t neighbours = (size_t)lround(local_share[s] * (double)c->cells.n);
        if (neighbours < MIN_NEIGHBOURS)
            neighbours = MIN_NEIGHBOURS;
        if (neighbours > c->cells.n || neighbours == last)
            continue;
        struct curve_candidate *k = &pool->item[pool->n++];
        if (new_candidate(arena, c, 0, k))
            return -(int)WTL_NOMEM;
        k->neighbours = last = neighbours;
        k->cv2 = curve_local_cv(k, c, scratch);
    }
    return 0;
}

/* ---- weights ---- */

/* n/2 log CV error, plus the price of a parameter that was searched without cross-validation
 * knowing: twice the log of its weight is wanted, as AIC, for which leave-one-out stands in (Stone
 * 1977). A curve without any misfit must not win by rounding. */
static double cost(const struct wtl_curve *c, const struct curve_candidate *k)
{
    static const double no_error = 1e-18;
    bool searched = k->form && k->form->last >= 0;
    return 0.5 * (double)c->n / c->inflation * log(k->cv2 + no_error) +
           (searched ? search_price : 0);
}

/* The best of the pool, best first. */
static void keep_best(struct wtl_curve *c, struct pool *pool)
{
    c->n_kept = 0;
    for (size_t i = 0; i < pool->n; i++) {
        struct curve_candidate *k = &pool->item[i];
        k->cost = cost(c, k);
        size_t at = c->n_kept < CURVE_MAX_KEPT ? c->n_kept++ : CURVE_MAX_KEPT;
        if (at == CURVE_MAX_KEPT && !(k->cost < c->kept[--at].cost))
            continue;
        for (; at > 0 && k->cost < c->kept[at - 1].cost; at--)
            c->kept[at] = c->kept[at - 1];
        c->kept[at] = *k;
    }
}

/* Akaike weights (Buckland, Burnham and Augustin 1997). */
static void weigh(struct wtl_curve *c)
{
    double sum = 0;
    for (size_t i = 0; i < c->n_kept; i++)
        c->weight[i] = exp(c->kept[0].cost - c->kept[i].cost);
    while (c->n_kept > 1 && c->weight[c->n_kept - 1] < least_weight)
        c->n_kept--;
    for (size_t i = 0; i < c->n_kept; i++)
        sum += c->weight[i];
    for (size_t i = 0; i < c->n_kept; i++)
        c->weight[i] /= sum;
}

static void average(struct wtl_curve *c)
{
    memset(c->fit, 0, c->cells.n * sizeof *c->fit);
    memset(c->lever, 0, c->cells.n * sizeof *c->lever);
    for (size_t k = 0; k < c->n_kept; k++)
        for (size_t i = 0; i < c->cells.n; i++) {
            c->fit[i] += c->weight[k] * c->kept[k].fit[i];
            c->lever[i] += c->weight[k] * c->kept[k].lever[i];
        }
}

void curve_update(struct wtl_curve *c)
{
    for (size_t k = 0; k < c->n_kept; k++) {
        if (!c->kept[k].form)
            curve_local_fit(&c->kept[k], &c->cells);
        else
            curve_physical_refit(&c->kept[k], &c->cells); /* on failure the last one stays */
    }
    average(c);
}

int curve_search(struct wtl_arena *arena, struct wtl_curve *c, double *scratch,
                 struct wtl_error *err)
{
    size_t most = (size_t)curve_n_forms * CURVE_PER_FORM * CURVE_N_TRUST + N_LOCAL;
    struct pool pool = {WTL_NEW_ARRAY(arena, struct curve_candidate, most), 0};
    if (!pool.item || add_physical(arena, c, &pool) || add_local(arena, c, scratch, &pool))
        return nomem(err);
    keep_best(c, &pool);
    if (c->n_kept == 0)
        return WTL_FAIL(err, WTL_UNDECIDED,
                        "no form fits %zu runs at %zu clocks with one of them left out", c->n,
                        c->cells.n);
    weigh(c);
    for (size_t k = 0; k < c->n_kept; k++) {
        if (c->kept[k].form)
            continue;
        c->kept[k].hat = WTL_NEW_ARRAY(arena, double, c->cells.n * c->cells.n);
        if (!c->kept[k].hat)
            return nomem(err);
        curve_local_fit(&c->kept[k], &c->cells);
    }
    c->cv_error = sqrt(c->kept[0].cv2);
    average(c);
    return 0;
}
