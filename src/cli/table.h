/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables for people: a row of titles, a row of units, a rule, then the rows; text to the left,
 * numbers to the right. Where the page is too narrow, the widest text columns are cut with an
 * ellipsis, and where that is not enough columns stand closer; numbers are never cut. Text is
 * UTF-8; wide characters take two columns (base/columns.h). Rule and ellipsis are ASCII ("-", "~")
 * where the locale has no UTF-8 (cli/charset.h).
 */
#ifndef WTL_CLI_TABLE_H
#define WTL_CLI_TABLE_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdio.h>

enum { WTL_TABLE_WIDTH = 100 };

struct wtl_table_column {
    const char *title;
    const char *unit; /* NULL or "": none */
    bool number;      /* to the right, never cut */
    bool keep_end;    /* cut at the front: paths, whose end tells more */
};

struct wtl_table;

/* `columns` must outlive the table. NULL when memory is out. */
struct wtl_table *wtl_table_new(struct wtl_arena *arena, const struct wtl_table_column *columns,
                                int n);

/* The next cell, row by row. Texts are copied. Failure is sticky and shows at the print. NULL or ""
 * is an empty cell. */
void wtl_table_put(struct wtl_table *t, const char *text);
void wtl_table_printf(struct wtl_table *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A number with so many decimals, or "-" where there is none. */
void wtl_table_number(struct wtl_table *t, bool known, double value, int decimals);

/* The number of rows begun so far. */
int wtl_table_rows(const struct wtl_table *t);

/* The width of the page: that of the terminal behind `out`, if it is one and narrower than `max`.
 */
int wtl_page_width(FILE *out, int max);

/* Writes the table, indented by `indent`, at most `width` columns (and the terminal) wide in all
 * where texts can give way. An unfinished last row is filled with empty cells. Nothing for a table
 * without rows. */
int wtl_table_print(struct wtl_table *t, int indent, int width, FILE *out, struct wtl_error *err);

#endif
