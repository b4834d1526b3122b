/* SPDX-License-Identifier: Apache-2.0
 * Two energy curves of one device, and what they say together. */
#include "energy/gauge.h"

#include <math.h>
#include <string.h>

/* Two-sided 95 % of the normal distribution. */
static const double z95 = 1.959964;

/* Where counter and power disagree by more, one of them is wrong. */
static const double check_max = 0.05;

/* Fewer updates than this in a window: the sensor cannot tell. */
enum { UPDATES_MIN = 20 };

/* A window this long is an average's, not a sensor's own. */
#define AVERAGED_NS INT64_C(500000000)
#define SECOND_NS INT64_C(1000000000)

/* How far a lag that was found can be off: a load does not follow its switch at once either. */
#define LAG_ERROR_NS INT64_C(20000000)

/* Without a period of its own: what most sensors have. */
#define PERIOD_NS INT64_C(100000000)

static double seconds(int64_t ns)
{
    return 1e-9 * (double)ns;
}

static int64_t period_of(const struct wtl_gauge_side *s)
{
    int64_t seen = wtl_ticks_period_ns(&s->ticks);
    if (s->model.period_ns)
        return s->model.period_ns;
    return seen ? seen : PERIOD_NS;
}

static int64_t window_of(const struct wtl_gauge_side *s)
{
    return s->model.window_known ? s->model.window_ns : 0;
}

/* How much later than it was true a knot is seen. A power value stands for the period that it ends;
 * the middle of its window stands for the middle of that. */
static int64_t delay_of(const struct wtl_gauge_side *s, bool power)
{
    int64_t delay = s->model.lag_known ? s->model.lag_ns : 0;
    if (power && s->model.window_known)
        delay += (window_of(s) - period_of(s)) / 2;
    return delay;
}

static void begin_side(struct wtl_gauge_side *s, bool on, const struct wtl_sensor_model *model)
{
    s->on = on;
    s->model = *model;
    wtl_ticks_init(&s->ticks);
    wtl_knots_init(&s->curve, 0);
}

void wtl_gauge_init(struct wtl_gauge *g, const struct wtl_gauge_options *o)
{
    memset(g, 0, sizeof *g);
    g->options = *o;
    begin_side(&g->counter, o->has_counter, &o->counter);
    begin_side(&g->power, o->has_power, &o->power);
}

/* ---- Knots ----------------------------------------------------------------------------------- */

/* The typical size of a step between successive values, as a standard deviation of one value:
 * median of |differences| / (0.6745 sqrt 2). The least that was seen of it is the sensor's noise;
 * the rest is the load's. */
static void learn_noise(struct wtl_gauge_side *s)
{
    int n = s->n_steps < WTL_GAUGE_STEPS ? s->n_steps : WTL_GAUGE_STEPS;
    double sorted[WTL_GAUGE_STEPS];
    if (n < 8)
        return;
    for (int i = 0; i < n; i++) {
        int j = i;
        for (; j > 0 && sorted[j - 1] > s->step_w[i]; j--)
            sorted[j] = sorted[j - 1];
        sorted[j] = s->step_w[i];
    }
    double noise_w = sorted[n / 2] / 0.9539;
    if (!s->noise_known || noise_w < s->noise_w)
        s->noise_w = noise_w;
    s->noise_known = true;
}

/* A value `w` over the stretch that ends at t_ns. `unseen`: share of it that the sensor was not
 * looking. */
static void extend(struct wtl_gauge_side *s, int64_t t_ns, double u_ns, double energy_j,
                   double unseen, unsigned trouble, int64_t delay_ns)
{
    double dt_s = seconds(t_ns - s->last_ns);
    if (dt_s <= 0)
        return;
    double w = energy_j / dt_s, step_w = w - s->last_w;
    bool follows = s->curve.n > 1;
    if (follows) {
        /* A value that is held says nothing of how much values scatter. */
        if (t_ns - s->moved_ns < 5 * period_of(s)) {
            s->step_w[s->n_steps++ % WTL_GAUGE_STEPS] = fabs(step_w);
            if (s->n_steps > 1 << 30)
                s->n_steps = WTL_GAUGE_STEPS;
            learn_noise(s);
        }
        s->var_j2 += unseen * 0.5 * step_w * step_w * dt_s * dt_s;
    }
    s->energy_j += energy_j;
    s->last_w = w;
    s->last_ns = t_ns;
    wtl_knots_add(&s->curve, t_ns - delay_ns, u_ns, s->energy_j, s->var_j2, trouble);
}

static void begin_curve(struct wtl_gauge_side *s, int64_t t_ns, double u_ns, int64_t delay_ns)
{
    s->last_ns = t_ns;
    wtl_knots_add(&s->curve, t_ns - delay_ns, u_ns, s->energy_j, s->var_j2, 0);
}

/* Nobody knows what was drawn until t_ns. */
static void skip(struct wtl_gauge_side *s, int64_t t_ns, unsigned trouble, int64_t delay_ns)
{
    if (s->curve.n == 0 || t_ns <= s->last_ns)
        return;
    wtl_knots_skip(&s->curve, t_ns - delay_ns, trouble);
    s->last_ns = t_ns;
}

/* What was held since t_ns turns out to be nothing known. */
static void take_back(struct wtl_gauge_side *s, int64_t t_ns, int64_t delay_ns)
{
    if (s->curve.n == 0 || t_ns >= s->last_ns)
        return;
    wtl_knots_cut(&s->curve, t_ns - delay_ns);
    const struct wtl_knot *last = wtl_knots_last(&s->curve);
    s->energy_j = last->energy_j;
    s->var_j2 = last->var_j2;
    s->last_ns = last->t_ns + delay_ns;
}

/* Standard deviation of a moment that lies anywhere between two polls. */
static double doubt_ns(const struct wtl_tick *t)
{
    const double clock_ns = 5e5; /* host and reading are not closer than that */
    double span = (double)(t->hi_ns - t->lo_ns);
    return sqrt(span * span / 12 + t->jitter_ns * t->jitter_ns + clock_ns * clock_ns);
}

/* Share of a stretch that a part-time sensor does not see. A sensor whose window is not known is
 * taken for one that sees a point. An update that was missed is more doubtful: nobody knows
 * whether it was like the one before or the one after. */
static double unseen_share(const struct wtl_gauge_side *s, int64_t stretch_ns)
{
    double seen = (double)window_of(s) / (double)stretch_ns;
    double missed = 2 * stretch_ns > 3 * period_of(s) ? 3 : 1;
    return seen < 1 ? missed * (1 - seen) : 0;
}

/* ---- The counter ----------------------------------------------------------------------------- */

/* What it advanced; a reset is bridged with the power of before. */
static double advance_j(const struct wtl_gauge *g, const struct wtl_tick *t, double dt_s,
                        unsigned *trouble)
{
    const struct wtl_gauge_options *o = &g->options;
    double up = t->value - t->before;
    if (up < 0 && o->wraps_at_j > 0)
        up += o->wraps_at_j;
    double most = o->max_w > 0 ? 2 * o->max_w * dt_s + 1 : HUGE_VAL;
    if (up >= 0 && up <= most)
        return up;
    *trouble |= WTL_TROUBLE(reset);
    double w = g->power.curve.n > 1 ? g->power.last_w : g->counter.last_w;
    return w * dt_s;
}

/* A counter that adds just what a part-time power sensor sees stays with the sum of its values, to
 * within one or two of them; one that sees all walks away from it at random, as far as the load is
 * restless. Blocks of 32 periods tell them apart: the first kind shows at most an eighth of the
 * expected walk. */
static void compare(struct wtl_gauge *g)
{
    struct wtl_gauge_compare *c = &g->compare;
    const struct wtl_knot *a = wtl_knots_last(&g->counter.curve);
    const struct wtl_knot *b = wtl_knots_last(&g->power.curve);
    if (!a || !b)
        return;
    int64_t known = (a->t_ns < b->t_ns ? a->t_ns : b->t_ns) - 4 * period_of(&g->power);
    if (c->begun && known < c->t_ns + 32 * period_of(&g->power))
        return;
    struct wtl_knots_point counter, power;
    if (wtl_knots_at(&g->counter.curve, known, &counter) < 0 ||
        wtl_knots_at(&g->power.curve, known, &power) < 0 || !counter.settled || !power.settled)
        return;
    double apart_j = counter.energy_j - power.energy_j, step_j = apart_j - c->apart_j;
    const int64_t unseen_ns = counter.unseen_ns + power.unseen_ns;
    if (c->begun && unseen_ns == c->unseen_ns) {
        c->sum_j2 += step_j * step_j;
        c->expected_j2 += power.sum_var_j2 - c->var_j2;
        c->blocks++;
    }
    c->begun = true;
    c->t_ns = known;
    c->unseen_ns = unseen_ns;
    c->apart_j = apart_j;
    c->var_j2 = power.sum_var_j2;
}

/* Whether the counter adds all of the energy, or what a part-time power sensor sees: found out
 * after ten seconds of a restless load. */
static bool sees_all(const struct wtl_gauge *g)
{
    const struct wtl_gauge_compare *c = &g->compare;
    return c->blocks >= 3 && c->sum_j2 > 0.3 * c->expected_j2;
}

/* What power says that was drawn since the counter advanced last; false: power does not tell. */
static bool drawn_since(const struct wtl_gauge *g, double *drawn_j_out)
{
    *drawn_j_out = g->power.energy_j - g->advance.power_j;
    return g->power.on && g->power.curve.n > 1;
}

static bool is_stuck(const struct wtl_gauge *g, int64_t t_ns)
{
    const struct wtl_gauge_side *s = &g->counter;
    const struct wtl_gauge_advance *v = &g->advance;
    const int64_t stood = t_ns - (s->moved_ns ? s->moved_ns : s->ticks.since_ns);
    const int64_t period = period_of(s);
    double drawn_j;
    if (!drawn_since(g, &drawn_j))
        return stood > 2 * SECOND_NS && stood > 20 * period && stood > 5 * v->longest_ns;
    return stood > SECOND_NS && stood > 10 * period && stood > 2 * v->longest_ns && drawn_j > 0 &&
           drawn_j > 4 * fmax(v->least_j, g->options.counter_resolution_j);
}

/* The counter has another value since at_ns. */
static void note_advance(struct wtl_gauge *g, const struct wtl_tick *t, int64_t at_ns)
{
    struct wtl_gauge_side *s = &g->counter;
    struct wtl_gauge_advance *v = &g->advance;
    const double up = t->value - t->before;
    const int64_t took = s->moved_ns ? at_ns - s->moved_ns : 0;
    if (up > 0 && (v->least_j <= 0 || up < v->least_j))
        v->least_j = up;
    if (!s->still && took > v->longest_ns)
        v->longest_ns = took;
    v->power_j = g->power.energy_j;
    s->moved_ns = at_ns;
    s->still = s->silent = false;
}

/* A counter that was stuck goes on: it has counted all the time, or it has not. */
static bool has_lost(const struct wtl_gauge *g, double up_j, double dt_s)
{
    double drawn_j;
    if (!drawn_since(g, &drawn_j))
        drawn_j = g->counter.last_w * dt_s;
    return up_j < 0.5 * drawn_j;
}

static void count(struct wtl_gauge *g, const struct wtl_tick *t)
{
    struct wtl_gauge_side *s = &g->counter;
    int64_t at = wtl_tick_middle_ns(t), delay = delay_of(s, false);
    const bool moved = t->value < t->before || t->value > t->before, was_stuck = s->still;
    if (!moved && (s->still || s->curve.n == 0))
        return;
    /* The first tick tells when, not since when. */
    if (s->curve.n == 0) {
        begin_curve(s, at, doubt_ns(t), delay);
        note_advance(g, t, at);
        return;
    }
    unsigned trouble = 0;
    double dt_s = seconds(at - s->last_ns), up = advance_j(g, t, dt_s, &trouble);
    const bool lost = was_stuck && has_lost(g, up, dt_s);
    if (moved)
        note_advance(g, t, at);
    if (lost) {
        skip(s, at, WTL_TROUBLE(stuck) | trouble, delay);
        return;
    }
    /* A part-time board's counter may add what its power sensor sees: wtl_gauge_between() takes
     * this part of the variance out again where it does not. */
    double unseen = g->power.on && g->power.model.window_known
                        ? unseen_share(&g->power, period_of(&g->power))
                        : 0;
    extend(s, at, doubt_ns(t), up, unseen, trouble, delay);
    compare(g);
    if (trouble)
        s->var_j2 += up * up;
}

void wtl_gauge_counter(struct wtl_gauge *g, int64_t t_ns, double value_j, int64_t stamp_ns)
{
    struct wtl_gauge_side *s = &g->counter;
    struct wtl_tick t;
    if (!s->on)
        return;
    if (wtl_ticks_push(&s->ticks, t_ns, value_j, stamp_ns, &t))
        count(g, &t);
    if (s->still || !is_stuck(g, t_ns))
        return;
    s->still = true;
    take_back(s, s->moved_ns, delay_of(s, false));
}

/* ---- Power ----------------------------------------------------------------------------------- */

static void note_power(struct wtl_gauge *g, double value_w)
{
    g->peak_w = fmax(g->peak_w, value_w);
    struct wtl_gauge_side *s = &g->power;
    int64_t blur = window_of(s) - period_of(s);
    s->curve.blur_ns = blur > 0 ? blur : 0;
}

/* A stretch without an update: the value before held until one period before its end, or nobody
 * looked. */
static double stretch_j(const struct wtl_gauge_side *s, double before_w, double value_w,
                        int64_t from_ns, int64_t to_ns)
{
    int64_t period = period_of(s), dt = to_ns - from_ns;
    if (dt <= period + period / 2)
        return value_w * seconds(dt);
    return before_w * seconds(dt - period) + value_w * seconds(period);
}

static void add_value(struct wtl_gauge *g, int64_t at_ns, double u_ns, double value_w,
                      double before_w, unsigned trouble)
{
    struct wtl_gauge_side *s = &g->power;
    int64_t delay = delay_of(s, true), stretch = at_ns - s->last_ns;
    note_power(g, value_w);
    if (s->curve.n == 0) {
        begin_curve(s, at_ns, u_ns, delay);
        s->last_w = value_w;
        return;
    }
    if (stretch <= 0)
        return;
    double noise_j = s->noise_w * seconds(stretch);
    double e = stretch_j(s, before_w, value_w, s->last_ns, at_ns);
    s->var_j2 += noise_j * noise_j;
    extend(s, at_ns, u_ns, e, unseen_share(s, stretch), trouble, delay);
    s->last_w = value_w;
}

/* Values that scattered by more than their steps, though less than loads do, and are all the same
 * now: nobody measures any more. Constant power is legal elsewhere: sensors of whole watts, and
 * values so low that their scatter would not show. */
static bool would_scatter(const struct wtl_gauge *g, double value_w)
{
    const struct wtl_gauge_side *s = &g->power;
    const double scatter_w = s->most_w > 0 ? s->noise_w * value_w / s->most_w : 0;
    return s->ticks.n_ticks > 20 && scatter_w > 2 * fmax(g->options.power_resolution_w, s->least_w);
}

static bool is_frozen(const struct wtl_gauge *g, int64_t t_ns, double value_w)
{
    const struct wtl_gauge_side *s = &g->power;
    const int64_t stood = t_ns - s->moved_ns, period = period_of(s);
    return s->moved_ns && stood > 10 * period && stood > SECOND_NS &&
           s->noise_w < 0.05 * s->most_w && would_scatter(g, value_w);
}

/* A value that stands for more than a period and a half is held, one period behind the poll,
 * because the next update may already be another. Where the load was as restless as that the
 * sensor's own scatter is not known, it may be frozen as well: it is told, with an interval that
 * grows with the time. */
static void hold(struct wtl_gauge *g, int64_t t_ns, double value_w)
{
    struct wtl_gauge_side *s = &g->power;
    int64_t period = period_of(s), since = s->curve.n ? s->last_ns : s->ticks.since_ns;
    if (t_ns - since < 2 * period + period / 2)
        return;
    const int64_t stood = t_ns - s->ticks.hi_ns;
    const bool stale = stood > 10 * period && stood > SECOND_NS && would_scatter(g, value_w);
    if (stale) {
        const double to_j = s->noise_w * seconds(stood);
        const double from_j = s->noise_w * seconds(stood - (t_ns - period - since));
        s->var_j2 += to_j * to_j - from_j * from_j;
    }
    add_value(g, t_ns - period, 0, value_w, value_w, stale ? WTL_TROUBLE(stale) : 0);
}

/* Nobody looked since the last poll: what stood until then counts. */
static void pass_over(struct wtl_gauge *g, int64_t from_ns, int64_t to_ns)
{
    struct wtl_gauge_side *s = &g->power;
    if (s->curve.n && !s->still && from_ns > s->last_ns)
        add_value(g, from_ns, 0, s->ticks.value, s->ticks.value, 0);
    skip(s, to_ns - period_of(s), WTL_TROUBLE(gap), delay_of(s, true));
}

static void note_value(struct wtl_gauge_side *s, const struct wtl_tick *t, int64_t t_ns)
{
    const double step_w = fabs(t->value - t->before);
    if (!(step_w > 0))
        return;
    s->moved_ns = t_ns;
    s->least_w = s->least_w > 0 ? fmin(s->least_w, step_w) : step_w;
    s->most_w = fmax(s->most_w, t->value);
}

void wtl_gauge_power(struct wtl_gauge *g, int64_t t_ns, double value_w, int64_t stamp_ns)
{
    struct wtl_gauge_side *s = &g->power;
    if (!s->on || g->ringed)
        return;
    const int64_t period = period_of(s), delay = delay_of(s, true), polled = g->polled_ns;
    const int64_t spacing = polled ? t_ns - polled : 0;
    const bool rare = spacing > 3 * period && spacing > SECOND_NS;
    /* Who polls rarely on purpose, or a meter whose period is not known yet, misses nothing. */
    const bool gap = rare && g->spacing_ns && spacing > 3 * g->spacing_ns;
    g->polled_ns = t_ns;
    g->spacing_ns = spacing;
    if (gap)
        pass_over(g, polled, t_ns);
    struct wtl_tick t;
    const bool tick = wtl_ticks_push(&s->ticks, t_ns, value_w, stamp_ns, &t);
    if (tick)
        note_value(s, &t, t_ns);
    if (s->still && (s->silent || s->moved_ns == t_ns)) {
        skip(s, t_ns - period, s->silent ? WTL_TROUBLE(gap) : WTL_TROUBLE(stale), delay);
        s->still = s->silent = false;
    }
    if (!s->still && is_frozen(g, t_ns, value_w)) {
        s->still = true;
        take_back(s, s->moved_ns, delay);
    }
    if (s->still)
        return;
    if (tick)
        add_value(g, wtl_tick_middle_ns(&t), doubt_ns(&t), t.value, t.before,
                  rare ? WTL_TROUBLE(gap) : 0);
    else
        hold(g, t_ns, value_w);
}

void wtl_gauge_silent(struct wtl_gauge *g, bool counter, int64_t since_ns)
{
    struct wtl_gauge_side *s = counter ? &g->counter : &g->power;
    if (!s->on || s->silent || (!counter && g->ringed))
        return;
    s->still = s->silent = true;
    take_back(s, since_ns, delay_of(s, !counter));
    if (!counter)
        g->polled_ns = g->spacing_ns = 0;
}

/* From polls to the driver's samples, which are not mixed. Marks that were made keep their meaning:
 * the new curve goes through a point of the old one, now or as soon as it reaches there. */
static void leave_polls(struct wtl_gauge *g, int64_t t_ns)
{
    struct wtl_gauge_side *s = &g->power;
    struct wtl_knots_point p;
    if (wtl_knots_at(&s->curve, t_ns, &p) == 0) {
        const struct wtl_knot *first = wtl_knots_first(&s->curve);
        const bool before = t_ns < first->t_ns;
        g->join_ns = before ? first->t_ns : 0;
        g->join_j = first->energy_j;
        s->energy_j = p.energy_j;
    }
    s->curve.n = s->curve.first = 0;
    s->n_steps = 0;
    s->still = s->silent = false;
}

static void join(struct wtl_gauge *g)
{
    struct wtl_gauge_side *s = &g->power;
    struct wtl_knots_point p;
    if (wtl_knots_at(&s->curve, g->join_ns, &p) == 0) {
        wtl_knots_raise(&s->curve, g->join_j - p.energy_j);
        s->energy_j += g->join_j - p.energy_j;
    }
    g->join_ns = 0;
}

void wtl_gauge_ring(struct wtl_gauge *g, int64_t t_ns, double value_w)
{
    struct wtl_gauge_side *s = &g->power;
    if (!s->on)
        return;
    if (!g->ringed)
        leave_polls(g, t_ns - delay_of(s, true));
    g->ringed = true;
    struct wtl_tick t;
    double before_w = s->ticks.started ? s->ticks.value : value_w;
    int64_t period = period_of(s);
    const int64_t spacing = s->curve.n ? t_ns - s->last_ns : 0;
    bool missing = 2 * spacing > 7 * period && g->spacing_ns && spacing > 3 * g->spacing_ns;
    g->spacing_ns = spacing;
    if (missing && spacing > SECOND_NS)
        skip(s, t_ns - period, WTL_TROUBLE(gap), delay_of(s, true));
    if (wtl_ticks_push(&s->ticks, t_ns, value_w, t_ns, &t))
        note_value(s, &t, t_ns);
    add_value(g, t_ns, 0, value_w, before_w, missing ? WTL_TROUBLE(gap) : 0);
    if (g->join_ns && t_ns - delay_of(s, true) >= g->join_ns)
        join(g);
}

static bool stands_still(const struct wtl_gauge_side *s, int64_t t_ns)
{
    int64_t period = period_of(s);
    return s->curve.n == 0 || t_ns - s->last_ns > 8 * period + SECOND_NS;
}

/* ---- When to look ---------------------------------------------------------------------------- */

#define MS INT64_C(1000000)

/* Until a period is known: fast enough for the fastest board that is known (20 ms). */
#define DISCOVERY_NS (5 * MS)

/* A time from now; between the two, any is as good. */
struct wait {
    int64_t may_ns, due_ns;
};

static struct wait just(int64_t ns)
{
    return (struct wait){ns, ns};
}

/* Values with the time of their update: none is missed while there is a poll in each period, and
 * when in it does not matter. */
static bool stamped(const struct wtl_gauge_side *s)
{
    return s->ticks.period_ns >= 2 * DISCOVERY_NS && wtl_ticks_stamped(&s->ticks);
}

static struct wait stamped_wait(const struct wtl_gauge_side *s)
{
    int64_t period = s->ticks.period_ns;
    return (struct wait){period / 2, period / 2 + period / 4};
}

/* In the middle of where the next tick can be, which halves that, then at its end, then `late_ns`
 * after that. */
static struct wait tick_wait(const struct wtl_gauge_side *s, int64_t now, int64_t late_ns)
{
    const struct wtl_ticks *k = &s->ticks;
    int64_t period = k->period_ns;
    if (period < 4 * DISCOVERY_NS)
        return just(2 * DISCOVERY_NS);
    int64_t lo = k->lo_ns + period - k->jitter_ns, hi = k->hi_ns + period + k->jitter_ns + MS / 2;
    int64_t middle = lo + (hi - lo) / 2;
    if (now < middle - MS / 4)
        return just(middle - now);
    return just(now < hi ? hi - now : late_ns);
}

/* Between polls for power: twice a period, once that is known. A tick that does not come may have
 * brought an equal value. */
static struct wait power_wait(const struct wtl_gauge *g, int64_t now)
{
    int64_t period = g->power.ticks.period_ns;
    bool leads = g->options.from_ticks && !g->counter.on;
    if (!g->power.on || (g->ringed && !leads))
        return just(INT64_MAX);
    if (period == 0)
        return just(stands_still(&g->power, g->polled_ns) ? PERIOD_NS / 2 : DISCOVERY_NS);
    if (leads)
        return tick_wait(&g->power, now, period / 4);
    if (stamped(&g->power))
        return stamped_wait(&g->power);
    return just(period / 2 > DISCOVERY_NS ? period / 2 : DISCOVERY_NS);
}

static struct wait counter_wait(const struct wtl_gauge *g, int64_t now)
{
    const struct wtl_ticks *k = &g->counter.ticks;
    int64_t period = k->period_ns;
    if (!g->counter.on)
        return just(INT64_MAX);
    if (k->n_ticks == 0 ? k->started && now - k->since_ns > SECOND_NS
                        : stands_still(&g->counter, now))
        return just(PERIOD_NS / 2);
    if (period == 0)
        return just(DISCOVERY_NS);
    if (!g->options.from_ticks && stamped(&g->counter))
        return stamped_wait(&g->counter);
    return tick_wait(&g->counter, now, period / 20 + MS);
}

struct wtl_gauge_poll wtl_gauge_next_poll(const struct wtl_gauge *g, int64_t now)
{
    struct wait power = power_wait(g, now), counter = counter_wait(g, now);
    int64_t may = power.may_ns < counter.may_ns ? power.may_ns : counter.may_ns;
    int64_t due = power.due_ns < counter.due_ns ? power.due_ns : counter.due_ns;
    return (struct wtl_gauge_poll){now + (may < SECOND_NS ? may : SECOND_NS),
                                   now + (due < SECOND_NS ? due : SECOND_NS)};
}

int64_t wtl_gauge_next_poll_ns(const struct wtl_gauge *g, int64_t now)
{
    return wtl_gauge_next_poll(g, now).due_ns;
}

/* ---- Windows --------------------------------------------------------------------------------- */

void wtl_gauge_mark(const struct wtl_gauge *g, int64_t t_ns, struct wtl_gauge_mark *out)
{
    struct wtl_gauge_mark m = {.t_ns = t_ns};
    m.has_counter = g->counter.on && wtl_knots_at(&g->counter.curve, t_ns, &m.counter) == 0;
    m.has_power = g->power.on && wtl_knots_at(&g->power.curve, t_ns, &m.power) == 0;
    *out = m;
}

bool wtl_gauge_reaches(const struct wtl_gauge *g, int64_t t_ns)
{
    bool counter = !g->counter.on || wtl_knots_reaches(&g->counter.curve, t_ns) ||
                   g->counter.still || (g->power.on && stands_still(&g->counter, t_ns));
    bool power = !g->power.on || g->power.still || wtl_knots_reaches(&g->power.curve, t_ns);
    return counter && power;
}

static int64_t side_patience_ns(const struct wtl_gauge_side *s, bool power)
{
    if (!s->on)
        return 0;
    int64_t delay = delay_of(s, power);
    return 6 * period_of(s) + window_of(s) + (delay > 0 ? delay : 0);
}

int64_t wtl_gauge_patience_ns(const struct wtl_gauge *g)
{
    int64_t a = side_patience_ns(&g->counter, false), b = side_patience_ns(&g->power, true);
    b += g->ringed ? WTL_GAUGE_RING_NS : 0;
    return a > b ? a : b;
}

static double covered_s(const struct wtl_knots_point *a, const struct wtl_knots_point *b)
{
    return seconds(b->t_ns - a->t_ns - (b->unseen_ns - a->unseen_ns));
}

/* What all windows like this one share, as a standard deviation squared. A lag that is not known is
 * at most a period: the window is then the one that began and ended that much earlier. Values are
 * rounded, a constant power always the same way. */
static double common_var_j2(const struct wtl_gauge_side *s, double resolution_w, double mean_w,
                            const struct wtl_knots_point *a, const struct wtl_knots_point *b)
{
    double rounding_j = resolution_w * covered_s(a, b);
    int64_t doubt_ns = s->model.lag_known ? LAG_ERROR_NS : period_of(s);
    double off_j = seconds(doubt_ns) *
                   (fmax(b->before_w, mean_w) - fmin(a->before_w, mean_w) + 2 * b->restless_w);
    return off_j * off_j / 3 + rounding_j * rounding_j / 12;
}

/* `sampled`: the sums of variance for what was not seen count. `step_j`: of a counter, which leaves
 * out up to that at either end. */
static void between(const struct wtl_gauge_side *s, bool sampled, double resolution_w,
                    double step_j, const struct wtl_knots_point *a, const struct wtl_knots_point *b,
                    enum wtl_energy_method method, struct wtl_energy *out)
{
    const bool counted = method == WTL_ENERGY_counter_edges;
    double e = b->energy_j - a->energy_j, time_s = covered_s(a, b);
    if (b->unseen_ns > a->unseen_ns && !(time_s > 0))
        return; /* nothing of it was seen */
    double mean_w = time_s > 0 ? e / time_s : 0;
    double var = (sampled ? b->sum_var_j2 - a->sum_var_j2 : 0) + a->end_var_j2 + b->end_var_j2 +
                 step_j * step_j / 6;
    double common = common_var_j2(s, resolution_w, mean_w, a, b);
    double half = z95 * sqrt((var > 0 ? var : 0) + common);
    *out = (struct wtl_energy){.method = method,
                               .class = wtl_energy_method_class(method),
                               .energy_j = e,
                               .lo_j = e - half,
                               .hi_j = e + half,
                               .common_j = z95 * sqrt(common),
                               .time_s = time_s};
    const unsigned still = s->silent ? WTL_TROUBLE(gap)
                           : counted ? WTL_TROUBLE(stuck)
                                     : WTL_TROUBLE(stale);
    out->troubles = wtl_knots_troubles(a, b);
    if (b->knots - a->knots < UPDATES_MIN)
        out->troubles |= WTL_TROUBLE(short_window);
    if (b->unseen_ns > a->unseen_ns)
        out->troubles |= WTL_TROUBLE(partial);
    if ((a->beyond || b->beyond) && !s->still)
        out->troubles |= WTL_TROUBLE(gap);
    else if (b->beyond)
        out->troubles |= still;
}

static enum wtl_energy_method power_method(const struct wtl_gauge *g)
{
    if (window_of(&g->power) >= AVERAGED_NS)
        return WTL_ENERGY_averaged;
    return g->ringed ? WTL_ENERGY_ring : WTL_ENERGY_polled;
}

void wtl_gauge_between_by(const struct wtl_gauge *g, bool counter, const struct wtl_gauge_mark *a,
                          const struct wtl_gauge_mark *b, struct wtl_energy *out)
{
    *out = (struct wtl_energy){.time_s = seconds(b->t_ns - a->t_ns)};
    if (counter && a->has_counter && b->has_counter)
        between(&g->counter, !sees_all(g), 0, g->options.counter_resolution_j, &a->counter,
                &b->counter, WTL_ENERGY_counter_edges, out);
    else if (!counter && a->has_power && b->has_power)
        between(&g->power, true, g->options.power_resolution_w, 0, &a->power, &b->power,
                power_method(g), out);
}

/* Where one saw less of the window than the other, they do not tell of the same. */
static bool saw_the_same(const struct wtl_energy *a, const struct wtl_energy *b)
{
    return fabs(a->time_s - b->time_s) <= 0.02 * a->time_s;
}

/* Counter over power, or the other way round; what the check itself does not know is no
 * disagreement. */
static void cross_check(const struct wtl_energy *other, struct wtl_energy *e)
{
    if (other->method == WTL_ENERGY_NONE || !saw_the_same(e, other))
        return;
    e->has_check = e->energy_j > 0;
    e->check = e->has_check ? other->energy_j / e->energy_j : 0;
    double doubt_j = 0.5 * (other->hi_j - other->lo_j) + 0.5 * (e->hi_j - e->lo_j);
    if (fabs(other->energy_j - e->energy_j) > check_max * fabs(e->energy_j) + doubt_j)
        e->troubles |= WTL_TROUBLE(inconsistent);
}

/* Why the counter does not tell. */
static unsigned trouble_of_counter(const struct wtl_gauge *g, const struct wtl_energy *counter)
{
    if (!g->counter.on)
        return 0;
    const unsigned seen = counter->method != WTL_ENERGY_NONE ? counter->troubles : 0;
    if ((g->counter.still && !g->counter.silent) || (seen & WTL_TROUBLE(stuck)))
        return WTL_TROUBLE(stuck);
    return (g->counter.silent ? WTL_TROUBLE(gap) : 0) |
           (seen & (WTL_TROUBLE(gap) | WTL_TROUBLE(reset)));
}

void wtl_gauge_between(const struct wtl_gauge *g, const struct wtl_gauge_mark *a,
                       const struct wtl_gauge_mark *b, struct wtl_energy *out)
{
    struct wtl_energy counter, power;
    wtl_gauge_between_by(g, true, a, b, &counter);
    wtl_gauge_between_by(g, false, a, b, &power);
    const bool counted = counter.method != WTL_ENERGY_NONE;
    const bool powered = power.method != WTL_ENERGY_NONE;
    if (counted) {
        cross_check(&power, &counter);
        /* One that did not advance at all, of what surely was drawn. */
        const bool stands =
            !(counter.energy_j > 0) && (counter.troubles & WTL_TROUBLE(inconsistent));
        const bool less = powered && power.time_s > counter.time_s + 0.5;
        if (stands)
            counter.troubles |= WTL_TROUBLE(stuck);
        if (!stands && !less) {
            *out = counter;
            return;
        }
    }
    power.troubles |= trouble_of_counter(g, &counter);
    *out = power;
}

bool wtl_gauge_now_w(const struct wtl_gauge *g, double *power_w_out)
{
    const struct wtl_gauge_side *s = g->power.curve.n > 0 ? &g->power : &g->counter;
    if (s->curve.n < 2)
        return false;
    *power_w_out = s->last_w;
    return true;
}

double wtl_gauge_peak_w(struct wtl_gauge *g)
{
    double peak = g->peak_w;
    g->peak_w = 0;
    return peak;
}

int64_t wtl_gauge_ticks(const struct wtl_gauge *g)
{
    return (g->counter.on ? &g->counter : &g->power)->ticks.n_ticks;
}

int64_t wtl_gauge_period_ns(const struct wtl_gauge *g, bool counter)
{
    return wtl_ticks_period_ns(counter ? &g->counter.ticks : &g->power.ticks);
}
