/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml.h"

#include "base/limits.h"
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

struct point {
    double power_w;
    bool has_power;
    double slowdown;
    char name[8];
    const char *note;
    int64_t seed;
    int rep;
    bool quiet;
    int mode;
    struct wtl_yaml_numbers clocks;
    struct wtl_yaml_strings tags;
    const struct wtl_yaml_node *extra;
    int parity;
    struct inner {
        int x;
    } inner;
    struct wtl_yaml_list list;
};

static int parse_parity(struct wtl_arena *arena, const struct wtl_yaml_node *node, void *field,
                        struct wtl_error *err)
{
    (void)arena;
    if (strcmp(node->text, "odd") != 0 && strcmp(node->text, "even") != 0)
        return wtl_yaml_fail(node, err, "parity: \"%s\" is neither odd nor even", node->text);
    *(int *)field = strcmp(node->text, "odd") == 0;
    return 0;
}

static const struct wtl_yaml_key inner_keys[] = {
    {"x", WTL_YAML_T_INT, .offset = offsetof(struct inner, x), .required = true, .doc = "Where."},
};
static const struct wtl_yaml_table inner_table = {"place", "One place.", sizeof(struct inner),
                                                  inner_keys, 1};
static const struct wtl_yaml_choice modes[] = {{"fast", 3, "Quickly."}, {"slow", 7, NULL}, {0}};

#define AT(field) .offset = offsetof(struct point, field)
static const struct wtl_yaml_key point_keys[] = {
    {"power", WTL_YAML_T_NUMBER, WTL_UNIT_WATT, AT(power_w),
     .flag = WTL_YAML_FLAG(struct point, has_power), .min = 1, .max = 1000, .doc = "Cap."},
    {"slowdown", WTL_YAML_T_NUMBER, WTL_UNIT_FRACTION, AT(slowdown), .fallback = "5%", .max = 1,
     .doc = "Limit."},
    {"name", WTL_YAML_T_NAME, AT(name), .size = 8, .required = true, .doc = "Who."},
    {"note", WTL_YAML_T_STRING, AT(note), .fallback = "none", .doc = "Remark."},
    {"seed", WTL_YAML_T_INTEGER, AT(seed), .doc = "Seed."},
    {"rep", WTL_YAML_T_INT, AT(rep), .min = 1, .max = 9, .doc = "Repetition."},
    {"quiet", WTL_YAML_T_BOOL, AT(quiet), .doc = "Hush."},
    {"mode", WTL_YAML_T_CHOICE, AT(mode), .choices = modes, .doc = "How."},
    {"clocks", WTL_YAML_T_NUMBERS, WTL_UNIT_MHZ, AT(clocks), .min = 1, .max = 5000,
     .doc = "Legal clocks."},
    {"tags", WTL_YAML_T_STRINGS, AT(tags), .doc = "Labels."},
    {"extra", WTL_YAML_T_NODE, AT(extra), .form = "anything", .doc = "Free."},
    {"parity", WTL_YAML_T_CUSTOM, AT(parity), .parse = parse_parity, .form = "odd or even",
     .doc = "Parity."},
    {"inner", WTL_YAML_T_TABLE, AT(inner), .table = &inner_table, .doc = "Inside."},
    {"list", WTL_YAML_T_LIST, AT(list), .table = &inner_table, .doc = "Many."},
};
static const struct wtl_yaml_table point_table = {
    "point", "A point.", sizeof(struct point), point_keys, sizeof point_keys / sizeof *point_keys};

static int load(struct wtl_arena *arena, const char *text, struct point *out, struct wtl_error *err)
{
    const struct wtl_yaml_node *root = NULL;
    int rc = wtl_yaml_parse(arena, text, strlen(text), "p.yaml", &root, err);
    return rc ? rc : wtl_yaml_load(arena, root, &point_table, out, err);
}

static void tree_knows_kinds_and_places(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    static const char text[] = "# comment\na: 1\nb: [x, 'y', ~]\nc:\n  d: \"7\"\n  e:\n";
    const struct wtl_yaml_node *root = NULL;
    assert_ok(wtl_yaml_parse(&arena, text, strlen(text), "t.yaml", &root, &err), &err);
    assert_int_equal(root->kind, WTL_YAML_MAPPING);
    assert_int_equal(root->n, 3);
    const struct wtl_yaml_node *b = wtl_yaml_get(root, "b");
    assert_int_equal(b->kind, WTL_YAML_SEQUENCE);
    assert_int_equal(b->n, 3);
    assert_false(b->items[0]->quoted);
    assert_true(b->items[1]->quoted);
    assert_int_equal(b->items[1]->line, 3);
    assert_int_equal(b->items[1]->column, 8);
    assert_int_equal(b->items[2]->kind, WTL_YAML_NULL);
    const struct wtl_yaml_node *c = wtl_yaml_get(root, "c");
    assert_string_equal(wtl_yaml_get(c, "d")->text, "7");
    assert_int_equal(wtl_yaml_get(c, "d")->line, 5);
    assert_int_equal(wtl_yaml_get(c, "e")->kind, WTL_YAML_NULL);
    assert_null(wtl_yaml_get(c, "f"));
    assert_null(wtl_yaml_get(b, "f"));
}

static void empty_document_is_null(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    const struct wtl_yaml_node *root = NULL;
    assert_ok(wtl_yaml_parse(&arena, "", 0, "t", &root, &err), &err);
    assert_int_equal(root->kind, WTL_YAML_NULL);
    assert_ok(wtl_yaml_parse(&arena, "# only\n", 7, "t", &root, &err), &err);
    assert_int_equal(root->kind, WTL_YAML_NULL);
}

static void bad_documents_name_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int line, column;
        const char *part;
    } cases[] = {
        {"a: 1\na: 2\n", 2, 1, "key \"a\" is given twice (first on line 1)"},
        {"a: &x 1\n", 1, 4, "anchors and aliases"},
        {"a: [1, *x]\n", 1, 8, "anchors and aliases"},
        {"a: 1\n---\nb: 2\n", 3, 1, "more than one document"},
        {"[1]: 2\n", 1, 1, "a key must be a plain word"},
        {"a: [1\nb: 2\n", 2, 2, "YAML: "},
        {"a: \"x\\0y\"\n", 1, 4, "NUL byte"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        const struct wtl_yaml_node *root = NULL;
        int rc =
            wtl_yaml_parse(&arena, cases[i].text, strlen(cases[i].text), "t.yaml", &root, &err);
        assert_int_equal(rc, -(int)WTL_PARSE);
        assert_null(root);
        assert_non_null(strstr(err.message, cases[i].part));
        assert_string_equal(err.input_file, "t.yaml");
        assert_int_equal(err.input_line, cases[i].line);
        assert_int_equal(err.input_column, cases[i].column);
    }
}

static void depth_and_size_are_limited(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    const struct wtl_yaml_node *root = NULL;
    char deep[2 * WTL_LIMIT_DOCUMENT_DEPTH + 8];
    memset(deep, '[', sizeof deep);
    int rc = wtl_yaml_parse(&arena, deep, sizeof deep, "t", &root, &err);
    assert_int_equal(rc, -(int)WTL_LIMIT);
    assert_int_equal(err.input_column, WTL_LIMIT_DOCUMENT_DEPTH + 1);

    err = (struct wtl_error){0};
    size_t n = 2 * (size_t)WTL_LIMIT_DOCUMENT_NODES + 16;
    char *wide = malloc(n);
    assert_non_null(wide);
    for (size_t i = 0; i < n; i++)
        wide[i] = i == 0 ? '[' : i % 2 ? '1' : ',';
    rc = wtl_yaml_parse(&arena, wide, n, "t", &root, &err);
    free(wide);
    assert_int_equal(rc, -(int)WTL_LIMIT);
    assert_non_null(strstr(err.message, "1048576 values"));
    assert_null(root);
}

static void schema_fills_a_struct(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct point p = {.seed = 42};
    assert_ok(load(&arena,
                   "power: 0.3kW\nname: seven77\nrep: 3\nquiet: yes\nmode: slow\n"
                   "clocks: [1.41GHz, 1395]\ntags: one\nextra: {a: b}\nparity: odd\n"
                   "inner: {x: -5}\nlist: [{x: 1}, {x: 2}]\n",
                   &p, &err),
              &err);
    assert_near(p.power_w, 300, 1e-9);
    assert_true(p.has_power);
    assert_near(p.slowdown, 0.05, 1e-15);
    assert_string_equal(p.name, "seven77");
    assert_string_equal(p.note, "none");
    assert_int_equal(p.seed, 42);
    assert_int_equal(p.rep, 3);
    assert_true(p.quiet);
    assert_int_equal(p.mode, 7);
    assert_int_equal(p.clocks.n, 2);
    assert_near(p.clocks.values[0], 1410, 1e-9);
    assert_near(p.clocks.values[1], 1395, 1e-9);
    assert_int_equal(p.tags.n, 1);
    assert_string_equal(p.tags.values[0], "one");
    assert_string_equal(wtl_yaml_get(p.extra, "a")->text, "b");
    assert_int_equal(p.parity, 1);
    assert_int_equal(p.inner.x, -5);
    assert_int_equal(p.list.n, 2);
    assert_int_equal(((const struct inner *)p.list.items)[1].x, 2);
}

static void wrong_values_name_place_and_advice(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int line, column;
        const char *message, *hint;
    } cases[] = {
        {"name: a\npwer: 3\n", 2, 1, "unknown key \"pwer\" in point", "did you mean \"power\"?"},
        {"name: a\npower: 3J\n", 2, 8, "power: \"3J\" is not a quantity", "W, mW, kW, MW"},
        {"name: a\npower: 2kW\n", 2, 8, "power: 2kW is outside 1 W to 1000 W", ""},
        {"name: a\nslowdown: 200%\n", 2, 11, "slowdown: 200% is outside 0 % to 100 %", ""},
        {"power: 3\n", 1, 1, "point lacks the key \"name\"", ""},
        {"name: longer-than-8\n", 1, 7, "is longer than 7 bytes", ""},
        {"name: a\nrep: 1.5\n", 2, 6, "rep: \"1.5\" is not a whole number", ""},
        {"name: a\nrep: 10\n", 2, 6, "rep: 10 is outside 1 to 9", ""},
        {"name: a\nquiet: maybe\n", 2, 8, "quiet: \"maybe\" is not true or false", ""},
        {"name: a\nmode: slw\n", 2, 7, "mode: \"slw\" is not one of its values",
         "did you mean \"slow\"? known: fast, slow"},
        {"name: a\nclocks: [1, 9000]\n", 2, 13, "clocks: 9000 is outside 1 MHz to 5000 MHz", ""},
        {"name: a\ntags: {a: 1}\n", 2, 7, "tags: expected a value or a list, not a mapping", ""},
        {"name: a\nparity: 3\n", 2, 9, "parity: \"3\" is neither", ""},
        {"name: a\ninner: {y: 1}\n", 2, 9, "unknown key \"y\" in place", ""},
        {"name: a\nlist: [{x: 1}, {}]\n", 2, 16, "place lacks the key \"x\"", ""},
        {"name: a\nlist: 3\n", 2, 7, "list: \"3\" is not a list", ""},
        {"- name\n", 1, 1, "point: expected a mapping, not a list", ""},
        {"name: [a]\n", 1, 7, "name: expected text, not a list", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        WTL_ARENA(arena);
        struct wtl_error err = {0};
        struct point p;
        memset(&p, 0x5a, sizeof p);
        struct point before = p;
        assert_int_equal(load(&arena, cases[i].text, &p, &err), -(int)WTL_PARSE);
        if (!strstr(err.message, cases[i].message) || !strstr(err.hint, cases[i].hint))
            fail_msg("case %zu: %s / %s", i, err.message, err.hint);
        assert_int_equal(err.input_line, cases[i].line);
        assert_int_equal(err.input_column, cases[i].column);
        assert_memory_equal(&p, &before, sizeof p);
    }
}

static void quoted_numbers_are_text(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct point p = {0};
    assert_int_equal(load(&arena, "name: a\nrep: \"3\"\n", &p, &err), -(int)WTL_PARSE);
    assert_ok(load(&arena, "name: \"3\"\nslowdown: \"5%\"\n", &p, &err), &err);
    assert_string_equal(p.name, "3");
}

static void schema_documents_itself(void **state)
{
    (void)state;
    struct wtl_buf out;
    wtl_buf_init(&out, wtl_alloc_system(), 1 << 16);
    wtl_yaml_document(&point_table, &out);
    const char *text = wtl_buf_str(&out);
    static const char *const parts[] = {
        "A point.\n\n| key | value | default | meaning |\n",
        "| `power` | number, W, 1 W to 1000 W | | Cap. |\n",
        "| `slowdown` | number, fraction or %, 0 % to 100 % | `5%` | Limit. |\n",
        "| `name` | text | required | Who. |\n",
        "| `mode` | `fast`, `slow` | | How. |\n| | `fast` | | Quickly. |\n",
        "| `list` | list of place (below) | | Many. |\n",
        "\nA place: One place.\n",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(text, parts[i]))
            fail_msg("lacks %s in\n%s", parts[i], text);
    wtl_buf_fini(&out);
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    static const char text[] = "name: a\nclocks: [1, 2, 3]\nlist: [{x: 1}]\ntags: [a, b]\n";
    bool succeeded = false;
    for (long n = 1; !succeeded && n < 100; n++) {
        struct wtl_alloc_failing failing;
        struct wtl_arena arena;
        wtl_arena_init(&arena, wtl_alloc_failing(&failing, n));
        struct wtl_error err = {0};
        struct point p = {.seed = 5};
        int rc = load(&arena, text, &p, &err);
        assert_true(rc == 0 || rc == -(int)WTL_NOMEM);
        if (rc)
            assert_null(p.clocks.values);
        succeeded = rc == 0;
        wtl_arena_fini(&arena);
    }
    assert_true(succeeded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tree_knows_kinds_and_places),
        cmocka_unit_test(empty_document_is_null),
        cmocka_unit_test(bad_documents_name_their_place),
        cmocka_unit_test(depth_and_size_are_limited),
        cmocka_unit_test(schema_fills_a_struct),
        cmocka_unit_test(wrong_values_name_place_and_advice),
        cmocka_unit_test(quoted_numbers_are_text),
        cmocka_unit_test(schema_documents_itself),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
