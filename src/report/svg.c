/* SPDX-License-Identifier: Apache-2.0
 * Rewrites the SVG that cairo wrote, tag by tag, in one pass. */
#include "report/svg.h"

#include "report/escape.h"
#include "report/svg_path.h"
#include "report/svg_style.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Texts met so far, numbered from 1. */
struct known {
    struct wtl_view *items;
    size_t n, cap;
};

struct wtl_svg_shared {
    struct wtl_arena *arena;
    struct known letters; /* their outlines */
    struct known words;   /* the letters and where they stand */
    struct known styles;  /* declarations */
    size_t n_clips;
};

/* cairo's name of a letter or clip, and its number. */
struct name {
    struct wtl_view id;
    size_t number;
};

struct names {
    struct name *items;
    size_t n, cap;
};

/* A letter of a text: rounded only where it is written, so that the letters of a word
 * stand alike wherever the word stands. */
struct placed {
    size_t letter;
    double x, y;
};

struct copy {
    struct wtl_arena arena;
    struct wtl_svg_shared *shared;
    struct names letters, clips;
    struct placed *text; /* that is being copied */
    size_t n_text, cap_text;
    const char *prefix;
    const char *href; /* files for older programs say "xlink:href" */
    struct wtl_buf *out;
    struct wtl_buf rules; /* of the styles that this figure is the first to use */
    struct wtl_buf scratch;
    struct wtl_svg_pen pen; /* of the open path */
    size_t open_style;      /* the path of this style is not ended yet; 0: none is open */
    bool failed;
};

/* Number of a text, from 1; 0 and `failed` without memory. */
static size_t number_of(struct copy *c, struct known *k, struct wtl_view text, bool *new_out)
{
    *new_out = false;
    for (size_t i = 0; i < k->n; i++)
        if (k->items[i].n == text.n && memcmp(k->items[i].s, text.s, text.n) == 0)
            return i + 1;
    const char *copy = wtl_arena_memdup(c->shared->arena, text.s, text.n + 1);
    if (!copy || wtl_grow(c->shared->arena, &k->items, k->n, &k->cap)) {
        c->failed = true;
        return 0;
    }
    *new_out = true;
    k->items[k->n++] = (struct wtl_view){copy, text.n};
    return k->n;
}

static void remember(struct copy *c, struct names *names, struct wtl_view id, size_t number)
{
    if (wtl_grow(&c->arena, &names->items, names->n, &names->cap))
        c->failed = true;
    else
        names->items[names->n++] = (struct name){id, number};
}

/* 0: unknown. */
static size_t recall(const struct names *names, struct wtl_view id)
{
    for (size_t i = 0; i < names->n; i++)
        if (names->items[i].id.n == id.n && memcmp(names->items[i].id.s, id.s, id.n) == 0)
            return names->items[i].number;
    return 0;
}

static struct wtl_view content(struct copy *c)
{
    c->failed = c->failed || c->scratch.failed;
    return (struct wtl_view){wtl_buf_str(&c->scratch), c->scratch.failed ? 0 : c->scratch.len};
}

/* Class of a tag's style; 0 when it has none or one that stays an attribute. */
static size_t style_number(struct copy *c, const struct wtl_svg_tag *tag, bool *opaque_out)
{
    bool new;
    wtl_buf_clear(&c->scratch);
    *opaque_out = false;
    if (!wtl_svg_style(tag, &c->scratch, opaque_out) || c->scratch.len == 0)
        return 0;
    size_t number = number_of(c, &c->shared->styles, content(c), &new);
    if (new)
        wtl_buf_printf(&c->rules, ".%sc%zu{%s}\n", c->prefix, number, wtl_buf_str(&c->scratch));
    return number;
}

static void put_class(struct copy *c, size_t style)
{
    if (style)
        wtl_buf_printf(c->out, " class=\"%sc%zu\"", c->prefix, style);
}

static void put_attribute(struct copy *c, const char *name, struct wtl_view value)
{
    wtl_buf_printf(c->out, " %s=\"", name);
    wtl_buf_add(c->out, value.s, value.n);
    wtl_buf_putc(c->out, '"');
}

/* A coordinate that is not 0. */
static void put_coordinate(struct wtl_buf *out, char name, int64_t v)
{
    if (v == 0)
        return;
    wtl_buf_printf(out, " %c=\"", name);
    wtl_svg_number(out, v);
    wtl_buf_putc(out, '"');
}

static void end_path(struct copy *c)
{
    if (c->open_style)
        wtl_buf_puts(c->out, "\"/>\n");
    c->open_style = 0;
}

/* "url(#ID)" or "#ID" of a clip under its new name; false for anything else. */
static bool clip_name(struct copy *c, struct wtl_view value, char *buf, size_t size)
{
    const char *at = memchr(value.s, '#', value.n);
    if (!at)
        return false;
    struct wtl_view id = {at + 1, (size_t)(value.s + value.n - at - 1)};
    const char *close = memchr(id.s, ')', id.n);
    id.n = close ? (size_t)(close - id.s) : id.n;
    size_t number = recall(&c->clips, id);
    snprintf(buf, size, "url(#%sk%zu)", c->prefix, number);
    return number > 0;
}

/* Any tag, its style as a class, the name of a clip as ours. */
static void put_tag(struct copy *c, const struct wtl_svg_tag *tag)
{
    bool opaque;
    char clip[80];
    size_t style = style_number(c, tag, &opaque);
    wtl_buf_putc(c->out, '<');
    wtl_buf_add(c->out, tag->name.s, tag->name.n);
    put_class(c, style);
    for (size_t i = 0; i < tag->n; i++) {
        char name[40];
        const struct wtl_svg_attribute *a = &tag->attributes[i];
        if ((style && wtl_svg_is_style(a->name)) || wtl_view_is(a->name, "clip-rule") ||
            !wtl_view_copy(a->name, name, sizeof name))
            continue;
        if (strcmp(name, "clip-path") == 0 && clip_name(c, a->value, clip, sizeof clip))
            put_attribute(c, name, wtl_view_of(clip));
        else if (strcmp(name, "id") != 0)
            put_attribute(c, name, a->value);
    }
    wtl_buf_puts(c->out, tag->empty ? "/>\n" : ">\n");
}

/* --- shapes ---------------------------------------------------------------------------------- */

/* Neighbours of one opaque style go on in one path. */
static void put_path(struct copy *c, const struct wtl_svg_tag *tag)
{
    bool opaque;
    size_t style = style_number(c, tag, &opaque);
    bool plain = style && wtl_svg_attribute(tag, "transform").n == 0;
    size_t was_open = c->open_style;
    if (!plain || !opaque || was_open != style) {
        end_path(c);
        c->pen = (struct wtl_svg_pen){0};
    }
    if (!plain) {
        put_tag(c, tag);
        return;
    }
    size_t before = c->out->len;
    if (c->open_style != style) {
        wtl_buf_puts(c->out, "<path");
        put_class(c, style);
        wtl_buf_puts(c->out, " d=\"");
    }
    if (!wtl_svg_path_add(c->out, &c->pen, wtl_svg_attribute(tag, "d"))) {
        c->out->len = before;
        end_path(c);
        put_tag(c, tag);
        return;
    }
    c->open_style = style;
    if (!opaque)
        end_path(c);
}

/* --- definitions ----------------------------------------------------------------------------- */

/* The letter that begins at `tag`, a container with one path. Returns what follows it; NULL when it
 * is not such a letter. */
static const char *define_letter(struct copy *c, const struct wtl_svg_tag *tag)
{
    struct wtl_svg_tag path, end;
    struct wtl_svg_pen pen = {0};
    bool new;
    const char *s = tag->end + strspn(tag->end, " \n");
    if (!wtl_svg_tag_read(s, &path) || !wtl_view_is(path.name, "path") || !path.empty)
        return NULL;
    s = path.end + strspn(path.end, " \n");
    if (!wtl_svg_tag_read(s, &end) || end.name.s[0] != '/')
        return NULL;
    wtl_buf_clear(&c->scratch);
    if (!wtl_svg_path_add(&c->scratch, &pen, wtl_svg_attribute(&path, "d")))
        return NULL;
    size_t number = number_of(c, &c->shared->letters, content(c), &new);
    remember(c, &c->letters, wtl_svg_attribute(tag, "id"), number);
    if (new)
        wtl_buf_printf(c->out, "<path id=\"%sg%zu\" d=\"%s\"/>\n", c->prefix, number,
                       wtl_buf_str(&c->scratch));
    return end.end;
}

static const char *define_clip(struct copy *c, const struct wtl_svg_tag *tag)
{
    struct wtl_svg_tag path;
    struct wtl_svg_pen pen = {0};
    const char *s = tag->end + strspn(tag->end, " \n");
    if (!wtl_svg_tag_read(s, &path) || !wtl_view_is(path.name, "path") || !path.empty)
        return NULL;
    wtl_buf_clear(&c->scratch);
    const char *close = strstr(path.end, "</clipPath>");
    if (!close || !wtl_svg_path_add(&c->scratch, &pen, wtl_svg_attribute(&path, "d")))
        return NULL;
    size_t number = ++c->shared->n_clips;
    remember(c, &c->clips, wtl_svg_attribute(tag, "id"), number);
    wtl_buf_printf(c->out, "<clipPath id=\"%sk%zu\"><path d=\"%s\"/></clipPath>\n", c->prefix,
                   number, wtl_buf_str(&c->scratch));
    c->failed = c->failed || c->scratch.failed;
    return close + strlen("</clipPath>");
}

/* --- words ----------------------------------------------------------------------------------- */

static bool number_at(const struct wtl_svg_tag *tag, const char *name, double *out)
{
    struct wtl_view v = wtl_svg_attribute(tag, name);
    return wtl_parse_double(v.s, v.n, out) && fabs(*out) < 1e9;
}

/* The letter that `tag` places, if it does. */
static bool read_placed(const struct copy *c, const struct wtl_svg_tag *tag, struct placed *out)
{
    struct wtl_view link = wtl_svg_attribute(tag, "xlink:href");
    if (!wtl_view_is(tag->name, "use") || !tag->empty || link.n < 2)
        return false;
    out->letter = recall(&c->letters, (struct wtl_view){link.s + 1, link.n - 1});
    return out->letter && number_at(tag, "x", &out->x) && number_at(tag, "y", &out->y);
}

/* The letters of the group at `tag`. Returns what follows it; NULL when it holds anything else. */
static const char *read_text(struct copy *c, const struct wtl_svg_tag *tag)
{
    struct wtl_svg_tag next;
    struct placed p;
    const char *s = tag->end;
    c->n_text = 0;
    for (;;) {
        s += strspn(s, " \n");
        if (*s != '<' || !wtl_svg_tag_read(s, &next))
            return NULL;
        s = next.end;
        if (wtl_view_is(next.name, "/g"))
            return c->n_text ? s : NULL;
        if (!read_placed(c, &next, &p))
            return NULL;
        if (wtl_grow(&c->arena, &c->text, c->n_text, &c->cap_text)) {
            c->failed = true;
            return NULL;
        }
        c->text[c->n_text++] = p;
    }
}

static void put_use(struct copy *c, struct wtl_buf *out, char kind, size_t number, double x,
                    double y)
{
    wtl_buf_printf(out, " %s=\"#%s%c%zu\"", c->href, c->prefix, kind, number);
    put_coordinate(out, 'x', llround(x * 100));
    put_coordinate(out, 'y', llround(y * 100));
    wtl_buf_puts(out, "/>");
}

/* n letters: defined once as a word, then used by reference. */
static void put_word(struct copy *c, const struct placed *p, size_t n, size_t style)
{
    char kind = 'g';
    size_t number = p->letter;
    bool new;
    if (n > 1) {
        wtl_buf_clear(&c->scratch);
        for (size_t i = 0; i < n; i++) {
            wtl_buf_puts(&c->scratch, "<use");
            put_use(c, &c->scratch, 'g', p[i].letter, p[i].x - p->x, p[i].y - p->y);
        }
        kind = 't';
        number = number_of(c, &c->shared->words, content(c), &new);
        if (new)
            wtl_buf_printf(c->out, "<defs><g id=\"%st%zu\">%s</g></defs>\n", c->prefix, number,
                           wtl_buf_str(&c->scratch));
    }
    wtl_buf_puts(c->out, "<use");
    put_class(c, style);
    put_use(c, c->out, kind, number, p->x, p->y);
    wtl_buf_putc(c->out, '\n');
}

/* Letters up to the next blank, which has no outline. */
static size_t word_length(const struct copy *c, size_t from)
{
    size_t n = 0;
    while (from + n < c->n_text && c->shared->letters.items[c->text[from + n].letter - 1].n)
        n++;
    return n;
}

/* A group of letters: word by word. */
static const char *put_text(struct copy *c, const struct wtl_svg_tag *tag)
{
    bool opaque;
    const char *after = read_text(c, tag);
    if (!after)
        return NULL;
    size_t words = 0, style = style_number(c, tag, &opaque);
    for (size_t i = 0, n; i < c->n_text; i += n + 1)
        words += (n = word_length(c, i)) > 0;
    if (words > 1) {
        wtl_buf_puts(c->out, "<g");
        put_class(c, style);
        wtl_buf_puts(c->out, ">\n");
    }
    for (size_t i = 0, n; i < c->n_text; i += n + 1)
        if ((n = word_length(c, i)) > 0)
            put_word(c, &c->text[i], n, words > 1 ? 0 : style);
    if (words > 1)
        wtl_buf_puts(c->out, "</g>\n");
    return after;
}

/* --- the document ---------------------------------------------------------------------------- */

static bool defines_letter(const struct wtl_svg_tag *tag)
{
    struct wtl_view id = wtl_svg_attribute(tag, "id");
    return (wtl_view_is(tag->name, "symbol") || wtl_view_is(tag->name, "g")) && id.n > 5 &&
           memcmp(id.s, "glyph", 5) == 0;
}

/* One tag; returns what follows it and what belongs to it. */
static const char *copy_tag(struct copy *c, const struct wtl_svg_tag *tag)
{
    const char *after = NULL;
    if (wtl_view_is(tag->name, "path")) {
        put_path(c, tag);
        return tag->end;
    }
    end_path(c);
    if (defines_letter(tag))
        after = define_letter(c, tag);
    else if (wtl_view_is(tag->name, "clipPath"))
        after = define_clip(c, tag);
    else if (wtl_view_is(tag->name, "g") && !tag->empty)
        after = put_text(c, tag);
    if (after)
        return after;
    if (wtl_view_is(tag->name, "/svg") && c->rules.len)
        wtl_buf_printf(c->out, "<style>%s</style>\n", wtl_buf_str(&c->rules));
    put_tag(c, tag);
    return tag->end;
}

static bool copy_body(struct copy *c, const char *s)
{
    struct wtl_svg_tag tag;
    while (*(s += strspn(s, " \n"))) {
        if (*s != '<' || !wtl_svg_tag_read(s, &tag))
            return false;
        s = copy_tag(c, &tag);
    }
    return true;
}

/* From "<svg" to the title; returns what follows the tag in `in`, NULL when there is none. */
static const char *put_head(struct wtl_buf *out, const char *in, const char *title)
{
    const char *tag = strstr(in, "<svg");
    const char *end = tag ? strchr(tag, '>') : NULL;
    if (!end)
        return NULL;
    wtl_buf_add(out, in, (size_t)(tag - in));
    wtl_buf_puts(out, "<svg role=\"img\"");
    wtl_buf_add(out, tag + 4, (size_t)(end + 1 - tag - 4));
    if (title) {
        wtl_buf_puts(out, "<title>");
        wtl_escape_xml(out, title);
        wtl_buf_puts(out, "</title>");
    }
    wtl_buf_putc(out, '\n');
    return end + 1;
}

int wtl_svg_finish(struct wtl_alloc alloc, const char *in, const char *prefix, const char *title,
                   struct wtl_svg_shared *shared, struct wtl_buf *out, struct wtl_error *err)
{
    const char *body = put_head(out, in, title);
    if (!body)
        return WTL_FAIL(err, WTL_CORRUPT, "the drawing library wrote no SVG");
    struct copy c = {.shared = shared, .prefix = shared ? "" : prefix, .out = out};
    c.href = shared ? "href" : "xlink:href";
    wtl_arena_init(&c.arena, alloc);
    wtl_buf_init(&c.rules, alloc, out->max);
    wtl_buf_init(&c.scratch, alloc, out->max);
    c.shared = shared ? shared : wtl_svg_shared_new(&c.arena);
    bool whole = c.shared && copy_body(&c, body);
    bool failed = !c.shared || c.failed || c.rules.failed || c.scratch.failed || out->failed;
    wtl_buf_fini(&c.scratch);
    wtl_buf_fini(&c.rules);
    wtl_arena_fini(&c.arena);
    if (failed)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory writing an SVG");
    return whole ? 0 : WTL_FAIL(err, WTL_CORRUPT, "the drawing library wrote a broken SVG");
}

struct wtl_svg_shared *wtl_svg_shared_new(struct wtl_arena *arena)
{
    struct wtl_svg_shared *shared = WTL_NEW(arena, struct wtl_svg_shared);
    if (shared)
        shared->arena = arena;
    return shared;
}

const char *wtl_svg_inline(const char *svg)
{
    const char *tag = strstr(svg, "<svg");
    return tag ? tag : svg;
}
