/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of separated values, from blocks of whole lines as codec/input.h gives them. Quotes ("" for
 * a quote inside), CRLF, a byte order mark, blanks around cells. A cell may not contain a line end:
 * no trace or table of measurements has one, and a lost quote must not swallow the rest of a file.
 */
#ifndef WTL_CODEC_CSV_H
#define WTL_CODEC_CSV_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wtl_csv_cell {
    struct wtl_view text; /* without quotes and outer blanks; valid until the next call */
    int column;           /* byte of the line where it begins, from 1 */
    bool quoted;
};

/* What the next line is. Everything but ROW, COMMENT and END is for the caller to count as dropped
 * (the line number is set); blank lines are passed over. */
enum wtl_csv_kind {
    WTL_CSV_END,       /* of the block */
    WTL_CSV_ROW,       /* cells[0..n-1], n > 0 */
    WTL_CSV_COMMENT,   /* first character '#'; cell 0 is the whole line, '#' included */
    WTL_CSV_BAD_QUOTE, /* a quote that does not close, or text after a closing one */
    WTL_CSV_BINARY,    /* a NUL byte, or a line of WTL_LIMIT_LINE_BYTES or more */
    WTL_CSV_TOO_MANY,  /* more than WTL_LIMIT_COLUMNS cells */
};

/* Plain data. Set up with wtl_csv_init(), give it a block, take lines until END. */
struct wtl_csv {
    struct wtl_csv_cell *cells; /* of the line just returned */
    int n;
    int64_t line; /* its number, from 1 */
    bool unended; /* it had no line end: the last line of a file that may have been cut short */

    char separator;
    const char *at, *end; /* rest of the block */
    int64_t next_line;
    bool in_long_line; /* the block before ended inside a line over the limit */
    bool started;      /* the byte order mark is behind us */
    char *scratch;     /* cells with doubled quotes, unescaped */
    size_t scratch_used;
};

/* `separator` is ',', ';', TAB, or ' ' for runs of blanks. -WTL_NOMEM. */
int wtl_csv_init(struct wtl_csv *csv, struct wtl_arena *arena, char separator,
                 struct wtl_error *err);
void wtl_csv_block(struct wtl_csv *csv, const char *data, size_t n);
enum wtl_csv_kind wtl_csv_next(struct wtl_csv *csv);

/* The separator that the first line of `head` which is no comment is cut by: of ',' ';'
 * and TAB the one that occurs most often in it outside quotes, ',' where none does; NUL when
 * there is no such line. */
char wtl_csv_detect(const char *head, size_t n);

/* Appends a cell, quoted where it must be, and a separator before it unless it begins the row. */
void wtl_csv_put(struct wtl_buf *out, bool first, const char *text);
void wtl_csv_put_number(struct wtl_buf *out, bool first, double value);

#endif
