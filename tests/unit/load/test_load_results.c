/* SPDX-License-Identifier: Apache-2.0
 * What came of requests: counts, times, the line of a log, a generator that is too slow; and URLs.
 */
#include "support/support.h"

#include "codec/json.h"
#include "load/http.h"
#include "load/load_results.h"

#include <string.h>

enum { MS = 1000000 };

static struct wtl_load_results r;

static struct wtl_exchange ended(enum wtl_outcome outcome, int status)
{
    struct wtl_exchange x = {.outcome = outcome, .status = status};
    strcpy(x.why, outcome == WTL_OUTCOME_OK ? "" : "reason");
    return x;
}

static void counts_and_times(void **state)
{
    (void)state;
    memset(&r, 0, sizeof r);
    struct wtl_sending warm = {.due_ns = 1 * MS}, s = {.due_ns = 10 * MS, .measured = true};
    struct wtl_exchange bad = ended(WTL_OUTCOME_TIMEOUT, 0), busy = ended(WTL_OUTCOME_HTTP, 429);
    struct wtl_exchange good = ended(WTL_OUTCOME_OK, 200), cut = ended(WTL_OUTCOME_CUT, 0);
    good.events = 3;
    good.tokens_out = 5;
    good.tokens_in = 7;
    good.usage = true;
    good.first_ns = 12 * MS;
    good.last_ns = 20 * MS;
    wtl_load_note_sent(&r, &warm);
    wtl_load_note_end(&r, &warm, &bad, 5 * MS);
    assert_true(r.warmup_sent == 1 && r.warmup_failed == 1 && r.first_failure.why[0] == '\0');
    for (int i = 0; i < 4; i++) {
        s.waited_ns = i * MS;
        s.late_ns = 1000;
        wtl_load_note_sent(&r, &s);
    }
    wtl_load_note_end(&r, &s, &cut, 20 * MS);
    wtl_load_note_end(&r, &s, &busy, 20 * MS);
    wtl_load_note_end(&r, &s, &bad, 20 * MS);
    wtl_load_note_end(&r, &s, &good, 30 * MS);
    assert_true(r.sent == 4 && r.outcome[WTL_OUTCOME_OK] == 1 && r.status[429] == 1);
    assert_true(r.outcome[WTL_OUTCOME_CUT] == 1 && r.outcome[WTL_OUTCOME_TIMEOUT] == 1);
    assert_int_equal(r.first_failure.outcome, WTL_OUTCOME_HTTP); /* a cut is no failure */
    assert_string_equal(r.first_failure.why, "reason");
    assert_true(r.latency.n == 1 && r.latency.max_ns == 20 * MS);
    assert_true(r.first_token.n == 1 && r.first_token.max_ns == 2 * MS);
    assert_true(r.per_token.n == 1 && r.per_token.max_ns == 2 * MS); /* 8 ms over 4 tokens */
    assert_true(r.waited.n == 4 && r.waited.max_ns == 3 * MS);
    assert_true(r.tokens_in == 7 && r.tokens_out == 5 && r.counted_by_server == 1);
}

static void a_slow_generator_is_seen(void **state)
{
    (void)state;
    struct wtl_sending s = {.measured = true, .late_ns = 900000};
    struct wtl_exchange good = ended(WTL_OUTCOME_OK, 200);
    static const struct {
        int64_t late_ns, latency_ns;
        double cpu_s;
        bool slow;
    } cases[] = {
        {900000, 2 * MS, 0.1, false},   /* below a millisecond */
        {2 * MS, 100 * MS, 0.1, false}, /* 2 % of the latency */
        {2 * MS, 20 * MS, 0.1, true},
        {0, 20 * MS, 0.95, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(&r, 0, sizeof r);
        r.window_end_ns = 1000 * MS;
        r.cpu_s = cases[i].cpu_s;
        s.late_ns = cases[i].late_ns;
        for (int k = 0; k < 100; k++) {
            wtl_load_note_sent(&r, &s);
            wtl_load_note_end(&r, &s, &good, cases[i].latency_ns);
        }
        assert_int_equal(wtl_load_generator_slow(&r), cases[i].slow);
    }
    memset(&r, 0, sizeof r);
    assert_false(wtl_load_generator_slow(&r));
}

static void a_line_of_the_log(void **state)
{
    (void)state;
    struct wtl_buf line;
    struct wtl_sending s = {.number = 5, .due_ns = 10 * MS, .waited_ns = MS, .measured = true};
    struct wtl_exchange x = ended(WTL_OUTCOME_HTTP, 503);
    json_t *root = NULL;
    wtl_buf_init(&line, wtl_alloc_system(), 10000);
    assert_true(wtl_load_log_line(&s, &x, 11 * MS, 30 * MS, &line));
    assert_ok(wtl_json_parse(line.data, line.len, "log", &root, NULL), NULL);
    assert_int_equal(json_integer_value(json_object_get(root, "http_status")), 503);
    assert_near(json_real_value(json_object_get(root, "latency_s")), 0.02, 1e-12);
    assert_string_equal(json_string_value(json_object_get(root, "outcome")), "HTTP status");
    assert_null(json_object_get(root, "tokens_out"));
    assert_null(strchr(line.data, '\n'));
    json_decref(root);
    wtl_buf_fini(&line);
}

static void urls(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    static const char *const good[][2] = {
        {"http://h:8000", "http://h:8000"},
        {"https://h/", "https://h"},
        {"http://h:8000/v1", "http://h:8000"},
        {"http://h:8000/v1//", "http://h:8000"},
        {"http://h/gateway/v1", "http://h/gateway"},
        {"http://[::1]:8000/x@y", "http://[::1]:8000/x@y"},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const char *base = NULL;
        assert_ok(wtl_http_base(&arena, good[i][0], "/v1", &base, &err), &err);
        assert_string_equal(base, good[i][1]);
    }
    static const char *const bad[] = {"",           "h:8000",       "ftp://h",     "http://",
                                      "http:///v1", "http://:8000", "http://h?q",  "http://h/#f",
                                      "http://h /", "file:///etc",  "http://h/\n", "HTTP"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *base = "untouched";
        assert_int_equal(wtl_http_base(&arena, bad[i], "/v1", &base, &err), -WTL_USAGE);
        assert_string_equal(base, "untouched");
    }
    const char *base = NULL;
    assert_int_equal(wtl_http_base(&arena, "http://user:secret@h", NULL, &base, &err), -WTL_USAGE);
    assert_null(strstr(err.message, "secret"));
}

static void tokens(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    const char *header = NULL;
    assert_ok(wtl_http_bearer(&arena, "F", " abc\n", 5, &header, &err), &err);
    assert_string_equal(header, "Bearer abc");
    static const char *const bad[] = {"", "\n", "a b", "a\nInjected: x", "a\x01", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(wtl_http_bearer(&arena, "F", bad[i], strlen(bad[i]), &header, &err),
                         -WTL_USAGE);
        assert_string_equal(header, "Bearer abc");
        assert_true(!*bad[i] || !strstr(err.message, "Injected"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_times),
        cmocka_unit_test(a_slow_generator_is_seen),
        cmocka_unit_test(a_line_of_the_log),
        cmocka_unit_test(urls),
        cmocka_unit_test(tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
