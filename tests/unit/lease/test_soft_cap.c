/* SPDX-License-Identifier: Apache-2.0
 * Caps of which one board has no limit to set, and is held by a ceiling on its clock. */
#include "support/support.h"

#include "support/lease_world.h"

#include "base/random.h"

#include <math.h>
#include <string.h>

static const struct wtl_ceiling_rung rungs[] = {{300, 60},   {1110, 150}, {1125, 160},
                                                {1140, 170}, {1380, 260}, {1410, 300}};
static const struct wtl_ceiling ceiling = {rungs, 6};

static void a_ceiling_stands_for_the_power_of_its_rung(void **state)
{
    (void)state;
    struct wtl_ceiling none = {0};
    assert_near(wtl_ceiling_power_w(&ceiling, wtl_knob_at(300)), 60, 0);
    assert_near(wtl_ceiling_power_w(&ceiling, (struct wtl_knob_value){.lo = 300, .hi = 1125}), 160,
                0);
    assert_near(wtl_ceiling_power_w(&ceiling, wtl_knob_at(1126)), 170, 0);
    assert_near(wtl_ceiling_power_w(&ceiling, wtl_knob_at(200)), 60, 0);
    assert_true(isinf(wtl_ceiling_power_w(&ceiling, wtl_knob_at(1425))));
    assert_true(isinf(wtl_ceiling_power_w(&ceiling, wtl_knob_released())));
    assert_true(isinf(wtl_ceiling_power_w(&none, wtl_knob_at(300))));
    assert_null(wtl_ceiling_within(&ceiling, 59));
    assert_null(wtl_ceiling_within(&none, 1000));
    assert_near(wtl_ceiling_within(&ceiling, 60)->clock_mhz, 300, 0);
    assert_near(wtl_ceiling_within(&ceiling, 259.9)->clock_mhz, 1140, 0);
    assert_near(wtl_ceiling_within(&ceiling, 1000)->clock_mhz, 1410, 0);
}

/* Each rung is the highest within its board's share of the split without rungs; what rungs leave
 * goes to the limits; the sum stays within the budget. */
static void splits_give_what_rungs_leave_to_the_limits(void **state)
{
    (void)state;
    struct wtl_rng rng;
    wtl_rng_init(&rng, 11);
    for (int trial = 0; trial < 2000; trial++) {
        struct wtl_error err = {0};
        struct wtl_cap_board boards[5] = {0}, plain[5];
        double w[5], share[5], least = 0, most = 0, sum = 0;
        size_t n = 1 + wtl_rng_below(&rng, 5), n_soft = 0;
        for (size_t i = 0; i < n; i++) {
            boards[i] = (struct wtl_cap_board){100, 100 + wtl_rng_below(&rng, 200), 250, {0}};
            if (wtl_rng_below(&rng, 2)) {
                boards[i] = (struct wtl_cap_board){60, 300, 300, ceiling};
                n_soft++;
            }
            plain[i] = boards[i];
            plain[i].ceiling.n = 0;
            least += boards[i].min_w;
            most += boards[i].max_w;
        }
        double budget = least + wtl_rng_uniform(&rng) * (most - least + 50);
        assert_ok(wtl_cap_split(plain, n, budget, 0, share, &err), &err);
        assert_ok(wtl_cap_split(boards, n, budget, 0, w, &err), &err);
        bool limits_are_at_most = true;
        for (size_t i = 0; i < n; i++) {
            sum += w[i];
            if (boards[i].ceiling.n == 0) {
                assert_true(w[i] >= share[i] && w[i] <= boards[i].max_w);
                limits_are_at_most = limits_are_at_most && w[i] > boards[i].max_w - 0.2;
                continue;
            }
            double highest = 0;
            for (size_t r = 0; r < 6; r++)
                if (rungs[r].power_w <= share[i] + 0.125) /* shares of limits are in eighths */
                    highest = rungs[r].power_w;
            assert_true(w[i] == highest || (w[i] < highest && highest > share[i]));
        }
        assert_true(sum <= budget + 1e-6);
        if (n_soft < n)
            assert_true(limits_are_at_most || sum > budget - 0.125 * (double)n - 1e-6);
    }
}

/* ---- On devices ------------------------------------------------------------------------------ */

enum { SOFT = 0, FIRST = 1, SECOND = 2 };
static const enum wtl_knob LIMIT = WTL_KNOB_power_limit_w, CLOCK = WTL_KNOB_sm_clock_mhz;

static struct lease_world w;
static struct {
    double budget_w; /* 0: not in force yet */
    double last_w;
    int broken;
} law;

/* What the boards may draw, read off the boards themselves. */
static double in_force(void)
{
    const struct fake_board *b = &w.room->board[SOFT];
    struct wtl_knob_value lock = {.released = !b->sm_locked, .lo = b->sm_lo, .hi = b->sm_hi};
    return w.room->board[FIRST].limit_w + w.room->board[SECOND].limit_w +
           wtl_ceiling_power_w(&ceiling, lock);
}

static void check_law(void *ctx, int board, bool set)
{
    (void)ctx;
    (void)board;
    double now = in_force();
    double lie = set ? fake_room_lie_w(w.room) : 0;
    if (law.budget_w > 0 && now > law.budget_w + lie + 1e-6 && now > law.last_w + lie + 1e-6)
        law.broken++;
    law.last_w = now;
}

static int set_up(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    memset(&law, 0, sizeof law);
    w.watch.after = check_law;
    w.stopped = true;
    lease_world_open(&w, 3);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    lease_world_close(&w);
    return 0;
}

static int take(double budget_w, struct wtl_lease **out, struct wtl_error *err)
{
    struct wtl_lease_want wants[3];
    for (size_t i = 0; i < 3; i++)
        wants[i] = (struct wtl_lease_want){wtl_machine_device(w.machine, i), LIMIT, {0}};
    wants[SOFT].knob = CLOCK;
    wants[SOFT].ceiling = ceiling;
    struct wtl_lease_request request = {.kind = WTL_LEASE_STANDING,
                                        .purpose = "cap",
                                        .wants = wants,
                                        .n_wants = 3,
                                        .has_budget = true,
                                        .budget_w = budget_w,
                                        .take_over = true};
    return wtl_lease_acquire(w.holder, &request, out, err);
}

static int cap(double budget_w, struct wtl_lease **out, struct wtl_error *err)
{
    struct wtl_cap_board boards[3];
    double limits_w[3];
    int rc = take(budget_w, out, err);
    if (rc < 0)
        return rc;
    law.last_w = in_force();
    law.budget_w = budget_w;
    for (size_t i = 0; rc == 0 && i < 3; i++)
        rc = wtl_cap_board(wtl_lease_knob(*out, i), &boards[i], err);
    rc = rc ? rc : wtl_cap_split(boards, 3, budget_w, 0, limits_w, err);
    rc = rc ? rc : wtl_cap_enforce(*out, limits_w, err);
    return rc ? rc : wtl_lease_keep(*out, err);
}

static void a_ceiling_is_set_changed_and_put_back(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_restore_report report;
    struct wtl_lease *l;
    const struct fake_board *soft = &w.room->board[SOFT];
    static const double budgets[] = {450, 620, 330, 800};
    static const double clocks[] = {1125, 1140, 300, 1410};
    for (int i = 0; i < 4; i++) {
        assert_ok(cap(budgets[i], &l, &err), &err);
        assert_true(soft->sm_locked);
        assert_near(soft->sm_lo, 300, 0);
        assert_near(soft->sm_hi, clocks[i], 0);
        assert_true(in_force() <= budgets[i] + 1e-6);
        assert_true(in_force() >= fmin(budgets[i], 800) - 0.25);
        assert_ok(wtl_lease_close(l, &err), &err);
        law.budget_w = 0;
        lease_world_restart(&w); /* what was set is known from the book alone */
    }
    assert_int_equal(law.broken, 0);
    struct wtl_restore_filter all = {.all_standing = true};
    assert_ok(lease_world_restore(&w, &all, &report, &err), &err);
    assert_false(soft->sm_locked);
    assert_near(w.room->board[FIRST].limit_w, 250, 0);
}

static void the_book_keeps_the_rungs(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l;
    WTL_ARENA(arena);
    struct wtl_book book;
    struct wtl_book_entry *entries;
    size_t n;
    assert_ok(cap(450, &l, &err), &err);
    assert_ok(wtl_book_open(w.state_dir, &book, &err), &err);
    assert_ok(wtl_book_list(&book, &arena, &entries, &n, &err), &err);
    const struct wtl_ceiling *c = &entries[0].record.knobs[SOFT].ceiling;
    assert_int_equal(c->n, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_near(c->rungs[i].clock_mhz, rungs[i].clock_mhz, 0);
        assert_near(c->rungs[i].power_w, rungs[i].power_w, 0);
    }
    assert_int_equal(entries[0].record.knobs[FIRST].ceiling.n, 0);
    wtl_book_close(&book);
}

/* Until the lock is in place the board may draw anything. */
static void nothing_is_raised_before_the_ceiling_is_set(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l;
    static const double limits_w[] = {60, 280, 200};
    w.room->board[FIRST].limit_w = 250;
    assert_ok(take(540, &l, &err), &err);
    for (int late = 0; late < 2; late++) {
        w.room->fault = late ? FAKE_LATE : FAKE_NEVER;
        w.room->sticky = false;
        /* looks at three boards, sets board 1, then the lock, which does not answer */
        w.room->fail_at = w.room->calls + 3 + (late ? 2 : 3);
        int calls = w.room->calls;
        assert_int_equal(wtl_cap_enforce(l, limits_w, &err), -WTL_TIMEOUT);
        assert_true(w.room->calls > calls + 4);
        assert_near(w.room->board[FIRST].limit_w, 250, 0);
        assert_true(isinf(wtl_cap_counts_w(wtl_lease_knob(l, SOFT))));
        w.room->fail_at = 0;
    }
    assert_ok(wtl_cap_enforce(l, limits_w, &err), &err);
    assert_near(w.room->board[FIRST].limit_w, 280, 0);
    assert_near(in_force(), 540, 0);
    law.budget_w = 0;
    assert_ok(wtl_lease_end(l, &err), &err);
}

/* A ceiling may be lower than is known: setting it may be a raise, and waits for what is lowered.
 */
static void a_ceiling_that_is_not_known_waits_for_the_limits(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l;
    static const double before_w[] = {60, 200, 200}, more_w[] = {150, 200, 200},
                        shifted_w[] = {260, 100, 100};
    assert_ok(take(600, &l, &err), &err);
    assert_ok(wtl_cap_enforce(l, before_w, &err), &err);
    law.last_w = in_force();
    law.budget_w = 600;
    w.room->fault = FAKE_NEVER;
    w.room->sticky = true;
    w.room->fail_at = w.room->calls + 3 + 3 + 1; /* two looks, then the set */
    assert_int_equal(wtl_cap_enforce(l, more_w, &err), -WTL_TIMEOUT);
    w.room->fail_at = 0;
    assert_near(w.room->board[SOFT].sm_hi, 300, 0);
    assert_true(isinf(wtl_cap_counts_w(wtl_lease_knob(l, SOFT))));
    assert_ok(wtl_cap_enforce(l, shifted_w, &err), &err);
    assert_near(in_force(), 460, 0);
    assert_int_equal(law.broken, 0);
    law.budget_w = 0;
    assert_ok(wtl_lease_end(l, &err), &err);
}

static void a_watch_sees_the_clock_above_its_ceiling(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l;
    struct wtl_cap_watch watch = {0};
    struct wtl_cap_exposure e;
    struct fake_board *soft = &w.room->board[SOFT];
    assert_ok(cap(450, &l, &err), &err);
    assert_ok(wtl_cap_watch_step(l, &watch, 1000000000, &e, &err), &err);
    assert_near(e.sum_w, in_force(), 1e-9);
    law.budget_w = 0;
    soft->sm_locked = false; /* somebody released it */
    soft->sm_now_mhz = 1410;
    /* moments after our own set the clock may still be on its way */
    assert_ok(wtl_cap_watch_step(l, &watch, 1500000000, &e, &err), &err);
    assert_int_equal(e.n_wrong, 0);
    w.now_ns += 3 * WTL_NS_PER_S;
    assert_ok(wtl_cap_watch_step(l, &watch, 2000000000, &e, &err), &err);
    assert_int_equal(e.n_wrong, 1);
    assert_true(isinf(e.sum_w) && isinf(e.excess_w));
    assert_int_equal(watch.exposures, 1);
    assert_int_equal(watch.reasserted, 1);
    assert_true(soft->sm_locked);
    assert_near(soft->sm_hi, 1125, 0);
    assert_ok(wtl_cap_watch_step(l, &watch, 2500000000, &e, &err), &err);
    assert_near(e.excess_w, 0, 0);
}

/* A set again that fails is tried again, whether the board is busy or not. */
static void a_watch_tries_again(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l;
    struct wtl_cap_watch watch = {0};
    struct wtl_cap_exposure e;
    struct fake_board *soft = &w.room->board[SOFT];
    assert_ok(cap(450, &l, &err), &err);
    law.budget_w = 0;
    soft->sm_locked = false;
    soft->sm_now_mhz = 1410;
    w.now_ns += 3 * WTL_NS_PER_S;
    int sets = soft->sets;
    w.room->fault = FAKE_FAILS;
    w.room->sticky = false;
    for (int at = 1; watch.failed == 0; at++) { /* the call that is the set */
        assert_true(at < 40 && soft->sets == sets);
        w.room->fail_at = w.room->calls + at;
        (void)wtl_cap_watch_step(l, &watch, at * INT64_C(500000000), &e, &err);
        if (watch.reasserted > 0) { /* it went well: take the lock away once more */
            watch.reasserted = 0;
            soft->sm_locked = false;
            soft->sm_now_mhz = 1410;
            w.now_ns += 3 * WTL_NS_PER_S;
            sets = soft->sets;
        }
    }
    w.room->fail_at = 0;
    assert_false(soft->sm_locked);
    soft->sm_now_mhz = 300; /* nothing to do now: the clock tells nothing */
    assert_ok(wtl_cap_watch_step(l, &watch, INT64_C(60000000000), &e, &err), &err);
    assert_int_equal(e.n_wrong, 1);
    assert_int_equal(watch.reasserted, 1);
    assert_true(soft->sm_locked);
    assert_near(soft->sm_hi, 1125, 0);
}

/* A clock that never follows is exposed all the time, not only when it is looked at late enough. */
static void an_exposure_lasts_until_the_clock_has_followed(void **state)
{
    (void)state;
    struct wtl_error err = {0};
    struct wtl_lease *l;
    struct wtl_cap_watch watch = {0};
    struct wtl_cap_exposure e;
    struct fake_board *soft = &w.room->board[SOFT];
    assert_ok(cap(450, &l, &err), &err);
    law.budget_w = 0;
    for (int i = 1; i <= 120; i++) {
        w.now_ns += WTL_NS_PER_S / 2;
        soft->sm_now_mhz = 1410;
        assert_ok(wtl_cap_watch_step(l, &watch, i * INT64_C(500000000), &e, &err), &err);
    }
    assert_int_equal(watch.exposures, 1);
    assert_true(watch.exposed_s >= 60 - 2.5 - 0.5); /* from the look before the first seen late */
    soft->sm_now_mhz = 1125;
    assert_ok(wtl_cap_watch_step(l, &watch, INT64_C(60500000000), &e, &err), &err);
    assert_false(watch.exposed);
}

/* What a preview says is what is done: with the rungs of now, and no clock above the lock before.
 */
static void a_preview_has_the_rungs_of_now(void **state)
{
    (void)state;
    static const struct wtl_ceiling_rung other[] = {{1110, 70}, {1410, 120}};
    struct wtl_error err = {0};
    struct wtl_lease *l;
    struct wtl_lease_knob *knobs = NULL;
    WTL_ARENA(arena);
    assert_ok(cap(450, &l, &err), &err);
    assert_ok(wtl_lease_close(l, &err), &err);
    law.budget_w = 0;
    struct wtl_lease_want wants[3];
    for (size_t i = 0; i < 3; i++)
        wants[i] = (struct wtl_lease_want){wtl_machine_device(w.machine, i), LIMIT, {0}};
    wants[SOFT].knob = CLOCK;
    wants[SOFT].ceiling = (struct wtl_ceiling){other, 2};
    struct wtl_lease_request request = {.kind = WTL_LEASE_STANDING,
                                        .wants = wants,
                                        .n_wants = 3,
                                        .has_budget = true,
                                        .budget_w = 450,
                                        .take_over = true};
    assert_ok(wtl_lease_survey(w.holder, &request, &arena, &knobs, &err), &err);
    assert_int_equal(knobs[SOFT].record.ceiling.n, 2);
    assert_near(knobs[SOFT].record.wanted.hi, 1125, 0); /* the rest is the lease's */
    assert_near(wtl_cap_value(&knobs[SOFT], 119).hi, 1110, 0);
    knobs[SOFT].record.prior = (struct wtl_knob_value){.lo = 300, .hi = 1125};
    assert_near(wtl_cap_value(&knobs[SOFT], 130).hi, 1125, 0);
}

/* Random budgets, faults and foreign limits: after every device call the law, off the boards. */
static void the_law_holds_through_random_days(void **state)
{
    (void)state;
    struct wtl_rng rng;
    int capped = 0, faults = 0, steps = 0;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        wtl_rng_init(&rng, seed);
        struct wtl_lease *l = NULL;
        for (int step = 0; step < 30; step++, steps++) {
            struct wtl_error err = {0};
            w.room->fail_at = 0;
            if (wtl_rng_below(&rng, 3) == 0) {
                w.room->fault = (enum fake_fault)(1 + wtl_rng_below(&rng, FAKE_N_FAULTS - 1));
                w.room->fail_at = w.room->calls + 1 + (int)wtl_rng_below(&rng, 14);
                w.room->sticky = wtl_rng_below(&rng, 4) == 0;
                faults++;
            }
            if (l)
                (void)wtl_lease_close(l, &err);
            l = NULL;
            if (wtl_rng_below(&rng, 6) == 0)
                w.room->board[FIRST + wtl_rng_below(&rng, 2)].limit_w =
                    100 + wtl_rng_below(&rng, 200);
            law.budget_w = 0;
            bool done = cap(270 + (double)wtl_rng_below(&rng, 560), &l, &err) == 0;
            assert_true(!done || in_force() <= law.budget_w + 1e-6);
            law.budget_w = 0;
            capped += done;
            if (!done && l) {
                (void)wtl_lease_close(l, &err);
                l = NULL;
            }
            assert_int_equal(law.broken, 0);
            for (int i = 0; i < 3; i++)
                w.room->board[i].lost = false;
            if (wtl_rng_below(&rng, 4) == 0 && !l)
                lease_world_restart(&w);
        }
        w.room->fail_at = 0;
        struct wtl_error err = {0};
        struct wtl_restore_report report;
        struct wtl_restore_filter all = {.all_standing = true};
        lease_world_restart(&w);
        assert_ok(lease_world_restore(&w, &all, &report, &err), &err);
        assert_false(w.room->board[SOFT].sm_locked);
        w.room->board[FIRST].limit_w = w.room->board[SECOND].limit_w = 250;
    }
    print_message("# %d steps: %d caps set, %d faults, law broken %d times\n", steps, capped,
                  faults, law.broken);
    assert_true(capped > 100 && faults > 80);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ceiling_stands_for_the_power_of_its_rung),
        cmocka_unit_test(splits_give_what_rungs_leave_to_the_limits),
        T(a_ceiling_is_set_changed_and_put_back),
        T(the_book_keeps_the_rungs),
        T(nothing_is_raised_before_the_ceiling_is_set),
        T(a_ceiling_that_is_not_known_waits_for_the_limits),
        T(a_watch_sees_the_clock_above_its_ceiling),
        T(a_watch_tries_again),
        T(an_exposure_lasts_until_the_clock_has_followed),
        T(a_preview_has_the_rungs_of_now),
        T(the_law_holds_through_random_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
