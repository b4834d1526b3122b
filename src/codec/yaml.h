/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML in: a document becomes a small tree of nodes that know their line and column, and a schema
 * table turns a mapping into a struct. The same table prints its documentation. One document a
 * file, no anchors, aliases or tags: a policy needs none, and without them no document can blow up.
 */
#ifndef WTL_CODEC_YAML_H
#define WTL_CODEC_YAML_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "base/units.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wtl_yaml_kind {
    WTL_YAML_NULL, /* nothing, "~" or "null" */
    WTL_YAML_SCALAR,
    WTL_YAML_SEQUENCE,
    WTL_YAML_MAPPING,
};

struct wtl_yaml_node {
    enum wtl_yaml_kind kind;
    bool quoted;      /* a scalar in quotes: always text, never a number */
    int line, column; /* from 1 */
    const char *file; /* for messages */
    const char *text; /* of a scalar, UTF-8, NUL-terminated, without NUL inside; else "" */
    size_t n;         /* items of a sequence, pairs of a mapping */
    const struct wtl_yaml_node *const *items; /* items, or values of the mapping */
    const struct wtl_yaml_node *const *keys;  /* keys of the mapping, all distinct scalars */
};

/* Parses one document of `n` bytes; `file` names it in messages. An empty document is a NULL node.
 * -WTL_PARSE with line and column; -WTL_LIMIT beyond the depth or size of base/limits.h. */
int wtl_yaml_parse(struct wtl_arena *arena, const char *text, size_t n, const char *file,
                   const struct wtl_yaml_node **root_out, struct wtl_error *err);

/* The value of a key, or NULL when `mapping` is not a mapping or lacks it. */
const struct wtl_yaml_node *wtl_yaml_get(const struct wtl_yaml_node *mapping, const char *key);

/* An error at the place of `node`: return wtl_yaml_fail(node, err, "..."); code WTL_PARSE. */
int wtl_yaml_fail(const struct wtl_yaml_node *node, struct wtl_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One scalar as a value; `what` names it in messages. */
int wtl_yaml_number(const struct wtl_yaml_node *node, const char *what, enum wtl_unit unit,
                    double *out, struct wtl_error *err);
int wtl_yaml_integer(const struct wtl_yaml_node *node, const char *what, int64_t *out,
                     struct wtl_error *err);
int wtl_yaml_bool(const struct wtl_yaml_node *node, const char *what, bool *out,
                  struct wtl_error *err);
int wtl_yaml_string(const struct wtl_yaml_node *node, const char *what, const char **out,
                    struct wtl_error *err);

/* ---- Schema tables ------------------------------------------------------------------------- */

enum wtl_yaml_type {
    WTL_YAML_T_STRING,  /* const char *, in the arena */
    WTL_YAML_T_NAME,    /* char[size]; longer text is an error */
    WTL_YAML_T_NUMBER,  /* double, a quantity of `unit` in its base unit */
    WTL_YAML_T_INTEGER, /* int64_t */
    WTL_YAML_T_INT,     /* int */
    WTL_YAML_T_BOOL,    /* bool: true/false, yes/no, on/off */
    WTL_YAML_T_CHOICE,  /* int (or an enum): the value of one of `choices` */
    WTL_YAML_T_NUMBERS, /* struct wtl_yaml_numbers: one number or a list */
    WTL_YAML_T_STRINGS, /* struct wtl_yaml_strings: one string or a list */
    WTL_YAML_T_TABLE,   /* a struct at `offset`, by the schema `table` */
    WTL_YAML_T_LIST,    /* struct wtl_yaml_list of structs by the schema `table` */
    WTL_YAML_T_NODE,    /* const struct wtl_yaml_node *: the caller looks itself */
    WTL_YAML_T_CUSTOM,  /* whatever `parse` stores; `form` says how it is written */
};

struct wtl_yaml_numbers {
    size_t n;
    const double *values;
};
struct wtl_yaml_strings {
    size_t n;
    const char *const *values;
};
struct wtl_yaml_list {
    size_t n;
    const void *items; /* array of structs of table->size bytes */
};
struct wtl_yaml_choice {
    const char *name; /* NULL ends the list */
    int value;
    const char *doc;
};

struct wtl_yaml_table;

struct wtl_yaml_key {
    const char *name;
    enum wtl_yaml_type type;
    enum wtl_unit unit;   /* NUMBER, NUMBERS */
    size_t offset;        /* of the field */
    size_t size;          /* NAME: of the field */
    size_t flag;          /* 0, or WTL_YAML_FLAG(struct, has_x): a bool set when the key is given */
    bool required;        /* absent is an error */
    const char *fallback; /* as it would be written in YAML; NULL: an absent key leaves the field */
    double min, max;      /* numbers, in base units; both 0: any */
    const struct wtl_yaml_choice *choices;
    const struct wtl_yaml_table *table;
    int (*parse)(struct wtl_arena *arena, const struct wtl_yaml_node *node, void *field,
                 struct wtl_error *err);
    const char *form; /* CUSTOM: "max | fastest | MHz" */
    const char *doc;  /* one sentence */
};
#define WTL_YAML_FLAG(type, member) (offsetof(type, member) + 1)

struct wtl_yaml_table {
    const char *name; /* "policy", for messages and the documentation */
    const char *doc;
    size_t size; /* of the struct */
    const struct wtl_yaml_key *keys;
    size_t n_keys;
};

/* Fills `object` (table->size bytes, holding the caller's defaults) from a mapping. Unknown keys,
 * wrong types, values out of range and missing required keys are errors at their line and column;
 * an unknown key gets "did you mean". On failure `object` is untouched. */
int wtl_yaml_load(struct wtl_arena *arena, const struct wtl_yaml_node *mapping,
                  const struct wtl_yaml_table *table, void *object, struct wtl_error *err);

/* The documentation of a schema: a Markdown table of its keys, nested schemas after it. */
void wtl_yaml_document(const struct wtl_yaml_table *table, struct wtl_buf *out);

#endif
