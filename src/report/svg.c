/* SPDX-License-Identifier: Apache-2.0
 * Renames the ids of an SVG document in one pass. */
#include "report/svg.h"

#include "report/escape.h"

#include <string.h>

struct names {
    struct wtl_arena arena;
    struct wtl_view *items;
    size_t n, cap;
};

/* Number of an id, from 1; new ones are added. 0: out of memory. */
static size_t number_of(struct names *names, struct wtl_view id)
{
    for (size_t i = 0; i < names->n; i++)
        if (names->items[i].n == id.n && memcmp(names->items[i].s, id.s, id.n) == 0)
            return i + 1;
    if (wtl_grow(&names->arena, &names->items, names->n, &names->cap))
        return 0;
    names->items[names->n++] = id;
    return names->n;
}

/* If an id or a reference starts at s, the length of what stands before its name, else 0. */
static size_t introducer(const char *s)
{
    static const char *const kinds[] = {" id=\"", "href=\"#", "url(#"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (wtl_starts_with(s, kinds[i]))
            return strlen(kinds[i]);
    return 0;
}

static int copy_body(struct names *names, const char *s, const char *prefix, struct wtl_buf *out)
{
    const char *from = s;
    while (*s) {
        size_t skip = *s == ' ' || *s == 'h' || *s == 'u' ? introducer(s) : 0;
        if (!skip) {
            s++;
            continue;
        }
        struct wtl_view id = {.s = s + skip, .n = strcspn(s + skip, "\")")};
        size_t number = number_of(names, id);
        if (!number)
            return -(int)WTL_NOMEM;
        wtl_buf_add(out, from, (size_t)(id.s - from));
        wtl_buf_printf(out, "%s%zu", prefix, number);
        s = from = id.s + id.n;
    }
    wtl_buf_puts(out, from);
    return 0;
}

int wtl_svg_finish(struct wtl_alloc alloc, const char *in, const char *prefix, const char *title,
                   struct wtl_buf *out, struct wtl_error *err)
{
    const char *tag = strstr(in, "<svg");
    const char *end = tag ? strchr(tag, '>') : NULL;
    if (!end)
        return WTL_FAIL(err, WTL_CORRUPT, "the drawing library wrote no SVG");
    wtl_buf_add(out, in, (size_t)(tag - in));
    wtl_buf_puts(out, "<svg role=\"img\"");
    wtl_buf_add(out, tag + 4, (size_t)(end + 1 - tag - 4));
    if (title) {
        wtl_buf_puts(out, "<title>");
        wtl_escape_xml(out, title);
        wtl_buf_puts(out, "</title>");
    }
    struct names names = {0};
    wtl_arena_init(&names.arena, alloc);
    int rc = copy_body(&names, end + 1, prefix, out);
    wtl_arena_fini(&names.arena);
    if (rc || out->failed)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory writing an SVG");
    return 0;
}

const char *wtl_svg_inline(const char *svg)
{
    const char *tag = strstr(svg, "<svg");
    return tag ? tag : svg;
}
