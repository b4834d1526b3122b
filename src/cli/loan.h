/* SPDX-License-Identifier: Apache-2.0
 *
 * Something lent for a time, or for the run of another command, and looked after meanwhile.
 */
#ifndef WTL_CLI_LOAN_H
#define WTL_CLI_LOAN_H

#include "cli/command.h"

struct wtl_loan {
    /* Sees that it is as it shall be. A failure is said once, and is no end, but for -WTL_BUSY: it
     * is another's by now. */
    int (*tend)(void *what, struct wtl_error *err);
    int (*end)(void *what, struct wtl_error *err);
    void *what;
};

/* Holds it so long, or until we are told to end, then ends it. */
int wtl_loan_for(struct wtl_context *ctx, const struct wtl_loan *loan, double seconds,
                 struct wtl_error *err);

/* Runs ctx->child unless a signal came before, then ends the loan, and fills ctx->child_status,
 * with WTL_EXIT_... (cli/child.h) where it could not be run. -code: that, or the end failed. */
int wtl_loan_for_child(struct wtl_context *ctx, const struct wtl_loan *loan, struct wtl_error *err);

#endif
