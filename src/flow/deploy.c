/* SPDX-License-Identifier: Apache-2.0
 * Plans to the files that put them in force. */
#include "flow/deploy.h"

int wtl_flow_deploy(const struct wtl_flow *flow, const struct wtl_plan_file *file,
                    const struct wtl_deploy_options *options, struct wtl_arena *arena,
                    struct wtl_file_set *files, struct wtl_deployment *out, struct wtl_error *err)
{
    struct wtl_board *boards = NULL;
    struct wtl_deployment d;
    size_t n = 0;
    int rc = wtl_boards_load(arena, &boards, &n, err);
    rc = rc ? rc : wtl_deploy_select(arena, file, boards, n, flow->clock, options, &d, err);
    rc = rc ? rc : wtl_deploy_add(arena, &d, files, err);
    if (rc == 0)
        *out = d;
    return rc;
}

int wtl_deployment_status(const struct wtl_deployment *d)
{
    bool only_infeasible = d->n_items > 0;
    for (size_t i = 0; i < d->n_items; i++)
        only_infeasible = only_infeasible && d->items[i].plan->status == WTL_PLAN_INFEASIBLE;
    if (d->n_deployed)
        return 0;
    return only_infeasible ? -(int)WTL_INFEASIBLE : -(int)WTL_UNDECIDED;
}
