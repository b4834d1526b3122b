/* SPDX-License-Identifier: Apache-2.0
 *
 * Leases: the right to move knobs, and the only way to. What comes in between a wish and a device:
 *
 *   holder -> lease -> journal (fsync) -> device/knob.h -> read-back
 *                         \-> guardian: puts a loan back when the holder dies
 *
 * A lease covers one knob or several, of one device or several. Nobody else of ours gets a knob
 * that is held. A loan is put back when it is closed, when its holder dies (by the guardian within
 * a second, else by the next one who takes a lease, or `wattle restore`). A standing lease is a
 * loan until it is kept (wtl_lease_keep); from then on it stays, whoever dies.
 *
 * Threads: a holder and its leases belong to one thread, that of its machine.
 *
 * Forks: a child that goes on without exec has copies of holder and leases, and no part in them. It
 * is refused whatever moves a knob or writes the journal (-WTL_USAGE), and closes its copies
 * without any effect. The lease ends with the process that took it.
 */
#ifndef WTL_LEASE_LEASE_H
#define WTL_LEASE_LEASE_H

#include "base/log.h"
#include "device/device.h"
#include "lease/book.h"

struct wtl_holder;
struct wtl_lease;

/* ---- The holder ------------------------------------------------------------------------------ */

struct wtl_holder_options {
    struct wtl_machine *machine; /* stays the caller's; open at least until the holder is closed */
    struct wtl_clock clock;
    const struct wtl_log *log; /* what was put back of others, what was lost; NULL: nobody asks */
    const char *state_dir;     /* NULL: base/dirs.h */
    const char *text;          /* who we are, for others to read: "wattle cap" */
    bool look_only;            /* makes no file; nothing can be acquired then */
    /* How the guardian comes to be: `guard` runs in a forked child that has the socket `fd` to us
     * and nothing else, and returns its exit status. NULL: lends to no device that outlives us
     * (-WTL_UNSUPPORTED). See lease/guardian.h for the usual one. */
    int (*guard)(void *ctx, int fd);
    void *guard_ctx;
};

/* Opens the book (or says why nothing may be set here). Touches no device. */
int wtl_holder_open(struct wtl_arena *arena, const struct wtl_holder_options *options,
                    struct wtl_holder **holder_out, struct wtl_error *err);

/* Closes what is open: loans are put back, standing leases that were not kept as well. */
void wtl_holder_close(struct wtl_holder *holder); /* NULL is fine */

/* Who holds what this holder takes: this process. */
const struct wtl_lease_owner *wtl_holder_owner(const struct wtl_holder *holder);

/* The guardian's process, 0 before the first lease that needs one. For `wattle doctor` and tests.
 */
pid_t wtl_holder_guardian(const struct wtl_holder *holder);

/* `changing` is called before the first thing is changed outside this process: a grant in the
 * journal, a loan of the dead put back. Until then the holder's death leaves nothing to do, so that
 * a command may let signals have their usual effect. NULL: nobody. */
void wtl_holder_on_change(struct wtl_holder *holder, void (*changing)(void));

/* ---- Taking a lease -------------------------------------------------------------------------- */

struct wtl_lease_want {
    struct wtl_device *device;
    enum wtl_knob knob;
    struct wtl_ceiling ceiling; /* a clock in place of a limit, in a cap; n 0: none */
};

struct wtl_lease_request {
    enum wtl_lease_kind kind;
    const char *name;    /* of a standing lease, to end or change it by; NULL: none */
    const char *purpose; /* "cap 500 W" */
    const struct wtl_lease_want *wants;
    size_t n_wants;
    bool has_budget; /* a cap, see lease/cap.h */
    double budget_w, base_w;
    /* Sets per second of each knob, and how many at once: 0: 20 and 10. Putting back is not
     * limited. NCCL is disturbed by a clock that changes every 50 ms (NVIDIA/nccl #1551). */
    double sets_per_s;
    int burst;
    /* A standing lease on exactly these knobs whose holder is gone is taken over, with its prior
     * values, if it is the caller's (or the caller is root). */
    bool take_over;
};

/* One knob of a lease, or of one that is thought of: what there is to know before moving it. */
struct wtl_lease_knob {
    struct wtl_device *device;
    const struct wtl_device_info *info;
    struct wtl_knob_range range;
    struct wtl_knob_state found; /* when last read back */
    bool wrong;                  /* at the last look of a cap: not what we set, and more */
    bool uncertain;              /* the last set failed or hangs: it may have had an effect */
    struct wtl_lease_knob_record record;
    int64_t refill_ns; /* of the rate limit */
    double tokens;
};

/* Looks at everything, takes nothing: what wtl_lease_acquire() would find, in the arena.
 * -WTL_BUSY names the holder of a knob; -WTL_UNSUPPORTED: no such knob, or nothing that lasts;
 * -WTL_PERMISSION with what to do; -WTL_LOST, -WTL_TIMEOUT. For --dry-run. */
int wtl_lease_survey(struct wtl_holder *holder, const struct wtl_lease_request *request,
                     struct wtl_arena *arena, struct wtl_lease_knob **knobs_out,
                     struct wtl_error *err);

/* Takes the lease: puts right what the dead left, looks, starts the guardian, writes the journal.
 * No device is written to, except to put back loans of the dead. Errors as above, and -WTL_IO when
 * the journal cannot be written. */
int wtl_lease_acquire(struct wtl_holder *holder, const struct wtl_lease_request *request,
                      struct wtl_lease **lease_out, struct wtl_error *err);

const struct wtl_lease_record *wtl_lease_record(const struct wtl_lease *lease);
size_t wtl_lease_count(const struct wtl_lease *lease);
const struct wtl_lease_knob *wtl_lease_knob(const struct wtl_lease *lease, size_t index);
bool wtl_lease_was_taken_over(const struct wtl_lease *lease);

/* ---- Moving a knob --------------------------------------------------------------------------- */

/* Whether the device takes this value: -WTL_USAGE names the range, or the nearest legal values. */
int wtl_lease_check_value(const struct wtl_lease_knob *knob, struct wtl_knob_value value,
                          struct wtl_error *err);

/* Sets knob `index`: checks range and rate, records, sets, reads back. Allocates nothing.
 * -WTL_USAGE (range; nothing was done), -WTL_LIMIT (rate; nothing was done), -WTL_IO (journal;
 * nothing was done), -WTL_FAILED (the device took something else: wtl_lease_knob()->found),
 * -WTL_PERMISSION, -WTL_TIMEOUT (it may still take effect), -WTL_LOST. What a device does not
 * report (NVML clock locks: found.known is false) is not verified. */
int wtl_lease_set(struct wtl_lease *lease, size_t index, struct wtl_knob_value value,
                  struct wtl_error *err);

/* For whoever holds a lease for long, once a second or so. Looks whether the journal still has it,
 * and writes its record again when it was removed by hand; whether its guardian lives, and starts
 * another when not. Warnings say so. -WTL_BUSY: somebody else has been granted a knob of it
 * meanwhile; -WTL_IO; as for starting a guardian. A set looks for the record, too. */
int wtl_lease_tend(struct wtl_lease *lease, struct wtl_error *err);

/* Reads all knobs back into `found`. The first failure is returned; the others are read still. */
int wtl_lease_look(struct wtl_lease *lease, struct wtl_error *err);

/* What the present clock of a board says of a lock that no getter reports: it can speak against
 * it, never for it. */
struct wtl_lease_clock {
    bool known;
    double mhz;
    bool above;   /* of the lock that was set last */
    bool settled; /* long enough after that set: a clock that is above was set by somebody else */
};
struct wtl_lease_clock wtl_lease_look_at_clock(struct wtl_device *device,
                                               const struct wtl_lease_knob_record *record,
                                               int64_t wall_ns);

/* ---- The end --------------------------------------------------------------------------------- */

/* A standing lease is now as it shall be: it stays. */
int wtl_lease_keep(struct wtl_lease *lease, struct wtl_error *err);

/* A loan, or a standing lease that was not kept: puts back and closes; a kept one is let go of and
 * stays in force. A knob that somebody else has set in between is left alone (a warning says so).
 * On failure the lease stays in the book, for `wattle restore`. The lease is gone in any case. */
int wtl_lease_close(struct wtl_lease *lease, struct wtl_error *err);

/* The same for any lease: puts back and closes. */
int wtl_lease_end(struct wtl_lease *lease, struct wtl_error *err);

#endif
