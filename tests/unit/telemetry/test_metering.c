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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
