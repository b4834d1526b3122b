/* SPDX-License-Identifier: Apache-2.0
 *
 * What a load generator sends when, in an open or a closed loop. Pure: the caller says what time it
 * is, in nanoseconds from the beginning of the run.
 *
 * Open loop: requests are due at times that the server has no influence on. One that is due while
 * as many as allowed are in flight is sent as soon as one of them ends, later than due and never
 * dropped; what it waited is told apart from what the generator itself was late by. Latency counts
 * from the time that a request was due, so that the wait is in it (no coordinated omission).
 *
 * Closed loop: so many workers, each of which sends its next request when the one before has ended:
 * a request is due at that time, and a server that stalls stalls its load, too.
 */
#ifndef WTL_LOAD_SCHEDULE_H
#define WTL_LOAD_SCHEDULE_H

#include "load/arrivals.h"

#include "base/alloc.h"

struct wtl_schedule_config {
    bool closed;
    struct wtl_arrivals arrivals; /* of an open loop */
    int slots;                    /* requests in flight at most; the workers of a closed loop */
    int64_t warmup_ns;            /* what is due before is not measured */
    int64_t duration_ns;          /* of the measured part; INT64_MAX: as long as there are any */
    uint64_t requests;            /* measured ones; 0: no bound */
};

/* A request to be sent now. */
struct wtl_sending {
    uint64_t number; /* from 0, in the order they were due */
    int64_t due_ns;
    int64_t waited_ns; /* behind the bound of requests in flight */
    int64_t late_ns;   /* from when it was due and allowed to when it was asked for here */
    bool measured;
};

struct wtl_schedule;

/* slots > 0. -WTL_NOMEM. The schedule lives in the arena. */
int wtl_schedule_new(struct wtl_arena *arena, const struct wtl_schedule_config *config,
                     struct wtl_schedule **schedule_out, struct wtl_error *err);

/* When the next request can be sent: INT64_MAX while none can (all slots taken), or none is left.
 */
int64_t wtl_schedule_wake(const struct wtl_schedule *s);

/* When the next request is due, also if there is no slot for it; false: none is left. */
bool wtl_schedule_next_due(const struct wtl_schedule *s, int64_t *due_ns_out);

/* Takes a slot for the next request if it is due at `now_ns`. */
bool wtl_schedule_take(struct wtl_schedule *s, int64_t now_ns, struct wtl_sending *out);

/* A request has ended, and its slot is free. */
void wtl_schedule_done(struct wtl_schedule *s, int64_t now_ns);

/* No request that is not in flight will be sent; returns the number of those that were due. */
uint64_t wtl_schedule_stop(struct wtl_schedule *s, int64_t now_ns);

int wtl_schedule_in_flight(const struct wtl_schedule *s);

/* Nothing is in flight and nothing more will be sent. */
bool wtl_schedule_ended(const struct wtl_schedule *s);

#endif
