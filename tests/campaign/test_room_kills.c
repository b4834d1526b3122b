/* SPDX-License-Identifier: Apache-2.0
 * The smallest whole cycle, one power limit and one clock lock of one board of a virtual machine
 * room, as a loan and as a standing lease, killed before every system call: the holder, its
 * guardian (the program `wattle guardian`, from its start on), both, and one after the other. */
#include "campaign/room_place.h"
#include "support/support.h"

#include <stdlib.h>
#include <unistd.h>

#ifdef WTL_WATCHED
enum { STRIDE = 997 };
#else
enum { STRIDE = 211 };
#endif

struct kills {
    const char *what;
    enum campaign_cycle cycle;
    enum campaign_victim victim;
    bool alone;
};

static void kill_at_every_call(const struct kills *k)
{
    struct room_place room;
    struct campaign_place place;
    struct campaign c;
    struct campaign_count count = {0};
    room_place_start(&room, &place);
    place.guardian = getenv("WATTLE");
    assert_non_null(place.guardian);
    campaign_open(&c, &place);
    bool traced = campaign_kill(&c, k->cycle, k->victim, k->alone, campaign_stride(STRIDE), &count);
    campaign_close(&c);
    room_place_stop(&room);
    if (!traced)
        skip();
    campaign_report("kills over a room", k->what, &count, 1);
}

#define KILLS(name, ...)                                                                           \
    static void name(void **state)                                                                 \
    {                                                                                              \
        const struct kills k = {__VA_ARGS__};                                                      \
        (void)state;                                                                               \
        kill_at_every_call(&k);                                                                    \
    }

KILLS(loan_holder, "loan, holder", CYCLE_LOAN, VICTIM_HOLDER, false)
KILLS(loan_alone, "loan, holder, no next start", CYCLE_LOAN, VICTIM_HOLDER, true)
KILLS(loan_guardian, "loan, guardian, the holder lives", CYCLE_LOAN, VICTIM_GUARDIAN, true)
KILLS(loan_both, "loan, both at once", CYCLE_LOAN, VICTIM_BOTH, false)
KILLS(loan_holder_first, "loan, holder, then guardian", CYCLE_DEAD, VICTIM_GUARDIAN, false)
KILLS(loan_guardian_first, "loan, guardian, then holder", CYCLE_UNGUARDED, VICTIM_HOLDER, false)
KILLS(standing_holder, "standing, holder", CYCLE_STANDING, VICTIM_HOLDER, false)
KILLS(standing_both, "standing, both at once", CYCLE_STANDING, VICTIM_BOTH, false)
KILLS(change_holder, "change of a standing one, holder", CYCLE_CHANGE, VICTIM_HOLDER, false)
KILLS(change_both, "change of a standing one, both at once", CYCLE_CHANGE, VICTIM_BOTH, false)
KILLS(end_of_standing, "restore of a standing one", CYCLE_END, VICTIM_HOLDER, false)

int main(void)
{
    if (access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loan_holder),       cmocka_unit_test(loan_alone),
        cmocka_unit_test(loan_guardian),     cmocka_unit_test(loan_both),
        cmocka_unit_test(loan_holder_first), cmocka_unit_test(loan_guardian_first),
        cmocka_unit_test(standing_holder),   cmocka_unit_test(standing_both),
        cmocka_unit_test(change_holder),     cmocka_unit_test(change_both),
        cmocka_unit_test(end_of_standing),
    };
    cmocka_set_test_filter(getenv("WTL_CAMPAIGN_ONLY"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
