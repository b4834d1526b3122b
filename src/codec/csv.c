/* SPDX-License-Identifier: Apache-2.0
 * Splitting lines into cells. */
#include "codec/csv.h"

#include <string.h>

static const char bom[] = "\xef\xbb\xbf";

int wtl_csv_init(struct wtl_csv *csv, struct wtl_arena *arena, char separator,
                 struct wtl_error *err)
{
    struct wtl_csv fresh = {.separator = separator, .next_line = 1};
    fresh.cells = WTL_NEW_ARRAY(arena, struct wtl_csv_cell, WTL_LIMIT_COLUMNS);
    fresh.scratch = wtl_arena_calloc(arena, 1, WTL_LIMIT_LINE_BYTES);
    if (!fresh.cells || !fresh.scratch)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    *csv = fresh;
    return 0;
}

void wtl_csv_block(struct wtl_csv *csv, const char *data, size_t n)
{
    /* Blocks end at line ends, except inside a line over the limit: what follows is its rest. */
    csv->in_long_line = csv->in_long_line || (csv->unended && n > 0);
    csv->unended = false;
    csv->at = data;
    csv->end = data + n;
    if (!csv->started && n >= 3 && memcmp(data, bom, 3) == 0)
        csv->at += 3;
    csv->started = csv->started || n > 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *p, const char *end, char separator)
{
    while (p < end && is_blank(*p) && *p != separator)
        p++;
    return p;
}

/* From the opening quote at `p` to behind the closing one, or NULL when there is none. */
static const char *quoted_cell(struct wtl_csv *csv, const char *p, const char *end,
                               struct wtl_csv_cell *cell)
{
    const char *from = ++p;
    bool doubled = false;
    for (;; p++) {
        p = p < end ? memchr(p, '"', (size_t)(end - p)) : NULL;
        if (!p)
            return NULL;
        if (p + 1 < end && p[1] == '"') {
            doubled = true;
            p++;
            continue;
        }
        break;
    }
    cell->quoted = true;
    cell->text = (struct wtl_view){from, (size_t)(p - from)};
    if (doubled) {
        char *copy = csv->scratch + csv->scratch_used;
        size_t n = 0;
        for (const char *q = from; q < p; q++) {
            copy[n++] = *q;
            q += *q == '"';
        }
        csv->scratch_used += n;
        cell->text = (struct wtl_view){copy, n};
    }
    return p + 1;
}

/* One cell from `p`; returns the separator behind it or `end`, NULL on a bad quote. */
static const char *plain_or_quoted(struct wtl_csv *csv, const char *line, const char *p,
                                   const char *end, struct wtl_csv_cell *cell)
{
    p = skip_blanks(p, end, csv->separator);
    *cell = (struct wtl_csv_cell){.text = {p, 0}, .column = (int)(p - line) + 1};
    if (p < end && *p == '"') {
        p = quoted_cell(csv, p, end, cell);
        if (!p)
            return NULL;
        p = csv->separator == ' ' ? p : skip_blanks(p, end, csv->separator);
        return p == end || *p == csv->separator ? p : NULL;
    }
    const char *stop = memchr(p, csv->separator, (size_t)(end - p));
    if (!stop)
        stop = end;
    if (csv->separator == ' ') /* a tab parts cells too */
        for (const char *q = p; q < stop; q++)
            if (*q == '\t')
                stop = q;
    const char *last = stop;
    while (last > p && is_blank(last[-1]))
        last--;
    cell->text.n = (size_t)(last - p);
    return stop;
}

static enum wtl_csv_kind split(struct wtl_csv *csv, const char *line, const char *end)
{
    const char *p = line;
    bool blanks = csv->separator == ' ';
    for (;;) {
        while (blanks && p < end && is_blank(*p))
            p++;
        if (blanks && p == end)
            return WTL_CSV_ROW;
        if (csv->n == WTL_LIMIT_COLUMNS)
            return WTL_CSV_TOO_MANY;
        p = plain_or_quoted(csv, line, p, end, &csv->cells[csv->n]);
        if (!p)
            return WTL_CSV_BAD_QUOTE;
        csv->n++;
        if (p == end)
            return WTL_CSV_ROW;
        p += !blanks;
    }
}

/* Takes the next line off the block, without its end; false at the end of the block. */
static bool take_line(struct wtl_csv *csv, const char **line, const char **end)
{
    if (csv->at == csv->end)
        return false;
    size_t rest = (size_t)(csv->end - csv->at);
    const char *stop = memchr(csv->at, '\n', rest);
    csv->unended = !stop;
    *line = csv->at;
    *end = stop ? stop : csv->end;
    csv->at = stop ? stop + 1 : csv->end;
    csv->line = csv->next_line;
    csv->next_line += stop != NULL;
    return true;
}

/* True when the piece belongs to a line over the limit that was reported already. */
static bool continues_long_line(struct wtl_csv *csv)
{
    bool continues = csv->in_long_line;
    if (!csv->unended)
        csv->in_long_line = false;
    return continues;
}

enum wtl_csv_kind wtl_csv_next(struct wtl_csv *csv)
{
    const char *line;
    const char *end;
    while (take_line(csv, &line, &end)) {
        csv->n = 0;
        csv->scratch_used = 0;
        if (continues_long_line(csv))
            continue;
        if (end - line >= WTL_LIMIT_LINE_BYTES) {
            csv->in_long_line = csv->unended;
            return WTL_CSV_BINARY;
        }
        if (memchr(line, '\0', (size_t)(end - line)))
            return WTL_CSV_BINARY;
        struct wtl_view text = wtl_view_trim((struct wtl_view){line, (size_t)(end - line)});
        if (text.n == 0)
            continue;
        if (text.s[0] == '#') {
            csv->cells[0] = (struct wtl_csv_cell){text, (int)(text.s - line) + 1, false};
            csv->n = 1;
            return WTL_CSV_COMMENT;
        }
        if (end > line && end[-1] == '\r')
            end--;
        return split(csv, line, end);
    }
    csv->n = 0;
    return WTL_CSV_END;
}

char wtl_csv_detect(const char *head, size_t n)
{
    static const char candidates[] = {',', ';', '\t'};
    const char *end = head + n;
    if (n >= 3 && memcmp(head, bom, 3) == 0)
        head += 3;
    while (head < end) {
        const char *stop = memchr(head, '\n', (size_t)(end - head));
        if (!stop)
            stop = end;
        struct wtl_view line = wtl_view_trim((struct wtl_view){head, (size_t)(stop - head)});
        if (line.n && line.s[0] != '#') {
            int count[3] = {0};
            bool quoted = false;
            for (const char *p = head; p < stop; p++) {
                quoted ^= *p == '"';
                for (int i = 0; i < 3 && !quoted; i++)
                    count[i] += *p == candidates[i];
            }
            int best = count[1] > count[0] ? 1 : 0;
            return candidates[count[2] > count[best] ? 2 : best];
        }
        head = stop + (stop < end);
    }
    return '\0';
}

void wtl_csv_put(struct wtl_buf *out, bool first, const char *text)
{
    if (!first)
        wtl_buf_putc(out, ',');
    size_t n = strlen(text);
    bool outer_blank = n && (is_blank(text[0]) || is_blank(text[n - 1]) || text[0] == '#');
    if (!outer_blank && !strpbrk(text, ",;\t\"\r\n")) {
        wtl_buf_add(out, text, n);
        return;
    }
    wtl_buf_putc(out, '"');
    for (size_t i = 0; i < n; i++) {
        bool line_end = text[i] == '\n' || text[i] == '\r';
        if (text[i] == '"')
            wtl_buf_putc(out, '"');
        wtl_buf_putc(out, line_end ? ' ' : text[i]);
    }
    wtl_buf_putc(out, '"');
}

void wtl_csv_put_number(struct wtl_buf *out, bool first, double value)
{
    char text[WTL_DOUBLE_TEXT + 1] = ",";
    (void)wtl_format_double(value, text + 1);
    wtl_buf_puts(out, text + first);
}
