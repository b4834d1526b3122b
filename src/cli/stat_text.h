/* SPDX-License-Identifier: Apache-2.0
 *
 * `wattle stat` for people.
 */
#ifndef WTL_CLI_STAT_TEXT_H
#define WTL_CLI_STAT_TEXT_H

#include "cli/command.h"
#include "flow/stat_repeats.h"

/* `result`: of the last run. `what`: "'sleep 1'", "2.0 s", to stand behind "Energy of". */
void wtl_stat_print(FILE *out, const char *what, const struct wtl_stat_result *result,
                    const struct wtl_stat_repeats *repeats, bool verbose);

#endif
