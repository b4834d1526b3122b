/* SPDX-License-Identifier: Apache-2.0
 * Idle power by clock. */
#include "optimize/idling.h"

#include "base/sort.h"
#include "stats/robust.h"

#include <math.h>

static int by_clock(const void *p, const void *q)
{
    const struct wtl_run *a = *(const struct wtl_run *const *)p;
    const struct wtl_run *b = *(const struct wtl_run *const *)q;
    return (a->clock_mhz > b->clock_mhz) - (a->clock_mhz < b->clock_mhz);
}

int wtl_idle_power_of(struct wtl_arena *arena, const struct wtl_run *const *runs, size_t n,
                      struct wtl_idle_power *out, struct wtl_error *err)
{
    const struct wtl_run **known = WTL_NEW_ARRAY(arena, const struct wtl_run *, n + 1);
    double *clock = WTL_NEW_ARRAY(arena, double, n + 1);
    double *watts = WTL_NEW_ARRAY(arena, double, n + 1);
    double *scratch = WTL_NEW_ARRAY(arena, double, n + 1);
    size_t n_known = 0, n_clocks = 0;
    if (!known || !clock || !watts || !scratch)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        if (runs[i]->causes == 0 && wtl_run_has(runs[i], WTL_R_idle_power_w))
            known[n_known++] = runs[i];
    wtl_sort(known, n_known, sizeof *known, by_clock);
    for (size_t i = 0, k; i < n_known; i += k) {
        for (k = 0; i + k < n_known && known[i + k]->clock_mhz == known[i]->clock_mhz; k++)
            scratch[k] = known[i + k]->metric[WTL_R_idle_power_w];
        clock[n_clocks] = known[i]->clock_mhz;
        watts[n_clocks++] = wtl_median(scratch, k);
    }
    *out = (struct wtl_idle_power){n_clocks, clock, watts};
    return 0;
}

int wtl_idle_power_of_set(struct wtl_arena *arena, const struct wtl_workset *set,
                          struct wtl_idle_power *out, struct wtl_error *err)
{
    const struct wtl_run **runs = WTL_NEW_ARRAY(arena, const struct wtl_run *, set->n_runs + 1);
    if (!runs)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    for (size_t i = 0; i < set->n_runs; i++)
        runs[i] = &set->runs[i];
    return wtl_idle_power_of(arena, runs, set->n_runs, out, err);
}

double wtl_idle_power_at(const struct wtl_idle_power *idle, double clock_mhz)
{
    size_t above = 0;
    while (above < idle->n && idle->clock_mhz[above] < clock_mhz)
        above++;
    if (idle->n == 0)
        return 0;
    if (above == 0 || above == idle->n)
        return idle->power_w[above ? above - 1 : 0];
    const double from = idle->clock_mhz[above - 1], to = idle->clock_mhz[above];
    const double share = (clock_mhz - from) / (to - from);
    return (1 - share) * idle->power_w[above - 1] + share * idle->power_w[above];
}

double wtl_idling_j(const struct wtl_idling *idling, double clock_mhz, double time_s)
{
    if (!idling->counted)
        return 0;
    return wtl_idle_power_at(&idling->power, clock_mhz) * fmax(idling->period_s - time_s, 0);
}
