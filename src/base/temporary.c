/* SPDX-License-Identifier: Apache-2.0
 * Telling a program about temporary files. */
#include "base/temporary.h"

#include <stddef.h>

static const struct wtl_temporary_watch *the_watch; /* set once, by a program */

void wtl_temporary_set_watch(const struct wtl_temporary_watch *watch)
{
    the_watch = watch;
}

void wtl_temporary_made(const char *path)
{
    if (the_watch)
        the_watch->made(path);
}

void wtl_temporary_gone(const char *path)
{
    if (the_watch)
        the_watch->gone(path);
}
