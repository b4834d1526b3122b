/* SPDX-License-Identifier: Apache-2.0
 * Processes, by /proc. */
#include "lease/process.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Reads the beginning of a small file; "" when it cannot be read. */
static void read_start(const char *path, char *buf, size_t size)
{
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        do
            n = read(fd, buf, size - 1);
        while (n < 0 && errno == EINTR);
        close(fd);
    }
    buf[n > 0 ? n : 0] = '\0';
}

bool wtl_process_parse_stat(const char *line, int64_t *start_ticks_out)
{
    const char *at = strrchr(line, ')'); /* the name may hold anything */
    if (!at || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X')
        return false;
    at += 2;
    for (int field = 3; field < 22; field++) {
        at = strchr(at, ' ');
        if (!at)
            return false;
        at++;
    }
    return wtl_parse_int(at, strcspn(at, " \n"), start_ticks_out);
}

static bool start_of(int64_t pid, int64_t *start_ticks_out)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    read_start(path, line, sizeof line);
    return wtl_process_parse_stat(line, start_ticks_out);
}

bool wtl_process_alive(const struct wtl_lease_owner *owner)
{
    int64_t start;
    return start_of(owner->pid, &start) && start == owner->start_ticks;
}

static void user_name(uid_t uid, char *out, size_t size)
{
    char buf[4096];
    struct passwd entry, *found = NULL;
    out[0] = '\0';
    if (getpwuid_r(uid, &entry, buf, sizeof buf, &found) == 0 && found)
        snprintf(out, size, "%s", entry.pw_name);
}

int wtl_process_self(const char *text, struct wtl_lease_owner *owner_out, struct wtl_error *err)
{
    struct wtl_lease_owner o = {.uid = (int64_t)geteuid(), .pid = (int64_t)getpid()};
    if (!start_of(o.pid, &o.start_ticks))
        return WTL_FAIL(err, WTL_IO,
                        "cannot read /proc/%lld/stat, by which the owner of a lease is "
                        "told from others",
                        (long long)o.pid);
    user_name(geteuid(), o.user, sizeof o.user);
    snprintf(o.text, sizeof o.text, "%s", text ? text : "");
    *owner_out = o;
    return 0;
}

void wtl_process_boot(char boot_out[WTL_LIMIT_NAME])
{
    read_start("/proc/sys/kernel/random/boot_id", boot_out, WTL_LIMIT_NAME);
    boot_out[strcspn(boot_out, "\n")] = '\0';
}
