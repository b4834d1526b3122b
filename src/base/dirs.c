/* SPDX-License-Identifier: Apache-2.0
 * Run and state directories. */
#include "base/dirs.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const struct {
    const char *variable, *xdg_variable;
    const char *system, *what;
} rules[] = {
    [WTL_DIR_RUN] = {"WATTLE_RUN_DIR", "XDG_RUNTIME_DIR", WTL_RUN_DIR_SYSTEM, "run"},
    [WTL_DIR_STATE] = {"WATTLE_STATE_DIR", "XDG_STATE_HOME", "/var/lib/wattle", "state"},
};

static bool given(const char *value)
{
    return value && value[0];
}

static bool absolute(const char *value)
{
    return value && value[0] == '/';
}

/* The folder without `sub`; the length as snprintf gives it, or a negative code. */
static int folder(enum wtl_dir dir, const struct wtl_dir_world *w, char *buf, size_t size,
                  struct wtl_error *err)
{
    if (given(w->by_hand)) {
        if (!absolute(w->by_hand))
            return WTL_FAIL(err, WTL_USAGE, "%s is \"%.80s\": an absolute path is needed",
                            rules[dir].variable, w->by_hand);
        return snprintf(buf, size, "%s", w->by_hand);
    }
    if (w->uid == 0)
        return snprintf(buf, size, "%s", rules[dir].system);
    if (absolute(w->xdg))
        return snprintf(buf, size, "%s/wattle", w->xdg);
    if (dir == WTL_DIR_RUN)
        return snprintf(buf, size, "/tmp/wattle-%lu", (unsigned long)w->uid);
    if (absolute(w->home))
        return snprintf(buf, size, "%s/.local/state/wattle", w->home);
    int rc = WTL_FAIL(err, WTL_USAGE, "there is no home directory to keep the state in");
    wtl_error_hint(err, "set %s to a directory of yours", rules[dir].variable);
    return rc;
}

int wtl_dir_rule(enum wtl_dir dir, const struct wtl_dir_world *world, const char *sub,
                 char path_out[WTL_LIMIT_PATH], struct wtl_error *err)
{
    char buf[WTL_LIMIT_PATH];
    int n = folder(dir, world, buf, sizeof buf, err);
    if (n < 0)
        return n;
    size_t used = (size_t)n;
    if (sub && used < sizeof buf)
        used += (size_t)snprintf(buf + used, sizeof buf - used, "/%s", sub);
    if (used >= sizeof buf)
        return WTL_FAIL(err, WTL_LIMIT, "the path of the %s directory is longer than %d bytes",
                        rules[dir].what, WTL_LIMIT_PATH);
    memcpy(path_out, buf, used + 1);
    return 0;
}

int wtl_dir_trusted(const char *path, uid_t uid, struct wtl_error *err)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return wtl_fail_errno(err, errno, "look at", path);
    if (!S_ISDIR(st.st_mode))
        return WTL_FAIL(err, WTL_PERMISSION, "\"%s\" is no directory", path);
    if (st.st_uid != uid && st.st_uid != 0) {
        int rc = WTL_FAIL(err, WTL_PERMISSION, "\"%s\" belongs to user %lu", path,
                          (unsigned long)st.st_uid);
        wtl_error_hint(err, "remove it, or name another one in WATTLE_RUN_DIR or WATTLE_STATE_DIR");
        return rc;
    }
    if (st.st_mode & S_IWOTH) {
        int rc = WTL_FAIL(err, WTL_PERMISSION, "everybody may write to \"%s\"", path);
        wtl_error_hint(err, "chmod o-w %s", path);
        return rc;
    }
    return 0;
}

const char *wtl_environment(const char *variable)
{
    const char *value = secure_getenv(variable);
    return value && value[0] ? value : NULL;
}

static struct wtl_dir_world world_of(enum wtl_dir dir)
{
    return (struct wtl_dir_world){
        .uid = geteuid(),
        .by_hand = secure_getenv(rules[dir].variable),
        .xdg = secure_getenv(rules[dir].xdg_variable),
        .home = secure_getenv("HOME"),
    };
}

/* The folder, and the folder with `sub`: each is trusted, or not there yet. */
static int both_trusted(const char *top, const char *path, uid_t uid, struct wtl_error *err)
{
    struct wtl_error why = {0};
    int rc = wtl_dir_trusted(top, uid, &why);
    if (rc == 0)
        rc = wtl_dir_trusted(path, uid, &why);
    if (rc == 0 || rc == -(int)WTL_NOTFOUND)
        return 0;
    if (err)
        *err = why;
    return rc;
}

int wtl_dir_path(enum wtl_dir dir, const char *sub, char path_out[WTL_LIMIT_PATH],
                 struct wtl_error *err)
{
    struct wtl_dir_world world = world_of(dir);
    char top[WTL_LIMIT_PATH], path[WTL_LIMIT_PATH];
    int rc = wtl_dir_rule(dir, &world, NULL, top, err);
    if (rc == 0)
        rc = wtl_dir_rule(dir, &world, sub, path, err);
    if (rc == 0)
        rc = both_trusted(top, path, world.uid, err);
    if (rc == 0)
        memcpy(path_out, path, strlen(path) + 1);
    return rc;
}

/* mkdir with exactly this mode, whatever the mask; an existing one stays as it is. */
static int make_one(const char *path, mode_t mode, struct wtl_error *err)
{
    if (mkdir(path, 0700) != 0)
        return errno == EEXIST ? 0 : wtl_fail_errno(err, errno, "create directory", path);
    if (chmod(path, mode) != 0)
        return wtl_fail_errno(err, errno, "set the mode of", path);
    return 0;
}

/* What lies above the folder itself. */
static int make_parents(const char *path, struct wtl_error *err)
{
    char above[WTL_LIMIT_PATH];
    memcpy(above, path, strlen(path) + 1);
    char *slash = strrchr(above, '/');
    if (slash == above)
        return 0;
    *slash = '\0';
    return wtl_make_dirs(above, err);
}

int wtl_dir_make(enum wtl_dir dir, const char *sub, char path_out[WTL_LIMIT_PATH],
                 struct wtl_error *err)
{
    struct wtl_dir_world world = world_of(dir);
    mode_t mode = world.uid == 0 ? 0755 : 0700;
    char top[WTL_LIMIT_PATH], path[WTL_LIMIT_PATH];
    int rc = wtl_dir_rule(dir, &world, NULL, top, err);
    if (rc == 0)
        rc = wtl_dir_rule(dir, &world, sub, path, err);
    if (rc == 0)
        rc = make_parents(top, err);
    if (rc == 0)
        rc = make_one(top, mode, err);
    if (rc == 0)
        rc = wtl_dir_trusted(top, world.uid, err);
    if (rc == 0 && sub)
        rc = make_one(path, mode, err);
    if (rc == 0 && sub)
        rc = wtl_dir_trusted(path, world.uid, err);
    if (rc == 0)
        memcpy(path_out, path, strlen(path) + 1);
    return rc;
}

/* ---- Whether it can be written ----------------------------------------------------------------*/

/* Cuts what is not there off the end of the path. */
static void nearest_there(char *path)
{
    struct stat st;
    while (stat(path, &st) != 0 && errno == ENOENT) {
        char *slash = strrchr(path, '/');
        if (!slash || path[1] == '\0')
            return;
        slash[slash == path] = '\0';
    }
}

/* A file system without blocks or inodes of its own (some report none) says nothing of being full.
 * What is kept for root is room for root alone. */
static bool is_full(const struct statvfs *fs)
{
    bool root = geteuid() == 0;
    unsigned long long blocks = root ? fs->f_bfree : fs->f_bavail;
    unsigned long long inodes = root ? fs->f_ffree : fs->f_favail;
    return (fs->f_blocks > 0 && blocks * fs->f_frsize < WTL_DIR_ROOM_BYTES) ||
           (fs->f_files > 0 && inodes == 0);
}

int wtl_dir_check_writable(const char *path, struct wtl_error *err)
{
    char there[WTL_LIMIT_PATH];
    struct statvfs fs;
    if ((size_t)snprintf(there, sizeof there, "%s", path) >= sizeof there)
        return WTL_FAIL(err, WTL_LIMIT, "a path is longer than %d bytes", WTL_LIMIT_PATH);
    nearest_there(there);
    if (faccessat(AT_FDCWD, there, W_OK | X_OK, AT_EACCESS) != 0)
        return wtl_fail_errno(err, errno, "write to", there);
    if (statvfs(there, &fs) != 0)
        return wtl_fail_errno(err, errno, "look at", there);
    if (fs.f_flag & ST_RDONLY)
        return wtl_fail_errno(err, EROFS, "write to", there);
    return is_full(&fs) ? wtl_fail_errno(err, ENOSPC, "write to", there) : 0;
}
