/* SPDX-License-Identifier: Apache-2.0
 *
 * Campaign to plans: loads and judges the runs, finds the policy and the legal clocks of each
 * workload, and calls the optimiser. Holds no method of its own.
 */
#ifndef WTL_FLOW_OPTIMIZE_H
#define WTL_FLOW_OPTIMIZE_H

#include "board/board_file.h"
#include "core/clocks.h"
#include "core/overlay.h"
#include "flow/flow.h"
#include "store/plan_file.h"
#include "store/policy_file.h"

struct wtl_optimize_request {
    struct wtl_run_filter filter;
    const struct wtl_policy_file *policy; /* NULL: none */
    const char *category;                 /* of the policy file, for workloads without one; NULL */
    struct wtl_overlay options;           /* what the caller says himself: the last word */
    const struct wtl_at *baseline_at;     /* baseline of choices among points; NULL: any */
    const struct wtl_board *boards;
    size_t n_boards;
};

/* A plan for every workset that passes the filter, in order of gpu, workload and configuration; and
 * a choice among the measured points of every workload that was run in several configurations.
 * Configurations at too few clocks for a curve (none at all, say) have no plan: what there is to
 * say of them is in the choice, which is then made for a single one as well.
 * -WTL_NOTFOUND when nothing passes (the message says what there is). */
int wtl_flow_optimize(const struct wtl_flow *flow, struct wtl_campaign *c,
                      const struct wtl_optimize_request *request, struct wtl_arena *arena,
                      struct wtl_plan_file *file_out, struct wtl_error *err);

/* The policy for one set: defaults, policy file, options, then the legal clocks and, for a baseline
 * of kind default, the board's default clock.
 *
 * Legal clocks are those that the policy allows and the runs cover: with no list, the clocks of the
 * runs; where the board is known and fits, only clocks that it has. *note_out (may stay NULL) says
 * what was left out. A list that leaves nothing is not NULL but empty: no clock is feasible. */
int wtl_flow_policy(const struct wtl_optimize_request *request, const struct wtl_workset *set,
                    struct wtl_arena *arena, struct wtl_policy *policy_out, const char **note_out,
                    struct wtl_error *err);

/* Optimises one set under a policy. `note` (may be NULL) is added to the notes of the plan. */
int wtl_flow_plan(struct wtl_arena *arena, const struct wtl_workset *set,
                  const struct wtl_policy *policy, const char *note, struct wtl_plan *plan_out,
                  struct wtl_error *err);

/* Head of a plan document that is made now from this campaign; no plans yet. */
int wtl_flow_plan_head(const struct wtl_flow *flow, struct wtl_campaign *c, struct wtl_arena *arena,
                       struct wtl_plan_file *file_out, struct wtl_error *err);

/* What the exit status of a set of plans is: 0 when one is ok, else -WTL_INFEASIBLE when limits
 * stand in the way of all that could be decided, else -WTL_UNDECIDED. */
int wtl_plans_status(const struct wtl_plan *plans, size_t n);

/* The same over the plans and choices of a document. */
int wtl_plan_file_status(const struct wtl_plan_file *file);

/* Whether a plan can be made: there are clocks to choose from, or it is a campaign of clocks alone,
 * whose plan says what is lacking. */
bool wtl_flow_has_plan(const struct wtl_workset *set);

/* The choices among points alone. */
int wtl_flow_points(const struct wtl_optimize_request *request, const struct wtl_workset *sets,
                    size_t n, struct wtl_arena *arena, struct wtl_point_choice **choices_out,
                    size_t *n_out, struct wtl_error *err);

#endif
