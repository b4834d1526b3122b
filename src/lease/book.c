/* SPDX-License-Identifier: Apache-2.0
 * The files and locks of leases. */
#include "lease/book_impl.h"

#include "base/dirs.h"
#include "base/file.h"
#include "base/sort.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEEP_DAYS = 1, MOST_BYTES = 1 << 20 };

void wtl_book_close_fd(int *fd)
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

static int open_dir(struct wtl_book *b, struct wtl_error *err)
{
    b->dir_fd = open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return b->dir_fd < 0 ? wtl_fail_errno(err, errno, "open", b->path) : 0;
}

/* Whether leases are open here, or may be: the folder is there and cannot be listed. */
static bool may_hold_leases(struct wtl_book *b)
{
    WTL_ARENA(arena);
    struct wtl_book_entry *entries = NULL;
    size_t n = 0;
    bool open = false;
    if (b->dir_fd < 0)
        return b->path[0] && (access(b->path, F_OK) == 0 || errno == EACCES);
    if (wtl_book_list(b, &arena, &entries, &n, NULL) < 0)
        return true;
    for (size_t i = 0; i < n && !open; i++)
        open = entries[i].unreadable || wtl_book_entry_is_open(&entries[i]);
    return open;
}

/* Another directory would hide the leases of this one. */
static int nothing_set(struct wtl_book *b, int rc, struct wtl_error *err)
{
    if (err && !err->hint[0] && may_hold_leases(b))
        wtl_error_hint(err,
                       "without its journal nothing is set: make it writable; leases stay open "
                       "there, their prior values stand in %.200s/N.lease",
                       b->path);
    else if (err && !err->hint[0])
        wtl_error_hint(err, "without its journal nothing is set; WATTLE_STATE_DIR names another "
                            "directory to keep it in");
    return rc;
}

int wtl_book_open(const char *state_dir, struct wtl_book *book_out, struct wtl_error *err)
{
    struct wtl_book b = {.dir_fd = -1, .locks_fd = -1, .lock_fd = -1};
    int rc = folder(state_dir, true, b.path, err);
    rc = rc ? rc : open_dir(&b, err);
    rc = rc ? rc : wtl_book_open_locks(&b, err);
    if (rc < 0) {
        rc = nothing_set(&b, rc, err);
        wtl_book_close(&b);
        return rc;
    }
    *book_out = b;
    return 0;
}

int wtl_book_open_to_read(const char *state_dir, struct wtl_book *book_out, struct wtl_error *err)
{
    struct wtl_book b = {.dir_fd = -1, .locks_fd = -1, .lock_fd = -1};
    int rc = folder(state_dir, false, b.path, err);
    rc = rc ? rc : open_dir(&b, err);
    if (rc == 0)
        *book_out = b;
    return rc;
}

void wtl_book_close(struct wtl_book *book)
{
    wtl_book_close_fd(&book->lock_fd);
    wtl_book_close_fd(&book->locks_fd);
    wtl_book_close_fd(&book->dir_fd);
}

/* ---- Reading --------------------------------------------------------------------------------- */

void wtl_book_name(int64_t id, char name[32])
{
    snprintf(name, 32, "%lld.lease", (long long)id);
}

void wtl_book_second_name(int64_t id, char name[32])
{
    snprintf(name, 32, ".%lld.lease", (long long)id);
}

/* The number in "12.lease" and ".12.lease", where `ending` is ".lease"; 0: it has another. */
static int64_t id_of(const char *name, const char *ending)
{
    int64_t id;
    name += name[0] == '.';
    size_t n = strcspn(name, ".");
    return strcmp(name + n, ending) == 0 && wtl_parse_int(name, n, &id) && id > 0 ? id : 0;
}

/* One name of a lease: what it leads to. */
struct found {
    int rc; /* 0; -WTL_NOTFOUND; -WTL_NOMEM; else it cannot be read, `why` */
    struct wtl_error why;
    struct stat st;
    struct wtl_lease_record record;
    size_t grant_bytes;
};

static int read_all(int fd, char *text, size_t n, const char *name, struct wtl_error *why)
{
    size_t used = 0;
    while (used < n) {
        ssize_t got = read(fd, text + used, n - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return wtl_fail_errno(why, errno, "read", name);
        if (got == 0)
            return WTL_FAIL(why, WTL_CORRUPT, "%s: it was cut off while it was read", name);
        used += (size_t)got;
    }
    return 0;
}

/* A pipe or a link under a lease's name would make every command wait, or read what it may not. */
static int check_regular(const struct stat *st, const char *name, struct wtl_error *why)
{
    if (!S_ISREG(st->st_mode))
        return WTL_FAIL(why, WTL_CORRUPT, "%s: it is no regular file", name);
    if (st->st_size > MOST_BYTES)
        return WTL_FAIL(why, WTL_CORRUPT, "%s: it is larger than any lease", name);
    return 0;
}

static int decode_fd(struct wtl_arena *arena, int fd, const char *name, struct found *f)
{
    if (fstat(fd, &f->st) != 0)
        return wtl_fail_errno(&f->why, errno, "look at", name);
    int rc = check_regular(&f->st, name, &f->why);
    if (rc < 0)
        return rc;
    size_t n = (size_t)f->st.st_size;
    char *text = wtl_arena_calloc(arena, 1, n + 1);
    if (!text)
        return WTL_FAIL(&f->why, WTL_NOMEM, "out of memory");
    rc = read_all(fd, text, n, name, &f->why);
    return rc ? rc : wtl_lease_decode(arena, text, n, name, &f->record, &f->grant_bytes, &f->why);
}

static void read_name(struct wtl_book *book, struct wtl_arena *arena, const char *name, int64_t id,
                      struct found *f)
{
    *f = (struct found){0};
    int fd = openat(book->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno == ELOOP) {
        f->rc = WTL_FAIL(&f->why, WTL_CORRUPT, "%s: it is a link, which no lease of ours is", name);
        return;
    }
    if (fd < 0) {
        f->rc = wtl_fail_errno(&f->why, errno, "open", name);
        return;
    }
    f->rc = decode_fd(arena, fd, name, f);
    close(fd);
    if (f->rc == 0 && f->record.id != id)
        f->rc = WTL_FAIL(&f->why, WTL_CORRUPT, "%s: it is the file of lease %lld", name,
                         (long long)f->record.id);
}

/* The second name, unless it leads to the same file. */
static void read_second(struct wtl_book *book, struct wtl_arena *arena, int64_t id,
                        const struct found *first, struct found *second)
{
    char name[32];
    struct stat st;
    wtl_book_second_name(id, name);
    if (first->rc == 0 && fstatat(book->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st.st_ino == first->st.st_ino && st.st_dev == first->st.st_dev)
        *second = (struct found){.rc = -(int)WTL_NOTFOUND};
    else
        read_name(book, arena, name, id, second);
}

/* Whether what the second name leads to counts: the first was removed, or is another file by now,
 * and not one that a wattle has put there since. */
static bool second_counts(const struct found *first, const struct found *second)
{
    return second->rc == 0 &&
           (first->rc < 0 || second->record.state_seq >= first->record.state_seq);
}

static int read_entry(struct wtl_book *book, struct wtl_arena *arena, int64_t id,
                      struct wtl_book_entry *e, struct wtl_error *err)
{
    struct found first, second;
    *e = (struct wtl_book_entry){.record.id = id};
    wtl_book_name(id, e->file);
    for (int look = 0; look < 2; look++) { /* twice where a lease may have been replaced amid */
        read_name(book, arena, e->file, id, &first);
        read_second(book, arena, id, &first, &second);
        e->by_second_name = second_counts(&first, &second);
        if (!e->by_second_name)
            break;
    }
    /* Of two that cannot be read the first is spoken of, unless it is not there. */
    bool take_second = e->by_second_name || first.rc == -(int)WTL_NOTFOUND;
    const struct found *f = take_second ? &second : &first;
    if (f->rc == -(int)WTL_NOMEM || f->rc == -(int)WTL_NOTFOUND) {
        if (err)
            *err = f->why;
        return f->rc;
    }
    if (f->rc < 0) {
        e->unreadable = true;
        snprintf(e->why, sizeof e->why, "%.*s", (int)sizeof e->why - 1, f->why.message);
        return 0;
    }
    e->record = f->record;
    e->grant_bytes = f->grant_bytes;
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

static int by_number(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* The numbers of files of this ending, ascending, each once although a lease has two names. */
static int list_ids(struct wtl_book *book, struct wtl_arena *arena, const char *ending,
                    int64_t **out, size_t *n_out, struct wtl_error *err)
{
    int fd = openat(book->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        int rc = wtl_fail_errno(err, errno, "list", book->path);
        wtl_book_close_fd(&fd);
        return rc;
    }
    int64_t *ids = NULL;
    size_t n = 0, cap = 0, once = 0;
    int rc = 0;
    const struct dirent *d;
    while (rc == 0 && (d = readdir(dir))) {
        int64_t id = id_of(d->d_name, ending);
        if (id == 0)
            continue;
        if (wtl_grow(arena, &ids, n, &cap))
            rc = WTL_FAIL(err, WTL_NOMEM, "out of memory listing leases");
        else
            ids[n++] = id;
    }
    closedir(dir);
    wtl_sort(ids, n, sizeof *ids, by_number);
    for (size_t i = 0; i < n; i++)
        if (once == 0 || ids[once - 1] != ids[i])
            ids[once++] = ids[i];
    *out = ids;
    *n_out = once;
    return rc;
}

int wtl_book_list(struct wtl_book *book, struct wtl_arena *arena, struct wtl_book_entry **out,
                  size_t *n_out, struct wtl_error *err)
{
    int64_t *ids = NULL;
    size_t n_ids = 0, n = 0;
    int rc = book->dir_fd < 0 ? 0 : list_ids(book, arena, ".lease", &ids, &n_ids, err);
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
    static const char *const endings[] = {".lease", ".forgotten"};
    int64_t *ids = NULL, top = wtl_book_highest_lock(book);
    size_t n = 0;
    int rc = 0;
    for (int i = 0; rc == 0 && i < 2; i++) {
        rc = list_ids(book, &arena, endings[i], &ids, &n, err);
        if (rc == 0 && n > 0 && ids[n - 1] > top)
            top = ids[n - 1];
    }
    if (rc == 0 && top == INT64_MAX)
        rc = WTL_FAIL(err, WTL_LIMIT, "there is no number left for a lease in \"%s\"", book->path);
    if (rc == 0)
        *id_out = top + 1;
    return rc;
}

/* A second name for the same file: what is removed or changed by hand under the first is not lost.
 * A file system without links does without. */
static void name_again(struct wtl_book *book, int64_t id)
{
    char name[32], second[32];
    wtl_book_name(id, name);
    wtl_book_second_name(id, second);
    (void)unlinkat(book->dir_fd, second, 0);
    (void)!linkat(book->dir_fd, name, book->dir_fd, second, 0);
}

int wtl_book_mend(struct wtl_book *book, const struct wtl_book_entry *e, struct wtl_error *err)
{
    static const char temporary[] = ".again";
    char second[32], path[WTL_LIMIT_PATH + 64];
    wtl_book_second_name(e->record.id, second);
    snprintf(path, sizeof path, "%s/%s", book->path, e->file);
    (void)unlinkat(book->dir_fd, temporary, 0);
    if (linkat(book->dir_fd, second, book->dir_fd, temporary, 0) != 0 ||
        renameat(book->dir_fd, temporary, book->dir_fd, e->file) != 0)
        return wtl_fail_errno(err, errno, "put back", path);
    return 0;
}

int wtl_book_set_aside(struct wtl_book *book, int64_t id, struct wtl_error *err)
{
    char name[32], second[32], aside[32], path[WTL_LIMIT_PATH + 64];
    wtl_book_name(id, name);
    wtl_book_second_name(id, second);
    snprintf(aside, sizeof aside, "%lld.forgotten", (long long)id);
    snprintf(path, sizeof path, "%s/%s", book->path, name);
    bool first = renameat(book->dir_fd, name, book->dir_fd, aside) == 0;
    if (!first && errno != ENOENT)
        return wtl_fail_errno(err, errno, "rename", path);
    if (!first)
        return renameat(book->dir_fd, second, book->dir_fd, aside) == 0
                   ? 0
                   : wtl_fail_errno(err, errno, "rename", path);
    (void)unlinkat(book->dir_fd, second, 0);
    return 0;
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
        rc = wtl_book_lock_new(book, id, &h.lock_fd, err);
    if (rc < 0)
        return nothing_set(book, rc, err);
    struct wtl_buf text;
    char name[32];
    wtl_buf_init(&text, wtl_alloc_system(), 1 << 20);
    wtl_book_name(id, name);
    record->id = id;
    rc = wtl_lease_encode(record, &text, err);
    if (rc == 0)
        rc = place(book, &text, name, &h.fd, err);
    if (rc == 0) {
        h.id = id;
        h.grant_bytes = text.len - (2 + 2 * record->n_knobs) * (size_t)WTL_LEASE_SLOT;
        name_again(book, id);
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
        (void)nothing_set(book, rc, err);
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

static bool is_old(const struct wtl_book_entry *closed, size_t closed_after, int64_t wall_ns)
{
    int64_t age_ns = wall_ns - closed->record.state_wall_ns;
    return closed_after >= WTL_LEASE_HISTORY || age_ns > (int64_t)KEEP_DAYS * 86400 * WTL_NS_PER_S;
}

/* What cannot be removed stays, for the next time. */
void wtl_book_tidy(struct wtl_book *book, const struct wtl_book_entry *entries, size_t n,
                   int64_t wall_ns)
{
    size_t closed_after = 0;
    (void)unlinkat(book->dir_fd, ".again", 0);
    (void)unlinkat(book->dir_fd, ".new", 0);
    for (size_t i = n; i-- > 0;) {
        char lock[32], second[32];
        bool newest = i == n - 1; /* keeps the numbers from beginning anew */
        bool closed = !entries[i].unreadable && !wtl_book_entry_is_open(&entries[i]);
        if (closed && !newest && is_old(&entries[i], closed_after, wall_ns)) {
            snprintf(lock, sizeof lock, "%lld", (long long)entries[i].record.id);
            wtl_book_second_name(entries[i].record.id, second);
            (void)unlinkat(book->dir_fd, entries[i].file, 0);
            (void)unlinkat(book->dir_fd, second, 0);
            (void)unlinkat(book->locks_fd, lock, 0);
        }
        closed_after += closed;
    }
    wtl_book_tidy_locks(book, entries, n);
}

bool wtl_book_entry_is_open(const struct wtl_book_entry *entry)
{
    return !entry->unreadable && entry->record.state != WTL_LEASE_CLOSED;
}
