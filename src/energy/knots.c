/* SPDX-License-Identifier: Apache-2.0
 * Knots of energy over time, and points between them. */
#include "energy/knots.h"

#include <math.h>
#include <string.h>

#define SECOND_NS INT64_C(1000000000)

void wtl_knots_init(struct wtl_knots *c, int64_t blur_ns)
{
    memset(c, 0, sizeof *c);
    c->blur_ns = blur_ns;
}

static const struct wtl_knot *knot(const struct wtl_knots *c, int64_t i)
{
    return &c->knot[i % WTL_KNOTS_MAX];
}

static int64_t oldest(const struct wtl_knots *c)
{
    return c->n - c->first > WTL_KNOTS_MAX ? c->n - WTL_KNOTS_MAX : c->first;
}

const struct wtl_knot *wtl_knots_first(const struct wtl_knots *c)
{
    return c->n ? knot(c, oldest(c)) : NULL;
}

const struct wtl_knot *wtl_knots_last(const struct wtl_knots *c)
{
    return c->n ? knot(c, c->n - 1) : NULL;
}

void wtl_knots_add(struct wtl_knots *c, int64_t t_ns, double u_ns, double energy_j, double var_j2,
                   unsigned trouble)
{
    struct wtl_knot k = {.t_ns = t_ns,
                         .u_ns = u_ns,
                         .energy_j = energy_j,
                         .var_j2 = var_j2,
                         .unseen_ns = c->unseen_ns};
    if (c->n && t_ns <= knot(c, c->n - 1)->t_ns) {
        k.t_ns = knot(c, c->n - 1)->t_ns;
        c->n--;
    }
    for (int i = 0; i < (int)WTL_N_ENERGY_TROUBLES; i++)
        c->troubles[i] += (trouble >> i) & 1;
    memcpy(k.troubles, c->troubles, sizeof k.troubles);
    c->knot[c->n++ % WTL_KNOTS_MAX] = k;
}

void wtl_knots_skip(struct wtl_knots *c, int64_t t_ns, unsigned trouble)
{
    const struct wtl_knot *last = wtl_knots_last(c);
    if (!last || t_ns <= last->t_ns)
        return;
    c->unseen_ns += t_ns - last->t_ns;
    wtl_knots_add(c, t_ns, 0, last->energy_j, last->var_j2, trouble);
}

void wtl_knots_cut(struct wtl_knots *c, int64_t t_ns)
{
    /* Their places in the ring were those of older ones. */
    c->first = oldest(c);
    while (c->n - c->first > 1 && knot(c, c->n - 1)->t_ns > t_ns)
        c->n--;
    if (c->n == 0)
        return;
    const struct wtl_knot *last = knot(c, c->n - 1);
    c->unseen_ns = last->unseen_ns;
    memcpy(c->troubles, last->troubles, sizeof c->troubles);
}

void wtl_knots_raise(struct wtl_knots *c, double energy_j)
{
    for (int64_t i = oldest(c); i < c->n; i++)
        c->knot[i % WTL_KNOTS_MAX].energy_j += energy_j;
}

/* Index of the last knot at or before t; oldest - 1 when all are later. */
static int64_t find(const struct wtl_knots *c, int64_t t_ns)
{
    int64_t lo = oldest(c) - 1, hi = c->n - 1;
    while (lo < hi) {
        int64_t mid = hi - (hi - lo) / 2;
        if (knot(c, mid)->t_ns <= t_ns)
            lo = mid;
        else
            hi = mid - 1;
    }
    return lo;
}

static double seconds(int64_t ns)
{
    return 1e-9 * (double)ns;
}

static int64_t seen_ns(const struct wtl_knots *c, int64_t i, int64_t j)
{
    const struct wtl_knot *a = knot(c, i), *b = knot(c, j);
    return b->t_ns - a->t_ns - (b->unseen_ns - a->unseen_ns);
}

/* Of the time that was seen; 0 where none was. */
static double power_between(const struct wtl_knots *c, int64_t i, int64_t j)
{
    const int64_t seen = seen_ns(c, i, j);
    return seen > 0 ? (knot(c, j)->energy_j - knot(c, i)->energy_j) / seconds(seen) : 0;
}

/* Power over about `span` before knot i, or after it; false: there is no other knot there. */
static bool power_before(const struct wtl_knots *c, int64_t i, int64_t span_ns, double *w_out)
{
    int64_t j = i - 1;
    while (j > oldest(c) && seen_ns(c, j, i) < span_ns)
        j--;
    if (j < oldest(c) || seen_ns(c, j, i) <= 0)
        return false;
    *w_out = power_between(c, j, i);
    return true;
}

static bool power_after(const struct wtl_knots *c, int64_t i, int64_t span_ns, double *w_out)
{
    int64_t j = i + 1;
    while (j < c->n - 1 && seen_ns(c, i, j) < span_ns)
        j++;
    if (j >= c->n || seen_ns(c, i, j) <= 0)
        return false;
    *w_out = power_between(c, i, j);
    return true;
}

/* Standard deviation of the power of single stretches about knot i, from what successive ones
 * differ by, so that a load that begins or ends counts little. */
static double restless_w(const struct wtl_knots *c, int64_t i)
{
    int64_t from = i - 8 > oldest(c) ? i - 8 : oldest(c), to = i + 8 < c->n ? i + 8 : c->n - 1;
    double sum = 0;
    int n = 0;
    for (int64_t k = from + 2; k <= to; k++) {
        if (seen_ns(c, k - 1, k) <= 0 || seen_ns(c, k - 2, k - 1) <= 0)
            continue;
        double step_w = power_between(c, k - 1, k) - power_between(c, k - 2, k - 1);
        sum += step_w * step_w;
        n++;
    }
    return n ? sqrt(0.5 * sum / n) : 0;
}

/* Half of the range that power has had lately: what an unseen moment may be off by. */
static double spread_w(const struct wtl_knots *c)
{
    int64_t from = c->n - 32 > oldest(c) ? c->n - 32 : oldest(c);
    double lo = HUGE_VAL, hi = 0;
    for (int64_t i = from; i + 1 < c->n; i++) {
        if (seen_ns(c, i, i + 1) <= 0)
            continue;
        double w = power_between(c, i, i + 1);
        lo = fmin(lo, w);
        hi = fmax(hi, w);
    }
    lo = fmin(lo, hi);
    return fmax(0.5 * (hi - lo), 0.05 * hi);
}

/* How far from the knots about `i` power is taken to go on as it was. */
static int64_t reach_ns(const struct wtl_knots *c, int64_t i)
{
    int64_t least = INT64_MAX;
    const int64_t from = i - 4 > oldest(c) ? i - 4 : oldest(c), to = i + 4 < c->n ? i + 4 : c->n;
    for (int64_t k = from; k + 1 < to; k++)
        least =
            seen_ns(c, k, k + 1) > 0 && seen_ns(c, k, k + 1) < least ? seen_ns(c, k, k + 1) : least;
    const int64_t rare = least < INT64_MAX / 2 ? 2 * least : 0;
    const int64_t reach = SECOND_NS + 4 * c->blur_ns;
    return rare > reach ? rare : reach;
}

/* Outside of the knots, with the power at their end and a variance that grows. */
static void extrapolate(const struct wtl_knots *c, int64_t i, double w, struct wtl_knots_point *p)
{
    const struct wtl_knot *k = knot(c, i);
    const int64_t away_ns = p->t_ns - k->t_ns, reach = reach_ns(c, i);
    p->beyond = away_ns > reach || away_ns < -reach;
    const double away_s = p->beyond ? 0 : seconds(away_ns);
    double off_j = spread_w(c) * away_s, time_j = w * 1e-9 * k->u_ns;
    p->energy_j = k->energy_j + w * away_s;
    p->sum_var_j2 = k->var_j2;
    p->end_var_j2 = off_j * off_j + time_j * time_j;
    p->unseen_ns = k->unseen_ns + (p->beyond ? away_ns : 0);
    p->before_w = p->after_w = w;
    p->settled = false;
}

/* Beside or within a stretch that nobody saw, the one in which the moment lies alone counts. */
static void interpolate_beside_gap(const struct wtl_knots *c, int64_t l, struct wtl_knots_point *p)
{
    const struct wtl_knot *left = knot(c, l), *right = knot(c, l + 1);
    const int64_t in_ns = p->t_ns - left->t_ns;
    const bool seen = seen_ns(c, l, l + 1) > 0;
    const double w = power_between(c, l, l + 1),
                 a = (double)in_ns / (double)(right->t_ns - left->t_ns);
    p->before_w = p->after_w = w;
    p->settled = power_before(c, l, 1, &p->before_w) && power_after(c, l + 1, 1, &p->after_w);
    p->restless_w = fmax(restless_w(c, l), 0.03 * w);
    p->energy_j = left->energy_j + (seen ? w * seconds(in_ns) : 0);
    p->unseen_ns = left->unseen_ns + (seen ? 0 : in_ns);
    p->sum_var_j2 = left->var_j2 + a * (right->var_j2 - left->var_j2);
    const double off_j = seen ? spread_w(c) * seconds(in_ns) * (1 - a) : 0;
    const double time_j = w * 1e-9 * fmax(left->u_ns, right->u_ns);
    const double blur_j = fmax(p->before_w, p->after_w) * 0.5 * seconds(c->blur_ns);
    p->end_var_j2 = off_j * off_j + time_j * time_j + blur_j * blur_j;
}

static void interpolate(const struct wtl_knots *c, int64_t l, int64_t r, struct wtl_knots_point *p)
{
    const struct wtl_knot *left = knot(c, l), *right = knot(c, r);
    int64_t span_ns = right->t_ns - left->t_ns;
    if (right->unseen_ns > left->unseen_ns) {
        const int64_t at = find(c, p->t_ns);
        interpolate_beside_gap(c, at < c->n - 1 ? at : c->n - 2, p);
        return;
    }
    double mean_w = power_between(c, l, r);
    p->unseen_ns = left->unseen_ns;
    p->before_w = p->after_w = mean_w;
    bool both = power_before(c, l, span_ns, &p->before_w);
    both = power_after(c, r, span_ns, &p->after_w) && both;
    double a = (double)(p->t_ns - left->t_ns) / (double)span_ns;
    double from_left = left->energy_j + p->before_w * seconds(p->t_ns - left->t_ns);
    double from_right = right->energy_j - p->after_w * seconds(right->t_ns - p->t_ns);
    double apart = from_right - from_left;
    double l_j = (1 - a) * p->before_w * 1e-9 * left->u_ns;
    double r_j = a * p->after_w * 1e-9 * right->u_ns;
    /* A load in step with the sensor shows nothing of what it does within a stretch. */
    p->restless_w = fmax(restless_w(c, l), 0.03 * mean_w);
    double within_j = 6 * a * (1 - a) * seconds(span_ns) * p->restless_w;
    p->energy_j = from_left + a * apart;
    p->sum_var_j2 = left->var_j2 + a * (right->var_j2 - left->var_j2);
    p->end_var_j2 = a * (1 - a) * apart * apart + l_j * l_j + r_j * r_j + within_j * within_j;
    p->settled = both;
}

/* `at`: index of the last knot at or before it. */
static void count_troubles(const struct wtl_knots *c, int64_t at, struct wtl_knots_point *p)
{
    const int64_t first = oldest(c), left = at > first ? at : first;
    const bool inside = at >= first && at + 1 < c->n && knot(c, at)->t_ns < p->t_ns;
    memcpy(p->ended, knot(c, left)->troubles, sizeof p->ended);
    memcpy(p->begun, knot(c, inside ? at + 1 : left)->troubles, sizeof p->begun);
}

int wtl_knots_at(const struct wtl_knots *c, int64_t t_ns, struct wtl_knots_point *out)
{
    if (c->n - oldest(c) < 2)
        return -1;
    struct wtl_knots_point p = {.t_ns = t_ns};
    int64_t at = find(c, t_ns);
    int64_t l = find(c, t_ns - c->blur_ns / 2), r = find(c, t_ns + c->blur_ns / 2) + 1;
    p.knots = at + 1;
    count_troubles(c, at, &p);
    if (l < oldest(c) && oldest(c) > 0)
        return -1;
    double w = 0;
    if (l < oldest(c) && power_after(c, oldest(c), 1, &w))
        extrapolate(c, oldest(c), w, &p);
    else if (r >= c->n && power_before(c, c->n - 1, 1, &w))
        extrapolate(c, c->n - 1, w, &p);
    else if (l < oldest(c) || r >= c->n)
        return -1;
    else
        interpolate(c, l, r, &p);
    *out = p;
    return 0;
}

bool wtl_knots_reaches(const struct wtl_knots *c, int64_t t_ns)
{
    int64_t r = find(c, t_ns + c->blur_ns / 2) + 1;
    if (c->n < 3 || r >= c->n - 1)
        return false;
    int64_t l = find(c, t_ns - c->blur_ns / 2);
    int64_t span_ns = l >= oldest(c) ? knot(c, r)->t_ns - knot(c, l)->t_ns : 0;
    return knot(c, c->n - 1)->t_ns - knot(c, r)->t_ns >= span_ns;
}

unsigned wtl_knots_troubles(const struct wtl_knots_point *a, const struct wtl_knots_point *b)
{
    unsigned troubles = 0;
    for (int i = 0; i < (int)WTL_N_ENERGY_TROUBLES; i++)
        if (b->begun[i] != a->ended[i])
            troubles |= 1u << i;
    return troubles;
}
