/* SPDX-License-Identifier: Apache-2.0
 *
 * Constraints, each held at its bound: an upper limit holds where the upper confidence bound of the
 * quantity does, a lower limit where the lower bound does. All quantities are signed: a clock that
 * is faster than the baseline has a negative slowdown and passes every slowdown limit.
 */
#ifndef WTL_OPTIMIZE_CONSTRAINT_H
#define WTL_OPTIMIZE_CONSTRAINT_H

#include "optimize/contrast.h"

enum wtl_constraint_kind {
    WTL_CONSTRAINT_SLOWDOWN,
    WTL_CONSTRAINT_ENERGY, /* E / E_base at most */
    WTL_CONSTRAINT_SAVING, /* 1 - E / E_base at least */
    WTL_CONSTRAINT_POWER,
    WTL_CONSTRAINT_CLOCK_RATIO,
    WTL_CONSTRAINT_RATE, /* a run must end before the next one arrives */
    WTL_CONSTRAINT_SLO,
};

enum { WTL_CONSTRAINTS_MAX = 6 + WTL_SLO_MAX };

struct wtl_constraint {
    enum wtl_constraint_kind kind;
    double limit;        /* log of the largest value allowed */
    int percent;         /* SLO */
    double work;         /* RATE: units of one run, in which rates count */
    const double *bound; /* CLOCK_RATIO and SLO: log of the bound per clock, the same in all rows */
};

struct wtl_constraints {
    struct wtl_constraint item[WTL_CONSTRAINTS_MAX];
    int n;
    double z; /* standard errors between estimate and bound: 1.96 for 97.5 % */
};

/* Log of the bound of constraint `k` at a clock in a row. */
double wtl_constraint_bound(const struct wtl_constraint *k, double z, const struct wtl_contrast *c,
                            const struct wtl_row *row, size_t clock);

/* All of them hold at this clock in this row. */
bool wtl_constraints_hold(const struct wtl_constraints *set, const struct wtl_contrast *c,
                          const struct wtl_row *row, size_t clock);

/* For a set that no candidate meets: the constraint that binds (its relaxation alone, by the
 * smallest ratio, makes a clock feasible), the relaxed limit as a log, and the clock that it
 * frees. False when no single constraint is enough. */
bool wtl_constraints_relax(const struct wtl_constraints *set, const struct wtl_contrast *c,
                           const bool *candidate, int *binding_out, double *limit_out,
                           size_t *clock_out);

/* "slowdown at most 5 %" and, for another limit, the option that asks for it ("--max-slowdown
 * 7.4%"). The option is rounded to the permissive side. */
void wtl_constraint_describe(const struct wtl_constraint *k, char *buf, size_t size);
void wtl_constraint_option(const struct wtl_constraint *k, double limit, char *buf, size_t size);

#endif
