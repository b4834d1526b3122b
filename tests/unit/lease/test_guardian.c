/* SPDX-License-Identifier: Apache-2.0
 * How long a guardian lives, and that holders wait for each other. */
#include "support/lease_world.h"
#include "support/support.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT WTL_KNOB_power_limit_w
#define CLOCK WTL_KNOB_sm_clock_mhz

static struct lease_world w;

static int set_up(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    lease_world_open(&w, 3);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    lease_world_close(&w);
    return 0;
}

static struct wtl_lease *take(enum wtl_knob knob)
{
    struct wtl_error err = {0};
    struct wtl_lease *l = NULL;
    assert_ok(lease_world_take(&w, WTL_LEASE_LOAN, knob, 1, &l, &err), &err);
    return l;
}

/* Whether it ends within so many milliseconds; a zombie has ended. */
static bool ends_within(int pidfd, int ms)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    return poll(&p, 1, ms) == 1;
}

static void one_guards_all_leases_and_goes_with_the_holder(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    assert_int_equal(wtl_holder_guardian(w.holder), 0); /* nothing to guard */
    struct wtl_lease *limit = take(LIMIT);
    pid_t pid = wtl_holder_guardian(w.holder);
    assert_true(pid > 0 && pid != getpid());
    struct wtl_lease *clock = take(CLOCK);
    assert_int_equal(wtl_holder_guardian(w.holder), pid);
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        skip(); /* an old kernel */
    assert_ok(wtl_lease_close(limit, &err), &err);
    assert_ok(wtl_lease_close(clock, &err), &err);
    assert_false(ends_within(pidfd, 0));
    lease_world_restart(&w);
    assert_true(ends_within(pidfd, 5000));
    close(pidfd);
}

/* The guardian sees another state directory than we, and cannot use it. */
static void without_a_guardian_nothing_is_lent(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = NULL;
    char right[sizeof w.state_dir];
    memcpy(right, w.state_dir, sizeof right);
    snprintf(w.state_dir, sizeof w.state_dir, "/proc/none");
    assert_true(lease_world_take(&w, WTL_LEASE_LOAN, LIMIT, 1, &l, &err) < 0);
    memcpy(w.state_dir, right, sizeof right);
    assert_null(l);
    assert_non_null(strstr(err.message, "guardian"));
    assert_non_null(strstr(err.message, "/proc/none"));
    assert_int_equal(wtl_holder_guardian(w.holder), 0);
    assert_int_equal(w.room->board[0].sets, 0);
    l = take(LIMIT); /* and then it can be */
    assert_ok(wtl_lease_close(l, &err), &err);
}

static void a_loan_is_never_kept(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = take(LIMIT);
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(130), &err), &err);
    assert_int_equal(wtl_lease_keep(l, &err), -WTL_USAGE);
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_near(w.room->board[0].limit_w, 250, 0);
}

/* Another process changes leases for a moment: who comes meanwhile takes nothing before it is done.
 */
static void who_comes_waits_for_the_book(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    int ends[2], status = 0;
    char byte;
    void *shared =
        mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    volatile int *done = shared;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct wtl_book book;
        if (wtl_book_open(w.state_dir, &book, &err) < 0 || wtl_book_lock(&book, &err) < 0 ||
            write(ends[1], "", 1) != 1)
            _exit(1);
        usleep(50000);
        *done = 1;
        wtl_book_unlock(&book);
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    struct wtl_lease *l = take(LIMIT);
    assert_int_equal(*done, 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_ok(wtl_lease_close(l, &err), &err);
    (void)munmap(shared, sizeof(int));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(one_guards_all_leases_and_goes_with_the_holder),
        T(without_a_guardian_nothing_is_lent),
        T(a_loan_is_never_kept),
        T(who_comes_waits_for_the_book),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
