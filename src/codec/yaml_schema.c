/* SPDX-License-Identifier: Apache-2.0
 * Schema tables: mapping to struct, and the documentation of the table. */
#include "codec/yaml.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char *kind_name(const struct wtl_yaml_node *node)
{
    switch (node->kind) {
    case WTL_YAML_NULL:
        return "nothing";
    case WTL_YAML_SCALAR:
        return "a value";
    case WTL_YAML_SEQUENCE:
        return "a list";
    case WTL_YAML_MAPPING:
        break;
    }
    return "a mapping";
}

static int want(const struct wtl_yaml_node *node, const char *what, const char *expected,
                struct wtl_error *err)
{
    if (node->kind == WTL_YAML_SCALAR)
        return wtl_yaml_fail(node, err, "%s: \"%.80s\" is not %s", what, node->text, expected);
    return wtl_yaml_fail(node, err, "%s: expected %s, not %s", what, expected, kind_name(node));
}

int wtl_yaml_string(const struct wtl_yaml_node *node, const char *what, const char **out,
                    struct wtl_error *err)
{
    if (node->kind != WTL_YAML_SCALAR)
        return want(node, what, "text", err);
    *out = node->text;
    return 0;
}

int wtl_yaml_number(const struct wtl_yaml_node *node, const char *what, enum wtl_unit unit,
                    double *out, struct wtl_error *err)
{
    if (node->kind != WTL_YAML_SCALAR || (node->quoted && unit == WTL_UNIT_NONE))
        return want(node, what, "a number", err);
    struct wtl_error why = {0};
    if (wtl_parse_setting(node->text, unit, out, &why) == 0)
        return 0;
    int rc = wtl_yaml_fail(node, err, "%s: %s", what, why.message);
    wtl_error_hint(err, "%s", why.hint);
    return rc;
}

int wtl_yaml_integer(const struct wtl_yaml_node *node, const char *what, int64_t *out,
                     struct wtl_error *err)
{
    if (node->kind != WTL_YAML_SCALAR || node->quoted ||
        !wtl_parse_int(node->text, strlen(node->text), out))
        return want(node, what, "a whole number", err);
    return 0;
}

int wtl_yaml_bool(const struct wtl_yaml_node *node, const char *what, bool *out,
                  struct wtl_error *err)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (int i = 0; node->kind == WTL_YAML_SCALAR && !node->quoted && i < 6; i++)
        if (wtl_view_is_nocase(wtl_view_of(node->text), words[i])) {
            *out = i & 1;
            return 0;
        }
    return want(node, what, "true or false", err);
}

/* ---- Loading --------------------------------------------------------------------------------- */

static int no_memory(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

static bool bounded(const struct wtl_yaml_key *key)
{
    return key->min < 0 || key->min > 0 || key->max < 0 || key->max > 0;
}

static int check_range(const struct wtl_yaml_key *key, const struct wtl_yaml_node *node,
                       double value, struct wtl_error *err)
{
    if (!bounded(key) || (value >= key->min && value <= key->max))
        return 0;
    char lo[40];
    char hi[40];
    wtl_format_bound(key->min, key->unit, lo, sizeof lo);
    wtl_format_bound(key->max, key->unit, hi, sizeof hi);
    return wtl_yaml_fail(node, err, "%s: %.80s is outside %s to %s", key->name, node->text, lo, hi);
}

static int load_choice(const struct wtl_yaml_key *key, const struct wtl_yaml_node *node,
                       void *field, struct wtl_error *err)
{
    enum { MOST = 64 };
    const char *names[MOST];
    char all[WTL_ERROR_HINT_MAX] = "";
    int n = 0;
    size_t used = 0;
    for (const struct wtl_yaml_choice *c = key->choices; c->name && n < MOST; c++) {
        if (node->kind == WTL_YAML_SCALAR && strcmp(node->text, c->name) == 0) {
            memcpy(field, &c->value, sizeof c->value);
            return 0;
        }
        names[n++] = c->name;
        if (used < sizeof all)
            used +=
                (size_t)snprintf(all + used, sizeof all - used, "%s%s", n > 1 ? ", " : "", c->name);
    }
    int rc = want(node, key->name, "one of its values", err);
    const char *near = wtl_did_you_mean(node->text, names, n);
    if (near)
        wtl_error_hint(err, "did you mean \"%s\"? known: %s", near, all);
    else
        wtl_error_hint(err, "known: %s", all);
    return rc;
}

/* A list of scalars, or one scalar alone, element by element. */
static int load_elements(struct wtl_arena *arena, const struct wtl_yaml_key *key,
                         const struct wtl_yaml_node *node, void *field, struct wtl_error *err)
{
    bool one = node->kind == WTL_YAML_SCALAR;
    if (!one && node->kind != WTL_YAML_SEQUENCE)
        return want(node, key->name, "a value or a list", err);
    size_t n = one ? 1 : node->n;
    bool numbers = key->type == WTL_YAML_T_NUMBERS;
    double *values = numbers ? WTL_NEW_ARRAY(arena, double, n + 1) : NULL;
    const char **texts = numbers ? NULL : WTL_NEW_ARRAY(arena, const char *, n + 1);
    if (!values && !texts)
        return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        const struct wtl_yaml_node *item = one ? node : node->items[i];
        int rc = numbers ? wtl_yaml_number(item, key->name, key->unit, &values[i], err)
                         : wtl_yaml_string(item, key->name, &texts[i], err);
        if (rc == 0 && numbers)
            rc = check_range(key, item, values[i], err);
        if (rc)
            return rc;
    }
    if (numbers)
        memcpy(field, &(struct wtl_yaml_numbers){n, values}, sizeof(struct wtl_yaml_numbers));
    else
        memcpy(field, &(struct wtl_yaml_strings){n, texts}, sizeof(struct wtl_yaml_strings));
    return 0;
}

static int load_list(struct wtl_arena *arena, const struct wtl_yaml_key *key,
                     const struct wtl_yaml_node *node, void *field, struct wtl_error *err)
{
    if (node->kind != WTL_YAML_SEQUENCE)
        return want(node, key->name, "a list", err);
    char *items = wtl_arena_calloc(arena, node->n + 1, key->table->size);
    if (!items)
        return no_memory(err);
    for (size_t i = 0; i < node->n; i++) {
        int rc =
            wtl_yaml_load(arena, node->items[i], key->table, items + i * key->table->size, err);
        if (rc)
            return rc;
    }
    memcpy(field, &(struct wtl_yaml_list){node->n, items}, sizeof(struct wtl_yaml_list));
    return 0;
}

static int load_integer(const struct wtl_yaml_key *key, const struct wtl_yaml_node *node,
                        void *field, struct wtl_error *err)
{
    int64_t value = 0;
    int rc = wtl_yaml_integer(node, key->name, &value, err);
    if (rc == 0)
        rc = check_range(key, node, (double)value, err);
    if (rc)
        return rc;
    if (key->type == WTL_YAML_T_INTEGER) {
        memcpy(field, &value, sizeof value);
        return 0;
    }
    if (value < INT_MIN || value > INT_MAX)
        return wtl_yaml_fail(node, err, "%s: %.80s is too large", key->name, node->text);
    memcpy(field, &(int){(int)value}, sizeof(int));
    return 0;
}

static int load_name(const struct wtl_yaml_key *key, const struct wtl_yaml_node *node, void *field,
                     struct wtl_error *err)
{
    const char *text = "";
    int rc = wtl_yaml_string(node, key->name, &text, err);
    if (rc)
        return rc;
    if (strlen(text) >= key->size)
        return wtl_yaml_fail(node, err, "%s: \"%.40s...\" is longer than %zu bytes", key->name,
                             text, key->size - 1);
    memset(field, 0, key->size);
    memcpy(field, text, strlen(text));
    return 0;
}

static int load_field(struct wtl_arena *arena, const struct wtl_yaml_key *key,
                      const struct wtl_yaml_node *node, void *field, struct wtl_error *err)
{
    int rc;
    double number = 0;
    bool flag = false;
    const char *text = "";
    switch (key->type) {
    case WTL_YAML_T_STRING:
        rc = wtl_yaml_string(node, key->name, &text, err);
        if (rc == 0)
            memcpy(field, &text, sizeof text);
        return rc;
    case WTL_YAML_T_NUMBER:
        rc = wtl_yaml_number(node, key->name, key->unit, &number, err);
        if (rc == 0)
            rc = check_range(key, node, number, err);
        if (rc == 0)
            memcpy(field, &number, sizeof number);
        return rc;
    case WTL_YAML_T_BOOL:
        rc = wtl_yaml_bool(node, key->name, &flag, err);
        if (rc == 0)
            memcpy(field, &flag, sizeof flag);
        return rc;
    case WTL_YAML_T_NODE:
        memcpy(field, &node, sizeof node);
        return 0;
    case WTL_YAML_T_NAME:
        return load_name(key, node, field, err);
    case WTL_YAML_T_INTEGER:
    case WTL_YAML_T_INT:
        return load_integer(key, node, field, err);
    case WTL_YAML_T_CHOICE:
        return load_choice(key, node, field, err);
    case WTL_YAML_T_NUMBERS:
    case WTL_YAML_T_STRINGS:
        return load_elements(arena, key, node, field, err);
    case WTL_YAML_T_TABLE:
        return wtl_yaml_load(arena, node, key->table, field, err);
    case WTL_YAML_T_LIST:
        return load_list(arena, key, node, field, err);
    case WTL_YAML_T_CUSTOM:
        break;
    }
    return key->parse(arena, node, field, err);
}

static int refuse_unknown(const struct wtl_yaml_node *mapping, const struct wtl_yaml_table *table,
                          struct wtl_error *err)
{
    for (size_t i = 0; i < mapping->n; i++) {
        const char *name = mapping->keys[i]->text;
        size_t k = 0;
        while (k < table->n_keys && strcmp(table->keys[k].name, name) != 0)
            k++;
        if (k < table->n_keys)
            continue;
        enum { MOST = 64 };
        const char *known[MOST];
        int n = 0;
        for (k = 0; k < table->n_keys && n < MOST; k++)
            known[n++] = table->keys[k].name;
        int rc =
            wtl_yaml_fail(mapping->keys[i], err, "unknown key \"%.80s\" in %s", name, table->name);
        const char *near = wtl_did_you_mean(name, known, n);
        if (near)
            wtl_error_hint(err, "did you mean \"%s\"?", near);
        return rc;
    }
    return 0;
}

static int load_default(struct wtl_arena *arena, const struct wtl_yaml_key *key, void *field,
                        struct wtl_error *err)
{
    const struct wtl_yaml_node *node = NULL;
    int rc =
        wtl_yaml_parse(arena, key->fallback, strlen(key->fallback), "(default value)", &node, err);
    return rc ? rc : load_field(arena, key, node, field, err);
}

static int load_keys(struct wtl_arena *arena, const struct wtl_yaml_node *mapping,
                     const struct wtl_yaml_table *table, char *object, struct wtl_error *err)
{
    for (size_t k = 0; k < table->n_keys; k++) {
        const struct wtl_yaml_key *key = &table->keys[k];
        const struct wtl_yaml_node *node = wtl_yaml_get(mapping, key->name);
        int rc = 0;
        if (node)
            rc = load_field(arena, key, node, object + key->offset, err);
        else if (key->required)
            rc = wtl_yaml_fail(mapping, err, "%s lacks the key \"%s\"", table->name, key->name);
        else if (key->fallback)
            rc = load_default(arena, key, object + key->offset, err);
        if (rc)
            return rc;
        if (node && key->flag)
            memcpy(object + key->flag - 1, &(bool){true}, sizeof(bool));
    }
    return 0;
}

int wtl_yaml_load(struct wtl_arena *arena, const struct wtl_yaml_node *mapping,
                  const struct wtl_yaml_table *table, void *object, struct wtl_error *err)
{
    if (mapping->kind != WTL_YAML_MAPPING && mapping->kind != WTL_YAML_NULL)
        return want(mapping, table->name, "a mapping", err);
    int rc = refuse_unknown(mapping, table, err);
    if (rc)
        return rc;
    char *copy = wtl_arena_memdup(arena, object, table->size);
    if (!copy)
        return no_memory(err);
    rc = load_keys(arena, mapping, table, copy, err);
    if (rc == 0)
        memcpy(object, copy, table->size);
    return rc;
}

/* ---- Documentation ------------------------------------------------------------------------- */

static const char *unit_title(enum wtl_unit unit)
{
    return unit == WTL_UNIT_FRACTION ? "fraction or %" : wtl_unit_symbol(unit);
}

static void document_type(const struct wtl_yaml_key *key, struct wtl_buf *out)
{
    const char *unit = unit_title(key->unit);
    switch (key->type) {
    case WTL_YAML_T_STRING:
    case WTL_YAML_T_NAME:
        wtl_buf_puts(out, "text");
        return;
    case WTL_YAML_T_NUMBER:
    case WTL_YAML_T_NUMBERS:
        wtl_buf_printf(out, "%s%s%s", key->type == WTL_YAML_T_NUMBER ? "number" : "list of numbers",
                       unit[0] ? ", " : "", unit);
        return;
    case WTL_YAML_T_INTEGER:
    case WTL_YAML_T_INT:
        wtl_buf_puts(out, "whole number");
        return;
    case WTL_YAML_T_BOOL:
        wtl_buf_puts(out, "true or false");
        return;
    case WTL_YAML_T_CHOICE:
        for (const struct wtl_yaml_choice *c = key->choices; c->name; c++)
            wtl_buf_printf(out, "%s`%s`", c == key->choices ? "" : ", ", c->name);
        return;
    case WTL_YAML_T_STRINGS:
        wtl_buf_puts(out, "list of texts");
        return;
    case WTL_YAML_T_TABLE:
        wtl_buf_printf(out, "a %s (below)", key->table->name);
        return;
    case WTL_YAML_T_LIST:
        wtl_buf_printf(out, "list of %s (below)", key->table->name);
        return;
    case WTL_YAML_T_NODE:
    case WTL_YAML_T_CUSTOM:
        break;
    }
    wtl_buf_puts(out, key->form ? key->form : "see text");
}

static void document_key(const struct wtl_yaml_key *key, struct wtl_buf *out)
{
    wtl_buf_printf(out, "| `%s` | ", key->name);
    document_type(key, out);
    if (bounded(key)) {
        char lo[40];
        char hi[40];
        wtl_format_bound(key->min, key->unit, lo, sizeof lo);
        wtl_format_bound(key->max, key->unit, hi, sizeof hi);
        wtl_buf_printf(out, ", %s to %s", lo, hi);
    }
    if (key->fallback)
        wtl_buf_printf(out, " | `%s` | ", key->fallback[0] ? key->fallback : "\"\"");
    else
        wtl_buf_puts(out, key->required ? " | required | " : " | | ");
    wtl_buf_printf(out, "%s |\n", key->doc);
    if (key->type == WTL_YAML_T_CHOICE)
        for (const struct wtl_yaml_choice *c = key->choices; c->name; c++)
            if (c->doc)
                wtl_buf_printf(out, "| | `%s` | | %s |\n", c->name, c->doc);
}

void wtl_yaml_document(const struct wtl_yaml_table *table, struct wtl_buf *out)
{
    wtl_buf_printf(out, "%s\n\n| key | value | default | meaning |\n|---|---|---|---|\n",
                   table->doc);
    for (size_t k = 0; k < table->n_keys; k++)
        document_key(&table->keys[k], out);
    for (size_t k = 0; k < table->n_keys; k++) {
        if (!table->keys[k].table)
            continue;
        wtl_buf_printf(out, "\nA %s: ", table->keys[k].table->name);
        wtl_yaml_document(table->keys[k].table, out);
    }
}
