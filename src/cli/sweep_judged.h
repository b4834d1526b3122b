/* SPDX-License-Identifier: Apache-2.0
 *
 * What the judgement of runs (runs/judge.h), by which `wattle optimize` goes, makes of a sweep that
 * has ended. The sweep itself goes by what it measured: most causes only show against all runs.
 */
#ifndef WTL_CLI_SWEEP_JUDGED_H
#define WTL_CLI_SWEEP_JUDGED_H

#include "cli/command.h"
#include "lab/sweep.h"

/* Of one workload of a sweep: its runs of this sweep. */
struct wtl_sweep_judged {
    int accepted, rejected;
    int by_cause[WTL_N_CAUSES]; /* of the rejected ones, the main cause */
    bool best_counts;           /* a run at the best point is accepted */
    char unusable[200];         /* why none of them measures its workload; "" they do */
};

/* One for each workload of the result, in the arena of the context. */
int wtl_sweep_judge(struct wtl_context *ctx, struct wtl_campaign *c,
                    const struct wtl_sweep_plan *plan, const struct wtl_sweep_result *result,
                    struct wtl_sweep_judged **out, struct wtl_error *err);

/* "3 idle_gpu, 1 outlier". Returns buf. */
const char *wtl_sweep_judged_causes(const struct wtl_sweep_judged *j, char *buf, size_t size);

#endif
