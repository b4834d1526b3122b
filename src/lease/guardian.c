/* SPDX-License-Identifier: Apache-2.0
 * The process that outlives a holder. */
#include "lease/guardian.h"

#include "base/detach.h"
#include "lease/process.h"
#include "lease/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_WAIT_MS = 15000, LOOK_MS = 1000, MESSAGE_MAX = 512, MAX_IDS = 512 };

/* Its words: 'R' and its process id, or 'E' and why not; 'D' from the holder: dismissed. */

/* ---- The holder's side ----------------------------------------------------------------------- */

static _Noreturn void be_guardian(int (*guard)(void *, int), void *ctx, int fd)
{
    pid_t pid = fork(); /* a grandchild: nobody of the holder's has to wait for it */
    if (pid != 0)
        _exit(pid > 0 ? 0 : 1);
    fd = wtl_guardian_settle(fd);
    _exit(guard(ctx, fd));
}

/* Waits for the first words. */
static int hear(int fd, pid_t *pid_out, struct wtl_error *err)
{
    char text[MESSAGE_MAX];
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    int n;
    do
        n = poll(&poll_fd, 1, START_WAIT_MS);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return WTL_FAIL(err, WTL_TIMEOUT, "the guardian is not ready after %d s",
                        START_WAIT_MS / 1000);
    ssize_t got = n < 0 ? -1 : recv(fd, text, sizeof text - 1, 0);
    int64_t pid;
    text[got > 0 ? got : 0] = '\0';
    if (got > 1 && text[0] == 'R' && wtl_parse_int(text + 1, (size_t)got - 1, &pid)) {
        *pid_out = (pid_t)pid;
        return 0;
    }
    return WTL_FAIL(err, WTL_FAILED, "there is no guardian to put things back if we die: %s",
                    got > 1 ? text + 1 : "it ended at once");
}

int wtl_guardian_start(int (*guard)(void *ctx, int fd), void *ctx, struct wtl_guardian *out,
                       struct wtl_error *err)
{
    int fds[2], status = 0;
    struct wtl_guardian g = {0};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return WTL_FAIL(err, WTL_IO, "no socket for the guardian: %s", strerror(errno));
    pid_t child = fork();
    if (child == 0) {
        close(fds[0]);
        be_guardian(guard, ctx, fds[1]);
    }
    close(fds[1]);
    g.fd = fds[0];
    int rc = 0;
    if (child < 0)
        rc = WTL_FAIL(err, WTL_NOMEM, "no process for the guardian: %s", strerror(errno));
    else
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
    rc = rc ? rc : hear(g.fd, &g.pid, err);
    if (rc < 0) {
        close(g.fd);
        return rc;
    }
    *out = g;
    return 0;
}

void wtl_guardian_dismiss(struct wtl_guardian *g)
{
    if (g->pid == 0)
        return;
    (void)send(g->fd, "D", 1, MSG_NOSIGNAL);
    close(g->fd);
    *g = (struct wtl_guardian){0};
}

bool wtl_guardian_stands(const struct wtl_guardian *g)
{
    struct pollfd fd = {.fd = g->fd};
    return g->pid != 0 && !(poll(&fd, 1, 0) > 0 && fd.revents & (POLLHUP | POLLERR));
}

void wtl_guardian_forget(struct wtl_guardian *g)
{
    if (g->pid != 0)
        close(g->fd);
    *g = (struct wtl_guardian){0};
}

int wtl_guardian_exec(void *ctx, int fd)
{
    const struct wtl_guardian_program *p = ctx;
    char numbers[4][24];
    const char *argv[8 + MAX_IDS];
    size_t n = 0;
    const int64_t values[4] = {fd, p->owner.uid, p->owner.pid, p->owner.start_ticks};
    for (int i = 0; i < 4; i++)
        snprintf(numbers[i], sizeof numbers[i], "%lld", (long long)values[i]);
    argv[n++] = "wattle";
    argv[n++] = "guardian";
    for (int i = 0; i < 4; i++)
        argv[n++] = numbers[i];
    argv[n++] = p->state_dir ? p->state_dir : "-";
    for (size_t i = 0; p->device_ids[i] && n < sizeof argv / sizeof argv[0] - 1; i++)
        argv[n++] = p->device_ids[i];
    argv[n] = NULL;
    int flags = fcntl(fd, F_GETFD);
    if (flags >= 0 && fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC) == 0) {
        union { /* execv takes the strings as not const, and leaves them alone */
            const char **in;
            char *const *out;
        } args = {argv};
        execv(p->program, args.out);
    }
    char text[MESSAGE_MAX];
    int len =
        snprintf(text, sizeof text, "Ecannot run \"%.300s\": %s", p->program, strerror(errno));
    (void)send(fd, text, (size_t)len, MSG_NOSIGNAL);
    return 1;
}

/* ---- The guardian's side --------------------------------------------------------------------- */

int wtl_guardian_settle(int fd)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP};
    struct sigaction action = {.sa_handler = SIG_IGN};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        (void)sigaction(ignored[i], &action, NULL);
    wtl_detach(&fd, 1); /* a reader of the holder's output waits for nobody */
    return fd;
}

static void say(int fd, char what, const char *text)
{
    char message[MESSAGE_MAX];
    int n = snprintf(message, sizeof message, "%c%.*s", what, MESSAGE_MAX - 2, text);
    (void)send(fd, message, (size_t)n, MSG_NOSIGNAL);
}

/* A descriptor that becomes readable when the holder has ended; -1 where there is none. The socket
 * alone would not do: a fork of the holder keeps its other end open. */
static int watch_process(const struct wtl_lease_owner *owner)
{
    return (int)syscall(SYS_pidfd_open, (pid_t)owner->pid, 0);
}

/* True when the holder is dead, false when it dismissed us. */
static bool wait_for_the_end(const struct wtl_guardian_work *work)
{
    struct pollfd fds[2] = {{.fd = work->fd, .events = POLLIN},
                            {.fd = watch_process(&work->owner), .events = POLLIN}};
    /* Its number may have gone to another before we had the descriptor. Without one, we look. */
    int wait_ms = fds[1].fd >= 0 ? -1 : LOOK_MS;
    bool alive = wtl_process_look(&work->owner) != WTL_PROCESS_GONE;
    while (alive) {
        int n = poll(fds, 2, wait_ms);
        if (n > 0 && (fds[0].revents || fds[1].revents))
            break;
        alive = wtl_process_look(&work->owner) != WTL_PROCESS_GONE;
    }
    if (fds[1].fd >= 0)
        close(fds[1].fd);
    char what;
    ssize_t got;
    do /* the last word counts, even of one that ended right after it */
        got = recv(work->fd, &what, 1, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return !(got == 1 && what == 'D');
}

/* The socket ends a moment before the kernel lets go of the holder's other locks. */
static bool wait_for_its_locks(struct wtl_holder *h, const struct wtl_restore_filter *filter,
                               int *rc_out)
{
    WTL_ARENA(arena);
    struct wtl_restore_report report = {0};
    struct wtl_error err = {0};
    *rc_out = wtl_lease_restore(h, filter, &arena, &report, &err);
    return *rc_out == 0 && report.n_held == 0;
}

static int put_back(const struct wtl_guardian_work *work, struct wtl_holder *h)
{
    const struct wtl_restore_filter filter = {.owner = &work->owner};
    const struct timespec step = {.tv_nsec = 5000000};
    int rc = 0;
    for (int tries = 0; tries < 400; tries++) { /* 2 s, and what the devices take */
        if (wait_for_its_locks(h, &filter, &rc))
            return 0;
        (void)nanosleep(&step, NULL);
    }
    return 1;
}

static int stand(const struct wtl_guardian_work *work, struct wtl_machine *machine)
{
    WTL_ARENA(arena);
    struct wtl_error err = {0};
    struct wtl_holder *h = NULL;
    struct wtl_holder_options options = {.machine = machine,
                                         .clock = work->clock,
                                         .state_dir = work->state_dir,
                                         .text = "wattle guardian"};
    char pid[24];
    int rc = wtl_holder_open(&arena, &options, &h, &err);
    if (rc < 0) {
        say(work->fd, 'E', err.message);
        return 1;
    }
    snprintf(pid, sizeof pid, "%lld", (long long)getpid());
    say(work->fd, 'R', pid);
    int status = wait_for_the_end(work) ? put_back(work, h) : 0;
    wtl_holder_close(h);
    return status;
}

int wtl_guardian_run(const struct wtl_guardian_work *work)
{
    struct wtl_error err = {0};
    struct wtl_machine *machine = NULL;
    int rc = work->open(work->ctx, &machine, &err);
    if (rc < 0) {
        say(work->fd, 'E', err.message);
        return 1;
    }
    int status = stand(work, machine);
    wtl_machine_close(machine);
    return status;
}

static int open_named(void *ctx, struct wtl_machine **machine_out, struct wtl_error *err)
{
    struct wtl_machine_options options = {
        .clock = wtl_clock_system(), .only = ctx, .for_knobs = true};
    return wtl_machine_open(wtl_alloc_system(), &options, machine_out, err);
}

int wtl_guardian_main(int argc, const char *const *argv)
{
    int64_t numbers[4];
    if (argc < 7)
        return WTL_USAGE;
    for (int i = 0; i < 4; i++)
        if (!wtl_parse_int(argv[2 + i], strlen(argv[2 + i]), &numbers[i]))
            return WTL_USAGE;
    union { /* handed on as const again */
        const char *const *in;
        void *out;
    } ids = {argv + 7};
    struct wtl_guardian_work work = {
        .fd = (int)numbers[0],
        .state_dir = strcmp(argv[6], "-") == 0 ? NULL : argv[6],
        .owner = {.uid = numbers[1], .pid = numbers[2], .start_ticks = numbers[3]},
        .clock = wtl_clock_system(),
        .open = open_named,
        .ctx = ids.out,
    };
    return wtl_guardian_run(&work);
}
