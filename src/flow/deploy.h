/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans to the files that put them in force, with the shipped boards at hand. Holds no method of
 * its own (deploy/deploy.h).
 */
#ifndef WTL_FLOW_DEPLOY_H
#define WTL_FLOW_DEPLOY_H

#include "deploy/deploy.h"
#include "flow/flow.h"

/* Selects, and adds to `files`, which the caller commits. `file` and `options` must outlive the
 * deployment, which points to them. */
int wtl_flow_deploy(const struct wtl_flow *flow, const struct wtl_plan_file *file,
                    const struct wtl_deploy_options *options, struct wtl_arena *arena,
                    struct wtl_file_set *files, struct wtl_deployment *out, struct wtl_error *err);

/* 0 when something was deployed; -WTL_INFEASIBLE when the limits are what stands in the way of all,
 * else -WTL_UNDECIDED. */
int wtl_deployment_status(const struct wtl_deployment *d);

#endif
