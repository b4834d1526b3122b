/* SPDX-License-Identifier: Apache-2.0
 *
 * From the readings of one device to its energy over any window, with an interval. The order of
 * preference is the one of measurement practice (docs/methods-energy.md):
 *
 *   counter edges   a counter's value is exact at the moment at which it ticks
 *   driver's ring   every sample with its own time, none missed
 *   polled power    each published value over its own period
 *   averaged power  a reading that is a moving average of a second, set back by half of it
 *
 * Counter and power are followed side by side, each as an energy curve (energy/knots.h). The first
 * that knows both ends of a window gives its energy; the other is the cross-check.
 *
 * Random parts of the interval: when an edge came (between two polls), where between two knots
 * power changed, what a part-time sensor did not see (half the squared difference of successive
 * values for each period, times the unseen share: an upper bound for independent as for slowly
 * changing loads), noise of single values, and a lag that is not known. Loads that repeat in step
 * with a part-time sensor are beyond any single window: repeat with de-phasing (energy/repeats.h).
 *
 * Plain data, no allocation after init; times are host monotonic ns.
 */
#ifndef WTL_ENERGY_GAUGE_H
#define WTL_ENERGY_GAUGE_H

#include "energy/knots.h"
#include "energy/ticks.h"

/* What is known of a sensor beforehand; 0 and false: nothing. */
struct wtl_sensor_model {
    int64_t period_ns; /* between updates */
    int64_t window_ns; /* that a value is the mean of */
    int64_t lag_ns;    /* from the end of that window to the update */
    bool window_known, lag_known;
};

struct wtl_gauge_options {
    bool has_counter, has_power;
    double wraps_at_j;           /* the counter begins anew there; 0: never */
    double max_w;                /* that the device can draw at the utmost; 0: not known */
    double power_resolution_w;   /* smallest step of the values */
    double counter_resolution_j; /* likewise */
    struct wtl_sensor_model counter, power;
    /* Polls come right after the ticks of the sensor that energy goes by, stamped or not: of who
     * measures from one to another, and looks at something else at the same moment. */
    bool from_ticks;
};

enum { WTL_GAUGE_STEPS = 32 };

/* One sensor of the two. */
struct wtl_gauge_side {
    bool on;
    struct wtl_sensor_model model;
    struct wtl_ticks ticks;
    struct wtl_knots curve;
    double energy_j, var_j2;        /* at the last knot */
    double last_w;                  /* of the last knot's stretch */
    int64_t last_ns;                /* of the last knot, not set back */
    double step_w[WTL_GAUGE_STEPS]; /* |differences| of successive values; a ring */
    int n_steps;
    bool noise_known;
    double noise_w; /* the least that values have been seen to scatter, as a standard deviation */
    double least_w, most_w; /* smallest step between values, largest value */
    int64_t moved_ns;       /* when its value changed last; 0: never yet */
    bool still;  /* so long ago that it is not believed: the curve waits for the next change */
    bool silent; /* or for the next value: it publishes none */
};

struct wtl_gauge {
    struct wtl_gauge_options options;
    struct wtl_gauge_side counter, power;
    bool ringed;     /* power comes from the driver's ring */
    int64_t join_ns; /* its curve is to go through join_j there; 0: it does */
    double join_j;
    int64_t polled_ns;         /* last poll of power */
    int64_t spacing_ns;        /* of polls, the last; 0: not yet */
    struct wtl_gauge_advance { /* of the counter */
        double power_j;        /* sum of power values when it advanced last */
        double least_j;        /* the smallest step seen; 0: none yet */
        int64_t longest_ns;    /* between two advances, so far */
    } advance;
    double peak_w; /* highest published power since it was asked for: wtl_gauge_peak_w() */
    struct wtl_gauge_compare {
        bool begun;
        int64_t t_ns;               /* where this block began */
        double apart_j, var_j2;     /* counter minus power, and the power's variance, there */
        int blocks;                 /* done */
        double sum_j2, expected_j2; /* of squares of what blocks added */
        int64_t unseen_ns;          /* of both curves, there */
    } compare;
};

void wtl_gauge_init(struct wtl_gauge *gauge, const struct wtl_gauge_options *options);

/* Readings, in order of time for each sensor. `stamp_ns`: the sensor's own time of the value, put
 * on the host's monotonic clock; 0: none. */
void wtl_gauge_counter(struct wtl_gauge *gauge, int64_t t_ns, double value_j, int64_t stamp_ns);
void wtl_gauge_power(struct wtl_gauge *gauge, int64_t t_ns, double value_w, int64_t stamp_ns);

/* The newest value of the counter (true) or of power is of since_ns, and was read long after: the
 * sensor has published none since, and whatever it says until it does is no reading. */
void wtl_gauge_silent(struct wtl_gauge *gauge, bool counter, int64_t since_ns);

/* The driver's ring is read at least this often. */
#define WTL_GAUGE_RING_NS INT64_C(1000000000)

/* A sample of the driver's ring, likewise in order. Power is then from there; polls are not. */
void wtl_gauge_ring(struct wtl_gauge *gauge, int64_t t_ns, double value_w);

/* When to poll next, not before `now_ns`: twice about the moment at which the counter's next tick
 * is due, in the middle of the time in which it can come and at the end of that, so that its moment
 * is soon known to a millisecond; and at least twice a period of power. Every 5 ms until the
 * periods are known. */
int64_t wtl_gauge_next_poll_ns(const struct wtl_gauge *gauge, int64_t now_ns);

/* The same with some freedom, so that several devices can be polled in one go: from `may_ns` on a
 * poll is as good as one at `due_ns`. Where sensors stamp their values with the time of the update,
 * one poll a period is enough, at any time in it: then the two are a quarter of a period apart, and
 * less than a period from now; else they are the same. */
struct wtl_gauge_poll {
    int64_t may_ns, due_ns;
};
struct wtl_gauge_poll wtl_gauge_next_poll(const struct wtl_gauge *gauge, int64_t now_ns);

/* What is known of a moment. */
struct wtl_gauge_mark {
    int64_t t_ns;
    bool has_counter, has_power;
    struct wtl_knots_point counter, power;
};

/* Later readings make a mark better until the gauge reaches past it. */
void wtl_gauge_mark(const struct wtl_gauge *gauge, int64_t t_ns, struct wtl_gauge_mark *mark_out);

/* Whether a mark at t_ns is as good as it gets. */
bool wtl_gauge_reaches(const struct wtl_gauge *gauge, int64_t t_ns);

/* How long after a moment the gauge reaches it, at most, when all is well. */
int64_t wtl_gauge_patience_ns(const struct wtl_gauge *gauge);

/* Energy from `a` to `b`, which is not before it. Method NONE: nothing is known. The side that saw
 * more of it tells; where it did not see all, energy and time are of what it saw, and the trouble
 * `partial` says so.
 *
 * A counter that does not advance for ten of its periods and a second, and longer than it ever took
 * for a step, while power values add up to four steps of it, is stuck: what it does not say is
 * taken from power. (Without power: for 2 s and twenty periods. No device draws nothing.) A power
 * sensor whose values have scattered and then are all the same for ten periods and a second has
 * stopped when they began to be. */
void wtl_gauge_between(const struct wtl_gauge *gauge, const struct wtl_gauge_mark *a,
                       const struct wtl_gauge_mark *b, struct wtl_energy *energy_out);

/* The same by one side alone, for comparison: the counter (true) or power. */
void wtl_gauge_between_by(const struct wtl_gauge *gauge, bool counter,
                          const struct wtl_gauge_mark *a, const struct wtl_gauge_mark *b,
                          struct wtl_energy *energy_out);

/* Power as of the newest knot, W; false: not known. */
bool wtl_gauge_now_w(const struct wtl_gauge *gauge, double *power_w_out);

/* The highest published power since the last call. */
double wtl_gauge_peak_w(struct wtl_gauge *gauge);

/* How often the sensor that energy goes by has published: the counter, where there is one. */
int64_t wtl_gauge_ticks(const struct wtl_gauge *gauge);

/* Time between updates as found; 0: not yet. */
int64_t wtl_gauge_period_ns(const struct wtl_gauge *gauge, bool counter);

#endif
