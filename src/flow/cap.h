/* SPDX-License-Identifier: Apache-2.0
 *
 * A power budget over devices, as a standing lease on their limits, or on the clocks of those whose
 * limit cannot be set (lease/cap.h).
 */
#ifndef WTL_FLOW_CAP_H
#define WTL_FLOW_CAP_H

#include "flow/ceiling.h"
#include "flow/hold.h"
#include "lease/cap.h"

struct wtl_cap_request {
    double budget_w;
    double base_w;          /* what else draws from it, at most, and has no knob */
    const char *const *ids; /* 1 or more */
    size_t n_ids;
    const char *name;                   /* of the lease; NULL: none */
    struct wtl_ceiling_source ceilings; /* plans NULL: a board without a limit to set is refused */
    bool dry_run;
    bool watch;             /* the lease stays in hand: wtl_cap_tend(), wtl_cap_finish() */
    bool loan;              /* no standing lease: put back when wtl_cap_finish() is called */
    void (*changing)(void); /* before the first change: wtl_holder_on_change(); NULL: nobody */
};

struct wtl_cap_result {
    double budget_w, base_w;
    double limits_w; /* sum of the limits, and of what ceilings stand for; the base left out */
    bool soft;       /* a clock ceiling is a part of it */
    struct wtl_knob_move *moves;
    size_t n;
    bool dry_run;
    bool changed; /* an earlier cap of ours was taken over */
    struct wtl_lease_record lease;
    struct wtl_hold hold;   /* open while it is watched, or lent */
    struct wtl_lease *lent; /* likewise; NULL: none */
    struct wtl_cap_watch watch;
    struct wtl_cap_exposure exposure; /* of the last look */
    /* For wtl_cap_renew(): the devices as they name themselves, whatever index they had, and what
     * an attempt needs. */
    const char **ids;
    size_t n_ids;
    struct wtl_arena *again;
};

/* -WTL_INFEASIBLE: below the sum of the lowest limits; -WTL_UNSUPPORTED: a device without a power
 * limit that could be set, or a ceiling for it; else as lease/lease.h. On failure a new cap leaves
 * everything as it was; a change of an earlier one leaves limits that keep the larger of the two
 * budgets. */
int wtl_flow_cap(const struct wtl_flow *flow, const struct wtl_cap_request *request,
                 struct wtl_arena *arena, struct wtl_cap_result *result_out, struct wtl_error *err);

/* One look of a watch, and what follows. A failure is no end: try again. -WTL_LOST: the devices
 * have to be opened anew. -WTL_BUSY: the cap is another lease's by now, and the watch is over. */
int wtl_cap_tend(struct wtl_cap_result *result, struct wtl_error *err);

/* Opens the devices of a watched cap anew and sets it again. It counts as exposed from the last
 * look on. On failure nothing is open: try again. It may be tried for days: each attempt has the
 * memory of the one before. */
int wtl_cap_renew(const struct wtl_flow *flow, const struct wtl_cap_request *request,
                  struct wtl_cap_result *result, struct wtl_error *err);

/* Lets go of a watched cap, which stays in force; puts a lent one back, which may fail. */
int wtl_cap_finish(struct wtl_cap_result *result, struct wtl_error *err);

json_t *wtl_cap_json(const struct wtl_cap_result *result);

#endif
