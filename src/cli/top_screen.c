/* SPDX-License-Identifier: Apache-2.0
 * The grid of cells. */
#include "cli/top_screen.h"

#include "base/columns.h"
#include "base/text.h"

#include <stdarg.h>
#include <string.h>

static struct top_cell *at(const struct top_screen *s, int row, int column)
{
    return &s->cell[(size_t)row * (size_t)s->columns + (size_t)column];
}

static bool inside(const struct top_screen *s, int row, int column)
{
    return row >= 0 && row < s->rows && column >= 0 && column < s->columns;
}

static void set(struct top_cell *c, const char *text, size_t n, enum top_style style)
{
    memcpy(c->text, text, n);
    c->text[n] = '\0';
    c->style = (unsigned char)style;
}

bool top_screen_resize(struct top_screen *s, struct wtl_arena *arena, int rows, int columns)
{
    rows = rows < 0 ? 0 : rows > TOP_ROWS_MAX ? TOP_ROWS_MAX : rows;
    columns = columns < 0 ? 0 : columns > TOP_COLUMNS_MAX ? TOP_COLUMNS_MAX : columns;
    size_t need = (size_t)rows * (size_t)columns;
    if (need > s->capacity) {
        struct top_cell *cell = WTL_RAW_ARRAY(arena, struct top_cell, need);
        s->rows = s->columns = 0;
        if (!cell)
            return false;
        s->cell = cell;
        s->capacity = need;
    }
    s->rows = rows;
    s->columns = columns;
    top_screen_clear(s);
    return true;
}

void top_screen_clear(struct top_screen *s)
{
    for (int row = 0; row < s->rows; row++)
        top_fill(s, row, 0, s->columns, TOP_PLAIN);
}

void top_fill(struct top_screen *s, int row, int column, int width, enum top_style style)
{
    for (int i = 0; i < width; i++)
        if (inside(s, row, column + i))
            set(at(s, row, column + i), " ", 1, style);
}

void top_restyle(struct top_screen *s, int row, int column, int width, enum top_style style)
{
    for (int i = 0; i < width; i++)
        if (inside(s, row, column + i))
            at(s, row, column + i)->style = (unsigned char)style;
}

/* What stands for a character where only ASCII may. */
static char stand_in(const char *text, size_t n)
{
    static const struct {
        const char *utf8;
        char ascii;
    } marks[] = {{"\u00b7", '-'}, {"\u2026", '~'}, {"\u2013", '-'}, {"\u00b5", 'u'},
                 {"\u25b8", '>'}, {"\u2502", '|'}, {"\u2500", '-'}, {"\u251c", '|'},
                 {"\u2514", '`'}, {"\u25be", 'v'}, {"\u25b4", '^'}};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (strlen(marks[i].utf8) == n && memcmp(text, marks[i].utf8, n) == 0)
            return marks[i].ascii;
    return '?';
}

/* Draws the character at `text` and returns its columns. */
static int put_one(struct top_screen *s, int row, int column, int room, enum top_style style,
                   const char *text, size_t n)
{
    static const char degree[] = "\u00b0";
    int width = wtl_columns_of_bytes(text, n);
    if (width > room || !inside(s, row, column))
        return -1;
    if (width == 0) { /* a mark on the one before */
        struct top_cell *c = column > 0 ? at(s, row, column - 1) : NULL;
        size_t used = c ? strlen(c->text) : 0;
        if (c && !s->ascii && used + n < TOP_CELL_BYTES)
            memcpy(c->text + used, text, n + 1), c->text[used + n] = '\0';
        return 0;
    }
    struct top_cell *c = at(s, row, column);
    unsigned char first = (unsigned char)text[0];
    if (n == 1)
        set(c, first < 0x20 || first >= 0x7f ? "?" : text, 1, style);
    else if (!s->ascii)
        set(c, text, n, style);
    else if (strncmp(text, degree, n) == 0)
        return 0; /* "61 C" */
    else
        set(c, (char[2]){stand_in(text, n), '\0'}, 1, style);
    for (int i = 1; i < width && inside(s, row, column + i); i++)
        set(at(s, row, column + i), s->ascii ? "?" : "", s->ascii ? 1 : 0, style);
    return width;
}

int top_put(struct top_screen *s, int row, int column, int width, enum top_style style,
            const char *text)
{
    int used = 0;
    while (*text) {
        size_t n = wtl_utf8_sequence(text);
        int w = put_one(s, row, column + used, width - used, style, text, n ? n : 1);
        if (w < 0)
            break;
        used += w;
        text += n ? n : 1;
    }
    return used;
}

int top_printf(struct top_screen *s, int row, int column, int width, enum top_style style,
               const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return top_put(s, row, column, width, style, text);
}

void top_put_right(struct top_screen *s, int row, int column, int width, enum top_style style,
                   const char *text)
{
    int columns = wtl_columns(text);
    if (s->ascii && strstr(text, "\u00b0"))
        columns--;
    int skip = columns < width ? width - columns : 0;
    top_put(s, row, column + skip, width - skip, style, text);
}

void top_glyph(struct top_screen *s, int row, int column, enum top_style style, const char *utf8,
               char ascii)
{
    if (!inside(s, row, column))
        return;
    if (s->ascii)
        set(at(s, row, column), &ascii, 1, style);
    else
        set(at(s, row, column), utf8, strlen(utf8), style);
}

static int used_columns(const struct top_screen *s, int row)
{
    int n = s->columns;
    while (n > 0 && strcmp(at(s, row, n - 1)->text, " ") == 0)
        n--;
    return n;
}

void top_screen_print(const struct top_screen *s, FILE *out)
{
    int rows = s->rows;
    while (rows > 0 && used_columns(s, rows - 1) == 0)
        rows--;
    for (int row = 0; row < rows; row++) {
        int n = used_columns(s, row);
        for (int column = 0; column < n; column++)
            fputs(at(s, row, column)->text, out);
        fputc('\n', out);
    }
}
