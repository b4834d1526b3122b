/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <string.h>

static int raise_it(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_PARSE, "power \"%s\" is not a number", "abc");
}

static void formats_place_message_and_hint(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    assert_int_equal(raise_it(&err), -(int)WTL_PARSE);
    wtl_error_input(&err, "runs.csv", 17, 4);
    wtl_error_input(&err, "other.csv", 1, 1); /* a lower layer's place stays */
    wtl_error_hint(&err, "check column %d", 4);
    char text[800];
    wtl_error_format(&err, text, sizeof text);
    assert_string_equal(text, "wattle: runs.csv:17:4: power \"abc\" is not a number\n"
                              "hint: check column 4");
    assert_string_equal(err.source_func, "raise_it");
}

/* Paths and cells are the user's data, or a stranger's: shown, but not obeyed by the terminal. */
static void control_characters_are_not_printed(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    (void)WTL_FAIL(&err, WTL_PARSE, "no \"%s\"", "a\033[2Jb\nc");
    wtl_error_input(&err, "d\033[31m\r", 3, 0);
    wtl_error_hint(&err, "\x7fmore\n");
    char text[800];
    int n = wtl_error_format(&err, text, sizeof text);
    assert_string_equal(text, "wattle: d?[31m?:3: no \"a?[2Jb?c\"\nhint: ?more?");
    assert_int_equal(n, strlen(text));
    for (int size = 1; size < 60; size++) {
        n = wtl_error_format(&err, text, size);
        assert_int_equal(n, strlen(text));
    }
}

static void context_goes_in_front_and_never_overflows(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    (void)raise_it(&err);
    wtl_error_context(&err, "reading %s", "plan");
    assert_string_equal(err.message, "reading plan: power \"abc\" is not a number");
    char longer[2 * WTL_ERROR_MESSAGE_MAX];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    wtl_error_context(&err, "%s", longer);
    assert_true(strlen(err.message) < WTL_ERROR_MESSAGE_MAX);
}

static void null_error_is_allowed(void **state)
{
    (void)state;
    assert_int_equal(raise_it(NULL), -(int)WTL_PARSE);
    wtl_error_hint(NULL, "x");
    wtl_error_input(NULL, "x", 1, 1);
    wtl_error_context(NULL, "x");
}

static void exit_status_follows_the_contract(void **state)
{
    (void)state;
    assert_int_equal(wtl_exit_status(0), 0);
    assert_int_equal(wtl_exit_status(-(int)WTL_INFEASIBLE), 5);
    assert_int_equal(wtl_exit_status(-(int)WTL_PARSE), 1);
}

static void suggests_near_words_only(void **state)
{
    (void)state;
    static const char *const words[] = {"optimize", "import", "show"};
    assert_string_equal(wtl_did_you_mean("optimise", words, 3), "optimize");
    assert_string_equal(wtl_did_you_mean("ipmort", words, 3), "import");
    assert_null(wtl_did_you_mean("zebra", words, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_place_message_and_hint),
        cmocka_unit_test(control_characters_are_not_printed),
        cmocka_unit_test(context_goes_in_front_and_never_overflows),
        cmocka_unit_test(null_error_is_allowed),
        cmocka_unit_test(exit_status_follows_the_contract),
        cmocka_unit_test(suggests_near_words_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
