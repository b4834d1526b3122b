/* SPDX-License-Identifier: Apache-2.0
 *
 * What sysfs.c (reading and writing) and sysfs_root.c (opening, listing, recording) share.
 */
#ifndef WTL_DEVICE_SYSFS_IMPL_H
#define WTL_DEVICE_SYSFS_IMPL_H

#include "device/sysfs.h"

#include <pthread.h>

/* The longest path below the root. */
enum { SYSFS_PATH = 512 };

/* A file of an archive. */
struct sysfs_member {
    const char *path;
    const unsigned char *data;
    size_t n;
};

/* A read that a recorded tree refuses. */
struct sysfs_refusal {
    const char *path;
    int errno_value;
    bool at_open;
};

struct sysfs_recorder {
    struct wtl_arena *arena; /* NULL: not recording */
    struct wtl_sysfs_record *records;
    size_t n, cap, bytes, max_bytes;
    bool failed;
};

struct wtl_sysfs {
    int root_fd; /* -1: an archive */
    bool live;
    struct sysfs_member *members; /* by path */
    size_t n_members;
    struct sysfs_refusal *refusals;
    size_t n_refusals;
    pthread_mutex_t lock; /* of the recorder: devices are read on threads of their own */
    struct sysfs_recorder recorder;
};

/* dir's path + "/" + name. False when it is too long. */
bool sysfs_path(const struct wtl_sysfs_dir *dir, const char *name, char path[SYSFS_PATH]);

const struct sysfs_member *sysfs_member(const struct wtl_sysfs *files, const char *path);

/* Notes a read, when somebody records. */
void sysfs_note(const struct wtl_sysfs_dir *dir, const char *name, enum wtl_absence absence,
                const void *data, size_t n);

/* Notes that a file is there, where nothing is known of it so far: as `unread`. */
void sysfs_note_unread(const struct wtl_sysfs_dir *dir, const char *name);

#endif
