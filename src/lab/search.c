/* SPDX-License-Identifier: Apache-2.0
 * The next block. */
#include "lab/search.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Clocks of each family in the first block of an adaptive search. */
enum { COARSE = 7 };

/* How far below the lines a curve may lie all the same, as a share of the lines' own fall within
 * the gap: curves of cost are convex but for the flat parts where a clock does nothing. */
static const double hiding = 0.25;

struct work {
    const struct wtl_search_problem *q;
    const struct wtl_lab_point *points;
    size_t n;
    bool *active;
    double best, best_half; /* log cost of the best */
    struct wtl_search_state *s;
};

static bool measured(const struct work *w, size_t i)
{
    return w->q->estimates && w->q->estimates->points[i].n > 0 && !w->q->infeasible[i];
}

static const struct wtl_point_estimate *at(const struct work *w, size_t i)
{
    return &w->q->estimates->points[i];
}

static bool keeps_limit(const struct work *w, size_t i)
{
    return !w->q->has_max_slowdown || exp(at(w, i)->log_time) - 1 <= w->q->max_slowdown;
}

static void find_best(struct work *w)
{
    w->s->best = w->n;
    for (size_t i = 0; i < w->n; i++)
        if (measured(w, i) && keeps_limit(w, i) &&
            (w->s->best == w->n || at(w, i)->log_cost < at(w, w->s->best)->log_cost))
            w->s->best = i;
    if (w->s->best == w->n)
        return;
    w->best = at(w, w->s->best)->log_cost;
    w->best_half = at(w, w->s->best)->half;
}

/* Whether a measured point may be better than the best by more than the indifference; the interval
 * of a difference of two points. */
static bool may_win(const struct work *w, size_t i)
{
    const double half = hypot(at(w, i)->half, w->best_half);
    return at(w, i)->log_cost - half < w->best - w->q->indifference;
}

static bool as_good(const struct work *w, size_t i)
{
    return keeps_limit(w, i) && at(w, i)->log_cost < w->best + w->q->indifference;
}

static void count_tied(struct work *w)
{
    for (size_t i = 0; w->s->best < w->n && i < w->n; i++)
        w->s->n_tied +=
            measured(w, i) && keeps_limit(w, i) &&
            (i == w->s->best || at(w, i)->log_cost - hypot(at(w, i)->half, w->best_half) <
                                    w->best + w->q->indifference);
}

/* ---- Grid ------------------------------------------------------------------------------------ */

static void grid(struct work *w)
{
    const struct wtl_protocol_spec *p = w->q->protocol;
    const int block = w->q->block;
    size_t unmet = 0;
    for (size_t i = 0; i < w->n; i++) {
        bool met = measured(w, i) && at(w, i)->n >= p->blocks_min && at(w, i)->half <= p->target;
        w->active[i] = !w->q->infeasible[i] && !met;
        unmet += w->active[i];
    }
    if (unmet == 0) {
        w->s->done = true;
        snprintf(w->s->why, sizeof w->s->why, "every point is known within %.3g %%",
                 100 * p->target);
    } else if (block > p->blocks_max) {
        w->s->done = true;
        snprintf(w->s->why, sizeof w->s->why,
                 "after %d blocks, the most there may be; %zu point%s not known within %.3g %%",
                 p->blocks_max, unmet, wtl_plural((int64_t)unmet), 100 * p->target);
    } else {
        snprintf(w->s->why, sizeof w->s->why, "%zu point%s", unmet, wtl_plural((int64_t)unmet));
    }
}

/* ---- Adaptive -------------------------------------------------------------------------------- */

/* Points of one family are neighbours in the order of points: [from, to). */
static size_t family_end(const struct work *w, size_t from)
{
    size_t to = from + 1;
    while (to < w->n && wtl_lab_point_related(&w->points[from], &w->points[to]))
        to++;
    return to;
}

static void coarse(struct work *w, size_t from, size_t to)
{
    const size_t n = to - from;
    const size_t k = n < COARSE ? n : COARSE;
    for (size_t i = 0; i < k; i++)
        w->active[from + (k > 1 ? (i * (n - 1) + (k - 1) / 2) / (k - 1) : n / 2)] = true;
}

struct knot {
    double x, cost, half, log_time;
    size_t point;
};

/* The line through two knots, lowered by their error, at x. */
static double line(const struct knot *a, const struct knot *b, double x)
{
    const double u = (x - a->x) / (b->x - a->x);
    const double half = hypot((1 - u) * a->half, u * b->half);
    return (1 - u) * a->cost + u * b->cost - half;
}

/* The least that the curve can reach between knots i and i + 1: the crossing of the lines through
 * the knots before and behind, or the lower knot's own bound where one of them is missing. */
static double least_between(const struct knot *k, size_t n, size_t i)
{
    const struct knot *a = &k[i], *b = &k[i + 1];
    double least = HUGE_VAL;
    enum { STEPS = 16 };
    for (int s = 1; s < STEPS; s++) {
        const double u = (double)s / STEPS, x = a->x + u * (b->x - a->x);
        double bound = -HUGE_VAL;
        if (i > 0)
            bound = fmax(bound, line(&k[i - 1], a, x));
        if (i + 2 < n)
            bound = fmax(bound, line(b, &k[i + 2], x));
        least = fmin(least, bound);
    }
    const double ends = fmin(a->cost - a->half, b->cost - b->half);
    if (!isfinite(least)) /* an edge of the range with a single neighbour */
        return ends - fabs(a->cost - b->cost);
    return least - (least < ends ? hiding * (ends - least) : 0);
}

/* Time never falls with the clock: a gap whose faster end is too slow has nothing to offer. */
static bool too_slow(const struct work *w, const struct knot *b)
{
    return w->q->has_max_slowdown && exp(b->log_time) - 1 > w->q->max_slowdown + 0.01;
}

/* A clock of [from, to) that can be had and is not known, the nearest to the middle of two; false:
 * there is none. */
static bool middle(const struct work *w, size_t from, size_t to, double a_mhz, double b_mhz,
                   size_t *out)
{
    const double half = 0.5 * (a_mhz + b_mhz);
    bool found = false;
    for (size_t i = from; i < to; i++) {
        if (w->q->infeasible[i] || measured(w, i))
            continue;
        if (!found || fabs(w->points[i].clock_mhz - half) < fabs(w->points[*out].clock_mhz - half))
            *out = i;
        found = true;
    }
    return found;
}

/* Beyond the first and the last knot there is something where a clock of the first block could not
 * be had: between it and the knot `edge` is where clocks begin to be feasible. Something may hide
 * there where the edge is as good as the best, or the curve falls towards it: it lies above the
 * line that goes on from the knot `inner` (NULL: there is but one knot). */
static void beyond(struct work *w, const struct knot *edge, const struct knot *inner, size_t from,
                   size_t to, size_t limit)
{
    const double mhz = w->points[limit].clock_mhz;
    size_t next = 0;
    if (!middle(w, from, to, edge->x, mhz, &next))
        return;
    if (!inner || as_good(w, edge->point) || line(inner, edge, mhz) < w->best - w->q->indifference)
        w->active[next] = true;
}

/* Both ends of a family: up to the nearest clock that is known to be infeasible, or all. */
static void look_beyond(struct work *w, const struct knot *k, size_t n, size_t from, size_t to)
{
    size_t lo = k[0].point, hi = k[n - 1].point;
    while (hi + 1 < to && !w->q->infeasible[hi + 1])
        hi++;
    beyond(w, &k[n - 1], n > 1 ? &k[n - 2] : NULL, k[n - 1].point + 1, hi + 1,
           hi + 1 < to ? hi + 1 : hi);
    while (lo > from && !w->q->infeasible[lo - 1])
        lo--;
    if (!too_slow(w, &k[0]))
        beyond(w, &k[0], n > 1 ? &k[1] : NULL, lo, k[0].point, lo > from ? lo - 1 : lo);
}

/* What is as good as the best is measured as often as any point of a grid, and so are the first
 * clocks on either side that are worse: a curve that is put through the runs bends there. */
static bool needs_replicates(const struct work *w, const struct knot *k, size_t n, size_t i)
{
    return at(w, k[i].point)->n < w->q->protocol->blocks_min &&
           (as_good(w, k[i].point) || (i > 0 && as_good(w, k[i - 1].point)) ||
            (i + 1 < n && as_good(w, k[i + 1].point)));
}

static int refine(struct work *w, struct wtl_arena *arena, size_t from, size_t to,
                  struct wtl_error *err)
{
    struct knot *k = WTL_NEW_ARRAY(arena, struct knot, to - from + 1);
    size_t n = 0;
    if (!k)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = from; i < to; i++)
        if (measured(w, i))
            k[n++] = (struct knot){w->points[i].clock_mhz, at(w, i)->log_cost,
                                   fmin(at(w, i)->half, 1), at(w, i)->log_time, i};
    for (size_t i = 0; i < n; i++)
        if (k[i].point != w->s->best && ((keeps_limit(w, k[i].point) && may_win(w, k[i].point)) ||
                                         needs_replicates(w, k, n, i)))
            w->active[k[i].point] = true;
    for (size_t i = 0; i + 1 < n; i++) {
        size_t next = 0;
        if (too_slow(w, &k[i + 1]) ||
            !middle(w, k[i].point + 1, k[i + 1].point, k[i].x, k[i + 1].x, &next))
            continue;
        if (least_between(k, n, i) < w->best - w->q->indifference ||
            as_good(w, k[i].point) != as_good(w, k[i + 1].point))
            w->active[next] = true;
    }
    if (n > 0)
        look_beyond(w, k, n, from, to);
    return 0;
}

/* While anything is open, the best is visited as well: all are compared with it. */
static void finish_adaptive(struct work *w)
{
    size_t open = 0;
    for (size_t i = 0; i < w->n; i++)
        open += w->active[i];
    if (open == 0 && w->s->best < w->n && at(w, w->s->best)->n >= w->q->protocol->blocks_min) {
        w->s->done = true;
        snprintf(w->s->why, sizeof w->s->why,
                 "no point can be better than the best by more than %.3g %%; %zu tied",
                 100 * w->q->indifference, w->s->n_tied);
        return;
    }
    if (w->q->block > w->q->protocol->blocks_max) {
        w->s->done = true;
        const int most = w->q->protocol->blocks_max;
        if (open == 0)
            snprintf(w->s->why, sizeof w->s->why,
                     "after %d blocks, the most there may be; the best was in fewer than %d", most,
                     w->q->protocol->blocks_min);
        else
            snprintf(w->s->why, sizeof w->s->why,
                     "after %d blocks, the most there may be; %zu point%s still open", most, open,
                     open == 1 ? " is" : "s are");
        return;
    }
    if (w->s->best < w->n)
        w->active[w->s->best] = true;
    snprintf(w->s->why, sizeof w->s->why, "%zu points are open", open);
}

static int adaptive(struct work *w, struct wtl_arena *arena, struct wtl_error *err)
{
    int rc = 0;
    for (size_t from = 0, to; rc == 0 && from < w->n; from = to) {
        to = family_end(w, from);
        if (w->q->estimates)
            rc = refine(w, arena, from, to, err);
        else
            coarse(w, from, to);
    }
    if (rc == 0)
        finish_adaptive(w);
    return rc;
}

int wtl_search_next(struct wtl_arena *arena, const struct wtl_search_problem *q, bool *active,
                    struct wtl_search_state *state_out, struct wtl_error *err)
{
    struct wtl_search_state s = {.best = q->points->n};
    struct work w = {
        .q = q, .points = q->points->items, .n = q->points->n, .active = active, .s = &s};
    int rc = 0;
    for (size_t i = 0; i < w.n; i++)
        active[i] = false;
    find_best(&w);
    count_tied(&w);
    if (q->search == WTL_SEARCH_ADAPTIVE)
        rc = adaptive(&w, arena, err);
    else
        grid(&w);
    for (size_t i = 0; i < w.n; i++)
        s.n_active += active[i];
    if (rc == 0)
        *state_out = s;
    return rc;
}
