/* SPDX-License-Identifier: Apache-2.0
 * A budget over several boards: the split, and the order of changes that keeps it. */
#include "lease/cap.h"

#include "lease/lease_impl.h"

#include <math.h>
#include <string.h>

double wtl_cap_in_force_w(const struct wtl_knob_state *state)
{
    double requested = !state->known                ? 0
                       : !state->requested.released ? state->requested.hi
                       : state->has_enforced        ? 0
                                                    : (double)INFINITY;
    return state->has_enforced && state->enforced > requested ? state->enforced : requested;
}

/* ---- The split ------------------------------------------------------------------------------- */

static double share_at(const struct wtl_cap_board *b, double x)
{
    double w = x * b->weight_w;
    return w < b->min_w ? b->min_w : w > b->max_w ? b->max_w : w;
}

static double sum_at(const struct wtl_cap_board *boards, size_t n, double x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += share_at(&boards[i], x);
    return sum;
}

/* The largest x whose shares fit; the sum grows with x, so bisection finds it to the last bit that
 * matters. `hi` gives everybody the most. */
static double largest_x(double (*sum)(const struct wtl_cap_board *, size_t, double),
                        const struct wtl_cap_board *boards, size_t n, double left_w, double hi)
{
    double lo = 0;
    if (sum(boards, n, hi) <= left_w)
        return hi;
    for (int i = 0; i < 200; i++) {
        double x = lo + (hi - lo) / 2;
        if (sum(boards, n, x) <= left_w)
            lo = x;
        else
            hi = x;
    }
    return lo;
}

/* Whole eighths of a watt, down; the least and the most stay what they are. */
static double in_eighths(const struct wtl_cap_board *b, double w)
{
    double down = floor(w * 8 + 1e-9) / 8;
    return down < b->min_w ? b->min_w : down > b->max_w ? b->max_w : down;
}

int wtl_cap_check_budget(double budget_w, double base_w, struct wtl_error *err)
{
    if (budget_w > 0 && base_w >= 0 && isfinite(budget_w) && isfinite(base_w))
        return 0;
    return WTL_FAIL(err, WTL_USAGE, "a budget of %g W with a base of %g W makes no sense", budget_w,
                    base_w);
}

static int check_split(const struct wtl_cap_board *boards, size_t n, double budget_w, double base_w,
                       double *top_out, struct wtl_error *err)
{
    double least = 0;
    *top_out = 0;
    int rc = wtl_cap_check_budget(budget_w, base_w, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++) {
        const struct wtl_cap_board *b = &boards[i];
        if (!(b->min_w >= 0) || !(b->max_w >= b->min_w) || !(b->weight_w > 0))
            return WTL_FAIL(err, WTL_FAILED, "limits from %g W to %g W make no sense", b->min_w,
                            b->max_w);
        least += b->min_w;
        *top_out = fmax(*top_out, b->max_w / b->weight_w);
    }
    if (least <= budget_w - base_w + WTL_CAP_SLACK_W)
        return 0;
    rc = WTL_FAIL(err, WTL_INFEASIBLE,
                  "%g W cannot be kept: the lowest limits of the %zu device%s come to %g W, and "
                  "the base to %g W",
                  budget_w, n, wtl_plural((int64_t)n), least, base_w);
    wtl_error_hint(err, "the least that can be kept is %g W", least + base_w);
    return rc;
}

/* What is left for limits once each ceiling has its rung. */
static double take_rungs(const struct wtl_cap_board *boards, size_t n, double x, double left_w,
                         double *limits_w_out)
{
    for (size_t i = 0; i < n; i++) {
        const struct wtl_ceiling_rung *rung =
            wtl_ceiling_within(&boards[i].ceiling, share_at(&boards[i], x));
        if (!rung)
            continue;
        limits_w_out[i] = rung->power_w;
        left_w -= rung->power_w;
    }
    return left_w;
}

static double sum_of_limits_at(const struct wtl_cap_board *boards, size_t n, double x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += boards[i].ceiling.n ? 0 : share_at(&boards[i], x);
    return sum;
}

int wtl_cap_split(const struct wtl_cap_board *boards, size_t n, double budget_w, double base_w,
                  double *limits_w_out, struct wtl_error *err)
{
    double top;
    int rc = check_split(boards, n, budget_w, base_w, &top, err);
    if (rc < 0)
        return rc;
    double x = largest_x(sum_at, boards, n, budget_w - base_w, top);
    double left_w = take_rungs(boards, n, x, budget_w - base_w, limits_w_out);
    x = largest_x(sum_of_limits_at, boards, n, left_w, top);
    for (size_t i = 0; i < n; i++)
        if (boards[i].ceiling.n == 0)
            limits_w_out[i] = in_eighths(&boards[i], share_at(&boards[i], x));
    return 0;
}

/* A ceiling lets through from its lowest rung to its highest, or to the lock that was there before.
 */
static void ceiling_board(const struct wtl_lease_knob *k, struct wtl_cap_board *b)
{
    const struct wtl_ceiling *c = &k->record.ceiling;
    double before_w = wtl_ceiling_power_w(c, k->record.prior), top_w = c->rungs[c->n - 1].power_w;
    *b = (struct wtl_cap_board){.min_w = c->rungs[0].power_w,
                                .max_w = fmin(before_w, top_w),
                                .weight_w = top_w,
                                .ceiling = *c};
}

int wtl_cap_board(const struct wtl_lease_knob *k, struct wtl_cap_board *board_out,
                  struct wtl_error *err)
{
    if (k->record.ceiling.n > 0) {
        ceiling_board(k, board_out);
        return 0;
    }
    if (!k->found.known)
        return WTL_FAIL(err, WTL_UNSUPPORTED,
                        "%s does not say what its power limit is: a cap on it could not be checked",
                        k->info->id);
    const struct wtl_knob_range *r = &k->range;
    double before_w = k->record.prior.released
                          ? (r->released_is_default ? r->default_value : r->max)
                          : k->record.prior.hi;
    struct wtl_cap_board b = {.min_w = r->min,
                              .max_w = before_w < r->max ? before_w : r->max,
                              .weight_w = r->has_default ? r->default_value : r->max};
    if (b.max_w < b.min_w)
        b.max_w = b.min_w;
    *board_out = b;
    return 0;
}

/* ---- Changes --------------------------------------------------------------------------------- */

struct wtl_knob_value wtl_cap_value(const struct wtl_lease_knob *k, double limit_w)
{
    const struct wtl_ceiling_rung *rung = wtl_ceiling_within(&k->record.ceiling, limit_w);
    if (!rung)
        return wtl_knob_at(limit_w);
    const struct wtl_knob_value *prior = &k->record.prior;
    double least = k->range.n_steps ? k->range.steps[0] : k->range.min;
    double most = prior->released ? rung->clock_mhz : fmin(rung->clock_mhz, prior->hi);
    return (struct wtl_knob_value){.lo = fmin(least, most), .hi = most};
}

/* Of a lock that no getter reports our record says what it is. After a set that failed it is what
 * was asked for, or what was there before, which may be as little known. */
static double ceiling_counts_w(const struct wtl_lease_knob *k)
{
    if (k->uncertain)
        return (double)INFINITY;
    return wtl_ceiling_power_w(&k->record.ceiling, k->found.known      ? k->found.requested
                                                   : k->record.seq > 0 ? k->record.wanted
                                                                       : wtl_knob_released());
}

double wtl_cap_counts_w(const struct wtl_lease_knob *k)
{
    if (k->record.ceiling.n > 0)
        return ceiling_counts_w(k);
    double w = wtl_cap_in_force_w(&k->found);
    if (k->uncertain && k->record.seq > 0 && !k->record.wanted.released)
        w = fmax(w, k->record.wanted.hi);
    return w;
}

/* What all but one count for. */
static double others_w(const struct wtl_lease *l, size_t but)
{
    double sum = 0;
    for (size_t i = 0; i < l->n; i++)
        sum += i == but ? 0 : wtl_cap_counts_w(&l->knobs[i]);
    return sum;
}

/* The budget that a change has to keep: a new one, where there is one. */
static double budget_w(const struct wtl_lease *l)
{
    if (!l->final_waits)
        return l->record.budget_w - l->record.base_w;
    return l->final_budget_w - l->final_base_w;
}

static bool asks_for(const struct wtl_lease_knob *k, double w)
{
    struct wtl_knob_value value = wtl_cap_value(k, w);
    if (k->record.ceiling.n > 0 && !k->found.known) /* no getter: what we set is what there is */
        return k->record.seq > 0 && !k->uncertain &&
               wtl_knob_same(k->record.knob, k->record.wanted, value);
    return k->found.known && wtl_lease_near(k->record.knob, k->found.requested, value) &&
           wtl_lease_took(k, value);
}

/* What is set, whatever became of the last wish. */
static double is_at_w(const struct wtl_lease_knob *k)
{
    return k->record.ceiling.n > 0 ? wtl_cap_counts_w(k) : wtl_cap_in_force_w(&k->found);
}

/* Whether it has to be set before anything is raised. What is there already is set all the same,
 * once: a limit that is in no record is looked after by nobody. */
static bool is_for_lowering(const struct wtl_lease_knob *k, double limit_w)
{
    return asks_for(k, limit_w) ? k->record.seq == 0 : !(is_at_w(k) < limit_w);
}

static int lower(struct wtl_lease *l, size_t i, double limit_w, struct wtl_error *err)
{
    struct wtl_lease_knob *k = &l->knobs[i];
    struct wtl_knob_value value = wtl_cap_value(k, limit_w);
    int rc = wtl_lease_check_value(k, value, err);
    return rc ? rc : wtl_lease_set_now(l, i, value, err);
}

static bool is_unknown_ceiling(const struct wtl_lease_knob *k)
{
    return k->record.ceiling.n > 0 && isinf(is_at_w(k));
}

/* Ceilings of which it is not known where they are come last: they may be below, and setting them
 * is then a raise, which is not made after a failure or blindly. */
static int lower_all(struct wtl_lease *l, const double *limits_w, bool blind, struct wtl_error *err)
{
    int first = 0;
    for (int unknown = 0; unknown < 2; unknown++)
        for (size_t i = 0; i < l->n && !(unknown && (first || blind)); i++) {
            const struct wtl_lease_knob *k = &l->knobs[i];
            if (is_unknown_ceiling(k) != (bool)unknown || !is_for_lowering(k, limits_w[i]))
                continue;
            int rc = lower(l, i, limits_w[i], first ? NULL : err);
            first = first ? first : rc;
        }
    return first;
}

static int no_room(const struct wtl_lease *l, size_t index, double limit_w, double rest_w,
                   struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_FAILED,
                    "%s is not raised to %g W: the other limits in force come to %g W of %g W",
                    l->knobs[index].info->id, limit_w, rest_w, budget_w(l));
}

static int raise_one(struct wtl_lease *l, size_t i, double limit_w, struct wtl_error *err)
{
    struct wtl_lease_knob *k = &l->knobs[i];
    struct wtl_knob_value value = wtl_cap_value(k, limit_w);
    int rc = wtl_lease_check_value(k, value, err);
    rc = rc ? rc : wtl_lease_look(l, err);
    if (rc < 0)
        return rc;
    bool is_limit = k->record.ceiling.n == 0;
    double rest_w = others_w(l, i);
    double most_w = fmax(limit_w, is_limit && k->found.has_enforced ? k->found.enforced : 0);
    if (rest_w + most_w > budget_w(l) + WTL_CAP_SLACK_W)
        return no_room(l, i, limit_w, rest_w, err);
    struct wtl_knob_value before = k->found.known ? k->found.requested : k->record.wanted;
    rc = wtl_lease_set_now(l, i, value, err);
    if (rc < 0) /* what became of it is not known: down again, if that can be had */
        (void)wtl_lease_set_now(l, i, before, NULL);
    return rc;
}

int wtl_cap_enforce(struct wtl_lease *l, const double *limits_w, struct wtl_error *err)
{
    int blind = wtl_lease_look(l, err);
    int rc = lower_all(l, limits_w, blind < 0, blind ? NULL : err);
    if (blind < 0 || rc < 0)
        return blind < 0 ? blind : rc;
    for (size_t i = 0; rc == 0 && i < l->n; i++)
        if (!asks_for(&l->knobs[i], limits_w[i]))
            rc = raise_one(l, i, limits_w[i], err);
    return rc;
}
