/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of one lease: what it covers, what was there before, what was set last, how it stands.
 * Pure: text to struct and back. Where the files are and who may have which: lease/book.h.
 *
 * A file is JSON lines, each padded with blanks to a multiple of WTL_LEASE_SLOT bytes:
 *   1. the grant, written once and fsynced before the first write to a device;
 *   2. two slots of the lease's state;
 *   3. two slots for each knob, in the order of the grant: the value set last.
 * Slots are written in place and in turns, so that the last one but one survives a write that was
 * torn; the valid one with the higher number counts. Each line ends with a member "sum", FNV-1a (64
 * bit) of all bytes of the line before `,"sum"`: a line whose sum is wrong was torn or changed by
 * hand. So a file never grows, and neither a set nor its record allocates.
 */
#ifndef WTL_LEASE_JOURNAL_H
#define WTL_LEASE_JOURNAL_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "lease/ceiling.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WTL_LEASE_VERSION = 1, WTL_LEASE_SLOT = 512, WTL_LEASE_TEXT = 160 };

enum wtl_lease_kind {
    WTL_LEASE_LOAN,     /* put back on close, signal, death of the holder, next start */
    WTL_LEASE_STANDING, /* stays until it is ended */
};

enum wtl_lease_state {
    WTL_LEASE_PENDING, /* granted, not yet as it shall be: is put back if the holder dies */
    WTL_LEASE_HELD,    /* a loan in use; a standing lease in force */
    WTL_LEASE_CLOSED,  /* put back, or reported and let go; `why` says which */
};

/* Words of the documents: "loan", "standing"; "pending", "held", "closed". */
const char *wtl_lease_kind_name(enum wtl_lease_kind kind);
const char *wtl_lease_state_name(enum wtl_lease_state state);

/* A process, told from a later one of the same number by its start. */
struct wtl_lease_owner {
    int64_t uid, pid;
    int64_t start_ticks;       /* field 22 of /proc/PID/stat */
    char user[WTL_LIMIT_NAME]; /* name of uid, "" unknown */
    char text[WTL_LEASE_TEXT]; /* what it is, in its own words: "wattle cap" */
    int64_t pid_ns;            /* inode of the PID namespace that `pid` counts in; 0 unknown */
};

struct wtl_lease_knob_record {
    char device[WTL_LIMIT_NAME]; /* id */
    char device_name[WTL_LIMIT_NAME];
    char epoch[WTL_LIMIT_NAME]; /* boot and driver load that all this belongs to */
    enum wtl_knob knob;
    bool ephemeral;              /* the device lives in the holder's process */
    bool prior_read;             /* the device reported it; else from our own record, or taken as
                                  * released */
    struct wtl_knob_value prior; /* what was requested before */
    /* While a kept lease is changed: what it holds until the change is whole, and again when it is
     * cut short. Not of a cap, which keeps the larger of its two budgets in any case. */
    bool has_held;
    struct wtl_knob_value held;
    struct wtl_ceiling ceiling; /* of a clock that stands in for a limit in a cap; n 0: none */
    bool damaged; /* a slot is neither empty nor whole: what was set last may not be known */
    /* From the slots: what was asked for last, and before that. seq 0: nothing yet. */
    int64_t seq;
    int64_t set_wall_ns;
    struct wtl_knob_value wanted;
    bool has_before;
    struct wtl_knob_value before;
};

struct wtl_lease_record {
    int64_t id;
    enum wtl_lease_kind kind;
    char name[WTL_LIMIT_NAME];    /* of a standing one; "" none */
    char purpose[WTL_LEASE_TEXT]; /* "cap 500 W" */
    struct wtl_lease_owner owner;
    char boot[WTL_LIMIT_NAME];
    int64_t granted_wall_ns;
    bool has_budget;
    double budget_w, base_w; /* of a cap: budget, and what of it cannot be controlled */
    struct wtl_lease_knob_record *knobs;
    size_t n_knobs;
    /* From the slots. */
    enum wtl_lease_state state;
    int64_t state_seq;
    int64_t state_wall_ns;
    char why[WTL_LEASE_TEXT]; /* of the state, "" none */
    /* The other slot of the state is neither empty nor whole: it may have said that the lease was
     * closed. False when this one says so. */
    bool state_damaged;
};

/* `why` of an open lease whose knobs a device did not take back. */
#define WTL_LEASE_NOT_PUT_BACK "could not be put back"

/* Whether the lease waits for its owner's death to be put back: a loan, or one never kept. */
bool wtl_lease_is_borrowed(const struct wtl_lease_record *r);

/* The whole file of a new lease: grant, state slot, empty slots (those of knobs with seq > 0 are
 * filled). -WTL_LIMIT, -WTL_NOMEM. */
int wtl_lease_encode(const struct wtl_lease_record *r, struct wtl_buf *out, struct wtl_error *err);

/* Where the two slots of the state, and of a knob, begin: the grant takes `grant_bytes`. */
size_t wtl_lease_state_offset(size_t grant_bytes, int64_t seq);
size_t wtl_lease_knob_offset(size_t grant_bytes, size_t knob, int64_t seq);

/* One padded slot. Allocate nothing. */
void wtl_lease_encode_state(const struct wtl_lease_record *r, char slot[WTL_LEASE_SLOT]);
void wtl_lease_encode_set(size_t index, enum wtl_knob knob, int64_t seq, int64_t wall_ns,
                          struct wtl_knob_value value, char slot[WTL_LEASE_SLOT]);

/* Reads a file. *grant_bytes_out as above. -WTL_CORRUPT: the grant cannot be trusted (torn, wrong
 * sum, another version), or the file is not as long as it says; a bad slot is passed over, and a
 * state of which neither slot is valid is PENDING: what is put back on death. */
int wtl_lease_decode(struct wtl_arena *arena, const char *text, size_t n, const char *file,
                     struct wtl_lease_record *out, size_t *grant_bytes_out, struct wtl_error *err);

#endif
