/* SPDX-License-Identifier: Apache-2.0
 *
 * The curves and their replicates set against the baseline: what every constraint, objective and
 * interval is computed from. Logs throughout; a "row" is one replicate (or the original fit) over
 * the clocks.
 */
#ifndef WTL_OPTIMIZE_CONTRAST_H
#define WTL_OPTIMIZE_CONTRAST_H

#include "core/policy.h"
#include "optimize/bootstrap.h"
#include "optimize/idling.h"

#include <stdbool.h>

struct wtl_contrast_spec {
    const struct wtl_objective *objective;
    struct wtl_idling idling;
    const double *clock_mhz; /* n_eval: where idling is counted */
    bool fastest;            /* the baseline is each row's fastest clock among `candidate` */
    size_t base;             /* else the eval clock; n_eval: the given values below */
    double base_time0, base_energy0;       /* given: logs */
    const double *base_time, *base_energy; /* given: one per replicate */
    const bool *candidate;                 /* n_eval */
};

struct wtl_row {
    const double *time, *power;       /* log s, log W of a run */
    const double *energy, *objective; /* log J (idling included); log relative to the baseline */
    double base_time, base_energy;
    double spread; /* of the noise in this row: what its own standard errors would be, over all */
};

struct wtl_contrast {
    size_t n, n_eval;
    size_t base; /* eval clock of the original fit's baseline; n_eval: a given run set */
    struct wtl_row origin;
    struct wtl_row *row; /* n */
    /* Standard deviations over the replicates, per clock: of log(t/t_base), log(E/E_base), and of
     * log t, log E, log P themselves; and of the baseline's log t and log E. */
    double *slowdown_se, *saving_se, *time_se, *energy_se, *power_se;
    double base_time_se, base_energy_se;
    /* n_eval x n_eval: standard deviation of the difference of log objective between two clocks,
     * from the first `n_pairs` replicates. */
    double *tie_se;
};

/* Everything lives in `arena`. -WTL_NOMEM. */
int wtl_contrast_make(struct wtl_arena *arena, const struct wtl_bootstrap *boot,
                      const struct wtl_contrast_spec *spec, struct wtl_contrast *contrast_out,
                      struct wtl_error *err);

#endif
