/* SPDX-License-Identifier: Apache-2.0
 *
 * From a campaign to a predictor and its held-out errors, and from a probe to predicted plans.
 */
#ifndef WTL_FLOW_FIT_H
#define WTL_FLOW_FIT_H

#include "core/clocks.h"
#include "flow/flow.h"
#include "optimize/predicted.h"
#include "predict/predictor.h"

/* A set of runs that was not learned from, and why. */
struct wtl_fit_skipped {
    char gpu[WTL_LIMIT_NAME];
    char workload[WTL_LIMIT_NAME];
    char reason[240];
};

struct wtl_fit_result {
    struct wtl_predictor predictor;
    const struct wtl_fit_skipped *skipped;
    size_t n_skipped;
};

/* Learns from every usable set of the campaign that passes the filter. Held-out errors are for
 * `policy` (objective, limits, confidence), judged on the smoothed measured curves of the left-out
 * sets; there are none when nothing can be left out (one workload on one card). -WTL_UNDECIDED
 * when fewer than two sets are usable: the hint says what is missing. Nothing is stored. */
int wtl_flow_fit(const struct wtl_flow *flow, struct wtl_campaign *c,
                 const struct wtl_run_filter *filter, const struct wtl_policy *policy,
                 struct wtl_arena *arena, struct wtl_fit_result *result_out, struct wtl_error *err);

/* Judged runs of one workload on one GPU at the clocks that count as probed. */
struct wtl_probe {
    struct wtl_workset set;
    char unusable[200]; /* why the set as a whole measures nothing; "": it does */
};

/* Probes from a campaign (read, never written) or from any file that can be imported; gpu and
 * workload (may be NULL) pick among the former and name the latter. `at` (NULL: all) keeps only
 * runs at these clocks. -WTL_NOTFOUND when no run is left. */
int wtl_flow_probe(const struct wtl_flow *flow, const char *path, const char *gpu,
                   const char *workload, const struct wtl_clocks *at, struct wtl_arena *arena,
                   struct wtl_probe **probes_out, size_t *n_out, struct wtl_error *err);

/* One plan from one probe. Legal clocks are the policy's, else those of the shipped board that goes
 * by the GPU's name and fits the probe (-WTL_USAGE when there is none); of these the ones that are
 * not below everything that the training saw. Clocks are normalised by the highest of a known card,
 * else by the highest legal one. A probe of an unusable set, or without a usable run, gives a plan
 * of status unusable. */
int wtl_flow_predict(struct wtl_arena *arena, const struct wtl_predictor *predictor,
                     const struct wtl_probe *probe, const struct wtl_policy *policy,
                     struct wtl_plan *plan_out, struct wtl_error *err);

/* The same by the published model; legal clocks likewise, from 510 MHz up. */
int wtl_flow_predict_fgcs(struct wtl_arena *arena, const struct wtl_fgcs *fgcs, const char *gpu,
                          const char *workload, const struct wtl_policy *policy,
                          struct wtl_plan *plan_out, struct wtl_error *err);

#endif
