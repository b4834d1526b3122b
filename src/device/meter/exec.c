/* SPDX-License-Identifier: Apache-2.0
 * Commands of meters, started and ended. */
#include "device/meter/exec.h"

#include "base/process_group.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long the group has to end by itself, and how long its end is waited for after that. */
enum { GRACE_MS = 200, KILL_MS = 1000, END_MS = 50 };

/* ---- Start ----------------------------------------------------------------------------------- */

static int arrange(posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, int out, int err)
{
    static const int ours[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGCHLD, SIGXFSZ};
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        sigaddset(&defaults, ours[i]);
    int rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                POSIX_SPAWN_SETSIGDEF);
    rc = rc ? rc : posix_spawnattr_setpgroup(attr, 0);
    rc = rc ? rc : posix_spawnattr_setsigmask(attr, &none);
    rc = rc ? rc : posix_spawnattr_setsigdefault(attr, &defaults);
    rc = rc ? rc : posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(files, out, 1);
    return rc ? rc : posix_spawn_file_actions_adddup2(files, err, 2);
}

static int spawn(const char *command, int out, int err, pid_t *pid)
{
    WTL_ARENA(arena);
    char **environment = wtl_secret_environment(&arena);
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    union { /* posix_spawn takes the strings as not const, and leaves them alone */
        const char *const *in;
        char *const *out;
    } words = {(const char *const[]){"sh", "-c", command, NULL}};
    int rc = environment ? posix_spawn_file_actions_init(&files) : ENOMEM;
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        rc = arrange(&files, &attr, out, err);
        rc = rc ? rc : posix_spawn(pid, "/bin/sh", &files, &attr, words.out, environment);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

static void close_both(int fd[2])
{
    for (int i = 0; i < 2; i++)
        if (fd[i] >= 0)
            close(fd[i]);
}

int wtl_meter_command_start(const char *command, struct wtl_meter_command *out,
                            struct wtl_error *err)
{
    int o[2] = {-1, -1}, e[2] = {-1, -1};
    pid_t pid = 0;
    int why = pipe2(o, O_CLOEXEC) == 0 && pipe2(e, O_CLOEXEC) == 0 ? 0 : errno;
    if (why == 0 && (fcntl(o[0], F_SETFL, O_NONBLOCK) < 0 || fcntl(e[0], F_SETFL, O_NONBLOCK) < 0))
        why = errno;
    if (why == 0)
        why = spawn(command, o[1], e[1], &pid);
    if (why != 0) {
        close_both(o);
        close_both(e);
        return WTL_FAIL(err, WTL_FAILED, "cannot run \"%.80s\": %s", command, strerror(why));
    }
    close(o[1]);
    close(e[1]);
    *out = (struct wtl_meter_command){.pid = pid, .out = o[0], .err = e[0]};
    return 0;
}

/* ---- End ------------------------------------------------------------------------------------- */

const char *wtl_meter_command_end(pid_t pid, char *buf, size_t size)
{
    siginfo_t info = {0};
    (void)wtl_child_ended_within(pid, END_MS); /* output is closed a little earlier */
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) != 0)
        snprintf(buf, size, "its status is not known");
    else if (info.si_pid == 0)
        snprintf(buf, size, "it closed its output");
    else if (info.si_code == CLD_EXITED)
        snprintf(buf, size, "exit status %d", info.si_status);
    else
        snprintf(buf, size, "signal %d (%s)", info.si_status, strsignal(info.si_status));
    return buf;
}

void wtl_meter_command_stop(pid_t pid)
{
    (void)wtl_process_groups_stop(&pid, 1, GRACE_MS, KILL_MS);
}
