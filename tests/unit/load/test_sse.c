/* SPDX-License-Identifier: Apache-2.0
 * Server-sent events: the forms of the standard, cut anywhere. */
#include "support/support.h"

#include "load/sse.h"

#include <string.h>

struct seen {
    char text[4096]; /* "[event][event]" */
    size_t n;
};

static void note(void *ctx, const char *data, size_t n)
{
    struct seen *s = ctx;
    assert_int_equal(strlen(data), n);
    s->text[s->n++] = '[';
    memcpy(s->text + s->n, data, n);
    s->n += n;
    s->text[s->n++] = ']';
    s->text[s->n] = '\0';
}

/* The events of a stream that comes in pieces of `step` bytes. */
static const char *events(const char *stream, size_t step, bool *ok_out)
{
    static struct seen seen;
    struct wtl_sse sse;
    size_t n = strlen(stream);
    seen = (struct seen){0};
    *ok_out = true;
    wtl_sse_init(&sse, wtl_alloc_system(), 100);
    for (size_t at = 0; at < n; at += step)
        *ok_out = wtl_sse_feed(&sse, stream + at, n - at < step ? n - at : step, note, &seen);
    wtl_sse_fini(&sse);
    return seen.text;
}

static void expect(const char *stream, const char *want)
{
    bool ok;
    for (size_t step = 1; step <= strlen(stream) + 1; step++) {
        assert_string_equal(events(stream, step, &ok), want);
        assert_true(ok);
    }
}

static void forms_of_the_standard(void **state)
{
    (void)state;
    expect("data: one\n\ndata: two\n\n", "[one][two]");
    expect("data: one\r\n\r\ndata: two\r\n\r\n", "[one][two]");
    expect("data: one\r\rdata: two\r\r", "[one][two]");
    expect("data:YHOO\ndata: +2\ndata:10\n\n", "[YHOO\n+2\n10]");
    expect(": test stream\n\ndata: first\nid: 1\n\ndata:second\nid\n\ndata:  third\n\n",
           "[first][second][ third]");
    expect("data\n\ndata\ndata\n\ndata:", "[][\n]"); /* of the standard itself */
    expect("data:test\n\ndata: test\n\n", "[test][test]");
    expect("\xEF\xBB\xBF"
           "data: after the mark\n\n",
           "[after the mark]");
    expect("event: x\nretry: 10\nfoo: bar\ndatax: no\n data: no\n\n", "");
    expect("data: {\"a\": 1}\n\ndata: [DONE]\n\n", "[{\"a\": 1}][[DONE]]");
    expect("\n\n\ndata: a\n\n\n\n", "[a]");
}

static void an_event_that_does_not_end_is_none(void **state)
{
    (void)state;
    expect("data: whole\n\ndata: half", "[whole]");
    expect("data: whole\n\ndata: half\n", "[whole]");
}

static void what_is_too_long_fails_the_stream(void **state)
{
    (void)state;
    char stream[400] = "data: a\n\ndata: ";
    bool ok;
    memset(stream + strlen(stream), 'x', 200);
    strcat(stream, "\n\ndata: b\n\n");
    for (size_t step = 1; step < 300; step += 7) {
        assert_string_equal(events(stream, step, &ok), "[a]");
        assert_false(ok);
    }
    /* Many short lines of one event. */
    stream[0] = '\0';
    for (int i = 0; i < 20; i++)
        strcat(stream, "data: 0123456\n");
    assert_string_equal(events(stream, 5, &ok), "");
    assert_false(ok);
}

static void a_stream_begins_anew(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct wtl_sse sse;
    wtl_sse_init(&sse, wtl_alloc_system(), 20);
    assert_true(wtl_sse_feed(&sse, "data: a\r", 8, note, &seen));
    wtl_sse_restart(&sse);
    assert_true(wtl_sse_feed(&sse, "\ndata: b\n\n", 10, note, &seen));
    assert_false(wtl_sse_feed(&sse, "data: 012345678901234567890", 27, note, &seen));
    wtl_sse_restart(&sse);
    assert_true(wtl_sse_feed(&sse, "data: c\n\n", 9, note, &seen));
    assert_string_equal(seen.text, "[b][c]");
    wtl_sse_fini(&sse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_of_the_standard),
        cmocka_unit_test(an_event_that_does_not_end_is_none),
        cmocka_unit_test(what_is_too_long_fails_the_stream),
        cmocka_unit_test(a_stream_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
