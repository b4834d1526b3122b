/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Which of 0 to 2 are closed: bits. */
static void close_some(unsigned closed)
{
    for (int fd = 0; fd < 3; fd++)
        if (closed >> fd & 1)
            close(fd);
}

static bool fails(ssize_t result)
{
    return result < 0 && errno == EBADF;
}

static int after_standard(unsigned closed)
{
    char byte = 'x';
    close_some(closed);
    if (wtl_standard_descriptors() != 0)
        return 1;
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (next < 3)
        return 2; /* what this program opens is none of the three */
    if (closed & 1 && !fails(read(0, &byte, 1)))
        return 3;
    if (closed & 2 && !fails(write(1, &byte, 1)))
        return 4;
    if (closed & 4 && !fails(write(2, &byte, 1)))
        return 5;
    return 0;
}

static int status_of(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void closed_standard_descriptors_are_nobody_elses(void **state)
{
    (void)state;
    fflush(NULL);
    for (unsigned closed = 0; closed < 8; closed++) {
        pid_t child = fork();
        if (child == 0)
            _exit(after_standard(closed));
        assert_int_equal(status_of(child), 0);
    }
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* Keeps the ends of a pipe, which get the numbers that were closed, and says so through it. */
static int after_detach(unsigned closed, int report_fd)
{
    int ends[2], keep[3] = {-1, report_fd, -1};
    char directory[8] = "";
    close_some(closed);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return 1;
    int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
    keep[0] = ends[1];
    wtl_detach(keep, 3);
    if (keep[0] < 3 || keep[1] < 3 || keep[2] != -1)
        return 2;
    if (!is_open(keep[0]) || !is_open(keep[1]) || !is_open(0) || !is_open(1) || !is_open(2))
        return 3;
    if (other > 2 && is_open(other))
        return 4;
    if (getsid(0) != getpid() || !getcwd(directory, sizeof directory) || strcmp(directory, "/"))
        return 5;
    for (int fd = 3; fd < 64; fd++)
        if (is_open(fd) && fd != keep[0] && fd != keep[1])
            return 6;
    return write(keep[1], "k", 1) == 1 ? 0 : 7;
}

static void what_is_kept_is_kept_whatever_its_number(void **state)
{
    (void)state;
    fflush(NULL);
    for (unsigned closed = 0; closed < 8; closed++) {
        int ends[2];
        char byte = 0;
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        pid_t child = fork();
        if (child == 0)
            _exit(after_detach(closed, ends[1]));
        close(ends[1]);
        assert_int_equal(status_of(child), 0);
        assert_int_equal(read(ends[0], &byte, 1), 1);
        assert_int_equal(byte, 'k');
        assert_int_equal(read(ends[0], &byte, 1), 0); /* and nobody has it any more */
        close(ends[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_standard_descriptors_are_nobody_elses),
        cmocka_unit_test(what_is_kept_is_kept_whatever_its_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
