/* SPDX-License-Identifier: Apache-2.0
 * Writing JSON. */
#include "codec/json.h"

#include <math.h>
#include <string.h>

json_t *wtl_json_finite(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* Text as JSON can hold it: itself, or *copy_out, which the caller frees; NULL: out of memory. */
static const char *as_utf8(const char *text, char **copy_out)
{
    struct wtl_alloc alloc = wtl_alloc_system();
    size_t n = strlen(text);
    *copy_out = NULL;
    if (wtl_utf8_valid(text))
        return text;
    char *ascii = alloc.resize(alloc.ctx, NULL, n + 1);
    for (size_t i = 0; ascii && i <= n; i++)
        ascii[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
    *copy_out = ascii;
    return ascii;
}

static void free_copy(char *copy)
{
    struct wtl_alloc alloc = wtl_alloc_system();
    if (copy)
        alloc.resize(alloc.ctx, copy, 0);
}

json_t *wtl_json_text(const char *text)
{
    char *copy;
    const char *valid = as_utf8(text, &copy);
    json_t *value = valid ? json_string(valid) : NULL;
    free_copy(copy);
    return value;
}

json_t *wtl_json_text_or_null(const char *text)
{
    return text && text[0] ? wtl_json_text(text) : json_null();
}

static void drop_unless(bool good, json_t **container)
{
    if (good)
        return;
    json_decref(*container);
    *container = NULL;
}

void wtl_json_put(json_t **object, const char *key, json_t *value)
{
    drop_unless(json_object_set_new(*object, key, value) == 0, object);
}

void wtl_json_put_text(json_t **object, const char *key, json_t *value)
{
    char *copy;
    const char *valid = as_utf8(key, &copy);
    drop_unless(valid && json_object_set(*object, valid, value) == 0, object);
    json_decref(value);
    free_copy(copy);
}

void wtl_json_add(json_t **array, json_t *value)
{
    drop_unless(json_array_append_new(*array, value) == 0, array);
}

static void write_string(const char *s, size_t n, struct wtl_buf *out)
{
    wtl_buf_putc(out, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            wtl_buf_printf(out, "\\%c", c);
        else if (c == '\n')
            wtl_buf_puts(out, "\\n");
        else if (c == '\t')
            wtl_buf_puts(out, "\\t");
        else if (c < 0x20 || c == 0x7f)
            wtl_buf_printf(out, "\\u%04x", c);
        else
            wtl_buf_putc(out, (char)c);
    }
    wtl_buf_putc(out, '"');
}

static void write_real(double value, struct wtl_buf *out)
{
    char text[WTL_DOUBLE_TEXT];
    wtl_buf_puts(out, isfinite(value) ? wtl_format_double(value, text) : "null");
}

/* indent < 0: all on one line. */
static void newline(int indent, struct wtl_buf *out)
{
    if (indent < 0)
        return;
    wtl_buf_putc(out, '\n');
    for (int i = 0; i < indent; i++)
        wtl_buf_puts(out, "  ");
}

static void write_value(const json_t *value, int indent, struct wtl_buf *out);

static void write_object(const json_t *object, int indent, struct wtl_buf *out)
{
    json_t *object_rw = (json_t *)(uintptr_t)object; /* jansson iterates without const */
    int inner = indent < 0 ? indent : indent + 1;
    bool first = true;
    wtl_buf_putc(out, '{');
    for (void *it = json_object_iter(object_rw); it; it = json_object_iter_next(object_rw, it)) {
        if (!first)
            wtl_buf_putc(out, ',');
        first = false;
        newline(inner, out);
        const char *key = json_object_iter_key(it);
        write_string(key, wtl_view_of(key).n, out);
        wtl_buf_puts(out, indent < 0 ? ":" : ": ");
        write_value(json_object_iter_value(it), inner, out);
    }
    if (!first)
        newline(indent, out);
    wtl_buf_putc(out, '}');
}

static bool only_numbers(const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        if (!json_is_number(json_array_get(array, i)))
            return false;
    return true;
}

static void write_array(const json_t *array, int indent, struct wtl_buf *out)
{
    bool flat = indent < 0 || only_numbers(array);
    int inner = flat ? -1 : indent + 1;
    size_t n = json_array_size(array);
    wtl_buf_putc(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            wtl_buf_puts(out, flat && indent >= 0 ? ", " : ",");
        newline(inner, out);
        write_value(json_array_get(array, i), inner, out);
    }
    if (n && !flat)
        newline(indent, out);
    wtl_buf_putc(out, ']');
}

static void write_value(const json_t *value, int indent, struct wtl_buf *out)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        write_object(value, indent, out);
        return;
    case JSON_ARRAY:
        write_array(value, indent, out);
        return;
    case JSON_STRING:
        write_string(json_string_value(value), json_string_length(value), out);
        return;
    case JSON_INTEGER:
        wtl_buf_printf(out, "%lld", (long long)json_integer_value(value));
        return;
    case JSON_REAL:
        write_real(json_real_value(value), out);
        return;
    case JSON_TRUE:
        wtl_buf_puts(out, "true");
        return;
    case JSON_FALSE:
        wtl_buf_puts(out, "false");
        return;
    case JSON_NULL:
        break;
    }
    wtl_buf_puts(out, "null");
}

bool wtl_json_write(const json_t *value, struct wtl_buf *out)
{
    write_value(value, 0, out);
    wtl_buf_putc(out, '\n');
    return !out->failed;
}

bool wtl_json_write_line(const json_t *value, struct wtl_buf *out)
{
    write_value(value, -1, out);
    return !out->failed;
}
