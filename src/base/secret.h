/* SPDX-License-Identifier: Apache-2.0
 *
 * Passwords: from a file that nobody else may read, or from the environment. Never from an
 * argument, which every user of the machine sees in the list of processes.
 */
#ifndef WTL_BASE_SECRET_H
#define WTL_BASE_SECRET_H

#include "base/alloc.h"
#include "base/error.h"

#include <stddef.h>

enum { WTL_SECRET_MAX = 256 };

/* The variable that has a BMC's. */
#define WTL_SECRET_REDFISH "WATTLE_REDFISH_PASSWORD"

/* The first line of `path` (which must be its owner's alone: -WTL_PERMISSION), or where path is
 * NULL the variable's value. "": neither was given. Clear it with wtl_secret_clear(). */
int wtl_secret_read(const char *path, const char *variable, char secret_out[WTL_SECRET_MAX],
                    struct wtl_error *err);
void wtl_secret_clear(char secret[WTL_SECRET_MAX]);

/* The environment for other people's programs: ours without the variables that hold passwords.
 * Ends with NULL; the strings are those of ours. NULL: out of memory. */
char **wtl_secret_environment(struct wtl_arena *arena);

#endif
