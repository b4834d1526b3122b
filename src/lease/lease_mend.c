/* SPDX-License-Identifier: Apache-2.0
 * What can happen to a lease from outside: its record is removed by hand, its process forks. */
#include "lease/lease_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Forks ----------------------------------------------------------------------------------- */

bool wtl_holder_is_fork(const struct wtl_holder *h)
{
    return h->owner.pid != (int64_t)getpid();
}

int wtl_holder_refuse_fork(const struct wtl_holder *h, struct wtl_error *err)
{
    return WTL_FAIL(
        err, WTL_USAGE,
        "process %d is a fork of process %lld, which opened this and whose leases these "
        "are",
        (int)getpid(), (long long)h->owner.pid);
}

/* ---- Files that were removed ----------------------------------------------------------------- */

int wtl_holder_list(struct wtl_holder *h, struct wtl_arena *arena, struct wtl_book_entry **out,
                    size_t *n_out, struct wtl_error *err)
{
    int rc = wtl_book_list(&h->book, arena, out, n_out, err);
    for (size_t i = 0; rc == 0 && i < *n_out; i++) {
        struct wtl_book_entry *e = &(*out)[i];
        struct wtl_error why = {0};
        if (!e->by_second_name)
            continue;
        if (wtl_book_mend(&h->book, e, &why) == 0)
            wtl_log(h->options.log, WTL_LOG_WARNING,
                    "somebody removed or changed %s/%s: it is as it was, by its second name",
                    h->book.path, e->file);
        else
            wtl_log(h->options.log, WTL_LOG_WARNING, "%s", why.message);
    }
    return rc;
}

/* Whether no name leads to the record any more. */
static bool is_gone(const struct wtl_lease *l)
{
    struct stat st;
    return fstat(l->hold.fd, &st) == 0 && st.st_nlink == 0;
}

/* An open lease on one of our knobs that was granted since; NULL: none. */
static const struct wtl_lease_record *successor(const struct wtl_lease *l,
                                                const struct wtl_book_entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < l->n && wtl_book_entry_is_open(&entries[i]); k++)
            if (wtl_lease_find_knob(&entries[i].record, &l->record.knobs[k]))
                return &entries[i].record;
    return NULL;
}

static int write_again(struct wtl_lease *l, struct wtl_error *err)
{
    WTL_ARENA(scratch);
    struct wtl_holder *h = l->holder;
    struct wtl_book_entry *entries = NULL;
    struct wtl_lease_record next = l->record;
    struct wtl_book_hold hold = {.fd = -1, .lock_fd = -1};
    size_t n = 0;
    char who[400];
    int rc = wtl_holder_list(h, &scratch, &entries, &n, err);
    if (rc < 0)
        return rc;
    const struct wtl_lease_record *other = successor(l, entries, n);
    if (other)
        return WTL_FAIL(err, WTL_BUSY,
                        "the record of lease %lld was removed by hand, and %s has its knob now",
                        (long long)l->record.id, wtl_lease_describe(other, who, sizeof who));
    next.id = 0; /* a number of its own: the old one may be another's by now */
    next.state_seq++;
    next.state_wall_ns = wtl_holder_wall_ns(h);
    rc = wtl_book_add(&h->book, &next, &hold, err);
    if (rc < 0)
        return rc;
    wtl_log(h->options.log, WTL_LOG_WARNING,
            "somebody removed the record of lease %lld: it is written again, as lease %lld",
            (long long)l->record.id, (long long)next.id);
    wtl_book_let_go(&l->hold);
    l->hold = hold;
    l->record = next;
    return 0;
}

int wtl_lease_tend_record(struct wtl_lease *l, struct wtl_error *err)
{
    if (wtl_holder_is_fork(l->holder) || !is_gone(l))
        return 0;
    struct wtl_book *book = &l->holder->book;
    int rc = wtl_book_lock(book, err);
    if (rc < 0)
        return rc;
    rc = write_again(l, err);
    wtl_book_unlock(book);
    return rc;
}

/* ---- Guardians that died --------------------------------------------------------------------- */

static int tend_guardian(struct wtl_holder *h, struct wtl_error *err)
{
    if (h->guardian.pid == 0 || wtl_guardian_stands(&h->guardian))
        return 0;
    pid_t before = h->guardian.pid;
    wtl_guardian_forget(&h->guardian);
    int rc = wtl_guardian_start(h->options.guard, h->options.guard_ctx, &h->guardian, err);
    if (rc == 0)
        wtl_log(h->options.log, WTL_LOG_WARNING,
                "the guardian, process %d, ended: process %d stands in for it", (int)before,
                (int)h->guardian.pid);
    return rc;
}

int wtl_lease_tend(struct wtl_lease *l, struct wtl_error *err)
{
    if (wtl_holder_is_fork(l->holder))
        return wtl_holder_refuse_fork(l->holder, err);
    int rc = wtl_lease_tend_record(l, err);
    return rc ? rc : tend_guardian(l->holder, err);
}
