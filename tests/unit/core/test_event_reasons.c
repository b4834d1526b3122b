/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "core/event_reasons.h"

static void reasons_in_words(void **state)
{
    (void)state;
    char buf[WTL_EVENT_REASONS_TEXT];
    assert_string_equal(wtl_event_reasons_text(0, false, buf), "");
    assert_string_equal(wtl_event_reasons_text(0x1, false, buf), "idle");
    assert_string_equal(wtl_event_reasons_text(0x6, false, buf), "power limit, clock setting");
    assert_string_equal(wtl_event_reasons_text(0x6, true, buf), "power limit");
    assert_string_equal(wtl_event_reasons_text(0x201, false, buf), "idle, 0x200");
    assert_string_equal(wtl_event_reasons_text(~UINT64_C(0), false, buf),
                        "power limit, power brake, too hot (hardware), too hot (driver), "
                        "hardware slowdown, sync boost, display clock, clock setting, idle, "
                        "0xfffffffffffffe00");
}

static void only_some_hold_the_clock(void **state)
{
    (void)state;
    assert_false(wtl_event_reasons_hold(0x1 | 0x2 | 0x10 | 0x100));
    for (uint64_t bit = 1; bit; bit <<= 1)
        assert_int_equal(wtl_event_reasons_hold(bit), (0xec & bit) != 0);
}

static void names_are_unique(void **state)
{
    (void)state;
    size_t n = 0;
    const struct wtl_event_reason *r = wtl_event_reasons(&n);
    uint64_t seen = 0;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(seen & r[i].bit, 0);
        seen |= r[i].bit;
    }
    assert_int_equal(seen, 0x1ff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reasons_in_words),
        cmocka_unit_test(only_some_hold_the_clock),
        cmocka_unit_test(names_are_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
