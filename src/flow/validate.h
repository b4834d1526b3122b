/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans against fresh runs: for every plan and every choice among points of status ok, the runs of
 * its gpu and workload in another campaign, judged, and the verdict on them. Holds no method of its
 * own (optimize/verdict.h).
 */
#ifndef WTL_FLOW_VALIDATE_H
#define WTL_FLOW_VALIDATE_H

#include "flow/flow.h"
#include "optimize/verdict.h"
#include "store/plan_file.h"
#include "store/verdict_file.h"

/* One plan, or one choice among points, and what became of it. */
struct wtl_validation {
    const struct wtl_plan *plan;           /* NULL: a choice */
    const struct wtl_point_choice *choice; /* NULL: a plan */
    bool judged;                           /* false: `why` says why there is no verdict */
    char why[200];
    size_t n_known; /* runs of it in the campaign that were left out: the plan was made from them */
    struct wtl_verdict verdict;
};

struct wtl_validations {
    const struct wtl_plan_file *file;
    struct wtl_validation *items; /* of the plans, then of the choices */
    size_t n;
    struct wtl_verdict_file document; /* the same for others: JSON, a campaign, a report */
};

/* Runs that the plans were made from are left out (flow/identity.h). -WTL_USAGE when the campaign
 * holds no others. */
int wtl_flow_validate(const struct wtl_flow *flow, struct wtl_campaign *c,
                      const struct wtl_plan_file *file, const struct wtl_verdict_options *options,
                      struct wtl_arena *arena, struct wtl_validations *out, struct wtl_error *err);

/* 0 all confirmed that were judged; -WTL_REFUTED when one is refuted; else -WTL_UNDECIDED, also
 * when none was judged. */
int wtl_validations_status(const struct wtl_validations *v);

/* The plans and choices with saving and slowdown as the fresh runs have them, evidence "confirmed",
 * where the verdict is confirmed; the others as they were. */
int wtl_validations_plans(const struct wtl_validations *v, struct wtl_arena *arena,
                          struct wtl_plan_file *out, struct wtl_error *err);

/* Cross-validation between the repetitions of one campaign, with the policy of each plan. */
struct wtl_within {
    const struct wtl_plan *plan;
    bool done; /* false: `why` */
    char why[160];
    struct wtl_cross cross;
};
int wtl_flow_within(const struct wtl_flow *flow, struct wtl_campaign *c,
                    const struct wtl_plan_file *file, struct wtl_arena *arena,
                    struct wtl_within **items_out, size_t *n_out, struct wtl_error *err);
json_t *wtl_within_json(const struct wtl_within *items, size_t n);

#endif
