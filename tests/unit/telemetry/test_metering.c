/* SPDX-License-Identifier: Apache-2.0
 * Devices read all the time: a device that hangs, samples, and windows that add up. */
#include "support/support.h"

#include "telemetry/windows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MS INT64_C(1000000)

static struct wtl_machine *machine;
static struct wtl_metering *metering;

static int64_t now_ns(void)
{
    struct wtl_clock c = wtl_clock_system();
    return c.monotonic_ns(c.ctx);
}

static void rest(int ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&t, NULL);
}

static void open_all(const char *const *only, int64_t interval_ns, size_t keep)
{
    const struct wtl_machine_options mo = {.clock = wtl_clock_system(), .nvml = "", .only = only};
    const struct wtl_metering_options o = {
        .clock = wtl_clock_system(), .interval_ns = interval_ns, .keep = keep};
    struct wtl_error err = {0};
    int devices[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    assert_ok(wtl_machine_open(wtl_alloc_system(), &mo, &machine, &err), &err);
    assert_ok(wtl_metering_start(wtl_alloc_system(), machine, devices, wtl_machine_count(machine),
                                 &o, &metering, &err),
              &err);
}

static void close_all(void)
{
    assert_true(wtl_metering_stop(metering, 10 * WTL_NS_PER_S));
    wtl_machine_close(machine);
}

static int64_t readings(size_t i)
{
    struct wtl_metered_state s;
    wtl_metering_state(metering, i, &s);
    return s.n_readings;
}

/* Three of one driver, of which one hangs: the others get another thread. */
static void test_hanging(void **state)
{
    (void)state;
    static const char *const only[] = {"faulty:read.hang=4s@5:virtual:plain#1",
                                       "faulty:seed=2,read.absent@1000000:virtual:plain#2",
                                       "faulty:seed=3,read.absent@1000000:virtual:plain#3", NULL};
    open_all(only, 10 * MS, 0);
    for (int i = 0; i < 40 && wtl_metering_tend(metering) == 0; i++)
        rest(50);
    assert_int_equal(wtl_metering_tend(metering), 1);
    int64_t stuck = readings(0), second = readings(1), third = readings(2);
    rest(300);
    assert_true(readings(0) == stuck);
    assert_true(readings(1) > second && readings(2) > third);
    struct wtl_metered_state s;
    wtl_metering_state(metering, 0, &s);
    assert_true(s.hangs);
    close_all();
}

/* Errors of one device of two, as they are asked for. */
static void test_errors(void **state)
{
    (void)state;
    static const char *const only[] = {"virtual:plain#1", "faulty:errors.lie=31@2:virtual:plain#2",
                                       "faulty:errors.error=unsupported:virtual:plain#3", NULL};
    struct wtl_metered_errors e;
    open_all(only, 10 * MS, 0);
    wtl_metering_hear(metering);
    for (int i = 0; !wtl_metering_heard(metering); i++) {
        assert_true(i < 2000);
        rest(1);
    }
    wtl_metering_errors(metering, 0, &e);
    assert_true(e.told && e.n == 0 && e.n_kept == 0);
    wtl_metering_errors(metering, 1, &e);
    assert_true(e.told && e.n == 1 && e.n_kept == 1);
    assert_int_equal(e.kept[0].number, 31);
    assert_in_range((unsigned long)(now_ns() - e.kept[0].t_ns), 0, 10 * WTL_NS_PER_S);
    wtl_metering_errors(metering, 2, &e);
    assert_false(e.told);
    close_all();
}

static void test_samples(void **state)
{
    (void)state;
    static const char *const only[] = {"virtual:plain,load=plain/8", NULL};
    static struct wtl_metered_sample samples[64];
    enum wtl_metric metrics[WTL_METERED_METRICS];
    open_all(only, 10 * MS, 16);
    rest(400);
    assert_true(wtl_metering_metrics(metering, 0, metrics) > 5);
    size_t n = wtl_metering_take(metering, 0, samples, 64);
    assert_int_equal(n, 16); /* the newest; the others are counted */
    struct wtl_metered_state s;
    wtl_metering_state(metering, 0, &s);
    assert_true(s.n_lost > 5 && s.n_lost + 16 <= s.n_readings);
    for (size_t i = 0; i < n; i++) {
        assert_true(samples[i].valid & 1);
        assert_true(i == 0 || samples[i].t_ns > samples[i - 1].t_ns);
    }
    assert_int_equal(metrics[0], WTL_M_energy_counter_j);
    close_all();
}

static void tell(struct wtl_windows *w, const char *text, int64_t t_ns)
{
    static struct wtl_marker_line line;
    assert_true(wtl_marker_parse(text, strlen(text), &line));
    line.t_ns = t_ns;
    wtl_windows_tell(w, 1, &line, now_ns());
}

/* Names enough for all rows. */
static void fill(struct wtl_windows *w, int64_t t_ns)
{
    char text[64];
    for (int i = 0; i < WTL_WINDOW_NAMES; i++) {
        (void)snprintf(text, sizeof text, "begin filler-%d", i);
        tell(w, text, t_ns);
        (void)snprintf(text, sizeof text, "end filler-%d cancel=1", i);
        tell(w, text, t_ns);
    }
}

static void tell_both(struct wtl_windows *const w[2], const char *text, int64_t t_ns)
{
    tell(w[0], text, t_ns);
    tell(w[1], text, t_ns);
}

/* Whoever asks hears the same, whether the name has a row or not. */
static void ask_both(struct wtl_windows *const w[2], const char *name, int64_t t_ns, int64_t begun)
{
    struct wtl_energy e[2] = {0};
    for (int i = 0; i < 2; i++)
        assert_int_equal(wtl_windows_ask(w[i], 1, name, 0, t_ns, &e[i]), begun);
    assert_near(e[1].energy_j, e[0].energy_j, 0);
    assert_near(e[1].hi_j, e[0].hi_j, 0);
    assert_true(begun < 0 || e[0].energy_j > 0);
}

/* More names than there are rows: each window and each request has what it has elsewhere. */
static void test_more_names_than_rows(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const char *const only[] = {"virtual:plain,load=plain/8", NULL};
    struct wtl_windows *w[2];
    struct wtl_error err = {0};
    open_all(only, 0, 0);
    rest(600);
    int64_t t = now_ns();
    for (int i = 0; i < 2; i++) {
        assert_ok(wtl_windows_new(&arena, metering, &w[i], &err), &err);
        wtl_windows_open(w[i], t);
    }
    fill(w[1], t + MS);
    tell_both(w, "begin a", t + 50 * MS);
    tell_both(w, "begin b", t + 100 * MS); /* within a, and a name of its own */
    tell_both(w, "begin a", t + 150 * MS);
    tell_both(w, "end a work=2 requests=x:2", t + 250 * MS);
    tell_both(w, "end b work=3 requests=z:3", t + 300 * MS);
    tell_both(w, "end a work=6 requests=x:1,y:5", t + 350 * MS);
    tell_both(w, "begin c", t + 360 * MS);
    rest(500);
    for (int settled = 0; settled < 2; settled++) {
        ask_both(w, "c", t + 400 * MS, t + 360 * MS);
        ask_both(w, "a", t + 400 * MS, -1);
        rest(settled ? 0 : 500);
        for (int i = 0; i < 2; i++)
            wtl_windows_settle(w[i], now_ns());
    }
    tell_both(w, "end c unit=images", t + 400 * MS);
    for (int i = 0; i < 2; i++)
        wtl_windows_close(w[i], t + 450 * MS);
    close_all();

    const struct wtl_window_total *named, *all;
    const struct wtl_request_total *requests, *others;
    assert_int_equal(wtl_windows_totals(w[0], &named), 3);
    assert_int_equal(wtl_windows_totals(w[1], &all), WTL_WINDOW_NAMES + 1);
    const struct wtl_window_total *rest_of = &all[WTL_WINDOW_NAMES];
    double energy_j = 0, time_s = 0;
    for (int i = 0; i < 3; i++) {
        energy_j += named[i].energy[0].energy_j;
        time_s += named[i].time_s;
    }
    assert_string_equal(rest_of->name, WTL_WINDOW_OTHER_NAMES);
    assert_int_equal(rest_of->count, 4);
    assert_near(rest_of->work, 11, 0);
    assert_string_equal(rest_of->unit, "images");
    assert_near(rest_of->time_s, time_s, 1e-9);
    assert_near(rest_of->energy[0].energy_j, energy_j, 1e-9);
    /* While one of them was open: c follows b and a, which overlap. */
    assert_near(rest_of->inside_j[0], named[0].inside_j[0] + named[2].inside_j[0], 1e-9);
    assert_int_equal(wtl_windows_requests(w[0], &requests), 3);
    assert_int_equal(wtl_windows_requests(w[1], &others), 3);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(others[i].id, requests[i].id);
        assert_near(others[i].energy_j, requests[i].energy_j, 1e-9);
    }
    const struct wtl_windows_counts counts = wtl_windows_counts(w[1]);
    assert_int_equal(counts.other_names, 3);
    assert_int_equal(counts.dropped + counts.unmatched, 0);
    assert_int_equal(wtl_windows_counts(w[0]).other_names, 0);
}

/* Windows of one name, one after another and at once: shares and what is outside are the whole. */
static void test_windows_add_up(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    static const char *const only[] = {"virtual:plain,load=plain/8", NULL};
    struct wtl_windows *w;
    struct wtl_error err = {0};
    open_all(only, 0, 0);
    rest(1200);
    assert_ok(wtl_windows_new(&arena, metering, &w, &err), &err);
    int64_t t = now_ns();
    wtl_windows_open(w, t);
    tell(w, "begin a", t + 50 * MS);
    tell(w, "begin a", t + 150 * MS);
    tell(w, "end a work=2 requests=x:2", t + 350 * MS); /* the one that began last */
    tell(w, "end a work=6 requests=x:1,y:5", t + 450 * MS);
    tell(w, "begin b", t + 500 * MS);
    tell(w, "end never", t + 510 * MS);
    rest(1000);
    wtl_windows_close(w, t + 600 * MS);
    close_all();

    const struct wtl_window_total *totals;
    const struct wtl_request_total *requests;
    assert_int_equal(wtl_windows_totals(w, &totals), 3);
    assert_int_equal(totals[0].count, 2);
    assert_near(totals[0].work, 8, 0);
    assert_near(totals[0].time_s, 0.6, 1e-6);
    assert_int_equal(totals[1].count, 1);
    assert_int_equal(totals[1].cut, 1); /* b was open at the end */
    assert_int_equal(wtl_windows_counts(w).unmatched, 1);
    assert_int_equal(wtl_windows_requests(w, &requests), 2);
    assert_near(requests[0].energy_j + requests[1].energy_j, totals[0].inside_j[0], 1e-6);
    assert_near(requests[0].work, 3, 0);
    /* 0.4 s of the span's 0.6 s, of steady power; windows count their overlap twice. */
    assert_near(totals[0].energy[0].energy_j / totals[0].inside_j[0], 1.5, 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hanging),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_windows_add_up),
        cmocka_unit_test(test_more_names_than_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
