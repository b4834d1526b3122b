/* SPDX-License-Identifier: Apache-2.0
 * A budget over several boards: the split, and the order of changes that keeps it. */
#include "lease/cap.h"

#include "lease/lease_impl.h"

#include <math.h>
#include <string.h>

/* Sums of a few limits in doubles: far above their rounding, far below a milliwatt. */
#define SLACK_W 1e-6

double wtl_cap_in_force_w(const struct wtl_knob_state *state)
{
    double requested = state->known && !state->requested.released ? state->requested.hi : 0;
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
static double largest_x(const struct wtl_cap_board *boards, size_t n, double left_w, double hi)
{
    double lo = 0;
    if (sum_at(boards, n, hi) <= left_w)
        return hi;
    for (int i = 0; i < 200; i++) {
        double x = lo + (hi - lo) / 2;
        if (sum_at(boards, n, x) <= left_w)
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

static int check_split(const struct wtl_cap_board *boards, size_t n, double budget_w, double base_w,
                       double *top_out, struct wtl_error *err)
{
    double least = 0;
    *top_out = 0;
    if (!(budget_w > 0) || !(base_w >= 0) || !isfinite(budget_w))
        return WTL_FAIL(err, WTL_USAGE, "a budget of %g W with a base of %g W makes no sense",
                        budget_w, base_w);
    for (size_t i = 0; i < n; i++) {
        const struct wtl_cap_board *b = &boards[i];
        if (!(b->min_w >= 0) || !(b->max_w >= b->min_w) || !(b->weight_w > 0))
            return WTL_FAIL(err, WTL_FAILED, "limits from %g W to %g W make no sense", b->min_w,
                            b->max_w);
        least += b->min_w;
        *top_out = fmax(*top_out, b->max_w / b->weight_w);
    }
    if (least <= budget_w - base_w + SLACK_W)
        return 0;
    int rc =
        WTL_FAIL(err, WTL_INFEASIBLE,
                 "%g W cannot be kept: the lowest limits of the %zu device%s come to %g W, and "
                 "the base to %g W",
                 budget_w, n, wtl_plural((int64_t)n), least, base_w);
    wtl_error_hint(err, "the least that can be kept is %g W", least + base_w);
    return rc;
}

int wtl_cap_split(const struct wtl_cap_board *boards, size_t n, double budget_w, double base_w,
                  double *limits_w_out, struct wtl_error *err)
{
    double top;
    int rc = check_split(boards, n, budget_w, base_w, &top, err);
    if (rc < 0)
        return rc;
    double x = largest_x(boards, n, budget_w - base_w, top);
    for (size_t i = 0; i < n; i++)
        limits_w_out[i] = in_eighths(&boards[i], share_at(&boards[i], x));
    return 0;
}

int wtl_cap_board(const struct wtl_lease_knob *k, struct wtl_cap_board *board_out,
                  struct wtl_error *err)
{
    if (!k->found.known)
        return WTL_FAIL(err, WTL_UNSUPPORTED,
                        "%s does not say what its power limit is: a cap on it could not be checked",
                        k->info->id);
    const struct wtl_knob_range *r = &k->range;
    double before_w = k->record.prior.released ? (r->has_default ? r->default_value : r->max)
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

size_t wtl_cap_moves(const double *from_w, const double *to_w, size_t n,
                     struct wtl_cap_move *moves_out)
{
    size_t used = 0;
    for (int raise = 0; raise < 2; raise++)
        for (size_t i = 0; i < n; i++)
            if (raise ? to_w[i] > from_w[i] : to_w[i] < from_w[i])
                moves_out[used++] = (struct wtl_cap_move){i, from_w[i], to_w[i]};
    return used;
}

/* What a board counts for: the most that it may be at. */
static double counts_w(const struct wtl_lease_knob *k)
{
    double w = wtl_cap_in_force_w(&k->found);
    if (k->uncertain && k->record.seq > 0 && !k->record.wanted.released)
        w = fmax(w, k->record.wanted.hi);
    return w;
}

static double sum_w(const struct wtl_lease *l)
{
    double sum = l->record.base_w;
    for (size_t i = 0; i < l->n; i++)
        sum += counts_w(&l->knobs[i]);
    return sum;
}

/* The budget that a change has to keep: a new one, where there is one. */
static double budget_w(const struct wtl_lease *l)
{
    if (!l->final_budget_waits)
        return l->record.budget_w - l->record.base_w;
    return l->final_budget_w - l->final_base_w;
}

static bool asks_for(const struct wtl_lease_knob *k, double w)
{
    return k->found.known && wtl_lease_near(k->record.knob, k->found.requested, wtl_knob_at(w)) &&
           wtl_lease_took(k, wtl_knob_at(w));
}

static int lower_all(struct wtl_lease *l, const double *limits_w, struct wtl_error *err)
{
    int first = 0;
    for (size_t i = 0; i < l->n; i++) {
        struct wtl_lease_knob *k = &l->knobs[i];
        /* What is there already is set all the same, once: a limit that is in no record is looked
         * after by nobody. */
        if (asks_for(k, limits_w[i]) ? k->record.seq > 0
                                     : wtl_cap_in_force_w(&k->found) < limits_w[i])
            continue;
        struct wtl_knob_value value = wtl_knob_at(limits_w[i]);
        int rc = wtl_lease_check_value(k, value, first ? NULL : err);
        if (rc == 0)
            rc = wtl_lease_set_now(l, i, value, first ? NULL : err);
        first = first ? first : rc;
    }
    return first;
}

static int no_room(const struct wtl_lease *l, size_t index, double limit_w, double others_w,
                   struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_FAILED,
                    "%s is not raised to %g W: the other limits in force come to %g W of %g W",
                    l->knobs[index].info->id, limit_w, others_w, budget_w(l));
}

static int raise_one(struct wtl_lease *l, size_t i, double limit_w, struct wtl_error *err)
{
    struct wtl_lease_knob *k = &l->knobs[i];
    int rc = wtl_lease_check_value(k, wtl_knob_at(limit_w), err);
    rc = rc ? rc : wtl_lease_look(l, err);
    if (rc < 0)
        return rc;
    double others_w = sum_w(l) - l->record.base_w - counts_w(k);
    double most_w = fmax(limit_w, k->found.has_enforced ? k->found.enforced : 0);
    if (others_w + most_w > budget_w(l) + SLACK_W)
        return no_room(l, i, limit_w, others_w, err);
    double before_w = k->found.requested.hi;
    rc = wtl_lease_set_now(l, i, wtl_knob_at(limit_w), err);
    if (rc < 0) /* what became of it is not known: down again, if that can be had */
        (void)wtl_lease_set_now(l, i, wtl_knob_at(before_w), NULL);
    return rc;
}

int wtl_cap_enforce(struct wtl_lease *l, const double *limits_w, struct wtl_error *err)
{
    int blind = wtl_lease_look(l, err);
    int rc = lower_all(l, limits_w, blind ? NULL : err);
    if (blind < 0 || rc < 0)
        return blind < 0 ? blind : rc;
    for (size_t i = 0; rc == 0 && i < l->n; i++)
        if (!asks_for(&l->knobs[i], limits_w[i]))
            rc = raise_one(l, i, limits_w[i], err);
    return rc;
}
