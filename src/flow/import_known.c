/* SPDX-License-Identifier: Apache-2.0
 * What a file is to the campaign: new, known, grown since it was imported, or renamed. A file is
 * its content; where the content is the same, the name still says what it is of. */
#include "flow/import.h"

#include "base/file.h"
#include "base/text.h"
#include "codec/hash.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int no_memory(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory");
}

static const struct import_known *find_size(const struct import_job *job, int64_t size)
{
    size_t lo = 0;
    size_t hi = job->n_known;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (job->known[mid].size_bytes < size)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < job->n_known && job->known[lo].size_bytes == size ? &job->known[lo] : NULL;
}

/* The newest source that was read from this path. */
static const struct import_known *find_path(const struct import_job *job, const char *path)
{
    size_t lo = 0;
    size_t hi = job->n_known;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(job->by_path[mid]->path, path) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo > 0 && strcmp(job->by_path[lo - 1]->path, path) == 0 ? job->by_path[lo - 1] : NULL;
}

/* Only files of a size that is known are hashed before they are read. */
static int find_content(const struct import_job *job, const struct import_file *f,
                        struct wtl_input *input, const struct import_known **found_out,
                        struct wtl_error *err)
{
    const struct import_known *k = find_size(job, f->size);
    if (!k)
        return 0;
    char sha256[WTL_SHA256_HEX];
    int rc = wtl_input_open(input, f->path, true, err);
    rc = rc ? rc : wtl_input_sha256(input, sha256, err);
    for (; rc == 0 && k < job->known + job->n_known && k->size_bytes == f->size; k++)
        if (strcmp(k->sha256, sha256) == 0 &&
            (k->scope[0] == '\0' || strcmp(k->scope, f->path) == 0)) {
            *found_out = k;
            break;
        }
    return rc;
}

/* The first n bytes of a file have this hash. */
static int begins_with(const char *path, int64_t n, const char *sha256, bool *yes_out,
                       struct wtl_error *err)
{
    char buf[1 << 16];
    char hex[WTL_SHA256_HEX] = "";
    struct wtl_hash *hash = NULL;
    FILE *in = fopen(path, "rbe");
    if (!in)
        return wtl_fail_errno(err, errno, "open", path);
    int rc = wtl_hash_new(&hash, err);
    rc = rc ? rc : wtl_hash_start(hash, err);
    while (rc == 0 && n > 0) {
        size_t want = n < (int64_t)sizeof buf ? (size_t)n : sizeof buf;
        size_t got = fread(buf, 1, want, in);
        if (got == 0)
            break;
        rc = wtl_hash_add(hash, buf, got, err);
        n -= (int64_t)got;
    }
    if (rc == 0 && ferror(in))
        rc = wtl_fail_errno(err, EIO, "read", path);
    rc = rc ? rc : wtl_hash_end(hash, hex, err);
    wtl_hash_free(hash);
    (void)fclose(in);
    if (rc == 0)
        *yes_out = n == 0 && strcmp(hex, sha256) == 0;
    return rc;
}

/* "clock 1400 instead of 1410 MHz": what the names tell differently. */
static bool tell_apart(const struct wtl_name_key *old, const struct wtl_name_key *now, char *text,
                       size_t size)
{
    const struct {
        const char *what, *old, *now;
    } names[] = {{"GPU", old->gpu, now->gpu},
                 {"workload", old->workload, now->workload},
                 {"job", old->job, now->job}};
    const struct {
        const char *what;
        int64_t old, now;
        const char *unit;
    } numbers[] = {{"clock", old->clock_mhz, now->clock_mhz, " MHz"},
                   {"sequence", old->seq, now->seq, ""},
                   {"repetition", old->rep, now->rep, ""}};
    size_t n = 0;
    text[0] = '\0';
    for (int i = 0; i < 3 && n < size; i++)
        if (!wtl_same_name(names[i].old, names[i].now))
            n += (size_t)snprintf(text + n, size - n, "%s%s \"%s\" instead of \"%s\"",
                                  n ? ", " : "", names[i].what, names[i].now, names[i].old);
    for (int i = 0; i < 3 && n < size; i++)
        if (numbers[i].old != numbers[i].now)
            n += (size_t)snprintf(text + n, size - n, "%s%s %" PRId64 " instead of %" PRId64 "%s",
                                  n ? ", " : "", numbers[i].what, numbers[i].now, numbers[i].old,
                                  numbers[i].unit);
    return n > 0;
}

static bool names_differ(const struct import_job *job, const char *old_path, const char *path,
                         char *apart, size_t size)
{
    struct wtl_name_key old = {0};
    struct wtl_name_key now = {0};
    (void)wtl_naming_match(job->options->naming, old_path, &old);
    bool named = wtl_naming_match(job->options->naming, path, &now);
    return named && tell_apart(&old, &now, apart, size);
}

int import_note_copy(const struct import_job *job, const char *first, const char *copy,
                     struct wtl_arena *arena, const char **note_out, struct wtl_error *err)
{
    char apart[400];
    if (!names_differ(job, first, copy, apart, sizeof apart))
        return 0;
    const char *note = wtl_arena_printf(
        arena, "has the content of %s but another name (%s): left out", first, apart);
    if (!note)
        return no_memory(err);
    *note_out = note;
    return 0;
}

/* Another reader is asked for than the one that has read it: what that one made of it goes. */
static int read_otherwise(const char *reader, const struct import_known *k, struct wtl_arena *arena,
                          struct import_history *h, struct wtl_error *err)
{
    h->known_id = 0;
    h->replaced_id = k->id;
    h->note = wtl_arena_printf(
        arena, "was read by \"%s\" before: what that made of it is replaced by what \"%s\" does",
        k->reader, reader);
    return h->note ? 0 : no_memory(err);
}

/* The same content under another name. Where the old file is gone it was renamed, and the new name
 * counts; where it is still there this one is a copy, and the first name counts. */
static int look_at_names(const struct import_job *job, const struct import_file *f,
                         const struct import_known *k, struct wtl_arena *arena,
                         struct import_history *h, struct wtl_error *err)
{
    const char *reader = job->options->reader;
    h->known_id = k->id;
    if (reader && strcmp(reader, k->reader) != 0)
        return read_otherwise(reader, k, arena, h, err);
    if (strcmp(k->path, f->path) == 0)
        return 0;
    char apart[400];
    h->moved = access(k->path, F_OK) != 0;
    if (!h->moved)
        return import_note_copy(job, k->path, f->path, arena, &h->note, err);
    if (names_differ(job, k->path, f->path, apart, sizeof apart)) {
        h->note = wtl_arena_printf(arena, "renamed from %s: its runs are labelled anew, %s",
                                   k->path, apart);
        if (!h->note)
            return no_memory(err);
        h->known_id = 0;
        h->replaced_id = k->id;
    }
    return 0;
}

/* The path is known with another content: it has grown, or is another file now. */
static int look_at_growth(const struct import_file *f, const struct import_known *k,
                          struct wtl_arena *arena, struct import_history *h, struct wtl_error *err)
{
    bool grown = false;
    int rc =
        f->size > k->size_bytes ? begins_with(f->path, k->size_bytes, k->sha256, &grown, err) : 0;
    if (rc < 0)
        return rc;
    h->note = wtl_arena_strdup(
        arena, grown ? "has grown since it was imported: its earlier runs are replaced"
                     : "has changed since it was imported: its earlier runs stay beside the new");
    if (!h->note)
        return no_memory(err);
    if (grown)
        h->replaced_id = k->id;
    return 0;
}

int import_look_back(const struct import_job *job, const struct import_file *f,
                     struct wtl_input *input, struct wtl_arena *arena,
                     struct import_history *history_out, struct wtl_error *err)
{
    struct import_history h = {0};
    const struct import_known *k = NULL;
    if (f->role == IMPORT_LOG || job->n_known == 0)
        return 0;
    int rc = find_content(job, f, input, &k, err);
    if (rc == 0 && k)
        rc = look_at_names(job, f, k, arena, &h, err);
    else if (rc == 0 && (k = find_path(job, f->path)) != NULL)
        rc = look_at_growth(f, k, arena, &h, err);
    if (rc == 0)
        *history_out = h;
    return rc;
}
