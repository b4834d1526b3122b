/* SPDX-License-Identifier: Apache-2.0
 *
 * What a campaign keeps of sweeps: what each was to measure, and every visit of a point with what
 * came of it. A visit is stored in one transaction with its run, and there is one of each block,
 * position and attempt: so nothing is measured twice, whenever the program was killed.
 *
 * The two tables are made by the first sweep of a campaign; a campaign without them has none.
 */
#ifndef WTL_STORE_SWEEP_H
#define WTL_STORE_SWEEP_H

#include "store/campaign.h"

struct wtl_stored_sweep {
    int64_t id;
    const char *name;     /* of the spec; unique within the campaign; the `job` of its runs */
    const char *document; /* the spec as it was understood: JSON (lab/spec.h) */
    const char *state;    /* what was found before the first run: JSON */
    int64_t source_id;    /* of its runs */
    int64_t created_ns;   /* Unix time */
};

/* -WTL_FAILED when the name is taken. */
int wtl_campaign_add_sweep(struct wtl_campaign *c, const struct wtl_stored_sweep *sweep,
                           int64_t *id_out, struct wtl_error *err);

/* Another document (a sweep that was extended) and state. -WTL_NOTFOUND. */
int wtl_campaign_update_sweep(struct wtl_campaign *c, int64_t id, const char *document,
                              const char *state, struct wtl_error *err);

/* In order of id. */
int wtl_campaign_sweeps(struct wtl_campaign *c, struct wtl_arena *arena,
                        struct wtl_stored_sweep **sweeps_out, size_t *n_out, struct wtl_error *err);

/* What came of a visit. X(name, text) */
#define WTL_VISIT_OUTCOMES(X)                                                                      \
    X(done, "measured")                                                                            \
    X(infeasible, "the point cannot be had")                                                       \
    X(invalid, "something disturbed it, and it is repeated")

enum wtl_visit_outcome {
#define X(name, text) WTL_VISIT_##name,
    WTL_VISIT_OUTCOMES(X)
#undef X
        WTL_N_VISIT_OUTCOMES
};
const char *wtl_visit_outcome_name(enum wtl_visit_outcome outcome);

struct wtl_visit {
    int64_t sweep_id;
    int block;    /* from 1 */
    int position; /* within the block, from 0 */
    int attempt;  /* from 1 */
    int workload; /* index in the document */
    int point;    /* likewise */
    bool anchor;  /* a visit of the reference point, for drift */
    enum wtl_visit_outcome outcome;
    char why[160];  /* of what is not done, and what is to know of what is; "" nothing */
    int64_t run_id; /* 0: none */
};

/* -WTL_FAILED when this visit is there already. */
int wtl_campaign_add_visit(struct wtl_campaign *c, const struct wtl_visit *visit,
                           struct wtl_error *err);

/* In order of block, position and attempt. */
int wtl_campaign_visits(struct wtl_campaign *c, int64_t sweep_id, struct wtl_arena *arena,
                        struct wtl_visit **visits_out, size_t *n_out, struct wtl_error *err);

#endif
