/* SPDX-License-Identifier: Apache-2.0
 * Reading and writing small files below a root. */
#include "device/sysfs_impl.h"

#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum wtl_absence wtl_sysfs_absence(int errno_value, bool at_open)
{
    switch (errno_value) {
    case 0:
        return WTL_PRESENT;
    case ENOENT:
    case ENOTDIR:
    case EOPNOTSUPP:
        return WTL_ABSENT_UNSUPPORTED;
    case EACCES:
    case EPERM:
        return at_open || errno_value == EACCES ? WTL_ABSENT_DENIED : WTL_ABSENT_NOT_YET;
    case EAGAIN:
    case EBUSY:
    case ENODATA:
    case EINTR:
        return WTL_ABSENT_NOT_YET;
    case ENODEV:
    case ENXIO:
        return WTL_ABSENT_LOST;
    default:
        return WTL_ABSENT_FAILED;
    }
}

bool sysfs_path(const struct wtl_sysfs_dir *dir, const char *name, char path[SYSFS_PATH])
{
    int n =
        snprintf(path, SYSFS_PATH, "%s%s%s", dir->path, dir->path[0] && name[0] ? "/" : "", name);
    return n >= 0 && n < SYSFS_PATH;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static enum wtl_absence read_fd(int fd, char *buf, size_t size, size_t *n_out)
{
    size_t n = 0;
    for (;;) {
        char more;
        ssize_t got = n < size ? read(fd, buf + n, size - n) : read(fd, &more, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return wtl_sysfs_absence(errno, false);
        if (got == 0) {
            *n_out = n;
            return WTL_PRESENT;
        }
        if (n == size) /* longer than the buffer */
            return WTL_ABSENT_FAILED;
        n += (size_t)got;
    }
}

static enum wtl_absence read_system(const struct wtl_sysfs_dir *dir, const char *name, void *buf,
                                    size_t size, size_t *n_out)
{
    /* Not blocking: a pipe in a recorded tree holds nobody up. */
    int fd = openat(dir->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return wtl_sysfs_absence(errno, true);
    enum wtl_absence absence = read_fd(fd, buf, size, n_out);
    close(fd);
    return absence;
}

static enum wtl_absence read_member(const struct wtl_sysfs *files, const char *path, void *buf,
                                    size_t size, size_t *n_out)
{
    const struct sysfs_member *m = sysfs_member(files, path);
    if (!m)
        return WTL_ABSENT_UNSUPPORTED;
    if (m->n > size)
        return WTL_ABSENT_FAILED;
    if (m->n > 0)
        memcpy(buf, m->data, m->n);
    *n_out = m->n;
    return WTL_PRESENT;
}

static const struct sysfs_refusal *refused(const struct wtl_sysfs *files, const char *path)
{
    for (size_t i = 0; i < files->n_refusals; i++)
        if (strcmp(files->refusals[i].path, path) == 0)
            return &files->refusals[i];
    return NULL;
}

static enum wtl_absence read_recorded(const struct wtl_sysfs_dir *dir, const char *name, void *buf,
                                      size_t size, size_t *n_out)
{
    char path[SYSFS_PATH];
    if (!sysfs_path(dir, name, path))
        return WTL_ABSENT_FAILED;
    const struct sysfs_refusal *r = refused(dir->files, path);
    if (r)
        return wtl_sysfs_absence(r->errno_value, r->at_open);
    return dir->files->root_fd < 0 ? read_member(dir->files, path, buf, size, n_out)
                                   : read_system(dir, name, buf, size, n_out);
}

bool wtl_sysfs_exists(const struct wtl_sysfs_dir *dir, const char *name)
{
    char path[SYSFS_PATH];
    bool there;
    if (!sysfs_path(dir, name, path))
        return false;
    if (!dir->files->live && refused(dir->files, path))
        there = true;
    else if (dir->files->root_fd < 0)
        there = sysfs_member(dir->files, path) != NULL;
    else
        there = faccessat(dir->fd, name, F_OK, 0) == 0 ||
                wtl_sysfs_absence(errno, true) != WTL_ABSENT_UNSUPPORTED;
    if (there)
        sysfs_note_unread(dir, name);
    return there;
}

enum wtl_absence wtl_sysfs_bytes(const struct wtl_sysfs_dir *dir, const char *name, void *buf,
                                 size_t size, size_t *n_out)
{
    size_t n = 0;
    enum wtl_absence absence = dir->files->live ? read_system(dir, name, buf, size, &n)
                                                : read_recorded(dir, name, buf, size, &n);
    if (absence == WTL_PRESENT)
        *n_out = n;
    sysfs_note(dir, name, absence, buf, n);
    return absence;
}

enum wtl_absence wtl_sysfs_text(const struct wtl_sysfs_dir *dir, const char *name, char *buf,
                                size_t size)
{
    size_t n = 0;
    enum wtl_absence absence = wtl_sysfs_bytes(dir, name, buf, size - 1, &n);
    if (absence != WTL_PRESENT)
        n = 0;
    while (n > 0 && (buf[n - 1] == '\n' || buf[n - 1] == ' ' || buf[n - 1] == '\0'))
        n--;
    size_t start = 0;
    while (start < n && (buf[start] == ' ' || buf[start] == '\n'))
        start++;
    memmove(buf, buf + start, n - start);
    buf[n - start] = '\0';
    for (size_t i = 0; i < n - start; i++)
        if ((unsigned char)buf[i] >= 0x7f || (buf[i] < ' ' && buf[i] != '\n' && buf[i] != '\t'))
            buf[i] = '?';
    return absence;
}

enum wtl_absence wtl_sysfs_number(const struct wtl_sysfs_dir *dir, const char *name,
                                  double *value_out)
{
    char text[64];
    enum wtl_absence absence = wtl_sysfs_text(dir, name, text, sizeof text);
    if (absence != WTL_PRESENT)
        return absence;
    size_t n = strlen(text);
    size_t digits = strspn(text + (text[0] == '-'), "0123456789");
    if (digits == 0 || digits + (text[0] == '-') != n || !wtl_parse_double(text, n, value_out))
        return WTL_ABSENT_FAILED;
    return WTL_PRESENT;
}

bool wtl_sysfs_key(const char *text, const char *key, char *buf, size_t size)
{
    size_t n = strlen(key);
    buf[0] = '\0';
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, n) != 0 || line[n] != '=')
            continue;
        const char *value = line + n + 1;
        bool fits = wtl_view_copy((struct wtl_view){value, strcspn(value, "\n")}, buf, size);
        if (!fits)
            buf[0] = '\0';
        return fits;
    }
    return false;
}

void wtl_reading_set(struct wtl_reading *out, enum wtl_metric metric, uint64_t wanted,
                     enum wtl_absence absence, double value)
{
    if (!(wanted & WTL_METRIC_BIT(metric)) || wtl_reading_has(out, metric))
        return;
    out->absence[metric] = (uint8_t)absence;
    if (absence != WTL_PRESENT)
        return;
    out->value[metric] = value;
    out->valid |= WTL_METRIC_BIT(metric);
}

void wtl_sysfs_sense(const struct wtl_sysfs_dir *dir, const char *name, double per,
                     enum wtl_metric metric, uint64_t wanted, struct wtl_reading *out)
{
    double value = 0;
    if (!(wanted & WTL_METRIC_BIT(metric)) || wtl_reading_has(out, metric))
        return;
    enum wtl_absence absence = wtl_sysfs_number(dir, name, &value);
    wtl_reading_set(out, metric, wanted, absence, value / per);
}

int wtl_sysfs_read_done(struct wtl_reading *out, uint64_t wanted, uint64_t found, const char *id,
                        struct wtl_error *err)
{
    bool any = false, lost = false;
    for (int m = 0; m < (int)WTL_N_METRICS; m++) {
        if (!(wanted & found & WTL_METRIC_BIT(m)))
            continue;
        if (out->absence[m] == WTL_ABSENT_UNSUPPORTED)
            out->absence[m] = WTL_ABSENT_LOST;
        lost = lost || out->absence[m] == WTL_ABSENT_LOST;
        any = any || out->absence[m] != WTL_ABSENT_LOST;
    }
    return lost && !any
               ? WTL_FAIL(err, WTL_LOST, "%s is gone: its files are not there any more", id)
               : 0;
}

void wtl_sysfs_epoch(struct wtl_sysfs *files, char epoch_out[WTL_LIMIT_NAME])
{
    const struct wtl_sysfs_dir root = wtl_sysfs_root(files);
    char id[64];
    epoch_out[0] = '\0';
    if (wtl_sysfs_text(&root, "proc/sys/kernel/random/boot_id", id, sizeof id) == WTL_PRESENT &&
        id[0])
        snprintf(epoch_out, WTL_LIMIT_NAME, "boot %s", id);
}

/* ---- Writing --------------------------------------------------------------------------------- */

bool wtl_sysfs_writable(const struct wtl_sysfs_dir *dir, const char *name)
{
    struct stat st;
    return dir->files->live && fstatat(dir->fd, name, &st, 0) == 0 && (st.st_mode & 0222) &&
           faccessat(dir->fd, name, W_OK, AT_EACCESS) == 0;
}

static int fail_write(int errno_value, const char *path, const char *text, struct wtl_error *err)
{
    switch (errno_value) {
    case ENOENT:
    case EOPNOTSUPP:
        return WTL_FAIL(err, WTL_UNSUPPORTED, "there is no /%s to write to", path);
    case EINVAL:
    case ERANGE:
    case EDOM:
        return WTL_FAIL(err, WTL_USAGE, "the driver does not take \"%s\" in /%s", text, path);
    case ENODEV:
    case ENXIO:
        return WTL_FAIL(err, WTL_LOST, "the device behind /%s is gone", path);
    case EACCES:
    case EPERM:
    case EROFS:
        return WTL_FAIL(err, WTL_PERMISSION, "cannot write /%s: %s", path, strerror(errno_value));
    default:
        return WTL_FAIL(err, WTL_FAILED, "cannot write \"%s\" to /%s: %s", text, path,
                        strerror(errno_value));
    }
}

int wtl_sysfs_write(const struct wtl_sysfs_dir *dir, const char *name, const char *text,
                    struct wtl_error *err)
{
    char path[SYSFS_PATH];
    if (!sysfs_path(dir, name, path))
        return WTL_FAIL(err, WTL_LIMIT, "the path of %s is too long", name);
    if (!dir->files->live)
        return WTL_FAIL(err, WTL_UNSUPPORTED, "/%s is of a recorded machine: nothing is set there",
                        path);
    /* O_TRUNC as a shell does: for a copy of a tree; sysfs takes no notice. */
    int fd = openat(dir->fd, name, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return fail_write(errno, path, text, err);
    size_t n = strlen(text);
    ssize_t put;
    do
        put = write(fd, text, n);
    while (put < 0 && errno == EINTR);
    int code = put < 0 ? errno : put == (ssize_t)n ? 0 : EIO;
    close(fd);
    return code ? fail_write(code, path, text, err) : 0;
}

bool wtl_sysfs_next_cpus(const char **at, int *first_out, int *last_out)
{
    enum { CPUS_MAX = 1 << 20 };
    char *end;
    long first = strtol(*at, &end, 10), last = first;
    if (end == *at || first < 0)
        return false;
    if (*end == '-') {
        const char *s = end + 1;
        last = strtol(s, &end, 10);
        if (end == s)
            return false;
    }
    if (last < first || last > CPUS_MAX || (*end && *end != ','))
        return false;
    *at = end + (*end == ',');
    *first_out = (int)first;
    *last_out = (int)last;
    return true;
}

int wtl_sysfs_cpus(struct wtl_sysfs *files)
{
    const struct wtl_sysfs_dir root = wtl_sysfs_root(files);
    char text[1024];
    const char *at = text;
    int n = 0, first, last;
    wtl_sysfs_text(&root, "sys/devices/system/cpu/online", text, sizeof text);
    while (wtl_sysfs_next_cpus(&at, &first, &last))
        n += last - first + 1;
    return n > 0 ? n : 1;
}
