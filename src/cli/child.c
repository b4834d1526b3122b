/* SPDX-License-Identifier: Apache-2.0
 * Another command as a child of ours. */
#include "cli/child.h"

#include "base/secret.h"
#include "cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What of ours the command is to have as it was. */
struct before {
    sigset_t mask;
    struct sigaction chld;
};

/* Before they are let through: our handlers would swallow what comes until the exec. */
static void drop_handlers(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction action;
        if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            (void)signal(signals[i], SIG_DFL);
    }
}

/* In the child. Its signals as ours were before main(). */
static _Noreturn void become(const char *const *words, char **environment,
                             const struct before *before, int fd)
{
    union { /* execvp takes the strings as not const, and leaves them alone */
        const char *const *in;
        char *const *out;
    } args = {words};
    drop_handlers();
    (void)signal(SIGXFSZ, SIG_DFL);
    (void)sigaction(SIGCHLD, &before->chld, NULL);
    (void)sigprocmask(SIG_SETMASK, &before->mask, NULL);
    environ = environment;
    execvp(words[0], args.out);
    int why = errno;
    (void)!write(fd, &why, sizeof why);
    _exit(WTL_EXIT_NO_PROGRAM);
}

/* Why it could not be run; 0: it runs. */
static int hear(int fd)
{
    int why = 0;
    ssize_t n;
    do
        n = read(fd, &why, sizeof why);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof why ? why : 0;
}

enum { LOOK_MS = 500 };

/* Until it has ended; it stays in the table of processes. Without a descriptor of it (Linux before
 * 5.3) its end is seen at the next look. */
static void look_after(pid_t pid, const struct wtl_child_care *care)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0u);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    siginfo_t info = {0};
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) == 0 && info.si_pid == 0) {
        int rc = poll(&p, 1, LOOK_MS);
        if (rc == 0)
            care->look(care->ctx);
    }
    if (fd >= 0)
        close(fd);
}

/* Waits for its end, and takes its number from the table of processes only when no signal is sent
 * on to that number any more. 0, or errno. */
static int await(pid_t pid, int *status_out)
{
    siginfo_t info;
    int rc, why, status = 0;
    do
        rc = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    while (rc < 0 && errno == EINTR);
    why = errno;
    wtl_interrupt_forward(0);
    if (rc < 0)
        return why;
    do
        rc = (int)waitpid(pid, &status, 0);
    while (rc < 0 && errno == EINTR);
    if (rc < 0)
        return errno;
    *status_out = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return 0;
}

/* Forks with the signals held back, so that none gets lost between two readers of it: what was
 * noted before keeps the command from being run (0), what comes later is sent on to it. Whoever
 * ignores SIGCHLD is told no status. */
static pid_t start(const char *const *words, char **environment, const int ends[2])
{
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    struct before before;
    sigset_t all;
    pid_t pid = 0;
    sigfillset(&all);
    (void)sigaction(SIGCHLD, &usual, &before.chld);
    (void)sigprocmask(SIG_SETMASK, &all, &before.mask);
    if (!wtl_interrupt_noted()) {
        pid = fork();
        if (pid == 0)
            become(words, environment, &before, ends[1]);
    }
    int why = errno;
    if (pid > 0)
        wtl_interrupt_forward(pid);
    (void)sigprocmask(SIG_SETMASK, &before.mask, NULL);
    errno = why;
    return pid;
}

/* After start(). */
static int finish(const char *name, pid_t pid, int fd, const struct wtl_child_care *care,
                  int *status_out, struct wtl_error *err)
{
    int status = 0, why = hear(fd);
    look_after(pid, care);
    int lost = await(pid, &status);
    if (why != 0)
        return WTL_FAIL(err, why == ENOENT ? WTL_NOTFOUND : WTL_PERMISSION, "cannot run \"%s\": %s",
                        name, strerror(why));
    if (lost != 0)
        return WTL_FAIL(err, WTL_FAILED, "how \"%s\" ended is not known: %s", name, strerror(lost));
    *status_out = status;
    return 1;
}

int wtl_child_run(const char *const *words, const struct wtl_child_care *care, int *status_out,
                  struct wtl_error *err)
{
    WTL_ARENA(arena);
    char **environment = wtl_secret_environment(&arena);
    int ends[2], rc = 0;
    if (!environment)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    if (pipe2(ends, O_CLOEXEC) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "no pipe for \"%s\": %s", words[0], strerror(errno));
    pid_t pid = start(words, environment, ends);
    int why = errno;
    close(ends[1]);
    if (pid < 0)
        rc = WTL_FAIL(err, WTL_NOMEM, "no process for \"%s\": %s", words[0], strerror(why));
    else if (pid > 0)
        rc = finish(words[0], pid, ends[0], care, status_out, err);
    close(ends[0]);
    return rc;
}
