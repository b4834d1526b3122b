/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON with good errors, over jansson. Reading: a place is a value together with the way to it, so
 * that a message can say `plans[2].saving.lo`. Writing: shortest decimal that reads back the same,
 * and never a number that JSON does not have.
 */
#ifndef WTL_CODEC_JSON_H
#define WTL_CODEC_JSON_H

#include "base/error.h"
#include "base/text.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value and the way to it. Plain data; `up` and the keys must outlive it: keep parents on the
 * stack of the function that walks down. */
struct wtl_json {
    const json_t *value;
    const struct wtl_json *up; /* NULL: the root */
    const char *key;           /* of a member; NULL: an item */
    size_t index;              /* of an item */
    const char *file;          /* for messages */
};

/* Parses `n` bytes (limits of base/limits.h; duplicate keys are errors). The root is the caller's:
 * json_decref(*root_out). -WTL_PARSE with line and column. */
int wtl_json_parse(const char *text, size_t n, const char *file, json_t **root_out,
                   struct wtl_error *err);

/* The same of a whole file ("-": standard input). */
int wtl_json_read_file(const char *path, json_t **root_out, struct wtl_error *err);

/* Makes jansson note where its memory runs out, which wtl_json_parse() then reports. Without this,
 * jansson 2.14 takes a string for shorter than it is, or for a mistake in the text. For programs,
 * before the first use of jansson and the first thread; a library must not do that to its host. */
void wtl_json_watch_memory(void);

struct wtl_json wtl_json_root(const json_t *root, const char *file);

/* "plans[2].saving.lo"; "the document" for the root. Returns buf. */
const char *wtl_json_path(const struct wtl_json *at, char *buf, size_t size);

/* -WTL_PARSE "PATH: message" with the file named. */
int wtl_json_fail(const struct wtl_json *at, struct wtl_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A member of an object. wtl_json_find: false when it is absent or null. */
bool wtl_json_find(const struct wtl_json *object, const char *key, struct wtl_json *out);
int wtl_json_object(const struct wtl_json *object, const char *key, struct wtl_json *out,
                    struct wtl_error *err);
int wtl_json_array(const struct wtl_json *object, const char *key, struct wtl_json *out,
                   struct wtl_error *err);
int wtl_json_string(const struct wtl_json *object, const char *key, const char **out,
                    struct wtl_error *err);
int wtl_json_name(const struct wtl_json *object, const char *key, char *out, size_t size,
                  struct wtl_error *err); /* longer text is an error */
int wtl_json_number(const struct wtl_json *object, const char *key, double *out,
                    struct wtl_error *err);
int wtl_json_integer(const struct wtl_json *object, const char *key, int64_t min, int64_t max,
                     int64_t *out, struct wtl_error *err);
int wtl_json_bool(const struct wtl_json *object, const char *key, bool *out, struct wtl_error *err);
/* The index of the string in names[0..n-1]; else an error with "did you mean". */
int wtl_json_choice(const struct wtl_json *object, const char *key, const char *const *names, int n,
                    int *out, struct wtl_error *err);

/* Members that may be absent or null: *out is then left alone. */
int wtl_json_string_opt(const struct wtl_json *object, const char *key, const char **out,
                        struct wtl_error *err);
int wtl_json_name_opt(const struct wtl_json *object, const char *key, char *out, size_t size,
                      struct wtl_error *err);
int wtl_json_number_opt(const struct wtl_json *object, const char *key, double *out,
                        struct wtl_error *err);
int wtl_json_integer_opt(const struct wtl_json *object, const char *key, int64_t min, int64_t max,
                         int64_t *out, struct wtl_error *err);
int wtl_json_bool_opt(const struct wtl_json *object, const char *key, bool *out,
                      struct wtl_error *err);

/* The member `key` of an object, whatever it is; its value is NULL when it is absent. */
struct wtl_json wtl_json_member(const struct wtl_json *object, const char *key);
/* Absent or null. */
bool wtl_json_none(const struct wtl_json *at);
int wtl_json_want_object(const struct wtl_json *at, struct wtl_error *err);
int wtl_json_want_array(const struct wtl_json *at, struct wtl_error *err);

/* Items of an array: wtl_json_count() and wtl_json_item(). */
size_t wtl_json_count(const struct wtl_json *array);
struct wtl_json wtl_json_item(const struct wtl_json *array, size_t index);
/* An item that must be a number, or an object. */
int wtl_json_item_number(const struct wtl_json *array, size_t index, double *out,
                         struct wtl_error *err);
int wtl_json_item_object(const struct wtl_json *array, size_t index, struct wtl_json *out,
                         struct wtl_error *err);

/* Refuses members that are not among `known`, with "did you mean". */
int wtl_json_only(const struct wtl_json *object, const char *const *known, int n,
                  struct wtl_error *err);
/* The same for a list that ends with NULL. */
int wtl_json_known(const struct wtl_json *object, const char *const *known, struct wtl_error *err);

/* A number, or null when it is not finite. NULL when memory is out. */
json_t *wtl_json_finite(double value);

/* Text that comes from outside (file names, names in traces). Where it is not UTF-8, which JSON
 * needs, every byte that is not ASCII becomes '?'. NULL when memory is out. */
json_t *wtl_json_text(const char *text);
json_t *wtl_json_text_or_null(const char *text); /* null for NULL and "" */

/* The same as the key of a member, beside wtl_json_put(). */
void wtl_json_put_text(json_t **object, const char *key, json_t *value);

/* Building without a check at every step: takes over `value`; where it is NULL or memory is out,
 * *object (*array) is dropped and becomes NULL, and stays so. */
void wtl_json_put(json_t **object, const char *key, json_t *value);
void wtl_json_add(json_t **array, json_t *value);

/* Writes `value` with two blanks of indent and a final newline; arrays of numbers on one line.
 * Members keep their order. Not finite numbers become null. False when `out` failed. */
bool wtl_json_write(const json_t *value, struct wtl_buf *out);

/* The same on one line, without newline (JSON lines). */
bool wtl_json_write_line(const json_t *value, struct wtl_buf *out);

#endif
