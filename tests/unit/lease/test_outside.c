/* SPDX-License-Identifier: Apache-2.0
 * Leases among processes that fork, are stopped and killed, numbers that come again, clocks that
 * are set, restores at once, disks that are full, devices that lie. */
#include "attack.h"

#include <sys/file.h>
#include <sys/resource.h>

#define YEAR_NS (INT64_C(365) * 86400 * WTL_NS_PER_S)

static bool exists(const char *name)
{
    return access(in_book(name), F_OK) == 0;
}

/* ---- Forks ----------------------------------------------------------------------------------- */

static void a_fork_has_no_part_in_its_parents_leases(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1), *second = NULL;
    struct wtl_restore_report report;
    set_to(l, 180);
    pid_t guardian = wtl_holder_guardian(w.holder);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        int bad = wtl_lease_set(l, 0, wtl_knob_at(150), &err) != -WTL_USAGE;
        bad += !strstr(err.message, "is a fork of process");
        bad += lease_world_take(&w, WTL_LEASE_LOAN, CLOCK, 1, &second, &err) != -WTL_USAGE;
        bad += lease_world_restore(&w, NULL, &report, &err) != -WTL_USAGE;
        bad += wtl_lease_tend(l, &err) != -WTL_USAGE;
        bad += wtl_lease_keep(l, &err) != -WTL_USAGE;
        bad += lease_world_forget(&w, 1, &err) != -WTL_USAGE;
        wtl_holder_close(w.holder);
        _exit(bad);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_limit(180);
    assert_int_equal(open_leases(), 1);
    usleep(20000);
    assert_int_equal(kill(guardian, 0), 0); /* it was not dismissed */
    set_to(l, 170);
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_limit(250);
}

/* The child keeps the lock and the socket to the guardian; the holder is dead all the same. */
static void a_fork_that_stays_is_not_the_holder(void **state)
{
    (void)state;
    for (int guarded = 0; guarded < 2; guarded++) {
        int fds[2];
        pid_t pids[2];
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        fflush(NULL);
        pid_t holder = fork();
        if (holder == 0) {
            struct lease_world mine = {0};
            struct wtl_error err = {0};
            struct wtl_lease *l;
            if (!lease_world_enter(&mine, w.dir, &err) ||
                lease_world_take(&mine, WTL_LEASE_LOAN, LIMIT, 1, &l, &err) < 0 ||
                wtl_lease_set(l, 0, wtl_knob_at(130), &err) < 0)
                _exit(1);
            pids[0] = wtl_holder_guardian(mine.holder);
            pids[1] = fork();
            if (pids[1] == 0)
                for (;;)
                    pause();
            if (!guarded)
                kill(pids[0], SIGKILL);
            if (write(fds[1], pids, sizeof pids) != sizeof pids)
                _exit(1);
            raise(SIGKILL);
        }
        close(fds[1]);
        assert_int_equal(read(fds[0], pids, sizeof pids), sizeof pids);
        close(fds[0]);
        assert_int_equal(waitpid(holder, NULL, 0), holder);
        if (guarded)
            wait_until_closed();
        else
            assert_int_equal(restored(false).n, 1);
        assert_limit(250);
        assert_int_equal(open_leases(), 0);
        assert_int_equal(kill(pids[1], SIGKILL), 0);
    }
}

/* ---- Processes: stopped, killed, numbers that come again ------------------------------------- */

static void a_stopped_guardian_holds_nobody_up(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1);
    set_to(l, 180);
    pid_t guardian = wtl_holder_guardian(w.holder);
    assert_int_equal(kill(guardian, SIGSTOP), 0);
    alarm(20);
    assert_ok(wtl_lease_close(l, &err), &err);
    lease_world_restart(&w);
    alarm(0);
    assert_limit(250);
    assert_int_equal(kill(guardian, SIGCONT), 0); /* it finds that it was dismissed */
    struct child c = child_with_loan(130);
    assert_int_equal(kill(c.guardian, SIGSTOP), 0);
    kill_child(&c);
    alarm(20);
    assert_int_equal(restored(false).n, 1);
    alarm(0);
    assert_limit(250);
    l = take(WTL_LEASE_LOAN, LIMIT, 1);
    set_to(l, 140);
    assert_int_equal(kill(c.guardian, SIGCONT), 0); /* too late, and harmless */
    for (int i = 0; i < 2000 && kill(c.guardian, 0) == 0; i++)
        usleep(2000);
    assert_limit(140);
    assert_ok(wtl_lease_close(l, &err), &err);
}

static void a_stopped_holder_is_told_of(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = NULL;
    struct wtl_restore_report report;
    struct child c = child_with_loan(130);
    assert_int_equal(kill(c.pid, SIGSTOP), 0);
    int status;
    assert_int_equal(waitpid(c.pid, &status, WUNTRACED), c.pid);
    assert_int_equal(restored(false).n, 0);
    assert_int_equal(lease_world_take(&w, WTL_LEASE_LOAN, LIMIT, 1, &l, &err), -WTL_BUSY);
    assert_non_null(strstr(err.hint, "kill -CONT"));
    const char *names[] = {"1"};
    struct wtl_restore_filter filter = {.names = names, .n_names = 1};
    assert_int_equal(lease_world_restore(&w, &filter, &report, &err), -WTL_BUSY);
    assert_non_null(strstr(err.hint, "is stopped"));
    kill_child(&c);
    wait_until_closed();
    assert_limit(250);
}

static void a_guardian_that_died_is_replaced(void **state)
{
    (void)state;
    int fds[2];
    pid_t guardians[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t holder = fork();
    if (holder == 0) {
        struct lease_world mine = {0};
        struct wtl_error err = {0};
        struct wtl_lease *l;
        if (!lease_world_enter(&mine, w.dir, &err) ||
            lease_world_take(&mine, WTL_LEASE_LOAN, LIMIT, 1, &l, &err) < 0 ||
            wtl_lease_set(l, 0, wtl_knob_at(130), &err) < 0)
            _exit(1);
        guardians[0] = guardians[1] = wtl_holder_guardian(mine.holder);
        kill(guardians[0], SIGKILL);
        for (int i = 0; i < 2000 && guardians[1] == guardians[0]; i++) {
            if (wtl_lease_tend(l, &err) < 0)
                _exit(1);
            guardians[1] = wtl_holder_guardian(mine.holder);
            usleep(1000);
        }
        if (write(fds[1], guardians, sizeof guardians) != sizeof guardians)
            _exit(1);
        raise(SIGKILL);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], guardians, sizeof guardians), sizeof guardians);
    close(fds[0]);
    assert_int_equal(waitpid(holder, NULL, 0), holder);
    assert_int_not_equal(guardians[0], guardians[1]);
    wait_until_closed();
    assert_limit(250);
}

/* A loan as somebody else might have left it: at 130 W, before 250 W. */
static int64_t forge(const struct wtl_lease_owner *owner, const char *boot, const char *device,
                     enum wtl_lease_kind kind)
{
    struct wtl_error err = {0};
    struct wtl_book_hold hold = {.fd = -1, .lock_fd = -1};
    struct wtl_lease_knob_record knob = {.knob = LIMIT,
                                         .prior = wtl_knob_at(250),
                                         .seq = 1,
                                         .set_wall_ns = 1,
                                         .wanted = wtl_knob_at(130)};
    snprintf(knob.device, sizeof knob.device, "%s", device);
    snprintf(knob.epoch, sizeof knob.epoch, "fake-load-1");
    struct wtl_lease_record r = {.kind = kind,
                                 .purpose = "forged",
                                 .owner = *owner,
                                 .knobs = &knob,
                                 .n_knobs = 1,
                                 .state = WTL_LEASE_HELD,
                                 .state_seq = 2};
    snprintf(r.boot, sizeof r.boot, "%s", boot);
    assert_ok(wtl_book_lock(&w.holder->book, &err), &err);
    assert_ok(wtl_book_add(&w.holder->book, &r, &hold, &err), &err);
    wtl_book_unlock(&w.holder->book);
    wtl_book_let_go(&hold);
    w.room->board[0].limit_w = 130;
    return r.id;
}

static void numbers_of_processes_come_again(void **state)
{
    (void)state;
    struct wtl_lease_owner owner = w.owner;
    owner.start_ticks--; /* we have the number of one that is gone */
    for (int without_locks = 0; without_locks < 2; without_locks++) {
        forge(&owner, w.holder->boot, "fake:0", WTL_LEASE_LOAN);
        if (without_locks)
            remove_tree(in_book("locks"));
        assert_int_equal(restored(false).n, 1);
        assert_limit(250);
    }
}

/* Whoever waits for the lock of the book in vain is told who has it. */
static void a_lock_tells_its_process(void **state)
{
    (void)state;
    int64_t pid = -1;
    char command[32] = "?";
    bool stopped = true;
    int mine = open(in_book("locks/book"), O_RDWR);
    assert_true(mine >= 0);
    assert_false(wtl_process_of_lock(mine, &pid, command, &stopped));
    assert_int_equal(flock(mine, LOCK_EX | LOCK_NB), 0);
    if (!wtl_process_of_lock(mine, &pid, command, &stopped))
        skip(); /* some sandboxes show no locks */
    assert_int_equal(pid, getpid());
    assert_true(command[0]);
    assert_false(stopped);
    close(mine);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct wtl_error err = {0};
        if (wtl_book_lock(&w.holder->book, &err) == 0)
            (void)raise(SIGSTOP);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    assert_true(wtl_process_of_lock(w.holder->book.lock_fd, &pid, command, &stopped));
    assert_true(stopped);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
}

/* A process of another container cannot be looked up; its lock tells. */
static void processes_of_other_containers_go_by_their_lock(void **state)
{
    (void)state;
    struct wtl_lease_owner owner = w.owner;
    owner.pid_ns++;
    owner.pid = 1;
    forge(&owner, w.holder->boot, "fake:0", WTL_LEASE_LOAN);
    assert_int_equal(restored(false).n, 1);
    assert_limit(250);
    forge(&owner, w.holder->boot, "fake:0", WTL_LEASE_LOAN);
    int lock = open(in_book("locks/2"), O_RDWR);
    assert_true(lock >= 0);
    assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(restored(false).n_held, 1);
    assert_limit(130);
    close(lock);
    assert_int_equal(restored(false).n, 1);
    assert_limit(250);
}

static void journals_of_other_boots_are_closed(void **state)
{
    (void)state;
    struct wtl_restore_report report;
    char boot[WTL_LIMIT_NAME];
    memcpy(boot, w.holder->boot, sizeof boot);
    assert_true(boot[0]);
    /* the owner has our number and our start: on a boot before, that was another process */
    forge(&w.owner, "b007", "fake:9", WTL_LEASE_LOAN);
    report = restored(false);
    assert_int_equal(report.n, 1);
    assert_int_equal(report.leases[0].knobs[0].result, WTL_RESTORE_EPOCH);
    forge(&w.owner, "b007", "fake:9", WTL_LEASE_STANDING);
    assert_int_equal(restored(false).n, 1);
    assert_int_equal(open_leases(), 0);
    /* without an id of the boot, ours or its, nothing is thrown away */
    for (int ours = 0; ours < 2; ours++) {
        forge(&w.owner, ours ? "b007" : "", "fake:9", WTL_LEASE_STANDING);
        if (ours)
            w.holder->boot[0] = '\0';
        report = restored(false);
        assert_int_equal(report.n, 0);
        assert_int_equal(report.n_standing, 1);
        assert_int_equal(open_leases(), 1);
        memcpy(w.holder->boot, boot, sizeof boot);
        struct wtl_error err = {0};
        assert_ok(lease_world_forget(&w, 3 + ours, &err), &err);
    }
    assert_limit(130); /* none of it moved a device */
}

/* ---- Clocks that are set --------------------------------------------------------------------- */

static void the_clock_of_the_machine_decides_nothing(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_book_entry *entries;
    w.stopped = true;
    lease_world_restart(&w);
    static const int64_t steps[] = {YEAR_NS, -2 * YEAR_NS, YEAR_NS};
    struct wtl_lease *loan = take(WTL_LEASE_LOAN, LIMIT, 1);
    set_to(loan, 180);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        w.wall_step_ns += steps[i];
        set_to(loan, 170 - (double)i);
        assert_int_equal(restored(false).n, 0);
        struct wtl_lease *clock = take(WTL_LEASE_LOAN, CLOCK, 1);
        set_to(clock, 1140);
        assert_ok(wtl_lease_close(clock, &err), &err);
        assert_false(w.room->board[0].sm_locked);
    }
    size_t n = list(&entries);
    assert_true(n >= 2 && n <= WTL_LEASE_HISTORY + 2);
    assert_ok(wtl_lease_close(loan, &err), &err);
    assert_limit(250);
    assert_int_equal(open_leases(), 0);
}

/* What no device reports is known by the lease of the highest number, not of the latest hour. */
static void the_last_word_is_the_last_number(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    w.stopped = true;
    lease_world_restart(&w);
    w.wall_step_ns = YEAR_NS;
    struct wtl_lease *l = take(WTL_LEASE_STANDING, CLOCK, 1);
    set_to(l, 1140);
    assert_ok(wtl_lease_keep(l, &err), &err);
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_ok(lease_world_forget(&w, 1, &err), &err); /* closed in the future, left at 1140 */
    w.wall_step_ns = 0;
    l = take(WTL_LEASE_LOAN, CLOCK, 1);
    assert_near(wtl_lease_knob(l, 0)->record.prior.hi, 1140, 0);
    set_to(l, 1110);
    assert_ok(wtl_lease_close(l, &err), &err);
    l = take(WTL_LEASE_STANDING, CLOCK, 1);
    set_to(l, 1395);
    assert_ok(wtl_lease_keep(l, &err), &err);
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_ok(lease_world_forget(&w, 3, &err), &err);
    l = take(WTL_LEASE_LOAN, CLOCK, 1);
    assert_near(wtl_lease_knob(l, 0)->record.prior.hi, 1395, 0);
    assert_ok(wtl_lease_close(l, &err), &err);
}

/* ---- Several at once ------------------------------------------------------------------------- */

static void restores_at_once_put_back_once(void **state)
{
    (void)state;
    struct child c = child_with_loan(130);
    assert_int_equal(kill(c.guardian, SIGKILL), 0);
    kill_child(&c);
    int sets = w.room->board[0].sets, done = 0;
    pid_t children[6];
    fflush(NULL);
    for (int i = 0; i < 6; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct lease_world mine = {0};
            struct wtl_error err = {0};
            struct wtl_restore_report report = {0};
            if (!lease_world_enter(&mine, w.dir, &err) ||
                lease_world_restore(&mine, NULL, &report, &err) < 0)
                _exit(100);
            _exit((int)report.n);
        }
    }
    for (int i = 0; i < 6; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
        done += WEXITSTATUS(status);
    }
    assert_int_equal(done, 1);
    assert_int_equal(w.room->board[0].sets, sets + 1);
    assert_limit(250);
}

static void restores_beside_a_holder_leave_it_alone(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    int fds[2];
    char byte;
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct lease_world mine = {0};
        struct wtl_restore_report report = {0};
        struct wtl_restore_filter all = {.all_standing = true};
        close(fds[1]);
        if (!lease_world_enter(&mine, w.dir, &err))
            _exit(100);
        while (read(fds[0], &byte, 1) < 0) /* until the other end is closed */
            if (lease_world_restore(&mine, &all, &report, &err) < 0 || report.n != 0)
                _exit(101);
        _exit(0);
    }
    close(fds[0]);
    for (int round = 0; round < 30; round++) {
        struct wtl_lease *l = take(round & 1 ? WTL_LEASE_STANDING : WTL_LEASE_LOAN, LIMIT, 1);
        set_to(l, 180);
        assert_limit(180);
        assert_ok(wtl_lease_end(l, &err), &err);
        assert_limit(250);
    }
    close(fds[1]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(open_leases(), 0);
}

/* ---- Disks ----------------------------------------------------------------------------------- */

static void limit_files_to(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_refuses_every_write(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = NULL;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    int refused = 0;
    for (rlim_t room = 0;; room += 128) {
        limit_files_to(room);
        int rc = lease_world_take(&w, WTL_LEASE_LOAN, LIMIT, 1, &l, &err);
        limit_files_to(RLIM_INFINITY);
        if (rc == 0)
            break;
        assert_int_equal(rc, -WTL_IO);
        assert_non_null(strstr(err.hint, "nothing is set"));
        assert_int_equal(open_leases(), 0);
        assert_false(exists("1.lease") || exists(".1.lease") || exists(".new"));
        refused++;
    }
    assert_true(refused >= 16);
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_int_equal(w.room->board[0].sets, 0);
    l = take(WTL_LEASE_LOAN, LIMIT, 1);
    set_to(l, 180);
    limit_files_to(0);
    int rc = wtl_lease_set(l, 0, wtl_knob_at(150), &err);
    limit_files_to(RLIM_INFINITY);
    assert_int_equal(rc, -WTL_IO);
    assert_limit(180);
    set_to(l, 170);
    limit_files_to(0);
    rc = wtl_lease_close(l, &err); /* put back all the same; only the journal does not know */
    limit_files_to(RLIM_INFINITY);
    assert_int_equal(rc, -WTL_IO);
    assert_limit(250);
    assert_int_equal(open_leases(), 1);
    assert_int_equal(restored(false).n, 1);
    assert_int_equal(open_leases(), 0);
    signal(SIGXFSZ, handler);
}

static void a_standing_lease_that_cannot_be_kept_is_put_back(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    struct wtl_lease *l = take(WTL_LEASE_STANDING, LIMIT, 1);
    set_to(l, 180);
    limit_files_to(0);
    int rc = wtl_lease_keep(l, &err);
    limit_files_to(RLIM_INFINITY);
    assert_int_equal(rc, -WTL_IO);
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_limit(250);
    assert_int_equal(open_leases(), 0);
    signal(SIGXFSZ, handler);
}

/* A read-only file system: what is open may be read, and nothing made. */
static void a_read_only_state_refuses_and_lets_look(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_book_entry *entries;
    struct wtl_lease *l = NULL;
    if (geteuid() == 0)
        skip(); /* root may write where nobody may */
    assert_int_equal(chmod(in_book("."), 0500), 0);
    int rc = lease_world_take(&w, WTL_LEASE_LOAN, LIMIT, 1, &l, &err);
    assert_int_equal(list(&entries), 0);
    assert_int_equal(chmod(in_book("."), 0700), 0);
    assert_int_equal(rc, -WTL_PERMISSION);
    assert_non_null(strstr(err.hint, "nothing is set"));
    assert_int_equal(w.room->board[0].sets, 0);
}

/* ---- Devices that lie ------------------------------------------------------------------------ */

static void a_value_that_reverts_later_is_no_foreign_one(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1);
    set_to(l, 180);
    w.room->board[0].limit_w = 250; /* it said yes, and thought better of it */
    assert_ok(wtl_lease_look(l, &err), &err);
    assert_near(wtl_lease_knob(l, 0)->found.requested.hi, 250, 0);
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_limit(250);
    assert_int_equal(open_leases(), 0);
}

/* It takes the call, reports the old value, and becomes what was asked for a moment later. */
static void a_value_that_comes_late_is_known_as_ours(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1);
    w.room->fault = FAKE_IGNORED;
    w.room->fail_at = w.room->calls + 1;
    assert_int_equal(wtl_lease_set(l, 0, wtl_knob_at(180), &err), -WTL_FAILED);
    assert_non_null(strstr(err.message, "reads back 250 W"));
    w.room->board[0].limit_w = 180;
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_limit(250);
}

static void a_restore_that_reads_the_old_value_tries_again(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1);
    set_to(l, 180);
    w.room->fault = FAKE_IGNORED;
    w.room->fail_at = w.room->calls + 1;
    w.room->sticky = true;
    assert_int_equal(wtl_lease_close(l, &err), -WTL_FAILED);
    assert_int_equal(lease_world_restore(&w, NULL, &report, &err), -WTL_FAILED);
    assert_int_equal(open_leases(), 1);
    w.room->fail_at = 0;
    assert_int_equal(restored(false).n, 1);
    assert_limit(250);
}

int main(void)
{
    if (access("/dev/shm", W_OK) == 0) /* what is on disk is not at stake */
        (void)setenv("TMPDIR", "/dev/shm", 0);
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_fork_has_no_part_in_its_parents_leases),
        T(a_fork_that_stays_is_not_the_holder),
        T(a_stopped_guardian_holds_nobody_up),
        T(a_stopped_holder_is_told_of),
        T(a_guardian_that_died_is_replaced),
        T(numbers_of_processes_come_again),
        T(a_lock_tells_its_process),
        T(processes_of_other_containers_go_by_their_lock),
        T(journals_of_other_boots_are_closed),
        T(the_clock_of_the_machine_decides_nothing),
        T(the_last_word_is_the_last_number),
        T(restores_at_once_put_back_once),
        T(restores_beside_a_holder_leave_it_alone),
        T(a_full_disk_refuses_every_write),
        T(a_standing_lease_that_cannot_be_kept_is_put_back),
        T(a_read_only_state_refuses_and_lets_look),
        T(a_value_that_reverts_later_is_no_foreign_one),
        T(a_value_that_comes_late_is_known_as_ours),
        T(a_restore_that_reads_the_old_value_tries_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
