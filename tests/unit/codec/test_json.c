/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"

#include "base/random.h"
#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char sample[] =
    "{\"version\": 1, \"name\": \"a\", \"ok\": true, \"none\": null,\n"
    " \"plans\": [{\"saving\": {\"lo\": 0.1, \"hi\": \"x\"}, \"ties\": [1, 2.5, true]}, 7]}";

static json_t *parse(const char *text)
{
    struct wtl_error err = {0};
    json_t *root = NULL;
    assert_ok(wtl_json_parse(text, strlen(text), "p.json", &root, &err), &err);
    return root;
}

static void reads_members(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    json_t *json = parse(sample);
    struct wtl_json root = wtl_json_root(json, "p.json");
    int64_t version = 0;
    assert_ok(wtl_json_integer(&root, "version", 1, 1, &version, &err), &err);
    assert_int_equal(version, 1);
    const char *name = NULL;
    assert_ok(wtl_json_string(&root, "name", &name, &err), &err);
    assert_string_equal(name, "a");
    char copy[2];
    assert_ok(wtl_json_name(&root, "name", copy, sizeof copy, &err), &err);
    bool ok = false;
    assert_ok(wtl_json_bool(&root, "ok", &ok, &err), &err);
    assert_true(ok);
    int choice = -1;
    assert_ok(wtl_json_choice(&root, "name", (const char *const[]){"b", "a"}, 2, &choice, &err),
              &err);
    assert_int_equal(choice, 1);
    struct wtl_json at;
    assert_false(wtl_json_find(&root, "none", &at));
    assert_false(wtl_json_find(&root, "absent", &at));
    struct wtl_json plans;
    struct wtl_json plan;
    struct wtl_json saving;
    assert_ok(wtl_json_array(&root, "plans", &plans, &err), &err);
    assert_int_equal(wtl_json_count(&plans), 2);
    assert_ok(wtl_json_item_object(&plans, 0, &plan, &err), &err);
    assert_ok(wtl_json_object(&plan, "saving", &saving, &err), &err);
    double lo = 0;
    assert_ok(wtl_json_number(&saving, "lo", &lo, &err), &err);
    assert_near(lo, 0.1, 0);
    json_decref(json);
}

static void errors_name_the_way(void **state)
{
    (void)state;
    json_t *json = parse(sample);
    struct wtl_json root = wtl_json_root(json, "p.json");
    struct wtl_json plans;
    struct wtl_json plan;
    struct wtl_json saving;
    struct wtl_json ties;
    assert_ok(wtl_json_array(&root, "plans", &plans, NULL), NULL);
    assert_ok(wtl_json_item_object(&plans, 0, &plan, NULL), NULL);
    assert_ok(wtl_json_object(&plan, "saving", &saving, NULL), NULL);
    assert_ok(wtl_json_array(&plan, "ties", &ties, NULL), NULL);
    double out = 4;
    int64_t whole = 4;
    char name[1] = {'z'};
    int choice = 4;
    static const char *const known[] = {"lo", "hj"};
    struct wtl_error err[9] = {0};
    int rc[9] = {
        wtl_json_number(&saving, "hi", &out, &err[0]),
        wtl_json_number(&saving, "mid", &out, &err[1]),
        wtl_json_item_number(&ties, 2, &out, &err[2]),
        wtl_json_item_object(&plans, 1, &plan, &err[3]),
        wtl_json_integer(&root, "version", 2, 3, &whole, &err[4]),
        wtl_json_integer(&saving, "lo", 2, 3, &whole, &err[5]),
        wtl_json_name(&root, "name", name, sizeof name, &err[6]),
        wtl_json_choice(&root, "name", known, 2, &choice, &err[7]),
        wtl_json_only(&saving, known, 2, &err[8]),
    };
    static const char *const messages[9] = {
        "plans[0].saving.hi: expected a number, not a string",
        "plans[0].saving.mid: is missing (expected a number)",
        "plans[0].ties[2]: expected a number, not true or false",
        "plans[1]: expected an object, not a number",
        "version: 1 is outside 2 to 3",
        "plans[0].saving.lo: expected a whole number, not a number",
        "name: \"a...\" is longer than 0 bytes",
        "name: unknown value \"a\"",
        "plans[0].saving: unknown key \"hi\"",
    };
    for (int i = 0; i < 9; i++) {
        assert_int_equal(rc[i], -(int)WTL_PARSE);
        assert_string_equal(err[i].message, messages[i]);
        assert_string_equal(err[i].input_file, "p.json");
    }
    assert_string_equal(err[8].hint, "did you mean \"hj\"?");
    assert_near(out, 4, 0);
    assert_int_equal(whole, 4);
    assert_int_equal(name[0], 'z');
    assert_int_equal(choice, 4);
    struct wtl_error top = {0};
    wtl_json_only(&root, known, 2, &top);
    assert_string_equal(top.message, "the document: unknown key \"version\"");
    json_decref(json);
}

static void bad_text_has_a_place(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    json_t *root = NULL;
    static const char text[] = "{\"a\": 1,\n \"a\": 2}";
    assert_int_equal(wtl_json_parse(text, strlen(text), "d.json", &root, &err), -(int)WTL_PARSE);
    assert_null(root);
    assert_non_null(strstr(err.message, "duplicate object key"));
    assert_int_equal(err.input_line, 2);
    assert_string_equal(err.input_file, "d.json");
    err = (struct wtl_error){0};
    assert_int_equal(wtl_json_parse("{\n\"a\": }", 8, "d.json", &root, &err), -(int)WTL_PARSE);
    assert_int_equal(err.input_line, 2);
    assert_int_equal(err.input_column, 6);
}

static void writes_what_people_can_read(void **state)
{
    (void)state;
    json_t *json = parse(sample);
    struct wtl_json root = wtl_json_root(json, "");
    (void)root;
    json_object_set_new(json, "inf", wtl_json_finite((double)INFINITY));
    json_object_set_new(json, "q", json_string("a\"\\\n\t\x01 \xc3\xa9"));
    json_object_set_new(json, "empty", json_array());
    json_object_set_new(json, "nothing", json_object());
    struct wtl_buf out;
    wtl_buf_init(&out, wtl_alloc_system(), 4096);
    assert_true(wtl_json_write(json, &out));
    assert_string_equal(wtl_buf_str(&out), "{\n"
                                           "  \"version\": 1,\n"
                                           "  \"name\": \"a\",\n"
                                           "  \"ok\": true,\n"
                                           "  \"none\": null,\n"
                                           "  \"plans\": [\n"
                                           "    {\n"
                                           "      \"saving\": {\n"
                                           "        \"lo\": 0.1,\n"
                                           "        \"hi\": \"x\"\n"
                                           "      },\n"
                                           "      \"ties\": [\n"
                                           "        1,\n"
                                           "        2.5,\n"
                                           "        true\n"
                                           "      ]\n"
                                           "    },\n"
                                           "    7\n"
                                           "  ],\n"
                                           "  \"inf\": null,\n"
                                           "  \"q\": \"a\\\"\\\\\\n\\t\\u0001 \xc3\xa9\",\n"
                                           "  \"empty\": [],\n"
                                           "  \"nothing\": {}\n"
                                           "}\n");
    wtl_buf_clear(&out);
    json_t *line = parse("{\"a\": [1, 2], \"b\": {\"c\": [\"x\", null]}}");
    assert_true(wtl_json_write_line(line, &out));
    assert_string_equal(wtl_buf_str(&out), "{\"a\":[1,2],\"b\":{\"c\":[\"x\",null]}}");
    wtl_buf_fini(&out);
    wtl_buf_init(&out, wtl_alloc_system(), 8);
    assert_false(wtl_json_write(json, &out));
    wtl_buf_fini(&out);
    json_decref(line);
    json_decref(json);
}

static void numbers_round_trip(void **state)
{
    (void)state;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 3);
    struct wtl_buf out;
    wtl_buf_init(&out, wtl_alloc_system(), 1 << 20);
    for (int i = 0; i < 2000; i++) {
        double want = wtl_rng_normal(&rng) * pow(10, (double)wtl_rng_below(&rng, 40) - 20);
        json_t *array = json_array();
        json_array_append_new(array, json_real(want));
        wtl_buf_clear(&out);
        assert_true(wtl_json_write(array, &out));
        json_t *back = parse(wtl_buf_str(&out));
        struct wtl_json root = wtl_json_root(back, "");
        double got = 0;
        assert_ok(wtl_json_item_number(&root, 0, &got, NULL), NULL);
        assert_near(got, want, 0);
        json_decref(back);
        json_decref(array);
    }
    wtl_buf_fini(&out);
}

static void shortest_text_of_doubles(void **state)
{
    (void)state;
    char text[WTL_DOUBLE_TEXT];
    assert_string_equal(wtl_format_double(0.1, text), "0.1");
    assert_string_equal(wtl_format_double(1410, text), "1410");
    assert_string_equal(wtl_format_double(0.1 + 0.2, text), "0.30000000000000004");
    assert_string_equal(wtl_format_double(-1e-300, text), "-1e-300");
    assert_string_equal(wtl_format_double(0, text), "0");
}

static long granted;

static void *sparing_malloc(size_t size)
{
    return granted-- > 0 ? malloc(size) : NULL;
}

static json_t *build(void)
{
    json_t *items = json_array();
    wtl_json_add(&items, json_integer(1));
    wtl_json_add(&items, wtl_json_text("\xc3\xa9"));
    json_t *object = json_object();
    wtl_json_put(&object, "items", items);
    wtl_json_put(&object, "half", wtl_json_finite(0.5));
    return object;
}

/* Whichever request of jansson fails: the whole document, or none. */
static void a_document_is_never_built_in_part(void **state)
{
    (void)state;
    json_auto_t *whole = build();
    assert_int_equal(json_object_size(whole), 2);
    json_t *got = NULL;
    long n = 0;
    for (; !got && n < 100; n++) {
        granted = n;
        json_set_alloc_funcs(sparing_malloc, free);
        got = build();
        json_set_alloc_funcs(malloc, free);
    }
    assert_in_range(n, 5, 99);
    assert_true(json_equal(got, whole));
    json_decref(got);
}

static void what_is_not_utf8_is_shown_as_ascii(void **state)
{
    (void)state;
    json_auto_t *good = wtl_json_text("gr\xc3\xbc\xc3\x9f");
    json_auto_t *bad = wtl_json_text("gr\xfc\xdf");
    assert_string_equal(json_string_value(good), "gr\xc3\xbc\xc3\x9f");
    assert_string_equal(json_string_value(bad), "gr??");
    json_t *o = json_object();
    wtl_json_put_text(&o, "gr\xfc\xdf", json_true());
    wtl_json_put_text(&o, "gr\xc3\xbc", json_true());
    assert_true(json_is_true(json_object_get(o, "gr??")));
    assert_true(json_is_true(json_object_get(o, "gr\xc3\xbc")));
    wtl_json_put_text(&o, "none", NULL);
    assert_null(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_members),
        cmocka_unit_test(errors_name_the_way),
        cmocka_unit_test(bad_text_has_a_place),
        cmocka_unit_test(writes_what_people_can_read),
        cmocka_unit_test(numbers_round_trip),
        cmocka_unit_test(shortest_text_of_doubles),
        cmocka_unit_test(a_document_is_never_built_in_part),
        cmocka_unit_test(what_is_not_utf8_is_shown_as_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
