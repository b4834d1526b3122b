/* SPDX-License-Identifier: Apache-2.0
 * One visit, with a workload that behaves as it is told: what the protocol makes of loads that
 * stall, that end work rarely, that cannot pause. In simulated time, on a virtual board. */
#include "support/support.h"

#include "lab/protocol.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Ends `units` of work every `period_ns` from its load on, and none after `stall_ns`. Its progress
 * is told as commands tell it: as of the last end, each end `late_ns` after it was. */
struct fake {
    const struct wtl_clock *clock;
    int64_t period_ns, stall_ns, late_ns;
    double units;
    bool never_ready;
    int64_t loaded_ns, last_ns;
};

static struct wtl_error err;
static struct wtl_simulated_time simulated;

static int64_t step_at_ns; /* when somebody sets the clock of the machine; 0: nobody does */

/* Nothing here takes a day: what would go on for ever ends. */
static bool stopped(void)
{
    if (step_at_ns > 0 && simulated.now_ns > step_at_ns) {
        simulated.start_unix_ns += 3600 * WTL_NS_PER_S;
        step_at_ns = 0;
    }
    return simulated.now_ns > 24 * 3600 * WTL_NS_PER_S;
}

static int fake_load(void *state, const struct wtl_lab_point *point, struct wtl_error *e)
{
    struct fake *f = state;
    (void)point;
    (void)e;
    f->loaded_ns = f->clock->monotonic_ns(f->clock->ctx);
    return 0;
}

static int fake_ready(void *state, bool *ready_out, struct wtl_error *e)
{
    const struct fake *f = state;
    (void)e;
    *ready_out = !f->never_ready;
    return 0;
}

static int fake_work(void *state, bool on, struct wtl_error *e)
{
    (void)state;
    return on ? 0 : WTL_FAIL(e, WTL_UNSUPPORTED, "it cannot be paused");
}

static int fake_progress(void *state, struct wtl_work_done *out, struct wtl_error *e)
{
    struct fake *f = state;
    (void)e;
    int64_t for_ns = f->clock->monotonic_ns(f->clock->ctx) - f->loaded_ns - f->late_ns;
    for_ns = for_ns > 0 ? for_ns : 0;
    if (f->stall_ns > 0 && for_ns > f->stall_ns)
        for_ns = f->stall_ns;
    const int64_t ends = for_ns / f->period_ns;
    *out = (struct wtl_work_done){.t_ns = f->loaded_ns + ends * f->period_ns,
                                  .work = (double)ends * f->units,
                                  .iterations = (double)ends};
    return 0;
}

static bool fake_owns(void *state, pid_t pid)
{
    (void)state;
    (void)pid;
    return false;
}

static int fake_unload(void *state, struct wtl_error *e)
{
    (void)state;
    (void)e;
    return 0;
}

static void fake_close(void *state)
{
    (void)state;
}

static const struct wtl_workload_ops fake_ops = {.load = fake_load,
                                                 .ready = fake_ready,
                                                 .work = fake_work,
                                                 .progress = fake_progress,
                                                 .owns = fake_owns,
                                                 .unload = fake_unload,
                                                 .close = fake_close};

/* A board, and visits of the point that sets nothing. */
struct stand {
    struct wtl_arena arena;
    struct wtl_machine *machine;
    struct wtl_workload workload;
    struct wtl_bench bench;
};
static const struct wtl_lab_point point;

static void open_stand(struct stand *s, const struct wtl_protocol_spec *protocol)
{
    static const char *const only[] = {"virtual:plain,seed=3", NULL};
    *s = (struct stand){.workload = {0}};
    simulated =
        (struct wtl_simulated_time){.start_unix_ns = 1700000000 * WTL_NS_PER_S, .stopped = stopped};
    const struct wtl_lab_time time = wtl_simulated_time(&simulated);
    const struct wtl_machine_options options = {.clock = time.clock, .nvml = "", .only = only};
    s->bench = (struct wtl_bench){
        .protocol = protocol, .time = time, .workload = &s->workload, .reference = &point, .n = 1};
    err = (struct wtl_error){0};
    wtl_arena_init(&s->arena, wtl_alloc_system());
    assert_ok(wtl_machine_open(wtl_alloc_system(), &options, &s->machine, &err), &err);
    assert_ok(wtl_machine_find(s->machine, only[0], &s->bench.devices[0].device, &err), &err);
    assert_ok(wtl_bench_init(&s->arena, &s->bench, &err), &err);
}

static void visit_once(struct stand *s, uint64_t seed, struct wtl_visit_result *out)
{
    const struct wtl_visit_request request = {.point = &point, .seed = seed};
    assert_ok(wtl_bench_visit(&s->bench, &request, &s->arena, out, &err), &err);
    assert_false(s->bench.stopped);
}

static void close_stand(struct stand *s)
{
    wtl_bench_fini(&s->bench);
    if (s->workload.ops)
        s->workload.ops->close(s->workload.state);
    wtl_machine_close(s->machine);
    wtl_arena_fini(&s->arena);
}

static void visit(const struct wtl_protocol_spec *protocol, struct fake *f,
                  struct wtl_visit_result *out)
{
    struct stand s;
    open_stand(&s, protocol);
    s.workload = (struct wtl_workload){.ops = &fake_ops, .state = f, .unit = "items"};
    f->clock = &s.bench.time.clock;
    visit_once(&s, 1, out);
    out->chunks = NULL; /* gone with the arena */
    close_stand(&s);
}

static struct wtl_protocol_spec without_band(void)
{
    struct wtl_protocol_spec p = wtl_protocol_default();
    p.band = p.idle = p.keep_samples = false;
    return p;
}

/* Ready, a little work, and then none: the visit ends, and says what was wrong. */
static void a_load_that_stalls_is_invalid(void **state)
{
    const struct wtl_protocol_spec p = without_band();
    struct wtl_visit_result r;
    (void)state;
    for (int64_t stall_s = 0; stall_s < 4; stall_s++) {
        struct fake f = {
            .period_ns = WTL_NS_PER_S / 10, .stall_ns = stall_s * WTL_NS_PER_S + 1, .units = 2};
        visit(&p, &f, &r);
        assert_int_equal(r.outcome, WTL_VISIT_invalid);
        assert_true(r.silent == (stall_s == 0)); /* which no window was waited for */
        assert_non_null(strstr(r.why, stall_s ? "no two ends of its work" : "no work in 30 s"));
        assert_true(r.took_s < p.settle_s + p.warmup_max_s + 10 * p.window_max_s + 60);
    }
}

static int n_told;
static char told[400];

static void hear(void *ctx, const char *text, bool pressing)
{
    (void)ctx;
    assert_true(pressing);
    n_told++;
    (void)snprintf(told, sizeof told, "%s", text);
}

/* Who waits for it is told why, at 15, 60 and 240 s, and when it is given up. */
static void a_load_that_is_never_ready_is_told_of(void **state)
{
    const struct wtl_protocol_spec p = without_band();
    struct fake f = {.period_ns = WTL_NS_PER_S, .units = 1, .never_ready = true};
    struct wtl_visit_result r;
    struct stand s;
    (void)state;
    open_stand(&s, &p);
    s.workload = (struct wtl_workload){.ops = &fake_ops, .state = &f, .unit = "items"};
    s.bench.workload_name = "slow";
    s.bench.ready_timeout_s = 300;
    s.bench.on_wait = hear;
    f.clock = &s.bench.time.clock;
    visit_once(&s, 1, &r);
    assert_int_equal(r.outcome, WTL_VISIT_invalid);
    assert_true(r.silent && r.took_s >= 300 && r.took_s < 310);
    assert_int_equal(n_told, 3);
    assert_non_null(strstr(told, "slow is not ready after 240 s: it tells of no work; given up "
                                 "after 300 s (ready_timeout)"));
    close_stand(&s);
}

/* A step of the wall clock within a window is none of its samples. */
static void the_wall_clock_may_be_set(void **state)
{
    struct wtl_protocol_spec p = without_band();
    struct wtl_visit_result r, same;
    struct fake f = {.period_ns = WTL_NS_PER_S / 100, .units = 1};
    (void)state;
    visit(&p, &f, &same);
    assert_int_equal(same.outcome, WTL_VISIT_done);
    step_at_ns = (int64_t)((same.took_s - 0.5 * same.run.metric[WTL_R_time_s]) * 1e9);
    visit(&p, &f, &r);
    assert_int_equal(step_at_ns, 0);
    assert_int_equal(r.outcome, WTL_VISIT_done);
    assert_true(r.run.valid == same.run.valid);
    for (int m = 0; m < (int)WTL_N_RUN_METRICS; m++)
        if (wtl_run_has(&r.run, (enum wtl_run_metric)m))
            assert_near(r.run.metric[m], same.run.metric[m], 1e-9 * fabs(same.run.metric[m]));
    assert_true(r.run.start_ns == same.run.start_ns);
}

/* Work that ends every 0.7 s, while the sensor ticks every few ms: power is that between ends, so
 * that nothing drifts that does not, and a few ends that are alike are enough. */
static void work_that_ends_seldom_is_steady(void **state)
{
    const struct wtl_protocol_spec p = without_band();
    struct wtl_visit_result r;
    (void)state;
    struct fake f = {.period_ns = 7 * WTL_NS_PER_S / 10, .units = 3};
    visit(&p, &f, &r);
    assert_int_equal(r.outcome, WTL_VISIT_done);
    assert_null(strstr(r.why, "drifts"));
    const double time_s = r.run.metric[WTL_R_time_s], work = r.run.metric[WTL_R_work_units];
    assert_true(time_s >= p.window_min_s && time_s < 0.7 * p.window_max_s);
    assert_near(fmod(work, 3), 0, 1e-9);
    assert_near(time_s, 0.7 * work / 3, 1e-6); /* from one end to another */
    assert_near(r.run.metric[WTL_R_energy_j] / time_s / r.run.metric[WTL_R_power_mean_w], 1, 0.02);
}

/* A command that is throttled stamps an end, waits, and tells of it after that; where it does so in
 * step with the sensor, each of its ends comes that late. */
static void ends_that_are_told_late_count_when_they_were(void **state)
{
    const struct wtl_protocol_spec p = without_band();
    struct wtl_visit_result r;
    (void)state;
    for (int64_t late_ms = 0; late_ms <= 500; late_ms += 125) {
        struct fake f = {
            .period_ns = WTL_NS_PER_S / 10, .late_ns = late_ms * (WTL_NS_PER_S / 1000), .units = 2};
        visit(&p, &f, &r);
        assert_int_equal(r.outcome, WTL_VISIT_done);
        const double time_s = r.run.metric[WTL_R_time_s], work = r.run.metric[WTL_R_work_units];
        assert_true(time_s >= p.window_min_s && time_s < p.window_max_s + 0.2);
        assert_near(time_s, 0.1 * work / 2, 1e-6);
        assert_near(r.run.metric[WTL_R_energy_j] / time_s / r.run.metric[WTL_R_power_mean_w], 1,
                    0.02);
    }
}

/* Nobody waits until what cannot pause has cooled. */
static void a_load_that_cannot_pause_is_not_waited_for(void **state)
{
    struct wtl_protocol_spec p = wtl_protocol_default();
    const struct wtl_workload_spec plain = {.name = "plain", .virtual_name = "plain"};
    struct wtl_visit_result r;
    struct stand s;
    (void)state;
    p.idle = p.keep_samples = false;
    open_stand(&s, &p);
    assert_ok(wtl_workload_virtual(&s.arena, &plain, &s.bench.devices[0].device, 1,
                                   s.bench.time.clock, &s.workload, &err),
              &err);
    s.workload.pauses = false;
    const struct wtl_warming warming = {"plain", &s.workload, 60};
    assert_ok(wtl_bench_find_band(&s.bench, &warming, 1, &err), &err);
    s.bench.has_band = true;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        visit_once(&s, seed * 123457, &r);
        assert_int_equal(r.outcome, WTL_VISIT_done);
        assert_true(r.took_s < p.band_timeout_s);
    }
    close_stand(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_that_stalls_is_invalid),
        cmocka_unit_test(a_load_that_is_never_ready_is_told_of),
        cmocka_unit_test(a_load_that_cannot_pause_is_not_waited_for),
        cmocka_unit_test(work_that_ends_seldom_is_steady),
        cmocka_unit_test(ends_that_are_told_late_count_when_they_were),
        cmocka_unit_test(the_wall_clock_may_be_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
