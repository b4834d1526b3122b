/* SPDX-License-Identifier: Apache-2.0
 * Shipped files, found relative to the program or the library. */
#include "base/data.h"

#include "base/file.h"
#include "base/limits.h"
#include "wattle_config.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Cuts the last component off; "." when there is none. */
static void keep_folder(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    else
        memcpy(path, ".", 2);
}

/* The folder of the running program; "." when the system does not say. */
static void program_folder(char *buf, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", buf, size - 1);
    buf[n > 0 ? n : 0] = '\0';
    keep_folder(buf);
}

/* The folder of the file that this code is in: the shared library, else the program, which the
 * loader names as it was called and not by its place. */
static void library_folder(char *buf, size_t size)
{
    Dl_info info;
    size_t n = 0;
    if (dladdr((void *)(uintptr_t)library_folder, &info) && info.dli_fname &&
        info.dli_fname[0] == '/')
        n = strlen(info.dli_fname);
    if (n == 0 || n >= size) {
        program_folder(buf, size);
        return;
    }
    memcpy(buf, info.dli_fname, n + 1);
    keep_folder(buf);
}

/* 0 and the path when it can be read; 1 when not; -WTL_NOMEM. */
static int look_in(struct wtl_arena *arena, const char *folder, const char *beside,
                   const char *name, char **path_out, struct wtl_error *err)
{
    char *root = wtl_path_join(arena, folder, beside);
    char *path = root ? wtl_path_join(arena, root, name) : NULL;
    if (!path)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (access(path, R_OK) != 0)
        return 1;
    *path_out = path;
    return 0;
}

int wtl_data_path(struct wtl_arena *arena, const char *name, char **path_out, struct wtl_error *err)
{
    char program[WTL_LIMIT_PATH], library[WTL_LIMIT_PATH];
    program_folder(program, sizeof program);
    library_folder(library, sizeof library);
    const char *forced = getenv("WATTLE_DATA_DIR");
    const struct {
        const char *folder, *beside;
    } places[] = {
        {program, "../share/wattle"}, {program, "../data"},
        {library, "../share/wattle"}, {library, "../../share/wattle"}, /* lib/x86_64-linux-gnu */
        {library, "../data"},
    };
    int rc = forced ? look_in(arena, ".", forced, name, path_out, err) : 1;
    for (size_t i = 0; !forced && rc == 1 && i < sizeof places / sizeof places[0]; i++)
        rc = look_in(arena, places[i].folder, places[i].beside, name, path_out, err);
    if (rc <= 0)
        return rc;
    rc = WTL_FAIL(err, WTL_NOTFOUND, "the shipped file \"%s\" is not where it should be", name);
    if (forced)
        wtl_error_hint(err, "WATTLE_DATA_DIR is set to \"%s\"", forced);
    else
        wtl_error_hint(err,
                       "looked in ../share/wattle and ../data beside %s and %s; set "
                       "WATTLE_DATA_DIR",
                       program, library);
    return rc;
}

int wtl_library_path(const char *name, const char *built, char path_out[WTL_LIMIT_PATH],
                     struct wtl_error *err)
{
    char program[WTL_LIMIT_PATH], library[WTL_LIMIT_PATH];
    program_folder(program, sizeof program);
    library_folder(library, sizeof library);
    const struct {
        const char *folder, *beside, *name;
    } places[] = {
        {program, "/../" WTL_LIB_DIR "/wattle", name},
        {library, "/wattle", name},
        {program, "", built},
        {library, "", built},
        {program, "/..", built},    /* bench/ */
        {program, "/../..", built}, /* tests/unit/ */
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char path[WTL_LIMIT_PATH];
        int n = snprintf(path, sizeof path, "%s%s/%s", places[i].folder, places[i].beside,
                         places[i].name);
        if (n > 0 && (size_t)n < sizeof path && access(path, R_OK) == 0) {
            memcpy(path_out, path, (size_t)n + 1);
            return 0;
        }
    }
    return WTL_FAIL(err, WTL_NOTFOUND, "the shipped library \"%s\" is not beside %s", name,
                    program);
}

int wtl_program_path(struct wtl_arena *arena, const char **path_out, struct wtl_error *err)
{
    static const char *const places[] = {"../bin/wattle", "../../bin/wattle", "wattle",
                                         "../wattle"};
    char running[WTL_LIMIT_PATH], library[WTL_LIMIT_PATH];
    ssize_t n = readlink("/proc/self/exe", running, sizeof running - 1);
    running[n > 0 ? n : 0] = '\0';
    if (strcmp(wtl_path_base(running), "wattle") == 0) {
        *path_out = "/proc/self/exe"; /* also when the file has been replaced since */
        return 0;
    }
    library_folder(library, sizeof library);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char *path = wtl_path_join(arena, library, places[i]);
        if (!path)
            return WTL_FAIL(err, WTL_NOMEM, "out of memory");
        if (access(path, X_OK) == 0) {
            *path_out = path;
            return 0;
        }
    }
    return WTL_FAIL(err, WTL_NOTFOUND, "the program wattle is not beside its library (\"%s\")",
                    library);
}
