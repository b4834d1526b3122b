/* SPDX-License-Identifier: Apache-2.0
 * Verdict documents: read back as written, and what is refused. */
#include "support/support.h"

#include "base/text.h"
#include "codec/json.h"
#include "store/verdict_file.h"

#include <string.h>

static struct wtl_error err;

static struct wtl_verdict_file made(struct wtl_arena *arena)
{
    static const char *const notes[] = {"About 21 more pairs of runs, in turns, would decide."};
    struct wtl_verdict_file f = {.tool = "wattle 0.1.0",
                                 .created = "2026-11-21T11:33:00Z",
                                 .campaign = "fresh.wattle",
                                 .fingerprint = "ab",
                                 .plan_created = "2026-11-20T11:33:00Z",
                                 .plan_campaign = "c.wattle",
                                 .plan_fingerprint = "cd",
                                 .confidence = 0.9,
                                 .margin = 0.02,
                                 .n = 2};
    f.entries = WTL_NEW_ARRAY(arena, struct wtl_verdict_entry, 2);
    f.entries[0] = (struct wtl_verdict_entry){
        .judged = true,
        .why = "",
        .verdict = {.gpu = "V100",
                    .workload = "llama",
                    .kind = WTL_VERDICT_UNDECIDED,
                    .method = WTL_METHOD_INTERLEAVED,
                    .clock_mhz = 1350,
                    .baseline_clock_mhz = 1380,
                    .saving = {{0.047, 0.033, 0.06, 24, WTL_EVIDENCE_CONFIRMED},
                               0.039,
                               WTL_VERDICT_UNDECIDED},
                    .slowdown = {{-0.01, 0, 0, 24, WTL_EVIDENCE_NONE}, 0.05, WTL_VERDICT_CONFIRMED},
                    .planned_saving = {0.054, 0.049, 0.06, 90, WTL_EVIDENCE_IN_SAMPLE},
                    .n_candidate = 12,
                    .n_baseline = 11,
                    .n_rejected = 1,
                    .n_blocks = 12,
                    .more_blocks = 21,
                    .notes = notes,
                    .n_notes = 1}};
    wtl_point_set(&f.entries[0].verdict.at.point, WTL_SETTING_batch, 8);
    f.entries[0].verdict.at.window = true;
    f.entries[1] = (struct wtl_verdict_entry){.n_known = 17,
                                              .why = "the campaign has no runs of it",
                                              .verdict = {.gpu = "A100", .workload = "vit"}};
    return f;
}

static char *text_of(const struct wtl_verdict_file *f, struct wtl_buf *buf)
{
    json_t *root = wtl_verdict_to_json(f);
    assert_non_null(root);
    wtl_buf_init(buf, wtl_alloc_system(), 1 << 20);
    assert_true(wtl_json_write(root, buf));
    json_decref(root);
    return buf->data;
}

static int read_text(struct wtl_arena *arena, const char *text, struct wtl_verdict_file *out)
{
    json_t *root = NULL;
    assert_ok(wtl_json_parse(text, strlen(text), "v.json", &root, &err), &err);
    int rc = wtl_verdict_from_json(arena, "v.json", root, out, &err);
    json_decref(root);
    return rc;
}

static void test_read_back(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_verdict_file f = made(&arena), back;
    struct wtl_buf one, two;
    for (int more = -1; more < 30; more += 30) {
        f.entries[0].verdict.more_blocks = more;
        const char *text = text_of(&f, &one);
        assert_ok(read_text(&arena, text, &back), &err);
        assert_string_equal(text_of(&back, &two), text);
        assert_int_equal(back.entries[0].verdict.more_blocks, more);
        wtl_buf_fini(&one);
        wtl_buf_fini(&two);
    }
    assert_int_equal(back.n, 2);
    const struct wtl_verdict *v = &back.entries[0].verdict;
    assert_int_equal(v->kind, WTL_VERDICT_UNDECIDED);
    assert_int_equal(v->method, WTL_METHOD_INTERLEAVED);
    assert_int_equal(v->slowdown.fresh.evidence, WTL_EVIDENCE_NONE);
    assert_near(v->slowdown.fresh.value, -0.01, 0);
    assert_near(v->saving.limit, 0.039, 0);
    assert_int_equal(v->planned_slowdown.n, 0);
    assert_false(back.entries[1].judged);
    assert_int_equal(back.entries[1].n_known, 17);
    assert_string_equal(back.entries[1].why, "the campaign has no runs of it");
}

static void test_points(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_verdict_file f = made(&arena), back;
    struct wtl_buf one, two;
    struct wtl_verdict *v = &f.entries[0].verdict;
    v->of_point = true;
    v->clock_mhz = 0;
    wtl_point_set(&v->at.point, WTL_SETTING_limit_w, 200);
    wtl_point_set(&v->baseline_at.point, WTL_SETTING_limit_w, 250);
    const char *text = text_of(&f, &one);
    assert_ok(read_text(&arena, text, &back), &err);
    assert_string_equal(text_of(&back, &two), text);
    assert_true(back.entries[0].verdict.of_point && !back.entries[1].verdict.of_point);
    assert_int_equal(back.entries[0].verdict.clock_mhz, 0);
    assert_near(back.entries[0].verdict.baseline_at.point.value[WTL_SETTING_limit_w], 250, 0);
    wtl_buf_fini(&one);
    wtl_buf_fini(&two);
}

static void test_overall(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_verdict_file f = made(&arena);
    enum wtl_verdict_kind *kind = &f.entries[0].verdict.kind;
    *kind = WTL_VERDICT_CONFIRMED;
    assert_int_equal(wtl_verdict_file_overall(&f), WTL_VERDICT_CONFIRMED);
    f.entries[1].judged = true;
    f.entries[1].verdict.kind = WTL_VERDICT_UNDECIDED;
    assert_int_equal(wtl_verdict_file_overall(&f), WTL_VERDICT_UNDECIDED);
    *kind = WTL_VERDICT_REFUTED;
    assert_int_equal(wtl_verdict_file_overall(&f), WTL_VERDICT_REFUTED);
    f.n = 0;
    assert_int_equal(wtl_verdict_file_overall(&f), WTL_VERDICT_UNDECIDED);
}

/* The made document with one piece of text replaced is refused. */
static void assert_refused(const char *old, const char *new, int code, const char *message)
{
    WTL_ARENA(arena);
    struct wtl_verdict_file f = made(&arena), back = {.tool = "untouched"};
    struct wtl_buf text, changed;
    const char *at = strstr(text_of(&f, &text), old);
    assert_non_null(at);
    wtl_buf_init(&changed, wtl_alloc_system(), 1 << 20);
    wtl_buf_add(&changed, text.data, (size_t)(at - text.data));
    wtl_buf_puts(&changed, new);
    wtl_buf_puts(&changed, at + strlen(old));
    err = (struct wtl_error){0};
    assert_int_equal(read_text(&arena, wtl_buf_str(&changed), &back), code);
    if (!strstr(err.message, message))
        fail_msg("\"%s\" is not in \"%s\"", message, err.message);
    assert_string_equal(back.tool, "untouched");
    wtl_buf_fini(&text);
    wtl_buf_fini(&changed);
}

static void test_refusals(void **state)
{
    (void)state;
    assert_refused("wattle-verdict", "wattle-plan", -(int)WTL_CORRUPT, "is not a verdict");
    assert_refused("\"version\": 1", "\"version\": 2", -(int)WTL_CORRUPT, "version 2");
    assert_refused("\"margin\"", "\"margen\"", -(int)WTL_PARSE, "margen");
    assert_refused("\"n_blocks\"", "\"n_block\"", -(int)WTL_PARSE, "n_block");
    assert_refused("\"n_candidate\": 12", "\"n_candidate\": -1", -(int)WTL_PARSE, "n_candidate");
    assert_refused("paired by interleaved blocks", "by eye", -(int)WTL_PARSE, "by eye");
    assert_refused("\"state\": \"confirmed\"", "\"state\": \"yes\"", -(int)WTL_PARSE,
                   "none of confirmed, refuted, undecided");
    assert_refused("\"lo\": 0.033", "\"lo\": null", -(int)WTL_PARSE, "one end");
    assert_refused("\"why\"", "\"notes\": [], \"method\"", -(int)WTL_PARSE, "why");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_back),
        cmocka_unit_test(test_points),
        cmocka_unit_test(test_overall),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
