/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the files that Wattle ships are: presets, board tables, the demonstration's data.
 */
#ifndef WTL_BASE_DATA_H
#define WTL_BASE_DATA_H

#include "base/alloc.h"
#include "base/error.h"

/* The path of a shipped file or folder ("policies/published.yaml", "frequency"). Looked for in
 *   1. $WATTLE_DATA_DIR (only there when it is set),
 *   2. ../share/wattle beside the folder of the running program (installed),
 *   3. ../data beside it (a build tree),
 *   4. the same beside the file that holds this code, and ../../share/wattle there (libwattle.so in
 *      somebody else's program).
 * Nothing is compiled in, so an installation can be moved. -WTL_NOTFOUND names all places. */
int wtl_data_path(struct wtl_arena *arena, const char *name, char **path_out,
                  struct wtl_error *err);

#endif
