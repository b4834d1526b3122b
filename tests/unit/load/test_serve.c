/* SPDX-License-Identifier: Apache-2.0
 * The measuring loop over an engine and a clock that only tests have: time passes in the engine's
 * work and in waiting, and nowhere else. */
#include "support/support.h"

#include "load/arrivals.h"
#include "load/serve.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct world {
    int64_t now_ns;
    int64_t batch_ns;    /* of the work on a batch */
    int64_t told_ns;     /* when we are told to end; 0: never */
    int64_t items, runs; /* done in all */
    int64_t fail_at;     /* run; 0: none */
    int largest;         /* batch */
};

static int64_t world_now(void *ctx)
{
    return ((struct world *)ctx)->now_ns;
}

static int work(void *ctx, int items, struct wtl_error *err)
{
    struct world *w = ctx;
    w->now_ns += w->batch_ns;
    w->items += items;
    w->largest = items > w->largest ? items : w->largest;
    return ++w->runs == w->fail_at ? WTL_FAIL(err, WTL_FAILED, "broken") : 0;
}

static bool told(void *ctx)
{
    const struct world *w = ctx;
    return w->told_ns && w->now_ns >= w->told_ns;
}

static void sleep_for(void *ctx, int64_t ns)
{
    struct world *w = ctx;
    assert_true(ns > 0);
    w->now_ns += w->told_ns && w->now_ns + ns > w->told_ns ? w->told_ns - w->now_ns : ns;
}

static struct wtl_serve_result *result;

static int serve_with(struct world *w, int batch, const struct wtl_serve_plan *plan,
                      struct wtl_markers *markers, struct wtl_error *err)
{
    WTL_ARENA(arena);
    const struct wtl_engine engine = {work, w, batch};
    const struct wtl_serve_host host = {.clock = {world_now, world_now, w},
                                        .told = told,
                                        .wait = sleep_for,
                                        .ctx = w,
                                        .markers = markers};
    w->now_ns = 123456789; /* no machine's clock begins at 0 */
    return wtl_serve(&arena, &engine, plan, &host, result, err);
}

static void serve(struct world *w, int batch, const struct wtl_serve_plan *plan)
{
    struct wtl_error err = {0};
    assert_ok(serve_with(w, batch, plan, NULL, &err), &err);
}

static double window_s(void)
{
    return (double)(result->end_ns - result->start_ns) / 1e9;
}

static double quantile_s(const struct wtl_latency *l, double p)
{
    struct wtl_latency_quantile q;
    assert_true(wtl_latency_quantile(l, p, &q));
    return q.value_s;
}

/* ---- Closed loop ----------------------------------------------------------------------------- */

static void closed_loop_is_one_batch_after_another(void **state)
{
    (void)state;
    struct world w = {.batch_ns = 10000000};
    serve(&w, 4, &(struct wtl_serve_plan){.warmup_s = 0.045, .duration_s = 1.005});
    assert_int_equal(result->warmup_batches, 5);
    assert_near(result->warmup_s, 0.05, 1e-9);
    assert_int_equal(result->batches, 101); /* the last one ends after the window's time */
    assert_int_equal(result->items, 404);
    assert_int_equal(w.items, 4 * 106);
    assert_near(window_s(), 1.01, 1e-9);
    assert_near(result->busy_s, 1.01, 1e-9);
    assert_int_equal(result->latency.n, 101);
    assert_near(quantile_s(&result->latency, 0.5), 0.01, 1e-9);
    assert_int_equal(result->service.n, 101);
    assert_int_equal(result->wait.n, 0);
    struct wtl_rate_estimate rate;
    assert_true(wtl_throughput_rate(&result->throughput, &rate));
    assert_near(rate.per_s, 400, 1e-6);
    assert_false(result->told);
}

static void closed_loop_of_so_many_batches(void **state)
{
    (void)state;
    struct world w = {.batch_ns = 10000000};
    serve(&w, 4, &(struct wtl_serve_plan){.count = 7});
    assert_int_equal(result->batches, 7);
    assert_int_equal(result->warmup_batches, 0);
    assert_int_equal(w.runs, 7);
}

static void told_to_end(void **state)
{
    (void)state;
    struct world w = {.batch_ns = 10000000, .told_ns = 123456789 + 95000000};
    serve(&w, 1, &(struct wtl_serve_plan){.warmup_s = 0.02}); /* until then */
    assert_true(result->told);
    assert_int_equal(result->batches, 8);
    w = (struct world){.batch_ns = 10000000, .told_ns = 123456789 + 15000000};
    serve(&w, 1, &(struct wtl_serve_plan){.warmup_s = 1, .duration_s = 1}); /* in the warm-up */
    assert_true(result->told);
    assert_int_equal(result->batches, 0);
    assert_int_equal(result->latency.n, 0);
    assert_near(window_s(), 0, 0);
}

static void a_broken_engine_ends_it(void **state)
{
    (void)state;
    for (int open = 0; open < 2; open++)
        for (int fail_at = 1; fail_at < 12; fail_at += 5) {
            struct world w = {.batch_ns = 10000000, .fail_at = fail_at};
            struct wtl_error err = {0};
            const struct wtl_serve_plan plan = {
                .warmup_s = 0.04, .duration_s = 10, .rate_hz = open ? 50 : 0, .seed = 1};
            assert_int_equal(serve_with(&w, 1, &plan, NULL, &err), -WTL_FAILED);
            assert_string_equal(err.message, "broken");
            assert_int_equal(w.runs, fail_at);
        }
}

/* ---- Open loop ------------------------------------------------------------------------------- */

/* A queue of Poisson arrivals and constant service: Pollaczek and Khinchine, mean wait
 * rho s / (2 (1 - rho)), in the long run. */
static void waits_are_those_of_the_queue(void **state)
{
    (void)state;
    static const double load[] = {0.2, 0.5, 0.8};
    for (int i = 0; i < 3; i++) {
        struct world w = {.batch_ns = 10000000};
        serve(&w, 1,
              &(struct wtl_serve_plan){
                  .warmup_s = 100, .duration_s = 20000, .rate_hz = load[i] * 100, .seed = 3});
        double want = load[i] * 0.01 / (2 * (1 - load[i]));
        assert_near(wtl_latency_mean_s(&result->wait), want, 0.03 * want);
        assert_near(wtl_latency_mean_s(&result->latency), want + 0.01, 0.03 * want);
        assert_near(result->busy_s / window_s(), load[i], 0.01);
        assert_near((double)result->offered, 20000 * 100 * load[i], 5 * sqrt(2e6));
        assert_int_equal(result->latency.n, result->offered);
        assert_int_equal(result->unserved, 0);
        assert_near((double)result->items, (double)result->offered, 20);
    }
}

/* The number of arrivals in the window, by itself. */
static int64_t arrivals_within(double rate_hz, uint64_t seed, double from_s, double to_s)
{
    struct wtl_arrivals a = wtl_arrivals_at_rate(WTL_ARRIVAL_POISSON, rate_hz, seed);
    int64_t n = 0, t_ns;
    while (wtl_arrivals_next(&a, &t_ns) && (double)t_ns < to_s * 1e9)
        n += (double)t_ns >= from_s * 1e9;
    return n;
}

/* Twice and four times as many as can be done: nobody is left out of the latencies. */
static void overload_is_not_hidden(void **state)
{
    (void)state;
    struct world w = {.batch_ns = 10000000};
    serve(&w, 1, &(struct wtl_serve_plan){.duration_s = 10, .rate_hz = 400, .seed = 9});
    int64_t offered = arrivals_within(400, 9, 0, 10);
    assert_int_equal(result->offered, offered);
    assert_int_equal(result->latency.n, offered);
    assert_int_equal(result->unserved, offered - w.items);
    assert_near((double)w.items, 2000, 2); /* in the window and as long again */
    assert_near((double)result->items, 1000, 2);
    assert_near((double)result->longest_queue, 3000, 200);
    assert_true(quantile_s(&result->latency, 0.5) > 10); /* of 20 s at the end, and no less */
    assert_near(window_s(), 10, 1e-9);

    w = (struct world){.batch_ns = 10000000};
    serve(&w, 1, &(struct wtl_serve_plan){.duration_s = 10, .rate_hz = 180, .seed = 9});
    assert_int_equal(result->unserved, 0);
    assert_int_equal(result->latency.n, arrivals_within(180, 9, 0, 10));
}

/* Those who are due when the engine is free are taken together, and it never waits for more. */
static void batches_are_of_those_who_wait(void **state)
{
    (void)state;
    struct world w = {.batch_ns = 10000000};
    serve(&w, 8, &(struct wtl_serve_plan){.duration_s = 1000, .rate_hz = 400, .seed = 2});
    assert_int_equal(result->unserved, 0);
    assert_near((double)result->items / window_s(), 400, 4);
    double mean = (double)result->items / (double)result->batches;
    assert_true(mean > 3 && mean < 5);
    assert_int_equal(w.largest, 8);
    assert_true(quantile_s(&result->latency, 0.99) < 0.05);
    w = (struct world){.batch_ns = 10000000};
    serve(&w, 1 << 16, &(struct wtl_serve_plan){.duration_s = 1000, .rate_hz = 10, .seed = 2});
    /* Of k who came during a batch, Poisson of mean 0.1: one after the other for k < 2. */
    assert_near((double)result->items / (double)result->batches, exp(-0.1) + 0.1, 0.002);
}

static void open_loop_of_so_many_items(void **state)
{
    (void)state;
    struct world w = {.batch_ns = 10000000};
    serve(&w, 4, &(struct wtl_serve_plan){.count = 50, .rate_hz = 1000, .seed = 2});
    assert_int_equal(result->offered, 50);
    assert_int_equal(result->items, 50);
    assert_int_equal(result->latency.n, 50);
    assert_int_equal(w.items, 50);
}

static void told_to_end_with_a_queue(void **state)
{
    (void)state;
    struct world w = {.batch_ns = 10000000, .told_ns = 123456789 + INT64_C(5000000000)};
    serve(&w, 1, &(struct wtl_serve_plan){.rate_hz = 300, .seed = 2});
    assert_true(result->told);
    assert_near(window_s(), 5, 0.011);
    assert_near((double)result->offered, (double)arrivals_within(300, 2, 0, 5), 6);
    assert_int_equal(result->unserved, result->offered - w.items);
    assert_int_equal(result->latency.n, result->offered);
}

static void the_same_twice(void **state)
{
    (void)state;
    struct wtl_serve_result *first = malloc(sizeof *first);
    assert_non_null(first);
    for (int i = 0; i < 2; i++) {
        struct world w = {.batch_ns = 7000000};
        serve(&w, 3,
              &(struct wtl_serve_plan){
                  .warmup_s = 0.1, .duration_s = 20, .rate_hz = 200, .seed = 42});
        if (i == 0)
            memcpy(first, result, sizeof *first);
    }
    assert_memory_equal(first, result, sizeof *first);
    free(first);
}

/* ---- Markers --------------------------------------------------------------------------------- */

static char heard[1 << 22];

static void *hear(void *ctx)
{
    size_t n = 0;
    ssize_t got;
    int fd = accept(*(int *)ctx, NULL, NULL);
    assert_true(fd >= 0);
    while ((got = read(fd, heard + n, sizeof heard - 1 - n)) > 0)
        n += (size_t)got;
    heard[n] = '\0';
    close(fd);
    return NULL;
}

/* Serves while somebody listens: `heard` is what was said. */
static void serve_aloud(struct world *w, int batch, const struct wtl_serve_plan *plan)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = in_test_directory("socket");
    struct wtl_error err = {0};
    struct wtl_markers *m = malloc(sizeof *m);
    pthread_t thread;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    (void)unlink(path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(pthread_create(&thread, NULL, hear, &fd), 0);
    wtl_markers_open(m, path, 50000000);
    assert_ok(serve_with(w, batch, plan, m, &err), &err);
    assert_true(wtl_markers_on(m));
    wtl_markers_close(m);
    assert_int_equal(pthread_join(thread, NULL), 0);
    close(fd);
    free(m);
}

struct said {
    int64_t ends, latencies, first_ns, last_ns;
    double work, latency_s;
};

/* Windows follow each other without gaps, behind one `ready`. */
static struct said understand(void)
{
    struct said s = {.ends = 0};
    long long t, begun = -1;
    double x;
    char *save = NULL;
    assert_int_equal(strncmp(heard, "ready\n", 6), 0);
    for (char *l = strtok_r(heard + 6, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
        if (sscanf(l, "begin load t=%lld", &t) == 1) {
            assert_true(s.ends == 0 ? begun == -1 : t == s.last_ns);
            s.first_ns = s.ends == 0 ? t : s.first_ns;
            begun = t;
        } else if (sscanf(l, "end load t=%lld work=%lf unit=images", &t, &x) == 2) {
            assert_true(t >= begun);
            s.last_ns = t;
            s.work += x;
            s.ends++;
        } else {
            assert_int_equal(strncmp(l, "latency ", 8), 0);
            char *save2 = NULL;
            for (char *v = strtok_r(l + 8, " ", &save2); v; v = strtok_r(NULL, " ", &save2)) {
                s.latencies++;
                s.latency_s += strtod(v, NULL);
            }
        }
    }
    return s;
}

static void markers_say_what_the_result_says(void **state)
{
    (void)state;
    for (int open = 0; open < 2; open++) {
        struct world w = {.batch_ns = 3000000};
        serve_aloud(&w, 2,
                    &(struct wtl_serve_plan){.warmup_s = 0.1,
                                             .duration_s = 10,
                                             .rate_hz = open ? 300 : 0,
                                             .seed = 1,
                                             .unit = "images"});
        struct said s = understand();
        assert_near(s.work, (double)result->items, 0);
        assert_int_equal(s.latencies, result->latency.n);
        assert_near(s.latency_s, result->latency.sum_ns / 1e9, 1e-6);
        assert_int_equal(s.first_ns, result->start_ns);
        assert_int_equal(s.last_ns, result->end_ns);
        assert_true(s.ends > 300 && s.ends <= 501); /* every 20 ms */
    }
}

static int set_up(void **state)
{
    result = malloc(sizeof *result);
    assert_non_null(result);
    return make_test_directory(state);
}

static int tear_down(void **state)
{
    free(result);
    return drop_test_directory(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_loop_is_one_batch_after_another),
        cmocka_unit_test(closed_loop_of_so_many_batches),
        cmocka_unit_test(told_to_end),
        cmocka_unit_test(a_broken_engine_ends_it),
        cmocka_unit_test(waits_are_those_of_the_queue),
        cmocka_unit_test(overload_is_not_hidden),
        cmocka_unit_test(batches_are_of_those_who_wait),
        cmocka_unit_test(open_loop_of_so_many_items),
        cmocka_unit_test(told_to_end_with_a_queue),
        cmocka_unit_test(the_same_twice),
        cmocka_unit_test(markers_say_what_the_result_says),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
