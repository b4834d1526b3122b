/* SPDX-License-Identifier: Apache-2.0
 * Temporary files and signals. */
#include "cli/interrupt.h"

#include "base/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* More than a report has files. A place is free before its path is given back. */
enum { SLOTS = 8192 };
static struct {
    char *path;
    atomic_bool live;
} slots[SLOTS];
static atomic_int n_slots;
static atomic_flag taken = ATOMIC_FLAG_INIT; /* by a thread that changes the table, for a moment */

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { N_SIGNALS = sizeof signals / sizeof signals[0] };

static atomic_int forward_to; /* process; 0: nobody */
static atomic_bool held;
static atomic_int noted; /* the signal; 0: none */
static atomic_bool came; /* any, that was noted or sent on */
static int bell[2] = {-1, -1};

/* Only what may be called in a handler: kill. Sent by a process; what the terminal sends goes to
 * the whole group, but that it is gone is told to the leader of the session alone. */
static void forward(int signal_number, siginfo_t *info, void *context)
{
    int before = errno;
    pid_t pid = atomic_load(&forward_to);
    (void)context;
    atomic_store(&came, true);
    if (pid > 0 && (info->si_code <= 0 || signal_number == SIGHUP))
        (void)kill(pid, signal_number);
    errno = before;
}

/* Threads of ours take signals that are held back in the main thread: the one that was noted while
 * the command was begun, by whoever sees both first. */
static void hand_over(void)
{
    pid_t pid = atomic_load(&forward_to);
    int signal_number = pid > 0 ? atomic_exchange(&noted, 0) : 0;
    if (signal_number != 0)
        (void)kill(pid, signal_number);
}

/* Only what may be called in a handler: kill, write, unlink, rmdir, sigaction, raise. */
static void end(int signal_number)
{
    if (atomic_load(&held)) {
        int before = errno;
        atomic_store(&noted, signal_number);
        atomic_store(&came, true);
        (void)!write(bell[1], "", 1);
        hand_over();
        errno = before;
        return;
    }
    int n = atomic_load(&n_slots);
    for (int i = n; i-- > 0;) /* newest first: what is in a directory before it */
        if (atomic_load(&slots[i].live) && unlink(slots[i].path) != 0)
            (void)rmdir(slots[i].path);
    (void)raise(signal_number); /* SA_RESETHAND: the usual effect, once the handler returns */
}

static void made(const char *path)
{
    while (atomic_flag_test_and_set(&taken))
        ;
    int n = atomic_load(&n_slots), i = 0;
    while (i < n && atomic_load(&slots[i].live))
        i++;
    if (i < SLOTS) { /* without memory the file is not watched, which is no reason to fail */
        char *copy = strdup(path);
        if (copy) {
            free(slots[i].path);
            slots[i].path = copy;
            atomic_store(&slots[i].live, true);
            if (i == n)
                atomic_store(&n_slots, n + 1);
        }
    }
    atomic_flag_clear(&taken);
}

static void gone(const char *path)
{
    while (atomic_flag_test_and_set(&taken))
        ;
    int n = atomic_load(&n_slots);
    for (int i = 0; i < n; i++)
        if (atomic_load(&slots[i].live) && strcmp(slots[i].path, path) == 0)
            atomic_store(&slots[i].live, false);
    atomic_flag_clear(&taken);
}

/* For each of these signals that nobody had ignored. */
static void handle(struct sigaction *action)
{
    sigemptyset(&action->sa_mask);
    for (int i = 0; i < N_SIGNALS; i++)
        sigaddset(&action->sa_mask, signals[i]);
    for (int i = 0; i < N_SIGNALS; i++) {
        struct sigaction before;
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            (void)sigaction(signals[i], action, NULL);
    }
}

static void end_by_signals(void)
{
    struct sigaction action = {.sa_handler = end, .sa_flags = (int)SA_RESETHAND};
    handle(&action);
}

void wtl_interrupt_forward(pid_t pid)
{
    static struct sigaction quit; /* as it was before */
    struct sigaction action = {.sa_sigaction = forward, .sa_flags = SA_SIGINFO | SA_RESTART};
    atomic_store(&forward_to, pid);
    if (pid > 0) {
        handle(&action);
        if (sigaction(SIGQUIT, NULL, &quit) == 0 && quit.sa_handler != SIG_IGN)
            (void)sigaction(SIGQUIT, &action, NULL);
        hand_over();
    } else {
        end_by_signals();
        (void)sigaction(SIGQUIT, &quit, NULL);
    }
}

void wtl_interrupt_init(void)
{
    static const struct wtl_temporary_watch watch = {made, gone};
    end_by_signals();
    /* A limit on the size of files is an error like a full disk, with words, and no crash. */
    (void)signal(SIGXFSZ, SIG_IGN);
    wtl_temporary_set_watch(&watch);
}

void wtl_interrupt_hold(void)
{
    if (bell[0] < 0 && pipe2(bell, O_CLOEXEC | O_NONBLOCK) != 0)
        bell[0] = bell[1] = -1; /* then a wait lasts its whole time */
    atomic_store(&held, true);
}

bool wtl_interrupt_noted(void)
{
    return atomic_load(&noted) != 0;
}

bool wtl_interrupt_came(void)
{
    return atomic_load(&came);
}

bool wtl_interrupt_wait(int64_t ns)
{
    struct pollfd fd = {.fd = bell[0], .events = POLLIN};
    const struct timespec time = {.tv_sec = (time_t)(ns / 1000000000),
                                  .tv_nsec = (long)(ns % 1000000000)};
    if (!wtl_interrupt_noted())
        (void)ppoll(&fd, 1, &time, NULL);
    return wtl_interrupt_noted();
}

void wtl_interrupt_release(void)
{
    atomic_store(&held, false);
    int signal_number = atomic_exchange(&noted, 0);
    if (signal_number == 0)
        return;
    (void)fflush(NULL);         /* what was said may be in a pipe's buffer still */
    (void)raise(signal_number); /* SA_RESETHAND: the usual effect */
}
