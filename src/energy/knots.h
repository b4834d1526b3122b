/* SPDX-License-Identifier: Apache-2.0
 *
 * The energy curve of a device: joules since some origin, known at the moments at which a sensor
 * said something (knots), and what it says of any moment in between. The energy of any window is
 * the difference of two points; windows may nest and overlap without cost.
 *
 * Between two knots, power may have changed anywhere. From the left, E(t) = E_l + p_l (t - t_l)
 * with the power p_l before the left knot; from the right, E(t) = E_r - p_r (t_r - t) with the
 * power after the right one. A single change at an unknown place x makes one of the two exact: the
 * left one if x > t, the right one if x < t. With x anywhere between the knots alike, the
 * expectation is (1 - a) left + a right, a = (t - t_l) / (t_r - t_l), and its variance a (1 - a)
 * (right - left)^2. Where power changes at t itself, as a marked window's does, both agree and the
 * point is exact.
 *
 * A sensor that averages over a window W and lags by L says at t what was true at t - L - W/2 on
 * average; knots are set back by that much, and left and right knots are those at least W/2 away.
 */
#ifndef WTL_ENERGY_KNOTS_H
#define WTL_ENERGY_KNOTS_H

#include "core/energy.h"

#include <stdbool.h>
#include <stdint.h>

/* 100 s of a counter that ticks every 100 ms; 10 s of RAPL polled at 100 Hz. */
enum { WTL_KNOTS_MAX = 1024 };

struct wtl_knot {
    int64_t t_ns;      /* set back by the sensor's delay */
    double u_ns;       /* standard deviation of t_ns */
    double energy_j;   /* since the curve's origin */
    double var_j2;     /* of energy_j against the origin: sampling and noise, summed */
    int64_t unseen_ns; /* of all time up to here: what no sensor told of */
    uint32_t troubles[WTL_N_ENERGY_TROUBLES]; /* stretches that had each, up to here, ever */
};

struct wtl_knots {
    int64_t n;         /* knots ever; knot i is at knot[i % WTL_KNOTS_MAX] */
    int64_t first;     /* those before it are gone */
    int64_t unseen_ns; /* of the last knot */
    int64_t blur_ns;   /* W: knots nearer than W/2 to a moment say nothing certain of it */
    uint32_t troubles[WTL_N_ENERGY_TROUBLES]; /* of the last knot */
    struct wtl_knot knot[WTL_KNOTS_MAX];
};

void wtl_knots_init(struct wtl_knots *curve, int64_t blur_ns);

/* Adds a knot after all others; one that is not later than the last is merged into it. `trouble`:
 * WTL_TROUBLE() bits of the stretch that ends here. */
void wtl_knots_add(struct wtl_knots *curve, int64_t t_ns, double u_ns, double energy_j,
                   double var_j2, unsigned trouble);

/* Nobody knows what was drawn since the last knot: a knot at t_ns with the same energy. The stretch
 * is no part of what windows over it cover. */
void wtl_knots_skip(struct wtl_knots *curve, int64_t t_ns, unsigned trouble);

/* Takes back the knots after t_ns: what they said turned out wrong. */
void wtl_knots_cut(struct wtl_knots *curve, int64_t t_ns);

/* Adds so many joules to all knots. */
void wtl_knots_raise(struct wtl_knots *curve, double energy_j);

const struct wtl_knot *wtl_knots_first(const struct wtl_knots *curve); /* NULL: none */
const struct wtl_knot *wtl_knots_last(const struct wtl_knots *curve);  /* NULL: none */

struct wtl_knots_point {
    int64_t t_ns;
    double energy_j;
    double sum_var_j2;        /* cumulative, as of a knot: differences of it count */
    double end_var_j2;        /* of this point itself */
    double before_w, after_w; /* power on either side */
    double restless_w;        /* standard deviation of single stretches about it */
    int64_t unseen_ns;        /* cumulative: differences are time that is not covered */
    int64_t knots;            /* that lie before it, ever: differences count updates */
    /* Stretches that had each trouble, ever: of those that end by then, and that begin by then. */
    uint32_t ended[WTL_N_ENERGY_TROUBLES], begun[WTL_N_ENERGY_TROUBLES];
    bool beyond;  /* so far from the knots that energy is counted from or up to them alone */
    bool settled; /* knots on both sides: later ones will not change it */
};

/* -1: nothing is known yet (fewer than two knots), or so long ago that the knots are gone. A moment
 * outside of the knots is extrapolated with an interval to match, and not `settled`: for a second
 * (where knots are rarer, two of their stretches) at most. Further away nothing is known, and the
 * time to the knots is not seen. */
int wtl_knots_at(const struct wtl_knots *curve, int64_t t_ns, struct wtl_knots_point *point_out);

/* Whether a point at t_ns would be settled. */
bool wtl_knots_reaches(const struct wtl_knots *curve, int64_t t_ns);

/* Troubles of the stretches between two points, the ones in which they lie as well, however long
 * ago those were: bits. */
unsigned wtl_knots_troubles(const struct wtl_knots_point *a, const struct wtl_knots_point *b);

#endif
