/* SPDX-License-Identifier: Apache-2.0
 * Putting back in particular cases, and what a look without taking finds. */
#include "support/lease_world.h"
#include "support/support.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
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

/* What a child does before it is killed, its guardian first. */
struct deed {
    enum wtl_lease_kind kind;
    enum wtl_knob knob;
    double value;
    bool keep;
    bool take_over;
    const char *name;
};

static int do_it(struct lease_world *mine, const struct deed *d)
{
    struct wtl_error err = {0};
    struct wtl_lease *l = NULL;
    struct wtl_lease_want want = {wtl_machine_device(mine->machine, 0), d->knob};
    struct wtl_lease_request request = {.kind = d->kind,
                                        .name = d->name,
                                        .purpose = "test",
                                        .wants = &want,
                                        .n_wants = 1,
                                        .take_over = d->take_over};
    int rc = wtl_lease_acquire(mine->holder, &request, &l, &err);
    rc = rc ? rc : wtl_lease_set(l, 0, wtl_knob_at(d->value), &err);
    return rc || !d->keep ? rc : wtl_lease_keep(l, &err);
}

static void do_it_and_die(const struct deed *d)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct lease_world mine = {0};
        struct wtl_error err = {0};
        if (!lease_world_enter(&mine, w.dir, &err) || do_it(&mine, d) < 0)
            _exit(1);
        kill(wtl_holder_guardian(mine.holder), SIGKILL);
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static void orphan(void)
{
    const struct deed d = {.kind = WTL_LEASE_LOAN, .knob = LIMIT, .value = 130};
    do_it_and_die(&d);
    assert_near(w.room->board[0].limit_w, 130, 0);
}

/* The newest record of the book. */
static struct wtl_lease_record recorded(void)
{
    struct wtl_error err = {0};
    struct wtl_book book;
    struct wtl_book_entry *entries;
    size_t n;
    assert_ok(wtl_book_open_to_read(w.state_dir, &book, &err), &err);
    assert_ok(wtl_book_list(&book, &w.arena, &entries, &n, &err), &err);
    wtl_book_close(&book);
    assert_true(n > 0);
    return entries[n - 1].record;
}

/* ---- Putting back ---------------------------------------------------------------------------- */

static void a_name_that_is_not_there_touches_nothing(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report = {0};
    const char *names[] = {"day"};
    struct wtl_restore_filter filter = {.names = names, .n_names = 1};
    orphan();
    int sets = w.room->board[0].sets;
    assert_int_equal(lease_world_restore(&w, &filter, &report, &err), -WTL_NOTFOUND);
    assert_non_null(strstr(err.message, "day"));
    assert_int_equal(w.room->board[0].sets, sets);
    assert_int_equal(recorded().state, WTL_LEASE_PENDING);
}

static void the_book_is_free_again_afterwards(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    struct wtl_book book;
    orphan();
    assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
    assert_ok(wtl_book_open(w.state_dir, &book, &err), &err);
    assert_ok(wtl_book_lock(&book, &err), &err);
    wtl_book_unlock(&book);
    wtl_book_close(&book);
}

static void the_record_says_how_it_ended(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    orphan();
    assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
    assert_string_equal(recorded().why, "put back");
    orphan();
    w.room->board[0].limit_w = 175; /* somebody else */
    assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
    assert_string_equal(recorded().why, "put back, but for what somebody else had set since");
    w.room->board[0].limit_w = 250;
    orphan();
    w.room->board[0].load++;
    lease_world_restart(&w);
    assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
    assert_string_equal(recorded().why, "of another boot or driver load: nothing to put back");
    assert_int_equal(recorded().state, WTL_LEASE_CLOSED);
}

static void the_report_says_from_what_to_what(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    orphan();
    w.room->n = 0;
    lease_world_restart(&w);
    assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
    const struct wtl_restore_knob *k = &report.leases[0].knobs[0];
    assert_int_equal(k->result, WTL_RESTORE_ABSENT);
    assert_string_equal(k->device, "fake:0");
    assert_near(k->from.hi, 130, 0);
    assert_near(k->to.hi, 250, 0);
    w.room->n = 3;
    lease_world_restart(&w);
}

/* ---- A change that was cut short ------------------------------------------------------------- */

/* A kept lease at `kept`, of which a change to `changed` was killed before the device had it. */
static void cut_short(enum wtl_knob knob, double kept, double changed)
{
    struct deed d = {WTL_LEASE_STANDING, knob, kept, true, false};
    do_it_and_die(&d);
    d = (struct deed){WTL_LEASE_STANDING, knob, changed, false, true};
    do_it_and_die(&d);
    if (knob == LIMIT)
        w.room->board[0].limit_w = kept;
    else
        w.room->board[0].sm_lo = w.room->board[0].sm_hi = kept;
    assert_int_equal(recorded().state, WTL_LEASE_HELD);
    assert_string_equal(recorded().why, "being changed");
}

static void the_record_becomes_what_is_in_force(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    cut_short(LIMIT, 180, 160);
    assert_near(recorded().knobs[0].wanted.hi, 160, 0);
    assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
    assert_int_equal(report.n, 0);
    assert_int_equal(report.n_standing, 1);
    assert_near(w.room->board[0].limit_w, 180, 0);
    assert_near(recorded().knobs[0].wanted.hi, 180, 0);
    assert_near(recorded().knobs[0].prior.hi, 250, 0);
    assert_string_equal(recorded().why, "a change was cut short");
    assert_int_equal(recorded().state, WTL_LEASE_HELD);
}

static void what_no_device_reports_is_set_back(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    cut_short(CLOCK, 1140, 1110);
    w.room->board[0].sm_lo = w.room->board[0].sm_hi = 1110; /* the device had it after all */
    assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
    assert_near(w.room->board[0].sm_hi, 1140, 0);
    assert_near(recorded().knobs[0].wanted.hi, 1140, 0);
    assert_string_equal(recorded().why, "a change was cut short");
}

/* Nor does a restore of other leases by name. */
static void a_dry_run_leaves_it_as_it_is(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    const char *names[] = {"1"};
    cut_short(CLOCK, 1140, 1110);
    const struct deed other = {
        .kind = WTL_LEASE_STANDING, .knob = LIMIT, .value = 130, .name = "other"};
    int sets = w.room->board[0].sets;
    struct wtl_restore_filter dry = {.dry_run = true};
    assert_ok(lease_world_restore(&w, &dry, &report, &err), &err);
    dry = (struct wtl_restore_filter){.dry_run = true, .names = names, .n_names = 1};
    assert_ok(lease_world_restore(&w, &dry, &report, &err), &err);
    assert_int_equal(w.room->board[0].sets, sets);
    assert_string_equal(recorded().why, "being changed");
    do_it_and_die(&other); /* whoever takes a lease settles it first */
    assert_near(w.room->board[0].sm_hi, 1140, 0);
    w.room->board[0].sm_hi = 1125;
    struct wtl_restore_filter named = {.standing = "other"};
    assert_ok(lease_world_restore(&w, &named, &report, &err), &err);
    assert_near(w.room->board[0].limit_w, 250, 0);
    assert_near(w.room->board[0].sm_hi, 1125, 0);
}

/* A lease on the knob of all boards, new or taken over, its values set until one fails. */
static int hold_all(enum wtl_knob knob, double value, struct wtl_lease **out, struct wtl_error *err)
{
    struct wtl_lease_want wants[3];
    for (size_t i = 0; i < 3; i++)
        wants[i] = (struct wtl_lease_want){wtl_machine_device(w.machine, i), knob};
    struct wtl_lease_request request = {.kind = WTL_LEASE_STANDING,
                                        .purpose = "test",
                                        .wants = wants,
                                        .n_wants = 3,
                                        .take_over = true};
    int rc = wtl_lease_acquire(w.holder, &request, out, err);
    for (size_t i = 0; i < 3 && rc == 0; i++)
        rc = wtl_lease_set(*out, i, wtl_knob_at(value), err);
    return rc;
}

static double board_at(enum wtl_knob knob, int i)
{
    return knob == LIMIT ? w.room->board[i].limit_w : w.room->board[i].sm_hi;
}

/* Those that had it already go back, too. */
static void a_change_that_fails_leaves_everything_as_it_was(void **state)
{
    (void)state;
    const struct {
        enum wtl_knob knob;
        double kept, changed;
    } turns[] = {{LIMIT, 180, 160}, {CLOCK, 1110, 1395}};
    for (int t = 0; t < 2; t++)
        for (int fault = 0; fault < 2; fault++) {
            struct wtl_error err = {0};
            struct wtl_lease *l = NULL;
            struct wtl_restore_report report;
            assert_ok(hold_all(turns[t].knob, turns[t].kept, &l, &err), &err);
            assert_ok(wtl_lease_keep(l, &err), &err);
            assert_ok(wtl_lease_close(l, &err), &err);
            w.room->board[2].broken = true;
            assert_int_equal(hold_all(turns[t].knob, turns[t].changed, &l, &err), -WTL_FAILED);
            assert_near(board_at(turns[t].knob, 0), turns[t].changed, 0);
            w.room->board[2].broken = fault; /* it may last */
            (void)wtl_lease_close(l, &err);
            w.room->board[2].broken = false;
            assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
            for (int i = 0; i < 3; i++) {
                assert_near(board_at(turns[t].knob, i), turns[t].kept, 0);
                assert_near(recorded().knobs[i].wanted.hi, turns[t].kept, 0);
            }
            assert_string_equal(recorded().why, "a change was cut short");
            struct wtl_restore_filter all = {.all_standing = true};
            assert_ok(lease_world_restore(&w, &all, &report, &err), &err);
            assert_int_equal(report.n, 1);
        }
    assert_near(w.room->board[0].limit_w, 250, 0);
    assert_false(w.room->board[0].sm_locked);
}

/* What somebody else set while it was changed stays, and the record says what it should be. */
static void a_change_that_is_taken_back_leaves_others_alone(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    cut_short(LIMIT, 180, 160);
    w.room->board[0].limit_w = 220;
    assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
    assert_near(w.room->board[0].limit_w, 220, 0);
    assert_near(recorded().knobs[0].wanted.hi, 180, 0);
}

/* ---- Looking without taking ------------------------------------------------------------------ */

static int survey(enum wtl_knob knob, size_t n, bool take_over, struct wtl_lease_knob **knobs,
                  struct wtl_error *err)
{
    struct wtl_lease_want wants[FAKE_BOARDS];
    for (size_t i = 0; i < n; i++)
        wants[i] = (struct wtl_lease_want){wtl_machine_device(w.machine, i), knob};
    struct wtl_lease_request request = {.kind = WTL_LEASE_STANDING,
                                        .purpose = "test",
                                        .wants = wants,
                                        .n_wants = n,
                                        .take_over = take_over};
    return wtl_lease_survey(w.holder, &request, &w.arena, knobs, err);
}

static void a_look_passes_by_the_dead(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease_knob *knobs;
    struct wtl_lease *l;
    assert_ok(lease_world_take(&w, WTL_LEASE_LOAN, LIMIT, 1, &l, &err), &err);
    assert_int_equal(survey(LIMIT, 2, false, &knobs, &err), -WTL_BUSY);
    assert_non_null(strstr(err.message, "loan lease 1"));
    assert_ok(wtl_lease_close(l, &err), &err);
    orphan();
    int sets = w.room->board[0].sets;
    assert_ok(survey(LIMIT, 2, false, &knobs, &err), &err);
    assert_near(knobs[0].found.requested.hi, 130, 0);
    assert_int_equal(w.room->board[0].sets, sets);
    assert_int_equal(recorded().state, WTL_LEASE_PENDING);
}

static void a_look_at_ones_own_has_its_prior(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease_knob *knobs;
    const struct deed d = {WTL_LEASE_STANDING, LIMIT, 180, true, false};
    w.room->board[0].limit_w = 240;
    do_it_and_die(&d);
    assert_int_equal(survey(LIMIT, 1, false, &knobs, &err), -WTL_BUSY);
    assert_ok(survey(LIMIT, 1, true, &knobs, &err), &err);
    assert_near(knobs[0].record.prior.hi, 240, 0);
    assert_near(knobs[0].record.wanted.hi, 180, 0);
    assert_near(knobs[0].found.requested.hi, 180, 0);
}

/* Only what has exactly these knobs: a lease may not grow over more of them. */
static void other_knobs_are_not_taken_over(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease_knob *knobs;
    const struct deed d = {WTL_LEASE_STANDING, LIMIT, 180, true, false};
    do_it_and_die(&d);
    assert_int_equal(survey(LIMIT, 2, true, &knobs, &err), -WTL_BUSY);
    assert_non_null(strstr(err.message, "standing lease 1"));
    assert_ok(survey(CLOCK, 1, true, &knobs, &err), &err);
    assert_true(knobs[0].record.prior.released);
    assert_int_equal(knobs[0].record.seq, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_name_that_is_not_there_touches_nothing),
        T(the_book_is_free_again_afterwards),
        T(the_record_says_how_it_ended),
        T(the_report_says_from_what_to_what),
        T(the_record_becomes_what_is_in_force),
        T(what_no_device_reports_is_set_back),
        T(a_change_that_fails_leaves_everything_as_it_was),
        T(a_change_that_is_taken_back_leaves_others_alone),
        T(a_dry_run_leaves_it_as_it_is),
        T(a_look_passes_by_the_dead),
        T(a_look_at_ones_own_has_its_prior),
        T(other_knobs_are_not_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
