/* SPDX-License-Identifier: Apache-2.0
 * Reading JSON with the path in every error. */
#include "codec/json.h"

#include "base/file.h"
#include "base/limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The one piece of state outside of structs: jansson's allocation functions take no context. */
static _Thread_local unsigned long failed_allocations;

static void *watched_malloc(size_t size)
{
    void *p = malloc(size);
    failed_allocations += p == NULL;
    return p;
}

void wtl_json_watch_memory(void)
{
    json_set_alloc_funcs(watched_malloc, free);
}

int wtl_json_parse(const char *text, size_t n, const char *file, json_t **root_out,
                   struct wtl_error *err)
{
    if (n > WTL_LIMIT_DOCUMENT_BYTES)
        return WTL_FAIL(err, WTL_LIMIT, "\"%s\" is larger than %d bytes", file,
                        WTL_LIMIT_DOCUMENT_BYTES);
    json_error_t why;
    unsigned long failed_before = failed_allocations;
    json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
    bool memory = failed_allocations != failed_before ||
                  (!root && json_error_code(&why) == json_error_out_of_memory);
    if (root && !memory) {
        *root_out = root;
        return 0;
    }
    json_decref(root);
    if (memory)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory reading \"%s\"", file);
    int rc = WTL_FAIL(err, WTL_PARSE, "JSON: %s", why.text);
    wtl_error_input(err, file, why.line > 0 ? why.line : 0, why.column > 0 ? why.column : 0);
    return rc;
}

int wtl_json_read_file(const char *path, json_t **root_out, struct wtl_error *err)
{
    WTL_ARENA(scratch);
    char *data;
    size_t size;
    int rc = wtl_file_read(&scratch, path, WTL_LIMIT_DOCUMENT_BYTES, &data, &size, err);
    if (rc == 0 && wtl_begins_as_campaign(data, size)) {
        rc = WTL_FAIL(err, WTL_PARSE, "\"%s\" is a campaign, where a JSON document is expected",
                      path);
        wtl_error_hint(err,
                       "a plan is what `wattle optimize CAMPAIGN -o PLAN` writes, a predictor what "
                       "`wattle fit` does; are the arguments in order?");
    }
    return rc ? rc : wtl_json_parse(data, size, path, root_out, err);
}

struct wtl_json wtl_json_root(const json_t *root, const char *file)
{
    return (struct wtl_json){.value = root, .file = file};
}

const char *wtl_json_path(const struct wtl_json *at, char *buf, size_t size)
{
    if (!at->up) {
        snprintf(buf, size, "the document");
        return buf;
    }
    buf[0] = '\0';
    if (at->up->up)
        wtl_json_path(at->up, buf, size);
    size_t n = strlen(buf);
    if (at->key)
        snprintf(buf + n, size - n, "%s%s", n ? "." : "", at->key);
    else
        snprintf(buf + n, size - n, "[%zu]", at->index);
    return buf;
}

int wtl_json_fail(const struct wtl_json *at, struct wtl_error *err, const char *format, ...)
{
    char path[WTL_ERROR_MESSAGE_MAX / 2];
    char text[WTL_ERROR_MESSAGE_MAX / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    int rc = WTL_FAIL(err, WTL_PARSE, "%s: %s", wtl_json_path(at, path, sizeof path), text);
    wtl_error_input(err, at->file, 0, 0);
    return rc;
}

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        break;
    }
    return "null";
}

struct wtl_json wtl_json_member(const struct wtl_json *object, const char *key)
{
    return (struct wtl_json){json_object_get(object->value, key), object, key, 0, object->file};
}

bool wtl_json_none(const struct wtl_json *at)
{
    return !at->value || json_is_null(at->value);
}

bool wtl_json_find(const struct wtl_json *object, const char *key, struct wtl_json *out)
{
    struct wtl_json at = wtl_json_member(object, key);
    if (wtl_json_none(&at))
        return false;
    *out = at;
    return true;
}

static int wrong(const struct wtl_json *at, const char *expected, struct wtl_error *err)
{
    if (!at->value)
        return wtl_json_fail(at, err, "is missing (expected %s)", expected);
    return wtl_json_fail(at, err, "expected %s, not %s", expected, type_name(at->value));
}

int wtl_json_object(const struct wtl_json *object, const char *key, struct wtl_json *out,
                    struct wtl_error *err)
{
    struct wtl_json at = wtl_json_member(object, key);
    if (!json_is_object(at.value))
        return wrong(&at, "an object", err);
    *out = at;
    return 0;
}

int wtl_json_array(const struct wtl_json *object, const char *key, struct wtl_json *out,
                   struct wtl_error *err)
{
    struct wtl_json at = wtl_json_member(object, key);
    if (!json_is_array(at.value))
        return wrong(&at, "an array", err);
    *out = at;
    return 0;
}

int wtl_json_string(const struct wtl_json *object, const char *key, const char **out,
                    struct wtl_error *err)
{
    struct wtl_json at = wtl_json_member(object, key);
    if (!json_is_string(at.value))
        return wrong(&at, "a string", err);
    *out = json_string_value(at.value);
    return 0;
}

int wtl_json_name(const struct wtl_json *object, const char *key, char *out, size_t size,
                  struct wtl_error *err)
{
    struct wtl_json at = wtl_json_member(object, key);
    if (!json_is_string(at.value))
        return wrong(&at, "a string", err);
    size_t n = json_string_length(at.value);
    if (n >= size)
        return wtl_json_fail(&at, err, "\"%.40s...\" is longer than %zu bytes",
                             json_string_value(at.value), size - 1);
    memcpy(out, json_string_value(at.value), n + 1);
    return 0;
}

int wtl_json_number(const struct wtl_json *object, const char *key, double *out,
                    struct wtl_error *err)
{
    struct wtl_json at = wtl_json_member(object, key);
    if (!json_is_number(at.value))
        return wrong(&at, "a number", err);
    *out = json_number_value(at.value);
    return 0;
}

int wtl_json_integer(const struct wtl_json *object, const char *key, int64_t min, int64_t max,
                     int64_t *out, struct wtl_error *err)
{
    struct wtl_json at = wtl_json_member(object, key);
    if (!json_is_integer(at.value))
        return wrong(&at, "a whole number", err);
    int64_t value = json_integer_value(at.value);
    if (value < min || value > max)
        return wtl_json_fail(&at, err, "%lld is outside %lld to %lld", (long long)value,
                             (long long)min, (long long)max);
    *out = value;
    return 0;
}

int wtl_json_bool(const struct wtl_json *object, const char *key, bool *out, struct wtl_error *err)
{
    struct wtl_json at = wtl_json_member(object, key);
    if (!json_is_boolean(at.value))
        return wrong(&at, "true or false", err);
    *out = json_is_true(at.value);
    return 0;
}

int wtl_json_choice(const struct wtl_json *object, const char *key, const char *const *names, int n,
                    int *out, struct wtl_error *err)
{
    const char *text = "";
    int rc = wtl_json_string(object, key, &text, err);
    if (rc)
        return rc;
    for (int i = 0; i < n; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return 0;
        }
    struct wtl_json at = wtl_json_member(object, key);
    rc = wtl_json_fail(&at, err, "unknown value \"%.80s\"", text);
    const char *near = wtl_did_you_mean(text, names, n);
    if (near)
        wtl_error_hint(err, "did you mean \"%s\"?", near);
    return rc;
}

int wtl_json_string_opt(const struct wtl_json *object, const char *key, const char **out,
                        struct wtl_error *err)
{
    struct wtl_json at;
    return wtl_json_find(object, key, &at) ? wtl_json_string(object, key, out, err) : 0;
}

int wtl_json_name_opt(const struct wtl_json *object, const char *key, char *out, size_t size,
                      struct wtl_error *err)
{
    struct wtl_json at;
    return wtl_json_find(object, key, &at) ? wtl_json_name(object, key, out, size, err) : 0;
}

int wtl_json_number_opt(const struct wtl_json *object, const char *key, double *out,
                        struct wtl_error *err)
{
    struct wtl_json at;
    return wtl_json_find(object, key, &at) ? wtl_json_number(object, key, out, err) : 0;
}

int wtl_json_integer_opt(const struct wtl_json *object, const char *key, int64_t min, int64_t max,
                         int64_t *out, struct wtl_error *err)
{
    struct wtl_json at;
    return wtl_json_find(object, key, &at) ? wtl_json_integer(object, key, min, max, out, err) : 0;
}

int wtl_json_bool_opt(const struct wtl_json *object, const char *key, bool *out,
                      struct wtl_error *err)
{
    struct wtl_json at;
    return wtl_json_find(object, key, &at) ? wtl_json_bool(object, key, out, err) : 0;
}

int wtl_json_want_object(const struct wtl_json *at, struct wtl_error *err)
{
    return json_is_object(at->value) ? 0 : wtl_json_fail(at, err, "expected an object");
}

int wtl_json_want_array(const struct wtl_json *at, struct wtl_error *err)
{
    return json_is_array(at->value) ? 0 : wtl_json_fail(at, err, "expected an array");
}

size_t wtl_json_count(const struct wtl_json *array)
{
    return json_array_size(array->value);
}

struct wtl_json wtl_json_item(const struct wtl_json *array, size_t index)
{
    return (struct wtl_json){json_array_get(array->value, index), array, NULL, index, array->file};
}

int wtl_json_item_number(const struct wtl_json *array, size_t index, double *out,
                         struct wtl_error *err)
{
    struct wtl_json at = wtl_json_item(array, index);
    if (!json_is_number(at.value))
        return wrong(&at, "a number", err);
    *out = json_number_value(at.value);
    return 0;
}

int wtl_json_item_object(const struct wtl_json *array, size_t index, struct wtl_json *out,
                         struct wtl_error *err)
{
    struct wtl_json at = wtl_json_item(array, index);
    if (!json_is_object(at.value))
        return wrong(&at, "an object", err);
    *out = at;
    return 0;
}

int wtl_json_only(const struct wtl_json *object, const char *const *known, int n,
                  struct wtl_error *err)
{
    for (void *it = json_object_iter((json_t *)(uintptr_t)object->value); it;
         it = json_object_iter_next((json_t *)(uintptr_t)object->value, it)) {
        const char *key = json_object_iter_key(it);
        int i = 0;
        while (i < n && strcmp(known[i], key) != 0)
            i++;
        if (i < n)
            continue;
        int rc = wtl_json_fail(object, err, "unknown key \"%.80s\"", key);
        const char *near = wtl_did_you_mean(key, known, n);
        if (near)
            wtl_error_hint(err, "did you mean \"%s\"?", near);
        return rc;
    }
    return 0;
}

int wtl_json_known(const struct wtl_json *object, const char *const *known, struct wtl_error *err)
{
    int n = 0;
    while (known[n])
        n++;
    return wtl_json_only(object, known, n, err);
}
