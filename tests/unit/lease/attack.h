/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of attacks on leases share: a room of three boards, the book as others see it, and
 * a child that holds a loan. For one program each: everything is static.
 */
#ifndef WTL_TESTS_LEASE_ATTACK_H
#define WTL_TESTS_LEASE_ATTACK_H

#include "support/lease_world.h"
#include "support/support.h"

#include "lease/lease_impl.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static struct wtl_lease *take(enum wtl_lease_kind kind, enum wtl_knob knob, int n)
{
    struct wtl_error err = {0};
    struct wtl_lease *l = NULL;
    assert_ok(lease_world_take(&w, kind, knob, n, &l, &err), &err);
    return l;
}

static void set_to(struct wtl_lease *l, double value)
{
    struct wtl_error err = {0};
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(value), &err), &err);
}

/* STATE/leases/NAME. */
static const char *in_book(const char *name)
{
    static char path[800];
    snprintf(path, sizeof path, "%s/leases/%s", w.state_dir, name);
    return path;
}

/* The book as a looker finds it; in w.arena. */
static size_t list(struct wtl_book_entry **entries)
{
    struct wtl_error err = {0};
    struct wtl_book book;
    size_t n;
    assert_ok(wtl_book_open_to_read(w.state_dir, &book, &err), &err);
    assert_ok(wtl_book_list(&book, &w.arena, entries, &n, &err), &err);
    wtl_book_close(&book);
    return n;
}

static size_t open_leases(void)
{
    struct wtl_book_entry *entries;
    size_t open = 0, n = list(&entries);
    for (size_t i = 0; i < n; i++)
        open += entries[i].unreadable || wtl_book_entry_is_open(&entries[i]);
    return open;
}

static struct wtl_restore_report restored(bool all)
{
    struct wtl_error err = {0};
    struct wtl_restore_report report = {0};
    struct wtl_restore_filter filter = {.all_standing = all};
    assert_ok(lease_world_restore(&w, &filter, &report, &err), &err);
    return report;
}

static void assert_limit(double watts)
{
    assert_near(w.room->board[0].limit_w, watts, 0);
}

/* A child that holds a loan of board 0 at `watts`, and waits to be killed. */
struct child {
    pid_t pid, guardian;
};

static struct child child_with_loan(double watts)
{
    int fds[2];
    struct child c = {0};
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    fflush(NULL);
    c.pid = fork();
    if (c.pid == 0) {
        struct lease_world mine = {0};
        struct wtl_error err = {0};
        struct wtl_lease *l;
        if (!lease_world_enter(&mine, w.dir, &err) ||
            lease_world_take(&mine, WTL_LEASE_LOAN, LIMIT, 1, &l, &err) < 0 ||
            wtl_lease_set(l, 0, wtl_knob_at(watts), &err) < 0)
            _exit(1);
        pid_t guardian = wtl_holder_guardian(mine.holder);
        if (write(fds[1], &guardian, sizeof guardian) != sizeof guardian)
            _exit(1);
        close(fds[1]);
        for (;;)
            pause();
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &c.guardian, sizeof c.guardian), sizeof c.guardian);
    close(fds[0]);
    return c;
}

static void kill_child(const struct child *c)
{
    assert_int_equal(kill(c->pid, SIGKILL), 0);
    assert_int_equal(waitpid(c->pid, NULL, 0), c->pid);
}

static void wait_until_closed(void)
{
    for (int i = 0; i < 1500 && open_leases() > 0; i++)
        usleep(2000);
    assert_int_equal(open_leases(), 0);
}

#endif
