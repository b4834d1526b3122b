/* SPDX-License-Identifier: Apache-2.0
 * Whole sweeps on virtual devices in simulated time: what is stored, what is refused, and that one
 * that was stopped ends as one that was not. */
#include "sweep_world.h"

#include <math.h>

static const char small[] = "name: small\n"
                            "devices: virtual:plain,seed=3\n"
                            "workloads:\n"
                            "  - {name: plain, virtual: plain}\n"
                            "points: {clocks: [510, 810, 1110, 1515], batches: [4, 8]}\n"
                            "protocol: {blocks_min: 2, blocks_max: 2, samples: no}\n";

static void stores_every_point(void **state)
{
    WTL_ARENA(arena);
    struct wtl_run *runs;
    struct wtl_visit *visits;
    size_t n_visits;
    (void)state;
    sweep(small, in_test_directory("whole.wattle"), -1);
    size_t n = load(&arena, in_test_directory("whole.wattle"), &runs, &visits, &n_visits);
    assert_int_equal(n, 2 * (7 + 3)); /* 8 points, of which one is the reference; 3 anchors */
    assert_int_equal(n_visits, n);
    for (size_t i = 0; i < n; i++) {
        const struct wtl_run *r = &runs[i];
        assert_string_equal(r->workload, "plain");
        assert_string_equal(r->job, "small");
        assert_string_equal(r->unit, "images");
        assert_true(r->window && r->clock_mhz > 0 && r->mode == WTL_MODE_SWEEP);
        assert_true(wtl_point_has(&r->point, WTL_SETTING_batch));
        assert_int_equal(r->energy_class, WTL_CLASS_A);
        assert_int_equal(r->energy_troubles, 0);
        assert_true(r->metric[WTL_R_time_s] >= 2 && r->metric[WTL_R_time_s] < 11);
        assert_true(wtl_run_has(r, WTL_R_work_units) && r->metric[WTL_R_work_units] > 0);
        assert_near(r->metric[WTL_R_sm_clock_match], 1, 1e-9);
        assert_true(wtl_run_has(r, WTL_R_idle_power_w));
        assert_true(r->metric[WTL_R_idle_power_w] > 5 &&
                    r->metric[WTL_R_idle_power_w] < 0.9 * r->metric[WTL_R_power_w]);
        assert_near(r->metric[WTL_R_power_w], r->metric[WTL_R_energy_j] / r->metric[WTL_R_time_s],
                    1e-9);
        /* the integral of the power samples is another way to the same energy */
        assert_near(r->metric[WTL_R_power_mean_w] / r->metric[WTL_R_power_w], 1, 0.02);
    }
}

/* Where nothing has to be repeated: as many visits as the plan said. */
static void visits_are_as_many_as_planned(void **state)
{
    static const char *const points[] = {
        "points: {clocks: [1515]}\n",
        "points: {clocks: [1515]}\nsearch: adaptive\n",
        "points: {clocks: [510, 1515]}\n",
        "points: {clocks: [510, 1110, 1515]}\n",
        "points: {clocks: [510, 810, 1110, 1215, 1515]}\n",
    };
    static const char *const protocols[] = {
        "protocol: {samples: no, idle: no, thermal_band: no, blocks_min: 4, blocks_max: 5}\n",
        "protocol: {samples: no, idle: no, thermal_band: no, blocks_min: 2, anchor_every: 2}\n",
    };
    (void)state;
    visits_left = -1;
    for (int i = 0; i < 10; i++) {
        struct bench_world w;
        char text[500], path[40];
        (void)snprintf(text, sizeof text,
                       "name: n\ndevices: virtual:plain,seed=3\nworkloads: [{name: "
                       "plain, virtual: plain}, {name: b, virtual: plain}]\n%s%s",
                       points[i % 5], protocols[i / 5]);
        (void)snprintf(path, sizeof path, "planned%d.wattle", i);
        sweep_open(&w, text, in_test_directory(path));
        assert_int_equal(w.result.n_invalid + w.result.n_infeasible, 0);
        if (i % 5 < 2)
            assert_int_equal(w.plan.visits_min, w.plan.visits_max);
        assert_in_range(w.result.n_visits, w.plan.visits_min, w.plan.visits_max);
        close_world(&w);
    }
}

static void goes_on_where_it_was_stopped(void **state)
{
    const char *path = in_test_directory("stopped.wattle");
    (void)state;
    for (int i = 0; i < 3; i++) {
        sweep(small, path, 4); /* four visits at a time */
    }
    sweep(small, path, -1);
    sweep(small, path, -1); /* nothing is left */
    assert_same_runs(in_test_directory("whole.wattle"), path);
}

static void a_changed_spec_is_refused(void **state)
{
    struct bench_world w;
    char text[sizeof small + 100];
    const char *path = in_test_directory("whole.wattle");
    (void)state;
    visits_left = -1;
    (void)snprintf(text, sizeof text, "%sseed: 2\n", small);
    assert_ok(open_world(&w, text), &err);
    assert_int_equal(run_world(&w, path, true), -(int)WTL_USAGE);
    assert_non_null(strstr(err.message, "seed is 2, was 1"));
    close_world(&w);
    (void)snprintf(text, sizeof text, "%slist: [{clock: 1215, batch: 8}]\n", small);
    assert_ok(open_world(&w, text), &err);
    assert_int_equal(run_world(&w, path, false), -(int)WTL_USAGE);
    assert_non_null(strstr(err.message, "1 point more"));
    assert_non_null(strstr(err.hint, "--extend"));
    close_world(&w);
    assert_ok(open_world(&w, text), &err);
    assert_ok(run_world(&w, path, true), &err);
    assert_int_equal(w.result.n_before, 20);
    assert_int_equal(w.result.n_visits, 20 + 2 * 3); /* two blocks of anchor, point, anchor */
    close_world(&w);
}

static void what_cannot_be_had_is_infeasible(void **state)
{
    WTL_ARENA(arena);
    struct wtl_run *runs;
    struct wtl_visit *visits;
    size_t n_visits, infeasible = 0;
    const char *path = in_test_directory("infeasible.wattle");
    (void)state;
    /* 40 replicas at the largest batch do not fit into the memory */
    sweep("name: i\ndevices: virtual:a100,seed=3\n"
          "workloads: [{name: vgg19, virtual: vgg19}]\n"
          "list: [{clock: 1410, batch: 256, replicas: 40}, {clock: 810, batch: 8}]\n"
          "baseline: {clock: 1410, batch: 8}\n"
          "protocol: {blocks_min: 2, blocks_max: 2, samples: no}\n",
          path, -1);
    size_t n = load(&arena, path, &runs, &visits, &n_visits);
    for (size_t i = 0; i < n_visits; i++)
        if (visits[i].outcome == WTL_VISIT_infeasible) {
            infeasible++;
            assert_int_equal(visits[i].run_id, 0);
            assert_int_equal(visits[i].block, 1); /* and never again */
            assert_non_null(strstr(visits[i].why, "MiB"));
        }
    assert_int_equal(infeasible, 1);
    assert_int_equal(n, n_visits - 1);
}

static void a_limit_that_holds_the_clock_is_no_failure(void **state)
{
    WTL_ARENA(arena);
    struct wtl_run *runs;
    struct wtl_visit *visits;
    size_t n_visits, infeasible = 0;
    const char *path = in_test_directory("capped.wattle");
    (void)state;
    /* 1410 MHz does not fit into 120 W: the board lowers the clock, as it was told to */
    sweep("name: c\ndevices: virtual:a100,seed=3\n"
          "workloads: [{name: vgg19, virtual: vgg19}]\n"
          "points: {clocks: [510, 1410], batches: 64, limits: [120W, 250W]}\n"
          "baseline: {clock: 510, batch: 64, limit: 250W}\n"
          "protocol: {blocks_min: 2, blocks_max: 2, samples: no}\n",
          path, -1);
    size_t n = load(&arena, path, &runs, &visits, &n_visits);
    for (size_t i = 0; i < n_visits; i++)
        infeasible += visits[i].outcome == WTL_VISIT_infeasible;
    assert_int_equal(infeasible, 0); /* the limit is the knob: a lower clock is what was asked */
    bool held = false;
    for (size_t i = 0; i < n; i++)
        held =
            held || (runs[i].clock_mhz == 1410 && runs[i].point.value[WTL_SETTING_limit_w] < 130 &&
                     runs[i].metric[WTL_R_sm_clock_mean_mhz] < 1400);
    assert_true(held);
}

static void somebody_else_is_refused(void **state)
{
    struct bench_world w;
    (void)state;
    visits_left = -1;
    assert_ok(open_world(&w, "name: b\ndevices: virtual:plain,load=plain\n"
                             "workloads: [{name: plain, virtual: plain}]\n"
                             "points: {clocks: [510, 1515]}\n"),
              &err);
    assert_int_equal(run_world(&w, in_test_directory("busy.wattle"), false), -(int)WTL_BUSY);
    assert_non_null(strstr(err.message, "plain"));
    close_world(&w);
}

static void the_knobs_are_put_back(void **state)
{
    struct bench_world w;
    struct wtl_knob_state knob;
    (void)state;
    visits_left = 3;
    sweep_open(&w, small, in_test_directory("back.wattle"));
    assert_true(w.result.stopped);
    assert_ok(wtl_device_knob(w.plan.device, WTL_KNOB_sm_clock_mhz, &knob, &err), &err);
    assert_true(knob.requested.released);
    close_world(&w);
}

static void without_privilege_nothing_is_set(void **state)
{
    WTL_ARENA(arena);
    struct wtl_run *runs;
    struct wtl_visit *visits;
    size_t n_visits;
    char text[sizeof small + 100];
    const char *path = in_test_directory("none.wattle");
    (void)state;
    (void)snprintf(text, sizeof text, "%sno_privilege: yes\n", small);
    sweep(text, path, -1);
    size_t n = load(&arena, path, &runs, &visits, &n_visits);
    assert_int_equal(n, 2 * (1 + 2)); /* two batches: the other one, and two anchors */
    for (size_t i = 0; i < n; i++)
        assert_int_equal(runs[i].clock_mhz, 0);
}

static void sensor_faults_are_repeated(void **state)
{
    WTL_ARENA(arena);
    struct wtl_run *runs;
    struct wtl_visit *visits;
    size_t n_visits, invalid = 0;
    const char *path = in_test_directory("faulty.wattle");
    (void)state;
    sweep("name: f\ndevices: \"faulty:read/energy_counter_j.absent@0.5%:virtual:plain,seed=3\"\n"
          "workloads: [{name: plain, virtual: plain}]\n"
          "points: {clocks: [510, 1515]}\n"
          "protocol: {blocks_min: 2, blocks_max: 2, samples: no, thermal_band: no, idle: no,"
          " attempts: 20}\n",
          path, -1);
    size_t n = load(&arena, path, &runs, &visits, &n_visits);
    for (size_t i = 0; i < n_visits; i++)
        if (visits[i].outcome == WTL_VISIT_invalid) {
            invalid++;
            assert_non_null(strstr(visits[i].why, "gap"));
            assert_true(i + 1 < n_visits);
            assert_int_equal(visits[i + 1].attempt, visits[i].attempt + 1);
        }
    assert_true(invalid > 0);
    assert_int_equal(n_visits, 6 + invalid);
    assert_int_equal(n, n_visits);
    for (size_t i = 0; i < n; i++)
        if (runs[i].stated_causes)
            assert_true(runs[i].stated_causes & (UINT32_C(1) << WTL_CAUSE_inconsistent_energy));
}

/* A set that fails once says nothing of the point: it is tried again, whoever's turn it was. */
static void a_set_that_fails_once_is_repeated(void **state)
{
    (void)state;
    for (int nth = 1; nth <= 12; nth++) {
        WTL_ARENA(arena);
        struct wtl_run *runs;
        struct wtl_visit *visits;
        size_t n_visits, infeasible = 0, invalid = 0;
        char text[600], name[40];
        (void)snprintf(name, sizeof name, "set-%d.wattle", nth);
        (void)snprintf(text, sizeof text,
                       "name: s\n"
                       "devices: \"faulty:set/sm_clock_mhz.error=failed@%d:virtual:plain,seed=3\"\n"
                       "workloads: [{name: plain, virtual: plain}]\n"
                       "points: {clocks: [810, 1515]}\n"
                       "protocol: {blocks_min: 2, blocks_max: 2, samples: no}\n",
                       nth);
        sweep(text, in_test_directory(name), -1);
        size_t n = load(&arena, in_test_directory(name), &runs, &visits, &n_visits);
        for (size_t i = 0; i < n_visits; i++) {
            infeasible += visits[i].outcome == WTL_VISIT_infeasible;
            invalid += visits[i].outcome == WTL_VISIT_invalid;
        }
        assert_int_equal(infeasible, 0);
        assert_true(invalid <= 1); /* the first set is in none */
        assert_int_equal(n, 6);
    }
}

/* What holds a clock in a window is judged as before it: power stays, so that the point cannot be
 * had; only the reference point, which all others need, is tried again. */
static void a_power_cap_in_a_window_is_no_chance(void **state)
{
    WTL_ARENA(arena);
    struct wtl_run *runs;
    struct wtl_visit *visits;
    size_t n_visits, reference = 0;
    const char *path = in_test_directory("cap.wattle");
    (void)state;
    sweep("name: c\ndevices: \"faulty:read/event_reasons.lie=4@20%:virtual:plain,seed=3\"\n"
          "workloads: [{name: plain, virtual: plain}]\n"
          "points: {clocks: [510, 1515]}\n"
          "protocol: {blocks_min: 2, blocks_max: 2, samples: no, attempts: 2}\n",
          path, -1);
    size_t n = load(&arena, path, &runs, &visits, &n_visits);
    assert_int_equal(n, n_visits); /* all were measured */
    for (size_t i = 0; i < n_visits; i++) {
        assert_non_null(strstr(visits[i].why, "of the window: "));
        assert_int_equal(visits[i].outcome,
                         visits[i].anchor ? WTL_VISIT_invalid : WTL_VISIT_infeasible);
        assert_true(runs[i].stated_causes & (UINT32_C(1) << WTL_CAUSE_throttled));
        assert_non_null(strstr(runs[i].stated_reason, "of the window: "));
        reference += visits[i].anchor;
    }
    assert_true(reference >= 4);
    assert_int_equal(n, reference + 1); /* and never again */
}

/* A dry run's time, against that of the run. */
static void the_time_is_foreseen(void **state)
{
    char text[sizeof small + 100], name[40];
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct bench_world w;
        visits_left = -1;
        const char *more[] = {"samples: no", "samples: no, idle: no",
                              "samples: no, thermal_band: no",
                              "samples: no, thermal_band: no, idle: no, window_min: 5s"};
        const char *at = strstr(small, "samples: no");
        (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - small), small, more[i],
                       at + strlen("samples: no"));
        (void)snprintf(name, sizeof name, "time-%d.wattle", i);
        sweep_open(&w, text, in_test_directory(name));
        print_message("# %.0f s, foreseen %.0f to %.0f\n", w.result.seconds, w.plan.seconds_min,
                      w.plan.seconds_max);
        assert_true(w.plan.seconds_min <= w.result.seconds);
        assert_true(w.result.seconds <= w.plan.seconds_max);
        close_world(&w);
    }
}

int main(void)
{
    (void)setenv("TMPDIR", "/dev/shm", 0); /* every run is synced to its disk */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_every_point),
        cmocka_unit_test(visits_are_as_many_as_planned),
        cmocka_unit_test(goes_on_where_it_was_stopped),
        cmocka_unit_test(a_changed_spec_is_refused),
        cmocka_unit_test(what_cannot_be_had_is_infeasible),
        cmocka_unit_test(a_limit_that_holds_the_clock_is_no_failure),
        cmocka_unit_test(somebody_else_is_refused),
        cmocka_unit_test(the_knobs_are_put_back),
        cmocka_unit_test(without_privilege_nothing_is_set),
        cmocka_unit_test(sensor_faults_are_repeated),
        cmocka_unit_test(a_set_that_fails_once_is_repeated),
        cmocka_unit_test(the_time_is_foreseen),
        cmocka_unit_test(a_power_cap_in_a_window_is_no_chance),
    };
    return cmocka_run_group_tests(tests, make_test_directory, drop_test_directory);
}
