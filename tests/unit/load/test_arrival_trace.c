/* SPDX-License-Identifier: Apache-2.0
 * Tables of arrivals: the forms that are read, and errors with their place. */
#include "support/support.h"

#include "load/arrival_trace.h"

#include <string.h>

static int parse(struct wtl_arena *arena, const char *text, struct wtl_arrival_trace *t,
                 struct wtl_error *err)
{
    return wtl_arrival_trace_parse(arena, "t.csv", text, strlen(text), t, err);
}

static void azure_traces(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_arrival_trace t = {0};
    assert_ok(parse(&arena,
                    "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
                    "2023-11-16 18:15:46.6805900,374,44\r\n"
                    "2023-11-16 18:15:50.9951690,396,109\r\n",
                    &t, &err),
              &err);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.time_ns[1] - t.time_ns[0], 4314579000);
    assert_int_equal(t.prompt_tokens[0], 374);
    assert_int_equal(t.output_tokens[1], 109);
}

static void other_tables(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_arrival_trace t = {0};
    assert_ok(parse(&arena, "# seconds\n0.5\n0.75\n\n1e1\n", &t, &err), &err);
    assert_true(t.n == 3 && t.time_ns[0] == 500000000 && t.time_ns[2] == 10000000000);
    assert_true(!t.prompt_tokens && !t.output_tokens);
    assert_ok(parse(&arena,
                    "id;num_decode_tokens;arrived_at\n"
                    "a;7;0\n"
                    "b;8;0.25\n",
                    &t, &err),
              &err);
    assert_true(t.n == 2 && t.time_ns[1] == 250000000 && t.output_tokens[1] == 8);
    assert_null(t.prompt_tokens);
    assert_ok(parse(&arena, "time\n-3\n-2.5\n", &t, &err), &err); /* seconds from anywhere */
    assert_int_equal(t.time_ns[1], -2500000000);
}

static void wrong_tables_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
        int line, column;
    } cases[] = {
        {"", "no arrivals", 0, 0},
        {"time\n", "no arrivals", 0, 0},
        {"a,b\n1,2\n", "no column of arrival times", 1, 0},
        {"x\n1\n", "no column of arrival times", 1, 0},
        {"time\n1\nsoon\n", "\"soon\" is no time", 3, 1},
        {"time,prompt_tokens\n1,5\n2,many\n", "\"many\" is no number of tokens", 3, 3},
        {"time,prompt_tokens\n1,-5\n", "\"-5\" is no number of tokens", 2, 3},
        {"time,prompt_tokens\n1,99999999999\n", "is no number of tokens", 2, 3},
        {"time,prompt_tokens\n1\n", "row has 1 cell, expected 2", 2, 0},
        {"time\n2\n1\n", "earlier than the one before", 3, 1},
        {"time\n\"1\n", "no row of a table", 2, 0},
        {"time\n1700-01-01T00:00:00Z\n2200-01-01T00:00:00Z\n", "same century", 3, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        struct wtl_arrival_trace t = {.n = 4711};
        assert_int_equal(parse(&arena, cases[i].text, &t, &err), -WTL_PARSE);
        assert_non_null(strstr(err.message, cases[i].message));
        assert_string_equal(err.input_file, "t.csv");
        assert_int_equal(err.input_line, cases[i].line);
        assert_int_equal(err.input_column, cases[i].column);
        assert_int_equal(t.n, 4711);
    }
}

static void a_file_that_is_not_there(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_arrival_trace t = {0};
    assert_int_equal(wtl_arrival_trace_read(&arena, "/nowhere/t.csv", &t, &err), -WTL_NOTFOUND);
}

static void memory_that_runs_out_is_an_error(void **state)
{
    (void)state;
    int failed = 0;
    for (long k = 1; k < 100; k++) {
        struct wtl_alloc_failing failing;
        struct wtl_arena arena;
        struct wtl_error err = {0};
        struct wtl_arrival_trace t = {0};
        wtl_arena_init(&arena, wtl_alloc_failing(&failing, k));
        int rc = parse(&arena, "time,prompt_tokens,output_tokens\n1,2,3\n", &t, &err);
        wtl_arena_fini(&arena);
        if (rc == 0)
            break;
        assert_int_equal(rc, -WTL_NOMEM);
        failed++;
    }
    assert_in_range(failed, 1, 98);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(azure_traces),
        cmocka_unit_test(other_tables),
        cmocka_unit_test(wrong_tables_are_refused_with_their_place),
        cmocka_unit_test(a_file_that_is_not_there),
        cmocka_unit_test(memory_that_runs_out_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
