/* SPDX-License-Identifier: Apache-2.0
 *
 * What time and power a run should have had. Logarithms throughout: effects are ratios, and a
 * power law of clock is a straight line. */
#include "runs/judging.h"
#include "stats/distribution.h"
#include "stats/local.h"
#include "stats/robust.h"

#include <math.h>
#include <string.h>

/* Spread below this is not believed: 0.2 % is what timers and power sensors repeat to. */
static const double sigma_floor = 0.002;

bool wtl_same_group(const struct wtl_run *a, const struct wtl_run *b)
{
    bool open = wtl_run_has(a, WTL_R_rate_per_s);
    if (open != wtl_run_has(b, WTL_R_rate_per_s) || a->mem_clock_mhz != b->mem_clock_mhz)
        return false;
    double ra = wtl_run_get(a, WTL_R_rate_per_s, 0), rb = wtl_run_get(b, WTL_R_rate_per_s, 0);
    return fabs(ra - rb) <= 1e-6 * fmax(ra, rb);
}

/* `last` is scratch: the end of each cell's chain. */
static void number_cells(struct wtl_levels *l, const struct wtl_run *runs, size_t *last)
{
    size_t *first = l->first;
    for (size_t i = 0; i < l->n; i++) {
        l->group[i] = l->cell[i] = -1;
        l->next[i] = l->n;
        for (int c = 0; c < l->n_cells && l->cell[i] < 0; c++) {
            const struct wtl_run *other = &runs[first[c]];
            if (!wtl_same_group(&runs[i], other))
                continue;
            l->group[i] = l->group[first[c]];
            if (runs[i].clock_mhz == other->clock_mhz)
                l->cell[i] = c;
        }
        if (l->group[i] < 0)
            l->group[i] = l->n_groups++;
        if (l->cell[i] < 0) {
            first[l->n_cells] = i;
            l->cell[i] = l->n_cells++;
        } else {
            l->next[last[l->cell[i]]] = i;
        }
        last[l->cell[i]] = i;
    }
}

int wtl_levels_new(struct wtl_arena *scratch, const struct wtl_run *runs, size_t n,
                   struct wtl_levels **levels_out, struct wtl_error *err)
{
    struct wtl_levels *l = WTL_NEW(scratch, struct wtl_levels);
    double *block = WTL_NEW_ARRAY(scratch, double, 6 * n);
    int *ids = WTL_NEW_ARRAY(scratch, int, 2 * n);
    bool *has = WTL_NEW_ARRAY(scratch, bool, n);
    size_t *links = WTL_NEW_ARRAY(scratch, size_t, 3 * n);
    if (!l || !block || !ids || !has || !links)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *l = (struct wtl_levels){
        .n = n, .has = has, .cell = ids, .group = ids + n, .next = links, .first = links + n};
    l->log_t = block;
    l->log_p = block + n;
    l->fit_t = block + 2 * n;
    l->fit_p = block + 3 * n;
    l->step_t = block + 4 * n;
    l->step_p = block + 5 * n;
    for (size_t i = 0; i < n; i++) {
        l->log_t[i] = log(wtl_run_get(&runs[i], WTL_R_time_s, 1));
        l->log_p[i] = log(wtl_run_get(&runs[i], WTL_R_power_w, 1));
    }
    number_cells(l, runs, links + 2 * n);
    *levels_out = l;
    return 0;
}

/* Neighbourhood in distinct clocks: a quarter of them, at least 7 for a robust line. */
static size_t window_of(size_t n_clocks)
{
    size_t w = (n_clocks + 2) / 4;
    return w < 7 ? 7 : w > 25 ? 25 : w;
}

/* Scratch of one group of runs. */
struct part {
    size_t *index; /* into the runs */
    size_t n;
    double *x, *y, *fit;
    bool *use, *has;
    int *seen;               /* by cell: 1 + position of its first run here */
    size_t n_clocks, n_used; /* of used runs */
};

static int part_new(struct wtl_arena *scratch, size_t n, struct part *p, struct wtl_error *err)
{
    p->index = WTL_NEW_ARRAY(scratch, size_t, n);
    p->x = WTL_NEW_ARRAY(scratch, double, 3 * n);
    p->use = WTL_NEW_ARRAY(scratch, bool, 2 * n);
    p->seen = WTL_NEW_ARRAY(scratch, int, n);
    if (!p->index || !p->x || !p->use || !p->seen)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    p->y = p->x + n;
    p->fit = p->x + 2 * n;
    p->has = p->use + n;
    return 0;
}

static void part_fill(struct part *p, const struct wtl_levels *l, const struct wtl_run *runs,
                      int group)
{
    p->n = p->n_clocks = p->n_used = 0;
    memset(p->seen, 0, (size_t)l->n_cells * sizeof *p->seen);
    for (size_t i = 0; i < l->n; i++) {
        if (l->group[i] != group)
            continue;
        p->index[p->n] = i;
        /* An unknown clock stands far off: a cell of its own, no neighbour of any. */
        p->x[p->n] = runs[i].clock_mhz > 0 ? log(runs[i].clock_mhz) : -100;
        p->use[p->n] = runs[i].causes == 0;
        if (p->use[p->n] && !p->seen[l->cell[i]]) {
            p->seen[l->cell[i]] = 1;
            p->n_clocks++;
        }
        p->n_used += p->use[p->n];
        p->n++;
    }
}

/* |change| of the fit from each point to the nearest other clock on either side, the larger. Cells
 * that stand for themselves have no such doubt. */
static double step_at(const struct part *p, size_t at)
{
    if (p->n_clocks < 3)
        return 0;
    double below = -HUGE_VAL, above = HUGE_VAL, step = 0;
    size_t lo = at, hi = at;
    for (size_t k = 0; k < p->n; k++) {
        if (!p->use[k])
            continue;
        if (p->x[k] < p->x[at] && p->x[k] > below) {
            below = p->x[k];
            lo = k;
        }
        if (p->x[k] > p->x[at] && p->x[k] < above) {
            above = p->x[k];
            hi = k;
        }
    }
    step = fabs(p->fit[at] - p->fit[lo]);
    return fmax(step, fabs(p->fit[at] - p->fit[hi]));
}

/* The level of each cell by itself: the median of its used runs. */
static void cell_levels(struct part *p, const struct wtl_levels *l, double *scratch)
{
    for (size_t k = 0; k < p->n; k++) {
        size_t m = 0;
        for (size_t j = 0; j < p->n; j++)
            if (p->use[j] && l->cell[p->index[j]] == l->cell[p->index[k]])
                scratch[m++] = p->y[j];
        p->has[k] = m > 0;
        p->fit[k] = m > 0 ? wtl_median(scratch, m) : 0;
    }
}

/* Windows were measured in the steady state, by a protocol that says what disturbed them; those of
 * an adaptive sweep stand close together where the optimum may be and far apart elsewhere, where a
 * line through neighbours misses the curve by more than the windows' own spread. Their cells stand
 * for themselves. */
static bool by_cells(const struct part *p, const struct wtl_run *runs)
{
    bool windows = p->n > 0;
    for (size_t k = 0; k < p->n; k++)
        windows = windows && runs[p->index[k]].window;
    return windows;
}

static int learn_one(struct wtl_arena *scratch, struct part *p, struct wtl_levels *l,
                     const struct wtl_run *runs, const double *y, double *fit, double *step,
                     struct wtl_error *err)
{
    for (size_t k = 0; k < p->n; k++)
        p->y[k] = y[p->index[k]];
    int rc = 0;
    double *values = WTL_NEW_ARRAY(scratch, double, p->n + 1);
    if (!values)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (by_cells(p, runs))
        cell_levels(p, l, values);
    else
        rc = wtl_local_level(scratch, p->x, p->y, p->use, p->n, window_of(p->n_clocks), p->fit,
                             p->has, err);
    if (rc)
        return rc;
    for (size_t k = 0; k < p->n; k++) {
        l->has[p->index[k]] = p->has[k];
        fit[p->index[k]] = p->fit[k];
    }
    memset(p->seen, 0, (size_t)l->n_cells * sizeof *p->seen);
    for (size_t k = 0; k < p->n; k++) { /* once a cell */
        int *first = &p->seen[l->cell[p->index[k]]];
        if (*first == 0) {
            *first = (int)k + 1;
            step[p->index[k]] = step_at(p, k);
        } else {
            step[p->index[k]] = step[p->index[*first - 1]];
        }
    }
    return 0;
}

/* Each run is paired with this many later ones of its cell: all pairs of a cell of up to five, and
 * cost in proportion to the runs where a cell holds thousands. */
enum { PAIRS_PER_RUN = 4 };

/* Robust spread of the residuals of y and of the pairs within cells; the larger one, because each
 * misses what the other sees (a shift of a whole cell; too smooth a fit). */
static double spread(const struct wtl_levels *l, const struct wtl_run *runs, const double *y,
                     const double *fit, double n_params, double *a)
{
    size_t m = 0, n_used = 0;
    for (size_t i = 0; i < l->n; i++) {
        int pairs = runs[i].causes == 0 ? PAIRS_PER_RUN : 0;
        for (size_t j = l->next[i]; j < l->n && pairs > 0; j = l->next[j])
            if (runs[j].causes == 0) {
                a[m++] = fabs(y[i] - y[j]);
                pairs--;
            }
    }
    double within = wtl_pair_scale(a, m);
    for (size_t i = 0; i < l->n; i++)
        if (runs[i].causes == 0 && l->has[i])
            a[n_used++] = fabs(y[i] - fit[i]);
    double n = (double)n_used;
    double about = 1.4826 * wtl_median(a, n_used) * sqrt(n / fmax(1, n - n_params));
    return fmax(sigma_floor, fmax(within, about));
}

/* Spread only shrinks and degrees of freedom only grow from round to round: a run that is rejected
 * must not be pardoned because it is rejected. */
static int learn_spread(struct wtl_arena *scratch, struct wtl_levels *l, const struct wtl_run *runs,
                        double n_params, double n_used, struct wtl_error *err)
{
    double *a = WTL_NEW_ARRAY(scratch, double, PAIRS_PER_RUN * l->n);
    double *log_e = WTL_NEW_ARRAY(scratch, double, l->n);
    double *fit_e = WTL_NEW_ARRAY(scratch, double, l->n);
    if (!a || !log_e || !fit_e)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < l->n; i++) {
        log_e[i] = l->log_t[i] + l->log_p[i];
        fit_e[i] = l->fit_t[i] + l->fit_p[i];
    }
    double sigma_t = spread(l, runs, l->log_t, l->fit_t, n_params, a);
    double sigma_p = spread(l, runs, l->log_p, l->fit_p, n_params, a);
    double sigma_e = spread(l, runs, log_e, fit_e, n_params, a);
    bool first = l->dof == 0;
    l->sigma_t = first ? sigma_t : fmin(l->sigma_t, sigma_t);
    l->sigma_p = first ? sigma_p : fmin(l->sigma_p, sigma_p);
    l->sigma_e = first ? sigma_e : fmin(l->sigma_e, sigma_e);
    /* A robust scale is worth half its data. */
    l->dof = fmax(fmax(1, l->dof), 0.5 * (n_used - n_params));
    return 0;
}

int wtl_levels_learn(struct wtl_arena *scratch, struct wtl_levels *l, const struct wtl_run *runs,
                     struct wtl_error *err)
{
    struct part p = {0};
    int rc = part_new(scratch, l->n, &p, err);
    double n_params = 0, n_used = 0;
    for (int g = 0; g < l->n_groups && !rc; g++) {
        part_fill(&p, l, runs, g);
        rc = learn_one(scratch, &p, l, runs, l->log_t, l->fit_t, l->step_t, err);
        if (!rc)
            rc = learn_one(scratch, &p, l, runs, l->log_p, l->fit_p, l->step_p, err);
        /* Parameters of a local line: 1 + 2 per window, never more than there are clocks. */
        double clocks = (double)p.n_clocks;
        n_params += by_cells(&p, runs)
                        ? clocks
                        : fmin(clocks, 1 + 2 * clocks / (double)window_of(p.n_clocks));
        n_used += (double)p.n_used;
    }
    return rc ? rc : learn_spread(scratch, l, runs, n_params, n_used, err);
}

double wtl_levels_z(const struct wtl_levels *l, double z)
{
    return fmax(z, -wtl_student_quantile(wtl_normal_cdf(-0.6 * z), l->dof));
}
