/* SPDX-License-Identifier: Apache-2.0
 *
 * Two plan documents side by side: an unconstrained and a constrained one, two policies, two
 * campaigns, before and after a driver change.
 */
#ifndef WTL_FLOW_COMPARE_H
#define WTL_FLOW_COMPARE_H

#include "base/file_set.h"
#include "flow/flow.h"
#include "store/plan_file.h"

/* What a reader must know before he reads a difference. */
enum wtl_comparable {
    WTL_COMPARABLE,
    WTL_ONE_SIDED,       /* only one document has a plan for it */
    WTL_WITHOUT_FIGURES, /* a plan has no saving to compare */
    WTL_OTHER_BASELINE,  /* measured against different baselines: savings do not compare */
};

/* One gpu and workload in both documents. */
struct wtl_plan_change {
    const struct wtl_plan *a, *b; /* one of them may be NULL */
    enum wtl_comparable comparable;
    bool same_clock;
    bool tied; /* each clock is among the clocks tied with the other's choice */
    /* b - a; n = 0 when not comparable. An interval only where the plans rest on different data. */
    struct wtl_estimate saving, slowdown;
};

struct wtl_comparison {
    const struct wtl_plan_file *a, *b;
    bool same_data;                  /* the fingerprints agree, or one is unknown */
    struct wtl_plan_change *changes; /* in the order of a, then those that only b has */
    size_t n;
};

/* Differences of independent estimates have the interval of Donner and Zou (2012, "Closed-form
 * confidence intervals for functions of the normal mean and standard deviation", MOVER):
 *   lo = d - sqrt((b - b.lo)^2 + (a.hi - a)^2), hi = d + sqrt((b.hi - b)^2 + (a - a.lo)^2).
 * Plans of one campaign share their noise, for which two summaries have no interval: none is given.
 * -WTL_NOMEM. */
int wtl_compare_plans(struct wtl_arena *arena, const struct wtl_plan_file *a,
                      const struct wtl_plan_file *b, struct wtl_comparison *out,
                      struct wtl_error *err);

const char *wtl_comparable_name(enum wtl_comparable c); /* "comparable", "one-sided" ... */

/* As JSON, docs/verdicts.md; the caller drops the reference. NULL when memory is out. */
json_t *wtl_comparison_json(const struct wtl_comparison *c);

/* The comparison as a document with a table and a figure: a page and a PDF, added to `set`. Paths
 * that are NULL are not written. */
struct wtl_compare_files {
    const char *html, *pdf;
    const char *names[2]; /* of the two plans: "a.json", "b.json" */
};
int wtl_compare_write(const struct wtl_flow *flow, const struct wtl_comparison *c,
                      const struct wtl_compare_files *files, struct wtl_arena *arena,
                      struct wtl_file_set *set, struct wtl_error *err);

#endif
