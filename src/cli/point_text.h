/* SPDX-License-Identifier: Apache-2.0
 *
 * Measured operating points as text: what `wattle optimize` chose among them, and what `wattle
 * show` lists.
 */
#ifndef WTL_CLI_POINT_TEXT_H
#define WTL_CLI_POINT_TEXT_H

#include "cli/command.h"
#include "core/point_choice.h"

/* "best operating point" of every workload: the table of its points, then the answer. */
int wtl_print_point_choices(struct wtl_context *ctx, const struct wtl_point_choice *choices,
                            size_t n, struct wtl_error *err);

/* The points of sets that are not plain; nothing where there are none. */
int wtl_print_points(struct wtl_context *ctx, const struct wtl_workset *sets, size_t n,
                     struct wtl_error *err);

#endif
