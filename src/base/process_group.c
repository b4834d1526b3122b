/* SPDX-License-Identifier: Apache-2.0
 * Ending process groups. A leader that ended is left in the table until its group had its SIGKILL:
 * the group's number is its own as long. */
#include "base/process_group.h"

#include "base/clock.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STEP_MS_MAX = 20 };

static int64_t after(int ms)
{
    return wtl_clock_system().monotonic_ns(NULL) + ms * (WTL_NS_PER_S / 1000);
}

/* Waits a while, longer every time; false: it is past `until_ns`. */
static bool step(int64_t until_ns, int *ms)
{
    if (after(0) >= until_ns)
        return false;
    wtl_sleep_ns(*ms * (WTL_NS_PER_S / 1000));
    *ms = *ms * 2 < STEP_MS_MAX ? *ms * 2 : STEP_MS_MAX;
    return true;
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) != 0 || info.si_pid != 0;
}

bool wtl_child_ended_within(pid_t pid, int ms)
{
    const int64_t until_ns = after(ms);
    for (int wait_ms = 1; !has_ended(pid);)
        if (!step(until_ns, &wait_ms))
            return false;
    return true;
}

/* ---- Groups ---------------------------------------------------------------------------------- */

/* The group of a process that still runs; 0: it has ended, or cannot be told. "PID (NAME) STATE
 * PARENT GROUP ...": proc(5); the name may hold anything. */
static pid_t group_of(int proc, const char *pid)
{
    char path[32], line[512];
    snprintf(path, sizeof path, "%.20s/stat", pid);
    const int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd >= 0 ? read(fd, line, sizeof line - 1) : -1;
    if (fd >= 0)
        (void)close(fd);
    line[n > 0 ? n : 0] = '\0';
    const char *at = strrchr(line, ')');
    if (!at || at[1] != ' ' || !at[2] || strchr("ZXx", at[2]))
        return 0;
    char *rest = NULL;
    (void)strtol(at + 3, &rest, 10);
    return (pid_t)strtol(rest, NULL, 10);
}

static bool any_member(const pid_t *leaders, size_t n)
{
    bool any = false;
    DIR *proc = opendir("/proc");
    for (const struct dirent *e; proc && !any && (e = readdir(proc));) {
        const pid_t group =
            isdigit((unsigned char)e->d_name[0]) ? group_of(dirfd(proc), e->d_name) : 0;
        for (size_t i = 0; group > 0 && i < n && !any; i++)
            any = leaders[i] == group;
    }
    if (proc)
        (void)closedir(proc);
    return any;
}

static bool all_ended(const pid_t *leaders, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (leaders[i] > 0 && !has_ended(leaders[i]))
            return false;
    return !any_member(leaders, n);
}

static bool ended_within(const pid_t *leaders, size_t n, int ms)
{
    const int64_t until_ns = after(ms);
    for (int wait_ms = 1; !all_ended(leaders, n);)
        if (!step(until_ns, &wait_ms))
            return false;
    return true;
}

static void signal_all(const pid_t *leaders, size_t n, int signal_number)
{
    for (size_t i = 0; i < n; i++)
        if (leaders[i] > 0)
            (void)kill(-leaders[i], signal_number);
}

bool wtl_process_groups_ask(const pid_t *leaders, size_t n, int grace_ms)
{
    signal_all(leaders, n, SIGTERM);
    signal_all(leaders, n, SIGCONT);
    return ended_within(leaders, n, grace_ms);
}

bool wtl_process_groups_stop(const pid_t *leaders, size_t n, int grace_ms, int wait_ms)
{
    bool any = false;
    for (size_t i = 0; i < n; i++)
        any = any || leaders[i] > 0;
    if (!any)
        return true;
    (void)wtl_process_groups_ask(leaders, n, grace_ms);
    signal_all(leaders, n, SIGKILL); /* also where nothing was seen: /proc may be hidden */
    const bool ended = ended_within(leaders, n, wait_ms);
    for (size_t i = 0; i < n; i++)
        if (leaders[i] > 0)
            (void)waitpid(leaders[i], NULL, WNOHANG);
    return ended;
}
