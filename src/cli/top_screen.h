/* SPDX-License-Identifier: Apache-2.0
 *
 * A screen as a grid of cells: what `wattle top` draws on. Nobody here knows a terminal: a grid is
 * shown by curses, printed as plain text, or compared in a test. Text is UTF-8, cut at cells, never
 * across a wide character; controls become '?'.
 */
#ifndef WTL_CLI_TOP_SCREEN_H
#define WTL_CLI_TOP_SCREEN_H

#include "base/alloc.h"

#include <stdbool.h>
#include <stdio.h>

enum {
    TOP_ROWS_MAX = 500,
    TOP_COLUMNS_MAX = 1000,
    TOP_CELL_BYTES = 12, /* a letter with a mark or two */
};

/* What a cell means; the terminal decides on colours. */
enum top_style {
    TOP_PLAIN,
    TOP_TITLE,  /* names of devices */
    TOP_DIM,    /* labels, what is of less interest */
    TOP_VALUE,  /* figures */
    TOP_POWER,  /* bars and charts of power */
    TOP_LOAD,   /* of utilisation */
    TOP_MEMORY, /* of memory */
    TOP_GOOD,
    TOP_WARN, /* something holds the clock down */
    TOP_BAD,  /* does not answer, lost */
    TOP_HEAD, /* a bar across the screen: column titles, keys */
    TOP_HEAD_KEY,
    TOP_SELECTED, /* the line under the cursor */
    TOP_N_STYLES,
};

struct top_cell {
    char text[TOP_CELL_BYTES]; /* "" behind a wide character */
    unsigned char style;
};

struct top_screen {
    int rows, columns;
    bool ascii; /* only ASCII may be drawn */
    struct top_cell *cell;
    size_t capacity;
};

/* Blank, of that size, which is cut to the maxima. Keeps the memory when it fits. False: memory is
 * out, and the screen has no cells. */
bool top_screen_resize(struct top_screen *s, struct wtl_arena *arena, int rows, int columns);

void top_screen_clear(struct top_screen *s);

/* Writes at most `width` columns from (row, column) and returns how many were used. Outside of the
 * grid nothing is drawn. With `ascii`, what is not becomes '?', but for marks that have a stand-in
 * (° · … – µ). */
int top_put(struct top_screen *s, int row, int column, int width, enum top_style style,
            const char *text);
int top_printf(struct top_screen *s, int row, int column, int width, enum top_style style,
               const char *format, ...) __attribute__((format(printf, 6, 7)));

/* The same, ending at column + width. */
void top_put_right(struct top_screen *s, int row, int column, int width, enum top_style style,
                   const char *text);

/* One cell, its UTF-8 and what stands for it in ASCII. */
void top_glyph(struct top_screen *s, int row, int column, enum top_style style, const char *utf8,
               char ascii);

/* Gives cells another style, or blanks them first. */
void top_restyle(struct top_screen *s, int row, int column, int width, enum top_style style);
void top_fill(struct top_screen *s, int row, int column, int width, enum top_style style);

/* The grid as lines of text without the blanks at their ends; empty lines at the end are left out.
 */
void top_screen_print(const struct top_screen *s, FILE *out);

#endif
