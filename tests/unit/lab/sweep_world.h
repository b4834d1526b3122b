/* SPDX-License-Identifier: Apache-2.0
 *
 * What tests of whole sweeps share: a process that runs one in simulated time, and what it stored.
 * For one program each: everything is static.
 */
#ifndef WTL_TESTS_LAB_SWEEP_WORLD_H
#define WTL_TESTS_LAB_SWEEP_WORLD_H

#include "support/support.h"

#include "lab/sweep.h"
#include "store/campaign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A process that runs sweeps: machine, holder, simulated time. */
struct bench_world {
    struct wtl_arena arena;
    struct wtl_simulated_time simulated;
    struct wtl_lab_time time;
    struct wtl_machine *machine;
    struct wtl_holder *holder;
    struct wtl_sweep_spec spec;
    struct wtl_sweep_plan plan;
    struct wtl_campaign *campaign;
    struct wtl_sweep_result result;
};

static struct wtl_error err;
static long visits_left; /* until somebody stops it; -1: never */

/* What a test wants to see, or do, each time that the sweep waits, and after each visit. */
static struct bench_world *present;
static void (*at_wait)(struct bench_world *w);
static void (*at_visit)(struct bench_world *w, const struct wtl_sweep_progress *p);

static inline bool stopped(void)
{
    if (at_wait)
        at_wait(present);
    return visits_left == 0;
}

static inline void count_visit(void *ctx, const struct wtl_sweep_progress *p)
{
    (void)ctx;
    assert_true(p->n_done <= p->n_expected);
    if (at_visit)
        at_visit(present, p);
    if (visits_left > 0)
        visits_left--;
}

static inline int open_world(struct bench_world *w, const char *text)
{
    *w = (struct bench_world){
        .simulated = {.start_unix_ns = 1700000000 * WTL_NS_PER_S, .stopped = stopped}};
    err = (struct wtl_error){0};
    present = w;
    wtl_arena_init(&w->arena, wtl_alloc_system());
    w->time = wtl_simulated_time(&w->simulated);
    assert_ok(wtl_sweep_spec_parse(&w->arena, text, strlen(text), "spec.yaml", &w->spec, &err),
              &err);
    const char *only[WTL_SWEEP_DEVICES + 1] = {NULL};
    for (size_t i = 0; i < w->spec.devices.n; i++)
        only[i] = w->spec.devices.values[i];
    const struct wtl_machine_options machine = {.clock = w->time.clock, .nvml = "", .only = only};
    assert_ok(wtl_machine_open(wtl_alloc_system(), &machine, &w->machine, &err), &err);
    const struct wtl_holder_options holder = {.machine = w->machine,
                                              .clock = w->time.clock,
                                              .state_dir = in_test_directory("state"),
                                              .text = "test"};
    assert_ok(wtl_holder_open(&w->arena, &holder, &w->holder, &err), &err);
    return wtl_sweep_plan_make(&w->arena, &w->spec, w->machine, &w->plan, &err);
}

static inline int run_world(struct bench_world *w, const char *path, bool extend)
{
    assert_ok(wtl_campaign_open(path, WTL_CAMPAIGN_CREATE, w->time.clock, &w->campaign, &err),
              &err);
    const struct wtl_sweep_request request = {.plan = &w->plan,
                                              .campaign = w->campaign,
                                              .holder = w->holder,
                                              .time = w->time,
                                              .spec_path = "spec.yaml",
                                              .extend = extend,
                                              .on_visit = count_visit};
    return wtl_sweep_run(&w->arena, &request, &w->result, &err);
}

static inline void close_world(struct bench_world *w)
{
    wtl_campaign_close(w->campaign);
    wtl_holder_close(w->holder);
    wtl_machine_close(w->machine);
    wtl_arena_fini(&w->arena);
}

/* One start of a sweep, which stays open to be looked at. */
static inline void sweep_open(struct bench_world *w, const char *text, const char *path)
{
    assert_ok(open_world(w, text), &err);
    assert_ok(run_world(w, path, false), &err);
}

/* One start of a sweep that must come to its end, or be stopped after `visits`. */
static inline void sweep(const char *text, const char *path, long visits)
{
    struct bench_world w;
    visits_left = visits;
    sweep_open(&w, text, path);
    assert_int_equal(w.result.stopped, visits >= 0 && visits_left == 0);
    close_world(&w);
}

static inline struct wtl_campaign *open_stored(const char *path)
{
    struct wtl_campaign *c = NULL;
    struct wtl_simulated_time none = {0};
    assert_ok(wtl_campaign_open(path, WTL_CAMPAIGN_READ, wtl_simulated_time(&none).clock, &c, &err),
              &err);
    return c;
}

static inline size_t load(struct wtl_arena *arena, const char *path, struct wtl_run **runs,
                          struct wtl_visit **visits, size_t *n_visits)
{
    struct wtl_campaign *c = open_stored(path);
    size_t n = 0;
    assert_ok(wtl_campaign_runs(c, NULL, arena, runs, &n, &err), &err);
    assert_ok(wtl_campaign_visits(c, 1, arena, visits, n_visits, &err), &err);
    wtl_campaign_close(c);
    return n;
}

/* Equal in everything but the time of day. */
static inline void assert_same_runs(const char *a_path, const char *b_path)
{
    WTL_ARENA(arena);
    struct wtl_run *a, *b;
    struct wtl_visit *va, *vb;
    size_t n_va, n_vb;
    size_t n_a = load(&arena, a_path, &a, &va, &n_va);
    size_t n_b = load(&arena, b_path, &b, &vb, &n_vb);
    assert_int_equal(n_a, n_b);
    assert_int_equal(n_va, n_vb);
    for (size_t i = 0; i < n_va; i++) {
        assert_int_equal(va[i].block, vb[i].block);
        assert_int_equal(va[i].position, vb[i].position);
        assert_int_equal(va[i].attempt, vb[i].attempt);
        assert_int_equal(va[i].point, vb[i].point);
        assert_int_equal(va[i].outcome, vb[i].outcome);
        assert_string_equal(va[i].why, vb[i].why);
    }
    for (size_t i = 0; i < n_a; i++) {
        assert_int_equal(a[i].clock_mhz, b[i].clock_mhz);
        assert_int_equal(a[i].rep, b[i].rep);
        assert_int_equal(a[i].seq, b[i].seq);
        assert_int_equal(wtl_point_compare(&a[i].point, &b[i].point), 0);
        assert_true(a[i].valid == b[i].valid);
        for (int m = 0; m < (int)WTL_N_RUN_METRICS; m++)
            if (wtl_run_has(&a[i], (enum wtl_run_metric)m))
                assert_memory_equal(&a[i].metric[m], &b[i].metric[m], sizeof a[i].metric[m]);
    }
}

#endif
