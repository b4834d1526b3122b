/* SPDX-License-Identifier: Apache-2.0
 *
 * Another command, run for as long as something is lent: `wattle apply PLAN -- CMD`. It has the
 * standard input, output and error of ours, the environment without passwords, and the place on the
 * terminal.
 */
#ifndef WTL_CLI_CHILD_H
#define WTL_CLI_CHILD_H

#include "cli/command.h"

/* What shells give a command that is no program, or is not there. */
enum { WTL_EXIT_NO_PROGRAM = 126, WTL_EXIT_NOT_FOUND = 127 };

/* What is to be looked after while it runs, twice a second. */
struct wtl_child_care {
    void (*look)(void *ctx);
    void *ctx;
};

/* Runs words[0] (looked for on PATH) and waits for its end. Signals that ask us to end go to it and
 * have no effect on us (cli/interrupt.h); after one that was noted before, it is not run, which is
 * no failure: 0, and 1 where it was. *status_out: what it ended with, 128 + N for signal N; else
 * untouched. -WTL_NOTFOUND, -WTL_PERMISSION: it cannot be run; -WTL_FAILED: its end cannot be
 * waited for; -WTL_NOMEM. */
int wtl_child_run(const char *const *words, const struct wtl_child_care *care, int *status_out,
                  struct wtl_error *err);

#endif
