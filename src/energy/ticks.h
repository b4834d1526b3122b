/* SPDX-License-Identifier: Apache-2.0
 *
 * When a sensor that is polled publishes a new value, and how often it does. A sensor holds a value
 * until the next update; what a poll sees is the update's value and, within the time since the poll
 * before, its moment. Where the sensor stamps its values with the time of the update, that moment
 * is known; stamps that move while the value stands still and no period has passed are the time of
 * the query and are not believed. Sensors keep a steady beat: a tick can only have come where both
 * the polls and the beat of the ticks before allow it, which narrows it down to about a millisecond
 * in a few periods, however slow the polls are, if they are not in step with it.
 */
#ifndef WTL_ENERGY_TICKS_H
#define WTL_ENERGY_TICKS_H

#include <stdbool.h>
#include <stdint.h>

enum { WTL_TICKS_INTERVALS = 64 };

struct wtl_ticks {
    bool started;
    int64_t since_ns; /* of the first poll */
    int64_t t_ns;     /* of the last poll */
    double value;
    int64_t stamp_ns;

    int64_t lo_ns, hi_ns; /* of the last tick; meant when n_ticks > 0 */
    int64_t n_ticks;

    /* Stamps: how often one stayed, and moved, while the value stood still. */
    int stamps_kept, stamps_moved;

    int run;           /* polls in a row that each saw a tick */
    int64_t faster_ns; /* the sensor publishes at least this often; 0: not known */
    int64_t anchor_ns; /* the last tick whose moment is known well; 0: none */
    int64_t interval_ns[WTL_TICKS_INTERVALS]; /* between ticks, the newest; a ring */
    int beats[WTL_TICKS_INTERVALS];           /* that each was thought to be */
    int n_intervals;                          /* ever */
    int64_t period_ns;                        /* 0: not known yet */
    int64_t jitter_ns; /* that ticks are off a steady beat, as far as has shown */
};

struct wtl_tick {
    int64_t lo_ns, hi_ns; /* the update came between the two, host time */
    double value;
    double before;    /* that it held until then */
    int64_t since_ns; /* middle of the tick before; 0: this is the first one seen */
    double jitter_ns; /* that [lo, hi] rests on a beat that is steady to so much; 0: it does not */
    bool first;       /* its value may have stood for any time */
};

void wtl_ticks_init(struct wtl_ticks *ticks);

/* What a poll at `t_ns` gave; polls come in order of time. `stamp_ns`: the sensor's own time of the
 * value on the same clock, 0: none. True, and *tick_out, when the sensor has published since the
 * poll before. Allocates nothing. */
bool wtl_ticks_push(struct wtl_ticks *ticks, int64_t t_ns, double value, int64_t stamp_ns,
                    struct wtl_tick *tick_out);

/* Time between updates, 0 while fewer than eight intervals have been seen. Missed and equal updates
 * (whole multiples of the period) do no harm. A sensor that changes at every poll has a period that
 * is at most the polls' spacing, which is given then. */
int64_t wtl_ticks_period_ns(const struct wtl_ticks *ticks);

/* When the last tick was, as well as is known; 0: none yet. */
static inline int64_t wtl_ticks_last_ns(const struct wtl_ticks *ticks)
{
    return ticks->n_ticks ? ticks->lo_ns + (ticks->hi_ns - ticks->lo_ns) / 2 : 0;
}

/* Ticks up to `now_ns`: those that polls saw, and where stamps tell the beat, the next one, too,
 * once its time has come, though no poll has seen it yet. */
int64_t wtl_ticks_by(const struct wtl_ticks *ticks, int64_t now_ns);

/* Whether its stamps are of its updates. */
bool wtl_ticks_stamped(const struct wtl_ticks *ticks);

static inline int64_t wtl_tick_middle_ns(const struct wtl_tick *t)
{
    return t->lo_ns + (t->hi_ns - t->lo_ns) / 2;
}

#endif
