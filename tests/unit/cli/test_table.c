/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/text.h"
#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct wtl_table_column columns[] = {
    {.title = "workload"},
    {.title = "clock", .unit = "MHz", .number = true},
    {.title = "time", .unit = "s", .number = true},
    {.title = "path", .keep_end = true},
};

static void expect_print(struct wtl_table *t, int indent, int width, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    struct wtl_error err = {0};
    assert_ok(wtl_table_print(t, indent, width, f, &err), &err);
    fclose(f);
    assert_string_equal(text, expected);
    free(text);
}

static void aligns_and_shows_units(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_table *t = wtl_table_new(&arena, columns, 4);
    assert_int_equal(wtl_table_rows(t), 0);
    wtl_table_put(t, "llama");
    wtl_table_printf(t, "%d", 1410);
    wtl_table_number(t, true, 9.876, 2);
    wtl_table_put(t, "a/b");
    wtl_table_put(t, "vit");
    wtl_table_printf(t, "%d", 510);
    wtl_table_number(t, false, 0, 2);
    assert_int_equal(wtl_table_rows(t), 2);
    expect_print(t, 1, 100,
                 " workload  clock  time  path\n"
                 "             MHz     s\n"
                 " ───────────────────────────\n"
                 " llama      1410  9.88  a/b\n"
                 " vit         510     -\n");
}

static void cuts_texts_but_never_numbers(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_table *t = wtl_table_new(&arena, columns, 4);
    wtl_table_put(t, "a very long name of a workload");
    wtl_table_put(t, "123456789012");
    wtl_table_put(t, "1.5");
    wtl_table_put(t, "/data/results/run_1_01_freq_1410_profile.csv");
    expect_print(t, 0, 46,
                 "workload             clock  time  path\n"
                 "                       MHz     s\n"
                 "──────────────────────────────────────────────\n"
                 "a very long…  123456789012   1.5  …profile.csv\n");
    /* Cut texts are not enough here: columns stand closer. */
    expect_print(t, 0, 36,
                 "workload        clock time path\n"
                 "                  MHz    s\n"
                 "────────────────────────────────────\n"
                 "a very … 123456789012  1.5 …file.csv\n");
}

static void wide_letters_take_two_columns(void **state)
{
    (void)state;
    static const struct wtl_table_column two[] = {{.title = "workload"},
                                                  {.title = "runs", .number = true}};
    WTL_ARENA(arena);
    struct wtl_table *t = wtl_table_new(&arena, two, 2);
    const char *names[] = {"推理-大语言模型", "e\xcc\x81te\xcc\x81", "llama"};
    for (int i = 0; i < 3; i++) {
        wtl_table_put(t, names[i]);
        wtl_table_put(t, "7");
    }
    expect_print(t, 0, 100,
                 "workload         runs\n"
                 "─────────────────────\n"
                 "推理-大语言模型     7\n"
                 "e\xcc\x81te\xcc\x81                 7\n"
                 "llama               7\n");
    /* Cut within the width, never through a letter. */
    expect_print(t, 0, 16,
                 "workload    runs\n"
                 "────────────────\n"
                 "推理-大语…     7\n"
                 "e\xcc\x81te\xcc\x81            7\n"
                 "llama          7\n");
}

static void nothing_for_no_rows(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    expect_print(wtl_table_new(&arena, columns, 4), 0, 100, "");
}

static void names_cannot_steer_the_terminal(void **state)
{
    (void)state;
    static const struct wtl_table_column one[] = {{.title = "n"}};
    WTL_ARENA(arena);
    struct wtl_table *t = wtl_table_new(&arena, one, 1);
    wtl_table_put(t, "a\033[2Jb\nc");
    wtl_table_put(t, "Zürich");
    expect_print(t, 0, 100, "n\n────────\na?[2Jb?c\nZürich\n");
}

static void out_of_memory_is_an_error(void **state)
{
    (void)state;
    for (long n = 1; n < 4; n++) {
        struct wtl_alloc_failing failing;
        struct wtl_arena arena;
        wtl_arena_init(&arena, wtl_alloc_failing(&failing, n));
        struct wtl_table *t = wtl_table_new(&arena, columns, 4);
        if (t) {
            char *big = malloc(1 << 16);
            memset(big, 'x', (1 << 16) - 1);
            big[(1 << 16) - 1] = '\0';
            for (int i = 0; i < 400; i++)
                wtl_table_put(t, big);
            free(big);
            FILE *f = fopen("/dev/null", "w");
            struct wtl_error err = {0};
            assert_int_equal(wtl_table_print(t, 0, 100, f, &err), -WTL_NOMEM);
            fclose(f);
        }
        wtl_arena_fini(&arena);
    }
}

static void ascii_where_the_locale_has_no_utf8(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_table *t = wtl_table_new(&arena, columns, 4);
    wtl_table_put(t, "a-workload-with-a-long-name");
    wtl_table_put(t, "1");
    wtl_table_put(t, "2.0");
    wtl_table_put(t, "x/a/path/that/is/long");
    setenv("LC_ALL", "C", 1);
    expect_print(t, 0, 34,
                 "workload   clock  time  path\n"
                 "             MHz     s\n"
                 "----------------------------------\n"
                 "a-worklo~      1   2.0  ~t/is/long\n");
    setenv("LC_ALL", "C.UTF-8", 1);
}

int main(void)
{
    setenv("LC_ALL", "C.UTF-8", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligns_and_shows_units),
        cmocka_unit_test(cuts_texts_but_never_numbers),
        cmocka_unit_test(wide_letters_take_two_columns),
        cmocka_unit_test(nothing_for_no_rows),
        cmocka_unit_test(names_cannot_steer_the_terminal),
        cmocka_unit_test(out_of_memory_is_an_error),
        cmocka_unit_test(ascii_where_the_locale_has_no_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
