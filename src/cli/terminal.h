/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages and progress of a command on standard error: plain lines, and a one-line progress bar
 * with rate and time left when standard error is a terminal and the work takes longer than half a
 * second.
 */
#ifndef WTL_CLI_TERMINAL_H
#define WTL_CLI_TERMINAL_H

#include "cli/command.h"

struct wtl_terminal {
    struct wtl_context *ctx;
    int64_t start_ns; /* of the present piece of work */
    int64_t last_ns;  /* when the bar was last drawn */
    char what[48];
    bool drawn;
};

/* Connects ctx->log to the terminal. */
void wtl_terminal_init(struct wtl_terminal *t, struct wtl_context *ctx);
void wtl_terminal_fini(struct wtl_terminal *t);

/* All commands, for help, man pages and completion. */
const struct wtl_command *const *wtl_commands(size_t *n_out);

/* The command of that name; NULL with err set (-WTL_USAGE and "did you mean") when there is none.
 */
const struct wtl_command *wtl_find_command(const char *name, struct wtl_error *err);

/* The verb of that name of a command ("fault" of `wattle sim`); NULL with err set likewise. */
const struct wtl_command *wtl_find_verb(const struct wtl_command *command, const char *name,
                                        struct wtl_error *err);

#endif
