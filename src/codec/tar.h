/* SPDX-License-Identifier: Apache-2.0
 *
 * Small archives of plain files in memory: ustar (POSIX.1-1988), as tar(1) writes and reads it. For
 * gathered machines, not for the world's archives: regular files of at most WTL_TAR_FILE_MAX bytes
 * with paths of at most 255.
 */
#ifndef WTL_CODEC_TAR_H
#define WTL_CODEC_TAR_H

#include "base/error.h"
#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

enum { WTL_TAR_PATH = 257, WTL_TAR_FILE_MAX = 1 << 20 };

/* Appends one file. Owner, group and time are 0: the same contents give the same bytes.
 * -WTL_LIMIT when path or data are too long, -WTL_USAGE for a path that is absolute, empty or has
 * "..". Memory failure shows in `out`. */
int wtl_tar_add(struct wtl_buf *out, const char *path, const void *data, size_t n,
                struct wtl_error *err);

/* Ends the archive. */
void wtl_tar_end(struct wtl_buf *out);

struct wtl_tar_entry {
    char path[WTL_TAR_PATH]; /* without "./" in front */
    const unsigned char *data;
    size_t n;
};

/* The next regular file from *at on (0 at first); directories and the extension headers of pax are
 * passed over. 1: there is one; 0: the archive ends. -WTL_PARSE: no archive, damaged, cut short,
 * links or devices in it, a path that leads out of it; -WTL_LIMIT. */
int wtl_tar_next(const unsigned char *archive, size_t n, size_t *at,
                 struct wtl_tar_entry *entry_out, struct wtl_error *err);

/* gzip (RFC 1952) of a whole buffer, without name and time; memory failure shows in `out`. */
int wtl_gzip(const void *data, size_t n, struct wtl_buf *out, struct wtl_error *err);

#endif
