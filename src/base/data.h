/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the files that Wattle ships are: presets, board tables, the demonstration's data.
 */
#ifndef WTL_BASE_DATA_H
#define WTL_BASE_DATA_H

#include "base/alloc.h"
#include "base/error.h"
#include "base/limits.h"

/* The path of a shipped file or folder ("policies/published.yaml", "frequency"). Looked for in
 *   1. $WATTLE_DATA_DIR (only there when it is set),
 *   2. ../share/wattle beside the folder of the running program (installed),
 *   3. ../data beside it (a build tree),
 *   4. the same beside the file that holds this code, and ../../share/wattle there (libwattle.so in
 *      somebody else's program).
 * Nothing is compiled in, so an installation can be moved. -WTL_NOTFOUND names all places. */
int wtl_data_path(struct wtl_arena *arena, const char *name, char **path_out,
                  struct wtl_error *err);

/* The path of a shared library that Wattle ships and nobody's linker shall find: `name`
 * ("sim/libnvidia-ml.so.1") in LIBDIR/wattle of the prefix that this program or library stands in;
 * `built`, its path in a build tree, for what runs from there. -WTL_NOTFOUND. */
int wtl_library_path(const char *name, const char *built, char path_out[WTL_LIMIT_PATH],
                     struct wtl_error *err);

/* The program `wattle`: the running one, else ../bin/wattle beside the file that holds this code,
 * else wattle there or one folder up (a build tree). -WTL_NOTFOUND. */
int wtl_program_path(struct wtl_arena *arena, const char **path_out, struct wtl_error *err);

#endif
