/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/csv.h"

#include "base/random.h"
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_rows(struct wtl_csv *csv, struct wtl_buf *out)
{
    static const char *const kinds[] = {"end", "row", "comment", "quote", "binary", "many"};
    for (;;) {
        enum wtl_csv_kind kind = wtl_csv_next(csv);
        if (kind == WTL_CSV_END)
            return;
        wtl_buf_printf(out, "%lld:%s", (long long)csv->line, kinds[kind]);
        bool cells = kind == WTL_CSV_ROW || kind == WTL_CSV_COMMENT;
        for (int i = 0; cells && i < csv->n; i++)
            wtl_buf_printf(out, " %d[%.*s]", csv->cells[i].column, (int)csv->cells[i].text.n,
                           csv->cells[i].text.s);
        wtl_buf_putc(out, '\n');
    }
}

/* Every line as "LINE:KIND COLUMN[TEXT] ...", from one block. */
static void check(char separator, const char *text, size_t n, const char *want)
{
    WTL_ARENA(arena);
    struct wtl_csv csv;
    assert_ok(wtl_csv_init(&csv, &arena, separator, NULL), NULL);
    struct wtl_buf out;
    wtl_buf_init(&out, wtl_alloc_system(), 1 << 20);
    wtl_csv_block(&csv, text, n);
    add_rows(&csv, &out);
    assert_string_equal(wtl_buf_str(&out), want);
    wtl_buf_fini(&out);
}
#define CHECK(separator, text, want) check(separator, text, sizeof(text) - 1, want)

static void splits_rows(void **state)
{
    (void)state;
    CHECK(',', "a,b\n1,2\n", "1:row 1[a] 3[b]\n2:row 1[1] 3[2]\n");
    CHECK(',', "a, b ,\t c\r\n", "1:row 1[a] 4[b] 9[c]\n");
    CHECK(',', "a,,\n", "1:row 1[a] 3[] 4[]\n");
    CHECK(',', "\n  \n\r\na", "4:row 1[a]\n");
    CHECK(',', "# x, y\n a\n  # z\n", "1:comment 1[# x, y]\n2:row 2[a]\n3:comment 3[# z]\n");
    CHECK(';', "1,5; 2\n", "1:row 1[1,5] 6[2]\n");
    CHECK('\t', "a b\t c\t\td\n", "1:row 1[a b] 6[c] 8[] 9[d]\n");
    CHECK(' ', "  a  b\tc \n", "1:row 3[a] 6[b] 8[c]\n");
    CHECK(',', "\xef\xbb\xbfgpu,x\n", "1:row 1[gpu] 5[x]\n");
    CHECK(',', "", "");
}

static void quotes(void **state)
{
    (void)state;
    CHECK(',', "\"a,b\",c\n", "1:row 1[a,b] 7[c]\n");
    CHECK(',', "\"say \"\"hi\"\"\" , \"\"\n", "1:row 1[say \"hi\"] 16[]\n");
    CHECK(',', "\"\"\"\",\"x\"\"y\"\n", "1:row 1[\"] 6[x\"y]\n");
    CHECK(',', "\" a \",5\"\n", "1:row 1[ a ] 7[5\"]\n");
    CHECK(',', "\"open,b\nc\n", "1:quote\n2:row 1[c]\n");
    CHECK(',', "\"a\"b,c\n", "1:quote\n");
    CHECK(' ', "\"a b\" c\n", "1:row 1[a b] 7[c]\n");
    CHECK(',', "\"#a\"\n", "1:row 1[#a]\n");
}

static void binary_and_long_lines_are_told(void **state)
{
    (void)state;
    CHECK(',', "a\0b\nc\n", "1:binary\n2:row 1[c]\n");
    size_t n = WTL_LIMIT_LINE_BYTES + 3;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, 'x', n);
    memcpy(text + n - 3, "\nc\n", 3);
    check(',', text, n, "1:binary\n2:row 1[c]\n");
    memset(text, ',', n - 3);
    check(',', text + 1, n - 1, "1:many\n2:row 1[c]\n");
    free(text);
    char many[WTL_LIMIT_COLUMNS + 1];
    memset(many, ',', sizeof many);
    many[WTL_LIMIT_COLUMNS] = '\n';
    check(',', many, sizeof many, "1:many\n");
}

static void long_line_in_pieces_is_told_once(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_csv csv;
    assert_ok(wtl_csv_init(&csv, &arena, ',', NULL), NULL);
    struct wtl_buf out;
    wtl_buf_init(&out, wtl_alloc_system(), 1 << 20);
    char *piece = malloc(WTL_LIMIT_LINE_BYTES);
    assert_non_null(piece);
    memset(piece, 'x', WTL_LIMIT_LINE_BYTES);
    wtl_csv_block(&csv, "a\n", 2);
    add_rows(&csv, &out);
    for (int i = 0; i < 3; i++) {
        wtl_csv_block(&csv, piece, WTL_LIMIT_LINE_BYTES);
        add_rows(&csv, &out);
    }
    wtl_csv_block(&csv, "tail,1\nb\nc", 10);
    add_rows(&csv, &out);
    assert_true(csv.unended);
    assert_string_equal(wtl_buf_str(&out), "1:row 1[a]\n2:binary\n3:row 1[b]\n4:row 1[c]\n");
    free(piece);
    wtl_buf_fini(&out);
}

static char random_byte(struct wtl_rng *rng)
{
    static const char alphabet[] = "ab1.,,;\t \"\"\n\n\r#";
    return alphabet[wtl_rng_below(rng, sizeof alphabet - 1)];
}

static void blocks_do_not_matter(void **state)
{
    (void)state;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 11);
    for (int round = 0; round < 2000; round++) {
        WTL_ARENA(arena);
        char text[200];
        size_t n = wtl_rng_below(&rng, sizeof text);
        for (size_t i = 0; i < n; i++)
            text[i] = random_byte(&rng);
        struct wtl_csv whole;
        struct wtl_csv parts;
        char separator = ",;\t "[wtl_rng_below(&rng, 4)];
        assert_ok(wtl_csv_init(&whole, &arena, separator, NULL), NULL);
        assert_ok(wtl_csv_init(&parts, &arena, separator, NULL), NULL);
        struct wtl_buf want;
        struct wtl_buf got;
        wtl_buf_init(&want, wtl_alloc_system(), 1 << 20);
        wtl_buf_init(&got, wtl_alloc_system(), 1 << 20);
        wtl_csv_block(&whole, text, n);
        add_rows(&whole, &want);
        size_t from = 0;
        for (size_t i = 0; i < n; i++)
            if (i + 1 == n || (text[i] == '\n' && wtl_rng_below(&rng, 2))) {
                wtl_csv_block(&parts, text + from, i + 1 - from);
                add_rows(&parts, &got);
                from = i + 1;
            }
        assert_string_equal(wtl_buf_str(&got), wtl_buf_str(&want));
        wtl_buf_fini(&want);
        wtl_buf_fini(&got);
    }
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 12);
    for (int round = 0; round < 2000; round++) {
        WTL_ARENA(arena);
        char cells[4][12];
        struct wtl_buf out;
        wtl_buf_init(&out, wtl_alloc_system(), 1 << 20);
        for (int c = 0; c < 4; c++) {
            size_t n = wtl_rng_below(&rng, sizeof cells[c]);
            for (size_t i = 0; i < n; i++)
                do
                    cells[c][i] = random_byte(&rng);
                while (cells[c][i] == '\n' || cells[c][i] == '\r');
            cells[c][n] = '\0';
            wtl_csv_put(&out, c == 0, cells[c]);
        }
        double number = wtl_rng_normal(&rng);
        wtl_csv_put_number(&out, false, number);
        wtl_buf_putc(&out, '\n');
        struct wtl_csv csv;
        assert_ok(wtl_csv_init(&csv, &arena, ',', NULL), NULL);
        wtl_csv_block(&csv, out.data, out.len);
        assert_int_equal(wtl_csv_next(&csv), WTL_CSV_ROW);
        assert_int_equal(csv.n, 5);
        for (int c = 0; c < 4; c++)
            assert_true(wtl_view_is(csv.cells[c].text, cells[c]));
        double back = 0;
        assert_true(wtl_parse_double(csv.cells[4].text.s, csv.cells[4].text.n, &back));
        assert_near(back, number, 0);
        wtl_buf_fini(&out);
    }
}

static void separators_are_found(void **state)
{
    (void)state;
#define DETECT(text) wtl_csv_detect(text, sizeof(text) - 1)
    assert_int_equal(DETECT("a,b\n1;2;3;4\n"), ',');
    assert_int_equal(DETECT("# a,b,c\n\nx;y\n1,5;2,5\n"), ';');
    assert_int_equal(DETECT("\xef\xbb\xbf"
                            "a\tb"),
                     '\t');
    assert_int_equal(DETECT("\"a,b,c\";d\n"), ';');
    assert_int_equal(DETECT("one\n"), ',');
    assert_int_equal(DETECT(""), '\0');
    assert_int_equal(DETECT("# a;b\n\n"), '\0');
}

static void init_fails_cleanly(void **state)
{
    (void)state;
    for (long at = 1; at <= 2; at++) {
        struct wtl_alloc_failing failing;
        struct wtl_arena arena;
        wtl_arena_init(&arena, wtl_alloc_failing(&failing, at));
        struct wtl_csv csv = {.n = 77};
        struct wtl_error err = {0};
        assert_int_equal(wtl_csv_init(&csv, &arena, ',', &err), -(int)WTL_NOMEM);
        assert_int_equal(csv.n, 77);
        wtl_arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_rows),
        cmocka_unit_test(quotes),
        cmocka_unit_test(binary_and_long_lines_are_told),
        cmocka_unit_test(long_line_in_pieces_is_told_once),
        cmocka_unit_test(blocks_do_not_matter),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(separators_are_found),
        cmocka_unit_test(init_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
