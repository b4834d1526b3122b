/* SPDX-License-Identifier: Apache-2.0
 * Layout of tables. */
#include "cli/table.h"

#include "base/columns.h"
#include "base/text.h"
#include "cli/charset.h"

#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { GAP = 2, NARROW_GAP = 1, NARROWEST = 8 };

struct wtl_table {
    struct wtl_arena *arena;
    const struct wtl_table_column *columns;
    int n_columns;
    const char **cells; /* row by row */
    size_t n, cap;
    int *width;
    int gap;    /* between columns */
    bool ascii; /* nothing else is drawn */
    bool failed;
};

struct wtl_table *wtl_table_new(struct wtl_arena *arena, const struct wtl_table_column *columns,
                                int n)
{
    struct wtl_table *t = WTL_NEW(arena, struct wtl_table);
    int *width = WTL_NEW_ARRAY(arena, int, (size_t)n);
    if (!t || !width)
        return NULL;
    *t = (struct wtl_table){.arena = arena, .columns = columns, .n_columns = n, .width = width};
    return t;
}

void wtl_table_put(struct wtl_table *t, const char *text)
{
    char *copy = wtl_arena_strdup(t->arena, text ? text : "");
    if (copy)
        wtl_replace_controls(copy);
    if (!copy || wtl_grow(t->arena, &t->cells, t->n, &t->cap) != 0)
        t->failed = true;
    else
        t->cells[t->n++] = copy;
}

void wtl_table_printf(struct wtl_table *t, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    wtl_table_put(t, text);
}

void wtl_table_number(struct wtl_table *t, bool known, double value, int decimals)
{
    if (known)
        wtl_table_printf(t, "%.*f", decimals, value);
    else
        wtl_table_put(t, "-");
}

int wtl_table_rows(const struct wtl_table *t)
{
    return (int)((t->n + (size_t)t->n_columns - 1) / (size_t)t->n_columns);
}

static void widen(struct wtl_table *t, int column, const char *text)
{
    int n = text ? wtl_columns(text) : 0;
    if (n > t->width[column])
        t->width[column] = n;
}

static int total_width(const struct wtl_table *t)
{
    int total = t->gap * (t->n_columns - 1);
    for (int i = 0; i < t->n_columns; i++)
        total += t->width[i];
    return total;
}

/* Takes columns from the widest text until the page fits or every text is at its narrowest; whether
 * it fits then. */
static bool shrink(struct wtl_table *t, int page)
{
    for (int over = total_width(t) - page; over > 0; over--) {
        int widest = -1;
        for (int i = 0; i < t->n_columns; i++)
            if (!t->columns[i].number && t->width[i] > NARROWEST &&
                (widest < 0 || t->width[i] > t->width[widest]))
                widest = i;
        if (widest < 0)
            return false;
        t->width[widest]--;
    }
    return true;
}

static void measure_cells(struct wtl_table *t)
{
    for (int i = 0; i < t->n_columns; i++) {
        t->width[i] = 0;
        widen(t, i, t->columns[i].title);
        widen(t, i, t->columns[i].unit);
    }
    for (size_t k = 0; k < t->n; k++)
        widen(t, (int)(k % (size_t)t->n_columns), t->cells[k]);
}

/* Where cut texts do not help, columns stand closer, and the texts are cut less. */
static void measure(struct wtl_table *t, int page)
{
    t->gap = GAP;
    measure_cells(t);
    if (shrink(t, page))
        return;
    t->gap = NARROW_GAP;
    measure_cells(t);
    shrink(t, page);
}

static void put_spaces(int n, FILE *out)
{
    if (n > 0)
        fprintf(out, "%*s", n, "");
}

/* `last`: no blanks behind it. */
static void put_cell(const struct wtl_table *t, int column, const char *text, bool last, FILE *out)
{
    int width = t->width[column];
    int n = wtl_columns(text);
    const char *cut = t->ascii ? "~" : "\u2026"; /* one column */
    if (n > width && t->columns[column].keep_end) {
        const char *end = text + wtl_columns_end(text, width - 1);
        fprintf(out, "%s%s", cut, end);
        n = 1 + wtl_columns(end);
    } else if (n > width) {
        size_t start = wtl_columns_start(text, width - 1);
        fprintf(out, "%.*s%s", (int)start, text, cut);
        n = wtl_columns_of_bytes(text, start) + 1;
    } else {
        if (t->columns[column].number)
            put_spaces(width - n, out);
        fputs(text, out);
    }
    if (!last)
        put_spaces(t->gap + (t->columns[column].number ? 0 : width - n), out);
}

/* `pick`: the text of a column. Trailing empty cells leave no blanks. */
static void put_row(const struct wtl_table *t, const char *const *texts, int indent, FILE *out)
{
    int n = t->n_columns;
    while (n > 0 && texts[n - 1][0] == '\0')
        n--;
    if (n > 0)
        put_spaces(indent, out);
    for (int i = 0; i < n; i++)
        put_cell(t, i, texts[i], i == n - 1, out);
    fputc('\n', out);
}

static int put_head(const struct wtl_table *t, int indent, FILE *out)
{
    const char **texts = WTL_NEW_ARRAY(t->arena, const char *, (size_t)t->n_columns);
    if (!texts)
        return -1;
    bool units = false;
    for (int i = 0; i < t->n_columns; i++) {
        texts[i] = t->columns[i].title;
        units = units || (t->columns[i].unit && t->columns[i].unit[0]);
    }
    put_row(t, texts, indent, out);
    for (int i = 0; i < t->n_columns; i++)
        texts[i] = t->columns[i].unit ? t->columns[i].unit : "";
    if (units)
        put_row(t, texts, indent, out);
    put_spaces(indent, out);
    for (int k = 0; k < total_width(t); k++)
        fputs(t->ascii ? "-" : "\u2500", out);
    fputc('\n', out);
    return 0;
}

int wtl_page_width(FILE *out, int max)
{
    struct winsize size;
    int fd = fileno(out);
    if (fd < 0 || !isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col < 40)
        return max;
    return size.ws_col < max ? size.ws_col : max;
}

int wtl_table_print(struct wtl_table *t, int indent, int width, FILE *out, struct wtl_error *err)
{
    t->ascii = !wtl_locale_has_utf8();
    while (!t->failed && t->n % (size_t)t->n_columns)
        wtl_table_put(t, "");
    if (!t->failed && t->n == 0)
        return 0;
    if (!t->failed)
        measure(t, wtl_page_width(out, width) - indent);
    if (t->failed || put_head(t, indent, out) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory laying out a table");
    for (size_t row = 0; row < t->n; row += (size_t)t->n_columns)
        put_row(t, t->cells + row, indent, out);
    if (ferror(out))
        return WTL_FAIL(err, WTL_IO, "cannot write to standard output");
    return 0;
}
