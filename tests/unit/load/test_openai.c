/* SPDX-License-Identifier: Apache-2.0
 * Completions without a network: requests as text, answers whole, streamed, wrong. */
#include "support/support.h"

#include "codec/json.h"
#include "load/openai.h"

#include <string.h>

static struct wtl_openai_config config(bool chat, bool stream)
{
    return (struct wtl_openai_config){.model = "m",
                                      .chat = chat,
                                      .stream = stream,
                                      .ask_usage = true,
                                      .prompt = {.a = 5},
                                      .output = {.a = 16},
                                      .seed = 1};
}

static struct wtl_openai make(struct wtl_arena *arena, struct wtl_openai_config c)
{
    struct wtl_openai o;
    struct wtl_error err = {0};
    assert_ok(wtl_openai_init(&o, arena, &c, &err), &err);
    return o;
}

/* The body of request `number`, which must be JSON. */
static json_t *body(struct wtl_openai *o, uint64_t number)
{
    struct wtl_dialect d = wtl_openai_dialect(o);
    struct wtl_exchange x;
    struct wtl_error err = {0};
    json_t *root = NULL;
    wtl_exchange_init(&x, wtl_alloc_system());
    wtl_exchange_restart(&x);
    x.number = number;
    assert_ok(d.request(d.ctx, &x, &err), &err);
    assert_ok(wtl_json_parse(x.body, x.body_size, "body", &root, &err), &err);
    assert_int_equal(json_integer_value(json_object_get(root, "max_tokens")), x.asked_out);
    wtl_exchange_fini(&x);
    return root;
}

static int words_of(const char *text)
{
    int n = *text != '\0';
    for (; *text; text++)
        n += *text == ' ';
    return n;
}

static const char *string_at(const json_t *root, const char *key)
{
    const char *s = json_string_value(json_object_get(root, key));
    assert_non_null(s);
    return s;
}

static void requests_have_what_was_asked_for(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_openai_config c = config(false, true);
    c.ignore_eos = true;
    c.extra = "{\"top_p\": 0.9, \"stop\": [\"\\n\"]}";
    struct wtl_openai o = make(&arena, c);
    assert_string_equal(wtl_openai_path(&o), "/v1/completions");
    json_t *root = body(&o, 0);
    assert_string_equal(string_at(root, "model"), "m");
    assert_int_equal(words_of(string_at(root, "prompt")), 5);
    assert_int_equal(json_integer_value(json_object_get(root, "max_tokens")), 16);
    assert_int_equal(json_integer_value(json_object_get(root, "temperature")), 0);
    assert_true(json_is_true(json_object_get(root, "stream")));
    assert_true(json_is_true(json_object_get(root, "ignore_eos")));
    assert_true(
        json_is_true(json_object_get(json_object_get(root, "stream_options"), "include_usage")));
    assert_true(json_real_value(json_object_get(root, "top_p")) == 0.9);
    json_decref(root);

    o = make(&arena, config(true, false));
    assert_string_equal(wtl_openai_path(&o), "/v1/chat/completions");
    root = body(&o, 0);
    const json_t *message = json_array_get(json_object_get(root, "messages"), 0);
    assert_string_equal(string_at(message, "role"), "user");
    assert_int_equal(words_of(string_at(message, "content")), 5);
    assert_null(json_object_get(root, "stream_options"));
    assert_null(json_object_get(root, "ignore_eos"));
    json_decref(root);
}

static void a_request_depends_on_its_number_and_the_seed_alone(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_openai_config c = config(false, true);
    c.prompt = (struct wtl_lengths){.kind = WTL_LENGTHS_UNIFORM, .a = 1, .b = 100};
    struct wtl_openai a = make(&arena, c), b = make(&arena, c);
    c.seed = 2;
    struct wtl_openai other = make(&arena, c);
    json_t *nine = body(&a, 9), *ten = body(&a, 10), *again = body(&b, 9), *third = body(&other, 9);
    assert_true(json_equal(nine, again));
    assert_false(json_equal(nine, ten));
    assert_false(json_equal(nine, third));
    json_decref(nine);
    json_decref(ten);
    json_decref(again);
    json_decref(third);
}

static void recorded_lengths_are_taken(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    const uint32_t in[] = {374, 3}, out[] = {44, 0};
    struct wtl_openai_config c = config(false, true);
    c.trace_prompt = in;
    c.trace_output = out;
    c.trace_n = 2;
    struct wtl_openai o = make(&arena, c);
    static const int want[][2] = {{374, 44}, {3, 1}, {5, 16}}; /* the third is not in it */
    for (uint64_t i = 0; i < 3; i++) {
        json_t *root = body(&o, i);
        assert_int_equal(words_of(string_at(root, "prompt")), want[i][0]);
        assert_int_equal(json_integer_value(json_object_get(root, "max_tokens")), want[i][1]);
        json_decref(root);
    }
}

static void prompts_of_a_file(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_prompts p;
    static const char lines[] = "\"one \\\"quoted\\\"\"\n"
                                "\n"
                                "{\"prompt\": \"two\", \"max_tokens\": 7, \"id\": 5}\r\n"
                                "{\"messages\": [{\"role\": \"system\", \"content\": \"s\"}]}";
    assert_ok(wtl_prompts_parse(&arena, "p", lines, strlen(lines), true, &p, &err), &err);
    assert_int_equal(p.n, 3);
    struct wtl_openai_config c = config(true, true);
    c.prompts = &p;
    struct wtl_openai o = make(&arena, c);
    json_t *root = body(&o, 3); /* by turns: the first again */
    const json_t *m = json_array_get(json_object_get(root, "messages"), 0);
    assert_string_equal(string_at(m, "content"), "one \"quoted\"");
    json_decref(root);
    root = body(&o, 1);
    assert_int_equal(json_integer_value(json_object_get(root, "max_tokens")), 7);
    json_decref(root);
    root = body(&o, 2);
    assert_string_equal(string_at(json_array_get(json_object_get(root, "messages"), 0), "role"),
                        "system");
    json_decref(root);
}

static void wrong_prompts_are_refused_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
        int line;
    } cases[] = {
        {"", "no prompts", 0},
        {"\n \n", "no prompts", 0},
        {"\"a\"\n{\"prompt\": 5}\n", "no prompt", 2},
        {"\"a\"\n{\"prompt\"", "JSON", 2},
        {"\"a", "JSON", 1},
        {"\"a\", \"b\"x", "JSON", 1},
        {"[1]\n", "no prompt", 1},
        {"{\"messages\": [{}]}\n", "no prompt", 1},
        {"{\"prompt\": \"x\", \"max_tokens\": 0}\n", "max_tokens", 1},
        {"{\"prompt\": \"x\", \"max_tokens\": \"many\"}\n", "max_tokens", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        struct wtl_prompts p = {.n = 4711};
        assert_int_equal(
            wtl_prompts_parse(&arena, "p", cases[i].text, strlen(cases[i].text), false, &p, &err),
            -WTL_PARSE);
        assert_non_null(strstr(err.message, cases[i].message));
        assert_int_equal(err.input_line, cases[i].line);
        assert_int_equal(p.n, 4711);
    }
}

static void wrong_extras_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"[1]", "{\"stream\": false}", "{", "{\"model\": \"x\"}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        struct wtl_openai o = {.head = "untouched"};
        struct wtl_openai_config c = config(false, true);
        c.extra = wrong[i];
        assert_true(wtl_openai_init(&o, &arena, &c, &err) < 0);
        assert_string_equal(o.head, "untouched");
    }
}

/* ---- answers --------------------------------------------------------------------------------- */

struct answer {
    enum wtl_outcome outcome;
    uint32_t events, in, out;
    bool usage;
    char why[WTL_EXCHANGE_WHY];
    int64_t first_ns, last_ns, gaps;
};

/* An answer that comes in pieces of `step` bytes, one every millisecond. */
static struct answer give(bool stream, const char *type, const char *text, size_t step)
{
    WTL_ARENA(arena);
    static struct wtl_latency gaps;
    struct wtl_openai o = make(&arena, config(false, stream));
    struct wtl_dialect d = wtl_openai_dialect(&o);
    struct wtl_exchange x;
    size_t n = strlen(text);
    memset(&gaps, 0, sizeof gaps);
    wtl_exchange_init(&x, wtl_alloc_system());
    wtl_exchange_restart(&x);
    x.gaps = &gaps;
    strcpy(x.content_type, type);
    for (size_t at = 0; at < n && x.outcome == WTL_OUTCOME_OK; at += step) {
        x.now_ns += 1000000;
        d.data(d.ctx, &x, text + at, n - at < step ? n - at : step);
    }
    if (x.outcome == WTL_OUTCOME_OK)
        d.end(d.ctx, &x);
    struct answer a = {x.outcome, x.events,   x.tokens_in, x.tokens_out, x.usage,
                       "",        x.first_ns, x.last_ns,   gaps.n};
    memcpy(a.why, x.why, sizeof a.why);
    wtl_exchange_fini(&x);
    return a;
}

#define STREAM "text/event-stream; charset=utf-8"
#define TEXT(t) "data: {\"choices\": [{\"text\": \"" t "\", \"finish_reason\": null}]}\n\n"
#define LAST "data: {\"choices\": [{\"text\": \"\", \"finish_reason\": \"length\"}]}\n\n"
#define USAGE                                                                                      \
    "data: {\"choices\": [], \"usage\": {\"prompt_tokens\": 7, \"completion_tokens\": 9}}\n\n"
#define DONE "data: [DONE]\n\n"

static void streams(void **state)
{
    (void)state;
    for (size_t step = 1; step < 400; step += 13) {
        struct answer a =
            give(true, STREAM, TEXT(" a") TEXT(" b") TEXT(" c") LAST USAGE DONE, step);
        assert_int_equal(a.outcome, WTL_OUTCOME_OK);
        assert_true(a.events == 3 && a.usage && a.in == 7 && a.out == 9 && a.gaps == 2);
        assert_true(a.first_ns > 0 && a.last_ns >= a.first_ns);
        a = give(true, STREAM, TEXT(" a") TEXT(" b") LAST DONE, step);
        assert_true(a.outcome == WTL_OUTCOME_OK && !a.usage && a.out == 2);
    }
    /* Each of the two is enough of an end. */
    assert_int_equal(give(true, STREAM, TEXT("a") DONE, 20).outcome, WTL_OUTCOME_OK);
    assert_int_equal(give(true, STREAM, TEXT("a") LAST, 20).outcome, WTL_OUTCOME_OK);
    /* Chats: the role alone is no token; reasoning and calls of tools are. */
    struct answer a =
        give(true, STREAM,
             "data: {\"choices\": [{\"delta\": {\"role\": \"assistant\", \"content\": \"\"}}]}\n\n"
             "data: {\"choices\": [{\"delta\": {\"reasoning_content\": \"hm\"}}]}\n\n"
             "data: {\"choices\": [{\"delta\": {\"content\": null, \"tool_calls\": [{}]}}]}\n\n"
             "data: {\"choices\": [{\"delta\": {\"content\": \"x\"}}]}\n\n" LAST DONE,
             50);
    assert_true(a.outcome == WTL_OUTCOME_OK && a.events == 3);
}

static void streams_that_go_wrong(void **state)
{
    (void)state;
    struct answer a = give(true, STREAM, TEXT("a") TEXT("b"), 30);
    assert_int_equal(a.outcome, WTL_OUTCOME_TRUNCATED);
    assert_non_null(strstr(a.why, "2 events"));
    assert_int_equal(give(true, STREAM, "", 1).outcome, WTL_OUTCOME_TRUNCATED);
    assert_int_equal(give(true, "text/html", "<html>", 3).outcome, WTL_OUTCOME_WRONG);
    assert_int_equal(give(true, "application/json", "{}", 3).outcome, WTL_OUTCOME_WRONG);
    assert_int_equal(give(true, "text/event-streams", DONE, 3).outcome, WTL_OUTCOME_WRONG);
    assert_int_equal(give(true, STREAM, "data: {\n\n", 3).outcome, WTL_OUTCOME_WRONG);
    assert_int_equal(give(true, STREAM, "data: 5\n\n" DONE, 3).outcome, WTL_OUTCOME_WRONG);
    a = give(true, STREAM, TEXT("a") "data: {\"error\": {\"message\": \"no memory\"}}\n\n" DONE, 9);
    assert_int_equal(a.outcome, WTL_OUTCOME_ERROR);
    assert_string_equal(a.why, "no memory");
    a = give(true, STREAM, "data: {\"object\": \"error\", \"message\": \"old\"}\n\n", 9);
    assert_true(a.outcome == WTL_OUTCOME_ERROR && strcmp(a.why, "old") == 0);
    a = give(true, STREAM, "data: {\"error\": \"plain\\u0007\"}\n\n", 9);
    assert_true(a.outcome == WTL_OUTCOME_ERROR && strcmp(a.why, "plain?") == 0);
}

static void an_event_without_end_is_too_large(void **state)
{
    (void)state;
    size_t n = WTL_EXCHANGE_EVENT + 100;
    char *text = malloc(n + 1);
    assert_non_null(text);
    memset(text, 'x', n);
    memcpy(text, "data: ", 6);
    text[n] = '\0';
    assert_int_equal(give(true, STREAM, text, 4096).outcome, WTL_OUTCOME_TOO_LARGE);
    free(text);
}

static void whole_answers(void **state)
{
    (void)state;
    static const char good[] = "{\"choices\": [{\"text\": \"a b\"}], \"usage\": "
                               "{\"prompt_tokens\": 5, \"completion_tokens\": 2}}";
    struct answer a = give(false, "application/json", good, 11);
    assert_true(a.outcome == WTL_OUTCOME_OK && a.usage && a.in == 5 && a.out == 2);
    a = give(false, "application/json; charset=utf-8", "{\"choices\": [{}]}", 11);
    assert_true(a.outcome == WTL_OUTCOME_OK && !a.usage && a.out == 0);
    a = give(false, "application/json",
             "{\"choices\": [{}], \"usage\": {\"completion_tokens\": -3}}", 99);
    assert_true(a.outcome == WTL_OUTCOME_OK && !a.usage);
    static const struct {
        const char *type, *text;
        enum wtl_outcome want;
    } wrong[] = {
        {"text/html", good, WTL_OUTCOME_WRONG},
        {"", good, WTL_OUTCOME_WRONG},
        {"application/json", "", WTL_OUTCOME_WRONG},
        {"application/json", "{\"choices\": [", WTL_OUTCOME_WRONG},
        {"application/json", "[]", WTL_OUTCOME_WRONG},
        {"application/json", "{\"choices\": []}", WTL_OUTCOME_WRONG},
        {"application/json", "{\"error\": {\"code\": 5}}", WTL_OUTCOME_ERROR},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(give(false, wrong[i].type, wrong[i].text, 7).outcome, wrong[i].want);
}

static void models_are_found(void **state)
{
    (void)state;
    static const char list[] = "{\"data\": [{\"id\": \"llama\"}, {\"id\": \"m\"}]}";
    struct wtl_error err = {0};
    assert_ok(wtl_openai_find_model(list, strlen(list), "m", &err), &err);
    assert_int_equal(wtl_openai_find_model(list, strlen(list), "x", &err), -WTL_NOTFOUND);
    assert_string_equal(err.hint, "it has llama, m");
    assert_int_equal(wtl_openai_find_model("{}", 2, "x", NULL), -WTL_PARSE);
    assert_int_equal(wtl_openai_find_model("{\"data\": [5]}", 13, "x", NULL), -WTL_PARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_have_what_was_asked_for),
        cmocka_unit_test(a_request_depends_on_its_number_and_the_seed_alone),
        cmocka_unit_test(recorded_lengths_are_taken),
        cmocka_unit_test(prompts_of_a_file),
        cmocka_unit_test(wrong_prompts_are_refused_with_their_line),
        cmocka_unit_test(wrong_extras_are_refused),
        cmocka_unit_test(streams),
        cmocka_unit_test(streams_that_go_wrong),
        cmocka_unit_test(an_event_without_end_is_too_large),
        cmocka_unit_test(whole_answers),
        cmocka_unit_test(models_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
