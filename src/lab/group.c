/* SPDX-License-Identifier: Apache-2.0
 * Control groups for commands. */
#include "lab/group.h"

#include "base/file.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Files ----------------------------------------------------------------------------------- */

static bool join(char out[WTL_GROUP_DIR], const char *a, const char *b)
{
    const int n = snprintf(out, WTL_GROUP_DIR, "%s/%s", a, b);
    return n > 0 && n < WTL_GROUP_DIR;
}

static bool read_in(const char *dir, const char *name, char *text, size_t size)
{
    char path[WTL_GROUP_DIR];
    const int fd = join(path, dir, name) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    const ssize_t n = fd >= 0 ? read(fd, text, size - 1) : -1;
    if (fd >= 0)
        (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n >= 0;
}

/* The number behind a word at the beginning of a line; 0 where there is none. */
static double number_of(const char *text, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
        if (strncmp(at, word, n) == 0 && at[n] == ' ') {
            double value = 0;
            return wtl_parse_double(at + n + 1, strcspn(at + n + 1, " \n"), &value) ? value : 0;
        }
    return 0;
}

/* ---- Where ----------------------------------------------------------------------------------- */

static bool is_path(const char *path)
{
    return path[0] == '/' && path[1] && strlen(path) < WTL_CGROUP_PATH && !strpbrk(path, " \t\n") &&
           !strstr(path, "/..") && !strstr(path, "//") && !wtl_ends_with(path, "/");
}

int wtl_group_find(const char *root, const char *path, struct wtl_group *out, struct wtl_error *err)
{
    WTL_ARENA(scratch);
    struct wtl_group g = {.note_fd = -1};
    struct wtl_cgroup_place place;
    char dir[WTL_GROUP_DIR], *mounts = NULL, *groups = NULL;
    size_t n = 0;
    if (!is_path(path))
        return WTL_FAIL(err, WTL_USAGE, "\"cgroup:%.100s\" is no control group to run in", path);
    if (!join(dir, root, "proc/self/mountinfo") ||
        wtl_file_read(&scratch, dir, 1 << 20, &mounts, &n, NULL) < 0 ||
        !join(dir, root, "proc/self/cgroup") ||
        wtl_file_read(&scratch, dir, 1 << 16, &groups, &n, NULL) < 0 ||
        !wtl_cgroup_place(mounts, groups, &place))
        return WTL_FAIL(err, WTL_UNSUPPORTED,
                        "no control groups with a CPU controller are mounted");
    g.v2 = place.v2;
    memcpy(g.path, path, strlen(path) + 1);
    bool fits = join(dir, root, place.mount) && join(g.dir[0], dir, path + 1) &&
                join(g.stat, root, "proc/stat");
    if (place.usage[0])
        fits = fits && join(dir, root, place.usage) && join(g.dir[1], dir, path + 1);
    if (!fits)
        return WTL_FAIL(err, WTL_LIMIT, "the path of the control group is too long");
    *out = g;
    return 0;
}

bool wtl_group_exists(const struct wtl_group *g)
{
    return access(g->dir[0], F_OK) == 0;
}

/* ---- Notes: "INODE PATH", in a file of the group's name -------------------------------------- */

static long long inode_of(const char *dir)
{
    struct stat s;
    return stat(dir, &s) == 0 ? (long long)s.st_ino : 0;
}

static int note(struct wtl_group *g, const char *note_dir, struct wtl_error *err)
{
    char name[256], text[WTL_CGROUP_PATH + 32];
    if (strlen(g->path) >= sizeof name)
        return WTL_FAIL(err, WTL_LIMIT, "the path of the control group is too long");
    (void)snprintf(name, sizeof name, "%s", g->path + 1);
    for (char *c = name; *c; c++)
        *c = *c == '/' ? '!' : *c;
    if (!join(g->note, note_dir, name))
        return WTL_FAIL(err, WTL_LIMIT, "the path of the control group is too long");
    const int n = snprintf(text, sizeof text, "%lld %s\n", inode_of(g->dir[0]), g->path);
    g->note_fd = open(g->note, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (g->note_fd < 0 || flock(g->note_fd, LOCK_EX | LOCK_NB) != 0 ||
        write(g->note_fd, text, (size_t)n) != n)
        return wtl_fail_errno(err, errno, "note", g->note);
    return 0;
}

static void forget_note(struct wtl_group *g)
{
    if (g->note[0])
        (void)unlink(g->note);
    if (g->note_fd >= 0)
        (void)close(g->note_fd);
    g->note[0] = '\0';
    g->note_fd = -1;
}

/* ---- Making and removing --------------------------------------------------------------------- */

static void remove_dirs(const struct wtl_group *g)
{
    for (int i = 0; i < 2; i++)
        if (g->dir[i][0])
            (void)rmdir(g->dir[i]);
}

static int refuse(const struct wtl_group *g, const char *dir, int errno_value,
                  struct wtl_error *err)
{
    if (errno_value != EACCES && errno_value != EPERM && errno_value != EROFS)
        return wtl_fail_errno(err, errno_value, "make", dir);
    int rc = WTL_FAIL(err, WTL_PERMISSION, "the control group %s cannot be made: %s", g->path,
                      strerror(errno_value));
    wtl_error_hint(err, "as root, or in a group that root gave to this user; --no-privilege sweeps "
                        "without a CPU quota");
    return rc;
}

/* All or nothing. */
static int make_dirs(const struct wtl_group *g, struct wtl_error *err)
{
    char text[64];
    if (mkdir(g->dir[0], 0755) != 0)
        return refuse(g, g->dir[0], errno, err);
    if (g->dir[1][0] && mkdir(g->dir[1], 0755) != 0 && errno != EEXIST) {
        const int why = errno;
        (void)rmdir(g->dir[0]);
        return refuse(g, g->dir[1], why, err);
    }
    if (!g->v2 || read_in(g->dir[0], "cpu.max", text, sizeof text))
        return 0;
    (void)rmdir(g->dir[0]);
    const int parent = (int)(strrchr(g->dir[0], '/') - g->dir[0]);
    int rc =
        WTL_FAIL(err, WTL_UNSUPPORTED, "control groups beside %s have no CPU controller", g->path);
    wtl_error_hint(err, "as root: echo +cpu > %.*s/cgroup.subtree_control", parent, g->dir[0]);
    return rc;
}

int wtl_group_make(struct wtl_group *g, const char *note_dir, struct wtl_error *err)
{
    int rc = make_dirs(g, err);
    if (rc < 0)
        return rc;
    rc = note(g, note_dir, err);
    if (rc < 0) {
        remove_dirs(g);
        forget_note(g);
    }
    return rc;
}

int wtl_group_remove(struct wtl_group *g, struct wtl_error *err)
{
    int rc = 0;
    if (g->note_fd < 0)
        return 0;
    for (int i = 0; i < 2 && rc == 0; i++)
        for (int ms = 0; rc == 0 && g->dir[i][0] && rmdir(g->dir[i]) != 0 && errno != ENOENT;
             ms += 10) {
            if (errno != EBUSY || ms >= 1000)
                rc = WTL_FAIL(err, WTL_BUSY, "the control group %s cannot be removed: %s", g->path,
                              strerror(errno));
            else
                (void)poll(NULL, 0, 10);
        }
    if (rc < 0) { /* the note stays: the next sweep tries again */
        (void)close(g->note_fd);
        g->note_fd = -1;
        return rc;
    }
    forget_note(g);
    return 0;
}

/* What one note names: whether it was removed. */
static bool tidy_one(const char *root, const char *note_dir, const char *name)
{
    char text[WTL_CGROUP_PATH + 32], *path = NULL;
    struct wtl_group g;
    char note_path[WTL_GROUP_DIR];
    bool removed = false;
    if (name[0] == '.' || !join(note_path, note_dir, name))
        return false;
    const int fd = open(note_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    const ssize_t n = flock(fd, LOCK_EX | LOCK_NB) == 0 ? read(fd, text, sizeof text - 1) : -1;
    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    path = strchr(text, ' ');
    double inode = 0;
    if (path && wtl_parse_double(text, (size_t)(path - text), &inode) &&
        wtl_group_find(root, path + 1, &g, NULL) == 0) {
        const long long present = inode_of(g.dir[0]);
        if (present != 0 && present == (long long)inode)
            remove_dirs(&g);
        removed = !wtl_group_exists(&g);
        if (removed || present != (long long)inode)
            (void)unlink(note_path);
    }
    (void)close(fd);
    return removed;
}

int wtl_groups_tidy(const char *root, const char *note_dir)
{
    DIR *d = opendir(note_dir);
    int n = 0;
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
        n += tidy_one(root, note_dir, e->d_name);
    if (d)
        (void)closedir(d);
    return n;
}

int wtl_group_add(const struct wtl_group *g, pid_t pid, struct wtl_error *err)
{
    for (int i = 0; i < 2; i++) {
        char file[WTL_GROUP_DIR];
        if (!g->dir[i][0] || !join(file, g->dir[i], "cgroup.procs"))
            continue;
        const int fd = open(file, O_WRONLY | O_CLOEXEC);
        const bool done = fd >= 0 && dprintf(fd, "%d\n", (int)pid) > 0;
        const int why = errno;
        if (fd >= 0)
            (void)close(fd);
        if (done)
            continue;
        int rc =
            WTL_FAIL(err,
                     why == EACCES || why == EPERM ? WTL_PERMISSION
                     : why == ENOENT               ? WTL_LOST
                                                   : WTL_FAILED,
                     "no process can be put into the control group %s: %s", g->path, strerror(why));
        wtl_error_hint(err, "%s/cgroup.procs must be writable by this user%s", g->dir[i],
                       g->v2 ? ", and so must that of the group above both" : "");
        return rc;
    }
    return 0;
}

/* ---- Time ------------------------------------------------------------------------------------ */

/* "cpu  USER NICE SYSTEM IDLE IOWAIT ..." in ticks (proc(5)). */
static bool read_idle(const char *path, double *idle_s)
{
    char text[512];
    const char *slash = strrchr(path, '/');
    char dir[WTL_GROUP_DIR];
    double field[5] = {0};
    (void)snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
    if (!read_in(dir, slash + 1, text, sizeof text) || !wtl_starts_with(text, "cpu "))
        return false;
    const char *at = text + 4;
    for (int i = 0; i < 5; i++) {
        at += strspn(at, " ");
        const size_t n = strcspn(at, " \n");
        if (n == 0 || !wtl_parse_double(at, n, &field[i]))
            return false;
        at += n;
    }
    *idle_s = (field[3] + field[4]) / (double)sysconf(_SC_CLK_TCK);
    return true;
}

bool wtl_group_time(const struct wtl_group *g, struct wtl_group_time *out)
{
    char text[1024];
    struct wtl_group_time t = {0};
    double period_us = 0, quota_us = 0;
    bool limited = false;
    if (!read_in(g->dir[0], "cpu.stat", text, sizeof text) || !read_idle(g->stat, &t.idle_s))
        return false;
    if (g->v2) {
        t.used_s = number_of(text, "usage_usec") / 1e6;
        t.throttled_s = number_of(text, "throttled_usec") / 1e6;
        if (!read_in(g->dir[0], "cpu.max", text, sizeof text) ||
            !wtl_cgroup_parse_max(text, &limited, &t.quota, &period_us))
            return false;
        *out = t;
        return true;
    }
    t.throttled_s = number_of(text, "throttled_time") / 1e9;
    if (!read_in(g->dir[0], "cpu.cfs_quota_us", text, sizeof text) ||
        !wtl_parse_double(text, strcspn(text, "\n"), &quota_us) ||
        !read_in(g->dir[0], "cpu.cfs_period_us", text, sizeof text) ||
        !wtl_parse_double(text, strcspn(text, "\n"), &period_us) ||
        !read_in(g->dir[1][0] ? g->dir[1] : g->dir[0], "cpuacct.usage", text, sizeof text) ||
        !wtl_parse_double(text, strcspn(text, "\n"), &t.used_s) || !(period_us > 0))
        return false;
    t.used_s /= 1e9;
    t.quota = quota_us > 0 ? quota_us / period_us : 0;
    *out = t;
    return true;
}

bool wtl_group_starved(const struct wtl_group_time *begin, const struct wtl_group_time *end,
                       double time_s, double *used_out)
{
    const double used = end->used_s - begin->used_s, idle = end->idle_s - begin->idle_s;
    const double missing = end->quota * time_s - used;
    *used_out = time_s > 0 ? used / time_s : 0;
    return end->quota > 0 && time_s > 0 && used < 0.97 * end->quota * time_s && idle < missing;
}
