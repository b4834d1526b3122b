/* SPDX-License-Identifier: Apache-2.0
 *
 * The environment of a program that is started: ours, with some variables in place of others.
 */
#ifndef WTL_BASE_ENVIRONMENT_H
#define WTL_BASE_ENVIRONMENT_H

#include "base/alloc.h"

#include <stddef.h>

/* Our variables but for secrets (base/secret.h), with `changes` ("NAME=VALUE"; "NAME" takes it out)
 * in their place; of two changes of one name the later counts. Ends with NULL; shares the strings
 * of both. NULL: out of memory. */
const char *const *wtl_environment_with(struct wtl_arena *arena, const char *const *changes,
                                        size_t n);

/* The file that a program's name stands for, as a shell finds it: itself where there is a "/" in
 * it, else the first in $PATH that may be run. NULL: there is none, or out of memory. */
const char *wtl_program_find(struct wtl_arena *arena, const char *name);

#endif
