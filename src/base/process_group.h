/* SPDX-License-Identifier: Apache-2.0
 *
 * Ending children that lead process groups, and everything in their groups.
 */
#ifndef WTL_BASE_PROCESS_GROUP_H
#define WTL_BASE_PROCESS_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Whether a child has ended, or does within so long. It is not taken off the table of processes:
 * its number, and that of its group, are nobody else's until the caller waits for it. */
bool wtl_child_ended_within(pid_t pid, int ms);

/* Asks the groups that `n` children lead (0 is none) to end: SIGTERM, and SIGCONT for what is
 * stopped. Returns whether nothing of them is left, now or after so long. Nobody is taken off the
 * table: wtl_process_groups_stop() follows. */
bool wtl_process_groups_ask(const pid_t *leaders, size_t n, int grace_ms);

/* Ends the groups that `n` children lead (0 is none), and takes the leaders off the table: all are
 * asked to end (SIGTERM, and SIGCONT for what is stopped), have `grace_ms` together for it, and
 * what is left of any group then, with a leader or without, is killed and waited for up to
 * `wait_ms`. Returns whether nothing of them is left. Where /proc is not to be seen, only the
 * leaders are waited for; their groups are killed all the same. */
bool wtl_process_groups_stop(const pid_t *leaders, size_t n, int grace_ms, int wait_ms);

#endif
