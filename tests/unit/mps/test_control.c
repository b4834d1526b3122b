/* SPDX-License-Identifier: Apache-2.0
 * Calls of nvidia-cuda-mps-control, with shell scripts in its place. */
#include "support/support.h"

#include "mps/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct wtl_error err;

/* A stand-in that runs these lines of the shell. */
static struct wtl_mps_control stand_in(const char *lines)
{
    char text[512];
    const char *path = in_test_directory("nvidia-cuda-mps-control");
    (void)snprintf(text, sizeof text, "#!/bin/sh\n%s\n", lines);
    write_text(path, text);
    assert_int_equal(chmod(path, 0755), 0);
    return (struct wtl_mps_control){.program = path,
                                    .pipe_dir = in_test_directory(""),
                                    .log_dir = "/log",
                                    .clock = wtl_clock_system(),
                                    .timeout_ns = 20 * WTL_NS_PER_S};
}

static void command_and_environment_arrive_and_the_answer_comes_back(void **state)
{
    WTL_ARENA(arena);
    const char *answer = NULL;
    struct wtl_mps_control c =
        stand_in("cat; echo \"$CUDA_MPS_PIPE_DIRECTORY $CUDA_MPS_LOG_DIRECTORY $#\"");
    (void)state;
    c.pipe_dir = "/pipe";
    assert_ok(setenv("CUDA_MPS_PIPE_DIRECTORY", "/elsewhere", 1), &err);
    assert_ok(wtl_mps_ask(&c, &arena, "get_server_list", &answer, &err), &err);
    assert_string_equal(answer, "get_server_list\n/pipe /log 0\n");
}

static void one_that_hangs_is_given_up_at_its_deadline(void **state)
{
    WTL_ARENA(arena);
    const char *answer = "kept";
    struct wtl_mps_control c = stand_in("exec sleep 60");
    (void)state;
    c.timeout_ns = WTL_NS_PER_S / 20;
    assert_int_equal(wtl_mps_ask(&c, &arena, "get_server_list", &answer, &err), -WTL_TIMEOUT);
    assert_string_equal(answer, "kept");
    assert_string_equal(err.message, "MPS did not answer \"get_server_list\" in time");
    assert_int_equal(wtl_mps_answers(&c, &err), -WTL_TIMEOUT);
}

/* As a daemon does that keeps standard output open. */
static void an_end_is_the_end_though_somebody_keeps_its_output(void **state)
{
    WTL_ARENA(arena);
    const char *answer = NULL;
    struct wtl_mps_control c = stand_in("sleep 3 & echo 5");
    (void)state;
    const int64_t begin_ns = c.clock.monotonic_ns(c.clock.ctx);
    assert_ok(wtl_mps_ask(&c, &arena, "get_server_list", &answer, &err), &err);
    assert_string_equal(answer, "5\n");
    assert_true(c.clock.monotonic_ns(c.clock.ctx) - begin_ns < 3 * WTL_NS_PER_S);
}

static void a_long_answer_is_cut_and_one_without_end_given_up(void **state)
{
    WTL_ARENA(arena);
    const char *answer = NULL;
    struct wtl_mps_control c = stand_in("head -c 1000000 /dev/zero | tr '\\0' x");
    (void)state;
    assert_ok(wtl_mps_ask(&c, &arena, "ps", &answer, &err), &err);
    assert_int_equal(strlen(answer), WTL_MPS_ANSWER - 1);
    c = stand_in("exec yes");
    c.timeout_ns = WTL_NS_PER_S / 20;
    assert_int_equal(wtl_mps_ask(&c, &arena, "ps", &answer, &err), -WTL_TIMEOUT);
}

static void failures_have_words(void **state)
{
    struct wtl_mps_control c = stand_in("echo Cannot find MPS control daemon process; exit 1");
    int64_t pids[WTL_MPS_PIDS];
    size_t n = 9;
    enum wtl_mps_status status = WTL_MPS_ACTIVE;
    double p = 7;
    (void)state;
    assert_int_equal(wtl_mps_servers(&c, pids, &n, &err), -WTL_NOTFOUND);
    assert_int_equal(wtl_mps_answers(&c, &err), -WTL_NOTFOUND);
    assert_int_equal(wtl_mps_start_server(&c, 0, &err), -WTL_NOTFOUND);
    assert_int_equal(wtl_mps_server_status(&c, 5, &status, &err), -WTL_NOTFOUND);
    assert_int_equal(wtl_mps_get_percentage(&c, 0, &p, &err), -WTL_NOTFOUND);
    assert_int_equal(wtl_mps_set_percentage(&c, 0, 50, &err), -WTL_NOTFOUND);
    assert_int_equal(wtl_mps_quit(&c, 1, &err), -WTL_NOTFOUND);
    assert_int_equal(wtl_mps_launch(&c, NULL, 0, &err), -WTL_NOTFOUND);
    c = stand_in("exit 1");
    assert_int_equal(wtl_mps_servers(&c, pids, &n, &err), -WTL_FAILED);
    c.program = in_test_directory("nothing");
    assert_int_equal(wtl_mps_servers(&c, pids, &n, &err), -WTL_FAILED);
    c.pipe_dir = in_test_directory("nothing");
    assert_int_equal(wtl_mps_answers(&c, &err), -WTL_NOTFOUND);
    assert_int_equal(n, 9);
    assert_near(p, 7, 0);
    assert_int_equal(status, WTL_MPS_ACTIVE);
}

/* What each call says, and how old daemons are taken. */
static void commands_are_spelt_as_documented(void **state)
{
    struct wtl_mps_control c = stand_in("cat >>\"${0%/*}/said\"");
    enum wtl_mps_status status = WTL_MPS_ACTIVE;
    char said[512] = "";
    (void)state;
    assert_ok(wtl_mps_start_server(&c, 1000, &err), &err);
    assert_ok(wtl_mps_shutdown_server(&c, 12, &err), &err);
    assert_ok(wtl_mps_terminate_client(&c, 12, 13, &err), &err);
    assert_ok(wtl_mps_set_percentage(&c, 0, 12.5, &err), &err);
    assert_ok(wtl_mps_set_percentage(&c, 12, 50, &err), &err);
    assert_ok(wtl_mps_quit(&c, 3, &err), &err);
    FILE *f = fopen(in_test_directory("said"), "re");
    assert_non_null(f);
    said[fread(said, 1, sizeof said - 1, f)] = '\0';
    assert_int_equal(fclose(f), 0);
    assert_string_equal(said, "start_server -uid 1000\nshutdown_server 12\nterminate_client 12 13\n"
                              "set_default_active_thread_percentage 12.5\n"
                              "set_active_thread_percentage 12 50\nquit -t 3\n");
    c = stand_in("echo Unknown command");
    assert_ok(wtl_mps_server_status(&c, 12, &status, &err), &err);
    assert_int_equal(status, WTL_MPS_UNKNOWN);
}

static void the_program_is_found_by_hand_or_in_the_path(void **state)
{
    WTL_ARENA(arena);
    const char *path = NULL;
    const struct wtl_mps_control c = stand_in("");
    char dir[1024], before[4096] = "";
    (void)state;
    if (getenv("PATH"))
        (void)snprintf(before, sizeof before, "%s", getenv("PATH"));
    (void)unsetenv("WATTLE_MPS_CONTROL");
    (void)snprintf(dir, sizeof dir, "/nowhere::%s", in_test_directory(""));
    assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
    assert_int_equal(wtl_mps_find_program(&arena, &path, &err), -WTL_UNSUPPORTED);
    assert_int_equal(setenv("PATH", dir, 1), 0);
    assert_ok(wtl_mps_find_program(&arena, &path, &err), &err);
    assert_non_null(strstr(path, "nvidia-cuda-mps-control"));
    assert_int_equal(setenv("WATTLE_MPS_CONTROL", c.program, 1), 0);
    assert_ok(wtl_mps_find_program(&arena, &path, &err), &err);
    assert_string_equal(path, c.program);
    assert_int_equal(setenv("WATTLE_MPS_CONTROL", "/nowhere/x", 1), 0);
    assert_int_equal(wtl_mps_find_program(&arena, &path, &err), -WTL_UNSUPPORTED);
    assert_int_equal(setenv("PATH", before, 1), 0);
}

#define IN(test) cmocka_unit_test_setup_teardown(test, make_test_directory, drop_test_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN(command_and_environment_arrive_and_the_answer_comes_back),
        IN(one_that_hangs_is_given_up_at_its_deadline),
        IN(an_end_is_the_end_though_somebody_keeps_its_output),
        IN(a_long_answer_is_cut_and_one_without_end_given_up),
        IN(failures_have_words),
        IN(commands_are_spelt_as_documented),
        IN(the_program_is_found_by_hand_or_in_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
