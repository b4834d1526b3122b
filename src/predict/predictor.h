/* SPDX-License-Identifier: Apache-2.0
 *
 * What `wattle fit` makes and `wattle predict` reads: the population with and without activity
 * features, what it was trained on, and its errors on workloads and cards that it had not seen,
 * beside the trivial rivals. store/predictor_file.h keeps it as JSON.
 */
#ifndef WTL_PREDICT_PREDICTOR_H
#define WTL_PREDICT_PREDICTOR_H

#include "core/policy.h"
#include "predict/population.h"

#include <stdbool.h>

/* What was left out of the training and then predicted. */
enum wtl_split {
    WTL_SPLIT_WORKLOAD, /* the workload, on every card */
    WTL_SPLIT_GPU,      /* the card, with every workload */
    WTL_N_SPLITS
};
const char *wtl_split_name(enum wtl_split split); /* "workload", "gpu" */

/* How an operating point was picked. X(id, name, description) */
#define WTL_METHODS(X)                                                                             \
    X(ACTIVITY, "model", "the model, with activity features of the probe")                         \
    X(PLAIN, "model-plain", "the model, from time and power of the probe alone")                   \
    X(FGCS, "fgcs-v100", "the published model (V100 only)")                                        \
    X(MAX, "max", "always the highest clock")                                                      \
    X(THREE_QUARTERS, "0.75-max", "always 0.75 of the highest clock")                              \
    X(MEDIAN, "gpu-median", "median of the optima of the training, same card if it was seen")

enum wtl_method {
#define X(id, name, text) WTL_METHOD_##id,
    WTL_METHODS(X)
#undef X
        WTL_N_METHODS
};
const char *wtl_method_name(enum wtl_method method);
const char *wtl_method_text(enum wtl_method method);

/* One row of the table of held-out errors: a split, a method, a number of probed clocks (0 for
 * methods that need none). Quantiles are over the cases. */
struct wtl_heldout {
    enum wtl_split split;
    enum wtl_method method;
    int n_probes;
    int n; /* cases: pairs of workload and card */
    /* objective(pick)/objective(constrained optimum) - 1, 0 where a pick that breaks the limit has
     * a better objective than anything allowed. */
    double regret_median, regret_p90;
    double broken; /* share of picks that truly break a limit */
    /* The same, but a pick that breaks a limit counts as rolled back to the highest clock. */
    double loss_median, loss_p90, loss_mean;
    bool has_error; /* predicts curves: mean absolute relative errors over the clocks */
    double time_median, time_p90, power_median, power_p90;
    /* Share of clocks at which the interval of the slowdown contains the true one, at the policy's
     * confidence, mean over the cases; meant when it states intervals. */
    bool has_coverage;
    double coverage;
};

struct wtl_trained {
    char gpu[WTL_LIMIT_NAME];
    char workload[WTL_LIMIT_NAME];
    int n_runs, n_clocks;
};

struct wtl_predictor {
    struct wtl_population plain;
    bool has_activity;
    struct wtl_population activity;
    const struct wtl_trained *trained;
    size_t n_trained;
    /* The held-out errors are for this policy: objective, slowdown limit, confidence. */
    struct wtl_objective objective;
    bool has_max_slowdown;
    double max_slowdown;
    double confidence;
    const struct wtl_heldout *heldout;
    size_t n_heldout;
    char fingerprint[65]; /* of the campaign; "" unknown */
};

/* Fits both populations; the one with activity when every example has dram and pipe activity.
 * heldout and policy are left empty: optimize/heldout.h fills them. Errors of
 * wtl_population_fit(). */
int wtl_predictor_fit(struct wtl_arena *arena, const struct wtl_example *const *examples, size_t n,
                      struct wtl_predictor *predictor_out, struct wtl_error *err);

/* The curves of a probed workload. Uses the population with activity when the probe has its
 * features and `activity` allows it; *used_out says which (may be NULL). */
int wtl_predictor_apply(struct wtl_arena *scratch, const struct wtl_predictor *predictor,
                        const struct wtl_example *probe, bool activity,
                        struct wtl_posterior *posterior_out, bool *used_out, struct wtl_error *err);

#endif
