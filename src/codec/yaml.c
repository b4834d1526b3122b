/* SPDX-License-Identifier: Apache-2.0
 * libyaml events to a tree of nodes. */
#include "codec/yaml.h"

#include "base/limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

/* `err` is never NULL inside this file: wtl_yaml_parse() sees to that. */
struct building {
    struct wtl_arena *arena;
    yaml_parser_t parser;
    const char *file;
    size_t nodes;
};

int wtl_yaml_fail(const struct wtl_yaml_node *node, struct wtl_error *err, const char *format, ...)
{
    char text[WTL_ERROR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    int rc = WTL_FAIL(err, WTL_PARSE, "%s", text);
    wtl_error_input(err, node->file, node->line, node->column);
    return rc;
}

static int place(const struct building *b, yaml_mark_t mark, int rc, struct wtl_error *err)
{
    wtl_error_input(err, b->file, (int64_t)mark.line + 1, (int64_t)mark.column + 1);
    return rc;
}

static int next_event(struct building *b, yaml_event_t *event, struct wtl_error *err)
{
    if (yaml_parser_parse(&b->parser, event))
        return 0;
    const yaml_parser_t *p = &b->parser;
    if (p->error == YAML_MEMORY_ERROR)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory reading \"%s\"", b->file);
    const char *problem = p->problem ? p->problem : "not YAML";
    int rc = WTL_FAIL(err, WTL_PARSE, "YAML: %s%s%s", problem, p->context ? " " : "",
                      p->context ? p->context : "");
    return place(b, p->problem_mark, rc, err);
}

static struct wtl_yaml_node *new_node(struct building *b, enum wtl_yaml_kind kind, yaml_mark_t mark,
                                      struct wtl_error *err)
{
    if (++b->nodes > WTL_LIMIT_DOCUMENT_NODES) {
        place(
            b, mark,
            WTL_FAIL(err, WTL_LIMIT, "document has more than %d values", WTL_LIMIT_DOCUMENT_NODES),
            err);
        return NULL;
    }
    struct wtl_yaml_node *node = WTL_NEW(b->arena, struct wtl_yaml_node);
    if (!node) {
        (void)WTL_FAIL(err, WTL_NOMEM, "out of memory reading \"%s\"", b->file);
        return NULL;
    }
    node->kind = kind;
    node->line = (int)mark.line + 1;
    node->column = (int)mark.column + 1;
    node->file = b->file;
    node->text = "";
    return node;
}

static bool is_null(const char *text, size_t n)
{
    return n == 0 || (n == 1 && text[0] == '~') || (n == 4 && memcmp(text, "null", 4) == 0);
}

static int scalar(struct building *b, const yaml_event_t *event, const struct wtl_yaml_node **out,
                  struct wtl_error *err)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length;
    bool quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (memchr(text, '\0', n))
        return place(b, event->start_mark, WTL_FAIL(err, WTL_PARSE, "NUL byte in a value"), err);
    bool null = !quoted && is_null(text, n);
    struct wtl_yaml_node *node =
        new_node(b, null ? WTL_YAML_NULL : WTL_YAML_SCALAR, event->start_mark, err);
    if (!node)
        return -(int)err->code;
    node->quoted = quoted;
    if (!null) {
        node->text = wtl_arena_strndup(b->arena, text, n);
        if (!node->text)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory reading \"%s\"", b->file);
    }
    *out = node;
    return 0;
}

static int collection(struct building *b, const yaml_event_t *start, int depth,
                      const struct wtl_yaml_node **out, struct wtl_error *err);

/* The node that `event` opens. */
static int node_of(struct building *b, const yaml_event_t *event, int depth,
                   const struct wtl_yaml_node **out, struct wtl_error *err)
{
    const yaml_char_t *anchor = NULL;
    if (event->type == YAML_SCALAR_EVENT)
        anchor = event->data.scalar.anchor;
    else if (event->type == YAML_SEQUENCE_START_EVENT)
        anchor = event->data.sequence_start.anchor;
    else if (event->type == YAML_MAPPING_START_EVENT)
        anchor = event->data.mapping_start.anchor;
    if (anchor || event->type == YAML_ALIAS_EVENT) {
        int rc = WTL_FAIL(err, WTL_PARSE, "anchors and aliases are not supported");
        wtl_error_hint(err, "write the value out where it is used");
        return place(b, event->start_mark, rc, err);
    }
    if (event->type == YAML_SCALAR_EVENT)
        return scalar(b, event, out, err);
    return collection(b, event, depth, out, err);
}

struct list {
    const struct wtl_yaml_node **items;
    size_t n, cap;
};

static int push(struct building *b, struct list *list, const struct wtl_yaml_node *node,
                struct wtl_error *err)
{
    if (wtl_grow(b->arena, &list->items, list->n, &list->cap) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory reading \"%s\"", b->file);
    list->items[list->n++] = node;
    return 0;
}

static int check_key(const struct list *keys, const struct wtl_yaml_node *key,
                     struct wtl_error *err)
{
    if (key->kind != WTL_YAML_SCALAR)
        return wtl_yaml_fail(key, err, "a key must be a plain word");
    for (size_t i = 0; i < keys->n; i++)
        if (strcmp(keys->items[i]->text, key->text) == 0)
            return wtl_yaml_fail(key, err, "key \"%.80s\" is given twice (first on line %d)",
                                 key->text, keys->items[i]->line);
    return 0;
}

static int fill(struct building *b, bool mapping, int depth, struct list *keys, struct list *values,
                struct wtl_error *err)
{
    for (;;) {
        yaml_event_t event;
        int rc = next_event(b, &event, err);
        if (rc)
            return rc;
        bool ends = event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
        const struct wtl_yaml_node *node = NULL;
        if (!ends)
            rc = node_of(b, &event, depth + 1, &node, err);
        yaml_event_delete(&event);
        if (rc || ends)
            return rc;
        bool is_key = mapping && keys->n == values->n;
        if (is_key)
            rc = check_key(keys, node, err);
        if (rc == 0)
            rc = push(b, is_key ? keys : values, node, err);
        if (rc)
            return rc;
    }
}

static int collection(struct building *b, const yaml_event_t *start, int depth,
                      const struct wtl_yaml_node **out, struct wtl_error *err)
{
    bool mapping = start->type == YAML_MAPPING_START_EVENT;
    if (depth >= WTL_LIMIT_DOCUMENT_DEPTH)
        return place(b, start->start_mark,
                     WTL_FAIL(err, WTL_LIMIT, "document is nested deeper than %d levels",
                              WTL_LIMIT_DOCUMENT_DEPTH),
                     err);
    struct wtl_yaml_node *node =
        new_node(b, mapping ? WTL_YAML_MAPPING : WTL_YAML_SEQUENCE, start->start_mark, err);
    if (!node)
        return -(int)err->code;
    struct list keys = {0};
    struct list values = {0};
    int rc = fill(b, mapping, depth, &keys, &values, err);
    if (rc)
        return rc;
    node->n = values.n;
    node->items = values.items;
    node->keys = keys.items;
    *out = node;
    return 0;
}

/* Document content until the end of the stream. */
static int document(struct building *b, const struct wtl_yaml_node **root, struct wtl_error *err)
{
    for (;;) {
        yaml_event_t event;
        int rc = next_event(b, &event, err);
        if (rc)
            return rc;
        bool end = event.type == YAML_STREAM_END_EVENT;
        bool content = event.type == YAML_SCALAR_EVENT || event.type == YAML_ALIAS_EVENT ||
                       event.type == YAML_SEQUENCE_START_EVENT ||
                       event.type == YAML_MAPPING_START_EVENT;
        if (content && *root)
            rc = place(b, event.start_mark,
                       WTL_FAIL(err, WTL_PARSE, "more than one document in the file"), err);
        else if (content)
            rc = node_of(b, &event, 0, root, err);
        yaml_event_delete(&event);
        if (rc || end)
            return rc;
    }
}

int wtl_yaml_parse(struct wtl_arena *arena, const char *text, size_t n, const char *file,
                   const struct wtl_yaml_node **root_out, struct wtl_error *err)
{
    if (n > WTL_LIMIT_DOCUMENT_BYTES)
        return WTL_FAIL(err, WTL_LIMIT, "\"%s\" is larger than %d bytes", file,
                        WTL_LIMIT_DOCUMENT_BYTES);
    struct building b = {.arena = arena, .file = wtl_arena_strdup(arena, file)};
    if (!b.file || !yaml_parser_initialize(&b.parser))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory reading \"%s\"", file);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, n);
    struct wtl_error local = {0};
    const struct wtl_yaml_node *root = NULL;
    int rc = document(&b, &root, &local);
    if (rc == 0 && !root) {
        root = new_node(&b, WTL_YAML_NULL, (yaml_mark_t){0}, &local);
        rc = root ? 0 : -(int)local.code;
    }
    yaml_parser_delete(&b.parser);
    if (rc == 0)
        *root_out = root;
    else if (err)
        *err = local;
    return rc;
}

const struct wtl_yaml_node *wtl_yaml_get(const struct wtl_yaml_node *mapping, const char *key)
{
    if (!mapping || mapping->kind != WTL_YAML_MAPPING)
        return NULL;
    for (size_t i = 0; i < mapping->n; i++)
        if (strcmp(mapping->keys[i]->text, key) == 0)
            return mapping->items[i];
    return NULL;
}
