/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "core/xid.h"

#include <string.h>

static void numbers_in_words(void **state)
{
    (void)state;
    char buf[WTL_XID_TEXT];
    assert_string_equal(wtl_xid_format(31, buf), "XID 31 (GPU memory page fault)");
    assert_string_equal(wtl_xid_format(79, buf), "XID 79 (the GPU has fallen off the bus)");
    assert_string_equal(wtl_xid_format(9999, buf), "XID 9999");
    assert_null(wtl_xid_text(0));
    assert_null(wtl_xid_text(-31));
    for (int i = 0; i < 1000; i++) /* nothing is cut */
        assert_true(strlen(wtl_xid_format(i, buf)) < WTL_XID_TEXT - 1);
}

static void what_takes_the_board_away_is_serious(void **state)
{
    (void)state;
    assert_true(wtl_xid_loses_board(79));
    assert_true(wtl_xid_loses_board(119));
    assert_false(wtl_xid_loses_board(31)); /* the application's */
    assert_false(wtl_xid_loses_board(48)); /* a reset helps; it still runs */
    assert_true(wtl_xid_is_serious(48));
    assert_false(wtl_xid_is_serious(13));
    for (int i = 0; i < 1000; i++)
        assert_true(!wtl_xid_loses_board(i) || wtl_xid_is_serious(i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_in_words),
        cmocka_unit_test(what_takes_the_board_away_is_serious),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
