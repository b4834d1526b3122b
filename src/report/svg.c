/* SPDX-License-Identifier: Apache-2.0
 * Rewrites the SVG that cairo wrote, attribute by attribute, in one pass. */
#include "report/svg.h"

#include "report/escape.h"

#include <stdio.h>
#include <string.h>

struct name {
    struct wtl_view text;
    size_t glyph; /* number of a shared letter; 0: an id of this figure alone */
};

struct names {
    struct name *items;
    size_t n, cap;
};

struct wtl_svg_glyphs {
    struct wtl_arena *arena;
    struct wtl_view *outlines; /* letter N is outline N - 1 */
    size_t n, cap;
};

struct copy {
    struct wtl_arena arena;
    struct names ids, styles;
    struct wtl_svg_glyphs *glyphs;
    const char *prefix;
    struct wtl_buf *out;
    bool failed;
};

/* Number of a name, from 1; new ones are added. */
static size_t number_of(struct copy *c, struct names *names, struct wtl_view name)
{
    for (size_t i = 0; i < names->n; i++)
        if (names->items[i].text.n == name.n && memcmp(names->items[i].text.s, name.s, name.n) == 0)
            return i + 1;
    if (wtl_grow(&c->arena, &names->items, names->n, &names->cap)) {
        c->failed = true;
        return 0;
    }
    names->items[names->n++] = (struct name){name, 0};
    return names->n;
}

static void put_id(struct copy *c, struct wtl_view id)
{
    size_t number = number_of(c, &c->ids, id);
    if (number && c->ids.items[number - 1].glyph)
        wtl_buf_printf(c->out, "g%zu", c->ids.items[number - 1].glyph);
    else
        wtl_buf_printf(c->out, "%s%zu", c->prefix, number);
}

/* cairo writes six decimals; a hundredth of a point is finer than any printer. */
static void put_numbers(struct wtl_buf *out, struct wtl_view v)
{
    size_t i = 0;
    while (i < v.n) {
        size_t n = 0;
        double value;
        while (i + n < v.n && strchr("-0123456789.", v.s[i + n]))
            n++;
        if (n && wtl_parse_double(v.s + i, n, &value)) {
            char text[64];
            int length = snprintf(text, sizeof text, "%.2f", value);
            while (length > 0 && text[length - 1] == '0')
                length--;
            if (length > 0 && text[length - 1] == '.')
                length--;
            text[length] = '\0';
            wtl_buf_puts(out, strcmp(text, "-0") == 0 ? "0" : text);
        } else {
            n = n ? n : 1;
            wtl_buf_add(out, v.s + i, n);
        }
        i += n;
    }
}

/* A value with "url(#ID)" in it. */
static void put_with_references(struct copy *c, struct wtl_view v)
{
    const char *end = v.s + v.n, *at = v.s;
    const char *found;
    while ((found = memmem(at, (size_t)(end - at), "url(#", 5))) {
        const char *close = memchr(found, ')', (size_t)(end - found));
        if (!close)
            break;
        wtl_buf_add(c->out, at, (size_t)(found + 5 - at));
        put_id(c, (struct wtl_view){found + 5, (size_t)(close - found - 5)});
        at = close;
    }
    wtl_buf_add(c->out, at, (size_t)(end - at));
}

static bool is_numeric(struct wtl_view name)
{
    static const char *const names[] = {"d", "transform", "x", "y", "width", "height"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (wtl_view_is(name, names[i]))
            return true;
    return false;
}

/* Equal styles of thousands of marks become one class; the rules follow at the end. */
static void put_attribute(struct copy *c, struct wtl_view name, struct wtl_view value)
{
    bool refers = memmem(value.s, value.n, "url(#", 5) != NULL;
    if (wtl_view_is(name, "style") && !refers) {
        wtl_buf_printf(c->out, " class=\"%sc%zu\"", c->prefix, number_of(c, &c->styles, value));
        return;
    }
    wtl_buf_putc(c->out, ' ');
    wtl_buf_add(c->out, name.s, name.n);
    wtl_buf_puts(c->out, "=\"");
    if (wtl_view_is(name, "id")) {
        put_id(c, value);
    } else if (wtl_view_is(name, "xlink:href") && value.n && value.s[0] == '#') {
        wtl_buf_putc(c->out, '#');
        put_id(c, (struct wtl_view){value.s + 1, value.n - 1});
    } else if (refers) {
        put_with_references(c, value);
    } else if (is_numeric(name)) {
        put_numbers(c->out, value);
    } else {
        wtl_buf_add(c->out, value.s, value.n);
    }
    wtl_buf_putc(c->out, '"');
}

/* A tag from its '<'; returns what follows its '>', or NULL if it has no end. */
static const char *copy_tag(struct copy *c, const char *s)
{
    size_t head = strcspn(s, " \n>");
    wtl_buf_add(c->out, s, head);
    s += head;
    for (;;) {
        s += strspn(s, " \n");
        size_t n = strcspn(s, "= \n/>");
        if (s[n] == '=' && s[n + 1] == '"') {
            struct wtl_view value = {s + n + 2, strcspn(s + n + 2, "\"")};
            put_attribute(c, (struct wtl_view){s, n}, value);
            s = value.s + value.n;
            s += *s == '"';
        } else {
            size_t rest = strcspn(s, ">");
            wtl_buf_add(c->out, s, rest);
            if (s[rest] != '>')
                return NULL;
            wtl_buf_putc(c->out, '>');
            return s + rest + 1;
        }
    }
}

static void put_styles(struct copy *c)
{
    wtl_buf_puts(c->out, "<style>");
    for (size_t i = 0; i < c->styles.n; i++) {
        wtl_buf_printf(c->out, ".%sc%zu{", c->prefix, i + 1);
        wtl_buf_add(c->out, c->styles.items[i].text.s, c->styles.items[i].text.n);
        wtl_buf_puts(c->out, "}\n");
    }
    wtl_buf_puts(c->out, "</style>\n");
}

/* The number of a letter with this outline; *known_out tells whether the page has it already. */
static size_t glyph_number(struct copy *c, struct wtl_view outline, bool *known_out)
{
    struct wtl_svg_glyphs *g = c->glyphs;
    *known_out = true;
    for (size_t i = 0; i < g->n; i++)
        if (g->outlines[i].n == outline.n && memcmp(g->outlines[i].s, outline.s, outline.n) == 0)
            return i + 1;
    *known_out = false;
    const char *copy = wtl_arena_memdup(g->arena, outline.s, outline.n);
    if (!copy || wtl_grow(g->arena, &g->outlines, g->n, &g->cap)) {
        c->failed = true;
        return 0;
    }
    g->outlines[g->n++] = (struct wtl_view){copy, outline.n};
    return g->n;
}

/* A letter's definition at s, if there is one: cairo 1.16 writes <symbol>, 1.18 <g id="glyph-...">.
 * Gives its id the shared number; returns what follows the definition when the page has it already,
 * else s. */
static const char *skip_known_glyph(struct copy *c, const char *s)
{
    bool symbol = wtl_starts_with(s, "<symbol ");
    if (!c->glyphs || (!symbol && !wtl_starts_with(s, "<g id=\"glyph")))
        return s;
    const char *close = symbol ? "</symbol>" : "</g>";
    const char *id = strstr(s, " id=\""), *body = strchr(s, '>'), *end = strstr(s, close);
    if (!id || !body || !end || id > body || body > end)
        return s;
    bool known;
    struct wtl_view name = {id + 5, strcspn(id + 5, "\"")};
    size_t glyph = glyph_number(c, (struct wtl_view){body, (size_t)(end - body)}, &known);
    size_t number = number_of(c, &c->ids, name);
    if (number)
        c->ids.items[number - 1].glyph = glyph;
    return known ? end + strlen(close) : s;
}

static bool copy_body(struct copy *c, const char *s)
{
    while (*s) {
        size_t text = strcspn(s, "<");
        wtl_buf_add(c->out, s, text);
        s += text;
        const char *after = skip_known_glyph(c, s);
        if (after != s) {
            s = after + strspn(after, "\n");
            continue;
        }
        if (wtl_starts_with(s, "</svg>"))
            put_styles(c);
        if (*s && !(s = copy_tag(c, s)))
            return false;
    }
    return true;
}

int wtl_svg_finish(struct wtl_alloc alloc, const char *in, const char *prefix, const char *title,
                   struct wtl_svg_glyphs *glyphs, struct wtl_buf *out, struct wtl_error *err)
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
    struct copy copy = {.prefix = prefix, .glyphs = glyphs, .out = out};
    wtl_arena_init(&copy.arena, alloc);
    bool whole = copy_body(&copy, end + 1);
    wtl_arena_fini(&copy.arena);
    if (copy.failed || out->failed)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory writing an SVG");
    return whole ? 0 : WTL_FAIL(err, WTL_CORRUPT, "the drawing library wrote a broken SVG");
}

struct wtl_svg_glyphs *wtl_svg_glyphs_new(struct wtl_arena *arena)
{
    struct wtl_svg_glyphs *g = WTL_NEW(arena, struct wtl_svg_glyphs);
    if (g)
        g->arena = arena;
    return g;
}

const char *wtl_svg_inline(const char *svg)
{
    const char *tag = strstr(svg, "<svg");
    return tag ? tag : svg;
}
