/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/columns.h"

#include <string.h>

static void counts_what_a_terminal_shows(void **state)
{
    (void)state;
    assert_int_equal(wtl_columns(""), 0);
    assert_int_equal(wtl_columns("A100"), 4);
    assert_int_equal(wtl_columns("Zürich"), 6);
    assert_int_equal(wtl_columns("推理-大语言模型"), 15);
    assert_int_equal(wtl_columns("e\xcc\x81te\xcc\x81"), 3); /* é of two code points */
    assert_int_equal(wtl_columns("смешанная"), 9);
    assert_int_equal(wtl_columns("🚀"), 2);
    assert_int_equal(wtl_columns("한국어"), 6);
    assert_int_equal(wtl_columns("ﾊﾝｶｸ"), 4); /* half-width */
    assert_int_equal(wtl_columns("zero\xe2\x80\x8bwidth"), 9);
    assert_int_equal(wtl_columns("…–−°"), 4);
    assert_int_equal(wtl_columns("a\xff\xfe"), 3); /* no UTF-8 */
    assert_int_equal(wtl_columns_of_bytes("推理", 3), 2);
}

static void cuts_between_characters(void **state)
{
    (void)state;
    const char *text = "推理ab";
    assert_int_equal(wtl_columns_start(text, 0), 0);
    assert_int_equal(wtl_columns_start(text, 1), 0); /* half of one is none */
    assert_int_equal(wtl_columns_start(text, 2), 3);
    assert_int_equal(wtl_columns_start(text, 5), 7);
    assert_int_equal(wtl_columns_start(text, 99), strlen(text));
    assert_int_equal(wtl_columns_end(text, 0), strlen(text));
    assert_int_equal(wtl_columns_end(text, 2), 6);
    assert_int_equal(wtl_columns_end(text, 3), 6);
    assert_int_equal(wtl_columns_end(text, 4), 3);
    assert_int_equal(wtl_columns_end(text, 99), 0);
    /* A mark goes with its letter. */
    assert_int_equal(wtl_columns_start("xe\xcc\x81y", 2), 4);
    assert_int_equal(wtl_columns_end("xe\xcc\x81y", 1), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_a_terminal_shows),
        cmocka_unit_test(cuts_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
