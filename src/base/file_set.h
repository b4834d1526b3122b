/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that are replaced together: all of them, or none. Contents are kept in memory until
 * wtl_file_set_commit(), so that whatever fails before (memory, a drawing, a full disk) leaves the
 * files of an earlier run as they were. A program that is killed during the commit leaves every
 * single file old or new, never half; temporary files named PATH.*.part may stay beside them,
 * unless the program takes them away (base/temporary.h).
 */
#ifndef WTL_BASE_FILE_SET_H
#define WTL_BASE_FILE_SET_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct wtl_file_entry;

struct wtl_file_set {
    struct wtl_arena arena;
    struct wtl_file_entry *entries;
    size_t n, cap;
    bool prepared, committed;
};

void wtl_file_set_init(struct wtl_file_set *set, struct wtl_alloc alloc);

/* `WTL_FILE_SET(name);` declares a local set that is freed on scope exit. */
#define WTL_FILE_SET(name)                                                                         \
    __attribute__((cleanup(wtl_file_set_fini))) struct wtl_file_set name;                          \
    wtl_file_set_init(&name, wtl_alloc_system())

/* Frees all; what was prepared and not committed is gone from the disk, directories included. */
void wtl_file_set_fini(struct wtl_file_set *set);

/* Copies path and bytes. `mode` as in open(2): the user's mask is taken off. A link is followed;
 * a device or a pipe is written to, not replaced; an SQLite file (a campaign) is never replaced:
 * preparing fails with -WTL_USAGE. */
int wtl_file_set_add(struct wtl_file_set *set, const char *path, const void *data, size_t size,
                     unsigned mode, struct wtl_error *err);

/* A directory that must be there, with its parents, before the files that are added after it. */
int wtl_file_set_add_dir(struct wtl_file_set *set, const char *path, struct wtl_error *err);

/* The file is removed where it exists. */
int wtl_file_set_remove(struct wtl_file_set *set, const char *path, struct wtl_error *err);

/* Makes the directories and writes every file beside its place, onto the disk: all that can
 * reasonably fail. For callers that have something else to do before the files appear. Files that
 * are added later are prepared by the next call. */
int wtl_file_set_prepare(struct wtl_file_set *set, struct wtl_error *err);

/* Prepares unless that is done, then puts the files in place and removes what is to be removed. The
 * set takes no more files. */
int wtl_file_set_commit(struct wtl_file_set *set, struct wtl_error *err);

#endif
