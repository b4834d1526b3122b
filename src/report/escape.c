/* SPDX-License-Identifier: Apache-2.0
 * Escaping for XML, HTML and Markdown; UTF-8 cleaning. */
#include "report/escape.h"

#include <string.h>

size_t wtl_utf8_next(const char *text)
{
    size_t n = wtl_utf8_sequence(text);
    return n ? n : (*text ? 1 : 0);
}

/* The next clean character of *s, as bytes; moves *s on. */
static struct wtl_view take(const char **s)
{
    size_t n = wtl_utf8_sequence(*s);
    struct wtl_view v = {.s = *s, .n = n};
    if (n == 0)
        v = wtl_view_of("\xef\xbf\xbd");
    else if (n == 1 && ((unsigned char)**s < 0x20 || **s == 0x7f))
        v = wtl_view_of(" ");
    *s += n ? n : 1;
    return v;
}

void wtl_utf8_clean(const char *text, char *dst, size_t size)
{
    size_t n = 0;
    while (*text) {
        struct wtl_view v = take(&text);
        if (n + v.n + 1 > size)
            break;
        memcpy(dst + n, v.s, v.n);
        n += v.n;
    }
    if (size)
        dst[n] = '\0';
}

static const char *xml_entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void wtl_escape_xml(struct wtl_buf *out, const char *text)
{
    while (*text) {
        struct wtl_view v = take(&text);
        const char *entity = v.n == 1 ? xml_entity(v.s[0]) : NULL;
        if (entity)
            wtl_buf_puts(out, entity);
        else
            wtl_buf_add(out, v.s, v.n);
    }
}

void wtl_escape_markdown(struct wtl_buf *out, const char *text)
{
    while (*text) {
        struct wtl_view v = take(&text);
        const char *entity = v.n == 1 ? xml_entity(v.s[0]) : NULL;
        if (entity && v.s[0] != '\'' && v.s[0] != '"')
            wtl_buf_puts(out, entity);
        else if (v.n == 1 && strchr("\\`*_{}[]()#+!|~@$", v.s[0]))
            wtl_buf_printf(out, "\\%c", v.s[0]);
        else
            wtl_buf_add(out, v.s, v.n);
    }
}

void wtl_slug(const char *text, char *dst, size_t size)
{
    size_t n = 0;
    for (; *text && n + 1 < size; text++) {
        char c = *text;
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        bool keep = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        if (keep)
            dst[n++] = c;
        else if (n && dst[n - 1] != '-')
            dst[n++] = '-';
    }
    while (n && dst[n - 1] == '-')
        n--;
    if (n == 0 && size > 1)
        dst[n++] = 'x';
    if (size)
        dst[n] = '\0';
}
