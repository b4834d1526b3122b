/* SPDX-License-Identifier: Apache-2.0
 * Held-out errors for people. */
#ifndef WTL_CLI_HELDOUT_TABLE_H
#define WTL_CLI_HELDOUT_TABLE_H

#include "cli/command.h"
#include "predict/predictor.h"

/* The table, what its columns mean, and for each split whether the model beats the best rule of
 * thumb. Says so when there is nothing to show. */
int wtl_print_heldout(struct wtl_context *ctx, const struct wtl_predictor *p,
                      struct wtl_error *err);

#endif
