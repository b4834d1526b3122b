/* SPDX-License-Identifier: Apache-2.0
 * Readings of one device to energy: what the table of `wattle sim sensors` does not show. */
#include "support/support.h"

#include "energy/gauge.h"

#include <math.h>

#define MS INT64_C(1000000)

static struct wtl_gauge gauge;

static void begin(bool counter, bool power, double wraps_at_j)
{
    wtl_gauge_init(&gauge, &(struct wtl_gauge_options){
                               .has_counter = counter,
                               .has_power = power,
                               .wraps_at_j = wraps_at_j,
                               .max_w = 400,
                               .power = {.window_ns = 100 * MS, .window_known = true}});
}

/* A steady 200 W: counter and power tick every 100 ms, polled every `every` from `from` to `to`. */
static void run(int64_t from, int64_t to, int64_t every, double origin_j, double wraps_at_j,
                double power_w)
{
    for (int64_t t = from; t < to; t += every) {
        double updates = floor((double)t / 1e8), e = origin_j + 20 * updates;
        if (wraps_at_j > 0)
            e = fmod(e, wraps_at_j);
        wtl_gauge_power(&gauge, t, power_w + 0.01 * fmod(updates, 3), 0);
        wtl_gauge_counter(&gauge, t, e, 0);
    }
}

static struct wtl_energy between(int64_t t0, int64_t t1)
{
    struct wtl_gauge_mark a, b;
    struct wtl_energy e;
    wtl_gauge_mark(&gauge, t0, &a);
    wtl_gauge_mark(&gauge, t1, &b);
    wtl_gauge_between(&gauge, &a, &b, &e);
    return e;
}

static void test_steady(void **state)
{
    (void)state;
    begin(true, true, 0);
    run(0, 12000 * MS, 7 * MS, 1e6, 0, 200);
    struct wtl_energy e = between(3333 * MS, 8333 * MS);
    assert_int_equal(e.method, WTL_ENERGY_counter_edges);
    assert_int_equal(e.class, WTL_CLASS_A);
    assert_near(e.energy_j, 1000, 2);
    assert_near(e.time_s, 5, 1e-9);
    assert_true(e.lo_j <= 1000 && 1000 <= e.hi_j && e.hi_j - e.lo_j < 100);
    assert_int_equal(e.troubles, 0);
    assert_true(e.has_check);
    assert_near(e.check, 1, 0.01);
    assert_int_equal(between(3000 * MS, 3900 * MS).troubles, WTL_TROUBLE(short_window));
}

/* Nested and adjoining windows add up to the whole: the same curve. */
static void test_additive(void **state)
{
    (void)state;
    begin(true, true, 0);
    run(0, 12000 * MS, 7 * MS, 0, 0, 200);
    double sum = 0;
    for (int64_t t = 3000; t < 9000; t += 300)
        sum += between(t * MS, (t + 300) * MS).energy_j;
    assert_near(sum, between(3000 * MS, 9000 * MS).energy_j, 1e-9);
}

static void test_wrap(void **state)
{
    (void)state;
    begin(true, true, 1500);
    run(0, 12000 * MS, 7 * MS, 700, 1500, 200); /* wraps at 4 s and 11.5 s */
    struct wtl_energy e = between(3000 * MS, 11000 * MS);
    assert_near(e.energy_j, 1600, 3);
    assert_int_equal(e.troubles, 0);
}

static void test_reset(void **state)
{
    (void)state;
    begin(true, true, 0);
    run(0, 5000 * MS, 7 * MS, 1e6, 0, 200);
    run(5000 * MS, 12000 * MS, 7 * MS, -900, 0, 200); /* the driver was loaded anew */
    struct wtl_energy e = between(3000 * MS, 8000 * MS);
    assert_true(e.troubles & WTL_TROUBLE(reset));
    assert_near(e.energy_j, 1000, 10);
    assert_int_equal(between(6000 * MS, 10000 * MS).troubles, 0);
}

/* A long window keeps what was wrong at its begin. */
static void test_old_reset(void **state)
{
    (void)state;
    struct wtl_gauge_mark a, b;
    struct wtl_energy e;
    begin(true, true, 0);
    run(0, 5000 * MS, 7 * MS, 1e6, 0, 200);
    wtl_gauge_mark(&gauge, 3000 * MS, &a);
    run(5000 * MS, 240000 * MS, 7 * MS, -900, 0, 200);
    wtl_gauge_mark(&gauge, 230000 * MS, &b);
    wtl_gauge_between(&gauge, &a, &b, &e);
    assert_near(e.energy_j, 45400, 50);
    assert_true(e.troubles & WTL_TROUBLE(reset));
    assert_int_equal(between(200000 * MS, 230000 * MS).troubles, 0);
}

/* A counter that jumps by more than the device can have drawn. */
static void test_jump(void **state)
{
    (void)state;
    begin(true, true, 0);
    run(0, 5000 * MS, 7 * MS, 0, 0, 200);
    run(5000 * MS, 12000 * MS, 7 * MS, 5e5, 0, 200);
    struct wtl_energy e = between(3000 * MS, 8000 * MS);
    assert_true(e.troubles & WTL_TROUBLE(reset));
    assert_near(e.energy_j, 1000, 10);
}

static void test_scope(void **state)
{
    (void)state;
    begin(true, true, 0);
    run(0, 12000 * MS, 7 * MS, 0, 0, 260);
    struct wtl_energy e = between(3000 * MS, 8000 * MS);
    assert_true(e.troubles & WTL_TROUBLE(inconsistent));
    assert_near(e.energy_j, 1000, 2);
    assert_near(e.check, 1.3, 0.01);
}

static void test_no_counter(void **state)
{
    (void)state;
    begin(false, true, 0);
    run(0, 12000 * MS, 7 * MS, 0, 0, 200);
    struct wtl_energy e = between(3000 * MS, 8000 * MS);
    assert_int_equal(e.method, WTL_ENERGY_polled);
    assert_int_equal(e.class, WTL_CLASS_B);
    assert_near(e.energy_j, 1000, 2);
    assert_false(e.has_check);
}

static void test_ring(void **state)
{
    (void)state;
    begin(false, true, 0);
    for (int i = 0; i < 100; i++)
        wtl_gauge_ring(&gauge, i * 100 * MS, 150 + 0.1 * (i % 3));
    struct wtl_energy e = between(2000 * MS, 7000 * MS);
    assert_int_equal(e.method, WTL_ENERGY_ring);
    assert_near(e.energy_j, 750.5, 1);
    assert_int_equal(e.troubles, 0);
    for (int i = 110; i < 200; i++) /* ten samples are lost */
        wtl_gauge_ring(&gauge, i * 100 * MS, 150 + 0.1 * (i % 3));
    assert_true(between(8000 * MS, 13000 * MS).troubles & WTL_TROUBLE(gap));
}

/* Constant power is legal: no counter, and a value that never changes. */
static void test_constant(void **state)
{
    (void)state;
    begin(false, true, 0);
    for (int64_t t = 0; t < 12000 * MS; t += 20 * MS)
        wtl_gauge_power(&gauge, t, t < 1000 * MS ? 40 + (double)(t / (100 * MS)) : 50, 0);
    struct wtl_energy e = between(3000 * MS, 8000 * MS);
    assert_near(e.energy_j, 250, 1);
}

/* A device whose sensors say when their values are from: counter and power every 100 ms, there to
 * read up to 5 ms later. */
struct device {
    struct wtl_gauge gauge;
    struct wtl_gauge_poll next;
    int64_t phase_ns, polls;
};

static void poll(struct device *d, int64_t t)
{
    int64_t updates = (t - d->phase_ns - 5 * MS) / (100 * MS);
    int64_t stamp = d->phase_ns + updates * 100 * MS;
    wtl_gauge_power(&d->gauge, t, 200 + (double)(updates % 3), stamp);
    wtl_gauge_counter(&d->gauge, t, 20 * (double)updates, stamp);
    d->next = wtl_gauge_next_poll(&d->gauge, t);
    d->polls++;
}

/* Wakes up when one is due, and polls all that may be polled; returns how often it woke up. */
static int64_t wake_up(struct device *d, int n, int64_t from, int64_t to)
{
    int64_t wakeups = 0;
    for (int64_t t = from; t < to; wakeups++) {
        for (int i = 0; i < n; i++)
            if (d[i].next.may_ns <= t)
                poll(&d[i], t + 20000 * i);
        t = INT64_MAX;
        for (int i = 0; i < n; i++)
            t = d[i].next.due_ns < t ? d[i].next.due_ns : t;
    }
    return wakeups;
}

/* One poll a period is enough then, and devices whose ticks lie apart are polled together. */
static void test_stamped(void **state)
{
    (void)state;
    enum { N = 8 };
    static struct device d[N];
    for (int i = 0; i < N; i++) {
        wtl_gauge_init(&d[i].gauge, &(struct wtl_gauge_options){
                                        .has_counter = true, .has_power = true, .max_w = 400});
        d[i] = (struct device){.gauge = d[i].gauge, .phase_ns = i * 13 * MS - 1000 * MS};
    }
    (void)wake_up(d, N, 0, 5000 * MS);
    const int64_t polls = d[3].polls, ticks = d[3].gauge.power.ticks.n_ticks;
    const int64_t wakeups = wake_up(d, N, 5000 * MS, 15000 * MS);
    assert_in_range(d[3].gauge.power.ticks.n_ticks - ticks, 99, 101); /* none is missed */
    assert_in_range(d[3].polls - polls, 100, 160);
    assert_in_range(wakeups, 100, 160);
    gauge = d[3].gauge;
    struct wtl_energy e = between(6333 * MS, 11333 * MS);
    assert_int_equal(e.method, WTL_ENERGY_counter_edges);
    assert_near(e.energy_j, 1000, 2);
    /* Where in its beat the counter is, is known between polls. */
    const struct wtl_ticks *k = &d[3].gauge.counter.ticks;
    const int64_t next = k->hi_ns + 100 * MS;
    assert_int_equal(wtl_ticks_by(k, next - 2 * MS), k->n_ticks);
    assert_int_equal(wtl_ticks_by(k, next + 2 * MS), k->n_ticks + 1);
    assert_int_equal(wtl_ticks_by(k, next + 5000 * MS), k->n_ticks + 1); /* or it has stopped */
}

static void test_nothing(void **state)
{
    (void)state;
    begin(true, true, 0);
    assert_int_equal(between(0, 1000 * MS).method, WTL_ENERGY_NONE);
    double w;
    assert_false(wtl_gauge_now_w(&gauge, &w));
}

/* ---- Sensors that stop ----------------------------------------------------------------------- */

/* 200 W that scatter by two. What a sensor says at t; each is silent, or stands, where its
 * function of time says so. */
static double scatter_w(double updates)
{
    return 198 + 4 * fmod(43758.5453 * (1.5 + sin(12.9898 * updates)), 1);
}

/* Polls every 20 ms. From `stop` until `go` the counter (or power) gives what it gave at `stop`;
 * with `absent` nothing can be read meanwhile. Afterwards the counter is `lost_j` behind. */
struct fault {
    int64_t stop, go;
    bool counter, power, absent, stamped;
    double lost_j;
};

static void run_with(int64_t from, int64_t to, const struct fault *f)
{
    for (int64_t t = from; t < to; t += 20 * MS) {
        const bool bad = t >= f->stop && t < f->go;
        if (bad && f->absent)
            continue;
        const double now = floor((double)t / 1e8), then = floor((double)f->stop / 1e8);
        const int64_t stamp = f->stamped ? (int64_t)now * 100 * MS + 1000 : 0;
        const double lost_j = t >= f->go ? f->lost_j : 0;
        wtl_gauge_power(&gauge, t, scatter_w(bad && f->power ? then : now), stamp);
        wtl_gauge_counter(&gauge, t, 1e6 + 20 * (bad && f->counter ? then : now) - lost_j, stamp);
    }
}

static struct wtl_energy with(bool counter, bool power, const struct fault *f)
{
    begin(counter, power, 0);
    run_with(0, 12000 * MS, f);
    return between(3000 * MS, 9000 * MS);
}

/* A counter that never moves, whatever it says of when. */
static void test_stuck(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct fault f = {.go = INT64_MAX, .counter = true, .stamped = i == 1};
        struct wtl_energy e = with(true, true, &f);
        assert_int_equal(e.method, WTL_ENERGY_polled);
        assert_int_equal(e.class, WTL_CLASS_B);
        assert_near(e.energy_j, 1200, 5);
        assert_int_equal(e.troubles, WTL_TROUBLE(stuck));
        /* Before a second is over, too. */
        e = between(200 * MS, 700 * MS);
        assert_true(e.method != WTL_ENERGY_counter_edges || e.energy_j > 0);
        e = with(true, false, &f);
        assert_int_equal(e.method, WTL_ENERGY_NONE);
    }
}

/* One that stops while it is measured. */
static void test_stops(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct fault f = {
            .stop = 5000 * MS, .go = INT64_MAX, .counter = true, .stamped = i == 1};
        struct wtl_energy e = with(true, true, &f);
        assert_int_equal(e.method, WTL_ENERGY_polled);
        assert_near(e.energy_j, 1200, 5);
        assert_int_equal(e.troubles, WTL_TROUBLE(stuck));
        assert_int_equal(between(2000 * MS, 4500 * MS).troubles, 0); /* it was good until then */
        e = with(true, false, &f); /* without power the rest is not known */
        assert_int_equal(e.method, WTL_ENERGY_counter_edges);
        assert_int_equal(e.troubles, WTL_TROUBLE(stuck) | WTL_TROUBLE(partial));
        assert_near(e.time_s, 2, 0.11);
        assert_near(e.energy_j / e.time_s, 200, 2);
    }
}

/* One that stands for a while: it has counted meanwhile, or it has not. */
static void test_goes_on(void **state)
{
    (void)state;
    struct fault f = {.stop = 5000 * MS, .go = 8000 * MS, .counter = true};
    struct wtl_energy e = with(true, true, &f);
    assert_int_equal(e.method, WTL_ENERGY_counter_edges);
    assert_near(e.energy_j, 1200, 5);
    assert_int_equal(e.troubles, 0);
    f.lost_j = 600;
    e = with(true, true, &f);
    assert_int_equal(e.method, WTL_ENERGY_polled);
    assert_near(e.energy_j, 1200, 5);
    assert_true(e.troubles & WTL_TROUBLE(stuck));
    e = with(true, false, &f);
    assert_true(e.troubles & WTL_TROUBLE(partial));
    assert_near(e.time_s, 3, 0.2);
    assert_near(e.energy_j / e.time_s, 200, 2);
}

/* A counter of whole joules of a device that draws little. */
static void test_coarse_counter(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        begin(true, i == 0, 0);
        for (int64_t t = 0; t < 60000 * MS; t += 20 * MS) {
            const double updates = floor((double)t / 1e8);
            wtl_gauge_power(&gauge, t, 0.4 + 0.01 * fmod(updates, 3), (int64_t)updates * 100 * MS);
            wtl_gauge_counter(&gauge, t, floor(0.041 * updates), (int64_t)updates * 100 * MS);
        }
        struct wtl_energy e = between(10000 * MS, 50000 * MS);
        assert_int_equal(e.troubles & ~WTL_TROUBLE(short_window), 0);
        assert_int_equal(e.method, WTL_ENERGY_counter_edges);
        assert_near(e.energy_j, 16.4, 1); /* a step */
    }
}

/* Nothing can be read from 6 s on, or from 5 s to 8 s. */
static void test_lost(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        const bool counter = i != 1, power = i != 2;
        struct fault f = {.stop = 6000 * MS, .go = INT64_MAX, .absent = true};
        struct wtl_energy e = with(counter, power, &f);
        assert_true(e.troubles & WTL_TROUBLE(partial) && e.troubles & WTL_TROUBLE(gap));
        assert_near(e.time_s, 3, 0.2);
        assert_near(e.energy_j / e.time_s, 200, 2);
        assert_int_equal(between(7500 * MS, 9000 * MS).method, WTL_ENERGY_NONE);
        f = (struct fault){.stop = 5000 * MS, .go = 8000 * MS, .absent = true};
        e = with(counter, power, &f);
        if (counter) { /* it has counted meanwhile */
            assert_near(e.energy_j, 1200, 5);
            assert_near(e.time_s, 6, 1e-9);
            assert_false(e.troubles & WTL_TROUBLE(partial));
            continue;
        }
        assert_true(e.troubles & WTL_TROUBLE(partial) && e.troubles & WTL_TROUBLE(gap));
        assert_near(e.time_s, 3, 0.2);
        assert_near(e.energy_j / e.time_s, 200, 2);
        /* Windows within the gap, and about its edges. */
        assert_int_equal(between(5500 * MS, 7500 * MS).method, WTL_ENERGY_NONE);
        e = between(4000 * MS, 6500 * MS);
        assert_near(e.time_s, 1, 0.15);
        assert_near(e.energy_j / e.time_s, 200, 5);
        assert_int_equal(between(8500 * MS, 11000 * MS).troubles & WTL_TROUBLE(partial), 0);
    }
}

/* Power without a counter that freezes: it scattered before. */
static void test_frozen(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fault f = {.stop = 6000 * MS, .go = INT64_MAX, .power = true, .stamped = i == 1};
        struct wtl_energy e = with(false, true, &f);
        assert_int_equal(e.troubles, WTL_TROUBLE(stale) | WTL_TROUBLE(partial));
        assert_near(e.time_s, 3, 0.2);
        assert_near(e.energy_j / e.time_s, 200, 2);
        f.go = 8000 * MS;
        e = with(false, true, &f);
        assert_int_equal(e.troubles, WTL_TROUBLE(stale) | WTL_TROUBLE(partial));
        assert_near(e.time_s, 4, 0.3);
    }
}

/* Idle power of a sensor of whole watts does not scatter, though that of work did. */
static void test_idle_is_not_frozen(void **state)
{
    (void)state;
    begin(false, true, 0);
    for (int64_t t = 0; t < 16000 * MS; t += 20 * MS) {
        const double updates = floor((double)t / 1e8);
        wtl_gauge_power(&gauge, t, t < 5000 * MS ? floor(scatter_w(updates)) : 12, 0);
    }
    struct wtl_energy e = between(7000 * MS, 13000 * MS);
    assert_near(e.energy_j, 72, 0.5);
    assert_near(e.time_s, 6, 1e-9);
    assert_int_equal(e.troubles & ~WTL_TROUBLE(short_window), 0);
}

/* A meter whose newest value is of 6 s, as is found out later; then it goes on with the same one.
 */
static void test_silent(void **state)
{
    (void)state;
    begin(false, true, 0);
    for (int64_t t = 0; t < 16000 * MS; t += 20 * MS) {
        if (t >= 9000 * MS && t < 11000 * MS)
            wtl_gauge_silent(&gauge, false, 6000 * MS);
        else
            wtl_gauge_power(&gauge, t, 200,
                            t < 6000 * MS || t >= 11000 * MS ? t / (100 * MS) * (100 * MS) + 1000
                                                             : 6000 * MS + 1000);
    }
    struct wtl_energy e = between(3000 * MS, 14000 * MS);
    assert_true(e.troubles & WTL_TROUBLE(partial) && e.troubles & WTL_TROUBLE(gap));
    assert_near(e.time_s, 6, 0.3);
    assert_near(e.energy_j / e.time_s, 200, 1);
}

/* The driver's samples come a second later than polls, and reach back further: a mark that was made
 * before keeps its meaning. */
static void test_ring_takes_over(void **state)
{
    (void)state;
    for (int first = -8; first <= 4; first += 12) {
        struct wtl_gauge_mark a, b;
        struct wtl_energy e;
        begin(false, true, 0);
        for (int64_t t = 0; t < 1000 * MS; t += 20 * MS)
            wtl_gauge_power(&gauge, t, scatter_w(floor((double)t / 1e8)), 0);
        wtl_gauge_mark(&gauge, 600 * MS, &a);
        assert_true(a.has_power);
        for (int i = first; i < 80; i++)
            wtl_gauge_ring(&gauge, i * 100 * MS, scatter_w(i));
        wtl_gauge_mark(&gauge, 6600 * MS, &b);
        wtl_gauge_between(&gauge, &a, &b, &e);
        assert_near(e.energy_j, 1200, 12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steady),
        cmocka_unit_test(test_additive),
        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_old_reset),
        cmocka_unit_test(test_jump),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_no_counter),
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_stamped),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_stuck),
        cmocka_unit_test(test_stops),
        cmocka_unit_test(test_goes_on),
        cmocka_unit_test(test_coarse_counter),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_idle_is_not_frozen),
        cmocka_unit_test(test_silent),
        cmocka_unit_test(test_ring_takes_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
