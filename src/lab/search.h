/* SPDX-License-Identifier: Apache-2.0
 *
 * Which points the next block visits, from what is known so far, and when there is no need for
 * another. Pure: a sweep that goes on after a break decides the same.
 *
 * Grid: every point until each is known within the target: as many visits of it as there are blocks
 * at least, and as many blocks as there may be at most.
 *
 * Adaptive: points that differ in the SM clock only are a family, a curve. The first block visits
 * a few of each, evenly spread. From then on a block visits
 *   - measured points whose interval does not exclude that they are better than the best by more
 *     than the indifference,
 *   - those that are as good as the best within the indifference, and their neighbours, until they
 *     have been visited as often as a grid would at least, and
 *   - the middle of every gap between two measured clocks in which such a point may hide, or in
 *     which what is as good as the best ends; likewise of the gap between the last measured clock
 *     and the first one that could not be had.
 * What may hide in a gap is bounded from below by convexity: the curve lies above the lines through
 * its neighbours on either side, as far as these are known; a margin stands for what is not convex
 * (a voltage knee makes a corner downwards in cost, which only raises the true curve above the
 * lines, but noise does not keep to it). It ends when nothing is left that can be better: the best
 * is then within the indifference of the optimum, and what is as good is known, with its borders.
 */
#ifndef WTL_LAB_SEARCH_H
#define WTL_LAB_SEARCH_H

#include "lab/estimate.h"
#include "lab/points.h"

struct wtl_search_problem {
    const struct wtl_lab_points *points;
    const struct wtl_estimates *estimates; /* NULL: nothing was visited so far */
    const bool *infeasible;                /* by point */
    enum wtl_search search;
    const struct wtl_protocol_spec *protocol;
    double indifference;
    bool has_max_slowdown;
    double max_slowdown;
    int block; /* that is decided on, from 1; of an extended sweep, since then */
};

struct wtl_search_state {
    bool done;
    size_t best;   /* the best so far that keeps the limit; n_points: none */
    size_t n_tied; /* measured points that are not known to be worse than it by more than the
                    * indifference, itself included */
    size_t n_active;
    char why[200]; /* why it is done, or what it does next */
};

/* `active` (by point) and the state. The reference is always visited as anchor, and never active
 * alone. */
int wtl_search_next(struct wtl_arena *arena, const struct wtl_search_problem *problem, bool *active,
                    struct wtl_search_state *state_out, struct wtl_error *err);

#endif
