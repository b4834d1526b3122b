/* SPDX-License-Identifier: Apache-2.0
 *
 * Putting right what holders left: loans of the dead, standing leases that are ended by hand, the
 * journal of another boot or driver load. One code for the guardian, the next start and `wattle
 * restore`; under the book's lock, so that two of them do not fight; done twice, it does nothing
 * the second time.
 */
#ifndef WTL_LEASE_RESTORE_H
#define WTL_LEASE_RESTORE_H

#include "lease/lease.h"

enum wtl_restore_result {
    WTL_RESTORE_PUT_BACK,  /* set to its prior value, and read back where that can be done */
    WTL_RESTORE_UNCHANGED, /* it was there already */
    WTL_RESTORE_FOREIGN,   /* somebody else has set it since: left alone */
    WTL_RESTORE_EPOCH,     /* of another boot or driver load: the setting is gone anyway */
    WTL_RESTORE_GONE,      /* it lived in the process that held it */
    WTL_RESTORE_ABSENT,    /* the device is not here: the lease stays open */
    WTL_RESTORE_FAILED,    /* `why` says how; the lease stays open */
};
const char *wtl_restore_result_name(enum wtl_restore_result result);

struct wtl_restore_knob {
    char device[WTL_LIMIT_NAME];
    enum wtl_knob knob;
    enum wtl_restore_result result;
    struct wtl_knob_value from; /* what was there, or what we had set where that cannot be read */
    struct wtl_knob_value to;   /* the prior value */
    char why[WTL_ERROR_MESSAGE_MAX];
};

struct wtl_restore_lease {
    struct wtl_lease_record record; /* before */
    bool closed;                    /* it is, now */
    bool dry;                       /* it would be */
    struct wtl_restore_knob *knobs;
    size_t n_knobs;
};

struct wtl_restore_report {
    struct wtl_restore_lease *leases; /* those that were dealt with */
    size_t n;
    size_t n_held;       /* passed over: their holders live */
    size_t n_standing;   /* passed over: nobody asked to end them */
    size_t n_unreadable; /* passed over: nobody knows what they cover */
    size_t n_taken_back; /* standing leases of which a change had been cut short, put right */
};

struct wtl_restore_filter {
    /* Loans (and standing leases that were never kept) whose holder is dead: always. Kept standing
     * leases: only these. */
    bool all_standing;
    const char *const *names; /* numbers ("12", "#12"), or names of standing leases */
    size_t n_names;
    const char
        *standing; /* only the lease of this name: the dead's are left alone, too; NULL: no */
    /* Only leases of this process (for its guardian); NULL: any. */
    const struct wtl_lease_owner *owner;
    bool dry_run;
};

/* Closes lease `id` without touching a device: for one that cannot be read (its file is kept as
 * N.forgotten), or whose device never comes back. *forgotten_out: false, it was closed already.
 * -WTL_NOTFOUND; -WTL_BUSY: its holder lives. */
int wtl_lease_forget(struct wtl_holder *holder, int64_t id, bool *forgotten_out,
                     struct wtl_error *err);

/* -WTL_NOTFOUND: a name that no open lease has; -WTL_BUSY: one whose holder lives;
 * -WTL_CORRUPT: one that cannot be read. Else the first
 * failure of a device after everything else was dealt with; *report_out is filled in that case,
 * too. */
int wtl_lease_restore(struct wtl_holder *holder, const struct wtl_restore_filter *filter,
                      struct wtl_arena *arena, struct wtl_restore_report *report_out,
                      struct wtl_error *err);

#endif
