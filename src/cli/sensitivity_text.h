/* SPDX-License-Identifier: Apache-2.0
 *
 * Sensitivity of plans for people.
 */
#ifndef WTL_CLI_SENSITIVITY_TEXT_H
#define WTL_CLI_SENSITIVITY_TEXT_H

#include "cli/command.h"
#include "flow/sensitivity.h"

int wtl_print_sensitivity(struct wtl_context *ctx, const struct wtl_set_sensitivity *sets, size_t n,
                          struct wtl_error *err);

#endif
