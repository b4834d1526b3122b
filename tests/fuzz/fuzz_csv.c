/* SPDX-License-Identifier: Apache-2.0
 * Rows of separated values: the first byte chooses the separator. Checks that cells lie inside, and
 * that it does not matter how lines are shared out to blocks. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "codec/csv.h"

/* One line of both readings. */
static bool same(const struct wtl_csv *a, const struct wtl_csv *b)
{
    if (a->n != b->n || a->line != b->line)
        return false;
    for (int i = 0; i < a->n; i++) {
        struct wtl_view x = a->cells[i].text;
        struct wtl_view y = b->cells[i].text;
        if (x.n != y.n || (x.n && memcmp(x.s, y.s, x.n) != 0) ||
            a->cells[i].column != b->cells[i].column)
            return false;
    }
    return true;
}

/* The next line from blocks of one line each. */
static enum wtl_csv_kind next_by_line(struct wtl_csv *csv, const char **rest, size_t *n)
{
    for (;;) {
        enum wtl_csv_kind kind = wtl_csv_next(csv);
        if (kind != WTL_CSV_END || *n == 0)
            return kind;
        const char *stop = memchr(*rest, '\n', *n);
        size_t k = stop ? (size_t)(stop - *rest) + 1 : *n;
        wtl_csv_block(csv, *rest, k);
        *rest += k;
        *n -= k;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    WTL_ARENA(arena);
    struct wtl_csv whole;
    struct wtl_csv lines;
    char separator = ",;\t "[data[0] & 3];
    const char *text = (const char *)data + 1;
    size_t n = size - 1;
    (void)wtl_csv_detect(text, n);
    if (wtl_csv_init(&whole, &arena, separator, NULL) != 0 ||
        wtl_csv_init(&lines, &arena, separator, NULL) != 0)
        return 0;
    wtl_csv_block(&whole, text, n);
    const char *rest = text;
    for (;;) {
        enum wtl_csv_kind a = wtl_csv_next(&whole);
        enum wtl_csv_kind b = next_by_line(&lines, &rest, &n);
        fuzz_check(a == b, "blocks do not matter");
        if (a == WTL_CSV_END)
            return 0;
        fuzz_check(a != WTL_CSV_ROW || whole.n > 0, "a row has cells");
        if (a == WTL_CSV_ROW || a == WTL_CSV_COMMENT)
            fuzz_check(same(&whole, &lines), "blocks give the same cells");
    }
}
