/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of all leases: STATE/leases/N.lease, one a lease, and their locks.
 *
 *   STATE/leases/N.lease     the lease (lease/journal.h), mode 0644: anybody may look
 *   STATE/leases/.N.lease    the same file under a second name (a hard link), so that a lease that
 * is removed or changed by hand is not forgotten STATE/leases/locks/book  held while leases are
 * granted, ended or put right STATE/leases/locks/N     held by whoever holds lease N: a lock that
 * can be had means that the holder is dead Locks are flock(2): the kernel lets go of them whatever
 * kills their owner, so none is ever stale. The folder of locks is closed to others, who could
 * otherwise stand in the way.
 *
 * Closed leases are kept for a day, at most WTL_LEASE_HISTORY of them.
 */
#ifndef WTL_LEASE_BOOK_H
#define WTL_LEASE_BOOK_H

#include "base/clock.h"
#include "lease/journal.h"

/* Closed leases that are kept for `status`; knobs of one lease. */
enum { WTL_LEASE_HISTORY = 64, WTL_LEASE_MAX_KNOBS = 256 };

struct wtl_book {
    char path[WTL_LIMIT_PATH]; /* STATE/leases */
    int dir_fd, locks_fd;
    int lock_fd; /* of locks/book */
};

/* `state_dir` NULL: the usual one (base/dirs.h). Makes what is missing. -WTL_PERMISSION, -WTL_IO
 * (read-only, full): nothing may be set then. */
int wtl_book_open(const char *state_dir, struct wtl_book *book_out, struct wtl_error *err);
void wtl_book_close(struct wtl_book *book);

/* To look only: -WTL_NOTFOUND when there is no book yet. Locks cannot be taken. */
int wtl_book_open_to_read(const char *state_dir, struct wtl_book *book_out, struct wtl_error *err);

/* The lock of the whole book; -WTL_TIMEOUT after 30 s, with the process that has it. What was
 * removed or moved away by hand since the book was opened is opened, and made, anew. */
int wtl_book_lock(struct wtl_book *book, struct wtl_error *err);
void wtl_book_unlock(struct wtl_book *book);

/* A lease as it was found. */
struct wtl_book_entry {
    struct wtl_lease_record record;
    size_t grant_bytes;
    char file[32];       /* "12.lease" */
    bool by_second_name; /* the file of that name was removed, or changed, by hand */
    bool unreadable;     /* `why` says so; only record.id is meaningful */
    char why[WTL_LEASE_TEXT];
};

/* Whether it can be read, and is not closed. */
bool wtl_book_entry_is_open(const struct wtl_book_entry *entry);

/* All of them by number, closed ones included; none of a book whose dir_fd is negative. A file that
 * cannot be read is an entry, too. */
int wtl_book_list(struct wtl_book *book, struct wtl_arena *arena, struct wtl_book_entry **out,
                  size_t *n_out, struct wtl_error *err);

/* One that is held or looked after by this process: its file and its lock. */
struct wtl_book_hold {
    int64_t id;
    int fd, lock_fd;
    size_t grant_bytes;
};

/* Gives the file of an entry that was found by its second name its first again. Call with the book
 * locked. */
int wtl_book_mend(struct wtl_book *book, const struct wtl_book_entry *entry, struct wtl_error *err);

/* Puts the file of a lease that cannot be read out of the way, as N.forgotten. Call with the book
 * locked. */
int wtl_book_set_aside(struct wtl_book *book, int64_t id, struct wtl_error *err);

/* Takes the lock of a lease and opens its file for writing. -WTL_BUSY: its holder lives. The lock
 * tells; where it was removed by hand, the process in the grant does; where a fork of a dead holder
 * still has it, that holder is dead all the same (hold_out->lock_fd is then -1). `boot`: ours. Call
 * with the book locked, and the entry mended. */
int wtl_book_hold(struct wtl_book *book, const struct wtl_book_entry *entry, const char *boot,
                  struct wtl_book_hold *hold_out, struct wtl_error *err);
void wtl_book_let_go(struct wtl_book_hold *hold);

/* Whether somebody holds the lease, for those who only look: the kernel's list of locks tells, so
 * that nobody's lock is disturbed. False where that cannot be had. */
bool wtl_book_is_held(const struct wtl_book *book, int64_t id);

/* The entry as it is now: what was listed may have been kept or closed by its holder until its lock
 * could be had. */
int wtl_book_again(struct wtl_book *book, struct wtl_arena *arena, struct wtl_book_hold *hold,
                   struct wtl_book_entry *entry, struct wtl_error *err);

/* Writes a new lease, fsynced together with its directory, and holds it. record->id is chosen here
 * when it is 0; else the file of that lease, which `hold_out` holds already, is replaced in one
 * step. On failure nothing is left behind. Call with the book locked. */
int wtl_book_add(struct wtl_book *book, struct wtl_lease_record *record,
                 struct wtl_book_hold *hold_out, struct wtl_error *err);

/* Record the state (fsynced), and a value about to be set (not fsynced: it has to survive us, not
 * the machine, after whose death it means nothing). Allocate nothing; raise the number. */
int wtl_book_note_state(const struct wtl_book_hold *hold, struct wtl_lease_record *record,
                        enum wtl_lease_state state, const char *why, int64_t wall_ns,
                        struct wtl_error *err);
int wtl_book_note_set(const struct wtl_book_hold *hold, struct wtl_lease_knob_record *knob,
                      size_t index, struct wtl_knob_value value, int64_t wall_ns,
                      struct wtl_error *err);

/* Removes what is left of writes that were cut short, and closed leases beyond what is kept. Call
 * with the book locked. */
void wtl_book_tidy(struct wtl_book *book, const struct wtl_book_entry *entries, size_t n,
                   int64_t wall_ns);

#endif
