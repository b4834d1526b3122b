/* SPDX-License-Identifier: Apache-2.0
 * Windows of a device and a meter, side by side. */
#include "telemetry/against.h"

#include "energy/gain.h"
#include "telemetry/gauged.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MS INT64_C(1000000)

enum { WINDOWS = 12, WINDOWS_MIN = 6, WINDOWS_MAX = 200, UPDATES = 20, UPDATES_MIN = 5 };

/* Sensors have a constant offset of their own, which nothing tells from what the rest of a machine
 * draws. So much is allowed for: that of the virtual cards, for want of a published figure. */
#define OFFSET_W 1.0

/* One instrument. */
struct side {
    struct wtl_gauged gauged;
    struct wtl_gauge_mark begin, end;
    double decimals; /* smallest power of ten that all of its watts are whole multiples of */
    int64_t n_values;
};

struct comparison {
    const struct wtl_against_options *o;
    struct side side[2]; /* the device, the meter */
    int64_t n_polls, settle_ns, window_ns;
    size_t n;
    struct wtl_gain_window *windows[2]; /* the device by its counter, by its power */
};

static int64_t now_ns(const struct comparison *c)
{
    return c->o->by.clock.monotonic_ns(c->o->by.clock.ctx);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int open_side(struct wtl_arena *scratch, struct wtl_device *device,
                     const struct wtl_sensor_facts *facts, struct side *s, struct wtl_error *err)
{
    wtl_gauged_init(&s->gauged, device, facts, false, scratch);
    s->decimals = 10;
    return s->gauged.fast ? 0
                          : WTL_FAIL(err, WTL_UNSUPPORTED, "%s tells neither energy nor power",
                                     s->gauged.info->id);
}

/* Instruments that print whole watts rarely say so. */
static void note_decimals(struct side *s, double w)
{
    while (s->decimals > 1e-6 && fabs(w / s->decimals - nearbyint(w / s->decimals)) > 1e-6)
        s->decimals /= 10;
    s->n_values++;
}

static int read_side(const struct comparison *c, struct side *s, struct wtl_error *err)
{
    struct wtl_gauged *g = &s->gauged;
    wtl_gauged_set_clock(g, &c->o->by.clock, now_ns(c));
    int rc = wtl_gauged_read(g, 0, now_ns(c), err);
    if (rc < 0)
        return rc;
    wtl_gauged_feed(g);
    if (g->power < WTL_N_METRICS && wtl_reading_has(&g->reading, g->power))
        note_decimals(s, g->reading.value[g->power]);
    return 0;
}

/* One round, and the wait for the next: in step with no sensor, by the golden ratio. */
static int poll(struct comparison *c, int64_t until_ns, struct wtl_error *err)
{
    const int64_t every = c->o->by.poll_ns ? c->o->by.poll_ns : 5 * MS, now = now_ns(c);
    double phase = 0.6180339887 * (double)(c->n_polls++ % 1000);
    int64_t next = now + (int64_t)((double)every * (0.8 + 0.4 * (phase - (double)(int)phase)));
    int rc = read_side(c, &c->side[0], err);
    rc = rc ? rc : read_side(c, &c->side[1], err);
    return rc ? rc : c->o->by.wait(c->o->by.ctx, next < until_ns ? next : until_ns, err);
}

static int read_until(struct comparison *c, int64_t until_ns, struct wtl_error *err)
{
    int rc = 0;
    while (rc == 0 && now_ns(c) < until_ns)
        rc = poll(c, until_ns, err);
    return rc;
}

/* What both know of a moment, as soon as they know it. */
static int mark(struct comparison *c, int64_t t_ns, bool end, struct wtl_error *err)
{
    int64_t patience = 0;
    for (int i = 0; i < 2; i++)
        patience = patience > wtl_gauge_patience_ns(&c->side[i].gauged.gauge)
                       ? patience
                       : wtl_gauge_patience_ns(&c->side[i].gauged.gauge);
    const int64_t until_ns = t_ns + 2 * patience + WTL_NS_PER_S;
    int rc = 0;
    while (rc == 0 && now_ns(c) < until_ns &&
           !(wtl_gauge_reaches(&c->side[0].gauged.gauge, t_ns) &&
             wtl_gauge_reaches(&c->side[1].gauged.gauge, t_ns)))
        rc = poll(c, until_ns, err);
    for (int i = 0; i < 2; i++)
        wtl_gauge_mark(&c->side[i].gauged.gauge, t_ns, end ? &c->side[i].end : &c->side[i].begin);
    return rc;
}

/* ---- Windows --------------------------------------------------------------------------------- */

/* Time between values: as found, as the device says, or a second. */
static int64_t period_of(const struct side *s)
{
    int64_t counter = wtl_gauge_period_ns(&s->gauged.gauge, true),
            power = wtl_gauge_period_ns(&s->gauged.gauge, false);
    int64_t found = counter > power ? counter : power;
    const struct wtl_sensor_info *said = s->gauged.info->sensor;
    if (s->gauged.power < WTL_N_METRICS && said[s->gauged.power].period_ns > found)
        found = said[s->gauged.power].period_ns;
    return found ? found : WTL_NS_PER_S;
}

static int set_lengths(struct comparison *c, struct wtl_error *err)
{
    int64_t slower = period_of(&c->side[0]);
    const struct side *slow = &c->side[0];
    if (period_of(&c->side[1]) > slower) {
        slow = &c->side[1];
        slower = period_of(slow);
    }
    const int64_t least = 5 * WTL_NS_PER_S;
    c->settle_ns = WTL_NS_PER_S + 3 * slower;
    c->window_ns = c->o->window_ns;
    if (c->window_ns == 0)
        c->window_ns = UPDATES * slower > least ? UPDATES * slower : least;
    if (c->window_ns >= UPDATES_MIN * slower)
        return 0;
    return WTL_FAIL(
        err, WTL_USAGE,
        "windows of %.3g s are too short: %s has a new value every %.3g s, and a window "
        "needs %d of them",
        1e-9 * (double)c->window_ns, slow->gauged.info->id, 1e-9 * (double)slower, UPDATES_MIN);
}

/* Below 0: the window was not seen, or not the whole of it. */
static double mean_of(const struct wtl_energy *e)
{
    const bool whole = e->method != WTL_ENERGY_NONE && !(e->troubles & WTL_TROUBLE(partial));
    return whole && e->time_s > 0 ? e->energy_j / e->time_s : -1;
}

static double mean_w(const struct side *s, bool counter)
{
    struct wtl_energy e;
    wtl_gauge_between_by(&s->gauged.gauge, counter, &s->begin, &s->end, &e);
    return mean_of(&e);
}

/* The meter's own best. */
static double meter_w(const struct side *s)
{
    struct wtl_energy e;
    wtl_gauge_between(&s->gauged.gauge, &s->begin, &s->end, &e);
    return mean_of(&e);
}

static int one_window(struct comparison *c, bool on, struct wtl_error *err)
{
    int rc = c->o->by.load(c->o->by.ctx, on, err);
    rc = rc ? rc : read_until(c, now_ns(c) + c->settle_ns, err);
    const int64_t begin_ns = now_ns(c), end_ns = begin_ns + c->window_ns;
    rc = rc ? rc : mark(c, begin_ns, false, err);
    rc = rc ? rc : read_until(c, end_ns, err);
    rc = rc ? rc : mark(c, end_ns, true, err);
    if (rc < 0)
        return rc;
    const struct wtl_gain_window w = {.t_s = 0.5e-9 * ((double)begin_ns + (double)end_ns),
                                      .meter_w = meter_w(&c->side[1]),
                                      .on = on};
    if (w.meter_w < 0)
        return WTL_FAIL(err, WTL_UNDECIDED, "%s gave nothing in a window of %.3g s",
                        c->side[1].gauged.info->id, 1e-9 * (double)c->window_ns);
    for (int k = 0; k < 2; k++) {
        c->windows[k][c->n] = w;
        c->windows[k][c->n].sensor_w = mean_w(&c->side[0], k == 0);
    }
    c->n++;
    return 0;
}

/* ---- The gain -------------------------------------------------------------------------------- */

/* What a mean of the instrument is rounded to: energy by its step over the window, power by its
 * own; one that shows steps of a size is taken at that. */
static double step_w(const struct comparison *c, const struct side *s, bool counter)
{
    const struct wtl_sensor_info *said = s->gauged.info->sensor;
    const double window_s = 1e-9 * (double)c->window_ns;
    if (counter)
        return said[WTL_M_energy_counter_j].resolution / window_s;
    if (s->gauged.power == WTL_N_METRICS)
        return 0;
    return fmax(said[s->gauged.power].resolution, s->n_values > 0 ? s->decimals : 0);
}

static bool has_all(const struct comparison *c, int k)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->windows[k][i].sensor_w < 0)
            return false;
    return c->n > 0;
}

static int explain(const struct comparison *c, enum wtl_gain_failure why,
                   const struct wtl_gain_fit *f, struct wtl_error *err)
{
    const char *device = c->side[0].gauged.info->id;
    const char *meter = c->side[1].gauged.info->id;
    int rc = 0;
    if (why == WTL_GAIN_NOT_SEEN) {
        rc = WTL_FAIL(err, WTL_UNDECIDED,
                      "%s does not follow the load of %s: %.1f W more where it says %.1f W more",
                      meter, device, f->meter_high_w - f->meter_low_w, f->high_w - f->low_w);
        wtl_error_hint(err, "is it a meter of this device, or of the machine that it is in?");
    } else if (why == WTL_GAIN_TOO_COARSE) {
        rc = WTL_FAIL(err, WTL_UNDECIDED,
                      "the gain of %s is known to +- %.1f %% only, no better than that of a card "
                      "that was never calibrated",
                      device, 100 * f->half / f->gain);
        wtl_error_hint(err,
                       "more or longer windows (--windows, --window), a larger load, or a "
                       "quieter machine: windows scatter by %.2g W at the meter",
                       f->scatter_w);
    } else {
        rc = WTL_FAIL(err, WTL_UNDECIDED, "%s does not follow the load: its levels do not differ",
                      device);
        wtl_error_hint(err, "nothing else may use the device, and the load must draw some tens of "
                            "watts more than idle");
    }
    return rc;
}

static struct wtl_gain gain_of(const struct comparison *c, const struct wtl_gain_fit *f)
{
    return (struct wtl_gain){.known = true,
                             .value = f->gain,
                             .lo = f->gain - f->half,
                             .hi = f->gain + f->half,
                             .offset_w = c->o->alone ? f->rest_w : 0,
                             .doubt_w = c->o->alone ? 0 : OFFSET_W,
                             .relative = c->o->alone ? f->relative : f->half / f->gain};
}

/* Counter and power each; the first failure counts where neither is known. */
static int conclude(const struct comparison *c, struct wtl_calibration *out, struct wtl_error *err)
{
    struct wtl_calibration r = {.accuracy = c->o->accuracy,
                                .alone = c->o->alone,
                                .n_windows = (int)c->n,
                                .window_s = 1e-9 * (double)c->window_ns};
    snprintf(r.meter, sizeof r.meter, "%s", c->side[1].gauged.info->id);
    int rc = 0;
    for (int k = 0; k < 2; k++) {
        struct wtl_gain_fit f = {0};
        const bool counts = wtl_gauge_period_ns(&c->side[1].gauged.gauge, true) > 0;
        if (!has_all(c, k))
            continue;
        enum wtl_gain_failure why =
            wtl_gain_fit(c->windows[k], c->n, step_w(c, &c->side[0], k == 0),
                         step_w(c, &c->side[1], counts), &f);
        if (why != WTL_GAIN_OK) {
            rc = rc ? rc : explain(c, why, &f, err);
            continue;
        }
        *(k == 0 ? &r.counter : &r.power) = gain_of(c, &f);
        r.low_w = f.meter_low_w;
        r.high_w = f.meter_high_w;
        r.rest_w = c->o->alone ? 0 : f.rest_w;
    }
    if (r.counter.known || r.power.known) {
        *out = r;
        return 0;
    }
    return rc ? rc
              : WTL_FAIL(err, WTL_UNDECIDED, "%s gave nothing in windows of %.3g s",
                         c->side[0].gauged.info->id, r.window_s);
}

static int compare(struct comparison *c, struct wtl_error *err)
{
    const int windows = c->o->windows ? c->o->windows : WINDOWS;
    int rc = c->o->by.load(c->o->by.ctx, false, err);
    rc = rc ? rc : read_until(c, now_ns(c) + 3 * WTL_NS_PER_S / 2, err);
    rc = rc ? rc : set_lengths(c, err);
    for (int i = 0; rc == 0 && i < windows; i++)
        rc = one_window(c, i % 2 == 1, err);
    return rc;
}

int wtl_hold_against(struct wtl_arena *scratch, struct wtl_device *device, struct wtl_device *meter,
                     const struct wtl_against_options *options, struct wtl_calibration *out,
                     struct wtl_error *err)
{
    struct comparison *c = WTL_NEW(scratch, struct comparison);
    if (!c)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    c->o = options;
    for (int k = 0; k < 2; k++)
        if (!(c->windows[k] = WTL_NEW_ARRAY(scratch, struct wtl_gain_window, WINDOWS_MAX)))
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (options->windows && (options->windows < WINDOWS_MIN || options->windows > WINDOWS_MAX))
        return WTL_FAIL(err, WTL_USAGE, "%d windows: %d to %d", options->windows, WINDOWS_MIN,
                        WINDOWS_MAX);
    int rc = open_side(scratch, device, options->facts, &c->side[0], err);
    rc = rc ? rc : open_side(scratch, meter, NULL, &c->side[1], err);
    rc = rc ? rc : compare(c, err);
    (void)options->by.load(options->by.ctx, false, NULL);
    return rc ? rc : conclude(c, out, err);
}
