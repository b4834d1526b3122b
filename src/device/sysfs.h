/* SPDX-License-Identifier: Apache-2.0
 *
 * Small files of /sys and /proc, relative to a root: "/", a recorded tree in a directory, or an
 * archive that `wattle doctor --gather` made (kept in memory). All that the back ends know of a
 * machine without a vendor's library comes through here, so that a recorded tree stands in for it.
 *
 * A recorded tree cannot refuse a read, so it may say in a file "wattle-machine" at its top which
 * files do, one a line ("#" begins a comment):
 *     denied sys/class/powercap/intel-rapl:0/energy_uj
 *     EIO sys/class/drm/card0/device/gpu_busy_percent
 * with the names denied (EACCES, at open), EIO, EAGAIN, ENODATA, EBUSY, ENODEV, EPERM (at read).
 *
 * Paths have no leading '/'. Nothing here allocates, but for opening and listing. Any thread.
 */
#ifndef WTL_DEVICE_SYSFS_H
#define WTL_DEVICE_SYSFS_H

#include "base/alloc.h"
#include "base/error.h"
#include "device/device.h"

#include <stdbool.h>
#include <stddef.h>

struct wtl_sysfs;

/* Opens "/", a directory, or an archive; `files` lives in the arena but must be closed.
 * -WTL_NOTFOUND, -WTL_PERMISSION, -WTL_PARSE (no archive of ours), -WTL_LIMIT. */
int wtl_sysfs_open(struct wtl_arena *arena, const char *root, struct wtl_sysfs **files_out,
                   struct wtl_error *err);
void wtl_sysfs_close(struct wtl_sysfs *files); /* NULL is fine */

/* The same for an archive in memory, not compressed; `name` for messages. The bytes are copied. */
int wtl_sysfs_open_archive(struct wtl_arena *arena, const char *name, const void *tar, size_t n,
                           struct wtl_sysfs **files_out, struct wtl_error *err);

/* Whether the root is the running system's. */
bool wtl_sysfs_live(const struct wtl_sysfs *files);

/* Takes a directory for the running system's, so that tests can set knobs in a copy of a tree. */
void wtl_sysfs_pretend_live(struct wtl_sysfs *files);

/* The directory behind it; -1: an archive. */
int wtl_sysfs_root_fd(const struct wtl_sysfs *files);

/* ---- Directories ----------------------------------------------------------------------------- */

/* A directory that stays the same one when its neighbours are renumbered: after a hot-unplug its
 * files are gone, never another device's. */
struct wtl_sysfs_dir {
    struct wtl_sysfs *files;
    const char *path; /* from the root, "" is the root itself; outlives this */
    int fd;           /* -1: of an archive, or not open */
};

/* The root as a directory; needs no closing. */
struct wtl_sysfs_dir wtl_sysfs_root(struct wtl_sysfs *files);

/* 1, or 0 where there is none or it may not be opened; `path` is copied into the arena. -WTL_NOMEM,
 * -WTL_IO: this process ran out of memory or file descriptors, which tells nothing of the machine.
 */
int wtl_sysfs_dir_open(struct wtl_sysfs *files, struct wtl_arena *arena, const char *path,
                       struct wtl_sysfs_dir *dir_out, struct wtl_error *err);
void wtl_sysfs_dir_close(struct wtl_sysfs_dir *dir);

/* Names in a directory that begin with `prefix`, numbers in them in order (card2 before card10), in
 * the arena. A missing or unreadable directory has none. At most WTL_SYSFS_NAMES: -WTL_LIMIT;
 * -WTL_NOMEM and -WTL_IO as above. */
enum { WTL_SYSFS_NAMES = 8192 };
int wtl_sysfs_list(struct wtl_sysfs *files, struct wtl_arena *arena, const char *path,
                   const char *prefix, char ***names_out, size_t *n_out, struct wtl_error *err);

/* ---- Reading --------------------------------------------------------------------------------- */

/* The longest file that is read: an attribute is a page at most. */
enum { WTL_SYSFS_PAGE = 4096 };

/* Why a read failed:
 *   UNSUPPORTED  there is no such file, or the driver has no such value (ENOENT, EOPNOTSUPP)
 *   DENIED       it may not be opened (EACCES, EPERM)
 *   NOT_YET      later (EAGAIN, EBUSY, ENODATA; EPERM from the read itself: the driver is
 * resetting) LOST         the device is gone (ENODEV, ENXIO) FAILED       anything else: EIO,
 * contents that are no number, a file longer than the buffer */
enum wtl_absence wtl_sysfs_absence(int errno_value, bool at_open);

/* Whether there is such a file, without opening it: reading an attribute may wake a device. True
 * where only permission is lacking. A recording has it as `unread`. */
bool wtl_sysfs_exists(const struct wtl_sysfs_dir *dir, const char *name);

/* The bytes of a file. */
enum wtl_absence wtl_sysfs_bytes(const struct wtl_sysfs_dir *dir, const char *name, void *buf,
                                 size_t size, size_t *n_out);

/* The same without blanks and line ends at both ends, always terminated; bytes that are no text are
 * '?'. On absence buf is "". */
enum wtl_absence wtl_sysfs_text(const struct wtl_sysfs_dir *dir, const char *name, char *buf,
                                size_t size);

/* A file that holds one decimal integer, of any length that a double can take. */
enum wtl_absence wtl_sysfs_number(const struct wtl_sysfs_dir *dir, const char *name,
                                  double *value_out);

/* The value behind "KEY=" in a text of such lines ("uevent"). False, with buf "", when it is not
 * there or does not fit. */
bool wtl_sysfs_key(const char *text, const char *key, char *buf, size_t size);

/* Reads a number over `per` (1e6: the file is in millionths of the base unit) into the value of
 * `metric`, for the read function of a back end: sets value and valid, or absence. Does nothing
 * where the metric is not wanted or is there. */
void wtl_sysfs_sense(const struct wtl_sysfs_dir *dir, const char *name, double per,
                     enum wtl_metric metric, uint64_t wanted, struct wtl_reading *out);

/* The next range of a list of CPUs as the kernel writes them ("0-3,8"), from *at on, which goes
 * behind it and its comma. False: the list is over, or goes on with what is none. */
bool wtl_sysfs_next_cpus(const char **at, int *first_out, int *last_out);

/* CPUs that are online; 1 where it is not known. */
int wtl_sysfs_cpus(struct wtl_sysfs *files);

/* The same for a value that is at hand. */
void wtl_reading_set(struct wtl_reading *out, enum wtl_metric metric, uint64_t wanted,
                     enum wtl_absence absence, double value);

/* The end of a read function: sensors that were there when the device was found (`found`) and have
 * no file any more are lost. -WTL_LOST when that is all that was wanted of them. */
int wtl_sysfs_read_done(struct wtl_reading *out, uint64_t wanted, uint64_t found, const char *id,
                        struct wtl_error *err);

/* Knobs of the kernel's own files last until the next boot: "boot ID", or "" where it is not to be
 * had. */
void wtl_sysfs_epoch(struct wtl_sysfs *files, char epoch_out[WTL_LIMIT_NAME]);

/* ---- Writing (knobs; live roots only) ---------------------------------------------------------
 */

/* Whether this process may write the file, as far as the system says beforehand. */
bool wtl_sysfs_writable(const struct wtl_sysfs_dir *dir, const char *name);

/* Writes `text` in one call. -WTL_UNSUPPORTED (no such file, recorded tree), -WTL_PERMISSION,
 * -WTL_USAGE (the driver takes no such value), -WTL_LOST, -WTL_FAILED; the message has the path. */
int wtl_sysfs_write(const struct wtl_sysfs_dir *dir, const char *name, const char *text,
                    struct wtl_error *err);

/* ---- Recording --------------------------------------------------------------------------------
 */

/* What one file held when it was last read, or why it could not be. */
struct wtl_sysfs_record {
    const char *path;
    enum wtl_absence absence; /* of those that are there: PRESENT, DENIED, NOT_YET, FAILED, LOST */
    bool unread;              /* it was asked only whether it is there; NOT_YET then */
    const unsigned char *data;
    size_t n;
};

/* From now on every file that is read is noted, in the arena, up to `max_bytes` in all. */
int wtl_sysfs_record_start(struct wtl_sysfs *files, struct wtl_arena *arena, size_t max_bytes,
                           struct wtl_error *err);

/* What was noted, by path. False: memory or max_bytes ran out. Ends the recording. */
bool wtl_sysfs_record_stop(struct wtl_sysfs *files, const struct wtl_sysfs_record **records_out,
                           size_t *n_out);

#endif
