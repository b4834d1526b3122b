/* SPDX-License-Identifier: Apache-2.0
 * A virtual machine room for a test. */
#include "support/room.h"

#include "base/dirs.h"
#include "support/support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void say_ready(void *ctx)
{
    (void)!write(*(int *)ctx, "r", 1);
}

/* In the child: does not come back. */
static void be_host(const char *dir, int n, bool persistence, int stop_fd, int ready_fd)
{
    static struct wtl_sim_board boards[WTL_ROOM_GPUS];
    struct wtl_error err = {0};
    int lock = -1;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves no host */
    for (int i = 0; i < n; i++)
        wtl_sim_board_plain(&boards[i]);
    boards[0].capabilities |= WTL_SIM_GPM;
    boards[2].capabilities = 0;
    boards[2].architecture = WTL_SIM_PASCAL;
    const struct wtl_simhost_options options = {
        .dir = dir,
        .clock = wtl_clock_system(),
        .boards = boards,
        .n = (size_t)n,
        .seed = 1,
        .persistence = persistence,
        .ready = say_ready,
        .ctx = &ready_fd,
        .stop_fd = stop_fd,
    };
    int rc = wtl_simhost_take(dir, &lock, &err);
    if (rc == 0)
        rc = wtl_simhost_run(&options, lock, &err);
    if (rc < 0)
        fprintf(stderr, "host: %s\n", err.message);
    _exit(rc < 0);
}

static void start(struct test_room *room, int n, bool persistence)
{
    int stop[2], ready[2];
    char byte;
    assert_int_equal(pipe(stop), 0);
    assert_int_equal(pipe(ready), 0);
    fflush(NULL);
    room->host = fork();
    assert_true(room->host >= 0);
    if (room->host == 0) {
        close(stop[1]);
        close(ready[0]);
        be_host(room->dir, n, persistence, stop[0], ready[1]);
    }
    close(stop[0]);
    close(ready[1]);
    room->stop_fd = stop[1];
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
}

void test_room_start(struct test_room *room, int n, bool persistence)
{
    struct wtl_error err = {0};
    char dir[WTL_LIMIT_PATH];
    make_temporary_directory(room->run, sizeof room->run);
    assert_int_equal(chmod(room->run, 0755), 0);
    assert_int_equal(setenv("WATTLE_RUN_DIR", room->run, 1), 0);
    assert_ok(wtl_dir_make(WTL_DIR_RUN, "sim", dir, &err), &err);
    snprintf(room->dir, sizeof room->dir, "%s/sim", room->run);
    start(room, n, persistence);
}

void test_room_start_again(struct test_room *room, int n)
{
    start(room, n, true);
}

int test_room_end(struct test_room *room, int signal)
{
    int status = 0;
    if (signal)
        assert_int_equal(kill(room->host, signal), 0);
    close(room->stop_fd); /* readable: end of file */
    assert_int_equal(waitpid(room->host, &status, 0), room->host);
    return status;
}

void test_room_stop(struct test_room *room)
{
    assert_int_equal(test_room_end(room, 0), 0);
    remove_tree(room->run);
    unsetenv("WATTLE_RUN_DIR");
}

bool test_wait(bool (*what)(void *ctx), void *ctx)
{
    const struct timespec pause = {.tv_nsec = 3000000};
    for (int i = 0; i < 1700; i++) {
        if (what(ctx))
            return true;
        nanosleep(&pause, NULL);
    }
    return false;
}
