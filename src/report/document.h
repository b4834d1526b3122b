/* SPDX-License-Identifier: Apache-2.0
 *
 * A document as a list of blocks: built once, rendered as HTML and as PDF. Texts are plain; the
 * renderers escape them. Everything lives in the arena of the document.
 *
 * Building never fails half-way for the caller: a lack of memory is kept and reported by
 * wtl_document_check().
 */
#ifndef WTL_REPORT_DOCUMENT_H
#define WTL_REPORT_DOCUMENT_H

#include "report/figure.h"

enum wtl_block_kind {
    WTL_BLOCK_HEADING,
    WTL_BLOCK_PARAGRAPH,
    WTL_BLOCK_BULLET,
    WTL_BLOCK_TABLE,
    WTL_BLOCK_FIGURE,
};

enum wtl_cell_kind {
    WTL_CELL_TEXT,
    WTL_CELL_NUMBER, /* to the right */
    WTL_CELL_STATUS, /* a plan's status, with its colour */
    WTL_CELL_CODE,   /* paths and hashes: may break anywhere */
};

struct wtl_column_head {
    const char *title;
    enum wtl_cell_kind kind;
};

struct wtl_doc_table {
    const char *caption; /* NULL: none */
    const struct wtl_column_head *columns;
    size_t n_columns;
    const char **cells; /* row by row */
    size_t n_rows, cap;
    bool folded;    /* HTML: shown on demand */
    size_t pdf_max; /* PDF: at most so many rows, and a line that says where the rest is; 0: all */
};

struct wtl_block {
    enum wtl_block_kind kind;
    int level;        /* of a heading: 1, 2 */
    const char *text; /* heading, paragraph, bullet */
    const char *id;   /* of a heading: link target */
    struct wtl_doc_table *table;
    const struct wtl_figure *figure;
};

struct wtl_document {
    struct wtl_arena *arena;
    const char *title;
    const char *subtitle;
    const char *tool;
    int64_t wall_ns;
    struct wtl_block *blocks;
    size_t n_blocks, cap;
    bool failed;
};

void wtl_document_init(struct wtl_document *d, struct wtl_arena *arena);
int wtl_document_check(const struct wtl_document *d, struct wtl_error *err);

void wtl_document_heading(struct wtl_document *d, int level, const char *text);
void wtl_document_paragraph(struct wtl_document *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void wtl_document_bullet(struct wtl_document *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A name that another figure of the document has already (slugs of names without a Latin letter
 * are all alike) gets "-2", "-3" ...: it becomes a file and an id. */
void wtl_document_figure(struct wtl_document *d, const struct wtl_figure *figure);

/* A table to be filled cell by cell, row by row. `columns` must outlive the document. NULL after
 * a failure; rows are then dropped. */
struct wtl_doc_table *wtl_document_table(struct wtl_document *d,
                                         const struct wtl_column_head *columns, size_t n_columns,
                                         const char *caption);
void wtl_document_row(struct wtl_document *d, struct wtl_doc_table *t, const char *const *cells);

/* The text with a hard blank between every number and its unit, so that no line ends there; done
 * with paragraphs, bullets and cells of text. "" after a failure. */
const char *wtl_document_bind(struct wtl_document *d, const char *text);

/* Text that lives as long as the document; "" after a failure. */
const char *wtl_document_printf(struct wtl_document *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
