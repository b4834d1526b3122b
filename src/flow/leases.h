/* SPDX-License-Identifier: Apache-2.0
 *
 * What is leased here, whether it is as it shall be, and the end of it: `wattle status` and
 * `wattle restore`.
 */
#ifndef WTL_FLOW_LEASES_H
#define WTL_FLOW_LEASES_H

#include "flow/hold.h"
#include "lease/process.h"

/* How a knob stands against its lease. */
enum wtl_standing {
    WTL_STANDING_AS_SET,   /* reads back what was set */
    WTL_STANDING_UNSEEN,   /* the device does not report it, and nothing speaks against it */
    WTL_STANDING_NOT_SET,  /* granted, nothing set so far */
    WTL_STANDING_FOREIGN,  /* somebody else has set it */
    WTL_STANDING_NOT_BACK, /* it was to be put back, and the device did not take it */
    WTL_STANDING_LOST,     /* of another boot or driver load: the setting is gone */
    WTL_STANDING_ABSENT,   /* the device is not here */
    WTL_STANDING_INSIDE,   /* the device lives in the holder's process: not seen from here */
    WTL_STANDING_ENDED,    /* it did, and has ended with it: nothing is left of the setting */
    WTL_STANDING_UNKNOWN,  /* it cannot be read; `why` */
};
const char *wtl_standing_name(enum wtl_standing standing);
bool wtl_standing_is_fine(enum wtl_standing standing);

struct wtl_status_knob {
    const struct wtl_lease_knob_record *record;
    enum wtl_standing standing;
    bool found_known;
    struct wtl_knob_value found;
    double in_force_w; /* of a power limit: what it holds now; infinity: not known, or nothing */
    const char *text;  /* what to know and do about it, "" nothing */
};

struct wtl_status_lease {
    struct wtl_lease_record record;
    enum wtl_process_life life; /* of its holder */
    bool by_second_name;        /* somebody removed or changed its file */
    const char *file;           /* its name: "12.lease" */
    bool orphan;                /* a loan of the dead: `wattle restore` puts it back */
    bool ended;                 /* a loan of the dead, whose devices have ended with it */
    struct wtl_status_knob *knobs;
    size_t n_knobs;
    bool soft;    /* a cap of which a clock ceiling is a part */
    bool has_sum; /* of a cap: all limits could be read, and nothing speaks against its ceilings */
    double sum_w, excess_w;
    int exposures; /* what is not as it shall be: as in wtl_status */
};

struct wtl_status {
    struct wtl_status_lease *leases; /* open ones; closed ones too when asked for */
    size_t n;
    const struct wtl_book_entry **unreadable; /* cannot be read: `why` */
    size_t n_unreadable;
    char path[WTL_LIMIT_PATH]; /* of the folder of leases */
    int64_t wall_ns;           /* when it was looked */
    int exposures; /* knobs that are not as they shall be, caps above their budget, loans of the
                      dead, holders that are stopped, records that were damaged or removed */
};

/* `closed`: with those of the last day. */
int wtl_flow_status(const struct wtl_flow *flow, bool closed, struct wtl_arena *arena,
                    struct wtl_status *out, struct wtl_error *err);

/* The same of entries that were read before, against the devices of `machine`; s->path stays "". */
int wtl_flow_status_of(struct wtl_machine *machine, const struct wtl_book_entry *entries, size_t n,
                       bool closed, int64_t wall_ns, struct wtl_arena *arena,
                       struct wtl_status *out, struct wtl_error *err);
json_t *wtl_status_json(const struct wtl_status *status);

/* Puts loans of the dead back and ends the leases that are named (all: all standing ones).
 * *report_out is filled whatever comes back, as by wtl_lease_restore(). */
struct wtl_restore_request {
    const char *const *names; /* numbers or names */
    size_t n_names;
    const char *standing; /* a name, as units give it; NULL: none */
    bool all;
    bool dry_run;
    void (*changing)(void); /* before the first change: wtl_holder_on_change(); NULL: nobody */
};
int wtl_flow_restore(const struct wtl_flow *flow, const struct wtl_restore_request *request,
                     struct wtl_arena *arena, struct wtl_restore_report *report_out,
                     struct wtl_error *err);

/* Closes one lease without touching a device. *forgotten_out: false, it was closed already. As
 * wtl_lease_forget(). */
int wtl_flow_forget(const struct wtl_flow *flow, struct wtl_arena *arena, int64_t id,
                    bool *forgotten_out, struct wtl_error *err);

/* The result in words, of a knob that was not put back: "the device is not here: ...". */
const char *wtl_restore_words(enum wtl_restore_result result);
json_t *wtl_restore_json(const struct wtl_restore_report *report, bool dry_run);

#endif
