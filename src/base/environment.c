/* SPDX-License-Identifier: Apache-2.0
 * Environments of programs. */
#include "base/environment.h"

#include "base/dirs.h"
#include "base/secret.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool same_name(const char *a, const char *b)
{
    const size_t n = strcspn(a, "=");
    return n == strcspn(b, "=") && strncmp(a, b, n) == 0;
}

static bool is_changed(const char *variable, const char *const *changes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (same_name(variable, changes[i]))
            return true;
    return false;
}

const char *const *wtl_environment_with(struct wtl_arena *arena, const char *const *changes,
                                        size_t n)
{
    size_t n_ours = 0, n_all = 0;
    char **ours = wtl_secret_environment(arena);
    while (ours && ours[n_ours])
        n_ours++;
    const char **all = WTL_NEW_ARRAY(arena, const char *, n_ours + n + 1);
    if (!ours || !all)
        return NULL;
    for (size_t i = 0; i < n_ours; i++)
        if (!is_changed(ours[i], changes, n))
            all[n_all++] = ours[i];
    for (size_t i = 0; i < n; i++)
        if (strchr(changes[i], '=') && !is_changed(changes[i], changes + i + 1, n - i - 1))
            all[n_all++] = changes[i];
    return all;
}

static bool may_run(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

const char *wtl_program_find(struct wtl_arena *arena, const char *name)
{
    const char *path = wtl_environment("PATH");
    if (strchr(name, '/'))
        return may_run(name) ? name : NULL;
    for (const char *at = path ? path : ""; *at;) {
        const size_t n = strcspn(at, ":");
        const char *file = n ? wtl_arena_printf(arena, "%.*s/%s", (int)n, at, name) : NULL;
        if (file && may_run(file))
            return file;
        at += n + (at[n] == ':');
    }
    return NULL;
}
