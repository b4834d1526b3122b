/* SPDX-License-Identifier: Apache-2.0
 * Another command as a child of ours. */
#include "cli/child.h"

#include "cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child. Its signals as ours were before main(); handlers go by themselves. */
static _Noreturn void become(const char *const *words, const sigset_t *mask, int fd)
{
    union { /* execvp takes the strings as not const, and leaves them alone */
        const char *const *in;
        char *const *out;
    } args = {words};
    (void)signal(SIGXFSZ, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
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

static int status_of(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Forks with the signals held back, so that none gets lost between two readers of it. */
static pid_t start(const char *const *words, const int ends[2])
{
    sigset_t all, before;
    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0)
        become(words, &before, ends[1]);
    int why = errno;
    if (pid > 0)
        wtl_interrupt_forward(pid);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    errno = why;
    return pid;
}

int wtl_child_run(const char *const *words, int *status_out, struct wtl_error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return WTL_FAIL(err, WTL_NOMEM, "no pipe for \"%s\": %s", words[0], strerror(errno));
    pid_t pid = start(words, ends);
    int why = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return WTL_FAIL(err, WTL_NOMEM, "no process for \"%s\": %s", words[0], strerror(why));
    }
    why = hear(ends[0]);
    close(ends[0]);
    int status = status_of(pid);
    wtl_interrupt_forward(0);
    if (why != 0)
        return WTL_FAIL(err, why == ENOENT ? WTL_NOTFOUND : WTL_PERMISSION, "cannot run \"%s\": %s",
                        words[0], strerror(why));
    *status_out = status;
    return 0;
}

int wtl_child_with_loan(struct wtl_context *ctx, int (*end)(void *what, struct wtl_error *err),
                        void *what, struct wtl_error *err)
{
    int rc = 0;
    if (ctx->verbosity >= 0)
        fprintf(ctx->messages, "held until %s ends\n", ctx->child[0]);
    fflush(ctx->out);
    if (!wtl_interrupt_noted())
        rc = wtl_child_run(ctx->child, &ctx->child_status, err);
    if (rc == -(int)WTL_NOTFOUND || rc == -(int)WTL_PERMISSION)
        ctx->child_status = rc == -(int)WTL_NOTFOUND ? WTL_EXIT_NOT_FOUND : WTL_EXIT_NO_PROGRAM;
    int ended = end(what, rc ? NULL : err);
    if (ended == 0 && ctx->verbosity >= 0)
        fprintf(ctx->messages, "put back\n");
    if (ended < 0 && rc == 0)
        ctx->child_status = 0;
    return rc ? rc : ended;
}
