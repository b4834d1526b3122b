/* SPDX-License-Identifier: Apache-2.0
 *
 * Several devices under one power budget, as arithmetic on their limits: at every moment that is of
 * our making the sum of the limits in force, plus the declared base that nobody controls, stays
 * within the budget. Lower, read back, and only then raise; a limit that could not be lowered, a
 * sensor that does not answer, a board that is lost: nothing is raised.
 *
 * "In force" is the larger of what is requested and what the board reports as enforced: a limit
 * that somebody set from outside the system may be lifted at any time. The board follows its limit
 * as an average of about a second; shorter peaks are not promised away.
 *
 * A board whose limit cannot be set may be held by a ceiling on its clock instead, where runs told
 * what its work draws at most under each clock (lease/ceiling.h). It then counts for that power; a
 * ceiling that is not set yet, or may not be, counts as infinite. Such a cap is soft: it is only as
 * good as those runs.
 *
 * The split: each board gets limit = clamp(x * default limit, minimum, what it had before the cap),
 * with the one x for which the sum is the budget; whole eighths of a watt, rounded down (RAPL's
 * unit, and exact in milliwatts). A ceiling is the highest within its board's share; what it leaves
 * goes to the limits. A cap never gives a board more than it had before.
 */
#ifndef WTL_LEASE_CAP_H
#define WTL_LEASE_CAP_H

#include "lease/lease.h"

/* By which a sum may pass its budget: above the rounding of a few limits in doubles, far below a
 * milliwatt. */
#define WTL_CAP_SLACK_W 1e-6

struct wtl_cap_board {
    double min_w, max_w; /* what may be asked for; max: what the board had before the cap, too */
    double weight_w;     /* its default limit; of a ceiling the power of its highest rung */
    struct wtl_ceiling ceiling; /* n 0: a limit */
};

/* -WTL_USAGE unless the budget is positive, the base not negative, and both are finite. */
int wtl_cap_check_budget(double budget_w, double base_w, struct wtl_error *err);

/* The split of `budget_w - base_w`. -WTL_INFEASIBLE: below the sum of the minimum limits, which the
 * message names. Pure. */
int wtl_cap_split(const struct wtl_cap_board *boards, size_t n, double budget_w, double base_w,
                  double *limits_w_out, struct wtl_error *err);

/* The bounds of a board from what a lease knows of its limit. -WTL_UNSUPPORTED: its limit cannot be
 * read. */
int wtl_cap_board(const struct wtl_lease_knob *knob, struct wtl_cap_board *board_out,
                  struct wtl_error *err);

/* What a knob is set to for a share: that limit, or the range of clocks under its ceiling. */
struct wtl_knob_value wtl_cap_value(const struct wtl_lease_knob *knob, double limit_w);

/* What a board counts for: the most that it may be at. */
double wtl_cap_counts_w(const struct wtl_lease_knob *knob);

/* What a board may draw by its limits: the larger of requested and enforced; infinity where the
 * limit is switched off and no other is enforced. */
double wtl_cap_in_force_w(const struct wtl_knob_state *state);

/* Brings all limits of a cap's lease to `limits_w`: lowers and reads back, then raises one by one,
 * each after a look at all the others, and only as far as the budget allows. On failure nothing
 * (more) is raised. Allocates nothing. */
int wtl_cap_enforce(struct wtl_lease *lease, const double *limits_w, struct wtl_error *err);

/* What a look at the limits in force found. */
struct wtl_cap_exposure {
    bool blind;                      /* a board did not answer: nothing is raised */
    char why[WTL_ERROR_MESSAGE_MAX]; /* blind: what it said */
    double sum_w;      /* limits in force, plus the base; infinite: a ceiling is gone */
    double excess_w;   /* above the budget; 0: none */
    size_t n_settling; /* clocks above their ceilings that may still be on their way down */
    size_t n_wrong;    /* limits that are not what we set */
};

/* Looks at all limits. A board that does not answer counts with what was found last. */
void wtl_cap_look(struct wtl_lease *lease, struct wtl_cap_exposure *out);

/* Counts over the life of a watch. */
struct wtl_cap_watch {
    int64_t last_ns; /* of the last look; 0: none yet */
    bool exposed;    /* at the last look */
    int64_t exposures;
    double exposed_s; /* from the look before the one that saw it, to the one that saw it mended: an
                       * upper bound */
    int64_t reasserted, failed, blind;
};

/* One look of a watch, and what follows from it: limits that are not ours are set again, lowerings
 * first. Returns what wtl_cap_enforce() says; 0 when there is nothing to do. -WTL_LOST also when a
 * device is of another driver load than the lease, and on that nothing is set; -WTL_BUSY: as
 * wtl_lease_tend(), and then nothing is set at all. */
int wtl_cap_watch_step(struct wtl_lease *lease, struct wtl_cap_watch *watch, int64_t now_ns,
                       struct wtl_cap_exposure *exposure_out, struct wtl_error *err);

#endif
