/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known on disk of a control daemon that we start, so that the next of ours finds it after
 * a `kill -9`, and ends exactly that: a JSON file a daemon below the state directory
 * (base/dirs.h), written before the daemon is started and again when its processes are known.
 *
 *   STATE/mps/TOKEN.json        the record
 *   RUN/mps/TOKEN/pipe, log     CUDA_MPS_PIPE_DIRECTORY and CUDA_MPS_LOG_DIRECTORY of it, for
 *                               nobody else
 *
 * A process is ours by one of two marks, never by its name: number, start and user stand in the
 * record; or its environment has WATTLE_MPS=TOKEN, which only such a daemon is started with, and
 * its user is the record's. Commands that a sweep starts on it have WATTLE_MPS_CLIENT=TOKEN.
 */
#ifndef WTL_MPS_RECORD_H
#define WTL_MPS_RECORD_H

#include "base/alloc.h"
#include "base/text.h"
#include "lease/process.h"

#define WTL_MPS_MARK "WATTLE_MPS"
#define WTL_MPS_MARK_CLIENT "WATTLE_MPS_CLIENT"

enum {
    WTL_MPS_VERSION = 1,
    WTL_MPS_TOKEN = 64,
    WTL_MPS_RECORDED = 8,    /* servers of one daemon: one a user at a time */
    WTL_MPS_PROCESSES = 256, /* found of one record */
    WTL_MPS_DIR = 80,        /* bytes of RUN/mps/TOKEN: the daemon's sockets lie in it, and a
                              * socket's path has 107 at most */
};

struct wtl_mps_record {
    char token[WTL_MPS_TOKEN];
    bool standing;                /* stays until it is stopped; else it ends with its owner */
    struct wtl_lease_owner owner; /* who started it; its user is that of all processes */
    char boot[WTL_LIMIT_NAME];
    int64_t since_ns; /* Unix time */
    char dir[WTL_LIMIT_PATH];
    struct wtl_lease_owner daemon; /* pid 0: not known (yet) */
    struct wtl_lease_owner servers[WTL_MPS_RECORDED];
    size_t n_servers;
};

/* A new one of this process: token and folders' names, nothing made. */
int wtl_mps_record_new(const char *purpose, bool standing, int64_t wall_ns,
                       struct wtl_mps_record *out, struct wtl_error *err);

/* Text and back. -WTL_CORRUPT: not to be relied on; its folder must be named after its token. */
int wtl_mps_record_encode(const struct wtl_mps_record *r, struct wtl_buf *out,
                          struct wtl_error *err);
int wtl_mps_record_decode(const char *text, size_t n, const char *file, struct wtl_mps_record *out,
                          struct wtl_error *err);

/* The file, replaced in one step. `state_dir` NULL: the usual, also below. */
int wtl_mps_record_write(const char *state_dir, const struct wtl_mps_record *r,
                         struct wtl_error *err);

/* Removes the record's folder (RUN/mps/TOKEN) and then its file. */
int wtl_mps_record_forget(const char *state_dir, const struct wtl_mps_record *r,
                          struct wtl_error *err);

/* Removes what is left of records that were being written when their writers were killed. */
void wtl_mps_records_tidy(const char *state_dir);

/* How it is with what a record names. */
enum wtl_mps_life {
    WTL_MPS_IN_USE,   /* its owner lives */
    WTL_MPS_STANDING, /* it was started to stay, and its daemon runs */
    WTL_MPS_DANGLING, /* something of it runs that nobody looks after */
    WTL_MPS_OVER,     /* nothing of it runs: files are left */
    WTL_MPS_OTHERS,   /* of another user, or of another container: not ours to judge */
};
const char *wtl_mps_life_name(enum wtl_mps_life life); /* "in use" ... */

enum wtl_mps_role {
    WTL_MPS_DAEMONS,  /* control daemon and servers: recorded, or with the mark */
    WTL_MPS_COMMANDS, /* commands of ours on it: with the mark of clients */
    WTL_MPS_GUESTS,   /* others of this user whose CUDA_MPS_PIPE_DIRECTORY is that of the daemon */
};

/* What runs of it; the present process is none of them. */
size_t wtl_mps_record_processes(const struct wtl_mps_record *r, enum wtl_mps_role role,
                                struct wtl_lease_owner out[WTL_MPS_PROCESSES]);

enum wtl_mps_life wtl_mps_record_judge(const struct wtl_mps_record *r);

/* A file of the folder. */
struct wtl_mps_entry {
    const char *file;
    bool readable;
    const char *why; /* it is not */
    struct wtl_mps_record record;
};

/* All records, by name of file. Nothing there: none. */
int wtl_mps_records(const char *state_dir, struct wtl_arena *arena, struct wtl_mps_entry **out,
                    size_t *n_out, struct wtl_error *err);

#endif
