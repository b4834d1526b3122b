/* SPDX-License-Identifier: Apache-2.0
 *
 * What book.c (the files of leases) and book_locks.c (their locks) share. Private to them.
 */
#ifndef WTL_LEASE_BOOK_IMPL_H
#define WTL_LEASE_BOOK_IMPL_H

#include "lease/book.h"

void wtl_book_close_fd(int *fd);

/* "12.lease", and ".12.lease": its second name. */
void wtl_book_name(int64_t id, char name[32]);
void wtl_book_second_name(int64_t id, char name[32]);

/* Opens STATE/leases/locks and the lock of the book in it; makes what is missing. */
int wtl_book_open_locks(struct wtl_book *book, struct wtl_error *err);

/* Takes the lock of a lease that is not there yet. -WTL_BUSY. */
int wtl_book_lock_new(struct wtl_book *book, int64_t id, int *fd_out, struct wtl_error *err);

/* The highest number that a lock has; 0 without locks. Locks that are nobody's and that belong to
 * none of the ids (ascending) are removed where `tidy` is set. */
int64_t wtl_book_highest_lock(struct wtl_book *book);
void wtl_book_tidy_locks(struct wtl_book *book, const struct wtl_book_entry *entries, size_t n);

#endif
