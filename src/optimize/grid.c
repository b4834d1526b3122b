/* SPDX-License-Identifier: Apache-2.0
 * At which clocks, and against which. */
#include "optimize/problem.h"

#include "stats/robust.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A baseline beyond the accepted runs is read off the curve up to this many steps of the sweep, or
 * this share of the clock. */
static const double reach_steps = 3, reach_share = 0.03;

static int compare_ints(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static size_t sort_distinct(int *x, size_t n)
{
    size_t k = 0;
    qsort(x, n, sizeof *x, compare_ints);
    for (size_t i = 0; i < n; i++)
        if (k == 0 || x[i] != x[k - 1])
            x[k++] = x[i];
    return k;
}

static bool contains(const int *sorted, size_t n, int value)
{
    return bsearch(&value, sorted, n, sizeof *sorted, compare_ints) != NULL;
}

/* What the grid is made from; all ascending. */
struct clocks {
    int *legal;
    size_t n_legal;
    int *measured; /* of the observed runs */
    size_t n_measured;
};

/* Without a list, every clock that was asked for is taken as one that the GPU has. */
static int gather(struct wtl_arena *arena, const struct wtl_workset *set,
                  const struct wtl_policy *policy, const struct wtl_observations *obs,
                  struct clocks *c)
{
    size_t most = policy->clocks_mhz ? policy->n_clocks : set->n_runs;
    c->legal = WTL_NEW_ARRAY(arena, int, most + 1);
    c->measured = WTL_NEW_ARRAY(arena, int, obs->n + 1);
    if (!c->legal || !c->measured)
        return -(int)WTL_NOMEM;
    size_t n = 0;
    for (size_t i = 0; i < most; i++) {
        int mhz = policy->clocks_mhz ? policy->clocks_mhz[i] : set->runs[i].clock_mhz;
        if (mhz > 0)
            c->legal[n++] = mhz;
    }
    c->n_legal = sort_distinct(c->legal, n);
    for (size_t i = 0; i < obs->n; i++)
        c->measured[i] = obs->run[i]->clock_mhz;
    c->n_measured = sort_distinct(c->measured, obs->n);
    return 0;
}

/* How far beyond the measured clocks a baseline may lie. */
static double reach(const struct clocks *c, int highest)
{
    double span = c->measured[c->n_measured - 1] - c->measured[0];
    double step = c->n_measured > 1 ? span / (double)(c->n_measured - 1) : 0;
    return fmax(reach_steps * step, reach_share * highest);
}

static bool default_clock(const struct wtl_workset *set, const struct wtl_policy *policy,
                          double *scratch, int *mhz_out)
{
    if (policy->baseline.clock_mhz > 0) {
        *mhz_out = policy->baseline.clock_mhz;
        return true;
    }
    size_t n = 0;
    for (size_t i = 0; i < set->n_runs; i++) /* runs without a clock set ran at the default */
        if (set->runs[i].mode == WTL_MODE_BASELINE &&
            wtl_run_has(&set->runs[i], WTL_R_app_clock_mhz))
            scratch[n++] = set->runs[i].metric[WTL_R_app_clock_mhz];
    if (n)
        *mhz_out = (int)lround(wtl_median(scratch, n));
    return n > 0;
}

/* The baseline's clock; 0 when it is a set of runs or chosen among the clocks. */
static int find_base(struct wtl_arena *arena, const struct wtl_workset *set,
                     const struct wtl_policy *policy, const struct clocks *c, struct wtl_grid *grid,
                     struct wtl_notes *notes, struct wtl_obstacle *obstacle)
{
    double *scratch = WTL_NEW_ARRAY(arena, double, set->n_runs + 1);
    int top = c->measured[c->n_measured - 1], bottom = c->measured[0];
    double beyond = reach(c, grid->highest_mhz);
    if (!scratch)
        return -(int)WTL_NOMEM;
    grid->base_mhz = 0;
    switch (policy->baseline.kind) {
    case WTL_BASELINE_MAX:
        if (policy->baseline.clock_mhz > 0) {
            grid->base_mhz = policy->baseline.clock_mhz;
            break;
        }
        for (size_t i = 0; i < set->n_runs; i++)
            if (set->runs[i].clock_mhz > grid->base_mhz)
                grid->base_mhz = set->runs[i].clock_mhz;
        if (policy->clocks_mhz && c->legal[c->n_legal - 1] <= top + beyond)
            grid->base_mhz = c->legal[c->n_legal - 1];
        else if (policy->clocks_mhz)
            wtl_notes_add(notes,
                          "The highest legal clock is %d MHz, but no run comes near it: the "
                          "baseline is the highest clock of the runs, %d MHz.",
                          c->legal[c->n_legal - 1], grid->base_mhz);
        break;
    case WTL_BASELINE_DEFAULT:
        if (!default_clock(set, policy, scratch, &grid->base_mhz)) {
            snprintf(obstacle->text, sizeof obstacle->text,
                     "the default application clock is not in the runs: name it with --baseline "
                     "clock:MHZ");
            return 1;
        }
        break;
    case WTL_BASELINE_CLOCK:
        grid->base_mhz = policy->baseline.clock_mhz;
        break;
    case WTL_BASELINE_FASTEST:
    case WTL_BASELINE_JOB:
    case WTL_BASELINE_REP:
        return 0;
    }
    if (grid->base_mhz > top + beyond || grid->base_mhz < bottom - beyond) {
        snprintf(obstacle->text, sizeof obstacle->text,
                 "the baseline, %d MHz, is too far from the accepted runs (%d to %d MHz)",
                 grid->base_mhz, bottom, top);
        return 1;
    }
    return 0;
}

static int fill(struct wtl_arena *arena, const struct clocks *c, struct wtl_grid *g)
{
    size_t most = c->n_legal + c->n_measured + 1, n = 0;
    int top = c->measured[c->n_measured - 1], bottom = c->measured[0];
    g->mhz = WTL_NEW_ARRAY(arena, int, most);
    if (!g->mhz)
        return -(int)WTL_NOMEM;
    for (size_t i = 0; i < c->n_legal; i++)
        if (c->legal[i] >= bottom && c->legal[i] <= top)
            g->mhz[n++] = c->legal[i];
    for (size_t i = 0; i < c->n_measured; i++)
        g->mhz[n++] = c->measured[i];
    if (g->base_mhz)
        g->mhz[n++] = g->base_mhz;
    g->n = sort_distinct(g->mhz, n);
    g->base = g->n;
    g->mhz_d = WTL_NEW_ARRAY(arena, double, g->n);
    g->legal = WTL_NEW_ARRAY(arena, bool, g->n);
    g->candidate = WTL_NEW_ARRAY(arena, bool, g->n);
    if (!g->mhz_d || !g->legal || !g->candidate)
        return -(int)WTL_NOMEM;
    for (size_t e = 0; e < g->n; e++) {
        g->mhz_d[e] = g->mhz[e];
        g->legal[e] = contains(c->legal, c->n_legal, g->mhz[e]);
        g->candidate[e] = g->legal[e];
        if (g->mhz[e] == g->base_mhz)
            g->base = e;
    }
    return 0;
}

int wtl_grid_make(struct wtl_arena *arena, const struct wtl_workset *set,
                  const struct wtl_policy *policy, const struct wtl_observations *obs,
                  struct wtl_grid *grid_out, struct wtl_notes *notes, struct wtl_obstacle *obstacle,
                  struct wtl_error *err)
{
    struct clocks c = {0};
    struct wtl_grid g = {0};
    if (gather(arena, set, policy, obs, &c))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for the clocks");
    if (c.n_legal == 0) {
        snprintf(obstacle->text, sizeof obstacle->text, "the list of legal clocks is empty");
        return 1;
    }
    int top = c.measured[c.n_measured - 1];
    int top_legal = c.legal[c.n_legal - 1];
    g.highest_mhz = top_legal > top ? top_legal : top;
    int rc = find_base(arena, set, policy, &c, &g, notes, obstacle);
    if (rc == 1)
        return 1;
    if (rc || fill(arena, &c, &g))
        return WTL_FAIL(err, WTL_NOMEM, "out of memory for the clocks");
    size_t usable = 0;
    for (size_t e = 0; e < g.n; e++)
        usable += g.candidate[e];
    if (usable == 0) {
        snprintf(obstacle->text, sizeof obstacle->text,
                 "none of the %zu legal clocks lies within the accepted runs (%d to %d MHz)",
                 c.n_legal, c.measured[0], top);
        return 1;
    }
    for (size_t i = 0; i < set->n_runs; i++)
        if (g.base_mhz && set->runs[i].clock_mhz == g.base_mhz)
            g.base_rejected += set->runs[i].causes != 0;
    for (size_t i = 0; i < obs->n; i++)
        g.base_runs += obs->run[i]->clock_mhz == g.base_mhz;
    *grid_out = g;
    return 0;
}
