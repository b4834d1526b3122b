/* SPDX-License-Identifier: Apache-2.0
 * Shipped files, found relative to the program. */
#include "base/data.h"

#include "base/file.h"
#include "base/limits.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder of the running program; "." when the system does not say. */
static void program_folder(char *buf, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", buf, size - 1);
    buf[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(buf, '/');
    if (slash)
        *slash = '\0';
    else
        memcpy(buf, ".", 2);
}

int wtl_data_path(struct wtl_arena *arena, const char *name, char **path_out, struct wtl_error *err)
{
    static const char *const beside[] = {"../share/wattle", "../data"};
    const char *forced = getenv("WATTLE_DATA_DIR");
    char folder[WTL_LIMIT_PATH];
    program_folder(folder, sizeof folder);
    for (int i = 0; i < (forced ? 1 : 2); i++) {
        char *root =
            forced ? wtl_arena_strdup(arena, forced) : wtl_path_join(arena, folder, beside[i]);
        char *path = root ? wtl_path_join(arena, root, name) : NULL;
        if (!path)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        if (access(path, R_OK) == 0) {
            *path_out = path;
            return 0;
        }
    }
    int rc = WTL_FAIL(err, WTL_NOTFOUND, "the shipped file \"%s\" is not where it should be", name);
    if (forced)
        wtl_error_hint(err, "WATTLE_DATA_DIR is set to \"%s\"", forced);
    else
        wtl_error_hint(err, "looked in %s/../share/wattle and %s/../data; set WATTLE_DATA_DIR",
                       folder, folder);
    return rc;
}
