/* SPDX-License-Identifier: Apache-2.0
 * What the book knows of a knob that no device reports. */
#include "support/support.h"

#include "lease/known.h"

#include <stdio.h>
#include <string.h>

static struct wtl_lease_knob_record set_at(const char *id, const char *epoch, int64_t wall_ns,
                                           double mhz)
{
    struct wtl_lease_knob_record k = {.knob = WTL_KNOB_sm_clock_mhz,
                                      .seq = 1,
                                      .set_wall_ns = wall_ns,
                                      .wanted = mhz > 0 ? wtl_knob_at(mhz) : wtl_knob_released()};
    snprintf(k.device, sizeof k.device, "%s", id);
    snprintf(k.epoch, sizeof k.epoch, "%s", epoch);
    return k;
}

static struct wtl_book_entry entry(int64_t id, enum wtl_lease_state state,
                                   struct wtl_lease_knob_record *knobs, size_t n)
{
    return (struct wtl_book_entry){
        .record = {.id = id, .state = state, .knobs = knobs, .n_knobs = n}};
}

/* By number, as the book lists them, whatever the clock of the machine said. */
static void the_newest_set_of_this_load_counts(void **state)
{
    (void)state;
    struct wtl_lease_knob_record first = set_at("a", "load 1", 100, 900),
                                 second = set_at("a", "load 1", 200, 1140),
                                 put_back = set_at("a", "load 1", 50, 0),
                                 other_load = set_at("a", "load 0", 400, 500),
                                 other = set_at("b", "load 1", 500, 600);
    struct wtl_book_entry e[] = {
        entry(1, WTL_LEASE_CLOSED, &first, 1), entry(2, WTL_LEASE_HELD, &second, 1),
        entry(4, WTL_LEASE_CLOSED, &other_load, 1), entry(5, WTL_LEASE_HELD, &other, 1),
        entry(6, WTL_LEASE_CLOSED, &put_back, 1)};
    struct wtl_known_set set = {.lease = 99};
    assert_true(wtl_book_last_set(e, 4, "a", "load 1", WTL_KNOB_sm_clock_mhz, &set));
    assert_int_equal(set.lease, 2);
    assert_true(set.open);
    assert_near(set.value.hi, 1140, 0);
    assert_true(wtl_book_last_set(e, 5, "a", "load 1", WTL_KNOB_sm_clock_mhz, &set));
    assert_int_equal(set.lease, 6);
    assert_false(set.open);
    assert_true(set.value.released);
}

static void what_was_never_set_or_is_damaged_is_not_known(void **state)
{
    (void)state;
    struct wtl_lease_knob_record never = set_at("a", "load", 100, 900),
                                 damaged = set_at("a", "load", 200, 900),
                                 unreadable = set_at("a", "load", 300, 900);
    never.seq = 0;
    damaged.damaged = true;
    struct wtl_book_entry e[] = {entry(1, WTL_LEASE_HELD, &never, 1),
                                 entry(2, WTL_LEASE_HELD, &damaged, 1),
                                 entry(3, WTL_LEASE_HELD, &unreadable, 1)};
    e[2].unreadable = true;
    struct wtl_known_set set = {.lease = 99};
    assert_false(wtl_book_last_set(e, 3, "a", "load", WTL_KNOB_sm_clock_mhz, &set));
    assert_false(wtl_book_last_set(e, 3, "a", "load", WTL_KNOB_mem_clock_mhz, &set));
    assert_false(wtl_book_last_set(NULL, 0, "a", "load", WTL_KNOB_sm_clock_mhz, &set));
    assert_int_equal(set.lease, 99); /* untouched */
}

/* What an older lease left there was moved since: to what, the damaged record does not say. */
static void an_older_set_is_not_taken_for_the_last(void **state)
{
    (void)state;
    struct wtl_lease_knob_record older = set_at("a", "load", 100, 900),
                                 damaged = set_at("a", "load", 200, 1140),
                                 newer = set_at("a", "load", 300, 1200);
    damaged.damaged = true;
    struct wtl_book_entry e[] = {entry(1, WTL_LEASE_CLOSED, &older, 1),
                                 entry(2, WTL_LEASE_CLOSED, &damaged, 1),
                                 entry(3, WTL_LEASE_CLOSED, &newer, 1)};
    struct wtl_known_set set;
    assert_true(wtl_book_last_set(e, 1, "a", "load", WTL_KNOB_sm_clock_mhz, &set));
    assert_false(wtl_book_last_set(e, 2, "a", "load", WTL_KNOB_sm_clock_mhz, &set));
    damaged.seq = 0; /* nothing of it is left */
    assert_false(wtl_book_last_set(e, 2, "a", "load", WTL_KNOB_sm_clock_mhz, &set));
    assert_true(wtl_book_last_set(e, 3, "a", "load", WTL_KNOB_sm_clock_mhz, &set));
    assert_near(set.value.hi, 1200, 0);
}

static void without_a_book_there_is_nothing(void **state)
{
    (void)state;
    char dir[64], place[96];
    struct wtl_book_entry *entries = NULL;
    struct wtl_error err = {0};
    size_t n = 7;
    WTL_ARENA(arena);
    make_temporary_directory(dir, sizeof dir);
    snprintf(place, sizeof place, "%s/none", dir);
    assert_ok(wtl_book_look(place, &arena, &entries, &n, &err), &err);
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_set_of_this_load_counts),
        cmocka_unit_test(what_was_never_set_or_is_damaged_is_not_known),
        cmocka_unit_test(an_older_set_is_not_taken_for_the_last),
        cmocka_unit_test(without_a_book_there_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
