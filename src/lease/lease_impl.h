/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of src/lease share. Private to them.
 */
#ifndef WTL_LEASE_LEASE_IMPL_H
#define WTL_LEASE_LEASE_IMPL_H

#include "lease/guardian.h"
#include "lease/lease.h"
#include "lease/process.h"
#include "lease/restore.h"

struct wtl_lease {
    struct wtl_arena arena; /* holds the lease, too */
    struct wtl_holder *holder;
    struct wtl_lease *next;
    struct wtl_lease_record record;
    struct wtl_book_hold hold;
    struct wtl_lease_knob *knobs;
    size_t n;
    bool taken_over;
    /* A lease that was taken over says what it was for, and has the larger budget, until it is kept
     * as what it shall be. */
    bool final_waits;
    char final_purpose[WTL_LEASE_TEXT];
    double final_budget_w, final_base_w;
    double sets_per_s, burst;
};

struct wtl_holder {
    struct wtl_holder_options options;
    struct wtl_book book;
    struct wtl_lease_owner owner;
    char boot[WTL_LIMIT_NAME];
    struct wtl_guardian guardian;
    struct wtl_lease *leases; /* newest first */
    void (*changing)(void);   /* wtl_holder_on_change() */
};

/* To be called before anything is changed outside this process. */
void wtl_holder_changes(struct wtl_holder *holder);

int64_t wtl_holder_wall_ns(const struct wtl_holder *holder);

/* Whether this is a fork of the process that opened the holder; and what such a one is told. */
bool wtl_holder_is_fork(const struct wtl_holder *holder);
int wtl_holder_refuse_fork(const struct wtl_holder *holder, struct wtl_error *err);

/* The part of wtl_lease_tend() that every set does: one fstat() when all is well. */
int wtl_lease_tend_record(struct wtl_lease *lease, struct wtl_error *err);

/* wtl_book_list() with the book locked: what was removed or changed by hand is mended, and told. */
int wtl_holder_list(struct wtl_holder *holder, struct wtl_arena *arena, struct wtl_book_entry **out,
                    size_t *n_out, struct wtl_error *err);

/* The device of the holder's machine with this id, or NULL. */
struct wtl_device *wtl_holder_device(struct wtl_holder *holder, const char *id);

/* Who holds it, in words: `standing lease 7 "cap" (cap 500 W) of root, since ...Z, pid 12`. */
const char *wtl_lease_describe(const struct wtl_lease_record *r, char *buf, size_t size);

/* -WTL_BUSY: a lease that could be taken over, but for its holder, who lives. */
int wtl_lease_refuse_held(const struct wtl_lease_record *r, struct wtl_error *err);

/* The lease's record of this knob of this driver load, or NULL. */
const struct wtl_lease_knob_record *wtl_lease_find_knob(const struct wtl_lease_record *r,
                                                        const struct wtl_lease_knob_record *knob);

/* A knob that is taken over goes on where the lease stands; one of another driver load begins anew.
 */
void wtl_lease_carry_over(const struct wtl_lease_record *old, struct wtl_lease_knob_record *knob);

/* The survey against the entries of the book. `own`: a lease that is no conflict (0: none). */
int wtl_lease_survey_book(struct wtl_holder *holder, const struct wtl_lease_request *request,
                          const struct wtl_book_entry *entries, size_t n_entries, int64_t own,
                          struct wtl_arena *arena, struct wtl_lease_knob **knobs_out,
                          struct wtl_error *err);

/* The standing lease that the request would take over, or NULL. */
const struct wtl_book_entry *wtl_lease_to_take_over(const struct wtl_holder *holder,
                                                    const struct wtl_lease_request *request,
                                                    const struct wtl_book_entry *entries, size_t n);

/* Whether the device took it: what was asked, or near enough for what it resolves. */
bool wtl_lease_took(const struct wtl_lease_knob *knob, struct wtl_knob_value value);
/* Whether a set changed nothing: what reads back now was there before it. NULL: not known. */
bool wtl_lease_stayed(enum wtl_knob knob, const struct wtl_knob_state *before,
                      const struct wtl_knob_state *now);
bool wtl_lease_near(enum wtl_knob knob, struct wtl_knob_value a, struct wtl_knob_value b);

/* wtl_lease_set() without the rate limit. */
int wtl_lease_set_now(struct wtl_lease *lease, size_t index, struct wtl_knob_value value,
                      struct wtl_error *err);

/* Puts one knob back; what came of it in *out. `device` NULL: it is not here. `own`: the process
 * that held it is this one. A failure of the device is a result, not an error. */
void wtl_restore_knob(struct wtl_device *device, struct wtl_lease_record *record, size_t index,
                      const struct wtl_book_hold *hold, const char *boot, bool own, bool dry_run,
                      int64_t wall_ns, struct wtl_restore_knob *out);

/* After a set that failed: what is there now is of our making, too, and is recorded where it is
 * neither what was asked for nor what was there just before (NULL: one of ours). Allocates nothing.
 */
void wtl_restore_note_found(struct wtl_device *device, struct wtl_lease_knob_record *k,
                            size_t index, const struct wtl_knob_state *before,
                            const struct wtl_book_hold *hold, int64_t wall_ns);

bool wtl_restore_is_settled(enum wtl_restore_result result);

/* Why a kept lease is held while it is changed. */
#define WTL_LEASE_CHANGING "being changed"

/* A change of a kept lease was cut short: it holds what it held before it. A knob of a cap, which
 * keeps the larger budget at either value, is left where it is, and the record becomes that; where
 * no device reports it, it is set to its last again, which does no harm. What somebody else set
 * meanwhile stays. Knobs that cannot be reached leave it for the next time. */
int wtl_restore_change(struct wtl_holder *holder, struct wtl_lease_record *record,
                       const struct wtl_book_hold *hold, struct wtl_error *err);

/* Everything of wtl_lease_restore() with the book locked and its entries at hand. */
int wtl_restore_locked(struct wtl_holder *holder, struct wtl_book_entry *entries, size_t n,
                       const struct wtl_restore_filter *filter, struct wtl_arena *arena,
                       struct wtl_restore_report *report_out, struct wtl_error *err);

#endif
