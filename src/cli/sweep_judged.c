/* SPDX-License-Identifier: Apache-2.0
 * The judgement of a sweep's runs. */
#include "cli/sweep_judged.h"

#include "flow/flow.h"

#include <stdio.h>
#include <string.h>

static bool is_at(const struct wtl_run *run, const struct wtl_lab_point *p)
{
    return run->clock_mhz == p->clock_mhz && wtl_point_compare(&run->point, &p->point) == 0 &&
           (p->mem_clock_mhz == 0 || run->mem_clock_mhz == p->mem_clock_mhz);
}

/* Of what the sweep took for good: it has told of the rest. */
static void count_run(const struct wtl_run *run, const struct wtl_sweep_workload_result *w,
                      struct wtl_sweep_judged *j)
{
    const enum wtl_cause cause = wtl_run_main_cause(run);
    if (run->stated_causes)
        return;
    if (cause == WTL_N_CAUSES) {
        j->accepted++;
        j->best_counts = j->best_counts || (w->has_best && is_at(run, &w->best));
    } else {
        j->rejected++;
        j->by_cause[cause]++;
    }
}

static int judge_set(const struct wtl_workset *set, const char *job,
                     const struct wtl_sweep_workload_result *w, struct wtl_sweep_judged *j,
                     struct wtl_error *err)
{
    WTL_ARENA(scratch);
    struct wtl_quality quality = {.usable = true};
    bool ours = false;
    for (size_t i = 0; i < set->n_runs; i++) {
        if (strcmp(set->runs[i].job, job) != 0)
            continue;
        ours = true;
        count_run(&set->runs[i], w, j);
    }
    int rc = ours ? wtl_judge_set(&scratch, set, &quality, err) : 0;
    if (rc == 0 && !quality.usable && !j->unusable[0])
        (void)snprintf(j->unusable, sizeof j->unusable, "%s", quality.reason);
    return rc;
}

int wtl_sweep_judge(struct wtl_context *ctx, struct wtl_campaign *c,
                    const struct wtl_sweep_plan *plan, const struct wtl_sweep_result *result,
                    struct wtl_sweep_judged **out, struct wtl_error *err)
{
    const struct wtl_flow flow = wtl_context_flow(ctx);
    struct wtl_sweep_judged *all =
        WTL_NEW_ARRAY(ctx->arena, struct wtl_sweep_judged, result->n_workloads + 1);
    int rc = all ? 0 : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < result->n_workloads; i++) {
        WTL_ARENA(scratch);
        const struct wtl_sweep_workload_result *w = &result->workloads[i];
        const struct wtl_run_filter filter = {.workload = w->name};
        struct wtl_workset *sets = NULL;
        size_t n = 0;
        rc = wtl_flow_worksets(&flow, c, &filter, &scratch, &sets, &n, err);
        for (size_t k = 0; rc == 0 && k < n; k++)
            rc = judge_set(&sets[k], plan->spec->name, w, &all[i], err);
    }
    if (rc == 0)
        *out = all;
    return rc;
}

const char *wtl_sweep_judged_causes(const struct wtl_sweep_judged *j, char *buf, size_t size)
{
    size_t used = 0;
    buf[0] = '\0';
    for (int i = 0; i < (int)WTL_N_CAUSES && used + 40 < size; i++)
        if (j->by_cause[i])
            used += (size_t)snprintf(buf + used, size - used, "%s%d %s", used ? ", " : "",
                                     j->by_cause[i], wtl_cause_name((enum wtl_cause)i));
    return buf;
}
