/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/clock.h"
#include "base/process_group.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LONG_MS = 20000, SHORT_MS = 50 };

/* Everything that was started holds its writing end: the reading end is at its end when all of
 * them are gone, whoever their parent was. */
static int line[2];

static int open_line(void **state)
{
    (void)state;
    return pipe(line);
}

static int close_line(void **state)
{
    (void)state;
    close(line[0]);
    return line[1] >= 0 ? close(line[1]) : 0;
}

/* What `sh -c script` with the line as descriptor 9 does, in a group of its own. Waits until it
 * wrote `n` bytes: then it has its traps. */
static pid_t start(const char *script, int n)
{
    pid_t pid = fork();
    if (pid == 0) {
        (void)setpgid(0, 0);
        (void)dup2(line[1], 9);
        close(line[1]);
        (void)execl("/bin/sh", "sh", "-c", script, (char *)NULL);
        _exit(127);
    }
    (void)setpgid(pid, pid);
    for (char byte; n > 0; n--)
        assert_int_equal(read(line[0], &byte, 1), 1);
    return pid;
}

/* What came through the line since, when all have ended; false: somebody lives. */
static bool rest_of_line(char *buf, size_t size)
{
    size_t len = 0;
    struct pollfd p = {.fd = line[0], .events = POLLIN};
    close(line[1]);
    line[1] = -1;
    while (len < size - 1 && poll(&p, 1, 0) == 1) {
        ssize_t n = read(line[0], buf + len, size - 1 - len);
        if (n <= 0) {
            buf[len] = '\0';
            return n == 0;
        }
        len += (size_t)n;
    }
    return false;
}

static bool is_nobodys(pid_t pid)
{
    return waitpid(pid, NULL, WNOHANG) == -1 && errno == ECHILD;
}

static double seconds_since(int64_t t_ns)
{
    return 1e-9 * (double)(wtl_clock_system().monotonic_ns(NULL) - t_ns);
}

static void a_group_ends_with_those_who_would_not(void **state)
{
    char rest[8];
    (void)state;
    pid_t pid =
        start("(trap '' TERM; printf x >&9; exec sleep 60) & printf x >&9; exec sleep 60", 2);
    assert_true(wtl_process_groups_stop(&pid, 1, SHORT_MS, LONG_MS));
    assert_true(is_nobodys(pid));
    assert_true(rest_of_line(rest, sizeof rest));
}

static void a_leader_that_ended_leaves_its_group_to_be_ended(void **state)
{
    char rest[8];
    (void)state;
    pid_t pid = start("(trap '' TERM; printf x >&9; exec sleep 60) & exit 0", 1);
    assert_true(wtl_child_ended_within(pid, LONG_MS));
    assert_true(wtl_process_groups_stop(&pid, 1, SHORT_MS, LONG_MS));
    assert_true(is_nobodys(pid));
    assert_true(rest_of_line(rest, sizeof rest));
}

static void members_have_their_grace_without_a_leader(void **state)
{
    char rest[8];
    (void)state;
    pid_t pid = start("(trap 'sleep 0.1; printf y >&9; exit' TERM; printf x >&9; while :; do sleep "
                      "0.01; done) & printf x >&9; exec sleep 60",
                      2);
    assert_true(wtl_process_groups_stop(&pid, 1, LONG_MS, LONG_MS));
    assert_true(rest_of_line(rest, sizeof rest));
    assert_string_equal(rest, "y");
}

static void what_is_stopped_is_continued_to_end(void **state)
{
    char rest[8];
    siginfo_t info;
    (void)state;
    pid_t pid = start("trap 'printf y >&9; exit' TERM; printf x >&9; while :; do :; done", 1);
    /* (It begins no others: a shell that waits for a vfork()ed child to be stopped never stops.) */
    assert_int_equal(kill(-pid, SIGSTOP), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED), 0);
    assert_true(wtl_process_groups_stop(&pid, 1, LONG_MS, LONG_MS));
    assert_true(rest_of_line(rest, sizeof rest));
    assert_string_equal(rest, "y");
}

static void groups_share_one_grace(void **state)
{
    char rest[8];
    pid_t pids[9] = {0};
    (void)state;
    for (int i = 1; i < 9; i++)
        pids[i] = start("trap '' TERM; printf x >&9; exec sleep 60", 1);
    const int64_t begin_ns = wtl_clock_system().monotonic_ns(NULL);
    assert_false(wtl_child_ended_within(pids[1], 400));
    assert_true(seconds_since(begin_ns) >= 0.4);
    assert_true(wtl_process_groups_stop(pids, 9, 400, LONG_MS));
    const double s = seconds_since(begin_ns);
    assert_true(s >= 0.8 && s < 3.6); /* 0.4 each after the other: 3.6 and more */
    for (int i = 1; i < 9; i++)
        assert_true(is_nobodys(pids[i]));
    assert_true(rest_of_line(rest, sizeof rest));
}

static void no_group_is_nothing_to_do(void **state)
{
    const pid_t none[2] = {0, 0};
    (void)state;
    assert_true(wtl_process_groups_stop(none, 2, LONG_MS, LONG_MS));
    assert_true(wtl_process_groups_stop(NULL, 0, LONG_MS, LONG_MS));
}

#define WITH_LINE(test) cmocka_unit_test_setup_teardown(test, open_line, close_line)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LINE(a_group_ends_with_those_who_would_not),
        WITH_LINE(a_leader_that_ended_leaves_its_group_to_be_ended),
        WITH_LINE(members_have_their_grace_without_a_leader),
        WITH_LINE(what_is_stopped_is_continued_to_end),
        WITH_LINE(groups_share_one_grace),
        cmocka_unit_test(no_group_is_nothing_to_do),
    };
    return cmocka_run_group_tests_name("base/process_group", tests, NULL, NULL);
}
