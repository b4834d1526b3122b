/* SPDX-License-Identifier: Apache-2.0
 *
 * One tick of `wattle top` as a JSON object. Absent values are left out of "sensors" and named with
 * the reason in "absent"; docs/top.md has the members.
 */
#ifndef WTL_CLI_TOP_JSON_H
#define WTL_CLI_TOP_JSON_H

#include "cli/top_model.h"

#include <jansson.h>

/* `wall_ns`: Unix time of the tick. NULL when memory is out. */
json_t *top_json(const struct top_model *m, int64_t wall_ns);

#endif
