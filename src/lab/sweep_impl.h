/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the files of lab/sweep.h:
 *
 *   sweep_stored.c   the sweep in its campaign
 *   sweep_setup.c    workloads, knobs, the bench, the conditions of all runs
 *   sweep.c          blocks of visits, and the whole
 */
#ifndef WTL_LAB_SWEEP_IMPL_H
#define WTL_LAB_SWEEP_IMPL_H

#include "lab/sweep.h"

/* Visits of one workload so far, as the search sees them. */
struct lane {
    struct wtl_workload load;
    bool *active, *infeasible; /* as the search of the present block sees it */
    int *found_infeasible;     /* in which block; 0: it is not */
    double *idle_w;            /* with the point's knobs, once it was measured; else 0 */
    struct wtl_observation *obs;
    size_t n_obs, cap_obs;
    struct wtl_search_state state;
    int n_blocks;
    size_t n_began_outside;
    char why[200];
    bool rests; /* it had its end: this start is for others, of which nothing was measured */
    char disturbed[160]; /* the last visit that did not count; "" there is none */
};

struct sweep {
    const struct wtl_sweep_request *q;
    const struct wtl_sweep_plan *plan;
    const struct wtl_sweep_spec *spec;
    struct wtl_arena *arena;
    struct wtl_bench bench;
    struct wtl_lease *lease;
    struct lane *lanes;
    struct wtl_warming *warms; /* find the temperature; `others`: those that are no lane's */
    struct wtl_workload *others;
    size_t n_warms, n_others;
    bool *active; /* [workload * n_points + point] of the present block */
    int64_t id, source_id;
    int first_block; /* of the spec as it is now: an extended sweep leaves its earlier blocks be */
    json_t *state;
    char gpu[WTL_LIMIT_NAME];
    struct wtl_visit *stored; /* those of earlier starts */
    size_t n_stored;
    size_t n_visits, n_runs, n_infeasible, n_invalid, n_new;
    double seconds_new;
    size_t n_began, n_began_outside; /* temperatures of the first device before runs that count */
    double began_lo_c, began_hi_c;
    int64_t begin_ns;
    bool over; /* it came to its own end */
};

/* ---- sweep_stored.c -------------------------------------------------------------------------- */

/* Finds the sweep in the campaign, or makes it there. */
int sweep_open_stored(struct sweep *s, struct wtl_error *err);
int sweep_put_state(struct sweep *s, struct wtl_error *err);
int sweep_last_stored_block(const struct sweep *s);

/* ---- sweep_setup.c --------------------------------------------------------------------------- */

int sweep_open_workloads(struct sweep *s, struct wtl_error *err);
int sweep_take_lease(struct sweep *s, struct wtl_error *err);
int sweep_open_bench(struct sweep *s, struct wtl_error *err);

/* The devices without any workload, and the temperature that runs begin at; once a sweep. */
int sweep_find_conditions(struct sweep *s, struct wtl_error *err);

#endif
