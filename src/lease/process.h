/* SPDX-License-Identifier: Apache-2.0
 *
 * Processes as owners of leases: who we are, and whether another one still runs.
 */
#ifndef WTL_LEASE_PROCESS_H
#define WTL_LEASE_PROCESS_H

#include "lease/journal.h"

/* This process. `text` says what it is. -WTL_IO without /proc. */
int wtl_process_self(const char *text, struct wtl_lease_owner *owner_out, struct wtl_error *err);

enum wtl_process_life {
    WTL_PROCESS_GONE, /* ended, or its number is another one's now */
    WTL_PROCESS_RUNS,
    WTL_PROCESS_STOPPED, /* by a signal or a debugger: it lives, and does nothing */
    WTL_PROCESS_HIDDEN,  /* cannot be told: it counts in another PID namespace (a container), or
                          * /proc is mounted with hidepid */
};

/* The process that `owner` names. A zombie is gone, unless threads of it still run. */
enum wtl_process_life wtl_process_look(const struct wtl_lease_owner *owner);

/* Another process by its number: uid, pid, start and namespace, by which wtl_process_look() knows
 * it again. False: there is none, or it cannot be seen. */
bool wtl_process_find(int64_t pid, struct wtl_lease_owner *out);

/* Sends a signal to exactly that process, and to no later one of its number (pidfd_open(2), where
 * the kernel has it). False: it is gone, or not ours to signal. */
bool wtl_process_signal(const struct wtl_lease_owner *process, int signal_number);

/* The holder of a lease. Gone with its boot, when both boots are known. `boot`: ours, "" unknown.
 */
enum wtl_process_life wtl_process_of_lease(const struct wtl_lease_record *record, const char *boot);

/* Its words for people: "ended", "", "stopped", "of another container, so whether it lives cannot
 * be told". */
const char *wtl_process_life_text(enum wtl_process_life life);

/* One line of /proc/PID/stat. False when it is none. */
struct wtl_process_stat {
    char state; /* field 3 */
    int64_t threads, start_ticks;
};
bool wtl_process_parse_stat(const char *line, struct wtl_process_stat *out);

/* Who holds a flock(2) on the file that `fd` is open on, as /proc/locks tells: false when it does
 * not. `command_out` is the name of its program. */
bool wtl_process_of_lock(int fd, int64_t *pid_out, char command_out[32], bool *stopped_out);

/* The kernel's id of this boot, "" when it cannot be read. */
void wtl_process_boot(char boot_out[WTL_LIMIT_NAME]);

#endif
