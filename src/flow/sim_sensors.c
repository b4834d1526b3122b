/* SPDX-License-Identifier: Apache-2.0
 * Methods of energy against the truth of simulated sensors. */
#include "flow/sim_sensors.h"

#include "base/random.h"
#include "base/sort.h"
#include "energy/gauge.h"
#include "energy/repeats.h"
#include "energy/response.h"
#include "sim/readings.h"
#include "stats/robust.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MS INT64_C(1000000)
#define STEP_NS (WTL_SIM_STEP_MS * MS)

/* ---- What is tried --------------------------------------------------------------------------- */

enum fault { NO_FAULT, FREEZE_POWER, FREEZE_COUNTER, RELOAD, SCOPE };

/* A kind of sensor; times in ms. */
struct sensor {
    const char *name;
    int update, window, lag;
    int counter, quantum_mj; /* 0: no counter */
    bool part_time_counter;
    bool average_only; /* power can be read as an average of a second alone */
    int resolution_mw;
    double drop;
    enum fault fault;
    bool probed; /* window and lag are found by a load of known times, not taken as given */
};

static const struct sensor sensors[] = {
    {"20 ms, 10 seen", 20, 10, 0, 100, 1, false, false, 1, 0, NO_FAULT},
    {"100 ms, all seen", 100, 100, 0, 100, 1, false, false, 1, 0, NO_FAULT},
    {"100 ms, 25 seen", 100, 25, 0, 100, 1, false, false, 1, 0, NO_FAULT},
    {"100 ms, 25 seen, counter too", 100, 25, 0, 100, 1, true, false, 1, 0, NO_FAULT},
    {"100 ms, 25 seen, no counter", 100, 25, 0, 0, 0, false, false, 1, 0, NO_FAULT},
    {"100 ms, all seen, no counter", 100, 100, 0, 0, 0, false, false, 1, 0, NO_FAULT},
    {"1 s average, no counter", 100, 100, 0, 0, 0, false, true, 1, 0, NO_FAULT},
    {"1 s average, counter", 100, 100, 0, 100, 1, false, true, 1, 0, NO_FAULT},
    {"80 ms late", 100, 100, 80, 100, 1, false, false, 1, 0, NO_FAULT},
    {"80 ms late, probed", 100, 100, 80, 100, 1, false, false, 1, 0, NO_FAULT, true},
    {"100 ms, 25 seen, probed", 100, 25, 0, 0, 0, false, false, 1, 0, NO_FAULT, true},
    {"1 s average, probed", 100, 100, 20, 0, 0, false, true, 1, 0, NO_FAULT, true},
    {"coarse: 1 W, 1 J", 100, 100, 0, 100, 1000, false, false, 1000, 0, NO_FAULT},
    {"tenth of updates lost", 100, 100, 0, 100, 1, false, false, 1, 0.1, NO_FAULT},
    {"power frozen for 2 s", 100, 100, 0, 100, 1, false, false, 1, 0, FREEZE_POWER},
    {"counter frozen for 2 s", 100, 100, 0, 100, 1, false, false, 1, 0, FREEZE_COUNTER},
    {"driver reloaded", 100, 100, 0, 100, 1, false, false, 1, 0, RELOAD},
    {"60 W of another scope", 100, 100, 0, 100, 1, false, false, 1, 0, SCOPE},
};
enum { N_SENSORS = sizeof sensors / sizeof *sensors };

enum load { CONSTANT, BURSTS, PERIODIC, LOCKED, N_LOADS };
static const char *const load_names[N_LOADS] = {"constant", "random bursts", "every 130 ms",
                                                "every 100 ms"};

/* On and off of a periodic load, ms. */
static const int load_period[N_LOADS] = {[PERIODIC] = 130, [LOCKED] = 100};
static const int load_on[N_LOADS] = {[PERIODIC] = 65, [LOCKED] = 40};

static const struct {
    const char *name, *title;
} methods[WTL_N_TRIAL_METHODS] = {
#define X(name, title) [WTL_TRIAL_##name] = {#name, title},
    WTL_TRIAL_METHODS(X)
#undef X
};

const char *wtl_trial_method_name(enum wtl_trial_method method)
{
    return methods[method].name;
}

const char *wtl_trial_method_title(enum wtl_trial_method method)
{
    return methods[method].title;
}

static bool part_time(const struct sensor *s)
{
    return s->window < s->update;
}

/* Whether somebody can be told to rely on it. */
static bool claimed(const struct sensor *s, enum load load, enum wtl_trial_method m)
{
    bool locked = load == LOCKED && part_time(s);
    switch (m) {
    case WTL_TRIAL_stat:
        return !locked || (s->counter && !s->part_time_counter);
    case WTL_TRIAL_counter_edges:
        return (!locked || !s->part_time_counter) && (s->lag == 0 || s->probed);
    case WTL_TRIAL_ring:
    case WTL_TRIAL_polled:
        return !locked && s->fault != SCOPE;
    case WTL_TRIAL_averaged:
        return true;
    case WTL_TRIAL_dephased:
        return s->fault != SCOPE && (s->lag == 0 || s->probed);
    case WTL_TRIAL_naive:
    case WTL_TRIAL_raw_counter:
    case WTL_N_TRIAL_METHODS:
        break;
    }
    return false;
}

/* ---- One trial ------------------------------------------------------------------------------- */

enum { PID = 1 << 22, REPEATS = 4 * WTL_DEPHASE_PHASES };

struct trial {
    const struct sensor *sensor;
    enum load load;
    struct wtl_rng rng;
    struct wtl_sim_gpu gpu;
    struct wtl_gauge polled, ringed;
    bool working;     /* the workload runs; whether it has work now is `on` */
    int64_t since_ns; /* it began */
    bool on;
    int64_t turn_ns; /* next change of a random load */
    int64_t poll_ns; /* next poll */
    int64_t ring_ns; /* next reading of the ring */
    int64_t ring_last_ns;
    /* naive */
    int64_t naive_ns;
    double naive_sum_w;
    int naive_n;
};

static struct wtl_sim_board board_of(const struct sensor *s)
{
    struct wtl_sim_board b;
    wtl_sim_board_plain(&b);
    b.sensor.update_ms = s->update;
    b.sensor.window_ms = s->window;
    b.sensor.lag_ms = s->lag;
    b.sensor.resolution_mw = s->resolution_mw;
    b.sensor.counter_part_time = s->part_time_counter;
    b.capabilities &= ~(unsigned)(WTL_SIM_FIELD_AVERAGE | WTL_SIM_ENERGY_COUNTER);
    if (s->counter) {
        b.capabilities |= WTL_SIM_ENERGY_COUNTER;
        b.sensor.counter_ms = s->counter;
        b.sensor.counter_quantum_mj = s->quantum_mj;
    }
    if (s->average_only) {
        b.capabilities |= WTL_SIM_USAGE_IS_AVERAGE;
        b.capabilities &= ~(unsigned)WTL_SIM_FIELD_INSTANT;
    }
    return b;
}

static struct wtl_gauge_options options_of(const struct sensor *s)
{
    return (struct wtl_gauge_options){
        .has_counter = s->counter > 0,
        .has_power = true,
        .max_w = 300,
        .power_resolution_w = s->resolution_mw / 1e3,
        .counter_resolution_j = s->quantum_mj / 1e3,
        /* Periods are found; windows are known from the board's file or a probe. */
        .power = {.window_ns = (s->average_only ? 1000 : s->window) * MS, .window_known = true},
    };
}

static void set_on(struct trial *t, bool on)
{
    t->on = on;
    (void)wtl_sim_set_load(&t->gpu, PID, 8, on ? 0 : 1e-6, (struct wtl_sim_pattern){0}, NULL);
}

static int64_t to_step(double ms)
{
    int64_t steps = llround(ms / WTL_SIM_STEP_MS);
    return (steps < 1 ? 1 : steps) * STEP_NS;
}

/* Whether the workload has work at `t_ns`, and when that changes. */
static bool wants(struct trial *t, int64_t t_ns, int64_t *next_ns)
{
    int64_t period = load_period[t->load] * MS, on = load_on[t->load] * MS;
    if (t->load == CONSTANT) {
        *next_ns = INT64_MAX;
        return true;
    }
    if (period) {
        int64_t phase = (t_ns - t->since_ns) % period;
        *next_ns = t_ns + (phase < on ? on - phase : period - phase);
        return phase < on;
    }
    *next_ns = t_ns + to_step((t->on ? 100 : 150) * wtl_rng_exponential(&t->rng));
    return !t->on;
}

static void poll(struct trial *t, int64_t t_ns)
{
    struct wtl_sim_readings r;
    if (wtl_sim_readings(&t->gpu, &r, NULL) < 0)
        return;
    double power_w = r.power_usage_mw / 1e3;
    if (r.has & WTL_SIM_HAS_INSTANT)
        power_w = r.power_instant_mw / 1e3;
    wtl_gauge_power(&t->polled, t_ns, power_w, 0);
    if (r.has & WTL_SIM_HAS_ENERGY) {
        wtl_gauge_counter(&t->polled, t_ns, (double)r.energy_mj / 1e3, 0);
        wtl_gauge_counter(&t->ringed, t_ns, (double)r.energy_mj / 1e3, 0);
    }
}

static void read_ring(struct trial *t)
{
    struct wtl_sim_sample samples[WTL_SIM_RING];
    int n = wtl_sim_samples(&t->gpu, WTL_SIM_RING_POWER, t->ring_last_ns, samples, WTL_SIM_RING);
    for (int i = 0; i < n && i < WTL_SIM_RING; i++) {
        wtl_gauge_ring(&t->ringed, samples[i].t_ns, samples[i].value / 1e3);
        t->ring_last_ns = samples[i].t_ns;
    }
}

static void naive(struct trial *t)
{
    struct wtl_sim_readings r;
    if (wtl_sim_readings(&t->gpu, &r, NULL) == 0) {
        t->naive_sum_w += r.power_usage_mw / 1e3;
        t->naive_n++;
    }
}

/* On to `until_ns`, with everything that happens before. */
static void go(struct trial *t, int64_t until_ns)
{
    for (;;) {
        int64_t next = t->poll_ns < t->ring_ns ? t->poll_ns : t->ring_ns;
        next = t->naive_ns < next ? t->naive_ns : next;
        if (t->working && t->turn_ns < next)
            next = t->turn_ns;
        if (next > until_ns)
            break;
        wtl_sim_gpu_advance(&t->gpu, next);
        if (t->working && next == t->turn_ns)
            set_on(t, wants(t, next, &t->turn_ns));
        if (next == t->poll_ns) {
            poll(t, next);
            /* Nobody wakes up when he wanted to: up to half a millisecond late. */
            t->poll_ns = wtl_gauge_next_poll_ns(&t->polled, next) +
                         (int64_t)(0.5 * (double)MS * wtl_rng_uniform(&t->rng));
        }
        if (next == t->naive_ns) {
            naive(t);
            t->naive_ns += 100 * MS;
        }
        if (next == t->ring_ns) {
            read_ring(t);
            t->ring_ns += 1000 * MS;
        }
    }
    wtl_sim_gpu_advance(&t->gpu, until_ns);
}

/* On until the counter ticks: where a window that may begin or end anywhere is measured best. */
static int64_t go_to_tick(struct trial *t, int64_t from_ns)
{
    const int64_t ticks = t->polled.counter.ticks.n_ticks;
    int64_t now = from_ns;
    while (t->sensor->counter && t->polled.counter.ticks.n_ticks == ticks &&
           now < from_ns + 3000 * MS) {
        now += STEP_NS;
        go(t, now);
    }
    return now;
}

static void start_work(struct trial *t, int64_t now_ns)
{
    t->working = true;
    t->since_ns = now_ns;
    t->on = false;
    set_on(t, wants(t, now_ns, &t->turn_ns));
}

static void stop_work(struct trial *t)
{
    t->working = false;
    set_on(t, false);
}

static double true_j(const struct trial *t)
{
    struct wtl_sim_truth truth;
    wtl_sim_gpu_truth(&t->gpu, &truth);
    return truth.gain * truth.energy_j + truth.offset_w * 1e-9 * (double)truth.t_ns;
}

static double counter_now_j(const struct trial *t)
{
    struct wtl_sim_readings r;
    return wtl_sim_readings(&t->gpu, &r, NULL) < 0 ? 0 : (double)r.energy_mj / 1e3;
}

static int begin(struct trial *t, const struct sensor *s, enum load load, uint64_t seed,
                 struct wtl_error *err)
{
    struct wtl_sim_board board = board_of(s);
    struct wtl_gauge_options options = options_of(s);
    struct wtl_sim_process p = {.pid = PID, .instance = -1, .tenant = {.share = 1, .batch = 8}};
    t->sensor = s;
    t->load = load;
    t->working = false;
    wtl_rng_init_stream(&t->rng, seed, (uint64_t)load);
    t->poll_ns = t->ring_ns = 0;
    t->ring_last_ns = -1;
    t->naive_ns = INT64_MAX;
    t->naive_sum_w = t->naive_n = 0;
    wtl_gauge_init(&t->polled, &options);
    wtl_gauge_init(&t->ringed, &options);
    wtl_sim_workload_plain(&p.tenant.workload);
    p.tenant.offered_per_s = 1e-6;
    int rc = wtl_sim_gpu_init(&t->gpu, &board, &(struct wtl_sim_options){.seed = seed}, err);
    if (rc == 0)
        rc = wtl_sim_attach(&t->gpu, &p, err);
    if (s->drop > 0)
        wtl_sim_drop(&t->gpu, s->drop);
    if (s->fault == SCOPE)
        wtl_sim_scope(&t->gpu, 60);
    return rc;
}

/* A square wave of 370 ms on and 360 ms off for 15 s, in step with no sensor, and what the sensors
 * show of it. */
static void probe(struct trial *t, struct wtl_gauge_options *options)
{
    enum { WAVES = 20 };
    struct wtl_response_value values[1024], steps[1024];
    int64_t switches[2 * WAVES], now = 2000 * MS;
    size_t n = 0, n_steps = 0;
    int64_t power_n = 0, counter_n = 0;
    go(t, now);
    for (int i = 0; i < 2 * WAVES; i++) {
        int64_t until = now + (i % 2 ? 360 : 370) * MS;
        switches[i] = now;
        set_on(t, i % 2 == 0);
        for (; now < until; now += STEP_NS) {
            const struct wtl_ticks *p = &t->polled.power.ticks;
            const struct wtl_gauge_side *c = &t->polled.counter;
            go(t, now + STEP_NS);
            if (p->n_ticks != power_n && n < 1024)
                values[n++] = (struct wtl_response_value){wtl_ticks_last_ns(p), p->value};
            if (c->ticks.n_ticks != counter_n && n_steps < 1024)
                steps[n_steps++] = (struct wtl_response_value){c->last_ns, c->last_w};
            power_n = p->n_ticks;
            counter_n = c->ticks.n_ticks;
        }
    }
    set_on(t, false);
    struct wtl_response r;
    if (wtl_response_fit(values, n, switches, (size_t)2 * WAVES, 0, &r) == 0)
        options->power = (struct wtl_sensor_model){
            .window_ns = r.window_ns, .lag_ns = r.lag_ns, .window_known = true, .lag_known = true};
    int64_t period = wtl_gauge_period_ns(&t->polled, true);
    if (period && wtl_response_fit(steps, n_steps, switches, (size_t)2 * WAVES, period, &r) == 0)
        options->counter = (struct wtl_sensor_model){.lag_ns = r.lag_ns, .lag_known = true};
}

/* Finds out what there is to find out, and begins anew with it. */
static void learn(struct trial *t)
{
    struct wtl_gauge_options options = options_of(t->sensor);
    options.power = (struct wtl_sensor_model){0};
    wtl_gauge_init(&t->polled, &options);
    probe(t, &options);
    wtl_gauge_init(&t->polled, &options);
    wtl_gauge_init(&t->ringed, &options);
}

static void strike(struct trial *t, int64_t now_ns)
{
    switch (t->sensor->fault) {
    case FREEZE_POWER:
        wtl_sim_freeze(&t->gpu, WTL_SIM_SENSOR_POWER, now_ns + 2000 * MS);
        break;
    case FREEZE_COUNTER:
        wtl_sim_freeze(&t->gpu, WTL_SIM_SENSOR_COUNTER, now_ns + 2000 * MS);
        break;
    case RELOAD: {
        struct wtl_sim_process p = wtl_sim_find(&t->gpu, PID)->process;
        wtl_sim_reload(&t->gpu);
        (void)wtl_sim_attach(&t->gpu, &p, NULL);
        break;
    }
    case NO_FAULT:
    case SCOPE:
        break;
    }
}

/* ---- Errors ---------------------------------------------------------------------------------- */

/* Of one sensor, load and method, seed by seed. */
struct tally {
    int n, flagged, n_intervals, covered;
    double *error, *width;
};

static void tell(struct tally *a, const struct wtl_energy *e, double truth_j)
{
    if (e->method == WTL_ENERGY_NONE)
        return;
    a->error[a->n++] = e->energy_j / truth_j - 1;
    if (e->troubles & ~WTL_TROUBLE(short_window)) {
        a->flagged++;
        return;
    }
    if (e->hi_j > e->lo_j) {
        a->width[a->n_intervals++] = 0.5 * (e->hi_j - e->lo_j) / truth_j;
        a->covered += e->lo_j <= truth_j && truth_j <= e->hi_j;
    }
}

static void tell_value(struct tally *a, double energy_j, double truth_j)
{
    struct wtl_energy e = {.method = WTL_ENERGY_counter, .energy_j = energy_j};
    tell(a, &e, truth_j);
}

static void judge(struct trial *t, int64_t t0, int64_t t1, bool ticks, double truth_j,
                  struct tally *tallies)
{
    struct wtl_gauge_mark a, b, ra, rb;
    struct wtl_energy e;
    wtl_gauge_mark(&t->polled, t0, &a);
    wtl_gauge_mark(&t->polled, t1, &b);
    wtl_gauge_mark(&t->ringed, t0, &ra);
    wtl_gauge_mark(&t->ringed, t1, &rb);
    bool average = t->sensor->average_only;
    wtl_gauge_between(average ? &t->polled : &t->ringed, average ? &a : &ra, average ? &b : &rb,
                      &e);
    tell(&tallies[WTL_TRIAL_stat], &e, truth_j);
    wtl_gauge_between_by(&t->polled, true, &a, &b, &e);
    if (ticks)
        tell(&tallies[WTL_TRIAL_counter_edges], &e, truth_j);
    wtl_gauge_between_by(&t->polled, false, &a, &b, &e);
    tell(&tallies[average ? WTL_TRIAL_averaged : WTL_TRIAL_polled], &e, truth_j);
    if (average)
        return;
    wtl_gauge_between_by(&t->ringed, false, &ra, &rb, &e);
    tell(&tallies[WTL_TRIAL_ring], &e, truth_j);
}

/* A window of five seconds: of a workload that begins and ends with it (odd seeds), or within one
 * that goes on. Of every four, two begin (and end, where they may) at a tick of the counter. */
static int one_window(struct trial *t, const struct sensor *s, enum load load, uint64_t seed,
                      struct tally *tallies, struct wtl_error *err)
{
    int rc = begin(t, s, load, seed, err);
    if (rc < 0)
        return rc;
    bool embedded = seed % 2 == 0, aligned = seed % 4 < 2;
    int64_t origin = s->probed ? 18000 * MS : 0;
    if (s->probed)
        learn(t);
    int64_t t0 = origin + 3000 * MS + (int64_t)wtl_rng_below(&t->rng, 200) * STEP_NS;
    go(t, origin + 1000 * MS);
    if (embedded)
        start_work(t, origin + 1000 * MS);
    go(t, t0);
    if (aligned)
        t0 = go_to_tick(t, t0);
    if (!embedded)
        start_work(t, t0);
    double from_j = true_j(t), raw_j = counter_now_j(t);
    t->naive_ns = t0;
    go(t, t0 + 1500 * MS);
    strike(t, t0 + 1500 * MS);
    int64_t t1 = t0 + 5000 * MS;
    go(t, t1);
    if (aligned && embedded)
        t1 = go_to_tick(t, t1);
    double truth_j = true_j(t) - from_j;
    raw_j = counter_now_j(t) - raw_j;
    t->naive_ns = INT64_MAX;
    if (!embedded)
        stop_work(t);
    go(t, t1 + 3000 * MS);
    judge(t, t0, t1, aligned && embedded, truth_j, tallies);
    double time_s = 1e-9 * (double)(t1 - t0);
    tell_value(&tallies[WTL_TRIAL_naive], time_s * t->naive_sum_w / t->naive_n, truth_j);
    if (s->counter)
        tell_value(&tallies[WTL_TRIAL_raw_counter], raw_j, truth_j);
    return 0;
}

/* Thirty-two repetitions of a second, by power alone. */
static int repeated(struct trial *t, const struct sensor *s, enum load load, uint64_t seed,
                    struct tally *tally, struct wtl_error *err)
{
    int rc = begin(t, s, load, seed, err);
    if (rc < 0)
        return rc;
    struct wtl_energy each[REPEATS], mean;
    double truth_j = 0;
    int64_t now = 3000 * MS + (int64_t)wtl_rng_below(&t->rng, 200) * STEP_NS;
    if (s->probed) {
        learn(t);
        now += 18000 * MS;
        go(t, now);
    }
    int64_t first = now;
    for (int i = 0; i < REPEATS; i++) {
        struct wtl_gauge_mark a, b;
        int64_t delay = wtl_dephase_delay_ns(s->update * MS, i, now - first);
        int64_t t0 = now + (delay + STEP_NS / 2) / STEP_NS * STEP_NS, t1 = t0 + 1000 * MS;
        go(t, t0);
        double from_j = true_j(t);
        start_work(t, t0);
        if (i == REPEATS / 2)
            strike(t, t0);
        go(t, t1);
        truth_j += (true_j(t) - from_j) / REPEATS;
        stop_work(t);
        now = t1 + 700 * MS;
        go(t, now);
        wtl_gauge_mark(&t->polled, t0, &a);
        wtl_gauge_mark(&t->polled, t1, &b);
        wtl_gauge_between_by(&t->polled, false, &a, &b, &each[i]);
    }
    wtl_repeats_mean(each, REPEATS, &mean);
    tell(tally, &mean, truth_j);
    return 0;
}

/* ---- All of them ----------------------------------------------------------------------------- */

static int compare(const void *p, const void *q)
{
    double a = *(const double *)p, b = *(const double *)q;
    return (a > b) - (a < b);
}

static void summarise(const struct sensor *s, enum load load, enum wtl_trial_method m,
                      struct tally *a, struct wtl_trial_row *out)
{
    struct wtl_trial_row r = {.sensor = s->name,
                              .load = load_names[load],
                              .method = m,
                              .n = a->n,
                              .flagged = a->flagged,
                              .n_intervals = a->n_intervals,
                              .covered = a->covered,
                              .claimed = claimed(s, load, m)};
    double squares = 0;
    for (int i = 0; i < a->n; i++) {
        r.bias += a->error[i] / a->n;
        squares += a->error[i] * a->error[i];
        a->error[i] = fabs(a->error[i]);
    }
    r.rms = sqrt(squares / a->n);
    wtl_sort(a->error, (size_t)a->n, sizeof *a->error, compare);
    r.p95 = wtl_quantile_sorted(a->error, (size_t)a->n, 0.95);
    r.worst = a->error[a->n - 1];
    r.width = a->n_intervals ? wtl_median(a->width, (size_t)a->n_intervals) : 0;
    *out = r;
}

static int try_one(struct trial *t, const struct sensor *s, enum load load, int seeds,
                   struct tally *tallies, struct wtl_sensor_trials *out, struct wtl_error *err)
{
    int rc = 0;
    for (int m = 0; m < (int)WTL_N_TRIAL_METHODS; m++)
        tallies[m].n = tallies[m].flagged = tallies[m].n_intervals = tallies[m].covered = 0;
    for (int i = 1; rc == 0 && i <= seeds; i++) {
        rc = one_window(t, s, load, (uint64_t)i, tallies, err);
        if (rc == 0 && !s->average_only && i % 2)
            rc = repeated(t, s, load, (uint64_t)i, &tallies[WTL_TRIAL_dephased], err);
    }
    for (int m = 0; rc == 0 && m < (int)WTL_N_TRIAL_METHODS; m++)
        if (tallies[m].n)
            summarise(s, load, (enum wtl_trial_method)m, &tallies[m], &out->rows[out->n++]);
    return rc;
}

static int make_tallies(struct wtl_arena *arena, int seeds, struct tally *tallies,
                        struct wtl_error *err)
{
    for (int m = 0; m < (int)WTL_N_TRIAL_METHODS; m++) {
        tallies[m].error = WTL_NEW_ARRAY(arena, double, (size_t)seeds);
        tallies[m].width = WTL_NEW_ARRAY(arena, double, (size_t)seeds);
        if (!tallies[m].error || !tallies[m].width)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    }
    return 0;
}

int wtl_flow_sim_sensors(struct wtl_arena *arena, int seeds, const char *only_sensor,
                         void (*progress)(void *ctx, int done, int total), void *ctx,
                         struct wtl_sensor_trials *out, struct wtl_error *err)
{
    WTL_ARENA(scratch);
    struct tally tallies[WTL_N_TRIAL_METHODS];
    struct trial *t = WTL_NEW(&scratch, struct trial);
    size_t most = (size_t)N_SENSORS * N_LOADS * WTL_N_TRIAL_METHODS;
    struct wtl_sensor_trials trials = {.seeds = seeds, .window_s = 5};
    trials.rows = WTL_NEW_ARRAY(arena, struct wtl_trial_row, most);
    if (!t || !trials.rows)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = make_tallies(&scratch, seeds, tallies, err);
    for (int s = 0; rc == 0 && s < N_SENSORS; s++) {
        if (only_sensor && strcmp(only_sensor, sensors[s].name) != 0)
            continue;
        for (int load = 0; rc == 0 && load < N_LOADS; load++)
            rc = try_one(t, &sensors[s], (enum load)load, seeds, tallies, &trials, err);
        if (progress)
            progress(ctx, s + 1, N_SENSORS);
    }
    if (rc == 0)
        *out = trials;
    return rc;
}
