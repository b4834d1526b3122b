/* SPDX-License-Identifier: Apache-2.0
 * Path data of SVG in few bytes. */
#include "report/svg_path.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool wtl_svg_hundredths(struct wtl_view v, int64_t *out)
{
    double value;
    if (!wtl_parse_double(v.s, v.n, &value) || !(fabs(value) < 1e9))
        return false;
    *out = llround(value * 100);
    return true;
}

void wtl_svg_number(struct wtl_buf *out, int64_t v)
{
    char text[40];
    const char *sign = v < 0 ? "-" : "";
    int64_t whole = (v < 0 ? -v : v) / 100, part = (v < 0 ? -v : v) % 100;
    const char *blank =
        v >= 0 && out->len && strchr("0123456789.", out->data[out->len - 1]) ? " " : "";
    if (part == 0)
        snprintf(text, sizeof text, "%s%s%lld", blank, sign, (long long)whole);
    else
        snprintf(text, sizeof text, part % 10 ? "%s%s%.0lld.%02d" : "%s%s%.0lld.%d", blank, sign,
                 (long long)whole, (int)(part % 10 ? part : part / 10));
    wtl_buf_puts(out, text);
}

static void command(struct wtl_buf *out, struct wtl_svg_pen *pen, char letter)
{
    if (pen->command != letter)
        wtl_buf_putc(out, letter);
    pen->command = letter;
}

/* Relative to the pen; `p` holds n points. The last one is where the pen then stands. */
static void points(struct wtl_buf *out, struct wtl_svg_pen *pen, const int64_t *p, int n)
{
    for (int i = 0; i < n; i++) {
        wtl_svg_number(out, p[2 * i] - pen->x);
        wtl_svg_number(out, p[2 * i + 1] - pen->y);
    }
    pen->x = p[2 * n - 2];
    pen->y = p[2 * n - 1];
}

static void line(struct wtl_buf *out, struct wtl_svg_pen *pen, const int64_t *p)
{
    if (p[1] == pen->y) {
        command(out, pen, 'h');
        wtl_svg_number(out, p[0] - pen->x);
    } else if (p[0] == pen->x) {
        command(out, pen, 'v');
        wtl_svg_number(out, p[1] - pen->y);
    } else {
        command(out, pen, 'l');
        points(out, pen, p, 1);
    }
    pen->x = p[0];
    pen->y = p[1];
}

/* The first point of a path is absolute, later ones are relative. A second "m" behind a first would
 * be read as a line: the letter is always written. */
static void move(struct wtl_buf *out, struct wtl_svg_pen *pen, const int64_t *p)
{
    pen->command = 0;
    wtl_buf_putc(out, pen->begun ? 'm' : 'M');
    points(out, pen, p, 1);
    pen->begun = true;
    pen->start_x = p[0];
    pen->start_y = p[1];
}

static void close_path(struct wtl_buf *out, struct wtl_svg_pen *pen)
{
    wtl_buf_putc(out, 'z');
    pen->command = 0;
    pen->x = pen->start_x;
    pen->y = pen->start_y;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n';
}

/* The next command: its letter and up to 6 numbers, in hundredths. 0 at the end, -1 for what is not
 * understood. */
static int next(struct wtl_view *d, int64_t number[6])
{
    while (d->n && is_blank(*d->s))
        d->s++, d->n--;
    if (d->n == 0)
        return 0;
    char letter = *d->s++;
    d->n--;
    int wanted = letter == 'C' ? 6 : letter == 'M' || letter == 'L' ? 2 : letter == 'Z' ? 0 : -1;
    for (int i = 0; i < wanted; i++) {
        while (d->n && is_blank(*d->s))
            d->s++, d->n--;
        size_t n = 0;
        while (n < d->n && !is_blank(d->s[n]))
            n++;
        if (n == 0 || !wtl_svg_hundredths((struct wtl_view){d->s, n}, &number[i]))
            return -1;
        d->s += n;
        d->n -= n;
    }
    return wanted < 0 ? -1 : letter;
}

static bool understood(struct wtl_view d)
{
    int64_t number[6];
    int letter;
    while ((letter = next(&d, number)) > 0)
        ;
    return letter == 0;
}

bool wtl_svg_path_add(struct wtl_buf *out, struct wtl_svg_pen *pen, struct wtl_view d)
{
    int64_t number[6], to[2];
    bool moved = false; /* a move that nothing follows draws nothing and is not written */
    if (!understood(d))
        return false;
    for (int letter; (letter = next(&d, number)) > 0;) {
        if (letter == 'M') {
            moved = true;
            memcpy(to, number, sizeof to);
            continue;
        }
        if (moved)
            move(out, pen, to);
        moved = false;
        if (letter == 'L') {
            line(out, pen, number);
        } else if (letter == 'C') {
            command(out, pen, 'c');
            points(out, pen, number, 3);
        } else {
            close_path(out, pen);
        }
    }
    return true;
}
