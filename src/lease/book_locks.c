/* SPDX-License-Identifier: Apache-2.0
 * The locks of the book and of its leases. */
#include "lease/book_impl.h"
#include "lease/process.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_WAIT_MS = 30000, LOCK_STEP_MS = 5, OPEN_AGAIN = 3 };

/* -WTL_xxx for errno, with the path of a lock ("" of their folder). */
static int fail(const struct wtl_book *b, const char *verb, const char *name, struct wtl_error *err)
{
    char path[WTL_LIMIT_PATH + 64];
    int because = errno;
    snprintf(path, sizeof path, "%s/locks%s%s", b->path, name[0] ? "/" : "", name);
    if (because != ELOOP)
        return wtl_fail_errno(err, because, verb, path);
    int rc = WTL_FAIL(err, WTL_PERMISSION, "\"%s\" is a link, which no lock of ours is", path);
    wtl_error_hint(err, "somebody put it there: look who, and remove it");
    return rc;
}

/* O_NOFOLLOW on a folder that is a link says ENOTDIR; a file says the same. */
static int open_folder(struct wtl_book *b, struct wtl_error *err)
{
    if (mkdirat(b->dir_fd, "locks", 0700) != 0 && errno != EEXIST)
        return fail(b, "create", "", err);
    b->locks_fd = openat(b->dir_fd, "locks", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (b->locks_fd >= 0)
        return 0;
    struct stat st;
    int because = errno;
    if (fstatat(b->dir_fd, "locks", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
        because = ELOOP;
    errno = because;
    return fail(b, "open", "", err);
}

int wtl_book_open_locks(struct wtl_book *b, struct wtl_error *err)
{
    int rc = open_folder(b, err);
    if (rc < 0)
        return rc;
    b->lock_fd = openat(b->locks_fd, "book", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return b->lock_fd < 0 ? fail(b, "open", "book", err) : 0;
}

/* ---- The lock of the book -------------------------------------------------------------------- */

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* Whether what is open is still what the names mean: folders and locks can be removed or moved away
 * by hand, and whoever comes then makes new ones. */
static bool is_current(const struct wtl_book *b)
{
    struct stat open_dir, open_locks, open_lock, dir, locks, lock;
    return fstat(b->dir_fd, &open_dir) == 0 && fstat(b->locks_fd, &open_locks) == 0 &&
           fstat(b->lock_fd, &open_lock) == 0 && stat(b->path, &dir) == 0 &&
           fstatat(b->dir_fd, "locks", &locks, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstatat(b->locks_fd, "book", &lock, AT_SYMLINK_NOFOLLOW) == 0 &&
           same_file(&open_dir, &dir) && same_file(&open_locks, &locks) &&
           same_file(&open_lock, &lock);
}

/* Opens everything again, made anew where it is gone. */
static int open_again(struct wtl_book *b, struct wtl_error *err)
{
    struct stat was;
    mode_t mode = fstat(b->dir_fd, &was) == 0 ? was.st_mode & 0777 : 0700;
    struct wtl_book next = *b;
    next.locks_fd = next.lock_fd = -1;
    int rc = wtl_make_dirs(b->path, err);
    if (rc < 0)
        return rc;
    next.dir_fd = open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (next.dir_fd < 0)
        return wtl_fail_errno(err, errno, "open", b->path);
    (void)fchmod(next.dir_fd, mode);
    rc = wtl_book_open_locks(&next, err);
    if (rc < 0) {
        wtl_book_close(&next);
        return rc;
    }
    wtl_book_close(b);
    *b = next;
    return 0;
}

static int locked_too_long(const struct wtl_book *b, struct wtl_error *err)
{
    int64_t pid;
    char command[32];
    bool stopped;
    if (!wtl_process_of_lock(b->lock_fd, &pid, command, &stopped))
        return WTL_FAIL(err, WTL_TIMEOUT,
                        "another wattle has been changing leases in \"%s\" for %d s", b->path,
                        LOCK_WAIT_MS / 1000);
    int rc = WTL_FAIL(err, WTL_TIMEOUT,
                      "process %lld (%s), which %s, has been changing leases in \"%s\" for %d s",
                      (long long)pid, command, stopped ? "is stopped" : "runs", b->path,
                      LOCK_WAIT_MS / 1000);
    if (stopped)
        wtl_error_hint(err,
                       "`kill -CONT %lld` lets it go on, `kill -9 %lld` ends it; what it "
                       "leaves undone the next one does",
                       (long long)pid, (long long)pid);
    return rc;
}

int wtl_book_lock(struct wtl_book *book, struct wtl_error *err)
{
    int again = 0;
    for (int waited_ms = 0;; waited_ms += LOCK_STEP_MS) {
        if (flock(book->lock_fd, LOCK_EX | LOCK_NB) == 0) {
            if (is_current(book) || again++ == OPEN_AGAIN)
                return 0;
            int rc = open_again(book, err);
            if (rc < 0)
                return rc;
            continue;
        }
        if (errno != EWOULDBLOCK && errno != EINTR)
            return fail(book, "lock", "book", err);
        if (waited_ms >= LOCK_WAIT_MS)
            return locked_too_long(book, err);
        struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};
        (void)nanosleep(&step, NULL);
    }
}

void wtl_book_unlock(struct wtl_book *book)
{
    (void)flock(book->lock_fd, LOCK_UN);
}

/* ---- Locks of leases ------------------------------------------------------------------------- */

static void lock_name(int64_t id, char name[32])
{
    snprintf(name, 32, "%lld", (long long)id);
}

/* `more`: O_CREAT or 0. -WTL_NOTFOUND, -WTL_BUSY. */
static int lock_lease(struct wtl_book *book, int64_t id, int more, int *fd_out,
                      struct wtl_error *err)
{
    char name[32];
    lock_name(id, name);
    int fd = openat(book->locks_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | more, 0600);
    if (fd < 0)
        return fail(book, "open", name, err);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int rc = errno == EWOULDBLOCK ? WTL_FAIL(err, WTL_BUSY, "lease %lld is held", (long long)id)
                                      : fail(book, "lock", name, err);
        close(fd);
        return rc;
    }
    *fd_out = fd;
    return 0;
}

int wtl_book_lock_new(struct wtl_book *book, int64_t id, int *fd_out, struct wtl_error *err)
{
    return lock_lease(book, id, O_CREAT, fd_out, err);
}

static bool lives(enum wtl_process_life life)
{
    return life != WTL_PROCESS_GONE;
}

/* The lock tells whether the holder lives, and the process where the lock cannot: it was removed by
 * hand, or a fork of the holder, which has no part in the lease, keeps it. *fd_out may stay -1. */
static int lock_of_holder(struct wtl_book *book, const struct wtl_lease_record *r, const char *boot,
                          int *fd_out, struct wtl_error *err)
{
    struct wtl_error why = {0};
    int rc = lock_lease(book, r->id, 0, fd_out, &why);
    enum wtl_process_life life =
        rc < 0 ? wtl_process_of_lease(r, boot) : WTL_PROCESS_GONE; /* not asked for */
    if (rc == -(int)WTL_BUSY && !lives(life) && r->owner.pid_ns != 0)
        return 0;
    if (rc == -(int)WTL_NOTFOUND && lives(life) && wtl_lease_is_borrowed(r))
        return WTL_FAIL(err, WTL_BUSY, "lease %lld is held", (long long)r->id);
    if (rc == -(int)WTL_NOTFOUND)
        return lock_lease(book, r->id, O_CREAT, fd_out, err);
    if (rc < 0 && err)
        *err = why;
    return rc;
}

int wtl_book_hold(struct wtl_book *book, const struct wtl_book_entry *entry, const char *boot,
                  struct wtl_book_hold *hold_out, struct wtl_error *err)
{
    char name[32];
    struct wtl_book_hold h = {
        .id = entry->record.id, .fd = -1, .lock_fd = -1, .grant_bytes = entry->grant_bytes};
    int rc = lock_of_holder(book, &entry->record, boot, &h.lock_fd, err);
    if (rc < 0)
        return rc;
    wtl_book_name(h.id, name);
    h.fd = openat(book->dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (h.fd < 0) {
        char path[WTL_LIMIT_PATH + 64];
        snprintf(path, sizeof path, "%s/%s", book->path, name);
        rc = wtl_fail_errno(err, errno, "open", path);
        wtl_book_let_go(&h);
        return rc;
    }
    *hold_out = h;
    return 0;
}

void wtl_book_let_go(struct wtl_book_hold *hold)
{
    wtl_book_close_fd(&hold->fd);
    wtl_book_close_fd(&hold->lock_fd);
}

bool wtl_book_is_held(const struct wtl_book *book, int64_t id)
{
    char path[48], command[32];
    int64_t pid;
    bool stopped;
    snprintf(path, sizeof path, "locks/%lld", (long long)id);
    int fd = openat(book->dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool held = fd >= 0 && wtl_process_of_lock(fd, &pid, command, &stopped);
    wtl_book_close_fd(&fd);
    return held;
}

/* ---- Numbers of locks ------------------------------------------------------------------------ */

/* Calls fn for the number of every lock. */
static void each_lock(const struct wtl_book *book, void (*fn)(void *ctx, int64_t id), void *ctx)
{
    int fd = openat(book->locks_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        wtl_book_close_fd(&fd);
        return;
    }
    const struct dirent *d;
    while ((d = readdir(dir))) {
        int64_t id;
        if (wtl_parse_int(d->d_name, strlen(d->d_name), &id) && id > 0)
            fn(ctx, id);
    }
    closedir(dir);
}

static void note_highest(void *ctx, int64_t id)
{
    int64_t *top = ctx;
    *top = id > *top ? id : *top;
}

int64_t wtl_book_highest_lock(struct wtl_book *book)
{
    int64_t top = 0;
    each_lock(book, note_highest, &top);
    return top;
}

struct lock_tidy {
    struct wtl_book *book;
    const struct wtl_book_entry *entries;
    size_t n;
};

static void tidy_lock(void *ctx, int64_t id)
{
    const struct lock_tidy *t = ctx;
    struct wtl_error ignored = {0};
    char name[32];
    int fd = -1;
    for (size_t i = 0; i < t->n; i++)
        if (t->entries[i].record.id == id)
            return;
    /* Of a lease that came to nothing; or of one whose file was removed while it is held. */
    if (lock_lease(t->book, id, 0, &fd, &ignored) < 0)
        return;
    lock_name(id, name);
    (void)unlinkat(t->book->locks_fd, name, 0);
    close(fd);
}

void wtl_book_tidy_locks(struct wtl_book *book, const struct wtl_book_entry *entries, size_t n)
{
    struct lock_tidy t = {book, entries, n};
    each_lock(book, tidy_lock, &t);
}
