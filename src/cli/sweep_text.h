/* SPDX-License-Identifier: Apache-2.0
 *
 * What `wattle sweep` says: its plan, its progress, its result.
 */
#ifndef WTL_CLI_SWEEP_TEXT_H
#define WTL_CLI_SWEEP_TEXT_H

#include "cli/command.h"
#include "cli/sweep_judged.h"
#include "lab/sweep.h"

struct wtl_sweep_text {
    struct wtl_context *ctx;
    const struct wtl_sweep_plan *plan;
    int64_t start_ns, last_ns; /* of the bar */
    size_t n_first;            /* visits that were stored before */
    bool drawn, began;
};

void wtl_sweep_text_init(struct wtl_sweep_text *t, struct wtl_context *ctx,
                         const struct wtl_sweep_plan *plan);
void wtl_sweep_text_fini(struct wtl_sweep_text *t); /* takes the bar away */

/* Callbacks of struct wtl_sweep_request. */
void wtl_sweep_text_visit(void *text, const struct wtl_sweep_progress *progress);
void wtl_sweep_text_block(void *text, int block, const char *workload,
                          const struct wtl_search_state *state);
void wtl_sweep_text_wait(void *text, const char *what, bool pressing);

/* `mps`: wtl_shares_text(); "" none. */
int wtl_sweep_text_plan(struct wtl_context *ctx, const struct wtl_sweep_plan *plan,
                        const struct wtl_sweep_before *before, const char *mps,
                        struct wtl_error *err);
int wtl_sweep_text_result(struct wtl_sweep_text *t, const char *campaign,
                          const struct wtl_sweep_result *result,
                          const struct wtl_sweep_judged *judged, struct wtl_error *err);

#endif
