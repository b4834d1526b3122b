/* SPDX-License-Identifier: Apache-2.0
 *
 * Files: whole reads with a limit, atomic writes, directory walks. libc only.
 */
#ifndef WTL_BASE_FILE_H
#define WTL_BASE_FILE_H

#include "base/alloc.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Reads a whole file ("-": standard input) of at most `max` bytes; NUL-terminated.
 * -WTL_NOTFOUND, -WTL_PERMISSION, -WTL_IO, -WTL_LIMIT, -WTL_NOMEM; the error names the path. */
int wtl_file_read(struct wtl_arena *arena, const char *path, size_t max, char **data_out,
                  size_t *size_out, struct wtl_error *err);

/* Replaces `path` in one step: temporary file beside it, fsync, rename, fsync of the directory.
 * On failure the old file is as it was and the temporary one is gone. `mode` as in open(2): the
 * user's mask is taken off. A link is followed; a device or a pipe is written to, not replaced; an
 * SQLite file (a campaign) is spared: -WTL_USAGE. Several files at once: base/file_set.h. */
int wtl_file_write_atomic(const char *path, const void *data, size_t size, unsigned mode,
                          struct wtl_error *err);

/* Whether data begin as an SQLite file does, which is what a campaign is. */
bool wtl_begins_as_campaign(const char *data, size_t n);

/* mkdir -p. An existing directory is fine. */
int wtl_make_dirs(const char *path, struct wtl_error *err);

/* dir + "/" + name, or name alone when it is absolute or dir is "." or "". */
char *wtl_path_join(struct wtl_arena *arena, const char *dir, const char *name);

/* The part after the last '/'. */
const char *wtl_path_base(const char *path);

/* Called for every regular file, in byte order of the path, so that results do not depend on the
 * file system. Return non-zero to stop the walk with that value. */
typedef int (*wtl_walk_fn)(void *ctx, const char *path, int64_t size, struct wtl_error *err);

/* Walks a directory (or "walks" a single file). Symbolic links to files are followed, links to
 * directories are not (no cycles); names that start with '.' are passed over, as are sockets,
 * pipes and devices. Depth and count are bounded by base/limits.h. */
int wtl_walk(const char *path, wtl_walk_fn fn, void *ctx, struct wtl_error *err);

/* The same; a directory or file below `path` that may not be looked at is given to `denied` with
 * the reason, and passed over when that returns 0. */
typedef int (*wtl_walk_denied_fn)(void *ctx, const char *path, const struct wtl_error *why,
                                  struct wtl_error *err);
int wtl_walk_past(const char *path, wtl_walk_fn fn, wtl_walk_denied_fn denied, void *ctx,
                  struct wtl_error *err);

/* -WTL_xxx for an errno value, with "VERB \"PATH\": reason" as the message. */
int wtl_fail_errno(struct wtl_error *err, int errno_value, const char *verb, const char *path);

#endif
