/* SPDX-License-Identifier: Apache-2.0
 *
 * Where Wattle keeps what lives as long as the machine runs (sockets, locks, the virtual machine
 * room) and what outlives it (the journal of leases). One rule each, for everybody:
 *
 *            set by hand          root              others
 *   run      $WATTLE_RUN_DIR      /run/wattle       $XDG_RUNTIME_DIR/wattle, else /tmp/wattle-UID
 *   state    $WATTLE_STATE_DIR    /var/lib/wattle   $XDG_STATE_HOME/wattle, else
 *                                                   ~/.local/state/wattle
 *
 * A folder of root's is open to lookers (0755: `wattle status`, clients of the virtual machine
 * room), a folder of anybody else is his alone (0700). What is found must be a real directory (no
 * link in its last component) that belongs to the caller or to root and that not everybody may
 * write to: otherwise another user could put his own journal or socket there.
 */
#ifndef WTL_BASE_DIRS_H
#define WTL_BASE_DIRS_H

#include "base/error.h"
#include "base/limits.h"

#include <sys/types.h>

enum wtl_dir { WTL_DIR_RUN, WTL_DIR_STATE };

/* Root's run directory, where anybody looks for what is shared by the whole machine. */
#define WTL_RUN_DIR_SYSTEM "/run/wattle"

/* Where the folder is, or would be; nothing is created. `sub` ("sim"; NULL: none) is appended. When
 * it exists it is checked. -WTL_USAGE: the environment holds no usable path; -WTL_PERMISSION: not
 * to be trusted, or not to be looked at. */
int wtl_dir_path(enum wtl_dir dir, const char *sub, char path_out[WTL_LIMIT_PATH],
                 struct wtl_error *err);

/* The same, created with its parents where it is missing; `sub` with the mode of the folder. */
int wtl_dir_make(enum wtl_dir dir, const char *sub, char path_out[WTL_LIMIT_PATH],
                 struct wtl_error *err);

/* A variable of the environment; NULL: not set, or empty, or this program has more rights than who
 * started it. */
const char *wtl_environment(const char *variable);

/* The rule alone, for tests: what the environment holds ("" and NULL: not set) and who asks. */
struct wtl_dir_world {
    uid_t uid;
    const char *by_hand; /* $WATTLE_RUN_DIR or $WATTLE_STATE_DIR */
    const char *xdg;     /* $XDG_RUNTIME_DIR or $XDG_STATE_HOME; ignored unless absolute */
    const char *home;
};
int wtl_dir_rule(enum wtl_dir dir, const struct wtl_dir_world *world, const char *sub,
                 char path_out[WTL_LIMIT_PATH], struct wtl_error *err);

/* Whether something new can be written in `path`, or in the nearest folder above it that is there;
 * nothing is made. -WTL_PERMISSION, -WTL_IO: forbidden, mounted read-only, or with less room than
 * WTL_DIR_ROOM_BYTES, as the message says. */
enum { WTL_DIR_ROOM_BYTES = 64 << 10 };
int wtl_dir_check_writable(const char *path, struct wtl_error *err);

/* -WTL_PERMISSION unless `path` is a directory that `uid` may trust, as above; -WTL_NOTFOUND. */
int wtl_dir_trusted(const char *path, uid_t uid, struct wtl_error *err);

#endif
