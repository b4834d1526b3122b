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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steady),    cmocka_unit_test(test_additive),
        cmocka_unit_test(test_wrap),      cmocka_unit_test(test_reset),
        cmocka_unit_test(test_old_reset), cmocka_unit_test(test_jump),
        cmocka_unit_test(test_scope),     cmocka_unit_test(test_no_counter),
        cmocka_unit_test(test_ring),      cmocka_unit_test(test_constant),
        cmocka_unit_test(test_stamped),   cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
