/* SPDX-License-Identifier: Apache-2.0
 * Which window an end ends: in a process of its own, and told by lines. */
#include "support/support.h"

#include "telemetry/spans.h"
#include "telemetry/windows.h"

#include <stdio.h>
#include <string.h>

static int64_t take(struct wtl_spans *s, const char *name, int64_t tid)
{
    struct wtl_span *x = wtl_spans_take(s, name, tid);
    int64_t t_ns = x ? x->t_ns : -1;
    if (x)
        wtl_spans_give(s, x);
    return t_ns;
}

static void the_last_of_the_thread_ends_first(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_spans *s = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_spans_new(&arena, NULL, &s, &err), &err);
    assert_true(wtl_spans_begin(s, "a", 1, 10));
    assert_true(wtl_spans_begin(s, "a", 2, 10));
    assert_true(wtl_spans_begin(s, "b", 3, 10));
    assert_true(wtl_spans_begin(s, "a", 4, 20));
    assert_int_equal(wtl_spans_open(s), 4);
    assert_int_equal(take(s, "a", 10), 2);
    assert_int_equal(take(s, "a", 10), 1);
    assert_int_equal(take(s, "a", 10), 4); /* of another thread, since this has none */
    assert_int_equal(take(s, "a", 10), -1);
    assert_int_equal(take(s, "c", 10), -1);
    wtl_spans_tend(s, 5);
    assert_true(wtl_spans_known(s, 5));
    assert_int_equal(take(s, "b", 99), 3);
    assert_int_equal(wtl_spans_open(s), 0);
    wtl_spans_fini(s);
}

static void as_many_as_there_is_room_for(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_spans *s = NULL;
    struct wtl_error err = {0};
    assert_ok(wtl_spans_new(&arena, NULL, &s, &err), &err);
    for (int i = 0; i < WTL_SPANS_OPEN; i++)
        assert_true(wtl_spans_begin(s, "a", i, 1));
    assert_false(wtl_spans_begin(s, "a", 9999, 1));
    for (int i = WTL_SPANS_OPEN - 1; i >= 0; i--)
        assert_int_equal(take(s, "a", 1), i);
    assert_true(wtl_spans_begin(s, "a", 7, 1));
    assert_int_equal(take(s, "a", 1), 7);
    wtl_spans_fini(s);
}

static void an_allocation_that_fails(void **state)
{
    (void)state;
    struct wtl_alloc_failing fail;
    for (long n = 1; n <= 2; n++) {
        struct wtl_arena arena;
        struct wtl_spans *s = NULL;
        wtl_arena_init(&arena, wtl_alloc_failing(&fail, n));
        assert_int_equal(wtl_spans_new(&arena, NULL, &s, NULL), -WTL_NOMEM);
        assert_null(s);
        wtl_arena_fini(&arena);
    }
}

/* ---- The same by lines ----------------------------------------------------------------------- */

struct told {
    struct wtl_arena arena;
    struct wtl_machine *machine;
    struct wtl_metering *metering;
    struct wtl_windows *windows;
};

static void tell(struct told *t, const char *text)
{
    static struct wtl_marker_line line;
    assert_true(wtl_marker_parse(text, strlen(text), &line));
    wtl_windows_tell(t->windows, 1, &line, INT64_C(1) << 40);
}

static void open_told(struct told *t)
{
    static const char *const only[] = {"virtual:plain", NULL};
    struct wtl_error err = {0};
    const struct wtl_machine_options mo = {.clock = wtl_clock_system(), .nvml = "", .only = only};
    const struct wtl_metering_options o = {.clock = wtl_clock_system()};
    wtl_arena_init(&t->arena, wtl_alloc_system());
    assert_ok(wtl_machine_open(wtl_alloc_system(), &mo, &t->machine, &err), &err);
    assert_ok(wtl_metering_start(wtl_alloc_system(), t->machine, NULL, 0, &o, &t->metering, &err),
              &err);
    assert_ok(wtl_windows_new(&t->arena, t->metering, &t->windows, &err), &err);
    wtl_windows_open(t->windows, 1);
}

static void close_told(struct told *t)
{
    wtl_metering_stop(t->metering, WTL_NS_PER_S);
    wtl_machine_close(t->machine);
    wtl_arena_fini(&t->arena);
}

static int64_t begun(struct told *t, int connection, const char *name, int64_t tid, int64_t t_ns)
{
    struct wtl_energy energies[4];
    return wtl_windows_ask(t->windows, connection, name, tid, t_ns, energies);
}

static void a_line_that_asks_finds_its_own_window(void **state)
{
    (void)state;
    struct told t;
    open_told(&t);
    tell(&t, "begin a t=10 tid=1");
    tell(&t, "begin a t=20 tid=1");
    tell(&t, "begin a t=30 tid=2");
    for (int settled = 0; settled < 2; settled++) {
        assert_int_equal(begun(&t, 1, "a", 1, 40), 20);
        assert_int_equal(begun(&t, 1, "a", 2, 40), 30);
        assert_int_equal(begun(&t, 1, "a", 0, 40), 30);
        assert_int_equal(begun(&t, 1, "a", 9, 40), 30);
        assert_int_equal(begun(&t, 2, "a", 1, 40), -1);
        assert_int_equal(begun(&t, 1, "b", 1, 40), -1);
        wtl_windows_settle(t.windows, WTL_NS_PER_S);
    }
    tell(&t, "end a t=40 tid=1"); /* not worked off yet, and counts all the same */
    assert_int_equal(begun(&t, 1, "a", 1, 50), 10);
    assert_int_equal(begun(&t, 1, "a", 1, 39), 20);
    tell(&t, "begin a t=45 tid=1");
    assert_int_equal(begun(&t, 1, "a", 1, 50), 45);
    close_told(&t);
}

static void a_window_that_is_cancelled_does_not_count(void **state)
{
    (void)state;
    struct told t;
    const struct wtl_window_total *totals;
    const struct wtl_request_total *requests;
    int64_t work_ns;
    open_told(&t);
    tell(&t, "begin a t=10 tid=1");
    tell(&t, "end a t=20 tid=1 work=4 requests=x:4 cancel=1");
    tell(&t, "begin a t=30 tid=1");
    tell(&t, "end a t=50 tid=1 work=3 requests=y:3 cancel=0");
    wtl_windows_close(t.windows, 100);
    assert_int_equal(wtl_windows_totals(t.windows, &totals), 1);
    assert_int_equal(totals[0].count, 1);
    assert_int_equal(totals[0].cut, 0);
    assert_near(totals[0].time_s, 20e-9, 1e-15);
    assert_near(totals[0].work, 3, 0);
    assert_int_equal(wtl_windows_requests(t.windows, &requests), 1);
    assert_string_equal(requests[0].id, "y");
    assert_near(wtl_windows_work(t.windows, &work_ns), 3, 0);
    assert_int_equal(wtl_windows_counts(t.windows).unmatched, 0);
    close_told(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_of_the_thread_ends_first),
        cmocka_unit_test(as_many_as_there_is_room_for),
        cmocka_unit_test(an_allocation_that_fails),
        cmocka_unit_test(a_line_that_asks_finds_its_own_window),
        cmocka_unit_test(a_window_that_is_cancelled_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
