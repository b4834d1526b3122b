/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "core/clocks.h"

#include <string.h>

static void lists_and_ranges_in_any_order(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_clocks c;
    assert_ok(wtl_clocks_parse(&arena, "1380, 510-540:15 525\n510MHz 600 MHz", &c, &err), &err);
    static const int want[] = {510, 525, 540, 600, 1380};
    assert_int_equal(c.n, 5);
    assert_memory_equal(c.mhz, want, sizeof want);
    assert_true(wtl_clocks_contain(&c, 525));
    assert_false(wtl_clocks_contain(&c, 526));
}

static void a_step_with_decimals_gives_the_irregular_list_of_the_v100(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_clocks c;
    assert_ok(wtl_clocks_parse(&arena, "1380-135:7.5", &c, &err), &err);
    assert_int_equal(c.n, 167);
    assert_int_equal(c.mhz[0], 135);
    static const int top[] = {1357, 1365, 1372, 1380};
    assert_memory_equal(c.mhz + 163, top, sizeof top);
    size_t above = 0;
    for (size_t i = 0; i < c.n; i++)
        above += c.mhz[i] >= 510;
    assert_int_equal(above, 117);
    assert_false(wtl_clocks_contain(&c, 1373));
}

static void output_of_nvidia_smi_is_a_list(void **state)
{
    (void)state;
    WTL_ARENA(arena);
    struct wtl_clocks c;
    assert_int_equal(
        wtl_clocks_parse(&arena, "graphics [MHz]\r\n1410 MHz\r\n1395 MHz\r\n# end\n", &c, NULL), 0);
    assert_int_equal(c.n, 2);
}

static void what_is_no_list_is_refused_with_the_part_quoted(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "  \n# only this", "12a", "510-1410", "510-x:15",
        "510-1410:0", "510-600:-5",      "-5",  "0",        "1e9",
        "510.5"};
    WTL_ARENA(arena);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct wtl_clocks c = {NULL, 77};
        struct wtl_error err = {0};
        assert_int_equal(wtl_clocks_parse(&arena, bad[i], &c, &err), -(int)WTL_USAGE);
        assert_int_equal(c.n, 77);
    }
    struct wtl_clocks c;
    assert_int_equal(wtl_clocks_parse(&arena, "1-5000:1", &c, NULL), -(int)WTL_LIMIT);
    struct wtl_error err = {0};
    assert_int_equal(wtl_clocks_parse(&arena, "510,52o", &c, &err), -(int)WTL_USAGE);
    assert_non_null(strstr(err.message, "\"52o\""));
    err = (struct wtl_error){0};
    assert_int_equal(wtl_clocks_parse(&arena, "3000000000", &c, &err), -(int)WTL_USAGE);
    assert_string_equal(err.message, "3e+09 MHz is no clock of a GPU");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_and_ranges_in_any_order),
        cmocka_unit_test(a_step_with_decimals_gives_the_irregular_list_of_the_v100),
        cmocka_unit_test(output_of_nvidia_smi_is_a_list),
        cmocka_unit_test(what_is_no_list_is_refused_with_the_part_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
