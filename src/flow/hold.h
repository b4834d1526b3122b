/* SPDX-License-Identifier: Apache-2.0
 *
 * What commands that move knobs share: the devices that were named, a holder of leases over them
 * with its guardian, and the moves that were made or would be.
 */
#ifndef WTL_FLOW_HOLD_H
#define WTL_FLOW_HOLD_H

#include "flow/flow.h"
#include "lease/guardian.h"
#include "lease/lease.h"
#include "lease/process.h"
#include "lease/restore.h"

/* Not to be moved once it is open. */
struct wtl_hold {
    struct wtl_machine *machine;
    struct wtl_holder *holder;
    struct wtl_guardian_program program;
};

/* Opens the devices `ids` (n 0: everything that is found) and a holder that says it is `text`.
 * look_only: for dry runs and status, makes no file. */
int wtl_hold_open(const struct wtl_flow *flow, struct wtl_arena *arena, const char *const *ids,
                  size_t n, const char *text, bool look_only, struct wtl_hold *hold_out,
                  struct wtl_error *err);

/* The same with those of the devices, ending with NULL, that are here; none: to close what needs
 * none. */
int wtl_hold_open_those_here(const struct wtl_flow *flow, struct wtl_arena *arena,
                             const char *const *ids, const char *text, bool look_only,
                             struct wtl_hold *hold_out, struct wtl_error *err);

/* Loans are put back. Zeros are fine. */
void wtl_hold_close(struct wtl_hold *hold);

/* One move of one knob. */
struct wtl_knob_move {
    const char *device, *device_name;
    enum wtl_knob knob;
    bool from_known;
    struct wtl_knob_value from, to;
    bool done;
    bool soft; /* a clock ceiling in a cap, which counts for soft_w */
    double soft_w;
    bool verified; /* read back from the device; false where it has no getter */
};

json_t *wtl_knob_move_json(const struct wtl_knob_move *move);
json_t *wtl_knob_value_json(enum wtl_knob knob, struct wtl_knob_value value);

/* A lease as documents show it: number, kind, name, purpose, owner and its life, since. */
json_t *wtl_lease_json(const struct wtl_lease_record *record, enum wtl_process_life life);

#endif
