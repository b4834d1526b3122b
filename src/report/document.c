/* SPDX-License-Identifier: Apache-2.0
 * Building of documents. */
#include "report/document.h"

#include "report/escape.h"

#include "base/units.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void wtl_document_init(struct wtl_document *d, struct wtl_arena *arena)
{
    *d = (struct wtl_document){.arena = arena, .title = "", .subtitle = "", .tool = "wattle"};
}

int wtl_document_check(const struct wtl_document *d, struct wtl_error *err)
{
    return d->failed || d->arena->failed
               ? WTL_FAIL(err, WTL_NOMEM, "out of memory making the report")
               : 0;
}

static void add(struct wtl_document *d, struct wtl_block block)
{
    if (d->failed || wtl_grow(d->arena, &d->blocks, d->n_blocks, &d->cap)) {
        d->failed = true;
        return;
    }
    d->blocks[d->n_blocks++] = block;
}

__attribute__((format(printf, 2, 0))) static const char *vprint(struct wtl_document *d,
                                                                const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *text = n < 0 ? NULL : wtl_arena_calloc(d->arena, (size_t)n + 1, 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    if (!text)
        d->failed = true;
    return text ? text : "";
}

const char *wtl_document_printf(struct wtl_document *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = vprint(d, format, args);
    va_end(args);
    return text;
}

void wtl_document_heading(struct wtl_document *d, int level, const char *text)
{
    char slug[80];
    wtl_slug(text, slug, sizeof slug);
    const char *id = wtl_document_printf(d, "s%zu-%s", d->n_blocks, slug);
    const char *copy = wtl_document_printf(d, "%s", text);
    add(d, (struct wtl_block){.kind = WTL_BLOCK_HEADING, .level = level, .text = copy, .id = id});
}

const char *wtl_document_bind(struct wtl_document *d, const char *text)
{
    size_t n = 0, more = 0;
    for (; text[n]; n++)
        more += wtl_unit_follows(text, n);
    char *bound = wtl_arena_calloc(d->arena, n + more + 1, 1);
    if (!bound) {
        d->failed = true;
        return "";
    }
    for (size_t i = 0, to = 0; i < n; i++)
        if (wtl_unit_follows(text, i)) {
            bound[to++] = '\xc2';
            bound[to++] = '\xa0';
        } else {
            bound[to++] = text[i];
        }
    return bound;
}

void wtl_document_paragraph(struct wtl_document *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = wtl_document_bind(d, vprint(d, format, args));
    va_end(args);
    add(d, (struct wtl_block){.kind = WTL_BLOCK_PARAGRAPH, .text = text});
}

void wtl_document_bullet(struct wtl_document *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = wtl_document_bind(d, vprint(d, format, args));
    va_end(args);
    add(d, (struct wtl_block){.kind = WTL_BLOCK_BULLET, .text = text});
}

static bool has_figure(const struct wtl_document *d, const char *name)
{
    for (size_t i = 0; i < d->n_blocks; i++)
        if (d->blocks[i].kind == WTL_BLOCK_FIGURE && strcmp(d->blocks[i].figure->name, name) == 0)
            return true;
    return false;
}

static const struct wtl_figure *renamed(struct wtl_document *d, const struct wtl_figure *figure)
{
    struct wtl_figure *copy = wtl_arena_memdup(d->arena, figure, sizeof *figure);
    for (int k = 2; copy && !d->failed && has_figure(d, copy->name); k++)
        copy->name = wtl_document_printf(d, "%s-%d", figure->name, k);
    d->failed |= !copy;
    return copy;
}

void wtl_document_figure(struct wtl_document *d, const struct wtl_figure *figure)
{
    if (has_figure(d, figure->name))
        figure = renamed(d, figure);
    add(d, (struct wtl_block){.kind = WTL_BLOCK_FIGURE, .figure = figure});
}

struct wtl_doc_table *wtl_document_table(struct wtl_document *d,
                                         const struct wtl_column_head *columns, size_t n_columns,
                                         const char *caption)
{
    struct wtl_doc_table *t = WTL_NEW(d->arena, struct wtl_doc_table);
    if (!t) {
        d->failed = true;
        return NULL;
    }
    *t = (struct wtl_doc_table){.caption = caption, .columns = columns, .n_columns = n_columns};
    add(d, (struct wtl_block){.kind = WTL_BLOCK_TABLE, .table = t});
    return t;
}

void wtl_document_row(struct wtl_document *d, struct wtl_doc_table *t, const char *const *cells)
{
    for (size_t i = 0; !d->failed && i < t->n_columns; i++) {
        size_t n = t->n_rows * t->n_columns + i;
        bool prose = t->columns[i].kind == WTL_CELL_TEXT;
        const char *cell = cells[i] ? cells[i] : "";
        const char *copy = prose ? wtl_document_bind(d, cell) : wtl_arena_strdup(d->arena, cell);
        if (!copy || wtl_grow(d->arena, &t->cells, n, &t->cap)) {
            d->failed = true;
            return;
        }
        t->cells[n] = copy;
    }
    if (!d->failed)
        t->n_rows++;
}
