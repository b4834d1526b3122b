/* SPDX-License-Identifier: Apache-2.0
 *
 * A reading from a file, now. Plain files by their own path; those of /sys and /proc below the
 * machine's root, so that a recorded tree can be read.
 */
#ifndef WTL_DEVICE_METER_FILE_H
#define WTL_DEVICE_METER_FILE_H

#include "device/meter/meter.h"

struct wtl_sysfs;

/* Whether the path is below /sys or /proc. */
bool wtl_meter_is_kernel_file(const char *path);

/* PRESENT fills *out: of a longer file the last line that is complete. NOT_YET: empty. FAILED: no
 * reading, and err says why. Else as wtl_sysfs_absence(), err has the reason; LOST: it is gone, or
 * no plain file any more. */
enum wtl_absence wtl_meter_file_read(struct wtl_sysfs *files, const struct wtl_meter_options *o,
                                     struct wtl_meter_reading *out, struct wtl_error *err);

#endif
