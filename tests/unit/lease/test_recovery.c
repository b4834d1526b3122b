/* SPDX-License-Identifier: Apache-2.0
 * The two campaigns: every device call fails in turn, and processes are killed at every system call
 * of a set/restore cycle, the guardian included. What was left is read by another process, from the
 * file that the boards live in, never from the memory of the code under test. */
#include "support/kill_at.h"
#include "support/lease_world.h"
#include "support/support.h"

#include "base/watched.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT WTL_KNOB_power_limit_w
#define CLOCK WTL_KNOB_sm_clock_mhz

enum cycle { CYCLE_LOAN, CYCLE_STANDING };

struct scene {
    char dir[512];
    enum cycle cycle;
    bool die; /* kill -9 of ourselves while everything is set */
};

static struct wtl_lease_want limit_of(struct lease_world *w, size_t i)
{
    return (struct wtl_lease_want){.device = wtl_machine_device(w->machine, i), .knob = LIMIT};
}

/* Two limits and a clock: 150 W, 160 W and 1140 MHz, where there are 250 W and no lock. */
static int take_and_set(struct lease_world *w, enum wtl_lease_kind kind, struct wtl_lease **l,
                        struct wtl_error *err)
{
    const struct wtl_lease_want wants[] = {
        limit_of(w, 0), limit_of(w, 1), {wtl_machine_device(w->machine, 0), CLOCK}};
    struct wtl_lease_request request = {
        .kind = kind, .purpose = "cycle", .wants = wants, .n_wants = 3};
    int rc = wtl_lease_acquire(w->holder, &request, l, err);
    rc = rc ? rc : wtl_lease_set(*l, 0, wtl_knob_at(150), err);
    rc = rc ? rc : wtl_lease_set(*l, 1, wtl_knob_at(160), err);
    return rc ? rc : wtl_lease_set(*l, 2, wtl_knob_at(1140), err);
}

static int run_cycle(struct lease_world *w, const struct scene *s, struct wtl_error *err)
{
    struct wtl_lease *l = NULL;
    int rc = take_and_set(w, s->cycle == CYCLE_LOAN ? WTL_LEASE_LOAN : WTL_LEASE_STANDING, &l, err);
    if (rc == 0 && s->cycle == CYCLE_STANDING)
        rc = wtl_lease_keep(l, err);
    if (s->die)
        (void)raise(SIGKILL);
    int closed = l ? wtl_lease_close(l, err) : 0;
    return rc ? rc : closed;
}

/* ---- Looking --------------------------------------------------------------------------------- */

enum left { LEFT_PRIOR, LEFT_SET, LEFT_OTHER };

static enum left what_is_left(const char *dir)
{
    char path[600];
    snprintf(path, sizeof path, "%s/room", dir);
    struct fake_room *room = fake_room_map(path, 3);
    if (!room)
        return LEFT_OTHER;
    const struct fake_board *b = room->board;
    bool prior = b[0].limit_w >= 250 && b[0].limit_w <= 250 && b[1].limit_w >= 250 &&
                 b[1].limit_w <= 250 && !b[0].sm_locked;
    bool set = b[0].limit_w >= 150 && b[0].limit_w <= 150 && b[1].limit_w >= 160 &&
               b[1].limit_w <= 160 && b[0].sm_locked && b[0].sm_hi >= 1140 && b[0].sm_hi <= 1140;
    fake_room_unmap(room);
    return prior ? LEFT_PRIOR : set ? LEFT_SET : LEFT_OTHER;
}

/* By a process of its own. */
static enum left read_by_another(const char *dir)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit((int)what_is_left(dir));
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return (enum left)WEXITSTATUS(status);
}

/* Whether the book has a kept standing lease; and nothing else may be open. */
static bool is_kept(const char *dir, int *open_out)
{
    WTL_ARENA(arena);
    char state[600];
    struct wtl_error err = {0};
    struct wtl_book book;
    struct wtl_book_entry *entries;
    size_t n;
    bool kept = false;
    *open_out = 0;
    snprintf(state, sizeof state, "%s/state", dir);
    if (wtl_book_open_to_read(state, &book, &err) < 0)
        return false;
    assert_ok(wtl_book_list(&book, &arena, &entries, &n, &err), &err);
    for (size_t i = 0; i < n; i++) {
        assert_false(entries[i].unreadable);
        if (entries[i].record.state == WTL_LEASE_CLOSED)
            continue;
        ++*open_out;
        kept = kept || (entries[i].record.kind == WTL_LEASE_STANDING &&
                        entries[i].record.state == WTL_LEASE_HELD);
    }
    wtl_book_close(&book);
    return kept;
}

/* The next start, and what is left after it: 0 as it should be, 1 changed. */
static int recover_and_look(const char *dir, bool next_start)
{
    struct lease_world w = {0};
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    int open;
    if (next_start) {
        if (!lease_world_enter(&w, dir, &err))
            fail_msg("%s", err.message);
        w.room->fail_at = 0;
        for (int i = 0; i < w.room->n; i++)
            w.room->board[i].lost = false;
        assert_ok(lease_world_restore(&w, NULL, &report, &err), &err);
        lease_world_leave(&w);
    }
    bool kept = is_kept(dir, &open);
    enum left left = read_by_another(dir);
    if (left == (kept ? LEFT_SET : LEFT_PRIOR) && open == (kept ? 1 : 0))
        return 0;
    print_message("# left %d, kept %d, open %d\n", (int)left, (int)kept, open);
    return 1;
}

/* As before the cycle, without a book. */
static void begin_again(const char *dir)
{
    char command[700];
    snprintf(command, sizeof command, "%s/state", dir);
    remove_tree(command);
    snprintf(command, sizeof command, "%s/room", dir);
    (void)unlink(command);
    struct fake_room *room = fake_room_map(command, 3);
    assert_non_null(room);
    fake_room_unmap(room);
}

/* ---- Faults ---------------------------------------------------------------------------------- */

#ifdef WTL_WATCHED
enum { STRIDE = 9, EVERY = 4 };
#else
enum { STRIDE = 1, EVERY = 1 };
#endif

/* The fault at every call of a cycle (EVERY: every so many), once and for good. */
static void fail_every_call(struct scene *s, enum fake_fault fault, bool sticky, int *n_out,
                            int *changed_out)
{
    for (int k = 1;; k += EVERY) {
        struct lease_world w = {0};
        struct wtl_error err = {0};
        begin_again(s->dir);
        assert_true(lease_world_enter(&w, s->dir, &err));
        w.room->fault = fault;
        w.room->sticky = sticky;
        w.room->fail_at = w.room->calls + k;
        (void)run_cycle(&w, s, &err);
        bool reached = w.room->calls >= w.room->fail_at;
        lease_world_leave(&w);
        *changed_out += recover_and_look(s->dir, true);
        if (!reached)
            return;
        ++*n_out;
    }
}

static void every_device_call_fails_in_turn(void **state)
{
    (void)state;
    struct scene s = {0};
    int n = 0, changed = 0;
    make_temporary_directory(s.dir, sizeof s.dir);
    for (int fault = FAKE_FINE + 1; fault < FAKE_N_FAULTS; fault++)
        for (int cycle = CYCLE_LOAN; cycle <= CYCLE_STANDING; cycle++)
            for (int sticky = 0; sticky < 2; sticky++) {
                s.cycle = (enum cycle)cycle;
                fail_every_call(&s, (enum fake_fault)fault, sticky, &n, &changed);
            }
    print_message("# faults of device calls: %d left changed of %d\n", changed, n);
    remove_tree(s.dir);
    assert_true(n * EVERY > 300);
    assert_int_equal(changed, 0);
}

/* ---- Kills ----------------------------------------------------------------------------------- */

static void act(void *ctx)
{
    const struct scene *s = ctx;
    struct lease_world w = {0};
    struct wtl_error err = {0};
    if (!lease_world_enter(&w, s->dir, &err) || run_cycle(&w, s, &err) < 0)
        _exit(1);
    lease_world_leave(&w);
}

/* Kills at every stop (STRIDE: every so many), with or without a next start before the look. */
static void kill_everywhere(struct scene *s, enum kill_who who, bool next_start, const char *title)
{
    int n = 0, changed = 0;
    for (long k = 1;; k += STRIDE) {
        begin_again(s->dir);
        struct kill_result r = kill_at(act, s, who, k);
        if (r.no_trace)
            skip();
        int here = recover_and_look(s->dir, next_start);
        if (here)
            print_message("# %s: killed at stop %ld\n", title, k);
        changed += here;
        if (!r.killed)
            break;
        n++;
    }
    print_message("# %s: %d left changed of %d\n", title, changed, n);
    assert_true(n * STRIDE > 50);
    assert_int_equal(changed, 0);
}

static void kill_cycle(enum cycle cycle, enum kill_who who, bool die, bool next_start,
                       const char *title)
{
    struct scene s = {.cycle = cycle, .die = die};
    make_temporary_directory(s.dir, sizeof s.dir);
    kill_everywhere(&s, who, next_start, title);
    remove_tree(s.dir);
}

static void the_holder_of_a_loan_is_killed_everywhere(void **state)
{
    (void)state;
    kill_cycle(CYCLE_LOAN, KILL_FIRST, false, true, "loan, holder killed");
}

static void its_guardian_needs_no_next_start(void **state)
{
    (void)state;
    kill_cycle(CYCLE_LOAN, KILL_FIRST, false, false, "loan, holder killed, guardian alone");
}

static void holder_and_guardian_are_killed_everywhere(void **state)
{
    (void)state;
    kill_cycle(CYCLE_LOAN, KILL_ALL, false, true, "loan, both killed");
}

static void the_guardian_is_killed_at_its_work(void **state)
{
    (void)state;
    kill_cycle(CYCLE_LOAN, KILL_DESCENDANTS, true, true, "loan, holder dead, guardian killed");
}

static void standing_leases_hold_or_were_never_kept(void **state)
{
    (void)state;
    kill_cycle(CYCLE_STANDING, KILL_FIRST, false, true, "standing, holder killed");
    kill_cycle(CYCLE_STANDING, KILL_ALL, false, true, "standing, both killed");
}

int main(void)
{
    /* Thousands of fsyncs: what is on disk is not at stake here, only who was killed when. */
    if (access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_device_call_fails_in_turn),
        cmocka_unit_test(the_holder_of_a_loan_is_killed_everywhere),
        cmocka_unit_test(its_guardian_needs_no_next_start),
        cmocka_unit_test(holder_and_guardian_are_killed_everywhere),
        cmocka_unit_test(the_guardian_is_killed_at_its_work),
        cmocka_unit_test(standing_leases_hold_or_were_never_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
