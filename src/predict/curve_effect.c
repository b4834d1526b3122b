/* SPDX-License-Identifier: Apache-2.0
 * What a clock has of its own: a step that no smooth curve follows.
 *
 * Boards move parts of themselves in steps of several clocks (the crossbar between SMs and memory,
 * the voltage), so that time or power jumps from one clock to the next. A curve goes through the
 * middle of such a step, and the optimum is then found where it lies too low. Where runs of one
 * clock agree with one another better than with the curve, each clock is given a deviation of its
 * own, of variance tau^2, and the value at a clock with runs is the best linear prediction: between
 * the curve and the mean of its runs, by n tau^2 / (n tau^2 + sigma^2) (Robinson 1991).
 *
 * Only of runs in random order: where every repetition goes through the clocks in order, what
 * repeats at a clock may as well belong to its place in the order.
 */
#include "predict/curve_internal.h"

#include "stats/distribution.h"

#include <math.h>

/* Below these the two variances cannot be told apart. */
static const double least_within = 8, least_between = 3;
/* How sure it has to be that there is such a thing. */
static const double sure = 0.99;

/* Random orders turn back at two of three runs, sweeps at two of each repetition. */
static bool in_clock_order(const struct wtl_curve *c)
{
    size_t steps = 0, turns = 0;
    bool rose = false;
    for (size_t i = 1; i < c->n; i++) {
        if (c->cell[i] == c->cell[i - 1])
            continue;
        const bool rises = c->cell[i] > c->cell[i - 1];
        turns += steps > 0 && rises != rose;
        steps++;
        rose = rises;
    }
    return 3 * turns < steps;
}

struct parts {
    double within, between; /* sums of squares */
    double dof_within, dof_between;
    double weight; /* sum of n (1 - h) */
};

/* mean[cell]: of the runs as they were measured. */
static void take_apart(const struct wtl_curve *c, double *mean, struct parts *out)
{
    struct parts p = {.dof_within = (double)c->n - (double)c->cells.n};
    for (size_t k = 0; k < c->cells.n; k++)
        mean[k] = 0;
    for (size_t i = 0; i < c->n; i++)
        mean[c->cell[i]] += c->log_y[i] / c->cells.count[c->cell[i]];
    for (size_t i = 0; i < c->n; i++) {
        double d = c->log_y[i] - mean[c->cell[i]];
        p.within += d * d;
    }
    for (size_t k = 0; k < c->cells.n; k++) {
        double d = mean[k] - c->fit[k], free = fmax(1 - c->lever[k], 0);
        p.between += c->cells.count[k] * d * d;
        p.dof_between += free;
        p.weight += c->cells.count[k] * free;
    }
    *out = p;
}

/* Variance ratio as large as the runs show it by chance alone in less than 1 %. */
static bool is_shown(const struct parts *p, double variance)
{
    if (p->dof_within < least_within || p->dof_between < least_between)
        return false;
    double ratio = p->between / p->dof_between / variance;
    double x = p->dof_between * ratio / (p->dof_between * ratio + p->dof_within);
    return wtl_beta_inc(p->dof_between / 2, p->dof_within / 2, x) > sure;
}

bool curve_effect_find(struct wtl_curve *c, double *mean)
{
    static const double least_variance = 1e-16;
    struct parts p;
    if (in_clock_order(c))
        return false;
    take_apart(c, mean, &p);
    const double variance = fmax(p.within / fmax(p.dof_within, 1), least_variance);
    if (!is_shown(&p, variance))
        return false;
    const double effect2 = (p.between - p.dof_between * variance) / p.weight;
    c->effect =
        sqrt(effect2) * wtl_student_quantile(0.975, p.dof_between) / wtl_normal_quantile(0.975);
    c->within = sqrt(variance);
    for (size_t k = 0; k < c->cells.n; k++)
        c->own[k] = effect2 / (effect2 + variance / c->cells.count[k]);
    return true;
}

void curve_effect_apply(struct wtl_curve *c, const double *mean)
{
    for (size_t k = 0; k < c->cells.n && c->effect > 0; k++) {
        c->fit[k] += c->own[k] * (mean[k] - c->fit[k]);
        c->lever[k] += c->own[k] * (1 - c->lever[k]);
    }
}

size_t curve_cell_at(const struct wtl_curve *c, double ghz)
{
    for (size_t k = 0; k < c->cells.n; k++)
        if (fabs(c->cells.ghz[k] - ghz) < 1e-9)
            return k;
    return c->cells.n;
}
