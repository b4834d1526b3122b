/* SPDX-License-Identifier: Apache-2.0
 *
 * A verdict: the outcome of checking the plan of one workload on one GPU, in one configuration, or
 * the choice of an operating point, against fresh runs.
 * optimize/verdict.h says how it is reached.
 */
#ifndef WTL_CORE_VERDICT_H
#define WTL_CORE_VERDICT_H

#include "core/measurement.h"

enum wtl_verdict_kind { WTL_VERDICT_CONFIRMED, WTL_VERDICT_REFUTED, WTL_VERDICT_UNDECIDED };
const char *wtl_verdict_name(enum wtl_verdict_kind kind); /* "confirmed", "refuted", "undecided" */

enum wtl_verdict_method {
    WTL_METHOD_NONE, /* too few runs for any interval */
    WTL_METHOD_INTERLEAVED,
    WTL_METHOD_REPETITIONS,
    WTL_METHOD_TWO_SAMPLES,
};
const char *wtl_verdict_method_name(enum wtl_verdict_method method);
bool wtl_verdict_by_name(const char *name, enum wtl_verdict_kind *out); /* false: unknown */
bool wtl_verdict_method_by_name(const char *name, enum wtl_verdict_method *out);

/* One claim and how it fares. */
struct wtl_claim {
    struct wtl_estimate fresh;   /* evidence CONFIRMED, or NONE without an interval */
    double limit;                /* saving: at least; slowdown: at most */
    enum wtl_verdict_kind state; /* of this claim alone */
};

struct wtl_verdict {
    char gpu[WTL_LIMIT_NAME];
    char workload[WTL_LIMIT_NAME];
    bool of_point; /* of an operating point, which need not have a clock; else of a clock */
    struct wtl_configuration at;
    struct wtl_configuration baseline_at; /* of_point; a clock's baseline is where the clock is */
    enum wtl_verdict_kind kind;
    enum wtl_verdict_method method;
    int clock_mhz, baseline_clock_mhz; /* 0 of points: not set */
    struct wtl_claim saving, slowdown;
    struct wtl_estimate planned_saving, planned_slowdown; /* as the plan had them, in-sample */
    int n_candidate, n_baseline; /* fresh accepted runs at the two clocks */
    int n_rejected;              /* fresh runs at the two clocks that were rejected */
    int n_blocks;                /* 0: not blocked */
    /* UNDECIDED: blocks (pairs of runs) beyond those at hand after which the present estimate and
     * spread would decide; -1 when it lies on the limit, so that no number would. */
    int more_blocks;
    const char *const *notes;
    size_t n_notes;
};

#endif
