/* SPDX-License-Identifier: Apache-2.0
 *
 * From a campaign to a predictor and its held-out errors, and from a probe to predicted plans.
 */
#ifndef WTL_FLOW_FIT_H
#define WTL_FLOW_FIT_H

#include "core/clocks.h"
#include "core/overlay.h"
#include "flow/flow.h"
#include "optimize/predicted.h"
#include "store/plan_file.h"
#include "store/policy_file.h"
#include "store/predictor_file.h"

/* A set of runs that was not learned from, and why. */
struct wtl_fit_skipped {
    char gpu[WTL_LIMIT_NAME];
    char workload[WTL_LIMIT_NAME];
    char reason[240];
};

struct wtl_fit_result {
    struct wtl_predictor_file file;
    const struct wtl_fit_skipped *skipped;
    size_t n_skipped;
};

/* Learns from every usable set of the campaign that passes the filter. Held-out errors are for the
 * objective, limits and confidence asked for: EDP and 5 % slowdown, where neither the policy file
 * (its defaults and category; its rules are for single workloads) nor the options say otherwise.
 * They are judged on the smoothed measured curves of the left-out sets, against the highest clock
 * and at the clocks of the runs: -WTL_USAGE for another baseline or a list of clocks. There are
 * none when nothing can be left out (one workload on one card). -WTL_UNDECIDED when fewer than two
 * sets are usable: the hint says what is missing. Nothing is stored. */
struct wtl_fit_request {
    struct wtl_run_filter filter;
    const struct wtl_policy_file *policy; /* NULL: none */
    const char *category;                 /* of the policy file; NULL: none */
    struct wtl_overlay options;           /* the last word */
};
int wtl_flow_fit(const struct wtl_flow *flow, struct wtl_campaign *c,
                 const struct wtl_fit_request *request, struct wtl_arena *arena,
                 struct wtl_fit_result *result_out, struct wtl_error *err);

/* The MODEL document without its matrices, and what was passed over. */
int wtl_fit_json(const struct wtl_fit_result *r, json_t **root_out, struct wtl_error *err);

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

/* Says in a file of plans made from these probes what they rest on: the campaign's fingerprint and,
 * for each plan, its runs. Nothing where `path` is no campaign. */
int wtl_flow_probe_origin(const struct wtl_flow *flow, const char *path,
                          const struct wtl_probe *probes, struct wtl_arena *arena,
                          struct wtl_plan_file *file, struct wtl_error *err);

/* Plans by a fitted predictor, one per probed set, or by the published model. Legal clocks are the
 * policy's, else those of the shipped board that goes by the GPU's name and fits the probe
 * (-WTL_USAGE when there is none); of these the ones that are not below everything that the
 * training saw (published model: from 510 MHz up). Clocks are normalised by the highest of a known
 * card, else by the highest legal one. A probe of an unusable set, or without a usable run, gives a
 * plan of status unusable. Of tied clocks the best is taken, unless the policy says otherwise. */
struct wtl_predict_request {
    const struct wtl_predictor *predictor; /* NULL: the published model */
    const char *probe;                     /* path, as of wtl_flow_probe(); NULL: none */
    const char *gpu, *workload;            /* likewise */
    const struct wtl_clocks *at;           /* likewise */
    const struct wtl_fgcs *features;       /* published model without a probe; else NULL */
    const struct wtl_policy_file *policy;  /* NULL: none */
    const char *category;                  /* of the policy file; NULL: none */
    struct wtl_overlay options;            /* the last word */
};
int wtl_flow_predict(const struct wtl_flow *flow, const struct wtl_predict_request *request,
                     struct wtl_arena *arena, struct wtl_plan_file *file_out,
                     struct wtl_error *err);

/* What the exit status of predictions is: -WTL_INFEASIBLE when limits stand in the way of all. */
int wtl_predictions_status(const struct wtl_plan_file *file);

#endif
