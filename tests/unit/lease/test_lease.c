/* SPDX-License-Identifier: Apache-2.0
 * Taking, setting, keeping, ending leases, over scripted boards. */
#include "support/lease_world.h"
#include "support/support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
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

/* Leases in the book that are not closed. */
static size_t open_leases(void)
{
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_book book;
    struct wtl_book_entry *entries;
    size_t n, open = 0;
    assert_ok(wtl_book_open(w.state_dir, &book, &err), &err);
    assert_ok(wtl_book_list(&book, &arena, &entries, &n, &err), &err);
    for (size_t i = 0; i < n; i++)
        open += entries[i].unreadable || entries[i].record.state != WTL_LEASE_CLOSED;
    wtl_book_close(&book);
    return open;
}

/* ---- Loans ----------------------------------------------------------------------------------- */

static void a_loan_is_put_back(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 2);
    assert_int_equal(w.room->board[0].sets, 0);
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(200), &err), &err);
    assert_ok(wtl_lease_set(l, 1, wtl_knob_at(150.5), &err), &err);
    assert_near(w.room->board[0].limit_w, 200, 0);
    assert_near(w.room->board[1].limit_w, 150.5, 0);
    assert_near(wtl_lease_knob(l, 1)->found.requested.hi, 150.5, 0);
    assert_int_equal(open_leases(), 1);
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_near(w.room->board[0].limit_w, 250, 0);
    assert_near(w.room->board[1].limit_w, 250, 0);
    assert_int_equal(open_leases(), 0);
}

static void a_clock_lock_is_released(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = take(WTL_LEASE_LOAN, CLOCK, 1);
    assert_false(wtl_lease_knob(l, 0)->record.prior_read);
    assert_ok(wtl_lease_set(l, 0, (struct wtl_knob_value){false, 300, 1140}, &err), &err);
    assert_true(w.room->board[0].sm_locked);
    assert_near(w.room->board[0].sm_hi, 1140, 0);
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_false(w.room->board[0].sm_locked);
}

static void what_was_never_set_is_not_written(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1);
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_int_equal(w.room->board[0].sets, 0);
    assert_int_equal(open_leases(), 0);
}

static void closing_the_holder_closes_its_loans(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1);
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(120), &err), &err);
    lease_world_restart(&w);
    assert_near(w.room->board[0].limit_w, 250, 0);
    assert_int_equal(open_leases(), 0);
}

/* ---- Standing leases ------------------------------------------------------------------------- */

static void a_kept_lease_stays_until_it_is_ended(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    struct wtl_lease *l = take(WTL_LEASE_STANDING, LIMIT, 1);
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(180), &err), &err);
    assert_ok(wtl_lease_keep(l, &err), &err);
    lease_world_restart(&w);
    assert_near(w.room->board[0].limit_w, 180, 0);
    assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
    assert_int_equal(report.n, 0);
    assert_near(w.room->board[0].limit_w, 180, 0);
    struct wtl_restore_filter all = {.all_standing = true};
    assert_ok(lease_world_restore(&w, &all, &report, &err), &err);
    assert_int_equal(report.n, 1);
    assert_true(report.leases[0].closed);
    assert_near(w.room->board[0].limit_w, 250, 0);
    assert_ok(lease_world_restore(&w, &all, &report, &err), &err);
    assert_int_equal(report.n, 0);
}

static void one_that_was_not_kept_is_put_back(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = take(WTL_LEASE_STANDING, LIMIT, 1);
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(180), &err), &err);
    lease_world_restart(&w);
    assert_near(w.room->board[0].limit_w, 250, 0);
}

static void it_can_be_ended_by_number_or_name(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    struct wtl_lease_want want = {wtl_machine_device(w.machine, 0), LIMIT};
    struct wtl_lease_request request = {.kind = WTL_LEASE_STANDING,
                                        .name = "night",
                                        .purpose = "test",
                                        .wants = &want,
                                        .n_wants = 1};
    struct wtl_lease *l;
    assert_ok(wtl_lease_acquire(w.holder, &request, &l, &err), &err);
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(180), &err), &err);
    assert_ok(wtl_lease_keep(l, &err), &err);
    struct wtl_restore_filter filter = {.standing = "night"};
    assert_int_equal(lease_world_restore(&w, &filter, &report, &err), -WTL_BUSY);
    assert_non_null(strstr(err.message, "night"));
    assert_ok(wtl_lease_close(l, &err), &err);
    struct wtl_restore_filter nowhere = {.standing = "day"};
    assert_int_equal(lease_world_restore(&w, &nowhere, &report, &err), -WTL_NOTFOUND);
    assert_near(w.room->board[0].limit_w, 180, 0);
    assert_ok(lease_world_restore(&w, &filter, &report, &err), &err);
    assert_near(w.room->board[0].limit_w, 250, 0);
    assert_ok(lease_world_restore(&w, &filter, &report, &err), &err); /* twice is fine */
}

/* "2" may be a number and a name; who gives a name, as units do, means no number. */
static void a_name_is_no_number(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    struct wtl_lease *l = take(WTL_LEASE_STANDING, LIMIT, 1);
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)wtl_lease_record(l)->id);
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(180), &err), &err);
    assert_ok(wtl_lease_keep(l, &err), &err);
    assert_ok(wtl_lease_close(l, &err), &err);
    struct wtl_restore_filter filter = {.standing = number};
    assert_int_equal(lease_world_restore(&w, &filter, &report, &err), -WTL_NOTFOUND);
    struct wtl_lease_want want = {wtl_machine_device(w.machine, 1), LIMIT};
    struct wtl_lease_request request = {.kind = WTL_LEASE_STANDING,
                                        .name = number,
                                        .purpose = "test",
                                        .wants = &want,
                                        .n_wants = 1};
    assert_ok(wtl_lease_acquire(w.holder, &request, &l, &err), &err);
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(170), &err), &err);
    assert_ok(wtl_lease_keep(l, &err), &err);
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_ok(lease_world_restore(&w, &filter, &report, &err), &err);
    assert_near(w.room->board[0].limit_w, 180, 0);
    assert_near(w.room->board[1].limit_w, 250, 0);
}

static void one_of_ours_is_taken_over_with_its_prior(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    w.room->board[0].limit_w = 240;
    struct wtl_lease *l = take(WTL_LEASE_STANDING, LIMIT, 1);
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(180), &err), &err);
    assert_ok(wtl_lease_keep(l, &err), &err);
    lease_world_restart(&w);
    struct wtl_lease_want want = {wtl_machine_device(w.machine, 0), LIMIT};
    struct wtl_lease_request request = {
        .kind = WTL_LEASE_STANDING, .purpose = "test", .wants = &want, .n_wants = 1};
    assert_int_equal(wtl_lease_acquire(w.holder, &request, &l, &err), -WTL_BUSY);
    assert_non_null(strstr(err.hint, "wattle restore 1"));
    request.take_over = true;
    assert_ok(wtl_lease_acquire(w.holder, &request, &l, &err), &err);
    assert_true(wtl_lease_was_taken_over(l));
    assert_int_equal(wtl_lease_record(l)->id, 1);
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(160), &err), &err);
    assert_ok(wtl_lease_keep(l, &err), &err);
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_near(w.room->board[0].limit_w, 160, 0);
    struct wtl_restore_filter all = {.all_standing = true};
    assert_ok(lease_world_restore(&w, &all, &report, &err), &err);
    assert_near(w.room->board[0].limit_w, 240, 0);
}

/* ---- Arbitration ----------------------------------------------------------------------------- */

static void a_second_one_is_told_the_first(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1), *second = NULL;
    assert_int_equal(lease_world_take(&w, WTL_LEASE_LOAN, LIMIT, 2, &second, &err), -WTL_BUSY);
    assert_null(second);
    assert_non_null(strstr(err.message, "fake:0"));
    assert_non_null(strstr(err.message, "loan lease 1"));
    char pid[24];
    snprintf(pid, sizeof pid, "pid %d", (int)getpid());
    assert_non_null(strstr(err.message, pid));
    struct wtl_lease *clock = take(WTL_LEASE_LOAN, CLOCK, 1); /* another knob is free */
    assert_ok(wtl_lease_close(clock, &err), &err);
    assert_ok(wtl_lease_close(l, &err), &err);
    second = take(WTL_LEASE_LOAN, LIMIT, 1);
    assert_ok(wtl_lease_close(second, &err), &err);
}

/* Runs `fn` in a child that is then killed without having closed anything. */
static void in_a_child_that_dies(void (*fn)(void))
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        fn();
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void set_and_die(void)
{
    struct lease_world mine = {0};
    struct wtl_error err = {0};
    struct wtl_lease *l;
    if (!lease_world_enter(&mine, w.dir, &err) ||
        lease_world_take(&mine, WTL_LEASE_LOAN, LIMIT, 2, &l, &err) < 0 ||
        wtl_lease_set(l, 0, wtl_knob_at(111), &err) < 0 ||
        wtl_lease_set(l, 1, wtl_knob_at(112), &err) < 0)
        _exit(1);
}

static void wait_until_closed(void)
{
    for (int i = 0; i < 1000 && open_leases() > 0; i++)
        usleep(2000);
    assert_int_equal(open_leases(), 0);
}

static void the_guardian_puts_back_what_the_dead_held(void **state)
{
    (void)state;
    in_a_child_that_dies(set_and_die);
    wait_until_closed();
    assert_near(w.room->board[0].limit_w, 250, 0);
    assert_near(w.room->board[1].limit_w, 250, 0);
}

static void keep_and_die(void)
{
    struct lease_world mine = {0};
    struct wtl_error err = {0};
    struct wtl_lease *l;
    if (!lease_world_enter(&mine, w.dir, &err) ||
        lease_world_take(&mine, WTL_LEASE_STANDING, LIMIT, 1, &l, &err) < 0 ||
        wtl_lease_set(l, 0, wtl_knob_at(155), &err) < 0 || wtl_lease_keep(l, &err) < 0)
        _exit(1);
}

static void a_standing_lease_survives_its_holder(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    in_a_child_that_dies(keep_and_die);
    struct wtl_lease *l = NULL;
    usleep(50000); /* the guardian had its turn */
    assert_near(w.room->board[0].limit_w, 155, 0);
    assert_int_equal(open_leases(), 1);
    assert_int_equal(lease_world_take(&w, WTL_LEASE_LOAN, LIMIT, 1, &l, &err), -WTL_BUSY);
}

/* ---- The next start -------------------------------------------------------------------------- */

/* A lease whose holder is gone without a guardian: its lock is let go of behind its back. */
static void orphan(enum wtl_lease_kind kind, double limit_w, bool keep)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct lease_world mine = {0};
        struct wtl_error err = {0};
        struct wtl_lease *l;
        mine.watch = w.watch;
        if (!lease_world_enter(&mine, w.dir, &err) ||
            lease_world_take(&mine, kind, LIMIT, 1, &l, &err) < 0 ||
            wtl_lease_set(l, 0, wtl_knob_at(limit_w), &err) < 0 ||
            (keep && wtl_lease_keep(l, &err) < 0))
            _exit(1);
        kill(wtl_holder_guardian(mine.holder), SIGKILL);
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static void the_next_one_who_takes_a_lease_puts_back(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    orphan(WTL_LEASE_LOAN, 130, false);
    assert_near(w.room->board[0].limit_w, 130, 0);
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1);
    assert_near(w.room->board[0].limit_w, 250, 0);
    assert_near(wtl_lease_knob(l, 0)->record.prior.hi, 250, 0);
    assert_ok(wtl_lease_close(l, &err), &err);
}

/* The lease of another holder, who sets, keeps and goes while we are busy with an earlier one. */
static struct wtl_lease *kept_amid;

static void keep_amid(void *ctx, int board, bool set)
{
    (void)ctx;
    (void)board;
    (void)set;
    struct wtl_error err = {0};
    struct wtl_lease *l = kept_amid;
    if (!l)
        return;
    kept_amid = NULL;
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(1110), &err), &err);
    assert_ok(wtl_lease_keep(l, &err), &err);
    assert_ok(wtl_lease_close(l, &err), &err);
}

/* A child that holds a loan, has no guardian, and waits to be killed. */
static pid_t living_orphan(void)
{
    int fds[2];
    char byte;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct lease_world mine = {0};
        struct wtl_error err = {0};
        struct wtl_lease *l;
        if (!lease_world_enter(&mine, w.dir, &err) ||
            lease_world_take(&mine, WTL_LEASE_LOAN, LIMIT, 1, &l, &err) < 0 ||
            wtl_lease_set(l, 0, wtl_knob_at(130), &err) < 0)
            _exit(1);
        kill(wtl_holder_guardian(mine.holder), SIGKILL);
        if (write(fds[1], "", 1) == 1)
            pause();
        _exit(1);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    close(fds[0]);
    return child;
}

static void one_that_is_kept_meanwhile_is_not_put_back(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    struct lease_world other = {0};
    w.watch.after = keep_amid;
    lease_world_restart(&w); /* devices that tell */
    pid_t child = living_orphan();
    assert_true(lease_world_enter(&other, w.dir, &err));
    assert_ok(
        lease_world_take(&other, WTL_LEASE_STANDING, WTL_KNOB_sm_clock_mhz, 1, &kept_amid, &err),
        &err);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    int rc = lease_world_restore(&w, NULL, &report, &err);
    lease_world_leave(&other);
    assert_ok(rc, &err);
    assert_null(kept_amid);
    assert_int_equal(report.n, 1);
    assert_near(w.room->board[0].limit_w, 250, 0);
    assert_int_equal(open_leases(), 1);
}

static void restore_is_idempotent(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    orphan(WTL_LEASE_LOAN, 130, false);
    assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
    assert_int_equal(report.n, 1);
    assert_int_equal(report.leases[0].knobs[0].result, WTL_RESTORE_PUT_BACK);
    assert_near(report.leases[0].knobs[0].from.hi, 130, 0);
    int sets = w.room->board[0].sets;
    assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
    assert_int_equal(report.n, 0);
    assert_int_equal(w.room->board[0].sets, sets);
}

static void a_dry_run_touches_nothing(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    orphan(WTL_LEASE_LOAN, 130, false);
    int sets = w.room->board[0].sets;
    struct wtl_restore_filter dry = {.dry_run = true};
    assert_ok(lease_world_restore(&w, &dry, &report, &err), &err);
    assert_int_equal(report.n, 1);
    assert_false(report.leases[0].closed);
    assert_true(report.leases[0].dry);
    assert_int_equal(report.leases[0].knobs[0].result, WTL_RESTORE_PUT_BACK);
    assert_int_equal(w.room->board[0].sets, sets);
    assert_int_equal(open_leases(), 1);
}

static void a_foreign_value_is_left_alone(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    orphan(WTL_LEASE_LOAN, 130, false);
    w.room->board[0].limit_w = 175; /* somebody with nvidia-smi */
    assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
    assert_int_equal(report.leases[0].knobs[0].result, WTL_RESTORE_FOREIGN);
    assert_near(w.room->board[0].limit_w, 175, 0);
    assert_int_equal(open_leases(), 0);
}

/* Changes a byte of every slot of knob 0 in the file of lease 1, or cuts the slots off. */
static void damage_sets(bool cut)
{
    char path[700];
    struct stat st;
    snprintf(path, sizeof path, "%s/leases/1.lease", w.state_dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    off_t slots = st.st_size - 2 * WTL_LEASE_SLOT;
    for (int turn = 0; turn < 2; turn++)
        assert_int_equal(pwrite(fd, "#", 1, slots + (off_t)turn * WTL_LEASE_SLOT + 4), 1);
    if (cut)
        assert_int_equal(ftruncate(fd, slots), 0);
    close(fd);
}

static void a_damaged_record_is_no_reason_to_give_up(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    orphan(WTL_LEASE_LOAN, 130, false);
    damage_sets(false);
    assert_int_equal(lease_world_restore(&w, NULL, &report, &err), -WTL_FAILED);
    assert_non_null(strstr(err.message, "damaged"));
    assert_non_null(strstr(err.message, "250 W"));
    assert_int_equal(open_leases(), 1);
    w.room->board[0].limit_w = 250; /* by hand, as it says */
    assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
    assert_int_equal(report.n, 1);
    assert_int_equal(report.leases[0].knobs[0].result, WTL_RESTORE_UNCHANGED);
    assert_int_equal(open_leases(), 0);
}

static void a_record_that_is_cut_off_is_not_closed(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    orphan(WTL_LEASE_LOAN, 130, false);
    damage_sets(true);
    (void)lease_world_restore(&w, NULL, &report, &err);
    struct wtl_book book;
    struct wtl_book_entry *entries;
    size_t n;
    assert_ok(wtl_book_open_to_read(w.state_dir, &book, &err), &err);
    assert_ok(wtl_book_list(&book, &w.arena, &entries, &n, &err), &err);
    wtl_book_close(&book);
    assert_int_equal(n, 1);
    assert_true(entries[0].unreadable);
}

static void a_pipe_in_the_book_makes_nobody_wait(void **state)
{
    (void)state;
    char path[700];
    struct wtl_error err = {0};
    snprintf(path, sizeof path, "%s/leases/7.lease", w.state_dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(20);
    struct wtl_lease *l = NULL;
    int rc = lease_world_take(&w, WTL_LEASE_LOAN, LIMIT, 1, &l, &err);
    alarm(0);
    assert_int_equal(rc, -WTL_BUSY); /* whatever it is, it may have been a lease */
    assert_ok(lease_world_forget(&w, 7, &err), &err);
    l = take(WTL_LEASE_LOAN, LIMIT, 1);
    assert_int_equal(wtl_lease_record(l)->id, 8);
    assert_ok(wtl_lease_close(l, &err), &err);
}

static void a_foreign_value_is_told_to_the_holder(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1);
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(130), &err), &err);
    w.room->board[0].limit_w = 175;
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_near(w.room->board[0].limit_w, 175, 0);
    assert_non_null(strstr(w.last_warning, "175 W"));
}

static void another_driver_load_is_closed_never_replayed(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    orphan(WTL_LEASE_LOAN, 130, false);
    w.room->board[0].load++;
    w.room->board[0].limit_w = 130; /* by whatever chance */
    lease_world_restart(&w);
    int sets = w.room->board[0].sets;
    assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
    assert_int_equal(report.n, 1);
    assert_int_equal(report.leases[0].knobs[0].result, WTL_RESTORE_EPOCH);
    assert_int_equal(w.room->board[0].sets, sets);
    assert_int_equal(open_leases(), 0);
}

static void so_is_a_standing_lease_of_another_load(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    orphan(WTL_LEASE_STANDING, 130, true);
    w.room->board[0].load++;
    w.room->board[0].limit_w = 250;
    lease_world_restart(&w);
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1); /* nobody holds it */
    assert_int_equal(w.room->board[0].sets, 1);
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_int_equal(open_leases(), 0);
}

static void an_absent_device_keeps_the_lease_open(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    orphan(WTL_LEASE_LOAN, 130, false);
    w.room->n = 0;
    lease_world_restart(&w);
    assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
    assert_int_equal(report.leases[0].knobs[0].result, WTL_RESTORE_ABSENT);
    assert_int_equal(open_leases(), 1);
    w.room->n = 3;
    lease_world_restart(&w);
    assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
    assert_near(w.room->board[0].limit_w, 250, 0);
    assert_int_equal(open_leases(), 0);
}

static void a_lost_board_keeps_the_lease_open(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 2);
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(130), &err), &err);
    assert_ok(wtl_lease_set(l, 1, wtl_knob_at(131), &err), &err);
    w.room->board[1].lost = true;
    assert_int_equal(wtl_lease_close(l, &err), -WTL_FAILED);
    assert_non_null(strstr(err.message, "fake:1"));
    assert_near(w.room->board[0].limit_w, 250, 0); /* the others are put back all the same */
    assert_int_equal(open_leases(), 1);
    assert_int_equal(lease_world_restore(&w, NULL, &report, &err), -WTL_FAILED);
    w.room->board[1].lost = false;
    assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
    assert_near(w.room->board[1].limit_w, 250, 0);
    assert_int_equal(open_leases(), 0);
}

/* A restore that fails again and again must not take its own attempts for somebody else's. */
static void a_restore_that_failed_often_still_knows_our_value(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    orphan(WTL_LEASE_LOAN, 130, false);
    w.room->fault = FAKE_IGNORED;
    w.room->fail_at = 1;
    w.room->sticky = true;
    for (int i = 0; i < 4; i++)
        assert_int_equal(lease_world_restore(&w, NULL, &report, &err), -WTL_FAILED);
    w.room->fail_at = 0;
    assert_near(w.room->board[0].limit_w, 130, 0);
    assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
    assert_int_equal(report.leases[0].knobs[0].result, WTL_RESTORE_PUT_BACK);
    assert_near(w.room->board[0].limit_w, 250, 0);
}

/* ---- Values ---------------------------------------------------------------------------------- */

static void values_outside_are_refused_before_anything(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1);
    assert_int_equal(wtl_lease_set(l, 0, wtl_knob_at(301), &err), -WTL_USAGE);
    assert_string_equal(err.hint, "it takes 100 W to 300 W");
    assert_int_equal(wtl_lease_set(l, 0, wtl_knob_at(99.9), &err), -WTL_USAGE);
    assert_int_equal(w.room->board[0].sets, 0);
    assert_ok(wtl_lease_close(l, &err), &err);
    l = take(WTL_LEASE_LOAN, CLOCK, 1);
    assert_int_equal(wtl_lease_set(l, 0, wtl_knob_at(1400), &err), -WTL_USAGE);
    assert_string_equal(err.hint, "the nearest are 1395 MHz and 1410 MHz");
    assert_int_equal(wtl_lease_set(l, 0, wtl_knob_at(1500), &err), -WTL_USAGE);
    assert_string_equal(err.hint, "the nearest is 1410 MHz");
    assert_int_equal(wtl_lease_set(l, 0, wtl_knob_at(200), &err), -WTL_USAGE);
    assert_string_equal(err.hint, "the nearest is 300 MHz");
    assert_int_equal(w.room->board[0].sets, 0);
    assert_ok(wtl_lease_close(l, &err), &err);
}

static void too_many_sets_are_refused(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    w.stopped = true;
    lease_world_restart(&w);
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1);
    for (int i = 0; i < 10; i++)
        assert_ok(wtl_lease_set(l, 0, wtl_knob_at(200 + i), &err), &err);
    assert_int_equal(wtl_lease_set(l, 0, wtl_knob_at(220), &err), -WTL_LIMIT);
    assert_near(w.room->board[0].limit_w, 209, 0);
    w.now_ns += 50000000; /* 20 a second */
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(220), &err), &err);
    assert_int_equal(wtl_lease_set(l, 0, wtl_knob_at(221), &err), -WTL_LIMIT);
    assert_ok(wtl_lease_close(l, &err), &err); /* putting back is not limited */
    assert_near(w.room->board[0].limit_w, 250, 0);
}

static void a_device_that_takes_something_else_is_found_out(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    static const enum fake_fault faults[] = {FAKE_OTHER_VALUE, FAKE_IGNORED};
    for (int i = 0; i < 2; i++) {
        struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1);
        w.room->fault = faults[i];
        w.room->fail_at = w.room->calls + 1;
        assert_int_equal(wtl_lease_set(l, 0, wtl_knob_at(200), &err), -WTL_FAILED);
        assert_non_null(strstr(err.message, i == 0 ? "205 W" : "250 W"));
        w.room->fail_at = 0;
        assert_ok(wtl_lease_close(l, &err), &err);
    }
    assert_near(w.room->board[0].limit_w, 250, 0);
}

/* ---- What cannot be -------------------------------------------------------------------------- */

static void refused(const char *words, int code)
{
    struct wtl_error err = {0};
    struct wtl_lease *l = NULL;
    assert_int_equal(lease_world_take(&w, WTL_LEASE_STANDING, LIMIT, 1, &l, &err), -code);
    assert_null(l);
    assert_non_null(strstr(err.message, words));
    assert_true(err.hint[0]);
    assert_int_equal(w.room->board[0].sets, 0);
}

static void without_permission_it_says_what_to_do(void **state)
{
    (void)state;
    w.watch.read_only = true;
    lease_world_restart(&w);
    refused("may not set the power limit of fake:0", WTL_PERMISSION);
}

static void nothing_stands_on_a_device_that_goes(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    w.watch.ephemeral = true;
    lease_world_restart(&w);
    refused("lives in this process alone", WTL_UNSUPPORTED);
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1); /* a loan is fine, without guardian */
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(200), &err), &err);
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_near(w.room->board[0].limit_w, 250, 0);
}

static void without_a_journal_nothing_is_set(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = NULL;
    char path[700];
    /* the name that new leases are written under is taken by a directory */
    snprintf(path, sizeof path, "%s/leases/.new", w.state_dir);
    assert_int_equal(mkdir(path, 0700), 0);
    int rc = lease_world_take(&w, WTL_LEASE_LOAN, LIMIT, 1, &l, &err);
    assert_true(rc < 0);
    assert_null(l);
    assert_non_null(strstr(err.hint, "nothing is set"));
    assert_int_equal(w.room->board[0].sets, 0);
    assert_int_equal(rmdir(path), 0);
}

static void old_leases_go_and_numbers_do_not_return(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    int64_t last = 0;
    for (int i = 0; i < 80; i++) {
        struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1);
        assert_true(wtl_lease_record(l)->id > last);
        last = wtl_lease_record(l)->id;
        assert_ok(wtl_lease_close(l, &err), &err);
    }
    WTL_ARENA(arena);
    struct wtl_book book;
    struct wtl_book_entry *entries;
    size_t n;
    assert_ok(wtl_book_open(w.state_dir, &book, &err), &err);
    assert_ok(wtl_book_list(&book, &arena, &entries, &n, &err), &err);
    assert_true(n <= WTL_LEASE_HISTORY + 2);
    wtl_book_close(&book);
}

/* A reading may be an old one: what reads as put back is written once more. */
static void a_reading_is_no_proof_that_it_was_put_back(void **state)
{
    (void)state;
    struct wtl_lease *l = NULL;
    struct wtl_error err = {0};
    assert_ok(lease_world_take(&w, WTL_LEASE_LOAN, WTL_KNOB_power_limit_w, 1, &l, &err), &err);
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(150), &err), &err);
    w.room->board[0].limit_w = 250;
    int sets = w.room->board[0].sets;
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_int_equal(w.room->board[0].sets, sets + 1);
    assert_near(w.room->board[0].limit_w, 250, 0);
}

/* That write may fail and change something nevertheless: two files, and one of them cut off. */
static void what_is_written_once_more_is_looked_at(void **state)
{
    (void)state;
    struct wtl_lease *l = NULL;
    struct wtl_error err = {0};
    struct wtl_restore_filter filter = {0};
    struct wtl_restore_report report;
    assert_ok(lease_world_take(&w, WTL_LEASE_LOAN, WTL_KNOB_power_limit_w, 1, &l, &err), &err);
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(150), &err), &err);
    w.room->board[0].limit_w = 250;
    w.room->fault = FAKE_HALF_DONE;
    w.room->fail_at = w.room->calls + 1;
    w.room->sticky = true;
    assert_int_equal(wtl_lease_close(l, &err), -WTL_FAILED);
    assert_near(w.room->board[0].limit_w, 255, 0);
    w.room->fail_at = 0;
    assert_ok(lease_world_restore(&w, &filter, &report, &err), &err);
    assert_int_equal(report.n, 1);
    assert_near(w.room->board[0].limit_w, 250, 0);
}

/* A device that takes no sets, and reads as it should: it is believed. */
static void a_device_that_takes_no_sets_is_believed(void **state)
{
    (void)state;
    struct wtl_lease *l = NULL;
    struct wtl_error err = {0};
    assert_ok(lease_world_take(&w, WTL_LEASE_LOAN, WTL_KNOB_power_limit_w, 1, &l, &err), &err);
    assert_ok(wtl_lease_set(l, 0, wtl_knob_at(150), &err), &err);
    w.room->board[0].limit_w = 250;
    int sets = w.room->board[0].sets;
    w.room->fault = FAKE_TAKES_NONE;
    w.room->fail_at = 1;
    w.room->sticky = true;
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_true(w.room->board[0].sets > sets);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_loan_is_put_back),
        T(a_clock_lock_is_released),
        T(what_was_never_set_is_not_written),
        T(closing_the_holder_closes_its_loans),
        T(a_kept_lease_stays_until_it_is_ended),
        T(one_that_was_not_kept_is_put_back),
        T(it_can_be_ended_by_number_or_name),
        T(a_name_is_no_number),
        T(one_of_ours_is_taken_over_with_its_prior),
        T(a_second_one_is_told_the_first),
        T(the_guardian_puts_back_what_the_dead_held),
        T(a_standing_lease_survives_its_holder),
        T(the_next_one_who_takes_a_lease_puts_back),
        T(one_that_is_kept_meanwhile_is_not_put_back),
        T(restore_is_idempotent),
        T(a_reading_is_no_proof_that_it_was_put_back),
        T(what_is_written_once_more_is_looked_at),
        T(a_device_that_takes_no_sets_is_believed),
        T(a_dry_run_touches_nothing),
        T(a_foreign_value_is_left_alone),
        T(a_damaged_record_is_no_reason_to_give_up),
        T(a_record_that_is_cut_off_is_not_closed),
        T(a_pipe_in_the_book_makes_nobody_wait),
        T(a_foreign_value_is_told_to_the_holder),
        T(another_driver_load_is_closed_never_replayed),
        T(so_is_a_standing_lease_of_another_load),
        T(an_absent_device_keeps_the_lease_open),
        T(a_lost_board_keeps_the_lease_open),
        T(a_restore_that_failed_often_still_knows_our_value),
        T(values_outside_are_refused_before_anything),
        T(too_many_sets_are_refused),
        T(a_device_that_takes_something_else_is_found_out),
        T(without_permission_it_says_what_to_do),
        T(nothing_stands_on_a_device_that_goes),
        T(without_a_journal_nothing_is_set),
        T(old_leases_go_and_numbers_do_not_return),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
