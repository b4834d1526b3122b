/* SPDX-License-Identifier: Apache-2.0
 * Errors of devices (XIDs) that fall during a sweep: which run does not count for them, that it is
 * repeated, and what ends the sweep. */
#include "sweep_world.h"

#include "device/virtual/loads.h"
#include "lease/restore.h"

/* No temperatures, so that a visit is in its window 10 s after its begin: it is warm after 6 or 7,
 * and measured for 8. */
static const char spec[] = "name: e\n"
                           "devices: virtual:plain,seed=3\n"
                           "workloads: [{name: plain, virtual: plain}]\n"
                           "points: {clocks: [510, 1515]}\n"
                           "protocol: {blocks_min: 2, blocks_max: 2, samples: no, thermal_band: no,"
                           " idle: no, settle: 500ms, warm_up: 1s, window_min: 8s}\n";

/* What is to fall: so many seconds after this visit began. */
static struct {
    long visit; /* from 0 */
    double after_s;
    uint32_t xid;
    bool lose;
    double limit_w;
    size_t device;
    long seen;
    int64_t begun_ns;
    bool done;
} plan;

static void let_it_fall(struct bench_world *w)
{
    const int64_t now_ns = w->time.clock.monotonic_ns(w->time.clock.ctx);
    if (plan.done || plan.seen != plan.visit ||
        now_ns - plan.begun_ns < (int64_t)(plan.after_s * 1e9))
        return;
    struct wtl_sim_gpu *gpu = wtl_virtual_board(w->plan.measured[plan.device]);
    if (plan.lose)
        wtl_sim_lose(gpu);
    else if (plan.limit_w > 0)
        assert_int_equal(wtl_sim_set_limit(gpu, (unsigned)(1e3 * plan.limit_w), NULL), 0);
    else
        wtl_sim_xid(gpu, plan.xid);
    plan.done = true;
}

static void count(struct bench_world *w, const struct wtl_sweep_progress *p)
{
    (void)p;
    plan.seen++;
    plan.begun_ns = w->time.clock.monotonic_ns(w->time.clock.ctx);
}

static void fall_in(long visit, double after_s, uint32_t xid)
{
    memset(&plan, 0, sizeof plan);
    plan.visit = visit;
    plan.after_s = after_s;
    plan.xid = xid;
    at_wait = let_it_fall;
    at_visit = count;
}

static void nothing_falls(void)
{
    at_wait = NULL;
    at_visit = NULL;
}

/* The runs that count are those of a sweep in which nothing fell, but for the repeated one, which
 * is of another hour. */
static void assert_others_are_the_same(const char *path, int block, int position)
{
    WTL_ARENA(arena);
    struct wtl_run *a, *b;
    struct wtl_visit *va, *vb;
    size_t n_va, n_vb, same = 0;
    const char *calm = in_test_directory("calm.wattle");
    nothing_falls();
    sweep(spec, calm, -1);
    size_t n_a = load(&arena, calm, &a, &va, &n_va);
    size_t n_b = load(&arena, path, &b, &vb, &n_vb);
    for (size_t i = 0; i < n_va; i++)
        for (size_t k = 0; k < n_vb; k++) {
            if (va[i].block != vb[k].block || va[i].position != vb[k].position ||
                vb[k].outcome != WTL_VISIT_done)
                continue;
            const double x = a[i].metric[WTL_R_energy_j], y = b[k].metric[WTL_R_energy_j];
            if (va[i].block == block && va[i].position == position)
                assert_int_equal(vb[k].attempt, 2);
            else
                assert_memory_equal(&x, &y, sizeof x);
            same++;
        }
    assert_int_equal(same, n_a);
    assert_int_equal(n_a, n_va);
    assert_int_equal(n_b, n_vb);
}

static void a_run_in_which_one_falls_is_repeated(void **state)
{
    WTL_ARENA(arena);
    struct wtl_run *runs;
    struct wtl_visit *visits;
    size_t n_visits;
    const char *path = in_test_directory("xid.wattle");
    (void)state;
    fall_in(2, 10, 31);
    sweep(spec, path, -1);
    assert_true(plan.done);
    size_t n = load(&arena, path, &runs, &visits, &n_visits);
    assert_int_equal(n_visits, 6 + 1);
    assert_int_equal(n, n_visits); /* the disturbed run is kept, too */
    for (size_t i = 0; i < n_visits; i++) {
        const bool hit = i == 2;
        assert_int_equal(visits[i].outcome, hit ? WTL_VISIT_invalid : WTL_VISIT_done);
        assert_int_equal(visits[i].attempt, i == 3 ? 2 : 1);
        assert_string_equal(visits[i].why,
                            hit ? "the device reported XID 31 (GPU memory page fault)" : "");
        assert_int_equal(runs[i].stated_causes,
                         hit ? UINT32_C(1) << WTL_CAUSE_device_error : UINT32_C(0));
        assert_string_equal(runs[i].stated_reason, visits[i].why);
    }
    assert_int_equal(visits[3].position, visits[2].position);
    assert_int_equal(visits[3].block, visits[2].block);
    assert_int_equal(visits[3].point, visits[2].point);
    assert_others_are_the_same(path, visits[2].block, visits[2].position);
}

/* What is not bound by it is as it was, and yet nobody knows that of the next point. */
static void a_limit_that_somebody_changed_is_said(void **state)
{
    WTL_ARENA(arena);
    struct wtl_run *runs;
    struct wtl_visit *visits;
    size_t n_visits;
    const char *path = in_test_directory("limit.wattle");
    (void)state;
    fall_in(2, 10, 0);
    plan.limit_w = 200;
    sweep(spec, path, -1);
    assert_true(plan.done);
    (void)load(&arena, path, &runs, &visits, &n_visits);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(visits[i].outcome, WTL_VISIT_done);
    assert_int_equal(visits[2].outcome, WTL_VISIT_invalid);
    assert_non_null(strstr(visits[2].why, "power limit is 200 W, which was "));
    assert_int_equal(runs[2].stated_causes, UINT32_C(1) << WTL_CAUSE_contaminated);
}

static void before_the_window_there_is_no_run(void **state)
{
    WTL_ARENA(arena);
    struct wtl_run *runs;
    struct wtl_visit *visits;
    size_t n_visits;
    const char *path = in_test_directory("early.wattle");
    (void)state;
    fall_in(1, 0.7, 500);
    sweep(spec, path, -1);
    size_t n = load(&arena, path, &runs, &visits, &n_visits);
    assert_int_equal(n_visits, 6 + 1);
    assert_int_equal(n, 6);
    assert_int_equal(visits[1].outcome, WTL_VISIT_invalid);
    assert_int_equal(visits[1].run_id, 0);
    assert_string_equal(visits[1].why, "the device reported XID 500");
    assert_int_equal(visits[2].outcome, WTL_VISIT_done);
}

static void raise_one(struct bench_world *w, const struct wtl_sweep_progress *p)
{
    (void)p;
    wtl_sim_xid(wtl_virtual_board(w->plan.device), 31);
}

static void between_two_runs_it_disturbs_none(void **state)
{
    const char *path = in_test_directory("between.wattle");
    (void)state;
    nothing_falls();
    at_visit = raise_one;
    sweep(spec, path, -1);
    nothing_falls();
    sweep(spec, in_test_directory("calm.wattle"), -1);
    assert_same_runs(in_test_directory("calm.wattle"), path);
}

/* Where the driver itself keeps those that fell before (a virtual board begins another hour). */
static void what_fell_before_a_run_is_not_its_own(void **state)
{
    struct bench_world w;
    (void)state;
    nothing_falls();
    visits_left = -1;
    /* the first call begins to listen, the second looks before the first run */
    sweep_open(&w,
               "name: b\ndevices: faulty:errors.lie=31@2:virtual:plain\n"
               "workloads: [{name: plain, virtual: plain}]\n"
               "points: {clocks: [1515]}\n"
               "protocol: {blocks_min: 2, blocks_max: 2, samples: no,"
               " thermal_band: no, idle: no}\n",
               in_test_directory("before.wattle"));
    assert_true(w.result.n_runs > 0);
    assert_int_equal(w.result.n_invalid, 0);
    close_world(&w);
}

static void always_disturbed_is_given_up(void **state)
{
    WTL_ARENA(arena);
    struct wtl_run *runs;
    struct wtl_visit *visits;
    size_t n_visits, invalid = 0;
    const char *path = in_test_directory("storm.wattle");
    (void)state;
    nothing_falls();
    sweep("name: s\ndevices: \"faulty:errors.lie=31@every3,errors.lie=45@every3:virtual:plain\"\n"
          "workloads: [{name: plain, virtual: plain}]\n"
          "points: {clocks: [1515]}\n"
          "protocol: {blocks_min: 2, blocks_max: 2, samples: no, thermal_band: no, idle: no,"
          " attempts: 2}\n",
          path, -1);
    (void)load(&arena, path, &runs, &visits, &n_visits);
    for (size_t i = 0; i < n_visits; i++) {
        invalid += visits[i].outcome == WTL_VISIT_invalid;
        assert_non_null(strstr(visits[i].why, "XID 31 (GPU memory page fault) and "));
    }
    assert_true(n_visits > 0 && n_visits % 2 == 0);
    assert_int_equal(invalid, n_visits);
}

/* What ends with its process leaves nothing to put back, lost or not. */
static void assert_nothing_is_leased(struct bench_world *w)
{
    const struct wtl_restore_filter look = {.dry_run = true};
    struct wtl_restore_report report;
    struct wtl_error why = {0};
    assert_ok(wtl_lease_restore(w->holder, &look, &w->arena, &report, &why), &why);
    assert_int_equal(report.n + report.n_held, 0);
}

static void what_takes_the_board_away_ends_the_sweep(void **state)
{
    const char *path = in_test_directory("lost.wattle");
    static const uint32_t numbers[] = {119, 0};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct bench_world w;
        visits_left = -1;
        fall_in(2 - (long)i, 10, numbers[i]);
        plan.lose = numbers[i] == 0;
        assert_ok(open_world(&w, spec), &err);
        assert_int_equal(run_world(&w, path, false), -(int)WTL_LOST);
        assert_non_null(strstr(err.message, plan.lose ? "reported XID 79 (the GPU has fallen off"
                                                      : "reported XID 119"));
        assert_non_null(strstr(err.hint, "the same command goes on"));
        assert_nothing_is_leased(&w);
        close_world(&w);
    }
    nothing_falls();
    sweep(spec, path, -1);
    sweep(spec, in_test_directory("calm.wattle"), -1);
    assert_same_runs(in_test_directory("calm.wattle"), path);
}

static void a_deaf_device_is_said(void **state)
{
    struct bench_world w;
    (void)state;
    nothing_falls();
    visits_left = -1;
    sweep_open(&w,
               "name: d\ndevices: faulty:errors.error=unsupported:virtual:plain\n"
               "workloads: [{name: plain, virtual: plain}]\n"
               "points: {clocks: [1515]}\n"
               "protocol: {blocks_min: 2, blocks_max: 2, samples: no,"
               " thermal_band: no, idle: no}\n",
               in_test_directory("deaf.wattle"));
    assert_string_equal(w.result.deaf, "faulty:errors.error=unsupported:virtual:plain");
    assert_int_equal(w.result.n_invalid, 0);
    close_world(&w);
    sweep_open(&w, spec, in_test_directory("hearing.wattle"));
    assert_null(w.result.deaf);
    close_world(&w);
}

int main(void)
{
    (void)setenv("TMPDIR", "/dev/shm", 0); /* every run is synced to its disk */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_in_which_one_falls_is_repeated),
        cmocka_unit_test(a_limit_that_somebody_changed_is_said),
        cmocka_unit_test(before_the_window_there_is_no_run),
        cmocka_unit_test(between_two_runs_it_disturbs_none),
        cmocka_unit_test(what_fell_before_a_run_is_not_its_own),
        cmocka_unit_test(always_disturbed_is_given_up),
        cmocka_unit_test(what_takes_the_board_away_ends_the_sweep),
        cmocka_unit_test(a_deaf_device_is_said),
    };
    return cmocka_run_group_tests(tests, make_test_directory, drop_test_directory);
}
