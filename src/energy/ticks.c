/* SPDX-License-Identifier: Apache-2.0
 * Updates of a polled sensor, and their period. */
#include "energy/ticks.h"

#include <math.h>
#include <string.h>

/* Intervals before a period is said, and the stamps before they are believed. */
enum { INTERVALS_MIN = 8, STAMPS_MIN = 3 };

/* From the time that a value is stamped with to that of its being there to read. */
#define LATE_NS INT64_C(10000000)

void wtl_ticks_init(struct wtl_ticks *ticks)
{
    memset(ticks, 0, sizeof *ticks);
}

bool wtl_ticks_stamped(const struct wtl_ticks *k)
{
    return k->stamps_kept >= STAMPS_MIN && k->stamps_kept > 8 * k->stamps_moved;
}

/* A value that stands still: its stamp stays where it is of the update. A stamp that moves once a
 * period is an update to an equal value. */
static void learn_stamps(struct wtl_ticks *k, int64_t t_ns, int64_t stamp_ns)
{
    if (stamp_ns == 0 || k->stamp_ns == 0)
        return;
    if (stamp_ns == k->stamp_ns)
        k->stamps_kept++;
    else if (stamp_ns > k->t_ns && t_ns - k->stamp_ns < k->period_ns * 3 / 4)
        k->stamps_moved++;
    if (k->stamps_kept + k->stamps_moved > 1000) {
        k->stamps_kept /= 2;
        k->stamps_moved /= 2;
    }
}

/* Time over beats. How many beats an interval is, the one at two fifths of all tells: it is of one
 * beat unless three fifths of the updates are missed or bring the same value. */
static int64_t find_period(const struct wtl_ticks *k)
{
    int n = k->n_intervals < WTL_TICKS_INTERVALS ? k->n_intervals : WTL_TICKS_INTERVALS;
    int64_t sorted[WTL_TICKS_INTERVALS];
    if (n < INTERVALS_MIN)
        return 0;
    for (int i = 0; i < n; i++) {
        int64_t beat = k->interval_ns[i] / k->beats[i];
        int j = i;
        for (; j > 0 && sorted[j - 1] > beat; j--)
            sorted[j] = sorted[j - 1];
        sorted[j] = beat;
    }
    int at = n * 2 / 5;
    double period = (double)sorted[at];
    for (int pass = 0; pass < 3 && period > 0; pass++) {
        double sum = 0, periods = 0;
        for (int i = 0; i < n; i++) {
            double each = (double)k->interval_ns[i] / k->beats[i], m = floor(each / period + 0.5);
            m = m < 1 ? 1 : m;
            sum += (double)k->interval_ns[i];
            periods += m * k->beats[i];
        }
        if (periods > 0)
            period = sum / periods;
    }
    return (int64_t)period;
}

/* Intervals are taken between ticks whose moments are known well; those in between are skipped, and
 * the interval is of several periods. */
static void note_interval(struct wtl_ticks *k, const struct wtl_tick *t)
{
    int64_t middle = wtl_tick_middle_ns(t), interval_ns = middle - k->anchor_ns;
    if (k->period_ns && t->hi_ns - t->lo_ns > k->period_ns / 4 && interval_ns < 20 * k->period_ns)
        return;
    bool begins = k->anchor_ns == 0;
    k->anchor_ns = middle;
    if (begins || interval_ns <= 0)
        return;
    /* After skipped ones it is of several periods, whose number is known. */
    int64_t beats = k->period_ns ? (interval_ns + k->period_ns / 2) / k->period_ns : 1;
    k->beats[k->n_intervals % WTL_TICKS_INTERVALS] = beats > 1 ? (int)beats : 1;
    k->interval_ns[k->n_intervals % WTL_TICKS_INTERVALS] = interval_ns;
    k->n_intervals++;
    if (k->n_intervals < WTL_TICKS_INTERVALS || k->n_intervals % 16 == 0)
        k->period_ns = find_period(k);
    if (k->n_intervals > (1 << 30)) /* stays a number of full rings */
        k->n_intervals -= (1 << 30) - WTL_TICKS_INTERVALS * 1024;
}

#define JITTER_MIN_NS INT64_C(200000)

/* Narrows [lo, hi] of a tick to where the beat of those before allows it. A beat that does not fit
 * is less steady than was thought. */
static void narrow(struct wtl_ticks *k, struct wtl_tick *t)
{
    if (k->period_ns == 0 || k->n_ticks == 0 || k->n_intervals < 2 * INTERVALS_MIN ||
        t->hi_ns - t->lo_ns > k->period_ns * 3 / 4) /* several may have come since */
        return;
    int64_t apart = wtl_tick_middle_ns(t) - t->since_ns;
    int64_t beats = (apart + k->period_ns / 2) / k->period_ns;
    int64_t jitter = k->jitter_ns > JITTER_MIN_NS ? k->jitter_ns : JITTER_MIN_NS;
    int64_t lo = k->lo_ns + beats * k->period_ns - jitter;
    int64_t hi = k->hi_ns + beats * k->period_ns + jitter;
    lo = lo > t->lo_ns ? lo : t->lo_ns;
    hi = hi < t->hi_ns ? hi : t->hi_ns;
    if (lo > hi || beats < 1) {
        k->jitter_ns = 2 * jitter < k->period_ns / 4 ? 2 * jitter : k->period_ns / 4;
        return;
    }
    k->jitter_ns = jitter - jitter / 64;
    t->lo_ns = lo;
    t->hi_ns = hi;
    t->jitter_ns = (double)jitter;
}

/* A sensor of which eight polls in a row each saw another value publishes faster than it is polled:
 * what a poll sees is then as old as that at most, however long ago the poll before was. */
static void note_poll(struct wtl_ticks *k, bool tick, int64_t apart_ns)
{
    k->run = tick ? k->run + 1 : 0;
    if (k->run < 8)
        return;
    k->run = 8;
    if (k->faster_ns == 0 || apart_ns < k->faster_ns)
        k->faster_ns = apart_ns;
}

bool wtl_ticks_push(struct wtl_ticks *k, int64_t t_ns, double value, int64_t stamp_ns,
                    struct wtl_tick *tick_out)
{
    if (!k->started) {
        *k = (struct wtl_ticks){
            .started = true, .since_ns = t_ns, .t_ns = t_ns, .value = value, .stamp_ns = stamp_ns};
        return false;
    }
    bool same = value == k->value;
    if (same)
        learn_stamps(k, t_ns, stamp_ns);
    bool stamped = wtl_ticks_stamped(k) && stamp_ns > 0;
    bool tick = !same || (stamped && stamp_ns > k->stamp_ns);
    note_poll(k, tick, t_ns - k->t_ns);
    if (tick) {
        struct wtl_tick t = {.lo_ns = k->t_ns,
                             .hi_ns = t_ns,
                             .value = value,
                             .before = k->value,
                             .since_ns = k->n_ticks ? k->lo_ns + (k->hi_ns - k->lo_ns) / 2 : 0,
                             .first = k->n_ticks == 0};
        if (k->faster_ns > 0 && t.lo_ns < t_ns - k->faster_ns)
            t.lo_ns = t_ns - k->faster_ns;
        /* A stamp is believed when it is possible: a value can be published some time after it. */
        if (stamped && stamp_ns >= k->t_ns - LATE_NS && stamp_ns <= t_ns + 1000000)
            t.lo_ns = t.hi_ns = stamp_ns;
        else
            narrow(k, &t);
        note_interval(k, &t);
        k->lo_ns = t.lo_ns;
        k->hi_ns = t.hi_ns;
        k->n_ticks++;
        *tick_out = t;
    }
    k->t_ns = t_ns;
    k->value = value;
    k->stamp_ns = stamp_ns;
    return tick;
}

int64_t wtl_ticks_by(const struct wtl_ticks *k, int64_t now_ns)
{
    bool next = k->period_ns && wtl_ticks_stamped(k) && now_ns >= k->hi_ns + k->period_ns;
    return k->n_ticks + next;
}

int64_t wtl_ticks_period_ns(const struct wtl_ticks *k)
{
    return k->period_ns;
}
