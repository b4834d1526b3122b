/* SPDX-License-Identifier: Apache-2.0
 *
 * A board of a virtual machine room as the place of a campaign: a power limit and a lock of the SM
 * clock. The limit is read by another process through the drop-in library, as any client of NVML
 * does, the lock, for which NVML has no getter, from the room itself.
 */
#ifndef WTL_TESTS_ROOM_PLACE_H
#define WTL_TESTS_ROOM_PLACE_H

#include "campaign/campaign.h"
#include "support/room.h"

struct room_place {
    struct test_room host;
    struct wtl_room room; /* the campaign's own: faults, and the lock */
    pid_t reader;
    int ask_fd, answer_fd;
    char id[WTL_LIMIT_NAME];
    const char *only[2];
    struct campaign_want wants[2];
    int64_t deadline_ns;
};

/* Starts the room and the reader, and fills `place`, but for arm and disarm. */
void room_place_start(struct room_place *r, struct campaign_place *place);
void room_place_stop(struct room_place *r);

/* main() of a program whose places have it as their guardian begins with this: does not come back
 * where it was started as one. It opens the board under its own name and as `alias` (NULL: none).
 */
void room_place_main(int argc, char **argv, const char *alias);

/* How long calls may take, in the guardian, too; 0: as usual. */
void room_place_deadline(struct room_place *r, int64_t ns);

/* A fault of calls of the drop-in, as `wattle sim fault` asks for; and without any. */
void room_place_fault(struct room_place *r, const char *function, int code, int delay_ms, long at,
                      bool for_good);
bool room_place_struck(struct room_place *r);
void room_place_clear(struct room_place *r);

#endif
