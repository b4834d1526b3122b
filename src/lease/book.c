/* SPDX-License-Identifier: Apache-2.0
 * The files and locks of leases. */
#include "lease/book.h"

#include "base/dirs.h"
#include "base/file.h"
#include "base/sort.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_WAIT_MS = 30000, LOCK_STEP_MS = 5, KEEP_DAYS = 1 };

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- The folder ------------------------------------------------------------------------------ */

static int folder(const char *state_dir, bool make, char path[WTL_LIMIT_PATH],
                  struct wtl_error *err)
{
    if (!state_dir)
        return make ? wtl_dir_make(WTL_DIR_STATE, "leases", path, err)
                    : wtl_dir_path(WTL_DIR_STATE, "leases", path, err);
    if ((size_t)snprintf(path, WTL_LIMIT_PATH, "%s/leases", state_dir) >= WTL_LIMIT_PATH)
        return WTL_FAIL(err, WTL_LIMIT, "the path of the state directory is too long");
    return make ? wtl_make_dirs(path, err) : 0;
}

static int open_dir(int at, const char *name, const char *shown, int *fd_out, struct wtl_error *err)
{
    *fd_out = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (at < 0 ? 0 : O_NOFOLLOW));
    return *fd_out < 0 ? wtl_fail_errno(err, errno, "open", shown) : 0;
}

static int open_locks(struct wtl_book *b, struct wtl_error *err)
{
    if (mkdirat(b->dir_fd, "locks", 0700) != 0 && errno != EEXIST)
        return wtl_fail_errno(err, errno, "create \"locks\" in", b->path);
    int rc = open_dir(b->dir_fd, "locks", b->path, &b->locks_fd, err);
    if (rc < 0)
        return rc;
    b->lock_fd = openat(b->locks_fd, "book", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return b->lock_fd < 0 ? wtl_fail_errno(err, errno, "open the lock of", b->path) : 0;
}

static int nothing_set(int rc, struct wtl_error *err)
{
    if (err && !err->hint[0])
        wtl_error_hint(err, "without its journal nothing is set; WATTLE_STATE_DIR names another "
                            "directory to keep it in");
    return rc;
}

int wtl_book_open(const char *state_dir, struct wtl_book *book_out, struct wtl_error *err)
{
    struct wtl_book b = {.dir_fd = -1, .locks_fd = -1, .lock_fd = -1};
    int rc = folder(state_dir, true, b.path, err);
    rc = rc ? rc : open_dir(AT_FDCWD, b.path, b.path, &b.dir_fd, err);
    rc = rc ? rc : open_locks(&b, err);
    if (rc < 0) {
        wtl_book_close(&b);
        return nothing_set(rc, err);
    }
    *book_out = b;
    return 0;
}

int wtl_book_open_to_read(const char *state_dir, struct wtl_book *book_out, struct wtl_error *err)
{
    struct wtl_book b = {.dir_fd = -1, .locks_fd = -1, .lock_fd = -1};
    int rc = folder(state_dir, false, b.path, err);
    rc = rc ? rc : open_dir(AT_FDCWD, b.path, b.path, &b.dir_fd, err);
    if (rc == 0)
        *book_out = b;
    return rc;
}

void wtl_book_close(struct wtl_book *book)
{
    close_fd(&book->lock_fd);
    close_fd(&book->locks_fd);
    close_fd(&book->dir_fd);
}

/* ---- Locks ----------------------------------------------------------------------------------- */

int wtl_book_lock(struct wtl_book *book, struct wtl_error *err)
{
    for (int waited_ms = 0;; waited_ms += LOCK_STEP_MS) {
        if (flock(book->lock_fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return wtl_fail_errno(err, errno, "lock", book->path);
        if (waited_ms >= LOCK_WAIT_MS)
            return WTL_FAIL(err, WTL_TIMEOUT,
                            "another wattle has been changing leases in \"%s\" for %d s",
                            book->path, LOCK_WAIT_MS / 1000);
        struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};
        (void)nanosleep(&step, NULL);
    }
}

void wtl_book_unlock(struct wtl_book *book)
{
    (void)flock(book->lock_fd, LOCK_UN);
}

static int lock_lease(struct wtl_book *book, int64_t id, int *fd_out, struct wtl_error *err)
{
    char name[32];
    snprintf(name, sizeof name, "%lld", (long long)id);
    int fd = openat(book->locks_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return wtl_fail_errno(err, errno, "open the lock of a lease in", book->path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int rc = errno == EWOULDBLOCK ? WTL_FAIL(err, WTL_BUSY, "lease %lld is held", (long long)id)
                                      : wtl_fail_errno(err, errno, "lock a lease in", book->path);
        close(fd);
        return rc;
    }
    *fd_out = fd;
    return 0;
}

static void lease_file(int64_t id, char name[32])
{
    snprintf(name, 32, "%lld.lease", (long long)id);
}

int wtl_book_hold(struct wtl_book *book, int64_t id, size_t grant_bytes,
                  struct wtl_book_hold *hold_out, struct wtl_error *err)
{
    char name[32];
    struct wtl_book_hold h = {.id = id, .fd = -1, .lock_fd = -1, .grant_bytes = grant_bytes};
    int rc = lock_lease(book, id, &h.lock_fd, err);
    if (rc < 0)
        return rc;
    lease_file(id, name);
    h.fd = openat(book->dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (h.fd < 0) {
        rc = wtl_fail_errno(err, errno, "open a lease in", book->path);
        wtl_book_let_go(&h);
        return rc;
    }
    *hold_out = h;
    return 0;
}

void wtl_book_let_go(struct wtl_book_hold *hold)
{
    close_fd(&hold->fd);
    close_fd(&hold->lock_fd);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* The number in "12.lease"; 0: it is no lease. */
static int64_t id_of(const char *name)
{
    int64_t id;
    size_t n = strcspn(name, ".");
    return strcmp(name + n, ".lease") == 0 && wtl_parse_int(name, n, &id) && id > 0 ? id : 0;
}

/* A pipe or a link under a lease's name would make every command wait, or read what it may not. */
static int check_regular(struct wtl_book *book, const char *file, struct wtl_error *err)
{
    struct stat st;
    if (fstatat(book->dir_fd, file, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return wtl_fail_errno(err, errno, "look at a lease in", book->path);
    return S_ISREG(st.st_mode) ? 0 : WTL_FAIL(err, WTL_CORRUPT, "%s: it is no regular file", file);
}

static int read_entry(struct wtl_book *book, struct wtl_arena *arena, int64_t id,
                      struct wtl_book_entry *e, struct wtl_error *err)
{
    char *text;
    size_t n;
    struct wtl_error why = {0};
    *e = (struct wtl_book_entry){.record.id = id};
    lease_file(id, e->file);
    char *path = wtl_path_join(arena, book->path, e->file);
    if (!path)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    int rc = check_regular(book, e->file, &why);
    rc = rc ? rc : wtl_file_read(arena, path, 1 << 20, &text, &n, &why);
    rc = rc ? rc : wtl_lease_decode(arena, text, n, e->file, &e->record, &e->grant_bytes, &why);
    if (rc == 0 && e->record.id != id)
        rc = WTL_FAIL(&why, WTL_CORRUPT, "%s: it is the file of lease %lld", e->file,
                      (long long)e->record.id);
    if (rc == -(int)WTL_NOMEM || rc == -(int)WTL_NOTFOUND) {
        if (err)
            *err = why;
        return rc;
    }
    if (rc < 0) {
        e->unreadable = true;
        e->record.id = id;
        snprintf(e->why, sizeof e->why, "%.*s", (int)sizeof e->why - 1, why.message);
    }
    return 0;
}

int wtl_book_again(struct wtl_book *book, struct wtl_arena *arena, struct wtl_book_hold *hold,
                   struct wtl_book_entry *entry, struct wtl_error *err)
{
    int rc = read_entry(book, arena, hold->id, entry, err);
    if (rc == 0)
        hold->grant_bytes = entry->grant_bytes;
    return rc;
}

static int by_id(const void *a, const void *b)
{
    const int64_t x = ((const struct wtl_book_entry *)a)->record.id;
    const int64_t y = ((const struct wtl_book_entry *)b)->record.id;
    return x < y ? -1 : x > y;
}

static int list_ids(struct wtl_book *book, struct wtl_arena *arena, int64_t **out, size_t *n_out,
                    struct wtl_error *err)
{
    int fd = openat(book->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        int rc = wtl_fail_errno(err, errno, "list", book->path);
        close_fd(&fd);
        return rc;
    }
    int64_t *ids = NULL;
    size_t n = 0, cap = 0;
    int rc = 0;
    const struct dirent *d;
    while (rc == 0 && (d = readdir(dir))) {
        int64_t id = id_of(d->d_name);
        if (id == 0)
            continue;
        if (wtl_grow(arena, &ids, n, &cap))
            rc = WTL_FAIL(err, WTL_NOMEM, "out of memory listing leases");
        else
            ids[n++] = id;
    }
    closedir(dir);
    *out = ids;
    *n_out = n;
    return rc;
}

int wtl_book_list(struct wtl_book *book, struct wtl_arena *arena, struct wtl_book_entry **out,
                  size_t *n_out, struct wtl_error *err)
{
    int64_t *ids = NULL;
    size_t n_ids = 0, n = 0;
    int rc = book->dir_fd < 0 ? 0 : list_ids(book, arena, &ids, &n_ids, err);
    if (rc < 0)
        return rc;
    struct wtl_book_entry *entries = WTL_NEW_ARRAY(arena, struct wtl_book_entry, n_ids + 1);
    if (!entries)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory listing leases");
    for (size_t i = 0; i < n_ids; i++) {
        rc = read_entry(book, arena, ids[i], &entries[n], err);
        if (rc == 0)
            n++;
        else if (rc != -(int)WTL_NOTFOUND) /* gone in between, without the lock of the book */
            return rc;
    }
    qsort(entries, n, sizeof *entries, by_id);
    *out = entries;
    *n_out = n;
    return 0;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static int write_all(int fd, const char *data, size_t n, const char *path, struct wtl_error *err)
{
    while (n > 0) {
        ssize_t put = write(fd, data, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return wtl_fail_errno(err, put < 0 ? errno : EIO, "write a lease in", path);
        data += put;
        n -= (size_t)put;
    }
    return 0;
}

static int sync_fd(int fd, const char *path, struct wtl_error *err)
{
    /* A file system that cannot (EINVAL) is not one that failed to. */
    if (fsync(fd) != 0 && errno != EINVAL)
        return wtl_fail_errno(err, errno, "bring to disk a lease in", path);
    return 0;
}

static int next_id(struct wtl_book *book, int64_t *id_out, struct wtl_error *err)
{
    WTL_ARENA(arena);
    int64_t *ids = NULL, top = 0;
    size_t n = 0;
    int rc = list_ids(book, &arena, &ids, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        top = ids[i] > top ? ids[i] : top;
    if (rc == 0 && top == INT64_MAX)
        rc = WTL_FAIL(err, WTL_LIMIT, "there is no number left for a lease in \"%s\"", book->path);
    if (rc == 0)
        *id_out = top + 1;
    return rc;
}

/* The text in its place: temporary file, fsync, rename, fsync of the folder. */
static int place(struct wtl_book *book, const struct wtl_buf *text, const char *name, int *fd_out,
                 struct wtl_error *err)
{
    static const char temporary[] = ".new";
    int fd =
        openat(book->dir_fd, temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return wtl_fail_errno(err, errno, "create a lease in", book->path);
    int rc = write_all(fd, text->data, text->len, book->path, err);
    if (rc == 0 && fchmod(fd, 0644) != 0)
        rc = wtl_fail_errno(err, errno, "set the mode of a lease in", book->path);
    rc = rc ? rc : sync_fd(fd, book->path, err);
    if (rc == 0 && renameat(book->dir_fd, temporary, book->dir_fd, name) != 0)
        rc = wtl_fail_errno(err, errno, "name a lease in", book->path);
    if (rc < 0) {
        (void)unlinkat(book->dir_fd, temporary, 0);
        close(fd);
        return rc;
    }
    rc = sync_fd(book->dir_fd, book->path, err);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    *fd_out = fd;
    return 0;
}

int wtl_book_add(struct wtl_book *book, struct wtl_lease_record *record,
                 struct wtl_book_hold *hold_out, struct wtl_error *err)
{
    bool fresh = record->id == 0;
    struct wtl_book_hold h = {.fd = -1, .lock_fd = -1};
    int64_t id = record->id;
    int rc = fresh ? next_id(book, &id, err) : 0;
    if (rc == 0 && fresh)
        rc = lock_lease(book, id, &h.lock_fd, err);
    if (rc < 0)
        return nothing_set(rc, err);
    struct wtl_buf text;
    char name[32];
    wtl_buf_init(&text, wtl_alloc_system(), 1 << 20);
    lease_file(id, name);
    record->id = id;
    rc = wtl_lease_encode(record, &text, err);
    if (rc == 0)
        rc = place(book, &text, name, &h.fd, err);
    if (rc == 0) {
        h.id = id;
        h.grant_bytes = text.len - (2 + 2 * record->n_knobs) * (size_t)WTL_LEASE_SLOT;
        if (!fresh) { /* the lock stays, the file is another one */
            h.lock_fd = hold_out->lock_fd;
            close(hold_out->fd);
        }
        *hold_out = h;
    } else {
        if (fresh) {
            (void)unlinkat(book->dir_fd, name, 0);
            record->id = 0;
        }
        wtl_book_let_go(&h);
        (void)nothing_set(rc, err);
    }
    wtl_buf_fini(&text);
    return rc;
}

static int write_slot(const struct wtl_book_hold *hold, const char slot[WTL_LEASE_SLOT],
                      size_t offset, struct wtl_error *err)
{
    ssize_t put;
    do
        put = pwrite(hold->fd, slot, WTL_LEASE_SLOT, (off_t)offset);
    while (put < 0 && errno == EINTR);
    if (put == WTL_LEASE_SLOT)
        return 0;
    return wtl_fail_errno(err, put < 0 ? errno : ENOSPC, "write to", "the journal of leases");
}

int wtl_book_note_state(const struct wtl_book_hold *hold, struct wtl_lease_record *record,
                        enum wtl_lease_state state, const char *why, int64_t wall_ns,
                        struct wtl_error *err)
{
    char slot[WTL_LEASE_SLOT];
    struct wtl_lease_record next = *record;
    next.state = state;
    next.state_seq++;
    next.state_wall_ns = wall_ns;
    snprintf(next.why, sizeof next.why, "%.*s", (int)sizeof next.why - 1, why);
    wtl_lease_encode_state(&next, slot);
    int rc = write_slot(hold, slot, wtl_lease_state_offset(hold->grant_bytes, next.state_seq), err);
    rc = rc ? rc : sync_fd(hold->fd, "the journal of leases", err);
    if (rc == 0)
        *record = next;
    return rc;
}

int wtl_book_note_set(const struct wtl_book_hold *hold, struct wtl_lease_knob_record *knob,
                      size_t index, struct wtl_knob_value value, int64_t wall_ns,
                      struct wtl_error *err)
{
    char slot[WTL_LEASE_SLOT];
    wtl_lease_encode_set(index, knob->knob, knob->seq + 1, wall_ns, value, slot);
    int rc =
        write_slot(hold, slot, wtl_lease_knob_offset(hold->grant_bytes, index, knob->seq + 1), err);
    if (rc < 0)
        return rc;
    knob->has_before = knob->seq > 0;
    knob->before = knob->wanted;
    knob->wanted = value;
    knob->set_wall_ns = wall_ns;
    knob->seq++;
    return 0;
}

/* ---- Tidying --------------------------------------------------------------------------------- */

static bool to_remove(const struct wtl_book_entry *e, size_t closed_after, int64_t wall_ns)
{
    if (e->unreadable || e->record.state != WTL_LEASE_CLOSED)
        return false;
    int64_t age_ns = wall_ns - e->record.state_wall_ns;
    return closed_after >= WTL_LEASE_HISTORY || age_ns > (int64_t)KEEP_DAYS * 86400 * WTL_NS_PER_S;
}

int wtl_book_tidy(struct wtl_book *book, const struct wtl_book_entry *entries, size_t n,
                  int64_t wall_ns, struct wtl_error *err)
{
    size_t closed_after = 0;
    int rc = 0;
    if (unlinkat(book->dir_fd, ".new", 0) != 0 && errno != ENOENT)
        rc = wtl_fail_errno(err, errno, "remove a cut-off file in", book->path);
    for (size_t i = n; i-- > 0;) {
        char lock[32];
        bool newest = i == n - 1; /* keeps the numbers from beginning anew */
        bool closed = !entries[i].unreadable && entries[i].record.state == WTL_LEASE_CLOSED;
        if (closed && !newest && to_remove(&entries[i], closed_after, wall_ns)) {
            snprintf(lock, sizeof lock, "%lld", (long long)entries[i].record.id);
            if (unlinkat(book->dir_fd, entries[i].file, 0) != 0 && errno != ENOENT && rc == 0)
                rc = wtl_fail_errno(err, errno, "remove an old lease in", book->path);
            (void)unlinkat(book->locks_fd, lock, 0);
        }
        closed_after += closed;
    }
    return rc;
}

bool wtl_book_entry_is_open(const struct wtl_book_entry *entry)
{
    return !entry->unreadable && entry->record.state != WTL_LEASE_CLOSED;
}
