/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan onto devices, as a standing lease, or as a loan for a while: the SM clock that it chose,
 * or of an operating point what devices have knobs for: clocks and the power limit. What the
 * workload is started with (batch, replicas, share, threads, variant, CPU quota) is nothing that
 * can be moved here: it is handed back as what is left to do by hand.
 */
#ifndef WTL_FLOW_APPLY_H
#define WTL_FLOW_APPLY_H

#include "flow/hold.h"
#include "store/plan_file.h"

struct wtl_apply_request {
    const struct wtl_plan_file *plans;
    const char *plan_path;  /* for the record */
    const char *const *ids; /* devices; n_ids 0: every GPU of the plan's type */
    size_t n_ids;
    const char *gpu, *workload; /* choose among the plans; NULL: any */
    bool point;                 /* the best operating point, also where there are plans of clocks */
    const char *name;           /* of the standing lease; NULL: none */
    bool force;                 /* also on a board that is not the plan's */
    bool dry_run;
    bool loan;              /* put back when wtl_apply_finish() is called */
    void (*changing)(void); /* before the first change: wtl_holder_on_change(); NULL: nobody */
};

/* What is to be set, and where it comes from. */
struct wtl_apply_target {
    const char *gpu, *workload;
    const struct wtl_made_from *from;
    bool of_point; /* the choice of an operating point; else a plan's clock */
    struct wtl_configuration at;
    int clock_mhz, mem_clock_mhz; /* 0: left alone */
    double limit_w;               /* 0: left alone */
    struct wtl_configuration by_hand;
};

struct wtl_apply_result {
    struct wtl_apply_target target;
    struct wtl_knob_move *moves;
    size_t n;
    bool dry_run;
    struct wtl_lease_record lease; /* id 0: a dry run */
    struct wtl_hold hold;          /* open while a loan lasts */
    struct wtl_lease *loan;        /* NULL: none */
};

/* Whether the device is a board of the model that the plan was made on. */
bool wtl_plan_fits_device(const struct wtl_plan *plan, const struct wtl_device_info *info);

/* A plan's clock, in whole MHz, as the board spells it; false: the board has none such. */
bool wtl_plan_legal_mhz(const struct wtl_knob_range *range, double mhz, double *legal_out);

/* Where a document holds no plan of a clock for the workload, its choice among points is meant.
 * -WTL_USAGE: which of several plans is meant, or the board is another one; -WTL_INFEASIBLE,
 * -WTL_UNDECIDED: the plan chose nothing; -WTL_UNSUPPORTED: nothing of what it chose is a knob;
 * else as wtl_lease_acquire() and wtl_lease_set(). On failure everything is as it was. */
int wtl_flow_apply(const struct wtl_flow *flow, const struct wtl_apply_request *request,
                   struct wtl_arena *arena, struct wtl_apply_result *result_out,
                   struct wtl_error *err);

/* Once a second while a loan lasts: as wtl_lease_tend(). After a standing one: nothing to do. */
int wtl_apply_tend(struct wtl_apply_result *result, struct wtl_error *err);

/* The end of a loan. After a standing one: nothing to do. */
int wtl_apply_finish(struct wtl_apply_result *result, struct wtl_error *err);

/* "batch 8, 250 W, 1110 MHz". Returns buf. */
const char *wtl_apply_target_text(const struct wtl_apply_target *target,
                                  char buf[WTL_MEASURED_POINT_TEXT]);

json_t *wtl_apply_json(const struct wtl_apply_result *result);

#endif
