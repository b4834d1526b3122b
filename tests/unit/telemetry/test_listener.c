/* SPDX-License-Identifier: Apache-2.0
 * Sockets for markers in one folder: nobody takes another one's, and those of the dead go. */
#include "support/support.h"

#include "telemetry/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int opened(const char *dir, char path[108])
{
    struct wtl_error err = {0};
    int fd = -1;
    assert_ok(wtl_listener_open(dir, 4, &fd, path, 108, &err), &err);
    assert_true(fd >= 0);
    return fd;
}

static bool answers(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool there = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return there;
}

/* As another container's: a process of the same number, at the same time. */
static void each_has_its_own(void **state)
{
    (void)state;
    char one[108], two[108];
    const char *dir = in_test_directory("");
    int a = opened(dir, one), b = opened(dir, two);
    assert_string_not_equal(one, two);
    assert_true(answers(one));
    assert_true(answers(two));
    close(a);
    close(b);
    assert_int_equal(unlink(one), 0);
    assert_int_equal(unlink(two), 0);
}

/* The number of a process that has ended. */
static pid_t a_dead_number(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return pid;
}

static int left_behind(const char *path, bool listens, bool old)
{
    const struct timespec long_ago[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    if (listens)
        assert_int_equal(listen(fd, 4), 0);
    if (old)
        assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
    return fd;
}

static void sockets_of_the_dead_go(void **state)
{
    (void)state;
    char dead[108], alive[108], young[108], mine[108], other[108], path[108];
    const char *dir = in_test_directory("");
    const int number = (int)a_dead_number();
    snprintf(dead, sizeof dead, "%s/markers-%d-1", dir, number);
    snprintf(alive, sizeof alive, "%s/markers-%d-2", dir, number);
    snprintf(young, sizeof young, "%s/markers-%d-3", dir, number);
    snprintf(mine, sizeof mine, "%s/markers-%d-4", dir, (int)getpid());
    snprintf(other, sizeof other, "%s/else-%d-5", dir, number);
    int fds[] = {left_behind(dead, false, true),   left_behind(alive, true, true),
                 left_behind(young, false, false), left_behind(mine, false, true),
                 left_behind(other, false, true),  opened(dir, path)};
    assert_int_equal(access(dead, F_OK), -1);
    assert_int_equal(access(alive, F_OK), 0);
    assert_int_equal(access(young, F_OK), 0);
    assert_int_equal(access(mine, F_OK), 0);
    assert_int_equal(access(other, F_OK), 0);
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        close(fds[i]);
}

static void where_there_is_no_room(void **state)
{
    (void)state;
    char path[108] = "as it was", longest[200];
    int fd = 42;
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(wtl_listener_open(longest, 4, &fd, path, sizeof path, NULL), -WTL_LIMIT);
    assert_int_equal(wtl_listener_open("/no/such/folder", 4, &fd, path, sizeof path, NULL),
                     -WTL_IO);
    assert_int_equal(fd, 42);
    assert_string_equal(path, "as it was");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_its_own),
        cmocka_unit_test(sockets_of_the_dead_go),
        cmocka_unit_test(where_there_is_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
