/* SPDX-License-Identifier: Apache-2.0
 *
 * A sweep on devices that are open: its points, the knobs it would take, and how long it would
 * last. Touches nothing; `wattle sweep --dry-run` is this.
 */
#ifndef WTL_LAB_PLAN_H
#define WTL_LAB_PLAN_H

#include "lab/points.h"
#include "lease/lease.h"
#include "telemetry/learn.h"

#include <jansson.h>

struct wtl_sweep_plan {
    const struct wtl_sweep_spec *spec;
    struct wtl_machine *machine;
    struct wtl_device *measured[WTL_SWEEP_DEVICES]; /* together: the energy of a run is their sum */
    size_t n_measured;
    struct wtl_device *device; /* the first of them */
    /* Of the sensors of what is measured, filled in by who knows them; all zeros: nothing. A sweep
     * goes on with the gains that it began with, or not at all. */
    struct wtl_sensor_facts facts[WTL_SWEEP_DEVICES];
    struct wtl_lab_points points;
    /* Under whose knobs temperatures are found and come to: the reference of the spec, of which a
     * validation may have another one. */
    struct wtl_lab_point warms_at;
    /* [workload * points.n + point]: what is visited besides the reference; NULL: all. */
    const bool *wanted;
    struct wtl_lease_want wants[WTL_SWEEP_DEVICES * WTL_N_KNOBS]; /* one lease for all */
    size_t n_wants;
    bool simulated; /* virtual devices of this process, and nothing but virtual workloads */
    size_t visits_min, visits_max; /* of all workloads, anchors included */
    double seconds_min, seconds_max;
};

/* The devices of the spec must be those of `machine`. Measured are the first and all others of its
 * kind, GPUs or CPU packages; the rest lend their knobs. As wtl_lab_points_make(), for all of them;
 * -WTL_UNSUPPORTED: no sensor of energy or power, or a knob that one of them lacks; -WTL_USAGE:
 * devices that cannot be measured together, or one that has no part; -WTL_PERMISSION: a knob that
 * may not be set, with what to do. */
int wtl_sweep_plan_make(struct wtl_arena *arena, const struct wtl_sweep_spec *spec,
                        struct wtl_machine *machine, struct wtl_sweep_plan *out,
                        struct wtl_error *err);

/* Points in place of the spec's: those that a plan chose and their baselines (`wattle sweep
 * --plan`), `wanted` as above. They must be legal. */
int wtl_sweep_plan_replace(struct wtl_arena *arena, struct wtl_sweep_plan *plan,
                           const struct wtl_lab_point *points, size_t n, size_t reference,
                           const bool *wanted, struct wtl_error *err);

/* What its runs are called: "A100", "2x A100", "A100 + V100". Runs on several devices compare with
 * none on one of them. */
void wtl_sweep_plan_gpu(const struct wtl_sweep_plan *plan, char out[WTL_LIMIT_NAME]);

/* The model of board that its runs tell, as wtl_runs_board(); "": none, or different ones. */
void wtl_sweep_plan_board(const struct wtl_sweep_plan *plan, char out[WTL_LIMIT_NAME]);

/* Whether commands of it get shares of a GPU through MPS. */
bool wtl_sweep_plan_shares(const struct wtl_sweep_plan *plan);

/* UUIDs of its NVIDIA GPUs with commas: all that its MPS daemon may see. *out NULL: it has none. */
int wtl_sweep_plan_gpus(struct wtl_arena *arena, const struct wtl_sweep_plan *plan,
                        const char **out, struct wtl_error *err);

/* ---- The document: what a campaign keeps of it ---- */

/* NULL: memory is out. */
json_t *wtl_sweep_document(const struct wtl_sweep_plan *plan);

/* Puts the plan's points in the order of a stored document, those that it lacks behind them, so
 * that numbers of points stay what they were. -WTL_CORRUPT. */
int wtl_sweep_plan_align(struct wtl_arena *arena, struct wtl_sweep_plan *plan, const json_t *stored,
                         struct wtl_error *err);

/* What differs between a stored document and another, in words: "protocol.settle_s is 2, was 1; 3
 * points more". "" where nothing does. *extends_out: nothing but what may be extended does: more
 * points, another number of blocks, target, budget, indifference. */
enum { WTL_SWEEP_DIFFERENCE = 400 };
void wtl_sweep_difference(const json_t *stored, const json_t *present,
                          char buf[WTL_SWEEP_DIFFERENCE], bool *extends_out);

#endif
