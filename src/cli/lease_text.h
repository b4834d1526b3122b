/* SPDX-License-Identifier: Apache-2.0
 *
 * Moves of knobs and leases as text for people.
 */
#ifndef WTL_CLI_LEASE_TEXT_H
#define WTL_CLI_LEASE_TEXT_H

#include "cli/command.h"
#include "flow/hold.h"

/* The moves device by device, and what became of them or would. */
void wtl_print_moves(struct wtl_context *ctx, const struct wtl_knob_move *moves, size_t n,
                     bool dry_run);

/* "lease 3, standing: `wattle restore 3` ends it". */
void wtl_print_lease_end(struct wtl_context *ctx, const struct wtl_lease_record *lease);

#endif
