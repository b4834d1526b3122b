/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the import. For the folder flow/ only.
 *
 *   import_files.c   which files there are, and what their names tell
 *   import_logs.c    timing logs: what they say of a run, before and after it is stored
 *   import_known.c   what a file is to the campaign: new, known, grown, renamed
 *   import_read.c    one file to runs, in a worker's memory
 *   import_pool.c    workers, and their results in order of path
 *   import.c         all of it in one transaction
 */
#ifndef WTL_FLOW_IMPORT_H
#define WTL_FLOW_IMPORT_H

#include "codec/input.h"
#include "flow/flow.h"

enum import_role {
    IMPORT_OUTPUT, /* not looked into */
    IMPORT_LOG,    /* a timing log by its name: read before the traces */
    IMPORT_OTHER,  /* told by content */
    IMPORT_DONE,   /* a log that was read */
};

struct import_file {
    const char *path; /* absolute */
    int64_t size;
    size_t dir; /* index of its directory */
    enum import_role role;
    bool must_read; /* given by the user itself, or a log by its name: no reader is an error */
};

/* What timing logs say of runs: lines of this import's logs and of stored ones. */
struct import_timing {
    struct wtl_timing timing;
    char gpu[WTL_LIMIT_NAME]; /* "": says nothing */
    char workload[WTL_LIMIT_NAME];
};

struct import_dir {
    const char *path;
    struct import_timing *timings;
    size_t n_timings, cap_timings;
    bool has_new_runs;
    int64_t *known; /* sources of files here that were known from elsewhere or before */
    size_t n_known, cap_known;
};

/* A stored source, to tell known files without asking the campaign. */
struct import_known {
    int64_t size_bytes;
    const char *sha256;
    const char *scope;
    const char *path;
    const char *reader;
    int64_t id;
};

struct import_denied {
    const char *path;
    const char *why;
};

/* What workers share; they only read it. */
struct import_job {
    const struct wtl_flow *flow;
    const struct wtl_import_options *options;
    struct import_file *files; /* ascending path, each once */
    size_t n_files;
    struct import_dir *dirs;
    size_t n_dirs;
    struct import_denied *denied; /* directories that could not be read (keep_going) */
    size_t n_denied;
    struct import_known *known; /* ascending size, hash */
    size_t n_known;
    const struct import_known **by_path; /* ascending path, then id; n_known */
};

/* What the campaign has of a file. */
struct import_history {
    int64_t known_id;    /* the same content, to be left as it is; 0 none */
    bool moved;          /* known_id stood elsewhere, where it is no more */
    int64_t replaced_id; /* to be removed before the file is stored; 0 none */
    const char *note;    /* NULL: nothing to say */
};

enum import_fate {
    IMPORT_READ,
    IMPORT_KNOWN,   /* history */
    IMPORT_PASSED,  /* no reader, and no claim to be a trace */
    IMPORT_SKIPPED, /* by its name */
    IMPORT_FAILED,  /* err */
};

struct import_chunk {
    size_t run; /* index in runs */
    void *bytes;
    size_t size;
};

/* What one file came to. Lives in its own arena, reset from file to file. */
struct import_outcome {
    struct wtl_arena arena;
    enum import_fate fate;
    struct wtl_error err; /* why it failed, or was passed over */
    struct wtl_source source;
    struct wtl_read_report report;
    struct import_history history;
    int64_t bytes;
    struct wtl_run *runs;
    size_t n_runs, cap_runs;
    struct import_chunk *chunks;
    size_t n_chunks, cap_chunks;
    struct wtl_timing *timings;
    size_t n_timings, cap_timings;
    const char *note; /* NULL: none */
};

/* A thread's own buffers, reader memory and reducers. */
struct import_worker;
int import_worker_new(const struct import_job *job, struct import_worker **worker_out,
                      struct wtl_error *err);
void import_worker_free(struct import_worker *worker);

/* Reads one file. Never fails itself: what went wrong is the outcome. */
void import_read(struct import_worker *worker, size_t index, struct import_outcome *outcome);

/* What the campaign has of file `f`: opens `input` on it and hashes it where its size is known, or
 * its beginning where its path is. Texts live in `arena`. */
int import_look_back(const struct import_job *job, const struct import_file *f,
                     struct wtl_input *input, struct wtl_arena *arena,
                     struct import_history *history_out, struct wtl_error *err);

/* What to say of a file with the content of one that is there: their names tell different things,
 * and those of the copy are left out. *note_out stays as it is where there is nothing to say. */
int import_note_copy(const struct import_job *job, const char *first, const char *copy,
                     struct wtl_arena *arena, const char **note_out, struct wtl_error *err);

/* Walks the paths of the options into job->files and job->dirs. */
int import_list_files(struct import_job *job, struct wtl_arena *arena, struct wtl_error *err);

/* Adds a line of a log to what is known of its directory. `path` is the log's. */
int import_note_timing(struct import_dir *dir, struct wtl_arena *arena,
                       const struct wtl_naming *naming, const char *path,
                       const struct wtl_timing *timing, struct wtl_error *err);

/* What the logs of its directory say of a run; false: nothing. Of several lines that fit, later
 * ones count: a sweep that was resumed repeats its runs. */
bool import_find_timing(const struct import_dir *dir, const struct wtl_run *run,
                        struct wtl_timing *timing_out);

/* Applies it. True when the run changed. */
bool import_apply_timing(struct wtl_run *run, const struct wtl_timing *timing);

/* Hands every outcome in order of file to `take`, which may be called on the caller's thread only.
 * Stops at the first that returns non-zero. */
int import_run_pool(const struct import_job *job,
                    int (*take)(void *ctx, size_t index, struct import_outcome *outcome,
                                struct wtl_error *err),
                    void *ctx, struct wtl_error *err);

#endif
