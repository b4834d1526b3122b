/* SPDX-License-Identifier: Apache-2.0
 * Estimates of points against the reference, block by block. */
#include "lab/estimate.h"

#include "stats/distribution.h"

#include <math.h>

double wtl_objective_exponent(const struct wtl_objective *o)
{
    switch (o->kind) {
    case WTL_OBJECTIVE_EDP:
        return 1;
    case WTL_OBJECTIVE_ED2P:
        return 2;
    case WTL_OBJECTIVE_ETN:
        return o->exponent;
    case WTL_OBJECTIVE_ENERGY:
    case WTL_OBJECTIVE_THROUGHPUT_PER_WATT:
    case WTL_OBJECTIVE_TIME:
    case WTL_OBJECTIVE_WEIGHTED:
        break;
    }
    return 0;
}

/* The visits of the reference in one block. */
struct anchor {
    int n;
    double cost, time, energy, squares;
};

struct work {
    const struct wtl_observation *obs;
    size_t n;
    int n_blocks;
    size_t reference;
    double exponent;
    struct anchor *anchors; /* by block, from 1 */
};

static double cost_of(const struct work *w, const struct wtl_observation *o)
{
    return o->log_energy + w->exponent * o->log_time;
}

static void average_anchors(struct work *w)
{
    for (size_t i = 0; i < w->n; i++) {
        const struct wtl_observation *o = &w->obs[i];
        if ((size_t)o->point != w->reference)
            continue;
        struct anchor *a = &w->anchors[o->block];
        const double before = a->n ? a->cost : 0, cost = cost_of(w, o);
        a->n++;
        a->cost = before + (cost - before) / a->n;
        a->squares += (cost - before) * (cost - a->cost);
        a->time += (o->log_time - a->time) / a->n;
        a->energy += (o->log_energy - a->energy) / a->n;
    }
}

/* Means of the differences to the anchors of their blocks. */
static void average_points(const struct work *w, struct wtl_point_estimate *points)
{
    for (size_t i = 0; i < w->n; i++) {
        const struct wtl_observation *o = &w->obs[i];
        const struct anchor *a = &w->anchors[o->block];
        struct wtl_point_estimate *p = &points[o->point];
        if (a->n == 0)
            continue;
        p->n++;
        p->log_cost += (cost_of(w, o) - a->cost - p->log_cost) / p->n;
        p->log_time += (o->log_time - a->time - p->log_time) / p->n;
        p->log_energy += (o->log_energy - a->energy - p->log_energy) / p->n;
    }
}

/* Of single visits: anchors about their block's mean, points about theirs, where the anchor's own
 * error (1/n of a variance) is in each difference. */
static void pool(const struct work *w, struct wtl_estimates *e)
{
    double squares = 0, dof = 0;
    for (int b = 1; b <= w->n_blocks; b++)
        if (w->anchors[b].n > 1) {
            squares += w->anchors[b].squares;
            dof += w->anchors[b].n - 1;
        }
    for (size_t i = 0; i < w->n; i++) {
        const struct wtl_observation *o = &w->obs[i];
        const struct anchor *a = &w->anchors[o->block];
        const struct wtl_point_estimate *p = &e->points[o->point];
        if (a->n == 0 || p->n < 2 || (size_t)o->point == w->reference)
            continue;
        const double d = cost_of(w, o) - a->cost - p->log_cost;
        squares += d * d * a->n / (a->n + 1.0);
        dof += (p->n - 1.0) / p->n;
    }
    e->dof = dof;
    e->sd = dof > 0 ? sqrt(squares / dof) : 0;
}

static void fill_halves(const struct work *w, struct wtl_estimates *e)
{
    double anchors = 0, blocks = 0;
    for (int b = 1; b <= w->n_blocks; b++) {
        anchors += w->anchors[b].n;
        blocks += w->anchors[b].n > 0;
    }
    const double each = blocks > 0 && anchors > 0 ? anchors / blocks : 1;
    const double t = e->dof >= 1 ? wtl_student_quantile(0.975, e->dof) : HUGE_VAL;
    for (size_t i = 0; i < e->n_points; i++) {
        struct wtl_point_estimate *p = &e->points[i];
        if (i == w->reference)
            p->half = 0;
        else
            p->half = e->dof >= 1 && p->n ? t * e->sd * sqrt((1 + 1 / each) / p->n) : HUGE_VAL;
    }
}

int wtl_estimate(struct wtl_arena *arena, const struct wtl_observation *obs, size_t n,
                 size_t n_points, size_t reference, double exponent, struct wtl_estimates *out,
                 struct wtl_error *err)
{
    struct work w = {.obs = obs, .n = n, .reference = reference, .exponent = exponent};
    struct wtl_estimates e = {.n_points = n_points};
    for (size_t i = 0; i < n; i++)
        w.n_blocks = obs[i].block > w.n_blocks ? obs[i].block : w.n_blocks;
    w.anchors = WTL_NEW_ARRAY(arena, struct anchor, (size_t)w.n_blocks + 1);
    e.points = WTL_NEW_ARRAY(arena, struct wtl_point_estimate, n_points + 1);
    if (!w.anchors || !e.points)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    average_anchors(&w);
    average_points(&w, e.points);
    pool(&w, &e);
    fill_halves(&w, &e);
    *out = e;
    return 0;
}
