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

static void failures_have_the_status(void **state)
{
    (void)state;
    static const struct {
        struct wtl_exchange_failure failure;
        const char *text;
    } cases[] = {
        {{.outcome = WTL_OUTCOME_HTTP, .status = 503}, "HTTP status 503"},
        {{.outcome = WTL_OUTCOME_HTTP, .status = 429, .why = "busy"}, "HTTP status 429: busy"},
        {{.outcome = WTL_OUTCOME_TRUNCATED, .status = 200, .why = "why"}, "truncated: why"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[100];
        wtl_load_failure_text(&cases[i].failure, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

/* ---- rates: a closed loop in simulated time -------------------------------------------------- */

enum { WORKERS_MAX = 8 };

struct closed {
    int workers;
    int64_t time_ns, stagger_ns; /* of a request; between the first ones of two workers */
    int64_t warmup_ns, duration_ns;
    uint64_t requests; /* 0: for the duration */
};

/* Requests of 10 tokens by the schedule of the load, from its warm-up to the last; into `r`. */
static void run_closed(const struct closed *c)
{
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_schedule_config config = {.closed = true,
                                         .slots = c->workers,
                                         .warmup_ns = c->warmup_ns,
                                         .duration_ns = c->duration_ns,
                                         .requests = c->requests};
    struct wtl_schedule *schedule = NULL;
    struct wtl_sending sent[WORKERS_MAX];
    int64_t end_ns[WORKERS_MAX], now = 0, due;
    int n = 0, first = 0;
    struct wtl_exchange x = ended(WTL_OUTCOME_OK, 200);
    x.tokens_out = 10;
    memset(&r, 0, sizeof r);
    assert_ok(wtl_schedule_new(&arena, &config, &schedule, &err), &err);
    wtl_load_window_open(&r, c->warmup_ns, c->workers);
    if (c->duration_ns < INT64_MAX)
        wtl_load_rates_end(&r, c->warmup_ns + c->duration_ns);
    for (;;) {
        while (n < WORKERS_MAX && wtl_schedule_take(schedule, now, &sent[n])) {
            end_ns[n++] = now + c->time_ns + (first < c->workers ? first * c->stagger_ns : 0);
            first++;
        }
        if (n == 0)
            break;
        int k = 0;
        for (int i = 1; i < n; i++)
            if (end_ns[i] < end_ns[k])
                k = i;
        struct wtl_sending done = sent[k];
        now = end_ns[k];
        n--;
        sent[k] = sent[n];
        end_ns[k] = end_ns[n];
        wtl_schedule_done(schedule, now);
        if (now < c->warmup_ns)
            continue;
        if (!wtl_schedule_next_due(schedule, &due))
            wtl_load_rates_end(&r, now);
        wtl_load_rates_add(&r, &done, &x, x.tokens_out, now);
    }
    wtl_load_rates_finish(&r, 0);
}

/* Workers that are never idle do one request in its time each: no more, however short the window,
 * wherever it begins, in step or not, with or without enough requests for all of them. */
static void a_closed_loop_has_the_rate_of_its_workers(void **state)
{
    (void)state;
    static const int64_t warmups[] = {0, 152 * MS, 300 * MS, 1000 * MS};
    static const struct {
        uint64_t requests;
        int64_t duration_ns;
    } ends[] = {{1, INT64_MAX}, {4, INT64_MAX}, {6, INT64_MAX}, {400, INT64_MAX},
                {0, 100 * MS},  {0, 231 * MS},  {0, 2000 * MS}};
    struct wtl_rate_estimate rate;
    for (size_t w = 0; w < sizeof warmups / sizeof warmups[0]; w++)
        for (size_t e = 0; e < sizeof ends / sizeof ends[0]; e++)
            for (int64_t stagger = 0; stagger <= 30 * MS; stagger += 30 * MS) {
                struct closed c = {.workers = 4,
                                   .time_ns = 152 * MS,
                                   .stagger_ns = stagger,
                                   .warmup_ns = warmups[w],
                                   .duration_ns = ends[e].duration_ns,
                                   .requests = ends[e].requests};
                /* One worker at work alone; first requests, which are longer. */
                if ((c.warmup_ns == 0 && c.requests == 1) || (stagger > 0 && w < 2))
                    continue;
                run_closed(&c);
                if (w == 1 && c.requests == 1) { /* the others are idle at once: no rate */
                    assert_near(wtl_load_rates_s(&r), 0, 0);
                    continue;
                }
                double s = wtl_load_rates_s(&r);
                assert_true(s > 0);
                double truth = 4 / 0.152;
                assert_near(r.rates.requests / s, truth, 1e-9);
                assert_true(wtl_throughput_rate(&r.rates.throughput, &rate));
                assert_near(rate.per_s, r.rates.tokens / s, 1e-6);
                /* Below eight rounds of all workers nothing is known of how it varies. */
                assert_int_equal(rate.has_interval,
                                 c.requests == 400 || c.duration_ns == 2000 * MS);
                if (rate.has_interval)
                    assert_true(rate.lo_per_s > 9.5 * truth && rate.hi_per_s < 10.5 * truth);
            }
}

/* Of an open loop what was done in the window counts, whole, and tokens of requests that go on. */
static void an_open_loop_counts_what_was_done(void **state)
{
    (void)state;
    struct wtl_sending s = {.due_ns = 0};
    struct wtl_exchange x = ended(WTL_OUTCOME_OK, 200);
    struct wtl_rate_estimate rate;
    memset(&r, 0, sizeof r);
    wtl_load_window_open(&r, 100 * MS, 0);
    wtl_load_rates_add(&r, &s, &x, 30, 200 * MS);
    wtl_load_rates_end(&r, 600 * MS);
    r.window_tokens_out = 50;
    wtl_load_rates_finish(&r, 20);
    assert_near(wtl_load_rates_s(&r), 0.5, 1e-12);
    assert_near(r.rates.requests, 1, 1e-12);
    assert_true(wtl_throughput_rate(&r.rates.throughput, &rate));
    assert_near(rate.per_s, 100, 1e-9);
    assert_near(r.rates.tokens, 50, 1e-12);
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
        cmocka_unit_test(failures_have_the_status),
        cmocka_unit_test(a_closed_loop_has_the_rate_of_its_workers),
        cmocka_unit_test(an_open_loop_counts_what_was_done),
        cmocka_unit_test(a_slow_generator_is_seen),
        cmocka_unit_test(a_line_of_the_log),
        cmocka_unit_test(urls),
        cmocka_unit_test(tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
