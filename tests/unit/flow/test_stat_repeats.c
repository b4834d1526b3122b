/* SPDX-License-Identifier: Apache-2.0
 * Means of several runs of one command. */
#include "support/support.h"

#include "flow/stat_repeats.h"

enum { DEVICES = 3, WINDOWS = 2 };

/* A result of a measured device, a part of it, and an estimated one. */
struct one {
    struct wtl_stat_device devices[DEVICES];
    struct wtl_device_info infos[DEVICES];
    struct wtl_energy window[WINDOWS][DEVICES];
    struct wtl_window_total windows[WINDOWS];
    struct wtl_energy totals[WINDOWS];
    struct wtl_stat_result result;
};

static struct wtl_energy measured(double j)
{
    return (struct wtl_energy){.method = WTL_ENERGY_counter_edges,
                               .class = WTL_CLASS_A,
                               .energy_j = j,
                               .lo_j = 0.99 * j,
                               .hi_j = 1.01 * j,
                               .time_s = 1};
}

static struct wtl_energy estimated(double j)
{
    struct wtl_energy e = measured(j);
    wtl_energy_as_estimate(&e);
    return e;
}

static void make(struct one *o, double j, size_t n_windows, const char *unit)
{
    *o = (struct one){0};
    o->result = (struct wtl_stat_result){.time_s = j / 100,
                                         .n = DEVICES,
                                         .devices = o->devices,
                                         .n_windows = n_windows,
                                         .windows = o->windows,
                                         .window_total = o->totals};
    for (int d = 0; d < DEVICES; d++) {
        (void)snprintf(o->infos[d].id, sizeof o->infos[d].id, "device:%d", d);
        o->devices[d].info = &o->infos[d];
        o->devices[d].collected.energy = d == 2 ? estimated(10) : measured(j);
    }
    o->devices[1].part_of_another = true;
    for (size_t k = 0; k < n_windows; k++) {
        for (int d = 0; d < DEVICES; d++)
            o->window[k][d] = d == 2 ? estimated(1) : measured(j / 10);
        o->windows[k] = (struct wtl_window_total){
            .count = 2, .time_s = 0.1, .work = 8, .n_work = 1, .energy = o->window[k]};
        (void)snprintf(o->windows[k].name, sizeof o->windows[k].name, "w%zu", k);
        (void)snprintf(o->windows[k].unit, sizeof o->windows[k].unit, "%s", unit);
    }
}

static void test_means(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err;
    struct one a, b, c;
    struct wtl_stat_repeats m;
    make(&a, 100, 2, "images");
    make(&b, 102, 1, "images");
    make(&c, 104, 1, "tokens");
    struct wtl_stat_runs *runs = wtl_stat_runs_new(&arena, 3);
    assert_non_null(runs);
    assert_int_equal(wtl_stat_runs_add(runs, &a.result, &err), 0);
    assert_int_equal(wtl_stat_runs_add(runs, &b.result, &err), 0);
    assert_int_equal(wtl_stat_runs_add(runs, &c.result, &err), 0);
    assert_int_equal(wtl_stat_runs_means(runs, &m, &err), 0);
    assert_int_equal(m.n, 3);
    assert_float_equal(m.time_s, 1.02, 1e-12);
    assert_float_equal(m.device[0].energy_j, 102, 1e-9);
    assert_float_equal(m.total.energy_j, 112, 1e-9); /* the part is not counted twice */
    assert_int_equal(m.n_windows, 2);
    assert_string_equal(m.windows[0].name, "w0");
    assert_int_equal(m.windows[0].runs, 3);
    assert_float_equal(m.windows[0].energy.energy_j, 11.2, 1e-9);
    assert_float_equal(m.windows[0].count, 2, 0);
    assert_float_equal(m.windows[0].work, 8, 0);
    assert_string_equal(m.windows[0].unit, "(mixed)");
    assert_int_equal(m.windows[1].runs, 1);
    assert_float_equal(m.windows[1].energy.energy_j, 11, 1e-9);
    assert_string_equal(m.windows[1].unit, "images");
}

/* An estimate is off alike every time: its interval stays as wide, however often it is repeated;
 * that of the sum is not the factor of two of its smaller part. */
static void test_estimates_do_not_average_out(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err;
    struct one a;
    struct wtl_stat_repeats m;
    make(&a, 100, 1, "");
    struct wtl_stat_runs *runs = wtl_stat_runs_new(&arena, 50);
    for (int i = 0; i < 50; i++)
        assert_int_equal(wtl_stat_runs_add(runs, &a.result, &err), 0);
    assert_int_equal(wtl_stat_runs_means(runs, &m, &err), 0);
    assert_float_equal(m.device[2].lo_j, 5, 1e-9);
    assert_float_equal(m.device[2].hi_j, 20, 1e-9);
    assert_true(m.total.hi_j - m.total.energy_j >= 10);
    assert_true(m.total.hi_j - m.total.energy_j < 10.1);
    assert_true(m.total.energy_j - m.total.lo_j >= 5);
    assert_true(m.total.energy_j - m.total.lo_j < 5.1);
    assert_int_equal(m.total.class, WTL_CLASS_D);
    assert_true(m.windows[0].energy.hi_j - m.windows[0].energy.energy_j >= 1);
}

/* One run: its own figures. */
static void test_one(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err;
    struct one a;
    struct wtl_stat_repeats m;
    make(&a, 100, 1, "images");
    struct wtl_stat_runs *runs = wtl_stat_runs_new(&arena, 1);
    assert_int_equal(wtl_stat_runs_add(runs, &a.result, &err), 0);
    assert_int_equal(wtl_stat_runs_means(runs, &m, &err), 0);
    assert_float_equal(m.device[0].lo_j, 99, 1e-9);
    assert_float_equal(m.device[0].hi_j, 101, 1e-9);
    assert_float_equal(m.time_s, 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_means),
        cmocka_unit_test(test_estimates_do_not_average_out),
        cmocka_unit_test(test_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
