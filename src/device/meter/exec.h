/* SPDX-License-Identifier: Apache-2.0
 *
 * The command of a meter: started in a process group of its own, so that nothing of it is left when
 * the device is closed, and no key of the terminal reaches it.
 */
#ifndef WTL_DEVICE_METER_EXEC_H
#define WTL_DEVICE_METER_EXEC_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct wtl_meter_command {
    pid_t pid;    /* also of its group; 0: none */
    int out, err; /* what it prints; not blocking, the caller's */
};

/* `sh -c COMMAND` with standard input from /dev/null and signals as they are by default. */
int wtl_meter_command_start(const char *command, struct wtl_meter_command *out,
                            struct wtl_error *err);

/* "exit status 3", "signal 9 (Killed)", "it closed its output" (and runs on). Does not take it off
 * the table of processes. */
const char *wtl_meter_command_end(pid_t pid, char *buf, size_t size);

/* Ends the group: asked to first, killed after a moment. */
void wtl_meter_command_stop(pid_t pid);

#endif
