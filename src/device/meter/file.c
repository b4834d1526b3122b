/* SPDX-License-Identifier: Apache-2.0
 * Files that hold a reading. */
#include "device/meter/file.h"

#include "base/text.h"
#include "device/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a log the end is read: room for its last whole line behind a cut one. */
enum { TAIL = 4096 };

bool wtl_meter_is_kernel_file(const char *path)
{
    return wtl_starts_with(path, "/sys/") || wtl_starts_with(path, "/proc/");
}

/* The last line with an end that is no comment; all of it where there is no end of a line. A line
 * that is being written has none yet. */
static enum wtl_absence last_line(const char *text, size_t n, const struct wtl_meter_options *o,
                                  int64_t came_ns, struct wtl_meter_reading *out,
                                  struct wtl_error *err)
{
    const char *last = memrchr(text, '\n', n);
    size_t end = last ? (size_t)(last - text) : n;
    for (;;) {
        const char *before = end > 0 ? memrchr(text, '\n', end) : NULL;
        size_t start = before ? (size_t)(before - text) + 1 : 0;
        int rc = wtl_meter_line(text + start, end - start, o, came_ns, out, err);
        if (rc != 0)
            return rc > 0 ? WTL_PRESENT : WTL_ABSENT_FAILED;
        if (!before)
            return WTL_ABSENT_NOT_YET;
        end = start - 1;
    }
}

static enum wtl_absence of_kernel(struct wtl_sysfs *files, const struct wtl_meter_options *o,
                                  struct wtl_meter_reading *out, struct wtl_error *err)
{
    const struct wtl_sysfs_dir root = wtl_sysfs_root(files);
    char text[WTL_SYSFS_PAGE + 1];
    enum wtl_absence absence = wtl_sysfs_text(&root, o->what + 1, text, sizeof text);
    if (absence == WTL_ABSENT_UNSUPPORTED)
        absence = WTL_ABSENT_LOST;
    if (absence == WTL_PRESENT)
        return last_line(text, strlen(text), o, 0, out, err);
    (void)WTL_FAIL(err, WTL_FAILED, "cannot read \"%s\": %s", o->what,
                   absence == WTL_ABSENT_LOST     ? "there is no such file"
                   : absence == WTL_ABSENT_DENIED ? "permission denied"
                                                  : "its driver reports an error");
    return absence;
}

static ssize_t read_tail(int fd, off_t size, char text[TAIL])
{
    ssize_t n;
    do
        n = pread(fd, text, TAIL, size > TAIL ? size - TAIL : 0);
    while (n < 0 && errno == EINTR);
    return n;
}

enum wtl_absence wtl_meter_file_read(struct wtl_sysfs *files, const struct wtl_meter_options *o,
                                     struct wtl_meter_reading *out, struct wtl_error *err)
{
    char text[TAIL];
    struct stat st;
    if (wtl_meter_is_kernel_file(o->what))
        return of_kernel(files, o, out, err);
    int fd = open(o->what, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int why = fd < 0 || fstat(fd, &st) != 0 ? errno : S_ISREG(st.st_mode) ? 0 : ENODEV;
    ssize_t n = why ? 0 : read_tail(fd, st.st_size, text);
    why = n < 0 ? errno : why;
    if (fd >= 0)
        close(fd);
    if (why) {
        enum wtl_absence absence = wtl_sysfs_absence(why, fd < 0);
        (void)WTL_FAIL(err, WTL_FAILED, "cannot read \"%s\": %s", o->what, strerror(why));
        return absence == WTL_ABSENT_UNSUPPORTED ? WTL_ABSENT_LOST : absence;
    }
    const int64_t put_ns = st.st_mtim.tv_sec * WTL_NS_PER_S + st.st_mtim.tv_nsec;
    enum wtl_absence absence = last_line(text, (size_t)n, o, put_ns, out, err);
    if (absence == WTL_PRESENT && out->t_ns == 0)
        out->t_ns = put_ns;
    return absence;
}
