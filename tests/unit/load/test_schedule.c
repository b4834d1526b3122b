/* SPDX-License-Identifier: Apache-2.0
 * The schedule against servers in simulated time: one that works off requests one by one in a time
 * that is known. What such a queue does is known exactly (Pollaczek and Khinchine). */
#include "support/support.h"

#include "load/schedule.h"

#include <math.h>
#include <stdlib.h>

enum { MS = 1000000 };

struct served {
    int64_t due, end, waited, late;
    bool measured;
};

/* A single server: each request takes `service_ns` from when it is sent or the one before it ends;
 * `stall_at` it does nothing for `stall_ns`. Events in the order of time; returns the number. */
struct server {
    int64_t service_ns, stall_at_ns, stall_ns;
    int64_t busy_until;
};

static int64_t serve(struct server *s, int64_t sent)
{
    int64_t begin = sent > s->busy_until ? sent : s->busy_until;
    if (begin < s->stall_at_ns + s->stall_ns && begin + s->service_ns > s->stall_at_ns)
        begin = s->stall_at_ns + s->stall_ns;
    s->busy_until = begin + s->service_ns;
    return s->busy_until;
}

static int run(const struct wtl_schedule_config *config, struct server server, struct served *out,
               int max)
{
    WTL_ARENA(arena);
    struct wtl_schedule *s = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_schedule_new(&arena, config, &s, &err), &err);
    int64_t now = 0;
    int n = 0, first = 0; /* in flight: out[first..n-1], which end in order */
    while (!wtl_schedule_ended(s)) {
        struct wtl_sending r;
        int64_t wake = wtl_schedule_wake(s);
        int64_t end = first < n ? out[first].end : INT64_MAX;
        now = wake < end ? (wake > now ? wake : now) : end;
        if (end <= wake) {
            wtl_schedule_done(s, now);
            first++;
        } else {
            assert_true(wtl_schedule_take(s, now, &r));
            assert_true(n < max && r.number == (uint64_t)n);
            out[n++] = (struct served){.due = r.due_ns,
                                       .end = serve(&server, now),
                                       .waited = r.waited_ns,
                                       .late = r.late_ns,
                                       .measured = r.measured};
        }
    }
    assert_int_equal(wtl_schedule_in_flight(s), 0);
    return n;
}

static struct wtl_schedule_config open_loop(double rate, int slots, uint64_t n)
{
    return (struct wtl_schedule_config){.arrivals =
                                            wtl_arrivals_at_rate(WTL_ARRIVAL_POISSON, rate, 1),
                                        .slots = slots,
                                        .duration_ns = INT64_MAX,
                                        .requests = n};
}

/* Mean wait of batches of requests, and its standard error from their spread. */
static double mean_wait(const struct served *r, int n, int64_t service_ns, double *se_out)
{
    enum { BATCHES = 50 };
    double sum = 0, square = 0;
    for (int b = 0; b < BATCHES; b++) {
        double batch = 0;
        for (int i = b * (n / BATCHES); i < (b + 1) * (n / BATCHES); i++)
            batch += (double)(r[i].end - r[i].due - service_ns);
        batch /= n / BATCHES;
        sum += batch;
        square += batch * batch;
    }
    double mean = sum / BATCHES;
    *se_out = sqrt((square / BATCHES - mean * mean) / (BATCHES - 1));
    return mean;
}

enum { N = 400000 };

/* Mean wait of a queue with Poisson arrivals and constant service D at utilisation r is
 * r D / (2 (1 - r)); a closed loop of one worker sees none of it, whatever the server does. */
static void an_open_loop_shows_the_queue_that_a_closed_one_hides(void **state)
{
    (void)state;
    struct served *r = malloc(N * sizeof *r);
    assert_non_null(r);
    for (int percent = 50; percent <= 80; percent += 10) {
        double load = percent / 100.0, se;
        struct wtl_schedule_config open = open_loop(load * 1000, 100000, N);
        assert_int_equal(run(&open, (struct server){.service_ns = MS}, r, N), N);
        double mean = mean_wait(r, N, MS, &se);
        assert_true(se < 0.05 * mean);
        assert_near(mean, load * MS / (2 * (1 - load)), 4 * se);
        for (int i = 0; i < N; i++)
            assert_true(r[i].waited == 0 && r[i].late == 0);
    }
    struct wtl_schedule_config closed = {
        .closed = true, .slots = 1, .duration_ns = INT64_MAX, .requests = N};
    assert_int_equal(run(&closed, (struct server){.service_ns = MS}, r, N), N);
    for (int i = 0; i < N; i++)
        assert_int_equal(r[i].end - r[i].due, MS);
    free(r);
}

/* Where requests wait, here or in the server, is all the same to a single server's latencies. */
static void a_bound_on_requests_in_flight_hides_nothing(void **state)
{
    (void)state;
    enum { FEW = 20000 };
    struct served *a = malloc(FEW * sizeof *a), *b = malloc(FEW * sizeof *b);
    assert_true(a && b);
    struct wtl_schedule_config wide = open_loop(800, FEW, FEW), narrow = open_loop(800, 1, FEW);
    assert_int_equal(run(&wide, (struct server){.service_ns = MS}, a, FEW), FEW);
    assert_int_equal(run(&narrow, (struct server){.service_ns = MS}, b, FEW), FEW);
    int waited = 0;
    for (int i = 0; i < FEW; i++) {
        assert_int_equal(a[i].due, b[i].due);
        assert_int_equal(a[i].end, b[i].end);
        assert_int_equal(b[i].end - b[i].due, b[i].waited + MS);
        assert_int_equal(b[i].late, 0);
        waited += b[i].waited > 0;
    }
    assert_true(waited > FEW / 2); /* of 80 % of the requests, in the mean */
    free(a);
    free(b);
}

/* A server that stands still for a second at 100 requests a second: 90 of them take over 100 ms. A
 * worker of a closed loop has seen one. */
static void a_stall_is_seen_by_all_who_were_due(void **state)
{
    (void)state;
    enum { FEW = 1000 };
    static struct served r[FEW];
    const struct server server = {
        .service_ns = MS, .stall_at_ns = INT64_C(2000) * MS, .stall_ns = INT64_C(1000) * MS};
    struct wtl_schedule_config open = {.arrivals =
                                           wtl_arrivals_at_rate(WTL_ARRIVAL_UNIFORM, 100, 1),
                                       .slots = 500,
                                       .duration_ns = INT64_C(8000) * MS};
    struct wtl_schedule_config closed = {
        .closed = true, .slots = 1, .duration_ns = INT64_MAX, .requests = FEW};
    int n = run(&open, server, r, FEW), slow = 0;
    assert_int_equal(n, 799); /* every 10 ms, the first after 10 ms, none at the end itself */
    for (int i = 0; i < n; i++)
        slow += r[i].end - r[i].due > 100 * MS;
    assert_in_range(slow, 90, 101);
    n = run(&closed,
            (struct server){.service_ns = 10 * MS,
                            .stall_at_ns = server.stall_at_ns,
                            .stall_ns = server.stall_ns},
            r, FEW);
    slow = 0;
    for (int i = 0; i < n; i++)
        slow += r[i].end - r[i].due > 100 * MS;
    assert_int_equal(slow, 1);
}

static void what_is_due_in_the_warm_up_is_not_measured(void **state)
{
    (void)state;
    static struct served r[2000];
    struct wtl_schedule_config c = {.arrivals = wtl_arrivals_at_rate(WTL_ARRIVAL_UNIFORM, 1000, 1),
                                    .slots = 10,
                                    .warmup_ns = 500 * MS,
                                    .duration_ns = 1000 * MS};
    int n = run(&c, (struct server){.service_ns = MS / 2}, r, 2000), measured = 0;
    assert_int_equal(n, 1499);
    for (int i = 0; i < n; i++) {
        assert_int_equal(r[i].measured, r[i].due >= c.warmup_ns);
        measured += r[i].measured;
    }
    assert_int_equal(measured, 1000);
    c.requests = 100;
    n = run(&c, (struct server){.service_ns = MS / 2}, r, 2000);
    assert_int_equal(n, 599);
}

/* Asked late, with slots free and with none: whose fault that was is told apart. */
static void lateness_is_told_apart(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    const int64_t times[] = {0, 1 * MS, 2 * MS};
    struct wtl_schedule_config c = {
        .arrivals = wtl_arrivals_of_trace(times, 3, 1), .slots = 1, .duration_ns = INT64_MAX};
    struct wtl_schedule *s = NULL;
    struct wtl_sending r = {.number = 77};
    assert_ok(wtl_schedule_new(&arena, &c, &s, NULL), NULL);
    assert_int_equal(wtl_schedule_wake(s), 0);
    assert_true(wtl_schedule_take(s, 100, &r));
    assert_true(r.due_ns == 0 && r.waited_ns == 0 && r.late_ns == 100);
    assert_true(wtl_schedule_wake(s) == INT64_MAX); /* due at 1 ms, and no slot */
    assert_false(wtl_schedule_take(s, 5 * MS, &r));
    wtl_schedule_done(s, 5 * MS);
    assert_int_equal(wtl_schedule_wake(s), 1 * MS);
    assert_true(wtl_schedule_take(s, 5 * MS + 30, &r));
    assert_true(r.due_ns == MS && r.waited_ns == 4 * MS && r.late_ns == 30);
    assert_int_equal(r.number, 1);
    wtl_schedule_done(s, 6 * MS);
    /* Stopped before it was due, nothing is left over; after that, it is told. */
    assert_int_equal(wtl_schedule_stop(s, 2 * MS), 1);
    assert_true(wtl_schedule_ended(s));
    assert_false(wtl_schedule_take(s, 9 * MS, &r));
}

static void memory_that_runs_out_is_an_error(void **state)
{
    (void)state;
    for (long k = 1; k <= 2; k++) {
        struct wtl_alloc_failing failing;
        struct wtl_arena arena;
        struct wtl_error err = {0};
        struct wtl_schedule *s = (void *)&failing;
        struct wtl_schedule_config c = {.closed = true, .slots = 100000};
        wtl_arena_init(&arena, wtl_alloc_failing(&failing, k));
        assert_int_equal(wtl_schedule_new(&arena, &c, &s, &err), -WTL_NOMEM);
        assert_ptr_equal(s, &failing);
        wtl_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_loop_shows_the_queue_that_a_closed_one_hides),
        cmocka_unit_test(a_bound_on_requests_in_flight_hides_nothing),
        cmocka_unit_test(a_stall_is_seen_by_all_who_were_due),
        cmocka_unit_test(what_is_due_in_the_warm_up_is_not_measured),
        cmocka_unit_test(lateness_is_told_apart),
        cmocka_unit_test(memory_that_runs_out_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
