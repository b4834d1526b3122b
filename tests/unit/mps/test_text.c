/* SPDX-License-Identifier: Apache-2.0
 * Answers of nvidia-cuda-mps-control. */
#include "support/support.h"

#include "mps/text.h"

#include <stdio.h>
#include <string.h>

static struct wtl_error err;

static void lists_of_processes(void **state)
{
    int64_t pids[WTL_MPS_PIDS] = {7};
    size_t n = 9;
    (void)state;
    assert_ok(wtl_mps_parse_pids("get_server_list", "6472\n6499\r\n\n", pids, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_int_equal(pids[0], 6472);
    assert_int_equal(pids[1], 6499);
    assert_ok(wtl_mps_parse_pids("get_server_list", "", pids, &n, &err), &err);
    assert_int_equal(n, 0);
}

static void what_is_no_list_is_an_error_and_changes_nothing(void **state)
{
    static const char *const wrong[] = {"12\nServer 5 not found\n", "-3\n", "0\n", "1 2\n",
                                        "99999999999\n"};
    int64_t pids[WTL_MPS_PIDS] = {7};
    size_t n = 9;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(wtl_mps_parse_pids("get_client_list 5", wrong[i], pids, &n, &err),
                         -WTL_FAILED);
    assert_int_equal(n, 9);
    assert_int_equal(pids[0], 7);
    assert_int_equal(wtl_mps_parse_pids("get_client_list 5", wrong[0], pids, &n, &err),
                     -WTL_FAILED);
    assert_string_equal(err.message, "MPS answers \"get_client_list 5\" with: Server 5 not found");
}

static void more_processes_than_can_be_are_refused(void **state)
{
    static char text[16 * (WTL_MPS_PIDS + 1)];
    int64_t pids[WTL_MPS_PIDS];
    size_t n = 9, at = 0;
    (void)state;
    for (int i = 0; i <= WTL_MPS_PIDS; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%d\n", 1000 + i);
    assert_int_equal(wtl_mps_parse_pids("get_client_list 5", text, pids, &n, &err), -WTL_LIMIT);
    assert_int_equal(n, 9);
}

static void words_say_what_went_wrong(void **state)
{
    (void)state;
    assert_int_equal(wtl_mps_fail("x", "Cannot find MPS control daemon process\n", &err),
                     -WTL_NOTFOUND);
    assert_int_equal(wtl_mps_fail("-d", "An instance of this daemon is already running\n", &err),
                     -WTL_BUSY);
    assert_int_equal(wtl_mps_fail("x", "Operation not permitted", &err), -WTL_PERMISSION);
    assert_int_equal(wtl_mps_fail("ps", "Unknown command: ps", &err), -WTL_UNSUPPORTED);
    assert_int_equal(wtl_mps_fail("x", "\x1b[31mwhat\n", &err), -WTL_FAILED);
    assert_string_equal(err.message, "MPS answers \"x\" with: ?[31mwhat");
    assert_int_equal(wtl_mps_fail("x", " \n", &err), -WTL_FAILED);
    assert_string_equal(err.message, "MPS answers \"x\" with: nothing");
}

static void a_complaint_is_told_from_other_words(void **state)
{
    (void)state;
    assert_true(wtl_mps_complains("Client not found\n"));
    assert_true(wtl_mps_complains("Failed to start server"));
    assert_true(wtl_mps_complains("Cannot find MPS control daemon process\n"));
    assert_true(wtl_mps_complains("Operation not permitted"));
    assert_false(wtl_mps_complains(""));
    assert_false(wtl_mps_complains("50.0\n"));
    assert_false(wtl_mps_complains("Starting server for user 1000\n"));
}

static void percentages(void **state)
{
    double p = 3;
    (void)state;
    assert_ok(wtl_mps_parse_percentage("x", "50.0\n", &p, &err), &err);
    assert_near(p, 50, 0);
    assert_ok(wtl_mps_parse_percentage("x", "12.5", &p, &err), &err);
    assert_near(p, 12.5, 0);
    assert_int_equal(wtl_mps_parse_percentage("x", "101\n", &p, &err), -WTL_FAILED);
    assert_int_equal(wtl_mps_parse_percentage("x", "", &p, &err), -WTL_FAILED);
    assert_int_equal(wtl_mps_parse_percentage("x", "50 %\n", &p, &err), -WTL_FAILED);
    assert_near(p, 12.5, 0);
}

static void statuses(void **state)
{
    enum wtl_mps_status s = WTL_MPS_UNKNOWN;
    (void)state;
    assert_ok(wtl_mps_parse_status("x", "ACTIVE\n", &s, &err), &err);
    assert_int_equal(s, WTL_MPS_ACTIVE);
    assert_ok(wtl_mps_parse_status("x", "INITIALIZING\n", &s, &err), &err);
    assert_int_equal(s, WTL_MPS_INITIALIZING);
    assert_ok(wtl_mps_parse_status("x", "FAULT", &s, &err), &err);
    assert_int_equal(s, WTL_MPS_FAULT);
    assert_int_equal(wtl_mps_parse_status("x", "Unknown command\n", &s, &err), -WTL_UNSUPPORTED);
    assert_int_equal(wtl_mps_parse_status("x", "", &s, &err), -WTL_FAILED);
    assert_int_equal(s, WTL_MPS_FAULT);
}

static void ps_goes_by_its_titles(void **state)
{
    struct wtl_mps_client c[4];
    size_t n = 0;
    (void)state;
    assert_ok(
        wtl_mps_parse_ps("PID       ID    SERVER    DEVICE             NAMESPACE    COMMAND\n"
                         "9741      0     6472      GPU-cb1213a3-d6a4  4026531836   ./nbody -n 5\n"
                         "9743      0     6472      GPU-cb1213a3-d6a4  4026531836   a\x1b"
                         "b\n",
                         c, 4, &n, &err),
        &err);
    assert_int_equal(n, 2);
    assert_int_equal(c[0].pid, 9741);
    assert_int_equal(c[0].server, 6472);
    assert_string_equal(c[0].device, "GPU-cb1213a3-d6a4");
    assert_string_equal(c[0].command, "./nbody -n 5");
    assert_string_equal(c[1].command, "a?b");
    assert_ok(wtl_mps_parse_ps("SERVER PID\n5 6\n", c, 4, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_int_equal(c[0].pid, 6);
    assert_int_equal(c[0].server, 5);
    assert_ok(wtl_mps_parse_ps("", c, 4, &n, &err), &err);
    assert_int_equal(n, 0);
}

static void a_ps_that_is_none(void **state)
{
    struct wtl_mps_client c[1];
    size_t n = 9;
    (void)state;
    assert_int_equal(wtl_mps_parse_ps("Unknown command: ps\n", c, 1, &n, &err), -WTL_UNSUPPORTED);
    assert_int_equal(wtl_mps_parse_ps("PID SERVER\n5\n", c, 1, &n, &err), -WTL_FAILED);
    assert_int_equal(wtl_mps_parse_ps("PID SERVER\n5 x\n", c, 1, &n, &err), -WTL_FAILED);
    assert_int_equal(wtl_mps_parse_ps("PID SERVER\n5 1\n6 1\n", c, 1, &n, &err), -WTL_LIMIT);
    assert_int_equal(n, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_processes),
        cmocka_unit_test(what_is_no_list_is_an_error_and_changes_nothing),
        cmocka_unit_test(more_processes_than_can_be_are_refused),
        cmocka_unit_test(words_say_what_went_wrong),
        cmocka_unit_test(a_complaint_is_told_from_other_words),
        cmocka_unit_test(percentages),
        cmocka_unit_test(statuses),
        cmocka_unit_test(ps_goes_by_its_titles),
        cmocka_unit_test(a_ps_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
