/* SPDX-License-Identifier: Apache-2.0
 * Leases whose files people and machines get at: removed, cut, changed, damaged, replaced by links;
 * locks that are taken away. */
#include "attack.h"

#include "base/file.h"

static bool exists(const char *name)
{
    return access(in_book(name), F_OK) == 0;
}

static void remove_names(const char *first, const char *second)
{
    assert_int_equal(unlink(in_book(first)), 0);
    assert_int_equal(unlink(in_book(second)), 0);
}

/* ---- Files removed by hand ------------------------------------------------------------------- */

static void a_standing_lease_without_its_file_stands(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_book_entry *entries;
    struct wtl_lease *l = take(WTL_LEASE_STANDING, LIMIT, 1), *second = NULL;
    set_to(l, 180);
    assert_ok(wtl_lease_keep(l, &err), &err);
    lease_world_restart(&w);
    assert_int_equal(unlink(in_book("1.lease")), 0);
    assert_int_equal(list(&entries), 1);
    assert_true(entries[0].by_second_name && wtl_book_entry_is_open(&entries[0]));
    assert_int_equal(lease_world_take(&w, WTL_LEASE_LOAN, LIMIT, 1, &second, &err), -WTL_BUSY);
    assert_true(exists("1.lease")); /* the next who sets puts it back, and says so */
    assert_non_null(strstr(w.last_warning, "1.lease"));
    assert_int_equal(unlink(in_book("1.lease")), 0);
    assert_int_equal(restored(true).n, 1);
    assert_limit(250);
    assert_int_equal(open_leases(), 0);
}

/* An editor writes a new file of that name; sed -i does, and so does a copy from a backup. */
static void one_that_was_changed_by_hand_is_as_it_was(void **state)
{
    (void)state;
    struct wtl_book_entry *entries;
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1);
    set_to(l, 180);
    assert_int_equal(unlink(in_book("1.lease")), 0);
    FILE *f = fopen(in_book("1.lease"), "w");
    assert_non_null(f);
    fputs("{\"wattle_lease\":1}\n", f);
    fclose(f);
    assert_int_equal(list(&entries), 1);
    assert_true(entries[0].by_second_name && !entries[0].unreadable);
    set_to(l, 170); /* the holder's file is the one that counts */
    assert_int_equal(list(&entries), 1);
    assert_near(entries[0].record.knobs[0].wanted.hi, 170, 0);
    lease_world_restart(&w);
    assert_limit(250);
    assert_int_equal(restored(false).n, 0);
}

static void a_holder_whose_record_is_gone_writes_it_again(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_book_entry *entries;
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1), *second = NULL;
    set_to(l, 180);
    remove_names("1.lease", ".1.lease");
    assert_int_equal(list(&entries), 0);
    set_to(l, 170);
    assert_non_null(strstr(w.last_warning, "written again, as lease 2"));
    assert_int_equal(list(&entries), 1);
    assert_near(entries[0].record.knobs[0].prior.hi, 250, 0);
    assert_near(entries[0].record.knobs[0].wanted.hi, 170, 0);
    assert_int_equal(lease_world_take(&w, WTL_LEASE_LOAN, LIMIT, 1, &second, &err), -WTL_BUSY);
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_limit(250);
    assert_int_equal(open_leases(), 0);
}

static void a_holder_that_sets_nothing_notices_too(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1);
    set_to(l, 180);
    assert_ok(wtl_lease_tend(l, &err), &err);
    assert_string_equal(w.last_warning, "");
    remove_names("1.lease", ".1.lease");
    assert_ok(wtl_lease_tend(l, &err), &err);
    assert_int_equal(open_leases(), 1);
    remove_names("2.lease", ".2.lease"); /* at the end it is put back from memory */
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_limit(250);
    assert_int_equal(open_leases(), 0);
}

static void the_whole_state_may_be_removed(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = take(WTL_LEASE_STANDING, LIMIT, 1);
    set_to(l, 180);
    assert_ok(wtl_lease_keep(l, &err), &err);
    remove_tree(w.state_dir);
    set_to(l, 160);
    assert_int_equal(open_leases(), 1);
    assert_ok(wtl_lease_close(l, &err), &err);
    lease_world_restart(&w);
    assert_int_equal(restored(true).n, 1);
    assert_limit(250);
}

static void what_another_was_granted_meanwhile_is_left_to_it(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct lease_world other = {0};
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1), *second = NULL;
    set_to(l, 180);
    remove_names("1.lease", ".1.lease");
    assert_true(lease_world_enter(&other, w.dir, &err));
    assert_ok(lease_world_take(&other, WTL_LEASE_LOAN, LIMIT, 1, &second, &err), &err);
    assert_ok(wtl_lease_set(second, 0, wtl_knob_at(180), &err), &err); /* the same, as it happens */
    assert_int_equal(wtl_lease_set(l, 0, wtl_knob_at(150), &err), -WTL_BUSY);
    assert_non_null(strstr(err.message, "loan lease 2"));
    assert_int_equal(wtl_lease_tend(l, &err), -WTL_BUSY);
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_limit(180);
    assert_non_null(strstr(w.last_warning, "left alone"));
    lease_world_leave(&other);
}

static void numbers_of_removed_leases_are_not_given_again(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1);
    remove_names("1.lease", ".1.lease");
    struct wtl_lease *clock = take(WTL_LEASE_LOAN, CLOCK, 1); /* lock 1 is held still */
    assert_int_equal(wtl_lease_record(clock)->id, 2);
    assert_ok(wtl_lease_close(clock, &err), &err);
    assert_ok(wtl_lease_close(l, &err), &err);
}

/* ---- Damaged files --------------------------------------------------------------------------- */

static void damage(const char *name, off_t at, const char *bytes)
{
    int fd = open(in_book(name), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, strlen(bytes), at), (ssize_t)strlen(bytes));
    close(fd);
}

static void a_lease_that_cannot_be_read_stops_everything(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    struct wtl_lease *l = take(WTL_LEASE_STANDING, LIMIT, 1);
    set_to(l, 180);
    assert_ok(wtl_lease_keep(l, &err), &err);
    lease_world_restart(&w);
    damage("1.lease", 40, "!!");
    assert_int_equal(lease_world_take(&w, WTL_LEASE_LOAN, LIMIT, 1, &l, &err), -WTL_BUSY);
    assert_non_null(strstr(err.message, "lease 1 may hold the power limit of fake:0"));
    assert_non_null(strstr(err.hint, "wattle restore --forget 1"));
    assert_int_equal(lease_world_take(&w, WTL_LEASE_LOAN, CLOCK, 1, &l, &err), -WTL_BUSY);
    report = restored(true);
    assert_int_equal(report.n, 0);
    assert_int_equal(report.n_unreadable, 1);
    assert_limit(180);
    const char *names[] = {"1"};
    struct wtl_restore_filter filter = {.names = names, .n_names = 1};
    assert_int_equal(lease_world_restore(&w, &filter, &report, &err), -WTL_CORRUPT);
    assert_non_null(strstr(err.hint, "wattle restore --forget 1"));
    assert_int_equal(lease_world_forget(&w, 7, &err), -WTL_NOTFOUND);
    assert_ok(lease_world_forget(&w, 1, &err), &err);
    assert_limit(180); /* it touches no device */
    assert_true(exists("1.forgotten"));
    assert_int_equal(open_leases(), 0);
    l = take(WTL_LEASE_LOAN, LIMIT, 1);
    assert_ok(wtl_lease_close(l, &err), &err);
}

/* The prior of a lock that no device reports is what our own record says that we left it at; not
 * what a damaged one still seems to say, which was moved since. */
static void a_damaged_record_is_no_prior(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_book_entry *entries;
    struct wtl_lease *l = take(WTL_LEASE_STANDING, CLOCK, 1);
    set_to(l, 1110);
    assert_ok(wtl_lease_keep(l, &err), &err);
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_int_equal(restored(true).n, 1);
    assert_false(w.room->board[0].sm_locked);
    assert_int_equal(list(&entries), 1);
    int64_t last = entries[0].record.knobs[0].seq;
    damage("1.lease", (off_t)wtl_lease_knob_offset(entries[0].grant_bytes, 0, last) + 40, "!");
    l = take(WTL_LEASE_LOAN, CLOCK, 1);
    assert_true(wtl_lease_record(l)->knobs[0].prior.released);
    set_to(l, 1395);
    assert_ok(wtl_lease_close(l, &err), &err);
    assert_false(w.room->board[0].sm_locked);
}

static void devices_that_end_with_us_are_free_all_the_same(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1);
    assert_ok(wtl_lease_close(l, &err), &err);
    damage("1.lease", 40, "!!");
    w.watch.ephemeral = true;
    lease_world_restart(&w);
    l = take(WTL_LEASE_LOAN, LIMIT, 1);
    assert_ok(wtl_lease_close(l, &err), &err);
}

static void a_living_lease_is_not_forgotten(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct child c = child_with_loan(130);
    assert_int_equal(lease_world_forget(&w, 1, &err), -WTL_BUSY);
    kill_child(&c);
    wait_until_closed();
    assert_limit(250);
}

static void a_lease_of_a_device_that_never_comes_back_is_forgotten(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_book_entry *entries;
    struct wtl_lease *l = take(WTL_LEASE_STANDING, LIMIT, 1);
    set_to(l, 130);
    assert_ok(wtl_lease_keep(l, &err), &err);
    lease_world_restart(&w);
    assert_ok(lease_world_forget(&w, 1, &err), &err);
    assert_limit(130);
    assert_int_equal(list(&entries), 1);
    assert_int_equal(entries[0].record.state, WTL_LEASE_CLOSED);
    assert_non_null(strstr(entries[0].record.why, "forgotten"));
    bool forgotten = true;
    assert_ok(wtl_lease_forget(w.holder, 1, &forgotten, &err), &err); /* twice is fine */
    assert_false(forgotten);
}

/* Whether it was closed is not known any more, and the value may be a later lease's. */
static void a_lease_that_may_be_over_is_not_replayed(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    struct wtl_book_entry *entries;
    struct wtl_lease *l = take(WTL_LEASE_STANDING, LIMIT, 1);
    set_to(l, 180);
    assert_ok(wtl_lease_keep(l, &err), &err);
    assert_ok(wtl_lease_end(l, &err), &err);
    assert_limit(250);
    assert_int_equal(list(&entries), 1);
    off_t closed = (off_t)wtl_lease_state_offset(entries[0].grant_bytes, 3);
    damage("1.lease", closed + 4, "!");
    w.room->board[0].limit_w = 180; /* somebody else's, and the same */
    struct wtl_restore_filter all = {.all_standing = true};
    assert_int_equal(lease_world_restore(&w, &all, &report, &err), -WTL_FAILED);
    assert_non_null(strstr(report.leases[0].knobs[0].why, "--forget 1"));
    assert_limit(180);
    w.room->board[0].limit_w = 250; /* as before: then there is nothing to tell apart */
    assert_int_equal(restored(true).n, 1);
    assert_int_equal(open_leases(), 0);
}

/* In place, under both names, at every length that a disk may leave. */
static void a_file_cut_anywhere_moves_no_device(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct stat st;
    struct child c = child_with_loan(130);
    assert_int_equal(kill(c.guardian, SIGKILL), 0);
    kill_child(&c);
    assert_int_equal(stat(in_book("1.lease"), &st), 0);
    char *text = NULL;
    size_t n;
    assert_ok(wtl_file_read(&w.arena, in_book("1.lease"), 1 << 20, &text, &n, &err), &err);
    int sets = w.room->board[0].sets;
    for (off_t cut = 0; cut < st.st_size; cut += 61) {
        assert_int_equal(truncate(in_book("1.lease"), cut), 0);
        struct wtl_restore_report report = restored(true);
        assert_int_equal(report.n, 0);
        assert_int_equal(report.n_unreadable, 1);
        FILE *f = fopen(in_book("1.lease"), "r+");
        assert_non_null(f);
        assert_int_equal(fwrite(text, 1, n, f), n);
        fclose(f);
    }
    assert_int_equal(w.room->board[0].sets, sets);
    assert_int_equal(restored(false).n, 1);
    assert_limit(250);
}

static void no_flipped_byte_moves_a_device_wrongly(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    struct wtl_lease *l = take(WTL_LEASE_STANDING, LIMIT, 1);
    set_to(l, 200);
    set_to(l, 180);
    assert_ok(wtl_lease_keep(l, &err), &err);
    lease_world_restart(&w);
    char *text;
    size_t n;
    int put_back = 0, left = 0;
    assert_ok(wtl_file_read(&w.arena, in_book("1.lease"), 1 << 20, &text, &n, &err), &err);
    for (size_t i = 0; i < n; i += 3) {
        static const double there[] = {180, 177}; /* ours, and somebody else's */
        for (int other = 0; other < 2; other++) {
            char byte[2] = {(char)(text[i] ^ (1 + (int)(i % 127))), '\0'};
            if (byte[0] == '\0')
                continue;
            damage("1.lease", (off_t)i, byte);
            w.room->board[0].limit_w = there[other];
            struct wtl_restore_filter all = {.all_standing = true};
            (void)lease_world_restore(&w, &all, &report, &err);
            double now_w = w.room->board[0].limit_w;
            assert_true(now_w >= 250 ? now_w <= 250 && !other : now_w >= there[other]);
            put_back += now_w >= 250;
            left += now_w < 250;
            FILE *f = fopen(in_book("1.lease"), "r+");
            assert_non_null(f);
            assert_int_equal(fwrite(text, 1, n, f), n);
            fclose(f);
        }
    }
    print_message("# flipped bytes: %d put back, %d left to somebody who can tell\n", put_back,
                  left);
    assert_true(put_back > 100 && left > 100);
}

/* ---- Links and strangers' files -------------------------------------------------------------- */

static void links_are_not_followed(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_book_entry *entries;
    char elsewhere[700];
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", w.dir);
    struct wtl_lease *l = take(WTL_LEASE_STANDING, LIMIT, 1);
    set_to(l, 180);
    assert_ok(wtl_lease_keep(l, &err), &err);
    lease_world_restart(&w);
    /* moved away, with a link in its place: both names still lead to it, one of them by the link */
    assert_int_equal(rename(in_book("1.lease"), elsewhere), 0);
    assert_int_equal(symlink(elsewhere, in_book("1.lease")), 0);
    assert_int_equal(list(&entries), 1);
    assert_true(entries[0].by_second_name && !entries[0].unreadable);
    assert_int_equal(unlink(in_book(".1.lease")), 0);
    assert_int_equal(list(&entries), 1);
    assert_true(entries[0].unreadable);
    assert_non_null(strstr(entries[0].why, "a link"));
    assert_int_equal(unlink(in_book("1.lease")), 0);
    assert_int_equal(rename(elsewhere, in_book("1.lease")), 0);
    /* its lock */
    assert_int_equal(unlink(in_book("locks/1")), 0);
    assert_int_equal(symlink(elsewhere, in_book("locks/1")), 0);
    struct wtl_restore_report report;
    struct wtl_restore_filter all = {.all_standing = true};
    assert_int_equal(lease_world_restore(&w, &all, &report, &err), -WTL_PERMISSION);
    assert_non_null(strstr(err.message, "locks/1\" is a link"));
    assert_int_equal(access(elsewhere, F_OK), -1);
    assert_limit(180);
    assert_int_equal(unlink(in_book("locks/1")), 0);
    assert_int_equal(restored(true).n, 1);
    assert_limit(250);
}

static void a_folder_of_locks_that_is_none_is_named(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_book book = {.dir_fd = -7};
    char elsewhere[700];
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", w.dir);
    assert_int_equal(mkdir(elsewhere, 0700), 0);
    wtl_holder_close(w.holder);
    w.holder = NULL;
    remove_tree(in_book("locks"));
    assert_int_equal(symlink(elsewhere, in_book("locks")), 0);
    assert_int_equal(wtl_book_open(w.state_dir, &book, &err), -WTL_PERMISSION);
    assert_non_null(strstr(err.message, "leases/locks\" is a link"));
    assert_int_equal(book.dir_fd, -7);
    assert_int_equal(unlink(in_book("locks")), 0);
    FILE *f = fopen(in_book("locks"), "w");
    assert_non_null(f);
    fclose(f);
    assert_true(wtl_book_open(w.state_dir, &book, &err) < 0);
    assert_non_null(strstr(err.message, "leases/locks\""));
    assert_int_equal(unlink(in_book("locks")), 0);
    assert_ok(wtl_book_open(w.state_dir, &book, &err), &err);
    assert_int_equal(unlink(in_book("locks/book")), 0);
    assert_int_equal(symlink(elsewhere, in_book("locks/book")), 0);
    wtl_book_close(&book);
    assert_int_equal(wtl_book_open(w.state_dir, &book, &err), -WTL_PERMISSION);
    assert_non_null(strstr(err.message, "locks/book\" is a link"));
    assert_int_equal(unlink(in_book("locks/book")), 0);
}

static void a_folder_that_is_a_link_is_not_entered(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_book book;
    char elsewhere[700];
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", w.dir);
    assert_int_equal(rename(in_book(""), elsewhere), 0);
    snprintf(elsewhere, sizeof elsewhere, "%s/state/leases", w.dir);
    assert_int_equal(symlink("../elsewhere", elsewhere), 0);
    assert_true(wtl_book_open(w.state_dir, &book, &err) < 0);
    assert_true(wtl_book_open_to_read(w.state_dir, &book, &err) < 0);
    assert_int_equal(unlink(elsewhere), 0);
}

/* ---- Locks removed --------------------------------------------------------------------------- */

static void a_living_holder_without_its_lock_is_alive(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l = NULL;
    struct child c = child_with_loan(130);
    remove_tree(in_book("locks"));
    for (int i = 0; i < 2; i++) { /* the first look must not make the second one believe it */
        struct wtl_restore_report report = restored(false);
        assert_int_equal(report.n, 0);
        assert_int_equal(report.n_held, 1);
        assert_int_equal(lease_world_take(&w, WTL_LEASE_LOAN, LIMIT, 1, &l, &err), -WTL_BUSY);
        assert_limit(130);
    }
    kill_child(&c);
    wait_until_closed(); /* its guardian had the book open before the locks went */
    assert_limit(250);
}

static void without_locks_the_dead_are_dead(void **state)
{
    (void)state;
    struct child c = child_with_loan(130);
    assert_int_equal(kill(c.guardian, SIGKILL), 0);
    kill_child(&c);
    remove_tree(in_book("locks"));
    assert_int_equal(restored(false).n, 1);
    assert_limit(250);
    assert_int_equal(open_leases(), 0);
}

/* Two books at once would be two holders of one knob. */
static void whoever_has_the_book_open_sees_that_its_lock_went(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_book other;
    remove_tree(in_book("locks"));
    assert_ok(wtl_book_open(w.state_dir, &other, &err), &err);
    assert_ok(wtl_book_lock(&other, &err), &err);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        /* waits for the other's lock, of a folder that it never opened */
        _exit(wtl_book_lock(&w.holder->book, &err) == 0 ? 0 : 1);
    }
    usleep(100000);
    assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
    wtl_book_unlock(&other);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    wtl_book_close(&other);
}

static void locks_of_nothing_go(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    FILE *f = fopen(in_book("locks/9"), "w"); /* of a lease that was cut short before it began */
    assert_non_null(f);
    fclose(f);
    struct wtl_lease *l = take(WTL_LEASE_LOAN, LIMIT, 1);
    assert_false(exists("locks/9"));
    assert_ok(wtl_lease_close(l, &err), &err);
}

int main(void)
{
    if (access("/dev/shm", W_OK) == 0) /* what is on disk is not at stake */
        (void)setenv("TMPDIR", "/dev/shm", 0);
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_standing_lease_without_its_file_stands),
        T(one_that_was_changed_by_hand_is_as_it_was),
        T(a_holder_whose_record_is_gone_writes_it_again),
        T(a_holder_that_sets_nothing_notices_too),
        T(the_whole_state_may_be_removed),
        T(what_another_was_granted_meanwhile_is_left_to_it),
        T(numbers_of_removed_leases_are_not_given_again),
        T(a_lease_that_cannot_be_read_stops_everything),
        T(a_damaged_record_is_no_prior),
        T(devices_that_end_with_us_are_free_all_the_same),
        T(a_living_lease_is_not_forgotten),
        T(a_lease_of_a_device_that_never_comes_back_is_forgotten),
        T(a_lease_that_may_be_over_is_not_replayed),
        T(a_file_cut_anywhere_moves_no_device),
        T(no_flipped_byte_moves_a_device_wrongly),
        T(links_are_not_followed),
        T(a_folder_of_locks_that_is_none_is_named),
        T(a_folder_that_is_a_link_is_not_entered),
        T(a_living_holder_without_its_lock_is_alive),
        T(without_locks_the_dead_are_dead),
        T(whoever_has_the_book_open_sees_that_its_lock_went),
        T(locks_of_nothing_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
