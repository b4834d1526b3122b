/* SPDX-License-Identifier: Apache-2.0
 * Processes, by /proc. */
#include "lease/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
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

/* Goes on to the field after the next blank. */
static const char *next_field(const char *at)
{
    at = at ? strchr(at, ' ') : NULL;
    return at ? at + 1 : NULL;
}

bool wtl_process_parse_stat(const char *line, struct wtl_process_stat *out)
{
    const char *at = strrchr(line, ')'); /* the name may hold anything */
    if (!at || at[1] != ' ')
        return false;
    at += 2;
    struct wtl_process_stat s = {.state = at[0]};
    for (int field = 3; field < 22 && at; field++) {
        if (field == 20 && !wtl_parse_int(at, strcspn(at, " \n"), &s.threads))
            return false;
        at = next_field(at);
    }
    if (!at || !wtl_parse_int(at, strcspn(at, " \n"), &s.start_ticks))
        return false;
    *out = s;
    return true;
}

static bool stat_of(int64_t pid, struct wtl_process_stat *out)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    read_start(path, line, sizeof line);
    return wtl_process_parse_stat(line, out);
}

/* A process that is over, though its parent has not taken notice. One whose first thread ended
 * before the others looks the same but for their number. */
static bool is_over(const struct wtl_process_stat *s)
{
    return s->state == 'X' || s->state == 'x' || (s->state == 'Z' && s->threads <= 1);
}

static int64_t pid_namespace(void)
{
    struct stat st;
    return stat("/proc/self/ns/pid", &st) == 0 ? (int64_t)st.st_ino : 0;
}

enum wtl_process_life wtl_process_look(const struct wtl_lease_owner *owner)
{
    struct wtl_process_stat s;
    int64_t here = owner->pid_ns != 0 ? pid_namespace() : 0;
    if (here != 0 && here != owner->pid_ns)
        return WTL_PROCESS_HIDDEN;
    if (owner->pid <= 0 || owner->pid > INT_MAX)
        return WTL_PROCESS_GONE;
    if (!stat_of(owner->pid, &s)) /* hidepid hides the file, not the number */
        return kill((pid_t)owner->pid, 0) == 0 || errno == EPERM ? WTL_PROCESS_HIDDEN
                                                                 : WTL_PROCESS_GONE;
    if (s.start_ticks != owner->start_ticks || is_over(&s))
        return WTL_PROCESS_GONE;
    return s.state == 'T' || s.state == 't' ? WTL_PROCESS_STOPPED : WTL_PROCESS_RUNS;
}

bool wtl_process_find(int64_t pid, struct wtl_lease_owner *out)
{
    struct wtl_lease_owner o = {.pid = pid};
    struct wtl_process_stat s;
    struct stat st;
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%lld", (long long)pid);
    if (pid <= 0 || pid > INT_MAX || !stat_of(pid, &s) || is_over(&s) || stat(path, &st) != 0)
        return false;
    o.uid = (int64_t)st.st_uid;
    o.start_ticks = s.start_ticks;
    o.pid_ns = pid_namespace();
    *out = o;
    return true;
}

bool wtl_process_signal(const struct wtl_lease_owner *process, int signal_number)
{
    if (process->pid <= 1 || process->pid > INT_MAX)
        return false;
    const int fd = (int)syscall(SYS_pidfd_open, (pid_t)process->pid, 0u); /* Linux 5.3 */
    const bool no_pidfd = fd < 0 && errno == ENOSYS;
    const enum wtl_process_life life = wtl_process_look(process); /* is fd of this one? */
    bool sent = false;
    if (life == WTL_PROCESS_RUNS || life == WTL_PROCESS_STOPPED) {
        if (fd >= 0)
            sent = syscall(SYS_pidfd_send_signal, fd, signal_number, NULL, 0u) == 0;
        else if (no_pidfd)
            sent = kill((pid_t)process->pid, signal_number) == 0;
    }
    if (fd >= 0)
        close(fd);
    return sent;
}

enum wtl_process_life wtl_process_of_lease(const struct wtl_lease_record *r, const char *boot)
{
    if (boot[0] && r->boot[0] && strcmp(boot, r->boot) != 0)
        return WTL_PROCESS_GONE;
    return wtl_process_look(&r->owner);
}

const char *wtl_process_life_text(enum wtl_process_life life)
{
    static const char *const texts[] = {
        [WTL_PROCESS_GONE] = "ended",
        [WTL_PROCESS_RUNS] = "",
        [WTL_PROCESS_STOPPED] = "stopped",
        [WTL_PROCESS_HIDDEN] = "of another container, or hidden: whether it lives cannot be told",
    };
    return texts[life];
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
    struct wtl_process_stat s;
    if (!stat_of(o.pid, &s))
        return WTL_FAIL(err, WTL_IO,
                        "cannot read /proc/%lld/stat, by which the owner of a lease is "
                        "told from others",
                        (long long)o.pid);
    o.start_ticks = s.start_ticks;
    o.pid_ns = pid_namespace();
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

/* A line of /proc/locks, "1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF", that is of a lock on
 * the file `where` ("08:01:1234"). */
static bool is_lock_on(const char *line, const char *where, int64_t *pid_out)
{
    enum { WORD_TYPE = 1, WORD_ACCESS = 3, WORD_PID, WORD_WHERE, N_WORDS };
    char word[N_WORDS][64];
    for (int i = 0; i < N_WORDS; i++) {
        line += strspn(line, " ");
        size_t n = strcspn(line, " \n");
        snprintf(word[i], sizeof word[i], "%.*s", n < sizeof word[i] ? (int)n : 0, line);
        line += n;
    }
    return strcmp(word[WORD_TYPE], "FLOCK") == 0 && strcmp(word[WORD_ACCESS], "WRITE") == 0 &&
           strcmp(word[WORD_WHERE], where) == 0 &&
           wtl_parse_int(word[WORD_PID], strlen(word[WORD_PID]), pid_out) && *pid_out > 0;
}

static void command_of(int64_t pid, char out[32])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%lld/comm", (long long)pid);
    read_start(path, out, 32);
    out[strcspn(out, "\n")] = '\0';
}

bool wtl_process_of_lock(int fd, int64_t *pid_out, char command_out[32], bool *stopped_out)
{
    struct stat st;
    struct wtl_process_stat s;
    char line[256], where[64];
    bool found = false;
    if (fstat(fd, &st) != 0)
        return false;
    snprintf(where, sizeof where, "%02x:%02x:%llu", major(st.st_dev), minor(st.st_dev),
             (unsigned long long)st.st_ino);
    FILE *f = fopen("/proc/locks", "re");
    while (f && !found && fgets(line, sizeof line, f))
        found = is_lock_on(line, where, pid_out);
    if (f)
        fclose(f);
    if (!found || !stat_of(*pid_out, &s))
        return false;
    command_of(*pid_out, command_out);
    *stopped_out = s.state == 'T' || s.state == 't';
    return true;
}
