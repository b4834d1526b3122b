/* SPDX-License-Identifier: Apache-2.0
 *
 * MPS daemons for people.
 */
#ifndef WTL_CLI_MPS_TEXT_H
#define WTL_CLI_MPS_TEXT_H

#include "cli/command.h"
#include "flow/mps.h"

int wtl_mps_text(struct wtl_context *ctx, const struct wtl_mps_seen *seen, struct wtl_error *err);

#endif
