/* SPDX-License-Identifier: Apache-2.0
 * Front, knee, hypervolume. */
#include "optimize/pareto.h"

#include <math.h>
#include <stdlib.h>

struct point {
    double energy, time;
    size_t index;
};

static int by_time_then_energy(const void *a, const void *b)
{
    const struct point *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->energy != y->energy)
        return x->energy < y->energy ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* The points of `use`, fastest first. */
static int sorted(struct wtl_arena *scratch, const double *energy, const double *time,
                  const bool *use, size_t n, struct point **out, size_t *n_out,
                  struct wtl_error *err)
{
    struct point *p = WTL_NEW_ARRAY(scratch, struct point, n + 1);
    size_t k = 0;
    if (!p)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for a front of %zu points", n);
    for (size_t i = 0; i < n; i++)
        if (use[i])
            p[k++] = (struct point){energy[i], time[i], i};
    qsort(p, k, sizeof *p, by_time_then_energy);
    *out = p;
    *n_out = k;
    return 0;
}

int wtl_pareto_front(struct wtl_arena *scratch, const double *energy, const double *time,
                     const bool *use, size_t n, bool *on_front, struct wtl_error *err)
{
    struct point *p = NULL;
    size_t k = 0;
    int rc = sorted(scratch, energy, time, use, n, &p, &k, err);
    if (rc)
        return rc;
    double least = HUGE_VAL;
    for (size_t i = 0; i < n; i++)
        on_front[i] = false;
    for (size_t i = 0; i < k; i++) {
        on_front[p[i].index] = p[i].energy < least;
        least = fmin(least, p[i].energy);
    }
    return 0;
}

size_t wtl_pareto_knee(const double *energy, const double *time, const bool *on_front, size_t n)
{
    size_t fast = n, lean = n, knee = n, count = 0;
    for (size_t i = 0; i < n; i++) {
        if (!on_front[i])
            continue;
        count++;
        if (fast == n || time[i] < time[fast])
            fast = i;
        if (lean == n || energy[i] < energy[lean])
            lean = i;
    }
    if (count < 3)
        return n;
    double de = energy[fast] - energy[lean], dt = time[lean] - time[fast], best = 1e-12;
    for (size_t i = 0; i < n; i++) {
        if (!on_front[i])
            continue;
        /* 1 - x - y with x, y from 0 to 1: distance below the line x + y = 1, times sqrt 2 */
        double below = 1 - (energy[i] - energy[lean]) / de - (time[i] - time[fast]) / dt;
        if (below > best) {
            best = below;
            knee = i;
        }
    }
    return knee;
}

int wtl_pareto_hypervolume(struct wtl_arena *scratch, const double *energy, const double *time,
                           const bool *on_front, size_t n, double energy_ref, double time_ref,
                           double *volume_out, struct wtl_error *err)
{
    struct point *p = NULL;
    size_t k = 0;
    int rc = sorted(scratch, energy, time, on_front, n, &p, &k, err);
    if (rc)
        return rc;
    double area = 0, ceiling = energy_ref;
    for (size_t i = 0; i < k; i++) {
        if (p[i].time >= time_ref || p[i].energy >= ceiling)
            continue;
        area += (time_ref - p[i].time) * (ceiling - fmax(p[i].energy, 0));
        ceiling = p[i].energy;
    }
    *volume_out = energy_ref > 0 && time_ref > 0 ? area / (energy_ref * time_ref) : 0;
    return 0;
}
