/* SPDX-License-Identifier: Apache-2.0
 *
 * `wattle show` for people.
 */
#ifndef WTL_CLI_SHOW_H
#define WTL_CLI_SHOW_H

#include "cli/command.h"
#include "flow/show.h"

int show_text(struct wtl_context *ctx, const struct wtl_show *s, struct wtl_error *err);

#endif
