/* SPDX-License-Identifier: Apache-2.0
 * Tags and styles of SVG. */
#include "report/svg_style.h"

#include "report/svg.h"
#include "report/svg_path.h"

#include <math.h>
#include <string.h>

enum property {
    FILL,
    FILL_OPACITY,
    FILL_RULE,
    STROKE,
    STROKE_OPACITY,
    STROKE_WIDTH,
    STROKE_LINECAP,
    STROKE_LINEJOIN,
    STROKE_DASHARRAY,
    STROKE_DASHOFFSET,
    STROKE_MITERLIMIT,
    N_PROPERTIES
};

static const char *const properties[] = {
    "fill",
    "fill-opacity",
    "fill-rule",
    "stroke",
    "stroke-opacity",
    "stroke-width",
    "stroke-linecap",
    "stroke-linejoin",
    "stroke-dasharray",
    "stroke-dashoffset",
    "stroke-miterlimit",
};

bool wtl_svg_tag_read(const char *s, struct wtl_svg_tag *out)
{
    *out = (struct wtl_svg_tag){.text = s, .name = {s + 1, strcspn(s + 1, " \n/>")}};
    if (s[1] == '/')
        out->name.n = 1 + strcspn(s + 2, " \n/>");
    s = out->name.s + out->name.n;
    for (;;) {
        s += strspn(s, " \n");
        size_t n = strcspn(s, "= \n/>");
        if (n == 0 || s[n] != '=' || s[n + 1] != '"')
            break;
        const char *value = s + n + 2;
        size_t length = strcspn(value, "\"");
        if (value[length] != '"' || out->n == WTL_SVG_ATTRIBUTES_MAX)
            return false;
        out->attributes[out->n++] = (struct wtl_svg_attribute){{s, n}, {value, length}};
        s = value + length + 1;
    }
    out->empty = *s == '/';
    s += out->empty;
    out->end = s + 1;
    return *s == '>';
}

struct wtl_view wtl_svg_attribute(const struct wtl_svg_tag *tag, const char *name)
{
    for (size_t i = 0; i < tag->n; i++)
        if (wtl_view_is(tag->attributes[i].name, name))
            return tag->attributes[i].value;
    return (struct wtl_view){"", 0};
}

static int property_of(struct wtl_view name)
{
    for (int i = 0; i < N_PROPERTIES; i++)
        if (wtl_view_is(name, properties[i]))
            return i;
    return -1;
}

bool wtl_svg_is_style(struct wtl_view name)
{
    return wtl_view_is(name, "style") || property_of(name) >= 0;
}

/* "fill:none;stroke:..." into values by property. */
static bool read_declarations(struct wtl_view text, struct wtl_view values[N_PROPERTIES])
{
    const char *s = text.s, *end = text.s + text.n;
    while (s < end) {
        const char *stop = memchr(s, ';', (size_t)(end - s));
        stop = stop ? stop : end;
        const char *colon = memchr(s, ':', (size_t)(stop - s));
        if (colon) {
            struct wtl_view name = wtl_view_trim((struct wtl_view){s, (size_t)(colon - s)});
            int p = property_of(name);
            if (p < 0)
                return false;
            values[p] = wtl_view_trim((struct wtl_view){colon + 1, (size_t)(stop - colon - 1)});
        }
        s = stop + (stop < end);
    }
    return true;
}

/* The next number of "10%, 20%, 30%)" as 0..255; -1: there is none. */
static int next_share(struct wtl_view *v)
{
    double percent;
    while (v->n && (*v->s == ' ' || *v->s == ','))
        v->s++, v->n--;
    const char *sign = memchr(v->s, '%', v->n);
    size_t n = sign ? (size_t)(sign - v->s) : 0;
    if (!sign || !wtl_parse_double(v->s, n, &percent))
        return -1;
    v->s += n + 1;
    v->n -= n + 1;
    return (int)lround(fmin(fmax(percent, 0), 100) * 2.55);
}

/* "rgb(10%, 20%, 30%)" as "#1a334d"; anything else as it is. */
static void put_color(struct wtl_buf *out, struct wtl_view v)
{
    int byte[3] = {-1, -1, -1};
    if (v.n > 4 && memcmp(v.s, "rgb(", 4) == 0) {
        struct wtl_view rest = {v.s + 4, v.n - 4};
        for (int i = 0; i < 3; i++)
            byte[i] = next_share(&rest);
    }
    if (byte[0] < 0 || byte[1] < 0 || byte[2] < 0)
        wtl_buf_add(out, v.s, v.n);
    else if (byte[0] % 17 == 0 && byte[1] % 17 == 0 && byte[2] % 17 == 0)
        wtl_buf_printf(out, "#%x%x%x", (unsigned)byte[0] / 17, (unsigned)byte[1] / 17,
                       (unsigned)byte[2] / 17);
    else
        wtl_buf_printf(out, "#%02x%02x%02x", (unsigned)byte[0], (unsigned)byte[1],
                       (unsigned)byte[2]);
}

/* Numbers in hundredths, lists separated by commas. */
static void put_numbers(struct wtl_buf *out, struct wtl_view v)
{
    while (v.n) {
        size_t n = 0;
        int64_t number;
        while (n < v.n && v.s[n] != ',' && v.s[n] != ' ')
            n++;
        if (n && wtl_svg_hundredths((struct wtl_view){v.s, n}, &number))
            wtl_svg_number(out, number);
        else
            wtl_buf_add(out, v.s, n);
        v.s += n;
        v.n -= n;
        if (v.n && v.s[0] == ',')
            wtl_buf_putc(out, ',');
        v.s += v.n > 0;
        v.n -= v.n > 0;
    }
}

static bool is_default(enum property p, struct wtl_view v)
{
    switch (p) {
    case FILL_OPACITY:
    case STROKE_OPACITY:
        return wtl_view_is(v, "1");
    case FILL_RULE:
        return wtl_view_is(v, "nonzero");
    case STROKE:
        return wtl_view_is(v, "none");
    case STROKE_DASHOFFSET:
        return wtl_view_is(v, "0");
    case STROKE_MITERLIMIT:
        return true;
    case FILL:
    case STROKE_WIDTH:
    case STROKE_LINECAP:
    case STROKE_LINEJOIN:
    case STROKE_DASHARRAY:
    case N_PROPERTIES:
        return false;
    }
    return false;
}

static bool is_halo(const struct wtl_view values[N_PROPERTIES])
{
    int64_t opacity;
    return values[STROKE].n == 0 && values[FILL_OPACITY].n &&
           wtl_svg_hundredths(values[FILL_OPACITY], &opacity) &&
           opacity == (int64_t)(WTL_SVG_HALO_OPACITY * 100 + 0.5);
}

static void put_values(struct wtl_buf *out, const struct wtl_view values[N_PROPERTIES])
{
    const char *separator = "";
    for (int p = 0; p < N_PROPERTIES; p++) {
        if (values[p].n == 0 || is_default((enum property)p, values[p]))
            continue;
        wtl_buf_printf(out, "%s%s:", separator, properties[p]);
        if (p == FILL || p == STROKE)
            put_color(out, values[p]);
        else
            put_numbers(out, values[p]);
        separator = ";";
    }
    if (is_halo(values)) {
        wtl_buf_puts(out, ";stroke:");
        put_color(out, values[FILL]);
        wtl_buf_puts(out, ";stroke-opacity:");
        put_numbers(out, values[FILL_OPACITY]);
        wtl_buf_puts(out, ";stroke-width:2;stroke-linejoin:round");
    }
}

bool wtl_svg_style(const struct wtl_svg_tag *tag, struct wtl_buf *out, bool *opaque_out)
{
    struct wtl_view values[N_PROPERTIES] = {{NULL, 0}};
    for (size_t i = 0; i < tag->n; i++) {
        const struct wtl_svg_attribute *a = &tag->attributes[i];
        int p = property_of(a->name);
        if (p >= 0)
            values[p] = a->value;
        else if (wtl_view_is(a->name, "style") && !read_declarations(a->value, values))
            return false;
        if (wtl_svg_is_style(a->name) && memmem(a->value.s, a->value.n, "url(", 4))
            return false;
    }
    put_values(out, values);
    *opaque_out =
        (values[FILL_OPACITY].n == 0 || is_default(FILL_OPACITY, values[FILL_OPACITY])) &&
        (values[STROKE_OPACITY].n == 0 || is_default(STROKE_OPACITY, values[STROKE_OPACITY])) &&
        (values[FILL_RULE].n == 0 || is_default(FILL_RULE, values[FILL_RULE]));
    return true;
}
