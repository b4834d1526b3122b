/* SPDX-License-Identifier: Apache-2.0
 *
 * How a command shows that it failed: as text on standard error, and with --json as one object on
 * standard output as well, so that a program need not read messages:
 *   {"error": {"status": "usage", "message": "...", "hint": "...", "exit": 2,
 *              "file": null, "line": null, "column": null}}
 */
#ifndef WTL_CLI_FAILURE_H
#define WTL_CLI_FAILURE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdio.h>

/* Shows `err` where there is one (an answer such as "undecided" has said itself already), and
 * returns the exit status of `rc`. `json`: where the object goes, on one line; NULL: nowhere. */
int wtl_show_failure(const struct wtl_error *err, int rc, FILE *json);

/* Whether arguments that could not be parsed ask for JSON: --json before any "--". */
bool wtl_asks_for_json(int argc, const char *const *argv);

#endif
