/* SPDX-License-Identifier: Apache-2.0
 *
 * How much the plans depend on what was asked and on which runs were made: sweeps over slowdown
 * limits and weights, agreement between objectives, repetitions left out. The method is in
 * optimize/sensitivity.h.
 */
#ifndef WTL_FLOW_SENSITIVITY_H
#define WTL_FLOW_SENSITIVITY_H

#include "flow/optimize.h"
#include "optimize/sensitivity.h"

enum { WTL_SWEEP_SLOWDOWNS = 7, WTL_SWEEP_WEIGHTS = 5 };

/* One workload on one GPU. */
struct wtl_set_sensitivity {
    const char *gpu, *workload;
    const struct wtl_configuration *at;
    bool usable; /* false: the runs do not measure the workload, nothing below is filled */
    char why[200];
    struct wtl_sweep_point slowdown[WTL_SWEEP_SLOWDOWNS];
    struct wtl_sweep_point weight[WTL_SWEEP_WEIGHTS];
    struct wtl_agreement agreement;
    bool has_stability; /* false: fewer than two repetitions */
    struct wtl_stability stability;
};

int wtl_flow_sensitivity(const struct wtl_flow *flow, struct wtl_campaign *c,
                         const struct wtl_optimize_request *request, struct wtl_arena *arena,
                         struct wtl_set_sensitivity **sets_out, size_t *n_out,
                         struct wtl_error *err);

/* {"format": "wattle-sensitivity", ...}, docs/verdicts.md. NULL when memory is out. */
json_t *wtl_sensitivity_json(const struct wtl_set_sensitivity *sets, size_t n);

#endif
