/* SPDX-License-Identifier: Apache-2.0
 * Calls of nvidia-cuda-mps-control. */
#include "mps/control.h"

#include "base/dirs.h"
#include "base/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const int64_t default_timeout_ns = 5 * WTL_NS_PER_S;
enum { STEP_MS = 5, MOST_MARKS = 8 };

/* ---- The program ----------------------------------------------------------------------------- */

static int no_program(const char *where, struct wtl_error *err)
{
    int rc = WTL_FAIL(err, WTL_UNSUPPORTED, "there is no MPS here: %s", where);
    wtl_error_hint(err,
                   "%s comes with NVIDIA's driver (Debian: nvidia-cuda-mps); "
                   "WATTLE_MPS_CONTROL names it where it is not in $PATH",
                   WTL_MPS_PROGRAM);
    return rc;
}

int wtl_mps_find_program(struct wtl_arena *arena, const char **path_out, struct wtl_error *err)
{
    const char *by_hand = wtl_environment("WATTLE_MPS_CONTROL");
    if (by_hand && access(by_hand, X_OK) != 0)
        return no_program("what WATTLE_MPS_CONTROL names cannot be run", err);
    if (by_hand) {
        *path_out = by_hand;
        return 0;
    }
    const char *found = wtl_program_find(arena, WTL_MPS_PROGRAM);
    if (found)
        *path_out = found;
    else
        return no_program(WTL_MPS_PROGRAM " is not in $PATH", err);
    return 0;
}

/* ---- One run of it --------------------------------------------------------------------------- */

struct call {
    const struct wtl_mps_control *control;
    const char *words[3];
    const char *const *environment;
    const char *input; /* NULL: none */
    int64_t deadline_ns;
    pid_t pid;
    int out; /* what it prints; not blocking */
    char *answer;
    size_t n;
    bool whole; /* its output is closed */
};

static int64_t now(const struct wtl_mps_control *c)
{
    return c->clock.monotonic_ns(c->clock.ctx);
}

static int arrange(posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, int in, int out)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                POSIX_SPAWN_SETSIGDEF);
    rc = rc ? rc : posix_spawnattr_setsigmask(attr, &none);
    rc = rc ? rc : posix_spawnattr_setsigdefault(attr, &all);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(files, in, 0);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(files, out, 1);
    return rc ? rc : posix_spawn_file_actions_adddup2(files, out, 2);
}

static int spawn(struct call *c, int in, int out)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    union { /* posix_spawn takes the strings as not const, and leaves them alone */
        const char *const *in;
        char *const *out;
    } words = {c->words}, environment = {c->environment};
    int rc = posix_spawn_file_actions_init(&files);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        rc = arrange(&files, &attr, in, out);
        rc = rc ? rc
                : posix_spawn(&c->pid, c->control->program, &files, &attr, words.out,
                              environment.out);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

/* What it is to read, as a file: a program that ends early breaks no pipe, and its input ends. */
static int input_file(const char *text)
{
    const size_t n = text ? strlen(text) : 0;
    const int fd = memfd_create("mps-command", MFD_CLOEXEC);
    if (fd >= 0 && n > 0 &&
        (write(fd, text, n) != (ssize_t)n || write(fd, "\n", 1) != 1 || lseek(fd, 0, SEEK_SET))) {
        close(fd);
        return -1;
    }
    return fd;
}

static int start(struct call *c, struct wtl_error *err)
{
    int pipe_fd[2] = {-1, -1};
    const int in = input_file(c->input);
    int why = in < 0 || pipe2(pipe_fd, O_CLOEXEC) != 0 || fcntl(pipe_fd[0], F_SETFL, O_NONBLOCK) < 0
                  ? errno
                  : 0;
    why = why ? why : spawn(c, in, pipe_fd[1]);
    if (in >= 0)
        close(in);
    if (pipe_fd[1] >= 0)
        close(pipe_fd[1]);
    c->out = pipe_fd[0];
    if (why == 0)
        return 0;
    if (pipe_fd[0] >= 0)
        close(pipe_fd[0]);
    return WTL_FAIL(err, WTL_FAILED, "cannot run \"%.200s\": %s", c->control->program,
                    strerror(why));
}

/* Takes what has come; what no longer fits is dropped. Not for ever: it may come without end. */
static void take(struct call *c)
{
    enum { READS = 32 };
    char rest[4096];
    for (int i = 0; i < READS && !c->whole; i++) {
        const size_t room = WTL_MPS_ANSWER - 1 - c->n;
        const ssize_t n = room ? read(c->out, c->answer + c->n, room) : read(c->out, rest, 4096);
        if (n > 0 && room)
            c->n += (size_t)n;
        if (n < 0 && errno == EAGAIN)
            return;
        c->whole = n == 0 || (n < 0 && errno != EINTR);
    }
}

/* Until it has ended: a daemon that it leaves behind may keep its output open. */
static bool await(struct call *c, int *status_out)
{
    for (;;) {
        take(c);
        if (waitpid(c->pid, status_out, WNOHANG) == c->pid) {
            take(c);
            return true;
        }
        if (now(c->control) >= c->deadline_ns)
            return false;
        struct pollfd p = {.fd = c->whole ? -1 : c->out, .events = POLLIN};
        (void)poll(&p, 1, STEP_MS);
    }
}

/* Runs it to its end. *status_out as of waitpid(2). */
static int run(struct call *c, int *status_out, struct wtl_error *err)
{
    int rc = start(c, err);
    if (rc < 0)
        return rc;
    if (!await(c, status_out)) {
        (void)kill(-c->pid, SIGKILL); /* and what it has started in its session */
        (void)waitpid(c->pid, status_out, 0);
        rc = WTL_FAIL(err, WTL_TIMEOUT, "MPS did not answer \"%s\" in time",
                      c->input ? c->input : "start");
        wtl_error_hint(err, "the control daemon of %s hangs", c->control->pipe_dir);
    }
    close(c->out);
    c->answer[c->n] = '\0';
    return rc;
}

static const char *const *environment_of(struct wtl_arena *arena,
                                         const struct wtl_mps_control *control,
                                         const char *const *marks, size_t n_marks)
{
    const char *changes[MOST_MARKS + 2];
    size_t n = 0;
    changes[n++] = wtl_arena_printf(arena, "CUDA_MPS_PIPE_DIRECTORY=%s", control->pipe_dir);
    if (control->log_dir)
        changes[n++] = wtl_arena_printf(arena, "CUDA_MPS_LOG_DIRECTORY=%s", control->log_dir);
    for (size_t i = 0; i < n_marks && n < sizeof changes / sizeof changes[0]; i++)
        changes[n++] = marks[i];
    return changes[0] && changes[n - 1] ? wtl_environment_with(arena, changes, n) : NULL;
}

/* Runs it with an answer in the arena. */
static int call(struct call *c, struct wtl_arena *arena, int64_t more_ns, const char *const *marks,
                size_t n_marks, int *status_out, struct wtl_error *err)
{
    const struct wtl_mps_control *control = c->control;
    const int64_t timeout_ns = control->timeout_ns > 0 ? control->timeout_ns : default_timeout_ns;
    c->words[0] = WTL_MPS_PROGRAM;
    c->environment = environment_of(arena, control, marks, n_marks);
    c->answer = wtl_arena_alloc(arena, WTL_MPS_ANSWER, 1);
    if (!c->environment || !c->answer)
        return WTL_FAIL(err, WTL_NOMEM, "out of memory");
    c->deadline_ns = now(control) + timeout_ns + more_ns;
    return run(c, status_out, err);
}

static int ask(const struct wtl_mps_control *control, struct wtl_arena *arena, const char *command,
               int64_t more_ns, const char **answer_out, struct wtl_error *err)
{
    int status = 0;
    struct call c = {.control = control, .input = command};
    int rc = call(&c, arena, more_ns, NULL, 0, &status, err);
    if (rc == 0 && status != 0 && c.n == 0) /* a failure without words */
        rc = WTL_FAIL(err, WTL_FAILED, "MPS does not answer \"%s\"", command);
    if (rc == 0)
        *answer_out = c.answer;
    return rc;
}

int wtl_mps_ask(const struct wtl_mps_control *control, struct wtl_arena *arena, const char *command,
                const char **answer_out, struct wtl_error *err)
{
    return ask(control, arena, command, 0, answer_out, err);
}

int wtl_mps_launch(const struct wtl_mps_control *control, const char *const *marks, size_t n_marks,
                   struct wtl_error *err)
{
    WTL_ARENA(scratch);
    int status = 0;
    struct call c = {.control = control, .words = {NULL, "-d"}};
    int rc = call(&c, &scratch, 0, marks, n_marks, &status, err);
    if (rc < 0)
        return rc;
    return status == 0 ? 0 : wtl_mps_fail("-d", c.answer, err);
}

int wtl_mps_answers(const struct wtl_mps_control *control, struct wtl_error *err)
{
    int64_t pids[WTL_MPS_PIDS];
    size_t n;
    if (access(control->pipe_dir, F_OK) != 0)
        return WTL_FAIL(err, WTL_NOTFOUND, "no MPS control daemon runs in %s", control->pipe_dir);
    return wtl_mps_servers(control, pids, &n, err);
}

/* ---- Commands -------------------------------------------------------------------------------- */

/* A command with up to two numbers behind it. */
static const char *spell(char buf[96], const char *verb, int64_t a, int64_t b)
{
    if (b > 0)
        (void)snprintf(buf, 96, "%s %lld %lld", verb, (long long)a, (long long)b);
    else if (a > 0)
        (void)snprintf(buf, 96, "%s %lld", verb, (long long)a);
    else
        (void)snprintf(buf, 96, "%s", verb);
    return buf;
}

/* One that has nothing to tell when it works. */
static int order(const struct wtl_mps_control *control, const char *command, int64_t more_ns,
                 struct wtl_error *err)
{
    WTL_ARENA(scratch);
    const char *answer;
    int rc = ask(control, &scratch, command, more_ns, &answer, err);
    if (rc < 0)
        return rc;
    return wtl_mps_complains(answer) ? wtl_mps_fail(command, answer, err) : 0;
}

int wtl_mps_servers(const struct wtl_mps_control *control, int64_t pids_out[WTL_MPS_PIDS],
                    size_t *n_out, struct wtl_error *err)
{
    WTL_ARENA(scratch);
    const char *answer;
    int rc = ask(control, &scratch, "get_server_list", 0, &answer, err);
    return rc ? rc : wtl_mps_parse_pids("get_server_list", answer, pids_out, n_out, err);
}

int wtl_mps_clients(const struct wtl_mps_control *control, int64_t server,
                    int64_t pids_out[WTL_MPS_PIDS], size_t *n_out, struct wtl_error *err)
{
    WTL_ARENA(scratch);
    char command[96];
    const char *answer;
    int rc = ask(control, &scratch, spell(command, "get_client_list", server, 0), 0, &answer, err);
    return rc ? rc : wtl_mps_parse_pids(command, answer, pids_out, n_out, err);
}

int wtl_mps_ps(const struct wtl_mps_control *control, struct wtl_mps_client *out, size_t max,
               size_t *n_out, struct wtl_error *err)
{
    WTL_ARENA(scratch);
    const char *answer;
    int rc = ask(control, &scratch, "ps", 0, &answer, err);
    return rc ? rc : wtl_mps_parse_ps(answer, out, max, n_out, err);
}

int wtl_mps_server_status(const struct wtl_mps_control *control, int64_t server,
                          enum wtl_mps_status *out, struct wtl_error *err)
{
    WTL_ARENA(scratch);
    char command[96];
    const char *answer;
    struct wtl_error why = {0};
    int rc =
        ask(control, &scratch, spell(command, "get_server_status", server, 0), 0, &answer, err);
    if (rc < 0)
        return rc;
    rc = wtl_mps_parse_status(command, answer, out, &why);
    if (rc == -(int)WTL_UNSUPPORTED) {
        *out = WTL_MPS_UNKNOWN;
        return 0;
    }
    if (rc < 0 && err)
        *err = why;
    return rc;
}

int wtl_mps_get_percentage(const struct wtl_mps_control *control, int64_t server, double *out,
                           struct wtl_error *err)
{
    WTL_ARENA(scratch);
    char command[96];
    const char *answer;
    (void)spell(command,
                server > 0 ? "get_active_thread_percentage"
                           : "get_default_active_thread_percentage",
                server, 0);
    int rc = ask(control, &scratch, command, 0, &answer, err);
    return rc ? rc : wtl_mps_parse_percentage(command, answer, out, err);
}

int wtl_mps_set_percentage(const struct wtl_mps_control *control, int64_t server, double percent,
                           struct wtl_error *err)
{
    WTL_ARENA(scratch);
    char verb[96], command[96 + WTL_DOUBLE_TEXT], number[WTL_DOUBLE_TEXT];
    const char *answer;
    (void)spell(
        verb, server > 0 ? "set_active_thread_percentage" : "set_default_active_thread_percentage",
        server, 0);
    (void)snprintf(command, sizeof command, "%s %s", verb, wtl_format_double(percent, number));
    int rc = ask(control, &scratch, command, 0, &answer, err);
    if (rc < 0)
        return rc;
    return wtl_mps_complains(answer) ? wtl_mps_fail(command, answer, err) : 0;
}

int wtl_mps_start_server(const struct wtl_mps_control *control, int64_t uid, struct wtl_error *err)
{
    char command[96];
    (void)snprintf(command, sizeof command, "start_server -uid %lld", (long long)uid);
    return order(control, command, 0, err);
}

int wtl_mps_shutdown_server(const struct wtl_mps_control *control, int64_t server,
                            struct wtl_error *err)
{
    char command[96];
    return order(control, spell(command, "shutdown_server", server, 0), 0, err);
}

int wtl_mps_terminate_client(const struct wtl_mps_control *control, int64_t server, int64_t client,
                             struct wtl_error *err)
{
    char command[96];
    return order(control, spell(command, "terminate_client", server, client), 0, err);
}

int wtl_mps_quit(const struct wtl_mps_control *control, int timeout_s, struct wtl_error *err)
{
    char command[96];
    (void)snprintf(command, sizeof command, "quit -t %d", timeout_s);
    return order(control, command, timeout_s * WTL_NS_PER_S, err);
}
