/* SPDX-License-Identifier: Apache-2.0
 * The import as one transaction: logs first, then files in order of path, then what the logs say of
 * runs that were stored before. */
#include "flow/import.h"
#include "flow/same.h"

#include "base/file.h"
#include "base/text.h"
#include "store/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct set {
    char gpu[WTL_LIMIT_NAME], workload[WTL_LIMIT_NAME]; /* folded */
    char device[WTL_LIMIT_NAME];                        /* as it stands */
    const char *shown_gpu, *shown_workload;
    int64_t runs;
};

/* A log that was read before the traces; it is stored after them. */
struct log_file {
    struct wtl_source source;
    struct wtl_timing *timings;
    size_t n_timings;
    size_t dir;
    bool late; /* not told by its name: traces before it were stored without it */
    int64_t bytes;
    struct wtl_read_report report;
};

/* A source that this import has stored. */
struct stored {
    int64_t id;
    const char *path;
};

struct import {
    struct import_job job;
    struct wtl_campaign *c;
    struct wtl_arena *arena; /* of the result */
    struct wtl_arena scratch;
    struct wtl_import_result result;
    bool was_empty;  /* the campaign had no sources */
    int64_t last_id; /* of them */
    struct set *sets;
    size_t n_sets, cap_sets;
    size_t cap_notes;
    int64_t *removed; /* sources that this import replaced */
    size_t n_removed, cap_removed;
    struct stored *stored; /* ascending id */
    size_t n_stored, cap_stored;
    struct log_file *logs;
    size_t n_logs, cap_logs;
};

static int no_memory(struct wtl_error *err)
{
    return WTL_FAIL(err, WTL_NOMEM, "out of memory importing");
}

static int add_note(struct import *im, const char *path, const char *text, bool failed,
                    struct wtl_error *err)
{
    struct wtl_import_result *r = &im->result;
    struct wtl_import_note note = {wtl_arena_strdup(im->arena, path),
                                   wtl_arena_strdup(im->arena, text), failed};
    if (!note.path || !note.text || wtl_grow(im->arena, &r->notes, r->n_notes, &im->cap_notes) != 0)
        return no_memory(err);
    r->notes[r->n_notes++] = note;
    return 0;
}

/* ---- What is known before ---------------------------------------------------------------------*/

static int by_size_and_hash(const void *a, const void *b)
{
    const struct import_known *x = a;
    const struct import_known *y = b;
    if (x->size_bytes != y->size_bytes)
        return x->size_bytes < y->size_bytes ? -1 : 1;
    return strcmp(x->sha256, y->sha256);
}

static int by_path_and_id(const void *a, const void *b)
{
    const struct import_known *x = *(const struct import_known *const *)a;
    const struct import_known *y = *(const struct import_known *const *)b;
    int by = strcmp(x->path, y->path);
    return by ? by : (x->id > y->id) - (x->id < y->id);
}

static int load_known(struct import *im, struct wtl_error *err)
{
    struct wtl_source *sources;
    size_t n;
    int rc = wtl_campaign_sources(im->c, &im->scratch, &sources, &n, err);
    if (rc < 0)
        return rc;
    struct import_known *known = WTL_NEW_ARRAY(&im->scratch, struct import_known, n);
    if (!known)
        return no_memory(err);
    for (size_t i = 0; i < n; i++)
        known[i] = (struct import_known){sources[i].size_bytes, sources[i].sha256, sources[i].scope,
                                         sources[i].path,       sources[i].reader, sources[i].id};
    if (n > 1)
        qsort(known, n, sizeof *known, by_size_and_hash);
    const struct import_known **by_path =
        WTL_NEW_ARRAY(&im->scratch, const struct import_known *, n);
    if (!by_path)
        return no_memory(err);
    for (size_t i = 0; i < n; i++)
        by_path[i] = &known[i];
    if (n > 1)
        qsort(by_path, n, sizeof *by_path, by_path_and_id);
    im->job.by_path = by_path;
    im->job.known = known;
    im->job.n_known = n;
    im->was_empty = n == 0;
    im->last_id = n ? sources[n - 1].id : 0;
    return 0;
}

static int load_timings(struct import *im, struct wtl_error *err)
{
    int rc = 0;
    for (size_t d = 0; rc == 0 && !im->was_empty && d < im->job.n_dirs; d++) {
        struct wtl_stored_timing *stored;
        size_t n = 0;
        rc = wtl_campaign_timings(im->c, &im->scratch, im->job.dirs[d].path, &stored, &n, err);
        for (size_t i = 0; rc == 0 && i < n; i++)
            rc = import_note_timing(&im->job.dirs[d], &im->scratch, im->job.options->naming,
                                    stored[i].path, &stored[i].timing, err);
    }
    return rc;
}

/* ---- Storing ----------------------------------------------------------------------------------*/

/* Adds the names that the list does not have yet, while there is room. */
static void add_columns(char *list, size_t size, const char *names)
{
    while (*names) {
        size_t n = strcspn(names, ","), used = strlen(list);
        bool there = false;
        for (const char *p = list; *p && !there; p += strcspn(p, ","), p += *p == ',')
            there = strcspn(p, ",") == n && memcmp(p, names, n) == 0;
        if (!there && used + n + 2 <= size)
            snprintf(list + used, size - used, "%s%.*s", used ? "," : "", (int)n, names);
        names += n;
        names += *names == ',';
    }
}

static void count_source(struct import *im, const struct wtl_read_report *report, int64_t bytes)
{
    add_columns(im->result.unknown_columns, sizeof im->result.unknown_columns,
                report->unknown_columns);
    struct wtl_import_result *r = &im->result;
    r->files_read++;
    r->bytes += bytes;
    r->rows += report->rows;
    r->rows_dropped += report->rows_dropped;
    r->cells += report->cells;
    r->cells_missing += report->cells_missing;
    for (int d = 0; d < (int)WTL_N_DROPS; d++)
        r->dropped[d] += report->dropped[d];
}

static int count_run(struct import *im, const struct wtl_run *run, struct wtl_error *err)
{
    char gpu[WTL_LIMIT_NAME];
    char workload[WTL_LIMIT_NAME];
    wtl_fold_name(run->gpu, gpu, sizeof gpu);
    wtl_fold_name(run->workload, workload, sizeof workload);
    im->result.runs_added++;
    im->result.runs_without_clock += run->clock_mhz == 0;
    for (size_t i = im->n_sets; i-- > 0;) /* newest first: files of one set follow each other */
        if (strcmp(im->sets[i].gpu, gpu) == 0 && strcmp(im->sets[i].workload, workload) == 0 &&
            strcmp(im->sets[i].device, run->device) == 0) {
            im->sets[i].runs++;
            return 0;
        }
    if (wtl_grow(&im->scratch, &im->sets, im->n_sets, &im->cap_sets) != 0)
        return no_memory(err);
    struct set *s = &im->sets[im->n_sets++];
    memcpy(s->gpu, gpu, sizeof gpu);
    memcpy(s->workload, workload, sizeof workload);
    memcpy(s->device, run->device, sizeof s->device);
    s->runs = 1;
    return 0;
}

static int add_known(struct import *im, size_t dir_index, int64_t source_id, struct wtl_error *err)
{
    struct import_dir *dir = &im->job.dirs[dir_index];
    im->result.files_known++;
    if (wtl_grow(&im->scratch, &dir->known, dir->n_known, &dir->cap_known) != 0)
        return no_memory(err);
    dir->known[dir->n_known++] = source_id;
    return 0;
}

static int store_runs(struct import *im, struct import_outcome *o, int64_t source_id,
                      struct wtl_error *err)
{
    size_t chunk = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < o->n_runs; i++) {
        o->runs[i].source_id = source_id;
        rc = wtl_campaign_add_run(im->c, &o->runs[i], &o->runs[i].id, err);
        rc = rc ? rc : count_run(im, &o->runs[i], err);
    }
    for (; rc == 0 && chunk < o->n_chunks; chunk++)
        rc = wtl_campaign_add_chunk(im->c, o->runs[o->chunks[chunk].run].id, o->chunks[chunk].bytes,
                                    o->chunks[chunk].size, err);
    return rc;
}

static int say_note(struct import *im, const struct import_file *f, const struct import_outcome *o,
                    struct wtl_error *err)
{
    if (!o->note)
        return 0;
    wtl_log(im->job.flow->log, WTL_LOG_WARNING, "%s: %s", f->path, o->note);
    return add_note(im, f->path, o->note, false, err);
}

static int remove_replaced(struct import *im, int64_t id, struct wtl_error *err)
{
    if (id == 0)
        return 0;
    if (wtl_grow(&im->scratch, &im->removed, im->n_removed, &im->cap_removed) != 0)
        return no_memory(err);
    im->removed[im->n_removed++] = id;
    return wtl_campaign_remove_source(im->c, id, err);
}

static int remember_stored(struct import *im, int64_t id, const char *path, struct wtl_error *err)
{
    if (wtl_grow(&im->scratch, &im->stored, im->n_stored, &im->cap_stored) != 0)
        return no_memory(err);
    im->stored[im->n_stored++] = (struct stored){id, path};
    return 0;
}

/* A file with the content of another one of this import. */
static int take_copy(struct import *im, const struct import_file *f, struct import_outcome *o,
                     int64_t id, struct wtl_error *err)
{
    size_t lo = 0;
    for (size_t hi = im->n_stored; lo < hi;) { /* ids rise */
        size_t mid = lo + (hi - lo) / 2;
        if (im->stored[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    o->note = NULL; /* said of the first one */
    int rc = 0;
    if (lo < im->n_stored && im->stored[lo].id == id)
        rc = import_note_copy(&im->job, im->stored[lo].path, f->path, &o->arena, &o->note, err);
    rc = rc ? rc : add_known(im, f->dir, id, err);
    return rc ? rc : say_note(im, f, o, err);
}

static int store_outcome(struct import *im, size_t index, struct import_outcome *o,
                         struct wtl_error *err)
{
    const struct import_file *f = &im->job.files[index];
    int64_t id = 0;
    int rc = remove_replaced(im, o->history.replaced_id, err);
    rc = rc ? rc
            : wtl_campaign_find_source(im->c, o->source.sha256, o->source.size_bytes,
                                       o->source.scope, &id, err);
    if (rc < 0)
        return rc;
    if (id)
        return take_copy(im, f, o, id, err);
    rc = wtl_campaign_add_source(im->c, &o->source, &id, err);
    rc = rc ? rc : remember_stored(im, id, f->path, err);
    rc = rc ? rc : store_runs(im, o, id, err);
    if (rc == 0) {
        count_source(im, &o->report, o->bytes);
        im->job.dirs[f->dir].has_new_runs = true;
    }
    return rc ? rc : say_note(im, f, o, err);
}

static bool was_removed(const struct import *im, int64_t id)
{
    for (size_t i = 0; i < im->n_removed; i++)
        if (im->removed[i] == id)
            return true;
    return false;
}

static int take_known(struct import *im, const struct import_file *f,
                      const struct import_outcome *o, struct wtl_error *err)
{
    const struct import_history *h = &o->history;
    if (was_removed(im, h->known_id)) { /* a copy, in this import, of what was just stored anew */
        im->result.files_known++;
        return say_note(im, f, o, err);
    }
    int rc = h->moved ? wtl_campaign_move_source(im->c, h->known_id, f->path, err) : 0;
    rc = rc ? rc : add_known(im, f->dir, h->known_id, err);
    return rc ? rc : say_note(im, f, o, err);
}

/* A log waits for the traces of its directory. */
static int keep_log(struct import *im, size_t index, bool late, const struct import_outcome *o,
                    struct wtl_error *err)
{
    if (wtl_grow(&im->scratch, &im->logs, im->n_logs, &im->cap_logs) != 0)
        return no_memory(err);
    struct log_file *log = &im->logs[im->n_logs++];
    *log = (struct log_file){.source = o->source,
                             .n_timings = o->n_timings,
                             .dir = im->job.files[index].dir,
                             .late = late,
                             .bytes = o->bytes,
                             .report = o->report};
    log->timings = wtl_arena_memdup(&im->scratch, o->timings, o->n_timings * sizeof *o->timings);
    if (!log->timings)
        return no_memory(err);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < log->n_timings; i++)
        rc = import_note_timing(&im->job.dirs[log->dir], &im->scratch, im->job.options->naming,
                                log->source.path, &log->timings[i], err);
    return rc;
}

static int pass_failure(struct import *im, size_t index, struct import_outcome *o,
                        struct wtl_error *err)
{
    bool passable = o->err.code != WTL_NOMEM && o->err.code != WTL_USAGE;
    if (!im->job.options->keep_going || !passable) {
        if (err)
            *err = o->err;
        return -(int)o->err.code;
    }
    char text[WTL_ERROR_MESSAGE_MAX + 40];
    if (o->err.input_line > 0)
        snprintf(text, sizeof text, "line %lld: %s", (long long)o->err.input_line, o->err.message);
    else
        snprintf(text, sizeof text, "%s", o->err.message);
    im->result.files_failed++;
    wtl_log(im->job.flow->log, WTL_LOG_WARNING, "%s: passed over: %s", im->job.files[index].path,
            text);
    return add_note(im, im->job.files[index].path, text, true, err);
}

static int take(void *ctx, size_t index, struct import_outcome *o, struct wtl_error *err)
{
    struct import *im = ctx;
    const struct import_job *job = &im->job;
    int rc = 0;
    switch (o->fate) {
    case IMPORT_SKIPPED:
        im->result.files_outputs += job->files[index].role == IMPORT_OUTPUT;
        break;
    case IMPORT_PASSED:
        im->result.files_other++;
        rc = say_note(im, &job->files[index], o, err);
        wtl_log(job->flow->log, WTL_LOG_DEBUG, "%s: no trace: %s", job->files[index].path,
                o->err.message);
        break;
    case IMPORT_KNOWN:
        rc = take_known(im, &job->files[index], o, err);
        break;
    case IMPORT_FAILED:
        rc = pass_failure(im, index, o, err);
        break;
    case IMPORT_READ:
        rc = o->n_timings ? keep_log(im, index, true, o, err) : store_outcome(im, index, o, err);
        break;
    }
    wtl_progress(job->flow->log, "importing", (int64_t)index + 1, (int64_t)job->n_files,
                 im->result.bytes);
    return rc;
}

/* ---- Logs -------------------------------------------------------------------------------------*/

/* Logs by name, before anything else. */
static int read_logs(struct import *im, struct wtl_error *err)
{
    struct import_worker *worker = NULL;
    struct import_outcome o = {0};
    wtl_arena_init(&o.arena, im->job.flow->alloc);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < im->job.n_files; i++) {
        if (im->job.files[i].role != IMPORT_LOG)
            continue;
        rc = worker ? 0 : import_worker_new(&im->job, &worker, err);
        if (rc < 0)
            break;
        import_read(worker, i, &o);
        if (o.fate == IMPORT_FAILED && o.err.code == WTL_NOMEM) {
            rc = pass_failure(im, i, &o, err); /* others are met again with all files */
            break;
        }
        bool is_log = o.fate == IMPORT_READ && o.n_runs == 0;
        im->job.files[i].role = is_log ? IMPORT_DONE : IMPORT_OTHER;
        im->job.files[i].must_read = true;
        if (is_log)
            rc = keep_log(im, i, false, &o, err);
    }
    import_worker_free(worker);
    wtl_arena_fini(&o.arena);
    return rc;
}

/* Runs that were stored before and stand beside the log, or are known copies of files that do. */
static int update_runs(struct import *im, struct import_dir *dir, struct wtl_run *runs, size_t n,
                       int64_t *updated, struct wtl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct wtl_timing timing;
        if (!import_find_timing(dir, &runs[i], &timing) || !import_apply_timing(&runs[i], &timing))
            continue;
        rc = wtl_campaign_update_run(im->c, &runs[i], err);
        *updated += rc == 0;
    }
    return rc;
}

static int join_stored(struct import *im, struct import_dir *dir, int64_t *updated,
                       struct wtl_error *err)
{
    if (dir->n_timings == 0)
        return 0;
    WTL_ARENA(arena);
    struct wtl_run *runs;
    size_t n;
    int rc = wtl_campaign_runs_in(im->c, dir->path, &arena, &runs, &n, err);
    rc = rc ? rc : update_runs(im, dir, runs, n, updated, err);
    for (size_t i = 0; rc == 0 && i < dir->n_known; i++) {
        rc = wtl_campaign_runs_of(im->c, dir->known[i], &arena, &runs, &n, err);
        rc = rc ? rc : update_runs(im, dir, runs, n, updated, err);
    }
    return rc;
}

/* A log that is known from another directory says something new only where there are runs that it
 * changes or that came with it. */
static int store_log(struct import *im, struct log_file *log, struct wtl_error *err)
{
    struct import_dir *dir = &im->job.dirs[log->dir];
    int64_t here = 0;
    int64_t anywhere = 0;
    int64_t updated = 0;
    const struct wtl_source *s = &log->source;
    int rc = wtl_campaign_find_source(im->c, s->sha256, s->size_bytes, s->scope, &here, err);
    rc = rc ? rc : wtl_campaign_find_source(im->c, s->sha256, s->size_bytes, NULL, &anywhere, err);
    if (rc == 0 && !here && (log->late || !im->was_empty))
        rc = join_stored(im, dir, &updated, err);
    if (rc < 0)
        return rc;
    im->result.runs_updated += updated;
    if (here || (anywhere && updated == 0 && !dir->has_new_runs)) {
        im->result.files_known++;
        return 0;
    }
    int64_t id = 0;
    rc = wtl_campaign_add_source(im->c, s, &id, err);
    for (size_t i = 0; rc == 0 && i < log->n_timings; i++)
        rc = wtl_campaign_add_timing(im->c, id, &log->timings[i], err);
    if (rc == 0)
        count_source(im, &log->report, log->bytes);
    return rc;
}

/* ---- All of it --------------------------------------------------------------------------------*/

static int by_name(const void *a, const void *b)
{
    const struct set *x = a;
    const struct set *y = b;
    int by = strcmp(x->gpu, y->gpu);
    return by ? by : strcmp(x->workload, y->workload);
}

/* The names that the campaign shows its runs by; the keys are then those of the names. */
static int name_sets(struct import *im, const struct wtl_names *names, struct wtl_error *err)
{
    for (size_t i = 0; i < im->n_sets; i++) {
        struct set *s = &im->sets[i];
        struct wtl_run run = {.id = 0};
        memcpy(run.gpu, s->gpu, sizeof run.gpu);
        memcpy(run.workload, s->workload, sizeof run.workload);
        memcpy(run.device, s->device, sizeof run.device);
        wtl_names_give(names, &run, 1);
        wtl_fold_name(run.gpu, s->gpu, sizeof s->gpu);
        s->shown_gpu = wtl_arena_strdup(im->arena, run.gpu);
        s->shown_workload = wtl_arena_strdup(im->arena, run.workload);
        if (!s->shown_gpu || !s->shown_workload)
            return no_memory(err);
    }
    return 0;
}

static int list_sets(struct import *im, const struct wtl_names *names, struct wtl_error *err)
{
    struct wtl_import_result *r = &im->result;
    r->sets = WTL_NEW_ARRAY(im->arena, struct wtl_import_set, im->n_sets);
    int rc = r->sets ? name_sets(im, names, err) : no_memory(err);
    if (rc < 0)
        return rc;
    if (im->n_sets > 1)
        qsort(im->sets, im->n_sets, sizeof *im->sets, by_name);
    for (size_t i = 0; i < im->n_sets; i++) {
        const struct set *s = &im->sets[i];
        if (i == 0 || by_name(s - 1, s) != 0)
            r->sets[r->n_sets++] = (struct wtl_import_set){s->shown_gpu, s->shown_workload, 0};
        r->sets[r->n_sets - 1].runs += s->runs;
    }
    return 0;
}

/* A name from the command line is for files that do not tell theirs: where all do, it did nothing,
 * and whoever gave it believes that it did. */
static int note_unused(struct import *im, const char *option, const char *given, bool gpu,
                       struct wtl_error *err)
{
    const char *told = NULL;
    char text[400], key[WTL_LIMIT_NAME];
    if (!given)
        return 0;
    wtl_fold_name(given, key, sizeof key);
    for (size_t i = 0; i < im->n_sets; i++) {
        const struct set *s = &im->sets[i];
        told = gpu ? s->shown_gpu : s->shown_workload;
        if (strcmp(gpu ? s->gpu : s->workload, key) == 0 || wtl_same_name(told, given))
            return 0;
    }
    if (!told)
        return 0;
    snprintf(text, sizeof text,
             "%s %.100s was not used: the names or contents of all files tell theirs (%.100s%s)",
             option, given, told, im->result.n_sets > 1 ? ", ..." : "");
    wtl_log(im->job.flow->log, WTL_LOG_WARNING, "%s", text);
    return add_note(im, wtl_campaign_path(im->c), text, false, err);
}

/* Boards that one short name stands for are kept apart, and said to be. */
static int note_parted(struct import *im, const struct wtl_names *names, struct wtl_error *err)
{
    const char *gpu;
    char models[400], text[600];
    int rc = 0;
    for (size_t i = 0; rc == 0 && wtl_names_parted(names, i, &gpu, models, sizeof models); i++) {
        snprintf(text, sizeof text, "the runs of %s are of different boards, kept apart: %s", gpu,
                 models);
        wtl_log(im->job.flow->log, WTL_LOG_WARNING, "%s", text);
        rc = add_note(im, wtl_campaign_path(im->c), text, false, err);
    }
    return rc;
}

/* Not more of these go to the log: a tree of copies would fill the screen. The notes have all. */
enum { SAME_LOGGED = 3 };

static const char *describe_same(const struct same_file *f, char *text, size_t size)
{
    size_t dir = (size_t)(wtl_path_base(f->path) - f->path);
    const char *other = strncmp(f->path, f->other, dir) == 0 ? f->other + dir : f->other;
    const char *s = f->runs == 1 ? "" : "s";
    const char *are = f->runs == 1 ? "is" : "are";
    if (strcmp(f->path, f->other) == 0)
        snprintf(text, size, "%" PRId64 " run%s %s in it twice: counted once", f->runs, s, are);
    else
        snprintf(text, size, "%" PRId64 " run%s %s also in %s%s: counted once", f->runs, s, are,
                 other, f->elsewhere ? " and other files" : "");
    return text;
}

/* Copies of runs, by their files. Those that were there before this import were said then. */
static int note_same(struct import *im, struct wtl_error *err)
{
    WTL_ARENA(arena);
    struct wtl_run *runs;
    struct same_file *files;
    size_t n = 0;
    size_t n_files = 0;
    int logged = 0;
    char text[WTL_LIMIT_PATH + 120];
    const struct wtl_log *log = im->job.flow->log;
    int rc = wtl_campaign_runs(im->c, NULL, &arena, &runs, &n, err);
    rc = rc ? rc : same_state(im->c, &arena, runs, n, im->last_id, &files, &n_files, err);
    for (size_t i = 0; rc == 0 && i < n_files; i++) {
        im->result.runs_duplicate += files[i].runs;
        if (!files[i].is_new)
            continue;
        describe_same(&files[i], text, sizeof text);
        if (logged++ < SAME_LOGGED)
            wtl_log(log, WTL_LOG_WARNING, "%s: %s", files[i].path, text);
        rc = add_note(im, files[i].path, text, false, err);
    }
    if (rc == 0 && logged > SAME_LOGGED)
        wtl_log(log, WTL_LOG_WARNING, "%d more files have runs that are in other files too",
                logged - SAME_LOGGED);
    return rc;
}

static int finish_result(struct import *im, struct wtl_error *err)
{
    struct wtl_names *names = NULL;
    int rc = wtl_names_load(im->c, &im->scratch, &names, err);
    rc = rc ? rc : list_sets(im, names, err);
    if (rc || im->result.runs_added == 0)
        return rc;
    rc = note_same(im, err);
    rc = rc ? rc : note_unused(im, "--gpu", im->job.options->gpu, true, err);
    rc = rc ? rc : note_unused(im, "--workload", im->job.options->workload, false, err);
    return rc ? rc : note_parted(im, names, err);
}

/* Directories that were passed over count as files that could not be read. */
static int note_denied(struct import *im, struct wtl_error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < im->job.n_denied; i++) {
        const struct import_denied *d = &im->job.denied[i];
        im->result.files_failed++;
        wtl_log(im->job.flow->log, WTL_LOG_WARNING, "%s: passed over: %s", d->path, d->why);
        rc = add_note(im, d->path, d->why, true, err);
    }
    return rc;
}

/* An import that found nothing has not done what it was asked for. */
static int require_something(const struct import *im, struct wtl_error *err)
{
    const struct wtl_import_result *r = &im->result;
    if (r->files_read || r->files_known)
        return 0;
    int rc;
    if (r->files_failed)
        rc = WTL_FAIL(err, WTL_PARSE, "nothing imported: none of %" PRId64 " could be read",
                      r->files_failed);
    else
        rc = WTL_FAIL(err, WTL_NOTFOUND,
                      "nothing imported: no trace, table or timing log among %zu file%s",
                      im->job.n_files, im->job.n_files == 1 ? "" : "s");
    wtl_error_hint(err, "`wattle import -v` says why each file is passed over; docs/formats.md says"
                        " what is read");
    return rc;
}

static int import_all(struct import *im, struct wtl_error *err)
{
    int rc = load_known(im, err);
    rc = rc ? rc : import_list_files(&im->job, &im->scratch, err);
    rc = rc ? rc : load_timings(im, err);
    rc = rc ? rc : read_logs(im, err);
    rc = rc ? rc : note_denied(im, err);
    rc = rc ? rc : import_run_pool(&im->job, take, im, err);
    for (size_t i = 0; rc == 0 && i < im->n_logs; i++)
        rc = store_log(im, &im->logs[i], err);
    rc = rc ? rc : require_something(im, err);
    return rc ? rc : finish_result(im, err);
}

int wtl_flow_import(const struct wtl_flow *flow, struct wtl_campaign *c,
                    const struct wtl_import_options *options, struct wtl_arena *arena,
                    struct wtl_import_result *result_out, struct wtl_error *err)
{
    struct import im = {.job = {.flow = flow, .options = options}, .c = c, .arena = arena};
    wtl_arena_init(&im.scratch, flow->alloc);
    int rc = wtl_campaign_begin(c, err);
    rc = rc ? rc : import_all(&im, err);
    rc = rc ? rc : wtl_campaign_commit(c, err);
    if (rc < 0)
        wtl_campaign_rollback(c);
    else
        *result_out = im.result;
    wtl_arena_fini(&im.scratch);
    return rc;
}
