/* SPDX-License-Identifier: Apache-2.0
 *
 * A sweep, from its first run to its last: which block comes next, which visit of it, and what the
 * campaign keeps. Whatever was stored is not measured again: the process may be killed at any
 * moment, and the next one goes on with the next visit, in the same order.
 *
 * On virtual devices of this process each visit begins with an hour of its own (noise and start
 * temperature from the sweep's seed and the visit's place), so that a sweep that was interrupted
 * ends with the very runs of one that was not, value by value; only start times differ.
 */
#ifndef WTL_LAB_SWEEP_H
#define WTL_LAB_SWEEP_H

#include "lab/plan.h"
#include "lab/protocol.h"
#include "lab/search.h"
#include "store/campaign.h"

struct wtl_sweep_progress {
    size_t n_done;     /* visits that are stored, of this and of earlier starts */
    size_t n_expected; /* as far as is known now */
    double seconds_left;
    int block;
    const char *workload;
    const struct wtl_lab_point *point;
    bool anchor;
    const struct wtl_visit *visit;         /* that was just stored */
    const struct wtl_visit_result *result; /* of it */
    bool has_best;
    const struct wtl_lab_point *best; /* of this workload so far */
    double best_saving;               /* of the objective, against the reference */
};

struct wtl_sweep_request {
    struct wtl_sweep_plan *plan;
    struct wtl_campaign *campaign; /* open for writing */
    struct wtl_holder *holder;     /* NULL: no knob is set */
    const struct wtl_group *group; /* that commands run in; NULL: ours */
    struct wtl_shares *shares;     /* of the GPU, for commands; NULL: none is set */
    struct wtl_lab_time time;
    const char *spec_path;
    bool extend; /* a stored sweep may get more blocks and points */
    void (*on_visit)(void *ctx, const struct wtl_sweep_progress *progress);
    void (*on_block)(void *ctx, int block, const char *workload,
                     const struct wtl_search_state *state);
    void (*on_wait)(void *ctx, const char *text, bool pressing); /* as in lab/bench.h */
    void *ctx;
};

/* What is known of one workload at the end. */
struct wtl_sweep_workload_result {
    const char *name;
    const char *why_ended;
    /* It is over, and no run of it counts: another start of the sweep tries again, unless the
     * budget is used up. The last visit that did not count says why; "" there is none. */
    bool unmeasured;
    const char *disturbed;
    int n_blocks;
    size_t n_visited_points, n_tied;
    size_t n_began_outside; /* as in the result of all */
    bool has_best;
    struct wtl_lab_point best;
    double saving, saving_half; /* of the objective; 1 - cost ratio */
    double slowdown;
};

struct wtl_sweep_result {
    bool stopped; /* told to end before it was over */
    bool out_of_budget;
    bool resumed;                                     /* the campaign had a part of it */
    size_t n_before;                                  /* visits that were stored before */
    size_t n_visits, n_runs, n_infeasible, n_invalid; /* of all starts */
    double seconds;                                   /* of this start, in the sweep's own time */
    bool has_band;
    double band_c; /* of the first device: what runs were to begin at */
    /* And what those of this start that count did begin at, where there is a sensor; of them, those
     * outside of the band on any device. */
    size_t n_began, n_began_outside;
    double began_lo_c, began_hi_c;
    const char *deaf; /* a GPU whose driver tells of no errors (XID); NULL: all do */
    bool has_bare_idle;
    double bare_idle_w; /* without any workload loaded */
    struct wtl_sweep_workload_result *workloads;
    size_t n_workloads;
};

/* -WTL_USAGE: the campaign has a sweep of this name that is not the same (what differs, and what to
 * do); -WTL_BUSY: somebody else uses the device, or holds a knob; else as the device, the lease and
 * the campaign say. What was stored stays. */
int wtl_sweep_run(struct wtl_arena *arena, const struct wtl_sweep_request *request,
                  struct wtl_sweep_result *result_out, struct wtl_error *err);

/* What a campaign has of a sweep before it begins. */
struct wtl_sweep_before {
    const char *campaign; /* its path; NULL: there is none, and all else is 0 */
    bool found;           /* it has a sweep of this name */
    size_t n_visits, n_runs;
    char added[WTL_SWEEP_DIFFERENCE]; /* to the stored sweep, which may be extended; "" nothing */
};

/* As wtl_sweep_run() would find it, refusals too; the campaign, open for reading, stays as it is.
 * Points take the order of the stored sweep. `out` points to the path of the campaign. */
int wtl_sweep_look(struct wtl_arena *arena, struct wtl_sweep_plan *plan,
                   struct wtl_campaign *campaign, bool extend, struct wtl_sweep_before *out,
                   struct wtl_error *err);

json_t *wtl_sweep_result_json(const struct wtl_sweep_plan *plan,
                              const struct wtl_sweep_result *result);
json_t *wtl_sweep_progress_json(const struct wtl_sweep_progress *progress);
json_t *wtl_sweep_plan_json(const struct wtl_sweep_plan *plan,
                            const struct wtl_sweep_before *before);

#endif
