/* SPDX-License-Identifier: Apache-2.0
 *
 * Who makes a temporary file or directory says so, before it is there, and says when it is gone. A
 * program that owns its signals can then take away what is left when it is told to end: the library
 * never handles a signal itself. Without a watch nothing happens.
 */
#ifndef WTL_BASE_TEMPORARY_H
#define WTL_BASE_TEMPORARY_H

/* Called from any thread; `path` is the caller's and may be gone afterwards. */
struct wtl_temporary_watch {
    void (*made)(const char *path);
    void (*gone)(const char *path);
};

/* Once, at the start of a program, before there is a second thread. Kept, not copied; NULL: none.
 */
void wtl_temporary_set_watch(const struct wtl_temporary_watch *watch);

void wtl_temporary_made(const char *path);
void wtl_temporary_gone(const char *path);

#endif
