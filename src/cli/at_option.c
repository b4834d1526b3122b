/* SPDX-License-Identifier: Apache-2.0
 * --at SETTINGS. */
#include "cli/at_option.h"

int wtl_at_option(struct wtl_arena *arena, const char *text, const struct wtl_at **out,
                  struct wtl_error *err)
{
    struct wtl_at *at = NULL;
    if (!text) {
        *out = NULL;
        return 0;
    }
    int rc = (at = WTL_NEW(arena, struct wtl_at)) ? wtl_at_parse(text, at, err)
                                                  : WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (rc < 0) {
        wtl_error_context(err, "--at");
        return rc;
    }
    *out = at;
    return 0;
}
