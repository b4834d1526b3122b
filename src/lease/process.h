/* SPDX-License-Identifier: Apache-2.0
 *
 * Processes as owners of leases: who we are, and whether another one still runs.
 */
#ifndef WTL_LEASE_PROCESS_H
#define WTL_LEASE_PROCESS_H

#include "lease/journal.h"

/* This process. `text` says what it is. -WTL_IO without /proc. */
int wtl_process_self(const char *text, struct wtl_lease_owner *owner_out, struct wtl_error *err);

/* Whether the process that `owner` names still runs (a zombie does not). */
bool wtl_process_alive(const struct wtl_lease_owner *owner);

/* Field 22 of a line of /proc/PID/stat; false when it is none, or of a zombie. */
bool wtl_process_parse_stat(const char *line, int64_t *start_ticks_out);

/* The kernel's id of this boot, "" when it cannot be read. */
void wtl_process_boot(char boot_out[WTL_LIMIT_NAME]);

#endif
