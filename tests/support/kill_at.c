/* SPDX-License-Identifier: Apache-2.0
 * A tracer that kills. */
#include "support/kill_at.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_PROCESSES = 64 };

struct trace {
    pid_t pids[MAX_PROCESSES]; /* alive, threads too; 0: free */
    bool of_first[MAX_PROCESSES];
    pid_t first;
    enum kill_who who;
    bool calls; /* count calls, not stops */
    long n;
    struct kill_result result;
};

/* Whether a thread is one of this process. */
static bool is_thread_of(pid_t pid, pid_t process)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d", (int)process, (int)pid);
    return access(path, F_OK) == 0;
}

static void know(struct trace *t, pid_t pid)
{
    int place = -1;
    for (int i = 0; i < MAX_PROCESSES; i++) {
        if (t->pids[i] == pid)
            return;
        if (t->pids[i] == 0 && place < 0)
            place = i;
    }
    if (place >= 0) {
        t->pids[place] = pid;
        t->of_first[place] = pid == t->first || is_thread_of(pid, t->first);
    }
}

static void forget(struct trace *t, pid_t pid)
{
    for (int i = 0; i < MAX_PROCESSES; i++)
        if (t->pids[i] == pid)
            t->pids[i] = 0;
}

static bool any(const struct trace *t)
{
    for (int i = 0; i < MAX_PROCESSES; i++)
        if (t->pids[i] != 0)
            return true;
    return false;
}

static bool counts(const struct trace *t, pid_t pid)
{
    for (int i = 0; i < MAX_PROCESSES; i++)
        if (t->pids[i] == pid)
            return t->who == KILL_ALL || (t->who == KILL_FIRST) == t->of_first[i];
    return false;
}

static void kill_them(struct trace *t)
{
    t->result.killed = 1;
    for (int i = 0; i < MAX_PROCESSES; i++)
        if (t->pids[i] != 0 && counts(t, t->pids[i]))
            (void)kill(t->pids[i], SIGKILL);
}

static void go_on(pid_t pid, int signal_number)
{
    (void)ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)signal_number);
}

/* Whether a thread stands before its call. */
static bool is_entry(pid_t pid)
{
    struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};
    (void)ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info);
    return info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

static void stopped(struct trace *t, pid_t pid, int status)
{
    int what = WSTOPSIG(status);
    if (what == (SIGTRAP | 0x80)) {
        if (counts(t, pid) && !t->result.killed && (!t->calls || is_entry(pid)) &&
            ++t->result.stops == t->n)
            kill_them(t);
        go_on(pid, 0);
    } else if (what == SIGTRAP || what == SIGSTOP) {
        go_on(pid, 0); /* news of the tracer's: a fork, an exec, a new process */
    } else {
        go_on(pid, what);
    }
}

/* Descendants are traced from their first step on. */
static bool take_in(pid_t pid)
{
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    int status;
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
        return false;
    if (ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)options) != 0)
        return false;
    go_on(pid, 0);
    return true;
}

static struct kill_result run(void (*fn)(void *ctx), void *ctx, struct trace t)
{
    fflush(NULL);
    t.first = fork();
    if (t.first == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(125);
        (void)raise(SIGSTOP);
        fn(ctx);
        _exit(0);
    }
    if (t.first < 0 || !take_in(t.first)) {
        t.result.no_trace = 1;
        return t.result;
    }
    know(&t, t.first);
    while (any(&t)) {
        int status;
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0)
            break;
        know(&t, pid);
        if (WIFSTOPPED(status)) {
            stopped(&t, pid, status);
            continue;
        }
        forget(&t, pid);
        if (pid == t.first)
            t.result.status = status;
    }
    return t.result;
}

struct kill_result kill_at(void (*fn)(void *ctx), void *ctx, enum kill_who who, long n)
{
    return run(fn, ctx, (struct trace){.who = who, .n = n});
}

struct kill_result kill_at_call(void (*fn)(void *ctx), void *ctx, enum kill_who who, long n)
{
    return run(fn, ctx, (struct trace){.who = who, .n = n, .calls = true});
}
