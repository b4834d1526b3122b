/* SPDX-License-Identifier: Apache-2.0
 * Clock ceilings from what the runs of plans drew at most. */
#include "flow/ceiling.h"

#include "core/gpu_name.h"
#include "flow/apply.h"

#include <math.h>
#include <stdlib.h>

static bool counts(const struct wtl_ceiling_source *s, const struct wtl_plan *p,
                   const struct wtl_device_info *info)
{
    /* what several boards drew together tells nothing of one of them */
    return wtl_gpu_count(p->gpu) == 1 && wtl_plan_fits_device(p, info) &&
           (!s->workload || wtl_same_name(s->workload, p->workload));
}

/* What the plan's work draws at most at clocks up to `mhz`; infinity above its highest. */
static double plan_power_w(const struct wtl_plan *p, double mhz)
{
    double most_w = 0;
    for (size_t i = 0; i < p->n_power_p99; i++) {
        most_w = fmax(most_w, p->power_p99[i].power_w);
        if (p->power_p99[i].clock_mhz >= mhz)
            return most_w;
    }
    return (double)INFINITY;
}

static double power_w(const struct wtl_ceiling_source *s, const struct wtl_device_info *info,
                      double mhz)
{
    double most_w = 0;
    for (size_t i = 0; i < s->plans->n_plans; i++)
        if (counts(s, &s->plans->plans[i], info))
            most_w = fmax(most_w, plan_power_w(&s->plans->plans[i], mhz));
    return most_w;
}

static int compare_clocks(const void *a, const void *b)
{
    double x = ((const struct wtl_ceiling_rung *)a)->clock_mhz;
    double y = ((const struct wtl_ceiling_rung *)b)->clock_mhz;
    return (x > y) - (x < y);
}

/* Ascending in both: of clocks with the same power the highest stays. */
static size_t keep_steps(struct wtl_ceiling_rung *rungs, size_t n)
{
    size_t kept = 0;
    qsort(rungs, n, sizeof *rungs, compare_clocks);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && rungs[i].power_w <= rungs[kept - 1].power_w)
            kept--;
        rungs[kept++] = rungs[i];
    }
    return kept;
}

/* Evenly, the highest among them. */
static size_t thin(struct wtl_ceiling_rung *rungs, size_t n)
{
    if (n <= WTL_CEILING_MAX_RUNGS)
        return n;
    for (size_t i = 0; i < WTL_CEILING_MAX_RUNGS; i++)
        rungs[i] = rungs[(i + 1) * n / WTL_CEILING_MAX_RUNGS - 1];
    return WTL_CEILING_MAX_RUNGS;
}

static int no_power(const struct wtl_ceiling_source *s, const struct wtl_device_info *info,
                    size_t n_plans, struct wtl_error *err)
{
    if (n_plans == 0)
        return WTL_FAIL(err, WTL_NOTFOUND, "\"%s\" holds no plan of %s (%s)%s%s", s->path, info->id,
                        info->name, s->workload ? " for " : "", s->workload ? s->workload : "");
    int rc = WTL_FAIL(err, WTL_NOTFOUND,
                      "\"%s\" does not tell what the runs on %s drew at clocks that it has",
                      s->path, info->name);
    wtl_error_hint(err, "its runs need power samples, and the plan the present form: make it anew "
                        "with `wattle optimize`");
    return rc;
}

int wtl_ceiling_of(const struct wtl_ceiling_source *s, struct wtl_device *device,
                   struct wtl_arena *arena, struct wtl_ceiling *out, struct wtl_error *err)
{
    const struct wtl_device_info *info = wtl_device_info(device);
    struct wtl_knob_range range;
    size_t n = 0, n_plans = 0, most = 0;
    int rc = wtl_device_knob_range(device, WTL_KNOB_sm_clock_mhz, arena, &range, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < s->plans->n_plans; i++)
        most += s->plans->plans[i].n_power_p99;
    struct wtl_ceiling_rung *rungs = WTL_NEW_ARRAY(arena, struct wtl_ceiling_rung, most + 1);
    if (!rungs)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < s->plans->n_plans; i++) {
        const struct wtl_plan *p = &s->plans->plans[i];
        if (!counts(s, p, info))
            continue;
        n_plans++;
        for (size_t j = 0; j < p->n_power_p99; j++) {
            double w = power_w(s, info, p->power_p99[j].clock_mhz), mhz;
            if (wtl_plan_legal_mhz(&range, p->power_p99[j].clock_mhz, &mhz) && isfinite(w))
                rungs[n++] = (struct wtl_ceiling_rung){mhz, w};
        }
    }
    n = thin(rungs, keep_steps(rungs, n));
    if (n == 0)
        return no_power(s, info, n_plans, err);
    *out = (struct wtl_ceiling){rungs, n};
    return 0;
}
